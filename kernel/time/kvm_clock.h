// KVM's paravirtual clock: the TSC's frequency and the time of day as the hypervisor knows them. Read once at boot; after that
// the TSC runs by itself. Linux: Documentation/virt/kvm/x86/msr.rst and cpuid.rst.
#pragma once

#include <optional>

#include "kernel/lib/types.h"

namespace linnet {

/// Boot, one CPU. 0: not on KVM, or it does not say.
u64 kvm_clock_tsc_khz();
/// CLOCK_REALTIME now, in nanoseconds; none where kvmclock is not offered.
std::optional<u64> kvm_clock_realtime_ns();

} // namespace linnet
