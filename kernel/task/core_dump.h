// Core files: core(5).
#pragma once

#include "kernel/task/task.h"

namespace linnet {

/// Signals whose default action leaves a core.
bool leaves_core(int sig);
/// The process of the current task is to die by `info`'s signal: all its threads stop, a core file is written if its limits and the pattern let, and
/// its wait status is set. The caller ends it. Thread context, no lock.
void die_with_core(TrapFrame& f, const abi::Siginfo& info);
/// A thread of a process that is being dumped waits here until its registers are in the file.
void wait_for_core_dumper(Process& p);

/// /proc/sys/kernel/core_pattern, at most 127 bytes. EINVAL: a pipe.
void get_core_pattern(char (&to)[128]);
Result<void> set_core_pattern(const char* text, size_t n);

} // namespace linnet
