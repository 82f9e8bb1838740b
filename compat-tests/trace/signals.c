// Signals.
#include "trace_calls.h"

#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

typedef struct {
    void* handler;
    unsigned long flags;
    void* restorer;
    unsigned long mask;
} KernelSigaction;

static void nothing(int s) { (void)s; }
static void nothing_more(int s, siginfo_t* i, void* c) { (void)s, (void)i, (void)c; }

static void handle(int sig, int flags, void (*handler)(int), int blocked) {
    struct sigaction a;
    memset(&a, 0, sizeof a);
    a.sa_handler = handler, a.sa_flags = flags;
    if (blocked) sigaddset(&a.sa_mask, blocked);
    sigaction(sig, &a, NULL);
}

static void dies_of(int sig) {
    pid_t child = fork();
    if (child == 0) {
        CALL(kill, getpid(), sig);
        _exit(3);
    }
    int status;
    CALL(wait4, child, &status, 0, NULL);
}

void trace_signals(void) {
    handle(SIGUSR1, SA_RESTART, nothing, SIGUSR2);
    handle(SIGUSR2, SA_NODEFER | SA_RESETHAND | SA_ONSTACK | SA_SIGINFO, (void (*)(int))(void*)nothing_more, 0);
    handle(40, SA_SIGINFO, (void (*)(int))(void*)nothing_more, 0);
    handle(SIGHUP, SA_NOCLDSTOP | SA_NOCLDWAIT, SIG_IGN, 0);
    KernelSigaction a = {SIG_DFL, 0x80000000, 0, ~0ul}, old;
    CALL(rt_sigaction, SIGTERM, &a, &old, 8L), CALL(rt_sigaction, SIGTERM, NULL, &old, 8L), CALL(rt_sigaction, SIGKILL, &a, NULL, 8L);
    a.flags = 0, a.mask = 0x180000001;
    CALL(rt_sigaction, 99, &a, NULL, 8L), CALL(rt_sigaction, SIGTERM, BAD, NULL, 8L), CALL(rt_sigaction, SIGTERM, &a, NULL, 4L);
    unsigned long set = 0, before;
    CALL(rt_sigprocmask, SIG_BLOCK, &set, &before, 8L);
    set = 1ul << (SIGUSR1 - 1) | 1ul << (40 - 1) | 1ul << 63;
    CALL(rt_sigprocmask, SIG_BLOCK, &set, &before, 8L);
    CALL(rt_sigprocmask, SIG_SETMASK, NULL, &before, 8L);
    set = ~0ul;
    CALL(rt_sigprocmask, SIG_UNBLOCK, &set, NULL, 8L);
    set = ~(1ul << 31 | 1ul << 32);
    CALL(rt_sigprocmask, SIG_BLOCK, &set, NULL, 8L);
    set = 0x7ffffffful, CALL(rt_sigprocmask, SIG_SETMASK, &set, &before, 8L);
    set = 0, CALL(rt_sigprocmask, SIG_SETMASK, &set, &before, 8L);
    CALL(rt_sigprocmask, 77, &set, NULL, 8L), CALL(rt_sigprocmask, SIG_BLOCK, BAD, NULL, 8L), CALL(rt_sigprocmask, SIG_BLOCK, &set, NULL, 4L);
    pid_t self = getpid();
    CALL(kill, self, SIGUSR1), CALL(tgkill, self, self, SIGUSR2), CALL(tkill, self, SIGUSR1), CALL(kill, self, SIGHUP), CALL(kill, self, 0);
    CALL(kill, 0x7ffffff0, SIGTERM), CALL(kill, self, 99), CALL(tgkill, self, -1, SIGUSR1);
    siginfo_t si;
    memset(&si, 0, sizeof si);
    si.si_code = SI_QUEUE, si.si_pid = self, si.si_uid = 0, si.si_value.sival_int = 1234;
    CALL(rt_sigqueueinfo, self, 40, &si), CALL(rt_tgsigqueueinfo, self, self, 40, &si), CALL(rt_sigqueueinfo, self, 40, BAD);
    set = 1ul << (SIGUSR1 - 1);
    CALL(rt_sigprocmask, SIG_BLOCK, &set, NULL, 8L);
    CALL(kill, self, SIGUSR1);
    CALL(rt_sigpending, &before, 8L);
    struct timespec ts = {0, 1000000};
    CALL(rt_sigtimedwait, &set, &si, &ts, 8L), CALL(rt_sigtimedwait, &set, &si, &ts, 8L);
    CALL(tkill, self, SIGUSR1), CALL(rt_sigtimedwait, &set, NULL, NULL, 8L);
    CALL(kill, self, SIGUSR1);
    set = 0;
    CALL(rt_sigsuspend, &set, 8L);
    CALL(rt_sigprocmask, SIG_SETMASK, &set, NULL, 8L);
    stack_t ss = {0}, was;
    ss.ss_sp = mmap(NULL, 16384, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), ss.ss_size = 16384;
    CALL(sigaltstack, &ss, &was), CALL(sigaltstack, NULL, &was);
    ss.ss_flags = SS_DISABLE, CALL(sigaltstack, &ss, NULL);
    ss.ss_flags = 77, CALL(sigaltstack, &ss, NULL);
    int fd = CALL(signalfd4, -1, &set, 8L, O_CLOEXEC | O_NONBLOCK);
    set = 1ul << (SIGUSR2 - 1);
    CALL(signalfd, fd, &set, 8L), CALL(signalfd4, -1, BAD, 8L, 0), CALL(close, fd);
    // Interrupted calls: one that starts again, and one that does not.
    int p[2];
    CALL(pipe2, p, 0);
    handle(SIGALRM, 0, nothing, 0);
    char c;
    CALL(alarm, 1), CALL(read, p[0], &c, 1), CALL(alarm, 0);
    handle(SIGALRM, SA_RESTART, nothing, 0);
    pid_t writer = fork();
    if (writer == 0) {
        // The read of the parent sleeps by then: it is interrupted, and starts again.
        for (int i = 0; i < 2; ++i) usleep(300000), i ? (void)write(p[1], "x", 1) : (void)kill(self, SIGALRM);
        _exit(0);
    }
    CALL(read, p[0], &c, 1);
    CALL(wait4, writer, NULL, 0, NULL);
    struct timespec long_time = {0, 900000000};
    writer = fork();
    if (writer == 0) {
        usleep(300000), kill(self, SIGALRM);
        _exit(0);
    }
    CALL(nanosleep, &long_time, &ts);
    CALL(wait4, writer, NULL, 0, NULL);
    writer = fork();
    if (writer == 0) {
        usleep(300000), kill(self, SIGALRM);
        _exit(0);
    }
    CALL(pause);
    CALL(wait4, writer, NULL, 0, NULL);
    close(p[0]), close(p[1]);
    dies_of(SIGKILL), dies_of(SIGTERM), dies_of(SIGSEGV), dies_of(34), dies_of(64);
    pid_t child = fork();
    if (child == 0) {
        *(volatile int*)0x123 = 1;
        _exit(0);
    }
    int status;
    CALL(wait4, child, &status, 0, NULL);
    child = fork();
    if (child == 0) {
        mmap((void*)0x10000000, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
        *(volatile int*)0x10000000 = 1;
        _exit(0);
    }
    CALL(wait4, child, &status, 0, NULL);
    child = fork();
    if (child == 0) {
        __asm__ volatile("ud2");
        _exit(0);
    }
    CALL(wait4, child, &status, 0, NULL);
    child = fork();
    if (child == 0) {
        volatile int zero = 0;
        volatile int one = 1;
        _exit(one / zero);
    }
    CALL(wait4, child, &status, 0, NULL);
    child = fork();
    if (child == 0) {
        write(-1, 0, 0);
        close(0), pipe(p), close(p[0]);
        write(p[1], "x", 1);
        _exit(0);
    }
    CALL(wait4, child, &status, 0, NULL);
}
