// Seccomp listeners: SECCOMP_FILTER_FLAG_NEW_LISTENER, and the requests of their descriptors (seccomp_unotify(2)).
#include "support.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV 32
#endif

namespace {

// A filter that asks its listener about getppid: the listener's descriptor, or -1.
int listen_on(long number = SYS_getppid, unsigned flags = SECCOMP_FILTER_FLAG_NEW_LISTENER) {
    sock_filter f[] = {{BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(seccomp_data, nr)},
                       {BPF_JMP | BPF_JEQ | BPF_K, 0, 1, static_cast<unsigned>(number)},
                       {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_USER_NOTIF},
                       {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW}};
    sock_fprog p{sizeof f / sizeof f[0], f};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return -1;
    return static_cast<int>(sys(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &p));
}

// A thread whose getppid the rest of the process answers, who is not filtered. One call for each byte written to `go`; its results go to `out`.
struct Filtered {
    Pipe go, out, ready;
    int listener = -1;
    unsigned flags = SECCOMP_FILTER_FLAG_NEW_LISTENER;
    pthread_t thread;
    pid_t tid = 0;
    struct Result {
        long value;
        int error;
    };
    explicit Filtered(unsigned extra_flags = 0) : flags(SECCOMP_FILTER_FLAG_NEW_LISTENER | extra_flags) {
        pthread_create(&thread, nullptr, run, this);
        char c;
        read(ready.r, &c, 1);
    }
    static void* run(void* arg) {
        auto& f = *static_cast<Filtered*>(arg);
        f.listener = listen_on(SYS_getppid, f.flags);
        f.tid = static_cast<pid_t>(sys(SYS_gettid));
        char c = 0;
        write(f.ready.w, &c, 1);
        for (;;) {
            const ssize_t got = read(f.go.r, &c, 1);
            if (got < 0 && errno == EINTR) continue; // no call was asked for
            if (got != 1 || c == 'q') break;
            errno = 0;
            Result r{};
            r.value = sys(SYS_getppid, 11, 22, 33);
            r.error = errno;
            write(f.out.w, &r, sizeof r);
        }
        return nullptr;
    }
    void call() { write(go.w, "c", 1); }
    void end() {
        write(go.w, "q", 1);
        pthread_join(thread, nullptr);
    }
    Result result() {
        Result r{};
        read(out.r, &r, sizeof r);
        return r;
    }
    seccomp_notif received() {
        seccomp_notif n{};
        if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &n) != 0) n.id = 0;
        return n;
    }
    int send(uint64_t id, long value, int error = 0, unsigned how = 0) {
        seccomp_notif_resp r{};
        r.id = id;
        r.val = value;
        r.error = error;
        r.flags = how;
        return ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &r);
    }
    short events() {
        pollfd p{listener, POLLIN | POLLOUT, 0};
        return poll(&p, 1, 0) < 0 ? -1 : p.revents;
    }
};

// A process with a listener, whose descriptor the parent gets; then runs `body` with what the parent writes to `go`.
struct FilteredChild {
    pid_t pid = 0;
    int listener = -1;
    template <class F>
    explicit FilteredChild(F body, unsigned extra_flags = 0) {
        int pair[2];
        socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
        char byte = 0;
        iovec v{&byte, 1};
        alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
        msghdr m{};
        m.msg_iov = &v;
        m.msg_iovlen = 1;
        m.msg_control = control;
        m.msg_controllen = sizeof control;
        pid = fork();
        if (pid == 0) {
            int fd = listen_on(SYS_getppid, SECCOMP_FILTER_FLAG_NEW_LISTENER | extra_flags);
            cmsghdr* c = CMSG_FIRSTHDR(&m);
            c->cmsg_level = SOL_SOCKET;
            c->cmsg_type = SCM_RIGHTS;
            c->cmsg_len = CMSG_LEN(sizeof fd);
            memcpy(CMSG_DATA(c), &fd, sizeof fd);
            if (sendmsg(pair[1], &m, 0) != 1) _exit(99);
            close(fd);
            close(pair[0]);
            close(pair[1]);
            _exit(body());
        }
        close(pair[1]);
        recvmsg(pair[0], &m, 0);
        if (cmsghdr* c = CMSG_FIRSTHDR(&m)) memcpy(&listener, CMSG_DATA(c), sizeof listener);
        close(pair[0]);
    }
    uint64_t received() {
        seccomp_notif n{};
        return ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &n) == 0 ? n.id : 0;
    }
    int send(uint64_t id, long value) {
        seccomp_notif_resp r{};
        r.id = id;
        r.val = value;
        return ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &r);
    }
    int status() {
        int s = -1;
        waitpid(pid, &s, 0);
        return s;
    }
};

seccomp_notif_addfd gift(uint64_t id, int fd, unsigned flags = 0, unsigned newfd = 0, unsigned newfd_flags = 0) {
    seccomp_notif_addfd g{};
    g.id = id;
    g.flags = flags;
    g.srcfd = static_cast<unsigned>(fd);
    g.newfd = newfd;
    g.newfd_flags = newfd_flags;
    return g;
}

void nothing(int) {}

// SIGUSR1 for one thread, again and again: calls of that thread are interrupted wherever they are.
class Hammer {
  public:
    explicit Hammer(pthread_t target) : target_(target) { pthread_create(&thread_, nullptr, run, this); }
    ~Hammer() {
        __atomic_store_n(&stop_, true, __ATOMIC_SEQ_CST);
        pthread_join(thread_, nullptr);
    }

  private:
    static void* run(void* arg) {
        auto& h = *static_cast<Hammer*>(arg);
        while (!__atomic_load_n(&h.stop_, __ATOMIC_SEQ_CST)) {
            pthread_kill(h.target_, SIGUSR1);
            sched_yield();
        }
        return nullptr;
    }
    pthread_t target_, thread_;
    bool stop_ = false;
};

bool handle_sigusr1(int flags) {
    struct sigaction a{};
    a.sa_handler = nothing;
    a.sa_flags = flags;
    return sigaction(SIGUSR1, &a, nullptr) == 0;
}

} // namespace

TEST(sys_seccomp, NEW_LISTENER_gives_a_close_on_exec_descriptor) {
    EXPECT_CHILD_OK([] {
        int fd = listen_on();
        CHECK(fd >= 0);
        CHECK(fcntl(fd, F_GETFD) == FD_CLOEXEC);
        char link[64], path[64] = {};
        snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
        CHECK(readlink(link, path, sizeof path - 1) > 0);
        CHECK(strcmp(path, "anon_inode:seccomp notify") == 0);
        return 0;
    });
}
TEST(sys_seccomp, a_listener_gives_the_result_of_a_call) {
    EXPECT_CHILD_OK([] {
        Filtered f;
        CHECK(f.listener >= 0);
        f.call();
        seccomp_notif n = f.received();
        CHECK(n.id != 0);
        CHECK(f.send(n.id, 0x123456789abcdef) == 0);
        Filtered::Result r = f.result();
        CHECK(r.value == 0x123456789abcdef && r.error == 0);
        f.end();
        return 0;
    });
}
TEST(sys_seccomp, a_listener_gives_an_errno) {
    EXPECT_CHILD_OK([] {
        Filtered f;
        f.call();
        CHECK(f.send(f.received().id, 77, -EXDEV) == 0);
        Filtered::Result r = f.result();
        CHECK(r.value == -1 && r.error == EXDEV);
        f.end();
        return 0;
    });
}
TEST(sys_seccomp, a_listener_lets_a_call_go_on) {
    EXPECT_CHILD_OK([] {
        Filtered f;
        f.call();
        CHECK(f.send(f.received().id, 0, 0, SECCOMP_USER_NOTIF_FLAG_CONTINUE) == 0);
        CHECK(f.result().value == getppid());
        f.end();
        return 0;
    });
}
TEST(sys_seccomp, a_notification_tells_thread_and_call) {
    EXPECT_CHILD_OK([] {
        Filtered f;
        f.call();
        seccomp_notif n = f.received();
        CHECK(n.pid == static_cast<unsigned>(f.tid));
        CHECK(n.flags == 0);
        CHECK(n.data.nr == SYS_getppid && n.data.arch == AUDIT_ARCH_X86_64);
        CHECK(n.data.args[0] == 11 && n.data.args[1] == 22 && n.data.args[2] == 33);
        CHECK(n.data.instruction_pointer != 0);
        f.send(n.id, 0);
        f.result();
        f.end();
        return 0;
    });
}
TEST(sys_seccomp, notifications_have_numbers_in_a_row) {
    EXPECT_CHILD_OK([] {
        Filtered f;
        uint64_t last = 0;
        for (int i = 0; i < 3; ++i) {
            f.call();
            seccomp_notif n = f.received();
            CHECK(i == 0 || n.id == last + 1);
            last = n.id;
            CHECK(f.send(n.id, i) == 0);
            CHECK(f.result().value == i);
        }
        f.end();
        return 0;
    });
}
TEST(sys_seccomp, EBUSY_of_a_second_listener) {
    EXPECT_CHILD_OK([] {
        CHECK(listen_on() >= 0);
        CHECK_ERRNO(listen_on(SYS_getsid), EBUSY);
        // A filter without one may follow.
        CHECK(listen_on(SYS_getsid, 0) == 0);
        return 0;
    });
}
TEST(sys_seccomp, ENOSYS_of_USER_NOTIF_without_a_listener) {
    EXPECT_CHILD_OK([] {
        CHECK(listen_on(SYS_getppid, 0) == 0);
        CHECK_ERRNO(sys(SYS_getppid), ENOSYS);
        return 0;
    });
}
TEST(sys_seccomp, EINVAL_on_flags_that_contradict) {
    EXPECT_CHILD_OK([] {
        CHECK_ERRNO(listen_on(SYS_getppid, SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_TSYNC), EINVAL);
        CHECK_ERRNO(listen_on(SYS_getppid, SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV), EINVAL);
        CHECK(listen_on(SYS_getppid, SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_TSYNC_ESRCH) >= 0);
        return 0;
    });
}
TEST(sys_seccomp, EMFILE_of_a_listener_leaves_no_filter) {
    EXPECT_CHILD_OK([] {
        rlimit r{3, 3};
        CHECK(sys(SYS_prlimit64, 0, 7 /* RLIMIT_NOFILE */, &r, nullptr) == 0);
        while (dup(0) >= 0) {
        }
        CHECK_ERRNO(listen_on(), EMFILE);
        CHECK(prctl(PR_GET_SECCOMP) == 0);
        return 0;
    });
}
TEST(sys_seccomp, EBUSY_of_a_second_listener_leaves_no_descriptor) {
    EXPECT_CHILD_OK([] {
        CHECK(listen_on() >= 0);
        int next = dup(0);
        CHECK(close(next) == 0);
        CHECK_ERRNO(listen_on(SYS_getsid), EBUSY);
        CHECK_ERRNO(fcntl(next, F_GETFD), EBADF);
        CHECK(dup(0) == next);
        return 0;
    });
}
TEST(sys_seccomp, ESRCH_of_a_listener_for_threads_that_differ_leaves_no_descriptor) {
    EXPECT_CHILD_OK([] {
        Filtered other; // has a filter that this thread has not
        int next = dup(0);
        CHECK(close(next) == 0);
        CHECK_ERRNO(listen_on(SYS_getsid, SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_TSYNC_ESRCH), ESRCH);
        CHECK_ERRNO(fcntl(next, F_GETFD), EBADF);
        CHECK(dup(0) == next);
        CHECK(prctl(PR_GET_SECCOMP) == 0);
        other.end();
        return 0;
    });
}
TEST(sys_seccomp, GET_ACTION_AVAIL_knows_USER_NOTIF) {
    unsigned action = SECCOMP_RET_USER_NOTIF;
    EXPECT_EQ(0, sys(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action));
}
TEST(sys_seccomp, calls_of_children_reach_the_same_listener) {
    EXPECT_CHILD_OK([] {
        Pipe p;
        FilteredChild c([] {
            pid_t grandchild = fork();
            if (grandchild == 0) _exit(sys(SYS_getppid) == 4711 ? 0 : 1);
            int s = -1;
            waitpid(grandchild, &s, 0);
            return s;
        });
        CHECK(c.listener >= 0);
        uint64_t id = c.received();
        CHECK(id != 0);
        CHECK(c.send(id, 4711) == 0);
        CHECK(c.status() == 0);
        return 0;
    });
}

// --- poll ---

TEST(sys_poll, seccomp_listener_is_readable_with_a_call_and_writable_while_it_is_answered) {
    EXPECT_CHILD_OK([] {
        Filtered f;
        CHECK(f.events() == 0);
        f.call();
        pollfd p{f.listener, POLLIN, 0};
        CHECK(poll(&p, 1, -1) == 1);
        CHECK(f.events() == POLLIN);
        seccomp_notif n = f.received();
        CHECK(f.events() == POLLOUT);
        f.send(n.id, 0);
        f.result();
        CHECK(f.events() == 0);
        f.end();
        return 0;
    });
}
TEST(sys_poll, seccomp_listener_hangs_up_when_nobody_has_the_filter) {
    EXPECT_CHILD_OK([] {
        FilteredChild c([] { return 0; });
        CHECK(c.listener >= 0);
        CHECK(c.status() == 0);
        pollfd p{c.listener, POLLIN, 0};
        CHECK(poll(&p, 1, -1) == 1);
        CHECK(p.revents == POLLHUP);
        return 0;
    });
}

// --- the end of either side ---

TEST(sys_seccomp, ENOSYS_when_the_listener_is_closed) {
    EXPECT_CHILD_OK([] {
        Filtered f;
        f.call();
        seccomp_notif n = f.received();
        CHECK(n.id != 0);
        close(f.listener);
        Filtered::Result r = f.result();
        CHECK(r.value == -1 && r.error == ENOSYS);
        f.call();
        r = f.result();
        CHECK(r.value == -1 && r.error == ENOSYS);
        f.end();
        return 0;
    });
}
TEST(sys_seccomp, SIGKILL_ends_a_process_that_waits_for_its_listener) {
    EXPECT_CHILD_OK([] {
        FilteredChild c([] { return sys(SYS_getppid) ? 1 : 2; });
        uint64_t id = c.received();
        CHECK(id != 0);
        kill(c.pid, SIGKILL);
        CHECK(c.status() == SIGKILL);
        errno = 0;
        CHECK(c.send(id, 0) == -1 && errno == ENOENT);
        return 0;
    });
}
TEST(sys_seccomp, EINTR_of_a_call_that_waits_for_its_listener) {
    EXPECT_CHILD_OK([] {
        struct sigaction a{};
        a.sa_handler = nothing;
        CHECK(sigaction(SIGUSR1, &a, nullptr) == 0);
        Filtered f;
        f.call();
        seccomp_notif n = f.received();
        CHECK(n.id != 0);
        pthread_kill(f.thread, SIGUSR1);
        Filtered::Result r = f.result();
        CHECK(r.value == -1 && r.error == EINTR);
        errno = 0;
        CHECK(f.send(n.id, 0) == -1 && errno == ENOENT);
        f.end();
        return 0;
    });
}
TEST(sys_seccomp, a_call_that_is_restarted_asks_again) {
    EXPECT_CHILD_OK([] {
        struct sigaction a{};
        a.sa_handler = nothing;
        a.sa_flags = SA_RESTART;
        CHECK(sigaction(SIGUSR1, &a, nullptr) == 0);
        Filtered f;
        f.call();
        uint64_t first = f.received().id;
        pthread_kill(f.thread, SIGUSR1);
        uint64_t second = f.received().id;
        CHECK(first && second == first + 1);
        CHECK(f.send(second, 5) == 0);
        CHECK(f.result().value == 5);
        f.end();
        return 0;
    });
}
TEST(sys_seccomp, WAIT_KILLABLE_RECV_keeps_signals_off_a_received_call) {
    EXPECT_CHILD_OK([] {
        static volatile sig_atomic_t handled;
        struct sigaction a{};
        a.sa_handler = [](int) { handled = 1; };
        CHECK(sigaction(SIGUSR1, &a, nullptr) == 0);
        Filtered f(SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV);
        CHECK(f.listener >= 0);
        f.call();
        uint64_t id = f.received().id;
        pthread_kill(f.thread, SIGUSR1);
        CHECK(ioctl(f.listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &id) == 0);
        CHECK(f.send(id, 6) == 0);
        CHECK(f.result().value == 6);
        CHECK(handled);
        f.end();
        return 0;
    });
}
TEST(sys_seccomp, WAIT_KILLABLE_RECV_holds_from_the_receipt_on) {
    EXPECT_CHILD_OK([] {
        CHECK(handle_sigusr1(SA_RESTART));
        Filtered f(SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV);
        CHECK(f.listener >= 0);
        {
            Hammer hammer(f.thread);
            for (int i = 0; i < 200; ++i) {
                f.call();
                for (;;) {
                    // One that is not received yet may be restarted as it is looked for: ENOENT.
                    uint64_t id;
                    do id = f.received().id;
                    while (!id);
                    CHECK(ioctl(f.listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &id) == 0);
                    CHECK(f.send(id, i) == 0);
                    // Linux restarts the call all the same if the signal came before the receipt and the thread looks after the answer.
                    pollfd p[] = {{f.out.r, POLLIN, 0}, {f.listener, POLLIN, 0}};
                    CHECK(poll(p, 2, -1) >= 1);
                    if (p[0].revents) break;
                }
                Filtered::Result r = f.result();
                CHECK(r.value == i && r.error == 0);
            }
        }
        f.end();
        return 0;
    });
}
TEST(sys_seccomp, SIGTERM_ends_a_wait_that_only_death_may_end) {
    EXPECT_CHILD_OK([] {
        FilteredChild c([] { return sys(SYS_getppid) ? 1 : 2; }, SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV);
        uint64_t id = c.received();
        CHECK(id != 0);
        kill(c.pid, SIGTERM);
        CHECK(c.status() == SIGTERM);
        errno = 0;
        CHECK(c.send(id, 0) == -1 && errno == ENOENT);
        return 0;
    });
}
TEST(sys_seccomp, a_real_time_signal_ends_a_wait_that_only_death_may_end) {
    EXPECT_CHILD_OK([] {
        FilteredChild c([] { return sys(SYS_getppid) ? 1 : 2; }, SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV);
        CHECK(c.received() != 0);
        const int sig = SIGRTMIN + 1;
        kill(c.pid, sig);
        CHECK(c.status() == sig);
        return 0;
    });
}
TEST(sys_seccomp, neither_blocked_nor_core_signals_end_a_wait_that_only_death_may_end) {
    EXPECT_CHILD_OK([] {
        FilteredChild c(
            [] {
                sigset_t set;
                sigemptyset(&set);
                sigaddset(&set, SIGTERM);
                sigprocmask(SIG_BLOCK, &set, nullptr);
                rlimit none{0, 0};
                setrlimit(RLIMIT_CORE, &none);
                return sys(SYS_getppid) == 5 ? 0 : 1;
            },
            SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV);
        uint64_t id = c.received();
        CHECK(id != 0);
        kill(c.pid, SIGTERM);
        kill(c.pid, SIGQUIT);
        CHECK(ioctl(c.listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &id) == 0);
        CHECK(c.send(id, 5) == 0);
        CHECK(c.status() == SIGQUIT);
        return 0;
    });
}
TEST(sys_ioctl, an_interrupted_SECCOMP_IOCTL_NOTIF_ADDFD_answers_nothing) {
    EXPECT_CHILD_OK([] {
        CHECK(handle_sigusr1(0));
        Filtered f;
        for (int i = 1; i <= 200; ++i) {
            f.call();
            uint64_t id = f.received().id;
            CHECK(id != 0);
            seccomp_notif_addfd g = gift(id, 0);
            int fd, error;
            {
                Hammer hammer(pthread_self());
                fd = ioctl(f.listener, SECCOMP_IOCTL_NOTIF_ADDFD, &g);
                error = errno;
            }
            CHECK(fd >= 0 || error == EINTR);
            if (fd >= 0) close(fd);
            CHECK(f.send(id, i) == 0);
            Filtered::Result r = f.result();
            CHECK(r.value == i && r.error == 0);
        }
        f.end();
        return 0;
    });
}
TEST(sys_ioctl, EINTR_of_SECCOMP_IOCTL_NOTIF_RECV) {
    EXPECT_CHILD_OK([] {
        struct sigaction a{};
        a.sa_handler = nothing;
        CHECK(sigaction(SIGALRM, &a, nullptr) == 0);
        // The filtered thread keeps it blocked: a tick that comes as the handler runs is not for it.
        sigset_t set;
        sigemptyset(&set);
        sigaddset(&set, SIGALRM);
        CHECK(sigprocmask(SIG_BLOCK, &set, nullptr) == 0);
        Filtered f;
        CHECK(sigprocmask(SIG_UNBLOCK, &set, nullptr) == 0);
        // Again and again: one may come before the wait.
        itimerval often{{0, 10000}, {0, 10000}}, off{};
        setitimer(ITIMER_REAL, &often, nullptr);
        seccomp_notif n{};
        CHECK_ERRNO(ioctl(f.listener, SECCOMP_IOCTL_NOTIF_RECV, &n), EINTR);
        setitimer(ITIMER_REAL, &off, nullptr);
        f.end();
        return 0;
    });
}
TEST(sys_ioctl, SECCOMP_IOCTL_NOTIF_RECV_goes_on_after_SA_RESTART) {
    EXPECT_CHILD_OK([] {
        static Filtered* filtered;
        static volatile sig_atomic_t ticks;
        struct sigaction a{};
        a.sa_handler = [](int) {
            ticks = ticks + 1;
            if (ticks == 10) filtered->call();
        };
        a.sa_flags = SA_RESTART;
        sigset_t set;
        sigemptyset(&set);
        sigaddset(&set, SIGALRM);
        // The filtered thread keeps it blocked.
        CHECK(sigprocmask(SIG_BLOCK, &set, nullptr) == 0);
        CHECK(sigaction(SIGALRM, &a, nullptr) == 0);
        Filtered f;
        filtered = &f;
        CHECK(sigprocmask(SIG_UNBLOCK, &set, nullptr) == 0);
        itimerval often{{0, 10000}, {0, 10000}}, off{};
        setitimer(ITIMER_REAL, &often, nullptr);
        seccomp_notif n{};
        CHECK(ioctl(f.listener, SECCOMP_IOCTL_NOTIF_RECV, &n) == 0);
        setitimer(ITIMER_REAL, &off, nullptr);
        CHECK(f.send(n.id, 9) == 0);
        CHECK(f.result().value == 9);
        f.end();
        return 0;
    });
}

// --- requests ---

TEST(sys_ioctl, EINVAL_of_SECCOMP_IOCTL_NOTIF_RECV_into_what_is_not_empty) {
    EXPECT_CHILD_OK([] {
        int fd = listen_on();
        seccomp_notif n{};
        n.pid = 1;
        CHECK_ERRNO(ioctl(fd, SECCOMP_IOCTL_NOTIF_RECV, &n), EINVAL);
        CHECK_ERRNO(ioctl(fd, SECCOMP_IOCTL_NOTIF_RECV, unmapped_address), EFAULT);
        return 0;
    });
}
TEST(sys_ioctl, EFAULT_of_SECCOMP_IOCTL_NOTIF_RECV_loses_no_call) {
    EXPECT_CHILD_OK([] {
        Filtered f;
        f.call();
        void* page = mmap(nullptr, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        CHECK_ERRNO(ioctl(f.listener, SECCOMP_IOCTL_NOTIF_RECV, page), EFAULT);
        uint64_t id = f.received().id;
        CHECK(id != 0);
        CHECK(f.send(id, 8) == 0);
        CHECK(f.result().value == 8);
        f.end();
        return 0;
    });
}
TEST(sys_ioctl, SECCOMP_IOCTL_NOTIF_ID_VALID_from_receipt_to_answer) {
    EXPECT_CHILD_OK([] {
        Filtered f;
        f.call();
        uint64_t id = f.received().id, other = id + 1;
        CHECK(ioctl(f.listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &id) == 0);
        CHECK_ERRNO(ioctl(f.listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &other), ENOENT);
        CHECK_ERRNO(ioctl(f.listener, SECCOMP_IOCTL_NOTIF_ID_VALID, unmapped_address), EFAULT);
        f.send(id, 0);
        f.result();
        CHECK_ERRNO(ioctl(f.listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &id), ENOENT);
        f.end();
        return 0;
    });
}
TEST(sys_ioctl, EINVAL_ENOENT_EINPROGRESS_EFAULT_of_SECCOMP_IOCTL_NOTIF_SEND) {
    EXPECT_CHILD_OK([] {
        Filtered f;
        f.call();
        uint64_t id = f.received().id;
        CHECK_ERRNO(f.send(id, 0, 0, 2), EINVAL);
        CHECK_ERRNO(f.send(id, 1, 0, SECCOMP_USER_NOTIF_FLAG_CONTINUE), EINVAL);
        CHECK_ERRNO(f.send(id, 0, -1, SECCOMP_USER_NOTIF_FLAG_CONTINUE), EINVAL);
        CHECK_ERRNO(f.send(id + 1, 0), ENOENT);
        CHECK_ERRNO(ioctl(f.listener, SECCOMP_IOCTL_NOTIF_SEND, unmapped_address), EFAULT);
        CHECK(f.send(id, 1) == 0);
        CHECK(f.result().value == 1);
        // A call that nobody has received yet.
        f.call();
        pollfd p{f.listener, POLLIN, 0};
        CHECK(poll(&p, 1, -1) == 1);
        CHECK_ERRNO(f.send(id + 1, 0), EINPROGRESS);
        CHECK(f.received().id == id + 1);
        CHECK(f.send(id + 1, 2) == 0);
        CHECK(f.result().value == 2);
        f.end();
        return 0;
    });
}
TEST(sys_ioctl, EINVAL_of_other_requests_to_a_seccomp_listener) {
    EXPECT_CHILD_OK([] {
        int fd = listen_on();
        CHECK_ERRNO(ioctl(fd, TIOCGWINSZ, unmapped_address), EINVAL);
        char c;
        CHECK_ERRNO(read(fd, &c, 1), EINVAL);
        CHECK_ERRNO(write(fd, &c, 1), EINVAL);
        return 0;
    });
}
TEST(sys_ioctl, SECCOMP_IOCTL_NOTIF_ADDFD_puts_a_descriptor_into_the_other_process) {
    EXPECT_CHILD_OK([] {
        FilteredChild c([] {
            int fd = static_cast<int>(sys(SYS_getppid));
            return fd >= 0 && fcntl(fd, F_GETFD) == FD_CLOEXEC && write(fd, "gift", 4) == 4 ? 0 : 1;
        });
        Pipe p;
        uint64_t id = c.received();
        seccomp_notif_addfd g = gift(id, p.w, 0, 0, O_CLOEXEC);
        int fd = ioctl(c.listener, SECCOMP_IOCTL_NOTIF_ADDFD, &g);
        CHECK(fd >= 0);
        CHECK(c.send(id, fd) == 0);
        char text[8] = {};
        CHECK(read(p.r, text, 4) == 4 && strcmp(text, "gift") == 0);
        CHECK(c.status() == 0);
        return 0;
    });
}
TEST(sys_ioctl, SECCOMP_IOCTL_NOTIF_ADDFD_chooses_the_number_and_answers_at_once) {
    EXPECT_CHILD_OK([] {
        FilteredChild c([] {
            int fd = static_cast<int>(sys(SYS_getppid));
            if (fd != 50 || write(50, "a", 1) != 1 || fcntl(50, F_GETFD) != 0) return 1;
            fd = static_cast<int>(sys(SYS_getppid));
            return fd >= 0 && fd != 50 && write(fd, "b", 1) == 1 ? 0 : 2;
        });
        Pipe p;
        uint64_t id = c.received();
        seccomp_notif_addfd g = gift(id, p.w, SECCOMP_ADDFD_FLAG_SETFD, 50);
        CHECK(ioctl(c.listener, SECCOMP_IOCTL_NOTIF_ADDFD, &g) == 50);
        CHECK(c.send(id, 50) == 0);
        char b;
        CHECK(read(p.r, &b, 1) == 1 && b == 'a');
        g = gift(c.received(), p.w, SECCOMP_ADDFD_FLAG_SEND);
        CHECK(ioctl(c.listener, SECCOMP_IOCTL_NOTIF_ADDFD, &g) >= 0);
        CHECK(read(p.r, &b, 1) == 1 && b == 'b');
        CHECK(c.status() == 0);
        return 0;
    });
}
TEST(sys_ioctl, EINVAL_EBADF_ENOENT_E2BIG_EFAULT_of_SECCOMP_IOCTL_NOTIF_ADDFD) {
    EXPECT_CHILD_OK([] {
        FilteredChild c([] { return sys(SYS_getppid) == 3 ? 0 : 1; });
        uint64_t id = c.received();
        struct {
            seccomp_notif_addfd g;
            uint64_t more;
        } wide{gift(id, 0), 1};
        seccomp_notif_addfd g = gift(id, 0, 4);
        CHECK_ERRNO(ioctl(c.listener, SECCOMP_IOCTL_NOTIF_ADDFD, &g), EINVAL); // flags
        g = gift(id, 0, 0, 0, O_NONBLOCK);
        CHECK_ERRNO(ioctl(c.listener, SECCOMP_IOCTL_NOTIF_ADDFD, &g), EINVAL); // of the new descriptor
        g = gift(id, 0, 0, 7);
        CHECK_ERRNO(ioctl(c.listener, SECCOMP_IOCTL_NOTIF_ADDFD, &g), EINVAL); // a number without SETFD
        g = gift(id, closed_fd());
        CHECK_ERRNO(ioctl(c.listener, SECCOMP_IOCTL_NOTIF_ADDFD, &g), EBADF);
        g = gift(id + 1, 0);
        CHECK_ERRNO(ioctl(c.listener, SECCOMP_IOCTL_NOTIF_ADDFD, &g), ENOENT);
        CHECK_ERRNO(ioctl(c.listener, SECCOMP_IOCTL_NOTIF_ADDFD, unmapped_address), EFAULT);
        CHECK_ERRNO(ioctl(c.listener, _IOC(_IOC_WRITE, '!', 3, sizeof wide), &wide), E2BIG);
        CHECK_ERRNO(ioctl(c.listener, _IOC(_IOC_WRITE, '!', 3, 16), &wide), EINVAL);
        wide.more = 0;
        CHECK(ioctl(c.listener, _IOC(_IOC_WRITE, '!', 3, sizeof wide), &wide) >= 0);
        CHECK(c.send(id, 3) == 0);
        CHECK(c.status() == 0);
        return 0;
    });
}
TEST(sys_ioctl, EMFILE_and_EBADF_of_the_other_process_come_back_from_SECCOMP_IOCTL_NOTIF_ADDFD) {
    EXPECT_CHILD_OK([] {
        FilteredChild c([] {
            rlimit r{3, 3};
            sys(SYS_prlimit64, 0, 7 /* RLIMIT_NOFILE */, &r, nullptr);
            while (dup(0) >= 0) {
            }
            return sys(SYS_getppid) == 3 ? 0 : 1;
        });
        uint64_t id = c.received();
        seccomp_notif_addfd g = gift(id, 0);
        CHECK_ERRNO(ioctl(c.listener, SECCOMP_IOCTL_NOTIF_ADDFD, &g), EMFILE);
        g = gift(id, 0, SECCOMP_ADDFD_FLAG_SETFD, 3);
        CHECK_ERRNO(ioctl(c.listener, SECCOMP_IOCTL_NOTIF_ADDFD, &g), EBADF);
        // The call is still there after a gift that failed, and would have answered it.
        g = gift(id, 0, SECCOMP_ADDFD_FLAG_SEND);
        CHECK_ERRNO(ioctl(c.listener, SECCOMP_IOCTL_NOTIF_ADDFD, &g), EMFILE);
        CHECK(c.send(id, 3) == 0);
        CHECK(c.status() == 0);
        return 0;
    });
}
