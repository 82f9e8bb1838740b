// Calls on other CPUs: a function that runs there in hard interrupt context.
#pragma once

#include "kernel/sched/thread.h"

namespace linnet {

/// One call that waits for a CPU. Belongs to the asking CPU, and is free again when `pending` went down.
struct CallRequest {
    void (*run)(void*);
    void* arg;
    std::atomic<u32>* pending;
    CallRequest* next;
};

/// Runs `run(arg)` on every CPU of the set, on this one too if it is in it, and waits for all. There it runs with interrupts
/// off: no locks, no wake-ups. Interrupts must be on here (two CPUs that call each other answer from their waiting loops), and no
/// lock may be held that anybody takes with interrupts off (run queues).
void call_on_cpus(CpuMask cpus, void (*run)(void*), void* arg);
/// Every CPU that runs threads.
CpuMask online_cpus();

/// Debug builds: watches that CPUs answer interrupts.
void start_watchdog();
#if LINNET_DEBUG
[[noreturn]] void report_silent_cpu(u32 cpu);
#endif

/// Interrupt code: does what was asked of this CPU.
void run_cross_calls();

} // namespace linnet
