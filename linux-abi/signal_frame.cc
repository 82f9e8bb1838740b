#include "linux-abi/signal_frame.h"

namespace linnet::abi {
namespace {

constexpr uint64_t user_end = 0x7ffffffff000;
constexpr uint64_t red_zone = 128;
constexpr uint16_t user_cs = 0x33, user_ss = 0x2b;
constexpr size_t xsave_minimum = 512 + 64;

// EFLAGS that a frame may change: CF PF AF ZF SF TF DF OF RF AC; TF, DF and RF are off in a handler.
constexpr uint64_t flags_of_program = 0x1 | 0x4 | 0x10 | 0x40 | 0x80 | 0x100 | 0x400 | 0x800 | 0x10000 | 0x40000;
constexpr uint64_t flag_tf = 0x100, flag_df = 0x400, flag_rf = 0x10000;

struct XsaveHeader {
    uint64_t xstate_bv, xcomp_bv, reserved[6];
};
static_assert(sizeof(XsaveHeader) == 64);

} // namespace

bool on_alternate_stack(const Sigaltstack& s, uint64_t rsp) {
    if (static_cast<uint32_t>(s.flags) & SS_AUTODISARM) return false;
    return s.size != 0 && rsp > s.sp && rsp - s.sp <= s.size;
}

int alternate_stack_flags(const Sigaltstack& s, uint64_t rsp) {
    if (s.size == 0) return SS_DISABLE;
    return on_alternate_stack(s, rsp) ? SS_ONSTACK : 0;
}

Result<SignalFrameLayout> plan_signal_frame(const SignalDelivery& d) {
    if (!(d.action.flags & SA_RESTORER)) return EFAULT;
    SignalFrameLayout l{};
    uint64_t sp = d.regs.rsp - red_zone;
    bool nested = on_alternate_stack(d.alternate, d.regs.rsp);
    if (d.action.flags & SA_ONSTACK) {
        // As Linux: entered anew only when the stack is registered and not the current one.
        if (alternate_stack_flags(d.alternate, d.regs.rsp - red_zone) == 0) {
            sp = d.alternate.sp + d.alternate.size;
            l.on_alternate = true;
        }
    }
    l.end = sp;
    if (d.xsave_size) {
        uint64_t size = d.xsave_size + (d.xsave_size >= xsave_minimum ? 4 : 0); // FP_XSTATE_MAGIC2
        if (sp < size) return EFAULT;
        sp = (sp - size) & ~uint64_t(63);
        l.fpstate = sp;
    }
    if (sp < sizeof(RtSigframe) + 16) return EFAULT;
    sp -= sizeof(RtSigframe);
    sp = (sp & ~uint64_t(15)) - 8;
    l.frame = sp;
    if (l.end > user_end || l.frame > l.end) return EFAULT;
    // A frame that runs off the alternate stack would overwrite what lies below it.
    if ((l.on_alternate || nested) && (l.frame < d.alternate.sp || l.frame - d.alternate.sp > d.alternate.size))
        return EFAULT;
    return l;
}

void fill_signal_frame(const SignalDelivery& d, const SignalFrameLayout& l, RtSigframe& f) {
    __builtin_memset(&f, 0, sizeof f);
    f.return_address = d.action.restorer;
    f.info = d.info;
    f.uc.flags = UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS | (d.xsave_size >= xsave_minimum ? UC_FP_XSTATE : 0);
    f.uc.stack.sp = d.alternate.sp;
    f.uc.stack.size = d.alternate.size;
    // The registered flags with the state at the interrupted RSP, as sigaltstack would report it.
    f.uc.stack.flags = static_cast<int32_t>(static_cast<uint32_t>(d.alternate.flags) & SS_AUTODISARM) |
                       alternate_stack_flags(d.alternate, d.regs.rsp);
    f.uc.sigmask = d.mask;
    Sigcontext& c = f.uc.mcontext;
    const ProgramRegisters& r = d.regs;
    c.r8 = r.r8, c.r9 = r.r9, c.r10 = r.r10, c.r11 = r.r11, c.r12 = r.r12, c.r13 = r.r13, c.r14 = r.r14;
    c.r15 = r.r15, c.rdi = r.rdi, c.rsi = r.rsi, c.rbp = r.rbp, c.rbx = r.rbx, c.rdx = r.rdx, c.rax = r.rax;
    c.rcx = r.rcx, c.rsp = r.rsp, c.rip = r.rip, c.eflags = r.eflags;
    c.cs = d.cs;
    c.ss = d.ss;
    c.err = d.error_code;
    c.trapno = d.trap_number;
    c.oldmask = d.mask.bits;
    c.cr2 = d.fault_address;
    c.fpstate = l.fpstate;
}

void mark_fpstate(const SignalDelivery& d, Fpstate& area) {
    __builtin_memset(&area.sw, 0, sizeof area.sw);
    if (d.xsave_size < xsave_minimum) return;
    area.sw.magic1 = FP_XSTATE_MAGIC1;
    area.sw.extended_size = static_cast<uint32_t>(d.xsave_size) + 4;
    area.sw.xfeatures = d.xfeatures;
    area.sw.xstate_size = static_cast<uint32_t>(d.xsave_size);
}

ProgramRegisters handler_registers(const SignalDelivery& d, const SignalFrameLayout& l) {
    ProgramRegisters r = d.regs;
    r.rdi = static_cast<uint64_t>(d.info.signo);
    r.rsi = l.frame + offsetof(RtSigframe, info);
    r.rdx = l.frame + offsetof(RtSigframe, uc);
    r.rax = 0; // no vector registers for a variadic handler
    r.rsp = l.frame;
    r.rip = d.action.handler;
    r.eflags &= ~(flag_tf | flag_df | flag_rf);
    return r;
}

Result<SignalRestore> restore_signal_frame(const RtSigframe& f, uint64_t current_eflags) {
    const Sigcontext& c = f.uc.mcontext;
    // Linux lets the CPU find a bad address or selector on the way back; the signal is the same.
    if ((c.cs | 3) != user_cs) return EFAULT;
    if ((f.uc.flags & UC_STRICT_RESTORE_SS) && (c.ss | 3) != user_ss) return EFAULT;
    if (c.rip >= user_end || c.rsp > user_end) return EFAULT;
    if (c.fpstate && (c.fpstate % 64 != 0 || c.fpstate > user_end - 512)) return EFAULT;
    SignalRestore out;
    ProgramRegisters& r = out.regs;
    r.r8 = c.r8, r.r9 = c.r9, r.r10 = c.r10, r.r11 = c.r11, r.r12 = c.r12, r.r13 = c.r13, r.r14 = c.r14;
    r.r15 = c.r15, r.rdi = c.rdi, r.rsi = c.rsi, r.rbp = c.rbp, r.rbx = c.rbx, r.rdx = c.rdx, r.rax = c.rax;
    r.rcx = c.rcx, r.rsp = c.rsp, r.rip = c.rip;
    r.eflags = (current_eflags & ~flags_of_program) | (c.eflags & flags_of_program);
    out.mask = f.uc.sigmask;
    out.mask.remove(SIGKILL);
    out.mask.remove(SIGSTOP);
    out.alternate = f.uc.stack;
    out.fpstate = c.fpstate;
    return out;
}

uint32_t claimed_xstate_size(const Fpstate& head, size_t xsave_size) {
    const FpxSwBytes& sw = head.sw;
    if (sw.magic1 != FP_XSTATE_MAGIC1 || sw.xstate_size < xsave_minimum || sw.xstate_size > xsave_size ||
        sw.xstate_size > sw.extended_size)
        return 512;
    return sw.xstate_size;
}

Result<void> check_fpstate(const void* area, size_t size, uint64_t xfeatures, uint32_t mxcsr_mask) {
    if (size < sizeof(Fpstate)) return EFAULT;
    uint32_t mxcsr;
    __builtin_memcpy(&mxcsr, static_cast<const char*>(area) + offsetof(Fpstate, mxcsr), sizeof mxcsr);
    if (mxcsr & ~mxcsr_mask) return EFAULT;
    if (size == sizeof(Fpstate)) return {};
    if (size < xsave_minimum) return EFAULT;
    XsaveHeader h;
    __builtin_memcpy(&h, static_cast<const char*>(area) + sizeof(Fpstate), sizeof h);
    if ((h.xstate_bv & ~xfeatures) != 0 || h.xcomp_bv != 0) return EFAULT;
    for (uint64_t word : h.reserved)
        if (word) return EFAULT;
    return {};
}

} // namespace linnet::abi
