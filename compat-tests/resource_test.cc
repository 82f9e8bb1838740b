// CPU time and its limits, processes of a user, scheduling that a child does not inherit, clocks that are set, names of the machine.
#include "support.h"

#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/timerfd.h>
#include <sys/times.h>
#include <sys/utsname.h>

#ifndef TIMER_ABSTIME
#define TIMER_ABSTIME 1
#endif
#ifndef TFD_TIMER_CANCEL_ON_SET
#define TFD_TIMER_CANCEL_ON_SET 2
#endif
#ifndef __WNOTHREAD
#define __WNOTHREAD 0x20000000
#endif

namespace {

constexpr int kResetOnFork = 0x40000000;
constexpr uid_t kLoneUser = 54321; // nobody else's on any machine

uint64_t microseconds(const timeval& tv) { return tv.tv_sec * 1000000ull + tv.tv_usec; }
rusage usage(int who = RUSAGE_SELF) {
    rusage ru{};
    getrusage(who, &ru);
    return ru;
}
void work() {
    volatile int x = 0;
    for (int i = 0; i < 100000; i++) {
        x = x + i;
    }
}
// Mostly in the kernel.
void call() {
    static char buf[65536];
    Fd zero(open("/dev/zero", O_RDONLY));
    for (int i = 0; i < 20; i++) {
        read(zero, buf, sizeof(buf));
    }
}


// Sets the clock to the time that it shows. False where this machine does not allow it.
bool set_clock_to_now() {
    timespec ts{};
    clock_gettime(CLOCK_REALTIME, &ts);
    return sys(SYS_clock_settime, CLOCK_REALTIME, &ts) == 0;
}

} // namespace

TEST(sys_getrusage, user_time_grows_with_work) {
    uint64_t start = microseconds(usage().ru_utime);
    wait_until([&] {
        work();
        return microseconds(usage().ru_utime) > start;
    });
}
TEST(sys_getrusage, system_time_grows_with_system_calls) {
    uint64_t start = microseconds(usage().ru_stime);
    wait_until([&] {
        call();
        return microseconds(usage().ru_stime) > start;
    });
}
TEST(sys_getrusage, neither_part_ever_goes_back_and_the_sum_is_the_cpu_clock) {
    rusage last = usage();
    for (int i = 0; i < 300; i++) {
        uint64_t before = now_ns(CLOCK_PROCESS_CPUTIME_ID) / 1000;
        rusage now = usage();
        uint64_t after = now_ns(CLOCK_PROCESS_CPUTIME_ID) / 1000;
        ASSERT_GE(microseconds(now.ru_utime), microseconds(last.ru_utime));
        ASSERT_GE(microseconds(now.ru_stime), microseconds(last.ru_stime));
        uint64_t sum = microseconds(now.ru_utime) + microseconds(now.ru_stime);
        ASSERT_GE(sum + 2, before);
        ASSERT_LE(sum, after + 2);
        last = now;
        i % 2 ? work() : call();
    }
}
TEST(sys_getrusage, of_children_has_both_parts) {
    rusage before = usage(RUSAGE_CHILDREN);
    EXPECT_CHILD_OK([] {
        wait_until([] {
            work();
            call();
            return microseconds(usage().ru_stime) > 0 && microseconds(usage().ru_utime) > 0;
        });
        return 0;
    });
    rusage after = usage(RUSAGE_CHILDREN);
    EXPECT_GT(microseconds(after.ru_utime), microseconds(before.ru_utime));
    EXPECT_GT(microseconds(after.ru_stime), microseconds(before.ru_stime));
}
TEST(sys_times, user_and_system_time_grow) {
    tms start{}, now{};
    times(&start);
    wait_until([&] {
        work();
        call();
        times(&now);
        return now.tms_utime > start.tms_utime && now.tms_stime > start.tms_stime;
    });
}
TEST(sys_setrlimit, RLIMIT_CPU_warns_by_SIGXCPU_and_kills_at_the_hard_limit) {
    Pipe p;
    int status = run_in_child([&] {
        struct sigaction sa{};
        static int out;
        out = p.w;
        sa.sa_handler = [](int) { write(out, "x", 1); };
        sigaction(SIGXCPU, &sa, nullptr);
        rlimit lim{1, 2};
        CHECK(sys(SYS_setrlimit, RLIMIT_CPU, &lim) == 0);
        for (;;) {
            work();
        }
        return 0;
    });
    EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << status;
    char c = 0;
    EXPECT_EQ(1, read(p.r, &c, 1));
}
TEST(sys_prlimit64, EPERM_on_a_process_of_another_user) {
    EXPECT_CHILD_OK([] {
        CHECK(setresgid(kLoneUser, kLoneUser, kLoneUser) == 0);
        CHECK(setresuid(kLoneUser, kLoneUser, kLoneUser) == 0);
        rlimit lim{};
        CHECK_ERRNO(sys(SYS_prlimit64, getppid(), RLIMIT_NOFILE, nullptr, &lim), EPERM);
        return 0;
    });
}

// RLIMIT_NPROC counts the processes of one user, not of the system.
TEST(sys_fork, EAGAIN_counts_the_processes_of_this_user_alone) {
    EXPECT_CHILD_OK([] {
        rlimit lim{2, 2};
        CHECK(setrlimit(RLIMIT_NPROC, &lim) == 0);
        CHECK(setresuid(kLoneUser, kLoneUser, kLoneUser) == 0);
        Pipe p;
        pid_t first = start_child([&] {
            char c;
            p.w.reset();
            read(p.r, &c, 1);
            return 0;
        });
        CHECK(first > 0);
        CHECK_ERRNO(sys(SYS_fork), EAGAIN);
        p.w.reset();
        CHECK(wait_for(first) == 0);
        pid_t again = start_child([] { return 0; });
        CHECK(again > 0 && wait_for(again) == 0);
        return 0;
    });
}
TEST(sys_vfork, EAGAIN_at_RLIMIT_NPROC) {
    EXPECT_CHILD_OK([] {
        rlimit lim{1, 1};
        CHECK(setrlimit(RLIMIT_NPROC, &lim) == 0);
        CHECK(setresuid(kLoneUser, kLoneUser, kLoneUser) == 0);
        CHECK_ERRNO(sys(SYS_vfork), EAGAIN);
        return 0;
    });
}
TEST(sys_setgroups, takes_many_and_gives_them_back_in_order) {
    EXPECT_CHILD_OK([] {
        static gid_t in[1000], out[1000];
        for (int i = 0; i < 1000; i++) {
            in[i] = (i * 7919u) % 1000u + 5;
        }
        CHECK(sys(SYS_setgroups, 1000, in) == 0);
        CHECK(sys(SYS_getgroups, 1000, out) == 1000);
        for (int i = 0; i < 1000; i++) {
            CHECK(out[i] == static_cast<gid_t>(i + 5));
        }
        return 0;
    });
}
TEST(sys_getgroups, EFAULT_on_bad_pointer) {
    EXPECT_CHILD_OK([] {
        gid_t in[2] = {5, 6};
        CHECK(sys(SYS_setgroups, 2, in) == 0);
        CHECK_ERRNO(sys(SYS_getgroups, 2, unmapped_address), EFAULT);
        return 0;
    });
}

TEST(sys_sched_setscheduler, RESET_ON_FORK_is_told_and_not_inherited) {
    EXPECT_CHILD_OK([] {
        sched_param p{};
        CHECK(sys(SYS_sched_setscheduler, 0, SCHED_BATCH | kResetOnFork, &p) == 0);
        CHECK(sys(SYS_sched_getscheduler, 0) == (SCHED_BATCH | kResetOnFork));
        bool negative = setpriority(PRIO_PROCESS, 0, -5) == 0; // where it is allowed
        CHECK(getpriority(PRIO_PROCESS, 0) == (negative ? -5 : 0));
        return run_in_child([] {
            CHECK(sys(SYS_sched_getscheduler, 0) == SCHED_BATCH);
            CHECK(getpriority(PRIO_PROCESS, 0) == 0);
            return 0;
        });
    });
}
TEST(sys_sched_setscheduler, EPERM_for_a_plain_user_who_clears_RESET_ON_FORK) {
    EXPECT_CHILD_OK([] {
        sched_param p{};
        CHECK(setresuid(kLoneUser, kLoneUser, kLoneUser) == 0);
        CHECK(sys(SYS_sched_setscheduler, 0, SCHED_OTHER | kResetOnFork, &p) == 0);
        CHECK_ERRNO(sys(SYS_sched_setscheduler, 0, SCHED_OTHER, &p), EPERM);
        return 0;
    });
}
TEST(sys_sched_setscheduler, EPERM_for_a_plain_user_who_wants_real_time) {
    EXPECT_CHILD_OK([] {
        rlimit none{};
        CHECK(setrlimit(RLIMIT_RTPRIO, &none) == 0);
        CHECK(setresuid(kLoneUser, kLoneUser, kLoneUser) == 0);
        sched_param p{};
        p.sched_priority = 1;
        CHECK_ERRNO(sys(SYS_sched_setscheduler, 0, SCHED_FIFO, &p), EPERM);
        return 0;
    });
}
TEST(sys_sched_getattr, tells_RESET_ON_FORK) {
    EXPECT_CHILD_OK([] {
        alignas(8) unsigned char a[48] = {48};
        a[8] = 1; // sched_flags: SCHED_FLAG_RESET_ON_FORK
        CHECK(sys(SYS_sched_setattr, 0, a, 0u) == 0);
        memset(a, 0, sizeof(a));
        CHECK(sys(SYS_sched_getattr, 0, a, 48u, 0u) == 0);
        CHECK(a[8] == 1);
        return 0;
    });
}

TEST(sys_wait4, WNOTHREAD_leaves_the_children_of_other_threads) {
    EXPECT_CHILD_OK([] {
        pid_t child = start_child([] { return 3; });
        long other = 0;
        int error = 0;
        {
            Thread t([&] {
                errno = 0;
                other = sys(SYS_wait4, -1, nullptr, __WNOTHREAD, nullptr);
                error = errno;
            });
        }
        CHECK(other == -1 && error == ECHILD);
        int status = 0;
        CHECK(sys(SYS_wait4, -1, &status, __WNOTHREAD, nullptr) == child);
        CHECK(status == 3 << 8);
        return 0;
    });
}
TEST(sys_wait4, WNOTHREAD_takes_over_the_children_of_a_thread_that_ended) {
    EXPECT_CHILD_OK([] {
        pid_t child = 0;
        {
            Thread t([&] { child = start_child([] { return 4; }); });
        }
        int status = 0;
        CHECK(sys(SYS_wait4, child, &status, __WNOTHREAD, nullptr) == child);
        CHECK(status == 4 << 8);
        return 0;
    });
}

TEST(sys_get_robust_list, EPERM_on_a_process_of_another_user) {
    EXPECT_CHILD_OK([] {
        CHECK(setresgid(kLoneUser, kLoneUser, kLoneUser) == 0);
        CHECK(setresuid(kLoneUser, kLoneUser, kLoneUser) == 0);
        void* head;
        size_t length;
        CHECK_ERRNO(sys(SYS_get_robust_list, getppid(), &head, &length), EPERM);
        return 0;
    });
}
TEST(sys_restart_syscall, EINTR_without_a_call_to_restart) {
    EXPECT_CHILD_OK([] {
        CHECK_ERRNO(sys(SYS_restart_syscall), EINTR);
        return 0;
    });
}
TEST(sys_restart_syscall, goes_on_with_a_sleep_after_stop_and_continue) {
    Pipe ready;
    uint64_t start = now_ns();
    pid_t child = start_child([&] {
        write(ready.w, "r", 1);
        timespec ts{0, 300000000};
        CHECK(sys(SYS_nanosleep, &ts, nullptr) == 0);
        return 0;
    });
    char c;
    ASSERT_EQ(1, read(ready.r, &c, 1));
    kill(child, SIGSTOP);
    int status = 0;
    ASSERT_EQ(child, waitpid(child, &status, WUNTRACED));
    kill(child, SIGCONT);
    EXPECT_EQ(0, wait_for(child));
    EXPECT_GE(now_ns() - start, 300000000u);
}

TEST(sys_setdomainname, changes_uname_and_proc) {
    EXPECT_CHILD_OK([] {
        utsname u{};
        CHECK(uname(&u) == 0);
        const char* name = sys(SYS_unshare, CLONE_NEWUTS) == 0 ? "other.domain" : u.domainname;
        CHECK(sys(SYS_setdomainname, name, strlen(name)) == 0);
        utsname now{};
        CHECK(uname(&now) == 0);
        CHECK(strcmp(now.domainname, name) == 0);
        char text[128] = {};
        CHECK(read_text("/proc/sys/kernel/domainname", text, sizeof(text)) > 0);
        CHECK(strncmp(text, name, strlen(name)) == 0);
        return 0;
    });
}
TEST(sys_setdomainname, EINVAL_on_long_name) {
    char name[100] = {};
    EXPECT_ERRNO(sys(SYS_setdomainname, name, 65), EINVAL);
}
TEST(sys_setdomainname, EPERM_for_a_plain_user) {
    EXPECT_CHILD_OK([] {
        CHECK(setresuid(1000, 1000, 1000) == 0);
        CHECK_ERRNO(sys(SYS_setdomainname, "x", 1), EPERM);
        return 0;
    });
}
TEST(sys_sethostname, shows_in_proc_at_once) {
    EXPECT_CHILD_OK([] {
        utsname u{};
        CHECK(uname(&u) == 0);
        const char* name = sys(SYS_unshare, CLONE_NEWUTS) == 0 ? "changed" : u.nodename;
        CHECK(sys(SYS_sethostname, name, strlen(name)) == 0);
        char text[128] = {};
        CHECK(read_text("/proc/sys/kernel/hostname", text, sizeof(text)) > 0);
        CHECK(strncmp(text, name, strlen(name)) == 0);
        return 0;
    });
}
TEST(sys_sethostname, EFAULT_on_bad_pointer) { EXPECT_ERRNO(sys(SYS_sethostname, unmapped_address, 5), EFAULT); }
TEST(sys_uname, UNAME26_gives_an_old_release) {
    EXPECT_CHILD_OK([] {
        CHECK(sys(SYS_personality, 0x0020000) >= 0);
        utsname u{};
        CHECK(sys(SYS_uname, &u) == 0);
        CHECK(strncmp(u.release, "2.6.", 4) == 0 && atoi(u.release + 4) >= 40);
        return 0;
    });
}
TEST(sys_prctl, THP_DISABLE_is_kept_over_fork) {
    EXPECT_CHILD_OK([] {
        CHECK(prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0) == 0);
        return run_in_child([] {
            CHECK(prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0) == 1);
            return 0;
        });
    });
}

TEST(sys_clock_nanosleep, waits_for_the_cpu_time_of_the_process) {
    EXPECT_CHILD_OK([] {
        volatile bool stop = false;
        Thread worker([&] {
            while (!stop) {
                work();
            }
        });
        uint64_t start = now_ns(CLOCK_PROCESS_CPUTIME_ID);
        timespec ts{0, 20000000};
        CHECK(sys(SYS_clock_nanosleep, CLOCK_PROCESS_CPUTIME_ID, 0, &ts, nullptr) == 0);
        CHECK(now_ns(CLOCK_PROCESS_CPUTIME_ID) - start >= 20000000u);
        stop = true;
        return 0;
    });
}
TEST(sys_clock_nanosleep, EINVAL_on_its_own_thread_by_number) {
    timespec ts{0, 1};
    EXPECT_ERRNO(sys(SYS_clock_nanosleep, static_cast<int>(~0u << 3 | 6), 0, &ts, nullptr), EINVAL);
}
TEST(sys_settimeofday, null_pointers_are_allowed) { EXPECT_OK(sys(SYS_settimeofday, nullptr, nullptr)); }
TEST(sys_settimeofday, keeps_the_time_zone) {
    struct {
        int minutes_west, dst;
    } zone{}, now{};
    ASSERT_OK(sys(SYS_gettimeofday, nullptr, &zone));
    if (sys(SYS_settimeofday, nullptr, &zone) != 0) {
        return; // not allowed to set this machine's clock
    }
    EXPECT_OK(sys(SYS_gettimeofday, nullptr, &now));
    EXPECT_EQ(zone.minutes_west, now.minutes_west);
}
TEST(sys_settimeofday, EPERM_for_a_plain_user) {
    EXPECT_CHILD_OK([] {
        CHECK(setresuid(1000, 1000, 1000) == 0);
        timeval tv{1700000000, 0};
        CHECK_ERRNO(sys(SYS_settimeofday, &tv, nullptr), EPERM);
        return 0;
    });
}
TEST(sys_clock_settime, to_the_present_time_changes_little) {
    uint64_t before = now_ns(CLOCK_REALTIME);
    if (!set_clock_to_now()) {
        return; // not allowed to set this machine's clock
    }
    EXPECT_GE(now_ns(CLOCK_REALTIME) + 1000000000u, before);
}
TEST(sys_timerfd_settime, ECANCELED_when_the_clock_is_set_with_CANCEL_ON_SET) {
    Fd fd(timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK));
    itimerspec when{};
    when.it_value.tv_sec = 4000000000;
    ASSERT_OK(timerfd_settime(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &when, nullptr));
    uint64_t count = 0;
    EXPECT_ERRNO(read(fd, &count, sizeof(count)), EAGAIN);
    if (!set_clock_to_now()) {
        return; // not allowed to set this machine's clock
    }
    EXPECT_ERRNO(read(fd, &count, sizeof(count)), ECANCELED);
    EXPECT_ERRNO(read(fd, &count, sizeof(count)), EAGAIN);
}

namespace {
// struct rseq as registered before Linux 6.3.
struct alignas(32) RseqArea {
    uint32_t cpu_id_start, cpu_id;
    uint64_t rseq_cs;
    uint32_t flags, padding[3];
};
extern "C" const ptrdiff_t __rseq_offset __attribute__((weak));
extern "C" const unsigned __rseq_size __attribute__((weak));

// Takes away the area that libc registered.
void forget_libc_rseq() {
    if (&__rseq_size && __rseq_size) {
        unsigned long fs;
        asm("mov %%fs:0, %0" : "=r"(fs));
        sys(SYS_rseq, fs + __rseq_offset, 32u, 1 /* UNREGISTER */, 0x53053053u);
    }
}
} // namespace

TEST(sys_rseq, tells_the_cpu_and_is_registered_once) {
    EXPECT_CHILD_OK([] {
        forget_libc_rseq();
        static RseqArea area;
        area.cpu_id = ~0u;
        if (sys(SYS_rseq, &area, 32u, 0, 0x1234u) != 0) {
            CHECK(errno == ENOSYS); // a kernel without it
            return 0;
        }
        sched_yield();
        CHECK(area.cpu_id < 4096 && area.cpu_id_start == area.cpu_id);
        CHECK_ERRNO(sys(SYS_rseq, &area, 32u, 0, 0x1234u), EBUSY);
        CHECK_ERRNO(sys(SYS_rseq, &area, 32u, 0, 0x4321u), EPERM);
        CHECK_ERRNO(sys(SYS_rseq, &area, 32u, 1, 0x4321u), EPERM);
        CHECK_ERRNO(sys(SYS_rseq, &area, 64u, 1, 0x1234u), EINVAL);
        CHECK(sys(SYS_rseq, &area, 32u, 1, 0x1234u) == 0);
        CHECK_ERRNO(sys(SYS_rseq, &area, 32u, 1, 0x1234u), EINVAL);
        return 0;
    });
}

// ---- who is who, in a child and in a thread

TEST(sys_getpid, of_a_child_is_what_fork_gave) {
    Pipe p;
    pid_t child = start_child([&] {
        pid_t own = static_cast<pid_t>(sys(SYS_getpid));
        write(p.w, &own, sizeof(own));
        return 0;
    });
    pid_t told = 0;
    EXPECT_EQ(static_cast<ssize_t>(sizeof(told)), read(p.r, &told, sizeof(told)));
    EXPECT_EQ(child, told);
    wait_for(child);
}
TEST(sys_getppid, is_the_creator) {
    pid_t self = getpid();
    EXPECT_CHILD_OK([self] {
        CHECK(sys(SYS_getppid) == self);
        return 0;
    });
}
TEST(sys_gettid, of_another_thread_differs_but_its_pid_does_not) {
    long tid = 0, pid = 0;
    {
        Thread t([&] {
            tid = sys(SYS_gettid);
            pid = sys(SYS_getpid);
        });
    }
    EXPECT_NE(sys(SYS_gettid), tid);
    EXPECT_EQ(sys(SYS_getpid), pid);
}
TEST(sys_getuid, follows_the_real_id_and_not_the_effective_one) {
    EXPECT_CHILD_OK([] {
        CHECK(sys(SYS_setresuid, 5, 6, 7) == 0);
        CHECK(sys(SYS_getuid) == 5);
        return 0;
    });
}
TEST(sys_getgid, follows_the_real_id_and_not_the_effective_one) {
    EXPECT_CHILD_OK([] {
        CHECK(sys(SYS_setresgid, 5, 6, 7) == 0);
        CHECK(sys(SYS_getgid) == 5);
        return 0;
    });
}
TEST(sys_geteuid, root_is_zero) { EXPECT_EQ(0, sys(SYS_geteuid)); }
TEST(sys_getegid, root_is_zero) { EXPECT_EQ(0, sys(SYS_getegid)); }
TEST(sys_getpgrp, child_stays_in_the_group_until_it_makes_its_own) {
    long group = sys(SYS_getpgrp);
    EXPECT_CHILD_OK([group] {
        CHECK(sys(SYS_getpgrp) == group);
        CHECK(sys(SYS_setpgid, 0, 0) == 0);
        CHECK(sys(SYS_getpgrp) == getpid());
        return 0;
    });
}
TEST(sys_setfsuid, plain_user_gets_no_other_than_his_own) {
    EXPECT_CHILD_OK([] {
        CHECK(setresuid(1000, 1001, 1002) == 0);
        CHECK(sys(SYS_setfsuid, 0) == 1001);  // refused: nothing says so
        CHECK(sys(SYS_setfsuid, -1) == 1001);
        CHECK(sys(SYS_setfsuid, 1002) == 1001);
        CHECK(sys(SYS_setfsuid, -1) == 1002);
        return 0;
    });
}
TEST(sys_setfsgid, plain_user_gets_no_other_than_his_own) {
    EXPECT_CHILD_OK([] {
        CHECK(setresgid(1000, 1001, 1002) == 0);
        CHECK(setresuid(1000, 1000, 1000) == 0);
        CHECK(sys(SYS_setfsgid, 0) == 1001);
        CHECK(sys(SYS_setfsgid, -1) == 1001);
        CHECK(sys(SYS_setfsgid, 1002) == 1001);
        CHECK(sys(SYS_setfsgid, -1) == 1002);
        return 0;
    });
}
TEST(sys_set_tid_address, word_is_cleared_when_its_thread_ends) {
    EXPECT_CHILD_OK([] {
        alignas(16) static char stack[65536];
        static volatile int word = 77;
        // A process that shares our memory, and with it the word.
        int child = clone(
            [](void*) -> int {
                sys(SYS_set_tid_address, &word);
                return 0;
            },
            stack + sizeof(stack), CLONE_VM | SIGCHLD, nullptr);
        CHECK(child > 0);
        CHECK(wait_for(child) == 0);
        CHECK(word == 0);
        return 0;
    });
}
TEST(sys_pause, returns_after_a_handler_even_with_SA_RESTART) {
    RepeatedAlarm alarm(SA_RESTART);
    EXPECT_ERRNO(sys(SYS_pause), EINTR);
}
TEST(sys_sched_yield, lets_another_thread_come) {
    volatile bool came = false;
    Thread t([&] { came = true; });
    while (!came) {
        EXPECT_EQ(0, sys(SYS_sched_yield));
    }
}
TEST(sys_clock_settime, EPERM_on_a_cpu_clock) {
    timespec ts{1, 0};
    EXPECT_ERRNO(sys(SYS_clock_settime, static_cast<int>(~0u << 3 | 2), &ts), EPERM);
}
