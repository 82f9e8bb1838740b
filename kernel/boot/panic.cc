// The panic block of docs/boot-protocol.md. Uses nothing that may be broken: no locks, no allocation, no faults.
#include <cstdarg>

#include "kernel/arch/x86_64/cpu.h"
#include "kernel/arch/x86_64/layout.h"
#include "kernel/arch/x86_64/smp.h"
#include "kernel/boot/panic_report.h"
#include "kernel/boot/serial.h"
#include "kernel/lib/format.h"
#include "kernel/lib/panic.h"
#include "kernel/lib/string.h"
#include "kernel/mm/address_space.h"
#include "kernel/mm/page.h"
#include "kernel/task/task.h"

extern "C" {
extern const unsigned char build_id_start[], build_id_end[];
}

namespace linnet {

void (*panic_syscalls)();

namespace {

[[noreturn]] void finish();
std::atomic<i32> panic_cpu{-1}; // who panics

/// One CPU panics; a second one waits to be stopped. A panic within a panic ends the VM.
void begin_panic() {
    const i32 me = i32(per_cpu().index);
    i32 nobody = -1;
    if (panic_cpu.compare_exchange_strong(nobody, me)) {
        stop_other_cpus();
        return;
    }
    if (nobody == me) finish();
    for (;;) cpu::halt();
}

const char* const kTrapNames[32] = {
    "divide error", "debug", "NMI", "breakpoint", "overflow", "bound range", "invalid opcode", "device not available",
    "double fault", "coprocessor overrun", "invalid TSS", "segment not present", "stack fault", "general protection",
    "page fault", "reserved", "x87 error", "alignment check", "machine check", "SIMD error", "virtualization",
    "control protection",
};

/// Reads memory that may not be mapped.
bool safe_read(void* to, u64 from, size_t n) {
    if (from < kUserEnd) return try_copy_from_user(to, from, n);
    bool image = from >= reinterpret_cast<u64>(image_start) && from + n <= reinterpret_cast<u64>(image_end);
    bool direct = from >= kDirectMap && phys_to_page(from - kDirectMap) && phys_to_page(from + n - 1 - kDirectMap);
    Thread* t = per_cpu().current;
    bool stack = t && t->stack_base && from >= t->stack_base && from + n <= t->stack_top;
    if (!image && !direct && !stack) return false;
    memcpy(to, reinterpret_cast<void*>(from), n);
    return true;
}

void show_registers(const TrapFrame& f, u64 cr2) {
    panic_print("rip 0x%lx rsp 0x%lx rflags 0x%lx cr2 0x%lx cr3 0x%lx error 0x%lx vector %lu\n", f.rip, f.rsp, f.rflags, cr2,
                cpu::read_cr3(), f.orig_rax, f.vector);
    panic_print("rax 0x%lx rbx 0x%lx rcx 0x%lx rdx 0x%lx\n", f.rax, f.rbx, f.rcx, f.rdx);
    panic_print("rsi 0x%lx rdi 0x%lx rbp 0x%lx r8 0x%lx\n", f.rsi, f.rdi, f.rbp, f.r8);
    panic_print("r9 0x%lx r10 0x%lx r11 0x%lx r12 0x%lx\n", f.r9, f.r10, f.r11, f.r12);
    panic_print("r13 0x%lx r14 0x%lx r15 0x%lx\n", f.r13, f.r14, f.r15);
    panic_print("code");
    for (u64 a = f.rip - 16; a != f.rip + 16; ++a) {
        u8 byte;
        if (safe_read(&byte, a, 1)) panic_print(a == f.rip ? " <%02x>" : " %02x", byte);
        else panic_print(a == f.rip ? " <\?\?>" : " \?\?");
    }
    panic_print("\n");
}

void show_frames(u64 rip, u64 rbp) {
    panic_print("frame 0x%lx\n", rip);
    for (int i = 0; i < 32 && rbp && (rbp & 7) == 0; ++i) {
        u64 link[2];
        if (!safe_read(link, rbp, sizeof link) || !link[1]) break;
        panic_print("frame 0x%lx\n", link[1]);
        if (link[0] <= rbp) break;
        rbp = link[0];
    }
}

[[noreturn]] void finish() {
    panic_print("=== end of panic\n");
    cpu::outb(0x501, 0x7f); // isa-debug-exit: QEMU ends with status 255
    struct [[gnu::packed]] { u16 limit; u64 base; } none{0, 0};
    asm volatile("lidt %0; int3" ::"m"(none)); // triple fault
    for (;;) cpu::halt();
}

void show(const char* text, const TrapFrame& f, u64 cr2) {
    PerCpu& p = per_cpu();
    panic_print("=== linnet panic: %s\n", text);
    panic_print("kernel 0x%lx 0x%lx build ", reinterpret_cast<u64>(image_start), load_bias);
    for (const unsigned char* b = build_id_start + 16; b < build_id_end; ++b) panic_print("%02x", *b);
    panic_print("\n");
    Thread* t = p.current;
    Task* task = t && t->is_user ? static_cast<Task*>(t) : nullptr;
    panic_print("cpu %u pid %d tid %d comm %s\n", p.index, task && task->process ? task->process->pid : 0, task ? task->tid : 0,
                t && t->name[0] ? t->name : "-");
    show_registers(f, cr2);
    show_frames(f.rip, f.rbp);
    if (task && task->frame && task->frame != &f && i64(task->frame->rip) > 0) panic_print("frame 0x%lx\n", task->frame->rip);
#if LINNET_DEBUG
    for (u32 i = 0; t && i < t->held_count && i < 16; ++i)
        panic_print("holds lock 0x%lx of rank %u\n", reinterpret_cast<u64>(t->held[i].lock), u32(t->held[i].rank));
#endif
    if (panic_syscalls) panic_syscalls();
    if (task && task->space) {
        u64 rip = task->frame ? task->frame->rip : f.rip;
        task->space->panic_maps(rip);
    }
}

} // namespace

bool panic_in_progress() { return panic_cpu.load(std::memory_order_acquire) >= 0; }

void show_place(const TrapFrame& f, u32 cpu_index) {
    panic_print("cpu %u rip 0x%lx rsp 0x%lx rflags 0x%lx\n", cpu_index, f.rip, f.rsp, f.rflags);
    show_frames(f.rip, f.rbp);
}

void panic(const char* format_text, ...) {
    cpu::disable_interrupts();
    begin_panic();
    char text[256];
    va_list ap;
    va_start(ap, format_text);
    format_va(text, sizeof text, format_text, ap);
    va_end(ap);
    TrapFrame f{};
    f.rip = reinterpret_cast<u64>(__builtin_return_address(0));
    u64 rbp = reinterpret_cast<u64>(__builtin_frame_address(0));
    safe_read(&f.rbp, rbp, 8);
    f.rsp = rbp + 16;
    show(text, f, 0);
    finish();
}

void panic_trap(const TrapFrame& f, const char* what, u64 fault_address) {
    cpu::disable_interrupts();
    begin_panic();
    char text[128];
    const char* name = f.vector < 32 && kTrapNames[f.vector] ? kTrapNames[f.vector] : "interrupt";
    format(text, sizeof text, "%s at 0x%lx", what ? what : name, f.vector == 14 ? fault_address : f.rip);
    show(text, f, fault_address);
    finish();
}

} // namespace linnet
