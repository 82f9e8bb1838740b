#include "kernel/time/kvm_clock.h"

#include "kernel/arch/x86_64/cpu.h"
#include "kernel/mm/page.h"

namespace linnet {

namespace {

constexpr u32 kSignature = 0x40000000, kFeatures = 0x40000001;
constexpr u32 kFeatureClock2 = 1 << 3; // the two MSRs below
constexpr u32 kMsrWallClock = 0x4b564d00, kMsrSystemTime = 0x4b564d01;

/// pvclock_vcpu_time_info
struct alignas(32) SystemTime {
    u32 version; // odd while being changed
    u32 pad;
    u64 tsc;
    u64 ns; // at `tsc`
    u32 mult;
    i8 shift;
    u8 flags;
    u8 pad2[2];
};
static_assert(sizeof(SystemTime) == 32);

/// pvclock_wall_clock: the time of day at system time 0.
struct alignas(16) WallClock { u32 version, seconds, nanoseconds; };

SystemTime system_time;
WallClock wall_clock;

bool offered() {
    if (!cpu_features.hypervisor) return false;
    auto s = cpu::cpuid(kSignature);
    return s.ebx == 0x4b4d564b /* KVMK */ && s.eax >= kFeatures && (cpu::cpuid(kFeatures).eax & kFeatureClock2);
}

/// Has the hypervisor fill the structure in (bit 0: enabled), takes a copy, and ends the sharing.
SystemTime read_system_time() {
    cpu::wrmsr(kMsrSystemTime, virt_to_phys(&system_time) | 1);
    SystemTime copy;
    volatile u32& version = system_time.version;
    u32 before;
    do {
        before = version;
        asm volatile("" ::: "memory");
        copy = system_time;
        asm volatile("" ::: "memory");
    } while ((before & 1) || before != version);
    cpu::wrmsr(kMsrSystemTime, 0);
    return copy;
}

u64 shifted(u64 value, int shift) { return shift < 0 ? value >> -shift : value << shift; }

} // namespace

u64 kvm_clock_tsc_khz() {
    if (!offered()) return 0;
    SystemTime t = read_system_time();
    // ns = (ticks << shift) * mult >> 32
    return t.mult ? shifted((1'000'000ull << 32) / t.mult, -t.shift) : 0;
}

std::optional<u64> kvm_clock_realtime_ns() {
    if (!offered()) return {};
    cpu::wrmsr(kMsrWallClock, virt_to_phys(&wall_clock));
    SystemTime t = read_system_time();
    if (!t.mult || !wall_clock.seconds) return {};
    u64 ticks = shifted(cpu::rdtsc() - t.tsc, t.shift);
    u64 since_start = t.ns + u64((unsigned __int128)ticks * t.mult >> 32);
    return wall_clock.seconds * 1'000'000'000ull + wall_clock.nanoseconds + since_start;
}

} // namespace linnet
