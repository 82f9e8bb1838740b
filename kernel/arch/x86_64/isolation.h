// isolation=user: programs in ring 3.
#pragma once

namespace linnet {

/// Programs run in ring 3, behind SMEP, SMAP and UMIP where the CPU has them. Set once, before the first program and the other CPUs.
extern bool programs_isolated;

/// Boot, on the first CPU, before program memory is touched for the first time: makes the kernel's text that of isolation=user.
void isolate_programs();
/// The present CPU's part: control registers and the entry of system calls.
void isolate_cpu();

} // namespace linnet
