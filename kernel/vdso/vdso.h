// The vDSO: the kernel's clocks as a shared object in every program (vdso(7)).
#pragma once

#include "kernel/lib/types.h"
#include "linux-abi/errno.h"

namespace linnet {

class AddressSpace;

/// Maps it; the address for AT_SYSINFO_EHDR. ENOMEM.
Result<u64> map_vdso_image(AddressSpace& space);
/// The clock's parameters or the time of day changed.
void vdso_clock_changed();

} // namespace linnet
