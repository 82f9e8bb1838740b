/* torture [--seconds N] [--threads N] [--seed N] [NAME...]: runs the workloads named, or all, one after another. */
#define _GNU_SOURCE
#include "torture.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

const struct workload workloads[] = {
    {"futex", torture_futex, "a lock, conditions, time-outs and robust locks"},
    {"pipe", torture_pipe, "records through a shared pipe"},
    {"epoll", torture_epoll, "one epoll, many waiters, files that come and go"},
    {"memory", torture_memory, "mmap, munmap, mprotect, madvise and faults in the same mappings"},
    {"shootdown", torture_shootdown, "no access by another CPU succeeds after munmap or mprotect"},
    {"signal", torture_signal, "signals to computing threads; none is lost, no register changes"},
    {"timer", torture_timer, "sleeps and timers, none early, armed and disarmed in a race"},
    {"socket", torture_socket, "connections opened, used, and closed under a blocked reader"},
    {"fork", torture_fork, "fork and vfork beside faults"},
    {"files", torture_files, "descriptors, names and offsets shared by threads"},
    {"exit", torture_exit, "threads that end, exit_group and execve with other threads running"},
    {0, 0, 0},
};

unsigned torture_threads = 4;
static double seconds = 2;
static uint64_t seed = 1;
static struct timespec deadline;
static const char *current = "";

bool go_on(unsigned long round) {
    if (round == 0)
        return true;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec < deadline.tv_sec || (now.tv_sec == deadline.tv_sec && now.tv_nsec < deadline.tv_nsec);
}

struct random random_of(unsigned number) {
    struct random r = {seed * 0x9e3779b97f4a7c15u + number * 0xbf58476d1ce4e5b9u + 0x94d049bb133111ebu};
    next(&r);
    return r;
}

uint64_t next(struct random *r) {
    r->state ^= r->state << 13;
    r->state ^= r->state >> 7;
    r->state ^= r->state << 17;
    return r->state;
}

void fail(const char *format, ...) {
    char text[512];
    va_list list;
    va_start(list, format);
    int n = snprintf(text, sizeof text, "FAILED: %s: ", current);
    n += vsnprintf(text + n, sizeof text - n - 1, format, list);
    if (n > (int)sizeof text - 2)
        n = sizeof text - 2;
    text[n++] = '\n';
    if (write(1, text, n) < 0)
        _exit(2);
    _exit(1);
}

struct start {
    void (*body)(unsigned);
    unsigned number;
};

static void set_deadline(void) {
    clock_gettime(CLOCK_MONOTONIC, &deadline);
    deadline.tv_sec += (time_t)seconds;
    deadline.tv_nsec += (long)((seconds - (double)(time_t)seconds) * 1e9);
    if (deadline.tv_nsec >= 1000000000) {
        deadline.tv_nsec -= 1000000000;
        deadline.tv_sec++;
    }
}

static void *thread_main(void *argument) {
    struct start start = *(struct start *)argument;
    free(argument);
    start.body(start.number);
    return 0;
}

void in_threads(unsigned count, void (*body)(unsigned)) {
    pthread_t threads[count];
    set_deadline();
    for (unsigned i = 0; i < count; i++) {
        struct start *start = malloc(sizeof *start);
        CHECK(start);
        *start = (struct start){body, i};
        int error = pthread_create(&threads[i], 0, thread_main, start);
        if (error)
            fail("pthread_create: %s", strerror(error));
    }
    for (unsigned i = 0; i < count; i++)
        pthread_join(threads[i], 0);
}

static int usage(const char *what) {
    fprintf(stderr, "torture: %s\nusage: torture [--seconds N] [--threads N] [--seed N] [NAME...]\n", what);
    for (const struct workload *w = workloads; w->name; w++)
        fprintf(stderr, "  %-10s %s\n", w->name, w->what);
    return 2;
}

int main(int argc, char **argv) {
    int first = 1;
    if (argc == 2 && strcmp(argv[1], "--exit-7") == 0) /* what torture_exit and torture_fork execute */
        return 7;
    for (; first + 1 < argc && strncmp(argv[first], "--", 2) == 0; first += 2) {
        if (strcmp(argv[first], "--seconds") == 0)
            seconds = atof(argv[first + 1]);
        else if (strcmp(argv[first], "--threads") == 0)
            torture_threads = (unsigned)atoi(argv[first + 1]);
        else if (strcmp(argv[first], "--seed") == 0)
            seed = strtoull(argv[first + 1], 0, 0);
        else
            return usage(argv[first]);
    }
    if (torture_threads < 2 || torture_threads > 256 || seconds < 0)
        return usage("--threads is 2 to 256, --seconds not negative");
    for (int i = first; i < argc; i++) {
        const struct workload *w = workloads;
        while (w->name && strcmp(w->name, argv[i]) != 0)
            w++;
        if (!w->name)
            return usage(argv[i]);
    }
    setvbuf(stdout, 0, _IONBF, 0);
    for (const struct workload *w = workloads; w->name; w++) {
        bool named = first >= argc;
        for (int i = first; i < argc; i++)
            named |= strcmp(w->name, argv[i]) == 0;
        if (!named)
            continue;
        current = w->name;
        printf("%s...\n", w->name);
        w->run();
        printf("%s: held\n", w->name);
    }
    return 0;
}
