// The harness: chooses cases by the arguments behind `--`, prints lines as GoogleTest does, and ends QEMU by isa-debug-exit
// (0: all passed, QEMU's status 1; 1: a case failed, status 3; a panic is status 255).
#include "kernel/tests/ktest.h"

#include <cstdarg>

#include "kernel/arch/x86_64/cpu.h"
#include "kernel/arch/x86_64/fpu.h"
#include "kernel/boot/boot_info.h"
#include "kernel/lib/format.h"
#include "kernel/lib/log.h"
#include "kernel/lib/panic.h"
#include "kernel/lib/string.h"
#include "kernel/sched/scheduler.h"
#include "kernel/sync/wait_queue.h"
#include "kernel/task/lifecycle.h"
#include "kernel/tests/main.h"
#include "kernel/tests/program.h"
#include "kernel/time/clock.h"
#include "kernel/time/timer.h"
#include "linux-abi/cmdline.h"

namespace linnet::ktest {

namespace {

Case* first_case;
Case** last_link = &first_case;
Case* running;
u32 failures_of_case;
const char* skipped;
u64 random_state = 1;

constexpr u64 kHangNs = 240 * kNsPerSec; // of one case; the slowest takes a few seconds
Timer hang_timer;

/// `*` stands for any text.
bool matches(const char* pattern, const char* text) {
    if (!*pattern) return !*text;
    if (*pattern == '*') return matches(pattern + 1, text) || (*text && matches(pattern, text + 1));
    return *pattern == *text && matches(pattern + 1, text + 1);
}

void full_name(const Case& c, char* to, size_t size) { format(to, size, "%s.%s", c.suite, c.name); }

[[noreturn]] void end_machine(u8 status) {
    cpu::outb(0x501, status);
    panic("no isa-debug-exit device");
}

/// Moves the current thread. False if the scheduler did not.
bool move_to_cpu(u32 index) {
    if (!set_affinity(*current_thread(), CpuMask(1) << index)) return false;
    schedule();
    return this_cpu() == index;
}

bool run_once(Case& c, const char* name) {
    print("[ RUN      ] %s", name);
    running = &c;
    failures_of_case = 0;
    skipped = nullptr;
    u64 start = monotonic_ns();
    start_timer(hang_timer, start + kHangNs);
    c.body();
    cancel_timer(hang_timer);
    u64 ms = (monotonic_ns() - start) / kNsPerMs;
    if (skipped && !failures_of_case) print("%s\n[  SKIPPED ] %s (%lu ms)", skipped, name, ms);
    else print("%s %s (%lu ms)", failures_of_case ? "[  FAILED  ]" : "[       OK ]", name, ms);
    return failures_of_case == 0;
}

void list_cases() {
    for (Case* c = first_case; c; c = c->next)
        if (c->panic) print("case %s.%s panics %s", c->suite, c->name, c->panic);
        else print("case %s.%s", c->suite, c->name);
}

/// Process 1 of this image.
void run(void*) {
    Task& self = current();
    TrapFrame frame{};
    self.frame = &frame;
    set_up_program_memory();
    const char* filter = "*";
    for (u32 i = 0; i < boot_options.arg_count; ++i) {
        const char* a = boot_options.args[i];
        if (!strcmp(a, "list")) {
            list_cases();
            end_machine(0);
        }
        if (auto v = abi::option_value(a, "seed=")) random_state = abi::parse_number(v).value_or(1) | 1;
        else if (auto v = abi::option_value(a, "filter=")) filter = v;
    }
    hang_timer.expired = [](Timer&) { panic("%s.%s does not end", running->suite, running->name); };
    print("seed %lu, %u CPUs", random_state, cpu_count());
    // A case that panics runs only if it was named.
    const bool exact = !strchr(filter, '*');
    u32 count = 0, failed = 0;
    for (Case* c = first_case; c; c = c->next) {
        char name[160];
        full_name(*c, name, sizeof name);
        if (!matches(filter, name) || (c->panic && !exact)) continue;
        for (u32 cpu = 0; cpu < (c->each_cpu ? cpu_count() : 1); ++cpu) {
            if (c->each_cpu && cpu_count() > 1) {
                full_name(*c, name, sizeof name);
                format(name + strlen(name), sizeof name - strlen(name), "/cpu%u", cpu);
                if (!move_to_cpu(cpu)) {
                    print("[  FAILED  ] %s: the thread is not on its CPU", name);
                    ++count, ++failed;
                    continue;
                }
            }
            ++count;
            if (!run_once(*c, name)) ++failed;
        }
        if (c->each_cpu) (void)set_affinity(self, ~CpuMask(0));
    }
    print("[==========] %u cases ran.", count);
    print("[  PASSED  ] %u cases.", count - failed);
    if (failed) print("[  FAILED  ] %u cases.", failed);
    end_machine(failed || !count ? 1 : 0);
}

/// As kernel/task/init.cc makes process 1, but for the program.
Result<Ref<Task>> make_process(Ref<FileTableBase> files, Ref<FsContextBase> fs) {
    Ref<Task> t = TRY(make_ref<Task>());
    t->process = TRY(make_ref<Process>());
    Process& p = *t->process;
    p.handlers = TRY(make_ref<SignalHandlers>());
    for (ResourceLimit& l : p.limits) l = {kLimitInfinity, kLimitInfinity};
    t->credentials = TRY(make_ref<Credentials>());
    t->files = std::move(files);
    t->fs = std::move(fs);
    p.space = TRY(AddressSpace::create());
    p.space->users.store(1, std::memory_order_relaxed);
    t->space = p.space.get();
    format(t->name, sizeof t->name, "ktest");
    TRY(prepare_kernel_stack(*t, run, nullptr));
    t->fpu_state = TRY(fpu_alloc());
    SpinGuard g(process_lock);
    p.pid = t->tid = TRY(allocate_pid());
    Ref<Process>(&p).release(); // the table's reference
    set_pid_process(p.pid, &p);
    set_pid_task(t->tid, t.get());
    SpinGuard s(p.signal_lock);
    p.threads.push_back(t->link);
    p.thread_count.store(1, std::memory_order_relaxed);
    enter_group(p, p.pid);
    enter_session(p, p.pid);
    count_thread(1);
    return t;
}

} // namespace

Case::Case(const char* s, const char* n, void (*b)(), const char* p, bool each) : suite(s), name(n), body(b), panic(p), each_cpu(each) {
    *last_link = this;
    last_link = &next;
}

void fail(const char* file, int line, const char* text, ...) {
    char buffer[256];
    va_list ap;
    va_start(ap, text);
    format_va(buffer, sizeof buffer, text, ap);
    va_end(ap);
    ++failures_of_case;
    if (failures_of_case < 20) print("%s:%d: Failure\n%s", file, line, buffer);
}

void skip(const char* reason) { skipped = reason; }

void print(const char* text, ...) {
    char line[512];
    va_list ap;
    va_start(ap, text);
    size_t n = format_va(line, sizeof line - 1, text, ap);
    va_end(ap);
    if (n > sizeof line - 2) n = sizeof line - 2;
    line[n++] = '\n';
    log_text(line, n);
}

u64 random() {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state * 0x2545f4914f6cdd1d;
}

void sleep_ms(u64 ms) {
    WaitQueue nobody;
    wait_until(nobody, [] { return false; }, monotonic_ns() + ms * kNsPerMs, false);
}

} // namespace linnet::ktest

namespace linnet {

void start_kernel_tests(Ref<FileTableBase> files, Ref<FsContextBase> fs) {
    auto t = ktest::make_process(std::move(files), std::move(fs));
    if (!t) panic("no memory for the tests");
    start_thread(**t);
    t->release(); // for good
}

} // namespace linnet
