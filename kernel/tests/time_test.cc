// Timers, deferred work, clocks.
#include "kernel/arch/x86_64/cpu.h"
#include "kernel/irq/deferred.h"
#include "kernel/sched/scheduler.h"
#include "kernel/tests/ktest.h"
#include "kernel/time/clock.h"
#include "kernel/time/timer.h"

namespace linnet::ktest {

namespace {

constexpr u32 kTimers = 64;
struct TestTimer : Timer {
    u32 number = 0;
    u64 expired_at = 0;
    u32 count = 0;
};
TestTimer timers[kTimers];
std::atomic<u32> expired_count;
u32 order[kTimers * 2];

void note(Timer& t) {
    auto& e = static_cast<TestTimer&>(t);
    e.expired_at = monotonic_ns();
    ++e.count;
    order[expired_count.fetch_add(1) % (kTimers * 2)] = e.number;
}

void reset_timers() {
    expired_count = 0;
    for (u32 i = 0; i < kTimers; ++i) {
        timers[i].number = i;
        timers[i].expired = note;
        timers[i].count = 0;
        timers[i].expired_at = 0;
    }
}

void wait_for(u32 count) {
    while (expired_count.load() < count) sleep_ms(1);
}

} // namespace

KTEST_EACH_CPU(Timers, expire_in_order_and_not_early) {
    reset_timers();
    u64 base = monotonic_ns() + 2 * kNsPerMs;
    u32 place[kTimers];
    for (u32 i = 0; i < kTimers; ++i) place[i] = i;
    for (u32 i = kTimers - 1; i > 0; --i) { // armed in random order
        u32 j = u32(random_below(i + 1)), t = place[i];
        place[i] = place[j];
        place[j] = t;
    }
    for (u32 i = 0; i < kTimers; ++i) start_timer(timers[place[i]], base + place[i] * 100 * kNsPerUs);
    wait_for(kTimers);
    for (u32 i = 0; i < kTimers; ++i) {
        EXPECT_EQ(order[i], i);
        EXPECT_EQ(timers[i].count, 1);
        EXPECT(timers[i].expired_at >= base + i * 100 * kNsPerUs);
        EXPECT(!timers[i].armed);
    }
}

KTEST_EACH_CPU(Timers, equal_deadlines_all_expire) {
    reset_timers();
    u64 when = monotonic_ns() + kNsPerMs;
    for (auto& t : timers) start_timer(t, when);
    wait_for(kTimers);
    for (u32 i = 0; i < kTimers; ++i) EXPECT_EQ(order[i], i); // first armed, first expired
}

KTEST_EACH_CPU(Timers, a_past_deadline_expires) {
    reset_timers();
    start_timer(timers[0], 1);
    start_timer(timers[1], monotonic_ns());
    wait_for(2);
    EXPECT_EQ(order[0], 0);
}

KTEST_EACH_CPU(Timers, a_cancelled_timer_does_not_expire) {
    reset_timers();
    u64 when = monotonic_ns() + 3 * kNsPerMs;
    for (auto& t : timers) start_timer(t, when);
    for (u32 i = 0; i < kTimers; i += 2) EXPECT(cancel_timer(timers[i]));
    EXPECT(!cancel_timer(timers[0]));
    wait_for(kTimers / 2);
    sleep_ms(1);
    for (u32 i = 0; i < kTimers; ++i) EXPECT_EQ(timers[i].count, i & 1);
    EXPECT(!cancel_timer(timers[1]));
}

KTEST_EACH_CPU(Timers, the_first_one_may_be_cancelled_or_moved) {
    reset_timers();
    u64 now = monotonic_ns();
    start_timer(timers[0], now + kNsPerMs);
    start_timer(timers[1], now + 2 * kNsPerMs);
    start_timer(timers[2], now + 1000 * kNsPerSec);
    EXPECT(cancel_timer(timers[0]));
    start_timer(timers[2], now + 3 * kNsPerMs); // earlier
    start_timer(timers[1], now + 4 * kNsPerMs); // later
    wait_for(2);
    EXPECT_EQ(order[0], 2);
    EXPECT_EQ(order[1], 1);
    EXPECT_EQ(timers[0].count, 0);
    EXPECT(timers[1].expired_at >= now + 4 * kNsPerMs);
}

KTEST_EACH_CPU(Timers, a_callback_arms_its_own_timer_again) {
    reset_timers();
    timers[0].expired = [](Timer& t) {
        note(t);
        if (static_cast<TestTimer&>(t).count < 100) start_timer(t, t.deadline_ns + 10 * kNsPerUs);
    };
    start_timer(timers[0], monotonic_ns());
    wait_for(100);
    sleep_ms(1);
    EXPECT_EQ(timers[0].count, 100);
}

KTEST_EACH_CPU(Timers, a_callback_cancels_and_arms_others) {
    reset_timers();
    timers[0].expired = [](Timer& t) {
        note(t);
        cancel_timer(timers[1]);
        start_timer(timers[2], 0);
    };
    u64 when = monotonic_ns() + kNsPerMs;
    start_timer(timers[0], when);
    start_timer(timers[1], when);
    wait_for(2);
    EXPECT_EQ(timers[1].count, 0);
    EXPECT_EQ(timers[2].count, 1);
}

KTEST_EACH_CPU(Timers, callbacks_are_deferred_work) {
    static bool deferred, flag_set;
    reset_timers();
    timers[0].expired = [](Timer& t) {
        u64 flags;
        asm volatile("pushfq; popq %0" : "=r"(flags));
        flag_set = flags & 0x200;
        deferred = per_cpu().in_deferred && !per_cpu().in_interrupt;
        note(t);
    };
    start_timer(timers[0], monotonic_ns());
    wait_for(1);
    EXPECT(deferred);
    EXPECT(flag_set);
}

KTEST_EACH_CPU(Timers, random_use) {
    reset_timers();
    static bool want[kTimers];
    for (bool& w : want) w = false;
    for (u32 step = 0; step < 5000; ++step) {
        u32 i = u32(random_below(kTimers));
        if (random_below(3)) {
            start_timer(timers[i], monotonic_ns() + 50 * kNsPerMs + random_below(100 * kNsPerUs));
            want[i] = true;
        } else {
            bool was = cancel_timer(timers[i]);
            if (was && !want[i]) fail(__FILE__, __LINE__, "timer %u was armed", i);
            want[i] = false;
        }
        if (step % 64 == 0) cond_resched();
    }
    for (bool armed = true; armed;) { // all that are left come
        armed = false;
        for (auto& t : timers) armed |= __atomic_load_n(&t.armed, __ATOMIC_ACQUIRE);
        if (armed) sleep_ms(1);
    }
    for (u32 i = 0; i < kTimers; ++i)
        if (want[i]) EXPECT(timers[i].count > 0);
}

KTEST_EACH_CPU(Clocks, monotonic_time_never_steps_back) {
    u64 last = 0;
    for (int i = 0; i < 200000; ++i) {
        u64 now = monotonic_ns();
        if (now < last) return fail(__FILE__, __LINE__, "%lu after %lu", now, last);
        last = now;
    }
}

KTEST_EACH_CPU(Clocks, a_sleep_lasts_at_least_as_long_as_asked) {
    for (u64 ms : {1, 2, 5, 10}) {
        u64 start = monotonic_ns();
        sleep_ms(ms);
        EXPECT(monotonic_ns() - start >= ms * kNsPerMs);
    }
}

// ---- deferred work -----------------------------------------------------------------------------------------------------

namespace {

struct Work : DeferredWork { u32 number = 0; };
Work works[8];
u32 work_order[64], work_count;

void note_work(DeferredWork& w) { work_order[work_count++ % 64] = static_cast<Work&>(w).number; }

void reset_works() {
    work_count = 0;
    for (u32 i = 0; i < 8; ++i) works[i].number = i, works[i].run = note_work;
}

} // namespace

KTEST_EACH_CPU(Deferred, runs_once_and_in_order) {
    reset_works();
    {
        InterruptsOff off;
        for (u32 i : {3, 1, 3, 2, 1, 3}) raise_deferred(works[i]);
        EXPECT(current_thread()->work.load() & kWorkDeferred);
    }
    cond_resched();
    EXPECT_EQ(work_count, 3);
    EXPECT_EQ(work_order[0], 3);
    EXPECT_EQ(work_order[1], 1);
    EXPECT_EQ(work_order[2], 2);
    cond_resched();
    EXPECT_EQ(work_count, 3);
}

KTEST_EACH_CPU(Deferred, what_work_raises_runs_after_it) {
    reset_works();
    works[0].run = [](DeferredWork& w) {
        note_work(w);
        if (work_count < 10) raise_deferred(w); // itself
        raise_deferred(works[1]);
        run_deferred(); // does not nest
    };
    raise_deferred(works[0]);
    raise_deferred(works[2]);
    run_deferred();
    EXPECT_EQ(work_count, 11);
    EXPECT_EQ(work_order[0], 0);
    EXPECT_EQ(work_order[1], 2);
    EXPECT_EQ(work_order[2], 1);
    EXPECT_EQ(work_order[3], 0); // what raises itself lets the others go first
}

KTEST_EACH_CPU(Deferred, a_sleep_is_a_safe_point) {
    reset_works();
    raise_deferred(works[5]);
    sleep_ms(1);
    EXPECT_EQ(work_count, 1);
}

} // namespace linnet::ktest
