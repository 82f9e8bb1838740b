#include "kernel/task/rseq.h"

#include "kernel/lib/string.h"
#include "kernel/mm/user.h"
#include "linux-abi/sched.h"

namespace linnet {

namespace {

constexpr u32 kOriginalSize = 32; // bytes of struct rseq before Linux 6.3; libc registers at least these
constexpr u32 kNoRestart = 7;     // RSEQ_CS_FLAG_NO_RESTART_ON_*: refused since Linux 6.1

/// Sends the thread to the abort handler if RIP is inside its critical section. EFAULT, EINVAL: the program's data is wrong.
Result<void> abort_section(Task& t, TrapFrame& f) {
    u64 cs_address = TRY(user_read<u64>(t.rseq_area + offsetof(abi::Rseq, rseq_cs)));
    if (!cs_address) return {};
    if (cs_address >= kUserEnd) return EINVAL;
    auto cs = TRY(user_read<abi::RseqCs>(cs_address));
    if (cs.version != 0 || cs.start_ip >= kUserEnd || cs.start_ip + cs.post_commit_offset < cs.start_ip ||
        cs.start_ip + cs.post_commit_offset >= kUserEnd || cs.abort_ip >= kUserEnd ||
        cs.abort_ip - cs.start_ip < cs.post_commit_offset)
        return EINVAL;
    // The four bytes before the handler prove that it is one.
    u32 signature = TRY(user_read<u32>(cs.abort_ip - 4));
    if (signature != t.rseq_signature) return EINVAL;
    if (f.rip - cs.start_ip >= cs.post_commit_offset) {
        TRY(user_write<u64>(t.rseq_area + offsetof(abi::Rseq, rseq_cs), 0)); // left: cleared lazily, as Linux
        return {};
    }
    if (cs.flags & kNoRestart) return EINVAL;
    TRY(user_write<u64>(t.rseq_area + offsetof(abi::Rseq, rseq_cs), 0));
    f.rip = cs.abort_ip;
    t.raise_work(kWorkFullReturn);
    return {};
}

void bad_rseq(Task& t) {
    abi::Siginfo info;
    memset(&info, 0, sizeof info);
    info.signo = SIGSEGV;
    info.code = SI_KERNEL;
    force_signal(t, info);
}

Result<void> write_cpu(Task& t) {
    u32 ids[2] = {this_cpu(), this_cpu()}; // cpu_id_start, cpu_id
    return copy_to_user(t.rseq_area, ids, sizeof ids);
}

} // namespace

Result<void> register_rseq(Task& t, u64 area, u32 length, int flags, u32 signature) {
    if (flags & RSEQ_FLAG_UNREGISTER) {
        if (flags & ~RSEQ_FLAG_UNREGISTER) return EINVAL;
        if (t.rseq_area != area || !t.rseq_area) return EINVAL;
        if (t.rseq_length != length) return EINVAL;
        if (t.rseq_signature != signature) return EPERM;
        u32 ids[2] = {0, ~u32(0)}; // RSEQ_CPU_ID_UNINITIALIZED
        TRY(copy_to_user(area, ids, sizeof ids));
        t.rseq_area = 0;
        return {};
    }
    if (flags) return EINVAL;
    if (t.rseq_area) {
        if (t.rseq_area != area || t.rseq_length != length) return EINVAL;
        if (t.rseq_signature != signature) return EPERM;
        return EBUSY;
    }
    if (area % 32 || length != kOriginalSize) return EINVAL;
    if (!user_range_ok(area, length)) return EFAULT;
    t.rseq_area = area;
    t.rseq_length = length;
    t.rseq_signature = signature;
    if (!write_cpu(t)) {
        t.rseq_area = 0;
        return EFAULT;
    }
    return {};
}

void rseq_on_return(TrapFrame& f) {
    Task& t = current();
    if (!abort_section(t, f) || !write_cpu(t)) bad_rseq(t);
}

void rseq_before_signal(TrapFrame& f) {
    Task& t = current();
    if (!abort_section(t, f)) bad_rseq(t);
}

} // namespace linnet
