// Where threads run: idle CPUs first, the one that a thread ran on last before others; idle CPUs take from busy ones.
#include "kernel/arch/x86_64/interrupts.h"
#include "kernel/sched/cross_call.h"
#include "kernel/sched/run_queue.h"
#include "kernel/sched/scheduler.h"

namespace linnet {

std::atomic<CpuMask> idle_cpus{0};

namespace {

constexpr u64 kWakeupGranularity = 1 * kNsPerMs; // a woken thread preempts only if it is this far ahead
// ... and the running one has had the CPU for this long (Linux's sched_min_granularity_ns on one CPU): a client that wakes its server with
// each of many requests sends them all before the server looks.
constexpr u64 kLeastRunNs = 750'000;

RunQueue& queue_of(u32 c) { return *per_cpu(c).run_queue; }

bool preempts(const Thread& t, const Thread& running, const Thread* idle) {
    if (&running == idle) return true;
    if (is_realtime(t)) return !is_realtime(running) || t.rt_priority > running.rt_priority;
    if (is_realtime(running)) return false;
    if (running.policy == SchedPolicy::Idle && t.policy != SchedPolicy::Idle) return true;
    if (t.policy == SchedPolicy::Batch || t.policy == SchedPolicy::Idle) return false;
    return t.vruntime + kWakeupGranularity < running.vruntime;
}

/// A thread that is to be preempted stays for a moment if it has only just come, unless priorities decide.
bool keeps_cpu(const Thread& t, const Thread& running, const Thread* idle) {
    if (&running == idle || is_realtime(t) || running.policy == SchedPolicy::Idle) return false;
    return monotonic_ns() < running.exec_start_ns + kLeastRunNs;
}

CpuMask allowed_cpus(const Thread& t) {
    CpuMask online = online_cpus();
    CpuMask m = __atomic_load_n(&t.affinity, __ATOMIC_RELAXED) & online;
    return m ? m : online;
}

/// The first thread of a queue that may run on CPU `c`.
Thread* candidate(RunQueue& q, u32 c) {
    for (Thread* t = q.realtime.front(); t; t = q.realtime.next(*t))
        if (t->affinity >> c & 1) return t;
    for (Thread* t = q.fair.first(); t; t = q.fair.next(*t))
        if (t->affinity >> c & 1) return t;
    return nullptr;
}

} // namespace

u32 choose_among_cpus(const Thread& t, u32 previous) {
    const CpuMask allowed = allowed_cpus(t);
    while (CpuMask idle = idle_cpus.load(std::memory_order_seq_cst) & allowed) {
        u32 c = idle >> previous & 1 ? previous : u32(__builtin_ctzll(idle));
        if (idle_cpus.fetch_and(~(CpuMask(1) << c), std::memory_order_seq_cst) >> c & 1) return c;
    }
    const u32 here = this_cpu();
    if (is_realtime(t)) {
        auto yields = [&](u32 c) { return (allowed >> c & 1) && preempts(t, *__atomic_load_n(&per_cpu(c).current, __ATOMIC_ACQUIRE), nullptr); };
        // A look without the queue's lock: a thread that ends may be looked at, its memory stays the kernel's.
        if (yields(previous)) return previous;
        for (u32 c = 0; c < cpu_count(); ++c)
            if (yields(c)) return c;
    }
    if (allowed >> previous & 1) return previous;
    if (allowed >> here & 1) return here;
    return u32(__builtin_ctzll(allowed));
}

void detach(RunQueue& q, Thread& t, u32 target) {
    // Run time is kept relative to the queue's clock while the thread is under way.
    t.vruntime -= q.min_vruntime;
    t.cpu.store(target, std::memory_order_release); // pairs with lock_queue_of()
    if (t.is_user) t.work.fetch_or(kWorkRseq, std::memory_order_relaxed);
}

void attach(Thread& t) {
    for (;;) {
        const u32 c = t.cpu.load(std::memory_order_relaxed);
        RunQueue& q = queue_of(c);
        q.lock();
        if (!(allowed_cpus(t) >> c & 1)) { // the affinity changed on the way
            t.cpu.store(choose_cpu(t, c), std::memory_order_release);
            q.unlock();
            continue;
        }
        t.vruntime += q.min_vruntime;
        enqueue_and_tell(q, t);
        q.unlock();
        return;
    }
}

void enqueue_and_tell(RunQueue& q, Thread& t) {
    enqueue(q, t, false);
    PerCpu& p = per_cpu(q.cpu);
    Thread& running = *p.current;
    if (preempts(t, running, p.idle)) {
        if (!keeps_cpu(t, running, p.idle)) {
            // If the bit was set already, its interrupt is under way, or schedule() is about to take the lock that is held here.
            u32 old = running.work.fetch_or(kWorkResched, std::memory_order_seq_cst);
            if (!(old & kWorkResched) && &p != &per_cpu()) send_ipi(p.index, kRescheduleVector);
            return;
        }
        arm_slice(q, running.exec_start_ns + kLeastRunNs);
    } else {
        arm_slice(q);
    }
    kick_idle_cpu(q, t.affinity);
}

void kick_idle_cpu(RunQueue& q, CpuMask allowed) {
    // Pairs with the idle loop: it sets its bit, then looks at the queues; here the thread is queued, then the bits are read.
    CpuMask idle = idle_cpus.load(std::memory_order_seq_cst);
    if (!idle) return;
    idle &= allowed & ~(CpuMask(1) << q.cpu);
    if (!idle) return;
    u32 c = u32(__builtin_ctzll(idle));
    if (idle_cpus.fetch_and(~(CpuMask(1) << c), std::memory_order_seq_cst) >> c & 1) send_ipi(c, kRescheduleVector);
}

bool steal_work(PerCpu& p) {
    const u32 n = cpu_count();
    for (u32 i = 1; i < n; ++i) {
        u32 c = p.index + i < n ? p.index + i : p.index + i - n;
        PerCpu& other = per_cpu(c);
        RunQueue& q = *other.run_queue;
        if (!q.runnable.load(std::memory_order_seq_cst)) continue;
        q.lock();
        // An idle CPU with one thread is about to run it.
        if (other.current == other.idle && q.runnable.load(std::memory_order_relaxed) == 1) {
            q.unlock();
            continue;
        }
        if (Thread* t = candidate(q, p.index)) {
            dequeue(q, *t);
            detach(q, *t, p.index);
            q.unlock();
            attach(*t);
            return true;
        }
        q.unlock();
    }
    return false;
}

void push_work(RunQueue& q) {
    const u32 n = cpu_count();
    if (n == 1) return;
    u32 least = ~0u, target = 0;
    for (u32 c = 0; c < n; ++c) {
        u32 r = queue_of(c).runnable.load(std::memory_order_relaxed);
        if (c != q.cpu && r < least) least = r, target = c;
    }
    if (q.runnable.load(std::memory_order_relaxed) < least + 2) return;
    q.lock();
    Thread* t = nullptr;
    for (Thread* at = q.fair.last(); at && !t; at = q.fair.prev(*at)) // who would wait longest here
        if (at->affinity >> target & 1) t = at;
    if (t) {
        dequeue(q, *t);
        detach(q, *t, target);
    }
    q.unlock();
    if (t) attach(*t);
}

} // namespace linnet
