// setitimer(2). ITIMER_REAL is a timer of the monotonic clock. The CPU-time timers (VIRTUAL, PROF, and RLIMIT_CPU) are looked at by a
// timer that is set to the earliest moment at which they can have expired, and set again if the process was not running all that time.
#include "kernel/task/interval_timer.h"

#include "kernel/task/lifecycle.h"
#include "kernel/time/clock.h"
#include "linux-abi/time.h"

namespace linnet {

namespace {

Process& process_of(Timer& t) { return *static_cast<ProcessTimer&>(t).process; }

u64 cpu_clock(Process& p, int which) {
    CpuTimes c = process_cpu_times(p);
    return which == ITIMER_VIRTUAL ? c.user_ns : c.user_ns + c.system_ns;
}

/// Deferred context.
void real_expired(Timer& timer) {
    Process& p = process_of(timer);
    {
        SpinGuard g(p.signal_lock);
        IntervalTimer& t = p.timers[ITIMER_REAL];
        u64 now = monotonic_ns();
        if (!t.deadline_ns || now < t.deadline_ns) return; // it was set anew meanwhile, and armed
        if (t.interval_ns) {
            u64 missed = now > t.deadline_ns ? (now - t.deadline_ns) / t.interval_ns : 0;
            t.deadline_ns += (missed + 1) * t.interval_ns;
            start_timer(timer, t.deadline_ns);
        } else {
            t.deadline_ns = 0;
        }
    }
    send_kernel_signal(p, SIGALRM);
}

/// Arms the watch over the CPU-time timers.
void watch_cpu_time(Process& p) {
    u64 wait = ~u64(0);
    for (int which : {ITIMER_VIRTUAL, ITIMER_PROF}) {
        u64 deadline = p.timers[which].deadline_ns;
        if (!deadline) continue;
        u64 now = cpu_clock(p, which);
        u64 left = deadline > now ? deadline - now : 0;
        if (left < wait) wait = left;
    }
    if (wait == ~u64(0)) return;
    // With several CPUs a process runs faster than the clock; never more often than each millisecond.
    wait /= cpu_count();
    if (wait < kNsPerMs) wait = kNsPerMs;
    start_timer(p.cpu_timer, monotonic_ns() + wait);
}

void cpu_expired(Timer& timer) {
    Process& p = process_of(timer);
    for (int which : {ITIMER_VIRTUAL, ITIMER_PROF}) {
        u64 now = cpu_clock(p, which);
        bool fired = false;
        {
            SpinGuard g(p.signal_lock);
            IntervalTimer& t = p.timers[which];
            if (t.deadline_ns && now >= t.deadline_ns) {
                fired = true;
                t.deadline_ns = t.interval_ns ? now + t.interval_ns : 0;
            }
        }
        if (fired) send_kernel_signal(p, which == ITIMER_VIRTUAL ? SIGVTALRM : SIGPROF);
    }
    watch_cpu_time(p);
}

} // namespace

void init_interval_timers(Process& p) {
    p.real_timer.expired = real_expired;
    p.cpu_timer.expired = cpu_expired;
    p.real_timer.process = p.cpu_timer.process = &p;
}

IntervalTimerValue get_interval_timer(Process& p, int which) {
    const u64 now = which == ITIMER_REAL ? monotonic_ns() : cpu_clock(p, which);
    SpinGuard g(p.signal_lock);
    const IntervalTimer& t = p.timers[which];
    if (!t.deadline_ns) return {0, t.interval_ns};
    // One that is due but has not been seen yet must not read as off.
    return {t.deadline_ns > now ? t.deadline_ns - now : kNsPerUs, t.interval_ns};
}

IntervalTimerValue set_interval_timer(Process& p, int which, IntervalTimerValue v) {
    IntervalTimerValue old = get_interval_timer(p, which);
    const u64 now = which == ITIMER_REAL ? monotonic_ns() : cpu_clock(p, which);
    u64 deadline = 0;
    if (v.value_ns) deadline = v.value_ns > ~u64(0) - now - 1 ? ~u64(0) - 1 : now + v.value_ns;
    {
        SpinGuard g(p.signal_lock);
        p.timers[which] = {v.interval_ns, deadline};
        // Under the lock, so that the timer is armed for what is set, whoever comes last.
        if (which == ITIMER_REAL) {
            if (deadline) start_timer(p.real_timer, deadline);
            else stop_timer(p.real_timer);
        }
    }
    if (which != ITIMER_REAL) watch_cpu_time(p);
    return old;
}

void stop_interval_timers(Process& p) {
    {
        SpinGuard g(p.signal_lock);
        for (IntervalTimer& t : p.timers) t = {};
    }
    cancel_timer(p.real_timer);
    cancel_timer(p.cpu_timer);
}

} // namespace linnet
