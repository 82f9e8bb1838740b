// Frames of signal handlers, and the way back from them. What a frame looks like is linux-abi/signal_frame.h's business.
#include "linux-abi/signal_frame.h"

#include "kernel/arch/x86_64/fpu.h"
#include "kernel/arch/x86_64/program.h"
#include "kernel/lib/string.h"
#include "kernel/mm/user.h"
#include "kernel/task/signal_frame.h"

namespace linnet {

namespace {

constexpr u32 kAutoDisarm = 1u << 31; // SS_AUTODISARM
constexpr u32 kMxcsrMask = 0xffff;    // of every CPU with SSE2 and DAZ

/// A kernel buffer for extended state, 64-byte aligned.
class StateBuffer : NoCopy {
  public:
    explicit StateBuffer(size_t size) : memory_(kmalloc(size + 64)) {}
    ~StateBuffer() { kfree(memory_); }
    u8* get() { return memory_ ? reinterpret_cast<u8*>(align_up(reinterpret_cast<u64>(memory_), 64)) : nullptr; }

  private:
    void* memory_;
};

abi::ProgramRegisters registers_of(const TrapFrame& f) {
    return {f.r8, f.r9, f.r10, f.r11, f.r12, f.r13, f.r14, f.r15, f.rdi,
            f.rsi, f.rbp, f.rbx, f.rdx, f.rax, f.rcx, f.rsp, f.rip, f.rflags};
}

void set_registers(TrapFrame& f, const abi::ProgramRegisters& r) {
    f.r8 = r.r8, f.r9 = r.r9, f.r10 = r.r10, f.r11 = r.r11, f.r12 = r.r12, f.r13 = r.r13, f.r14 = r.r14, f.r15 = r.r15;
    f.rdi = r.rdi, f.rsi = r.rsi, f.rbp = r.rbp, f.rbx = r.rbx, f.rdx = r.rdx, f.rax = r.rax, f.rcx = r.rcx;
    f.rsp = r.rsp, f.rip = r.rip, f.rflags = r.eflags;
}

Result<void> store_extended_state(const abi::SignalDelivery& d, u64 address) {
    constexpr size_t kMagicSize = sizeof abi::FP_XSTATE_MAGIC2;
    StateBuffer buffer(d.xsave_size + kMagicSize);
    u8* b = buffer.get();
    if (!b) return EFAULT;
    fpu_store(b);
    abi::mark_fpstate(d, *reinterpret_cast<abi::Fpstate*>(b));
    size_t n = d.xsave_size;
    if (d.xfeatures) {
        memcpy(b + n, &abi::FP_XSTATE_MAGIC2, kMagicSize);
        n += kMagicSize;
    }
    return copy_to_user(address, b, n);
}

Result<void> load_extended_state(u64 address) {
    if (!address) {
        fpu_reset_current();
        return {};
    }
    const size_t size = fpu_state_size();
    StateBuffer buffer(size);
    u8* b = buffer.get();
    if (!b) return EFAULT;
    memset(b, 0, size);
    TRY(copy_from_user(b, address, sizeof(abi::Fpstate)));
    u32 claimed = abi::claimed_xstate_size(*reinterpret_cast<abi::Fpstate*>(b), size);
    if (claimed > sizeof(abi::Fpstate)) {
        auto magic = user_read<u32>(address + claimed);
        if (!magic || *magic != abi::FP_XSTATE_MAGIC2) claimed = sizeof(abi::Fpstate);
    }
    if (claimed > sizeof(abi::Fpstate)) {
        TRY(copy_from_user(b + sizeof(abi::Fpstate), address + sizeof(abi::Fpstate), claimed - sizeof(abi::Fpstate)));
    } else if (fpu_features()) {
        const u64 legacy = 3; // x87 and SSE alone
        memcpy(b + sizeof(abi::Fpstate), &legacy, sizeof legacy);
    }
    TRY(abi::check_fpstate(b, size, fpu_features(), kMxcsrMask));
    return fpu_load(b);
}

} // namespace

Result<void> set_alternate_stack(Task& t, const abi::Sigaltstack& s, u64 rsp) {
    if (abi::on_alternate_stack(t.alternate_stack, rsp)) return EPERM;
    u32 mode = u32(s.flags) & ~kAutoDisarm;
    if (mode != 0 && mode != u32(SS_DISABLE) && mode != u32(SS_ONSTACK)) return EINVAL;
    abi::Sigaltstack n = s;
    n.pad = 0;
    n.flags = int(u32(s.flags) & kAutoDisarm);
    if (mode == u32(SS_DISABLE)) {
        n = {0, SS_DISABLE, 0, 0};
    } else if (n.size < u64(abi::MINSIGSTKSZ)) {
        return ENOMEM;
    }
    t.alternate_stack = n;
    return {};
}

abi::Sigaltstack report_alternate_stack(const Task& t, u64 rsp) {
    abi::Sigaltstack s = t.alternate_stack;
    s.flags = abi::alternate_stack_flags(s, rsp);
    return s;
}

Result<void> push_signal_frame(TrapFrame& f, int sig, const abi::Siginfo& info, const abi::Sigaction& action) {
    Task& t = current();
    abi::SignalDelivery d;
    d.regs = registers_of(f);
    d.action = action;
    d.info = info;
    d.mask.bits = t.restore_blocked ? t.saved_blocked : t.blocked;
    d.alternate = t.alternate_stack;
    d.trap_number = t.fault_trap;
    d.error_code = t.fault_error;
    d.fault_address = t.fault_address;
    d.cs = 0x33, d.ss = 0x2b; // Linux's selectors, whatever ring the program really runs in
    d.xsave_size = fpu_state_size();
    d.xfeatures = fpu_features();
    const abi::SignalFrameLayout l = TRY(abi::plan_signal_frame(d));
    abi::RtSigframe frame;
    memset(&frame, 0, sizeof frame);
    abi::fill_signal_frame(d, l, frame);
    if (l.fpstate) TRY(store_extended_state(d, l.fpstate));
    TRY(copy_to_user(l.frame, &frame, sizeof frame));

    t.restore_blocked = false;
    if (u32(t.alternate_stack.flags) & kAutoDisarm) t.alternate_stack = {0, SS_DISABLE, 0, 0};
    SignalSet mask = t.blocked | action.mask.bits;
    if (!(action.flags & u64(SA_NODEFER))) mask |= signal_bit(sig);
    set_blocked_signals(mask);
    set_registers(f, abi::handler_registers(d, l));
    t.raise_work(kWorkFullReturn);
    return {};
}

Result<void> restore_signal_frame(TrapFrame& f) {
    Task& t = current();
    abi::RtSigframe frame;
    TRY(copy_from_user(&frame, abi::sigreturn_frame_address(f.rsp), sizeof frame));
    const abi::SignalRestore r = TRY(abi::restore_signal_frame(frame, f.rflags));
    TRY(load_extended_state(r.fpstate));
    set_blocked_signals(r.mask.bits);
    set_registers(f, r.regs);
    f.cs = program_cs(), f.ss = program_ss();
    f.orig_rax = ~u64(0); // no system call to restart
    t.restart = RestartBlock{};
    (void)set_alternate_stack(t, r.alternate, f.rsp);
    t.raise_work(kWorkFullReturn);
    return {};
}

} // namespace linnet
