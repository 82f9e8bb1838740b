// Per-CPU run queues, switching, waking. Fair threads run in virtual-deadline order.
#pragma once

#include "kernel/sched/thread.h"

namespace linnet {

/// The thread on this CPU (also in deferred work and interrupts: the interrupted one).
#if LINNET_HOSTED
Thread* current_thread();
#else
inline Thread* current_thread() {
    Thread* t;
    asm("mov %%gs:8, %0" : "=r"(t)); // PerCpu::current; not volatile: whoever asks is the same thread until it ends
    return t;
}
#endif
/// This CPU's number, 0 to cpu_count()-1.
u32 this_cpu();
extern std::atomic<u32> online_cpu_count;
inline u32 cpu_count() { return online_cpu_count.load(std::memory_order_relaxed); }

/// Gives the CPU to the next thread; returns when this one runs again. Thread context, no spin lock held.
void schedule();
/// sched_yield(2).
void yield();
/// Gives way if something asks for it; a safe point for deferred work. For long loops in the kernel. No spin lock held.
void cond_resched();
/// Makes a sleeping thread runnable; false if it was not asleep. Any context but hard interrupt.
/// `interruptible_only`: leaves uninterruptible sleepers alone (signals).
bool wake_thread(Thread& t, bool interruptible_only = false);
/// Puts a new thread (state Running, never run) on a run queue.
void start_thread(Thread& t);
/// Changes policy, nice or affinity under the run queue's lock. EINVAL for an empty affinity.
Result<void> set_scheduling(Thread& t, SchedPolicy policy, int nice, int rt_priority);
/// Priority inheritance: as long as it is not 0, `t` runs at least by this real-time priority (SCHED_FIFO, if its own policy is none of
/// real time). Any context but hard interrupt; locks below rank RunQueue may be held.
void lend_priority(Thread& t, u8 rt_priority);
Result<void> set_affinity(Thread& t, CpuMask mask);
/// Ends the current thread; its stack and its reference `self` are dropped once it has left the CPU.
[[noreturn]] void exit_current_thread();

/// Allocates stack and FPU area, and sets the first switch to `entry(arg)` on the kernel stack. ENOMEM.
Result<void> prepare_kernel_stack(Thread& t, void (*entry)(void*), void* arg);
/// Lays a program context at the top of t's kernel stack; the first switch leaves to the program by `frame`.
void set_program_entry(Thread& t, const TrapFrame& frame);

struct LoadAverages { u32 milli[3]; u32 runnable, total; };
LoadAverages load_averages();
/// Hard interrupt of the timer: if a sample is due, notes whether the running thread was in its program or in the kernel.
void sample_cpu_time(bool in_program);
/// Called after samples, in deferred context, for a program's thread (limits of CPU time). Set by kernel/task.
extern void (*on_cpu_sample)(Thread& t);

/// Context switches in all since boot; the time that CPU n was idle.
u64 context_switches();
u64 idle_time_ns(u32 cpu);

} // namespace linnet
