// Signals: handlers, masks, pending sets, queues, alternate stacks, frames, waiting.
#include "support.h"

#include <setjmp.h>
#include <ucontext.h>

namespace {

volatile sig_atomic_t count;
volatile sig_atomic_t order[8];
siginfo_t info;
void* stack_seen;
sigset_t mask_seen;

void on_count(int) { count = count + 1; }
void on_order(int sig) {
    order[count] = sig;
    count = count + 1;
}
void on_info(int, siginfo_t* si, void*) {
    info = *si;
    count = count + 1;
}
void on_stack(int) {
    char here;
    stack_seen = &here;
    asm volatile("" : : "r"(stack_seen) : "memory");
    count = count + 1;
}
void on_mask(int) {
    pthread_sigmask(SIG_SETMASK, nullptr, &mask_seen);
    count = count + 1;
}

struct Action {
    void* handler;
    unsigned long flags;
    void* restorer;
    uint64_t mask;
};

long raw_sigaction(int sig, const void* in, void* out, size_t size) {
    return sys(SYS_rt_sigaction, sig, in, out, size);
}

uint64_t bit(int sig) { return 1ull << (sig - 1); }

bool is_pending(int sig) {
    sigset_t set;
    sigpending(&set);
    return sigismember(&set, sig) == 1;
}

} // namespace

TEST(sys_rt_sigaction, handler_runs_and_old_action_is_given) {
    count = 0;
    struct sigaction sa{}, old{};
    sa.sa_handler = on_count;
    ASSERT_OK(sigaction(SIGUSR1, &sa, nullptr));
    raise(SIGUSR1);
    EXPECT_EQ(1, count);
    sa.sa_handler = SIG_DFL;
    ASSERT_OK(sigaction(SIGUSR1, &sa, &old));
    EXPECT_TRUE(old.sa_handler == on_count);
}
TEST(sys_rt_sigaction, SIG_IGN_discards) {
    SignalAction a(SIGUSR1, SIG_IGN);
    EXPECT_EQ(0, raise(SIGUSR1));
}
TEST(sys_rt_sigaction, ignoring_drops_what_is_pending) {
    BlockSignals block(SIGUSR1);
    SignalAction a(SIGUSR1, on_count);
    count = 0;
    pthread_kill(pthread_self(), SIGUSR1);
    EXPECT_TRUE(is_pending(SIGUSR1));
    SignalAction b(SIGUSR1, SIG_IGN);
    EXPECT_FALSE(is_pending(SIGUSR1));
}
TEST(sys_rt_sigaction, SA_RESETHAND_acts_once) {
    EXPECT_CHILD_SIGNAL(SIGUSR1, [] {
        SignalAction a(SIGUSR1, on_count, SA_RESETHAND);
        raise(SIGUSR1);
        raise(SIGUSR1);
        return 0;
    });
}
TEST(sys_rt_sigaction, signal_is_blocked_in_its_own_handler) {
    SignalAction a(SIGUSR1, on_mask);
    raise(SIGUSR1);
    EXPECT_EQ(1, sigismember(&mask_seen, SIGUSR1));
    sigset_t now;
    pthread_sigmask(SIG_SETMASK, nullptr, &now);
    EXPECT_EQ(0, sigismember(&now, SIGUSR1));
}
TEST(sys_rt_sigaction, SA_NODEFER_leaves_it_open) {
    SignalAction a(SIGUSR1, on_mask, SA_NODEFER);
    raise(SIGUSR1);
    EXPECT_EQ(0, sigismember(&mask_seen, SIGUSR1));
}
TEST(sys_rt_sigaction, sa_mask_is_blocked_in_the_handler) {
    struct sigaction sa{};
    sa.sa_handler = on_mask;
    sigaddset(&sa.sa_mask, SIGUSR2);
    sigaction(SIGUSR1, &sa, nullptr);
    raise(SIGUSR1);
    EXPECT_EQ(1, sigismember(&mask_seen, SIGUSR2));
    signal(SIGUSR1, SIG_DFL);
}
TEST(sys_rt_sigaction, SA_SIGINFO_tells_sender_and_code) {
    SignalAction a(SIGUSR1, on_info);
    count = 0;
    kill(getpid(), SIGUSR1);
    wait_until([] { return count == 1; });
    EXPECT_EQ(SIGUSR1, info.si_signo);
    EXPECT_EQ(SI_USER, info.si_code);
    EXPECT_EQ(getpid(), info.si_pid);
    EXPECT_EQ(getuid(), info.si_uid);
}
TEST(sys_rt_sigaction, EINVAL_on_KILL_STOP_and_bad_numbers) {
    struct sigaction sa{};
    sa.sa_handler = on_count;
    EXPECT_ERRNO(sigaction(SIGKILL, &sa, nullptr), EINVAL);
    EXPECT_ERRNO(sigaction(SIGSTOP, &sa, nullptr), EINVAL);
    Action a{};
    EXPECT_ERRNO(raw_sigaction(0, &a, nullptr, 8), EINVAL);
    EXPECT_ERRNO(raw_sigaction(65, &a, nullptr, 8), EINVAL);
}
TEST(sys_rt_sigaction, EINVAL_on_bad_mask_size) {
    Action a{};
    EXPECT_ERRNO(raw_sigaction(SIGUSR1, &a, nullptr, 4), EINVAL);
    EXPECT_ERRNO(raw_sigaction(SIGUSR1, &a, nullptr, 128), EINVAL);
}
TEST(sys_rt_sigaction, EFAULT_on_bad_pointers) {
    EXPECT_ERRNO(raw_sigaction(SIGUSR1, unmapped_address, nullptr, 8), EFAULT);
    EXPECT_ERRNO(raw_sigaction(SIGUSR1, nullptr, unmapped_address, 8), EFAULT);
}

TEST(sys_rt_sigprocmask, BLOCK_UNBLOCK_SETMASK) {
    uint64_t old = 0, set = bit(SIGUSR1), now = 0;
    ASSERT_OK(sys(SYS_rt_sigprocmask, SIG_BLOCK, &set, &old, 8));
    ASSERT_OK(sys(SYS_rt_sigprocmask, SIG_BLOCK, nullptr, &now, 8));
    EXPECT_EQ(old | set, now);
    ASSERT_OK(sys(SYS_rt_sigprocmask, SIG_UNBLOCK, &set, nullptr, 8));
    ASSERT_OK(sys(SYS_rt_sigprocmask, SIG_SETMASK, &old, &now, 8));
    EXPECT_EQ(old & ~set, now);
}
TEST(sys_rt_sigprocmask, KILL_and_STOP_cannot_be_blocked) {
    uint64_t old = 0, set = ~0ull, now = 0;
    ASSERT_OK(sys(SYS_rt_sigprocmask, SIG_SETMASK, &set, &old, 8));
    sys(SYS_rt_sigprocmask, SIG_SETMASK, &old, &now, 8);
    EXPECT_EQ(~(bit(SIGKILL) | bit(SIGSTOP)), now);
}
TEST(sys_rt_sigprocmask, unblocking_delivers_before_it_returns) {
    SignalAction a(SIGUSR1, on_count);
    count = 0;
    {
        BlockSignals block(SIGUSR1);
        pthread_kill(pthread_self(), SIGUSR1);
        EXPECT_EQ(0, count);
    }
    EXPECT_EQ(1, count);
}
TEST(sys_rt_sigprocmask, EINVAL_on_bad_how_and_size) {
    uint64_t set = 0;
    EXPECT_ERRNO(sys(SYS_rt_sigprocmask, 99, &set, nullptr, 8), EINVAL);
    EXPECT_ERRNO(sys(SYS_rt_sigprocmask, SIG_BLOCK, &set, nullptr, 16), EINVAL);
}
TEST(sys_rt_sigprocmask, EFAULT_on_bad_pointer) {
    EXPECT_ERRNO(sys(SYS_rt_sigprocmask, SIG_BLOCK, unmapped_address, nullptr, 8), EFAULT);
}
TEST(sys_rt_sigpending, shows_blocked_signals) {
    SignalAction a(SIGUSR1, on_count);
    BlockSignals block(SIGUSR1, SIGUSR2);
    pthread_kill(pthread_self(), SIGUSR1);
    EXPECT_TRUE(is_pending(SIGUSR1));
    EXPECT_FALSE(is_pending(SIGUSR2));
}
TEST(sys_rt_sigpending, EINVAL_on_large_size) {
    uint64_t set[4];
    EXPECT_ERRNO(sys(SYS_rt_sigpending, set, 32), EINVAL);
}
TEST(sys_rt_sigpending, EFAULT_on_bad_pointer) { EXPECT_ERRNO(sys(SYS_rt_sigpending, unmapped_address, 8), EFAULT); }

TEST(sys_rt_sigtimedwait, takes_a_blocked_signal_of_another_process) {
    BlockSignals block(SIGRTMIN + 5); // whose default action is to kill
    pid_t child = start_child([] { return kill(getppid(), SIGRTMIN + 5) == 0 ? 0 : 1; });
    EXPECT_EQ(0, wait_for(child));
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN + 5);
    siginfo_t info{};
    timespec now{};
    EXPECT_EQ(SIGRTMIN + 5, sigtimedwait(&set, &info, &now));
    EXPECT_EQ(child, info.si_pid);
}
TEST(sys_rt_sigtimedwait, a_deadly_signal_that_is_not_blocked_kills) {
    EXPECT_CHILD_SIGNAL(SIGTERM, [] {
        pid_t self = getpid(), killer = fork();
        if (killer == 0) _exit(kill(self, SIGTERM) == 0 ? 0 : 1);
        sigset_t set;
        sigemptyset(&set);
        sigaddset(&set, SIGTERM);
        for (;;) sigtimedwait(&set, nullptr, nullptr);
        return 0;
    });
}
TEST(sys_rt_sigtimedwait, takes_a_pending_signal) {
    BlockSignals block(SIGUSR1);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    kill(getpid(), SIGUSR1);
    siginfo_t si{};
    EXPECT_EQ(SIGUSR1, sigtimedwait(&set, &si, nullptr));
    EXPECT_EQ(getpid(), si.si_pid);
    EXPECT_FALSE(is_pending(SIGUSR1));
}
TEST(sys_rt_sigtimedwait, waits_for_another_thread) {
    BlockSignals block(SIGUSR1);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    pthread_t self = pthread_self();
    Thread t([&] { pthread_kill(self, SIGUSR1); });
    EXPECT_EQ(SIGUSR1, sigtimedwait(&set, nullptr, nullptr));
}
TEST(sys_rt_sigtimedwait, EAGAIN_at_the_end_of_the_time) {
    BlockSignals block(SIGUSR1);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    timespec ts{0, 1000000};
    EXPECT_ERRNO(sigtimedwait(&set, nullptr, &ts), EAGAIN);
}
TEST(sys_rt_sigtimedwait, EINTR_on_another_signal) {
    BlockSignals block(SIGUSR1);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    RepeatedAlarm alarm;
    EXPECT_ERRNO(sys(SYS_rt_sigtimedwait, &set, nullptr, nullptr, 8), EINTR);
}
TEST(sys_rt_sigtimedwait, EINVAL_on_bad_time) {
    uint64_t set = bit(SIGUSR1);
    timespec ts{0, -1};
    EXPECT_ERRNO(sys(SYS_rt_sigtimedwait, &set, nullptr, &ts, 8), EINVAL);
}
TEST(sys_rt_sigqueueinfo, real_time_signals_queue_in_order_with_values) {
    SignalAction a(SIGRTMIN + 1, on_info);
    sigval v{};
    {
        BlockSignals block(SIGRTMIN + 1);
        for (int i = 1; i <= 3; i++) {
            v.sival_int = i;
            ASSERT_OK(sigqueue(getpid(), SIGRTMIN + 1, v));
        }
        sigset_t set;
        sigemptyset(&set);
        sigaddset(&set, SIGRTMIN + 1);
        siginfo_t si;
        for (int i = 1; i <= 3; i++) {
            EXPECT_EQ(SIGRTMIN + 1, sigwaitinfo(&set, &si));
            EXPECT_EQ(i, si.si_value.sival_int);
            EXPECT_EQ(SI_QUEUE, si.si_code);
        }
    }
}
TEST(sys_rt_sigqueueinfo, EPERM_on_forging_the_kernels_codes_to_others) {
    pid_t parent = getpid();
    EXPECT_CHILD_OK([&] {
        siginfo_t si{};
        si.si_code = SI_USER;
        CHECK_ERRNO(sys(SYS_rt_sigqueueinfo, parent, SIGURG, &si), EPERM);
        return 0;
    });
}
TEST(sys_rt_sigqueueinfo, ESRCH_on_missing_process) {
    siginfo_t si{};
    si.si_code = SI_QUEUE;
    EXPECT_ERRNO(sys(SYS_rt_sigqueueinfo, 0x3fffffff, SIGUSR1, &si), ESRCH);
}
TEST(sys_rt_tgsigqueueinfo, reaches_one_thread) {
    SignalAction a(SIGUSR1, on_info);
    count = 0;
    siginfo_t si{};
    si.si_code = SI_QUEUE;
    si.si_value.sival_int = 17;
    ASSERT_OK(sys(SYS_rt_tgsigqueueinfo, getpid(), sys(SYS_gettid), SIGUSR1, &si));
    EXPECT_EQ(1, count);
    EXPECT_EQ(17, info.si_value.sival_int);
}
TEST(sys_rt_tgsigqueueinfo, EINVAL_on_zero_ids) {
    siginfo_t si{};
    si.si_code = SI_QUEUE;
    EXPECT_ERRNO(sys(SYS_rt_tgsigqueueinfo, 0, 0, SIGUSR1, &si), EINVAL);
}
TEST(sys_kill, standard_signals_do_not_queue) {
    SignalAction a(SIGUSR1, on_count);
    count = 0;
    {
        BlockSignals block(SIGUSR1);
        pthread_kill(pthread_self(), SIGUSR1);
        pthread_kill(pthread_self(), SIGUSR1);
    }
    EXPECT_EQ(1, count);
}
TEST(sys_kill, lower_numbers_are_delivered_first) {
    SignalAction a(SIGUSR1, on_order), b(SIGUSR2, on_order), c(SIGRTMIN, on_order);
    count = 0;
    {
        BlockSignals block(SIGUSR1, SIGUSR2, SIGRTMIN);
        pthread_kill(pthread_self(), SIGRTMIN);
        pthread_kill(pthread_self(), SIGUSR2);
        pthread_kill(pthread_self(), SIGUSR1);
        for (int want : (int[]){SIGUSR1, SIGUSR2, SIGRTMIN}) {
            sigset_t all;
            sigemptyset(&all);
            sigaddset(&all, SIGUSR1);
            sigaddset(&all, SIGUSR2);
            sigaddset(&all, SIGRTMIN);
            EXPECT_EQ(want, sigwaitinfo(&all, nullptr));
        }
    }
}
TEST(sys_kill, signal_zero_only_asks) {
    EXPECT_OK(kill(getpid(), 0));
    EXPECT_OK(kill(0, 0));
}
TEST(sys_kill, default_action_of_TERM_kills_and_CHLD_does_not) {
    EXPECT_CHILD_SIGNAL(SIGTERM, [] {
        raise(SIGCHLD);
        raise(SIGURG);
        raise(SIGWINCH);
        raise(SIGTERM);
        return 0;
    });
}
TEST(sys_kill, KILL_ends_a_child_that_blocks_everything) {
    Pipe ready;
    pid_t child = start_child([&] {
        sigset_t all;
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, nullptr);
        write(ready.w, "r", 1);
        for (;;) {
            pause();
        }
        return 0;
    });
    char c;
    read(ready.r, &c, 1);
    EXPECT_OK(kill(child, SIGKILL));
    int status = wait_for(child);
    EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}
TEST(sys_kill, reaches_a_process_group) {
    Pipe ready;
    pid_t child = start_child([&] {
        setpgid(0, 0);
        write(ready.w, "r", 1);
        for (;;) {
            pause();
        }
        return 0;
    });
    char c;
    read(ready.r, &c, 1);
    EXPECT_OK(kill(-child, SIGTERM));
    EXPECT_EQ(SIGTERM, wait_for(child));
}
TEST(sys_kill, ESRCH_on_missing_process_and_group) {
    EXPECT_ERRNO(kill(0x3fffffff, 0), ESRCH);
    EXPECT_ERRNO(kill(-0x3fffffff, 0), ESRCH);
}
TEST(sys_kill, EINVAL_on_bad_signal) {
    EXPECT_ERRNO(kill(getpid(), 65), EINVAL);
    EXPECT_ERRNO(kill(getpid(), -1), EINVAL);
}
TEST(sys_kill, EPERM_on_another_users_process) {
    pid_t parent = getpid();
    EXPECT_CHILD_OK([&] {
        CHECK(setresuid(1000, 1000, 1000) == 0);
        CHECK_ERRNO(kill(parent, 0), EPERM);
        return 0;
    });
}
TEST(sys_tkill, reaches_the_thread) {
    SignalAction a(SIGUSR1, on_info);
    count = 0;
    EXPECT_OK(sys(SYS_tkill, sys(SYS_gettid), SIGUSR1));
    EXPECT_EQ(1, count);
    EXPECT_EQ(SI_TKILL, info.si_code);
}
TEST(sys_tkill, EINVAL_on_bad_thread_id) { EXPECT_ERRNO(sys(SYS_tkill, -1, SIGUSR1), EINVAL); }
TEST(sys_tkill, ESRCH_on_missing_thread) { EXPECT_ERRNO(sys(SYS_tkill, 0x3fffffff, SIGUSR1), ESRCH); }
TEST(sys_tgkill, runs_the_handler_in_that_thread) {
    static pid_t handler_tid;
    SignalAction a(SIGUSR1, +[](int) {
        handler_tid = static_cast<pid_t>(sys(SYS_gettid));
        count = count + 1;
    });
    count = 0;
    pid_t tid = 0;
    Pipe ready, stop;
    Thread t([&] {
        tid = static_cast<pid_t>(sys(SYS_gettid));
        write(ready.w, "r", 1);
        char c;
        while (read(stop.r, &c, 1) < 0) {
        }
    });
    char c;
    read(ready.r, &c, 1);
    EXPECT_OK(sys(SYS_tgkill, getpid(), tid, SIGUSR1));
    wait_until([] { return count == 1; });
    write(stop.w, "s", 1);
    t.join();
    EXPECT_EQ(tid, handler_tid);
}
TEST(sys_tgkill, ESRCH_when_the_thread_is_of_another_process) {
    EXPECT_ERRNO(sys(SYS_tgkill, 0x3ffffffe, sys(SYS_gettid), 0), ESRCH);
}
TEST(sys_tgkill, EINVAL_on_bad_ids) {
    EXPECT_ERRNO(sys(SYS_tgkill, 0, sys(SYS_gettid), SIGUSR1), EINVAL);
    EXPECT_ERRNO(sys(SYS_tgkill, getpid(), -1, SIGUSR1), EINVAL);
}
TEST(sys_rt_sigsuspend, EINTR_after_the_handler_with_the_mask_put_back) {
    BlockSignals block(SIGUSR1);
    SignalAction a(SIGUSR1, on_count);
    count = 0;
    pthread_kill(pthread_self(), SIGUSR1);
    sigset_t none;
    sigemptyset(&none);
    EXPECT_ERRNO(sigsuspend(&none), EINTR);
    EXPECT_EQ(1, count);
    sigset_t now;
    pthread_sigmask(SIG_SETMASK, nullptr, &now);
    EXPECT_EQ(1, sigismember(&now, SIGUSR1));
}
TEST(sys_rt_sigsuspend, EINVAL_on_bad_size) {
    uint64_t set = 0;
    EXPECT_ERRNO(sys(SYS_rt_sigsuspend, &set, 4), EINVAL);
}
TEST(sys_pause, EINTR_after_a_handler) {
    RepeatedAlarm alarm;
    EXPECT_ERRNO(pause(), EINTR);
}

TEST(sys_sigaltstack, handler_with_SA_ONSTACK_runs_there) {
    Mapping m(65536);
    stack_t ss{}, old{};
    ss.ss_sp = m.data();
    ss.ss_size = m.size();
    ASSERT_OK(sigaltstack(&ss, &old));
    SignalAction a(SIGUSR1, on_stack, SA_ONSTACK);
    count = 0;
    raise(SIGUSR1);
    ss.ss_flags = SS_DISABLE;
    EXPECT_OK(sigaltstack(&ss, nullptr));
    EXPECT_EQ(1, count);
    EXPECT_TRUE(stack_seen >= m.data() && stack_seen < m.data() + m.size());
}
TEST(sys_sigaltstack, is_not_used_without_SA_ONSTACK) {
    Mapping m(65536);
    stack_t ss{};
    ss.ss_sp = m.data();
    ss.ss_size = m.size();
    ASSERT_OK(sigaltstack(&ss, nullptr));
    SignalAction a(SIGUSR1, on_stack, 0);
    raise(SIGUSR1);
    ss.ss_flags = SS_DISABLE;
    sigaltstack(&ss, nullptr);
    EXPECT_FALSE(stack_seen >= m.data() && stack_seen < m.data() + m.size());
}
TEST(sys_sigaltstack, reports_SS_DISABLE_and_the_setting) {
    stack_t now{};
    EXPECT_OK(sigaltstack(nullptr, &now));
    EXPECT_EQ(SS_DISABLE, now.ss_flags);
    Mapping m(65536);
    stack_t ss{};
    ss.ss_sp = m.data();
    ss.ss_size = m.size();
    sigaltstack(&ss, nullptr);
    EXPECT_OK(sigaltstack(nullptr, &now));
    EXPECT_EQ(0, now.ss_flags);
    EXPECT_EQ(static_cast<void*>(m.data()), now.ss_sp);
    ss.ss_flags = SS_DISABLE;
    sigaltstack(&ss, nullptr);
}
TEST(sys_sigaltstack, EPERM_inside_its_handler) {
    static long result;
    static int error, flags;
    Mapping m(65536);
    stack_t ss{};
    ss.ss_sp = m.data();
    ss.ss_size = m.size();
    ASSERT_OK(sigaltstack(&ss, nullptr));
    SignalAction a(SIGUSR1, +[](int) {
        stack_t now{}, off{};
        off.ss_flags = SS_DISABLE;
        sigaltstack(nullptr, &now);
        flags = now.ss_flags;
        result = sigaltstack(&off, nullptr);
        error = errno;
    }, SA_ONSTACK);
    raise(SIGUSR1);
    ss.ss_flags = SS_DISABLE;
    sigaltstack(&ss, nullptr);
    EXPECT_EQ(-1, result);
    EXPECT_EQ(EPERM, error);
    EXPECT_EQ(SS_ONSTACK, flags);
}
TEST(sys_sigaltstack, ENOMEM_when_too_small) {
    char buf[1024];
    stack_t ss{};
    ss.ss_sp = buf;
    ss.ss_size = sizeof(buf);
    EXPECT_ERRNO(sys(SYS_sigaltstack, &ss, nullptr), ENOMEM);
}
TEST(sys_sigaltstack, EINVAL_on_bad_flags) {
    Mapping m(65536);
    stack_t ss{};
    ss.ss_sp = m.data();
    ss.ss_size = m.size();
    ss.ss_flags = 0x40;
    EXPECT_ERRNO(sys(SYS_sigaltstack, &ss, nullptr), EINVAL);
}

TEST(sys_rt_sigreturn, keeps_general_and_vector_registers) {
    // The handler clobbers vector registers; the interrupted code must not notice.
    SignalAction a(SIGUSR1, +[](int) {
        asm volatile("pxor %%xmm0, %%xmm0; pxor %%xmm7, %%xmm7; pxor %%xmm15, %%xmm15; fninit" ::
                         : "xmm0", "xmm7", "xmm15");
    });
    uint64_t pattern = 0x1122334455667788, x0 = 0, x7 = 0, x15 = 0;
    long pid = getpid(), tid = sys(SYS_gettid), r = SYS_tgkill;
    asm volatile("movq %[p], %%xmm0; movq %[p], %%xmm7; movq %[p], %%xmm15\n"
                 "syscall\n"
                 "movq %%xmm0, %[a]; movq %%xmm7, %[b]; movq %%xmm15, %[c]"
                 : "+a"(r), [a] "=&r"(x0), [b] "=&r"(x7), [c] "=&r"(x15)
                 : [p] "r"(pattern), "D"(pid), "S"(tid), "d"(SIGUSR1)
                 : "rcx", "r11", "memory", "xmm0", "xmm7", "xmm15");
    EXPECT_EQ(0, r);
    EXPECT_EQ(pattern, x0);
    EXPECT_EQ(pattern, x7);
    EXPECT_EQ(pattern, x15);
}
TEST(sys_rt_sigreturn, keeps_the_upper_halves_of_YMM) {
    unsigned eax = 1, ebx, ecx = 0, edx;
    asm volatile("cpuid" : "+a"(eax), "=b"(ebx), "+c"(ecx), "=d"(edx));
    if (!(ecx & (1u << 28)) || !(ecx & (1u << 27))) {
        GTEST_SKIP() << "no AVX";
    }
    SignalAction a(SIGUSR1, +[](int) { asm volatile("vzeroall" ::: "memory"); });
    alignas(32) uint64_t in[4] = {1, 2, 3, 4}, out[4] = {};
    long pid = getpid(), tid = sys(SYS_gettid), r = SYS_tgkill;
    asm volatile("vmovdqu (%[in]), %%ymm5\n"
                 "syscall\n"
                 "vmovdqu %%ymm5, (%[out])\n"
                 "vzeroupper"
                 : "+a"(r)
                 : [in] "r"(in), [out] "r"(out), "D"(pid), "S"(tid), "d"(SIGUSR1)
                 : "rcx", "r11", "memory", "xmm5");
    EXPECT_EQ(0, r);
    EXPECT_EQ(1u, out[0]);
    EXPECT_EQ(2u, out[1]);
    EXPECT_EQ(3u, out[2]);
    EXPECT_EQ(4u, out[3]);
}
TEST(sys_rt_sigreturn, MXCSR_and_x87_control_word_are_put_back) {
    SignalAction a(SIGUSR1, +[](int) {
        unsigned mxcsr = 0x1f80 | 0x6000;
        unsigned short cw = 0x0f7f;
        asm volatile("ldmxcsr %0; fldcw %1" ::"m"(mxcsr), "m"(cw));
    });
    unsigned before, after;
    unsigned short cw_before, cw_after;
    asm volatile("stmxcsr %0; fnstcw %1" : "=m"(before), "=m"(cw_before));
    raise(SIGUSR1);
    asm volatile("stmxcsr %0; fnstcw %1" : "=m"(after), "=m"(cw_after));
    EXPECT_EQ(before, after);
    EXPECT_EQ(cw_before, cw_after);
}
TEST(sys_rt_sigreturn, handler_may_change_the_saved_registers) {
    SignalAction a(SIGILL, +[](int, siginfo_t*, void* uc) {
        auto* g = static_cast<ucontext_t*>(uc)->uc_mcontext.gregs;
        g[REG_RIP] += 2;
        g[REG_RAX] = 4242;
    });
    long rax = 1;
    asm volatile("ud2" : "+a"(rax));
    EXPECT_EQ(4242, rax);
}
TEST(sys_rt_sigreturn, handler_may_change_the_mask_to_come) {
    SignalAction a(SIGUSR1, +[](int, siginfo_t*, void* uc) {
        sigaddset(&static_cast<ucontext_t*>(uc)->uc_sigmask, SIGUSR2);
    });
    raise(SIGUSR1);
    sigset_t now, set;
    pthread_sigmask(SIG_SETMASK, nullptr, &now);
    EXPECT_EQ(1, sigismember(&now, SIGUSR2));
    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}
TEST(sys_rt_sigreturn, red_zone_is_left_alone) {
    // The signal frame lies at least 128 bytes below the interrupted stack pointer.
    SignalAction a(SIGUSR1, on_count);
    uint64_t pattern = 0xfeedfacecafebeef, got = 0;
    long pid = getpid(), tid = sys(SYS_gettid), r = SYS_tgkill;
    asm volatile("movq %[p], -8(%%rsp); movq %[p], -128(%%rsp)\n"
                 "syscall\n"
                 "movq -8(%%rsp), %[g]; xorq -128(%%rsp), %[g]"
                 : "+a"(r), [g] "=&r"(got)
                 : [p] "r"(pattern), "D"(pid), "S"(tid), "d"(SIGUSR1)
                 : "rcx", "r11", "memory");
    EXPECT_EQ(0u, got);
}
TEST(sys_rt_sigreturn, stack_in_a_handler_is_aligned_as_the_ABI_says) {
    static uintptr_t sp;
    SignalAction a(SIGUSR1, +[](int) { sp = reinterpret_cast<uintptr_t>(__builtin_frame_address(0)); });
    raise(SIGUSR1);
    EXPECT_EQ(0u, sp % 16);
}
TEST(sys_rt_sigreturn, siglongjmp_out_of_a_handler_restores_the_mask) {
    static sigjmp_buf jump;
    SignalAction a(SIGUSR1, +[](int) { siglongjmp(jump, 1); });
    if (sigsetjmp(jump, 1) == 0) {
        raise(SIGUSR1);
        ADD_FAILURE() << "no jump";
    }
    sigset_t now;
    pthread_sigmask(SIG_SETMASK, nullptr, &now);
    EXPECT_EQ(0, sigismember(&now, SIGUSR1));
}
TEST(sys_rt_sigreturn, SIGSEGV_on_a_forged_frame) {
    EXPECT_CHILD_SIGNAL(SIGSEGV, [] {
        asm volatile("mov $15, %%eax; mov $16, %%rsp; syscall" ::: "rax", "rcx", "r11", "memory");
        return 0;
    });
}
TEST(sys_rt_sigaction, SIGSEGV_when_the_frame_does_not_fit_the_stack) {
    EXPECT_CHILD_SIGNAL(SIGSEGV, [] {
        SignalAction a(SIGUSR1, on_count);
        long r = SYS_tgkill;
        long pid = getpid(), tid = sys(SYS_gettid);
        asm volatile("mov %%rsp, %%rbx; mov $4096, %%rsp; syscall; mov %%rbx, %%rsp"
                     : "+a"(r)
                     : "D"(pid), "S"(tid), "d"(SIGUSR1)
                     : "rbx", "rcx", "r11", "memory");
        return 0;
    });
}
TEST(sys_fork, child_inherits_handlers_and_mask_but_no_pending_signals) {
    SignalAction a(SIGUSR1, on_count);
    BlockSignals block(SIGUSR1);
    pthread_kill(pthread_self(), SIGUSR1);
    EXPECT_CHILD_OK([] {
        CHECK(!is_pending(SIGUSR1));
        sigset_t now;
        pthread_sigmask(SIG_SETMASK, nullptr, &now);
        CHECK(sigismember(&now, SIGUSR1) == 1);
        struct sigaction sa;
        CHECK(sigaction(SIGUSR1, nullptr, &sa) == 0);
        CHECK(sa.sa_handler == on_count);
        return 0;
    });
}
TEST(sys_wait4, SIGCHLD_tells_who_and_how) {
    BlockSignals block(SIGCHLD);
    pid_t child = start_child([] { return 9; });
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    siginfo_t si{};
    EXPECT_EQ(SIGCHLD, sigwaitinfo(&set, &si));
    EXPECT_EQ(child, si.si_pid);
    EXPECT_EQ(CLD_EXITED, si.si_code);
    EXPECT_EQ(9, si.si_status);
    wait_for(child);
}
