// Restartable sequences: rseq(2). The kernel keeps the CPU number in the registered area up to date, and sends a thread that was
// preempted or interrupted by a signal inside a critical section to its abort handler.
#pragma once

#include "kernel/task/task.h"

namespace linnet {

/// rseq(2). EINVAL, EBUSY, EPERM, EFAULT.
Result<void> register_rseq(Task& t, u64 area, u32 length, int flags, u32 signature);
/// On the way back to the program after it was switched out: CPU number, and abort if inside a critical section. May send SIGSEGV.
void rseq_on_return(TrapFrame& f);
/// Before a handler's frame is built: the interrupted section is aborted first.
void rseq_before_signal(TrapFrame& f);

} // namespace linnet
