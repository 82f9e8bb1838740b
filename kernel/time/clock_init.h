#pragma once

#include "kernel/lib/types.h"

namespace linnet {

/// Boot: finds the TSC's frequency (option in kHz, CPUID, or a measurement of at most 200 us).
void init_clock(u64 tsc_khz_option);
/// A better measurement of the TSC's frequency, later: monotonic time goes on without a step. The first one counts. Interrupts off.
void refine_clock(u64 khz);

} // namespace linnet
