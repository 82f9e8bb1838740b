// POSIX timers: timer_create(2) and its kin, by the system calls themselves (the last cases: by libc).
#include "support.h"

#include <sys/resource.h>

#ifndef TIMER_ABSTIME
#define TIMER_ABSTIME 1
#endif

namespace {

// The kernel's struct sigevent; libcs differ in the name of the thread's ID.
struct Event {
    union {
        int number;
        void* pointer;
    } value;
    int signo, notify, tid, pad[11];
};
static_assert(sizeof(Event) == 64);
constexpr int kThreadId = 4;

struct Timer {
    int id = -1;
    explicit Timer(int clock = CLOCK_MONOTONIC, int notify = SIGEV_SIGNAL, int signo = SIGRTMIN + 1, int value = 0) {
        Event e{};
        e.notify = notify;
        e.signo = signo;
        e.value.number = value;
        if (notify == kThreadId) {
            e.tid = static_cast<int>(sys(SYS_gettid));
        }
        if (sys(SYS_timer_create, clock, &e, &id) != 0) {
            id = -1;
        }
    }
    Timer(const Timer&) = delete;
    ~Timer() {
        if (id >= 0) {
            sys(SYS_timer_delete, id);
        }
    }
    bool valid() const { return id >= 0; }
    long set(itimerspec v, int flags = 0, itimerspec* old = nullptr) { return sys(SYS_timer_settime, id, flags, &v, old); }
    long set_ns(uint64_t value, uint64_t interval = 0, int flags = 0) { return set(spec(value, interval), flags); }
    itimerspec get() const {
        itimerspec v{};
        sys(SYS_timer_gettime, id, &v);
        return v;
    }
    static itimerspec spec(uint64_t value, uint64_t interval = 0) {
        return {{static_cast<time_t>(interval / 1000000000), static_cast<long>(interval % 1000000000)},
                {static_cast<time_t>(value / 1000000000), static_cast<long>(value % 1000000000)}};
    }
};

constexpr uint64_t kMs = 1000000, kSecond = 1000000000;

uint64_t ns(timespec t) { return static_cast<uint64_t>(t.tv_sec) * kSecond + static_cast<uint64_t>(t.tv_nsec); }

// Takes a signal that is blocked.
siginfo_t take(int sig) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, sig);
    siginfo_t info{};
    while (sigwaitinfo(&set, &info) < 0 && errno == EINTR) {
    }
    return info;
}

bool is_pending(int sig) {
    sigset_t set;
    sigpending(&set);
    return sigismember(&set, sig);
}

void burn() {
    volatile int x = 0;
    for (int i = 0; i < 100000; i++) {
        x = x + i;
    }
}

volatile sig_atomic_t fired;
volatile sig_atomic_t fired_tid;
void on_fire(int) {
    fired_tid = static_cast<int>(sys(SYS_gettid));
    fired = fired + 1;
}

} // namespace

TEST(sys_timer_create, every_clock_that_timers_have) {
    for (int clock : (int[]){CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_TAI, CLOCK_PROCESS_CPUTIME_ID,
                      CLOCK_THREAD_CPUTIME_ID}) {
        Timer t(clock);
        EXPECT_TRUE(t.valid()) << clock;
    }
}
TEST(sys_timer_create, ids_differ_and_are_not_negative) {
    Timer a, b;
    EXPECT_GE(a.id, 0);
    EXPECT_GE(b.id, 0);
    EXPECT_NE(a.id, b.id);
}
TEST(sys_timer_create, without_an_event_it_is_sigalrm_with_the_id) {
    BlockSignals block(SIGALRM);
    int id = -1;
    ASSERT_OK(sys(SYS_timer_create, CLOCK_MONOTONIC, nullptr, &id));
    itimerspec v = Timer::spec(1);
    EXPECT_OK(sys(SYS_timer_settime, id, 0, &v, nullptr));
    siginfo_t info = take(SIGALRM);
    EXPECT_EQ(SI_TIMER, info.si_code);
    EXPECT_EQ(id, info.si_value.sival_int);
    EXPECT_OK(sys(SYS_timer_delete, id));
}
TEST(sys_timer_create, siginfo_tells_timer_value_and_overrun) {
    BlockSignals block(SIGRTMIN + 1);
    Timer t(CLOCK_MONOTONIC, SIGEV_SIGNAL, SIGRTMIN + 1, 4711);
    ASSERT_OK(t.set_ns(1));
    siginfo_t info = take(SIGRTMIN + 1);
    EXPECT_EQ(SIGRTMIN + 1, info.si_signo);
    EXPECT_EQ(SI_TIMER, info.si_code);
    EXPECT_EQ(t.id, info.si_timerid);
    EXPECT_EQ(0, info.si_overrun);
    EXPECT_EQ(4711, info.si_value.sival_int);
}
TEST(sys_timer_create, sigev_thread_id_sends_to_that_thread) {
    SignalAction action(SIGRTMIN + 2, on_fire);
    fired = 0;
    int other = 0, ready = 0, stop = 0;
    Thread thread([&] {
        other = static_cast<int>(sys(SYS_gettid));
        __atomic_store_n(&ready, 1, __ATOMIC_RELEASE);
        wait_until([&] { return __atomic_load_n(&stop, __ATOMIC_ACQUIRE); });
    });
    wait_until([&] { return __atomic_load_n(&ready, __ATOMIC_ACQUIRE); });
    Event e{};
    e.notify = kThreadId, e.signo = SIGRTMIN + 2, e.tid = other;
    int id = -1;
    ASSERT_OK(sys(SYS_timer_create, CLOCK_MONOTONIC, &e, &id));
    itimerspec v = Timer::spec(1);
    EXPECT_OK(sys(SYS_timer_settime, id, 0, &v, nullptr));
    wait_until([&] { return fired != 0; });
    EXPECT_EQ(other, fired_tid);
    EXPECT_OK(sys(SYS_timer_delete, id));
    __atomic_store_n(&stop, 1, __ATOMIC_RELEASE);
}
TEST(sys_timer_create, target_thread_may_end_before_the_timer) {
    int tid = 0, ready = 0, stop = 0;
    int id = -1;
    {
        Thread thread([&] {
            tid = static_cast<int>(sys(SYS_gettid));
            sigset_t set;
            sigfillset(&set);
            pthread_sigmask(SIG_BLOCK, &set, nullptr);
            __atomic_store_n(&ready, 1, __ATOMIC_RELEASE);
            wait_until([&] { return __atomic_load_n(&stop, __ATOMIC_ACQUIRE); });
        });
        wait_until([&] { return __atomic_load_n(&ready, __ATOMIC_ACQUIRE); });
        Event e{};
        e.notify = kThreadId, e.signo = SIGRTMIN + 2, e.tid = tid;
        ASSERT_OK(sys(SYS_timer_create, CLOCK_MONOTONIC, &e, &id));
        itimerspec v = Timer::spec(1, kMs);
        EXPECT_OK(sys(SYS_timer_settime, id, 0, &v, nullptr));
        __atomic_store_n(&stop, 1, __ATOMIC_RELEASE);
    }
    EXPECT_OK(sys(SYS_timer_delete, id)); // its signal is pending for the thread, or lost with it
}
TEST(sys_timer_create, is_not_inherited_by_fork) {
    Timer t;
    ASSERT_TRUE(t.valid());
    EXPECT_CHILD_OK([&] {
        itimerspec v;
        CHECK_ERRNO(sys(SYS_timer_gettime, t.id, &v), EINVAL);
        return 0;
    });
}
HELPER(timer_is_gone) {
    itimerspec v;
    return sys(SYS_timer_gettime, atoi(argv[0]), &v) == -1 && errno == EINVAL ? 0 : 1;
}
TEST(sys_timer_create, is_deleted_by_exec) {
    EXPECT_CHILD_OK([] {
        Timer t(CLOCK_MONOTONIC, SIGEV_SIGNAL, SIGUSR1);
        CHECK(t.valid());
        CHECK(t.set_ns(50 * kMs, kMs) == 0); // if it went on, the new program died of it
        char id[16];
        snprintf(id, sizeof id, "%d", t.id);
        return exec_helper("timer_is_gone", id);
    });
}
TEST(sys_timer_create, pending_signal_of_a_timer_is_gone_with_exit) {
    EXPECT_CHILD_OK([] {
        BlockSignals block(SIGRTMIN + 1);
        Timer t;
        CHECK(t.set_ns(1, kMs) == 0);
        wait_until([] { return is_pending(SIGRTMIN + 1); });
        _exit(0);
        return 1;
    });
}
TEST(sys_timer_create, process_cpu_clock_of_a_child) {
    Pipe p;
    pid_t child = start_child([&] {
        char c;
        p.w.reset();
        read(p.r, &c, 1);
        return 0;
    });
    Timer t(static_cast<int>(~static_cast<unsigned>(child) << 3 | 2));
    EXPECT_TRUE(t.valid());
    p.w.reset();
    EXPECT_EQ(0, wait_for(child));
}
TEST(sys_timer_create, EINVAL_on_unknown_clock) {
    int id;
    EXPECT_ERRNO(sys(SYS_timer_create, 99, nullptr, &id), EINVAL);
    EXPECT_ERRNO(sys(SYS_timer_create, ~0x3fffff << 3 | 2, nullptr, &id), EINVAL);
}
TEST(sys_timer_create, EOPNOTSUPP_on_clocks_without_timers) {
    int id;
    for (int clock : (int[]){CLOCK_MONOTONIC_RAW, CLOCK_REALTIME_COARSE, CLOCK_MONOTONIC_COARSE, ~3 << 3 | 3}) {
        EXPECT_ERRNO(sys(SYS_timer_create, clock, nullptr, &id), EOPNOTSUPP);
    }
}
TEST(sys_timer_create, EINVAL_on_bad_event) {
    int id;
    Event e{};
    e.notify = 99, e.signo = SIGUSR1;
    EXPECT_ERRNO(sys(SYS_timer_create, CLOCK_MONOTONIC, &e, &id), EINVAL);
    for (int signo : (int[]){0, -1, 65}) {
        e.notify = SIGEV_SIGNAL, e.signo = signo;
        EXPECT_ERRNO(sys(SYS_timer_create, CLOCK_MONOTONIC, &e, &id), EINVAL);
    }
    e.notify = kThreadId, e.signo = SIGUSR1;
    for (int tid : (int[]){0, -1, 1 << 23, static_cast<int>(getppid())}) {
        e.tid = tid;
        EXPECT_ERRNO(sys(SYS_timer_create, CLOCK_MONOTONIC, &e, &id), EINVAL);
    }
}
TEST(sys_timer_create, EFAULT_on_bad_pointers) {
    int id;
    EXPECT_ERRNO(sys(SYS_timer_create, 99, unmapped_address, &id), EFAULT); // before the clock is looked at
    EXPECT_ERRNO(sys(SYS_timer_create, CLOCK_MONOTONIC, kernel_address, &id), EFAULT);
    EXPECT_ERRNO(sys(SYS_timer_create, CLOCK_MONOTONIC, nullptr, unmapped_address), EFAULT);
}
TEST(sys_timer_create, EAGAIN_at_rlimit_sigpending) {
    EXPECT_CHILD_OK([] {
        rlimit limit{0, 0};
        CHECK(setrlimit(RLIMIT_SIGPENDING, &limit) == 0);
        int id;
        CHECK_ERRNO(sys(SYS_timer_create, CLOCK_MONOTONIC, nullptr, &id), EAGAIN);
        return 0;
    });
}

TEST(sys_timer_settime, runs_the_handler_once) {
    SignalAction action(SIGUSR1, on_fire);
    fired = 0;
    Timer t(CLOCK_MONOTONIC, SIGEV_SIGNAL, SIGUSR1);
    ASSERT_OK(t.set_ns(kMs));
    wait_until([] { return fired != 0; });
    EXPECT_EQ(1, fired);
    EXPECT_EQ(0u, ns(t.get().it_value));
}
TEST(sys_timer_settime, with_an_interval_it_comes_again_and_again) {
    BlockSignals block(SIGRTMIN + 1);
    Timer t;
    ASSERT_OK(t.set_ns(kMs, kMs));
    for (int i = 0; i < 5; i++) {
        EXPECT_EQ(t.id, take(SIGRTMIN + 1).si_timerid);
    }
    EXPECT_EQ(kMs, ns(t.get().it_interval));
}
TEST(sys_timer_settime, never_fires_before_its_time) {
    BlockSignals block(SIGRTMIN + 1);
    for (int clock : (int[]){CLOCK_MONOTONIC, CLOCK_REALTIME, CLOCK_BOOTTIME}) {
        Timer t(clock);
        uint64_t start = now_ns();
        ASSERT_OK(t.set_ns(5 * kMs));
        take(SIGRTMIN + 1);
        EXPECT_GE(now_ns() - start, 5 * kMs);
    }
}
TEST(sys_timer_settime, absolute_time_on_each_clock) {
    BlockSignals block(SIGRTMIN + 1);
    for (int clock : (int[]){CLOCK_MONOTONIC, CLOCK_REALTIME, CLOCK_BOOTTIME, CLOCK_TAI}) {
        Timer t(clock);
        uint64_t until = now_ns(clock) + 5 * kMs;
        ASSERT_OK(t.set_ns(until, 0, TIMER_ABSTIME));
        take(SIGRTMIN + 1);
        EXPECT_GE(now_ns(clock), until);
    }
}
TEST(sys_timer_settime, absolute_time_that_has_passed_fires_at_once) {
    BlockSignals block(SIGRTMIN + 1);
    for (int clock : (int[]){CLOCK_MONOTONIC, CLOCK_REALTIME, CLOCK_PROCESS_CPUTIME_ID}) {
        Timer t(clock);
        ASSERT_OK(t.set_ns(1, 0, TIMER_ABSTIME));
        burn();
        EXPECT_EQ(SI_TIMER, take(SIGRTMIN + 1).si_code);
    }
}
TEST(sys_timer_settime, zero_disarms_and_gives_the_old_setting) {
    Timer t;
    ASSERT_OK(t.set_ns(100 * kSecond, 7 * kSecond));
    itimerspec old{};
    ASSERT_OK(t.set({}, 0, &old));
    EXPECT_EQ(7 * kSecond, ns(old.it_interval));
    EXPECT_GT(ns(old.it_value), 0u);
    EXPECT_LE(ns(old.it_value), 100 * kSecond);
    EXPECT_EQ(0u, ns(t.get().it_value));
}
TEST(sys_timer_settime, interval_is_kept_while_disarmed) {
    Timer t;
    ASSERT_OK(t.set_ns(0, 7 * kSecond));
    EXPECT_EQ(0u, ns(t.get().it_value));
}
TEST(sys_timer_settime, ignored_signal_is_not_queued) {
    SignalAction action(SIGUSR2, SIG_IGN);
    Timer t(CLOCK_MONOTONIC, SIGEV_SIGNAL, SIGUSR2);
    ASSERT_OK(t.set_ns(1, kMs));
    sleep_ms(3);
    EXPECT_FALSE(is_pending(SIGUSR2));
    itimerspec v = t.get();
    EXPECT_EQ(kMs, ns(v.it_interval));
    EXPECT_GT(ns(v.it_value), 0u);
}
TEST(sys_timer_settime, ignored_periodic_timer_is_heard_once_a_handler_is_there) {
    SignalAction ignore(SIGUSR2, SIG_IGN);
    Timer t(CLOCK_MONOTONIC, SIGEV_SIGNAL, SIGUSR2);
    ASSERT_OK(t.set_ns(1, kMs));
    fired = 0;
    SignalAction action(SIGUSR2, on_fire);
    wait_until([] { return fired > 1; });
    t.set_ns(0);
}
TEST(sys_timer_settime, default_action_kills) {
    EXPECT_CHILD_SIGNAL(SIGUSR1, [] {
        Timer t(CLOCK_MONOTONIC, SIGEV_SIGNAL, SIGUSR1);
        t.set_ns(1);
        for (;;) {
            pause();
        }
        return 0;
    });
}
TEST(sys_timer_settime, sigkill_may_be_its_signal) {
    EXPECT_CHILD_SIGNAL(SIGKILL, [] {
        Timer t(CLOCK_MONOTONIC, SIGEV_SIGNAL, SIGKILL);
        t.set_ns(1);
        for (;;) {
            pause();
        }
        return 0;
    });
}
TEST(sys_timer_settime, two_timers_with_one_standard_signal_both_queue) {
    BlockSignals block(SIGUSR1);
    Timer a(CLOCK_MONOTONIC, SIGEV_SIGNAL, SIGUSR1, 1), b(CLOCK_MONOTONIC, SIGEV_SIGNAL, SIGUSR1, 2);
    ASSERT_OK(a.set_ns(1));
    wait_until([] { return is_pending(SIGUSR1); });
    ASSERT_OK(b.set_ns(1));
    int first = take(SIGUSR1).si_value.sival_int, second = take(SIGUSR1).si_value.sival_int;
    EXPECT_EQ(1, first);
    EXPECT_EQ(2, second);
}
TEST(sys_timer_settime, process_cpu_clock_counts_cpu_time) {
    BlockSignals block(SIGRTMIN + 1);
    Timer t(CLOCK_PROCESS_CPUTIME_ID);
    uint64_t start = now_ns(CLOCK_PROCESS_CPUTIME_ID);
    ASSERT_OK(t.set_ns(10 * kMs));
    while (!is_pending(SIGRTMIN + 1)) {
        burn();
    }
    EXPECT_GE(now_ns(CLOCK_PROCESS_CPUTIME_ID) - start, 10 * kMs);
    EXPECT_EQ(t.id, take(SIGRTMIN + 1).si_timerid);
}
TEST(sys_timer_settime, process_cpu_clock_stands_still_in_sleep) {
    Timer t(CLOCK_PROCESS_CPUTIME_ID);
    ASSERT_OK(t.set_ns(100 * kSecond));
    sleep_ms(50);
    EXPECT_GT(ns(t.get().it_value), 100 * kSecond - 50 * kMs + 5 * kMs);
}
TEST(sys_timer_settime, thread_cpu_clock_counts_one_thread) {
    BlockSignals block(SIGRTMIN + 1);
    Timer t(CLOCK_THREAD_CPUTIME_ID);
    uint64_t start = now_ns(CLOCK_THREAD_CPUTIME_ID);
    ASSERT_OK(t.set_ns(5 * kMs, 5 * kMs));
    for (int i = 1; i <= 2; i++) {
        while (!is_pending(SIGRTMIN + 1)) {
            burn();
        }
        EXPECT_GE(now_ns(CLOCK_THREAD_CPUTIME_ID) - start, static_cast<uint64_t>(i) * 5 * kMs);
        take(SIGRTMIN + 1);
    }
}
TEST(sys_timer_settime, EINVAL_on_bad_times_and_null) {
    Timer t;
    EXPECT_ERRNO(sys(SYS_timer_settime, t.id, 0, nullptr, nullptr), EINVAL);
    EXPECT_ERRNO(t.set({{0, 0}, {0, 1000000000}}), EINVAL);
    EXPECT_ERRNO(t.set({{0, 0}, {-1, 0}}), EINVAL);
    EXPECT_ERRNO(t.set({{0, -1}, {1, 0}}), EINVAL);
}
TEST(sys_timer_settime, EINVAL_on_unknown_timer) {
    itimerspec v = Timer::spec(1);
    EXPECT_ERRNO(sys(SYS_timer_settime, 0x7fffffff, 0, &v, nullptr), EINVAL);
    EXPECT_ERRNO(sys(SYS_timer_settime, -1, 0, &v, nullptr), EINVAL);
}
TEST(sys_timer_settime, EFAULT_on_bad_pointers) {
    Timer t;
    EXPECT_ERRNO(sys(SYS_timer_settime, t.id, 0, unmapped_address, nullptr), EFAULT);
    itimerspec v = Timer::spec(100 * kSecond);
    EXPECT_ERRNO(sys(SYS_timer_settime, t.id, 0, &v, kernel_address), EFAULT);
    EXPECT_GT(ns(t.get().it_value), 0u); // it is set all the same
}

TEST(sys_timer_gettime, tells_the_time_left) {
    Timer t;
    EXPECT_EQ(0u, ns(t.get().it_value));
    ASSERT_OK(t.set_ns(100 * kSecond, 3 * kSecond));
    itimerspec v = t.get();
    EXPECT_EQ(3 * kSecond, ns(v.it_interval));
    EXPECT_GT(ns(v.it_value), 0u);
    EXPECT_LE(ns(v.it_value), 100 * kSecond);
}
TEST(sys_timer_gettime, absolute_time_reads_as_what_is_left) {
    Timer t(CLOCK_REALTIME);
    ASSERT_OK(t.set_ns(now_ns(CLOCK_REALTIME) + 100 * kSecond, 0, TIMER_ABSTIME));
    EXPECT_GT(ns(t.get().it_value), 0u);
    EXPECT_LE(ns(t.get().it_value), 100 * kSecond);
}
TEST(sys_timer_gettime, silent_timer_counts_down_and_stops) {
    Timer t(CLOCK_MONOTONIC, SIGEV_NONE, 0);
    ASSERT_OK(t.set_ns(2 * kMs));
    wait_until([&] { return ns(t.get().it_value) == 0; });
    ASSERT_OK(t.set_ns(kMs, 50 * kMs));
    for (int i = 0; i < 20; i++) {
        uint64_t left = ns(t.get().it_value);
        EXPECT_GT(left, 0u);
        EXPECT_LE(left, 50 * kMs);
        sleep_ms(1);
    }
}
TEST(sys_timer_gettime, periodic_timer_runs_on_while_its_signal_waits) {
    BlockSignals block(SIGRTMIN + 1);
    Timer t;
    ASSERT_OK(t.set_ns(1, 10 * kSecond));
    wait_until([] { return is_pending(SIGRTMIN + 1); });
    uint64_t left = ns(t.get().it_value);
    EXPECT_GT(left, 0u);
    EXPECT_LE(left, 10 * kSecond);
}
TEST(sys_timer_gettime, EINVAL_on_unknown_timer) {
    itimerspec v;
    EXPECT_ERRNO(sys(SYS_timer_gettime, 0x7fffffff, &v), EINVAL);
}
TEST(sys_timer_gettime, EFAULT_on_bad_pointer) {
    Timer t;
    EXPECT_ERRNO(sys(SYS_timer_gettime, t.id, unmapped_address), EFAULT);
}

TEST(sys_timer_getoverrun, counts_what_was_missed_while_one_signal_waited) {
    BlockSignals block(SIGRTMIN + 1);
    Timer t;
    uint64_t start = now_ns();
    ASSERT_OK(t.set_ns(kMs, kMs));
    sleep_ms(20);
    siginfo_t info = take(SIGRTMIN + 1);
    uint64_t passed = now_ns() - start;
    EXPECT_GE(info.si_overrun, 18);
    EXPECT_LE(static_cast<uint64_t>(info.si_overrun), passed / kMs);
    EXPECT_EQ(info.si_overrun, sys(SYS_timer_getoverrun, t.id));
}
TEST(sys_timer_getoverrun, is_of_the_last_signal) {
    BlockSignals block(SIGRTMIN + 1);
    Timer t;
    ASSERT_OK(t.set_ns(kMs, 2 * kMs));
    sleep_ms(20);
    EXPECT_EQ(0, sys(SYS_timer_getoverrun, t.id)); // nothing was delivered yet
    take(SIGRTMIN + 1);
    EXPECT_GT(sys(SYS_timer_getoverrun, t.id), 0);
    ASSERT_OK(t.set_ns(100 * kSecond));
    EXPECT_EQ(0, sys(SYS_timer_getoverrun, t.id));
}
TEST(sys_timer_getoverrun, from_a_time_of_long_ago_counts_since_then) {
    BlockSignals block(SIGRTMIN + 1);
    Timer t(CLOCK_REALTIME);
    ASSERT_OK(t.set_ns(1, 10 * kSecond, TIMER_ABSTIME));
    siginfo_t info = take(SIGRTMIN + 1);
    uint64_t most = now_ns(CLOCK_REALTIME) / (10 * kSecond);
    EXPECT_LE(static_cast<uint64_t>(info.si_overrun), most);
    EXPECT_GE(static_cast<uint64_t>(info.si_overrun), most - 10);
}
TEST(sys_timer_getoverrun, stops_at_int_max) {
    BlockSignals block(SIGRTMIN + 1);
    Timer t(CLOCK_REALTIME);
    ASSERT_OK(t.set_ns(1, 1000, TIMER_ABSTIME));
    EXPECT_EQ(0x7fffffff, take(SIGRTMIN + 1).si_overrun);
    EXPECT_EQ(0x7fffffff, sys(SYS_timer_getoverrun, t.id));
}
TEST(sys_timer_getoverrun, EINVAL_on_unknown_timer) {
    EXPECT_ERRNO(sys(SYS_timer_getoverrun, 0x7fffffff), EINVAL);
    EXPECT_ERRNO(sys(SYS_timer_getoverrun, -5), EINVAL);
}

TEST(sys_timer_delete, running_timer_is_gone) {
    Timer t(CLOCK_MONOTONIC, SIGEV_SIGNAL, SIGUSR1);
    ASSERT_OK(t.set_ns(100 * kMs)); // SIGUSR1 would kill
    int id = t.id;
    t.id = -1;
    EXPECT_OK(sys(SYS_timer_delete, id));
    sleep_ms(150);
    EXPECT_ERRNO(sys(SYS_timer_delete, id), EINVAL);
}
TEST(sys_timer_delete, many_timers_one_after_the_other) {
    for (int i = 0; i < 1000; i++) {
        Timer t;
        ASSERT_TRUE(t.valid());
        ASSERT_OK(t.set_ns(1000 * kSecond));
    }
}
TEST(sys_timer_delete, EINVAL_on_unknown_timer) { EXPECT_ERRNO(sys(SYS_timer_delete, 0x7fffffff), EINVAL); }

// SIGEV_THREAD is libc's: a helper thread that waits for a signal of its own (SIGEV_THREAD_ID).
namespace {
int notified;
void notify(sigval v) { __atomic_add_fetch(&notified, v.sival_int, __ATOMIC_RELEASE); }
} // namespace
TEST(sys_timer_create, sigev_thread_of_libc_runs_the_function) {
    struct sigevent e{};
    e.sigev_notify = SIGEV_THREAD;
    e.sigev_notify_function = notify;
    e.sigev_value.sival_int = 5;
    timer_t t;
    ASSERT_EQ(0, timer_create(CLOCK_MONOTONIC, &e, &t)) << strerror(errno);
    itimerspec v = Timer::spec(kMs, kMs);
    EXPECT_EQ(0, timer_settime(t, 0, &v, nullptr));
    wait_until([] { return __atomic_load_n(&notified, __ATOMIC_ACQUIRE) >= 15; });
    EXPECT_EQ(0, timer_delete(t));
}
