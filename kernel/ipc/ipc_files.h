// /proc/sysvipc, and System V's limits in /proc/sys/kernel.
#pragma once

#include "kernel/lib/proc_file.h"

namespace linnet {

/// Boot.
void register_ipc_files();
Result<void> show_segments(GrowingText& out, u64);
Result<void> show_semaphores(GrowingText& out, u64);
Result<void> show_message_queues(GrowingText& out, u64);

} // namespace linnet
