#include "kernel/lib/proc_file.h"

#include "kernel/lib/string.h"

namespace linnet {

void (*proc_write_refused)(const char* path) = nullptr;
namespace {

constexpr size_t kMaxBlocks = 64;
struct Block { const ProcFile* files; size_t count; };
Block blocks[kMaxBlocks];
std::atomic<size_t> block_count{0};

} // namespace

void GrowingText::append(const char* fmt, ...) {
    char buf[512];
    va_list ap;
    va_start(ap, fmt);
    size_t n = format_va(buf, sizeof buf, fmt, ap);
    va_end(ap);
    put(buf, n < sizeof buf ? n : sizeof buf - 1);
}

void GrowingText::put(const char* s, size_t n) {
    if (failed_ || n == 0) return;
    size_t at = bytes_.size();
    size_t want = at + n;
    // Doubling, so that a long file costs few copies.
    size_t capacity = 512;
    while (capacity < want) capacity *= 2;
    if (!bytes_.reserve(capacity) || !bytes_.resize(want)) {
        failed_ = true;
        return;
    }
    memcpy(bytes_.data() + at, s, n);
}

void GrowingText::put(const char* s) { put(s, strlen(s)); }

Result<void> register_proc_files(const ProcFile* files, size_t count) {
    size_t n = block_count.load();
    if (n == kMaxBlocks) return ENOSPC;
    blocks[n] = {files, count};
    block_count.store(n + 1, std::memory_order_release);
    return {};
}

Result<void> register_proc_net(const char* name, Result<void> (*generate)(GrowingText&, u64), u64 arg) {
    static const char prefix[] = "proc/net/";
    size_t n = strlen(name);
    auto* path = static_cast<char*>(kmalloc(sizeof prefix + n));
    auto* file = static_cast<ProcFile*>(kmalloc(sizeof(ProcFile)));
    if (!path || !file) {
        kfree(path);
        kfree(file);
        return ENOMEM;
    }
    memcpy(path, prefix, sizeof prefix - 1);
    memcpy(path + sizeof prefix - 1, name, n + 1);
    *file = {path, 0444, generate, nullptr, arg};
    return register_proc_files(file, 1);
}

const ProcFile* proc_file_at(size_t n) {
    size_t count = block_count.load(std::memory_order_acquire);
    for (size_t i = 0; i < count; ++i) {
        if (n < blocks[i].count) return &blocks[i].files[n];
        n -= blocks[i].count;
    }
    return nullptr;
}

Result<i64> parse_proc_number(const char* text, size_t n) {
    auto blank = [](char c) { return c == ' ' || c == '\n' || c == '\t'; };
    size_t i = 0;
    while (i < n && blank(text[i])) ++i;
    bool negative = i < n && text[i] == '-';
    if (negative) ++i;
    size_t start = i;
    i64 v = 0;
    for (; i < n && text[i] >= '0' && text[i] <= '9'; ++i)
        if (__builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, i64(text[i] - '0'), &v)) return EINVAL;
    if (i == start) return EINVAL;
    while (i < n && (blank(text[i]) || text[i] == 0)) ++i;
    if (i != n) return EINVAL;
    return negative ? -v : v;
}

} // namespace linnet
