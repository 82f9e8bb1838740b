// The program's side of the clocks: compiled as a shared object of its own, mapped into every program, bound by the program's
// ld.so or libc by name (vdso(7)). Runs without a stack protector, TLS or relocations.
#include "data.h"

extern const struct VdsoData vdso_data __attribute__((visibility("hidden")));

typedef struct { int64_t tv_sec, tv_nsec; } Timespec;
typedef struct { int64_t tv_sec, tv_usec; } Timeval;
enum { kRealtime = 0, kMonotonic = 1, kMonotonicRaw = 4, kRealtimeCoarse = 5, kMonotonicCoarse = 6, kBoottime = 7, kTai = 11 };
enum { kSysClockGettime = 228, kSysClockGetres = 229, kSysGetcpu = 309 };

static inline long call2(long n, long a, long b) {
    long r;
    asm volatile("syscall" : "=a"(r) : "0"(n), "D"(a), "S"(b) : "rcx", "r11", "memory");
    return r;
}

/// Nanoseconds since boot; with `real`, since 1970.
static inline uint64_t now(int real) {
    const volatile struct VdsoData* d = &vdso_data;
    uint32_t seq;
    uint64_t ns;
    do {
        seq = d->sequence;
        asm volatile("" ::: "memory");
        uint32_t lo, hi;
        asm volatile("lfence; rdtsc" : "=a"(lo), "=d"(hi)::"memory");
        uint64_t ticks = ((uint64_t)hi << 32 | lo) - d->tsc_base;
        ns = (uint64_t)((unsigned __int128)ticks * d->mult >> d->shift);
        if (real) ns += d->real_offset_ns;
        asm volatile("" ::: "memory");
    } while ((seq & 1) || seq != d->sequence);
    return ns;
}

int __vdso_clock_gettime(int clock, Timespec* t) {
    uint64_t ns;
    switch (clock) {
    case kMonotonic:
    case kMonotonicRaw:
    case kMonotonicCoarse:
    case kBoottime: ns = now(0); break;
    case kRealtime:
    case kRealtimeCoarse:
    case kTai: ns = now(1); break;
    default: return (int)call2(kSysClockGettime, clock, (long)t);
    }
    t->tv_sec = (int64_t)(ns / 1000000000);
    t->tv_nsec = (int64_t)(ns % 1000000000);
    return 0;
}

int __vdso_gettimeofday(Timeval* t, void* zone) {
    if (t) {
        uint64_t ns = now(1);
        t->tv_sec = (int64_t)(ns / 1000000000);
        t->tv_usec = (int64_t)(ns % 1000000000 / 1000);
    }
    if (zone) {
        ((int32_t*)zone)[0] = vdso_data.minutes_west;
        ((int32_t*)zone)[1] = vdso_data.dst_time;
    }
    return 0;
}

int64_t __vdso_time(int64_t* t) {
    int64_t s = (int64_t)(now(1) / 1000000000);
    if (t) *t = s;
    return s;
}

int __vdso_clock_getres(int clock, Timespec* t) { return (int)call2(kSysClockGetres, clock, (long)t); }

long __vdso_getcpu(unsigned* cpu, unsigned* node, void* unused) {
    (void)unused;
    if (!vdso_data.has_rdtscp) return call2(kSysGetcpu, (long)cpu, (long)node);
    uint32_t aux;
    asm volatile("rdtscp" : "=c"(aux)::"eax", "edx");
    if (cpu) *cpu = aux & 0xfff;
    if (node) *node = 0;
    return 0;
}

int clock_gettime(int, Timespec*) __attribute__((weak, alias("__vdso_clock_gettime")));
int gettimeofday(Timeval*, void*) __attribute__((weak, alias("__vdso_gettimeofday")));
int64_t time(int64_t*) __attribute__((weak, alias("__vdso_time")));
int clock_getres(int, Timespec*) __attribute__((weak, alias("__vdso_clock_getres")));
long getcpu(unsigned*, unsigned*, void*) __attribute__((weak, alias("__vdso_getcpu")));
