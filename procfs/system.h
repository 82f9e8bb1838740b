#pragma once

#include "kernel/lib/proc_file.h"

namespace linnet {

// Each registers its files; boot.
void register_system_files(); // /proc/cpuinfo, meminfo, stat...
void register_sysctl_files(); // /proc/sys
void register_sysfs_files();  // /sys
void register_net_files();    // /proc/net, /sys/class/net

/// What uname(2) says too.
inline constexpr char kReleaseText[] = "6.1.0-linnet";
inline constexpr char kVersionText[] = "#1 SMP PREEMPT_DYNAMIC Linnet 0.1";

/// A literal as a file: `arg` is the text's address.
Result<void> constant_text(GrowingText& out, u64 arg);

} // namespace linnet
