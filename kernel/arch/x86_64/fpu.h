// Extended processor state (x87, SSE, AVX, ...): XSAVE in the standard format, as Linux's signal frames hold it.
#pragma once

#include "kernel/sched/thread.h"

namespace linnet {

/// Bytes of the state as the CPU is set up (XCR0); at least 512 + 64 with XSAVE, 512 with FXSAVE alone.
size_t fpu_state_size();
/// XCR0; 0 without XSAVE.
u64 fpu_features();
/// A fresh area with the initial state. ENOMEM.
Result<void*> fpu_alloc();
void fpu_free(void* area);
/// The current thread's live registers into its own area (fork, signals). The registers stay as they are.
void fpu_save_current();
/// The current thread's area into the registers.
void fpu_load_current();
/// Sets the current thread's state to the initial one (exec).
void fpu_reset_current();
/// Copies the current state to / from a kernel buffer of fpu_state_size() bytes, standard format. Load checks the header and
/// MXCSR: EINVAL.
void fpu_store(void* to);
Result<void> fpu_load(const void* from);

// The scheduler's side.
void fpu_switch_out(Thread& t);
void fpu_switch_in(Thread& t);
/// A dying thread: no CPU's registers are its any more.
void fpu_forget(Thread& t);

} // namespace linnet
