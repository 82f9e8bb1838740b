// Futexes with priority inheritance: FUTEX_LOCK_PI and its kin of futex(2), and the mutexes that libc makes of them.
#include "support.h"

#include <linux/futex.h>

#ifndef FUTEX_LOCK_PI2
#define FUTEX_LOCK_PI2 13
#endif

namespace {

long futex(void* word, int op, unsigned val = 0, const void* timeout = nullptr, void* word2 = nullptr, unsigned val3 = 0) {
    return sys(SYS_futex, word, op, val, timeout, word2, val3);
}
unsigned tid() { return static_cast<unsigned>(sys(SYS_gettid)); }
unsigned load(unsigned* w) { return __atomic_load_n(w, __ATOMIC_SEQ_CST); }
void store(unsigned* w, unsigned v) { __atomic_store_n(w, v, __ATOMIC_SEQ_CST); }

constexpr int lock_pi = FUTEX_LOCK_PI | FUTEX_PRIVATE_FLAG, unlock_pi = FUTEX_UNLOCK_PI | FUTEX_PRIVATE_FLAG,
              try_pi = FUTEX_TRYLOCK_PI | FUTEX_PRIVATE_FLAG;

// Field 18 of /proc/self/task/TID/stat: the priority that a thread runs by.
int running_priority(unsigned id) {
    char path[64], text[1024];
    snprintf(path, sizeof(path), "/proc/self/task/%u/stat", id);
    if (read_text(path, text, sizeof(text)) <= 0) {
        return 9999;
    }
    const char* p = strrchr(text, ')');
    for (int field = 2; p && field < 18; field++) {
        p = strchr(p + 1, ' ');
    }
    return p ? atoi(p + 1) : 9999;
}

// The state letter of a thread.
char state_of(unsigned id) {
    char path[64];
    snprintf(path, sizeof(path), "/proc/self/task/%u/stat", id);
    return state_in(path);
}

bool set_fifo(int priority) {
    sched_param p{};
    p.sched_priority = priority;
    return sys(SYS_sched_setscheduler, 0, priority ? SCHED_FIFO : SCHED_OTHER, &p) == 0;
}

// A thread that takes the lock by the kernel, tells of it, and gives it up when told to.
struct Locker {
    unsigned* word;
    int priority;
    long result = -2;
    int error = 0;
    unsigned id = 0, has = 0, let_go = 0;
    int op = lock_pi;
    pthread_t thread{};
    Locker(unsigned* w, int prio = 0) : word(w), priority(prio) {}
    void start() {
        pthread_create(&thread, nullptr, [](void* p) -> void* {
            auto* l = static_cast<Locker*>(p);
            if (l->priority) {
                set_fifo(l->priority);
            }
            store(&l->id, tid());
            l->result = futex(l->word, l->op);
            l->error = errno;
            store(&l->has, 1);
            while (!load(&l->let_go)) {
                sleep_ms(1);
            }
            if (l->result == 0) {
                futex(l->word, unlock_pi);
            }
            return nullptr;
        }, this);
        wait_until([this] { return load(&id) != 0; });
    }
    // It sleeps in the kernel: its bit is in the word.
    void wait_for_sleep() {
        wait_until([this] { return (load(word) & FUTEX_WAITERS) && state_of(id) == 'S'; });
    }
    void finish() {
        store(&let_go, 1);
        pthread_join(thread, nullptr);
    }
};

} // namespace

TEST(sys_futex, LOCK_PI_takes_a_free_lock_and_writes_the_thread_id) {
    unsigned word = 0;
    EXPECT_OK(futex(&word, lock_pi));
    EXPECT_EQ(tid(), word);
    EXPECT_OK(futex(&word, unlock_pi));
    EXPECT_EQ(0u, word);
}
TEST(sys_futex, LOCK_PI_keeps_the_bit_of_a_dead_owner) {
    unsigned word = FUTEX_OWNER_DIED;
    EXPECT_OK(futex(&word, lock_pi));
    EXPECT_EQ(tid() | FUTEX_OWNER_DIED, word);
    EXPECT_OK(futex(&word, unlock_pi));
    EXPECT_EQ(0u, word);
}
TEST(sys_futex, TRYLOCK_PI_takes_a_free_lock) {
    unsigned word = 0;
    EXPECT_OK(futex(&word, try_pi));
    EXPECT_EQ(tid(), word & FUTEX_TID_MASK);
    EXPECT_OK(futex(&word, unlock_pi));
}
TEST(sys_futex, EAGAIN_of_TRYLOCK_PI_on_a_lock_of_another) {
    unsigned word = 0;
    Locker other(&word);
    other.start();
    wait_until([&] { return load(&other.has); });
    EXPECT_ERRNO(futex(&word, try_pi), EAGAIN);
    other.finish();
    EXPECT_EQ(0u, word & FUTEX_TID_MASK);
}
TEST(sys_futex, EDEADLK_of_LOCK_PI_on_a_lock_of_its_own) {
    unsigned word = tid();
    EXPECT_ERRNO(futex(&word, lock_pi), EDEADLK);
    EXPECT_ERRNO(futex(&word, try_pi), EDEADLK);
}
TEST(sys_futex, EPERM_of_UNLOCK_PI_on_a_lock_of_another) {
    unsigned word = 0;
    EXPECT_ERRNO(futex(&word, unlock_pi), EPERM);
    word = tid() + 1;
    EXPECT_ERRNO(futex(&word, unlock_pi), EPERM);
}
TEST(sys_futex, ESRCH_of_LOCK_PI_with_an_owner_that_is_not_there) {
    unsigned word = 0x3ffffff0;
    EXPECT_ERRNO(futex(&word, lock_pi), ESRCH);
    EXPECT_EQ(0x3ffffff0u, word & FUTEX_TID_MASK);
}
TEST(sys_futex, EFAULT_and_EINVAL_of_LOCK_PI_on_bad_words) {
    EXPECT_ERRNO(futex(unmapped_address, lock_pi), EFAULT);
    alignas(8) char words[8] = {};
    EXPECT_ERRNO(futex(words + 1, lock_pi), EINVAL);
    unsigned word = 0;
    timespec bad{0, 2000000000};
    EXPECT_ERRNO(futex(&word, lock_pi, 0, &bad), EINVAL);
}
TEST(sys_futex, UNLOCK_PI_hands_the_lock_to_the_waiter) {
    unsigned word = 0;
    ASSERT_OK(futex(&word, lock_pi));
    Locker waiter(&word);
    waiter.start();
    waiter.wait_for_sleep();
    EXPECT_EQ(tid() | FUTEX_WAITERS, load(&word));
    EXPECT_OK(futex(&word, unlock_pi));
    wait_until([&] { return load(&waiter.has); });
    EXPECT_EQ(0, waiter.result);
    EXPECT_EQ(waiter.id, load(&word) & FUTEX_TID_MASK);
    waiter.finish();
    EXPECT_EQ(0u, word);
}
TEST(sys_futex, ETIMEDOUT_of_LOCK_PI_at_a_time_of_the_real_clock) {
    unsigned word = 0;
    Locker other(&word);
    other.start();
    wait_until([&] { return load(&other.has); });
    uint64_t at = now_ns(CLOCK_REALTIME) + 20000000;
    timespec ts{static_cast<time_t>(at / 1000000000), static_cast<long>(at % 1000000000)};
    EXPECT_ERRNO(futex(&word, lock_pi, 0, &ts), ETIMEDOUT);
    EXPECT_GE(now_ns(CLOCK_REALTIME), at);
    other.finish();
}
TEST(sys_futex, ETIMEDOUT_of_LOCK_PI2_at_a_time_of_the_monotonic_clock) {
    unsigned word = 0;
    Locker other(&word);
    other.start();
    wait_until([&] { return load(&other.has); });
    uint64_t at = now_ns() + 20000000;
    timespec ts{static_cast<time_t>(at / 1000000000), static_cast<long>(at % 1000000000)};
    EXPECT_ERRNO(futex(&word, FUTEX_LOCK_PI2 | FUTEX_PRIVATE_FLAG, 0, &ts), ETIMEDOUT);
    EXPECT_GE(now_ns(), at);
    other.finish();
}
TEST(sys_futex, LOCK_PI_goes_on_after_a_handler) {
    unsigned word = 0;
    ASSERT_OK(futex(&word, lock_pi));
    static int handled;
    handled = 0;
    SignalAction a(SIGUSR1, +[](int) { __atomic_fetch_add(&handled, 1, __ATOMIC_SEQ_CST); });
    Locker waiter(&word);
    waiter.start();
    waiter.wait_for_sleep();
    sys(SYS_tgkill, getpid(), waiter.id, SIGUSR1);
    wait_until([] { return __atomic_load_n(&handled, __ATOMIC_SEQ_CST) != 0; });
    EXPECT_EQ(0u, load(&waiter.has));
    EXPECT_OK(futex(&word, unlock_pi));
    wait_until([&] { return load(&waiter.has); });
    EXPECT_EQ(0, waiter.result);
    waiter.finish();
}
TEST(sys_futex, EDEADLK_of_LOCK_PI_in_a_circle) {
    static unsigned a, b;
    a = b = 0;
    ASSERT_OK(futex(&a, lock_pi));
    static unsigned other_waits, result;
    other_waits = result = 0;
    Thread t([] {
        futex(&b, lock_pi);
        store(&other_waits, tid());
        store(&result, futex(&a, lock_pi) == 0 ? 1 : 2);
        futex(&a, unlock_pi);
        futex(&b, unlock_pi);
    });
    wait_until([] { return load(&other_waits) && (load(&a) & FUTEX_WAITERS) && state_of(other_waits) == 'S'; });
    EXPECT_ERRNO(futex(&b, lock_pi), EDEADLK);
    EXPECT_OK(futex(&a, unlock_pi));
    t.join();
    EXPECT_EQ(1u, result);
}
TEST(sys_futex, the_owner_of_a_PI_lock_runs_by_its_waiters_priority) {
    unsigned word = 0;
    const int before = running_priority(tid());
    ASSERT_OK(futex(&word, lock_pi));
    Locker waiter(&word, 30);
    waiter.start();
    waiter.wait_for_sleep();
    wait_until([&] { return running_priority(tid()) == -31; });
    EXPECT_EQ(SCHED_OTHER, sys(SYS_sched_getscheduler, 0)); // its own policy stays
    EXPECT_OK(futex(&word, unlock_pi));
    EXPECT_EQ(before, running_priority(tid()));
    waiter.finish();
}
TEST(sys_futex, priority_is_passed_along_a_chain_of_PI_locks) {
    static unsigned a, b;
    a = b = 0;
    ASSERT_OK(futex(&a, lock_pi));
    static unsigned middle;
    middle = 0;
    Thread t([] {
        futex(&b, lock_pi);
        store(&middle, tid());
        futex(&a, lock_pi);
        futex(&a, unlock_pi);
        futex(&b, unlock_pi);
    });
    wait_until([] { return load(&middle) && (load(&a) & FUTEX_WAITERS) && state_of(middle) == 'S'; });
    Locker high(&b, 40);
    high.start();
    high.wait_for_sleep();
    wait_until([] { return running_priority(tid()) == -41; });
    EXPECT_EQ(-41, running_priority(middle));
    EXPECT_OK(futex(&a, unlock_pi));
    EXPECT_GE(running_priority(tid()), 0);
    high.finish();
    t.join();
}
TEST(sys_futex, a_waiter_that_gives_up_takes_its_priority_back) {
    unsigned word = 0;
    ASSERT_OK(futex(&word, lock_pi));
    static unsigned* shared;
    shared = &word;
    static unsigned done;
    done = 0;
    Thread t([] {
        set_fifo(20);
        uint64_t at = now_ns(CLOCK_REALTIME) + 50000000;
        timespec ts{static_cast<time_t>(at / 1000000000), static_cast<long>(at % 1000000000)};
        futex(shared, lock_pi, 0, &ts);
        store(&done, 1);
    });
    wait_until([] { return load(&done); });
    t.join();
    EXPECT_GE(running_priority(tid()), 0);
    EXPECT_OK(futex(&word, unlock_pi));
    EXPECT_EQ(0u, word);
}
TEST(sys_futex, the_most_urgent_waiter_gets_a_PI_lock_first) {
    unsigned word = 0;
    ASSERT_OK(futex(&word, lock_pi));
    Locker low(&word, 10), high(&word, 50);
    low.start();
    low.wait_for_sleep();
    high.start();
    high.wait_for_sleep();
    wait_until([] { return running_priority(tid()) == -51; });
    EXPECT_OK(futex(&word, unlock_pi));
    wait_until([&] { return load(&high.has); });
    EXPECT_EQ(0u, load(&low.has));
    high.finish();
    wait_until([&] { return load(&low.has); });
    low.finish();
}
TEST(sys_futex, a_PI_lock_of_a_thread_that_ended_goes_to_the_waiter_with_OWNER_DIED) {
    static unsigned word, owned, go;
    word = owned = go = 0;
    pthread_t t;
    ASSERT_EQ(0, pthread_create(&t, nullptr, [](void*) -> void* {
        futex(&word, lock_pi);
        store(&owned, 1);
        while (!load(&go)) {
            sleep_ms(1);
        }
        return nullptr;
    }, nullptr));
    wait_until([] { return load(&owned); });
    Locker waiter(&word);
    waiter.start();
    waiter.wait_for_sleep();
    store(&go, 1);
    pthread_join(t, nullptr);
    wait_until([&] { return load(&waiter.has); });
    EXPECT_EQ(0, waiter.result);
    EXPECT_EQ(waiter.id, load(&word) & FUTEX_TID_MASK);
    EXPECT_TRUE(load(&word) & FUTEX_OWNER_DIED);
    waiter.finish();
}

namespace {
unsigned condition, mutex_word, requeued, requeue_waits;
long requeue_result;
int requeue_errno;
void wait_requeue() {
    store(&requeue_waits, tid());
    requeue_result = futex(&condition, FUTEX_WAIT_REQUEUE_PI | FUTEX_PRIVATE_FLAG, 0, nullptr, &mutex_word);
    requeue_errno = errno;
    store(&requeued, 1);
    if (requeue_result == 0) {
        futex(&mutex_word, unlock_pi);
    }
}
long cmp_requeue(unsigned wake, unsigned move, unsigned expected) {
    return sys(SYS_futex, &condition, FUTEX_CMP_REQUEUE_PI | FUTEX_PRIVATE_FLAG, wake, static_cast<unsigned long>(move), &mutex_word, expected);
}
void reset_requeue() {
    condition = mutex_word = requeued = requeue_waits = 0;
    requeue_result = -2;
}
} // namespace

TEST(sys_futex, CMP_REQUEUE_PI_gives_a_free_lock_to_the_waiter) {
    reset_requeue();
    Thread t([] { wait_requeue(); });
    wait_until([] { return load(&requeue_waits) && state_of(requeue_waits) == 'S'; });
    wait_until([] { return cmp_requeue(1, 0, 0) == 1; });
    t.join();
    EXPECT_EQ(0, requeue_result);
    EXPECT_EQ(0u, mutex_word & FUTEX_TID_MASK);
}
TEST(sys_futex, CMP_REQUEUE_PI_lets_the_waiter_wait_for_a_taken_lock) {
    reset_requeue();
    ASSERT_OK(futex(&mutex_word, lock_pi));
    Thread t([] { wait_requeue(); });
    wait_until([] { return load(&requeue_waits) && state_of(requeue_waits) == 'S'; });
    wait_until([] { return cmp_requeue(1, 0, 0) == 1; });
    EXPECT_EQ(0u, load(&requeued));
    EXPECT_TRUE(load(&mutex_word) & FUTEX_WAITERS);
    EXPECT_OK(futex(&mutex_word, unlock_pi));
    t.join();
    EXPECT_EQ(0, requeue_result);
}
TEST(sys_futex, EINVAL_of_WAKE_where_a_waiter_expects_to_be_moved) {
    reset_requeue();
    Thread t([] { wait_requeue(); });
    // Until it waits nobody is woken.
    wait_until([] { return futex(&condition, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 1) == -1; });
    EXPECT_ERRNO(futex(&condition, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 1), EINVAL);
    EXPECT_ERRNO(sys(SYS_futex, &condition, FUTEX_REQUEUE | FUTEX_PRIVATE_FLAG, 1, 1UL, &mutex_word, 0), EINVAL);
    EXPECT_EQ(0u, load(&requeued));
    EXPECT_EQ(1, cmp_requeue(1, 0, 0));
    t.join();
    EXPECT_EQ(0, requeue_result);
    EXPECT_EQ(0, futex(&condition, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 1));
}
TEST(sys_futex, EINVAL_of_WAKE_on_a_PI_lock_with_a_waiter) {
    static unsigned word;
    word = 0;
    ASSERT_OK(futex(&word, lock_pi));
    Locker waiter(&word);
    waiter.start();
    waiter.wait_for_sleep();
    EXPECT_ERRNO(futex(&word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 1), EINVAL);
    EXPECT_OK(futex(&word, unlock_pi));
    wait_until([&] { return load(&waiter.has); });
    waiter.finish();
    EXPECT_EQ(0, futex(&word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 1));
}
TEST(sys_futex, EAGAIN_of_the_REQUEUE_PI_pair_with_another_value) {
    reset_requeue();
    EXPECT_ERRNO(cmp_requeue(1, 0, 5), EAGAIN);
    EXPECT_ERRNO(futex(&condition, FUTEX_WAIT_REQUEUE_PI | FUTEX_PRIVATE_FLAG, 5, nullptr, &mutex_word), EAGAIN);
}
TEST(sys_futex, EINVAL_of_the_REQUEUE_PI_pair_on_one_word_and_two_to_wake) {
    reset_requeue();
    EXPECT_ERRNO(cmp_requeue(2, 0, 0), EINVAL);
    EXPECT_ERRNO(futex(&condition, FUTEX_WAIT_REQUEUE_PI | FUTEX_PRIVATE_FLAG, 0, nullptr, &condition), EINVAL);
}
TEST(sys_futex, ETIMEDOUT_of_WAIT_REQUEUE_PI) {
    reset_requeue();
    uint64_t at = now_ns() + 10000000;
    timespec ts{static_cast<time_t>(at / 1000000000), static_cast<long>(at % 1000000000)};
    EXPECT_ERRNO(futex(&condition, FUTEX_WAIT_REQUEUE_PI | FUTEX_PRIVATE_FLAG, 0, &ts, &mutex_word), ETIMEDOUT);
    EXPECT_EQ(0, cmp_requeue(1, 0, 0));
}

namespace {
struct PiMutex {
    pthread_mutex_t m;
    int made;
    explicit PiMutex(bool robust = false) {
        pthread_mutexattr_t a;
        pthread_mutexattr_init(&a);
        made = pthread_mutexattr_setprotocol(&a, PTHREAD_PRIO_INHERIT);
        if (robust) {
            pthread_mutexattr_setrobust(&a, PTHREAD_MUTEX_ROBUST);
        }
        if (made == 0) {
            made = pthread_mutex_init(&m, &a);
        }
        pthread_mutexattr_destroy(&a);
    }
};
} // namespace

TEST(pthread_mutex, PRIO_INHERIT_counts_exactly) {
    static PiMutex* m;
    PiMutex mutex;
    ASSERT_EQ(0, mutex.made);
    m = &mutex;
    static int count;
    count = 0;
    auto work = [] {
        for (int i = 0; i < 3000; i++) {
            pthread_mutex_lock(&m->m);
            count++;
            pthread_mutex_unlock(&m->m);
        }
    };
    {
        Thread a(work), b(work), c(work), d(work);
    }
    EXPECT_EQ(12000, count);
}
TEST(pthread_mutex, PRIO_INHERIT_and_robust_gives_EOWNERDEAD) {
    static PiMutex* m;
    PiMutex mutex(true);
    ASSERT_EQ(0, mutex.made);
    m = &mutex;
    {
        Thread t([] { pthread_mutex_lock(&m->m); });
    }
    EXPECT_EQ(EOWNERDEAD, pthread_mutex_lock(&m->m));
    EXPECT_EQ(0, pthread_mutex_consistent(&m->m));
    EXPECT_EQ(0, pthread_mutex_unlock(&m->m));
}
TEST(pthread_mutex, PRIO_INHERIT_trylock_and_timedlock) {
    static PiMutex* m;
    PiMutex mutex;
    ASSERT_EQ(0, mutex.made);
    m = &mutex;
    pthread_mutex_lock(&m->m);
    static int tried, timed;
    {
        Thread t([] {
            tried = pthread_mutex_trylock(&m->m);
            timespec ts{};
            clock_gettime(CLOCK_REALTIME, &ts);
            timed = pthread_mutex_timedlock(&m->m, &ts);
        });
    }
    EXPECT_EQ(EBUSY, tried);
    EXPECT_EQ(ETIMEDOUT, timed);
    EXPECT_EQ(0, pthread_mutex_unlock(&m->m));
}
