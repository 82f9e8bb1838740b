// The program's registers, as every entry from the program stores them at the top of the thread's kernel stack.
#pragma once

#include "kernel/lib/types.h"

namespace linnet {

/// The layout is known to entry.S. For a system call `vector` is kSyscallVector and orig_rax the number (-1 else).
struct TrapFrame {
    u64 r15, r14, r13, r12, rbp, rbx;           // callee-saved
    u64 r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi;
    u64 orig_rax;  // system call number; error code of an exception
    u64 vector;
    u64 rip, cs, rflags, rsp, ss;
};
static_assert(sizeof(TrapFrame) == 22 * 8);

inline constexpr u64 kSyscallVector = 0x100;

} // namespace linnet
