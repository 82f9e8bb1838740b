// Pairs of pseudo terminals: devpts, the master's side, hang-up, packet mode.
#include "pty_support.h"

#include <sys/epoll.h>
#include <sys/mount.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>

#ifndef TIOCGPTPEER
#define TIOCGPTPEER _IO('T', 0x41)
#endif

TEST(pty_open, ptmx_gives_a_master_and_pts_the_slave) {
    PtyPair p;
    ASSERT_TRUE(p.valid());
    EXPECT_EQ(1, isatty(p.master));
    EXPECT_EQ(1, isatty(p.slave));
    struct stat st;
    ASSERT_OK(fstat(p.slave, &st));
    EXPECT_TRUE(S_ISCHR(st.st_mode));
    EXPECT_EQ(136u, major(st.st_rdev));
    EXPECT_EQ(p.number(), static_cast<int>(minor(st.st_rdev)));
    EXPECT_EQ(p.number() + 3, static_cast<int>(st.st_ino));
    EXPECT_EQ(1024, st.st_blksize);
}
TEST(pty_open, ptsname_and_ttyname_agree) {
    PtyPair p;
    char a[64] = {}, b[64] = {};
    EXPECT_EQ(0, ptsname_r(p.master, a, sizeof(a)));
    EXPECT_EQ(0, ttyname_r(p.slave, b, sizeof(b)));
    EXPECT_STREQ(p.name(), a);
    EXPECT_STREQ(p.name(), b);
}
TEST(pty_open, EIO_before_unlockpt) {
    Fd master(posix_openpt(O_RDWR | O_NOCTTY));
    int n = -1, locked = -1;
    ASSERT_OK(ioctl(master, TIOCGPTN, &n));
    EXPECT_OK(ioctl(master, TIOCGPTLCK, &locked));
    EXPECT_EQ(1, locked);
    char name[32];
    snprintf(name, sizeof(name), "/dev/pts/%d", n);
    EXPECT_ERRNO(open(name, O_RDWR | O_NOCTTY), EIO);
    int off = 0;
    EXPECT_OK(ioctl(master, TIOCSPTLCK, &off));
    EXPECT_OK(ioctl(master, TIOCGPTLCK, &locked));
    EXPECT_EQ(0, locked);
    Fd slave(open(name, O_RDWR | O_NOCTTY));
    EXPECT_TRUE(slave.valid());
}
TEST(pty_open, numbers_are_the_lowest_free) {
    PtyPair a, b;
    int second = b.number();
    EXPECT_NE(a.number(), second);
    b.slave.reset();
    b.master.reset();
    PtyPair c;
    EXPECT_LE(c.number(), second);
}
TEST(pty_open, ENOENT_once_the_master_is_closed) {
    PtyPair p;
    char name[32];
    strcpy(name, p.name());
    EXPECT_OK(access(name, F_OK));
    p.master.reset();
    EXPECT_ERRNO(open(name, O_RDWR | O_NOCTTY), ENOENT);
}
TEST(pty_open, TIOCGPTPEER_opens_the_slave_without_its_name) {
    PtyPair p(false);
    Fd slave(ioctl(p.master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC));
    ASSERT_TRUE(slave.valid());
    EXPECT_EQ(FD_CLOEXEC, fcntl(slave, F_GETFD));
    char name[64];
    EXPECT_EQ(0, ttyname_r(slave, name, sizeof(name)));
    EXPECT_STREQ(p.name(), name);
    p.slave.reset(slave.release());
    EXPECT_TRUE(p.print("x"));
    EXPECT_TRUE(p.shows("x"));
}
TEST(pty_open, TIOCGPTN_is_ENOTTY_at_the_slave) {
    PtyPair p;
    int n;
    EXPECT_ERRNO(ioctl(p.slave, TIOCGPTN, &n), ENOTTY);
    EXPECT_ERRNO(ioctl(p.slave, TIOCGPTPEER, O_RDWR), EIO);
    EXPECT_ERRNO(ioctl(p.master, TIOCGPTN, unmapped_address), EFAULT);
}
TEST(pty_devpts, is_a_file_system_with_ptmx) {
    struct statfs fs;
    ASSERT_OK(statfs("/dev/pts", &fs));
    EXPECT_EQ(0x1cd1, fs.f_type);
    struct stat st;
    ASSERT_OK(stat("/dev/pts/ptmx", &st));
    EXPECT_EQ(makedev(5, 2), st.st_rdev);
    ASSERT_OK(stat("/dev/ptmx", &st));
    EXPECT_EQ(makedev(5, 2), st.st_rdev);
    EXPECT_EQ(0666u, st.st_mode & 0777);
}
TEST(pty_devpts, lists_open_pairs) {
    PtyPair p;
    char wanted[16];
    snprintf(wanted, sizeof(wanted), "%d", p.number());
    DIR* d = opendir("/dev/pts");
    ASSERT_TRUE(d != nullptr);
    int found = 0, ptmx = 0;
    while (dirent* e = readdir(d)) {
        found += !strcmp(e->d_name, wanted);
        ptmx += !strcmp(e->d_name, "ptmx");
    }
    closedir(d);
    EXPECT_EQ(1, found);
    EXPECT_EQ(1, ptmx);
}
TEST(pty_devpts, owner_and_mode_can_be_changed_and_stay) {
    PtyPair p;
    EXPECT_OK(chown(p.name(), 1000, 5));
    EXPECT_OK(chmod(p.name(), 0622));
    struct stat st;
    ASSERT_OK(stat(p.name(), &st));
    EXPECT_EQ(1000u, st.st_uid);
    EXPECT_EQ(5u, st.st_gid);
    EXPECT_EQ(0622u, st.st_mode & 0777);
}
TEST(pty_devpts, nothing_else_can_be_made_there) {
    EXPECT_EQ(-1, open("/dev/pts/file", O_RDWR | O_CREAT, 0600));
    EXPECT_EQ(-1, mkdir("/dev/pts/dir", 0700));
    PtyPair p;
    EXPECT_ERRNO(unlink(p.name()), EPERM);
}
TEST(pty_devpts, each_mount_is_an_instance_of_its_own) {
    TempDir d;
    ASSERT_OK(mount("devpts", d.path(), "devpts", 0, "newinstance,mode=0600,ptmxmode=0640"));
    struct stat st;
    EXPECT_OK(stat(d / "ptmx", &st));
    EXPECT_EQ(0640u, st.st_mode & 0777);
    {
        Fd master(open(d / "ptmx", O_RDWR | O_NOCTTY));
        EXPECT_TRUE(master.valid());
        int n = -1, off = 0;
        EXPECT_OK(ioctl(master, TIOCGPTN, &n));
        EXPECT_EQ(0, n);
        EXPECT_OK(ioctl(master, TIOCSPTLCK, &off));
        Fd slave(open(d / "0", O_RDWR | O_NOCTTY));
        EXPECT_TRUE(slave.valid());
        EXPECT_OK(stat(d / "0", &st));
        EXPECT_EQ(0600u, st.st_mode & 0777);
    }
    EXPECT_OK(umount(d.path()));
}
TEST(pty_data, goes_both_ways) {
    PtyPair p;
    EXPECT_TRUE(p.print("hello\n"));
    EXPECT_TRUE(p.shows("hello\r\n"));
    EXPECT_TRUE(p.type("line\n"));
    EXPECT_TRUE(p.reads("line\n"));
    EXPECT_TRUE(p.shows("line\r\n"));
}
TEST(pty_data, typed_before_the_slave_is_open) {
    PtyPair p(false);
    EXPECT_TRUE(p.type("early\n"));
    p.slave.reset(open(p.name(), O_RDWR | O_NOCTTY));
    EXPECT_TRUE(p.reads("early\n"));
}
TEST(pty_data, modes_outlive_the_slaves_descriptors) {
    PtyPair p;
    p.local(ECHO);
    p.slave.reset(open(p.name(), O_RDWR | O_NOCTTY));
    EXPECT_EQ(0u, p.modes().c_lflag & ECHO);
}
TEST(pty_data, lseek_is_ESPIPE) {
    PtyPair p;
    EXPECT_ERRNO(lseek(p.master, 0, SEEK_SET), ESPIPE);
    EXPECT_ERRNO(lseek(p.slave, 0, SEEK_CUR), ESPIPE);
    char c;
    EXPECT_ERRNO(pread(p.slave, &c, 1, 0), ESPIPE);
}
TEST(pty_data, EFAULT_for_bad_buffers) {
    PtyPair p;
    EXPECT_TRUE(p.type("abc\n"));
    p.wait_input(4);
    EXPECT_ERRNO(read(p.slave, unmapped_address, 4), EFAULT);
    EXPECT_ERRNO(write(p.slave, unmapped_address, 4), EFAULT);
    EXPECT_ERRNO(write(p.master, unmapped_address, 4), EFAULT);
}
TEST(pty_nonblock, EAGAIN_at_both_ends) {
    PtyPair p;
    fcntl(p.master, F_SETFL, O_RDWR | O_NONBLOCK);
    fcntl(p.slave, F_SETFL, O_RDWR | O_NONBLOCK);
    char c;
    EXPECT_ERRNO(read(p.master, &c, 1), EAGAIN);
    EXPECT_ERRNO(read(p.slave, &c, 1), EAGAIN);
}
TEST(pty_nonblock, EAGAIN_when_nobody_takes_the_output) {
    PtyPair p;
    fcntl(p.slave, F_SETFL, O_RDWR | O_NONBLOCK);
    char block[1024];
    memset(block, 'x', sizeof(block));
    ssize_t n, total = 0;
    while ((n = write(p.slave, block, sizeof(block))) > 0 && total < 10000000) {
        total += n;
    }
    EXPECT_EQ(-1, n);
    EXPECT_EQ(EAGAIN, errno);
    EXPECT_GE(total, 4096);
    EXPECT_EQ(0, poll_events(p.slave, POLLOUT));
    ssize_t got = 0;
    while (got < total && (n = read(p.master, block, sizeof(block))) > 0) {
        got += n;
    }
    EXPECT_EQ(total, got);
    EXPECT_EQ(POLLOUT, poll_events(p.slave, POLLOUT, 10000));
}
TEST(pty_nonblock, EAGAIN_when_nobody_reads_what_is_typed) {
    PtyPair p;
    p.raw();
    fcntl(p.master, F_SETFL, O_RDWR | O_NONBLOCK);
    char block[1024];
    memset(block, 'x', sizeof(block));
    ssize_t n, total = 0;
    for (int tries = 0; tries < 100 && total < 10000000;) {
        n = write(p.master, block, sizeof(block));
        if (n > 0) total += n;
        else ++tries, sleep_ms(1);
    }
    EXPECT_EQ(EAGAIN, errno);
    EXPECT_GE(total, 4095);
    ssize_t got = 0;
    while (got < total && (n = read(p.slave, block, sizeof(block))) > 0) {
        got += n;
    }
    EXPECT_EQ(total, got);
}
TEST(pty_data, a_large_write_arrives_whole) {
    PtyPair p;
    p.raw();
    constexpr int kBytes = 300000;
    pid_t child = start_child([&] {
        p.master.reset();
        for (int i = 0; i < kBytes; i += 1000) {
            char b[1000];
            for (int k = 0; k < 1000; ++k) b[k] = static_cast<char>((i + k) * 7);
            CHECK(write(p.slave, b, 1000) == 1000);
        }
        return 0;
    });
    p.slave.reset();
    int got = 0, wrong = 0;
    char b[5000];
    ssize_t n;
    while ((n = read(p.master, b, sizeof(b))) > 0) {
        for (ssize_t i = 0; i < n; ++i) wrong += b[i] != static_cast<char>((got + i) * 7);
        got += static_cast<int>(n);
    }
    EXPECT_EQ(EIO, errno);
    EXPECT_EQ(kBytes, got);
    EXPECT_EQ(0, wrong);
    EXPECT_EQ(0, wait_for(child));
}
TEST(pty_poll, readiness) {
    PtyPair p;
    EXPECT_EQ(POLLOUT, poll_events(p.master, POLLIN | POLLOUT));
    EXPECT_EQ(POLLOUT, poll_events(p.slave, POLLIN | POLLOUT));
    p.type("half");
    EXPECT_TRUE(p.shows("half"));
    EXPECT_EQ(0, poll_events(p.slave, POLLIN));
    p.type("\n");
    EXPECT_EQ(POLLIN, poll_events(p.slave, POLLIN, 10000));
    EXPECT_EQ(POLLIN, poll_events(p.master, POLLIN, 10000));
}
TEST(pty_poll, wakes_a_sleeper) {
    PtyPair p;
    pid_t child = start_child([&] { return poll_events(p.slave, POLLIN, 50000) == POLLIN ? 0 : 1; });
    sleep_ms(5);
    p.type("x\n");
    EXPECT_EQ(0, wait_for(child));
}
TEST(pty_poll, epoll_edge_triggered) {
    PtyPair p;
    p.local(ECHO);
    Fd ep(epoll_create1(0));
    epoll_event e{EPOLLIN | EPOLLET, {}};
    ASSERT_OK(epoll_ctl(ep, EPOLL_CTL_ADD, p.slave, &e));
    EXPECT_EQ(0, epoll_wait(ep, &e, 1, 0));
    p.type("a\n");
    EXPECT_EQ(1, epoll_wait(ep, &e, 1, 10000));
    EXPECT_EQ(0, epoll_wait(ep, &e, 1, 0));
    p.type("b\n");
    EXPECT_EQ(1, epoll_wait(ep, &e, 1, 10000));
    EXPECT_TRUE(p.reads("a\n"));
    EXPECT_TRUE(p.reads("b\n"));
}
TEST(pty_hangup, EIO_at_the_master_once_the_last_slave_is_closed) {
    PtyPair p;
    Fd second(dup(p.slave));
    p.print("bye");
    p.slave.reset();
    EXPECT_TRUE(p.shows("bye"));
    EXPECT_EQ(0, poll_events(p.master, POLLIN));
    second.reset();
    EXPECT_EQ(POLLHUP, poll_events(p.master, POLLIN, 10000));
    char c;
    EXPECT_ERRNO(read(p.master, &c, 1), EIO);
}
TEST(pty_hangup, output_is_read_before_the_end) {
    PtyPair p;
    p.print("last words");
    p.slave.reset();
    EXPECT_TRUE(p.shows("last words"));
    char c;
    EXPECT_ERRNO(read(p.master, &c, 1), EIO);
}
TEST(pty_hangup, a_new_slave_revives_the_master) {
    PtyPair p;
    p.slave.reset();
    EXPECT_EQ(POLLHUP, poll_events(p.master, POLLIN, 10000));
    p.slave.reset(open(p.name(), O_RDWR | O_NOCTTY));
    EXPECT_EQ(0, poll_events(p.master, POLLIN));
    p.print("again");
    EXPECT_TRUE(p.shows("again"));
}
TEST(pty_hangup, wakes_a_reading_master) {
    PtyPair p;
    pid_t child = start_child([&] {
        p.master.reset();
        sleep_ms(5);
        p.slave.reset();
        return 0;
    });
    p.slave.reset();
    char c;
    EXPECT_ERRNO(read(p.master, &c, 1), EIO);
    EXPECT_EQ(0, wait_for(child));
}
TEST(pty_hangup, the_slave_is_at_its_end_when_the_master_is_closed) {
    PtyPair p;
    p.type("never read\n");
    p.wait_input(11);
    p.master.reset();
    char c;
    EXPECT_EQ(0, read(p.slave, &c, 1));
    EXPECT_ERRNO(write(p.slave, "x", 1), EIO);
    termios t;
    EXPECT_ERRNO(tcgetattr(p.slave, &t), EIO);
    EXPECT_EQ(POLLIN | POLLOUT | POLLERR | POLLHUP, poll_events(p.slave, POLLIN | POLLOUT));
}
TEST(pty_hangup, wakes_a_reading_slave) {
    PtyPair p;
    pid_t child = start_child([&] {
        p.master.reset();
        char c;
        ssize_t n = read(p.slave, &c, 1); // EIO for who slept when it happened
        return n == 0 || (n == -1 && errno == EIO) ? 0 : 1;
    });
    sleep_ms(5);
    p.master.reset();
    EXPECT_EQ(0, wait_for(child));
}
TEST(pty_hangup, the_leader_gets_SIGHUP_and_SIGCONT) {
    PtyPair p;
    Pipe ready;
    pid_t child = start_child([&] {
        p.master.reset();
        BlockSignals block(SIGHUP, SIGCONT);
        CHECK(setsid() > 0);
        CHECK(ioctl(p.slave, TIOCSCTTY, 0) == 0);
        write(ready.w, "r", 1);
        sigset_t set;
        sigemptyset(&set);
        sigaddset(&set, SIGHUP);
        siginfo_t info;
        CHECK(sigwaitinfo(&set, &info) == SIGHUP);
        CHECK(info.si_code == SI_KERNEL);
        sigemptyset(&set);
        sigaddset(&set, SIGCONT);
        CHECK(sigwaitinfo(&set, &info) == SIGCONT);
        CHECK_ERRNO(open("/dev/tty", O_RDWR), ENXIO);
        return 0;
    });
    char c;
    EXPECT_EQ(1, read(ready.r, &c, 1));
    p.master.reset();
    EXPECT_EQ(0, wait_for(child));
}
TEST(pty_packet, data_has_a_byte_before_it) {
    PtyPair p;
    int on = 1;
    ASSERT_OK(ioctl(p.master, TIOCPKT, &on));
    int state = 0;
    EXPECT_OK(ioctl(p.master, TIOCGPKT, &state));
    EXPECT_EQ(1, state);
    p.print("abc");
    EXPECT_TRUE(read_exactly(p.master, "\0abc", 4));
    EXPECT_ERRNO(ioctl(p.slave, TIOCPKT, &on), ENOTTY);
}
TEST(pty_packet, flushing_is_reported) {
    PtyPair p;
    int on = 1;
    ioctl(p.master, TIOCPKT, &on);
    EXPECT_OK(tcflush(p.slave, TCIFLUSH));
    EXPECT_EQ(POLLIN | POLLPRI, poll_events(p.master, POLLIN | POLLPRI, 10000));
    char c = 0;
    EXPECT_EQ(1, read(p.master, &c, 1));
    EXPECT_EQ(TIOCPKT_FLUSHREAD, c);
    EXPECT_OK(tcflush(p.slave, TCOFLUSH));
    EXPECT_EQ(1, read(p.master, &c, 1));
    EXPECT_EQ(TIOCPKT_FLUSHWRITE, c);
}
TEST(pty_packet, flow_control_is_reported) {
    PtyPair p;
    int on = 1;
    ioctl(p.master, TIOCPKT, &on);
    char c = 0;
    p.input(IXON);
    EXPECT_EQ(1, read(p.master, &c, 1));
    EXPECT_EQ(TIOCPKT_NOSTOP, c);
    p.input(0, IXON);
    EXPECT_EQ(1, read(p.master, &c, 1));
    EXPECT_EQ(TIOCPKT_DOSTOP, c);
    EXPECT_OK(tcflow(p.slave, TCOOFF));
    EXPECT_EQ(1, read(p.master, &c, 1));
    EXPECT_EQ(TIOCPKT_STOP, c);
    EXPECT_OK(tcflow(p.slave, TCOON));
    EXPECT_EQ(1, read(p.master, &c, 1));
    EXPECT_EQ(TIOCPKT_START, c);
}
TEST(pty_sysctl, the_number_of_pairs_is_counted) {
    char text[32];
    read_text("/proc/sys/kernel/pty/nr", text, sizeof(text));
    int before = atoi(text);
    PtyPair p;
    read_text("/proc/sys/kernel/pty/nr", text, sizeof(text));
    EXPECT_GE(atoi(text), before >= 0 ? 1 : 0);
    EXPECT_GT(read_text("/proc/sys/kernel/pty/max", text, sizeof(text)), 0);
}
TEST(pty_open, thousand_times_leaves_nothing) {
    int first = -1;
    for (int i = 0; i < 1000; ++i) {
        PtyPair p;
        ASSERT_TRUE(p.valid());
        if (i == 0) first = p.number();
        ASSERT_LE(p.number(), first + 2); // the end of one may lag behind
    }
}
