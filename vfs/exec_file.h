// The open-file side of exec (kernel/task/task_interfaces.h).
#pragma once

#include "kernel/task/task_interfaces.h"

namespace linnet {

/// What open_exec is set to. ENOENT, EACCES, ELOOP, ENOTDIR, ETXTBSY, ENOMEM
Result<Ref<ExecFile>> open_exec_file(int dirfd, const char* path, int at_flags);

} // namespace linnet
