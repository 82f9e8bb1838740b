// CPU time as programs see it: getrusage(2), times(2), the CPU-time clocks, RLIMIT_CPU and RLIMIT_RTTIME.
//
// The scheduler adds up exactly how long each thread had a CPU. Where it was meanwhile is sampled, as by Linux's tick: reading the clock on
// each system call would cost more than many of the calls. The samples divide the exact sum (Linux: cputime_adjust), and no answer is
// ever smaller than the one before it.
#include "kernel/task/cpu_times.h"

#include "kernel/task/lifecycle.h"
#include "kernel/time/clock.h"
#include "linux-abi/time.h"

namespace linnet {

namespace {

struct Sum {
    u64 total_ns, user_samples, system_samples;
};

CpuTimes divide(const Sum& s, CpuTimes& shown) {
    if (s.total_ns <= shown.user_ns + shown.system_ns) return shown;
    const u64 samples = s.user_samples + s.system_samples;
    u64 system = 0; // what no sample has met yet counts as the program's
    if (samples) system = s.total_ns / samples * s.system_samples + s.total_ns % samples * s.system_samples / samples;
    if (system < shown.system_ns) system = shown.system_ns;
    if (s.total_ns - system < shown.user_ns) system = s.total_ns - shown.user_ns;
    return shown = {s.total_ns - system, system};
}

u64 thread_total(const Task& t) {
    // What was added up, and the time since it got the CPU, which the scheduler adds at the next switch; on another CPU perhaps
    // at this moment.
    u64 total, since;
    do {
        while (!(since = __atomic_load_n(&t.exec_start_ns, __ATOMIC_ACQUIRE))) __builtin_ia32_pause();
        total = t.cpu_time_ns.load(std::memory_order_acquire);
    } while (__atomic_load_n(&t.exec_start_ns, __ATOMIC_ACQUIRE) != since);
    if (since != kNotRunning)
        if (u64 now = monotonic_ns(); now > since) total += now - since;
    return total;
}

Sum thread_sum(const Task& t) {
    return {thread_total(t), t.user_samples.load(std::memory_order_relaxed), t.system_samples.load(std::memory_order_relaxed)};
}

/// RLIMIT_CPU: SIGXCPU at the soft limit and each second after it, SIGKILL at the hard one; setrlimit(2).
void check_cpu_limit(Process& p) {
    const u64 soft = p.limit(RLIMIT_CPU);
    if (soft == kLimitInfinity) return;
    const CpuTimes c = process_cpu_times(p);
    const u64 seconds = (c.user_ns + c.system_ns) / kNsPerSec;
    const u64 hard = __atomic_load_n(&p.limits[RLIMIT_CPU].hard, __ATOMIC_RELAXED);
    if (hard != kLimitInfinity && seconds >= hard) return kill_process(p);
    if (seconds < soft) return;
    __atomic_store_n(&p.limits[RLIMIT_CPU].soft, soft + 1, __ATOMIC_RELAXED); // as Linux does
    send_kernel_signal(p, SIGXCPU);
}

/// RLIMIT_RTTIME: microseconds that a real-time thread runs without blocking.
void check_realtime_limit(Task& t) {
    Process& p = *t.process;
    const u64 soft = p.limit(RLIMIT_RTTIME);
    if (soft == kLimitInfinity || (t.policy != SchedPolicy::Fifo && t.policy != SchedPolicy::RoundRobin)) return;
    const u64 total = thread_total(t);
    if (t.rt_switches != t.voluntary_switches || !t.rt_since_ns) {
        t.rt_switches = t.voluntary_switches;
        t.rt_since_ns = total;
        return;
    }
    const u64 ran_us = (total - t.rt_since_ns) / kNsPerUs;
    const u64 hard = __atomic_load_n(&p.limits[RLIMIT_RTTIME].hard, __ATOMIC_RELAXED);
    if (hard != kLimitInfinity && ran_us >= hard) return kill_process(p);
    if (ran_us < soft) return;
    __atomic_store_n(&p.limits[RLIMIT_RTTIME].soft, soft + 1'000'000, __ATOMIC_RELAXED);
    send_kernel_signal(p, SIGXCPU);
}

void after_sample(Thread& thread) {
    Task& t = static_cast<Task&>(thread);
    if (!t.process || t.exiting) return;
    Ref<Process> p = t.process;
    check_cpu_limit(*p);
    check_realtime_limit(t);
}

} // namespace

void init_cpu_limits() { on_cpu_sample = after_sample; }

u64 CpuClock::read() const {
    const CpuTimes c = task ? thread_cpu_times(*task) : process_cpu_times(*process);
    return user_only ? c.user_ns : c.user_ns + c.system_ns;
}

Result<CpuClock> find_cpu_clock(int id) {
    if (id == CLOCK_PROCESS_CPUTIME_ID) id = ~0 << 3 | 2;
    else if (id == CLOCK_THREAD_CPUTIME_ID) id = ~0 << 3 | 4 | 2;
    else if (id >= 0) return EINVAL;
    const i32 pid = ~(id >> 3);
    const int kind = id & 3; // 0: profiling, 1: virtual, 2: scheduler's
    if (kind == 3) return EINVAL; // a clock device
    CpuClock clock;
    clock.user_only = kind == 1;
    if (id & 4) {
        clock.task = pid ? find_task(pid) : Ref<Task>(&current());
        if (!clock.task || clock.task->process != current().process) return EINVAL;
    } else {
        clock.process = pid ? find_process(pid) : current().process;
        if (!clock.process) return EINVAL;
    }
    return clock;
}

CpuTimes thread_cpu_times(Task& t) {
    SpinGuard g(process_lock);
    return divide(thread_sum(t), t.shown_times);
}

CpuTimes process_cpu_times_locked(Process& p) {
    Sum sum{p.dead_cpu_ns, p.dead_user_samples, p.dead_system_samples};
    for (ThreadLink& l : p.threads) {
        const Sum t = thread_sum(*l.task);
        sum.total_ns += t.total_ns;
        sum.user_samples += t.user_samples;
        sum.system_samples += t.system_samples;
    }
    return divide(sum, p.shown_times);
}

CpuTimes process_cpu_times(Process& p) {
    SpinGuard g(process_lock);
    return process_cpu_times_locked(p);
}

void keep_thread_figures(Process& p, Task& t) {
    const Sum s = thread_sum(t);
    p.dead_cpu_ns += s.total_ns;
    p.dead_user_samples += s.user_samples;
    p.dead_system_samples += s.system_samples;
    p.voluntary_switches += t.voluntary_switches, p.involuntary_switches += t.involuntary_switches;
    p.minor_faults += t.minor_faults, p.major_faults += t.major_faults;
}

} // namespace linnet
