#define _GNU_SOURCE
#include "torture.h"

#include <emmintrin.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { most_threads = 256, values = 4096 };

static _Atomic pid_t tid[most_threads];
static atomic_uint computing, ready;
static atomic_ulong sent[most_threads], plain_sent[most_threads];
static __thread unsigned self;
static __thread volatile unsigned long got, plain_got;
static atomic_uint wrong_order;
static __thread int last_value;

/* Handlers use vector registers too: the interrupted ones come back by sigreturn alone. */
static void disturb(void) {
    __m128i x = _mm_set1_epi32(-1);
    __asm__ volatile("movdqa %0, %%xmm0; movdqa %0, %%xmm7; movdqa %0, %%xmm15" : : "x"(x) : "xmm0", "xmm7", "xmm15");
}

static void on_queued(int signal, siginfo_t *info, void *context) {
    (void)signal;
    (void)context;
    /* The values of one sender come in order. */
    if (info->si_value.sival_int != (last_value + 1) % values)
        atomic_fetch_add(&wrong_order, 1);
    last_value = info->si_value.sival_int;
    got++;
    disturb();
}

static void on_plain(int signal) {
    (void)signal;
    plain_got++;
    disturb();
}

static uint64_t compute(uint64_t start, unsigned steps) {
    uint64_t a = start, b = ~start, c = 1, d = 2;
    __m128i v = _mm_set_epi64x((long long)start, 77), w = _mm_set1_epi32(3);
    double f = 1.0;
    for (unsigned i = 0; i < steps; i++) {
        a = a * 6364136223846793005u + 1442695040888963407u;
        b ^= a >> 7;
        c += b * 3;
        d = (d << 5 | d >> 59) ^ c;
        v = _mm_add_epi32(_mm_xor_si128(v, w), _mm_slli_epi32(v, 3));
        w = _mm_add_epi64(w, v);
        f = f * 1.0000001 + 0.5;
    }
    uint64_t out[2];
    _mm_storeu_si128((__m128i *)out, _mm_add_epi32(v, w));
    uint64_t bits;
    memcpy(&bits, &f, sizeof bits);
    return a ^ b ^ c ^ d ^ out[0] ^ out[1] ^ bits;
}

/* The threads with even numbers compute; each has a sender, the next one. */
static void signal_body(unsigned number) {
    struct random r = random_of(number);
    if (number % 2 == 0) {
        self = number;
        last_value = -1;
        atomic_store(&tid[number], (pid_t)syscall(SYS_gettid));
        atomic_fetch_add(&ready, 1);
        const uint64_t expected = compute(number, 20000);
        while (atomic_load(&sent[number]) == 0 || got != atomic_load(&sent[number]) - 1)
            if (compute(number, 20000) != expected)
                fail("a computation went wrong under signals");
        if (plain_got == 0 || plain_got > atomic_load(&plain_sent[number]))
            fail("%lu plain signals sent, %lu handled", atomic_load(&plain_sent[number]), plain_got);
        atomic_fetch_sub(&computing, 1);
        return;
    }
    const unsigned to = number - 1;
    while (atomic_load(&tid[to]) == 0)
        syscall(SYS_sched_yield);
    unsigned long count = 0;
    for (unsigned long round = 0; go_on(round); round++) {
        siginfo_t info;
        memset(&info, 0, sizeof info);
        info.si_code = SI_QUEUE;
        info.si_value.sival_int = (int)(count % values);
        if (syscall(SYS_rt_tgsigqueueinfo, getpid(), tid[to], SIGRTMIN + 2, &info) == 0) {
            count++;
        } else {
            CHECK(errno == EAGAIN); /* the queue is full */
            syscall(SYS_sched_yield);
        }
        if (round == 0 || below(&r, 4) == 0) {
            CHECK(syscall(SYS_tgkill, getpid(), tid[to], SIGUSR1) == 0);
            atomic_fetch_add(&plain_sent[to], 1);
        }
    }
    atomic_store(&sent[to], count + 1); /* the final count, plus one: it is known */
    while (atomic_load(&computing) > torture_threads / 2)
        syscall(SYS_sched_yield);
}

/* Signals to the process go to one thread that does not block them; none is lost. */
static atomic_ulong process_got;
static void on_process_signal(int signal) {
    (void)signal;
    atomic_fetch_add(&process_got, 1);
}

static atomic_ulong process_sent;
static void process_body(unsigned number) {
    struct random r = random_of(number);
    sigset_t one;
    sigemptyset(&one);
    sigaddset(&one, SIGRTMIN + 3);
    for (unsigned long round = 0; go_on(round); round++) {
        const int how = below(&r, 2) ? SIG_BLOCK : SIG_UNBLOCK;
        CHECK(number == 0 || pthread_sigmask(how, &one, 0) == 0);
        if (sigqueue(getpid(), SIGRTMIN + 3, (union sigval){0}) == 0)
            atomic_fetch_add(&process_sent, 1);
        else
            CHECK(errno == EAGAIN);
    }
    pthread_sigmask(SIG_UNBLOCK, &one, 0);
}

void torture_signal(void) {
    struct sigaction action = {.sa_sigaction = on_queued, .sa_flags = SA_SIGINFO | SA_RESTART};
    sigaction(SIGRTMIN + 2, &action, 0);
    action = (struct sigaction){.sa_handler = on_plain, .sa_flags = SA_RESTART};
    sigaction(SIGUSR1, &action, 0);
    action = (struct sigaction){.sa_handler = on_process_signal, .sa_flags = SA_RESTART};
    sigaction(SIGRTMIN + 3, &action, 0);
    const unsigned count = torture_threads & ~1u;
    atomic_store(&computing, count / 2);
    in_threads(count, signal_body);
    if (wrong_order)
        fail("%u queued signals came out of order", wrong_order);
    in_threads(torture_threads, process_body);
    while (atomic_load(&process_got) < atomic_load(&process_sent))
        syscall(SYS_sched_yield);
    if (process_got != process_sent)
        fail("%lu signals sent to the process, %lu handled", process_sent, process_got);
}
