// Processes, threads, futexes.
#include "trace_calls.h"

#include <linux/capability.h>
#include <linux/futex.h>
#include <linux/kcmp.h>
#include <linux/sched.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

static void children(void) {
    int status;
    struct rusage usage;
    pid_t child = CALL(fork);
    if (child == 0) CALL(exit_group, 7);
    CALL(wait4, child, &status, 0, &usage);
    child = CALL(clone, SIGCHLD, 0L, 0L, 0L, 0L);
    if (child == 0) CALL(exit, 300);
    CALL(wait4, -1, &status, WUNTRACED | WCONTINUED, NULL);
    int tid = 0, parent_tid = 0;
    child = CALL(clone, CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID | CLONE_PARENT_SETTID | SIGCHLD, 0L, &parent_tid, &tid, 0L);
    if (child == 0) CALL(exit_group, 0);
    CALL(wait4, child, NULL, __WALL, NULL);
    CALL(clone, CLONE_SIGHAND, 0L, 0L, 0L, 0L);
    struct clone_args args;
    memset(&args, 0, sizeof args);
    args.exit_signal = SIGCHLD, args.flags = CLONE_PARENT_SETTID | CLONE_CHILD_SETTID, args.parent_tid = (uintptr_t)&parent_tid, args.child_tid = (uintptr_t)&tid;
    child = CALL(clone3, &args, sizeof args);
    if (child == 0) CALL(exit_group, 1);
    siginfo_t si;
    memset(&si, 0, sizeof si);
    CALL(waitid, P_PID, child, &si, WEXITED | WNOWAIT, NULL);
    CALL(waitid, P_ALL, 0, &si, WEXITED | WSTOPPED, &usage);
    CALL(waitid, P_ALL, 0, &si, WEXITED, NULL), CALL(waitid, P_PID, child, NULL, 0, NULL), CALL(waitid, 77, 0, &si, WEXITED, NULL);
    args.flags = CLONE_SIGHAND, args.exit_signal = 99;
    CALL(clone3, &args, sizeof args), CALL(clone3, &args, 8L), CALL(clone3, BAD, sizeof args);
    CALL(wait4, -1, &status, WNOHANG, NULL), CALL(wait4, 0x7ffffff0, &status, 0x1000, NULL);
    child = fork();
    if (child == 0) {
        CALL(kill, getpid(), SIGSTOP);
        CALL(exit_group, 0);
    }
    CALL(wait4, child, &status, WUNTRACED, NULL);
    CALL(kill, child, SIGKILL);
    CALL(wait4, child, &status, 0, NULL);
    child = vfork();
    if (child == 0) {
        char* argv[] = {"a", "argument \"two\"", "0123456789012345678901234567890123456789", NULL};
        char* envp[] = {"A=1", NULL};
        CALL(execve, "/nowhere", argv, envp), CALL(execve, "/nowhere", NULL, NULL), CALL(execve, NULL, argv, envp);
        CALL(execveat, AT_FDCWD, "/nowhere", argv, envp, AT_SYMLINK_NOFOLLOW);
        CALL(execve, "/nowhere", BAD, BAD);
        envp[0] = NULL;
        CALL(execve, "/tmp", argv + 2, envp);
        _exit(0);
    }
    CALL(wait4, child, &status, 0, NULL);
    int fd = CALL(pidfd_open, getpid(), 0);
    CALL(pidfd_open, 0x7ffffff0, 0x10), CALL(pidfd_send_signal, fd, 0, NULL, 0), CALL(pidfd_getfd, fd, 1, 0), CALL(pidfd_getfd, fd, 99, 0);
    CALL(close, fd), CALL(close, fd + 1);
}

static int second_thread(void* word) {
    CALL(futex, word, FUTEX_WAKE, 1);
    return 0;
}

static void threads(void) {
    static uint32_t words[4];
    static char stack[65536] __attribute__((aligned(16)));
    int tid = 0;
    CALL(set_tid_address, &tid);
    CALL(set_robust_list, words, 24L), CALL(set_robust_list, words, 23L);
    void* head;
    size_t length;
    CALL(get_robust_list, 0, &head, &length);
    clone(second_thread, stack + sizeof stack, CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_VFORK | SIGCHLD, words);
    CALL(wait4, -1, NULL, 0, NULL);
    struct timespec ts = {0, 1000};
    CALL(futex, words, FUTEX_WAIT, 1, NULL), CALL(futex, words, FUTEX_WAIT_PRIVATE, 0, &ts), CALL(futex, words, FUTEX_WAKE_PRIVATE, 0x7fffffff);
    CALL(futex, words, FUTEX_WAIT_BITSET_PRIVATE | FUTEX_CLOCK_REALTIME, 0, &ts, NULL, -1), CALL(futex, words, FUTEX_WAIT_BITSET, 1, NULL, NULL, 5);
    CALL(futex, words, FUTEX_WAKE_BITSET_PRIVATE, 1, NULL, NULL, -1), CALL(futex, words, FUTEX_REQUEUE_PRIVATE, 1, 2L, words + 1);
    CALL(futex, words, FUTEX_CMP_REQUEUE_PRIVATE, 1, 2L, words + 1, 0), CALL(futex, words, FUTEX_CMP_REQUEUE, 1, 2L, words + 1, 9);
    CALL(futex, words, FUTEX_WAKE_OP_PRIVATE, 1, 1L, words + 1, FUTEX_OP(FUTEX_OP_SET, 0, FUTEX_OP_CMP_GT, 1));
    CALL(futex, words, FUTEX_WAKE_OP, 1, 1L, words + 1, FUTEX_OP(FUTEX_OP_OR | 8, 3, FUTEX_OP_CMP_LE, 4));
    CALL(futex, words + 2, FUTEX_LOCK_PI_PRIVATE, 0, NULL), CALL(futex, words + 2, FUTEX_TRYLOCK_PI_PRIVATE), CALL(futex, words + 2, FUTEX_UNLOCK_PI_PRIVATE);
    CALL(futex, words + 2, FUTEX_UNLOCK_PI), CALL(futex, words, FUTEX_LOCK_PI2, 0, &ts);
    CALL(futex, words, FUTEX_WAIT_REQUEUE_PI, 1, &ts, words + 2), CALL(futex, words, FUTEX_CMP_REQUEUE_PI, 1, 1L, words + 2, 7);
    CALL(futex, words, 77, 1, 2L, words, 3), CALL(futex, BAD, FUTEX_WAKE, 1), CALL(futex, words, FUTEX_WAIT, 0, BAD);
    CALL(rseq, words, 32, 0, 0x53053053), CALL(rseq, BAD, 32, 5, 0x1234), CALL(rseq, words, 32, 1, 1);
    CALL(sched_yield), CALL(gettid);
}

static void scheduling(void) {
    struct sched_param p = {0};
    CALL(sched_getparam, 0, &p), CALL(sched_setparam, 0, &p), CALL(sched_setparam, 0, BAD);
    CALL(sched_getscheduler, 0), CALL(sched_setscheduler, 0, SCHED_BATCH, &p), CALL(sched_getscheduler, 0);
    p.sched_priority = 5;
    CALL(sched_setscheduler, 0, SCHED_OTHER, &p), CALL(sched_setscheduler, 0, SCHED_FIFO | SCHED_RESET_ON_FORK, &p), CALL(sched_getscheduler, 0);
    p.sched_priority = 0;
    CALL(sched_setscheduler, 0, 99, &p), CALL(sched_setscheduler, 0, SCHED_OTHER, &p);
    CALL(sched_get_priority_max, SCHED_RR), CALL(sched_get_priority_min, SCHED_OTHER), CALL(sched_get_priority_max, 77);
    uint32_t attr[14] = {48, SCHED_OTHER, 1, 0, 5};
    CALL(sched_setattr, 0, attr, 0), CALL(sched_getattr, 0, attr, 56, 0), CALL(sched_getattr, 0, attr, 48, 0), CALL(sched_getattr, 0, BAD, 56, 1);
    attr[1] = SCHED_IDLE, attr[2] = 0x10, attr[4] = 0, CALL(sched_setattr, 0, attr, 3);
    unsigned long mask[2] = {1, 0};
    CALL(sched_getaffinity, 0, 16L, mask), mask[0] = 1, mask[1] = 0, CALL(sched_setaffinity, 0, 16L, mask), CALL(sched_setaffinity, 0, 0L, mask);
    CALL(sched_getaffinity, 0, 1L, mask), CALL(sched_setaffinity, 0, 16L, BAD);
    CALL(getpriority, PRIO_PROCESS, 0), CALL(setpriority, PRIO_PROCESS, 0, 3), CALL(getpriority, PRIO_PROCESS, 0), CALL(getpriority, 9, 0), CALL(setpriority, PRIO_USER, 12345, -2);
    struct timespec ts;
    CALL(sched_rr_get_interval, 0x7ffffff0, &ts);
    unsigned cpu, node;
    CALL(getcpu, &cpu, &node, NULL);
    pid_t self = getpid();
    CALL(kcmp, self, self, KCMP_FILE, 1L, 1L), CALL(kcmp, self, self, KCMP_VM, 0L, 0L), CALL(kcmp, self, self, 99, 0L, 0L);
}

void trace_processes(void) {
    children();
    threads();
    scheduling();
}
