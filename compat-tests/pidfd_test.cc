// Processes by descriptor: pidfd_open(2), pidfd_send_signal(2), pidfd_getfd(2), CLONE_PIDFD, waitid(P_PIDFD); kcmp(2).
#include "support.h"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/resource.h>

#ifndef P_PIDFD
#define P_PIDFD 3
#endif
#ifndef CLONE_PIDFD
#define CLONE_PIDFD 0x1000
#endif

namespace {

constexpr long nr_send = 424, nr_open = 434, nr_clone3 = 435, nr_getfd = 438;

int pidfd_open_(pid_t pid, unsigned flags = 0) { return static_cast<int>(sys(nr_open, pid, flags)); }

// A child that waits until its pipe is closed (or a signal comes).
struct Waiting {
    Pipe pipe;
    pid_t pid;
    Waiting() {
        pid = start_child([this] {
            pipe.w.reset();
            char c;
            return static_cast<int>(read(pipe.r, &c, 1)) + 7;
        });
    }
    void let_go() { pipe.w.reset(); }
    ~Waiting() {
        let_go();
        if (pid > 0) {
            waitpid(pid, nullptr, 0);
        }
    }
};

short poll_now(int fd, int timeout = 0) {
    pollfd p{fd, POLLIN, 0};
    return poll(&p, 1, timeout) > 0 ? p.revents : 0;
}

int waitid_(int type, int id, siginfo_t* info, int options) { return static_cast<int>(sys(SYS_waitid, type, id, info, options, nullptr)); }

struct clone3_args {
    uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls;
};

bool fdinfo_has(int fd, const char* line) {
    char path[64], text[1024];
    snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
    return read_text(path, text, sizeof(text)) > 0 && strstr(text, line) != nullptr;
}

} // namespace

TEST(sys_pidfd_open, gives_a_close_on_exec_descriptor) {
    Fd fd(pidfd_open_(getpid()));
    ASSERT_TRUE(fd.valid());
    EXPECT_EQ(FD_CLOEXEC, fcntl(fd, F_GETFD));
    EXPECT_EQ(0, fcntl(fd, F_GETFL) & O_NONBLOCK);
}
TEST(sys_pidfd_open, NONBLOCK_is_a_flag_of_the_file) {
    Fd fd(pidfd_open_(getpid(), O_NONBLOCK));
    ASSERT_TRUE(fd.valid());
    EXPECT_EQ(O_NONBLOCK, fcntl(fd, F_GETFL) & O_NONBLOCK);
}
TEST(sys_pidfd_open, EINVAL_on_unknown_flags_and_bad_numbers) {
    EXPECT_ERRNO(pidfd_open_(getpid(), 1), EINVAL);
    EXPECT_ERRNO(pidfd_open_(0), EINVAL);
    EXPECT_ERRNO(pidfd_open_(-1), EINVAL);
}
TEST(sys_pidfd_open, ESRCH_on_a_missing_process) { EXPECT_ERRNO(pidfd_open_(0x3fffffff), ESRCH); }
TEST(sys_pidfd_open, of_a_zombie_is_readable_at_once) {
    pid_t pid = start_child([] { return 0; });
    siginfo_t info;
    waitid(P_PID, pid, &info, WEXITED | WNOWAIT);
    Fd fd(pidfd_open_(pid));
    ASSERT_TRUE(fd.valid());
    EXPECT_TRUE(poll_now(fd) & POLLIN);
    wait_for(pid);
    EXPECT_ERRNO(pidfd_open_(pid), ESRCH);
}
TEST(sys_pidfd_open, poll_wakes_when_the_process_ends) {
    Waiting child;
    Fd fd(pidfd_open_(child.pid));
    ASSERT_TRUE(fd.valid());
    EXPECT_EQ(0, poll_now(fd));
    child.let_go();
    EXPECT_TRUE(poll_now(fd, -1) & POLLIN);
    EXPECT_EQ(7 << 8, wait_for(child.pid));
    child.pid = -1;
    EXPECT_TRUE(poll_now(fd) & POLLIN);
}
TEST(sys_pidfd_open, epoll_tells_of_the_end) {
    Waiting child;
    Fd fd(pidfd_open_(child.pid)), ep(epoll_create1(0));
    epoll_event ev{EPOLLIN, {}};
    ASSERT_OK(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev));
    EXPECT_EQ(0, epoll_wait(ep, &ev, 1, 0));
    child.let_go();
    EXPECT_EQ(1, epoll_wait(ep, &ev, 1, -1));
    EXPECT_TRUE(ev.events & EPOLLIN);
}
TEST(sys_pidfd_open, is_not_readable_while_a_thread_lives) {
    Pipe go, ready;
    pid_t pid = start_child([&] {
        static Pipe *g, *r;
        g = &go, r = &ready;
        go.w.reset();
        pthread_t t;
        pthread_create(&t, nullptr, [](void*) -> void* {
            char c = 1;
            write(r->w, &c, 1);
            read(g->r, &c, 1);
            _exit(3);
        }, nullptr);
        sys(SYS_exit, 0);
        return 0;
    });
    Fd fd(pidfd_open_(pid));
    char c;
    ASSERT_EQ(1, read(ready.r, &c, 1));
    EXPECT_EQ(0, poll_now(fd));
    go.w.reset();
    EXPECT_TRUE(poll_now(fd, -1) & POLLIN);
    EXPECT_EQ(3 << 8, wait_for(pid));
}
TEST(sys_pidfd_open, EINVAL_on_read_and_write) {
    Fd fd(pidfd_open_(getpid()));
    char c = 0;
    EXPECT_ERRNO(read(fd, &c, 1), EINVAL);
    EXPECT_ERRNO(write(fd, &c, 1), EINVAL);
}
TEST(sys_pidfd_open, fdinfo_tells_the_pid_and_minus_one_after_the_wait) {
    Waiting child;
    Fd fd(pidfd_open_(child.pid));
    char line[64];
    snprintf(line, sizeof(line), "\nPid:\t%d\nNSpid:\t%d\n", child.pid, child.pid);
    EXPECT_TRUE(fdinfo_has(fd, line));
    child.let_go();
    wait_for(child.pid);
    child.pid = -1;
    EXPECT_TRUE(fdinfo_has(fd, "\nPid:\t-1\n"));
}

TEST(sys_pidfd_send_signal, kills_the_process) {
    Waiting child;
    Fd fd(pidfd_open_(child.pid));
    EXPECT_OK(sys(nr_send, fd.get(), SIGTERM, nullptr, 0));
    int status = wait_for(child.pid);
    child.pid = -1;
    EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
}
TEST(sys_pidfd_send_signal, zero_only_asks) {
    Waiting child;
    Fd fd(pidfd_open_(child.pid));
    EXPECT_OK(sys(nr_send, fd.get(), 0, nullptr, 0));
}
TEST(sys_pidfd_send_signal, tells_who_sent_it) {
    static siginfo_t got;
    got = {};
    SignalAction a(SIGUSR1, +[](int, siginfo_t* i, void*) { got = *i; });
    Fd fd(pidfd_open_(getpid()));
    ASSERT_OK(sys(nr_send, fd.get(), SIGUSR1, nullptr, 0));
    wait_until([] { return got.si_signo != 0; });
    EXPECT_EQ(SI_USER, got.si_code);
    EXPECT_EQ(getpid(), got.si_pid);
}
TEST(sys_pidfd_send_signal, passes_the_callers_siginfo) {
    BlockSignals block(SIGRTMIN + 1);
    Fd fd(pidfd_open_(getpid()));
    siginfo_t info{};
    info.si_signo = SIGRTMIN + 1;
    info.si_code = SI_QUEUE;
    info.si_value.sival_int = 4711;
    ASSERT_OK(sys(nr_send, fd.get(), SIGRTMIN + 1, &info, 0));
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN + 1);
    siginfo_t got{};
    EXPECT_EQ(SIGRTMIN + 1, sigwaitinfo(&set, &got));
    EXPECT_EQ(4711, got.si_value.sival_int);
}
TEST(sys_pidfd_send_signal, EINVAL_on_flags_another_signo_and_a_bad_signal) {
    Fd fd(pidfd_open_(getpid()));
    siginfo_t info{};
    info.si_signo = SIGUSR2;
    info.si_code = SI_QUEUE;
    EXPECT_ERRNO(sys(nr_send, fd.get(), 0, nullptr, 0x80000000), EINVAL);
    EXPECT_ERRNO(sys(nr_send, fd.get(), SIGUSR1, &info, 0), EINVAL);
    EXPECT_ERRNO(sys(nr_send, fd.get(), 999, nullptr, 0), EINVAL);
}
TEST(sys_pidfd_send_signal, EBADF_on_what_is_no_pidfd) {
    Pipe p;
    EXPECT_ERRNO(sys(nr_send, p.r.get(), 0, nullptr, 0), EBADF);
    EXPECT_ERRNO(sys(nr_send, closed_fd(), 0, nullptr, 0), EBADF);
}
TEST(sys_pidfd_send_signal, takes_the_folder_of_a_process_in_proc) {
    Waiting c;
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d", c.pid);
    Fd folder(open(path, O_RDONLY | O_DIRECTORY)), place(open(path, O_PATH | O_DIRECTORY));
    snprintf(path, sizeof(path), "/proc/%d/task/%d", c.pid, c.pid);
    Fd thread(open(path, O_RDONLY | O_DIRECTORY));
    ASSERT_TRUE(folder.valid() && place.valid() && thread.valid());
    EXPECT_OK(sys(nr_send, folder.get(), 0, nullptr, 0));
    EXPECT_ERRNO(sys(nr_send, place.get(), 0, nullptr, 0), EBADF);
    EXPECT_ERRNO(sys(nr_send, thread.get(), 0, nullptr, 0), EBADF);
    EXPECT_OK(sys(nr_send, folder.get(), SIGKILL, nullptr, 0));
    EXPECT_EQ(SIGKILL, wait_for(c.pid));
    EXPECT_ERRNO(sys(nr_send, folder.get(), 0, nullptr, 0), ESRCH);
    c.pid = -1;
}
TEST(sys_pidfd_send_signal, ESRCH_after_the_wait_and_not_before) {
    pid_t pid = start_child([] { return 0; });
    Fd fd(pidfd_open_(pid));
    siginfo_t info;
    waitid(P_PID, pid, &info, WEXITED | WNOWAIT);
    EXPECT_OK(sys(nr_send, fd.get(), SIGTERM, nullptr, 0));
    wait_for(pid);
    EXPECT_ERRNO(sys(nr_send, fd.get(), SIGTERM, nullptr, 0), ESRCH);
}
TEST(sys_pidfd_send_signal, EPERM_on_another_users_process_and_on_forged_codes) {
    Waiting child;
    Fd fd(pidfd_open_(child.pid));
    siginfo_t info{};
    info.si_signo = SIGUSR1;
    info.si_code = SI_USER;
    EXPECT_ERRNO(sys(nr_send, fd.get(), SIGUSR1, &info, 0), EPERM);
    EXPECT_CHILD_OK([&] {
        CHECK(setuid(4711) == 0);
        CHECK_ERRNO(sys(nr_send, fd.get(), SIGTERM, nullptr, 0), EPERM);
        return 0;
    });
}
TEST(sys_pidfd_send_signal, EFAULT_on_a_bad_pointer) {
    Fd fd(pidfd_open_(getpid()));
    EXPECT_ERRNO(sys(nr_send, fd.get(), SIGUSR1, unmapped_address, 0), EFAULT);
}

TEST(sys_pidfd_getfd, shares_the_file_description) {
    TempDir dir;
    Pipe go, told;
    const char* path = dir / "f";
    write_file(path, "0123456789");
    pid_t pid = start_child([&] {
        go.w.reset();
        int fd = open(path, O_RDONLY);
        lseek(fd, 4, SEEK_SET);
        write(told.w, &fd, sizeof(fd));
        char c;
        read(go.r, &c, 1);
        return static_cast<int>(lseek(fd, 0, SEEK_CUR));
    });
    int there = -1;
    ASSERT_EQ(static_cast<ssize_t>(sizeof(there)), read(told.r, &there, sizeof(there)));
    Fd fd(pidfd_open_(pid));
    Fd mine(static_cast<int>(sys(nr_getfd, fd.get(), there, 0)));
    ASSERT_TRUE(mine.valid());
    EXPECT_EQ(FD_CLOEXEC, fcntl(mine, F_GETFD));
    char c = 0;
    EXPECT_EQ(1, read(mine, &c, 1));
    EXPECT_EQ('4', c);
    go.w.reset();
    EXPECT_EQ(5 << 8, wait_for(pid));
}
TEST(sys_pidfd_getfd, EBADF_on_what_the_other_has_not_and_what_is_no_pidfd) {
    Waiting child;
    Fd fd(pidfd_open_(child.pid));
    EXPECT_ERRNO(sys(nr_getfd, fd.get(), 999, 0), EBADF);
    EXPECT_ERRNO(sys(nr_getfd, child.pipe.r.get(), 0, 0), EBADF);
}
TEST(sys_pidfd_getfd, EINVAL_on_flags) {
    Fd fd(pidfd_open_(getpid()));
    EXPECT_ERRNO(sys(nr_getfd, fd.get(), 0, 1), EINVAL);
}
TEST(sys_pidfd_getfd, EPERM_for_another_user) {
    Waiting child;
    Fd fd(pidfd_open_(child.pid));
    EXPECT_CHILD_OK([&] {
        CHECK(setuid(4711) == 0);
        CHECK_ERRNO(sys(nr_getfd, fd.get(), 0, 0), EPERM);
        return 0;
    });
}
TEST(sys_pidfd_getfd, ESRCH_on_a_process_that_has_ended) {
    pid_t pid = start_child([] { return 0; });
    Fd fd(pidfd_open_(pid));
    wait_for(pid);
    EXPECT_ERRNO(sys(nr_getfd, fd.get(), 0, 0), ESRCH);
}

TEST(sys_clone, PIDFD_gives_a_descriptor_of_the_child) {
    fflush(nullptr);
    int pidfd = -1;
    long pid = sys(SYS_clone, CLONE_PIDFD | SIGCHLD, nullptr, &pidfd, nullptr, nullptr);
    if (pid == 0) {
        // The child has no such descriptor.
        _exit(fcntl(pidfd, F_GETFD) == -1 ? 5 : 6);
    }
    ASSERT_GT(pid, 0);
    Fd fd(pidfd);
    ASSERT_TRUE(fd.valid());
    EXPECT_EQ(FD_CLOEXEC, fcntl(fd, F_GETFD));
    EXPECT_TRUE(poll_now(fd, -1) & POLLIN);
    EXPECT_EQ(5 << 8, wait_for(static_cast<pid_t>(pid)));
}
TEST(sys_clone, EINVAL_on_PIDFD_with_PARENT_SETTID) {
    int pidfd = -1;
    EXPECT_ERRNO(sys(SYS_clone, CLONE_PIDFD | CLONE_PARENT_SETTID | SIGCHLD, nullptr, &pidfd, nullptr, nullptr), EINVAL);
}
TEST(sys_clone, EFAULT_on_a_bad_place_for_the_pidfd_leaves_no_child_and_no_descriptor) {
    int before = dup(0);
    close(before);
    EXPECT_ERRNO(sys(SYS_clone, CLONE_PIDFD | SIGCHLD, nullptr, unmapped_address, nullptr, nullptr), EFAULT);
    EXPECT_ERRNO(sys(SYS_wait4, -1, nullptr, 0, nullptr), ECHILD);
    int after = dup(0);
    close(after);
    EXPECT_EQ(before, after);
}
TEST(sys_clone3, PIDFD_gives_a_descriptor_of_the_child) {
    fflush(nullptr);
    int pidfd = -1;
    clone3_args a{};
    a.flags = CLONE_PIDFD;
    a.pidfd = reinterpret_cast<uint64_t>(&pidfd);
    a.exit_signal = SIGCHLD;
    long pid = sys(nr_clone3, &a, sizeof(a));
    if (pid == 0) {
        _exit(9);
    }
    ASSERT_GT(pid, 0);
    Fd fd(pidfd);
    siginfo_t info{};
    EXPECT_OK(waitid_(P_PIDFD, fd, &info, WEXITED));
    EXPECT_EQ(pid, info.si_pid);
    EXPECT_EQ(9, info.si_status);
}
TEST(sys_clone3, EMFILE_when_there_is_no_room_for_the_pidfd) {
    EXPECT_CHILD_OK([] {
        rlimit none{3, 3};
        for (int i = 3; i < 64; i++) {
            close(i);
        }
        CHECK(setrlimit(RLIMIT_NOFILE, &none) == 0);
        int pidfd = -1;
        clone3_args a{};
        a.flags = CLONE_PIDFD;
        a.pidfd = reinterpret_cast<uint64_t>(&pidfd);
        a.exit_signal = SIGCHLD;
        CHECK_ERRNO(sys(nr_clone3, &a, sizeof(a)), EMFILE);
        return 0;
    });
}

TEST(sys_waitid, P_PIDFD_waits_for_the_child) {
    Waiting child;
    Fd fd(pidfd_open_(child.pid));
    siginfo_t info{};
    EXPECT_OK(waitid_(P_PIDFD, fd, &info, WEXITED | WNOHANG));
    EXPECT_EQ(0, info.si_pid);
    child.let_go();
    EXPECT_OK(waitid_(P_PIDFD, fd, &info, WEXITED));
    EXPECT_EQ(child.pid, info.si_pid);
    EXPECT_EQ(CLD_EXITED, info.si_code);
    EXPECT_EQ(7, info.si_status);
    child.pid = -1;
}
TEST(sys_waitid, EAGAIN_on_a_pidfd_that_does_not_block) {
    Waiting child;
    Fd fd(pidfd_open_(child.pid, O_NONBLOCK));
    siginfo_t info{};
    EXPECT_ERRNO(waitid_(P_PIDFD, fd, &info, WEXITED), EAGAIN);
    EXPECT_OK(waitid_(P_PIDFD, fd, &info, WEXITED | WNOHANG));
}
TEST(sys_waitid, ECHILD_on_a_pidfd_of_no_child) {
    Fd fd(pidfd_open_(getpid()));
    siginfo_t info{};
    EXPECT_ERRNO(waitid_(P_PIDFD, fd, &info, WEXITED), ECHILD);
}
TEST(sys_waitid, EBADF_on_what_is_no_pidfd_and_EINVAL_on_a_negative_one) {
    Pipe p;
    siginfo_t info{};
    EXPECT_ERRNO(waitid_(P_PIDFD, p.r, &info, WEXITED), EBADF);
    EXPECT_ERRNO(waitid_(P_PIDFD, closed_fd(), &info, WEXITED), EBADF);
    EXPECT_ERRNO(waitid_(P_PIDFD, -1, &info, WEXITED), EINVAL);
}

namespace {
enum { KCMP_FILE_, KCMP_VM_, KCMP_FILES_, KCMP_FS_, KCMP_SIGHAND_ };
long kcmp_(pid_t a, pid_t b, int type, unsigned long x = 0, unsigned long y = 0) { return sys(SYS_kcmp, a, b, type, x, y); }
} // namespace

TEST(sys_kcmp, duplicates_are_the_same_file_and_two_opens_are_not) {
    Fd a(open("/proc/self/status", O_RDONLY)), b(dup(a)), c(open("/proc/self/status", O_RDONLY));
    EXPECT_EQ(0, kcmp_(getpid(), getpid(), KCMP_FILE_, a.get(), b.get()));
    long order = kcmp_(getpid(), getpid(), KCMP_FILE_, a.get(), c.get());
    EXPECT_TRUE(order == 1 || order == 2);
    EXPECT_EQ(3 - order, kcmp_(getpid(), getpid(), KCMP_FILE_, c.get(), a.get()));
}
TEST(sys_kcmp, a_forked_child_shares_files_but_no_memory_and_tables) {
    Waiting child;
    EXPECT_EQ(0, kcmp_(getpid(), child.pid, KCMP_FILE_, 0, 0));
    const int list_1[] = {KCMP_VM_, KCMP_FILES_, KCMP_FS_, KCMP_SIGHAND_};
    for (int type : list_1) {
        EXPECT_NE(0, kcmp_(getpid(), child.pid, type));
    }
}
TEST(sys_kcmp, threads_share_all) {
    Pipe go;
    pid_t tid = 0;
    Thread t([&] {
        __atomic_store_n(&tid, static_cast<pid_t>(sys(SYS_gettid)), __ATOMIC_RELEASE);
        char c;
        read(go.r, &c, 1);
    });
    wait_until([&] { return __atomic_load_n(&tid, __ATOMIC_ACQUIRE) != 0; });
    const int list_2[] = {KCMP_VM_, KCMP_FILES_, KCMP_FS_, KCMP_SIGHAND_};
    for (int type : list_2) {
        EXPECT_EQ(0, kcmp_(getpid(), tid, type));
    }
    go.w.reset();
}
TEST(sys_kcmp, EINVAL_ESRCH_and_EBADF) {
    EXPECT_ERRNO(kcmp_(getpid(), getpid(), 99), EINVAL);
    EXPECT_ERRNO(kcmp_(getpid(), 0x3fffffff, KCMP_VM_), ESRCH);
    EXPECT_ERRNO(kcmp_(getpid(), getpid(), KCMP_FILE_, closed_fd(), 0), EBADF);
}
