// POSIX timers: timer_create(2), timer_settime(2), timer_getoverrun(2).
//
// A process has a table of them, guarded by its signal_lock together with their state: what a timer sends is queued in one piece with
// the change that caused it. A timer owns the entry that it queues, so it has one signal pending at most, and expiry allocates nothing.
#pragma once

#include "kernel/task/cpu_times.h"
#include "kernel/task/task.h"

namespace linnet {

/// What a timer counts. Alarm clocks are refused (there is no clock that wakes the machine).
enum class TimerClock : u8 { Monotonic, Realtime, Cpu };

struct PosixTimer : Timer {
    TreeNode table_node; // Process::posix_timers
    i32 id = 0;
    Process* owner = nullptr;
    TimerClock clock = TimerClock::Monotonic;
    CpuClock cpu_clock;   // TimerClock::Cpu
    bool silent = false;  // SIGEV_NONE
    Ref<Task> target;     // SIGEV_THREAD_ID; null: the process
    bool value_is_id = false; // no sigevent: the signal carries the ID
    QueuedSignal entry;   // info: signal number, SI_TIMER, id and value
    // The owner's signal_lock:
    u64 interval_ns = 0;
    u64 deadline_ns = 0;  // on the monotonic clock or the CPU-time clock; 0: off
    bool follows_realtime = false; // deadline_ns stands for a time of CLOCK_REALTIME, by offset_ns
    i64 offset_ns = 0;
    u64 overrun = 0;      // expirations beyond the one that queued the entry
    u64 last_overrun = 0; // of the signal that was delivered last
    bool expired_once = false; // the entry was queued for deadline_ns, which is advanced when the signal is taken (wall clocks)
};

struct PosixTimerValue { u64 value_ns, interval_ns; };

/// Adds a timer, whose fields down to `entry` are set, to the current process; its ID. EAGAIN: RLIMIT_SIGPENDING.
Result<i32> add_posix_timer(Owned<PosixTimer> timer);
/// value 0 disarms. Returns what was left, and the old interval. EINVAL: no such timer.
Result<PosixTimerValue> set_posix_timer(Process& p, i32 id, PosixTimerValue v, bool absolute);
Result<PosixTimerValue> get_posix_timer(Process& p, i32 id);
Result<u64> posix_timer_overrun(Process& p, i32 id);
Result<void> delete_posix_timer(Process& p, i32 id);
/// At exec, and at the end of the process.
void delete_posix_timers(Process& p);
/// With the process: no timer is left.
void free_posix_timer_table(Process& p);
/// CLOCK_REALTIME was set: absolute timers of it follow. Thread context.
void posix_timers_follow_clock();

/// The timer's signal is taken (`info` is what the program sees), or null: discarded. Called by PendingSignals; the owner's signal_lock.
void posix_timer_signal_left(PosixTimer& t, abi::Siginfo* info);

} // namespace linnet
