// What the dispatcher counts: calls that Linnet lacks.
#pragma once

#include "kernel/lib/types.h"
#include "linux-abi/syscalls.h"

namespace linnet {

/// How often call `number` was made although it has no handler.
u64 missing_call_count(u64 number);
/// Unknown numbers in all.
u64 unknown_call_count();

/// Set-up at boot: panic output, files of /proc.
void syscall_init();

} // namespace linnet
