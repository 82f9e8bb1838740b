// Wait queues, mutexes, spin locks.
#include "kernel/sched/scheduler.h"
#include "kernel/sync/mutex.h"
#include "kernel/task/signal.h"
#include "kernel/tests/ktest.h"
#include "kernel/tests/program.h"
#include "kernel/time/clock.h"

extern "C" {
extern const char ktest_pause[];
}

namespace linnet::ktest {

namespace {

std::atomic<u32> left;

bool start(void (*entry)(void*), void* arg = nullptr) {
    left.fetch_add(1);
    auto t = start_kernel_thread("sync", entry, arg);
    if (t) return true;
    left.fetch_sub(1);
    fail(__FILE__, __LINE__, "no memory for a thread");
    return false;
}
void wait_for_threads() {
    while (left.load()) yield();
}

WaitQueue queue, answer;
std::atomic<u32> turn, counter;

} // namespace

KTEST_EACH_CPU(WaitQueues, no_wake_up_is_lost_between_two_threads) {
    // Each waits for the other's turn without a deadline: one lost wake-up and the case does not end.
    constexpr u32 kRounds = 20000;
    turn = 0;
    start([](void*) {
        for (u32 i = 0; i < kRounds; ++i) {
            wait_until(queue, [i] { return turn.load() == 2 * i + 1; });
            turn.store(2 * i + 2);
            answer.wake_all();
        }
        --left;
    });
    for (u32 i = 0; i < kRounds; ++i) {
        turn.store(2 * i + 1);
        queue.wake_all();
        wait_until(answer, [i] { return turn.load() == 2 * i + 2; }, kForever, false);
    }
    wait_for_threads();
    EXPECT(queue.empty());
    EXPECT(answer.empty());
}

KTEST_EACH_CPU(WaitQueues, a_wake_up_before_the_sleep_undoes_it) {
    // By hand, with the wake-up just where it would be lost.
    for (int i = 0; i < 100; ++i) {
        SleepEntry e(queue);
        prepare_to_sleep(false);
        queue.wake_all();
        EXPECT(sleep_until(kForever)); // returns at once
    }
    EXPECT(queue.empty());
}

KTEST_EACH_CPU(WaitQueues, a_wake_up_by_a_timer_in_the_window_is_not_lost) {
    for (u32 i = 0; i < 300; ++i) {
        static std::atomic<bool> fired;
        fired = false;
        struct Waker : Timer {} timer;
        timer.expired = [](Timer&) {
            fired = true;
            queue.wake_all();
        };
        start_timer(timer, monotonic_ns() + random_below(20 * kNsPerUs));
        EXPECT(wait_until(queue, [] { return fired.load(); }, kForever, false) == WaitResult::Ready);
        cancel_timer(timer);
    }
}

KTEST_EACH_CPU(WaitQueues, wake_one_wakes_one_exclusive_waiter_and_all_others) {
    static std::atomic<u32> exclusive_woken, shared_woken, waiting, tickets;
    exclusive_woken = shared_woken = waiting = tickets = 0;
    static std::atomic<bool> open;
    open = false;
    for (u32 i = 0; i < 5; ++i)
        start([](void*) {
            ++waiting;
            wait_until(
                queue,
                [] {
                    u32 n = tickets.load();
                    while (n && !tickets.compare_exchange_weak(n, n - 1)) {}
                    return n != 0;
                },
                kForever, false, true);
            ++exclusive_woken;
            --left;
        });
    for (u32 i = 0; i < 3; ++i)
        start([](void*) {
            ++waiting;
            wait_until(queue, [] { return open.load(); }, kForever, false);
            ++shared_woken;
            --left;
        });
    while (waiting != 8) yield();
    for (int i = 0; i < 50; ++i) yield(); // all asleep: nothing else runs here
    open = true;
    tickets = 1;
    queue.wake_one();
    while (shared_woken != 3 || exclusive_woken != 1) yield();
    for (int i = 0; i < 50; ++i) yield();
    EXPECT_EQ(exclusive_woken.load(), 1);
    for (u32 i = 2; i <= 5; ++i) {
        tickets = 1;
        queue.wake_one();
        while (exclusive_woken != i) yield();
    }
    wait_for_threads();
    EXPECT(queue.empty());
}

KTEST_EACH_CPU(WaitQueues, a_deadline_ends_the_wait) {
    u64 start_ns = monotonic_ns();
    EXPECT(wait_until(queue, [] { return false; }, start_ns + 2 * kNsPerMs) == WaitResult::TimedOut);
    EXPECT(monotonic_ns() >= start_ns + 2 * kNsPerMs);
    EXPECT(wait_until(queue, [] { return false; }, 0) == WaitResult::TimedOut);
    EXPECT(wait_until(queue, [] { return true; }, 0) == WaitResult::Ready);
    EXPECT(queue.empty());
}

KTEST_EACH_CPU(WaitQueues, several_queues_at_once) {
    turn = 0;
    start([](void*) {
        for (u32 i = 0; i < 1000; ++i) {
            counter.store(i & 1);
            turn.store(i + 1);
            (i & 1 ? queue : answer).wake_all();
            while (turn.load()) yield();
        }
        --left;
    });
    for (u32 i = 0; i < 1000; ++i) {
        SleepEntry a(queue), b(answer);
        for (;;) {
            prepare_to_sleep(false);
            if (turn.load() == i + 1) break;
            sleep_until(kForever);
        }
        cancel_sleep();
        turn.store(0);
    }
    wait_for_threads();
}

KTEST_EACH_CPU(WaitQueues, a_signal_interrupts_a_program_that_waits) {
    for (int i = 0; i < 20; ++i) {
        ProgramMemory m(1);
        ProgramThread t(ktest_pause, m.address());
        while (m.word(0) == 0) yield();
        Ref<Task> task = find_task(t.tid());
        REQUIRE(task);
        while (task->state.load() != ThreadState::Sleeping) yield(); // in pause(2)
        EXPECT(send_signal_to_task(*task, SIGUSR1).ok());
        t.join();
        EXPECT_EQ(i64(m.word(1)), -i64(EINTR));
    }
}

KTEST_EACH_CPU(WaitQueues, a_signal_leaves_uninterruptible_waits_alone) {
    static std::atomic<bool> go;
    go = false;
    Task& self = current();
    // Another thread sends to this one, then opens the gate.
    start(
        [](void* t) {
            for (int i = 0; i < 20; ++i) yield();
            (void)send_signal_to_task(*static_cast<Task*>(t), SIGUSR1);
            for (int i = 0; i < 20; ++i) yield();
            go = true;
            queue.wake_all();
            --left;
        },
        &self);
    EXPECT(wait_until(queue, [] { return go.load(); }, kForever, false) == WaitResult::Ready);
    EXPECT(signal_pending());
    EXPECT(wait_until(queue, [] { return false; }) == WaitResult::Interrupted);
    abi::Siginfo info;
    EXPECT_EQ(take_signal(signal_bit(SIGUSR1), info), SIGUSR1);
    EXPECT(!signal_pending());
    wait_for_threads();
}

KTEST_EACH_CPU(Locks, a_mutex_excludes) {
    static Mutex<Rank::MiscMutex> mutex;
    static u64 value;
    static std::atomic<u32> inside, overlaps;
    value = 0;
    inside = overlaps = 0;
    for (int i = 0; i < 4; ++i)
        start([](void*) {
            for (int j = 0; j < 1000; ++j) {
                MutexGuard g(mutex);
                if (inside.fetch_add(1)) ++overlaps;
                u64 v = value;
                if (j % 3 == 0) yield(); // with the mutex held
                value = v + 1;
                inside.fetch_sub(1);
            }
            --left;
        });
    wait_for_threads();
    EXPECT_EQ(value, 4000);
    EXPECT_EQ(overlaps.load(), 0);
    EXPECT(!mutex.is_held());
}

KTEST_EACH_CPU(Locks, a_try_does_not_wait) {
    static SpinLock<Rank::MiscSpin> spin;
    static Mutex<Rank::MiscMutex> mutex;
    static bool got_spin, got_mutex;
    {
        MutexGuard g(mutex);
        start([](void*) {
            got_mutex = mutex.try_lock_by_guard();
            --left;
        });
        wait_for_threads();
    }
    EXPECT(!got_mutex);
    if (spin.try_lock_by_guard()) {
        got_spin = true;
        EXPECT(spin.is_held());
        spin.unlock_by_guard();
    }
    EXPECT(got_spin);
    EXPECT(!spin.is_held());
}

KTEST(Locks, growing_ranks_are_fine) {
    static Mutex<Rank::Inode> inode;
    static Mutex<Rank::Pipe> pipe;
    static SpinLock<Rank::FileTable> files;
    static SpinLock<Rank::MiscSpin> leaf;
    MutexGuard a(inode);
    MutexGuard b(pipe);
    SpinGuard c(files);
    SpinGuard d(leaf);
    EXPECT(leaf.is_held());
}

} // namespace linnet::ktest
