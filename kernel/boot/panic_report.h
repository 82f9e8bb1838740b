// The panic block (docs/boot-protocol.md).
#pragma once

#include "kernel/arch/x86_64/trap_frame.h"
#include "kernel/lib/types.h"

namespace linnet {

/// A trap that the kernel can't survive. `what` may be null: the vector's name is shown.
[[noreturn]] void panic_trap(const TrapFrame& f, const char* what, u64 fault_address);

/// Another CPU panics: this one is to stop.
bool panic_in_progress();
/// One CPU's place and its frames (NMI; `cpu_index`: GS may be the program's).
void show_place(const TrapFrame& f, u32 cpu_index);

/// Set by syscall/dispatch: writes the last system calls of each CPU ("syscalls cpu N" and its lines) by log_raw().
extern void (*panic_syscalls)();
/// Writes text to the serial line as it is; works in any state of the kernel.
void panic_print(const char* format, ...) __attribute__((format(printf, 1, 2)));

} // namespace linnet
