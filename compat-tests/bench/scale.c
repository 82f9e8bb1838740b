/* Two independent loops: how much more two CPUs do than one.
 *
 *   scale [--rounds N] [--ops N] [LOOP...]
 *
 * Each loop runs on CPU 0 alone, then in two threads on CPU 0 and CPU 1, in turn, N rounds of it (5); the best
 * round of each side counts. Lines as microbench prints them:
 *
 *   scale_getpid_one 35.2 ns         time of an operation on one CPU
 *   scale_getpid_two 18.2 ns         of one of those that two CPUs do together: half, where it scales
 *
 * --ops fixes the operations of a loop (for counters: --rounds 1 --ops 100000); else a round takes about 50 ms. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

struct state {
    int fd, other;
    struct sockaddr_in peer;
    unsigned word;
};

static void die(const char *what) {
    printf("scale: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void make_nothing(struct state *s) { (void)s; }
static void do_getpid(struct state *s, long n) {
    (void)s;
    while (n--)
        syscall(SYS_getpid);
}

static void make_zero(struct state *s) {
    s->fd = open("/dev/zero", O_RDONLY);
    if (s->fd < 0)
        die("/dev/zero");
}
static void do_read(struct state *s, long n) {
    char byte;
    while (n--)
        if (read(s->fd, &byte, 1) != 1)
            die("read");
}

static void do_mmap(struct state *s, long n) {
    (void)s;
    while (n--) {
        volatile char *p = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (p == MAP_FAILED)
            die("mmap");
        *p = 1;
        if (munmap((void *)p, 4096))
            die("munmap");
    }
}

static void do_futex(struct state *s, long n) {
    while (n--)
        syscall(SYS_futex, &s->word, FUTEX_WAKE_PRIVATE, 1, 0, 0, 0);
}

static void make_pipe(struct state *s) {
    int ends[2];
    if (pipe(ends))
        die("pipe");
    s->fd = ends[0];
    s->other = ends[1];
}
static void do_pipe(struct state *s, long n) {
    char byte = 0;
    while (n--)
        if (write(s->other, &byte, 1) != 1 || read(s->fd, &byte, 1) != 1)
            die("pipe");
}

static void make_udp(struct state *s) {
    socklen_t size = sizeof s->peer;
    s->fd = socket(AF_INET, SOCK_DGRAM, 0);
    s->other = socket(AF_INET, SOCK_DGRAM, 0);
    memset(&s->peer, 0, sizeof s->peer);
    s->peer.sin_family = AF_INET;
    s->peer.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (s->fd < 0 || s->other < 0 || bind(s->fd, (struct sockaddr *)&s->peer, size) ||
        getsockname(s->fd, (struct sockaddr *)&s->peer, &size) || connect(s->other, (struct sockaddr *)&s->peer, size))
        die("udp");
}
static void do_udp(struct state *s, long n) {
    char byte = 0;
    while (n--)
        if (send(s->other, &byte, 1, 0) != 1 || recv(s->fd, &byte, 1, 0) != 1)
            die("udp");
}

static const struct loop {
    const char *name;
    void (*make)(struct state *);
    void (*run)(struct state *, long);
} loops[] = {
    {"getpid", make_nothing, do_getpid}, {"read_zero", make_zero, do_read}, {"mmap_touch", make_nothing, do_mmap},
    {"futex_wake", make_nothing, do_futex}, {"pipe", make_pipe, do_pipe}, {"udp", make_udp, do_udp},
};
enum { loop_count = sizeof loops / sizeof *loops };

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static atomic_int arrived, parties;

struct job {
    const struct loop *loop;
    struct state *state;
    long ops;
    int cpu;
    double start, end;
};

static void *job_main(void *argument) {
    struct job *job = argument;
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(job->cpu, &set);
    if (sched_setaffinity(0, sizeof set, &set))
        die("a second CPU is needed (--smp 2, --cpus 2)");
    atomic_fetch_add(&arrived, 1);
    while (atomic_load(&arrived) < atomic_load(&parties))
        sched_yield();
    job->start = now();
    job->loop->run(job->state, job->ops);
    job->end = now();
    return 0;
}

/* Operations a second of `count` threads, each on a CPU of its own. */
static double speed(const struct loop *loop, struct state *states, int count, long ops) {
    struct job jobs[2];
    pthread_t threads[2];
    atomic_store(&arrived, 0);
    atomic_store(&parties, count);
    for (int i = 0; i < count; i++) {
        jobs[i] = (struct job){loop, &states[i * 8], ops, i, 0, 0};
        if (pthread_create(&threads[i], 0, job_main, &jobs[i]))
            die("pthread_create");
    }
    double start = 1e300, end = 0;
    for (int i = 0; i < count; i++) {
        pthread_join(threads[i], 0);
        start = jobs[i].start < start ? jobs[i].start : start;
        end = jobs[i].end > end ? jobs[i].end : end;
    }
    return (double)count * (double)ops / (end - start);
}

int main(int argc, char **argv) {
    int rounds = 5, first = 1;
    long fixed = 0;
    for (; first + 1 < argc && strncmp(argv[first], "--", 2) == 0; first += 2) {
        if (strcmp(argv[first], "--rounds") == 0)
            rounds = atoi(argv[first + 1]);
        else if (strcmp(argv[first], "--ops") == 0)
            fixed = atol(argv[first + 1]);
        else
            break;
    }
    static struct state states[16]; /* 8 apart: no cache line is shared */
    for (int i = 0; i < loop_count; i++) {
        const struct loop *loop = &loops[i];
        int named = first >= argc;
        for (int a = first; a < argc; a++)
            named |= strcmp(argv[a], loop->name) == 0;
        if (!named)
            continue;
        loop->make(&states[0]);
        loop->make(&states[8]);
        long ops = fixed;
        if (!ops) {
            for (ops = 1000; (double)ops / speed(loop, states, 1, ops) < 0.05;)
                ops *= 2;
        }
        double one = 0, two = 0;
        for (int round = 0; round < rounds; round++) {
            double v = speed(loop, states, 1, ops);
            one = v > one ? v : one;
            v = speed(loop, states, 2, ops);
            two = v > two ? v : two;
        }
        printf("scale_%s_one %.1f ns\nscale_%s_two %.1f ns\n", loop->name, 1e9 / one, loop->name, 1e9 / two);
        fflush(stdout);
    }
    return 0;
}
