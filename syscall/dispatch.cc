// From six registers to a handler. The table is made from syscalls.def; a handler that is missing or has another signature is a
// link error. The way of a plain call: one look at the number, a record in the CPU's ring, one table load, one indirect call.
#include "syscall/dispatch.h"

#include "kernel/arch/x86_64/cpu.h"
#include "kernel/arch/x86_64/program.h"
#include "kernel/task/task.h"
#include "syscall/call_log.h"
#include "syscall/gaps.h"
#include "syscall/seccomp.h"
#include "syscall/trace/trace.h"

namespace linnet {

using abi::Outcome;
using abi::SyscallThunk;

namespace {

template <u16 Number, Errno E>
Outcome refuse(u64, u64, u64, u64, u64, u64) {
    count_gap(GapKind::Call, Number, 0, 0, E);
    return E;
}

Outcome unknown(u64, u64, u64, u64, u64, u64) {
    count_gap(GapKind::Call, current().frame->orig_rax, 0, 0, ENOSYS);
    return ENOSYS;
}

/// Flag bits of an argument that are not supported.
template <class T>
[[gnu::always_inline]] inline u64 unsupported_bits(T a) {
    if constexpr (requires { T::supported; }) return a.unsupported();
    else return 0;
}

/// Counts bits of argument `argument`, once it is known what became of the call.
void count_flags(u32 number, u32 argument, u64 bits, Outcome o) {
    if (!bits || (!o.is_plain() && !o.is_no_return())) return; // a restart: it comes again
    count_gap(GapKind::Flag, number, argument, bits, o.is_plain() && o.is_error() ? o.error() : Errno(0));
}

/// Decodes, and counts flag bits that are not supported; the handler refuses them with Linux's errno, or ignores them.
template <u16 Number, auto Handler>
struct Checked;
template <u16 Number, class... A, Outcome (*Handler)(A...)>
struct Checked<Number, Handler> {
    template <size_t... I>
    [[gnu::noinline, gnu::cold]] static Outcome counted(std::index_sequence<I...>, u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5) {
        [[maybe_unused]] const u64 regs[6] = {a0, a1, a2, a3, a4, a5};
        const Outcome o = Handler(A(regs[I])...);
        (count_flags(Number, I, unsupported_bits(A(regs[I])), o), ...);
        return o;
    }
    template <size_t... I>
    [[gnu::always_inline]] static Outcome expand(std::index_sequence<I...> indices, const u64 (&regs)[6]) {
        if ((unsupported_bits(A(regs[I])) | ... | 0)) [[unlikely]]
            return counted(indices, regs[0], regs[1], regs[2], regs[3], regs[4], regs[5]);
        return Handler(A(regs[I])...);
    }
    static Outcome call(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5) {
        [[maybe_unused]] const u64 regs[6] = {a0, a1, a2, a3, a4, a5};
        return expand(std::index_sequence_for<A...>{}, regs);
    }
};

struct Table {
    SyscallThunk thunks[abi::max_syscall + 1];
};

constexpr Table make_table() {
    Table t{};
    for (SyscallThunk& s : t.thunks) s = unknown;
#define SYSCALL(nr, name, type, status, note) t.thunks[nr] = &Checked<nr, &sys_##name>::call;
#define SYSCALL_NONE(nr, name, type, error, note) t.thunks[nr] = &refuse<nr, Errno::error>;
#include "linux-abi/syscalls.def"
#undef SYSCALL
#undef SYSCALL_NONE
    return t;
}

constinit const Table table = make_table();

/// Restart codes and replaced registers.
void finish_unusual(Task& t, TrapFrame& f, Outcome o) {
    if (o.is_no_return()) return;
    // A restart: the signal that interrupted the call decides on the way out, where an unwarranted one is
    // restarted too, as on Linux.
    f.rax = u64(o.raw());
    t.raise_work(kWorkSignal);
}

/// Unknown numbers, and calls of threads that are traced or filtered.
[[gnu::noinline]] void dispatch_slow(Task& t, TrapFrame& f) {
    const u64 number = f.orig_rax;
    log_call(number < CallLog::kSwitch ? number : CallLog::kSwitch - 1, f.rdi);
    const SyscallThunk thunk = number <= u64(abi::max_syscall) ? table.thunks[number] : unknown;
    const bool traced = trace_calls && trace_wants(t, number);
    if (traced) trace_entry(t, f);
    Outcome o = 0;
    if (t.seccomp.mode.load(std::memory_order_relaxed) == SeccompMode::Disabled || seccomp_admits(t, f, o))
        o = thunk(f.rdi, f.rsi, f.rdx, f.r10, f.r8, f.r9);
    log_result(o.raw());
    if (traced) trace_exit(t, f, number, o);
    if (!o.is_plain()) return finish_unusual(t, f, o);
    f.rax = u64(o.raw());
}

} // namespace

extern "C" void syscall_dispatch(TrapFrame* f) {
    Task& t = current();
    t.frame = f;
    const u64 number = f->orig_rax;
    if (number >= t.fast_calls) [[unlikely]] return dispatch_slow(t, *f);
    log_call(number, f->rdi);
    const Outcome o = table.thunks[number](f->rdi, f->rsi, f->rdx, f->r10, f->r8, f->r9);
    log_result(o.raw());
    if (!o.is_plain()) [[unlikely]] return finish_unusual(t, *f, o);
    f->rax = u64(o.raw());
}

void syscall_init() {
    call_log_init();
    init_gaps();
    initial_fast_calls = u32(abi::max_syscall) + 1;
}

} // namespace linnet
