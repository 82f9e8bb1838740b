// The numbers that entry.S uses, checked against the structures.
#include "kernel/arch/x86_64/cpu.h"
#include "kernel/arch/x86_64/trap_frame.h"
#include "kernel/sched/thread.h"

#pragma GCC diagnostic ignored "-Winvalid-offsetof"

namespace linnet {

static_assert(offsetof(PerCpu, self) == 0);
static_assert(offsetof(PerCpu, current) == 8);
static_assert(offsetof(PerCpu, stack_top) == 16);
static_assert(offsetof(PerCpu, program_rsp) == 24);
static_assert(offsetof(PerCpu, stack_limit) == 32);
static_assert(offsetof(PerCpu, call_log) == kCallLogAt);
static_assert(kKernelCs == 0x10 && kKernelSs == 0x18 && kUserCs == 0x33 && kUserSs == 0x2b);
static_assert(offsetof(Thread, saved_rsp) == 16);
static_assert(offsetof(Thread, work) == 32);
static_assert(offsetof(TrapFrame, rdi) == 112);
static_assert(offsetof(TrapFrame, orig_rax) == 120);
static_assert(offsetof(TrapFrame, vector) == 128);
static_assert(offsetof(TrapFrame, rip) == 136);
static_assert(offsetof(TrapFrame, ss) == 168);
static_assert(sizeof(TrapFrame) == 176);
static_assert(kWorkFullReturn == 32);

} // namespace linnet
