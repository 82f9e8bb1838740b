// What a process may, and what it is: identities, limits, capabilities, prctl, seccomp; and the machine.
#include "trace_calls.h"

#include <asm/prctl.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/reboot.h>
#include <linux/seccomp.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/statfs.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <sys/wait.h>

static void identities(void) {
    CALL(getpid), CALL(getppid), CALL(getuid), CALL(geteuid), CALL(getgid), CALL(getegid), CALL(gettid), CALL(getpgrp), CALL(getpgid, 0), CALL(getsid, 0);
    CALL(getsid, 0x7ffffff0), CALL(setpgid, 0, 0), CALL(setpgid, 0x7ffffff0, 0);
    unsigned a, b, c, list[40];
    CALL(getresuid, &a, &b, &c), CALL(getresgid, &a, &b, &c), CALL(getresuid, BAD, &b, &c);
    CALL(setuid, 0), CALL(setgid, 0), CALL(setreuid, -1, 0), CALL(setregid, 0, -1), CALL(setresuid, 0, -1, 0), CALL(setresgid, -1, -1, -1), CALL(setfsuid, 0), CALL(setfsgid, -1);
    CALL(setgroups, 2, (unsigned[]){5, 10}), CALL(getgroups, 0, NULL), CALL(getgroups, 40, list), CALL(getgroups, 1, list), CALL(setgroups, 1, BAD), CALL(setgroups, 0, NULL);
    struct rlimit r;
    CALL(getrlimit, RLIMIT_STACK, &r), CALL(getrlimit, 99, &r), CALL(getrlimit, RLIMIT_CORE, BAD);
    CALL(prlimit64, 0, RLIMIT_NOFILE, (struct rlimit[]){{1000, 2000}}, &r), CALL(prlimit64, 0, RLIMIT_CPU, NULL, &r), CALL(prlimit64, 0x7ffffff0, RLIMIT_AS, NULL, &r);
    CALL(setrlimit, RLIMIT_CORE, (struct rlimit[]){{0, RLIM_INFINITY}}), CALL(setrlimit, RLIMIT_FSIZE, (struct rlimit[]){{5, 4}}), CALL(setrlimit, RLIMIT_NICE, BAD);
    struct __user_cap_header_struct h = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct d[2] = {{0}};
    CALL(capget, &h, NULL), CALL(capset, &h, BAD), h.version = 5, CALL(capget, &h, d), CALL(capget, BAD, d), h.version = _LINUX_CAPABILITY_VERSION_3, h.pid = 0;
    pid_t child = fork();
    if (child == 0) {
        d[0].effective = 1 << CAP_CHOWN | 1 << CAP_KILL, d[0].permitted = d[0].effective, d[0].inheritable = 0, d[1].permitted = 1 << (CAP_BPF - 32);
        CALL(capset, &h, d), CALL(capget, &h, d);
        _exit(0);
    }
    CALL(wait4, child, NULL, 0, NULL);
}

static void controls(void) {
    int n;
    char name[16];
    CALL(prctl, PR_SET_NAME, "trace name of sixteen"), CALL(prctl, PR_GET_NAME, name), CALL(prctl, PR_SET_NAME, BAD);
    CALL(prctl, PR_SET_PDEATHSIG, SIGHUP), CALL(prctl, PR_GET_PDEATHSIG, &n), CALL(prctl, PR_SET_PDEATHSIG, 0);
    CALL(prctl, PR_GET_DUMPABLE), CALL(prctl, PR_SET_DUMPABLE, 1), CALL(prctl, PR_SET_DUMPABLE, 7);
    CALL(prctl, PR_GET_KEEPCAPS), CALL(prctl, PR_SET_KEEPCAPS, 1), CALL(prctl, PR_SET_KEEPCAPS, 0), CALL(prctl, PR_GET_SECUREBITS), CALL(prctl, PR_SET_SECUREBITS, 0);
    CALL(prctl, PR_CAPBSET_READ, CAP_SYS_ADMIN), CALL(prctl, PR_CAPBSET_READ, 99), CALL(prctl, PR_CAPBSET_DROP, 99);
    CALL(prctl, PR_GET_TIMERSLACK), CALL(prctl, PR_SET_TIMERSLACK, 50000L), CALL(prctl, PR_SET_CHILD_SUBREAPER, 0), CALL(prctl, PR_GET_CHILD_SUBREAPER, &n);
    CALL(prctl, PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), CALL(prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), CALL(prctl, PR_GET_SECCOMP), CALL(prctl, PR_GET_TSC, &n);
    CALL(prctl, PR_SET_THP_DISABLE, 0, 0, 0, 0), CALL(prctl, PR_GET_THP_DISABLE, 0, 0, 0, 0), CALL(prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAP_KILL, 0, 0);
    CALL(prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0), CALL(prctl, PR_GET_TID_ADDRESS, name), CALL(prctl, 9999, 1, 2, 3, 4);
    CALL(arch_prctl, ARCH_GET_GS, name), CALL(arch_prctl, 0x3001, name), CALL(arch_prctl, 77, 5L), CALL(arch_prctl, ARCH_GET_CPUID, 0L);
    CALL(personality, -1L), CALL(personality, 0x0040000L), CALL(personality, 0L);
    pid_t child = fork();
    if (child == 0) {
        struct sock_filter f[] = {
            BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
            BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
            BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | 5),
            BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getuid, 0, 1),
            BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
            BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        };
        struct sock_fprog p = {6, f};
        unsigned action = SECCOMP_RET_KILL_PROCESS;
        CALL(seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action), CALL(seccomp, 77, 0, NULL), CALL(seccomp, SECCOMP_SET_MODE_FILTER, 0x100, &p), CALL(prctl, PR_SET_SECCOMP, 9);
        CALL(seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_LOG, &p), CALL(prctl, PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &p);
        CALL(getppid), CALL(getuid);
        _exit(0);
    }
    int status;
    CALL(wait4, child, &status, 0, NULL);
}

static void machine(void) {
    struct utsname u;
    struct sysinfo s;
    struct statfs f;
    char bytes[16];
    CALL(uname, &u), CALL(uname, BAD), CALL(sysinfo, &s), CALL(statfs, "/proc", &f), CALL(statfs, "/nowhere", &f), CALL(fstatfs, 99, &f);
    CALL(getrandom, bytes, 8L, 1), CALL(getrandom, bytes, 8L, 77), CALL(getrandom, BAD, 8L, 0);
    CALL(sethostname, BAD, 5), CALL(sethostname, "x", 100), CALL(setdomainname, BAD, 5);
    CALL(mount, "none", "/nowhere", "tmpfs", MS_NOSUID | MS_NODEV, "size=1m"), CALL(mount, NULL, "/nowhere", NULL, MS_REMOUNT | MS_RDONLY, NULL);
    CALL(umount2, "/nowhere", MNT_DETACH | UMOUNT_NOFOLLOW), CALL(reboot, 0x1234, 0x5678, LINUX_REBOOT_CMD_RESTART, NULL), CALL(reboot, LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2, 0x77, NULL);
    CALL(sync), syscall(9999, 1L, 2L, 3L, 4L, 5L, 6L);
}

void trace_settings(void) {
    identities();
    controls();
    machine();
}
