// Inside of kernel/host: the machine's core, compiled without sanitizers.
#pragma once

#include "kernel/arch/x86_64/cpu.h"
#include "kernel/sched/thread.h"

namespace linnet::host {

inline constexpr u64 kFiberStackSize = 256 * KiB;

struct Cpu {
    PerCpu data;
    Thread* fiber;        // whose stack is in use (or saved in resume_sp)
    void* resume_sp;      // while another CPU runs
    bool interrupts_on, halted, started;
    u32 pending;          // interrupts that other CPUs sent: 1 << (vector - kTimerVector)
    bool fresh;           // has not run since the test ran
    u64 timer_deadline, cr3;
    Thread* dead;         // left for good by the switch under way
};
extern Cpu cpus[];
extern u32 cpu_number; // of CPUs
extern u32 running;    // the CPU that the code belongs to

/// Runs CPUs by the schedule until stop() says so. False: nothing can run, or the limit of steps was reached.
bool run_until(bool (*stop)());
void set_idle_fiber(u32 cpu, Thread& idle, void* stack_base);
void kick(u32 cpu);
/// False: the test itself runs, on behalf of CPU `running`, and all CPUs are idle.
bool on_a_cpu();
extern u64 fake_now_ns;
extern u64 random_state;
extern u32 switch_chance;

} // namespace linnet::host
