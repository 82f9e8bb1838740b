// Signals, wait statuses and ends in strace's format.
#include "linux-abi/trace_call.h"
#include "linux-abi/trace_fields.h"

namespace linnet::abi {
namespace {

#define N(name) {#name, static_cast<uint64_t>(static_cast<uint32_t>(name))}
constexpr ValueName general_codes[] = {
    N(SI_USER), N(SI_KERNEL), N(SI_QUEUE), N(SI_TIMER), N(SI_MESGQ), N(SI_ASYNCIO), N(SI_SIGIO), N(SI_TKILL), N(SI_DETHREAD), N(SI_ASYNCNL),
};
constexpr ValueName ill_codes[] = {N(ILL_ILLOPC), N(ILL_ILLOPN), N(ILL_ILLADR), N(ILL_ILLTRP), N(ILL_PRVOPC), N(ILL_PRVREG), N(ILL_COPROC), N(ILL_BADSTK)};
constexpr ValueName fpe_codes[] = {N(FPE_INTDIV), N(FPE_INTOVF), N(FPE_FLTDIV), N(FPE_FLTOVF), N(FPE_FLTUND), N(FPE_FLTRES), N(FPE_FLTINV), N(FPE_FLTSUB)};
constexpr ValueName segv_codes[] = {N(SEGV_MAPERR), N(SEGV_ACCERR), N(SEGV_BNDERR), N(SEGV_PKUERR)};
constexpr ValueName bus_codes[] = {N(BUS_ADRALN), N(BUS_ADRERR), N(BUS_OBJERR)};
constexpr ValueName trap_codes[] = {N(TRAP_BRKPT), N(TRAP_TRACE), N(TRAP_BRANCH), N(TRAP_HWBKPT)};
constexpr ValueName child_codes[] = {N(CLD_EXITED), N(CLD_KILLED), N(CLD_DUMPED), N(CLD_TRAPPED), N(CLD_STOPPED), N(CLD_CONTINUED)};
#undef N
constexpr ValueName poll_codes[] = {{"POLL_IN", 1}, {"POLL_OUT", 2}, {"POLL_MSG", 3}, {"POLL_ERR", 4}, {"POLL_PRI", 5}, {"POLL_HUP", 6}};
constexpr ValueName sys_codes[] = {{"SYS_SECCOMP", 1}, {"SYS_USER_DISPATCH", 2}};

NameList codes_of(int signo) {
    switch (signo) {
    case SIGILL: return {ill_codes, "ILL_?\??", nullptr};
    case SIGFPE: return {fpe_codes, "FPE_?\??", nullptr};
    case SIGSEGV: return {segv_codes, "SEGV_?\??", nullptr};
    case SIGBUS: return {bus_codes, "BUS_?\??", nullptr};
    case SIGTRAP: return {trap_codes, "TRAP_?\??", nullptr};
    case SIGCHLD: return {child_codes, "CLD_?\??", nullptr};
    case SIGIO: return {poll_codes, "POLL_?\??", nullptr};
    case SIGSYS: return {sys_codes, "SYS_?\??", nullptr};
    default: return {{}, "SI_?\??", nullptr};
    }
}

void put_value(Fields& f, uint64_t value) {
    f.dec("si_int", static_cast<int32_t>(value));
    f.address("si_ptr", value);
}

void put_sender(Fields& f, const Siginfo& info) {
    f.dec("si_pid", info.kill.pid);
    f.udec("si_uid", info.kill.uid);
}

/// What a signal of the kernel carries, by its number.
void put_kernel_fields(Fields& f, const Siginfo& info) {
    switch (info.signo) {
    case SIGCHLD:
        f.dec("si_pid", info.chld.pid);
        f.udec("si_uid", info.chld.uid);
        if (info.code == CLD_EXITED) f.dec("si_status", info.chld.status);
        else put_signal(f.name("si_status"), info.chld.status);
        put_ticks(f.name("si_utime"), info.chld.utime);
        put_ticks(f.name("si_stime"), info.chld.stime);
        break;
    case SIGILL:
    case SIGFPE:
    case SIGSEGV:
    case SIGBUS:
    case SIGTRAP: f.address("si_addr", info.fault.addr); break;
    case SIGIO: f.dec("si_band", info.poll.band); break;
    case SIGSYS: {
        f.address("si_call_addr", info.sys.call_addr);
        TraceText& nr = f.name("si_syscall");
        const SyscallInfo* call = syscall_info(static_cast<uint64_t>(static_cast<int64_t>(info.sys.syscall)));
        if (call) {
            nr.put("__NR_");
            nr.put(call->name);
        } else {
            nr.decimal(info.sys.syscall);
        }
        TraceText& arch = f.name("si_arch");
        if (info.sys.arch == 0xc000003e) arch.put("AUDIT_ARCH_X86_64");
        else arch.hex(info.sys.arch);
        break;
    }
    default:
        if (info.kill.pid || info.kill.uid) put_sender(f, info);
        if (info.kill.value) put_value(f, info.kill.value);
    }
}

} // namespace

void put_siginfo(TraceText& out, const Siginfo& info) {
    Fields f(out);
    put_signal(f.name("si_signo"), info.signo);
    TraceText& code = f.name("si_code");
    const uint32_t raw = static_cast<uint32_t>(info.code);
    const char* name = nullptr;
    for (const ValueName& n : general_codes)
        if (n.value == raw) name = n.name;
    const NameList list = codes_of(info.signo);
    if (!name)
        for (const ValueName& n : list.names)
            if (n.value == raw) name = n.name;
    if (name) {
        code.put(name);
    } else {
        code.hex(raw);
        code.put(" /* ");
        code.put(list.unknown);
        code.put(" */");
    }
    if (info.err) {
        TraceText& e = f.name("si_errno");
        if (const char* text = errno_name(static_cast<Errno>(info.err))) e.put(text);
        else e.decimal(info.err);
    }
    switch (info.code) {
    case SI_USER:
    case SI_TKILL: put_sender(f, info); break;
    case SI_TIMER:
        f.hex("si_timerid", static_cast<uint32_t>(info.timer.tid));
        f.dec("si_overrun", info.timer.overrun);
        if (info.timer.value) put_value(f, info.timer.value);
        break;
    case SI_QUEUE:
    case SI_MESGQ:
        put_sender(f, info);
        if (info.kill.value) put_value(f, info.kill.value);
        break;
    default:
        if (info.code < 0) {
            put_sender(f, info);
            if (info.kill.value) put_value(f, info.kill.value);
        } else {
            put_kernel_fields(f, info);
        }
    }
}

void format_signal(TraceText& out, const Siginfo& info) {
    out.put("--- ");
    put_signal(out, info.signo);
    out.put(' ');
    put_siginfo(out, info);
    out.put(" ---");
}

void format_exit(TraceText& out, uint32_t status) {
    if ((status & 0x7f) == 0) {
        out.put("+++ exited with ");
        out.unsigned_decimal(status >> 8 & 0xff);
    } else {
        out.put("+++ killed by ");
        put_signal(out, status & 0x7f);
        if (status & 0x80) out.put(" (core dumped)");
    }
    out.put(" +++");
}

void put_signal_set(TraceText& out, uint64_t bits) {
    // The shorter of the set and its complement.
    int count = 0;
    for (uint64_t left = bits; left; left &= left - 1) ++count;
    bool inverted = count >= 43;
    if (inverted) {
        out.put('~');
        bits = ~bits;
    }
    out.put('[');
    bool first = true;
    for (int sig = 1; sig <= nsig; ++sig) {
        if (!(bits >> (sig - 1) & 1)) continue;
        if (!first) out.put(' ');
        first = false;
        char text[16];
        TraceText name(text, sizeof text);
        put_signal(name, sig);
        std::string_view t = name.text();
        if (t.starts_with("SIG")) t.remove_prefix(3);
        out.put(t);
    }
    out.put(']');
}

void put_wait_status(TraceText& out, uint32_t status) {
    uint32_t low = status & 0x7f;
    if (low == 0) {
        out.put("{WIFEXITED(s) && WEXITSTATUS(s) == ");
        out.unsigned_decimal(status >> 8 & 0xff);
    } else if (status == 0xffff) {
        out.put("{WIFCONTINUED(s)");
    } else if (low == 0x7f) {
        out.put("{WIFSTOPPED(s) && WSTOPSIG(s) == ");
        put_signal(out, status >> 8 & 0xff);
    } else {
        out.put("{WIFSIGNALED(s) && WTERMSIG(s) == ");
        put_signal(out, low);
        if (status & 0x80) out.put(" && WCOREDUMP(s)");
    }
    out.put('}');
}

} // namespace linnet::abi
