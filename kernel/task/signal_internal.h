// Shared by the signal files of kernel/task only.
#pragma once

#include "kernel/task/task.h"

namespace linnet {

struct SignalPost {
    Process& process;
    Task* task = nullptr;               // null: process-directed
    int sig = 0;
    const abi::Siginfo* info = nullptr; // null: no more is known than the origin
    bool from_kernel = true;            // SI_KERNEL if there is no info
    bool from_other = false;            // by another process: init's default actions are spared
    Owned<QueuedSignal> entry{};        // to queue, allocated by the caller; may be null
    QueuedSignal* timer_entry = nullptr; // a POSIX timer's, filled in: queued whatever else is pending
};
/// Makes a signal pending and wakes who is to take it. Returns true if the parent is to be told of a continuation
/// (notify_parent, once no signal_lock is held). EAGAIN. No signal_lock held; process_lock may be.
Result<bool> post_signal(SignalPost&& s);
/// The same with the process's signal_lock held. `ignored`, if not null, is set if the signal was dropped because its action is to ignore it.
Result<bool> post_signal_locked(SignalPost&& s, bool* ignored = nullptr);
/// SIGCHLD (and wait4) for a stop, a continuation or an end of `p`. `code`: CLD_*; `status`: exit code or signal. process_lock is held.
void notify_parent(Process& p, int code, int status, int sig, Owned<QueuedSignal> entry) REQUIRES(process_lock);
Owned<QueuedSignal> allocate_signal_entry();
/// Entries in all queues of the system, and those that POSIX timers keep.
extern std::atomic<u32> queued_signals;
/// What happens to a signal whose action is SIG_DFL.
enum class DefaultAction { Ignore, Stop, Kill };
DefaultAction default_action(int sig);
/// Interrupts the thread's sleep, so that it looks at its signals. signal_lock held.
void wake_for_signal(Task& t, bool to_die);

} // namespace linnet
