#include "kernel/sync/lock_debug.h"

#if LINNET_DEBUG
#include "kernel/arch/x86_64/cpu.h"
#include "kernel/lib/log.h"
#include "kernel/lib/panic.h"
#include "kernel/sched/scheduler.h"
#include "kernel/sync/rcu.h"
#include "kernel/time/clock.h"

namespace linnet {

namespace {

void record(const void* lock, Rank rank) {
    Thread* t = per_cpu().current;
    if (!t) return; // earliest boot
    if (t->held_count < sizeof t->held / sizeof t->held[0]) t->held[t->held_count] = {lock, rank};
    ++t->held_count;
}

} // namespace

void assert_may_sleep(const char* what) {
    PerCpu& p = per_cpu();
    Thread* t = p.current;
    if (!t) return;
    if (p.in_interrupt) panic("%s in a hard interrupt", what);
    if (p.in_deferred) panic("%s in deferred work", what);
    if (rcu_debug_reading()) panic("%s inside an RCU reader", what);
    for (u32 i = 0; i < t->held_count && i < 16; ++i)
        if (t->held[i].rank > kLastMutexRank) panic("%s with spin lock of rank %u held", what, u32(t->held[i].rank));
}

void lock_debug_acquire(const void* lock, Rank rank, bool sleeps) {
    PerCpu& p = per_cpu();
    Thread* t = p.current;
    if (!t) return;
    if (p.in_interrupt && rank != Rank::Log) panic("lock of rank %u taken in a hard interrupt", u32(rank));
    if (sleeps) assert_may_sleep("a mutex");
    for (u32 i = 0; i < t->held_count && i < 16; ++i) {
        if (t->held[i].lock == lock) panic("lock of rank %u taken twice", u32(rank));
        if (t->held[i].rank > rank || (t->held[i].rank == rank && !same_rank_ok(rank)))
            panic("lock order: rank %u taken with rank %u held", u32(rank), u32(t->held[i].rank));
    }
    record(lock, rank);
}

void lock_debug_acquired_by_try(const void* lock, Rank rank, bool) { record(lock, rank); }

void lock_debug_release(const void* lock, Rank rank) {
    Thread* t = per_cpu().current;
    if (!t) return;
    for (u32 i = t->held_count; i-- > 0;)
        if (i < 16 && t->held[i].lock == lock) {
            for (; i + 1 < t->held_count && i + 1 < 16; ++i) t->held[i] = t->held[i + 1];
            --t->held_count;
            return;
        }
    panic("lock of rank %u released but not held", u32(rank));
}

void MutexOwner::taken() { holder_.store(per_cpu().current, std::memory_order_relaxed); }

void MutexOwner::wait_begins(Rank rank) {
    Thread& t = *current_thread();
    t.waits_for_rank = rank;
    t.waits_for.store(this, std::memory_order_release);
}

void MutexOwner::wait_ends() { current_thread()->waits_for.store(nullptr, std::memory_order_relaxed); }

u64 MutexOwner::deadline() { return monotonic_ns() + 30 * kNsPerSec; } // a CPU of a loaded host may stand still for seconds

void MutexOwner::report() const {
    Thread& self = *current_thread();
    // What is looked at may change, and a holder may let go and end meanwhile: its memory stays.
    RcuReader reader;
    const Thread* t = &self;
    const MutexOwner* m = this;
    for (int depth = 0; m && depth < 16; ++depth) {
        const Thread* holder = m->holder_.load(std::memory_order_relaxed);
        if (!holder) return; // it is on its way to us
        log_warn("%s waits for the mutex of rank %u that %s holds (state %u, cpu %u)", t->name, u32(t->waits_for_rank), holder->name,
                 u32(holder->state.load(std::memory_order_relaxed)), holder->cpu.load(std::memory_order_relaxed));
        if (holder == &self) panic("deadlock: %s waits for itself, over %d mutexes", self.name, depth + 1);
        t = holder;
        m = holder->waits_for.load(std::memory_order_acquire);
    }
}

} // namespace linnet
#endif
