// Pipes and FIFOs.
#include "support.h"

#include <limits.h>
#include <poll.h>
#include <sys/ioctl.h>

namespace {

volatile sig_atomic_t signals_seen;
void count_signal(int) { signals_seen = signals_seen + 1; }

int fifo_writer = -1;
void write_into_pipe(int) {
    signals_seen = signals_seen + 1;
    if (signals_seen == 1) {
        write(fifo_writer, "z", 1);
    }
}

} // namespace

TEST(sys_pipe, carries_bytes_in_order) {
    int fds[2];
    ASSERT_OK(sys(SYS_pipe, fds));
    Fd r(fds[0]), w(fds[1]);
    EXPECT_EQ(3, write(w, "abc", 3));
    EXPECT_EQ(2, write(w, "de", 2));
    char buf[8] = {};
    EXPECT_EQ(5, read(r, buf, sizeof(buf)));
    EXPECT_STREQ("abcde", buf);
}
TEST(sys_pipe, EFAULT_on_bad_pointer_leaves_no_descriptor) {
    int before = closed_fd();
    EXPECT_ERRNO(sys(SYS_pipe, unmapped_address), EFAULT);
    EXPECT_EQ(before, closed_fd());
}
TEST(sys_pipe2, O_CLOEXEC_and_O_NONBLOCK) {
    Pipe p(O_CLOEXEC | O_NONBLOCK);
    EXPECT_EQ(FD_CLOEXEC, fcntl(p.r, F_GETFD));
    EXPECT_EQ(FD_CLOEXEC, fcntl(p.w, F_GETFD));
    EXPECT_EQ(O_RDONLY | O_NONBLOCK, fcntl(p.r, F_GETFL));
    EXPECT_EQ(O_WRONLY | O_NONBLOCK, fcntl(p.w, F_GETFL));
}
TEST(sys_pipe2, EINVAL_on_unknown_flag) {
    int fds[2];
    EXPECT_ERRNO(pipe2(fds, O_APPEND), EINVAL);
}
TEST(sys_read, pipe_end_of_file_when_all_writers_are_gone) {
    Pipe p;
    write(p.w, "x", 1);
    p.w.reset();
    char buf[4];
    EXPECT_EQ(1, read(p.r, buf, 4));
    EXPECT_EQ(0, read(p.r, buf, 4));
}
TEST(sys_read, EAGAIN_on_empty_nonblocking_pipe) {
    Pipe p(O_NONBLOCK);
    char c;
    EXPECT_ERRNO(read(p.r, &c, 1), EAGAIN);
}
TEST(sys_read, pipe_wakes_a_waiting_reader) {
    Pipe p;
    char c = 0;
    Thread reader([&] { read(p.r, &c, 1); });
    write(p.w, "q", 1);
    reader.join();
    EXPECT_EQ('q', c);
}
TEST(sys_read, EINTR_on_a_signal_without_SA_RESTART) {
    Pipe p;
    RepeatedAlarm alarm;
    char c;
    EXPECT_ERRNO(read(p.r, &c, 1), EINTR);
}
TEST(sys_read, restarts_with_SA_RESTART) {
    Pipe p;
    fifo_writer = p.w;
    signals_seen = 0;
    SignalAction action(SIGALRM, write_into_pipe, SA_RESTART);
    itimerval tv{{0, 10000}, {0, 10000}};
    setitimer(ITIMER_REAL, &tv, nullptr);
    char c = 0;
    EXPECT_EQ(1, read(p.r, &c, 1));
    itimerval off{};
    setitimer(ITIMER_REAL, &off, nullptr);
    EXPECT_EQ('z', c);
    EXPECT_GE(signals_seen, 1);
}
TEST(sys_write, EPIPE_and_SIGPIPE_without_reader) {
    Pipe p;
    p.r.reset();
    signals_seen = 0;
    SignalAction action(SIGPIPE, count_signal);
    EXPECT_ERRNO(write(p.w, "x", 1), EPIPE);
    EXPECT_EQ(1, signals_seen);
}
TEST(sys_write, SIGPIPE_kills_by_default) {
    EXPECT_CHILD_SIGNAL(SIGPIPE, [] {
        Pipe p;
        p.r.reset();
        write(p.w, "x", 1);
        return 0;
    });
}
TEST(sys_write, full_nonblocking_pipe_takes_64_KiB) {
    Pipe p(O_NONBLOCK);
    Mapping data(100000);
    EXPECT_EQ(65536, write(p.w, data.data(), 100000));
}
TEST(sys_write, EAGAIN_on_full_nonblocking_pipe) {
    Pipe p(O_NONBLOCK);
    Mapping data(65536);
    write(p.w, data.data(), 65536);
    EXPECT_ERRNO(write(p.w, "x", 1), EAGAIN);
}
TEST(sys_write, EAGAIN_rather_than_tear_PIPE_BUF_bytes) {
    Pipe p(O_NONBLOCK);
    Mapping data(65536);
    ASSERT_EQ(65536 - 100, write(p.w, data.data(), 65536 - 100));
    EXPECT_ERRNO(write(p.w, data.data(), PIPE_BUF), EAGAIN);
}
TEST(sys_write, large_pipe_write_blocks_until_all_is_read) {
    Pipe p;
    constexpr size_t total = 300000;
    Mapping out(total), in(total);
    for (size_t i = 0; i < total; i++) {
        out[i] = static_cast<char>(i * 7);
    }
    ssize_t written = 0;
    {
        Thread writer([&] { written = write(p.w, out.data(), total); });
        size_t got = 0;
        while (got < total) {
            ssize_t n = read(p.r, in.data() + got, total - got);
            ASSERT_GT(n, 0);
            got += n;
        }
    }
    EXPECT_EQ(static_cast<ssize_t>(total), written);
    EXPECT_EQ(0, memcmp(in.data(), out.data(), total));
}
TEST(sys_write, EBADF_on_the_read_end_and_read_on_the_write_end) {
    Pipe p;
    char c;
    EXPECT_ERRNO(write(p.r, "x", 1), EBADF);
    EXPECT_ERRNO(read(p.w, &c, 1), EBADF);
}
TEST(sys_write, pipe_writes_of_two_processes_do_not_mix) {
    Pipe p;
    pid_t a = start_child([&] {
        char block[1024];
        memset(block, 'a', sizeof(block));
        for (int i = 0; i < 50; i++) {
            CHECK(write(p.w, block, sizeof(block)) == sizeof(block));
        }
        return 0;
    });
    pid_t b = start_child([&] {
        char block[1024];
        memset(block, 'b', sizeof(block));
        for (int i = 0; i < 50; i++) {
            CHECK(write(p.w, block, sizeof(block)) == sizeof(block));
        }
        return 0;
    });
    p.w.reset();
    static char all[100 * 1024];
    size_t got = 0;
    ssize_t n;
    while ((n = read(p.r, all + got, sizeof(all) - got)) > 0) {
        got += n;
    }
    EXPECT_EQ(sizeof(all), got);
    int torn = 0;
    for (size_t i = 0; i < got; i++) {
        torn += all[i] != all[i / 1024 * 1024];
    }
    EXPECT_EQ(0, torn);
    EXPECT_EQ(0, wait_for(a));
    EXPECT_EQ(0, wait_for(b));
}
TEST(sys_ioctl, FIONREAD_counts_bytes_in_a_pipe) {
    Pipe p;
    write(p.w, "hello", 5);
    int n = 0;
    EXPECT_OK(ioctl(p.r, FIONREAD, &n));
    EXPECT_EQ(5, n);
}
TEST(sys_read, EFAULT_on_bad_buffer_loses_no_pipe_data) {
    Pipe p;
    write(p.w, "ab", 2);
    EXPECT_ERRNO(read(p.r, unmapped_address, 2), EFAULT);
    char buf[3] = {};
    EXPECT_EQ(2, read(p.r, buf, 2));
    EXPECT_STREQ("ab", buf);
}
TEST(sys_open, fifo_opens_wait_for_each_other) {
    TempDir d;
    ASSERT_OK(mkfifo(d / "p", 0600));
    pid_t child = start_child([&] {
        Fd w(open(d / "p", O_WRONLY));
        CHECK(write(w, "fifo", 4) == 4);
        return 0;
    });
    Fd r(open(d / "p", O_RDONLY));
    char buf[8] = {};
    EXPECT_EQ(4, read(r, buf, 8));
    EXPECT_STREQ("fifo", buf);
    EXPECT_EQ(0, wait_for(child));
    EXPECT_EQ(0, read(r, buf, 8));
}
TEST(sys_open, fifo_for_reading_and_writing_does_not_wait) {
    TempDir d;
    mkfifo(d / "p", 0600);
    Fd fd(open(d / "p", O_RDWR));
    EXPECT_TRUE(fd.valid());
    EXPECT_EQ(1, write(fd, "x", 1));
    char c;
    EXPECT_EQ(1, read(fd, &c, 1));
}
TEST(sys_open, nonblocking_fifo_reader_sees_end_of_file_without_writers) {
    TempDir d;
    mkfifo(d / "p", 0600);
    Fd fd(open(d / "p", O_RDONLY | O_NONBLOCK));
    ASSERT_TRUE(fd.valid());
    char c;
    EXPECT_EQ(0, read(fd, &c, 1));
    Fd w(open(d / "p", O_WRONLY));
    EXPECT_ERRNO(read(fd, &c, 1), EAGAIN);
}
TEST(sys_open, EINTR_while_a_fifo_waits_for_its_other_end) {
    TempDir d;
    mkfifo(d / "p", 0600);
    RepeatedAlarm alarm;
    EXPECT_ERRNO(open(d / "p", O_RDONLY), EINTR);
}
TEST(sys_poll, pipe_events) {
    Pipe p;
    pollfd f[2] = {{p.r, POLLIN, 0}, {p.w, POLLOUT, 0}};
    EXPECT_EQ(1, poll(f, 2, 0));
    EXPECT_EQ(POLLOUT, f[1].revents);
    write(p.w, "x", 1);
    EXPECT_EQ(2, poll(f, 2, 0));
    EXPECT_EQ(POLLIN, f[0].revents);
    p.w.reset();
    EXPECT_EQ(1, poll(f, 1, 0));
    EXPECT_EQ(POLLIN | POLLHUP, f[0].revents);
}
TEST(sys_poll, pipe_without_reader_is_POLLERR) {
    Pipe p;
    p.r.reset();
    pollfd f{p.w, POLLOUT, 0};
    EXPECT_EQ(1, poll(&f, 1, 0));
    EXPECT_EQ(POLLOUT | POLLERR, f.revents);
}
TEST(sys_dup, second_writer_keeps_the_pipe_open) {
    Pipe p;
    Fd w2(dup(p.w));
    p.w.reset();
    fcntl(p.r, F_SETFL, O_NONBLOCK);
    char c;
    EXPECT_ERRNO(read(p.r, &c, 1), EAGAIN);
    w2.reset();
    EXPECT_EQ(0, read(p.r, &c, 1));
}
TEST(proc_fd, pipe_link_names_the_inode) {
    Pipe p;
    char path[64], text[64] = {}, wanted[64];
    snprintf(path, sizeof(path), "/proc/self/fd/%d", p.r.get());
    EXPECT_GT(readlink(path, text, sizeof(text) - 1), 0);
    struct stat st;
    fstat(p.r, &st);
    snprintf(wanted, sizeof(wanted), "pipe:[%lu]", static_cast<unsigned long>(st.st_ino));
    EXPECT_STREQ(wanted, text);
}

TEST(proc_fd, a_pipe_is_opened_again_without_waiting_for_its_other_end) {
    Pipe p;
    char path[64], text[8] = {};
    snprintf(path, sizeof(path), "/proc/self/fd/%d", p.r.get());
    EXPECT_EQ(4, write(p.w, "left", 4));
    p.w.reset();
    Fd again(open(path, O_RDONLY)); // as `cat /dev/fd/3 3<<END` of a shell that keeps documents in pipes
    ASSERT_TRUE(again.valid());
    EXPECT_EQ(4, read(again, text, sizeof(text)));
    EXPECT_EQ(0, read(again, text, sizeof(text)));
    again.reset();
    Fd writer(open(path, O_WRONLY | O_NONBLOCK));
    EXPECT_TRUE(writer.valid());
    p.r.reset();
    snprintf(path, sizeof(path), "/proc/self/fd/%d", writer.get());
    Fd second(open(path, O_WRONLY));
    EXPECT_TRUE(second.valid());
}
