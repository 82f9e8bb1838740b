// Boot's side of memory management.
#pragma once

#include "linux-abi/errno.h"

namespace linnet {

/// Completes the direct map, sets up the page array and the buddy allocator from boot_info. Panics if there is too little.
void init_memory();
/// Before CPU `cpu` starts: its own cache of small objects. ENOMEM.
Result<void> heap_add_cpu(u32 cpu);
/// Gives the identity map's top-level slot back: from here on page 0 faults.
void drop_identity_map();

} // namespace linnet
