// The x86-64 rt signal frame: where it lies, what is in it, and what of it is taken back by rt_sigreturn.
// Source: Linux 6.1's arch/x86/kernel/signal.c and fpu/signal.c; sigaction(2), sigaltstack(2).
//
// On the stack, downwards from the interrupted RSP: 128 bytes of red zone (not on a fresh alternate stack); the
// extended state, on a multiple of 64, followed by FP_XSTATE_MAGIC2; the frame, so that RSP is 8 below a
// multiple of 16, as after a call.
#pragma once

#include <cstddef>
#include <cstdint>

#include "linux-abi/errno.h"
#include "linux-abi/signal.h"

namespace linnet::abi {

/// The registers of a program that a frame saves and restores; segments are the kernel's business.
struct ProgramRegisters {
    uint64_t r8, r9, r10, r11, r12, r13, r14, r15, rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp, rip, eflags;
};

/// struct rt_sigframe. The handler's RSP points at `return_address`.
struct RtSigframe {
    uint64_t return_address; // sa_restorer
    Ucontext uc;
    Siginfo info;
};
static_assert(sizeof(RtSigframe) == 440 && offsetof(RtSigframe, uc) == 8 && offsetof(RtSigframe, info) == 312);

struct SignalDelivery {
    ProgramRegisters regs;
    Sigaction action;
    Siginfo info;
    SigSet mask;             // the mask to restore at sigreturn
    Sigaltstack alternate;   // as registered; flags: SS_DISABLE or SS_AUTODISARM, or 0
    uint64_t trap_number, error_code, fault_address; // of the last fault, as Linux shows them
    uint16_t cs, ss;
    size_t xsave_size;       // bytes of extended state (standard format); 512: FXSAVE only; 0: none
    uint64_t xfeatures;      // XCR0; 0 with FXSAVE only
};

struct SignalFrameLayout {
    uint64_t frame;   // address of RtSigframe, and RSP of the handler
    uint64_t fpstate; // address of the extended state; 0: none
    uint64_t end;     // one past the highest byte in use
    bool on_alternate;
};

/// `rsp` is on the alternate stack (always false with SS_AUTODISARM).
bool on_alternate_stack(const Sigaltstack& s, uint64_t rsp);
/// sigaltstack(2)'s ss_flags for a thread with this stack and RSP.
int alternate_stack_flags(const Sigaltstack& s, uint64_t rsp);

/// Where the frame goes. EFAULT (the thread gets SIGSEGV): no SA_RESTORER, beyond the program's addresses, or
/// off the end of the alternate stack.
Result<SignalFrameLayout> plan_signal_frame(const SignalDelivery& d);
/// Fills the frame.
void fill_signal_frame(const SignalDelivery& d, const SignalFrameLayout& l, RtSigframe& frame);
/// Marks an extended-state area for the frame: bytes 464 to 511. The caller writes the area to l.fpstate and, with
/// XSAVE, the word FP_XSTATE_MAGIC2 to l.fpstate + xsave_size.
void mark_fpstate(const SignalDelivery& d, Fpstate& area);
/// The registers that the handler starts with.
ProgramRegisters handler_registers(const SignalDelivery& d, const SignalFrameLayout& l);

/// The frame's address for rt_sigreturn, from the RSP that it was called with (the return address is popped).
constexpr uint64_t sigreturn_frame_address(uint64_t rsp) { return rsp - 8; }

struct SignalRestore {
    ProgramRegisters regs;
    SigSet mask;            // SIGKILL and SIGSTOP taken out
    Sigaltstack alternate;  // to be set as by sigaltstack, errors ignored
    uint64_t fpstate;       // address; 0: initial state
};

/// Checks a frame that the program handed in. `current_flags`: flags that the program can't change.
/// EFAULT (SIGSEGV): selectors other than the program's, RIP or RSP beyond its addresses, extended state misplaced.
Result<SignalRestore> restore_signal_frame(const RtSigframe& frame, uint64_t current_eflags);

/// How many bytes of extended state a frame holds, by its first 512 bytes: xsave_size at most; 512: x87 and SSE
/// only. The caller takes more than 512 only if the word at fpstate + that size is FP_XSTATE_MAGIC2.
uint32_t claimed_xstate_size(const Fpstate& head, size_t xsave_size);

/// Makes a copied area safe for XRSTOR (size bytes, 512 or more) or FXRSTOR: EFAULT if MXCSR has reserved bits, the
/// header asks for features beyond `xfeatures`, is compacted, or has reserved bytes set.
Result<void> check_fpstate(const void* area, size_t size, uint64_t xfeatures, uint32_t mxcsr_mask);

} // namespace linnet::abi
