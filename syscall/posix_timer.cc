// POSIX timers: timer_create(2), timer_settime(2), timer_getoverrun(2), timer_delete(2).
#include "kernel/lib/string.h"
#include "kernel/mm/user.h"
#include "kernel/task/posix_timer.h"
#include "linux-abi/syscalls.h"
#include "syscall/time_util.h"

namespace linnet {

using namespace abi;

namespace {

/// The alarm clocks: EOPNOTSUPP, as on a Linux without an alarm-capable real-time clock.
Result<void> choose_clock(PosixTimer& t, int id) {
    switch (id) {
    case CLOCK_REALTIME:
    case CLOCK_TAI: t.clock = TimerClock::Realtime; return {};
    case CLOCK_MONOTONIC:
    case CLOCK_BOOTTIME: t.clock = TimerClock::Monotonic; return {};
    case CLOCK_MONOTONIC_RAW:
    case CLOCK_REALTIME_COARSE:
    case CLOCK_MONOTONIC_COARSE:
    case CLOCK_REALTIME_ALARM:
    case CLOCK_BOOTTIME_ALARM: return EOPNOTSUPP;
    }
    if (id < 0 && (id & 3) == 3) return EOPNOTSUPP; // a clock device
    t.clock = TimerClock::Cpu;
    t.cpu_clock = TRY(find_cpu_clock(id));
    return {};
}

/// Whom and how to tell. EINVAL: Linux's good_sigevent(), by which SIGEV_THREAD is a signal to the process.
Result<void> choose_event(PosixTimer& t, const Sigevent& e) {
    switch (e.notify) {
    case SIGEV_THREAD_ID:
        t.target = find_task(e.tid);
        if (!t.target || t.target->process != current().process) return EINVAL;
        [[fallthrough]];
    case SIGEV_SIGNAL:
    case SIGEV_THREAD:
        if (!signal_valid(e.signo)) return EINVAL;
        break;
    case SIGEV_NONE: t.silent = true; break;
    default: return EINVAL;
    }
    t.entry.info.signo = e.signo;
    t.entry.info.timer.value = e.value;
    return {};
}

Itimerspec to_itimerspec(PosixTimerValue v) { return {to_timespec(v.interval_ns), to_timespec(v.value_ns)}; }

} // namespace

Outcome sys_timer_create(ClockId clockid, In<Sigevent> sevp, Out<int32_t> timerid) {
    Sigevent event{};
    if (sevp) event = TRY(user_read<Sigevent>(sevp.address()));
    Owned<PosixTimer> t = TRY(make_owned<PosixTimer>());
    memset(&t->entry.info, 0, sizeof t->entry.info);
    t->entry.info.code = SI_TIMER;
    TRY(choose_clock(*t, clockid.value));
    if (sevp) {
        TRY(choose_event(*t, event));
    } else {
        t->entry.info.signo = SIGALRM;
        t->value_is_id = true;
    }
    const i32 id = TRY(add_posix_timer(std::move(t)));
    if (auto r = user_write<i32>(timerid.address(), id); !r) {
        (void)delete_posix_timer(*current().process, id);
        return r.error();
    }
    return 0;
}

Outcome sys_timer_settime(Int timerid, TimerFlags flags, In<Itimerspec> new_value, Out<Itimerspec> old_value) {
    if (!new_value) return EINVAL;
    const Itimerspec n = TRY(user_read<Itimerspec>(new_value.address()));
    const u64 interval = TRY(from_timespec(n.interval)), value = TRY(from_timespec(n.value));
    const PosixTimerValue old =
        TRY(set_posix_timer(*current().process, timerid.value, {value, interval}, flags.bits() & u64(TIMER_ABSTIME)));
    if (old_value) TRY(user_write(old_value.address(), to_itimerspec(old)));
    return 0;
}

Outcome sys_timer_gettime(Int timerid, Out<Itimerspec> curr_value) {
    const PosixTimerValue v = TRY(get_posix_timer(*current().process, timerid.value));
    TRY(user_write(curr_value.address(), to_itimerspec(v)));
    return 0;
}

Outcome sys_timer_getoverrun(Int timerid) { return i64(TRY(posix_timer_overrun(*current().process, timerid.value))); }

Outcome sys_timer_delete(Int timerid) {
    TRY(delete_posix_timer(*current().process, timerid.value));
    return 0;
}

} // namespace linnet
