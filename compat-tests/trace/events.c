// Waiting for several descriptors.
#include "trace_calls.h"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/select.h>
#include <time.h>

void trace_events(void) {
    int p[2];
    CALL(pipe2, p, O_NONBLOCK);
    struct pollfd fds[3] = {{p[0], POLLIN | POLLPRI, 0}, {p[1], POLLOUT, 0}, {-1, POLLIN, 0}};
    unsigned long none = 0;
    struct timespec ts = {0, 1000}, zero = {0, 0}, second = {1, 0};
    CALL(poll, fds, 3, 0), CALL(poll, fds, 1, 1), CALL(poll, NULL, 0, 1), CALL(poll, BAD, 2, 0), CALL(poll, fds, 1, 0);
    fds[0].fd = 99, CALL(poll, fds, 2, -1), fds[0].fd = p[0];
    CALL(ppoll, fds, 1, &ts, &none, 8L), CALL(ppoll, fds, 2, NULL, NULL, 0L), CALL(ppoll, fds, 2, &second, NULL, 8L), CALL(ppoll, fds, 1, BAD, NULL, 0L);
    fd_set r, w, e;
    memset(&r, 0, sizeof r), memset(&w, 0, sizeof w), memset(&e, 0, sizeof e), FD_SET(p[0], &r), FD_SET(p[1], &w);
    struct timeval tv = {0, 1000};
    CALL(select, p[1] + 1, &r, &w, NULL, NULL);
    FD_SET(p[0], &r), CALL(select, p[0] + 1, &r, NULL, &e, &tv);
    memset(&r, 0, sizeof r), FD_SET(55, &r), CALL(select, 56, &r, NULL, NULL, NULL), CALL(select, 0, NULL, NULL, NULL, &tv), CALL(select, -1, NULL, NULL, NULL, NULL);
    memset(&r, 0, sizeof r), FD_SET(p[0], &r), CALL(select, p[0] + 1, BAD, NULL, NULL, NULL);
    struct {
        const unsigned long* set;
        size_t size;
    } mask = {&none, 8};
    memset(&w, 0, sizeof w), FD_SET(p[1], &w), second.tv_sec = 1, second.tv_nsec = 0, CALL(pselect6, p[1] + 1, &r, &w, NULL, &second, &mask);
    memset(&r, 0, sizeof r), FD_SET(p[0], &r), CALL(pselect6, p[0] + 1, &r, NULL, NULL, &ts, NULL);
    int ep = CALL(epoll_create1, EPOLL_CLOEXEC);
    CALL(epoll_create, 1), CALL(epoll_create, 0), CALL(epoll_create1, 77);
    struct epoll_event event = {EPOLLIN | EPOLLET | EPOLLONESHOT, {.u64 = 0x1234567890}}, events[4];
    CALL(epoll_ctl, ep, EPOLL_CTL_ADD, p[0], &event), CALL(epoll_ctl, ep, EPOLL_CTL_ADD, p[0], &event);
    event.events = EPOLLOUT | EPOLLRDHUP, event.data.fd = p[1], CALL(epoll_ctl, ep, EPOLL_CTL_ADD, p[1], &event), CALL(epoll_ctl, ep, EPOLL_CTL_MOD, p[1], &event);
    CALL(epoll_wait, ep, events, 4, -1), CALL(epoll_ctl, ep, EPOLL_CTL_DEL, p[1], NULL), CALL(epoll_ctl, ep, EPOLL_CTL_DEL, 99, &event), CALL(epoll_ctl, ep, 77, p[0], &event);
    CALL(epoll_wait, ep, events, 4, 0), CALL(epoll_wait, ep, events, 0, 0), CALL(epoll_wait, 99, events, 4, 0), CALL(epoll_ctl, ep, EPOLL_CTL_ADD, p[0], BAD);
    CALL(epoll_pwait, ep, events, 4, 0, &none, 8L), CALL(epoll_pwait, ep, events, 4, 0, NULL, 0L), CALL(epoll_pwait2, ep, events, 4, &zero, NULL, 0L);
    CALL(write, p[1], "x", 1), CALL(epoll_wait, ep, events, 4, -1);
    int ev = CALL(eventfd2, 3, EFD_SEMAPHORE | EFD_CLOEXEC | EFD_NONBLOCK);
    CALL(eventfd, 0), CALL(eventfd2, 0, 77), CALL(read, ev, events, 8), CALL(read, ev, events, 4);
    for (int i = 3; i < 20; ++i) close(i);
}
