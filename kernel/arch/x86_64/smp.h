// Start of the other CPUs.
#pragma once

#include "kernel/arch/x86_64/trap_frame.h"

namespace linnet {

struct PerCpu;

/// Boot, interrupt controllers and clock set up: asks every CPU that the machine's tables name to start, and returns at once.
void start_other_cpus();
/// Thread context: waits for them (5 s at the most), names those that did not come, and fixes cpu_count().
void finish_cpu_start();

/// Panics: stops the other CPUs by NMI.
void stop_other_cpus();
/// Prints where another CPU is, by NMI (waits a moment for its answer).
void show_other_cpu(u32 cpu);
/// A non-maskable interrupt on CPU `p`: stops in a panic, or shows where it is. GS may be the program's; takes no lock.
void nmi(const TrapFrame& f, PerCpu& p);

} // namespace linnet
