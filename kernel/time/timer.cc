// Per-CPU queues of one-shot timers, in deadline order. The hardware timer is armed for the first of them only, and left
// alone when a later one is added.
#include "kernel/time/timer.h"

#include "kernel/arch/x86_64/cpu.h"
#include "kernel/arch/x86_64/interrupts.h"
#include "kernel/irq/deferred.h"
#include "kernel/sched/scheduler.h"
#include "kernel/sync/wait_queue.h"
#include "kernel/time/clock.h"
#include "kernel/time/timer_queue.h"

namespace linnet {

namespace {

struct TimerQueue {
    SpinLock<Rank::Timers> lock;
    Tree<Timer, &Timer::node, &Timer::key> timers GUARDED_BY(lock);
    u64 armed_ns GUARDED_BY(lock) = ~0ull; // what the hardware is set to
    std::atomic<Timer*> running{nullptr};
    DeferredWork work;
};
TimerQueue queues[kMaxCpus];

void program_hardware(TimerQueue& q) REQUIRES(q.lock) {
    Timer* first = q.timers.first();
    u64 want = first ? first->deadline_ns : kForever;
    if (want == q.armed_ns) return;
    q.armed_ns = want;
    set_timer_deadline(want);
}

void expire(DeferredWork& w) {
    TimerQueue& q = *container_of(&w, TimerQueue, work);
    for (;;) {
        Timer* t;
        {
            SpinGuard g(q.lock);
            // Cleared under the lock: a start meanwhile has put the timer here, and it is seen now. (A timer may be gone after its callback.)
            q.running.store(nullptr, std::memory_order_release);
            t = q.timers.first();
            if (!t || t->deadline_ns > monotonic_ns()) {
                q.armed_ns = ~0ull - 1; // the interrupt used it up
                program_hardware(q);
                return;
            }
            q.timers.remove(*t);
            t->armed = false;
            q.running.store(t, std::memory_order_release);
        }
        t->expired(*t);
    }
}

} // namespace

void init_timers() { queues[this_cpu()].work.run = expire; }

void timer_interrupt() { raise_deferred(queues[this_cpu()].work); }

namespace {

/// The queue of a timer, locked: its CPU may change until the lock is held.
TimerQueue& lock_queue_of(Timer& t) NO_THREAD_SAFETY {
    for (;;) {
        TimerQueue& q = queues[t.cpu.load(std::memory_order_relaxed)];
        q.lock.lock_by_guard();
        if (&q == &queues[t.cpu.load(std::memory_order_acquire)]) return q; // behind whoever moved it here
        q.lock.unlock_by_guard();
    }
}

bool take_out(TimerQueue& q, Timer& t) REQUIRES(q.lock) {
    if (!t.armed) return false;
    // The hardware may go off once for nothing: cheaper than setting it again.
    q.timers.remove(t);
    t.armed = false;
    return true;
}

} // namespace

void start_timer(Timer& t, u64 deadline_ns) NO_THREAD_SAFETY {
    TimerQueue& here = queues[this_cpu()];
    TimerQueue* q = &lock_queue_of(t);
    take_out(*q, t);
    // While its callback runs elsewhere it stays there, so that cancel_timer() knows where to wait; that CPU looks at its queue
    // again when the callback returns. Else it moves to this CPU.
    while (q != &here && q->running.load(std::memory_order_relaxed) != &t) {
        t.cpu.store(this_cpu(), std::memory_order_release);
        q->lock.unlock_by_guard();
        q = &lock_queue_of(t);
        take_out(*q, t);
    }
    t.deadline_ns = deadline_ns;
    t.armed = true;
    // Keys are unique: equal deadlines follow each other by single nanoseconds.
    t.key = deadline_ns;
    while (!q->timers.insert(t)) ++t.key;
    if (q == &here) program_hardware(*q);
    q->lock.unlock_by_guard();
}

bool stop_timer(Timer& t) NO_THREAD_SAFETY {
    TimerQueue& q = lock_queue_of(t);
    bool was_armed = take_out(q, t);
    q.lock.unlock_by_guard();
    return was_armed;
}

bool cancel_timer(Timer& t) NO_THREAD_SAFETY {
    bool was_armed = false;
    for (;;) {
        TimerQueue& q = lock_queue_of(t);
        was_armed |= take_out(q, t);
        const bool runs_elsewhere = &q != &queues[this_cpu()] && q.running.load(std::memory_order_relaxed) == &t;
        q.lock.unlock_by_guard();
        // On this CPU it can only be the caller itself that runs.
        if (!runs_elsewhere) return was_armed;
        while (q.running.load(std::memory_order_acquire) == &t) cpu::pause();
    }
}

} // namespace linnet
