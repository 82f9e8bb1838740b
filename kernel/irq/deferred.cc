#include "kernel/irq/deferred.h"

#include "kernel/arch/x86_64/cpu.h"
#include "kernel/sched/thread.h"

namespace linnet {

namespace {
constexpr u8 kQueued = 1, kRunning = 2;

void enqueue(DeferredWork& w) {
    InterruptsOff off;
    w.next = nullptr;
    PerCpu& p = per_cpu();
    if (p.deferred_tail) p.deferred_tail->next = &w;
    else p.deferred_head = &w;
    p.deferred_tail = &w;
    p.current->work.fetch_or(kWorkDeferred, std::memory_order_relaxed);
}
} // namespace

void raise_deferred(DeferredWork& w) {
    if (!w.state.fetch_or(kQueued, std::memory_order_acq_rel)) enqueue(w);
}

void run_deferred() {
    PerCpu& p = per_cpu();
    if (p.in_deferred) return; // the outer one goes on with what is new
    p.current->work.fetch_and(~u32(kWorkDeferred), std::memory_order_relaxed);
    p.in_deferred = true;
    for (;;) {
        DeferredWork* w;
        {
            InterruptsOff off;
            w = p.deferred_head;
            if (!w) break;
            p.deferred_head = w->next;
            if (!p.deferred_head) p.deferred_tail = nullptr;
        }
        w->state.exchange(kRunning, std::memory_order_acq_rel);
        w->run(*w);
        u8 running = kRunning;
        if (!w->state.compare_exchange_strong(running, 0, std::memory_order_acq_rel)) {
            // Raised while it ran: once more, behind what waits already.
            w->state.store(kQueued, std::memory_order_release);
            enqueue(*w);
        }
    }
    p.in_deferred = false;
}

} // namespace linnet
