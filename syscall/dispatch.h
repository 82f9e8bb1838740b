// The dispatcher: from registers to handlers.
#pragma once

#include "kernel/lib/types.h"
#include "linux-abi/syscalls.h"

namespace linnet {

/// Set-up at boot: panic output, files of /proc.
void syscall_init();

} // namespace linnet
