// Clocks, sleeping, interval timers.
#include "support.h"

#include <sys/resource.h>
#include <sys/times.h>

#ifndef TIMER_ABSTIME
#define TIMER_ABSTIME 1
#endif

namespace {
volatile sig_atomic_t fired;
void on_fire(int) { fired = fired + 1; }
} // namespace

TEST(sys_clock_gettime, monotonic_never_goes_back) {
    uint64_t last = now_ns();
    for (int i = 0; i < 10000; i++) {
        uint64_t now = now_ns();
        ASSERT_GE(now, last);
        last = now;
    }
}
TEST(sys_clock_gettime, all_clocks_of_the_system_answer) {
    for (int clock : (int[]){CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID,
                       CLOCK_MONOTONIC_RAW, CLOCK_REALTIME_COARSE, CLOCK_MONOTONIC_COARSE, CLOCK_BOOTTIME,
                       CLOCK_TAI}) {
        timespec ts{-1, -1};
        EXPECT_OK(sys(SYS_clock_gettime, clock, &ts)) ;
        EXPECT_GE(ts.tv_sec, 0);
        EXPECT_GE(ts.tv_nsec, 0);
        EXPECT_LT(ts.tv_nsec, 1000000000);
    }
}
TEST(sys_clock_gettime, real_time_is_after_2023) { EXPECT_GT(now_ns(CLOCK_REALTIME) / 1000000000, 1672531200u); }
TEST(sys_clock_gettime, system_call_and_vdso_agree) {
    timespec a, b;
    uint64_t before = now_ns();
    ASSERT_OK(sys(SYS_clock_gettime, CLOCK_MONOTONIC, &a));
    uint64_t mid = a.tv_sec * 1000000000ull + a.tv_nsec;
    uint64_t after = now_ns();
    EXPECT_LE(before, mid);
    EXPECT_LE(mid, after);
    clock_gettime(CLOCK_REALTIME, &b);
    EXPECT_GT(b.tv_sec, 0);
}
TEST(sys_clock_gettime, coarse_clock_is_not_ahead) {
    uint64_t coarse = now_ns(CLOCK_MONOTONIC_COARSE);
    EXPECT_LE(coarse, now_ns());
}
TEST(sys_clock_gettime, process_cpu_time_grows_with_work) {
    uint64_t start = now_ns(CLOCK_PROCESS_CPUTIME_ID);
    wait_until([&] {
        volatile int x = 0;
        for (int i = 0; i < 100000; i++) {
            x = x + i;
        }
        return now_ns(CLOCK_PROCESS_CPUTIME_ID) > start;
    });
}
TEST(sys_clock_gettime, thread_cpu_time_by_pthread_getcpuclockid) {
    clockid_t clock;
    ASSERT_EQ(0, pthread_getcpuclockid(pthread_self(), &clock));
    timespec ts;
    EXPECT_OK(clock_gettime(clock, &ts));
}
TEST(sys_clock_gettime, EINVAL_on_unknown_clock) {
    timespec ts;
    EXPECT_ERRNO(sys(SYS_clock_gettime, 99, &ts), EINVAL);
}
TEST(sys_clock_gettime, EFAULT_on_bad_pointer) {
    EXPECT_ERRNO(sys(SYS_clock_gettime, CLOCK_MONOTONIC, unmapped_address), EFAULT);
}
TEST(sys_clock_getres, one_nanosecond_and_null_is_allowed) {
    timespec ts{};
    EXPECT_OK(sys(SYS_clock_getres, CLOCK_MONOTONIC, &ts));
    EXPECT_EQ(0, ts.tv_sec);
    EXPECT_EQ(1, ts.tv_nsec);
    EXPECT_OK(sys(SYS_clock_getres, CLOCK_REALTIME, nullptr));
}
TEST(sys_clock_getres, EINVAL_on_unknown_clock) {
    timespec ts;
    EXPECT_ERRNO(sys(SYS_clock_getres, 99, &ts), EINVAL);
}
TEST(sys_clock_settime, EINVAL_on_monotonic_clock_and_bad_time) {
    timespec ts{1, 0}, bad{0, -1};
    EXPECT_ERRNO(sys(SYS_clock_settime, CLOCK_MONOTONIC, &ts), EINVAL);
    EXPECT_ERRNO(sys(SYS_clock_settime, CLOCK_REALTIME, &bad), EINVAL);
}
TEST(sys_clock_settime, EPERM_for_a_plain_user) {
    EXPECT_CHILD_OK([] {
        CHECK(setresuid(1000, 1000, 1000) == 0);
        timespec ts{1700000000, 0};
        CHECK_ERRNO(sys(SYS_clock_settime, CLOCK_REALTIME, &ts), EPERM);
        return 0;
    });
}
TEST(sys_gettimeofday, agrees_with_clock_gettime) {
    timeval tv{};
    uint64_t before = now_ns(CLOCK_REALTIME) / 1000;
    ASSERT_OK(sys(SYS_gettimeofday, &tv, nullptr));
    uint64_t now = tv.tv_sec * 1000000ull + tv.tv_usec;
    EXPECT_GE(now, before);
    EXPECT_LE(now, now_ns(CLOCK_REALTIME) / 1000);
}
TEST(sys_gettimeofday, EFAULT_on_bad_pointer) { EXPECT_ERRNO(sys(SYS_gettimeofday, unmapped_address, nullptr), EFAULT); }
TEST(sys_settimeofday, EINVAL_on_bad_microseconds) {
    timeval tv{0, 2000000};
    EXPECT_ERRNO(sys(SYS_settimeofday, &tv, nullptr), EINVAL);
}
TEST(sys_time, agrees_with_clock_gettime) {
    long stored = 0;
    long t = sys(SYS_time, &stored);
    EXPECT_EQ(t, stored);
    EXPECT_LE(t, static_cast<long>(now_ns(CLOCK_REALTIME) / 1000000000));
    EXPECT_GT(t, 1672531200);
}
TEST(sys_time, EFAULT_on_bad_pointer) { EXPECT_ERRNO(sys(SYS_time, unmapped_address), EFAULT); }
TEST(sys_times, gives_ticks) {
    tms t{};
    EXPECT_GT(times(&t), 0);
    EXPECT_GE(t.tms_utime, 0);
}
TEST(sys_times, EFAULT_on_bad_pointer) { EXPECT_ERRNO(sys(SYS_times, unmapped_address), EFAULT); }

TEST(sys_nanosleep, sleeps_at_least_so_long) {
    uint64_t start = now_ns();
    timespec ts{0, 5000000};
    EXPECT_OK(nanosleep(&ts, nullptr));
    EXPECT_GE(now_ns() - start, 5000000u);
}
TEST(sys_nanosleep, EINTR_gives_the_rest) {
    RepeatedAlarm alarm;
    timespec ts{1000, 0}, rest{};
    EXPECT_ERRNO(nanosleep(&ts, &rest), EINTR);
    EXPECT_LT(rest.tv_sec, 1000);
    EXPECT_GT(rest.tv_sec, 500);
}
TEST(sys_nanosleep, EINVAL_on_bad_time) {
    timespec a{0, 1000000000}, b{-1, 0};
    EXPECT_ERRNO(sys(SYS_nanosleep, &a, nullptr), EINVAL);
    EXPECT_ERRNO(sys(SYS_nanosleep, &b, nullptr), EINVAL);
}
TEST(sys_nanosleep, EFAULT_on_bad_pointer) { EXPECT_ERRNO(sys(SYS_nanosleep, unmapped_address, nullptr), EFAULT); }
TEST(sys_clock_nanosleep, absolute_time_in_the_past_returns_at_once) {
    timespec ts{1, 0};
    EXPECT_EQ(0, clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, nullptr));
}
TEST(sys_clock_nanosleep, absolute_time_is_reached) {
    uint64_t until = now_ns() + 3000000;
    timespec ts{static_cast<time_t>(until / 1000000000), static_cast<long>(until % 1000000000)};
    EXPECT_EQ(0, clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, nullptr));
    EXPECT_GE(now_ns(), until);
}
TEST(sys_clock_nanosleep, EINTR_by_a_signal) {
    RepeatedAlarm alarm;
    timespec ts{1000, 0};
    EXPECT_ERRNO(sys(SYS_clock_nanosleep, CLOCK_REALTIME, 0, &ts, nullptr), EINTR);
}
TEST(sys_clock_nanosleep, EOPNOTSUPP_on_thread_clock) {
    timespec ts{0, 1};
    EXPECT_ERRNO(sys(SYS_clock_nanosleep, CLOCK_THREAD_CPUTIME_ID, 0, &ts, nullptr), EOPNOTSUPP);
}
TEST(sys_clock_nanosleep, EINVAL_on_bad_time_and_clock) {
    timespec ts{0, 1}, bad{0, -1};
    EXPECT_ERRNO(sys(SYS_clock_nanosleep, 99, 0, &ts, nullptr), EINVAL);
    EXPECT_ERRNO(sys(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, &bad, nullptr), EINVAL);
}

TEST(sys_setitimer, real_timer_sends_SIGALRM) {
    SignalAction a(SIGALRM, on_fire);
    fired = 0;
    itimerval tv{{0, 0}, {0, 1000}};
    EXPECT_OK(setitimer(ITIMER_REAL, &tv, nullptr));
    wait_until([] { return fired == 1; });
}
TEST(sys_setitimer, interval_repeats) {
    SignalAction a(SIGALRM, on_fire);
    fired = 0;
    itimerval tv{{0, 1000}, {0, 1000}}, off{}, old{};
    EXPECT_OK(setitimer(ITIMER_REAL, &tv, nullptr));
    wait_until([] { return fired >= 3; });
    EXPECT_OK(setitimer(ITIMER_REAL, &off, &old));
    EXPECT_EQ(1000, old.it_interval.tv_usec);
}
TEST(sys_setitimer, virtual_timer_sends_SIGVTALRM_while_working) {
    SignalAction a(SIGVTALRM, on_fire);
    fired = 0;
    itimerval tv{{0, 0}, {0, 1000}};
    EXPECT_OK(setitimer(ITIMER_VIRTUAL, &tv, nullptr));
    while (fired == 0) {
    }
}
TEST(sys_setitimer, profiling_timer_sends_SIGPROF_while_working) {
    SignalAction a(SIGPROF, on_fire);
    fired = 0;
    itimerval tv{{0, 0}, {0, 1000}};
    EXPECT_OK(setitimer(ITIMER_PROF, &tv, nullptr));
    while (fired == 0) {
    }
}
TEST(sys_setitimer, is_not_inherited_by_a_child) {
    itimerval tv{{0, 0}, {1000, 0}}, off{};
    ASSERT_OK(setitimer(ITIMER_REAL, &tv, nullptr));
    EXPECT_CHILD_OK([] {
        itimerval now{};
        CHECK(getitimer(ITIMER_REAL, &now) == 0);
        CHECK(now.it_value.tv_sec == 0 && now.it_value.tv_usec == 0);
        return 0;
    });
    setitimer(ITIMER_REAL, &off, nullptr);
}
TEST(sys_setitimer, EINVAL_on_unknown_timer_and_bad_time) {
    itimerval tv{{0, 0}, {0, 1000000}};
    EXPECT_ERRNO(setitimer(static_cast<decltype(ITIMER_REAL)>(9), &tv, nullptr), EINVAL);
    EXPECT_ERRNO(setitimer(ITIMER_REAL, &tv, nullptr), EINVAL);
}
TEST(sys_setitimer, EFAULT_on_bad_pointer) {
    EXPECT_ERRNO(sys(SYS_setitimer, ITIMER_REAL, unmapped_address, nullptr), EFAULT);
}
TEST(sys_getitimer, counts_down) {
    itimerval tv{{7, 0}, {1000, 0}}, now{}, off{};
    setitimer(ITIMER_REAL, &tv, nullptr);
    EXPECT_OK(getitimer(ITIMER_REAL, &now));
    EXPECT_EQ(7, now.it_interval.tv_sec);
    EXPECT_LE(now.it_value.tv_sec, 1000);
    EXPECT_GT(now.it_value.tv_sec, 500);
    setitimer(ITIMER_REAL, &off, nullptr);
}
TEST(sys_getitimer, EINVAL_on_unknown_timer) {
    itimerval now;
    EXPECT_ERRNO(getitimer(static_cast<decltype(ITIMER_REAL)>(9), &now), EINVAL);
}
TEST(sys_getitimer, EFAULT_on_bad_pointer) { EXPECT_ERRNO(sys(SYS_getitimer, ITIMER_REAL, unmapped_address), EFAULT); }
TEST(sys_alarm, gives_the_seconds_left_and_is_cancelled_by_zero) {
    EXPECT_EQ(0, sys(SYS_alarm, 1000u));
    long left = sys(SYS_alarm, 0u);
    EXPECT_LE(left, 1000);
    EXPECT_GT(left, 500);
    EXPECT_EQ(0, sys(SYS_alarm, 0u));
}
TEST(sys_alarm, sends_SIGALRM) {
    EXPECT_CHILD_SIGNAL(SIGALRM, [] {
        sys(SYS_alarm, 1u);
        for (;;) {
            pause();
        }
        return 0;
    });
}
TEST(vdso_time, lies_in_its_own_mapping) {
    char buf[65536];
    ASSERT_GT(read_text("/proc/self/maps", buf, sizeof(buf)), 0);
    EXPECT_TRUE(strstr(buf, "[vdso]") != nullptr);
}
