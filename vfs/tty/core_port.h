// Core files to the host: the port `linnet.core` (docs/boot-protocol.md).
#pragma once

#include "kernel/task/task_interfaces.h"

namespace linnet {

/// A core of the current process, as records on the port. Null: the host has no such port.
Result<Ref<CoreFile>> open_core_port();

} // namespace linnet
