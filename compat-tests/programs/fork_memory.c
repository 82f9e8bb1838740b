// What processes cost and give back, by the kernel's own counters: for the guest only, as process 1.
//   fork_memory leak N       N times fork and exit: the memory that was there is there again
//   fork_memory large MIB    fork of a large process copies page tables only
//   fork_memory single       one address space: nothing loads CR3
//   fork_memory bomb_limit   a fork bomb of a user with RLIMIT_NPROC
//   fork_memory bomb_memory  a fork bomb of root, each process with memory of its own
// One line a fact, with its numbers; the status is 0 when all hold.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static int failed;

static void check(int holds, const char* what, long a, long b) {
    printf("%s %s: %ld, %ld\n", holds ? "ok  " : "FAIL", what, a, b);
    failed |= !holds;
}

// The number behind a name in a file of /proc.
static long number_of(const char* file, const char* name) {
    static char text[16384];
    int fd = open(file, O_RDONLY);
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (n < 0) perror(file), exit(2);
    close(fd);
    text[n] = 0;
    for (char* line = text; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (!strncmp(line, name, strlen(name)) && strchr(" :\t", line[strlen(name)])) return strtol(line + strlen(name) + 1, 0, 10);
    }
    printf("FAIL no %s in %s\n", name, file);
    exit(2);
}

static long memory(const char* name) { return number_of("/proc/meminfo", name); } // kB
static long counter(const char* name) { return number_of("/proc/linnet/counters", name); }

static void fork_and_exit(long times) {
    for (long i = 0; i < times; ++i) {
        pid_t pid = fork();
        if (pid < 0) perror("fork"), exit(2);
        if (!pid) _exit(i & 0x7f);
        int status;
        if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status) || WEXITSTATUS(status) != (i & 0x7f)) printf("FAIL status %x\n", status), exit(2);
    }
}

// Free memory once deferred frees have been done: the same value in several readings.
static long settled(const char* name) {
    long last = memory(name);
    for (int same = 0, tries = 0; same < 5 && tries < 500; ++tries) {
        usleep(2000);
        long now = memory(name);
        same = now == last ? same + 1 : 0;
        last = now;
    }
    return last;
}

static void leak(long times) {
    static const char* const names[] = {"MemFree", "Slab", "PageTables", "AnonPages", "KernelStack", "Cached"};
    enum { kNames = sizeof names / sizeof *names };
    // Every CPU keeps pages and objects for itself, and so some have to go round before it starts.
    fork_and_exit(500);
    long before[kNames], after[kNames];
    for (int i = 0; i < kNames; ++i) before[i] = settled(names[i]);
    fork_and_exit(times);
    for (int i = 0; i < kNames; ++i) after[i] = settled(names[i]);
    // What the CPUs keep: at most 64 pages each. One page a hundred forks would be more than that.
    const long slack = sysconf(_SC_NPROCESSORS_ONLN) * 64 * 4;
    for (int i = 0; i < kNames; ++i) check(labs(after[i] - before[i]) <= (i < 2 ? slack : 16), names[i], before[i], after[i]);
}

static void large(long mib, int advice) {
    const long size = mib << 20;
    char* m = mmap(0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (m == MAP_FAILED || madvise(m, size, advice)) perror("mmap"), exit(2);
    for (long i = 0; i < size; i += 4096) m[i] = 1;
    int go[2], done[2];
    if (pipe(go) || pipe(done)) exit(2);
    char c = 0;
    const long before = settled("MemFree"), tables = memory("PageTables");
    pid_t pid = fork();
    if (pid < 0) perror("fork"), exit(2);
    if (!pid) {
        if (read(go[0], &c, 1) != 1) _exit(1);
        for (long i = 0; i < 100; ++i) m[i * 4096] = 2;
        if (write(done[1], &c, 1) != 1 || read(go[0], &c, 1) != 1) _exit(1);
        _exit(m[size - 4096] == 1 && m[0] == 2 ? 7 : 1);
    }
    const long forked = settled("MemFree"), tables_forked = memory("PageTables");
    // A table maps 2 MiB; the parent may have had its huge pages' entries split.
    check(before - forked < 2 * mib / 2 * 4 + 2048, "kB that the fork took, and the process has", before - forked, size >> 10);
    check(tables_forked - tables <= 2 * mib / 2 * 4 + 256, "kB of page tables before and after", tables, tables_forked);
    if (write(go[1], &c, 1) != 1 || read(done[0], &c, 1) != 1) exit(2);
    const long written = settled("MemFree");
    check(forked - written >= 400 && forked - written < 400 + 2048, "kB that 100 written pages took", forked - written, 400);
    int status;
    if (write(go[1], &c, 1) != 1 || waitpid(pid, &status, 0) != pid) exit(2);
    check(WIFEXITED(status) && WEXITSTATUS(status) == 7 && m[0] == 1, "the child's status", status, m[0]);
    const long after = settled("MemFree");
    check(before - after < 2 * mib / 2 * 4 / 2 + 2048, "MemFree before and after", before, after);
    munmap(m, size);
}

static void* add(void* arg) {
    for (int i = 0; i < 1000; ++i) {
        atomic_fetch_add((atomic_long*)arg, 1);
        if (i % 100 == 0) usleep(100);
    }
    return 0;
}

/// Switches between threads of one address space flush no translations; unmapping does, so the threads live meanwhile.
static void switches_flush_nothing(void) {
    atomic_long n = 0;
    pthread_t t;
    if (pthread_create(&t, 0, add, &n)) exit(2);
    while (atomic_load(&n) < 100) usleep(100);
    const long flushes = counter("tlb_flushes"), switches = counter("context_switches");
    while (atomic_load(&n) < 900) usleep(100);
    const long flushed = counter("tlb_flushes"), switched = counter("context_switches");
    pthread_join(t, 0);
    check(switched > switches, "switches of two threads before and after", switches, switched);
    check(flushed == flushes, "TLB flushes before and after", flushes, flushed);
}

static void single(void) {
    switches_flush_nothing();
    const long before = counter("cr3_loads"), switches = counter("context_switches");
    atomic_long n = 0;
    for (int round = 0; round < 20; ++round) {
        pthread_t t[4];
        for (int i = 0; i < 4; ++i)
            if (pthread_create(&t[i], 0, add, &n)) exit(2);
        for (int i = 0; i < 4; ++i) pthread_join(t[i], 0);
        char* m = mmap(0, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        memset(m, 1, 1 << 20);
        munmap(m, 1 << 20);
    }
    const long after = counter("cr3_loads"), switched = counter("context_switches");
    check(n == 80000, "what the threads counted", n, 80000);
    check(switched - switches > 100, "switches of threads before and after", switches, switched);
    check(after == before, "CR3 loads before and after", before, after);
    fork_and_exit(3);
    check(counter("cr3_loads") > after, "CR3 loads before and after a fork", after, counter("cr3_loads"));
}

struct shared { atomic_long alive, most, refused; };

static void bomb_member(struct shared* s, long bytes) {
    for (;;) {
        long alive = atomic_load(&s->alive), most = atomic_load(&s->most);
        while (alive > most && !atomic_compare_exchange_weak(&s->most, &most, alive)) {}
        if (bytes) {
            char* m = mmap(0, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
            if (m != MAP_FAILED) memset(m, 1, bytes);
            else atomic_fetch_add(&s->refused, 1);
        }
        pid_t pid = fork();
        if (pid < 0) {
            atomic_fetch_add(&s->refused, 1);
            usleep(1000);
        } else if (!pid) {
            atomic_fetch_add(&s->alive, 1);
        }
    }
}

static void bomb(int limit, long bytes) {
    struct shared* s = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    fork_and_exit(20);
    const long before = settled("MemFree");
    pid_t pid = fork();
    if (!pid) {
        if (limit) {
            struct rlimit r = {limit, limit};
            if (setrlimit(RLIMIT_NPROC, &r) || setgid(1000) || setuid(1000)) _exit(9);
        }
        atomic_fetch_add(&s->alive, 1);
        bomb_member(s, bytes);
    }
    // It has blown up: forks were refused, or processes killed, often.
    int status;
    long killed = 0;
    for (int i = 0; i < 20000 && atomic_load(&s->refused) < 200 && killed < 50; ++i) {
        while ((pid = waitpid(-1, &status, WNOHANG)) > 0) killed += WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
        usleep(1000);
    }
    printf("     %ld processes at once, %ld forks refused, %ld killed\n", (long)s->most, (long)s->refused, killed);
    if (limit) check(s->most <= limit && s->most >= limit - 1, "processes at once, and the limit", s->most, limit);
    check(s->refused + killed > 0, "refused, killed", s->refused, killed);
    // kill(-1) may miss one that is being forked: until none is left.
    long ended = 0;
    for (;;) {
        kill(-1, SIGKILL);
        pid = waitpid(-1, &status, 0);
        if (pid < 0 && errno == ECHILD) break;
        ended += pid > 0;
    }
    check(ended > 0, "processes that were waited for", ended, 0);
    fork_and_exit(20);
    const long after = settled("MemFree");
    check(before - after < 2048, "MemFree before and after", before, after);
}

int main(int argc, char** argv) {
    setvbuf(stdout, 0, _IOLBF, 0);
    const char* what = argc > 1 ? argv[1] : "";
    const long n = argc > 2 ? atol(argv[2]) : 0;
    if (!strcmp(what, "leak") && n) leak(n);
    else if (!strcmp(what, "large") && n) large(n, MADV_NOHUGEPAGE), large(n, MADV_HUGEPAGE);
    else if (!strcmp(what, "single")) single();
    else if (!strcmp(what, "bomb_limit")) bomb(50, 0);
    else if (!strcmp(what, "bomb_memory")) bomb(0, 1 << 20);
    else return 2;
    return failed;
}
