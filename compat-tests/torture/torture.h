/* Torture programs: many threads of one kind of work for a given time, with checks that hold on any correct
 * Linux. They run on Linux first, then in the guest with several CPUs and the debug kernel.
 * What a workload finds wrong ends the program with status 1 and one line; no line depends on speed. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct workload {
    const char *name;
    void (*run)(void);
    const char *what;
};

extern const struct workload workloads[];
extern unsigned torture_threads; /* how many threads each workload uses, at least 2 */

/* False when the time given has passed; the first round of every loop always runs. */
bool go_on(unsigned long round);

/* xorshift; each thread has a state of its own, from the seed and its number. */
struct random {
    uint64_t state;
};
struct random random_of(unsigned number);
uint64_t next(struct random *r);
static inline unsigned below(struct random *r, unsigned limit) { return (unsigned)(next(r) % limit); }

/* Prints "FAILED: <workload>: <text>" and ends the process with status 1. */
void fail(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));
#define CHECK(condition)                                                                          \
    do {                                                                                          \
        if (!(condition))                                                                         \
            fail("%s:%d: %s (errno %d)", __FILE__, __LINE__, #condition, errno);                  \
    } while (0)

/* Runs `body(number)` in `count` threads, for the time given on the command line, and waits for them all. */
void in_threads(unsigned count, void (*body)(unsigned number));

void torture_futex(void);
void torture_pipe(void);
void torture_epoll(void);
void torture_memory(void);
void torture_shootdown(void);
void torture_signal(void);
void torture_timer(void);
void torture_socket(void);
void torture_fork(void);
void torture_files(void);
void torture_exit(void);
