#define _GNU_SOURCE
#include "torture.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

static uint64_t now_ns(clockid_t clock) {
    struct timespec time;
    CHECK(clock_gettime(clock, &time) == 0);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static struct timespec of_ns(uint64_t ns) { return (struct timespec){(time_t)(ns / 1000000000u), (long)(ns % 1000000000u)}; }

static void timer_body(unsigned number) {
    struct random r = random_of(number);
    int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    CHECK(fd >= 0);
    uint64_t last = 0;
    for (unsigned long round = 0; go_on(round); round++) {
        /* No clock goes back, on whichever CPU this thread is now. */
        uint64_t start = now_ns(CLOCK_MONOTONIC);
        if (start < last)
            fail("CLOCK_MONOTONIC went back by %lu ns", (unsigned long)(last - start));
        last = start;
        const uint64_t length = below(&r, 2000000);
        struct timespec time = of_ns(length);
        switch (below(&r, 4)) {
        case 0:
            if (clock_nanosleep(CLOCK_MONOTONIC, 0, &time, 0) == 0 && now_ns(CLOCK_MONOTONIC) < start + length)
                fail("a sleep ended early");
            break;
        case 1:
            time = of_ns(start + length);
            if (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, 0) == 0 && now_ns(CLOCK_MONOTONIC) < start + length)
                fail("an absolute sleep ended early");
            break;
        case 2: {
            struct itimerspec spec = {of_ns(0), of_ns(length + 1)};
            CHECK(timerfd_settime(fd, 0, &spec, 0) == 0);
            struct pollfd item = {fd, POLLIN, 0};
            int n;
            while ((n = poll(&item, 1, -1)) == -1 && errno == EINTR)
                ;
            CHECK(n == 1 && item.revents == POLLIN);
            if (now_ns(CLOCK_MONOTONIC) < start + length + 1)
                fail("a timer expired early");
            uint64_t count;
            CHECK(read(fd, &count, sizeof count) == sizeof count && count == 1);
            break;
        }
        default: { /* disarmed while it may just expire: it has expired once, or not */
            struct itimerspec spec = {of_ns(0), of_ns(below(&r, 3000) + 1)}, off = {of_ns(0), of_ns(0)}, old;
            CHECK(timerfd_settime(fd, 0, &spec, 0) == 0);
            for (unsigned spin = below(&r, 500); spin; spin--)
                __asm__ volatile("pause");
            CHECK(timerfd_settime(fd, 0, &off, &old) == 0);
            uint64_t count;
            CHECK(read(fd, &count, sizeof count) == -1 && errno == EAGAIN);
        }
        }
    }
    close(fd);
}

static atomic_ulong alarms;
static void on_alarm(int signal) {
    (void)signal;
    atomic_fetch_add(&alarms, 1);
}

static void alarm_body(unsigned number) {
    struct random r = random_of(number);
    for (unsigned long round = 0; go_on(round) || atomic_load(&alarms) == 0; round++) {
        struct itimerval value = {{0, 0}, {0, 1 + below(&r, 1000)}};
        CHECK(setitimer(ITIMER_REAL, &value, 0) == 0);
        struct timespec time = of_ns(below(&r, 2000000));
        CHECK(nanosleep(&time, 0) == 0 || errno == EINTR);
    }
}

void torture_timer(void) {
    in_threads(torture_threads, timer_body);
    struct sigaction action = {.sa_handler = on_alarm}, old;
    sigaction(SIGALRM, &action, &old);
    in_threads(torture_threads, alarm_body);
    struct itimerval off = {{0, 0}, {0, 0}};
    setitimer(ITIMER_REAL, &off, 0);
    sigaction(SIGALRM, &old, 0);
}
