// Wait queues, mutexes and the lock checker on the simulated machine, over many schedules.
#include <gtest/gtest.h>

#include <deque>

#include "kernel/host/machine.h"
#include "kernel/mm/space_lock.h"
#include "kernel/sched/scheduler.h"
#include "kernel/sync/mutex.h"
#include "kernel/sync/rcu.h"
#include "kernel/time/clock.h"

namespace linnet {
namespace {

constexpr u32 kCpus = 4;
constexpr CpuMask kAllCpus = (1ull << kCpus) - 1;

using host::schedules;

class Sync : public testing::Test {
  protected:
    void SetUp() override { host::boot(kCpus); }
};
using SyncDeath = Sync;

TEST_F(Sync, MutexExcludes) {
    for (int s = 0; s < schedules(1000); ++s) {
        host::seed(s);
        Mutex<Rank::MiscMutex> m;
        int counter = 0, inside = 0; // plain: ThreadSanitizer sees it if the mutex gives no order
        for (u32 c = 0; c < kCpus; ++c)
            host::spawn(c, [&] {
                for (int i = 0; i < 4; ++i) {
                    MutexGuard g(m);
                    ASSERT_EQ(++inside, 1);
                    host_interleave();
                    ++counter;
                    if (host::random(4) == 0) cond_resched();
                    --inside;
                }
            });
        ASSERT_TRUE(host::run()) << "schedule " << s;
        ASSERT_EQ(counter, int(kCpus) * 4);
        ASSERT_FALSE(m.is_held());
    }
}

TEST_F(Sync, MutexOnOneCpuSleeps) {
    host::seed(5);
    Mutex<Rank::MiscMutex> m;
    std::deque<int> order;
    host::spawn(0, [&] {
        MutexGuard g(m);
        order.push_back(1);
        yield(); // the other one runs into the mutex
        order.push_back(2);
    });
    host::spawn(0, [&] {
        MutexGuard g(m);
        order.push_back(3);
    });
    ASSERT_TRUE(host::run());
    EXPECT_EQ(order, (std::deque<int>{1, 2, 3}));
}

TEST_F(Sync, SpinLockOrdersCpus) {
    for (int s = 0; s < schedules(1000); ++s) {
        host::seed(s, 2);
        SpinLock<Rank::MiscSpin> l;
        long value = 0;
        for (u32 c = 0; c < kCpus; ++c)
            host::spawn(c, [&] {
                for (int i = 0; i < 5; ++i) {
                    SpinGuard g(l);
                    long v = value;
                    host_interleave();
                    value = v + 1;
                }
            });
        ASSERT_TRUE(host::run());
        ASSERT_EQ(value, kCpus * 5l);
    }
}

/// Nobody misses a wake-up: each value that is produced is consumed, however the CPUs interleave.
TEST_F(Sync, NoLostWakeUp) {
    for (int s = 0; s < schedules(1500); ++s) {
        host::seed(s, 1 + s % 4);
        WaitQueue filled, emptied;
        std::atomic<u32> slot{0};
        u32 sum = 0;
        host::spawn(0, [&] {
            for (u32 i = 1; i <= 6; ++i) {
                wait_until(emptied, [&] { return host_interleave(), slot.load() == 0; });
                slot.store(i);
                host_interleave();
                filled.wake_all();
            }
        });
        host::spawn(1 + s % 3, [&] {
            for (u32 i = 1; i <= 6; ++i) {
                wait_until(filled, [&] { return host_interleave(), slot.load() != 0; });
                sum += slot.exchange(0);
                host_interleave();
                emptied.wake_all();
            }
        });
        ASSERT_TRUE(host::run()) << "schedule " << s;
        ASSERT_EQ(sum, 21u);
        ASSERT_TRUE(filled.empty() && emptied.empty());
    }
}

/// wake_one passes a token to exactly one exclusive waiter, and none is left behind.
TEST_F(Sync, SemaphoreByWakeOne) {
    for (int s = 0; s < schedules(800); ++s) {
        host::seed(s);
        WaitQueue q;
        std::atomic<int> tokens{0};
        std::atomic<int> taken{0};
        auto take = [&] {
            int n = tokens.load();
            while (n > 0)
                if (tokens.compare_exchange_weak(n, n - 1)) return true;
            return false;
        };
        for (u32 c = 0; c < 3; ++c)
            host::spawn(c, [&] {
                wait_until(q, take, kForever, false, true);
                ++taken;
            });
        host::spawn(3, [&] {
            for (int i = 0; i < 3; ++i) {
                ++tokens;
                host_interleave();
                q.wake_one();
            }
        });
        ASSERT_TRUE(host::run()) << "schedule " << s;
        ASSERT_EQ(taken.load(), 3);
        ASSERT_EQ(tokens.load(), 0);
    }
}

TEST_F(Sync, WakeOneWakesOneExclusiveAndAllOthers) {
    host::seed(1, 1000);
    WaitQueue q;
    std::atomic<int> exclusive{0}, shared{0}, go{0};
    for (int i = 0; i < 3; ++i) {
        host::spawn(0, [&] {
            SleepEntry e(q, true);
            prepare_to_sleep(false);
            schedule();
            ++exclusive;
        });
        host::spawn(0, [&] {
            SleepEntry e(q, false);
            prepare_to_sleep(false);
            schedule();
            ++shared;
        });
    }
    host::spawn(0, [&] {
        for (int i = 0; i < 8; ++i) yield(); // all six are asleep
        q.wake_one();
        for (int i = 0; i < 8; ++i) yield();
        EXPECT_EQ(exclusive.load(), 1);
        EXPECT_EQ(shared.load(), 3);
        q.wake_all();
    });
    ASSERT_TRUE(host::run());
    EXPECT_EQ(exclusive.load(), 3);
}

TEST_F(Sync, DeadlinePassesByTheFakeClock) {
    for (int s = 0; s < schedules(300); ++s) {
        host::seed(s);
        WaitQueue q;
        WaitResult r{};
        u64 before = 0, after = 0;
        host::spawn(s % kCpus, [&] {
            before = monotonic_ns();
            r = wait_until(q, [] { return false; }, before + 5 * kNsPerMs);
            after = monotonic_ns();
        });
        ASSERT_TRUE(host::run());
        ASSERT_EQ(r, WaitResult::TimedOut);
        ASSERT_GE(after - before, 5 * kNsPerMs);
        ASSERT_LT(after - before, 6 * kNsPerMs);
        ASSERT_TRUE(q.empty());
    }
}

/// The deadline and the wake-up come at the same moment: either is right, and both leave nothing behind.
TEST_F(Sync, DeadlineAgainstWakeUp) {
    for (int s = 0; s < schedules(1000); ++s) {
        host::seed(s, 2);
        WaitQueue q;
        std::atomic<bool> ready{false};
        WaitResult r{};
        host::spawn(0, [&] {
            r = wait_until(q, [&] { return host_interleave(), ready.load(); }, monotonic_ns() + 2000);
        });
        host::spawn(1, [&] {
            u64 until = monotonic_ns() + 1500 + host::random(1000);
            while (monotonic_ns() < until) host_interleave();
            ready.store(true);
            q.wake_all();
        });
        ASSERT_TRUE(host::run()) << "schedule " << s;
        ASSERT_TRUE(r == WaitResult::Ready || r == WaitResult::TimedOut);
        ASSERT_TRUE(q.empty());
    }
}

/// The lock of an address space: faults hold a region's lock, writers wait until each of those was free once.
TEST_F(Sync, SpaceLockKeepsFaultsAndWritersApart) {
    for (int s = 0; s < schedules(800); ++s) {
        host::seed(s, 1 + s % 3);
        SpaceLock space;
        u64 a = 0, b = 0; // plain, always equal outside of a writer
        for (u32 n = 0; n < 5; ++n)
            host::spawn_on(kAllCpus, [&, n] {
                for (int i = 0; i < 4; ++i)
                    if (n < 2) {
                        MutexGuard g(space);
                        ++a;
                        host_interleave();
                        if (host::random(3) == 0) cond_resched();
                        ++b;
                    } else {
                        SpinGuard g(space.region(host::random(8) * kHugePageSize));
                        if (!SpaceLock::stable(space.version())) continue;
                        u64 seen = a;
                        host_interleave();
                        ASSERT_EQ(seen, b);
                    }
            });
        ASSERT_TRUE(host::run()) << "schedule " << s;
        ASSERT_EQ(b, 8u);
    }
}

/// A mutex whose holders and waiters move from CPU to CPU.
TEST_F(Sync, MutexOfThreadsThatMove) {
    for (int s = 0; s < schedules(500); ++s) {
        host::seed(s, 1 + s % 3);
        Mutex<Rank::MiscMutex> m;
        int counter = 0;
        for (u32 n = 0; n < 6; ++n)
            host::spawn_on(kAllCpus, [&] {
                for (int i = 0; i < 4; ++i) {
                    (void)set_affinity(*current_thread(), 1 + host::random(kAllCpus));
                    MutexGuard g(m);
                    ++counter;
                    yield();
                }
            });
        ASSERT_TRUE(host::run()) << "schedule " << s;
        ASSERT_EQ(counter, 24);
    }
}

// ---- readers without a lock ----------------------------------------------------------------------------------------

/// What a reader found stays whole until it ends, though writers replace and free it all the time.
TEST_F(Sync, RcuReadersAndWriters) {
    struct Item : RcuHead { // the first word is overwritten by rcu_free
        u64 a, b;
    };
    auto make = [](u64 v) {
        auto* i = static_cast<Item*>(kmalloc(sizeof(Item)));
        new (i) Item;
        i->a = v, i->b = ~v; // plain: ThreadSanitizer sees it if the pointer gives no order, or the end of the grace period
        return i;
    };
    for (int s = 0; s < schedules(600); ++s) {
        host::seed(s, 1 + s % 3);
        RcuPointer<Item> shown(make(0));
        for (u32 n = 0; n < 3; ++n)
            host::spawn_on(kAllCpus, [&] {
                for (int i = 0; i < 8; ++i) {
                    {
                        RcuReader reader;
                        Item* item = shown.load();
                        u64 a = item->a;
                        host_interleave();
                        ASSERT_EQ(item->b, ~a);
                    }
                    host_interleave();
                    cond_resched();
                }
            });
        for (u32 n = 0; n < 2; ++n)
            host::spawn_on(kAllCpus, [&] {
                for (int i = 0; i < 4; ++i) {
                    Item* old = shown.exchange(make(host::random(1000)));
                    switch (host::random(3)) {
                    case 0: rcu_free(old); break;
                    case 1: rcu_defer(*old, [](RcuHead& h) { kfree(static_cast<Item*>(&h)); }); break;
                    case 2:
                        rcu_synchronize();
                        old->a = 1; // nobody reads it any more
                        kfree(old);
                        break;
                    }
                    if (host::random(2)) yield();
                }
            });
        ASSERT_TRUE(host::run()) << "schedule " << s;
        kfree(shown.load());
    }
}

/// An object whose last reference goes while readers try to get one.
TEST_F(Sync, RcuCountedAgainstTryAddRef) {
    struct Object : RcuCounted {
        std::atomic<u32>* alive;
        ~Object() override { alive->fetch_sub(1); }
    };
    for (int s = 0; s < schedules(600); ++s) {
        host::seed(s, 1 + s % 3);
        std::atomic<u32> alive{1};
        Object* o = make_ref<Object>().value().release();
        o->alive = &alive;
        RcuPointer<Object> shown(o);
        for (u32 n = 0; n < 3; ++n)
            host::spawn_on(kAllCpus, [&] {
                for (int i = 0; i < 6; ++i) {
                    Ref<Object> kept;
                    {
                        RcuReader reader;
                        Object* found = shown.load();
                        host_interleave();
                        if (found && found->try_add_ref()) kept = Ref<Object>::adopt(found);
                    }
                    yield();
                    if (kept) ASSERT_EQ(kept->alive->load(), 1u);
                }
            });
        host::spawn_on(kAllCpus, [&] {
            for (u64 n = host::random(8); n; --n) host_interleave();
            Ref<Object> last = Ref<Object>::adopt(shown.exchange(nullptr));
            yield();
        });
        ASSERT_TRUE(host::run()) << "schedule " << s;
        ASSERT_EQ(alive.load(), 0u);
    }
}

// ---- counts --------------------------------------------------------------------------------------------------------

TEST_F(Sync, LockStatCountsWhileItIsShown) {
    static bool begun = false;
    if (!begun) lock_stat_init();
    begun = true;
    testing::internal::CaptureStderr();
    for (int s = 0; s < schedules(100); ++s) {
        host::seed(s, 2);
        SpinLock<Rank::PciConfig> l;
        for (u32 c = 0; c < 3; ++c)
            host::spawn(c, [&] {
                for (int i = 0; i < 5; ++i) SpinGuard g(l);
            });
        host::spawn(3, [] { lock_stat_report(); });
        ASSERT_TRUE(host::run());
    }
    lock_stat_report();
    std::string shown = testing::internal::GetCapturedStderr();
    lock_stat_on = false;
    // The last line of the rank: all acquisitions of all CPUs.
    size_t at = shown.rfind("PciConfig");
    ASSERT_NE(at, shown.npos);
    EXPECT_EQ(strtoul(shown.c_str() + at + 9, nullptr, 10), 15u * schedules(100));
}

// ---- the lock checker --------------------------------------------------------------------------------------------

TEST_F(SyncDeath, RankOrder) {
    EXPECT_DEATH(host::run_thread([] {
        SpinLock<Rank::FutexBucket> high;
        SpinLock<Rank::PidTable> low;
        SpinGuard a(high);
        SpinGuard b(low);
    }), "lock order: rank");
}

TEST_F(SyncDeath, EqualRanks) {
    EXPECT_DEATH(host::run_thread([] {
        SpinLock<Rank::PidTable> one, two;
        SpinGuard a(one);
        SpinGuard b(two);
    }), "lock order: rank");
    // Where the order is another one, equal ranks are allowed.
    ASSERT_TRUE(host::run_thread([] {
        Mutex<Rank::Inode> parent, child;
        MutexGuard a(parent);
        MutexGuard b(child);
    }));
}

TEST_F(SyncDeath, Twice) {
    EXPECT_DEATH(host::run_thread([] {
        Mutex<Rank::Inode> m;
        MutexGuard a(m);
        MutexGuard b(m);
    }), "taken twice");
}

/// Two mutexes of a rank that allows both orders, taken crosswise: after half a minute it is said who waits for whom.
TEST_F(SyncDeath, DeadlockOfMutexesNamesTheWaiters) {
    using InodeMutex = Mutex<Rank::Inode>;
    auto crosswise = [](InodeMutex& first, InodeMutex& second) {
        MutexGuard a(first);
        WaitQueue never;
        wait_until(never, [] { return false; }, monotonic_ns() + kNsPerMs);
        MutexGuard b(second);
    };
    auto run = [&] {
        InodeMutex one;
        InodeMutex two;
        host::spawn(0, [&] { crosswise(one, two); });
        host::spawn(1, [&] { crosswise(two, one); });
        host::run();
    };
    EXPECT_DEATH(run(), "deadlock: .* waits for itself, over 2 mutexes");
}

TEST_F(SyncDeath, MutexUnderSpinLock) {
    EXPECT_DEATH(host::run_thread([] {
        SpinLock<Rank::MiscSpin> l;
        Mutex<Rank::Inode> m;
        SpinGuard a(l);
        MutexGuard b(m);
    }), "a mutex with spin lock");
}

TEST_F(SyncDeath, SleepUnderSpinLock) {
    EXPECT_DEATH(host::run_thread([] {
        SpinLock<Rank::MiscSpin> l;
        SpinGuard a(l);
        schedule();
    }), "schedule with spin lock");
}

TEST_F(Sync, LocksAreReleasedInAnyOrder) {
    ASSERT_TRUE(host::run_thread([] {
        SpinLock<Rank::PidTable> a;
        SpinLock<Rank::SignalState> b;
        SpinLock<Rank::FileTable> c;
        SpinGuard ga(a);
        SpinGuard gb(b);
        ga.unlock();
        SpinGuard gc(c);
        gb.unlock();
        gc.unlock();
        EXPECT_EQ(current_thread()->held_count, 0u);
    }));
}

} // namespace
} // namespace linnet
