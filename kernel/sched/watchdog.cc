// Debug builds: a CPU that does not answer interrupts for half a minute is shown, with its frames, and the VM ends.
#include "kernel/arch/x86_64/cpu.h"
#include "kernel/arch/x86_64/interrupts.h"
#include "kernel/arch/x86_64/smp.h"
#include "kernel/lib/panic.h"
#include "kernel/sched/cross_call.h"
#include "kernel/sched/scheduler.h"
#include "kernel/time/clock.h"
#include "kernel/time/timer.h"

namespace linnet {

#if LINNET_DEBUG

namespace {

constexpr u64 kPeriodNs = 4 * kNsPerSec;
constexpr u64 kTooLongNs = 30 * kNsPerSec; // CPUs of a loaded host may stand still for seconds

struct Watched { u64 beat = ~0ull, since_ns = 0; };
Watched watched[kMaxCpus];
Timer timer;

void look(Timer&) {
    const u64 now = monotonic_ns();
    for (u32 c = 0; c < cpu_count(); ++c) {
        if (c == this_cpu()) continue;
        const u64 beat = per_cpu(c).heartbeat.load(std::memory_order_relaxed);
        if (beat != watched[c].beat) watched[c] = {beat, now};
        else if (now - watched[c].since_ns > kTooLongNs) report_silent_cpu(c);
        send_ipi(c, kCallVector); // answers by its heartbeat
    }
    start_timer(timer, now + kPeriodNs);
}

} // namespace

void start_watchdog() {
    if (cpu_count() == 1) return;
    timer.expired = look;
    start_timer(timer, monotonic_ns() + kPeriodNs);
}

void report_silent_cpu(u32 c) {
    show_other_cpu(c);
    panic("cpu %u does not answer interrupts", c);
}

#else

void start_watchdog() {}

#endif

} // namespace linnet
