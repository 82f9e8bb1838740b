// Signal sets and masks, and what the current thread takes without a handler.
#include "kernel/task/signal.h"

#include "kernel/lib/string.h"
#include "kernel/mm/user.h"
#include "kernel/task/posix_timer.h"
#include "kernel/task/signal_internal.h"

namespace linnet {

std::atomic<u32> queued_signals{0};

Result<Ref<SignalHandlers>> SignalHandlers::copy() {
    Ref<SignalHandlers> n = TRY(make_ref<SignalHandlers>());
    n->copy_actions(*this);
    return n;
}

void SignalHandlers::reset(bool ignored_too) {
    SpinGuard g(lock);
    for (abi::Sigaction& a : actions) {
        bool keep = a.handler == abi::SIG_IGN && !ignored_too;
        a = abi::Sigaction{};
        if (keep) a.handler = abi::SIG_IGN;
    }
}

void PendingSignals::discard(SignalSet set) {
    bits &= ~set;
    from_kernel &= ~set;
    for (QueuedSignal* q = queue.front(); q;) {
        QueuedSignal* next = queue.next(*q);
        if (set & signal_bit(q->info.signo)) release(*q, nullptr);
        q = next;
    }
}

void PendingSignals::release(QueuedSignal& q, abi::Siginfo* info) {
    queue.remove(q);
    if (q.timer) {
        posix_timer_signal_left(*q.timer, info);
        return;
    }
    --queued;
    queued_signals.fetch_sub(1, std::memory_order_relaxed);
    kfree(&q);
}

void PendingSignals::withdraw(QueuedSignal& q) {
    if (!q.node.linked()) return;
    queue.remove(q);
    for (QueuedSignal& other : queue)
        if (other.info.signo == q.info.signo) return;
    bits &= ~signal_bit(q.info.signo);
}

void PendingSignals::take(int sig, abi::Siginfo& info) {
    QueuedSignal* found = nullptr;
    bool more = false;
    for (QueuedSignal& q : queue) {
        if (q.info.signo != sig) continue;
        if (found) {
            more = true;
            break;
        }
        found = &q;
    }
    if (found) {
        info = found->info;
        release(*found, &info);
    } else {
        memset(&info, 0, sizeof info);
        info.signo = sig;
        info.code = from_kernel & signal_bit(sig) ? SI_KERNEL : SI_USER;
    }
    if (!more) {
        bits &= ~signal_bit(sig);
        from_kernel &= ~signal_bit(sig);
    }
}

void update_signal_work(Task& t) {
    Process& p = *t.process;
    bool must = t.restore_blocked || p.exiting || (p.exec_task && p.exec_task != &t) || p.group_stop ||
                ((t.pending.bits | p.pending.bits) & ~t.blocked);
    if (must) t.raise_work(kWorkSignal);
    else t.work.fetch_and(~u32(kWorkSignal), std::memory_order_relaxed);
}

void set_blocked_signals(SignalSet set) {
    Task& t = current();
    Process& p = *t.process;
    SpinGuard g(p.signal_lock);
    set &= ~kUnblockable;
    SignalSet newly = set & ~t.blocked;
    t.blocked = set;
    // A process-directed signal that this thread was woken for must find another thread.
    if (SignalSet orphaned = newly & p.pending.bits)
        for (ThreadLink& l : p.threads)
            if (l.task != &t && (orphaned & ~l.task->blocked)) wake_for_signal(*l.task, false);
    update_signal_work(t);
}

bool signal_pending() {
    return current_thread()->work.load(std::memory_order_relaxed) & kWorkSignal;
}

bool fatal_signal_pending() {
    Task* t = current_or_null();
    if (!t) return false;
    Process& p = *t->process;
    SpinGuard g(p.signal_lock);
    return p.exiting || (p.exec_task && p.exec_task != t) ||
           ((t->pending.bits | p.pending.bits) & signal_bit(SIGKILL));
}

Result<void> SignalMaskScope::set_from_user(u64 set_address, u64 set_size) {
    if (!set_address) return {};
    if (set_size != sizeof(SignalSet)) return EINVAL;
    set(TRY(user_read<SignalSet>(set_address)));
    return {};
}

void SignalMaskScope::set(SignalSet mask) {
    Task& t = current();
    t.saved_blocked = t.blocked;
    active_ = true;
    set_blocked_signals(mask);
}

SignalMaskScope::~SignalMaskScope() {
    if (!active_) return;
    Task& t = current();
    if (keep_) {
        t.restore_blocked = true;
        t.raise_work(kWorkSignal); // deliver_signals restores the mask even if the signal went to another thread
    } else {
        set_blocked_signals(t.saved_blocked);
    }
}

int take_signal(SignalSet set, abi::Siginfo& info) {
    Task& t = current();
    Process& p = *t.process;
    SpinGuard g(p.signal_lock);
    set &= ~kUnblockable;
    int sig = 0;
    if (SignalSet own = t.pending.bits & set) {
        sig = __builtin_ctzll(own) + 1;
        t.pending.take(sig, info);
    } else if (SignalSet shared = p.pending.bits & set) {
        sig = __builtin_ctzll(shared) + 1;
        p.pending.take(sig, info);
    }
    if (sig) update_signal_work(t);
    return sig;
}

SignalSet pending_signals() {
    Task& t = current();
    SpinGuard g(t.process->signal_lock);
    return t.pending.bits | t.process->pending.bits;
}

bool current_ignores_or_blocks(int sig) {
    Task& t = current();
    SpinGuard g(t.process->signal_lock);
    return (t.blocked & signal_bit(sig)) || t.process->handlers->get(sig).handler == abi::SIG_IGN;
}

DefaultAction default_action(int sig) {
    SignalSet bit = signal_bit(sig);
    if (bit & kIgnoredByDefault) return DefaultAction::Ignore;
    if (bit & kStopSignals) return DefaultAction::Stop;
    return DefaultAction::Kill;
}

} // namespace linnet
