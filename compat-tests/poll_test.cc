// epoll, poll, select.
#include "support.h"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/socket.h>

namespace {

struct Epoll {
    Fd fd{epoll_create1(0)};
    int add(int target, uint32_t events, uint64_t data = 0) {
        epoll_event e{};
        e.events = events;
        e.data.u64 = data;
        return epoll_ctl(fd, EPOLL_CTL_ADD, target, &e);
    }
    int mod(int target, uint32_t events, uint64_t data = 0) {
        epoll_event e{};
        e.events = events;
        e.data.u64 = data;
        return epoll_ctl(fd, EPOLL_CTL_MOD, target, &e);
    }
    int del(int target) { return epoll_ctl(fd, EPOLL_CTL_DEL, target, nullptr); }
    int wait(int timeout = 0) { return epoll_wait(fd, events, 8, timeout); }
    epoll_event events[8] = {};
};

volatile sig_atomic_t seen;
void note(int) { seen = seen + 1; }

} // namespace

TEST(sys_epoll_create1, EPOLL_CLOEXEC) {
    Fd fd(epoll_create1(EPOLL_CLOEXEC));
    EXPECT_EQ(FD_CLOEXEC, fcntl(fd, F_GETFD));
}
TEST(sys_epoll_create1, EINVAL_on_unknown_flag) { EXPECT_ERRNO(epoll_create1(1), EINVAL); }
TEST(sys_epoll_create, makes_one) {
    Fd fd(static_cast<int>(sys(SYS_epoll_create, 10)));
    EXPECT_TRUE(fd.valid());
}
TEST(sys_epoll_create, EINVAL_on_size_zero) { EXPECT_ERRNO(sys(SYS_epoll_create, 0), EINVAL); }
TEST(sys_epoll_wait, level_triggered_reports_until_read) {
    Epoll ep;
    Pipe p;
    ASSERT_OK(ep.add(p.r, EPOLLIN, 77));
    EXPECT_EQ(0, ep.wait());
    write(p.w, "x", 1);
    EXPECT_EQ(1, ep.wait());
    EXPECT_EQ(EPOLLIN, ep.events[0].events);
    EXPECT_EQ(77u, ep.events[0].data.u64);
    EXPECT_EQ(1, ep.wait());
    char c;
    read(p.r, &c, 1);
    EXPECT_EQ(0, ep.wait());
}
TEST(sys_epoll_wait, edge_triggered_reports_once_for_each_arrival) {
    Epoll ep;
    Pipe p;
    ASSERT_OK(ep.add(p.r, EPOLLIN | EPOLLET));
    write(p.w, "x", 1);
    EXPECT_EQ(1, ep.wait());
    EXPECT_EQ(0, ep.wait());
    write(p.w, "y", 1);
    EXPECT_EQ(1, ep.wait());
    EXPECT_EQ(0, ep.wait());
}
TEST(sys_epoll_wait, edge_triggered_reports_data_that_was_there_before) {
    Epoll ep;
    Pipe p;
    write(p.w, "x", 1);
    ASSERT_OK(ep.add(p.r, EPOLLIN | EPOLLET));
    EXPECT_EQ(1, ep.wait());
    EXPECT_EQ(0, ep.wait());
}
TEST(sys_epoll_wait, oneshot_needs_rearming) {
    Epoll ep;
    Pipe p;
    ASSERT_OK(ep.add(p.r, EPOLLIN | EPOLLONESHOT));
    write(p.w, "x", 1);
    EXPECT_EQ(1, ep.wait());
    EXPECT_EQ(0, ep.wait());
    write(p.w, "y", 1);
    EXPECT_EQ(0, ep.wait());
    EXPECT_OK(ep.mod(p.r, EPOLLIN | EPOLLONESHOT));
    EXPECT_EQ(1, ep.wait());
}
TEST(sys_epoll_wait, hangup_is_reported_unasked) {
    Epoll ep;
    Pipe p;
    ASSERT_OK(ep.add(p.r, 0));
    p.w.reset();
    EXPECT_EQ(1, ep.wait());
    EXPECT_EQ(EPOLLHUP, ep.events[0].events);
}
TEST(sys_epoll_wait, EPOLLRDHUP_on_half_closed_socket) {
    Epoll ep;
    int fds[2];
    ASSERT_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
    Fd a(fds[0]), b(fds[1]);
    ASSERT_OK(ep.add(a, EPOLLIN | EPOLLRDHUP));
    shutdown(b, SHUT_WR);
    EXPECT_EQ(1, ep.wait());
    EXPECT_EQ(EPOLLIN | EPOLLRDHUP, ep.events[0].events);
}
TEST(sys_epoll_wait, closed_descriptor_leaves_the_set) {
    Epoll ep;
    Pipe p;
    ASSERT_OK(ep.add(p.r, EPOLLIN));
    write(p.w, "x", 1);
    p.r.reset();
    EXPECT_EQ(0, ep.wait());
}
TEST(sys_epoll_wait, duplicate_keeps_the_entry_alive) {
    Epoll ep;
    Pipe p;
    Fd other(dup(p.r));
    ASSERT_OK(ep.add(p.r, EPOLLIN, 5));
    p.r.reset();
    write(p.w, "x", 1);
    EXPECT_EQ(1, ep.wait());
    EXPECT_EQ(5u, ep.events[0].data.u64);
}
TEST(sys_epoll_wait, nested_epoll_is_readable) {
    Epoll inner, outer;
    Pipe p;
    ASSERT_OK(inner.add(p.r, EPOLLIN));
    ASSERT_OK(outer.add(inner.fd, EPOLLIN, 3));
    EXPECT_EQ(0, outer.wait());
    write(p.w, "x", 1);
    EXPECT_EQ(1, outer.wait());
    EXPECT_EQ(3u, outer.events[0].data.u64);
}
TEST(sys_epoll_wait, maxevents_limits_and_takes_turns) {
    Epoll ep;
    Pipe p[3];
    for (int i = 0; i < 3; i++) {
        ep.add(p[i].r, EPOLLIN, i);
        write(p[i].w, "x", 1);
    }
    int mask = 0;
    for (int i = 0; i < 3; i++) {
        ASSERT_EQ(1, epoll_wait(ep.fd, ep.events, 1, 0));
        mask |= 1 << ep.events[0].data.u64;
    }
    EXPECT_EQ(7, mask);
}
TEST(sys_epoll_wait, wakes_when_another_thread_writes) {
    Epoll ep;
    Pipe p;
    ep.add(p.r, EPOLLIN);
    Thread t([&] { write(p.w, "x", 1); });
    EXPECT_EQ(1, ep.wait(-1));
}
TEST(sys_epoll_wait, timeout_passes_at_least) {
    Epoll ep;
    uint64_t start = now_ns();
    EXPECT_EQ(0, ep.wait(20));
    EXPECT_GE(now_ns() - start, 20000000u);
}
TEST(sys_epoll_wait, EPOLLEXCLUSIVE_still_reports) {
    Epoll ep;
    Pipe p;
    ASSERT_OK(ep.add(p.r, EPOLLIN | (1u << 28)));
    write(p.w, "x", 1);
    EXPECT_EQ(1, ep.wait());
}
TEST(sys_epoll_wait, a_thousand_descriptors) {
    Epoll ep;
    static Fd fds[1000];
    for (int i = 0; i < 1000; i++) {
        fds[i].reset(eventfd(0, EFD_NONBLOCK));
        ASSERT_OK(ep.add(fds[i], EPOLLIN, i));
    }
    uint64_t one = 1;
    write(fds[777], &one, 8);
    EXPECT_EQ(1, ep.wait());
    EXPECT_EQ(777u, ep.events[0].data.u64);
    for (auto& fd : fds) {
        fd.reset();
    }
}
TEST(sys_epoll_wait, EINTR_on_a_signal_even_with_SA_RESTART) {
    Epoll ep;
    RepeatedAlarm alarm(SA_RESTART);
    EXPECT_ERRNO(ep.wait(-1), EINTR);
}
TEST(sys_epoll_wait, EINVAL_on_maxevents_zero_and_foreign_descriptor) {
    Epoll ep;
    EXPECT_ERRNO(epoll_wait(ep.fd, ep.events, 0, 0), EINVAL);
    EXPECT_ERRNO(epoll_wait(ep.fd, ep.events, -1, 0), EINVAL);
    Pipe p;
    EXPECT_ERRNO(epoll_wait(p.r, ep.events, 8, 0), EINVAL);
}
TEST(sys_epoll_wait, EBADF_on_closed_descriptor) {
    epoll_event e;
    EXPECT_ERRNO(epoll_wait(closed_fd(), &e, 1, 0), EBADF);
}
TEST(sys_epoll_wait, EFAULT_on_kernel_buffer) {
    Epoll ep;
    Pipe p;
    ep.add(p.w, EPOLLOUT);
    EXPECT_ERRNO(sys(SYS_epoll_wait, ep.fd.get(), kernel_address, 8, 0), EFAULT);
}
TEST(sys_epoll_ctl, MOD_changes_the_events) {
    Epoll ep;
    Pipe p;
    ASSERT_OK(ep.add(p.w, EPOLLIN));
    EXPECT_EQ(0, ep.wait());
    EXPECT_OK(ep.mod(p.w, EPOLLOUT, 9));
    EXPECT_EQ(1, ep.wait());
    EXPECT_EQ(EPOLLOUT, ep.events[0].events);
    EXPECT_EQ(9u, ep.events[0].data.u64);
}
TEST(sys_epoll_ctl, DEL_removes) {
    Epoll ep;
    Pipe p;
    ep.add(p.w, EPOLLOUT);
    EXPECT_OK(ep.del(p.w));
    EXPECT_EQ(0, ep.wait());
}
TEST(sys_epoll_ctl, EEXIST_on_second_ADD) {
    Epoll ep;
    Pipe p;
    ep.add(p.r, EPOLLIN);
    EXPECT_ERRNO(ep.add(p.r, EPOLLIN), EEXIST);
}
TEST(sys_epoll_ctl, ENOENT_on_MOD_and_DEL_of_a_stranger) {
    Epoll ep;
    Pipe p;
    EXPECT_ERRNO(ep.mod(p.r, EPOLLIN), ENOENT);
    EXPECT_ERRNO(ep.del(p.r), ENOENT);
}
TEST(sys_epoll_ctl, EPERM_on_a_regular_file_and_folder) {
    Epoll ep;
    TempDir d;
    Fd f(open(d / "f", O_RDWR | O_CREAT, 0600)), dir(open(d.path(), O_RDONLY));
    EXPECT_ERRNO(ep.add(f, EPOLLIN), EPERM);
    EXPECT_ERRNO(ep.add(dir, EPOLLIN), EPERM);
}
TEST(sys_epoll_ctl, EINVAL_on_itself_bad_operation_and_foreign_descriptor) {
    Epoll ep;
    Pipe p;
    epoll_event e{};
    EXPECT_ERRNO(ep.add(ep.fd, EPOLLIN), EINVAL);
    EXPECT_ERRNO(epoll_ctl(ep.fd, 99, p.r, &e), EINVAL);
    EXPECT_ERRNO(epoll_ctl(p.r, EPOLL_CTL_ADD, p.w, &e), EINVAL);
}
TEST(sys_epoll_ctl, ELOOP_on_a_circle) {
    Epoll a, b;
    ASSERT_OK(a.add(b.fd, EPOLLIN));
    EXPECT_ERRNO(b.add(a.fd, EPOLLIN), ELOOP);
}
TEST(sys_epoll_ctl, EBADF_on_closed_descriptors) {
    Epoll ep;
    Pipe p;
    epoll_event e{};
    EXPECT_ERRNO(ep.add(closed_fd(), EPOLLIN), EBADF);
    EXPECT_ERRNO(epoll_ctl(closed_fd(), EPOLL_CTL_ADD, p.r, &e), EBADF);
}
TEST(sys_epoll_ctl, EFAULT_on_bad_event) {
    Epoll ep;
    Pipe p;
    EXPECT_ERRNO(sys(SYS_epoll_ctl, ep.fd.get(), EPOLL_CTL_ADD, p.r.get(), unmapped_address), EFAULT);
}
TEST(sys_epoll_pwait, mask_lets_a_blocked_signal_in) {
    Epoll ep;
    BlockSignals block(SIGUSR1);
    SignalAction action(SIGUSR1, note);
    seen = 0;
    pthread_kill(pthread_self(), SIGUSR1);
    sigset_t none;
    sigemptyset(&none);
    EXPECT_ERRNO(epoll_pwait(ep.fd, ep.events, 8, -1, &none), EINTR);
    EXPECT_EQ(1, seen);
}
TEST(sys_epoll_pwait, without_mask_is_epoll_wait) {
    Epoll ep;
    Pipe p;
    ep.add(p.w, EPOLLOUT);
    EXPECT_EQ(1, epoll_pwait(ep.fd, ep.events, 8, 0, nullptr));
}
TEST(sys_epoll_pwait, EINVAL_on_bad_mask_size) {
    Epoll ep;
    uint64_t mask = 0;
    EXPECT_ERRNO(sys(SYS_epoll_pwait, ep.fd.get(), ep.events, 8, 0, &mask, 5ul), EINVAL);
}
TEST(sys_epoll_pwait2, takes_a_timespec) {
    Epoll ep;
    timespec ts{0, 5000000};
    uint64_t start = now_ns();
    EXPECT_EQ(0, sys(SYS_epoll_pwait2, ep.fd.get(), ep.events, 8, &ts, nullptr, 0ul));
    EXPECT_GE(now_ns() - start, 5000000u);
}
TEST(sys_epoll_pwait2, EINVAL_on_bad_nanoseconds) {
    Epoll ep;
    timespec ts{0, 1000000000};
    EXPECT_ERRNO(sys(SYS_epoll_pwait2, ep.fd.get(), ep.events, 8, &ts, nullptr, 0ul), EINVAL);
}

TEST(sys_poll, counts_descriptors_with_events) {
    Pipe a, b;
    write(a.w, "x", 1);
    pollfd f[3] = {{a.r, POLLIN, 0}, {b.r, POLLIN, 0}, {b.w, POLLOUT, 0}};
    EXPECT_EQ(2, poll(f, 3, 0));
    EXPECT_EQ(0, f[1].revents);
}
TEST(sys_poll, negative_descriptor_is_ignored_and_closed_one_is_POLLNVAL) {
    pollfd f[2] = {{-1, POLLIN, 99}, {closed_fd(), POLLIN, 0}};
    EXPECT_EQ(1, poll(f, 2, 0));
    EXPECT_EQ(0, f[0].revents);
    EXPECT_EQ(POLLNVAL, f[1].revents);
}
TEST(sys_poll, regular_file_is_always_ready) {
    TempDir d;
    Fd fd(open(d / "f", O_RDWR | O_CREAT, 0600));
    pollfd f{fd, POLLIN | POLLOUT, 0};
    EXPECT_EQ(1, poll(&f, 1, -1));
    EXPECT_EQ(POLLIN | POLLOUT, f.revents);
}
TEST(sys_poll, timeout_without_descriptors_sleeps) {
    uint64_t start = now_ns();
    EXPECT_EQ(0, poll(nullptr, 0, 10));
    EXPECT_GE(now_ns() - start, 10000000u);
}
TEST(sys_poll, EINTR_on_a_signal_even_with_SA_RESTART) {
    RepeatedAlarm alarm(SA_RESTART);
    EXPECT_ERRNO(poll(nullptr, 0, -1), EINTR);
}
TEST(sys_poll, EFAULT_on_bad_pointer) { EXPECT_ERRNO(sys(SYS_poll, unmapped_address, 1, 0), EFAULT); }
TEST(sys_poll, EINVAL_on_more_descriptors_than_the_limit) {
    EXPECT_CHILD_OK([] {
        rlimit lim{20, 20};
        CHECK(setrlimit(RLIMIT_NOFILE, &lim) == 0);
        pollfd f[21] = {};
        CHECK_ERRNO(poll(f, 21, 0), EINVAL);
        return 0;
    });
}
TEST(sys_ppoll, mask_lets_a_blocked_signal_in) {
    BlockSignals block(SIGUSR1);
    SignalAction action(SIGUSR1, note);
    seen = 0;
    pthread_kill(pthread_self(), SIGUSR1);
    sigset_t none;
    sigemptyset(&none);
    EXPECT_ERRNO(ppoll(nullptr, 0, nullptr, &none), EINTR);
    EXPECT_EQ(1, seen);
    sigset_t now;
    pthread_sigmask(SIG_SETMASK, nullptr, &now);
    EXPECT_TRUE(sigismember(&now, SIGUSR1));
}
TEST(sys_ppoll, writes_the_remaining_time_back) {
    Pipe p;
    pollfd f{p.w, POLLOUT, 0};
    timespec ts{100, 0};
    EXPECT_EQ(1, sys(SYS_ppoll, &f, 1, &ts, nullptr, 0ul));
    EXPECT_LT(ts.tv_sec, 100);
    EXPECT_GE(ts.tv_sec, 10);
}
TEST(sys_ppoll, EINVAL_on_bad_timeout) {
    timespec ts{-1, 0};
    EXPECT_ERRNO(sys(SYS_ppoll, nullptr, 0, &ts, nullptr, 0ul), EINVAL);
}

TEST(sys_select, reports_ready_sets) {
    Pipe p;
    fd_set r, w;
    FD_ZERO(&r);
    FD_ZERO(&w);
    FD_SET(p.r, &r);
    FD_SET(p.w, &w);
    timeval tv{0, 0};
    EXPECT_EQ(1, sys(SYS_select, 64, &r, &w, nullptr, &tv));
    EXPECT_FALSE(FD_ISSET(p.r, &r));
    EXPECT_TRUE(FD_ISSET(p.w, &w));
}
TEST(sys_select, counts_a_descriptor_in_two_sets_twice) {
    TempDir d;
    Fd fd(open(d / "f", O_RDWR | O_CREAT, 0600));
    fd_set r, w;
    FD_ZERO(&r);
    FD_ZERO(&w);
    FD_SET(fd, &r);
    FD_SET(fd, &w);
    EXPECT_EQ(2, sys(SYS_select, fd + 1, &r, &w, nullptr, nullptr));
}
TEST(sys_select, timeout_is_updated) {
    Pipe p;
    fd_set r;
    FD_ZERO(&r);
    FD_SET(p.r, &r);
    timeval tv{0, 5000};
    EXPECT_EQ(0, sys(SYS_select, p.r + 1, &r, nullptr, nullptr, &tv));
    EXPECT_EQ(0, tv.tv_sec + tv.tv_usec);
    EXPECT_FALSE(FD_ISSET(p.r, &r));
}
TEST(sys_select, EBADF_on_closed_descriptor) {
    fd_set r;
    FD_ZERO(&r);
    int fd = closed_fd();
    FD_SET(fd, &r);
    timeval tv{0, 0};
    EXPECT_ERRNO(sys(SYS_select, fd + 1, &r, nullptr, nullptr, &tv), EBADF);
}
TEST(sys_select, EINVAL_on_negative_count_and_time) {
    timeval tv{-1, 0};
    EXPECT_ERRNO(sys(SYS_select, -1, nullptr, nullptr, nullptr, nullptr), EINVAL);
    EXPECT_ERRNO(sys(SYS_select, 0, nullptr, nullptr, nullptr, &tv), EINVAL);
}
TEST(sys_select, EINTR_on_a_signal) {
    RepeatedAlarm alarm;
    EXPECT_ERRNO(sys(SYS_select, 0, nullptr, nullptr, nullptr, nullptr), EINTR);
}
TEST(sys_pselect6, mask_lets_a_blocked_signal_in) {
    BlockSignals block(SIGUSR1);
    SignalAction action(SIGUSR1, note);
    seen = 0;
    pthread_kill(pthread_self(), SIGUSR1);
    sigset_t none;
    sigemptyset(&none);
    EXPECT_ERRNO(pselect(0, nullptr, nullptr, nullptr, nullptr, &none), EINTR);
    EXPECT_EQ(1, seen);
}
TEST(sys_pselect6, takes_nanoseconds) {
    timespec ts{0, 3000000};
    uint64_t start = now_ns();
    EXPECT_EQ(0, pselect(0, nullptr, nullptr, nullptr, &ts, nullptr));
    EXPECT_GE(now_ns() - start, 3000000u);
}
TEST(sys_pselect6, EINVAL_on_bad_nanoseconds) {
    timespec ts{0, 2000000000};
    EXPECT_ERRNO(sys(SYS_pselect6, 0, nullptr, nullptr, nullptr, &ts, nullptr), EINVAL);
}
