// Trace lines, as strace 6.1 prints them.
#include "linux-abi/trace_format.h"
#include "linux-abi/trace_names.h"

#include <gtest/gtest.h>

namespace linnet::abi {
namespace {

/// Program memory made of pieces.
class FakeMemory final : public MemoryReader {
  public:
    bool read(uint64_t address, void* to, size_t size) override {
        for (auto& [start, bytes] : pieces_)
            if (address >= start && address - start <= bytes.size() && bytes.size() - (address - start) >= size) {
                memcpy(to, bytes.data() + (address - start), size);
                return true;
            }
        return false;
    }
    /// Strings get a page of zeros behind them, as in a real mapping.
    uint64_t add(std::string_view s, size_t room = 4096) {
        std::string b(s);
        b.resize(std::max(room, s.size()));
        return put(std::move(b));
    }
    template <class T>
    uint64_t add_struct(const T& v) {
        return put(std::string(reinterpret_cast<const char*>(&v), sizeof v));
    }

  private:
    uint64_t put(std::string b) {
        uint64_t at = next_;
        next_ += 0x10000;
        pieces_[at] = std::move(b);
        return at;
    }
    std::map<uint64_t, std::string> pieces_;
    uint64_t next_ = 0x10000;
};

std::string hex(uint64_t v) {
    char b[32];
    snprintf(b, sizeof b, "%#lx", v);
    return b;
}

class Trace : public testing::Test {
  protected:
    std::string line(int nr, std::initializer_list<uint64_t> args, Outcome result) {
        uint64_t regs[6] = {};
        std::copy(args.begin(), args.end(), regs);
        char buffer[2048];
        TraceText out(buffer, sizeof buffer);
        TraceState s = format_call_entry(out, static_cast<uint64_t>(nr), regs, m);
        format_call_exit(out, static_cast<uint64_t>(nr), regs, result, s, m);
        return std::string(out.text());
    }
    FakeMemory m;
};

TEST_F(Trace, FilesAndStrings) {
    uint64_t p = m.add("/etc/passwd");
    EXPECT_EQ(line(257, {uint64_t(-100), p, 02000000}, 3), "openat(AT_FDCWD, \"/etc/passwd\", O_RDONLY|O_CLOEXEC) = 3");
    EXPECT_EQ(line(257, {uint64_t(-100), p, 01101, 0644}, ENOENT),
              "openat(AT_FDCWD, \"/etc/passwd\", O_WRONLY|O_CREAT|O_TRUNC, 0644) = -1 ENOENT (No such file or directory)");
    uint64_t b = m.add("hello\n");
    EXPECT_EQ(line(1, {1, b, 6}, 6), "write(1, \"hello\\n\", 6) = 6");
    EXPECT_EQ(line(0, {0, b, 100}, 6), "read(0, \"hello\\n\", 100) = 6");
    EXPECT_EQ(line(0, {9, b, 100}, EBADF), "read(9, " + hex(b) + ", 100) = -1 EBADF (Bad file descriptor)");
    uint64_t l = m.add(std::string(40, 'x'));
    EXPECT_EQ(line(1, {1, l, 40}, 40), "write(1, \"" + std::string(32, 'x') + "\"..., 40) = 40");
    uint64_t e = m.add(std::string_view("\0a\0011\"\\\377\t", 8));
    EXPECT_EQ(line(1, {1, e, 8}, 8), "write(1, \"\\0a\\0011\\\"\\\\\\377\\t\", 8) = 8");
    EXPECT_EQ(line(1, {1, 0x999, 8}, EFAULT), "write(1, 0x999, 8) = -1 EFAULT (Bad address)");
    EXPECT_EQ(line(21, {p, 4}, 0), "access(\"/etc/passwd\", R_OK) = 0");
    EXPECT_EQ(line(21, {p, 0}, 0), "access(\"/etc/passwd\", F_OK) = 0");
    EXPECT_EQ(line(2, {0, 0}, EFAULT), "open(NULL, O_RDONLY) = -1 EFAULT (Bad address)");
    EXPECT_EQ(line(95, {022}, 02), "umask(022) = 002");
}

TEST_F(Trace, LongPathIsWhole) {
    std::string path(1000, 'p');
    uint64_t p = m.add(path);
    EXPECT_EQ(line(80, {p}, 0), "chdir(\"" + path + "\") = 0");
}

TEST_F(Trace, Memory) {
    EXPECT_EQ(line(9, {0, 8192, 3, 0x22, uint64_t(-1), 0}, Outcome(0x7f0000000000)),
              "mmap(NULL, 8192, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x7f0000000000");
    EXPECT_EQ(line(9, {0x1000, 100, 0, 0x812, 3, 0x2000}, EPERM),
              "mmap(0x1000, 100, PROT_NONE, MAP_PRIVATE|MAP_FIXED|MAP_DENYWRITE, 3, 0x2000) = -1 EPERM (Operation not permitted)");
    EXPECT_EQ(line(12, {0}, Outcome(0x555500000000)), "brk(NULL) = 0x555500000000");
    EXPECT_EQ(line(28, {0x1000, 4096, 4}, 0), "madvise(0x1000, 4096, MADV_DONTNEED) = 0");
}

TEST_F(Trace, Signals) {
    Sigaction a{0x401000, uint64_t(SA_RESTORER | SA_RESTART), 0x402000, {1ull << (SIGINT - 1)}};
    uint64_t p = m.add_struct(a);
    EXPECT_EQ(line(13, {2, p, 0, 8}, 0),
              "rt_sigaction(SIGINT, {sa_handler=0x401000, sa_mask=[INT], sa_flags=SA_RESTORER|SA_RESTART, "
              "sa_restorer=0x402000}, NULL, 8) = 0");
    uint64_t set = m.add_struct(~0ull), old = m.add_struct(uint64_t(0));
    EXPECT_EQ(line(14, {0, set, old, 8}, 0), "rt_sigprocmask(SIG_BLOCK, ~[], [], 8) = 0");
    EXPECT_EQ(line(62, {1234, 34}, 0), "kill(1234, SIGRT_2) = 0");
    EXPECT_EQ(line(34, {}, Restart::no_hand), "pause() = ? ERESTARTNOHAND (To be restarted if no handler)");
    Siginfo si{};
    si.signo = SIGSEGV;
    si.code = SEGV_MAPERR;
    char b[200];
    TraceText out(b, sizeof b);
    format_signal(out, si);
    EXPECT_EQ(out.text(), "--- SIGSEGV {si_signo=SIGSEGV, si_code=SEGV_MAPERR, si_addr=NULL} ---");
}

TEST_F(Trace, PosixTimers) {
    uint64_t id = m.add_struct(int32_t(1));
    EXPECT_EQ(line(222, {1, 0, id}, 0), "timer_create(CLOCK_MONOTONIC, NULL, [1]) = 0");
    Sigevent e{0x123456789a, 36, SIGEV_SIGNAL, {0}};
    uint64_t p = m.add_struct(e);
    EXPECT_EQ(line(222, {0, p, id}, 0), "timer_create(CLOCK_REALTIME, {sigev_value={sival_int=878082202, sival_ptr=0x123456789a}, "
                                        "sigev_signo=SIGRT_4, sigev_notify=SIGEV_SIGNAL}, [1]) = 0");
    e.value = 0, e.notify = SIGEV_THREAD_ID, e.tid = 26387;
    p = m.add_struct(e);
    EXPECT_EQ(line(222, {0, p, id}, 0),
              "timer_create(CLOCK_REALTIME, {sigev_signo=SIGRT_4, sigev_notify=SIGEV_THREAD_ID, sigev_notify_thread_id=26387}, [1]) = 0");
    e.notify = SIGEV_THREAD, e.tid = 0x6713;
    p = m.add_struct(e);
    EXPECT_EQ(line(222, {0, p, id}, 0), "timer_create(CLOCK_REALTIME, {sigev_signo=SIGRT_4, sigev_notify=SIGEV_THREAD, "
                                        "sigev_notify_function=0x6713, sigev_notify_attributes=NULL}, [1]) = 0");
    e.notify = SIGEV_NONE;
    p = m.add_struct(e);
    EXPECT_EQ(line(222, {2, p, id}, 0), "timer_create(CLOCK_PROCESS_CPUTIME_ID, {sigev_signo=36, sigev_notify=SIGEV_NONE}, [1]) = 0");
    e.notify = 9;
    p = m.add_struct(e);
    EXPECT_EQ(line(222, {0x4d, p, id}, EINVAL), "timer_create(0x4d /* CLOCK_??\? */, {sigev_signo=36, sigev_notify=0x9 /* SIGEV_??\? */}, " +
                                                    hex(id) + ") = -1 EINVAL (Invalid argument)");
    Siginfo si{};
    si.signo = 36, si.code = SI_TIMER, si.timer.tid = 1, si.timer.overrun = 3, si.timer.value = 0x123456789a;
    char b[200];
    TraceText out(b, sizeof b);
    format_signal(out, si);
    EXPECT_EQ(out.text(), "--- SIGRT_4 {si_signo=SIGRT_4, si_code=SI_TIMER, si_timerid=0x1, si_overrun=3, si_int=878082202, "
                          "si_ptr=0x123456789a} ---");
}

TEST_F(Trace, SystemVIpc) {
    EXPECT_EQ(line(29, {0, 10000, 01600}, 2), "shmget(IPC_PRIVATE, 10000, IPC_CREAT|0600) = 2");
    EXPECT_EQ(line(29, {0x1234, 5, 012600}, ENOENT),
              "shmget(0x1234, 5, IPC_EXCL|SHM_NORESERVE|0600) = -1 ENOENT (No such file or directory)");
    EXPECT_EQ(line(30, {2, 0x10001, 0120000}, 0x10000), "shmat(2, 0x10001, SHM_RND|SHM_EXEC) = 0x10000");
    ShmidDs ds{};
    ds.perm.mode = 0600, ds.segsz = 10000, ds.nattch = 2;
    uint64_t p = m.add_struct(ds);
    EXPECT_EQ(line(31, {2, 2, p}, 0), "shmctl(2, IPC_STAT, {shm_perm={uid=0, gid=0, mode=0600, key=0, cuid=0, cgid=0}, shm_segsz=10000, "
                                      "shm_cpid=0, shm_lpid=0, shm_nattch=2, shm_atime=0, shm_dtime=0, shm_ctime=0}) = 0");
    EXPECT_EQ(line(31, {2, 1, p}, 0), "shmctl(2, IPC_SET, {shm_perm={uid=0, gid=0, mode=0600}}) = 0");
    EXPECT_EQ(line(31, {2, 0x63, 0}, EINVAL), "shmctl(2, 0x63 /* SHM_??\? */, NULL) = -1 EINVAL (Invalid argument)");
    Sembuf ops[2] = {{0, 1, SEM_UNDO}, {1, -1, IPC_NOWAIT}};
    p = m.add_struct(ops);
    EXPECT_EQ(line(220, {2, p, 2, 0}, EAGAIN), "semtimedop(2, [{sem_num=0, sem_op=1, sem_flg=SEM_UNDO}, {sem_num=1, sem_op=-1, "
                                               "sem_flg=IPC_NOWAIT}], 2, NULL) = -1 EAGAIN (Resource temporarily unavailable)");
    EXPECT_EQ(line(66, {2, 1, 16, 5}, 0), "semctl(2, 1, SETVAL, 0x5) = 0");
    EXPECT_EQ(line(66, {2, 1, 12, 0}, 5), "semctl(2, 1, GETVAL, NULL) = 5");
    struct {
        int64_t type;
        char text[40];
    } message{3, "hello"};
    p = m.add_struct(message);
    EXPECT_EQ(line(69, {2, p, 6, 04000}, 0), "msgsnd(2, {mtype=3, mtext=\"hello\\0\"}, 6, IPC_NOWAIT) = 0");
    EXPECT_EQ(line(70, {2, p, 6, uint64_t(-5), 014000}, 6), "msgrcv(2, {mtype=3, mtext=\"hello\\0\"}, 6, -5, MSG_NOERROR|IPC_NOWAIT) = 6");
    EXPECT_EQ(line(70, {2, p, 6, 0, 024000}, ENOMSG),
              "msgrcv(2, " + hex(p) + ", 6, 0, MSG_EXCEPT|IPC_NOWAIT) = -1 ENOMSG (No message of desired type)");
}

TEST_F(Trace, MessageQueues) {
    uint64_t name = m.add("foo");
    uint64_t a = m.add_struct(MqAttr{0, 4, 32, 0, {}}), b = m.add_struct(MqAttr{O_NONBLOCK, 4, 32, 0, {}});
    EXPECT_EQ(line(240, {name, 04102, 0600, a}, 3),
              "mq_open(\"foo\", O_RDWR|O_CREAT|O_NONBLOCK, 0600, {mq_flags=0, mq_maxmsg=4, mq_msgsize=32, mq_curmsgs=0}) = 3");
    EXPECT_EQ(line(240, {name, 0, 0, 0}, ENOENT), "mq_open(\"foo\", O_RDONLY) = -1 ENOENT (No such file or directory)");
    EXPECT_EQ(line(245, {3, 0, b}, 0), "mq_getsetattr(3, NULL, {mq_flags=O_NONBLOCK, mq_maxmsg=4, mq_msgsize=32, mq_curmsgs=0}) = 0");
    uint64_t text = m.add("hi\n"), priority = m.add_struct(uint32_t(7));
    EXPECT_EQ(line(242, {3, text, 3, 7, 0}, 0), "mq_timedsend(3, \"hi\\n\", 3, 7, NULL) = 0");
    EXPECT_EQ(line(243, {3, text, 32, priority, 0}, 3), "mq_timedreceive(3, \"hi\\n\", 32, [7], NULL) = 3");
    uint64_t e = m.add_struct(Sigevent{0, SIGUSR1, SIGEV_SIGNAL, {0}});
    EXPECT_EQ(line(244, {3, e}, 0), "mq_notify(3, {sigev_signo=SIGUSR1, sigev_notify=SIGEV_SIGNAL}) = 0");
    EXPECT_EQ(line(241, {name}, 0), "mq_unlink(\"foo\") = 0");
}

TEST_F(Trace, Processes) {
    uint64_t path = m.add("/bin/sh"), arg = m.add("sh"), env = m.add("A=B");
    uint64_t argv = m.add_struct(std::array<uint64_t, 2>{arg, 0}), envp = m.add_struct(std::array<uint64_t, 2>{env, 0});
    EXPECT_EQ(line(59, {path, argv, envp}, Outcome::no_return()),
              "execve(\"/bin/sh\", [\"sh\"], " + hex(envp) + " /* 1 var */) = 0");
    EXPECT_EQ(line(231, {3}, Outcome::no_return()), "exit_group(3) = ?");
    EXPECT_EQ(line(56, {0x1200011, 0, 0, 0x7f10, 0}, 77),
              "clone(child_stack=NULL, flags=CLONE_CHILD_CLEARTID|CLONE_CHILD_SETTID|SIGCHLD, child_tidptr=0x7f10) = 77");
    uint64_t st = m.add_struct(uint32_t(0x0300));
    EXPECT_EQ(line(61, {uint64_t(-1), st, 0, 0}, 77),
              "wait4(-1, [{WIFEXITED(s) && WEXITSTATUS(s) == 3}], 0, NULL) = 77");
    uint64_t killed = m.add_struct(uint32_t(SIGKILL));
    EXPECT_EQ(line(61, {uint64_t(-1), killed, 1, 0}, 77),
              "wait4(-1, [{WIFSIGNALED(s) && WTERMSIG(s) == SIGKILL}], WNOHANG, NULL) = 77");
    EXPECT_EQ(line(202, {0x1000, 129, 1}, 1), "futex(0x1000, FUTEX_WAKE_PRIVATE, 1) = 1");
    EXPECT_EQ(line(202, {0x1000, 128, 2, 0}, EAGAIN),
              "futex(0x1000, FUTEX_WAIT_PRIVATE, 2, NULL) = -1 EAGAIN (Resource temporarily unavailable)");
    EXPECT_EQ(line(39, {}, 5), "getpid() = 5");
}

TEST_F(Trace, Sockets) {
    uint8_t in[16] = {2, 0, 0, 80, 127, 0, 0, 1};
    uint64_t a = m.add_struct(in);
    EXPECT_EQ(line(42, {3, a, 16}, EINPROGRESS),
              "connect(3, {sa_family=AF_INET, sin_port=htons(80), sin_addr=inet_addr(\"127.0.0.1\")}, 16) = -1 "
              "EINPROGRESS (Operation now in progress)");
    EXPECT_EQ(line(41, {2, 02004001, 6}, 3), "socket(AF_INET, SOCK_STREAM|SOCK_CLOEXEC|SOCK_NONBLOCK, IPPROTO_TCP) = 3");
    uint64_t one = m.add_struct(int32_t(1));
    EXPECT_EQ(line(54, {3, 1, 2, one, 4}, 0), "setsockopt(3, SOL_SOCKET, SO_REUSEADDR, [1], 4) = 0");
    uint8_t in6[28] = {10, 0, 0x1f, 0x90};
    in6[23] = 1;
    uint64_t b = m.add_struct(in6);
    EXPECT_EQ(line(49, {3, b, 28}, 0),
              "bind(3, {sa_family=AF_INET6, sin6_port=htons(8080), sin6_flowinfo=htonl(0), inet_pton(AF_INET6, "
              "\"::1\", &sin6_addr), sin6_scope_id=0}, 28) = 0");
    EXPECT_EQ(line(44, {3, 0, 0, 0x4000, 0, 0}, 0), "sendto(3, NULL, 0, MSG_NOSIGNAL, NULL, 0) = 0");
}

TEST_F(Trace, InetAddressesOfEveryShape) {
    auto text = [&](std::initializer_list<uint16_t> groups) {
        uint8_t in6[28] = {10};
        size_t i = 8;
        for (uint16_t g : groups) in6[i++] = uint8_t(g >> 8), in6[i++] = uint8_t(g);
        std::string s = line(49, {3, m.add_struct(in6), 28}, 0);
        size_t from = s.find('"') + 1;
        return s.substr(from, s.find('"', from) - from);
    };
    EXPECT_EQ(text({0, 0, 0, 0, 0, 0, 0, 0}), "::");
    EXPECT_EQ(text({0xfe80, 0, 0, 0, 1, 2, 3, 4}), "fe80::1:2:3:4");
    EXPECT_EQ(text({1, 2, 3, 4, 5, 6, 7, 8}), "1:2:3:4:5:6:7:8");
    EXPECT_EQ(text({1, 0, 0, 4, 0, 0, 0, 8}), "1:0:0:4::8");
    EXPECT_EQ(text({1, 2, 3, 4, 5, 6, 0, 0}), "1:2:3:4:5:6::");
    EXPECT_EQ(text({0, 2, 3, 4, 5, 6, 7, 8}), "0:2:3:4:5:6:7:8");
}

TEST_F(Trace, PollSelectEpoll) {
    Pollfd p[2] = {{3, POLLIN, POLLIN}, {4, POLLOUT, 0}};
    uint64_t a = m.add_struct(p);
    EXPECT_EQ(line(7, {a, 2, uint64_t(-1)}, 1),
              "poll([{fd=3, events=POLLIN}, {fd=4, events=POLLOUT}], 2, -1) = 1 ([{fd=3, revents=POLLIN}])");
    EXPECT_EQ(line(7, {a, 2, 5}, 0), "poll([{fd=3, events=POLLIN}, {fd=4, events=POLLOUT}], 2, 5) = 0 (Timeout)");
    EpollEvent e{uint32_t(EPOLLIN) | EPOLLET, 7};
    uint64_t b = m.add_struct(e);
    EXPECT_EQ(line(233, {5, 1, 7, b}, 0),
              "epoll_ctl(5, EPOLL_CTL_ADD, 7, {events=EPOLLIN|EPOLLET, data={u32=7, u64=7}}) = 0");
    EXPECT_EQ(line(232, {5, b, 64, uint64_t(-1)}, 1),
              "epoll_wait(5, [{events=EPOLLIN|EPOLLET, data={u32=7, u64=7}}], 64, -1) = 1");
    uint64_t set = m.add_struct(uint64_t(0x28));
    EXPECT_EQ(line(23, {6, set, 0, 0, 0}, 1), "select(6, [3 5], NULL, NULL, NULL) = 1 (in [3 5])");
}

TEST_F(Trace, MiscellaneousStructures) {
    uint64_t ts = m.add_struct(Timespec{1, 500});
    EXPECT_EQ(line(35, {ts, ts}, 0), "nanosleep({tv_sec=1, tv_nsec=500}, " + hex(ts) + ") = 0");
    uint64_t lim = m.add_struct(Rlimit{8192 * 1024, RLIM_INFINITY});
    EXPECT_EQ(line(302, {0, 3, 0, lim}, 0),
              "prlimit64(0, RLIMIT_STACK, NULL, {rlim_cur=8192*1024, rlim_max=RLIM64_INFINITY}) = 0");
    Stat st{};
    st.mode = 0100644;
    st.size = 42;
    uint64_t s = m.add_struct(st);
    EXPECT_EQ(line(5, {3, s}, 0), "fstat(3, {st_mode=S_IFREG|0644, st_size=42, ...}) = 0");
    uint64_t fds = m.add_struct(std::array<int32_t, 2>{3, 4});
    EXPECT_EQ(line(293, {fds, 02000000}, 0), "pipe2([3, 4], O_CLOEXEC) = 0");
    uint64_t data = m.add("abcdef");
    uint64_t iov = m.add_struct(std::array<Iovec, 2>{Iovec{data, 3}, Iovec{data, 6}});
    EXPECT_EQ(line(20, {1, iov, 2}, 9),
              "writev(1, [{iov_base=\"abc\", iov_len=3}, {iov_base=\"abcdef\", iov_len=6}], 2) = 9");
    EXPECT_EQ(line(19, {1, iov, 2}, 4),
              "readv(1, [{iov_base=\"abc\", iov_len=3}, {iov_base=\"a\", iov_len=6}], 2) = 4");
    EXPECT_EQ(line(72, {3, 3, 0}, 0x8002), "fcntl(3, F_GETFL) = 0x8002 (flags O_RDWR|O_LARGEFILE)");
    uint64_t ws = m.add_struct(Winsize{24, 80, 0, 0});
    EXPECT_EQ(line(16, {1, uint64_t(TIOCGWINSZ), ws}, 0),
              "ioctl(1, TIOCGWINSZ, {ws_row=24, ws_col=80, ws_xpixel=0, ws_ypixel=0}) = 0");
    EXPECT_EQ(line(158, {0x1002, 0x7f00}, 0), "arch_prctl(ARCH_SET_FS, 0x7f00) = 0");
    EXPECT_EQ(line(228, {1, ts}, 0), "clock_gettime(CLOCK_MONOTONIC, {tv_sec=1, tv_nsec=500}) = 0");
}

TEST_F(Trace, TimesOfFiles) {
    uint64_t p = m.add("f");
    uint64_t t = m.add_struct(std::array<Timespec, 2>{Timespec{1000000000, 5}, Timespec{1500000000, 0}});
    EXPECT_EQ(line(280, {uint64_t(-100), p, t, 0}, 0),
              "utimensat(AT_FDCWD, \"f\", [{tv_sec=1000000000, tv_nsec=5} /* 2001-09-09T01:46:40.000000005+0000 */, "
              "{tv_sec=1500000000, tv_nsec=0} /* 2017-07-14T02:40:00+0000 */], 0) = 0");
    t = m.add_struct(std::array<Timespec, 2>{Timespec{-1, 0}, Timespec{951782400, UTIME_NOW}});
    EXPECT_EQ(line(280, {3, 0, t, 0}, 0), "utimensat(3, NULL, [{tv_sec=-1, tv_nsec=0} /* 1969-12-31T23:59:59+0000 */, UTIME_NOW], 0) = 0");
    uint64_t u = m.add_struct(std::array<int64_t, 2>{951782400, 0});
    EXPECT_EQ(line(132, {p, u}, 0), "utime(\"f\", {actime=951782400 /* 2000-02-29T00:00:00+0000 */, modtime=0}) = 0");
}

TEST_F(Trace, Terminals) {
    Termios t{};
    t.iflag = 02400, t.oflag = 05, t.cflag = 0277, t.lflag = 0105073;
    uint64_t p = m.add_struct(t);
    EXPECT_EQ(line(16, {0, 0x5401, p}, 0),
              "ioctl(0, TCGETS, {c_iflag=ICRNL|IXON, c_oflag=NL0|CR0|TAB0|BS0|VT0|FF0|OPOST|ONLCR, c_cflag=B38400|CS8|CREAD, "
              "c_lflag=ISIG|ICANON|ECHO|ECHOE|ECHOK|IEXTEN|ECHOCTL|ECHOKE, ...}) = 0");
    EXPECT_EQ(line(16, {0, 0x5401, p}, ENOTTY), "ioctl(0, TCGETS, " + hex(p) + ") = -1 ENOTTY (Inappropriate ioctl for device)");
    t = {};
    p = m.add_struct(t);
    EXPECT_EQ(line(16, {0, 0x5402, p}, 0),
              "ioctl(0, SNDCTL_TMR_START or TCSETS, {c_iflag=, c_oflag=NL0|CR0|TAB0|BS0|VT0|FF0|, c_cflag=B0|CS5, c_lflag=, ...}) = 0");
    EXPECT_EQ(line(16, {3, 0x1234abcd, 5}, ENOTTY), "ioctl(3, _IOC(_IOC_NONE, 0xab, 0xcd, 0x1234), 0x5) = -1 ENOTTY (Inappropriate ioctl for device)");
    EXPECT_EQ(line(16, {3, 0x5451}, 0), "ioctl(3, FIOCLEX) = 0");
    EXPECT_EQ(line(16, {3, 0x540b, 2}, 0), "ioctl(3, TCFLSH, TCIOFLUSH) = 0");
}

TEST_F(Trace, ProcessControl) {
    uint64_t name = m.add("trace name of sixteen"), word = m.add_struct(uint32_t(1));
    EXPECT_EQ(line(157, {15, name}, 0), "prctl(PR_SET_NAME, \"trace name of s\"...) = 0");
    EXPECT_EQ(line(157, {3}, 1), "prctl(PR_GET_DUMPABLE) = 1 (SUID_DUMP_USER)");
    EXPECT_EQ(line(157, {2, word}, 0), "prctl(PR_GET_PDEATHSIG, [SIGHUP]) = 0");
    EXPECT_EQ(line(157, {9999, 1, 2, 3, 4}, EINVAL), "prctl(0x270f /* PR_?\?? */, 0x1, 0x2, 0x3, 0x4) = -1 EINVAL (Invalid argument)");
    CapUserHeader h{0x20080522, 0};
    CapUserData d[2] = {{0x21, 0x21, 0}, {0, 0x80, 0}};
    EXPECT_EQ(line(126, {m.add_struct(h), m.add_struct(d)}, 0),
              "capset({version=_LINUX_CAPABILITY_VERSION_3, pid=0}, {effective=1<<CAP_CHOWN|1<<CAP_KILL, "
              "permitted=1<<CAP_CHOWN|1<<CAP_KILL|1<<CAP_BPF, inheritable=0}) = 0");
    CloneArgs a{};
    a.flags = CLONE_PARENT_SETTID, a.exit_signal = 17, a.parent_tid = word;
    uint64_t p = m.add_struct(a);
    EXPECT_EQ(line(435, {p, 88}, 77), "clone3({flags=CLONE_PARENT_SETTID, parent_tid=" + hex(word) +
                                          ", exit_signal=SIGCHLD, stack=NULL, stack_size=0} => {parent_tid=[1]}, 88) = 77");
    EXPECT_EQ(line(435, {p, 8}, EINVAL), "clone3(" + hex(p) + ", 8) = -1 EINVAL (Invalid argument)");
    EXPECT_EQ(line(202, {0x1000, 133, 1, 1, 0x1004, 0x04000001}, 0),
              "futex(0x1000, FUTEX_WAKE_OP_PRIVATE, 1, 1, 0x1004, FUTEX_OP_SET<<28|0<<12|FUTEX_OP_CMP_GT<<24|0x1) = 0");
    EXPECT_EQ(line(202, {0x1000, 393, 0, 0, 0, 0xffffffff}, EAGAIN),
              "futex(0x1000, FUTEX_WAIT_BITSET_PRIVATE|FUTEX_CLOCK_REALTIME, 0, NULL, FUTEX_BITSET_MATCH_ANY) = -1 EAGAIN (Resource temporarily unavailable)");
}

TEST_F(Trace, MessagesAndOptions) {
    uint64_t text = m.add("first"), iov = m.add_struct(Iovec{text, 5});
    struct {
        CmsgHdr h;
        int32_t fds[2];
    } control{{24, 1, 1}, {0, 1}};
    MsgHdr h{};
    h.iov = iov, h.iovlen = 1, h.control = m.add_struct(control), h.controllen = 24;
    uint64_t p = m.add_struct(h);
    EXPECT_EQ(line(46, {3, p, 0}, 5), "sendmsg(3, {msg_name=NULL, msg_namelen=0, msg_iov=[{iov_base=\"first\", iov_len=5}], msg_iovlen=1, "
                                      "msg_control=[{cmsg_len=24, cmsg_level=SOL_SOCKET, cmsg_type=SCM_RIGHTS, cmsg_data=[0, 1]}], msg_controllen=24, "
                                      "msg_flags=0}, 0) = 5");
    EXPECT_EQ(line(47, {3, p, 0}, EAGAIN), "recvmsg(3, {msg_namelen=0}, 0) = -1 EAGAIN (Resource temporarily unavailable)");
    uint64_t linger = m.add_struct(Linger{1, 5});
    EXPECT_EQ(line(54, {3, 1, 13, linger, 8}, 0), "setsockopt(3, SOL_SOCKET, SO_LINGER, {l_onoff=1, l_linger=5}, 8) = 0");
    EXPECT_EQ(line(54, {3, 1, 9, linger, 2}, EINVAL), "setsockopt(3, SOL_SOCKET, SO_KEEPALIVE, " + hex(linger) + ", 2) = -1 EINVAL (Invalid argument)");
    EXPECT_EQ(line(41, {1, 1, 0}, 3), "socket(AF_UNIX, SOCK_STREAM, 0) = 3");
    EXPECT_EQ(line(41, {16, 02000003, 0}, 3), "socket(AF_NETLINK, SOCK_RAW|SOCK_CLOEXEC, NETLINK_ROUTE) = 3");
    struct {
        uint32_t len;
        uint16_t type, flags;
        uint32_t seq, pid;
        uint8_t family, pad[3];
    } request{20, 22, 0x301, 5, 0, 0, {}};
    uint8_t kernel[12] = {16};
    EXPECT_EQ(line(44, {3, m.add_struct(request), 20, 0, m.add_struct(kernel), 12}, 20),
              "sendto(3, [{nlmsg_len=20, nlmsg_type=RTM_GETADDR, nlmsg_flags=NLM_F_REQUEST|NLM_F_DUMP, nlmsg_seq=5, nlmsg_pid=0}, "
              "{ifa_family=AF_UNSPEC, ...}], 20, 0, {sa_family=AF_NETLINK, nl_pid=0, nl_groups=00000000}, 12) = 20");
}

/// Whatever it is asked for, until it fails for good after some bytes.
class FailingMemory final : public MemoryReader {
  public:
    explicit FailingMemory(size_t bytes) : left_(bytes) {}
    bool read(uint64_t, void* to, size_t size) override {
        if (size > left_) return false;
        left_ -= size;
        memset(to, 1, size);
        return true;
    }

  private:
    size_t left_;
};

TEST(TraceMemory, MayFailAtAnyByte) {
    for (size_t bytes = 0; bytes < 400; bytes += bytes < 64 ? 1 : 13)
        for (int nr = 0; nr <= max_syscall; ++nr)
            for (uint64_t value : {uint64_t(0x10000), uint64_t(64)}) {
                FailingMemory memory(bytes);
                const uint64_t regs[6] = {value, value, value, value, value, value};
                char buffer[4096];
                TraceText out(buffer, sizeof buffer);
                TraceState s = format_call_entry(out, static_cast<uint64_t>(nr), regs, memory);
                format_call_exit(out, static_cast<uint64_t>(nr), regs, Outcome(64), s, memory);
                EXPECT_FALSE(out.text().empty());
            }
}

TEST_F(Trace, UnknownAndTruncated) {
    EXPECT_EQ(line(999, {1, 2, 3}, ENOSYS), "syscall_0x3e7(0x1, 0x2, 0x3, 0, 0, 0) = -1 ENOSYS (Function not implemented)");
    char small[10];
    TraceText out(small, sizeof small);
    uint64_t regs[6] = {};
    format_call_entry(out, 39, regs, m);
    format_call_exit(out, 39, regs, 123, {}, m);
    EXPECT_TRUE(out.truncated());
    EXPECT_EQ(out.text().size(), 10u);
}

TEST_F(Trace, EveryCallWithHostileArguments) {
    for (uint64_t value : {uint64_t(0), ~uint64_t(0), uint64_t(0x10001), uint64_t(1) << 63, uint64_t(0x7fffffff)})
        for (int nr = 0; nr <= max_syscall; ++nr)
            for (Outcome r : {Outcome(0), Outcome(int64_t(1) << 40), Outcome(EFAULT), Outcome(Restart::sys)})
                EXPECT_FALSE(line(nr, {value, value, value, value, value, value}, r).empty());
}

TEST(TraceNames, NoTableNamesAValueTwice) {
    for (unsigned t = 0; t < static_cast<unsigned>(NameTable::count); ++t) {
        std::map<uint64_t, std::string> seen;
        for (const ValueName& n : name_list(static_cast<NameTable>(t)).names) {
            EXPECT_TRUE(seen.emplace(n.value, n.name).second) << n.name << " " << seen[n.value];
        }
    }
}

} // namespace
} // namespace linnet::abi
