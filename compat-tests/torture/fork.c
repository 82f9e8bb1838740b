#define _GNU_SOURCE
#include "torture.h"

#include <errno.h>
#include <sched.h>
#include <spawn.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { page = 4096, pages = 512 };

static volatile uint64_t *area;
static atomic_uint forkers_left;

static volatile uint64_t *word(unsigned index) { return area + (size_t)index * (page / sizeof *area); }

static int status_of(pid_t child) {
    int status;
    pid_t result;
    while ((result = waitpid(child, &status, 0)) == -1 && errno == EINTR)
        ;
    CHECK(result == child);
    return status;
}

/* The child of a fork sees memory as of one moment, whatever the other threads of its parent write. */
static void child_of_fork(unsigned number) {
    uint64_t seen[pages];
    for (unsigned i = 0; i < pages; i++)
        seen[i] = *word(i);
    *word(number) = 0x1234567;
    for (int turn = 0; turn < 3; turn++) {
        syscall(SYS_sched_yield);
        for (unsigned i = 0; i < pages; i++)
            if (*word(i) != (i == number ? 0x1234567 : seen[i]))
                _exit(20);
    }
    _exit(10);
}

static void fork_body(unsigned number) {
    struct random r = random_of(number);
    extern char **environ;
    if (number % 2 == 0) {
        for (unsigned long round = 0; go_on(round); round++) {
            int status;
            char *words[] = {"/proc/self/exe", "--exit-7", 0};
            switch (below(&r, 3)) {
            case 0: {
                pid_t child;
                CHECK(posix_spawn(&child, words[0], 0, 0, words, environ) == 0);
                status = status_of(child);
                if (!WIFEXITED(status) || WEXITSTATUS(status) != 7)
                    fail("a spawned program ended with %#x", status);
                break;
            }
            default: {
                pid_t child = (pid_t)syscall(SYS_fork);
                CHECK(child >= 0);
                if (child == 0)
                    child_of_fork(below(&r, pages));
                status = status_of(child);
                if (!WIFEXITED(status) || WEXITSTATUS(status) != 10)
                    fail("the child of a fork ended with %#x", status);
            }
            }
        }
        atomic_fetch_sub(&forkers_left, 1);
        return;
    }
    while (atomic_load(&forkers_left) != 0) {
        const unsigned index = below(&r, pages / torture_threads) * torture_threads + number;
        const uint64_t value = next(&r);
        *word(index) = value;
        if (*word(index) != value)
            fail("a page of the parent lost what was written");
        if (below(&r, 8) == 0) {
            CHECK(madvise((void *)word(index), page, MADV_DONTNEED) == 0);
            if (*word(index) != 0)
                fail("a page thrown away is not zero");
        }
        if (below(&r, 32) == 0) {
            char *more = mmap(0, 8 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
            CHECK(more != MAP_FAILED);
            memset(more, 1, 8 * page);
            munmap(more, 8 * page);
        }
    }
}

void torture_fork(void) {
    area = mmap(0, (size_t)pages * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(area != MAP_FAILED);
    atomic_store(&forkers_left, (torture_threads + 1) / 2);
    in_threads(torture_threads, fork_body);
    munmap((void *)area, (size_t)pages * page);
}
