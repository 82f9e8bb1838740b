#include "kernel/sched/cross_call.h"

#include <utility>

#include "kernel/arch/x86_64/cpu.h"
#include "kernel/arch/x86_64/interrupts.h"
#include "kernel/lib/panic.h"
#include "kernel/sched/scheduler.h"
#include "kernel/time/clock.h"

namespace linnet {

namespace {

/// How long a CPU that looks by itself gets before it is interrupted: about what it needs to map, touch and unmap a page.
#if LINNET_HOSTED // short, so that tests interrupt too
constexpr int kPollSpins = 3;
#else
constexpr int kPollSpins = 100;
#endif

} // namespace

CpuMask online_cpus() {
    const u32 n = cpu_count();
    return n >= 64 ? ~CpuMask(0) : (CpuMask(1) << n) - 1;
}

void call_on_cpus(CpuMask cpus, void (*run)(void*), void* arg) {
    // The thread can't move in here, and what interrupts it does not call: the CPU's nodes are its own.
    PerCpu& me = per_cpu();
    const CpuMask self = CpuMask(1) << me.index;
    ASSERT(!me.in_interrupt);
    std::atomic<u32> pending{0};
    const CpuMask others = cpus & ~self;
    poll_cross_calls(); // who asks may be about to be asked
    if (others) {
#if LINNET_DEBUG
        u64 flags = cpu::save_and_disable_interrupts();
        cpu::restore_interrupts(flags);
        CHECK(flags & 0x200); // else two CPUs could wait for each other
#endif
        pending.store(u32(__builtin_popcountll(others)), std::memory_order_relaxed);
        CpuMask interrupt = 0, patient = 0;
        for (CpuMask left = others; left; left &= left - 1) {
            const u32 c = u32(__builtin_ctzll(left));
            CallRequest& r = me.call_nodes[c];
            r.run = run;
            r.arg = arg;
            r.pending = &pending;
            std::atomic<CallRequest*>& head = per_cpu(c).calls;
            CallRequest* first = head.load(std::memory_order_relaxed);
            do r.next = first;
            while (!head.compare_exchange_weak(first, &r, std::memory_order_seq_cst, std::memory_order_relaxed));
            if (first) continue; // who asked before sees to the interrupt
            const u64 polls = per_cpu(c).call_polls.load(std::memory_order_relaxed);
            (std::exchange(r.polls_seen, polls) == polls ? interrupt : patient) |= CpuMask(1) << c;
        }
        for (; interrupt; interrupt &= interrupt - 1) send_ipi(u32(__builtin_ctzll(interrupt)), kCallVector);
        for (int i = 0; patient && i < kPollSpins && pending.load(std::memory_order_acquire); ++i) {
            cpu::pause();
            poll_cross_calls();
        }
        for (; patient; patient &= patient - 1)
            if (per_cpu(u32(__builtin_ctzll(patient))).calls.load(std::memory_order_seq_cst))
                send_ipi(u32(__builtin_ctzll(patient)), kCallVector);
    }
    if (cpus & self) {
        InterruptsOff off;
        run(arg);
    }
#if LINNET_DEBUG
    u64 spins = 0;
    const u64 begun = monotonic_ns();
    while (pending.load(std::memory_order_acquire)) {
        cpu::pause();
        poll_cross_calls();
        if (++spins % (1 << 20) || monotonic_ns() - begun < 30 * kNsPerSec) continue;
        for (CpuMask left = others; left; left &= left - 1)
            if (per_cpu(u32(__builtin_ctzll(left))).calls.load(std::memory_order_relaxed)) report_silent_cpu(u32(__builtin_ctzll(left)));
    }
#else
    while (pending.load(std::memory_order_acquire)) {
        cpu::pause();
        poll_cross_calls();
    }
#endif
}

void serve_cross_calls() {
    InterruptsOff off;
    run_cross_calls();
}

void run_cross_calls() {
#if LINNET_DEBUG
    per_cpu().heartbeat.fetch_add(1, std::memory_order_relaxed);
#endif
    CallRequest* r = per_cpu().calls.exchange(nullptr, std::memory_order_acq_rel);
    while (r) {
        // The asker may use its node again as soon as it is told.
        CallRequest* next = r->next;
        std::atomic<u32>* pending = r->pending;
        r->run(r->arg);
        pending->fetch_sub(1, std::memory_order_release);
        r = next;
    }
}

} // namespace linnet
