// The simulated CPU of tests on the host: what kernel/arch/x86_64/cpu.h has as instructions. Included by it.
#pragma once

#include "kernel/lib/types.h"

namespace linnet {
void host_interleave();
} // namespace linnet

namespace linnet::cpu {

u64 rdtsc(); // the fake clock: 1 GHz
void enable_interrupts();
void disable_interrupts();
u64 save_and_disable_interrupts();
void restore_interrupts(u64 flags);
void wait_for_interrupt();
inline void pause() { host_interleave(); }
u64 read_cr3();
void write_cr3(u64 v);
inline void invlpg(u64) {}
struct Cpuid { u32 eax, ebx, ecx, edx; };
inline Cpuid cpuid(u32, u32 = 0) { return {}; }

} // namespace linnet::cpu
