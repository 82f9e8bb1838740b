// The dispatcher's question to a thread's seccomp filters.
#pragma once

#include "kernel/task/task.h"

namespace linnet {

/// The call whose registers `f` holds may be made. False: it is not, and `outcome` is what the program gets; or does not return, if
/// the thread has to end.
bool seccomp_admits(Task& t, TrapFrame& f, abi::Outcome& outcome);
/// prctl(PR_SET_SECCOMP).
abi::Outcome seccomp_set_mode(u64 mode, u64 filter_address);

} // namespace linnet
