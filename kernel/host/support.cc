// The machine's side that is compiled like the kernel: boot, threads, stacks, fake devices, log and panic.
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <sys/mman.h>

#if HOST_ASAN
#include <sanitizer/asan_interface.h>
#endif

#include "kernel/arch/x86_64/fpu.h"
#include "kernel/arch/x86_64/interrupts.h"
#include "kernel/arch/x86_64/layout.h"
#include "kernel/arch/x86_64/program.h"
#include "kernel/arch/x86_64/smp.h"
#include "kernel/boot/boot_info.h"
#include "kernel/boot/machine_tables.h"
#include "kernel/boot/panic_report.h"
#include "kernel/host/fiber.h"
#include "kernel/host/machine.h"
#include "kernel/lib/format.h"
#include "kernel/lib/log.h"
#include "kernel/lib/random.h"
#include "kernel/mm/init.h"
#include "kernel/mm/kernel_stack.h"
#include "kernel/mm/page.h"
#include "kernel/sched/cross_call.h"
#include "kernel/sched/idle.h"
#include "kernel/sched/scheduler.h"
#include "kernel/sync/rcu.h"
#include "kernel/sync/spinlock.h"
#include "kernel/sync/wait_queue.h"
#include "kernel/time/clock.h"
#include "kernel/time/timer_queue.h"
#include "kernel/vdso/vdso.h"

namespace linnet {

std::atomic<u32> online_cpu_count{1};
BootInfo boot_info;
MachineTables machine_tables;
BootOptions boot_options;
CpuFeatures cpu_features;
LogLevel log_level = LogLevel::Error;

namespace host {

namespace {

std::atomic<u32> live{0};

void body_of(void* arg) {
    auto* body = static_cast<std::function<void()>*>(arg);
    (*body)();
    delete body;
    live.fetch_sub(1, std::memory_order_acq_rel);
}

void idle_entry(void*) { idle_loop(); }

} // namespace

void boot(u32 n, u64 memory_mib) {
    if (cpu_number) return;
    u64 size = memory_mib * MiB;
    void* at = mmap(reinterpret_cast<void*>(kDirectMap), size, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
    if (at != reinterpret_cast<void*>(kDirectMap)) {
        fprintf(stderr, "host machine: no room for the direct map\n");
        abort();
    }
    load_bias = reinterpret_cast<u64>(image_start) - kLinkBase - 2 * MiB; // the image stands at 2 MiB
    boot_info.memory[0] = {0, size, true};
    boot_info.memory_count = 1;
    machine_tables.cpu_count = n;
    init_memory();
    cpu_number = n;
    for (u32 i = 0; i < n; ++i) {
        running = i;
        PerCpu& p = cpus[i].data;
        p.self = &p;
        p.index = i;
        p.call_nodes = new CallRequest[kMaxHostCpus]();
        p.online.store(true);
        if (i && !heap_add_cpu(i)) abort();
        auto* idle = new Thread;
        snprintf(idle->name, sizeof idle->name, "idle%u", i);
        init_scheduler(p, *idle);
        auto made = prepare_kernel_stack(*idle, idle_entry, nullptr);
        if (!made) abort();
        idle->cpu.store(i);
        set_idle_fiber(i, *idle, reinterpret_cast<void*>(idle->stack_top));
        if (i) rcu_enter_cpu(i);
        init_timers();
    }
    running = 0;
    online_cpu_count.store(n);
}

int schedules(int n) {
    if (const char* s = getenv("LINNET_SCHEDULES")) return atoi(s);
#if HOST_TSAN
    n = (n + 1) / 2;
#endif
    return n;
}

Ref<Thread> spawn_on(CpuMask cpus, std::function<void()> body, const char* name) {
    auto t = make_ref<Thread>();
    if (!t) abort();
    snprintf((*t)->name, sizeof (*t)->name, "%s", name);
    (*t)->affinity = cpus;
    start(*t, u32(__builtin_ctzll(cpus)), std::move(body));
    return std::move(*t);
}

Ref<Thread> spawn(u32 cpu, std::function<void()> body, const char* name) {
    return spawn_on(CpuMask(1) << cpu, std::move(body), name);
}

void start(Ref<Thread> t, u32 cpu, std::function<void()> body) {
    live.fetch_add(1, std::memory_order_acq_rel);
    if (!prepare_kernel_stack(*t, body_of, new std::function<void()>(std::move(body)))) abort();
    if (on_a_cpu()) {
        start_thread(*t);
        return;
    }
    u32 before = running;
    running = cpu;
    start_thread(*t);
    running = before;
    kick(cpu); // as that CPU itself, start_thread() sent it nothing
}

bool run() {
    bool good = run_until([] { return live.load(std::memory_order_acquire) == 0; });
    // Idle threads finish what the last one left (its stack, deferred work).
    return good && run_until([] {
               for (u32 i = 0; i < cpu_number; ++i)
                   if (!cpus[i].halted) return false;
               return true;
           });
}

void settle() {
    const u32 cpu = running;
    Thread* as = per_cpu().current; // the test may stand for a task
    per_cpu().current = per_cpu().idle;
    kick(cpu);
    bool quiet = run_until([] {
        for (u32 i = 0; i < cpu_number; ++i)
            if (!cpus[i].halted || cpus[i].pending || cpus[i].timer_deadline != kForever) return false;
        return true;
    });
    if (!quiet) abort();
    running = cpu;
    per_cpu().current = as;
}

bool run_thread(std::function<void()> body) {
    spawn(0, std::move(body));
    return run();
}

} // namespace host

// ---- kernel stacks: with room for the sanitizers' frames ----------------------------------------------------------

static SpinLock<Rank::KernelMappings> stack_lock;
static u64 free_stack_list[256];
static u32 free_stack_number;

Result<u64> alloc_kernel_stack() {
    u64 low = 0;
    {
        SpinGuard g(stack_lock);
        if (free_stack_number) low = free_stack_list[--free_stack_number];
    }
    if (!low) {
        void* p = mmap(nullptr, host::kFiberStackSize + kPageSize, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (p == MAP_FAILED) return ENOMEM;
        mprotect(p, kPageSize, PROT_NONE);
        low = reinterpret_cast<u64>(p) + kPageSize;
    }
#if HOST_ASAN
    __asan_unpoison_memory_region(reinterpret_cast<void*>(low), host::kFiberStackSize);
#endif
    return low + host::kFiberStackSize - kKernelStackSize;
}

void free_kernel_stack(u64 base) {
    u64 low = base + kKernelStackSize - host::kFiberStackSize;
    SpinGuard g(stack_lock);
    if (free_stack_number < 256) free_stack_list[free_stack_number++] = low;
}

Result<void*> map_device(PhysAddr, size_t) { return ENOMEM; }

// ---- the CPU ------------------------------------------------------------------------------------------------------

size_t fpu_state_size() { return 576; }
u64 fpu_features() { return 3; }
Result<void*> fpu_alloc() {
    void* p = kzalloc(576);
    if (!p) return ENOMEM;
    return p;
}
void fpu_free(void* area) { kfree(area); }
void fpu_save_current() {}
void fpu_load_current() {}
void fpu_reset_current() {}
void fpu_store(void* to) { memset(to, 0, 576); }
Result<void> fpu_load(const void*) { return {}; }
void fpu_switch_out(Thread&) {}
void fpu_switch_in(Thread&) {}
void fpu_forget(Thread&) {}

u64 get_fs_base() { return 0; }
u64 get_gs_base() { return 0; }
Result<void> set_fs_base(u64 base) {
    if (base >= 0x7ffffffff000) return EPERM;
    return {};
}
Result<void> set_gs_base(u64 base) { return set_fs_base(base); }
void load_fs_base(u64) {}
void load_gs_base(u64) {}
u64 program_cs() { return 0x33; }
u64 program_ss() { return 0x2b; }
u64 elf_hwcap() { return 0; }
u64 elf_hwcap2() { return 0; }
TrapFrame new_program_frame(u64 rip, u64 rsp) {
    TrapFrame f{};
    f.rip = rip, f.rsp = rsp, f.cs = program_cs(), f.ss = program_ss(), f.rflags = 0x202, f.orig_rax = ~0ull;
    return f;
}
extern "C" void enter_program(TrapFrame*) { panic("a program was entered on the host"); }
extern "C" { extern char linked_entry[1]; char linked_entry[1]; } // entry.S; nothing jumps there
extern "C" void program_thread_start() { panic("a program was entered on the host"); }

// ---- time ---------------------------------------------------------------------------------------------------------

static i64 real_offset = 1'700'000'000 * i64(kNsPerSec);
u64 realtime_ns() { return monotonic_ns() + real_offset; }
void set_realtime_ns(u64 ns) { real_offset = i64(ns - monotonic_ns()); }
i64 realtime_offset_ns() { return real_offset; }
WaitQueue& clock_set_waiters() {
    static WaitQueue q;
    return q;
}
u64 tsc_to_ns(u64 ticks) { return ticks; }
static const TscScale scale{0, 1, 0, 1'000'000};
const TscScale& tsc_scale() { return scale; }

// ---- log and panic ------------------------------------------------------------------------------------------------

void log(LogLevel, const char* f, ...) {
    va_list ap;
    va_start(ap, f);
    char line[512];
    format_va(line, sizeof line, f, ap);
    va_end(ap);
    fprintf(stderr, "%s\n", line);
}
void log_text(const char* text, unsigned long n) { fwrite(text, 1, n, stderr); }
void panic_print(const char* f, ...) {
    va_list ap;
    va_start(ap, f);
    char line[512];
    format_va(line, sizeof line, f, ap);
    va_end(ap);
    fputs(line, stderr);
}
void panic(const char* f, ...) {
    va_list ap;
    va_start(ap, f);
    char line[512];
    format_va(line, sizeof line, f, ap);
    va_end(ap);
    fprintf(stderr, "kernel panic: %s\n", line);
    abort();
}

#if HOST_TSAN // without kernel/task
bool signal_pending() { return false; }
#endif
void vdso_clock_changed() {}
void show_other_cpu(u32) {}

} // namespace linnet
