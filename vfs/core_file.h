// The file that kernel/task writes a core to.
#pragma once

#include "kernel/task/task_interfaces.h"

namespace linnet {

/// Made, or emptied, with the current task's rights: a regular file of its own without other names and other readers. EPERM and what open(2) gives.
Result<Ref<CoreFile>> open_core(const char* path);

} // namespace linnet
