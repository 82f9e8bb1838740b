// Clocks. All in nanoseconds.
#pragma once

#include "kernel/lib/types.h"

namespace linnet {

class WaitQueue;

/// CLOCK_MONOTONIC: since boot, never steps back. Any context.
u64 monotonic_ns();
/// CLOCK_REALTIME: since 1970-01-01 UTC.
/// A difference of two TSC readings.
u64 tsc_to_ns(u64 ticks);
u64 realtime_ns();
/// clock_settime(CLOCK_REALTIME): moves the offset between the two, and wakes clock_set_waiters(). Thread context.
void set_realtime_ns(u64 ns);
/// Who sleeps towards a time of CLOCK_REALTIME waits here too, and looks at the offset again when woken.
WaitQueue& clock_set_waiters();
/// settimeofday(2)'s time zone, as gettimeofday(2) gives it back; the kernel itself reckons in UTC.
struct KernelTimezone { i32 minutes_west, dst_time; };
KernelTimezone kernel_timezone();
void set_kernel_timezone(KernelTimezone z);
/// Realtime minus monotonic.
i64 realtime_offset_ns();
/// TSC ticks to nanoseconds since boot: the vDSO's parameters. ns = (tsc - base) * mult >> shift (128-bit product).
struct TscScale { u64 base; u32 mult; u32 shift; u64 khz; };
const TscScale& tsc_scale();

} // namespace linnet
