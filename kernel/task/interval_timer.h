// Interval timers and CPU-time clocks of processes.
#pragma once

#include "kernel/task/task.h"

namespace linnet {

/// Sets timer `which` (ITIMER_*); returns what was left, and the old interval. Times in ns, 0: off.
struct IntervalTimerValue { u64 value_ns, interval_ns; };
IntervalTimerValue set_interval_timer(Process& p, int which, IntervalTimerValue v);
IntervalTimerValue get_interval_timer(Process& p, int which);
/// At the end of the process.
void stop_interval_timers(Process& p);
/// Timer callbacks of a new process.
void init_interval_timers(Process& p);

} // namespace linnet
