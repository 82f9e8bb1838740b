// The core: CPUs, fibers, the clock. Compiled without sanitizers, because it is shared by all CPUs without being part of what is
// tested; plain data only, no templates that instrumented code instantiates as well.
#include <cstdio>
#include <cstdlib>
#include <sys/mman.h>

#if HOST_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#if HOST_TSAN
#include <sanitizer/tsan_interface.h>
#endif

#include "kernel/arch/x86_64/interrupts.h"
#include "kernel/host/fiber.h"
#include "kernel/host/machine.h"
#include "kernel/sched/cross_call.h"
#include "kernel/sched/idle.h"
#include "kernel/sched/scheduler.h"
#include "kernel/sync/rcu.h"
#include "kernel/sync/wait_queue.h"
#include "kernel/time/clock.h"
#include "kernel/time/timer_queue.h"

extern "C" {
/// Saves the callee-saved registers and the stack pointer, as kernel/arch's switch does, and goes on at `to`.
void host_switch(void** save, void* to);
void finish_switch();
void host_thread_start(void (*entry)(void*), void* arg);
}
asm(R"(
    .text
    .globl host_switch
host_switch:
    push %rbp
    push %rbx
    push %r12
    push %r13
    push %r14
    push %r15
    mov %rsp, (%rdi)
    mov %rsi, %rsp
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %rbx
    pop %rbp
    ret
    .globl kernel_thread_start
kernel_thread_start:
    mov %rbx, %rdi
    mov %r12, %rsi
    sub $8, %rsp
    call host_thread_start
    ud2
    .bss
    .balign 4096
    .globl image_start
image_start:
    .globl boot_pml4
boot_pml4:
    .skip 4096
    .globl image_end
image_end:
    .text
)");

namespace linnet {

u64 load_bias;

namespace host {

Cpu cpus[kMaxHostCpus];
u32 cpu_number, running;
u64 fake_now_ns = kNsPerSec;
u64 random_state = 1;
u32 switch_chance = 3;

namespace {

constexpr u32 kMaxFibers = 512;
/// What the sanitizers must be told of a stack.
struct Fiber { Thread* thread; void* fake_stack; void* tsan; const void* bottom; size_t size; };
Fiber fibers[kMaxFibers];
Fiber hypervisor;
void* hypervisor_sp;
bool in_hypervisor = true;

Fiber& fiber_of(Thread* t) {
    Fiber* free_one = nullptr;
    for (Fiber& f : fibers) {
        if (f.thread == t) return f;
        if (!f.thread && !free_one) free_one = &f;
    }
    if (!free_one) abort();
    *free_one = {t, nullptr, nullptr, nullptr, 0};
    u64 top = t->stack_top;
    free_one->bottom = reinterpret_cast<void*>(top - kFiberStackSize);
    free_one->size = kFiberStackSize;
#if HOST_TSAN
    free_one->tsan = __tsan_create_fiber(0);
#endif
    return *free_one;
}

u64 draw() { // xorshift64*
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return random_state * 0x2545f4914f6cdd1d;
}

void before_switch(Fiber& from, Fiber& to, bool ends, bool ordered) {
    (void)from, (void)to, (void)ends, (void)ordered;
#if HOST_ASAN
    __sanitizer_start_switch_fiber(ends ? nullptr : &from.fake_stack, to.bottom, to.size);
#endif
#if HOST_TSAN
    __tsan_switch_to_fiber(to.tsan, ordered ? 0 : __tsan_switch_to_fiber_no_sync);
#endif
}

void after_switch(Fiber& self) {
    (void)self;
#if HOST_ASAN
    const void* bottom;
    size_t size;
    __sanitizer_finish_switch_fiber(self.fake_stack, &bottom, &size);
    if (!hypervisor.size) hypervisor.bottom = bottom, hypervisor.size = size; // the first switch of all came from there
#endif
}

void forget(Thread* t) {
    for (Fiber& f : fibers)
        if (f.thread == t) {
#if HOST_TSAN
            __tsan_destroy_fiber(f.tsan);
#endif
            f.thread = nullptr;
        }
}

/// From the running CPU to the hypervisor; comes back when this CPU is chosen again.
void leave_cpu() {
    Cpu& c = cpus[running];
    Fiber& self = fiber_of(c.fiber);
    in_hypervisor = true;
    // The test, which runs when all CPUs rest, comes after all that they did.
    before_switch(self, hypervisor, false, c.halted);
    host_switch(&c.resume_sp, hypervisor_sp);
    after_switch(self);
}

void enter_cpu(u32 n) {
    Cpu& c = cpus[n];
    running = n;
    in_hypervisor = false;
#if HOST_TSAN
    if (!hypervisor.tsan) hypervisor.tsan = __tsan_get_current_fiber();
#endif
    // At the beginning of a run, all CPUs come after what the test did before; later the hypervisor is no order.
    before_switch(hypervisor, fiber_of(c.fiber), false, c.fresh);
    c.fresh = false;
    host_switch(&hypervisor_sp, c.resume_sp);
    after_switch(hypervisor);
}

u32 bit_of(u64 vector) { return 1u << (vector - kTimerVector); }
bool interrupt_due(Cpu& c) { return c.pending || c.timer_deadline <= fake_now_ns; }

void take_interrupts() {
    Cpu& c = cpus[running];
    while (c.interrupts_on && !c.data.in_interrupt && interrupt_due(c)) {
        c.interrupts_on = false;
        c.data.in_interrupt = true;
        if (c.timer_deadline <= fake_now_ns) {
            c.timer_deadline = kForever;
            timer_interrupt();
        }
        const u32 sent = c.pending;
        c.pending = 0;
        if (sent & bit_of(kCallVector)) run_cross_calls();
        if (sent & bit_of(kRescheduleVector)) {
            reschedule_interrupt();
            rcu_interrupt();
        }
        c.data.in_interrupt = false;
        c.interrupts_on = true;
    }
}

} // namespace

void kick(u32 cpu) { cpus[cpu].pending |= bit_of(kRescheduleVector); }
bool on_a_cpu() { return !in_hypervisor; }

void set_idle_fiber(u32 n, Thread& idle, void* top) {
    Cpu& c = cpus[n];
    c.fiber = &idle;
    c.timer_deadline = kForever;
    idle.stack_top = reinterpret_cast<u64>(top);
    c.resume_sp = reinterpret_cast<void*>(idle.saved_rsp);
    c.interrupts_on = false;
}

bool run_until(bool (*stop)()) {
    constexpr u64 kMaxSteps = 20'000'000;
    for (u32 i = 0; i < cpu_number; ++i) cpus[i].fresh = true;
    for (u64 n = 0; !stop(); ++n) {
        u32 able[kMaxHostCpus], count = 0;
        u64 next_timer = kForever;
        for (u32 i = 0; i < cpu_number; ++i) {
            if (!cpus[i].halted || interrupt_due(cpus[i])) able[count++] = i;
            if (cpus[i].timer_deadline < next_timer) next_timer = cpus[i].timer_deadline;
        }
        if (!count && next_timer != kForever) {
            fake_now_ns = next_timer;
            continue;
        }
        if (!count || n == kMaxSteps) {
            fprintf(stderr, "host machine: %s at %lu ns\n", count ? "no end in sight" : "nothing can run", fake_now_ns);
            for (Fiber& f : fibers)
                if (f.thread && f.thread->state.load() != ThreadState::Dead)
                    fprintf(stderr, "  thread '%s' cpu %u state %u on_queue %d on_cpu %d locks %u\n", f.thread->name,
                            f.thread->cpu.load(), u32(f.thread->state.load()), f.thread->on_queue, f.thread->on_cpu.load(),
                            f.thread->held_count);
            return false;
        }
        u32 n_cpu = able[draw() % count];
        cpus[n_cpu].halted = false;
        enter_cpu(n_cpu);
    }
    return true;
}

u64 now_ns() { return fake_now_ns; }
void advance_ns(u64 ns) { fake_now_ns += ns; }
void seed(u64 value, u32 chance) {
    random_state = value * 0x9e3779b97f4a7c15 | 1;
    switch_chance = chance;
    for (int i = 0; i < 4; ++i) draw();
}
u64 random(u64 below) { return (draw() >> 11) % below; }

} // namespace host

// ---- what the kernel calls -----------------------------------------------------------------------------------------

using host::cpus;
using host::running;

PerCpu& per_cpu() { return cpus[running].data; }
PerCpu& per_cpu(u32 index) { return cpus[index].data; }
Thread* current_thread() { return cpus[running].data.current; }

void host_interleave() {
    if (host::in_hypervisor) return;
    host::fake_now_ns += host::draw() % 64;
    host::take_interrupts();
    if (host::draw() % host::switch_chance == 0) {
        host::leave_cpu();
        host::take_interrupts();
    }
}

namespace cpu {
u64 rdtsc() { return host::fake_now_ns; }
void enable_interrupts() {
    cpus[running].interrupts_on = true;
    host_interleave();
}
void disable_interrupts() { cpus[running].interrupts_on = false; }
u64 save_and_disable_interrupts() {
    u64 f = cpus[running].interrupts_on ? 0x200 : 0;
    cpus[running].interrupts_on = false;
    return f;
}
void restore_interrupts(u64 f) {
    if (f & 0x200) cpus[running].interrupts_on = true;
}
void wait_for_interrupt() {
    host::Cpu& c = cpus[running];
    c.interrupts_on = true;
    if (!host::interrupt_due(c)) {
        c.halted = true;
        host::leave_cpu();
    }
    host::take_interrupts();
}
u64 read_cr3() { return cpus[running].cr3; }
void write_cr3(u64 v) { cpus[running].cr3 = v; }
} // namespace cpu

u64 monotonic_ns() { return host::fake_now_ns; }
void send_ipi(u32 cpu, u64 vector) { cpus[cpu].pending |= host::bit_of(vector); }
void set_timer_deadline(u64 deadline_ns) { cpus[running].timer_deadline = deadline_ns; }

extern "C" void switch_stacks(Thread* from, Thread* to) {
    host::Cpu& c = cpus[running];
    bool ends = from->state.load(std::memory_order_relaxed) == ThreadState::Dead;
    host::Fiber& self = host::fiber_of(from);
    c.fiber = to;
    c.dead = ends ? from : nullptr;
    host::before_switch(self, host::fiber_of(to), ends, true);
    host_switch(reinterpret_cast<void**>(&from->saved_rsp), reinterpret_cast<void*>(to->saved_rsp));
    host::Cpu& now = cpus[running];
    host::after_switch(host::fiber_of(from));
    if (now.dead) host::forget(now.dead);
    now.dead = nullptr;
}

} // namespace linnet

void host_thread_start(void (*entry)(void*), void* arg) {
    using namespace linnet;
    host::Cpu& c = cpus[running];
    host::after_switch(host::fiber_of(c.fiber));
    if (c.dead) host::forget(c.dead);
    c.dead = nullptr;
    if (c.started) finish_switch(); // not the idle thread, which nobody switched to
    c.started = true;
    cpu::enable_interrupts();
    entry(arg);
    exit_current_thread();
}
