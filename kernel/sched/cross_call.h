// Calls on other CPUs: a function that runs there in hard interrupt context, or where that CPU looks for calls by itself.
//
// An interrupt costs both sides far more than the call. CPUs that change mappings, fault pages in, or wait for a mutex look at their
// calls on the way (poll_cross_calls), and a CPU that was seen to do so gets a moment before it is interrupted.
#pragma once

#include "kernel/arch/x86_64/cpu.h"
#include "kernel/sched/thread.h"

namespace linnet {

/// One call that waits for a CPU. Belongs to the asking CPU, and is free again when `pending` went down.
struct CallRequest {
    void (*run)(void*);
    void* arg;
    std::atomic<u32>* pending;
    CallRequest* next;
    u64 polls_seen; // the asked CPU's call_polls at the last call
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

/// Interrupts off: does what was asked of this CPU.
void run_cross_calls();
void serve_cross_calls();
/// The same outside of interrupts, if anything was asked. Interrupts on or off; any lock may be held.
inline void poll_cross_calls() {
    PerCpu& p = per_cpu(); // kernel code is not preempted: this CPU's all along
    p.call_polls.store(p.call_polls.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    if (p.calls.load(std::memory_order_relaxed)) [[unlikely]] serve_cross_calls();
}

} // namespace linnet
