#define _GNU_SOURCE
#include "torture.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static long futex(atomic_uint *word, int operation, unsigned value, const struct timespec *timeout) {
    return syscall(SYS_futex, word, operation, value, timeout, 0, 0);
}

/* A lock of three states (free, held, held with waiters) straight on the system call. */
static atomic_uint lock_word;
static unsigned long guarded, guarded_copy;
static atomic_ulong increments;

static void lock(void) {
    unsigned seen = 0;
    if (atomic_compare_exchange_strong(&lock_word, &seen, 1))
        return;
    if (seen != 2)
        seen = atomic_exchange(&lock_word, 2);
    while (seen != 0) {
        long result = futex(&lock_word, FUTEX_WAIT_PRIVATE, 2, 0);
        CHECK(result == 0 || errno == EAGAIN || errno == EINTR);
        seen = atomic_exchange(&lock_word, 2);
    }
}

static void unlock(void) {
    if (atomic_exchange(&lock_word, 0) == 2)
        CHECK(futex(&lock_word, FUTEX_WAKE_PRIVATE, 1, 0) >= 0);
}

static void lock_body(unsigned number) {
    struct random r = random_of(number);
    for (unsigned long round = 0; go_on(round); round++) {
        for (int i = 0; i < 100; i++) {
            lock();
            if (guarded != guarded_copy)
                fail("two threads in the lock");
            guarded++;
            if (below(&r, 16) == 0)
                syscall(SYS_sched_yield);
            guarded_copy++;
            unlock();
        }
        atomic_fetch_add(&increments, 100);
    }
}

/* Turns: thread n may go on when the turn is n. A lost wake-up hangs. */
static pthread_mutex_t turn_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t turn_changed = PTHREAD_COND_INITIALIZER;
static unsigned turn;
static bool turns_over;

static void turn_body(unsigned number) {
    for (unsigned long round = 0;; round++) {
        pthread_mutex_lock(&turn_mutex);
        while (turn != number && !turns_over)
            pthread_cond_wait(&turn_changed, &turn_mutex);
        if (number == 0 && !go_on(round))
            turns_over = true;
        bool over = turns_over;
        turn = (number + 1) % torture_threads;
        pthread_cond_broadcast(&turn_changed);
        pthread_mutex_unlock(&turn_mutex);
        if (over)
            return;
    }
}

/* Waits with short time-outs race with wakes: each wake that counted somebody woke exactly one wait. */
static atomic_uint signal_word;
static atomic_long woken_by_wakers, woken_waits;
static atomic_uint waiters_left;

static void timeout_body(unsigned number) {
    struct random r = random_of(number);
    if (number % 2 == 0) {
        for (unsigned long round = 0; go_on(round); round++) {
            struct timespec timeout = {0, below(&r, 300000)};
            long result = futex(&signal_word, FUTEX_WAIT_PRIVATE, 0, &timeout);
            if (result == 0)
                atomic_fetch_add(&woken_waits, 1);
            else
                CHECK(errno == ETIMEDOUT || errno == EINTR);
        }
        atomic_fetch_sub(&waiters_left, 1);
    } else {
        while (atomic_load(&waiters_left) != 0) {
            long result = futex(&signal_word, FUTEX_WAKE_PRIVATE, 1 + below(&r, 3), 0);
            CHECK(result >= 0);
            atomic_fetch_add(&woken_by_wakers, result);
            if (result == 0)
                syscall(SYS_sched_yield);
        }
    }
}

/* A thread that ends with a robust lock leaves it to the next one as EOWNERDEAD. */
static pthread_mutex_t robust;
static atomic_ulong inherited, abandoned;

static void *robust_thread(void *argument) {
    int error = pthread_mutex_lock(&robust);
    if (error == EOWNERDEAD) {
        atomic_fetch_add(&inherited, 1);
        error = pthread_mutex_consistent(&robust);
    }
    if (error)
        fail("robust lock: %s", strerror(error));
    if (argument) {
        atomic_fetch_add(&abandoned, 1);
        return 0;
    }
    pthread_mutex_unlock(&robust);
    return 0;
}

static void robust_body(unsigned number) {
    struct random r = random_of(number);
    for (unsigned long round = 0; go_on(round); round++) {
        pthread_t thread;
        CHECK(pthread_create(&thread, 0, robust_thread, below(&r, 2) ? &robust : 0) == 0);
        pthread_join(thread, 0);
    }
}

void torture_futex(void) {
    in_threads(torture_threads, lock_body);
    if (guarded != atomic_load(&increments))
        fail("%lu increments came to %lu", atomic_load(&increments), guarded);
    in_threads(torture_threads, turn_body);
    atomic_store(&waiters_left, (torture_threads + 1) / 2);
    in_threads(torture_threads, timeout_body);
    if (woken_by_wakers != woken_waits)
        fail("%ld waits were woken, wakers counted %ld", woken_waits, woken_by_wakers);
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(&robust, &attributes);
    in_threads(torture_threads, robust_body);
    robust_thread(0);
    if (inherited != abandoned)
        fail("%lu robust locks were abandoned, %lu inherited", abandoned, inherited);
}
