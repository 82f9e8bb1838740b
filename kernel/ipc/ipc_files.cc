#include "kernel/ipc/ipc_files.h"

#include "kernel/ipc/ipc_object.h"

namespace linnet {

namespace {

Result<void> show_u64(GrowingText& out, u64 arg) {
    out.append("%lu\n", reinterpret_cast<const std::atomic<u64>*>(arg)->load(std::memory_order_relaxed));
    return {};
}

/// One number of 64 bits with blanks around it.
Result<u64> parse_u64(const char* text, size_t n) {
    auto blank = [](char c) { return c == ' ' || c == '\t' || c == '\n'; };
    size_t i = 0;
    while (i < n && blank(text[i])) ++i;
    const size_t first = i;
    u64 v = 0;
    for (; i < n && text[i] >= '0' && text[i] <= '9'; ++i)
        if (__builtin_mul_overflow(v, u64(10), &v) || __builtin_add_overflow(v, u64(text[i] - '0'), &v)) return EINVAL;
    if (i == first) return EINVAL;
    while (i < n && blank(text[i])) ++i;
    if (i != n) return EINVAL;
    return v;
}
Result<void> store_u64(const char* text, size_t n, u64 arg) {
    const u64 v = TRY(parse_u64(text, n));
    reinterpret_cast<std::atomic<u64>*>(arg)->store(v, std::memory_order_relaxed);
    return {};
}

Result<void> show_number(GrowingText& out, u64 arg) {
    out.append("%ld\n", i64(*reinterpret_cast<const SysctlNumber*>(arg)));
    return {};
}
Result<void> store_number(const char* text, size_t n, u64 arg) {
    if (!reinterpret_cast<SysctlNumber*>(arg)->set(TRY(parse_proc_number(text, n)))) return EINVAL;
    return {};
}

SysctlNumber* const semaphore_limits[] = {&sysctl::semmsl, &sysctl::semmns, &sysctl::semopm, &sysctl::semmni};

Result<void> show_sem(GrowingText& out, u64) {
    for (size_t i = 0; i < 4; ++i) out.append("%ld%c", i64(*semaphore_limits[i]), i < 3 ? '\t' : '\n');
    return {};
}
/// As many of the four as are given, in order.
Result<void> store_sem(const char* text, size_t n, u64) {
    size_t at = 0;
    auto blank = [](char c) { return c == ' ' || c == '\t' || c == '\n'; };
    for (SysctlNumber* limit : semaphore_limits) {
        while (at < n && blank(text[at])) ++at;
        if (at == n) break;
        size_t end = at;
        while (end < n && !blank(text[end])) ++end;
        if (!limit->set(TRY(parse_proc_number(text + at, end - at)))) return EINVAL;
        at = end;
    }
    return {};
}

template <class T>
u64 at(T& v) {
    return reinterpret_cast<u64>(&v);
}

const ProcFile files[] = {
    {"proc/sysvipc/shm", 0444, show_segments},
    {"proc/sysvipc/sem", 0444, show_semaphores},
    {"proc/sysvipc/msg", 0444, show_message_queues},
    {"proc/sys/kernel/shmmax", 0644, show_u64, store_u64, at(sysctl::shmmax)},
    {"proc/sys/kernel/shmall", 0644, show_u64, store_u64, at(sysctl::shmall)},
    {"proc/sys/kernel/shmmni", 0644, show_number, store_number, at(sysctl::shmmni)},
    {"proc/sys/kernel/sem", 0644, show_sem, store_sem},
    {"proc/sys/kernel/msgmax", 0644, show_number, store_number, at(sysctl::msgmax)},
    {"proc/sys/kernel/msgmnb", 0644, show_number, store_number, at(sysctl::msgmnb)},
    {"proc/sys/kernel/msgmni", 0644, show_number, store_number, at(sysctl::msgmni)},
};

} // namespace

void register_ipc_files() { (void)register_proc_files(files); }

} // namespace linnet
