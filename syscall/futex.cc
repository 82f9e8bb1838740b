// futex(2), robust lists, rseq(2), membarrier(2).
#include "kernel/task/futex.h"

#include "kernel/arch/x86_64/cpu.h"
#include "kernel/mm/address_space.h"
#include "kernel/mm/user.h"
#include "kernel/sched/cross_call.h"
#include "kernel/task/pi_futex.h"
#include "kernel/task/rseq.h"
#include "kernel/time/clock.h"
#include "linux-abi/syscalls.h"
#include "syscall/gaps.h"

namespace linnet {

using namespace abi;

namespace {

/// An interrupted wait: with a timeout it goes on by restart_syscall, towards the same deadline.
Outcome resume_wait(RestartBlock& r) {
    auto w = futex_wait(r.args[0], u32(r.args[1]), u32(r.args[2]), r.args[3] != 0, r.args[4], r.args[5] != 0);
    if (!w && w.error() == EINTR) return Restart::restart_block;
    return w;
}

/// The deadline of a wait: monotonic, or as it is given. EINVAL, EFAULT.
Result<u64> wait_deadline(u64 timeout, bool absolute) {
    if (!timeout) return kForever;
    const Timespec ts = TRY(user_read<Timespec>(timeout));
    if (ts.sec < 0 || u64(ts.nsec) >= kNsPerSec) return EINVAL;
    constexpr u64 kFar = u64(1) << 62;
    u64 ns = u64(ts.sec) > kFar / kNsPerSec ? kFar : u64(ts.sec) * kNsPerSec + u64(ts.nsec);
    if (!absolute) return ns >= kFar ? kForever : monotonic_ns() + ns;
    return ns >= kFar ? kForever : ns;
}

} // namespace

namespace {

/// An interrupted PI operation starts anew, whatever SA_RESTART says: its deadline is absolute.
Outcome pi_outcome(Result<void> r) {
    if (!r && r.error() == EINTR) return Restart::no_intr;
    return r;
}

} // namespace

/// FUTEX_FD: ENOSYS, as since Linux 2.6.26.
Outcome sys_futex(FutexWord uaddr, FutexOp op, UInt val, FutexVal2 timeout, FutexWord uaddr2, UInt val3) {
    const int command = op.value & ~(FUTEX_PRIVATE_FLAG | FUTEX_CLOCK_REALTIME);
    const bool is_private = op.value & FUTEX_PRIVATE_FLAG;
    const bool realtime = op.value & FUTEX_CLOCK_REALTIME;
    if (realtime && command != FUTEX_WAIT && command != FUTEX_WAIT_BITSET && command != FUTEX_WAIT_REQUEUE_PI && command != FUTEX_LOCK_PI2)
        return ENOSYS;
    const u64 a = uaddr.address(), a2 = uaddr2.address();
    if (pi_futex_lines.load(std::memory_order_relaxed)) [[unlikely]] {
        const bool wakes = command == FUTEX_WAKE || command == FUTEX_WAKE_BITSET || command == FUTEX_WAKE_OP;
        if (wakes || command == FUTEX_REQUEUE || command == FUTEX_CMP_REQUEUE) TRY(check_no_pi_waiter(a, is_private));
        if (command == FUTEX_WAKE_OP) TRY(check_no_pi_waiter(a2, is_private));
    }
    switch (command) {
    case FUTEX_WAIT:
    case FUTEX_WAIT_BITSET: {
        const bool bitset_wait = command == FUTEX_WAIT_BITSET;
        const u32 bitset = bitset_wait ? val3.value : FUTEX_BITSET_MATCH_ANY;
        const u64 deadline = TRY(wait_deadline(timeout, bitset_wait));
        const bool by_real_time = realtime && bitset_wait && deadline != kForever; // FUTEX_WAIT's time is relative
        auto w = futex_wait(a, val, bitset, is_private, deadline, by_real_time);
        if (w || w.error() != EINTR) return w;
        if (deadline == kForever) return Restart::sys;
        current().restart = {resume_wait, {a, val, bitset, is_private, deadline, by_real_time}};
        return Restart::restart_block;
    }
    case FUTEX_WAKE: return futex_wake(a, val, is_private);
    case FUTEX_WAKE_BITSET: return futex_wake(a, val, is_private, val3);
    case FUTEX_REQUEUE: return futex_requeue(a, a2, val, u32(timeout), nullptr, is_private);
    case FUTEX_CMP_REQUEUE: {
        const u32 expected = val3;
        return futex_requeue(a, a2, val, u32(timeout), &expected, is_private);
    }
    case FUTEX_WAKE_OP: return futex_wake_op(a, a2, val, u32(timeout), val3, is_private);
    case FUTEX_LOCK_PI: return pi_outcome(pi_futex_lock(a, is_private, TRY(wait_deadline(timeout, true)), true, false));
    case FUTEX_LOCK_PI2: return pi_outcome(pi_futex_lock(a, is_private, TRY(wait_deadline(timeout, true)), realtime, false));
    case FUTEX_TRYLOCK_PI: return pi_outcome(pi_futex_lock(a, is_private, kForever, false, true));
    case FUTEX_UNLOCK_PI: return pi_futex_unlock(a, is_private);
    case FUTEX_WAIT_REQUEUE_PI:
        return pi_outcome(pi_futex_wait_requeue(a, val, a2, is_private, TRY(wait_deadline(timeout, true)), realtime));
    case FUTEX_CMP_REQUEUE_PI:
        if (val != 1) return EINVAL; // who is woken is who gets the lock
        return pi_futex_requeue(a, a2, u32(timeout), val3, is_private);
    default: count_gap(GapKind::Value, number::futex, 1, u32(command), ENOSYS); return ENOSYS;
    }
}

Outcome sys_set_robust_list(AnyPtr head, Size len) {
    if (len != sizeof(RobustListHead)) return EINVAL;
    current().robust_list = head.address();
    return 0;
}

Outcome sys_get_robust_list(Pid pid, Out<uint64_t> head_ptr, Out<uint64_t> len_ptr) {
    u64 head = current().robust_list;
    if (pid) {
        Ref<Task> t = find_task(pid);
        if (!t) return ESRCH;
        if (t->process != current().process) TRY(check_kill_permission(*t->process, 0));
        head = t->robust_list;
    }
    TRY(user_write<u64>(len_ptr.address(), sizeof(RobustListHead)));
    TRY(user_write<u64>(head_ptr.address(), head));
    return 0;
}

Outcome sys_rseq(AnyPtr rseq, UInt rseq_len, RseqFlags flags, Hex sig) {
    return register_rseq(current(), rseq.address(), rseq_len, flags.value, u32(sig));
}

/// CPUs pass a full barrier, and with SYNC_CORE a serializing instruction, when they are called for it: those that run the program or may
/// go on to it without loading CR3. Threads that do not run pass one at their switch.
Outcome sys_membarrier(MembarrierCmd cmd, MembarrierFlags flags, Int) {
    if (flags.bits()) return EINVAL;
    constexpr int kSupported = MEMBARRIER_CMD_GLOBAL | MEMBARRIER_CMD_GLOBAL_EXPEDITED |
                               MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED | MEMBARRIER_CMD_PRIVATE_EXPEDITED |
                               MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED | MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE |
                               MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE;
    Process& p = *current().process;
    auto barrier_on = [](CpuMask cpus) {
        std::atomic_thread_fence(std::memory_order_seq_cst);
        if (cpu_count() > 1) call_on_cpus(cpus, [](void*) {
            std::atomic_thread_fence(std::memory_order_seq_cst);
            cpu::serialize();
        }, nullptr);
    };
    switch (cmd.value) {
    case MEMBARRIER_CMD_QUERY: return kSupported;
    case MEMBARRIER_CMD_GLOBAL:
    case MEMBARRIER_CMD_GLOBAL_EXPEDITED: barrier_on(online_cpus()); return 0;
    case MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED: return 0;
    case MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED:
    case MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE:
        __atomic_fetch_or(&p.membarrier_registered, u32(cmd.value), __ATOMIC_RELAXED);
        return 0;
    case MEMBARRIER_CMD_PRIVATE_EXPEDITED:
    case MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE:
        if (!(p.membarrier_registered & u32(cmd.value) << 1)) return EPERM;
        barrier_on(p.space->page_table().cpus());
        return 0;
    case MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ:
    case MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_RSEQ: count_gap(GapKind::Value, number::membarrier, 0, u32(cmd.value), EINVAL); [[fallthrough]];
    default: return EINVAL;
    }
}

} // namespace linnet
