// The scheduler and the timers on the simulated machine: order, shares, priorities, and nothing lost over many schedules.
#include <gtest/gtest.h>

#include <vector>

#include "kernel/host/machine.h"
#include "kernel/lib/ref.h"
#include "kernel/sched/cross_call.h"
#include "kernel/sched/scheduler.h"
#include "kernel/sync/wait_queue.h"
#include "kernel/time/clock.h"
#include "kernel/time/timer.h"

namespace linnet {
namespace {

constexpr u32 kCpus = 4;

using host::schedules;

class Sched : public testing::Test {
  protected:
    void SetUp() override { host::boot(kCpus); }
};

/// Uses the CPU until the fake clock says so, with the safe points that a program's way back from an interrupt is.
void burn_until(u64 end) {
    while (monotonic_ns() < end) {
        host::advance_ns(20'000);
        host_interleave();
        cond_resched();
    }
}

TEST_F(Sched, SharesFollowNiceWeights) {
    host::seed(3, 8);
    struct Runner { int nice; Ref<Thread> thread; u64 used; };
    std::vector<Runner> runners = {{0, nullptr, 0}, {5, nullptr, 0}, {-5, nullptr, 0}};
    u64 end = monotonic_ns() + 3 * kNsPerSec;
    for (Runner& r : runners) {
        r.thread = host::spawn(0, [&r, end] {
            burn_until(end);
            r.used = current_thread()->cpu_time_ns.load();
        });
        ASSERT_TRUE(set_scheduling(*r.thread, SchedPolicy::Normal, r.nice, 0));
    }
    ASSERT_TRUE(host::run());
    // Weights 1024, 335, 3121 of 4480.
    double all = double(runners[0].used + runners[1].used + runners[2].used);
    EXPECT_NEAR(runners[0].used / all, 1024 / 4480.0, 0.03);
    EXPECT_NEAR(runners[1].used / all, 335 / 4480.0, 0.03);
    EXPECT_NEAR(runners[2].used / all, 3121 / 4480.0, 0.03);
}

/// A thread that ran far ahead, and one that waits: the slice timer takes the CPU from whoever spins.
TEST_F(Sched, SpinningThreadDoesNotStarveOneThatRanAhead) {
    host::seed(4, 8);
    bool finished = false;
    host::spawn(0, [&] {
        burn_until(monotonic_ns() + 50 * kNsPerMs); // alone: far ahead
        auto other = host::spawn(0, [&] {
            u64 limit = monotonic_ns() + 2 * kNsPerSec;
            while (!finished && monotonic_ns() < limit) {
                host::advance_ns(20'000);
                host_interleave();
                cond_resched();
            }
            EXPECT_TRUE(finished);
        });
        yield();
        finished = true;
    });
    ASSERT_TRUE(host::run());
}

TEST_F(Sched, EarliestVirtualDeadlineRunsFirst) {
    host::seed(6, 1000);
    std::vector<int> order;
    host::spawn(0, [&] {
        auto slow = host::spawn(0, [&] { order.push_back(10); });
        auto fast = host::spawn(0, [&] { order.push_back(-10); });
        auto plain = host::spawn(0, [&] { order.push_back(0); });
        // The same virtual time: who has more weight has the earlier deadline.
        ASSERT_TRUE(set_scheduling(*slow, SchedPolicy::Normal, 10, 0));
        ASSERT_TRUE(set_scheduling(*fast, SchedPolicy::Normal, -10, 0));
        ASSERT_TRUE(set_scheduling(*plain, SchedPolicy::Normal, 0, 0));
        yield();
    });
    ASSERT_TRUE(host::run());
    EXPECT_EQ(order, (std::vector<int>{-10, 0, 10}));
}

TEST_F(Sched, RealTimeGoesFirstByPriority) {
    host::seed(7, 1000);
    std::vector<int> order;
    host::spawn(0, [&] {
        auto normal = host::spawn(0, [&] { order.push_back(0); });
        auto low = host::spawn(0, [&] { order.push_back(10); });
        auto high = host::spawn(0, [&] { order.push_back(20); });
        auto high2 = host::spawn(0, [&] { order.push_back(21); });
        ASSERT_TRUE(set_scheduling(*low, SchedPolicy::Fifo, 0, 10));
        ASSERT_TRUE(set_scheduling(*high, SchedPolicy::Fifo, 0, 20));
        ASSERT_TRUE(set_scheduling(*high2, SchedPolicy::RoundRobin, 0, 20));
        yield();
    });
    ASSERT_TRUE(host::run());
    EXPECT_EQ(order, (std::vector<int>{20, 21, 10, 0}));
}

TEST_F(Sched, PolicyChecks) {
    ASSERT_TRUE(host::run_thread([] {
        Thread& t = *current_thread();
        EXPECT_EQ(set_scheduling(t, SchedPolicy::Fifo, 0, 0).error(), EINVAL);
        EXPECT_EQ(set_scheduling(t, SchedPolicy::Fifo, 0, 100).error(), EINVAL);
        EXPECT_EQ(set_scheduling(t, SchedPolicy::Normal, 0, 1).error(), EINVAL);
        EXPECT_TRUE(set_scheduling(t, SchedPolicy::Normal, -100, 0));
        EXPECT_EQ(t.nice, -20);
        EXPECT_TRUE(set_scheduling(t, SchedPolicy::Idle, 0, 0));
        EXPECT_EQ(t.weight, 3u);
        EXPECT_EQ(set_affinity(t, 0).error(), EINVAL);
        EXPECT_EQ(set_affinity(t, 1ull << kCpus).error(), EINVAL);
        EXPECT_TRUE(set_affinity(t, 1));
    }));
}

TEST_F(Sched, SleeperDoesNotSaveUpTime) {
    host::seed(9, 8);
    WaitQueue q;
    std::atomic<bool> go{false};
    u64 sleeper_ran = 0, other_ran = 0;
    host::spawn(0, [&] {
        wait_until(q, [&] { return go.load(); });
        u64 from = current_thread()->cpu_time_ns.load();
        burn_until(monotonic_ns() + 200 * kNsPerMs);
        sleeper_ran = current_thread()->cpu_time_ns.load() - from;
    });
    host::spawn(0, [&] {
        burn_until(monotonic_ns() + kNsPerSec);
        go.store(true);
        q.wake_all();
        u64 from = current_thread()->cpu_time_ns.load();
        burn_until(monotonic_ns() + 200 * kNsPerMs);
        other_ran = current_thread()->cpu_time_ns.load() - from;
    });
    ASSERT_TRUE(host::run());
    EXPECT_GT(other_ran, 80 * kNsPerMs); // about half, though the other one slept a second
    EXPECT_GT(sleeper_ran, 80 * kNsPerMs);
}

/// Who wakes a thread that has had less time goes on for a moment: several requests reach a server at one switch. Not for long.
TEST_F(Sched, WokenThreadWaitsForTheLeastRun) {
    host::seed(10, 1'000'000);
    WaitQueue q;
    u32 sent = 0, seen_at_first = 0;
    u64 asked_ns = 0, answered_ns = 0;
    host::spawn(0, [&] {
        wait_until(q, [&] { return sent > 0; });
        seen_at_first = sent;
        answered_ns = monotonic_ns();
    });
    host::spawn(0, [&] {
        burn_until(monotonic_ns() + 50 * kNsPerMs); // far ahead of the sleeper
        wait_until(q, [&] { return false; }, monotonic_ns() + kNsPerMs); // and anew on the CPU
        asked_ns = monotonic_ns();
        while (!answered_ns) {
            ++sent;
            q.wake_all();
            host::advance_ns(20'000);
            host_interleave();
            cond_resched();
        }
    });
    ASSERT_TRUE(host::run());
    EXPECT_GT(seen_at_first, 10u);
    EXPECT_LT(answered_ns - asked_ns, kNsPerMs);
}

/// A server that uses more of the CPU than its client, and is always woken before the client sleeps: when the client then spins, the
/// server gets its turn within two slices, however long that went on.
TEST_F(Sched, ThreadsThatWakeEachOtherDoNotDriftApart) {
    host::seed(12, 1'000'000);
    WaitQueue requests, answers;
    u32 sent = 0, answered = 0;
    bool end = false;
    u64 asked_ns = 0, got_ns = 0;
    host::spawn(0, [&] {
        while (wait_until(requests, [&] { return sent > answered || end; }), !end) {
            burn_until(monotonic_ns() + 300'000);
            ++answered;
            answers.wake_all();
            burn_until(monotonic_ns() + 300'000); // the client is runnable already
        }
    });
    host::spawn(0, [&] {
        for (u64 stop = monotonic_ns() + 500 * kNsPerMs; monotonic_ns() < stop;) {
            ++sent;
            requests.wake_all();
            burn_until(monotonic_ns() + 100'000);
            wait_until(answers, [&] { return sent == answered; });
        }
        ++sent;
        requests.wake_all();
        asked_ns = monotonic_ns();
        while (sent != answered && monotonic_ns() < asked_ns + kNsPerSec) {
            host::advance_ns(20'000);
            host_interleave();
            cond_resched();
        }
        got_ns = monotonic_ns();
        end = true;
        requests.wake_all();
    });
    ASSERT_TRUE(host::run());
    EXPECT_LT(got_ns - asked_ns, 7 * kNsPerMs);
}

/// Threads that wake each other across CPUs: every one comes to its end in every schedule.
TEST_F(Sched, PingPongAcrossCpus) {
    for (int s = 0; s < schedules(1000); ++s) {
        host::seed(s, 1 + s % 3);
        WaitQueue q;
        std::atomic<u32> turn{0};
        u32 shared = 0;
        for (u32 n = 0; n < 3; ++n)
            host::spawn((n + s) % kCpus, [&, n] {
                for (int i = 0; i < 3; ++i) {
                    wait_until(q, [&] { return turn.load() % 3 == n; });
                    ++shared;
                    turn.fetch_add(1);
                    q.wake_all();
                }
            });
        ASSERT_TRUE(host::run()) << "schedule " << s;
        ASSERT_EQ(shared, 9u);
    }
}

/// A wake-up that meets a thread on its way to sleep, on the same CPU or another.
TEST_F(Sched, WakeUpAgainstGoingToSleep) {
    for (int s = 0; s < schedules(1500); ++s) {
        host::seed(s, 1 + s % 3);
        bool woken = false;
        std::atomic<bool> flag{false};
        auto sleeper = host::spawn(s % 2, [&] {
            while (!flag.load()) {
                prepare_to_sleep(true);
                host_interleave();
                if (!flag.load()) schedule();
                else cancel_sleep();
            }
            woken = true;
        });
        host::spawn(s % kCpus, [&, sleeper] {
            flag.store(true);
            host_interleave();
            wake_thread(*sleeper);
        });
        ASSERT_TRUE(host::run()) << "schedule " << s;
        ASSERT_TRUE(woken);
    }
}

// ---- several CPUs ------------------------------------------------------------------------------------------------

constexpr CpuMask kAllCpus = (1ull << kCpus) - 1;

CpuMask here() { return CpuMask(1) << this_cpu(); }

/// A thread that may run anywhere goes to an idle CPU at once, so four of them that wait for each other all run.
TEST_F(Sched, NewThreadsGoToIdleCpus) {
    for (int s = 0; s < schedules(300); ++s) {
        host::seed(s, 1 + s % 3);
        std::atomic<CpuMask> used{0};
        std::atomic<u32> there{0};
        host::spawn(s % kCpus, [&] {
            for (u32 i = 0; i < kCpus - 1; ++i)
                host::spawn_on(kAllCpus, [&] {
                    used.fetch_or(here());
                    there.fetch_add(1);
                    while (there.load() < kCpus) host_interleave(); // no safe point: keeps its CPU
                });
            used.fetch_or(here());
            there.fetch_add(1);
            while (there.load() < kCpus) host_interleave();
        });
        ASSERT_TRUE(host::run()) << "schedule " << s;
        ASSERT_EQ(used.load(), kAllCpus) << "schedule " << s;
    }
}

/// Threads that wait behind one that keeps its CPU are taken by a CPU that becomes idle.
TEST_F(Sched, IdleCpuSteals) {
    for (int s = 0; s < schedules(300); ++s) {
        host::seed(s, 1 + s % 3);
        std::atomic<u32> done{0};
        std::atomic<bool> queued{false};
        const u32 home = s % kCpus;
        for (u32 c = 0; c < kCpus; ++c)
            if (c != home)
                host::spawn(c, [&] { // nobody is idle before the threads are queued
                    while (!queued.load()) host_interleave();
                });
        host::spawn(home, [&] {
            for (int i = 0; i < 3; ++i)
                host::spawn_on(kAllCpus, [&] {
                    EXPECT_NE(this_cpu(), home);
                    done.fetch_add(1);
                });
            queued.store(true);
            while (done.load() < 3) host_interleave(); // no safe point
        });
        ASSERT_TRUE(host::run()) << "schedule " << s;
    }
}

/// A CPU with many waiting threads gives some to one that is busy, but with fewer.
TEST_F(Sched, LongQueueIsPushed) {
    for (int s = 0; s < schedules(100); ++s) {
        host::seed(s, 4);
        std::atomic<CpuMask> used{0};
        std::atomic<u32> there{0};
        for (u32 c = 0; c < kCpus; ++c) // no CPU is ever idle
            host::spawn(c, [&] {
                there.fetch_add(1);
                while (used.load() != kAllCpus) {
                    host::advance_ns(20'000);
                    host_interleave();
                    cond_resched();
                }
            });
        host::spawn(0, [&] {
            while (there.load() < kCpus) {
                host_interleave();
                cond_resched();
            }
            for (int i = 0; i < 6; ++i)
                host::spawn_on(kAllCpus, [&] {
                    while (used.load() != kAllCpus) {
                        used.fetch_or(here());
                        host::advance_ns(20'000);
                        host_interleave();
                        cond_resched();
                    }
                });
        });
        ASSERT_TRUE(host::run()) << "schedule " << s;
    }
}

/// A thread runs where its affinity says from its next safe point on.
TEST_F(Sched, AffinityMovesARunningThread) {
    for (int s = 0; s < schedules(300); ++s) {
        host::seed(s, 1 + s % 3);
        for (u32 n = 0; n < 5; ++n)
            host::spawn_on(kAllCpus, [] {
                for (int i = 0; i < 6; ++i) {
                    CpuMask to = 1 + host::random(kAllCpus);
                    ASSERT_TRUE(set_affinity(*current_thread(), to));
                    cond_resched();
                    ASSERT_TRUE(to & here());
                }
            });
        ASSERT_TRUE(host::run()) << "schedule " << s;
    }
}

/// Of threads that run, wait in a queue, or sleep: they go where they are sent, and are all woken.
TEST_F(Sched, AffinityOfOthers) {
    for (int s = 0; s < schedules(500); ++s) {
        host::seed(s, 1 + s % 3);
        WaitQueue q;
        std::atomic<bool> over{false};
        std::vector<Ref<Thread>> threads;
        for (u32 n = 0; n < 4; ++n)
            threads.push_back(host::spawn_on(kAllCpus, [&, n] {
                while (!over.load())
                    if (n % 2) wait_until(q, [&] { return host_interleave(), over.load(); }, monotonic_ns() + 500);
                    else yield();
                cond_resched(); // what was asked for last has come about
                EXPECT_TRUE(current_thread()->affinity & here());
            }));
        for (u32 c = 0; c < 2; ++c)
            host::spawn_on(kAllCpus, [&] {
                for (int i = 0; i < 12; ++i) {
                    Thread& t = *threads[host::random(threads.size())];
                    ASSERT_TRUE(set_affinity(t, 1 + host::random(kAllCpus)));
                    if (host::random(3) == 0) wake_thread(t);
                }
                // Whoever comes last.
                static std::atomic<u32> ends{0};
                if (ends.fetch_add(1) % 2) {
                    over.store(true);
                    q.wake_all();
                }
            });
        ASSERT_TRUE(host::run()) << "schedule " << s;
    }
}

/// Everything at once, and nothing lost: policies, affinities, wake-ups and sleeps of threads that are anywhere.
TEST_F(Sched, Storm) {
    constexpr u32 kThreads = 7;
    for (int s = 0; s < schedules(600); ++s) {
        host::seed(s, 1 + s % 4);
        std::vector<Ref<Thread>> threads;
        std::atomic<u32> all_there{0}, in_step{0};
        WaitQueue q;
        auto body = [&] {
            while (!all_there.load()) yield();
            for (int i = 0; i < 12; ++i) {
                Thread& other = *threads[host::random(kThreads)];
                switch (host::random(8)) {
                case 0: yield(); break;
                case 1: (void)set_affinity(other, 1 + host::random(kAllCpus)); break;
                case 2: {
                    auto policy = SchedPolicy(host::random(4));
                    bool rt = policy == SchedPolicy::Fifo || policy == SchedPolicy::RoundRobin;
                    ASSERT_TRUE(set_scheduling(other, policy, int(host::random(40)) - 20, rt ? 1 + int(host::random(3)) : 0));
                    break;
                }
                case 3: wake_thread(other); break;
                case 4: {
                    prepare_to_sleep(true);
                    sleep_until(monotonic_ns() + host::random(2000));
                    break;
                }
                case 5: {
                    u32 turn = in_step.load();
                    wait_until(q, [&] { return in_step.load() != turn; }, monotonic_ns() + 3000);
                    break;
                }
                case 6:
                    in_step.fetch_add(1);
                    q.wake_one();
                    break;
                case 7: // what /proc/stat reads
                    (void)context_switches();
                    (void)idle_time_ns(u32(host::random(kCpus)));
                    (void)load_averages();
                    other.raise_work(kWorkResched);
                    break;
                }
                host::advance_ns(host::random(300));
                cond_resched();
            }
        };
        for (u32 n = 0; n < kThreads; ++n) threads.push_back(host::spawn_on(kAllCpus, body));
        host::spawn(0, [&] { all_there.store(1); });
        ASSERT_TRUE(host::run()) << "schedule " << s;
        for (auto& t : threads) ASSERT_EQ(t->state.load(), ThreadState::Dead);
    }
}

/// A thread is known by its number before it runs for the first time: its policy and affinity may change while it starts.
TEST_F(Sched, ChangesWhileAThreadStarts) {
    for (int s = 0; s < schedules(500); ++s) {
        host::seed(s, 1 + s % 3);
        auto young = make_ref<Thread>().value();
        std::atomic<bool> may_run{false};
        for (u32 c = 1; c < kCpus; ++c)
            host::spawn(c, [&] {
                for (int i = 0; i < 5; ++i) {
                    if (host::random(2)) ASSERT_TRUE(set_affinity(*young, 1 + host::random(kAllCpus)));
                    else if (host::random(2)) ASSERT_TRUE(set_scheduling(*young, SchedPolicy::Fifo, 0, 1 + int(host::random(9))));
                    else ASSERT_TRUE(set_scheduling(*young, SchedPolicy::Normal, int(host::random(20)), 0));
                }
            });
        host::spawn(0, [&] {
            for (u64 n = host::random(6); n; --n) host_interleave();
            host::start(young, 0, [&] {
                may_run.store(true);
                yield();
            });
        });
        ASSERT_TRUE(host::run()) << "schedule " << s;
        ASSERT_TRUE(may_run.load());
    }
}

/// Calls cross each other, from threads that move: each function has run on each CPU once when its caller goes on.
TEST_F(Sched, CallsOnCpus) {
    for (int s = 0; s < schedules(500); ++s) {
        host::seed(s, 1 + s % 3);
        for (u32 n = 0; n < kCpus; ++n)
            host::spawn_on(kAllCpus, [] {
                struct Seen { u32 of[kCpus] = {}; };
                for (int i = 0; i < 4; ++i) {
                    Seen seen; // plain: ThreadSanitizer sees it if the call gives no order
                    CpuMask to = 1 + host::random(kAllCpus);
                    call_on_cpus(to, [](void* arg) { ++static_cast<Seen*>(arg)->of[this_cpu()]; }, &seen);
                    for (u32 c = 0; c < kCpus; ++c) ASSERT_EQ(seen.of[c], u32(to >> c & 1));
                    yield();
                }
            });
        ASSERT_TRUE(host::run()) << "schedule " << s;
    }
}

// ---- timers ------------------------------------------------------------------------------------------------------

struct TestTimer : Timer {
    std::vector<int>* order = nullptr;
    int id = 0;
    u64 fired_at = 0;
    int count = 0;
    TestTimer() {
        expired = [](Timer& t) {
            auto& self = static_cast<TestTimer&>(t);
            self.fired_at = monotonic_ns();
            ++self.count;
            if (self.order) self.order->push_back(self.id);
        };
    }
};

TEST_F(Sched, TimersFireInOrderAndNeverEarly) {
    for (int s = 0; s < schedules(200); ++s) {
        host::seed(s);
        constexpr int kTimers = 20;
        TestTimer timers[kTimers];
        std::vector<int> order;
        ASSERT_TRUE(host::run_thread([&] {
            WaitQueue q;
            u64 base = monotonic_ns() + kNsPerMs;
            for (int i = 0; i < kTimers; ++i) {
                timers[i].id = i;
                timers[i].order = &order;
                start_timer(timers[i], base + host::random(8) * 1000); // several at the same moment
            }
            wait_until(q, [&] { return order.size() == kTimers; }, base + kNsPerMs);
            for (TestTimer& t : timers) {
                EXPECT_EQ(t.count, 1);
                EXPECT_FALSE(t.armed);
                EXPECT_GE(t.fired_at, t.deadline_ns);
            }
            for (int i = 1; i < kTimers; ++i) EXPECT_LE(timers[order[i - 1]].deadline_ns, timers[order[i]].deadline_ns);
        }));
    }
}

TEST_F(Sched, CancelledTimerStaysSilent) {
    host::seed(11);
    TestTimer a, b;
    ASSERT_TRUE(host::run_thread([&] {
        WaitQueue q;
        u64 now = monotonic_ns();
        start_timer(a, now + kNsPerMs);
        start_timer(b, now + kNsPerMs);
        start_timer(b, now + 2 * kNsPerMs); // moved
        EXPECT_TRUE(cancel_timer(a));
        EXPECT_FALSE(cancel_timer(a));
        wait_until(q, [] { return false; }, now + 3 * kNsPerMs);
        EXPECT_EQ(a.count, 0);
        EXPECT_EQ(b.count, 1);
        EXPECT_GE(b.fired_at, now + 2 * kNsPerMs);
        start_timer(a, 0); // long past: at the next safe point
        wait_until(q, [] { return false; }, monotonic_ns() + kNsPerMs);
        EXPECT_EQ(a.count, 1);
    }));
}

/// cancel_timer from another CPU while it may be firing: afterwards the callback neither runs nor will.
TEST_F(Sched, CancelFromAnotherCpu) {
    for (int s = 0; s < schedules(1000); ++s) {
        host::seed(s, 1 + s % 3);
        auto* timer = new TestTimer;
        std::atomic<bool> started{false};
        WaitQueue q;
        host::spawn(0, [&] {
            start_timer(*timer, monotonic_ns() + 300 + host::random(500));
            started.store(true);
            q.wake_all();
            burn_until(monotonic_ns() + 40'000);
        });
        host::spawn(1, [&] {
            wait_until(q, [&] { return started.load(); });
            for (u64 n = host::random(12); n; --n) host_interleave();
            bool was = cancel_timer(*timer);
            EXPECT_EQ(timer->count, was ? 0 : 1);
            delete timer; // AddressSanitizer and ThreadSanitizer see a late callback
        });
        ASSERT_TRUE(host::run()) << "schedule " << s;
    }
}

/// One timer that several CPUs start and stop: the last one counts, and it fires no more once all have ended with a cancel.
TEST_F(Sched, TimerOfSeveralCpus) {
    for (int s = 0; s < schedules(500); ++s) {
        host::seed(s, 1 + s % 3);
        struct Counting : Timer { std::atomic<int> fired{0}; };
        auto* timer = new Counting;
        timer->expired = [](Timer& t) {
            if (static_cast<Counting&>(t).fired.fetch_add(1) == 0) start_timer(t, monotonic_ns() + 200); // once more
        };
        std::atomic<u32> left{3};
        for (u32 c = 0; c < 3; ++c)
            host::spawn_on(kAllCpus, [&] {
                for (int i = 0; i < 6; ++i) {
                    if (host::random(3)) start_timer(*timer, monotonic_ns() + host::random(400));
                    else (void)stop_timer(*timer);
                    yield();
                    host::advance_ns(host::random(200));
                }
                if (left.fetch_sub(1) != 1) return;
                (void)cancel_timer(*timer);
                EXPECT_FALSE(timer->armed);
                delete timer;
            });
        ASSERT_TRUE(host::run()) << "schedule " << s;
    }
}

} // namespace
} // namespace linnet
