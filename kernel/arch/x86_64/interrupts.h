// Interrupt vectors, the local APIC and the I/O APICs. Intel SDM volume 3, chapter 11; 82093AA data sheet.
#pragma once

#include "kernel/irq/irq.h"

namespace linnet {

inline constexpr u64 kFirstInterruptVector = 32;
inline constexpr u64 kTimerVector = 0xec, kRescheduleVector = 0xed, kCallVector = 0xee, kSpuriousVector = 0xff;

/// Called by the trap code, interrupts off.
void interrupt(u64 vector);

/// Local APIC of this CPU: enabled, timer masked. Masks the 8259 on the boot CPU.
void init_local_apic();
/// Sends an interrupt to another CPU. Any context.
void send_ipi(u32 cpu, u64 vector);
void send_nmi(u32 cpu);
/// INIT, and the start at physical page `page` (below 1 MiB), by local APIC ID.
void send_init(u32 apic_id);
void send_startup(u32 apic_id, u32 page);
/// Lines of the I/O APICs over the CPUs, once all of them run.
void spread_interrupts();

/// The one-shot timer of this CPU: an interrupt at about `deadline_ns` (monotonic); kForever stops it.
void set_timer_deadline(u64 deadline_ns);
/// Local APIC timer ticks a second; measured with the TSC, or set for hypervisors that fix it.
void calibrate_apic_timer();
/// Lets the timer of this CPU interrupt; the rate is that of the boot CPU.
void enable_apic_timer();
/// The APIC timer as a clock: counts down from 2^32-1 at apic_timer_hz. For the TSC's calibration.
bool apic_timer_rate_known();
void apic_timer_start_counting();
u32 apic_timer_elapsed();
/// Before calibrate_apic_timer(), where the rate is known: the TSC is to be measured against the timer while that runs (refine_clock).
void refine_with_apic_timer();

} // namespace linnet
