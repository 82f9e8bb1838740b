// Controlling terminals, sessions, foreground groups, and stopping and continuing jobs.
#include "pty_support.h"

#include <sys/prctl.h>

namespace {

// In a child: a new session with the pair's slave as its controlling terminal. The child keeps the master too, unless it lets go of it.
bool take_terminal(PtyPair& p) { return setsid() > 0 && ioctl(p.slave, TIOCSCTTY, 0) == 0; }

// Runs `body` as the leader of a session that has the terminal.
template <class F>
int in_session(F body) {
    PtyPair p;
    if (!p.valid()) return -1;
    return run_in_child([&] {
        CHECK(take_terminal(p));
        return body(p);
    });
}

void no_action(int) {}

// A child in a group of its own, that waits for a byte before it runs `body`.
template <class F>
pid_t start_job(F body) {
    int fds[2];
    if (pipe(fds) < 0) return -1;
    pid_t pid = start_child([&] {
        close(fds[1]);
        char c;
        if (read(fds[0], &c, 1) != 1) return 99;
        close(fds[0]);
        return body();
    });
    setpgid(pid, pid);
    close(fds[0]);
    write(fds[1], "g", 1);
    close(fds[1]);
    return pid;
}

int field_of_stat(int field) {
    char text[1024];
    if (read_text("/proc/self/stat", text, sizeof(text)) < 0) return -1;
    char* at = strrchr(text, ')');
    for (int i = 2; i < field && at; ++i) at = strchr(at + 1, ' ');
    return at ? atoi(at + 1) : -1;
}

} // namespace

#define EXPECT_SESSION_OK(...) EXPECT_EQ(0, in_session(__VA_ARGS__)) << "wait status of the session's leader"

TEST(job_terminal, TIOCSCTTY_makes_it_the_sessions) {
    EXPECT_SESSION_OK([](PtyPair& p) {
        pid_t sid = 0;
        CHECK(ioctl(p.slave, TIOCGSID, &sid) == 0 && sid == getpid());
        CHECK(tcgetpgrp(p.slave) == getpid());
        CHECK(tcgetsid(p.slave) == getpid());
        CHECK(ioctl(p.slave, TIOCSCTTY, 0) == 0);
        int fd = open("/dev/tty", O_RDWR);
        CHECK(fd >= 0);
        CHECK(write(fd, "!", 1) == 1);
        CHECK(p.shows("!"));
        struct stat st;
        CHECK(fstat(fd, &st) == 0 && st.st_rdev == 0x500);
        return 0;
    });
}
TEST(job_terminal, EPERM_for_who_leads_no_session) {
    PtyPair p;
    EXPECT_CHILD_OK([&] {
        CHECK(setsid() > 0);
        return run_in_child([&] {
            CHECK_ERRNO(ioctl(p.slave, TIOCSCTTY, 0), EPERM);
            return 0;
        });
    });
}
TEST(job_terminal, EPERM_for_a_second_one) {
    EXPECT_SESSION_OK([](PtyPair&) {
        PtyPair other;
        CHECK_ERRNO(ioctl(other.slave, TIOCSCTTY, 0), EPERM);
        return 0;
    });
}
TEST(job_terminal, EPERM_for_another_sessions_but_root_may_steal) {
    EXPECT_SESSION_OK([](PtyPair& p) {
        int status = run_in_child([&] {
            CHECK(setsid() > 0);
            CHECK_ERRNO(ioctl(p.slave, TIOCSCTTY, 0), EPERM);
            CHECK(ioctl(p.slave, TIOCSCTTY, 1) == 0);
            CHECK(tcgetsid(p.slave) == getpid());
            return 0;
        });
        CHECK(status == 0);
        CHECK_ERRNO(tcgetpgrp(p.slave), ENOTTY);
        CHECK_ERRNO(open("/dev/tty", O_RDWR), ENXIO);
        return 0;
    });
}
TEST(job_terminal, open_acquires_it_without_O_NOCTTY) {
    PtyPair p;
    EXPECT_CHILD_OK([&] {
        CHECK(setsid() > 0);
        int fd = open(p.name(), O_RDWR | O_NOCTTY);
        CHECK_ERRNO(open("/dev/tty", O_RDWR), ENXIO);
        close(fd);
        fd = open(p.name(), O_WRONLY);
        CHECK_ERRNO(open("/dev/tty", O_RDWR), ENXIO);
        fd = open(p.name(), O_RDWR);
        CHECK(fd >= 0);
        CHECK(open("/dev/tty", O_RDWR) >= 0);
        CHECK(tcgetsid(fd) == getpid());
        return 0;
    });
}
TEST(job_terminal, a_master_is_never_acquired) {
    EXPECT_CHILD_OK([] {
        CHECK(setsid() > 0);
        Fd m(open("/dev/ptmx", O_RDWR));
        CHECK(m.valid());
        CHECK_ERRNO(open("/dev/tty", O_RDWR), ENXIO);
        return 0;
    });
}
TEST(job_terminal, ENOTTY_for_who_has_another) {
    PtyPair p;
    EXPECT_ERRNO(tcgetpgrp(p.slave), ENOTTY);
    EXPECT_ERRNO(tcsetpgrp(p.slave, getpgrp()), ENOTTY);
    EXPECT_ERRNO(tcgetsid(p.slave), ENOTTY);
    EXPECT_ERRNO(ioctl(p.slave, TIOCNOTTY), ENOTTY);
    EXPECT_EQ(0, tcgetpgrp(p.master)) << "the master shows that there is none";
}
TEST(job_terminal, TIOCNOTTY_of_the_leader_frees_it) {
    EXPECT_SESSION_OK([](PtyPair& p) {
        SignalAction hup(SIGHUP, SIG_IGN);
        CHECK(ioctl(p.slave, TIOCNOTTY) == 0);
        CHECK_ERRNO(open("/dev/tty", O_RDWR), ENXIO);
        CHECK_ERRNO(ioctl(p.slave, TIOCNOTTY), ENOTTY);
        CHECK(ioctl(p.slave, TIOCSCTTY, 0) == 0);
        return 0;
    });
}
TEST(job_terminal, TIOCNOTTY_of_another_process_is_its_own_affair) {
    EXPECT_SESSION_OK([](PtyPair& p) {
        int status = run_in_child([&] {
            CHECK(ioctl(p.slave, TIOCNOTTY) == 0);
            CHECK_ERRNO(open("/dev/tty", O_RDWR), ENXIO);
            return 0;
        });
        CHECK(status == 0);
        CHECK(open("/dev/tty", O_RDWR) >= 0);
        return 0;
    });
}
TEST(job_terminal, setsid_leaves_it) {
    EXPECT_SESSION_OK([](PtyPair&) {
        return run_in_child([] {
            CHECK(open("/dev/tty", O_RDWR) >= 0);
            CHECK(setsid() > 0);
            CHECK_ERRNO(open("/dev/tty", O_RDWR), ENXIO);
            return 0;
        });
    });
}
TEST(job_terminal, proc_stat_shows_it) {
    EXPECT_SESSION_OK([](PtyPair& p) {
        CHECK(field_of_stat(7) == 136 * 256 + p.number());
        CHECK(field_of_stat(8) == getpid());
        return 0;
    });
    EXPECT_CHILD_OK([] {
        CHECK(setsid() > 0);
        CHECK(field_of_stat(7) == 0);
        CHECK(field_of_stat(8) == -1);
        return 0;
    });
}
TEST(job_end, of_the_leader_hangs_up_the_foreground_group) {
    PtyPair p;
    Pipe ready, result;
    pid_t leader = start_child([&] {
        CHECK(take_terminal(p));
        start_child([&] {
            ready.r.reset();
            prctl(PR_SET_PDEATHSIG, 0);
            BlockSignals block(SIGHUP);
            sigset_t set;
            sigemptyset(&set);
            sigaddset(&set, SIGHUP);
            write(ready.w, "r", 1);
            siginfo_t info;
            bool good = sigwaitinfo(&set, &info) == SIGHUP;
            wait_until([] { return open("/dev/tty", O_RDWR) < 0; });
            write(result.w, good ? "y" : "n", 1);
            return 0;
        });
        char c;
        CHECK(read(ready.r, &c, 1) == 1);
        return 0;
    });
    EXPECT_EQ(0, wait_for(leader));
    char c = 0;
    EXPECT_EQ(1, read(result.r, &c, 1));
    EXPECT_EQ('y', c);
    EXPECT_CHILD_OK([&] {
        CHECK(take_terminal(p)); // it is free again
        return 0;
    });
}
TEST(job_group, tcsetpgrp_chooses_the_foreground) {
    EXPECT_SESSION_OK([](PtyPair& p) {
        pid_t job = start_job([] { return pause(); });
        CHECK(tcsetpgrp(p.slave, job) == 0);
        CHECK(tcgetpgrp(p.slave) == job);
        CHECK(tcgetpgrp(p.master) == job);
        kill(job, SIGKILL);
        CHECK(WIFSIGNALED(wait_for(job)));
        return 0;
    });
}
TEST(job_group, tcsetpgrp_checks_the_group) {
    EXPECT_SESSION_OK([](PtyPair& p) {
        CHECK_ERRNO(tcsetpgrp(p.slave, -1), EINVAL);
        CHECK_ERRNO(tcsetpgrp(p.slave, 4000000), ESRCH);
        CHECK_ERRNO(tcsetpgrp(p.slave, getppid()), EPERM);
        CHECK_ERRNO(ioctl(p.slave, TIOCSPGRP, unmapped_address), EFAULT);
        return 0;
    });
}
TEST(job_keys, interrupt_quit_and_suspend_reach_the_foreground) {
    EXPECT_SESSION_OK([](PtyPair& p) {
        // Without NOFLSH a signal may throw the echo away too, before it is read: on Linux by chance.
        termios t{};
        CHECK(tcgetattr(p.slave, &t) == 0);
        t.c_lflag |= NOFLSH;
        CHECK(tcsetattr(p.slave, TCSANOW, &t) == 0);
        const struct { const char* key; int sig; } keys[] = {{"\003", SIGINT}, {"\034", SIGQUIT}, {"\032", SIGTSTP}};
        for (auto [key, sig] : keys) {
            sigset_t set;
            sigemptyset(&set);
            sigaddset(&set, sig);
            sigprocmask(SIG_BLOCK, &set, nullptr);
            CHECK(p.type(key));
            siginfo_t info;
            CHECK(sigwaitinfo(&set, &info) == sig);
            CHECK(info.si_code == SI_KERNEL);
        }
        CHECK(p.shows("^C^\\^Z"));
        return 0;
    });
}
TEST(job_keys, a_signal_throws_input_away_unless_NOFLSH) {
    EXPECT_SESSION_OK([](PtyPair& p) {
        SignalAction ignore(SIGINT, SIG_IGN);
        p.local(ECHO);
        p.type("gone\003kept\n");
        CHECK(p.reads("kept\n"));
        p.local(0, NOFLSH);
        p.type("both\003kept\n");
        CHECK(p.reads("bothkept\n"));
        return 0;
    });
}
TEST(job_keys, without_ISIG_they_are_data) {
    EXPECT_SESSION_OK([](PtyPair& p) {
        p.local(ISIG);
        p.type("\003\n");
        CHECK(p.reads("\003\n"));
        return 0;
    });
}
TEST(job_keys, TIOCSIG_of_the_master) {
    EXPECT_SESSION_OK([](PtyPair& p) {
        BlockSignals block(SIGINT);
        CHECK(ioctl(p.master, _IOW('T', 0x36, int), SIGINT) == 0);
        sigset_t set;
        sigemptyset(&set);
        sigaddset(&set, SIGINT);
        CHECK(sigwaitinfo(&set, nullptr) == SIGINT);
        CHECK_ERRNO(ioctl(p.master, _IOW('T', 0x36, int), SIGUSR1), EINVAL);
        return 0;
    });
}
TEST(job_keys, many_in_one_write_are_all_seen) {
    EXPECT_SESSION_OK([](PtyPair& p) {
        BlockSignals block(SIGINT, SIGQUIT);
        CHECK(p.type("\003\003\003\003\003\003\034"));
        sigset_t set;
        sigemptyset(&set);
        sigaddset(&set, SIGQUIT);
        CHECK(sigwaitinfo(&set, nullptr) == SIGQUIT);
        signal(SIGINT, SIG_IGN); // it is pending still
        return 0;
    });
}
TEST(job_keys, the_interrupt_ends_a_read) {
    EXPECT_SESSION_OK([](PtyPair& p) {
        SignalAction action(SIGINT, no_action);
        pid_t typist = start_child([&] {
            sleep_ms(10);
            return p.type("\003") ? 0 : 1;
        });
        char c;
        CHECK_ERRNO(read(p.slave, &c, 1), EINTR);
        CHECK(wait_for(typist) == 0);
        return 0;
    });
}
TEST(job_background, reading_stops_the_group) {
    EXPECT_SESSION_OK([](PtyPair& p) {
        pid_t job = start_job([&] { return p.reads("for the job\n") ? 0 : 1; });
        int status = 0;
        CHECK(waitpid(job, &status, WUNTRACED) == job);
        CHECK(WIFSTOPPED(status) && WSTOPSIG(status) == SIGTTIN);
        CHECK(tcsetpgrp(p.slave, job) == 0);
        CHECK(kill(-job, SIGCONT) == 0);
        CHECK(waitpid(job, &status, WCONTINUED) == job && WIFCONTINUED(status));
        CHECK(p.type("for the job\n"));
        CHECK(wait_for(job) == 0);
        return 0;
    });
}
TEST(job_background, EIO_for_a_reader_that_ignores_SIGTTIN) {
    EXPECT_SESSION_OK([](PtyPair& p) {
        pid_t job = start_job([&] {
            signal(SIGTTIN, SIG_IGN);
            char c;
            CHECK_ERRNO(read(p.slave, &c, 1), EIO);
            signal(SIGTTIN, SIG_DFL);
            BlockSignals block(SIGTTIN);
            CHECK_ERRNO(read(p.slave, &c, 1), EIO);
            return 0;
        });
        CHECK(wait_for(job) == 0);
        return 0;
    });
}
TEST(job_background, EIO_for_a_reader_of_an_orphaned_group) {
    EXPECT_SESSION_OK([](PtyPair& p) {
        Pipe result;
        pid_t parent = start_child([&] {
            pid_t self = getpid();
            start_child([&] {
                setpgid(0, 0);
                wait_until([&] { return getppid() != self; });
                char c;
                bool good = read(p.slave, &c, 1) == -1 && errno == EIO;
                termios t = p.modes();
                good = good && tcsetattr(p.slave, TCSANOW, &t) == -1 && errno == EIO;
                write(result.w, good ? "y" : "n", 1);
                return 0;
            });
            return 0;
        });
        CHECK(wait_for(parent) == 0);
        char c = 0;
        CHECK(read(result.r, &c, 1) == 1 && c == 'y');
        return 0;
    });
}
TEST(job_background, writing_is_free_unless_TOSTOP) {
    EXPECT_SESSION_OK([](PtyPair& p) {
        pid_t job = start_job([&] { return p.print("free") ? 0 : 1; });
        CHECK(wait_for(job) == 0);
        CHECK(p.shows("free"));
        p.local(0, TOSTOP);
        job = start_job([&] { return p.print("stop") ? 0 : 1; });
        int status = 0;
        CHECK(waitpid(job, &status, WUNTRACED) == job);
        CHECK(WIFSTOPPED(status) && WSTOPSIG(status) == SIGTTOU);
        p.local(TOSTOP);
        kill(-job, SIGCONT);
        CHECK(wait_for(job) == 0);
        CHECK(p.shows("stop"));
        return 0;
    });
}
TEST(job_background, changing_modes_stops_unless_SIGTTOU_is_ignored) {
    EXPECT_SESSION_OK([](PtyPair& p) {
        pid_t job = start_job([&] {
            p.local(ECHO);
            return 0;
        });
        int status = 0;
        CHECK(waitpid(job, &status, WUNTRACED) == job);
        CHECK(WIFSTOPPED(status) && WSTOPSIG(status) == SIGTTOU);
        CHECK((p.modes().c_lflag & ECHO) != 0);
        kill(-job, SIGKILL);
        wait_for(job);
        job = start_job([&] {
            signal(SIGTTOU, SIG_IGN);
            p.local(ECHO);
            CHECK(tcsetpgrp(p.slave, getpgrp()) == 0);
            return 0;
        });
        CHECK(wait_for(job) == 0);
        CHECK((p.modes().c_lflag & ECHO) == 0);
        return 0;
    });
}
TEST(job_window, a_new_size_is_told_to_the_foreground) {
    EXPECT_SESSION_OK([](PtyPair& p) {
        BlockSignals block(SIGWINCH);
        sigset_t set;
        sigemptyset(&set);
        sigaddset(&set, SIGWINCH);
        winsize w{40, 100, 0, 0};
        CHECK(ioctl(p.master, TIOCSWINSZ, &w) == 0);
        CHECK(sigwaitinfo(&set, nullptr) == SIGWINCH);
        CHECK(ioctl(p.master, TIOCSWINSZ, &w) == 0);
        timespec none{};
        CHECK_ERRNO(sigtimedwait(&set, nullptr, &none), EAGAIN);
        w.ws_col = 99;
        CHECK(ioctl(p.slave, TIOCSWINSZ, &w) == 0);
        CHECK(sigwaitinfo(&set, nullptr) == SIGWINCH);
        return 0;
    });
}
TEST(job_suspend, stops_and_continues_a_whole_group) {
    EXPECT_SESSION_OK([](PtyPair& p) {
        Pipe up;
        pid_t job = start_job([&] {
            pid_t member = start_child([] { return pause(); });
            write(up.w, &member, sizeof(member));
            return pause();
        });
        pid_t member = 0;
        CHECK(read(up.r, &member, sizeof(member)) == sizeof(member));
        CHECK(tcsetpgrp(p.slave, job) == 0);
        CHECK(p.type("\032"));
        int status = 0;
        CHECK(waitpid(job, &status, WUNTRACED) == job);
        CHECK(WIFSTOPPED(status) && WSTOPSIG(status) == SIGTSTP);
        char path[64], state[4096];
        snprintf(path, sizeof(path), "/proc/%d/stat", member);
        wait_until([&] {
            read_text(path, state, sizeof(state));
            return strstr(state, ") T ") != nullptr;
        });
        CHECK(kill(-job, SIGCONT) == 0);
        CHECK(waitpid(job, &status, WCONTINUED) == job);
        wait_until([&] {
            read_text(path, state, sizeof(state));
            return strstr(state, ") S ") != nullptr;
        });
        kill(-job, SIGKILL);
        CHECK(WIFSIGNALED(wait_for(job)));
        return 0;
    });
}
TEST(sys_vhangup, ends_the_terminals_files) {
    EXPECT_SESSION_OK([](PtyPair& p) {
        SignalAction hup(SIGHUP, SIG_IGN);
        CHECK(vhangup() == 0);
        char c;
        CHECK(read(p.slave, &c, 1) == 0);
        CHECK_ERRNO(write(p.slave, "x", 1), EIO);
        CHECK_ERRNO(open("/dev/tty", O_RDWR), ENXIO);
        Fd fresh(open(p.name(), O_RDWR | O_NOCTTY));
        CHECK(fresh.valid());
        CHECK(write(fresh, "new", 3) == 3);
        CHECK(p.shows("new"));
        return 0;
    });
}
TEST(sys_vhangup, nothing_to_do_without_a_terminal) {
    EXPECT_CHILD_OK([] {
        CHECK(setsid() > 0);
        CHECK(vhangup() == 0);
        return 0;
    });
}
TEST(sys_vhangup, EPERM_without_the_capability) {
    EXPECT_CHILD_OK([] {
        CHECK(setresuid(1000, 1000, 1000) == 0);
        CHECK_ERRNO(vhangup(), EPERM);
        return 0;
    });
}
TEST(job_terminal, TIOCVHANGUP_at_the_slave) {
    PtyPair p;
    EXPECT_OK(ioctl(p.slave, 0x5437));
    char c;
    EXPECT_EQ(0, read(p.slave, &c, 1));
    EXPECT_EQ(0, poll_events(p.master, POLLIN));
    p.slave.reset();
    EXPECT_ERRNO(read(p.master, &c, 1), EIO);
}
