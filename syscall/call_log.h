// The last system calls of each CPU as text: in panics, and in /proc/linnet/calls.
#pragma once

namespace linnet {

/// Boot.
void call_log_init();

} // namespace linnet
