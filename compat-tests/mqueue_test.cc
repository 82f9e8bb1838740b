// POSIX message queues, by the system calls themselves (the name without libc's slash); the last cases by libc.
#include "support.h"

#include <mqueue.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#ifndef SI_MESGQ
#define SI_MESGQ (-3)
#endif

namespace {

constexpr const char* kName = "linnet-compat-mq";

struct Attributes {
    long flags, maxmsg, msgsize, curmsgs, reserved[4];
};
struct Event { // the kernel's struct sigevent
    union {
        int number;
        void* pointer;
    } value;
    int signo, notify, pad[12];
};

long mq_open_raw(const char* name, int flags, int mode = 0600, const Attributes* a = nullptr) { return sys(SYS_mq_open, name, flags, mode, a); }

struct Queue {
    Fd fd;
    explicit Queue(long messages = 4, long size = 32, int flags = O_RDWR) {
        Attributes a{0, messages, size, 0, {}};
        sys(SYS_mq_unlink, kName);
        fd.reset(static_cast<int>(mq_open_raw(kName, flags | O_CREAT | O_EXCL, 0600, &a)));
    }
    Queue(const Queue&) = delete;
    ~Queue() { sys(SYS_mq_unlink, kName); }
    long send(const char* text, unsigned priority = 0, const timespec* until = nullptr) const {
        return sys(SYS_mq_timedsend, fd.get(), text, strlen(text) + 1, priority, until);
    }
    long receive(char* text, unsigned* priority = nullptr, const timespec* until = nullptr, size_t size = 32) const {
        return sys(SYS_mq_timedreceive, fd.get(), text, size, priority, until);
    }
    Attributes attributes() const {
        Attributes a{};
        sys(SYS_mq_getsetattr, fd.get(), nullptr, &a);
        return a;
    }
    long nonblock() const {
        Attributes a{O_NONBLOCK, 0, 0, 0, {}};
        return sys(SYS_mq_getsetattr, fd.get(), &a, nullptr);
    }
};

timespec after_ms(long ms) {
    uint64_t t = now_ns(CLOCK_REALTIME) + static_cast<uint64_t>(ms) * 1000000;
    return {static_cast<time_t>(t / 1000000000), static_cast<long>(t % 1000000000)};
}

} // namespace

TEST(sys_mq_open, makes_and_finds_a_queue) {
    Queue q;
    ASSERT_TRUE(q.fd.valid());
    Fd again(static_cast<int>(mq_open_raw(kName, O_RDWR)));
    ASSERT_TRUE(again.valid());
    EXPECT_EQ(0, q.send("through"));
    char text[32];
    EXPECT_EQ(8, sys(SYS_mq_timedreceive, again.get(), text, 32, nullptr, nullptr));
    EXPECT_STREQ("through", text);
}
TEST(sys_mq_open, defaults_without_attributes) {
    sys(SYS_mq_unlink, kName);
    Fd fd(static_cast<int>(mq_open_raw(kName, O_RDWR | O_CREAT | O_EXCL)));
    ASSERT_TRUE(fd.valid());
    Attributes a{};
    ASSERT_OK(sys(SYS_mq_getsetattr, fd.get(), nullptr, &a));
    EXPECT_EQ(10, a.maxmsg);
    EXPECT_EQ(8192, a.msgsize);
    EXPECT_EQ(0, a.curmsgs);
    EXPECT_OK(sys(SYS_mq_unlink, kName));
}
TEST(sys_mq_open, is_a_file_that_closes_on_exec) {
    Queue q;
    struct stat st;
    ASSERT_OK(fstat(q.fd, &st));
    EXPECT_TRUE(S_ISREG(st.st_mode));
    EXPECT_EQ(0600u, st.st_mode & 07777u);
    EXPECT_EQ(80, st.st_size);
    EXPECT_EQ(FD_CLOEXEC, fcntl(q.fd, F_GETFD));
}
TEST(sys_mq_open, reading_the_file_tells_its_state) {
    Queue q;
    q.send("1234567");
    char text[128] = {};
    EXPECT_GT(read(q.fd, text, sizeof text - 1), 0);
    EXPECT_STREQ("QSIZE:8          NOTIFY:0     SIGNO:0     NOTIFY_PID:0     \n", text);
    EXPECT_EQ(0, read(q.fd, text, sizeof text - 1));
}
TEST(sys_mq_open, ENOENT_EEXIST) {
    sys(SYS_mq_unlink, kName);
    EXPECT_ERRNO(mq_open_raw(kName, O_RDWR), ENOENT);
    Queue q;
    EXPECT_ERRNO(mq_open_raw(kName, O_RDWR | O_CREAT | O_EXCL), EEXIST);
}
TEST(sys_mq_open, EACCES_on_names_that_can_not_be) {
    for (const char* name : (const char*[]){".", "..", "a/b", "/x"}) {
        EXPECT_ERRNO(mq_open_raw(name, O_RDWR | O_CREAT), EACCES);
    }
    EXPECT_ERRNO(mq_open_raw("", O_RDWR | O_CREAT), ENOENT);
    char longest[300];
    memset(longest, 'x', sizeof longest);
    longest[256] = 0;
    EXPECT_ERRNO(mq_open_raw(longest, O_RDWR | O_CREAT), ENAMETOOLONG);
}
TEST(sys_mq_open, EACCES_without_permission) {
    Queue q;
    as_nobody([] {
        CHECK_ERRNO(mq_open_raw(kName, O_RDONLY), EACCES);
        return 0;
    });
}
TEST(sys_mq_open, EINVAL_on_bad_attributes) {
    sys(SYS_mq_unlink, kName);
    for (Attributes a : (Attributes[]){{0, 0, 32, 0, {}}, {0, 4, 0, 0, {}}, {0, -1, 32, 0, {}}, {0, 65537, 32, 0, {}}, {0, 4, (16L << 20) + 1, 0, {}}}) {
        EXPECT_ERRNO(mq_open_raw(kName, O_RDWR | O_CREAT, 0600, &a), EINVAL);
    }
}
TEST(sys_mq_open, EINVAL_above_the_limits_of_the_unprivileged) {
    as_nobody([] {
        Attributes a{0, 11, 32, 0, {}};
        CHECK_ERRNO(mq_open_raw("linnet-compat-nobody", O_RDWR | O_CREAT, 0600, &a), EINVAL);
        a = {0, 4, 8193, 0, {}};
        CHECK_ERRNO(mq_open_raw("linnet-compat-nobody", O_RDWR | O_CREAT, 0600, &a), EINVAL);
        return 0;
    });
}
TEST(sys_mq_open, EMFILE_beyond_rlimit_msgqueue) {
    as_nobody([] {
        rlimit limit{1000, 1000};
        CHECK(setrlimit(RLIMIT_MSGQUEUE, &limit) == 0);
        Attributes a{0, 10, 8192, 0, {}};
        CHECK_ERRNO(mq_open_raw("linnet-compat-nobody", O_RDWR | O_CREAT, 0600, &a), EMFILE);
        a = {0, 1, 32, 0, {}};
        CHECK(mq_open_raw("linnet-compat-nobody", O_RDWR | O_CREAT, 0600, &a) >= 0);
        CHECK(sys(SYS_mq_unlink, "linnet-compat-nobody") == 0);
        return 0;
    });
}
TEST(sys_mq_open, EFAULT_on_bad_pointers) {
    EXPECT_ERRNO(sys(SYS_mq_open, unmapped_address, O_RDWR, 0, nullptr), EFAULT);
    EXPECT_ERRNO(sys(SYS_mq_open, kName, O_RDWR | O_CREAT, 0600, unmapped_address), EFAULT);
}
TEST(sys_mq_unlink, queue_lives_on_while_it_is_open) {
    Queue q;
    ASSERT_OK(sys(SYS_mq_unlink, kName));
    EXPECT_ERRNO(mq_open_raw(kName, O_RDWR), ENOENT);
    EXPECT_EQ(0, q.send("x"));
    char text[32];
    EXPECT_EQ(2, q.receive(text));
}
TEST(sys_mq_unlink, ENOENT_and_EPERM) {
    sys(SYS_mq_unlink, kName);
    EXPECT_ERRNO(sys(SYS_mq_unlink, kName), ENOENT);
    Queue q;
    as_nobody([] {
        CHECK_ERRNO(sys(SYS_mq_unlink, kName), EPERM);
        return 0;
    });
}
TEST(sys_mq_timedsend, highest_priority_first_then_the_oldest) {
    Queue q(8);
    q.send("low", 1);
    q.send("high", 9);
    q.send("high2", 9);
    q.send("middle", 5);
    const char* wanted[] = {"high", "high2", "middle", "low"};
    unsigned priorities[] = {9, 9, 5, 1};
    for (int i = 0; i < 4; i++) {
        char text[32];
        unsigned priority = 0;
        EXPECT_EQ(static_cast<long>(strlen(wanted[i]) + 1), q.receive(text, &priority));
        EXPECT_STREQ(wanted[i], text);
        EXPECT_EQ(priorities[i], priority);
    }
}
TEST(sys_mq_timedsend, empty_message_and_highest_priority) {
    Queue q;
    ASSERT_OK(sys(SYS_mq_timedsend, q.fd.get(), "", 0, 32767, nullptr));
    char text[32];
    unsigned priority = 0;
    EXPECT_EQ(0, q.receive(text, &priority));
    EXPECT_EQ(32767u, priority);
}
TEST(sys_mq_timedsend, EAGAIN_when_full) {
    Queue q(2);
    ASSERT_OK(q.nonblock());
    EXPECT_EQ(0, q.send("a"));
    EXPECT_EQ(0, q.send("b"));
    EXPECT_ERRNO(q.send("c"), EAGAIN);
}
TEST(sys_mq_timedsend, waits_for_room) {
    Queue q(1);
    q.send("first");
    pid_t child = start_child([&] { return q.send("second") == 0 ? 0 : 1; });
    wait_until([&] { return asleep(child); });
    char text[32];
    EXPECT_EQ(6, q.receive(text));
    EXPECT_EQ(7, q.receive(text));
    EXPECT_STREQ("second", text);
    EXPECT_EQ(0, wait_for(child));
}
TEST(sys_mq_timedsend, ETIMEDOUT) {
    Queue q(1);
    q.send("first");
    timespec until = after_ms(5);
    EXPECT_ERRNO(q.send("second", 0, &until), ETIMEDOUT);
    EXPECT_GE(now_ns(CLOCK_REALTIME), static_cast<uint64_t>(until.tv_sec) * 1000000000 + static_cast<uint64_t>(until.tv_nsec));
    timespec past{1, 0};
    EXPECT_ERRNO(q.send("second", 0, &past), ETIMEDOUT);
}
TEST(sys_mq_timedsend, EMSGSIZE_EINVAL_EBADF) {
    Queue q;
    char text[33] = {};
    EXPECT_ERRNO(sys(SYS_mq_timedsend, q.fd.get(), text, 33, 0, nullptr), EMSGSIZE);
    EXPECT_ERRNO(q.send("x", 32768), EINVAL);
    timespec bad{0, 1000000000};
    EXPECT_ERRNO(q.send("x", 0, &bad), EINVAL);
    EXPECT_ERRNO(sys(SYS_mq_timedsend, closed_fd(), text, 1, 0, nullptr), EBADF);
    Pipe p;
    EXPECT_ERRNO(sys(SYS_mq_timedsend, p.w.get(), text, 1, 0, nullptr), EBADF);
    Fd reader(static_cast<int>(mq_open_raw(kName, O_RDONLY)));
    EXPECT_ERRNO(sys(SYS_mq_timedsend, reader.get(), text, 1, 0, nullptr), EBADF);
}
TEST(sys_mq_timedsend, EFAULT_on_bad_pointers) {
    Queue q;
    EXPECT_ERRNO(sys(SYS_mq_timedsend, q.fd.get(), unmapped_address, 1, 0, nullptr), EFAULT);
    EXPECT_ERRNO(sys(SYS_mq_timedsend, q.fd.get(), "x", 1, 0, unmapped_address), EFAULT);
    EXPECT_EQ(0, q.attributes().curmsgs);
}
TEST(sys_mq_timedsend, EINTR_by_a_handler) {
    Queue q(1);
    q.send("first");
    RepeatedAlarm alarm;
    EXPECT_ERRNO(q.send("second"), EINTR);
}
TEST(sys_mq_timedreceive, waits_for_a_message) {
    Queue q;
    pid_t child = start_child([&] {
        char text[32];
        return q.receive(text) == 6 && !strcmp(text, "hello") ? 0 : 1;
    });
    wait_until([&] { return asleep(child); });
    EXPECT_EQ(0, q.send("hello"));
    EXPECT_EQ(0, wait_for(child));
}
TEST(sys_mq_timedreceive, several_receivers_get_one_each) {
    Queue q;
    pid_t children[3];
    for (pid_t& c : children) {
        c = start_child([&] {
            char text[32];
            return q.receive(text) == 2 ? 0 : 1;
        });
    }
    for (int i = 0; i < 3; i++) {
        EXPECT_EQ(0, q.send("x"));
    }
    for (pid_t c : children) {
        EXPECT_EQ(0, wait_for(c));
    }
    EXPECT_EQ(0, q.attributes().curmsgs);
}
TEST(sys_mq_timedreceive, EAGAIN_and_ETIMEDOUT_when_empty) {
    Queue q;
    char text[32];
    timespec until = after_ms(5);
    EXPECT_ERRNO(q.receive(text, nullptr, &until), ETIMEDOUT);
    ASSERT_OK(q.nonblock());
    EXPECT_ERRNO(q.receive(text), EAGAIN);
}
TEST(sys_mq_timedreceive, EMSGSIZE_EINVAL_EBADF) {
    Queue q;
    q.send("x");
    char text[32];
    EXPECT_ERRNO(q.receive(text, nullptr, nullptr, 31), EMSGSIZE);
    timespec bad{-1, 0};
    EXPECT_ERRNO(q.receive(text, nullptr, &bad), EINVAL);
    Fd writer(static_cast<int>(mq_open_raw(kName, O_WRONLY)));
    EXPECT_ERRNO(sys(SYS_mq_timedreceive, writer.get(), text, 32, nullptr, nullptr), EBADF);
    EXPECT_ERRNO(sys(SYS_mq_timedreceive, closed_fd(), text, 32, nullptr, nullptr), EBADF);
}
TEST(sys_mq_timedreceive, EFAULT_on_bad_pointer) {
    Queue q;
    q.send("x");
    EXPECT_ERRNO(sys(SYS_mq_timedreceive, q.fd.get(), unmapped_address, 32, nullptr, nullptr), EFAULT);
}
TEST(sys_mq_timedreceive, EINTR_by_a_handler) {
    Queue q;
    char text[32];
    RepeatedAlarm alarm;
    EXPECT_ERRNO(q.receive(text), EINTR);
}
TEST(sys_mq_timedreceive, poll_and_epoll_tell_of_messages) {
    Queue q(1);
    pollfd p{q.fd, POLLIN | POLLOUT, 0};
    EXPECT_EQ(1, poll(&p, 1, 0));
    EXPECT_EQ(POLLOUT, p.revents);
    Fd epoll(epoll_create1(0));
    epoll_event e{};
    e.events = EPOLLIN;
    ASSERT_OK(epoll_ctl(epoll, EPOLL_CTL_ADD, q.fd, &e));
    EXPECT_EQ(0, epoll_wait(epoll, &e, 1, 0));
    pid_t child = start_child([&] { return q.send("x") == 0 ? 0 : 1; });
    EXPECT_EQ(1, epoll_wait(epoll, &e, 1, -1));
    EXPECT_EQ(0, wait_for(child));
    EXPECT_EQ(1, poll(&p, 1, 0));
    EXPECT_EQ(POLLIN, p.revents);
}
TEST(sys_mq_notify, signal_when_an_empty_queue_gets_a_message) {
    BlockSignals block(SIGRTMIN + 3);
    Queue q;
    Event e{};
    e.notify = SIGEV_SIGNAL, e.signo = SIGRTMIN + 3, e.value.number = 42;
    ASSERT_OK(sys(SYS_mq_notify, q.fd.get(), &e));
    char state[128] = {};
    read(q.fd, state, sizeof state - 1);
    char wanted[128];
    snprintf(wanted, sizeof wanted, "QSIZE:%-10lu NOTIFY:%-5d SIGNO:%-5d NOTIFY_PID:%-6d\n", 0UL, 0, SIGRTMIN + 3, getpid());
    EXPECT_STREQ(wanted, state);
    pid_t child = start_child([&] { return q.send("x") == 0 && q.send("y") == 0 ? 0 : 1; });
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN + 3);
    siginfo_t info{};
    EXPECT_EQ(SIGRTMIN + 3, sigwaitinfo(&set, &info));
    EXPECT_EQ(SI_MESGQ, info.si_code);
    EXPECT_EQ(42, info.si_value.sival_int);
    EXPECT_EQ(child, info.si_pid);
    EXPECT_EQ(0, wait_for(child));
    timespec now{};
    EXPECT_ERRNO(sigtimedwait(&set, &info, &now), EAGAIN); // once
    ASSERT_OK(sys(SYS_mq_notify, q.fd.get(), &e));         // and it is free again
}
TEST(sys_mq_notify, none_while_a_receiver_waits) {
    BlockSignals block(SIGRTMIN + 3);
    Queue q;
    Event e{};
    e.notify = SIGEV_SIGNAL, e.signo = SIGRTMIN + 3;
    ASSERT_OK(sys(SYS_mq_notify, q.fd.get(), &e));
    pid_t child = start_child([&] {
        char text[32];
        return q.receive(text) == 2 ? 0 : 1;
    });
    wait_until([&] { return asleep(child); });
    EXPECT_EQ(0, q.send("x"));
    EXPECT_EQ(0, wait_for(child));
    sigset_t set;
    sigpending(&set);
    EXPECT_FALSE(sigismember(&set, SIGRTMIN + 3));
}
TEST(sys_mq_notify, null_and_close_take_the_registration_back) {
    Queue q;
    Event e{};
    e.notify = SIGEV_NONE;
    ASSERT_OK(sys(SYS_mq_notify, q.fd.get(), &e));
    ASSERT_OK(sys(SYS_mq_notify, q.fd.get(), nullptr));
    ASSERT_OK(sys(SYS_mq_notify, q.fd.get(), &e));
    close(dup(q.fd)); // any descriptor of it
    ASSERT_OK(sys(SYS_mq_notify, q.fd.get(), &e));
}
TEST(sys_mq_notify, cookie_comes_over_a_netlink_socket) {
    Queue q;
    Fd socket_fd(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0));
    ASSERT_TRUE(socket_fd.valid());
    char cookie[32], got[32] = {};
    memset(cookie, 'c', sizeof cookie);
    Event e{};
    e.notify = SIGEV_THREAD, e.signo = socket_fd, e.value.pointer = cookie;
    ASSERT_OK(sys(SYS_mq_notify, q.fd.get(), &e));
    q.send("x");
    EXPECT_EQ(32, recv(socket_fd, got, sizeof got, MSG_WAITALL));
    EXPECT_EQ(0, memcmp(cookie, got, 31));
    EXPECT_EQ(1, got[31]); // NOTIFY_WOKENUP
    char text[32];
    q.receive(text);
    ASSERT_OK(sys(SYS_mq_notify, q.fd.get(), &e));
    ASSERT_OK(sys(SYS_mq_notify, q.fd.get(), nullptr));
    EXPECT_EQ(32, recv(socket_fd, got, sizeof got, MSG_WAITALL));
    EXPECT_EQ(2, got[31]); // NOTIFY_REMOVED
}
TEST(sys_mq_notify, EBUSY_EINVAL_EBADF) {
    Queue q;
    Event e{};
    e.notify = SIGEV_NONE;
    ASSERT_OK(sys(SYS_mq_notify, q.fd.get(), &e));
    EXPECT_ERRNO(sys(SYS_mq_notify, q.fd.get(), &e), EBUSY);
    EXPECT_ERRNO(sys(SYS_mq_notify, closed_fd(), &e), EBADF);
    Pipe p;
    EXPECT_ERRNO(sys(SYS_mq_notify, p.r.get(), &e), EBADF);
    e.notify = 99;
    EXPECT_ERRNO(sys(SYS_mq_notify, q.fd.get(), &e), EINVAL);
    e.notify = SIGEV_SIGNAL, e.signo = 65;
    EXPECT_ERRNO(sys(SYS_mq_notify, q.fd.get(), &e), EINVAL);
    EXPECT_ERRNO(sys(SYS_mq_notify, q.fd.get(), unmapped_address), EFAULT);
}
TEST(sys_mq_getsetattr, tells_and_sets_nonblock) {
    Queue q(3, 16);
    q.send("x");
    Attributes a = q.attributes(), wanted{O_NONBLOCK, 77, 77, 77, {}}, old{};
    EXPECT_EQ(0, a.flags);
    EXPECT_EQ(3, a.maxmsg);
    EXPECT_EQ(16, a.msgsize);
    EXPECT_EQ(1, a.curmsgs);
    ASSERT_OK(sys(SYS_mq_getsetattr, q.fd.get(), &wanted, &old));
    EXPECT_EQ(0, old.flags);
    a = q.attributes();
    EXPECT_EQ(O_NONBLOCK, a.flags);
    EXPECT_EQ(3, a.maxmsg);
}
TEST(sys_mq_getsetattr, EINVAL_EBADF_EFAULT) {
    Queue q;
    Attributes a{O_APPEND, 0, 0, 0, {}};
    EXPECT_ERRNO(sys(SYS_mq_getsetattr, q.fd.get(), &a, nullptr), EINVAL);
    a.flags = 0;
    EXPECT_ERRNO(sys(SYS_mq_getsetattr, closed_fd(), &a, nullptr), EBADF);
    EXPECT_ERRNO(sys(SYS_mq_getsetattr, q.fd.get(), unmapped_address, nullptr), EFAULT);
    EXPECT_ERRNO(sys(SYS_mq_getsetattr, q.fd.get(), nullptr, unmapped_address), EFAULT);
}
TEST(proc_sys_fs_mqueue, limits_are_obeyed) {
    char before[64];
    ASSERT_GT(read_text("/proc/sys/fs/mqueue/msg_max", before, sizeof before), 0);
    ASSERT_TRUE(write_file("/proc/sys/fs/mqueue/msg_max", "3\n"));
    as_nobody([] {
        Attributes a{0, 4, 32, 0, {}};
        CHECK_ERRNO(mq_open_raw("linnet-compat-nobody", O_RDWR | O_CREAT, 0600, &a), EINVAL);
        return 0;
    });
    ASSERT_TRUE(write_file("/proc/sys/fs/mqueue/msg_max", before));
}

// SIGEV_THREAD is libc's: a thread that reads the cookie from a netlink socket.
namespace {
int notified;
void on_message(sigval v) { __atomic_add_fetch(&notified, v.sival_int, __ATOMIC_RELEASE); }
} // namespace
TEST(sys_mq_notify, sigev_thread_of_libc_runs_the_function) {
    mq_unlink("/linnet-compat-libc");
    struct mq_attr a{};
    a.mq_maxmsg = 4, a.mq_msgsize = 16;
    mqd_t mq = mq_open("/linnet-compat-libc", O_RDWR | O_CREAT, 0600, &a);
    ASSERT_NE(static_cast<mqd_t>(-1), mq);
    struct sigevent e{};
    e.sigev_notify = SIGEV_THREAD;
    e.sigev_notify_function = on_message;
    e.sigev_value.sival_int = 5;
    ASSERT_EQ(0, mq_notify(mq, &e)) << strerror(errno);
    EXPECT_EQ(0, mq_send(mq, "x", 1, 0));
    wait_until([] { return __atomic_load_n(&notified, __ATOMIC_ACQUIRE) == 5; });
    EXPECT_EQ(0, mq_close(mq));
    EXPECT_EQ(0, mq_unlink("/linnet-compat-libc"));
}
