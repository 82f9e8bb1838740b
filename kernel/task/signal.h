// Signals: what is pending, what is done about it. signal(7), sigaction(2), signalfd(2).
//
// Locks: Process::signal_lock (rank SignalState) guards the pending sets of a process and of its threads, the blocked sets,
// and group stops; SignalHandlers::lock (rank SignalActions) guards the table of actions, which CLONE_SIGHAND may share
// between processes.
#pragma once

#include "kernel/lib/list.h"
#include "kernel/lib/ref.h"
#include "kernel/sync/spinlock.h"
#include "linux-abi/signal.h"

namespace linnet {

class Process;
class Task;
struct TrapFrame;

/// Bit N-1 is signal N.
using SignalSet = u64;
constexpr SignalSet signal_bit(int sig) { return SignalSet(1) << (sig - 1); }
constexpr bool signal_valid(int sig) { return sig >= 1 && sig <= abi::nsig; }

inline constexpr SignalSet kUnblockable = signal_bit(SIGKILL) | signal_bit(SIGSTOP);
inline constexpr SignalSet kStopSignals =
    signal_bit(SIGSTOP) | signal_bit(SIGTSTP) | signal_bit(SIGTTIN) | signal_bit(SIGTTOU);
inline constexpr SignalSet kIgnoredByDefault =
    signal_bit(SIGCONT) | signal_bit(SIGCHLD) | signal_bit(SIGWINCH) | signal_bit(SIGURG);
/// Delivered before others: the registers still are those of the fault.
inline constexpr SignalSet kSynchronousSignals = signal_bit(SIGSEGV) | signal_bit(SIGBUS) | signal_bit(SIGILL) |
                                                 signal_bit(SIGTRAP) | signal_bit(SIGFPE) | signal_bit(SIGSYS);

class SignalHandlers : public RefCounted {
  public:
    SpinLock<Rank::SignalActions> lock;
    abi::Sigaction actions[abi::nsig] GUARDED_BY(lock) = {};

    /// ENOMEM
    Result<Ref<SignalHandlers>> copy();
    /// This one is not shared yet.
    void copy_actions(SignalHandlers& from) NO_THREAD_SAFETY {
        SpinGuard g(from.lock);
        for (int i = 0; i < abi::nsig; ++i) actions[i] = from.actions[i];
    }
    abi::Sigaction get(int sig) {
        SpinGuard g(lock);
        return actions[sig - 1];
    }
    /// exec: handlers become SIG_DFL, ignored signals stay ignored. `ignored_too`: CLONE_CLEAR_SIGHAND.
    void reset(bool ignored_too);
};

struct PosixTimer;

struct QueuedSignal {
    ListNode node;
    abi::Siginfo info;
    PosixTimer* timer = nullptr; // whose part it is; null: allocated, and freed by the queue
};

/// One pending set: a bit for each signal, and what was sent with it. A bit without a queued entry has no more to tell
/// than where it came from.
class PendingSignals : NoCopy {
  public:
    ~PendingSignals() { discard(~SignalSet(0)); }
    SignalSet bits = 0;
    SignalSet from_kernel = 0; // of the bits without an entry: SI_KERNEL, else SI_USER
    u32 queued = 0;            // allocated entries
    List<QueuedSignal, &QueuedSignal::node> queue;

    /// Takes the signals of `set` out, with what was sent.
    void discard(SignalSet set);
    /// Takes one instance of `sig` out.
    void take(int sig, abi::Siginfo& info);
    /// Takes this entry out, if it is in the queue; not freed.
    void withdraw(QueuedSignal& q);

  private:
    void release(QueuedSignal& q, abi::Siginfo* info);
};

// ---- sending -----------------------------------------------------------------------------------------------------

/// Sends to a process (any of its threads may take it) or to one thread. `info` null: from the kernel. May allocate: thread context,
/// no lock of rank SignalState or above. EAGAIN: a real-time signal found its queue full.
Result<void> send_signal(Process& p, int sig, const abi::Siginfo* info = nullptr);
Result<void> send_signal_to_task(Task& t, int sig, const abi::Siginfo* info = nullptr);
/// The same without allocation (si_code SI_KERNEL): any context but hard interrupt; locks below rank SignalState may be held.
void send_kernel_signal(Process& p, int sig);
/// From the running program to itself: SIGPIPE, SIGXFSZ (si_code SI_USER, as Linux).
void send_signal_to_current(int sig);
/// To every process of a group, from the kernel (terminals, the host). ESRCH.
Result<void> signal_process_group(i32 pgid, int sig);
/// To init: what the host asks for (control port).
void signal_init(int sig);
/// Siginfo of kill(2) by the current process.
abi::Siginfo siginfo_from_current(int sig, int code);
/// kill(2)'s permission rule. EPERM.
Result<void> check_kill_permission(Process& target, int sig);
/// Ends the process of `t` by SIGKILL.
void kill_process(Process& p);

/// A fault that the program must see: unblocked and un-ignored first, so that it kills if no handler is there. `to_die`: it kills in any case.
void force_signal(Task& t, const abi::Siginfo& info, bool to_die = false);

/// The current thread ignores or blocks `sig` (terminal reads in the background: SIGTTIN, SIGTTOU).
bool current_ignores_or_blocks(int sig);
/// The process ends, by a deadly signal or a thread of it, or another thread executes: for waits that only death may end. A signal that
/// leaves a core is not counted before it is delivered, and with a trace none but SIGKILL is.
bool fatal_signal_pending();

// ---- masks -------------------------------------------------------------------------------------------------------

/// Sets the current thread's blocked set (SIGKILL and SIGSTOP are left out) and looks again what is pending.
void set_blocked_signals(SignalSet set);

/// The mask of ppoll, pselect6, epoll_pwait, rt_sigsuspend: in force from the constructor on. If a signal interrupted the
/// call it stays in force until a handler runs (whose frame restores the old mask) or the call ends.
class SignalMaskScope : NoCopy {
  public:
    SignalMaskScope() = default;
    /// Copies the set from the program; null: no change. EFAULT, EINVAL for a wrong size.
    Result<void> set_from_user(u64 set_address, u64 set_size);
    void set(SignalSet mask);
    /// The call was interrupted by a signal: the mask is restored on the way back to the program, after the handler's
    /// frame was built. Call it before returning EINTR or a restart.
    void keep_until_delivery() { keep_ = true; }
    ~SignalMaskScope();

  private:
    bool active_ = false;
    bool keep_ = false;
};

// ---- taking ------------------------------------------------------------------------------------------------------

/// Takes a pending signal of `set` of the current thread or its process: the number, 0 if there is none (signalfd, sigtimedwait).
int take_signal(SignalSet set, abi::Siginfo& info);
/// What is pending for the current thread and its process.
SignalSet pending_signals();

/// Recomputes kWorkSignal of the thread; its process's signal_lock is held.
void update_signal_work(Task& t);

/// Delivers what is pending, on the way back to the program; may end the thread.
void deliver_signals(TrapFrame& f);
/// rt_sigreturn: registers, extended state and mask from the frame on the program's stack. EFAULT.
Result<void> restore_signal_frame(TrapFrame& f);

} // namespace linnet
