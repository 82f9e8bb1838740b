// When grace periods go on: rcu_core.h says what they are. A CPU with callbacks has a timer, which runs as deferred work and thus in
// a quiescent state; CPUs that computed in their program all the while, or never came by a safe point, get an IPI then,
// whose handler queues deferred work there. One CPU alone ends its grace periods in one step.
#include "kernel/sync/rcu.h"

#include "kernel/arch/x86_64/cpu.h"
#include "kernel/arch/x86_64/interrupts.h"
#include "kernel/irq/deferred.h"
#include "kernel/lib/panic.h"
#include "kernel/sched/scheduler.h"
#include "kernel/time/clock.h"
#include "kernel/time/timer.h"
#include "kernel/sync/wait_queue.h"

namespace linnet {

namespace {

constexpr u32 kManyCallbacks = 64;            // so many do not wait for the timer: memory is used again while it is warm
constexpr u32 kTooManyCallbacks = 2048;       // so many do not wait for the other CPUs' own pace either
constexpr u64 kFirstWait = 4 * kNsPerMs;      // callbacks gather for so long
constexpr u64 kNextWait = 1 * kNsPerMs;       // then the other CPUs are asked so often

RcuCore<kMaxCpus> core;

/// What a CPU has for its callbacks; used by itself only.
struct alignas(64) CpuCallbacks {
    u32 queued = 0;   // since the last look
    u32 waiting = 0;  // in all, about
    bool nudge = false; // the next look asks other CPUs
    bool timer_set = false;
    Timer timer;
    DeferredWork work;
#if LINNET_DEBUG
    u32 readers = 0;
#endif
};
CpuCallbacks callbacks[kMaxCpus];

/// In deferred work: nobody on this CPU is in a reader, since safe points are not in readers.
void process_here() {
    u32 self = this_cpu(), count = cpu_count();
    CpuCallbacks& c = callbacks[self];
#if LINNET_DEBUG
    if (c.readers) panic("deferred work inside an RCU reader");
#endif
    RcuBatch ready;
    core.process(self, count, ready);
    c.waiting += std::exchange(c.queued, 0);
    if (!ready.empty()) c.waiting = 0;
    while (RcuLink* m = ready.memory.pop()) kfree(m);
    while (RcuLink* l = ready.calls.pop()) {
        auto* h = static_cast<RcuHead*>(l);
        h->run(*h);
    }
    if (!core.pending(self)) return;
    // CPUs pass by safe points by themselves, most of the time: they are asked only if that takes long.
    if (std::exchange(c.nudge, false) || c.waiting > kTooManyCallbacks)
        for (u32 i = 0; i < count; ++i)
            if (i != self && core.awaited(i)) send_ipi(i, kRescheduleVector);
    if (!c.timer_set) {
        c.timer_set = true;
        start_timer(c.timer, monotonic_ns() + kNextWait);
    }
}

void timer_expired(Timer&) {
    callbacks[this_cpu()].timer_set = false;
    callbacks[this_cpu()].nudge = true;
    process_here();
}
void work_raised(DeferredWork&) { process_here(); }

/// Something was queued on this CPU.
void queued(u32 self) {
    CpuCallbacks& c = callbacks[self];
    if (++c.queued == kManyCallbacks) {
        raise_deferred(c.work);
        return;
    }
    if (c.timer_set) return;
    c.timer_set = true;
    start_timer(c.timer, monotonic_ns() + kFirstWait);
}

} // namespace

void rcu_enter_cpu(u32 cpu) {
    callbacks[cpu].timer.expired = timer_expired;
    callbacks[cpu].work.run = work_raised;
    core.enter(cpu);
}

void rcu_defer(RcuHead& h, void (*run)(RcuHead&)) {
    u32 self = this_cpu();
    h.run = run;
    core.queue(self).calls.add(h);
    queued(self);
}

void rcu_free(void* memory) {
    if (!memory) return;
    u32 self = this_cpu();
    core.queue(self).memory.add(*static_cast<RcuLink*>(memory));
    queued(self);
}

void rcu_synchronize() {
    struct Waiter : RcuHead {
        Ref<Thread> thread;
        std::atomic<bool> over{false};
    } w;
    w.thread = Ref<Thread>(current_thread());
    rcu_defer(w, [](RcuHead& h) {
        auto& waiter = static_cast<Waiter&>(h);
        Ref<Thread> t = std::move(waiter.thread); // `waiter` may be gone as soon as it is told
        waiter.over.store(true, std::memory_order_release);
        wake_thread(*t);
    });
    callbacks[this_cpu()].nudge = true;
    raise_deferred(callbacks[this_cpu()].work);
    for (;;) {
        prepare_to_sleep(false);
        if (w.over.load(std::memory_order_acquire)) break;
        schedule();
    }
    cancel_sleep();
}

/// A switch of threads, or another point at which this CPU holds no reader.
void rcu_quiescent() {
#if LINNET_DEBUG
    if (callbacks[this_cpu()].readers) panic("a quiescent state inside an RCU reader");
#endif
    (void)core.quiescent(this_cpu());
}

void rcu_idle_begin() { core.leave(this_cpu()); }
void rcu_idle_end() { core.enter(this_cpu()); }

/// Hard interrupt (the reschedule IPI): if a grace period waits for this CPU, it says so at its next safe point.
void rcu_interrupt() {
    u32 self = this_cpu();
    if (core.awaited(self)) raise_deferred(callbacks[self].work);
}

u64 rcu_grace_periods() { return core.grace_periods(); }

#if LINNET_DEBUG
void rcu_debug_enter() { ++callbacks[this_cpu()].readers; }
void rcu_debug_leave() { --callbacks[this_cpu()].readers; }
bool rcu_debug_reading() { return callbacks[this_cpu()].readers != 0; }
#endif

} // namespace linnet
