// May the current task look into another process? ptrace(2), "Ptrace access mode checking".
#pragma once

#include "kernel/task/task.h"

namespace linnet {

/// PTRACE_MODE_ATTACH_REALCREDS (and READ_REALCREDS, which asks for the same). EPERM; ESRCH for one whose threads have all ended.
Result<void> check_may_attach(Process& target);

} // namespace linnet
