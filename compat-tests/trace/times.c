// Clocks and timers.
#include "trace_calls.h"

#include <sys/resource.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/times.h>
#include <time.h>

void trace_times(void) {
    struct timespec ts, ms = {0, 1000000}, bad = {0, 1000000000};
    CALL(clock_gettime, CLOCK_REALTIME, &ts), CALL(clock_gettime, CLOCK_MONOTONIC_COARSE, &ts), CALL(clock_gettime, 77, &ts), CALL(clock_gettime, CLOCK_BOOTTIME, BAD);
    CALL(clock_gettime, (getpid() ^ 0x1fffffff) << 3 | 2, BAD), CALL(clock_gettime, -6, &ts);
    CALL(clock_getres, CLOCK_MONOTONIC, &ts), CALL(clock_getres, CLOCK_REALTIME, NULL), CALL(clock_getres, 99, &ts);
    CALL(clock_settime, CLOCK_MONOTONIC, &ms), CALL(clock_settime, CLOCK_REALTIME, &bad);
    struct timeval tv;
    struct timezone tz;
    CALL(gettimeofday, &tv, NULL), CALL(gettimeofday, NULL, &tz), CALL(gettimeofday, BAD, NULL), CALL(time, NULL);
    long now;
    CALL(time, &now);
    CALL(settimeofday, BAD, NULL);
    struct tms t;
    CALL(times, &t), CALL(times, NULL);
    CALL(nanosleep, &ms, NULL), CALL(nanosleep, &ms, &ts), CALL(nanosleep, &bad, &ts), CALL(nanosleep, BAD, NULL);
    CALL(clock_nanosleep, CLOCK_MONOTONIC, 0, &ms, NULL), CALL(clock_nanosleep, CLOCK_MONOTONIC, TIMER_ABSTIME, &ms, &ts), CALL(clock_nanosleep, 77, 5, &ms, NULL);
    struct itimerval it = {{0, 0}, {100, 5}}, old;
    CALL(setitimer, ITIMER_REAL, &it, &old), it.it_value.tv_sec = it.it_value.tv_usec = 0, CALL(setitimer, ITIMER_REAL, &it, NULL), CALL(getitimer, ITIMER_VIRTUAL, &old);
    CALL(setitimer, 9, &it, &old), CALL(getitimer, ITIMER_PROF, BAD), CALL(alarm, 0);
    int fd = CALL(timerfd_create, CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    CALL(timerfd_create, 77, 0), CALL(timerfd_create, CLOCK_REALTIME, 5);
    struct itimerspec its = {{1, 0}, {1000, 5}}, was;
    CALL(timerfd_settime, fd, 0, &its, NULL), its.it_value.tv_sec = its.it_value.tv_nsec = 0, CALL(timerfd_settime, fd, TFD_TIMER_ABSTIME, &its, &was);
    CALL(timerfd_gettime, fd, &was), CALL(timerfd_gettime, 99, &was), CALL(timerfd_settime, fd, 0x10, &its, BAD), CALL(read, fd, &now, 8), CALL(close, fd);
    struct {
        void* value;
        int signo, notify, tid, pad[11];
    } e = {(void*)0x1234, SIGUSR1, SIGEV_SIGNAL, 0, {0}};
    int id = -1;
    CALL(timer_create, CLOCK_MONOTONIC, &e, &id);
    CALL(timer_settime, id, 0, &its, &was), CALL(timer_gettime, id, &was), CALL(timer_getoverrun, id), CALL(timer_delete, id), CALL(timer_delete, 99);
    e.notify = 4, e.tid = getpid(), e.value = NULL, CALL(timer_create, CLOCK_REALTIME, &e, &id), CALL(timer_delete, id);
    e.notify = SIGEV_NONE, CALL(timer_create, CLOCK_REALTIME, &e, &id), CALL(timer_delete, id);
    CALL(timer_create, CLOCK_REALTIME, NULL, &id), CALL(timer_delete, id), e.notify = 9, CALL(timer_create, 77, &e, &id), CALL(timer_settime, 99, 1, &its, NULL);
    struct rusage u;
    CALL(getrusage, RUSAGE_SELF, &u), CALL(getrusage, RUSAGE_CHILDREN, &u), CALL(getrusage, 77, &u), CALL(getrusage, RUSAGE_THREAD, BAD);
}
