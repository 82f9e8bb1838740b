// A simulated machine for tests on the host. Each of its CPUs runs kernel threads as fibers, on one thread of the host; at every
// lock and unlock, and where a test asks for it, a random generator chooses which CPU goes on. So a seed gives
// the same schedule each time, and under ThreadSanitizer, which is told of the fibers, only the kernel's own
// synchronisation counts as order between CPUs. Time stands still but for what the machine adds.
#pragma once

#include <functional>

#include "kernel/sched/thread.h"

namespace linnet::host {

inline constexpr u32 kMaxHostCpus = 8;

/// Memory, CPUs and their idle threads; once in a process (later calls do nothing). Every CPU is idle afterwards.
void boot(u32 cpus = 4, u64 memory_mib = 64);

/// Seeds the schedule; `chance`: one in so many interleaving points changes the CPU (1: each).
void seed(u64 value, u32 chance = 3);
/// How many schedules a test is to try: LINNET_SCHEDULES, else n, but half of it under ThreadSanitizer.
int schedules(int n);
/// The schedule's generator, for tests to draw from.
u64 random(u64 below);

/// A kernel thread that stays on a CPU, runs `body` and ends. From the test, or from a kernel thread.
Ref<Thread> spawn(u32 cpu, std::function<void()> body, const char* name = "test");
/// The same on whichever of these CPUs the scheduler puts it.
Ref<Thread> spawn_on(CpuMask cpus, std::function<void()> body, const char* name = "test");
/// The same for a thread that the test has made (a Task); `cpu`: who starts it, if the test itself does.
void start(Ref<Thread> t, u32 cpu, std::function<void()> body);
/// Runs the CPUs until every spawned thread has ended. False, after a report on stderr, if nothing can run any more (a
/// deadlock or a lost wake-up) or no end is in sight; the process can't be used for more then.
bool run();
/// Runs the CPUs until no timer is armed any more: what waits for a grace period (RCU) is freed then. From the test.
void settle();
/// spawn on CPU 0, and run.
bool run_thread(std::function<void()> body);

/// The fake clock.
u64 now_ns();
void advance_ns(u64 ns);

/// Makes allocations of pages or of the heap fail: `n` more succeed; negative: all (heap: with heap_malloc.cc only).
extern long heap_allocations_left;
long heap_objects(); // that have not been freed

} // namespace linnet::host
