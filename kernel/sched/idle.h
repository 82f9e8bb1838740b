// Boot's side of the scheduler.
#pragma once

#include "kernel/arch/x86_64/cpu.h"
#include "kernel/sched/thread.h"

namespace linnet {

/// The running boot code becomes the CPU's idle thread.
void init_scheduler(PerCpu& p, Thread& boot_thread);
[[noreturn]] void idle_loop();
/// Hard interrupt: another CPU queued a thread here.
void reschedule_interrupt();

} // namespace linnet
