#define _GNU_SOURCE
#include "torture.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { files = 64 };

static int set, event[files], stop_event;
static atomic_ulong added, taken;
static atomic_uint writers_left;

static void take(int fd) {
    uint64_t value;
    ssize_t n = read(fd, &value, sizeof value);
    if (n == sizeof value)
        atomic_fetch_add(&taken, value);
    else
        CHECK(n == -1 && errno == EAGAIN);
}

/* Half of the threads write to eventfds, half wait on one epoll: edge-triggered, one-shot. */
static void shared_body(unsigned number) {
    struct random r = random_of(number);
    if (number % 2 == 0) {
        for (unsigned long round = 0; go_on(round); round++) {
            uint64_t value = 1 + below(&r, 3);
            CHECK(write(event[below(&r, files)], &value, sizeof value) == sizeof value);
            atomic_fetch_add(&added, value);
        }
        if (atomic_fetch_sub(&writers_left, 1) == 1)
            CHECK(write(stop_event, &(uint64_t){1}, 8) == 8);
        return;
    }
    for (;;) {
        struct epoll_event events[8];
        int n = epoll_wait(set, events, 1 + below(&r, 8), -1);
        CHECK(n >= 1 || errno == EINTR);
        bool stop = false;
        for (int i = 0; i < n; i++) {
            unsigned index = events[i].data.u32;
            if (index == files) {
                stop = true;
                continue;
            }
            CHECK(index < files);
            take(event[index]);
            if (index % 2 == 1) { /* one-shot */
                struct epoll_event again = {EPOLLIN | EPOLLONESHOT, {.u32 = index}};
                CHECK(epoll_ctl(set, EPOLL_CTL_MOD, event[index], &again) == 0);
            }
        }
        if (stop)
            return;
    }
}

/* Files of each thread come and go in the shared epoll while somebody waits on it. */
static void churn_body(unsigned number) {
    struct random r = random_of(number);
    for (unsigned long round = 0; go_on(round); round++) {
        int fd = eventfd(below(&r, 2), EFD_NONBLOCK);
        CHECK(fd >= 0);
        struct epoll_event item = {EPOLLIN | EPOLLOUT | (below(&r, 2) ? EPOLLET : 0), {.u32 = 1000 + number}};
        CHECK(epoll_ctl(set, EPOLL_CTL_ADD, fd, &item) == 0);
        CHECK(epoll_ctl(set, EPOLL_CTL_ADD, fd, &item) == -1 && errno == EEXIST);
        struct epoll_event events[4];
        CHECK(epoll_wait(set, events, 4, 0) >= 0);
        if (below(&r, 2))
            CHECK(epoll_ctl(set, EPOLL_CTL_DEL, fd, 0) == 0);
        close(fd);
    }
}

void torture_epoll(void) {
    set = epoll_create1(EPOLL_CLOEXEC);
    CHECK(set >= 0);
    for (unsigned i = 0; i < files; i++) {
        event[i] = eventfd(0, EFD_NONBLOCK);
        struct epoll_event item = {EPOLLIN | (i % 2 ? EPOLLONESHOT : EPOLLET), {.u32 = i}};
        CHECK(event[i] >= 0 && epoll_ctl(set, EPOLL_CTL_ADD, event[i], &item) == 0);
    }
    stop_event = eventfd(0, EFD_NONBLOCK);
    struct epoll_event item = {EPOLLIN, {.u32 = files}};
    CHECK(epoll_ctl(set, EPOLL_CTL_ADD, stop_event, &item) == 0);
    atomic_store(&writers_left, (torture_threads + 1) / 2);
    in_threads(torture_threads, shared_body);
    for (unsigned i = 0; i < files; i++)
        take(event[i]);
    if (added != taken)
        fail("%lu events were written, %lu taken", added, taken);
    in_threads(torture_threads, churn_body);
    for (unsigned i = 0; i < files; i++)
        close(event[i]);
    close(stop_event);
    close(set);
}
