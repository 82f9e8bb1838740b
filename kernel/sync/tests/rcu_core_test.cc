// Grace periods under random schedules: a model of CPUs that read, rest, and replace what others read; and the same with
// real threads.
#include "kernel/sync/rcu_core.h"

#include <gtest/gtest.h>

#include <memory>
#include <random>
#include <thread>
#include <vector>

using namespace linnet;

namespace {

struct Object : RcuHead {
    int readers = 0;    // of the model
    bool freed = false;
    std::atomic<u64> canary{0x11aa};
};

constexpr u32 kCpus = 4;

/// Takes what is ready; returns how many.
template <class F>
u32 run_all(RcuBatch& ready, F&& f) {
    u32 n = 0;
    while (RcuLink* l = ready.calls.pop()) f(*static_cast<Object*>(static_cast<RcuHead*>(l))), ++n;
    return n;
}

TEST(Rcu, OneCpuEndsAGracePeriodInOneStep) {
    RcuCore<kCpus> core;
    core.enter(0);
    Object a, b;
    core.queue(0).calls.add(a);
    core.queue(0).memory.add(b);
    RcuBatch ready;
    core.process(0, 1, ready);
    EXPECT_EQ(ready.calls.pop(), &a);
    EXPECT_EQ(ready.memory.pop(), &b);
    EXPECT_FALSE(core.pending(0));
}

TEST(Rcu, NothingPendingStartsNothing) {
    RcuCore<kCpus> core;
    core.enter(0);
    core.enter(1);
    RcuBatch ready;
    core.process(0, 2, ready);
    EXPECT_EQ(core.grace_periods(), 0u);
    EXPECT_FALSE(core.quiescent(1));
}

TEST(Rcu, AnIdleCpuIsNotWaitedFor) {
    RcuCore<kCpus> core;
    core.enter(0);
    core.enter(1);
    Object a;
    core.queue(0).calls.add(a);
    RcuBatch ready;
    core.process(0, 2, ready);
    EXPECT_TRUE(ready.empty());
    EXPECT_TRUE(core.awaited(1));
    core.leave(1);
    EXPECT_FALSE(core.awaited(1));
    core.process(0, 2, ready);
    EXPECT_EQ(ready.calls.pop(), &a);
}

TEST(Rcu, CallbacksQueuedDuringAGracePeriodWaitForTheNext) {
    RcuCore<kCpus> core;
    core.enter(0);
    core.enter(1);
    Object a, b;
    core.queue(0).calls.add(a);
    RcuBatch ready;
    core.process(0, 2, ready); // begins 1
    EXPECT_TRUE(core.quiescent(1));
    core.queue(1).calls.add(b); // after CPU 1 has spoken for 1
    core.process(0, 2, ready);
    EXPECT_EQ(ready.calls.pop(), &a);
    RcuBatch other;
    core.process(1, 2, other);
    EXPECT_TRUE(other.empty()); // CPU 0 has not passed since
    core.process(0, 2, ready);
    core.process(1, 2, other);
    EXPECT_EQ(other.calls.pop(), &b);
}

/// One step of one CPU at a time, chosen at random: an object that a reader holds is never freed, and all are freed in the end.
TEST(Rcu, RandomSchedules) {
    for (u32 seed = 0; seed < 3000; ++seed) {
        std::mt19937 random(seed);
        u32 cpus = 1 + random() % kCpus;
        RcuCore<kCpus> core;
        std::vector<std::unique_ptr<Object>> objects;
        auto make = [&] { return objects.emplace_back(std::make_unique<Object>()).get(); };
        Object* visible = make();
        Object* held[kCpus] = {};
        bool idle[kCpus] = {};
        u32 freed = 0;
        auto dispose = [&](Object& o) {
            ASSERT_EQ(o.readers, 0) << "seed " << seed;
            ASSERT_FALSE(o.freed) << "seed " << seed;
            o.freed = true;
            ++freed;
        };
        for (u32 i = 0; i < cpus; ++i) core.enter(i);
        for (int step = 0; step < 300; ++step) {
            u32 i = random() % cpus;
            if (idle[i]) {
                if (random() % 2) core.enter(i), idle[i] = false;
                continue;
            }
            switch (random() % 6) {
            case 0: // a reader begins
                if (!held[i]) held[i] = visible, ++visible->readers;
                break;
            case 1: // and ends
                if (held[i]) --held[i]->readers, held[i] = nullptr;
                break;
            case 2: { // a writer replaces what is seen; writers may be readers
                Object* old = visible;
                visible = make();
                core.queue(i).calls.add(*old);
                break;
            }
            case 3:
                if (!held[i]) (void)core.quiescent(i);
                break;
            case 4:
                if (!held[i]) {
                    RcuBatch ready;
                    core.process(i, cpus, ready);
                    run_all(ready, dispose);
                }
                break;
            case 5:
                if (!held[i]) core.leave(i), idle[i] = true;
                break;
            }
        }
        for (u32 i = 0; i < cpus; ++i) {
            if (held[i]) --held[i]->readers, held[i] = nullptr;
            if (idle[i]) core.enter(i);
        }
        for (int round = 0; round < 8; ++round)
            for (u32 i = 0; i < cpus; ++i) {
                RcuBatch ready;
                core.process(i, cpus, ready);
                run_all(ready, dispose);
            }
        EXPECT_EQ(freed + 1, objects.size()) << "seed " << seed;
    }
}

/// Threads as CPUs. A freed object's canary is dead, so a reader that meets one shows.
TEST(Rcu, Threads) {
    RcuCore<kCpus> core;
    std::atomic<Object*> visible{new Object};
    std::atomic<u64> bad{0}, freed{0};
    auto dispose = [&](Object& o) {
        o.canary.store(0xdead, std::memory_order_relaxed);
        delete &o;
        freed.fetch_add(1, std::memory_order_relaxed);
    };
    for (u32 i = 0; i < kCpus; ++i) core.enter(i);
    std::vector<std::thread> threads;
    for (u32 i = 0; i < kCpus; ++i)
        threads.emplace_back([&, i] {
            std::mt19937 random(i);
            for (int n = 0; n < 20000; ++n) {
                Object* o = visible.load(std::memory_order_acquire);
                if (o->canary.load(std::memory_order_relaxed) != 0x11aa) bad.fetch_add(1);
                u32 r = random() % 16;
                if (r == 0) {
                    Object* old = visible.exchange(new Object, std::memory_order_acq_rel);
                    core.queue(i).calls.add(*old);
                } else if (r < 4) {
                    RcuBatch ready;
                    core.process(i, kCpus, ready);
                    run_all(ready, dispose);
                } else if (r < 8) {
                    (void)core.quiescent(i);
                } else if (r == 8) {
                    core.leave(i);
                    core.enter(i);
                }
            }
            core.leave(i);
        });
    for (auto& t : threads) t.join();
    EXPECT_EQ(bad.load(), 0u);
    for (int round = 0; round < 4; ++round)
        for (u32 i = 0; i < kCpus; ++i) {
            RcuBatch ready;
            core.process(i, kCpus, ready);
            run_all(ready, dispose);
        }
    EXPECT_GT(freed.load(), 1000u);
    for (u32 i = 0; i < kCpus; ++i) EXPECT_FALSE(core.pending(i));
    delete visible.load();
}

} // namespace
