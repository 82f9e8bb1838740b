// A process: what its threads share. Each part is reference-counted and shared or copied as clone's flags say.
#pragma once

#include "kernel/lib/list.h"
#include "kernel/lib/tree.h"
#include "kernel/sync/mutex.h"
#include "kernel/sync/rcu.h"
#include "kernel/task/credentials.h"
#include "kernel/task/signal.h"
#include "kernel/task/task_interfaces.h"
#include "kernel/time/timer.h"

namespace linnet {

class AddressSpace;
class PosixTimerTable;
class SemaphoreUndoList;
class Task;

struct ResourceLimit { u64 soft, hard; };
inline constexpr u32 kResourceLimitCount = 16;
inline constexpr u64 kLimitInfinity = ~0ull;

struct CpuTimes { u64 user_ns, system_ns; };

/// A Task in its process's list of threads.
struct ThreadLink {
    ListNode node;
    Task* task = nullptr;
};

/// An interval timer (setitimer(2)).
struct IntervalTimer {
    u64 interval_ns = 0;
    u64 deadline_ns = 0; // monotonic time (ITIMER_REAL) or CPU time (VIRTUAL, PROF); 0: off
};

/// A kernel timer that knows its process.
struct ProcessTimer : Timer {
    Process* process = nullptr;
};

/// The process tree, groups, sessions, the PID table, and who waits for whom. Taken before any signal_lock.
extern SpinLock<Rank::PidTable> process_lock;

/// A thread group. Fields are guarded by process_lock unless said otherwise.
class Process : public RcuCounted {
  public:
    i32 pid = 0; // == tgid; never changes
    ListNode child_node;
    List<Process, &Process::child_node> children;
    Process* parent = nullptr; // borrowed; init for orphans; null for init. getppid reads it as an RCU reader
    i32 creator_tid = 0;       // the parent's thread that made it (__WNOTHREAD)
    i32 pgid = 0, sid = 0;
    WaitQueue child_wait;      // wait4 of this process
    bool has_execed = false;   // setpgid by the parent is refused

    List<ThreadLink, &ThreadLink::node> threads; // changed under process_lock and signal_lock; read under either
    std::atomic<u32> thread_count{0};            // the same
    Ref<RefCounted> controlling_terminal;        // vfs's terminal; what the session shares
    i32 lost_terminal_group = 0;                 // of a session leader whose terminal hung up: its foreground group then

    Ref<AddressSpace> space; // replaced by exec; null once dead

    // --- signals: signal_lock ---
    SpinLock<Rank::SignalState> signal_lock;
    Ref<SignalHandlers> handlers; // replaced by exec only, with no other thread left
    PendingSignals pending;       // process-directed
    WaitQueue signal_wait;        // signalfd's pollers
    bool exiting = false;         // exit_group or a fatal signal is under way
    Task* exec_task = nullptr;    // a thread that executes: all others must end
    WaitQueue exec_wait;
    Task* core_dumper = nullptr;  // writes a core file: the other threads wait for it before they end
    WaitQueue core_wait;          // the dumper for the others, and they for it
    u32 core_parked = 0;          // threads that wait for the dumper
    bool group_stop = false;      // every thread is to stop, or has
    u32 stopped_threads = 0;
    int stop_signal = 0;
    WaitQueue stop_wait;          // stopped threads
    bool stop_report = false;     // wait4(WUNTRACED) has not seen it yet
    bool continue_report = false; // wait4(WCONTINUED) has not seen it yet

    bool zombie = false;      // process_lock and signal_lock; read by poll without
    WaitQueue exit_wait;      // pidfds' pollers: the last thread has ended
    u32 last_uid = 0;         // of the last thread that ended (the uid of SIGCHLD and waitid)
    u32 exit_status = 0;      // as wait4 reports it
    i32 exit_signal = 17;     // sent to the parent at the end; 0: none
    u64 start_time_ns = 0;    // monotonic
    // Of dead threads; of waited-for children.
    u64 dead_cpu_ns = 0, dead_user_samples = 0, dead_system_samples = 0;
    CpuTimes shown_times{}; // the last answer: neither part ever goes back
    u64 children_user_ns = 0, children_system_ns = 0;
    u64 minor_faults = 0, major_faults = 0, children_minor_faults = 0, children_major_faults = 0;
    u64 voluntary_switches = 0, involuntary_switches = 0;
    u64 max_rss_pages = 0, children_max_rss_pages = 0;

    ResourceLimit limits[kResourceLimitCount] = {}; // each word is read without a lock
    u64 limit(u32 resource) const { return __atomic_load_n(&limits[resource].soft, __ATOMIC_RELAXED); }

    Ref<ExecFile> exe;        // /proc/PID/exe; share_ref()
    bool dumpable = true;
    std::atomic<i32> oom_score_adj{0}; // -1000 (never killed for memory) to 1000
    std::atomic<bool> killed_for_memory{false};
    bool child_subreaper = false;
    std::atomic<u32> coredump_filter{0x33}; // /proc/PID/coredump_filter
    bool thp_disabled = false;
    u32 membarrier_registered = 0; // MEMBARRIER_CMD_REGISTER_* seen

    // Interval timers: signal_lock.
    IntervalTimer timers[3];
    ProcessTimer real_timer, cpu_timer;
    // POSIX timers: signal_lock.
    PosixTimerTable* posix_timers = nullptr; // made by the first timer_create; kernel/task/posix_timer.h
    u32 posix_timer_count = 0;

    SemaphoreUndoList* semaphore_undo = nullptr; // SEM_UNDO; kernel/ipc/semaphores.cc, by its lock

    Process();
    ~Process() override;
};

// ---- look-up (kernel/task/pid_table.cc) --------------------------------------------------------------------------

inline constexpr i32 kPidMax = 32768; // /proc/sys/kernel/pid_max

/// By PID; null. Zombies too. Thread context.
Ref<Process> find_process(i32 pid);
/// By thread ID; null. Only threads that have not ended.
Ref<Task> find_task(i32 tid);
/// The process with the smallest PID above `pid`; null at the end (readdir of /proc).
Ref<Process> next_process(i32 pid);
/// The thread of the process with the smallest ID above `tid`; null at the end (readdir of /proc/PID/task).
Ref<Task> next_thread(Process& p, i32 tid);
/// A thread of it that stands for the process (the first one); null once all have ended.
Ref<Task> main_thread(Process& p);
/// Its address space; null for a zombie.
Ref<AddressSpace> process_space(Process& p);
u32 process_count();
/// The last PID that was handed out (/proc/loadavg).
i32 last_pid();

/// CPU time of all threads, dead and alive. The sum is exact; samples of where the CPU was divide it.
CpuTimes process_cpu_times(Process& p);
CpuTimes process_cpu_times_locked(Process& p) REQUIRES(process_lock);
CpuTimes thread_cpu_times(Task& t);
/// A thread is about to leave p.threads: its figures become the process's. process_lock and signal_lock.
void keep_thread_figures(Process& p, Task& t) REQUIRES(process_lock);

/// A group none of whose members has a parent in another group of the session (terminals). process_lock is taken.
/// `without`: as if that process were no parent any more; may be null.
bool is_orphaned_group(i32 pgid, const Process* without = nullptr);
/// ESRCH if no process is in the group; the session of its members.
Result<i32> session_of_group(i32 pgid);
/// Called when a session leader ends: hangs the terminal up. Set by vfs.
extern void (*on_session_leader_exit)(Process& leader);

} // namespace linnet
