// Start of the other CPUs: Intel SDM volume 3, chapter 9.4 (INIT, SIPI, SIPI). All are started at once and number themselves in the
// order of their arrival; each sets itself up, beside the boot of the first, and waits in its idle loop.
#include "kernel/arch/x86_64/smp.h"

#include "kernel/arch/x86_64/cpu.h"
#include "kernel/arch/x86_64/fpu.h"
#include "kernel/arch/x86_64/interrupts.h"
#include "kernel/arch/x86_64/layout.h"
#include "kernel/arch/x86_64/page_table.h"
#include "kernel/boot/boot_info.h"
#include "kernel/boot/machine_tables.h"
#include "kernel/boot/panic_report.h"
#include "kernel/lib/format.h"
#include "kernel/lib/log.h"
#include "kernel/lib/string.h"
#include "kernel/mm/init.h"
#include "kernel/mm/kernel_stack.h"
#include "kernel/sched/cross_call.h"
#include "kernel/sched/idle.h"
#include "kernel/sched/scheduler.h"
#include "kernel/sync/rcu.h"
#include "kernel/sync/wait_queue.h"
#include "kernel/time/clock.h"
#include "kernel/time/timer_queue.h"

extern "C" {
extern char ap_trampoline[], ap_trampoline_end[], ap_gdt_base[], ap_far32[], ap_far64[], ap_cr3[], ap_target[], ap_protected[],
    ap_long[], ap_high_entry[];
extern linnet::u64 boot_pml4[512];
extern linnet::u64 boot_pdpt[512];
std::atomic<linnet::u32> ap_tickets{1};     // the next CPU's number; the top bit: closed
linnet::u32 ap_ticket_limit;
linnet::u64 ap_stacks[linnet::kMaxCpus];
}

namespace linnet {

PerCpu* per_cpu_table[kMaxCpus];
std::atomic<u32> online_cpu_count{1};

namespace {

constexpr u32 kClosed = 1u << 31;
constexpr u64 kStartTimeoutNs = 5 * kNsPerSec; // a CPU of a loaded host may be late; a missing one is a broken machine
constexpr u64 kLowPages[] = {0x8000, 0x10000, 0x60000}; // for the first instructions: memory that nothing uses any more

alignas(kPageSize) u64 start_pml4[512]; // the kernel's, with the low memory
u64 low_page;
u32 expected; // CPUs asked to start
std::atomic<u64> boot_tsc{0};   // a reading of the boot CPU before the others came
std::atomic<u64> latest_tsc{0}; // the latest of theirs

bool is_usable(u64 start, u64 end) {
    for (u32 i = 0; i < boot_info.memory_count; ++i) {
        const MemoryRange& r = boot_info.memory[i];
        if (r.usable && start >= r.start && end <= r.end) return true;
    }
    return false;
}

template <class T>
void patch(u8* copy, const char* label, T value) {
    memcpy(copy + (label - ap_trampoline), &value, sizeof value);
}

void place_trampoline() {
    memcpy(start_pml4, boot_pml4, sizeof start_pml4);
    start_pml4[0] = virt_to_phys(boot_pdpt) | kPtePresent | kPteWrite;
    auto* copy = static_cast<u8*>(phys_to_virt(low_page));
    memcpy(copy, ap_trampoline, size_t(ap_trampoline_end - ap_trampoline));
    auto at = [](const char* label) { return u32(low_page + u64(label - ap_trampoline)); };
    patch(copy, ap_gdt_base, u32(at(ap_gdt_base) - 2 - 32)); // the table stands before its pointer
    patch(copy, ap_far32, at(ap_protected));
    patch(copy, ap_far64, at(ap_long));
    patch(copy, ap_cr3, u32(virt_to_phys(start_pml4)));
    patch(copy, ap_target, reinterpret_cast<u64>(ap_high_entry));
}

/// Everything that a CPU needs before it can ask for memory itself. ENOMEM.
Result<void> make_cpu(u32 index) {
    auto* p = static_cast<PerCpu*>(kzalloc(sizeof(PerCpu)));
    auto* nodes = static_cast<CallRequest*>(kzalloc(sizeof(CallRequest) * kMaxCpus));
    auto idle = make_ref<Thread>();
    if (!p || !nodes || !idle) return ENOMEM;
    TRY(heap_add_cpu(index));
    u64 stack = TRY(alloc_kernel_stack());
    Thread* t = idle->release();
    t->stack_base = stack;
    t->stack_top = stack + kKernelStackSize;
    t->cpu.store(index, std::memory_order_relaxed);
    format(t->name, sizeof t->name, "idle/%u", index);
    p->index = index;
    p->apic_id = ~0u;
    p->call_nodes = nodes;
    p->stack_top = t->stack_top;
    p->stack_limit = stack + 256;
    init_scheduler(*p, *t);
    per_cpu_table[index] = p;
    ap_stacks[index] = t->stack_top;
    return {};
}

bool has_come(u32 apic_id) {
    for (u32 i = 0; i < kMaxCpus; ++i)
        if (per_cpu_table[i] && __atomic_load_n(&per_cpu_table[i]->apic_id, __ATOMIC_ACQUIRE) == apic_id) return true;
    return false;
}

template <class F>
void for_missing(F&& f) {
    for (u32 i = 0; i < machine_tables.cpu_count; ++i)
        if (!has_come(machine_tables.cpus[i].apic_id)) f(machine_tables.cpus[i].apic_id);
}

u32 count_online() {
    u32 n = 1;
    while (n < kMaxCpus && per_cpu_table[n] && per_cpu_table[n]->online.load(std::memory_order_acquire)) ++n;
    return n;
}

std::atomic<u64> shown_cpus{0}; // asked to show themselves

} // namespace

/// A new CPU, on its idle thread's stack, interrupts off.
extern "C" [[noreturn]] void ap_start(u32 index) {
    PerCpu& p = *per_cpu_table[index];
    const u64 tsc = cpu::rdtsc();
    cpu::write_cr3(kernel_root());
    init_cpu(p);
    p.active_root = kernel_root();
    init_local_apic();
    enable_apic_timer();
    init_timers();
    rcu_enter_cpu(index);
    // One that is behind the boot CPU's past would run time backwards for threads that move: it is left out.
    if (tsc < boot_tsc.load(std::memory_order_relaxed)) {
        log_warn("cpu %u (APIC %u): its TSC is %lu ticks behind: left out", index, p.apic_id, boot_tsc.load() - tsc);
        for (;;) cpu::halt();
    }
    u64 seen = latest_tsc.load(std::memory_order_relaxed);
    while (tsc > seen && !latest_tsc.compare_exchange_weak(seen, tsc)) {}
    p.online.store(true, std::memory_order_release);
    cpu::enable_interrupts();
    idle_loop();
}

void start_other_cpus() {
    if (machine_tables.cpu_count < 2) return;
    for (u64 page : kLowPages)
        if (!low_page && is_usable(page, page + kPageSize)) low_page = page;
    if (!low_page) {
        log_warn("no memory below 1 MiB to start other CPUs from: one CPU");
        return;
    }
    (void)fpu_state_size(); // measured once, by one CPU
    ap_ticket_limit = 1;
    for (u32 i = 0; i < machine_tables.cpu_count && ap_ticket_limit < kMaxCpus; ++i) {
        if (machine_tables.cpus[i].apic_id == per_cpu().apic_id) continue;
        if (!make_cpu(ap_ticket_limit)) {
            log_warn("no memory for CPU %u", ap_ticket_limit);
            break;
        }
        ++ap_ticket_limit;
        ++expected;
    }
    place_trampoline();
    boot_tsc.store(cpu::rdtsc(), std::memory_order_release);
    for_missing([](u32 id) { send_init(id); });
    for_missing([](u32 id) { send_startup(id, u32(low_page >> kPageShift)); });
}

void finish_cpu_start() {
    if (!expected) return;
    const u64 begun = monotonic_ns();
    u64 asked = begun;
    while (count_online() < expected + 1) {
        const u64 now = monotonic_ns();
        if (now - begun > kStartTimeoutNs) break;
        if (now - asked > 10 * kNsPerMs) { // the second SIPI, for those that have missed the first
            for_missing([](u32 id) { send_startup(id, u32(low_page >> kPageShift)); });
            asked = now;
        }
        prepare_to_sleep(false);
        sleep_until(now + 100 * kNsPerUs);
    }
    ap_tickets.fetch_or(kClosed);
    for_missing([](u32 id) { log_error("CPU with APIC ID %u did not start: left out", id); });
    const u32 n = count_online();
    for (u32 i = n; i < kMaxCpus; ++i)
        if (per_cpu_table[i] && per_cpu_table[i]->online.load()) log_error("cpu %u comes behind one that failed: left out", i);
    if (cpu::rdtsc() < latest_tsc.load()) log_warn("the TSCs of the CPUs differ: time may run backwards");
    online_cpu_count.store(n, std::memory_order_release);
    log_info("%u CPUs after %lu us", n, (monotonic_ns() - begun) / 1000);
    spread_interrupts();
    start_watchdog();
}

void nmi(const TrapFrame& f, PerCpu& p) {
    if (panic_in_progress())
        for (;;) asm volatile("cli; hlt");
    const u64 bit = u64(1) << p.index;
    if (shown_cpus.load(std::memory_order_acquire) & bit) {
        show_place(f, p.index);
        shown_cpus.fetch_and(~bit, std::memory_order_release);
    }
}

void show_other_cpu(u32 c) {
    shown_cpus.fetch_or(u64(1) << c, std::memory_order_release);
    send_nmi(c);
    const u64 begun = monotonic_ns();
    while ((shown_cpus.load(std::memory_order_acquire) >> c & 1) && monotonic_ns() - begun < 10 * kNsPerSec) cpu::pause();
    if (shown_cpus.load() >> c & 1) panic_print("cpu %u does not answer an NMI\n", c);
}

void stop_other_cpus() {
    for (u32 i = 0; i < kMaxCpus; ++i)
        if (per_cpu_table[i] && per_cpu_table[i] != &per_cpu() && per_cpu_table[i]->online.load()) send_nmi(i);
}

} // namespace linnet
