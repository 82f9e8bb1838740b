// The scheduler's own: one CPU's queue, and where threads go. kernel/sched/README.md has the rules.
#pragma once

#include "kernel/arch/x86_64/cpu.h"
#include "kernel/irq/deferred.h"
#include "kernel/sched/scheduler.h"
#include "kernel/time/clock.h"
#include "kernel/time/timer.h"

namespace linnet {

inline constexpr u64 kSliceNs = 3 * kNsPerMs;
inline constexpr u64 kRoundRobinSliceNs = 100 * kNsPerMs; // Linux's sched_rr_timeslice_ms

/// One CPU's queue. Its lock is not a SpinLock: it is taken by one thread and released by another.
struct RunQueue {
    std::atomic<bool> locked{false};
    u32 cpu = 0;
    Tree<Thread, &Thread::queue_node, &Thread::sched_key> fair;
    List<Thread, &Thread::rt_node> realtime; // highest priority first
    std::atomic<u32> runnable{0};            // queued threads, without the running one; changed under the lock
    u64 min_vruntime = 1ull << 40;           // far from 0, so that a thread may stand behind it
    Thread* previous = nullptr;              // during a switch: who leaves
    bool previous_moves = false;             // and must go on elsewhere (affinity)
    bool slice_armed = false;
    std::atomic<bool> slice_wanted{false};   // another CPU asks for the slice timer
    u64 slice_due_ns = 0;                    // when it expires, or is wanted to
    Timer slice_timer;                       // on this CPU's timer queue, always
    DeferredWork slice_work;
    Timer sample_timer;                      // on this CPU's timer queue too
    std::atomic<u64> sample_due_ns{0};       // when the next sample is taken; 0: none
    bool sample_armed = false;               // this CPU's own

    void lock() {
        host_interleave();
        if (locked.exchange(true, std::memory_order_acquire)) [[unlikely]] lock_contended();
        else lock_stat_acquired(Rank::RunQueue);
    }
    void lock_contended();
    void unlock() {
        locked.store(false, std::memory_order_release);
        host_interleave();
    }
};

inline bool is_realtime(const Thread& t) { return t.policy == SchedPolicy::Fifo || t.policy == SchedPolicy::RoundRobin; }

// scheduler.cc; the queue's lock is held.
void enqueue(RunQueue& q, Thread& t, bool at_front);
void dequeue(RunQueue& q, Thread& t);
void set_slice_timer(RunQueue& q, u64 due_ns);
/// Somebody waits: whoever runs does so for a slice at the most.
inline void arm_slice(RunQueue& q) {
    if (!q.slice_armed) set_slice_timer(q, monotonic_ns() + kSliceNs);
}
/// The same, until `due_ns` at the latest.
inline void arm_slice(RunQueue& q, u64 due_ns) {
    if (!q.slice_armed || due_ns < q.slice_due_ns) set_slice_timer(q, due_ns);
}

// placement.cc
/// CPUs that wait for work; a waker takes the bit away before it sends work there.
extern std::atomic<CpuMask> idle_cpus;
/// The queue of the CPU that the thread belongs to, locked.
inline RunQueue& lock_queue_of(Thread& t) {
    for (;;) {
        u32 c = t.cpu.load(std::memory_order_relaxed);
        RunQueue& q = *per_cpu(c).run_queue;
        q.lock();
        // Acquire: whoever moved it here did so under the lock of the queue that it came from.
        if (t.cpu.load(std::memory_order_acquire) == c) [[likely]] return q;
        q.unlock();
    }
}
/// Where a thread that becomes runnable should run; `previous`: where its data may still be cached. Claims an idle CPU.
u32 choose_among_cpus(const Thread& t, u32 previous);
inline u32 choose_cpu(const Thread& t, u32 previous) { return cpu_count() == 1 ? 0 : choose_among_cpus(t, previous); }
/// Takes a thread that is on no queue and no CPU away from `q` (locked): it belongs to `target`, and to nobody but the caller, until
/// attach().
void detach(RunQueue& q, Thread& t, u32 target);
void attach(Thread& t);
/// enqueue(), and whoever should know is told: the running thread if `t` goes first, else an idle CPU that could take it.
void enqueue_and_tell(RunQueue& q, Thread& t);
/// Idle: takes a thread from another CPU's queue. False: nothing to take.
bool steal_work(PerCpu& p);
/// `q` has threads that wait (locked): an idle CPU looks for them.
void kick_idle_cpu(RunQueue& q, CpuMask allowed);
/// Gives a thread to a CPU that has at least two fewer. No lock held.
void push_work(RunQueue& q);

} // namespace linnet
