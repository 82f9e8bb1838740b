// Privileged instructions and per-CPU data. Intel SDM volume 3.
#pragma once

#include <atomic>

#include "kernel/arch/x86_64/call_log.h"
#include "kernel/lib/types.h"

namespace linnet {

class Thread;
struct DeferredWork;
struct RunQueue;
struct CallRequest;
class PageTable;

inline constexpr u32 kMaxCpus = 64;

/// Selectors as Linux's, so that frames and debuggers see the usual numbers. Known to entry.S.
inline constexpr u16 kKernelCs = 0x10, kKernelSs = 0x18, kUserSs = 0x2b, kUserCs = 0x33;

/// One per CPU, found through GS in the kernel. Offsets of the first fields are known to entry.S.
struct PerCpu {
    PerCpu* self;          // 0
    Thread* current;       // 8
    u64 stack_top;         // 16: of the current thread's kernel stack
    u64 program_rsp;       // 24: scratch of the system call entry
    u64 stack_limit;       // 32: lowest usable address of the current thread's kernel stack
    u32 index;
    u32 apic_id;
    Thread* idle;          // 48
    RunQueue* run_queue;   // 56
    CallLog call_log;      // 64: call_log.h
    DeferredWork* deferred_head;
    DeferredWork* deferred_tail;
    bool in_deferred;
    bool no_fault;         // user copies fail at once instead of faulting pages in
    bool in_interrupt;
    u64 active_root;       // CR3; changed with interrupts off
    PageTable* active_table; // whose root that is; null: the kernel's own
    std::atomic<CallRequest*> calls; // cross-CPU calls that wait for this CPU (kernel/sched/cross_call.cc)
    CallRequest* call_nodes; // what this CPU asks of others: one each
    std::atomic<u64> call_polls; // how often this CPU looked at `calls` by itself
    std::atomic<bool> online; // takes threads and calls
    std::atomic<u64> heartbeat; // debug builds: answers to the watchdog
    u64 cr3_loads;
    u64 tlb_flushes;
    u64 interrupts;
    u64 syscalls;
    u64 context_switches;
    u64 idle_ns;
    u64 idle_since_ns;
};

#if LINNET_HOSTED // tests on the host: a simulated CPU in their place
} // namespace linnet
#include "kernel/host/cpu.h"
namespace linnet {
#else
namespace cpu {

inline u64 rdmsr(u32 msr) {
    u32 lo, hi;
    asm volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(msr));
    return u64(hi) << 32 | lo;
}
inline void wrmsr(u32 msr, u64 v) { asm volatile("wrmsr" ::"c"(msr), "a"(u32(v)), "d"(u32(v >> 32)) : "memory"); }
inline u64 rdtsc() {
    u32 lo, hi;
    asm volatile("rdtsc" : "=a"(lo), "=d"(hi));
    return u64(hi) << 32 | lo;
}
inline void outb(u16 port, u8 v) { asm volatile("outb %0, %1" ::"a"(v), "Nd"(port)); }
inline void outw(u16 port, u16 v) { asm volatile("outw %0, %1" ::"a"(v), "Nd"(port)); }
inline void outl(u16 port, u32 v) { asm volatile("outl %0, %1" ::"a"(v), "Nd"(port)); }
inline u8 inb(u16 port) {
    u8 v;
    asm volatile("inb %1, %0" : "=a"(v) : "Nd"(port));
    return v;
}
inline u16 inw(u16 port) {
    u16 v;
    asm volatile("inw %1, %0" : "=a"(v) : "Nd"(port));
    return v;
}
inline u32 inl(u16 port) {
    u32 v;
    asm volatile("inl %1, %0" : "=a"(v) : "Nd"(port));
    return v;
}
/// What comes next is fetched anew. A move to a control register is serializing, this one changes nothing: Intel SDM volume 3, 9.3.
/// Interrupts off.
inline void serialize() {
    u64 v;
    asm volatile("mov %%cr2, %0\n\tmov %0, %%cr2" : "=r"(v) : : "memory");
}
inline void enable_interrupts() { asm volatile("sti" ::: "memory"); }
inline void disable_interrupts() { asm volatile("cli" ::: "memory"); }
inline u64 save_and_disable_interrupts() {
    u64 f;
    asm volatile("pushfq; popq %0; cli" : "=r"(f)::"memory");
    return f;
}
inline void restore_interrupts(u64 f) {
    if (f & 0x200) enable_interrupts();
}
/// Waits for an interrupt; interrupts are enabled atomically with the wait.
inline void wait_for_interrupt() { asm volatile("sti; hlt" ::: "memory"); }
inline void halt() { asm volatile("hlt" ::: "memory"); }
inline void pause() { __builtin_ia32_pause(); }
inline u64 read_cr2() {
    u64 v;
    asm volatile("mov %%cr2, %0" : "=r"(v));
    return v;
}
inline u64 read_cr3() {
    u64 v;
    asm volatile("mov %%cr3, %0" : "=r"(v));
    return v;
}
inline void write_cr3(u64 v) { asm volatile("mov %0, %%cr3" ::"r"(v) : "memory"); }
inline u64 read_cr0() {
    u64 v;
    asm volatile("mov %%cr0, %0" : "=r"(v));
    return v;
}
inline void write_cr0(u64 v) { asm volatile("mov %0, %%cr0" ::"r"(v) : "memory"); }
inline u64 read_cr4() {
    u64 v;
    asm volatile("mov %%cr4, %0" : "=r"(v));
    return v;
}
inline void write_cr4(u64 v) { asm volatile("mov %0, %%cr4" ::"r"(v) : "memory"); }
inline void invlpg(u64 a) { asm volatile("invlpg (%0)" ::"r"(a) : "memory"); }

struct Cpuid { u32 eax, ebx, ecx, edx; };
inline Cpuid cpuid(u32 leaf, u32 sub = 0) {
    Cpuid r{leaf, 0, sub, 0};
    asm volatile("cpuid" : "+a"(r.eax), "=b"(r.ebx), "+c"(r.ecx), "=d"(r.edx));
    return r;
}

} // namespace cpu
#endif

/// Interrupts off from here to the end of the scope.
class InterruptsOff : NoCopy {
  public:
    InterruptsOff() : flags_(cpu::save_and_disable_interrupts()) {}
    ~InterruptsOff() { cpu::restore_interrupts(flags_); }

  private:
    u64 flags_;
};

/// Stands for "the thread may have moved": never written, but a call that may sleep could have, as far as the compiler knows.
extern u8 cpu_may_change;

/// This CPU's data; the pointer stays valid only while the thread can't move: until it sleeps (kernel code is not preempted).
/// The compiler reads GS again behind every call that may sleep, because of the operand.
#if LINNET_HOSTED
PerCpu& per_cpu();
#else
inline PerCpu& per_cpu() {
    PerCpu* p;
    asm("mov %%gs:0, %0" : "=r"(p) : "m"(cpu_may_change));
    return *p;
}
#endif
#if LINNET_HOSTED
PerCpu& per_cpu(u32 index);
#else
/// CPU `index`, below cpu_count().
extern PerCpu* per_cpu_table[kMaxCpus];
inline PerCpu& per_cpu(u32 index) { return *per_cpu_table[index]; }
#endif

/// Features found at boot.
struct CpuFeatures { bool smep, smap, umip, fsgsbase, xsave, xsaveopt, xsavec, erms, pdpe1gb, rdrand, rdseed, tsc_deadline, x2apic, invariant_tsc, hypervisor, pge; };
extern CpuFeatures cpu_features;

/// GDT, TSS, IDT, MSRs and control registers of this CPU. Boot (CPU 0) and start of the others. ENOMEM.
void init_cpu(PerCpu& p);

} // namespace linnet
