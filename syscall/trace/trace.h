// --strace: system calls in strace's format on the kernel's log, by linux-abi/trace_format.h.
#pragma once

#include "kernel/task/task.h"

namespace linnet {

/// Turns on lines for signals and ends of threads.
void trace_init();
/// Before the handler: the line's first part. exit and exit_group, which do not come back, are whole lines.
void trace_entry(Task& t, TrapFrame& f);
/// After it: the rest, and the line goes out.
void trace_exit(Task& t, TrapFrame& f, abi::Outcome o);

} // namespace linnet
