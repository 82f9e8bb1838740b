// What Linux does for programs when UMIP is on (arch/x86/kernel/umip.c): SGDT, SIDT, SLDT, STR and SMSW give values that say nothing.
#pragma once

#include "kernel/arch/x86_64/trap_frame.h"

namespace linnet {

enum class UmipOutcome { NotOne, Done, Fault };

/// After a general protection fault of a program in ring 3 with error code 0: if it is one of these instructions, does it and moves
/// RIP on. Fault: its operand at *address cannot be written. Thread context, interrupts on.
UmipOutcome emulate_umip_instruction(TrapFrame& f, u64* address);

} // namespace linnet
