// A thread of a program: Linux's task. current() is the one on this CPU.
#pragma once

#include "kernel/arch/x86_64/trap_frame.h"
#include "kernel/sched/scheduler.h"
#include "kernel/task/process.h"
#include "kernel/task/seccomp.h"
#include "linux-abi/syscall_outcome.h"

namespace linnet {

/// How an interrupted call goes on (restart_syscall(2)): `resume` is called with the arguments that the call left.
struct RestartBlock {
    abi::Outcome (*resume)(RestartBlock&) = nullptr;
    u64 args[6] = {};
};

/// Told when a vfork child no longer uses its parent's memory.
class VforkWait : public RefCounted {
  public:
    WaitQueue queue;
    std::atomic<bool> done{false};
};

struct PiFutex;
struct PiWaiter;

/// What Task::fast_calls of new threads is. Set at boot by the dispatcher: 0 while system calls are traced.
extern u32 initial_fast_calls;

class Task : public Thread {
  public:
    Task() { is_user = true, link.task = this; }
    ~Task() override;

    Ref<Process> process;
    ThreadLink link;               // in process->threads
    // Replaced by the task itself only (publish_ref), which reads them as they are; others use share_ref(), without a lock.
    Ref<FileTableBase> files;      // CLONE_FILES; null once it has ended
    Ref<FsContextBase> fs;         // CLONE_FS; the same
    Ref<Credentials> credentials;  // never null

    /// Call numbers below it take the dispatcher's short way. 0 sends every call the long way, where calls are traced and filtered.
    u32 fast_calls = initial_fast_calls;
    bool no_new_privs = false;     // PR_SET_NO_NEW_PRIVS; TSYNC sets it for others
    SeccompState seccomp;          // kernel/task/seccomp.h says who changes it

    TrapFrame* frame = nullptr;    // the program's registers, at the top of the kernel stack, while in the kernel

    // --- signals; process->signal_lock, but the task reads its own blocked set without it ---
    SignalSet blocked = 0;
    SignalSet saved_blocked = 0;   // to restore on the way out, if restore_blocked
    bool restore_blocked = false;
    SignalSet waiting_for = 0;     // rt_sigtimedwait
    bool stopped = false;          // parked by a group stop (state T)
    bool exiting = false;          // takes no more signals
    PendingSignals pending;        // thread-directed
    abi::Sigaltstack alternate_stack{0, SS_DISABLE, 0, 0};

    // --- the task's own ---
    u64 clear_child_tid = 0;       // address to clear and wake when the thread ends
    u64 set_child_tid = 0;         // address to write the thread ID to before its first instruction
    Owned<TrapFrame> start_frame;  // the registers to start with, where set_child_tid comes first
    u64 robust_list = 0;           // set_robust_list
    PiFutex* pi_held = nullptr;    // PI futexes with waiters that it owns, in a chain; the lock of kernel/task/pi_futex.cc
    PiWaiter* pi_blocked = nullptr; // the one that it waits for; the same lock
    u64 rseq_area = 0;             // rseq(2); 0: not registered
    u32 rseq_length = 0, rseq_signature = 0;
    RestartBlock restart;
    Ref<VforkWait> vfork_wait;     // the parent waits for this task's exec or exit
    i32 parent_death_signal = 0;
    bool reset_on_fork = false;    // SCHED_RESET_ON_FORK
    bool beyond_process_limit = false; // set*id made it one too many of its user: execve(2) fails (Linux's PF_NPROC_EXCEEDED)
    u64 timer_slack_ns = 50'000;
    u32 personality = 0;
    Ref<RefCounted> trace_line;    // syscall/trace's: the call that it is in
    u64 start_time_ns = 0;
    u64 minor_faults = 0, major_faults = 0;
    CpuTimes shown_times{};        // thread_cpu_times' last answer; process_lock
    u64 fault_trap = 0, fault_error = 0, fault_address = 0; // of the last fault, for signal frames

    bool is_leader() const { return tid == process->pid; }
};

/// The task on this CPU. Only where a program's system call or fault is being served (not in kernel threads or deferred work).
inline Task& current() { return static_cast<Task&>(*current_thread()); }
/// The same, or null when a kernel thread (or boot) runs.
inline Task* current_or_null() {
    Thread* t = current_thread();
    return t && t->is_user ? static_cast<Task*>(t) : nullptr;
}

/// Set by syscall/trace while system calls are traced: the current task has made another, which did not run yet; a signal is about to be
/// dealt with; a thread ends (wait4's status). They may sleep.
extern void (*trace_clone)(Task& child);
extern void (*trace_signal)(Task& t, const abi::Siginfo& info);
extern void (*trace_end)(Task& t, u32 status);
/// Set by syscall/gaps: the last thread of a process ends, with wait4's status. No lock is held.
extern void (*process_ended)(Process& p, u32 status);

/// State letter of /proc/PID/stat: R, S, D, T, Z.
char state_letter(const Task& t);

} // namespace linnet
