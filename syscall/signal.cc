// Signals: rt_sigaction(2), rt_sigprocmask(2), kill(2), sigaltstack(2) and their kin.
#include "kernel/lib/string.h"
#include "kernel/mm/user.h"
#include "kernel/task/lifecycle.h"
#include "kernel/task/signal_frame.h"
#include "kernel/task/signal_internal.h"
#include "kernel/time/clock.h"
#include "linux-abi/syscalls.h"

namespace linnet {

using namespace abi;

Outcome sys_rt_sigaction(Signal signum, In<Sigaction> act, Out<Sigaction> oldact, Size sigsetsize) {
    if (sigsetsize != sizeof(SigSet)) return EINVAL;
    Sigaction n{}, old;
    if (act) n = TRY(user_read<Sigaction>(act.address()));
    const int sig = signum;
    if (!signal_valid(sig) || (act && (signal_bit(sig) & kUnblockable))) return EINVAL;
    constexpr u64 kExposeTagBits = 0x800; // kept, without an effect on x86
    constexpr u64 kKnown = u64(SA_NOCLDSTOP) | u64(SA_NOCLDWAIT) | u64(SA_SIGINFO) | u64(SA_ONSTACK) | u64(SA_RESTART) |
                           u64(SA_NODEFER) | u64(SA_RESETHAND) | u64(SA_RESTORER) | kExposeTagBits;
    Process& p = *current().process;
    {
        SpinGuard g(p.signal_lock);
        SpinGuard h(p.handlers->lock);
        old = p.handlers->actions[sig - 1];
        if (act) {
            n.flags &= kKnown;
            n.mask.bits &= ~kUnblockable;
            p.handlers->actions[sig - 1] = n;
            h.unlock();
            // What becomes ignored is no longer pending (POSIX 3.3.1.3).
            if (n.handler == SIG_IGN || (n.handler == SIG_DFL && default_action(sig) == DefaultAction::Ignore)) {
                p.pending.discard(signal_bit(sig));
                for (ThreadLink& l : p.threads) l.task->pending.discard(signal_bit(sig));
            }
        }
    }
    if (oldact) TRY(user_write(oldact.address(), old));
    return 0;
}

Outcome sys_rt_sigprocmask(SigHow how, In<SigSet> set, Out<SigSet> oldset, Size sigsetsize) {
    if (sigsetsize != sizeof(SigSet)) return EINVAL;
    const SignalSet old = current().blocked;
    if (set) {
        const u64 bits = TRY(user_read<u64>(set.address()));
        switch (how.value) {
        case SIG_BLOCK: set_blocked_signals(old | bits); break;
        case SIG_UNBLOCK: set_blocked_signals(old & ~bits); break;
        case SIG_SETMASK: set_blocked_signals(bits); break;
        default: return EINVAL;
        }
    }
    if (oldset) TRY(user_write<u64>(oldset.address(), old));
    return 0;
}

Outcome sys_rt_sigreturn() {
    Task& t = current();
    if (!restore_signal_frame(*t.frame)) {
        Siginfo info;
        memset(&info, 0, sizeof info);
        info.signo = SIGSEGV;
        info.code = SI_KERNEL;
        t.frame->orig_rax = ~u64(0);
        force_signal(t, info);
    }
    return Outcome::no_return();
}

Outcome sys_rt_sigpending(Out<SigSet> set, Size sigsetsize) {
    if (sigsetsize > sizeof(SigSet)) return EINVAL;
    u64 bits = pending_signals() & current().blocked;
    TRY(copy_to_user(set.address(), &bits, sigsetsize));
    return 0;
}

Outcome sys_rt_sigsuspend(In<SigSet> mask, Size sigsetsize) {
    if (sigsetsize != sizeof(SigSet)) return EINVAL;
    const u64 bits = TRY(user_read<u64>(mask.address()));
    SignalMaskScope scope;
    scope.set(bits);
    for (;;) {
        prepare_to_sleep(true);
        if (signal_pending()) break;
        sleep_until(kForever);
    }
    cancel_sleep();
    scope.keep_until_delivery();
    return Restart::no_hand;
}

Outcome sys_pause() {
    for (;;) {
        prepare_to_sleep(true);
        if (signal_pending()) break;
        sleep_until(kForever);
    }
    cancel_sleep();
    return Restart::no_hand;
}

Outcome sys_rt_sigtimedwait(In<SigSet> set, Out<Siginfo> info, In<Timespec> timeout, Size sigsetsize) {
    if (sigsetsize != sizeof(SigSet)) return EINVAL;
    const SignalSet wanted = TRY(user_read<u64>(set.address())) & ~kUnblockable;
    u64 deadline = kForever;
    if (timeout) {
        Timespec ts = TRY(user_read<Timespec>(timeout.address()));
        if (ts.sec < 0 || u64(ts.nsec) >= kNsPerSec) return EINVAL;
        const u64 now = monotonic_ns();
        if (u64(ts.sec) < (kForever - now) / kNsPerSec - 2) deadline = now + u64(ts.sec) * kNsPerSec + u64(ts.nsec);
    }
    Task& t = current();
    Process& p = *t.process;
    Siginfo got;
    int sig = take_signal(wanted, got);
    if (!sig && deadline > monotonic_ns()) {
        {
            SpinGuard g(p.signal_lock);
            t.waiting_for = wanted;
        }
        bool in_time = true;
        for (;;) {
            prepare_to_sleep(true);
            sig = take_signal(wanted, got);
            if (sig || !in_time || signal_pending()) break;
            in_time = sleep_until(deadline);
        }
        cancel_sleep();
        SpinGuard g(p.signal_lock);
        t.waiting_for = 0;
        g.unlock();
        if (!sig) sig = take_signal(wanted, got);
        if (!sig && signal_pending()) return EINTR;
    }
    if (!sig) return EAGAIN;
    if (info) TRY(user_write(info.address(), got));
    return sig;
}

Outcome sys_sigaltstack(In<Sigaltstack> ss, Out<Sigaltstack> old_ss) {
    Task& t = current();
    Sigaltstack n{};
    if (ss) n = TRY(user_read<Sigaltstack>(ss.address()));
    const Sigaltstack old = report_alternate_stack(t, t.frame->rsp);
    if (ss) TRY(set_alternate_stack(t, n, t.frame->rsp));
    if (old_ss) TRY(user_write(old_ss.address(), old));
    return 0;
}

Outcome sys_restart_syscall() {
    RestartBlock& r = current().restart;
    if (!r.resume) return EINTR;
    return r.resume(r);
}

// ---- sending -----------------------------------------------------------------------------------------------------

namespace {

/// To one process, by kill's rules; signal 0 only asks.
Result<void> kill_one(Process& p, int sig, const Siginfo& info) {
    TRY(check_kill_permission(p, sig));
    if (!sig) return {};
    return send_signal(p, sig, &info);
}

/// To every process that `member` accepts.
template <class F>
Outcome kill_many(int sig, const Siginfo& info, F&& member) {
    bool found = false, sent = false;
    Errno last = EPERM;
    for (Ref<Process> p = next_process(0); p; p = next_process(p->pid)) {
        if (!member(*p)) continue;
        found = true;
        auto r = kill_one(*p, sig, info);
        if (r) sent = true;
        else last = r.error();
    }
    if (!found) return ESRCH;
    return sent ? Outcome(0) : Outcome(last);
}

Outcome signal_thread(i32 tgid, i32 tid, int sig, const Siginfo& info) {
    Ref<Task> t = find_task(tid);
    if (!t || (tgid > 0 && t->process->pid != tgid)) {
        // The first thread of a process may have ended before the others.
        Ref<Process> p = find_process(tid);
        return p && (tgid <= 0 || tgid == tid) ? Outcome(0) : Outcome(ESRCH);
    }
    TRY(check_kill_permission(*t->process, sig));
    if (!sig) return 0;
    return send_signal_to_task(*t, sig, &info);
}

/// The siginfo of rt_sigqueueinfo: only a process itself may pretend to be the kernel or kill(2).
Result<Siginfo> queued_info(u64 address, int sig, i32 target) {
    Siginfo info = TRY(user_read<Siginfo>(address));
    info.signo = sig;
    if ((info.code >= 0 || info.code == SI_TKILL) && current().process->pid != target) return EPERM;
    return info;
}

} // namespace

Outcome sys_kill(Pid pid, Signal sig) {
    if (sig < 0 || sig > nsig) return EINVAL;
    const Siginfo info = siginfo_from_current(sig, SI_USER);
    Process& self = *current().process;
    if (pid > 0) {
        Ref<Process> p = find_process(pid);
        if (!p) {
            Ref<Task> t = find_task(pid); // kill(2) takes any thread's ID
            if (!t) return ESRCH;
            p = t->process;
        }
        return kill_one(*p, sig, info);
    }
    if (pid == -1) {
        // All but init and itself; that all of them are another user's is no error.
        const Outcome o = kill_many(sig, info, [&](Process& p) { return p.pid != 1 && &p != &self; });
        return o.raw() == -i64(EPERM) ? Outcome(0) : o;
    }
    if (pid.value == INT32_MIN) return ESRCH;
    const i32 group = pid ? -pid.value : self.pgid;
    return kill_many(sig, info, [group](Process& p) { return p.pgid == group; });
}

Outcome sys_tkill(Tid tid, Signal sig) {
    if (tid <= 0 || sig < 0 || sig > nsig) return EINVAL;
    return signal_thread(0, tid, sig, siginfo_from_current(sig, SI_TKILL));
}

Outcome sys_tgkill(Pid tgid, Tid tid, Signal sig) {
    if (tgid <= 0 || tid <= 0 || sig < 0 || sig > nsig) return EINVAL;
    return signal_thread(tgid, tid, sig, siginfo_from_current(sig, SI_TKILL));
}

Outcome sys_rt_sigqueueinfo(Pid tgid, Signal sig, In<Siginfo> info) {
    const Siginfo i = TRY(queued_info(info.address(), sig, tgid));
    if (sig < 0 || sig > nsig) return EINVAL;
    Ref<Process> p = find_process(tgid);
    if (!p) return ESRCH;
    return kill_one(*p, sig, i);
}

Outcome sys_rt_tgsigqueueinfo(Pid tgid, Tid tid, Signal sig, In<Siginfo> info) {
    const Siginfo i = TRY(queued_info(info.address(), sig, tgid));
    if (tgid <= 0 || tid <= 0 || sig < 0 || sig > nsig) return EINVAL;
    return signal_thread(tgid, tid, sig, i);
}

} // namespace linnet
