#include "syscall/gaps.h"

#include "kernel/lib/proc_file.h"
#include "kernel/lib/string.h"
#include "kernel/sync/spinlock.h"
#include "linux-abi/syscalls.h"
#include "syscall/dispatch.h"

namespace linnet {

namespace {

struct Gap {
    GapKind kind;
    Errno error;
    u64 a, b, c, count;
};
struct MissingFile {
    char path[80];
    Errno error;
    u64 count;
};

SpinLock<Rank::MiscSpin> lock;
// Kinds beyond these are counted together: programs must not be able to fill memory.
Gap gaps[192] GUARDED_BY(lock);
MissingFile missing[64] GUARDED_BY(lock);
size_t gap_kinds GUARDED_BY(lock) = 0, missing_files GUARDED_BY(lock) = 0;
u64 others GUARDED_BY(lock) = 0;

void line(GrowingText& out, const Gap& g) {
    const char* error = g.kind == GapKind::Flag ? "-" : errno_name(g.error);
    switch (g.kind) {
    case GapKind::Flag: {
        const abi::SyscallInfo* info = abi::syscall_info(g.a);
        out.append("flag %s.%lu=0x%lx %lu %s\n", info ? info->name : "?", g.b, g.c, g.count, error);
        return;
    }
    case GapKind::Ioctl: out.append("ioctl 0x%lx %lu %s\n", g.a, g.count, error); return;
    case GapKind::Fcntl: out.append("fcntl %lu %lu %s\n", g.a, g.count, error); return;
    case GapKind::Prctl: out.append("prctl %lu %lu %s\n", g.a, g.count, error); return;
    case GapKind::Sockopt: out.append("sockopt %lu.%lu %lu %s\n", g.a, g.b, g.count, error); return;
    }
}

Result<void> show(GrowingText& out, u64) {
    for (u64 n = 0; n <= u64(abi::max_syscall); ++n)
        if (u64 count = missing_call_count(n))
            if (const abi::SyscallInfo* info = abi::syscall_info(n))
                out.append("syscall %s %lu %s\n", info->name, count, errno_name(static_cast<Errno>(info->none_errno)));
    if (u64 count = unknown_call_count()) out.append("syscall unknown %lu ENOSYS\n", count);
    for (size_t i = 0;; ++i) {
        Gap g;
        {
            SpinGuard guard(lock);
            if (i >= gap_kinds) break;
            g = gaps[i];
        }
        line(out, g);
    }
    for (size_t i = 0;; ++i) {
        MissingFile f;
        {
            SpinGuard guard(lock);
            if (i >= missing_files) break;
            f = missing[i];
        }
        out.append("file %s %lu %s\n", f.path, f.count, errno_name(f.error));
    }
    u64 rest;
    {
        SpinGuard guard(lock);
        rest = others;
    }
    if (rest) out.append("other - %lu -\n", rest);
    return {};
}

const ProcFile files[] = {{"proc/linnet/gaps", 0444, show}};

} // namespace

void count_gap(GapKind kind, u64 a, u64 b, u64 c, Errno error) {
    SpinGuard g(lock);
    for (size_t i = 0; i < gap_kinds; ++i)
        if (gaps[i].kind == kind && gaps[i].a == a && gaps[i].b == b && gaps[i].c == c) {
            ++gaps[i].count;
            return;
        }
    if (gap_kinds < sizeof gaps / sizeof gaps[0]) gaps[gap_kinds++] = {kind, error, a, b, c, 1};
    else ++others;
}

void count_missing_file(const char* path, Errno error) {
    const bool proc = !strncmp(path, "/proc/", 6);
    if (!proc && strncmp(path, "/sys/", 5) && strncmp(path, "/dev/", 5)) return;
    if (proc && path[6] >= '0' && path[6] <= '9') return; // a process that has gone
    const size_t n = strlen(path);
    if (n >= sizeof missing[0].path) return;
    for (size_t i = 0; i < n; ++i)
        if (u8(path[i]) <= ' ') return; // would not be one word of the report
    SpinGuard g(lock);
    for (size_t i = 0; i < missing_files; ++i)
        if (!strcmp(missing[i].path, path)) {
            ++missing[i].count;
            return;
        }
    if (missing_files == sizeof missing / sizeof missing[0]) {
        ++others;
        return;
    }
    MissingFile& f = missing[missing_files++];
    memcpy(f.path, path, n + 1);
    f.error = error;
    f.count = 1;
}

void register_gap_files() { (void)register_proc_files(files); } // the list is full: counted, and shown nowhere

} // namespace linnet
