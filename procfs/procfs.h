// /proc and /sys. Source: proc(5), sysfs(5).
#pragma once

#include "kernel/lib/proc_file.h"

namespace linnet {

/// Registers the kinds of file system "proc" and "sysfs", and their files. Boot, before vfs_init().
void procfs_init();

} // namespace linnet
