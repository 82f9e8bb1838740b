/* Calls every system call 0..460 with each argument in turn null, -1, unmapped, of the kernel's half,
 * misaligned, maximal; each call in a forked child with an alarm. Passes when the system survives: the
 * sweep itself comes to its last line. `random_elf` (second part) gives random bytes to execve.
 *
 *     hostile_sweep [--host] [--from N] [--to N] [--elf COUNT] [--skip N] [--seed N] [--verbose]
 *
 * With --host the calls that would harm the machine it runs on are left out (an explicit list); so are they
 * in the guest where they end it by contract (reboot). Prints one line a call: number, how many calls
 * returned, failed, died by a signal, were stopped by the alarm. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static char scratch[8192] __attribute__((aligned(4096)));

/* Ends the machine by contract, wherever it runs. */
static const int never[] = {169 /* reboot */};

/* Harms the host: time, swap, mounts, modules, names, keys, other processes, whole-system state. */
static const int not_on_host[] = {
    62 /* kill: -1 */, 129 /* rt_sigqueueinfo */, 200 /* tkill */, 234 /* tgkill */, 297 /* rt_tgsigqueueinfo */,
    424 /* pidfd_send_signal */, 83, 84, 87, 263, 82, 264, 316, /* names: mkdir, rmdir, unlink, rename */
    90, 91, 92, 93, 94, 260, 268, 452, /* chmod, chown */ 76, 77, 85, /* truncate, ftruncate, creat */
    103 /* syslog */, 141 /* setpriority */, 142, 144, 203, 314, /* scheduling */ 153 /* vhangup */,
    155 /* pivot_root */, 156 /* sysctl */, 159 /* adjtimex */, 160, 302, /* limits */ 161 /* chroot */, 162 /* sync */,
    163 /* acct */, 164 /* settimeofday */, 165, 166, /* mount, umount2 */ 167, 168, /* swapon, swapoff */
    170, 171, /* sethostname, setdomainname */ 172, 173, /* iopl, ioperm */ 174, 175, 176, 177, 178, /* modules */
    179 /* quotactl */, 227, 305, /* clock_settime, clock_adjtime */ 246 /* kexec_load */, 248, 249, 250, /* keys */
    251, 252, /* ioprio */ 256, 279, /* migrate_pages, move_pages */ 300, 301, /* fanotify */
    304 /* open_by_handle_at */, 306 /* syncfs */, 308 /* setns */, 313 /* finit_module */, 320 /* kexec_file_load */,
    321 /* bpf */, 272 /* unshare */, 428, 429, 430, 431, 432, 433, 442, /* mounts */ 443 /* quotactl_fd */,
    40, 326, /* sendfile, copy_file_range: huge */ 285 /* fallocate */, 101 /* ptrace */, 310, 311, /* process_vm */
    29, 30, 31, 64, 65, 66, 67, 68, 69, 70, 71, 220, /* System V objects outlive the process */
    448 /* process_mrelease */, 440 /* process_madvise */,
};

static int listed(const int *list, size_t n, int number) {
    for (size_t i = 0; i < n; i++) {
        if (list[i] == number) {
            return 1;
        }
    }
    return 0;
}

static long raw(long n, const long *a) {
    register long r10 __asm__("r10") = a[3];
    register long r8 __asm__("r8") = a[4];
    register long r9 __asm__("r9") = a[5];
    long r = n;
    __asm__ volatile("syscall" : "+a"(r) : "D"(a[0]), "S"(a[1]), "d"(a[2]), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return r;
}

/* One call in a child. 'r' returned, 'e' an error, 's' a signal, 't' the alarm, 'f' no child. */
static int try_call(int number, const long *args) {
    fflush(stdout);
    pid_t pid = fork();
    if (pid < 0) {
        return 'f';
    }
    if (pid == 0) {
        struct rlimit small = {64, 64};
        struct itimerval soon = {{0, 0}, {0, 150000}};
        dup2(9, 0); /* 0 is among the hostile descriptors */
        setpgid(0, 0);
        signal(SIGALRM, SIG_DFL);
        setitimer(ITIMER_REAL, &soon, 0);
        setrlimit(RLIMIT_NPROC, &small);
        long r = raw(number, args);
        /* clone and its kin return twice; both sides end here. */
        raw(SYS_exit_group, (long[6]){r < 0 && r > -4096 ? 1 : 0});
    }
    int status = 0, waited = 0;
    /* A call may stop the child, or turn the alarm off: after some seconds it is killed. */
    for (;;) {
        pid_t got = waitpid(pid, &status, WNOHANG);
        if (got == pid) {
            break;
        }
        if (got < 0 && errno != EINTR) {
            return 'f';
        }
        struct timespec ts = {0, waited < 20 ? 200000 : 5000000};
        nanosleep(&ts, 0);
        if (++waited == 600) {
            kill(pid, SIGCONT);
            kill(pid, SIGKILL);
        }
    }
    if (WIFEXITED(status)) {
        return WEXITSTATUS(status) ? 'e' : 'r';
    }
    return WTERMSIG(status) == SIGALRM || WTERMSIG(status) == SIGKILL ? 't' : 's';
}

static void sweep(int number) {
    const long values[] = {0, -1, 0x10, (long)0xffff800000000000UL, (long)0xffffffff80000000UL, (long)(scratch + 4093),
                           INT64_MAX, (long)0x8000000000000000UL, 0x7fffffffL, 4096};
    /* The other arguments: a descriptor and valid memory, or zeros. */
    const long bases[2][6] = {{0, 0, 0, 0, 0, 0},
                              {9, (long)scratch, 64, (long)scratch, (long)scratch, (long)scratch}};
    int count[256] = {0};
    for (int b = 0; b < 2; b++) {
        for (int arg = 0; arg < 6; arg++) {
            for (size_t v = 0; v < sizeof(values) / sizeof(*values); v++) {
                long args[6];
                if (count['t'] >= 6) { /* it blocks; that is enough of it */
                    continue;
                }
                memcpy(args, bases[b], sizeof(args));
                args[arg] = values[v];
                memset(scratch, 0, sizeof(scratch));
                count[try_call(number, args)]++;
            }
        }
    }
    printf("call %d: %d returned, %d failed, %d signals, %d timeouts, %d not started\n", number, count['r'],
           count['e'], count['s'], count['t'], count['f']);
    fflush(stdout);
}

static uint64_t state;
static uint64_t next_random(void) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

/* A random file for execve: pure noise, or a well-formed header and tables with some fields spoilt. */
static size_t make_file(unsigned char *p, size_t room) {
    size_t size = next_random() % room;
    for (size_t i = 0; i < size; i++) {
        p[i] = (unsigned char)next_random();
    }
    int kind = (int)(next_random() % 4);
    if (kind == 0 || size < 400) {
        return size;
    }
    /* What may be started runs int3: without isolation a program runs in ring 0, and noise there may well end
     * its own VM (cli; jmp). The loader is what is tested here. */
    memset(p, 0xcc, size);
    memset(p, 0, 64 + 56 * 3);
    memcpy(p, "\177ELF\2\1\1", 7);
    p[16] = (unsigned char)(next_random() % 2 ? 2 : 3); /* ET_EXEC, ET_DYN */
    p[18] = 62;
    p[20] = 1;
    uint64_t base = p[16] == 2 ? 0x400000 : 0, entry = base + 256, off = 64;
    memcpy(p + 24, &entry, 8);
    memcpy(p + 32, &off, 8);
    p[52] = 64;
    p[54] = 56;
    p[56] = (unsigned char)(1 + next_random() % 3);
    for (int i = 0; i < p[56]; i++) {
        unsigned char *ph = p + 64 + 56 * i;
        uint64_t vaddr = base + 0x10000u * (unsigned)i, file = size, mem = size + next_random() % 65536;
        ph[0] = 1;
        ph[4] = (unsigned char)(next_random() % 8);
        memcpy(ph + 16, &vaddr, 8);
        memcpy(ph + 32, &file, 8);
        memcpy(ph + 40, &mem, 8);
    }
    if (kind > 1) {
        for (int i = 0; i < kind; i++) { /* spoil a field of 8 bytes */
            uint64_t noise = next_random() % 3 ? next_random() : next_random() % 0x20000;
            memcpy(p + next_random() % 232, &noise, 8);
        }
        if (next_random() % 4 == 0) {
            memcpy(p, "\177ELF\2\1\1", 7);
        }
    }
    return size;
}

static int random_elf(int rounds, int skip, int verbose) {
    static unsigned char bytes[16384];
    int refused = 0, died = 0, ran = 0, other = 0, spun = 0;
    int by_errno[128] = {0};
    for (int i = 0; i < rounds; i++) {
        size_t size = make_file(bytes, sizeof(bytes));
        if (i < skip) {
            continue;
        }
        if (verbose) {
            printf("random_elf %d: %zu bytes\n", i, size);
        }
        fflush(stdout);
        pid_t pid = fork();
        if (pid < 0) {
            return 1;
        }
        if (pid == 0) {
            char *argv[] = {"x", 0};
            int fd = memfd_create("x", MFD_CLOEXEC);
            char path[64];
            if (fd < 0 || write(fd, bytes, size) != (ssize_t)size) {
                _exit(255);
            }
            /* Only a descriptor for reading is left, or ETXTBSY could come before anything is looked at. */
            snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
            int ro = open(path, O_RDONLY | O_CLOEXEC);
            close(fd);
            fd = ro;
            alarm(5);
            syscall(SYS_execveat, fd, "", argv, argv + 1, AT_EMPTY_PATH);
            _exit(errno < 128 ? errno : 127);
        }
        int status = 0;
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
        }
        if (WIFSIGNALED(status)) {
            died++;
            /* int3 and bad headers end at once: whoever meets the alarm was started wrongly. */
            spun += WTERMSIG(status) == SIGALRM;
            if (WTERMSIG(status) == SIGALRM && spun <= 5) {
                printf("random_elf %d (%zu bytes) ran until the alarm\n", i, size);
            }
            if (spun > 5) {
                break;
            }
            if (verbose) {
                printf("random_elf %d: signal %d\n", i, WTERMSIG(status));
            }
            continue;
        }
        int code = WEXITSTATUS(status);
        if (code == 255) {
            printf("random_elf %d: no memory file\n", i);
            return 1;
        }
        by_errno[code & 127]++;
        /* What Linux's loader answers to such files; noise does not come to an exit of its own. */
        if (code == ENOEXEC || code == EINVAL || code == ENOMEM || code == EACCES || code == EIO || code == EFAULT) {
            refused++;
        } else if (code == 0) {
            ran++;
        } else {
            other++;
        }
    }
    printf("random_elf: %d files, %d refused, %d killed by a signal (%d by the alarm), %d ran, %d other answers; errno:", rounds,
           refused, died, spun, ran, other);
    for (int e = 0; e < 128; e++) {
        if (by_errno[e]) {
            printf(" %d x %d", by_errno[e], e);
        }
    }
    printf("\n");
    /* Some files are well-formed enough to be started: none started means that the loader saw none of them. */
    return other > 0 || spun > 0 || (rounds - skip >= 100 && died == 0);
}

int main(int argc, char **argv) {
    int host = 0, from = 0, to = 460, elf = 200, skip = 0, verbose = 0;
    state = 88172645463325252ULL;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--host") == 0) {
            host = 1;
        } else if (strcmp(argv[i], "--from") == 0 && i + 1 < argc) {
            from = atoi(argv[++i]);
        } else if (strcmp(argv[i], "--to") == 0 && i + 1 < argc) {
            to = atoi(argv[++i]);
        } else if (strcmp(argv[i], "--elf") == 0 && i + 1 < argc) {
            elf = atoi(argv[++i]);
        } else if (strcmp(argv[i], "--skip") == 0 && i + 1 < argc) {
            skip = atoi(argv[++i]);
        } else if (strcmp(argv[i], "--verbose") == 0) {
            verbose = 1;
        } else if (strcmp(argv[i], "--seed") == 0 && i + 1 < argc) {
            state = strtoull(argv[++i], 0, 0) | 1;
        }
    }
    /* Descriptor 9 is a scratch file; nothing else of the caller's is left to the calls. */
    int file = memfd_create("hostile", 0);
    if (file < 0 || dup2(file, 9) != 9) {
        perror("memfd_create");
        return 1;
    }
    /* Children may not keep the machine busy or fill its disk. */
    struct rlimit no_core = {0, 0}, file_size = {1 << 20, 1 << 20}, memory = {256 << 20, 256 << 20};
    setrlimit(RLIMIT_CORE, &no_core);
    setrlimit(RLIMIT_FSIZE, &file_size);
    setrlimit(RLIMIT_AS, &memory);
    signal(SIGXFSZ, SIG_IGN);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    int left_out = 0;
    for (int n = from; n <= to; n++) {
        if (listed(never, sizeof(never) / sizeof(*never), n) ||
            (host && listed(not_on_host, sizeof(not_on_host) / sizeof(*not_on_host), n))) {
            printf("call %d: left out\n", n);
            left_out++;
            continue;
        }
        sweep(n);
        while (waitpid(-1, 0, WNOHANG) > 0) { /* grandchildren of clone */
        }
    }
    if (elf > 0 && random_elf(elf, skip, verbose) != 0) {
        return 1;
    }
    printf("survived %d calls, %d left out\n", to - from + 1 - left_out, left_out);
    return 0;
}
