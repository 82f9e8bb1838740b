#include "kernel/sync/lock_debug.h"

#if LINNET_DEBUG
#include "kernel/arch/x86_64/cpu.h"
#include "kernel/lib/panic.h"
#include "kernel/sched/scheduler.h"
#include "kernel/sync/rcu.h"

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

} // namespace linnet
#endif
