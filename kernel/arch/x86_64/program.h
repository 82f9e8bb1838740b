// What the task code needs of the CPU for a program's registers.
#pragma once

#include "kernel/arch/x86_64/trap_frame.h"
#include "kernel/sched/thread.h"

namespace linnet {

/// A frame that starts a program at `rip` with stack `rsp`, all other registers zero, interrupts on.
TrapFrame new_program_frame(u64 rip, u64 rsp);
/// The current thread's FS and GS base: live registers. EPERM for addresses beyond the program's (as Linux).
u64 get_fs_base();
u64 get_gs_base();
Result<void> set_fs_base(u64 base);
Result<void> set_gs_base(u64 base);
/// The same with any base that get_*_base gave: a program may have put there, by its own instructions, what it likes.
void load_fs_base(u64 base);
void load_gs_base(u64 base);
/// The code and stack selectors that a program's frame must have (sigreturn).
u64 program_cs();
u64 program_ss();
/// AT_HWCAP (CPUID.1:EDX) and AT_HWCAP2 (bit 1: FSGSBASE usable).
u64 elf_hwcap();
u64 elf_hwcap2();
struct CpuIdentity { char vendor[13]; char model_name[49]; u32 family, model, stepping; };
CpuIdentity cpu_identity();
/// Space-separated flag names of /proc/cpuinfo.
void cpu_flag_names(class TextBuffer& out);

/// Defined by kernel/task; called by the trap code.
/// A fault of the program: becomes signal `sig` with si_code and si_addr.
void deliver_fault(TrapFrame& f, int sig, int code, u64 addr, u64 trap_number, u64 error_code);
/// On the way back to the program while Thread::work is not zero; interrupts on.
extern "C" void return_work(TrapFrame* f);
/// Defined by syscall: the program executed `syscall`.
extern "C" void syscall_dispatch(TrapFrame* f);

/// Leaves to the program by a frame on the current kernel stack (exec, sigreturn use the normal way out; this starts init).
extern "C" [[noreturn]] void enter_program(TrapFrame* f);

} // namespace linnet
