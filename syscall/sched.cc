// Scheduling policies, priorities and affinity: sched(7), getpriority(2).
#include "kernel/lib/string.h"
#include "kernel/mm/user.h"
#include "kernel/task/lifecycle.h"
#include "kernel/task/pi_futex.h"
#include "linux-abi/syscalls.h"
#include "syscall/gaps.h"
#include "syscall/time_util.h"

namespace linnet {

using namespace abi;
using KernelPolicy = linnet::SchedPolicy;

namespace {

/// The thread that `pid` names; 0: the current one. ESRCH, EINVAL (negative).
Result<Ref<Task>> target(i32 pid) {
    if (pid < 0) return EINVAL;
    if (!pid) return Ref<Task>(&current());
    Ref<Task> t = find_task(pid);
    if (!t) return ESRCH;
    return t;
}

bool same_owner(const Task& other) {
    const Credentials& c = *current().credentials;
    SpinGuard g(process_lock);
    return c.euid == other.credentials->euid || c.euid == other.credentials->uid;
}

bool may_nice() { return current().credentials->has_capability(CAP_SYS_NICE); }

bool is_realtime(int policy) { return policy == SCHED_FIFO || policy == SCHED_RR; }
bool is_known(int policy) {
    return policy == SCHED_NORMAL || policy == SCHED_FIFO || policy == SCHED_RR || policy == SCHED_BATCH ||
           policy == SCHED_IDLE;
}

/// What setpriority(2) lets without a capability: RLIMIT_NICE.
bool can_nice(const Task& t, int nice) { return u64(20 - nice) <= t.process->limit(RLIMIT_NICE); }

/// sched(7), "Privileges and resource limits".
bool needs_privilege(Task& t, int policy, int priority, int nice, bool reset_on_fork) {
    const int old = int(t.base_policy);
    if (is_realtime(policy)) {
        const u64 limit = t.process->limit(RLIMIT_RTPRIO);
        if (policy != old && !limit) return true;
        if (priority > t.base_rt_priority && u64(priority) > limit) return true;
    } else {
        if (nice < t.nice && !can_nice(t, nice)) return true;
        if (old == SCHED_IDLE && policy != SCHED_IDLE && !can_nice(t, t.nice)) return true;
    }
    return !same_owner(t) || (t.reset_on_fork && !reset_on_fork);
}

Result<void> change(Task& t, int policy, int priority, int nice, bool reset_on_fork) {
    if (!is_known(policy)) return EINVAL;
    if (is_realtime(policy) ? priority < 1 || priority > 99 : priority != 0) return EINVAL;
    if (!may_nice() && needs_privilege(t, policy, priority, nice, reset_on_fork)) return EPERM;
    TRY(set_scheduling(t, static_cast<KernelPolicy>(policy), nice, priority));
    pi_priority_changed(t);
    t.reset_on_fork = reset_on_fork;
    return {};
}

constexpr int kResetOnFork = SCHED_RESET_ON_FORK;

} // namespace

Outcome sys_sched_yield() {
    yield();
    return 0;
}

Outcome sys_sched_setscheduler(Pid pid, abi::SchedPolicy policy, In<SchedParam> param) {
    if (policy < 0 || pid < 0 || !param) return EINVAL;
    const SchedParam p = TRY(user_read<SchedParam>(param.address()));
    Ref<Task> t = TRY(target(pid));
    return change(*t, policy.value & ~kResetOnFork, p.priority, t->nice, policy.value & kResetOnFork);
}

Outcome sys_sched_setparam(Pid pid, In<SchedParam> param) {
    if (pid < 0 || !param) return EINVAL;
    const SchedParam p = TRY(user_read<SchedParam>(param.address()));
    Ref<Task> t = TRY(target(pid));
    return change(*t, int(t->base_policy), p.priority, t->nice, t->reset_on_fork);
}

Outcome sys_sched_getscheduler(Pid pid) {
    Ref<Task> t = TRY(target(pid));
    return int(t->base_policy) | (t->reset_on_fork ? kResetOnFork : 0);
}

Outcome sys_sched_getparam(Pid pid, Out<SchedParam> param) {
    if (!param) return EINVAL;
    Ref<Task> t = TRY(target(pid));
    TRY(user_write(param.address(), SchedParam{t->base_rt_priority}));
    return 0;
}

Outcome sys_sched_get_priority_max(abi::SchedPolicy policy) {
    if (is_realtime(policy)) return 99;
    return is_known(policy) || policy == SCHED_DEADLINE ? Outcome(0) : Outcome(EINVAL);
}

Outcome sys_sched_get_priority_min(abi::SchedPolicy policy) {
    if (is_realtime(policy)) return 1;
    return is_known(policy) || policy == SCHED_DEADLINE ? Outcome(0) : Outcome(EINVAL);
}

Outcome sys_sched_rr_get_interval(Pid pid, Out<Timespec> tp) {
    Ref<Task> t = TRY(target(pid));
    u64 ns = 3 * kNsPerMs;
    if (t->base_policy == KernelPolicy::Fifo) ns = 0;
    if (t->base_policy == KernelPolicy::RoundRobin) ns = 100 * kNsPerMs;
    TRY(user_write(tp.address(), to_timespec(ns)));
    return 0;
}

Outcome sys_sched_setattr(Pid pid, In<SchedAttr> attr, SchedFlags flags) {
    if (!attr || pid < 0 || flags.bits()) return EINVAL;
    constexpr u32 kFirstSize = 48;
    u32 size = TRY(user_read<u32>(attr.address()));
    if (!size) size = kFirstSize;
    if (size < kFirstSize || size > kPageSize) {
        TRY(user_write<u32>(attr.address(), sizeof(SchedAttr)));
        return E2BIG;
    }
    SchedAttr a{};
    TRY(copy_from_user(&a, attr.address(), size < sizeof a ? size : sizeof a));
    for (u64 at = sizeof a; at < size; ++at)
        if (TRY(user_read<u8>(attr.address() + at))) return E2BIG;
    if (a.policy == u32(SCHED_DEADLINE)) count_gap(GapKind::Value, number::sched_setattr, 1, a.policy, EINVAL);
    if (i32(a.policy) < 0 || a.policy == u32(SCHED_DEADLINE)) return EINVAL;
    if (a.flags & ~u64(1)) { // SCHED_FLAG_RESET_ON_FORK alone
        count_gap(GapKind::Flag, number::sched_setattr, 2, a.flags & ~u64(1), EINVAL);
        return EINVAL;
    }
    if (a.nice < -20 || a.nice > 19) a.nice = a.nice < 0 ? -20 : 19;
    Ref<Task> t = TRY(target(pid));
    return change(*t, int(a.policy), int(a.priority), is_realtime(int(a.policy)) ? t->nice : a.nice, a.flags & 1);
}

Outcome sys_sched_getattr(Pid pid, Out<SchedAttr> attr, UInt size, SchedFlags flags) {
    if (!attr || size > kPageSize || size < 48 || flags.bits() || pid < 0) return EINVAL;
    Ref<Task> t = TRY(target(pid));
    SchedAttr a{};
    a.size = size < sizeof a ? size.value : u32(sizeof a);
    a.policy = u32(t->base_policy);
    if (t->reset_on_fork) a.flags = 1;
    if (t->base_rt_priority) a.priority = t->base_rt_priority;
    else a.nice = t->nice;
    a.util_max = 1024;
    TRY(copy_to_user(attr.address(), &a, a.size));
    return 0;
}

Outcome sys_sched_setaffinity(Pid pid, Size cpusetsize, CpuSetIn<1> mask) {
    CpuMask m = 0;
    TRY(copy_from_user(&m, mask.address(), cpusetsize < sizeof m ? u64(cpusetsize) : sizeof m));
    Ref<Task> t = TRY(target(pid));
    if (!may_nice() && !same_owner(*t)) return EPERM;
    return set_affinity(*t, m);
}

Outcome sys_sched_getaffinity(Pid pid, Size cpusetsize, CpuSetOut<1> mask) {
    if (cpusetsize < sizeof(CpuMask) || cpusetsize % 8) return EINVAL;
    Ref<Task> t = TRY(target(pid));
    const CpuMask online = cpu_count() >= 64 ? ~CpuMask(0) : (CpuMask(1) << cpu_count()) - 1;
    const CpuMask m = t->affinity & online;
    TRY(user_write<u64>(mask.address(), m));
    return sizeof m;
}

Outcome sys_getcpu(Out<uint32_t> cpu, Out<uint32_t> node, AnyPtr) {
    if (cpu) TRY(user_write<u32>(cpu.address(), this_cpu()));
    if (node) TRY(user_write<u32>(node.address(), 0));
    return 0;
}

// ---- nice --------------------------------------------------------------------------------------------------------

namespace {

/// Calls f(Task&) for each thread that (which, who) names. ESRCH if there is none.
template <class F>
Result<void> for_each_target(int which, i32 who, F&& f) {
    if (which == PRIO_PROCESS) {
        Ref<Task> t = TRY(target(who < 0 ? INT32_MAX : who));
        f(*t);
        return {};
    }
    if (which != PRIO_PGRP && which != PRIO_USER) return EINVAL;
    const i32 group = who ? who : current().process->pgid;
    const u32 uid = who ? u32(who) : current().credentials->uid;
    bool found = false;
    for (Ref<Process> p = next_process(0); p; p = next_process(p->pid)) {
        if (which == PRIO_PGRP && p->pgid != group) continue;
        for (Ref<Task> t = next_thread(*p, 0); t; t = next_thread(*p, t->tid)) {
            if (which == PRIO_USER && t->credentials->uid != uid) continue;
            found = true;
            f(*t);
        }
    }
    if (!found) return ESRCH;
    return {};
}

} // namespace

/// The system call returns 20 - nice, so that no value looks like an error.
Outcome sys_getpriority(PrioWhich which, Int who) {
    int best = 0;
    auto r = for_each_target(which, who, [&](Task& t) {
        if (20 - t.nice > best) best = 20 - t.nice;
    });
    if (!r) return r;
    return best;
}

Outcome sys_setpriority(PrioWhich which, Int who, Int prio) {
    int nice = prio;
    if (nice < -20) nice = -20;
    if (nice > 19) nice = 19;
    Errno error{};
    auto r = for_each_target(which, who, [&](Task& t) {
        if (!may_nice()) {
            if (!same_owner(t)) {
                error = EPERM;
                return;
            }
            if (nice < t.nice && !can_nice(t, nice)) {
                error = EACCES;
                return;
            }
        }
        (void)set_scheduling(t, t.base_policy, nice, t.base_rt_priority);
    });
    if (!r) return r;
    return error;
}

} // namespace linnet
