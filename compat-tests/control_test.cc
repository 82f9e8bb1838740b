// Who rules whom: orphans, subreapers, process groups, sessions; limits that are enforced; kill(-1); what execve(2) refuses.
#include "support.h"

#include <linux/unistd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#ifndef __GLIBC__
using __rlimit_resource_t = int;
#endif

namespace {

// Users that nobody else is.
constexpr uid_t user_a = 54321, user_b = 54322, user_c = 54323, user_d = 54324, user_e = 54325, user_f = 54326;

bool become(uid_t uid) { return setresgid(uid, uid, uid) == 0 && setresuid(uid, uid, uid) == 0; }

bool limit(int resource, rlim_t soft, rlim_t hard) {
    rlimit l{soft, hard};
    return setrlimit(static_cast<__rlimit_resource_t>(resource), &l) == 0;
}
bool limit(int resource, rlim_t both) { return limit(resource, both, both); }

char take(int fd) {
    char c = 0;
    return read(fd, &c, 1) == 1 ? c : 0;
}
void put(int fd, char c) { write(fd, &c, 1); }

int signal_pipe;
void tell_signal(int sig) { put(signal_pipe, sig == SIGHUP ? 'H' : sig == SIGCONT ? 'C' : sig == SIGUSR1 ? 'U' : '?'); }

// A copy of this program, to be executed, written to...
bool copy_self(const char* to) {
    Fd in(open("/proc/self/exe", O_RDONLY)), out(open(to, O_WRONLY | O_CREAT | O_TRUNC, 0755));
    static char buf[65536];
    for (ssize_t n; (n = read(in, buf, sizeof(buf))) > 0;) {
        if (write(out, buf, static_cast<size_t>(n)) != n) {
            return false;
        }
    }
    return in.valid() && out.valid();
}

} // namespace

HELPER(control_pdeathsig_is) {
    int sig = 0;
    prctl(PR_GET_PDEATHSIG, &sig);
    return sig;
}
HELPER(control_argc) { return argc; }
HELPER(control_wait_for_stdin) {
    char c;
    put(1, 'r');
    return static_cast<int>(read(0, &c, 1));
}
HELPER(control_ok) { return 0; }

// ---- death of parents ----

TEST(sys_prctl, PDEATHSIG_tells_of_the_thread_that_made_the_child) {
    EXPECT_CHILD_OK([] {
        static Pipe told, go;
        static pid_t child;
        BlockSignals block(SIGUSR1);
        pthread_t t;
        CHECK(pthread_create(&t, nullptr, [](void*) -> void* {
            child = fork();
            if (child == 0) {
                prctl(PR_SET_PDEATHSIG, SIGUSR1);
                put(go.w, 'g');
                sigset_t set;
                sigemptyset(&set);
                sigaddset(&set, SIGUSR1);
                int sig = 0;
                sigwait(&set, &sig);
                _exit(sig == SIGUSR1 ? 21 : 22);
            }
            take(go.r);
            return nullptr;
        }, nullptr) == 0);
        pthread_join(t, nullptr);
        CHECK(wait_for(child) == 21 << 8);
        return 0;
    });
}
TEST(sys_prctl, PDEATHSIG_stays_over_execve) {
    int status = run_in_child([] {
        prctl(PR_SET_PDEATHSIG, 5);
        return exec_helper("control_pdeathsig_is");
    });
    EXPECT_EQ(5 << 8, status);
}
TEST(sys_prctl, PDEATHSIG_goes_with_a_change_of_user) {
    EXPECT_CHILD_OK([] {
        int sig = 0;
        CHECK(prctl(PR_SET_PDEATHSIG, 5) == 0);
        CHECK(setresuid(-1, user_a, -1) == 0);
        CHECK(prctl(PR_GET_PDEATHSIG, &sig) == 0 && sig == 0);
        return 0;
    });
}
TEST(sys_prctl, DUMPABLE_goes_with_a_change_of_user_and_of_fsuid) {
    EXPECT_CHILD_OK([] {
        CHECK(prctl(PR_GET_DUMPABLE) == 1);
        CHECK(setresuid(-1, user_a, -1) == 0);
        CHECK(prctl(PR_GET_DUMPABLE) != 1);
        CHECK(prctl(PR_SET_DUMPABLE, 1) == 0);
        CHECK(prctl(PR_GET_DUMPABLE) == 1);
        CHECK_ERRNO(prctl(PR_SET_DUMPABLE, 2), EINVAL);
        return 0;
    });
    EXPECT_CHILD_OK([] {
        CHECK(sys(SYS_setfsuid, user_a) == 0);
        CHECK(prctl(PR_GET_DUMPABLE) != 1);
        return 0;
    });
}
TEST(sys_prctl, CHILD_SUBREAPER_is_not_inherited_and_stays_told) {
    EXPECT_CHILD_OK([] {
        int on = 0;
        CHECK(prctl(PR_SET_CHILD_SUBREAPER, 1) == 0);
        CHECK(prctl(PR_GET_CHILD_SUBREAPER, &on) == 0 && on == 1);
        return run_in_child([] {
            int mine = 7;
            return prctl(PR_GET_CHILD_SUBREAPER, &mine) == 0 && mine == 0 ? 0 : 1;
        });
    });
}
TEST(sys_prctl, CHILD_SUBREAPER_the_nearest_one_adopts) {
    EXPECT_CHILD_OK([] {
        CHECK(prctl(PR_SET_CHILD_SUBREAPER, 1) == 0);
        return run_in_child([] {
            CHECK(prctl(PR_SET_CHILD_SUBREAPER, 1) == 0);
            const pid_t reaper = getpid();
            Pipe go, told;
            pid_t middle = start_child([&] {
                start_child([&] {
                    take(go.r);
                    put(told.w, getppid() == reaper ? 'y' : 'n');
                    return 5;
                });
                return 0;
            });
            CHECK(wait_for(middle) == 0);
            put(go.w, 'g');
            CHECK(take(told.r) == 'y');
            int status = 0;
            CHECK(wait(&status) > 0 && status == 5 << 8);
            CHECK_ERRNO(wait(&status), ECHILD);
            return 0;
        });
    });
}
TEST(sys_prctl, CHILD_SUBREAPER_gets_zombies_that_nobody_waited_for) {
    EXPECT_CHILD_OK([] {
        CHECK(prctl(PR_SET_CHILD_SUBREAPER, 1) == 0);
        pid_t middle = start_child([] {
            pid_t inner = start_child([] { return 9; });
            siginfo_t info;
            return waitid(P_PID, inner, &info, WEXITED | WNOWAIT) == 0 ? 0 : 1;
        });
        CHECK(wait_for(middle) == 0);
        int status = 0;
        CHECK(wait(&status) > 0 && status == 9 << 8);
        return 0;
    });
}

// ---- groups and sessions ----

TEST(proc_group, stopped_job_gets_HUP_and_CONT_when_its_shell_ends) {
    EXPECT_CHILD_OK([] {
        Pipe told;
        pid_t shell = start_child([&] {
            setsid();
            pid_t job = start_child([&] {
                setpgid(0, 0);
                signal_pipe = told.w;
                SignalAction h(SIGHUP, tell_signal), c(SIGCONT, tell_signal);
                raise(SIGSTOP);
                for (;;) {
                    pause();
                }
                return 0;
            });
            int status = 0;
            waitpid(job, &status, WUNTRACED);
            put(told.w, WIFSTOPPED(status) ? 's' : '?');
            char text[16];
            snprintf(text, sizeof(text), "%d\n", job);
            write(told.w, text, strlen(text));
            return 0;
        });
        CHECK(take(told.r) == 's');
        pid_t job = 0;
        for (char c; (c = take(told.r)) != '\n';) {
            job = job * 10 + (c - '0');
        }
        CHECK(wait_for(shell) == 0);
        char a = take(told.r), b = take(told.r);
        kill(job, SIGKILL);
        CHECK((a == 'H' && b == 'C') || (a == 'C' && b == 'H'));
        return 0;
    });
}
TEST(proc_group, running_job_gets_nothing_when_its_shell_ends) {
    EXPECT_CHILD_OK([] {
        Pipe told, go;
        pid_t shell = start_child([&] {
            setsid();
            start_child([&] {
                setpgid(0, 0);
                signal_pipe = told.w;
                SignalAction h(SIGHUP, tell_signal), c(SIGCONT, tell_signal);
                put(told.w, 'r');
                while (take(go.r) != 'g') {
                }
                put(told.w, 'e');
                return 0;
            });
            return take(told.r) == 'r' ? 0 : 1;
        });
        CHECK(wait_for(shell) == 0);
        put(go.w, 'g');
        CHECK(take(told.r) == 'e');
        return 0;
    });
}
TEST(proc_group, terminal_stops_do_nothing_in_an_orphaned_group) {
    EXPECT_CHILD_OK([] {
        CHECK(setsid() > 0);
        raise(SIGTSTP);
        raise(SIGTTIN);
        raise(SIGTTOU);
        return 0;
    });
}
TEST(sys_setpgid, EACCES_on_a_child_that_has_executed) {
    Pipe in, out;
    pid_t child = start_child([&] {
        dup2(in.r, 0);
        dup2(out.w, 1);
        in.w.reset();
        return exec_helper("control_wait_for_stdin");
    });
    EXPECT_EQ('r', take(out.r));
    EXPECT_ERRNO(setpgid(child, 0), EACCES);
    in.w.reset();
    wait_for(child);
}
TEST(sys_setpgid, EPERM_into_another_session_and_a_missing_group) {
    EXPECT_CHILD_OK([] {
        Pipe go, ready;
        pid_t other = start_child([&] {
            setsid();
            put(ready.w, 'r');
            take(go.r);
            return 0;
        });
        take(ready.r);
        CHECK_ERRNO(setpgid(0, other), EPERM);
        CHECK_ERRNO(setpgid(0, 0x3fffffff), EPERM);
        CHECK_ERRNO(setpgid(other, 0), EPERM);
        put(go.w, 'g');
        wait_for(other);
        return 0;
    });
}
TEST(sys_setpgid, ESRCH_on_a_grandchild_and_the_parent) {
    EXPECT_CHILD_OK([] { CHECK_ERRNO(setpgid(getppid(), 0), ESRCH); return 0; });
}
TEST(sys_setsid, EPERM_while_a_group_of_its_number_lives) {
    EXPECT_CHILD_OK([] {
        // The child makes its group, a grandchild stays in it, and the child leaves it.
        Pipe go;
        const pid_t old_group = getpgrp();
        CHECK(setpgid(0, 0) == 0);
        pid_t member = start_child([&] { return take(go.r) == 'g' ? 0 : 1; });
        CHECK(setpgid(0, old_group) == 0);
        CHECK_ERRNO(setsid(), EPERM);
        put(go.w, 'g');
        CHECK(wait_for(member) == 0);
        CHECK(setsid() == getpid());
        CHECK(getpgrp() == getpid() && getsid(0) == getpid());
        return 0;
    });
}

// ---- kill(-1), real-time signals ----

TEST(sys_kill, minus_one_reaches_all_of_the_user_but_itself) {
    EXPECT_CHILD_OK([] {
        CHECK(become(user_a));
        pid_t a = start_child([] { pause(); return 0; }), b = start_child([] { pause(); return 0; });
        CHECK(kill(-1, SIGTERM) == 0);
        CHECK(wait_for(a) == SIGTERM && wait_for(b) == SIGTERM);
        return 0;
    });
}
TEST(sys_kill, minus_one_is_no_error_when_all_others_are_another_users) {
    EXPECT_CHILD_OK([] {
        pid_t roots = start_child([] { pause(); return 0; });
        CHECK(run_in_child([] {
            CHECK(become(user_b));
            CHECK(kill(-1, SIGTERM) == 0);
            return 0;
        }) == 0);
        CHECK(waitpid(roots, nullptr, WNOHANG) == 0);
        kill(roots, SIGKILL);
        CHECK(wait_for(roots) == SIGKILL);
        return 0;
    });
}
TEST(sys_rt_sigqueueinfo, EAGAIN_at_RLIMIT_SIGPENDING) {
    EXPECT_CHILD_OK([] {
        CHECK(become(user_c) && limit(RLIMIT_SIGPENDING, 5));
        BlockSignals block(SIGRTMIN, SIGUSR1);
        int n = 0, last = 0;
        while (sigqueue(getpid(), SIGRTMIN, {}) == 0) {
            CHECK(++n < 100);
        }
        last = errno;
        CHECK(last == EAGAIN && n == 5);
        // kill(2)'s signals come through.
        CHECK(kill(getpid(), SIGUSR1) == 0);
        CHECK(kill(getpid(), SIGRTMIN) == 0);
        timespec none{};
        sigset_t set;
        sigemptyset(&set);
        sigaddset(&set, SIGRTMIN);
        for (int i = 0; i < 5; i++) {
            CHECK(sigtimedwait(&set, nullptr, &none) == SIGRTMIN);
        }
        CHECK(sigqueue(getpid(), SIGRTMIN, {}) == 0);
        _exit(0); // with what is pending still blocked
        return 0;
    });
}
TEST(sys_rt_sigqueueinfo, EAGAIN_counts_the_signals_of_all_processes_of_the_user) {
    EXPECT_CHILD_OK([] {
        CHECK(become(user_d) && limit(RLIMIT_SIGPENDING, 5));
        BlockSignals block(SIGRTMIN);
        for (int i = 0; i < 3; i++) {
            CHECK(sigqueue(getpid(), SIGRTMIN, {}) == 0);
        }
        int status = run_in_child([] {
            CHECK(sigqueue(getpid(), SIGRTMIN, {}) == 0);
            CHECK(sigqueue(getpid(), SIGRTMIN, {}) == 0);
            CHECK_ERRNO(sigqueue(getpid(), SIGRTMIN, {}), EAGAIN);
            _exit(0); // with what is pending still blocked
            return 0;
        });
        _exit(status != 0);
        return 0;
    });
}
TEST(sys_rt_sigtimedwait, lowest_number_first_and_each_in_order) {
    BlockSignals block(SIGRTMIN + 1, SIGRTMIN + 2, SIGUSR2);
    for (int i = 0; i < 3; i++) {
        sigval v;
        v.sival_int = i;
        EXPECT_OK(sigqueue(getpid(), SIGRTMIN + 2, v));
        EXPECT_OK(sigqueue(getpid(), SIGRTMIN + 1, v));
    }
    EXPECT_OK(kill(getpid(), SIGUSR2));
    sigset_t set;
    sigemptyset(&set);
    const int list_1[] = {SIGRTMIN + 1, SIGRTMIN + 2, SIGUSR2};
    for (int sig : list_1) {
        sigaddset(&set, sig);
    }
    timespec none{};
    siginfo_t info;
    EXPECT_EQ(SIGUSR2, sigtimedwait(&set, &info, &none));
    const int list_2[] = {SIGRTMIN + 1, SIGRTMIN + 2};
    for (int sig : list_2) {
        for (int i = 0; i < 3; i++) {
            EXPECT_EQ(sig, sigtimedwait(&set, &info, &none));
            EXPECT_EQ(i, info.si_value.sival_int);
        }
    }
    EXPECT_ERRNO(sigtimedwait(&set, &info, &none), EAGAIN);
}

// ---- limits ----

TEST(sys_setrlimit, NOFILE_is_EMFILE_and_leaves_what_is_open) {
    EXPECT_CHILD_OK([] {
        int high = fcntl(0, F_DUPFD, 200);
        CHECK(high >= 200);
        CHECK(limit(RLIMIT_NOFILE, 100));
        CHECK(fcntl(high, F_GETFD) == 0);
        int n = 0;
        while (dup(0) >= 0) {
            CHECK(++n < 200);
        }
        const int last = errno;
        CHECK(last == EMFILE);
        CHECK_ERRNO(dup2(0, 150), EBADF);
        CHECK_ERRNO(fcntl(0, F_DUPFD, 100), EINVAL);
        int fds[2];
        CHECK_ERRNO(pipe(fds), EMFILE);
        return 0;
    });
}
TEST(sys_setrlimit, NPROC_stops_a_fork_bomb_of_a_user) {
    EXPECT_CHILD_OK([] {
        CHECK(become(user_e) && limit(RLIMIT_NPROC, 20));
        int n = 0, last = 0;
        for (;;) {
            pid_t pid = fork();
            if (pid == 0) {
                pause();
                _exit(0);
            }
            if (pid < 0) {
                last = errno;
                break;
            }
            CHECK(++n <= 20);
        }
        CHECK(last == EAGAIN && n == 19);
        pthread_t t;
        CHECK(pthread_create(&t, nullptr, [](void*) -> void* { return nullptr; }, nullptr) == EAGAIN);
        CHECK(kill(-1, SIGKILL) == 0);
        while (wait(nullptr) > 0) {
        }
        return 0;
    });
}
TEST(sys_execve, EAGAIN_after_setuid_to_a_user_with_too_many_processes) {
    EXPECT_CHILD_OK([] {
        CHECK(limit(RLIMIT_NPROC, 2));
        Pipe go;
        pid_t others[3];
        for (pid_t& p : others) {
            p = start_child([&] { return become(user_f) && take(go.r) == 'g' ? 0 : 1; });
            CHECK(p > 0);
        }
        wait_until([&] {
            char path[64], text[4096];
            snprintf(path, sizeof(path), "/proc/%d/status", others[2]);
            return read_text(path, text, sizeof(text)) > 0 && strstr(text, "\nUid:\t54326");
        });
        CHECK(run_in_child([] {
            CHECK(become(user_f));
            CHECK_ERRNO(execl("/proc/self/exe", "x", "--helper=control_ok", nullptr), EAGAIN);
            return 0;
        }) == 0);
        for (int i = 0; i < 3; i++) {
            put(go.w, 'g');
        }
        for (pid_t p : others) {
            wait_for(p);
        }
        return 0;
    });
}
TEST(sys_setrlimit, FSIZE_is_SIGXFSZ) {
    EXPECT_CHILD_SIGNAL(SIGXFSZ, [] {
        TempDir dir;
        Fd fd(open(dir / "f", O_RDWR | O_CREAT, 0600));
        unlink(dir / "f");
        limit(RLIMIT_FSIZE, 10);
        rmdir(dir.path());
        pwrite(fd, "x", 1, 10);
        return 0;
    });
}
TEST(sys_setrlimit, FSIZE_cuts_a_write_and_is_EFBIG_with_SIGXFSZ_ignored) {
    EXPECT_CHILD_OK([] {
        TempDir dir;
        Fd fd(open(dir / "f", O_RDWR | O_CREAT, 0600));
        SignalAction ignore(SIGXFSZ, SIG_IGN);
        CHECK(limit(RLIMIT_FSIZE, 10));
        CHECK(write(fd, "0123456789abcdef", 16) == 10);
        CHECK_ERRNO(write(fd, "x", 1), EFBIG);
        CHECK_ERRNO(ftruncate(fd, 11), EFBIG);
        CHECK(ftruncate(fd, 9) == 0);
        CHECK(pwrite(fd, "yy", 2, 8) == 2);
        return 0;
    });
}
TEST(sys_setrlimit, AS_bounds_mmap_brk_and_mremap) {
    EXPECT_CHILD_OK([] {
        constexpr size_t mib = 1 << 20;
        Mapping m(mib);
        CHECK(limit(RLIMIT_AS, 512 * mib));
        CHECK(mmap(nullptr, 600 * mib, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED && errno == ENOMEM);
        CHECK_ERRNO(reinterpret_cast<long>(mremap(m.data(), mib, 600 * mib, MREMAP_MAYMOVE)), ENOMEM);
        char* now = reinterpret_cast<char*>(sys(SYS_brk, 0));
        CHECK(reinterpret_cast<char*>(sys(SYS_brk, now + 600 * mib)) == now);
        void* small = mmap(nullptr, mib, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        CHECK(small != MAP_FAILED);
        return 0;
    });
}
TEST(sys_setrlimit, DATA_counts_private_writable_mappings) {
    EXPECT_CHILD_OK([] {
        constexpr size_t mib = 1 << 20;
        CHECK(limit(RLIMIT_DATA, 64 * mib));
        CHECK(mmap(nullptr, 100 * mib, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED && errno == ENOMEM);
        char* now = reinterpret_cast<char*>(sys(SYS_brk, 0));
        CHECK(reinterpret_cast<char*>(sys(SYS_brk, now + 100 * mib)) == now);
        void* read_only = mmap(nullptr, 100 * mib, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        CHECK(read_only != MAP_FAILED);
        CHECK(mmap(nullptr, 100 * mib, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0) != MAP_FAILED);
        CHECK_ERRNO(mprotect(read_only, 100 * mib, PROT_READ | PROT_WRITE), ENOMEM);
        return 0;
    });
}

namespace {
[[gnu::noinline]] int eat_stack(int depth) {
    volatile char block[4096];
    block[0] = static_cast<char>(depth);
    return depth <= 0 ? block[0] : eat_stack(depth - 1) + block[0];
}
} // namespace

TEST(sys_setrlimit, STACK_bounds_its_growth) {
    EXPECT_CHILD_SIGNAL(SIGSEGV, [] {
        limit(RLIMIT_STACK, 512 * 1024);
        return eat_stack(1000) & 0;
    });
    EXPECT_CHILD_OK([] {
        limit(RLIMIT_STACK, 6 << 20);
        return eat_stack(1000) & 0;
    });
}
TEST(sys_prlimit64, changes_another_process_at_once) {
    Pipe go, told;
    pid_t child = start_child([&] {
        take(go.r);
        put(told.w, dup(0) < 0 && errno == EMFILE ? 'y' : 'n');
        return 0;
    });
    rlimit one{3, 3}, old{}, seen{};
    EXPECT_OK(sys(SYS_prlimit64, child, RLIMIT_NOFILE, &one, &old));
    EXPECT_OK(sys(SYS_prlimit64, child, RLIMIT_NOFILE, nullptr, &seen));
    EXPECT_EQ(3u, seen.rlim_cur);
    EXPECT_GT(old.rlim_cur, 3u);
    put(go.w, 'g');
    EXPECT_EQ('y', take(told.r));
    wait_for(child);
}
TEST(sys_prlimit64, EPERM_on_a_process_with_another_saved_id) {
    EXPECT_CHILD_OK([] {
        CHECK(setresuid(user_a, user_a, user_b) == 0);
        Pipe go;
        pid_t child = start_child([&] { return take(go.r) == 'g' ? 0 : 1; });
        CHECK_ERRNO(sys(SYS_prlimit64, child, RLIMIT_NOFILE, nullptr, nullptr), EPERM);
        put(go.w, 'g');
        wait_for(child);
        return 0;
    });
}
TEST(sys_setrlimit, EPERM_above_the_hard_limit_that_was_lowered) {
    EXPECT_CHILD_OK([] {
        CHECK(limit(RLIMIT_NOFILE, 50, 100));
        CHECK(limit(RLIMIT_NOFILE, 100, 100));
        CHECK(become(user_a));
        CHECK(limit(RLIMIT_NOFILE, 10, 90));
        rlimit up{10, 91};
        CHECK_ERRNO(setrlimit(RLIMIT_NOFILE, &up), EPERM);
        return 0;
    });
}

// ---- what execve refuses ----

TEST(sys_execve, ELOOP_on_a_script_that_is_its_own_interpreter) {
    TempDir dir;
    char text[512];
    snprintf(text, sizeof(text), "#!%s\n", dir / "s");
    ASSERT_TRUE(write_file(dir / "s", text, 0755));
    EXPECT_ERRNO(execl(dir / "s", "s", nullptr), ELOOP);
}
TEST(sys_execve, ELOOP_on_a_loop_of_symbolic_links) {
    TempDir dir;
    ASSERT_OK(symlink("b", dir / "a"));
    ASSERT_OK(symlink("a", dir / "b"));
    EXPECT_ERRNO(execl(dir / "a", "a", nullptr), ELOOP);
}
TEST(sys_execve, ENOTDIR_and_ENAMETOOLONG_on_bad_paths) {
    TempDir dir;
    ASSERT_TRUE(write_file(dir / "f", "x", 0755));
    EXPECT_ERRNO(execl(dir / "f/g", "g", nullptr), ENOTDIR);
    char name[300];
    memset(name, 'n', sizeof(name) - 1);
    name[299] = 0;
    EXPECT_ERRNO(execl(dir / name, "n", nullptr), ENAMETOOLONG);
}
TEST(sys_execve, E2BIG_on_one_string_of_128_KiB) {
    constexpr size_t most = 32 * 4096;
    char* s = static_cast<char*>(malloc(most + 1));
    memset(s, 'a', most);
    s[most] = 0;
    char option[] = "--helper=control_argc";
    char* argv[] = {option, option, s, nullptr};
    EXPECT_ERRNO(execv("/proc/self/exe", argv), E2BIG);
    s[most - 1] = 0; // with its NUL it fits
    EXPECT_EQ(2 << 8, run_in_child([&] { return execv("/proc/self/exe", argv); }));
    free(s);
}
TEST(sys_execve, E2BIG_by_the_stack_limit) {
    EXPECT_CHILD_OK([] {
        static char s[100001];
        memset(s, 'a', 100000);
        char* argv[12];
        for (char*& a : argv) {
            a = s;
        }
        argv[11] = nullptr;
        CHECK(limit(RLIMIT_STACK, 4 << 20)); // a quarter is 1 MiB
        CHECK_ERRNO(execv("/proc/self/exe", argv), E2BIG);
        return 0;
    });
}
TEST(sys_open, ETXTBSY_on_a_program_that_runs) {
    TempDir dir;
    const char* program = dir / "p";
    ASSERT_TRUE(copy_self(program));
    Pipe in, out;
    pid_t child = start_child([&] {
        dup2(in.r, 0);
        dup2(out.w, 1);
        in.w.reset();
        execl(program, "p", "--helper=control_wait_for_stdin", nullptr);
        return 127;
    });
    EXPECT_EQ('r', take(out.r));
    EXPECT_ERRNO(open(program, O_WRONLY), ETXTBSY);
    EXPECT_ERRNO(open(program, O_RDWR | O_TRUNC), ETXTBSY);
    EXPECT_ERRNO(truncate(program, 0), ETXTBSY);
    EXPECT_OK(open(program, O_RDONLY));
    EXPECT_OK(unlink(program)); // the name may go
    in.w.reset();
    EXPECT_EQ(0, wait_for(child));
}
TEST(sys_open, a_program_may_be_written_again_after_its_end) {
    TempDir dir;
    ASSERT_TRUE(copy_self(dir / "p"));
    EXPECT_EQ(0, run_in_child([&] {
        execl(dir / "p", "p", "--helper=control_ok", nullptr);
        return 127;
    }));
    Fd fd(open(dir / "p", O_WRONLY));
    EXPECT_TRUE(fd.valid());
}
TEST(sys_execveat, relative_to_a_folder) {
    TempDir dir;
    ASSERT_TRUE(copy_self(dir / "p"));
    Fd at(open(dir.path(), O_RDONLY | O_DIRECTORY));
    EXPECT_EQ(0, run_in_child([&] {
        const char* argv[] = {"p", "--helper=control_ok", nullptr};
        sys(SYS_execveat, at.get(), "p", argv, nullptr, 0);
        return 127;
    }));
}
TEST(sys_execveat, EBADF_ENOTDIR_and_ENOENT) {
    TempDir dir;
    ASSERT_TRUE(write_file(dir / "f", "x", 0755));
    Fd file(open(dir / "f", O_RDONLY)), at(open(dir.path(), O_RDONLY));
    const char* argv[] = {"p", nullptr};
    EXPECT_ERRNO(sys(SYS_execveat, closed_fd(), "p", argv, nullptr, 0), EBADF);
    EXPECT_ERRNO(sys(SYS_execveat, file.get(), "p", argv, nullptr, 0), ENOTDIR);
    EXPECT_ERRNO(sys(SYS_execveat, at.get(), "p", argv, nullptr, 0), ENOENT);
    EXPECT_ERRNO(sys(SYS_execveat, file.get(), "", argv, nullptr, 0), ENOENT);
    EXPECT_ERRNO(sys(SYS_execveat, at.get(), "", argv, nullptr, AT_EMPTY_PATH), EACCES);
}
TEST(sys_execveat, ENOENT_on_a_script_by_a_close_on_exec_descriptor) {
    TempDir dir;
    ASSERT_TRUE(write_file(dir / "s", "#!/proc/self/exe --helper=control_ok\n", 0755));
    Fd script(open(dir / "s", O_RDONLY | O_CLOEXEC));
    const char* argv[] = {"s", nullptr};
    EXPECT_ERRNO(sys(SYS_execveat, script.get(), "", argv, nullptr, AT_EMPTY_PATH), ENOENT);
}
