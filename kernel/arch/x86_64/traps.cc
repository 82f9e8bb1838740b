// What entry.S calls for exceptions and interrupts.
#include "kernel/arch/x86_64/cpu.h"
#include "kernel/arch/x86_64/interrupts.h"
#include "kernel/arch/x86_64/isolation.h"
#include "kernel/arch/x86_64/layout.h"
#include "kernel/arch/x86_64/program.h"
#include "kernel/arch/x86_64/smp.h"
#include "kernel/arch/x86_64/umip.h"
#include "kernel/binder/binder.h"
#include "kernel/boot/panic_report.h"
#include "kernel/mm/address_space.h"
#include "kernel/task/task.h"
#include "kernel/sched/scheduler.h"

extern "C" {
struct ExtableEntry { linnet::i32 from, to; };
extern ExtableEntry ex_table_start[], ex_table_end[];
}

namespace linnet {

namespace {

// Linux's signal numbers and si_codes (signal(7), sigaction(2)).
constexpr int kSigIll = 4, kSigTrap = 5, kSigBus = 7, kSigFpe = 8, kSigSegv = 11;
constexpr int kSiKernel = 0x80;
constexpr int kSegvMapErr = 1, kSegvAccErr = 2, kBusAdrAln = 1, kBusAdrErr = 2, kIllIllOpn = 2, kTrapBrkpt = 1, kTrapTrace = 2, kTrapHwBkpt = 4,
              kFpeIntDiv = 1;

/// In ring 0 RIP tells the program: it is in the lower half. In ring 3 CS does, wherever the program has jumped to.
bool from_program(const TrapFrame& f) { return programs_isolated ? (f.cs & 3) != 0 : i64(f.rip) >= 0; }

/// Moves RIP to the fix-up of a faulting access to program memory. False: there is none, a kernel bug.
bool apply_fixup(TrapFrame& f) {
    for (ExtableEntry* e = ex_table_start; e < ex_table_end; ++e)
        if (reinterpret_cast<u64>(&e->from) + e->from == f.rip) {
            f.rip = reinterpret_cast<u64>(&e->to) + e->to;
            return true;
        }
    return false;
}

bool has_fixup(const TrapFrame& f) {
    TrapFrame copy = f;
    return apply_fixup(copy);
}

void page_fault(TrapFrame& f, u64 addr) {
    constexpr u64 kErrPresent = 1, kErrWrite = 2, kErrUser = 4, kErrReserved = 8, kErrFetch = 16;
    bool program = from_program(f);
    u64 error = f.orig_rax;
    AddressSpace* space = current_thread()->space;
    bool fixable = program || has_fixup(f);
    if (!fixable || !space || (error & kErrReserved)) panic_trap(f, "page fault in the kernel", addr);
    if (!program && per_cpu().no_fault) {
        apply_fixup(f);
        return;
    }
    FaultOutcome outcome = FaultOutcome::NoMapping;
    cpu::enable_interrupts();
    if (program && programs_isolated && !(error & kErrUser) && addr < kUserEnd) {
        // QEMU's TCG before 9.1 reads the stack of a program's IRET or far return as the kernel would, which SMAP forbids.
        outcome = FaultOutcome::BadAccess;
    } else if (addr < kUserEnd) {
        FaultAccess access = error & kErrFetch ? FaultAccess::Exec : error & kErrWrite ? FaultAccess::Write : FaultAccess::Read;
        outcome = space->handle_fault(addr, access);
    }
    if (outcome == FaultOutcome::Handled) {
        if (Task* t = current_or_null()) ++t->minor_faults;
        return;
    }
    if (!program) {
        apply_fixup(f);
        return;
    }
    // Linux shows bit 2 (user mode) in the error code of every fault of a program.
    u64 shown = (error & (kErrPresent | kErrWrite | kErrFetch)) | kErrUser;
    if (addr >= kUserEnd) shown |= kErrPresent; // whether the kernel has a page there is not told
    switch (outcome) {
    case FaultOutcome::BeyondEnd: return deliver_fault(f, kSigBus, kBusAdrErr, addr, 14, shown);
    case FaultOutcome::BadAccess: return deliver_fault(f, kSigSegv, kSegvAccErr, addr, 14, shown | kErrPresent);
    case FaultOutcome::OutOfMemory: return; // the signal is pending, or memory was freed and the access runs again
    default:
        // An address that is not canonical faults as #GP; the gap just below is a plain hole.
        return deliver_fault(f, kSigSegv, kSegvMapErr, addr, 14, shown);
    }
}

/// si_code of an x87 or SIMD exception from the unmasked status bits.
int fpe_code(u32 status) {
    if (status & 1) return 7;  // FPE_FLTINV
    if (status & 4) return 3;  // FPE_FLTDIV
    if (status & 8) return 4;  // FPE_FLTOVF
    if (status & 0x12) return 5; // FPE_FLTUND
    if (status & 0x20) return 6; // FPE_FLTRES
    return 0;
}

void program_exception(TrapFrame& f) {
    cpu::enable_interrupts();
    leave_stub(f);
    u64 v = f.vector, err = f.orig_rax;
    switch (v) {
    case 0: return deliver_fault(f, kSigFpe, kFpeIntDiv, f.rip, v, err);
    case 1: {
        u64 dr6 = 0;
        asm volatile("mov %%dr6, %0" : "=r"(dr6));
        asm volatile("mov %0, %%dr6" ::"r"(u64(0xffff0ff0))); // the CPU only sets bits
        return deliver_fault(f, kSigTrap, dr6 & 0x4000 ? kTrapTrace : dr6 & 15 ? kTrapHwBkpt : kTrapBrkpt, f.rip, v, err);
    }
    case 3: return deliver_fault(f, kSigTrap, kSiKernel, 0, v, err);
    case 4: return deliver_fault(f, kSigSegv, kSiKernel, 0, v, err);
    case 5: return deliver_fault(f, kSigSegv, kSiKernel, 0, v, err);
    case 6:
        // Linux: #GP with error code 0 (do_general_protection sends SIGSEGV without an address).
        if (at_rewritten_halt(f)) return deliver_fault(f, kSigSegv, kSiKernel, 0, 13, 0);
        return deliver_fault(f, kSigIll, kIllIllOpn, f.rip, v, err);
    case 11:
    case 12: return deliver_fault(f, kSigBus, kSiKernel, 0, v, err);
    case 13:
        if (programs_isolated && cpu_features.umip && err == 0) {
            u64 at = 0;
            const UmipOutcome o = emulate_umip_instruction(f, &at);
            if (o == UmipOutcome::Done) return;
            if (o == UmipOutcome::Fault) return deliver_fault(f, kSigSegv, kSegvMapErr, at, 14, 6); // as Linux: user, write
        }
        return deliver_fault(f, kSigSegv, kSiKernel, 0, v, err);
    case 16: {
        u16 sw, cw;
        asm volatile("fnstsw %0; fnstcw %1" : "=m"(sw), "=m"(cw));
        return deliver_fault(f, kSigFpe, fpe_code(sw & ~cw & 0x3f), f.rip, v, err);
    }
    case 17: return deliver_fault(f, kSigBus, kBusAdrAln, 0, v, err);
    case 19: {
        u32 mxcsr;
        asm volatile("stmxcsr %0" : "=m"(mxcsr));
        return deliver_fault(f, kSigFpe, fpe_code(mxcsr & ~(mxcsr >> 7) & 0x3f), f.rip, v, err);
    }
    default: return deliver_fault(f, kSigSegv, kSiKernel, 0, v, err);
    }
}

} // namespace

extern "C" void trap_dispatch(TrapFrame* f) {
    u64 v = f->vector;
    if (v >= kFirstInterruptVector) {
        if (v == kTimerVector) sample_cpu_time(from_program(*f));
        interrupt(v);
        return;
    }
    if (v == 14) return page_fault(*f, cpu::read_cr2());
    if (from_program(*f)) return program_exception(*f);
    // A non-canonical program address in a user copy is #GP, not #PF.
    if (v == 13 && apply_fixup(*f)) return;
    panic_trap(*f, nullptr, 0);
}

extern "C" void fatal_trap(TrapFrame* f) {
    // GS may be the program's: take the CPU from the top of this stack.
    u64 top = (reinterpret_cast<u64>(f) | 8191) + 1 - 16;
    PerCpu& p = **reinterpret_cast<PerCpu**>(top);
    constexpr u32 kMsrGsBase = 0xc0000101;
    const u64 gs = cpu::rdmsr(kMsrGsBase);
    cpu::wrmsr(kMsrGsBase, reinterpret_cast<u64>(&p));
    if (f->vector == 2) {
        nmi(*f, p);
        cpu::wrmsr(kMsrGsBase, gs);
        return;
    }
    panic_trap(*f, f->vector == 8 ? "double fault" : f->vector == 18 ? "machine check" : "kernel stack overflow", cpu::read_cr2());
}

} // namespace linnet
