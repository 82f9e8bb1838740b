// The call-site binder: system calls of stock code as jumps into the kernel, and its `hlt` as a fault.
#pragma once

#include "kernel/arch/x86_64/trap_frame.h"

namespace linnet {

/// If the program was interrupted in a stub, makes the frame that of its own code: at the site's `syscall`, as after the
/// displaced `mov`. Before a signal's frame is built and before a fault is told of. Thread context, no locks.
void leave_stub(TrapFrame& f);

/// The undefined opcode that the program ran into stands for a `hlt` of its own, which on Linux is a general protection fault.
/// Thread context, no locks; may fault the page in.
bool at_rewritten_halt(const TrapFrame& f);

/// /proc/linnet/binder.
void binder_init();

} // namespace linnet
