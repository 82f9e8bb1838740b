// CPU-time clocks (clock_getcpuclockid(3)) and the limits on CPU time.
#pragma once

#include "kernel/task/task.h"

namespace linnet {

/// Boot: looks at RLIMIT_CPU and RLIMIT_RTTIME after each sample of CPU time.
void init_cpu_limits();

/// A CPU-time clock: of a thread, else of a process.
struct CpuClock {
    Ref<Process> process;
    Ref<Task> task;
    bool user_only = false; // CPUCLOCK_VIRT
    /// ns. Takes process_lock.
    u64 read() const;
};
/// CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID, or a negative ID: ~PID << 3, bit 2 for a thread, low bits the kind. EINVAL: no such
/// process, a thread of another one, a clock device, or no CPU-time clock.
Result<CpuClock> find_cpu_clock(int id);

} // namespace linnet
