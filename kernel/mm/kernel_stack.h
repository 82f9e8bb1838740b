// Kernel stacks: in the dynamic map, with an unmapped guard page below each.
#pragma once

#include "kernel/lib/types.h"
#include "linux-abi/errno.h"

namespace linnet {

/// Lowest address of a fresh stack of kKernelStackSize bytes. ENOMEM.
Result<u64> alloc_kernel_stack();
void free_kernel_stack(u64 base);

} // namespace linnet
