#define _GNU_SOURCE
#include "torture.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static atomic_uint begun;

/* What the threads of a process that is about to end are busy with. */
static void *busy(void *argument) {
    const unsigned kind = (unsigned)(uintptr_t)argument % 5;
    atomic_fetch_add(&begun, 1);
    int ends[2];
    if (kind == 0 && pipe(ends) == 0) {
        char byte;
        for (;;)
            if (read(ends[0], &byte, 1) < 0)
                break;
    }
    for (;;) {
        if (kind == 1)
            pause();
        if (kind == 2)
            syscall(SYS_getpid);
        if (kind == 3)
            syscall(SYS_sched_yield);
    }
    return 0;
}

static void *ender(void *argument) {
    const unsigned how = (unsigned)(uintptr_t)argument;
    switch (how % 4) {
    case 0:
        syscall(SYS_exit_group, 42);
        break;
    case 1: {
        char *words[] = {"/proc/self/exe", "--exit-7", 0};
        char *none[] = {0};
        execve(words[0], words, none);
        _exit(99);
    }
    case 2:
        kill(getpid(), SIGKILL);
        for (;;)
            pause();
    default:
        __builtin_trap();
    }
    return 0;
}

static void child_with_threads(struct random *r, unsigned how) {
    const unsigned count = 1 + below(r, 6);
    atomic_store(&begun, 0);
    pthread_t thread;
    for (unsigned i = 0; i < count; i++)
        if (pthread_create(&thread, 0, busy, (void *)(uintptr_t)below(r, 5)) != 0)
            _exit(98);
    if (below(r, 2))
        while (atomic_load(&begun) != count)
            ;
    if (pthread_create(&thread, 0, ender, (void *)(uintptr_t)how) != 0)
        _exit(97);
    busy((void *)(uintptr_t)below(r, 5));
}

static void *add_one(void *argument) {
    atomic_fetch_add((atomic_ulong *)argument, 1);
    return 0;
}

static void exit_body(unsigned number) {
    struct random r = random_of(number);
    for (unsigned long round = 0; go_on(round); round++) {
        atomic_ulong sum = 0;
        pthread_t threads[8];
        for (int i = 0; i < 8; i++)
            CHECK(pthread_create(&threads[i], 0, add_one, &sum) == 0);
        for (int i = 0; i < 8; i++)
            CHECK(pthread_join(threads[i], 0) == 0);
        CHECK(sum == 8);
        if (number % 2)
            continue;
        const unsigned how = below(&r, 4);
        pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0)
            child_with_threads(&r, how);
        int status = 0;
        pid_t result;
        while ((result = waitpid(child, &status, 0)) == -1 && errno == EINTR)
            ;
        CHECK(result == child);
        static const int expected[] = {42 << 8, 7 << 8, SIGKILL, SIGILL};
        if ((status & ~0x80) != expected[how])
            fail("a process of several threads ended with %#x, not %#x", status, expected[how]);
    }
}

void torture_exit(void) { in_threads(torture_threads, exit_body); }
