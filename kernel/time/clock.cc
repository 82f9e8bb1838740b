#include "kernel/time/clock.h"

#include <atomic>

#include "kernel/arch/x86_64/cpu.h"
#include "kernel/arch/x86_64/interrupts.h"
#include "kernel/boot/boot_info.h"
#include "kernel/sync/wait_queue.h"
#include "kernel/time/clock_init.h"
#include "kernel/time/kvm_clock.h"
#include "kernel/vdso/vdso.h"

namespace linnet {

namespace {

/// Two, so that readers see one or the other whole: the second is the refined one.
TscScale scales[2] = {{0, 1, 0, 1000000}, {}};
std::atomic<const TscScale*> scale{&scales[0]};
std::atomic<i64> real_offset{0};
std::atomic<u64> time_zone{0};
WaitQueue clock_set;

/// A reading of another clock between two of the TSC: the tightest of some tries.
template <class ReadOther>
void read_pair(ReadOther read, u64& tsc, u64& other) {
    u64 best = ~0ull;
    for (int i = 0; i < 4; ++i) {
        u64 a = cpu::rdtsc();
        u64 o = read();
        u64 b = cpu::rdtsc();
        if (b - a < best) {
            best = b - a;
            tsc = a + (b - a) / 2;
            other = o;
        }
    }
}

u64 measure_with_apic() {
    apic_timer_start_counting();
    u64 t0 = 0, t1 = 0, a0 = 0, a1 = 0;
    auto read = [] { return u64(apic_timer_elapsed()); };
    read_pair(read, t0, a0);
    while (apic_timer_elapsed() - a0 < 60'000) cpu::pause();
    read_pair(read, t1, a1);
    return (t1 - t0) * 1'000'000 / (a1 - a0); // 1 GHz: ticks are nanoseconds
}

/// PIT channel 2, gated by port 0x61; 1193182 Hz. 0 if it does not count.
u64 measure_with_pit() {
    u8 gate = cpu::inb(0x61);
    cpu::outb(0x61, (gate & ~2) | 1);
    cpu::outb(0x43, 0xb0); // channel 2, low and high byte, mode 0
    cpu::outb(0x42, 0xff);
    cpu::outb(0x42, 0xff);
    auto read = []() -> u64 {
        cpu::outb(0x43, 0x80); // latch
        u8 lo = cpu::inb(0x42);
        return 0xffff - (u64(cpu::inb(0x42)) << 8 | lo);
    };
    u64 t0 = 0, t1 = 0, p0 = 0, p1 = 0, spins = 0;
    read_pair(read, t0, p0);
    while (read() - p0 < 180 && ++spins < 10000) {}
    read_pair(read, t1, p1);
    cpu::outb(0x61, gate);
    if (p1 <= p0 || p1 - p0 > 20000) return 0;
    return (t1 - t0) * 1193182 / (p1 - p0) / 1000;
}

TscScale make_scale(u64 khz, u64 base) {
    TscScale s{base, 0, 32, khz};
    // ns per tick as a 32.32 fixed-point number; below 1 for every TSC above 1 GHz.
    u64 mult = (1'000'000ull << 32) / khz;
    while (mult > ~0u) {
        mult >>= 1;
        --s.shift;
    }
    s.mult = u32(mult);
    return s;
}

} // namespace

void init_clock(u64 tsc_khz_option) {
    u64 khz = tsc_khz_option;
    if (!khz && cpu::cpuid(0).eax >= 0x15) {
        auto l = cpu::cpuid(0x15);
        if (l.eax && l.ebx && l.ecx) khz = u64(l.ecx) * l.ebx / l.eax / 1000;
    }
    if (!khz) khz = kvm_clock_tsc_khz();
    if (!khz && apic_timer_rate_known()) {
        khz = measure_with_apic();
        refine_with_apic_timer();
    }
    if (!khz) khz = measure_with_pit();
    if (khz < 1000) khz = 1'000'000; // nothing to measure with: times will be off, the machine still runs
    scales[0] = make_scale(khz, boot_info.start_tsc);
}

void refine_clock(u64 khz) {
    const TscScale* old = scale.load(std::memory_order_relaxed);
    // A measurement that is out by more than the first one can have been is none: the host stopped us in between.
    u64 off = khz > old->khz ? khz - old->khz : old->khz - khz;
    if (old != &scales[0] || off > old->khz / 8) return;
    // The time goes on from where it is, at the new rate.
    u64 tsc = cpu::rdtsc();
    u64 ns = u64((unsigned __int128)(tsc - old->base) * old->mult >> old->shift);
    scales[1] = make_scale(khz, tsc - u64((unsigned __int128)ns * khz / 1'000'000));
    scale.store(&scales[1], std::memory_order_release);
    vdso_clock_changed();
}

const TscScale& tsc_scale() { return *scale.load(std::memory_order_acquire); }

u64 monotonic_ns() {
    const TscScale& s = tsc_scale();
    u64 d = cpu::rdtsc() - s.base;
    return u64((unsigned __int128)d * s.mult >> s.shift);
}

u64 tsc_to_ns(u64 ticks) {
    const TscScale& s = tsc_scale();
    return u64((unsigned __int128)ticks * s.mult >> s.shift);
}

u64 realtime_ns() { return monotonic_ns() + real_offset.load(std::memory_order_relaxed); }
void set_realtime_ns(u64 ns) {
    real_offset.store(i64(ns - monotonic_ns()), std::memory_order_relaxed);
    vdso_clock_changed();
    clock_set.wake_all();
}
WaitQueue& clock_set_waiters() { return clock_set; }

KernelTimezone kernel_timezone() {
    const u64 z = time_zone.load(std::memory_order_relaxed);
    return {i32(u32(z)), i32(z >> 32)};
}
void set_kernel_timezone(KernelTimezone z) {
    time_zone.store(u64(u32(z.minutes_west)) | u64(u32(z.dst_time)) << 32, std::memory_order_relaxed);
    vdso_clock_changed();
}
i64 realtime_offset_ns() { return real_offset.load(std::memory_order_relaxed); }

} // namespace linnet
