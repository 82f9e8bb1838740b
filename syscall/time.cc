// Clocks, sleeps and interval timers: clock_gettime(2), clock_nanosleep(2), setitimer(2).
#include "kernel/mm/user.h"
#include "kernel/task/cpu_times.h"
#include "kernel/task/interval_timer.h"
#include "kernel/task/lifecycle.h"
#include "kernel/task/posix_timer.h"
#include "kernel/time/clock.h"
#include "linux-abi/syscalls.h"
#include "syscall/time_util.h"

namespace linnet {

using namespace abi;

namespace {

constexpr u64 kTickNs = kNsPerSec / u64(user_hz);

Result<u64> read_clock(int id) {
    switch (id) {
    case CLOCK_REALTIME:
    case CLOCK_REALTIME_COARSE:
    case CLOCK_REALTIME_ALARM:
    case CLOCK_TAI: return realtime_ns(); // no leap seconds are known: TAI's offset is 0, as on a fresh Linux
    case CLOCK_MONOTONIC:
    case CLOCK_MONOTONIC_RAW:
    case CLOCK_MONOTONIC_COARSE:
    case CLOCK_BOOTTIME:
    case CLOCK_BOOTTIME_ALARM: return monotonic_ns();
    default: return TRY(find_cpu_clock(id)).read();
    }
}

/// Sleeps to a time of CLOCK_REALTIME, however the clock is set meanwhile; true if a signal came first.
bool realtime_sleep_interrupted(u64 until) {
    SleepEntry entry(clock_set_waiters());
    for (;;) {
        prepare_to_sleep(true);
        const i64 offset = realtime_offset_ns();
        const u64 deadline = i64(until) > offset ? until - u64(offset) : 0;
        const bool reached = deadline <= monotonic_ns();
        if (reached || signal_pending()) {
            cancel_sleep();
            return !reached;
        }
        (void)sleep_until(deadline);
    }
}

/// Sleeps until a CPU-time clock reaches `until`; true if a signal came first. Looked at when it can have got there at the earliest:
/// a process gains at most as many nanoseconds as it has CPUs in each.
Result<bool> cpu_sleep_interrupted(int id, u64 until) {
    for (;;) {
        const u64 now = TRY(read_clock(id));
        if (now >= until) return false;
        u64 wait = (until - now) / cpu_count();
        if (wait < kNsPerMs) wait = kNsPerMs;
        const u64 start = monotonic_ns();
        prepare_to_sleep(true);
        if (!signal_pending()) (void)sleep_until(wait > kForever - 1 - start ? kForever - 1 : start + wait);
        cancel_sleep();
        if (signal_pending()) return true;
    }
}

/// Sleeps to a monotonic deadline; true if a signal came first.
bool sleep_interrupted(u64 deadline) {
    bool in_time = true;
    for (;;) {
        prepare_to_sleep(true);
        if (!in_time || signal_pending()) break;
        in_time = sleep_until(deadline);
    }
    cancel_sleep();
    return in_time;
}

/// args: deadline, address for the rest.
Outcome relative_sleep(RestartBlock& r) {
    const u64 deadline = r.args[0], remain = r.args[1];
    if (!sleep_interrupted(deadline)) return 0;
    if (remain) {
        const u64 now = monotonic_ns();
        TRY(user_write(remain, to_timespec(deadline > now ? deadline - now : 0)));
    }
    return Restart::restart_block;
}

/// args: deadline on the clock, address for the rest, clock.
Outcome relative_cpu_sleep(RestartBlock& r) {
    const u64 until = r.args[0], remain = r.args[1];
    const int id = int(r.args[2]);
    if (!TRY(cpu_sleep_interrupted(id, until))) return 0;
    if (remain) {
        const u64 now = TRY(read_clock(id));
        TRY(user_write(remain, to_timespec(until > now ? until - now : 0)));
    }
    return Restart::restart_block;
}

/// clock_nanosleep on a CPU-time clock. EINVAL for the calling thread's own: it would wait for itself.
Outcome cpu_sleep(int id, bool absolute, const Timespec& ts, u64 remain) {
    if (id != CLOCK_PROCESS_CPUTIME_ID && (id & 4) && (~(id >> 3) == 0 || ~(id >> 3) == current().tid)) return EINVAL;
    const u64 now = TRY(read_clock(id));
    const u64 ns = TRY(from_timespec(ts));
    if (absolute) {
        if (TRY(cpu_sleep_interrupted(id, ns))) return Restart::no_hand;
        return 0;
    }
    RestartBlock& r = current().restart;
    r = {relative_cpu_sleep, {ns > kForever - 1 - now ? kForever - 1 : now + ns, remain, u64(i64(id))}};
    return relative_cpu_sleep(r);
}

Outcome start_relative_sleep(const Timespec& ts, u64 remain) {
    const u64 ns = TRY(from_timespec(ts));
    const u64 now = monotonic_ns();
    RestartBlock& r = current().restart;
    r = {relative_sleep, {ns > kForever - 1 - now ? kForever - 1 : now + ns, remain}};
    return relative_sleep(r);
}

} // namespace

Outcome sys_clock_gettime(ClockId clockid, Out<Timespec> tp) {
    const u64 ns = TRY(read_clock(clockid));
    TRY(user_write(tp.address(), to_timespec(ns)));
    return 0;
}

Outcome sys_clock_getres(ClockId clockid, Out<Timespec> res) {
    TRY(read_clock(clockid));
    const bool coarse = clockid == CLOCK_REALTIME_COARSE || clockid == CLOCK_MONOTONIC_COARSE;
    if (res) TRY(user_write(res.address(), to_timespec(coarse ? 4 * kNsPerMs : 1)));
    return 0;
}

namespace {

Outcome set_clock(u64 ns) {
    if (!current().credentials->has_capability(CAP_SYS_TIME)) return EPERM;
    // As Linux: not to a moment at which the monotonic clock would lie before 1970.
    if (ns < monotonic_ns()) return EINVAL;
    set_realtime_ns(ns);
    clock_was_set();
    posix_timers_follow_clock();
    return 0;
}

} // namespace

Outcome sys_clock_settime(ClockId clockid, In<Timespec> tp) {
    if (clockid != CLOCK_REALTIME) {
        TRY(read_clock(clockid));
        return clockid.value < 0 ? EPERM : EINVAL; // no other clock can be set; Linux says it so
    }
    return set_clock(TRY(from_timespec(TRY(user_read<Timespec>(tp.address())))));
}

Outcome sys_settimeofday(In<Timeval> tv, In<Timezone> tz) {
    u64 ns = 0;
    if (tv) {
        const Timeval v = TRY(user_read<Timeval>(tv.address()));
        if (v.usec < 0 || v.usec >= 1'000'000 || v.sec < 0) return EINVAL;
        ns = TRY(from_timespec({v.sec, v.usec * 1000}));
    }
    if (tz) {
        const Timezone z = TRY(user_read<Timezone>(tz.address()));
        if (z.minuteswest > 15 * 60 || z.minuteswest < -15 * 60) return EINVAL;
        if (!current().credentials->has_capability(CAP_SYS_TIME)) return EPERM;
        set_kernel_timezone({z.minuteswest, z.dsttime});
        // The first zone, set without a time, says that the clock was in local time: Linux warps it, once.
        static std::atomic<bool> warped{false};
        if (!warped.exchange(true) && !tv && z.minuteswest) return set_clock(realtime_ns() + i64(z.minuteswest) * 60 * i64(kNsPerSec));
    }
    return tv ? set_clock(ns) : Outcome(0);
}

Outcome sys_gettimeofday(Out<Timeval> tv, Out<Timezone> tz) {
    if (tv) TRY(user_write(tv.address(), to_timeval(realtime_ns())));
    if (tz) {
        const KernelTimezone z = kernel_timezone();
        TRY(user_write(tz.address(), Timezone{z.minutes_west, z.dst_time}));
    }
    return 0;
}

Outcome sys_time(Out<int64_t> tloc) {
    const i64 seconds = i64(realtime_ns() / kNsPerSec);
    if (tloc) TRY(user_write<i64>(tloc.address(), seconds));
    return seconds;
}

Outcome sys_nanosleep(In<Timespec> req, Out<Timespec> rem) {
    return start_relative_sleep(TRY(user_read<Timespec>(req.address())), rem.address());
}

/// The alarm clocks: EOPNOTSUPP, as on a Linux without an alarm-capable real-time clock.
Outcome sys_clock_nanosleep(ClockId clockid, TimerFlags flags, In<Timespec> request, Out<Timespec> remain) {
    const bool absolute = flags.bits() & u64(TIMER_ABSTIME);
    bool realtime = false, cpu_time = false;
    switch (clockid.value) {
    case CLOCK_REALTIME:
    case CLOCK_TAI: realtime = true; break;
    case CLOCK_MONOTONIC:
    case CLOCK_BOOTTIME: break;
    case CLOCK_PROCESS_CPUTIME_ID: cpu_time = true; break;
    case CLOCK_THREAD_CPUTIME_ID:
    case CLOCK_MONOTONIC_RAW:
    case CLOCK_REALTIME_COARSE:
    case CLOCK_MONOTONIC_COARSE:
    case CLOCK_REALTIME_ALARM:
    case CLOCK_BOOTTIME_ALARM: return EOPNOTSUPP;
    default:
        if (clockid.value >= 0 || (clockid.value & 3) == 3) return EINVAL;
        cpu_time = true;
    }
    const Timespec ts = TRY(user_read<Timespec>(request.address()));
    if (cpu_time) return cpu_sleep(clockid.value, absolute, ts, remain.address());
    if (!absolute) return start_relative_sleep(ts, remain.address());
    const u64 until = TRY(from_timespec(ts));
    if (realtime ? realtime_sleep_interrupted(until) : sleep_interrupted(until)) return Restart::no_hand;
    return 0;
}

Outcome sys_times(Out<Tms> buf) {
    Process& p = *current().process;
    if (buf) {
        const CpuTimes own = process_cpu_times(p);
        Tms t;
        t.utime = i64(own.user_ns / kTickNs), t.stime = i64(own.system_ns / kTickNs);
        t.cutime = i64(p.children_user_ns / kTickNs), t.cstime = i64(p.children_system_ns / kTickNs);
        TRY(user_write(buf.address(), t));
    }
    return i64(monotonic_ns() / kTickNs);
}

// ---- interval timers ---------------------------------------------------------------------------------------------

namespace {

Itimerval to_itimerval(IntervalTimerValue v) {
    // Rounded up: a timer that runs never reads as zero.
    return {to_timeval(v.interval_ns), to_timeval((v.value_ns + kNsPerUs - 1) / kNsPerUs * kNsPerUs)};
}

Result<u64> from_timeval(const Timeval& v) {
    if (v.sec < 0 || u64(v.usec) >= 1'000'000) return EINVAL;
    constexpr u64 kMost = (u64(1) << 62) / kNsPerSec;
    return u64(v.sec) > kMost ? kMost * kNsPerSec : u64(v.sec) * kNsPerSec + u64(v.usec) * kNsPerUs;
}

} // namespace

Outcome sys_getitimer(ItimerWhich which, Out<Itimerval> curr_value) {
    if (which < 0 || which > ITIMER_PROF) return EINVAL;
    TRY(user_write(curr_value.address(), to_itimerval(get_interval_timer(*current().process, which))));
    return 0;
}

Outcome sys_setitimer(ItimerWhich which, In<Itimerval> new_value, Out<Itimerval> old_value) {
    Itimerval n{}; // a null pointer turns the timer off, as in Linux
    if (new_value) n = TRY(user_read<Itimerval>(new_value.address()));
    if (which < 0 || which > ITIMER_PROF) return EINVAL;
    const IntervalTimerValue v{TRY(from_timeval(n.value)), TRY(from_timeval(n.interval))};
    const IntervalTimerValue old = set_interval_timer(*current().process, which, v);
    if (old_value) TRY(user_write(old_value.address(), to_itimerval(old)));
    return 0;
}

Outcome sys_alarm(UInt seconds) {
    const IntervalTimerValue old =
        set_interval_timer(*current().process, ITIMER_REAL, {u64(seconds.value) * kNsPerSec, 0});
    // Linux rounds to the nearest second, and never a running timer to 0.
    u64 left = (old.value_ns + kNsPerSec / 2) / kNsPerSec;
    if (!left && old.value_ns) left = 1;
    return left;
}

} // namespace linnet
