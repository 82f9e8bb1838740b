// The dispatcher's records: the last calls of each CPU, and the gaps (what programs asked for that Linnet lacks).
#pragma once

#include "kernel/lib/types.h"
#include "linux-abi/syscalls.h"

namespace linnet {

/// One call of the ring that a panic prints; the result is filled in at the end of the call. A size that is a power of two.
struct CallRecord {
    u32 tid;
    u32 number;
    u64 args[3];
    i64 result;
    u64 unused[3];
};
inline constexpr u32 kCallRingSize = 16;
/// Of one CPU.
struct CallRing {
    u64 next = 0; // bytes into `calls`, growing without end
    CallRecord calls[kCallRingSize] = {};
};

/// How often call `number` was made although it has no handler.
u64 missing_call_count(u64 number);
/// Unknown numbers in all.
u64 unknown_call_count();

/// Set-up at boot, on CPU 0: panic output, --strace from the boot options.
void syscall_init();
/// The ring of a further CPU, before it runs programs. ENOMEM.
Result<void> syscall_init_cpu(u32 cpu);

/// True while system calls are traced to the log.
extern bool trace_calls;

} // namespace linnet
