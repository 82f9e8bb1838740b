#define _GNU_SOURCE
#include "torture.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { page = 4096, shared_pages = 4096 };

static unsigned char *shared;

static uint64_t *word_of(unsigned index) { return (uint64_t *)(shared + (size_t)index * page); }

/* All threads fault in one mapping; each owns every n-th page, and throws its pages away at will. */
static void memory_body(unsigned number) {
    struct random r = random_of(number);
    uint64_t *expected = mmap(0, shared_pages * sizeof *expected, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(expected != MAP_FAILED);
    for (unsigned long round = 0; go_on(round); round++) {
        for (int i = 0; i < 50; i++) {
            unsigned index = below(&r, shared_pages / torture_threads) * torture_threads + number;
            if (*word_of(index) != expected[index])
                fail("page %u holds %#lx, not %#lx", index, (unsigned long)*word_of(index), (unsigned long)expected[index]);
            switch (below(&r, 4)) {
            case 0:
                CHECK(madvise(word_of(index), page, MADV_DONTNEED) == 0);
                expected[index] = 0;
                break;
            case 1:
                CHECK(mprotect(word_of(index), page, PROT_READ) == 0);
                CHECK(*word_of(index) == expected[index]);
                CHECK(mprotect(word_of(index), page, PROT_READ | PROT_WRITE) == 0);
                break;
            case 2:
                CHECK(mmap(word_of(index), page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) ==
                      (void *)word_of(index));
                expected[index] = 0;
                break;
            default:
                expected[index] = *word_of(index) = next(&r);
            }
        }
        /* A mapping of its own: grown, moved, cut in the middle. */
        unsigned pages = 2 + below(&r, 64);
        unsigned char *own = mmap(0, (size_t)pages * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        CHECK(own != MAP_FAILED);
        for (unsigned i = 0; i < pages; i++)
            own[(size_t)i * page] = (unsigned char)(i + number);
        own = mremap(own, (size_t)pages * page, (size_t)pages * 2 * page, MREMAP_MAYMOVE);
        CHECK(own != MAP_FAILED);
        for (unsigned i = 0; i < pages; i++)
            CHECK(own[(size_t)i * page] == (unsigned char)(i + number) && own[(size_t)(i + pages) * page] == 0);
        CHECK(munmap(own + page, page) == 0);
        CHECK(own[0] == (unsigned char)number);
        CHECK(munmap(own, (size_t)pages * 2 * page) == 0);
    }
    munmap(expected, shared_pages * sizeof *expected);
}

void torture_memory(void) {
    shared = mmap(0, (size_t)shared_pages * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    CHECK(shared != MAP_FAILED);
    in_threads(torture_threads, memory_body);
    munmap(shared, (size_t)shared_pages * page);
}

/* One thread takes a page away; the others use it all the time. After the call has returned, an access that
 * succeeds went through a stale translation. */
static volatile uint64_t *victim;
static atomic_uint phase;       /* odd: the page is there; even: the call that took it away has returned */
static atomic_uint stopped, arrived;
static atomic_int writes_are_taken_away;
static __thread sigjmp_buf back;
static atomic_ulong faults;

static void on_fault(int signal, siginfo_t *info, void *context) {
    (void)signal;
    (void)context;
    if (info->si_addr != (void *)victim)
        fail("a fault at %p", info->si_addr);
    siglongjmp(back, 1);
}

static void access_body(void) {
    volatile uint64_t seen = 0;
    while (!atomic_load(&stopped)) {
        volatile unsigned before = 0;
        if (sigsetjmp(back, 1) == 0) {
            before = atomic_load(&phase);
            if (atomic_load(&writes_are_taken_away))
                *victim = before;
            else
                seen += *victim;
            /* The phase was even before the access, and still is: the page was away all along. */
            if (before % 2 == 0 && atomic_load(&phase) == before)
                fail("an access after the %s", atomic_load(&writes_are_taken_away) ? "mprotect" : "munmap");
        } else {
            atomic_fetch_add(&faults, 1);
        }
    }
    (void)seen;
}

static void shootdown_body(unsigned number) {
    /* No stack of a new thread may be put where the page has just gone. */
    atomic_fetch_add(&arrived, 1);
    while (atomic_load(&arrived) != torture_threads)
        syscall(SYS_sched_yield);
    if (number != 0) {
        access_body();
        return;
    }
    struct random r = random_of(number);
    for (unsigned long round = 0; go_on(round); round++) {
        for (int i = 0; i < 20; i++) {
            atomic_fetch_add(&phase, 1);
            /* The page is back after the phase says that it may be; a fault in between is harmless. */
            if (atomic_load(&writes_are_taken_away))
                CHECK(mprotect((void *)victim, page, PROT_READ | PROT_WRITE) == 0);
            else
                CHECK(mmap((void *)victim, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == victim);
            for (unsigned spin = below(&r, 2000); spin; spin--)
                __asm__ volatile("pause");
            if (atomic_load(&writes_are_taken_away))
                CHECK(mprotect((void *)victim, page, PROT_READ) == 0);
            else
                CHECK(munmap((void *)victim, page) == 0);
            atomic_fetch_add(&phase, 1);
            for (unsigned spin = below(&r, 2000); spin; spin--)
                __asm__ volatile("pause");
        }
    }
    atomic_store(&stopped, 1);
}

void torture_shootdown(void) {
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO}, old;
    sigaction(SIGSEGV, &action, &old);
    for (int writes = 0; writes < 2; writes++) {
        victim = mmap(0, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        CHECK(victim != MAP_FAILED);
        if (writes)
            CHECK(mprotect((void *)victim, page, PROT_READ) == 0);
        else
            CHECK(munmap((void *)victim, page) == 0);
        atomic_store(&phase, 0);
        atomic_store(&stopped, 0);
        atomic_store(&arrived, 0);
        atomic_store(&writes_are_taken_away, writes);
        in_threads(torture_threads, shootdown_body);
        munmap((void *)victim, page);
    }
    sigaction(SIGSEGV, &old, 0);
}
