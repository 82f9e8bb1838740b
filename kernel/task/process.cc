// Processes and tasks as objects, and how the machine ends with the first of them.
#include "kernel/task/process.h"

#include "kernel/lib/format.h"
#include "kernel/lib/log.h"
#include "kernel/mm/address_space.h"
#include "kernel/sync/lock_stat.h"
#include "kernel/task/init.h"
#include "kernel/task/interval_timer.h"
#include "kernel/task/lifecycle.h"
#include "kernel/task/posix_timer.h"
#include "kernel/time/clock.h"

namespace linnet {

Result<Ref<ExecFile>> (*open_exec)(int dirfd, const char* path, int at_flags) = nullptr;
Result<i32> (*install_pidfd)(Process& p) = nullptr;
void (*remove_pidfd)(i32 fd) = nullptr;
MachineHooks machine_hooks;
u32 initial_fast_calls = 0;
void (*trace_clone)(Task& child) = nullptr;
void (*trace_signal)(Task& t, const abi::Siginfo& info) = nullptr;
void (*trace_end)(Task& t, u32 status) = nullptr;
void (*process_ended)(Process& p, u32 status) = nullptr;

Process::Process() : start_time_ns(monotonic_ns()) {
    init_interval_timers(*this);
}
Process::~Process() { free_posix_timer_table(*this); }
Task::~Task() = default;

char state_letter(const Task& t) {
    if (t.stopped) return 'T';
    switch (t.state.load(std::memory_order_relaxed)) {
    case ThreadState::Running: return 'R';
    case ThreadState::Sleeping: return 'S';
    case ThreadState::Uninterruptible: return 'D';
    case ThreadState::Stopped: return 'T';
    case ThreadState::Dead: return 'Z';
    }
    return 'R';
}

namespace {

/// Thread context.
[[noreturn]] void end_with(const char* line) {
    // The machine ends once: a reboot beside the end of process 1, or ends on two CPUs. Reports and the trace may sleep on their way out.
    static std::atomic<bool> ending{false};
    if (ending.exchange(true)) {
        WaitQueue never;
        for (;;) (void)wait_until(never, [] { return false; }, kForever, false);
    }
    log_info("%s", line);
    lock_stat_report();
    if (machine_hooks.report) machine_hooks.report(line);
    if (machine_hooks.drain_and_reset) machine_hooks.drain_and_reset();
    panic("the machine could not be reset after: %s", line);
}

} // namespace

void machine_end(u32 status) {
    char line[32];
    if (u32 sig = status & 0x7f) format(line, sizeof line, "signal %u", sig);
    else format(line, sizeof line, "exit %u", status >> 8 & 0xff);
    end_with(line);
}

void machine_fail(int code, const char* text) {
    char line[512];
    format(line, sizeof line, "fail %d %s", code, text);
    log_error("%s", text);
    end_with(line);
}

} // namespace linnet
