#include "kernel/arch/x86_64/interrupts.h"

#include "kernel/arch/x86_64/cpu.h"
#include "kernel/irq/deferred.h"
#include "kernel/lib/log.h"
#include "kernel/lib/ref.h"
#include "kernel/mm/page.h"
#include "kernel/sched/cross_call.h"
#include "kernel/sched/idle.h"
#include "kernel/sched/scheduler.h"
#include "kernel/sync/rcu.h"
#include "kernel/sync/wait_queue.h"
#include "kernel/time/clock.h"
#include "kernel/time/clock_init.h"
#include "kernel/time/timer_queue.h"

namespace linnet {

namespace {

constexpr PhysAddr kApicBase = 0xfee00000;
constexpr u32 kApicId = 0x20, kApicTpr = 0x80, kApicEoi = 0xb0, kApicSpurious = 0xf0, kApicIcrLow = 0x300, kApicIcrHigh = 0x310,
              kApicLvtTimer = 0x320, kApicLvtLint0 = 0x350, kApicInitialCount = 0x380, kApicCurrentCount = 0x390,
              kApicDivide = 0x3e0;
constexpr u32 kMasked = 1 << 16;

constexpr u32 kIcrInit = 0x4500, kIcrStartup = 0x4600, kIcrNmi = 0x4400, kIcrFixed = 0x4000, kIcrPending = 1 << 12;
constexpr u32 kMsrApicBase = 0x1b, kMsrX2Apic = 0x800;

volatile u32* apic;
bool x2apic; // registers are MSRs; not run yet: TCG has none
u64 apic_timer_hz;

u32 apic_read(u32 reg) { return x2apic ? u32(cpu::rdmsr(kMsrX2Apic + (reg >> 4))) : apic[reg / 4]; }
void apic_write(u32 reg, u32 v) {
    if (x2apic) [[unlikely]] cpu::wrmsr(kMsrX2Apic + (reg >> 4), v);
    else apic[reg / 4] = v;
}

void send_command(u32 apic_id, u32 command) {
    InterruptsOff off;
    if (x2apic) {
        std::atomic_thread_fence(std::memory_order_seq_cst); // the write is not ordered behind stores by itself
        cpu::wrmsr(kMsrX2Apic + (kApicIcrLow >> 4), u64(apic_id) << 32 | command);
        return;
    }
    for (u32 spins = 0; (apic_read(kApicIcrLow) & kIcrPending) && spins < 100000; ++spins) cpu::pause();
    apic_write(kApicIcrHigh, apic_id << 24);
    apic_write(kApicIcrLow, command);
}

struct Handler {
    IrqHandler run = nullptr;
    void* arg = nullptr;
    Handler* next = nullptr;
};
Handler handlers[256];
u32 next_vector = 0x30;

constexpr u32 kMaxIoApics = 4;
struct IoApic {
    volatile u32* regs;
    PhysAddr address;
    u32 gsi_base, lines;
} io_apics[kMaxIoApics];
u32 io_apic_count;

struct Override { u32 gsi; bool level, low, set; } isa_overrides[16];
u8 gsi_vector[256];

u32 io_apic_read(IoApic& a, u32 reg) {
    a.regs[0] = reg;
    return a.regs[4];
}
void io_apic_write(IoApic& a, u32 reg, u32 v) {
    a.regs[0] = reg;
    a.regs[4] = v;
}

/// A free vector with this handler. ENOSPC.
Result<u32> allocate_vector(IrqHandler h, void* arg) {
    if (next_vector >= kTimerVector) return ENOSPC;
    u32 v = next_vector++;
    handlers[v].arg = arg;
    __atomic_store_n(&handlers[v].run, h, __ATOMIC_RELEASE);
    return v;
}

} // namespace

void interrupt(u64 vector) {
    PerCpu& p = per_cpu();
    ++p.interrupts;
    p.in_interrupt = true;
    if (vector == kTimerVector) {
        timer_interrupt();
    } else if (vector == kCallVector) {
        run_cross_calls();
    } else if (vector == kRescheduleVector) {
        reschedule_interrupt();
        rcu_interrupt();
    } else if (vector != kSpuriousVector) {
        for (Handler* h = &handlers[vector]; h && h->run; h = h->next) h->run(h->arg);
    }
    p.in_interrupt = false;
    if (vector != kSpuriousVector) apic_write(kApicEoi, 0);
}

void init_local_apic() {
    if (!apic) {
        auto m = map_device(kApicBase, kPageSize);
        if (!m) panic("no memory to map the local APIC");
        apic = static_cast<volatile u32*>(*m);
        // The 8259s are not used: all their lines are masked.
        cpu::outb(0x21, 0xff);
        cpu::outb(0xa1, 0xff);
    }
    if (cpu_features.x2apic) {
        constexpr u64 kX2Enable = 1 << 10, kEnable = 1 << 11;
        cpu::wrmsr(kMsrApicBase, cpu::rdmsr(kMsrApicBase) | kX2Enable | kEnable);
        x2apic = true;
    }
    per_cpu().apic_id = x2apic ? apic_read(kApicId) : apic_read(kApicId) >> 24;
    apic_write(kApicTpr, 0);
    apic_write(kApicSpurious, 0x100 | kSpuriousVector);
    apic_write(kApicLvtLint0, kMasked);
    apic_write(kApicLvtTimer, kMasked | kTimerVector);
    apic_write(kApicDivide, 0xb); // by 1
}

void send_ipi(u32 target, u64 vector) { send_command(per_cpu(target).apic_id, kIcrFixed | u32(vector)); }
void send_nmi(u32 target) { send_command(per_cpu(target).apic_id, kIcrNmi); }
void send_init(u32 apic_id) { send_command(apic_id, kIcrInit); }
void send_startup(u32 apic_id, u32 page) { send_command(apic_id, kIcrStartup | page); }

bool apic_timer_rate_known() {
    // QEMU's TCG and KVM both run the timer at 1 GHz, by their own definition.
    if (!cpu_features.hypervisor) return false;
    auto l = cpu::cpuid(0x40000000);
    return l.ebx == 0x54474354 /* TCGT */ || l.ebx == 0x4b4d564b /* KVMK */;
}

void apic_timer_start_counting() { apic_write(kApicInitialCount, ~0u); }
u32 apic_timer_elapsed() { return ~0u - apic_read(kApicCurrentCount); }

namespace {

/// Refines the TSC's frequency by what the timer counts anyway: each time that it is set again before it ran out gives a
/// piece, which cost one register read. The boot CPU's only. Ends after kRefineNs, or kRefinePieces.
struct {
    bool wanted = false;
    u32 pieces = 0;
    u32 count = 0;   // the timer was set to this
    u64 tsc = 0;     // at this time
    u64 sum_count = 0, sum_tsc = 0;
} refine;
constexpr u64 kRefineNs = 100'000'000;
constexpr u32 kRefinePieces = 64;

void set_apic_count(u32 count) {
    if (refine.wanted && this_cpu() == 0) [[unlikely]] {
        u64 now = cpu::rdtsc();
        u32 left = apic_read(kApicCurrentCount);
        if (refine.count && left && left < refine.count) {
            refine.sum_count += refine.count - left;
            refine.sum_tsc += now - refine.tsc;
        }
        if (refine.sum_count >= kRefineNs || ++refine.pieces >= kRefinePieces) {
            refine.wanted = false;
            if (refine.sum_count >= kRefineNs / 100) refine_clock(refine.sum_tsc * 1'000'000 / refine.sum_count);
        }
        refine.count = count;
        refine.tsc = cpu::rdtsc();
    }
    apic_write(kApicInitialCount, count);
}

} // namespace

void refine_with_apic_timer() { refine.wanted = true; }

void calibrate_apic_timer() {
    if (apic_timer_rate_known()) {
        apic_timer_hz = 1'000'000'000;
        // Counts on until the first timer is set: the first and longest piece. Should it run out, that is one interrupt for nothing.
        if (refine.wanted) {
            apic_write(kApicLvtTimer, kTimerVector);
            set_apic_count(~0u);
            return;
        }
    } else {
        // Against the TSC, which has been calibrated: 100 us.
        u64 t0 = monotonic_ns();
        apic_timer_start_counting();
        while (monotonic_ns() - t0 < 100'000) cpu::pause();
        apic_timer_hz = u64(apic_timer_elapsed()) * kNsPerSec / (monotonic_ns() - t0);
        if (!apic_timer_hz) apic_timer_hz = 1'000'000'000;
    }
    enable_apic_timer();
}

void enable_apic_timer() {
    apic_write(kApicInitialCount, 0);
    apic_write(kApicLvtTimer, kTimerVector);
}

void set_timer_deadline(u64 deadline_ns) {
    if (deadline_ns == kForever) {
        set_apic_count(0);
        return;
    }
    u64 now = monotonic_ns();
    u64 ns = deadline_ns > now ? deadline_ns - now : 0;
    if (ns > 2 * kNsPerSec) ns = 2 * kNsPerSec; // the counter has 32 bits; an early interrupt arms it again
    u64 ticks = apic_timer_hz == 1'000'000'000 ? ns : ns * (apic_timer_hz / 1000) / 1'000'000;
    if (ticks < 1) ticks = 1;
    if (ticks > ~0u) ticks = ~0u;
    set_apic_count(u32(ticks));
}

void register_ioapic(u64 address, u32 gsi_base) {
    if (io_apic_count >= kMaxIoApics) return;
    auto m = map_device(address, kPageSize);
    if (!m) return;
    IoApic& a = io_apics[io_apic_count++];
    a.regs = static_cast<volatile u32*>(*m);
    a.address = address;
    a.gsi_base = gsi_base;
    a.lines = (io_apic_read(a, 1) >> 16 & 0xff) + 1;
}

void register_isa_override(u32 isa_irq, u32 gsi, bool level, bool low) {
    if (isa_irq < 16) isa_overrides[isa_irq] = {gsi, level, low, true};
}

Result<void> request_gsi(u32 gsi, bool level, bool low, IrqHandler h, void* arg) {
    if (!io_apic_count) register_ioapic(0xfec00000, 0);
    if (gsi >= 256) return ENODEV;
    if (u8 v = gsi_vector[gsi]) { // shared line
        auto* extra = static_cast<Handler*>(kzalloc(sizeof(Handler)));
        if (!extra) return ENOMEM;
        extra->run = h;
        extra->arg = arg;
        Handler* last = &handlers[v];
        while (last->next) last = last->next;
        __atomic_store_n(&last->next, extra, __ATOMIC_RELEASE);
        return {};
    }
    for (u32 i = 0; i < io_apic_count; ++i) {
        IoApic& a = io_apics[i];
        if (gsi < a.gsi_base || gsi >= a.gsi_base + a.lines) continue;
        u32 v = TRY(allocate_vector(h, arg));
        gsi_vector[gsi] = u8(v);
        u32 line = gsi - a.gsi_base;
        u32 low_word = v | (low ? 1 << 13 : 0) | (level ? 1 << 15 : 0);
        io_apic_write(a, 0x10 + line * 2 + 1, per_cpu(0).apic_id << 24);
        io_apic_write(a, 0x10 + line * 2, low_word);
        return {};
    }
    return ENODEV;
}

Result<void> request_isa_irq(u32 isa_irq, IrqHandler h, void* arg) {
    if (isa_irq < 16 && isa_overrides[isa_irq].set) {
        Override& o = isa_overrides[isa_irq];
        return request_gsi(o.gsi, o.level, o.low, h, arg);
    }
    return request_gsi(isa_irq, false, false, h, arg);
}

namespace {

struct Msi { MsiWriter write; volatile void* entry; u32 vector; };
Msi msis[32]; // those beyond stay on the first CPU
u32 msi_count;

MsiMessage msi_message(u32 vector, u32 cpu) { return {kApicBase | u64(per_cpu(cpu).apic_id) << 12, vector}; }

/// The next CPU, round robin, that a device's message or line can name: 8 bits.
u32 next_target(u32& next) {
    for (;;) {
        u32 c = next;
        next = (next + 1) % cpu_count();
        if (!c || per_cpu(c).apic_id < 0xff) return c;
    }
}

} // namespace

Result<MsiMessage> request_msi(IrqHandler h, void* arg, MsiWriter write, volatile void* entry) {
    u32 v = TRY(allocate_vector(h, arg));
    if (write && msi_count < sizeof msis / sizeof *msis) msis[msi_count++] = {write, entry, v};
    return msi_message(v, 0);
}

void spread_interrupts() {
    if (cpu_count() == 1) return;
    u32 next = 0;
    for (u32 gsi = 0; gsi < 256; ++gsi) {
        if (!gsi_vector[gsi]) continue;
        for (u32 i = 0; i < io_apic_count; ++i) {
            IoApic& a = io_apics[i];
            if (gsi < a.gsi_base || gsi >= a.gsi_base + a.lines) continue;
            io_apic_write(a, 0x10 + (gsi - a.gsi_base) * 2 + 1, per_cpu(next_target(next)).apic_id << 24);
        }
    }
    for (u32 i = 0; i < msi_count; ++i) msis[i].write(msis[i].entry, msi_message(msis[i].vector, next_target(next)));
}

u64 irq_count() {
    u64 n = 0;
    for (u32 i = 0; i < cpu_count(); ++i) n += per_cpu(i).interrupts;
    return n;
}

} // namespace linnet
