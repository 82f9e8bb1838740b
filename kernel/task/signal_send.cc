// Sending signals: what is dropped, what is queued, and who is woken. signal(7), kill(2), Linux's rules for init.
#include "kernel/lib/string.h"
#include "kernel/task/core_dump.h"
#include "kernel/task/lifecycle.h"
#include "kernel/task/signal_internal.h"
#include "linux-abi/prctl.h"

namespace linnet {

Owned<QueuedSignal> allocate_signal_entry() {
    auto e = make_owned<QueuedSignal>();
    if (!e) return {};
    return std::move(e).value();
}

void wake_for_signal(Task& t, bool to_die) {
    t.raise_work(kWorkSignal);
    wake_thread(t, true);
    if (to_die && t.stopped) wake_thread(t);
}

namespace {

/// A blocked signal stays pending even if it is ignored now: the action may change before it is unblocked.
bool is_held(Process& p, Task* t, int sig) {
    ThreadLink* first = p.threads.front();
    Task* judge = t ? t : first ? first->task : nullptr;
    return judge && ((judge->blocked | judge->waiting_for) & signal_bit(sig));
}

bool is_ignored(Process& p, Task* t, int sig) {
    if (is_held(p, t, sig)) return false;
    u64 handler = p.handlers->get(sig).handler;
    if (handler == abi::SIG_IGN) return true;
    return handler == abi::SIG_DFL && default_action(sig) == DefaultAction::Ignore;
}

bool wants(Task& t, int sig) {
    if (t.exiting) return false;
    if (sig == SIGKILL) return true;
    return !(t.blocked & signal_bit(sig)) && !t.stopped;
}

/// The signal ends the process as soon as a thread takes it, whatever that thread is doing: the end then begins at once, so that waits
/// that only death may end see it (Linux's complete_signal()). A core file needs the thread's registers on its way back, and a trace shows
/// the signal first, as strace does.
bool kills(const SignalPost& s) {
    if (s.from_other && s.process.pid == 1) return false; // one thread has it blocked, another will drop it
    return s.process.handlers->get(s.sig).handler == abi::SIG_DFL && default_action(s.sig) == DefaultAction::Kill && !leaves_core(s.sig) &&
           !trace_signal;
}

/// Wakes a thread that can take the signal.
void choose_thread(const SignalPost& s) {
    Process& p = s.process;
    Task* t = s.task;
    const int sig = s.sig;
    const bool deadly = kills(s);
    if (t) {
        if (wants(*t, sig)) {
            if (deadly) begin_group_exit(p, status_signaled(sig));
            else wake_for_signal(*t, false);
        } else if (t->waiting_for & signal_bit(sig)) {
            wake_thread(*t, true);
        }
        return;
    }
    for (ThreadLink& l : p.threads)
        if (l.task->waiting_for & signal_bit(sig) && !(deadly && wants(*l.task, sig))) {
            wake_thread(*l.task, true);
            return;
        }
    Task* chosen = nullptr;
    for (ThreadLink& l : p.threads) {
        if (!wants(*l.task, sig)) continue;
        if (!chosen) chosen = l.task;
        if (!(l.task->work.load(std::memory_order_relaxed) & kWorkSignal)) {
            chosen = l.task; // not busy with another signal
            break;
        }
    }
    if (chosen && deadly) begin_group_exit(p, status_signaled(sig));
    else if (chosen) wake_for_signal(*chosen, false);
}

void discard_everywhere(Process& p, SignalSet set) {
    p.pending.discard(set);
    for (ThreadLink& l : p.threads) l.task->pending.discard(set);
}

} // namespace

void begin_group_exit(Process& p, u32 status) {
    if (!p.exiting) {
        p.exiting = true;
        p.exit_status = status;
    }
    p.group_stop = false;
    for (ThreadLink& l : p.threads) wake_for_signal(*l.task, true);
    p.stop_wait.wake_all();
}

Result<bool> post_signal(SignalPost&& s) {
    Process& p = s.process;
    SpinGuard g(p.signal_lock);
    return post_signal_locked(std::move(s));
}

Result<bool> post_signal_locked(SignalPost&& s, bool* ignored) {
    Process& p = s.process;
    const int sig = s.sig;
    const SignalSet bit = signal_bit(sig);
    if (p.zombie || p.exiting || p.threads.empty()) return false;
    bool continued = false;
    // Init keeps its default actions from the signals of other processes, as Linux's does; what it has blocked waits (sigwaitinfo, signalfd).
    if (s.from_other && p.pid == 1 &&
        ((bit & kUnblockable) || (p.handlers->get(sig).handler == abi::SIG_DFL && !is_held(p, s.task, sig))) &&
        default_action(sig) != DefaultAction::Ignore)
        return false;
    if (sig == SIGKILL) {
        begin_group_exit(p, status_signaled(SIGKILL));
        return false;
    }
    if (bit & kStopSignals) {
        discard_everywhere(p, signal_bit(SIGCONT));
    } else if (sig == SIGCONT) {
        discard_everywhere(p, kStopSignals);
        if (p.group_stop) {
            continued = p.stopped_threads != 0;
            p.group_stop = false;
            p.stop_report = false;
            p.continue_report = continued;
            for (ThreadLink& l : p.threads)
                if (l.task->stopped) wake_thread(*l.task);
            p.stop_wait.wake_all();
        }
    }
    // As to a traced process on Linux, ignored ones are dealt with all the same, so that the trace shows them.
    if (is_ignored(p, s.task, sig) && !trace_signal) {
        if (ignored) *ignored = true;
        return continued;
    }
    PendingSignals& set = s.task ? s.task->pending : p.pending;
    if (s.timer_entry) {
        set.queue.push_back(*s.timer_entry);
        set.bits |= bit;
        p.signal_wait.wake_all();
        choose_thread(s);
        return continued;
    }
    if (sig < abi::SIGRTMIN && (set.bits & bit)) return continued; // one instance of a standard signal
    if (s.entry) {
        if (s.info) {
            s.entry->info = *s.info;
        } else {
            memset(&s.entry->info, 0, sizeof s.entry->info);
            s.entry->info.code = s.from_kernel ? SI_KERNEL : SI_USER;
        }
        s.entry->info.signo = sig;
        set.queue.push_back(*s.entry.release());
        ++set.queued;
        queued_signals.fetch_add(1, std::memory_order_relaxed);
    } else if (sig >= abi::SIGRTMIN && s.info && s.info->code != SI_USER) {
        return EAGAIN; // sigqueue(3) must not lose its value
    } else if (s.from_kernel) {
        set.from_kernel |= bit;
    }
    set.bits |= bit;
    p.signal_wait.wake_all();
    choose_thread(s);
    return continued;
}

namespace {

Result<void> post_and_notify(SignalPost&& s) {
    Process& p = s.process;
    bool continued = TRY(post_signal(std::move(s)));
    if (continued) {
        auto entry = allocate_signal_entry();
        SpinGuard g(process_lock);
        notify_parent(p, CLD_CONTINUED, SIGCONT, SIGCHLD, std::move(entry));
    }
    return {};
}

/// RLIMIT_SIGPENDING: no further entry for the receiver's user. Signals of kill(2) and of the kernel are queued beyond the limit, as on Linux,
/// but for those of real time. A count of the user's own is taken only where all users' entries together are too many.
bool beyond_signal_limit(Process& p, int sig, const abi::Siginfo* info) {
    if (sig < abi::SIGRTMIN && (!info || info->code >= 0)) return false;
    const u64 limit = p.limit(RLIMIT_SIGPENDING);
    if (queued_signals.load(std::memory_order_relaxed) < limit) return false;
    SpinGuard g(process_lock);
    ThreadLink* first = p.threads.front();
    if (!first) return false;
    const u32 uid = first->task->credentials->uid;
    u64 queued = 0;
    for_each_process_locked([&](Process& q) {
        ThreadLink* l = q.threads.front();
        if (!l || l->task->credentials->uid != uid) return;
        SpinGuard s(q.signal_lock);
        queued += q.pending.queued + q.posix_timer_count;
        for (ThreadLink& link : q.threads) queued += link.task->pending.queued;
    });
    return queued >= limit;
}

bool by_other_process(Process& p, const abi::Siginfo* info) {
    Task* t = current_or_null();
    return info && t && t->process.get() != &p && info->code != SI_KERNEL;
}

} // namespace

namespace {
Owned<QueuedSignal> entry_for(Process& p, int sig, const abi::Siginfo* info) {
    return beyond_signal_limit(p, sig, info) ? Owned<QueuedSignal>() : allocate_signal_entry();
}
} // namespace

Result<void> send_signal(Process& p, int sig, const abi::Siginfo* info) {
    return post_and_notify({.process = p,
                            .sig = sig,
                            .info = info,
                            .from_other = by_other_process(p, info),
                            .entry = entry_for(p, sig, info)});
}

Result<void> send_signal_to_task(Task& t, int sig, const abi::Siginfo* info) {
    Process& p = *t.process;
    return post_and_notify({.process = p,
                            .task = &t,
                            .sig = sig,
                            .info = info,
                            .from_other = by_other_process(p, info),
                            .entry = entry_for(p, sig, info)});
}

void send_kernel_signal(Process& p, int sig) {
    // Only SIGCONT can ask for a notification, and nothing in the kernel sends that without allocation.
    (void)post_signal({.process = p, .sig = sig});
}

void send_signal_to_current(int sig) {
    abi::Siginfo info = siginfo_from_current(sig, SI_USER);
    (void)send_signal_to_task(current(), sig, &info);
}

Result<void> signal_process_group(i32 pgid, int sig) {
    bool found = false;
    for (Ref<Process> p = next_process(0); p; p = next_process(p->pid))
        if (p->pgid == pgid && !p->zombie) {
            found = true;
            (void)send_signal(*p, sig);
        }
    if (!found) return ESRCH;
    return {};
}

void signal_init(int sig) {
    Ref<Process> p = find_process(1);
    if (p && signal_valid(sig)) (void)send_signal(*p, sig);
}

abi::Siginfo siginfo_from_current(int sig, int code) {
    abi::Siginfo info;
    memset(&info, 0, sizeof info);
    Task& t = current();
    info.signo = sig;
    info.code = code;
    info.kill.pid = t.process->pid;
    info.kill.uid = t.credentials->uid;
    return info;
}

Result<void> check_kill_permission(Process& target, int sig) {
    Task& t = current();
    if (&target == t.process.get()) return {};
    const Credentials& own = *t.credentials;
    if (own.has_capability(CAP_KILL)) return {};
    Ref<Task> other = main_thread(target);
    if (!other) return {}; // a zombie: signals to it do nothing
    Ref<Credentials> c = share_ref(other->credentials);
    if (sig == SIGCONT && __atomic_load_n(&target.sid, __ATOMIC_RELAXED) == t.process->sid) return {};
    if (own.euid == c->suid || own.euid == c->uid || own.uid == c->suid || own.uid == c->uid) return {};
    return EPERM;
}

void kill_process(Process& p) {
    SpinGuard g(p.signal_lock);
    if (!p.zombie) begin_group_exit(p, status_signaled(SIGKILL));
}

void force_signal(Task& t, const abi::Siginfo& info, bool to_die) {
    Process& p = *t.process;
    const SignalSet bit = signal_bit(info.signo);
    auto entry = allocate_signal_entry();
    SpinGuard g(p.signal_lock);
    {
        SpinGuard actions(p.handlers->lock);
        abi::Sigaction& a = p.handlers->actions[info.signo - 1];
        if (to_die || (t.blocked & bit) || a.handler == abi::SIG_IGN) a.handler = abi::SIG_DFL;
    }
    t.blocked &= ~bit;
    if (!(t.pending.bits & bit)) {
        if (entry) {
            entry->info = info;
            t.pending.queue.push_back(*entry.release());
            ++t.pending.queued;
            queued_signals.fetch_add(1, std::memory_order_relaxed);
        } else {
            t.pending.from_kernel |= bit;
        }
        t.pending.bits |= bit;
    }
    t.raise_work(kWorkSignal);
}

void notify_parent(Process& p, int code, int status, int sig, Owned<QueuedSignal> entry) {
    Process* parent = p.parent;
    if (!parent) return;
    if (sig) {
        abi::Siginfo info;
        memset(&info, 0, sizeof info);
        info.signo = sig;
        info.code = code;
        info.chld.pid = p.pid;
        ThreadLink* first = p.threads.front();
        info.chld.uid = first ? first->task->credentials->uid : p.last_uid;
        info.chld.status = status;
        const CpuTimes times = process_cpu_times_locked(p);
        info.chld.utime = i64(times.user_ns / (kNsPerSec / 100));
        info.chld.stime = i64(times.system_ns / (kNsPerSec / 100));
        bool quiet = false;
        if (sig == SIGCHLD && (code == CLD_STOPPED || code == CLD_CONTINUED || code == CLD_TRAPPED)) {
            SpinGuard g(parent->signal_lock);
            quiet = parent->handlers->get(SIGCHLD).flags & SA_NOCLDSTOP;
        }
        if (!quiet)
            (void)post_signal(
                {.process = *parent, .sig = sig, .info = &info, .from_kernel = false, .entry = std::move(entry)});
    }
    parent->child_wait.wake_all();
}

} // namespace linnet
