// The frame on the program's stack in which a signal handler runs. Layout: linux-abi/signal.h.
#pragma once

#include "kernel/task/task.h"

namespace linnet {

/// Builds the frame and points the registers at the handler. EFAULT: the stack can't take it.
Result<void> push_signal_frame(TrapFrame& f, int sig, const abi::Siginfo& info, const abi::Sigaction& action);
/// Sets the alternate stack as sigaltstack(2) does. EINVAL, ENOMEM (too small), EPERM (in use).
Result<void> set_alternate_stack(Task& t, const abi::Sigaltstack& s, u64 rsp);
/// As sigaltstack(2) reports it.
abi::Sigaltstack report_alternate_stack(const Task& t, u64 rsp);

} // namespace linnet
