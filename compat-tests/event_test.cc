// eventfd, signalfd, timerfd.
#include "support.h"

#include <sys/resource.h>

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>

namespace {

uint64_t read_u64(int fd) {
    uint64_t v = ~0ull;
    return read(fd, &v, 8) == 8 ? v : ~0ull;
}

bool readable(int fd) {
    pollfd p{fd, POLLIN, 0};
    return poll(&p, 1, 0) == 1 && (p.revents & POLLIN);
}

} // namespace

TEST(sys_eventfd2, adds_and_reads_the_whole_count) {
    Fd fd(eventfd(3, 0));
    uint64_t v = 4;
    EXPECT_EQ(8, write(fd, &v, 8));
    EXPECT_EQ(7u, read_u64(fd));
}
TEST(sys_eventfd2, EFD_SEMAPHORE_reads_one_at_a_time) {
    Fd fd(eventfd(2, EFD_SEMAPHORE | EFD_NONBLOCK));
    EXPECT_EQ(1u, read_u64(fd));
    EXPECT_EQ(1u, read_u64(fd));
    EXPECT_ERRNO(read(fd, &fd, 8), EAGAIN);
}
TEST(sys_eventfd2, poll_says_what_can_be_done) {
    Fd fd(eventfd(0, EFD_NONBLOCK));
    pollfd p{fd, POLLIN | POLLOUT, 0};
    EXPECT_EQ(1, poll(&p, 1, 0));
    EXPECT_EQ(POLLOUT, p.revents);
    uint64_t v = ~0ull - 1;
    EXPECT_EQ(8, write(fd, &v, 8));
    EXPECT_EQ(1, poll(&p, 1, 0));
    EXPECT_EQ(POLLIN, p.revents);
}
TEST(sys_eventfd2, wakes_a_waiting_reader) {
    Fd fd(eventfd(0, 0));
    uint64_t got = 0;
    Thread t([&] { got = read_u64(fd); });
    uint64_t v = 9;
    write(fd, &v, 8);
    t.join();
    EXPECT_EQ(9u, got);
}
TEST(sys_eventfd2, EAGAIN_when_empty_or_when_it_would_overflow) {
    Fd fd(eventfd(0, EFD_NONBLOCK));
    uint64_t v;
    EXPECT_ERRNO(read(fd, &v, 8), EAGAIN);
    v = ~0ull - 1;
    EXPECT_EQ(8, write(fd, &v, 8));
    v = 1;
    EXPECT_ERRNO(write(fd, &v, 8), EAGAIN);
}
TEST(sys_eventfd2, EINVAL_on_short_buffer_maximal_value_and_bad_flags) {
    Fd fd(eventfd(1, 0));
    uint64_t v = ~0ull;
    EXPECT_ERRNO(read(fd, &v, 4), EINVAL);
    EXPECT_ERRNO(write(fd, &v, 8), EINVAL);
    EXPECT_ERRNO(sys(SYS_eventfd2, 0, 0x100), EINVAL);
}
TEST(sys_eventfd, makes_one_without_flags) {
    Fd fd(static_cast<int>(sys(SYS_eventfd, 5)));
    EXPECT_EQ(5u, read_u64(fd));
    EXPECT_EQ(0, fcntl(fd, F_GETFD));
}

TEST(sys_eventfd, EMFILE_without_a_free_descriptor) {
    EXPECT_CHILD_OK([] {
        rlimit r{0, 0};
        CHECK(setrlimit(RLIMIT_NOFILE, &r) == 0);
        CHECK_ERRNO(sys(SYS_eventfd, 0u), EMFILE);
        return 0;
    });
}
TEST(sys_eventfd2, count_survives_fork_and_is_shared) {
    Fd e(static_cast<int>(sys(SYS_eventfd2, 1u, 0)));
    EXPECT_CHILD_OK([&] {
        uint64_t two = 2;
        CHECK(write(e, &two, 8) == 8);
        return 0;
    });
    uint64_t count = 0;
    EXPECT_EQ(8, read(e, &count, 8));
    EXPECT_EQ(3u, count);
}
TEST(sys_timerfd_create, EMFILE_without_a_free_descriptor) {
    EXPECT_CHILD_OK([] {
        rlimit r{0, 0};
        CHECK(setrlimit(RLIMIT_NOFILE, &r) == 0);
        CHECK_ERRNO(sys(SYS_timerfd_create, CLOCK_MONOTONIC, 0), EMFILE);
        return 0;
    });
}
TEST(sys_timerfd_create, EPERM_for_alarm_clocks_without_CAP_WAKE_ALARM) {
    EXPECT_CHILD_OK([] {
        CHECK(setuid(65534) == 0);
        CHECK_ERRNO(sys(SYS_timerfd_create, 9 /* CLOCK_BOOTTIME_ALARM */, 0), EPERM);
        return 0;
    });
}
TEST(sys_signalfd4, reads_a_pending_signal) {
    BlockSignals block(SIGUSR1);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    Fd fd(signalfd(-1, &set, SFD_NONBLOCK));
    ASSERT_TRUE(fd.valid());
    EXPECT_FALSE(readable(fd));
    kill(getpid(), SIGUSR1);
    wait_until([&] { return readable(fd); });
    signalfd_siginfo si{};
    EXPECT_EQ(static_cast<ssize_t>(sizeof(si)), read(fd, &si, sizeof(si)));
    EXPECT_EQ(static_cast<uint32_t>(SIGUSR1), si.ssi_signo);
    EXPECT_EQ(static_cast<uint32_t>(getpid()), si.ssi_pid);
    EXPECT_EQ(0, si.ssi_code);
}
TEST(sys_signalfd4, mask_can_be_changed) {
    BlockSignals block(SIGUSR1, SIGUSR2);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    Fd fd(signalfd(-1, &set, SFD_NONBLOCK));
    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    EXPECT_EQ(fd.get(), signalfd(fd, &set, 0));
    pthread_kill(pthread_self(), SIGUSR2);
    signalfd_siginfo si{};
    EXPECT_EQ(static_cast<ssize_t>(sizeof(si)), read(fd, &si, sizeof(si)));
    EXPECT_EQ(static_cast<uint32_t>(SIGUSR2), si.ssi_signo);
}
TEST(sys_signalfd4, carries_the_value_of_sigqueue) {
    BlockSignals block(SIGRTMIN);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN);
    Fd fd(signalfd(-1, &set, 0));
    sigval v{};
    v.sival_int = 4711;
    ASSERT_OK(sigqueue(getpid(), SIGRTMIN, v));
    signalfd_siginfo si{};
    EXPECT_EQ(static_cast<ssize_t>(sizeof(si)), read(fd, &si, sizeof(si)));
    EXPECT_EQ(4711, si.ssi_int);
}
TEST(sys_signalfd4, EAGAIN_without_a_signal) {
    BlockSignals block(SIGUSR1);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    Fd fd(signalfd(-1, &set, SFD_NONBLOCK));
    signalfd_siginfo si;
    EXPECT_ERRNO(read(fd, &si, sizeof(si)), EAGAIN);
}
TEST(sys_signalfd4, EINVAL_on_bad_size_flags_and_descriptor) {
    uint64_t set = 1;
    EXPECT_ERRNO(sys(SYS_signalfd4, -1, &set, 4, 0), EINVAL);
    EXPECT_ERRNO(sys(SYS_signalfd4, -1, &set, 8, 0x100), EINVAL);
    Pipe p;
    EXPECT_ERRNO(sys(SYS_signalfd4, p.r.get(), &set, 8, 0), EINVAL);
}
TEST(sys_signalfd4, EBADF_on_closed_descriptor) {
    uint64_t set = 1;
    EXPECT_ERRNO(sys(SYS_signalfd4, closed_fd(), &set, 8, 0), EBADF);
}
TEST(sys_signalfd, makes_one_without_flags) {
    uint64_t set = 0;
    Fd fd(static_cast<int>(sys(SYS_signalfd, -1, &set, 8)));
    EXPECT_TRUE(fd.valid());
}
TEST(sys_signalfd, EINVAL_on_bad_size) {
    uint64_t set = 0;
    EXPECT_ERRNO(sys(SYS_signalfd, -1, &set, 7), EINVAL);
}

TEST(sys_timerfd_create, both_clocks_and_flags) {
    Fd a(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK)), b(timerfd_create(CLOCK_REALTIME, 0));
    EXPECT_TRUE(a.valid() && b.valid());
    EXPECT_EQ(FD_CLOEXEC, fcntl(a, F_GETFD));
    EXPECT_TRUE(fcntl(a, F_GETFL) & O_NONBLOCK);
}
TEST(sys_timerfd_create, EINVAL_on_bad_clock_or_flag) {
    EXPECT_ERRNO(timerfd_create(99, 0), EINVAL);
    EXPECT_ERRNO(timerfd_create(CLOCK_MONOTONIC, 0x100), EINVAL);
}
TEST(sys_timerfd_settime, fires_once) {
    Fd fd(timerfd_create(CLOCK_MONOTONIC, 0));
    itimerspec its{{0, 0}, {0, 1000000}};
    EXPECT_OK(timerfd_settime(fd, 0, &its, nullptr));
    EXPECT_EQ(1u, read_u64(fd));
    itimerspec now{};
    EXPECT_OK(timerfd_gettime(fd, &now));
    EXPECT_EQ(0, now.it_value.tv_sec | now.it_value.tv_nsec);
}
TEST(sys_timerfd_settime, not_before_its_time) {
    Fd fd(timerfd_create(CLOCK_MONOTONIC, 0));
    itimerspec its{{0, 0}, {0, 20000000}};
    uint64_t start = now_ns();
    EXPECT_OK(timerfd_settime(fd, 0, &its, nullptr));
    read_u64(fd);
    EXPECT_GE(now_ns() - start, 20000000u);
}
TEST(sys_timerfd_settime, interval_counts_expirations) {
    Fd fd(timerfd_create(CLOCK_MONOTONIC, 0));
    itimerspec its{{0, 1000000}, {0, 1000000}};
    EXPECT_OK(timerfd_settime(fd, 0, &its, nullptr));
    sleep_ms(10);
    EXPECT_GE(read_u64(fd), 5u);
    EXPECT_GE(read_u64(fd), 1u);
}
TEST(sys_timerfd_settime, absolute_time_in_the_past_fires_at_once) {
    Fd fd(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK));
    itimerspec its{{0, 0}, {0, 1}};
    EXPECT_OK(timerfd_settime(fd, TFD_TIMER_ABSTIME, &its, nullptr));
    wait_until([&] { return readable(fd); });
    EXPECT_EQ(1u, read_u64(fd));
}
TEST(sys_timerfd_settime, gives_the_old_setting_and_disarms) {
    Fd fd(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK));
    itimerspec its{{5, 0}, {1000, 0}}, old{};
    EXPECT_OK(timerfd_settime(fd, 0, &its, &old));
    EXPECT_EQ(0, old.it_value.tv_sec);
    itimerspec off{};
    EXPECT_OK(timerfd_settime(fd, 0, &off, &old));
    EXPECT_EQ(5, old.it_interval.tv_sec);
    EXPECT_GE(old.it_value.tv_sec, 900);
    EXPECT_FALSE(readable(fd));
}
TEST(sys_timerfd_settime, EINVAL_on_bad_time_and_foreign_descriptor) {
    Fd fd(timerfd_create(CLOCK_MONOTONIC, 0));
    itimerspec its{{0, 0}, {0, 1000000000}};
    EXPECT_ERRNO(timerfd_settime(fd, 0, &its, nullptr), EINVAL);
    Pipe p;
    its.it_value.tv_nsec = 1;
    EXPECT_ERRNO(timerfd_settime(p.r, 0, &its, nullptr), EINVAL);
}
TEST(sys_timerfd_settime, EBADF_on_closed_descriptor) {
    itimerspec its{};
    EXPECT_ERRNO(timerfd_settime(closed_fd(), 0, &its, nullptr), EBADF);
}
TEST(sys_timerfd_settime, EFAULT_on_bad_pointer) {
    Fd fd(timerfd_create(CLOCK_MONOTONIC, 0));
    EXPECT_ERRNO(sys(SYS_timerfd_settime, fd.get(), 0, unmapped_address, nullptr), EFAULT);
}
TEST(sys_timerfd_gettime, counts_down) {
    Fd fd(timerfd_create(CLOCK_MONOTONIC, 0));
    itimerspec its{{0, 0}, {100, 0}}, now{};
    timerfd_settime(fd, 0, &its, nullptr);
    EXPECT_OK(timerfd_gettime(fd, &now));
    EXPECT_LE(now.it_value.tv_sec, 100);
    EXPECT_GT(now.it_value.tv_sec, 10);
}
TEST(sys_timerfd_gettime, EINVAL_on_foreign_descriptor) {
    Pipe p;
    itimerspec now;
    EXPECT_ERRNO(timerfd_gettime(p.r, &now), EINVAL);
}
TEST(sys_read, EAGAIN_on_timerfd_that_has_not_fired) {
    Fd fd(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK));
    itimerspec its{{0, 0}, {1000, 0}};
    timerfd_settime(fd, 0, &its, nullptr);
    uint64_t v;
    EXPECT_ERRNO(read(fd, &v, 8), EAGAIN);
}
TEST(sys_read, EINVAL_on_short_timerfd_buffer) {
    Fd fd(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK));
    char c[4];
    EXPECT_ERRNO(read(fd, c, 4), EINVAL);
}
