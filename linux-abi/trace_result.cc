// What stands behind ") = " in strace's format.
#include "linux-abi/trace_call.h"

namespace linnet::abi {
namespace {

const char* restart_text(Restart r) {
    switch (r) {
    case Restart::sys: return "ERESTARTSYS (To be restarted if SA_RESTART is set)";
    case Restart::no_intr: return "ERESTARTNOINTR (To be restarted)";
    case Restart::no_hand: return "ERESTARTNOHAND (To be restarted if no handler)";
    case Restart::restart_block: return "ERESTART_RESTARTBLOCK (Interrupted by signal)";
    }
    return "ERESTART";
}

void put_named(Call& c, int64_t value, NameTable table) {
    c.out.decimal(value);
    c.out.put(" (");
    put_enum(c.out, table, static_cast<uint64_t>(value));
    c.out.put(')');
}

void put_fcntl_result(Call& c, int64_t r) {
    NameTable table = NameTable::none;
    switch (c.reg32(1)) {
    case F_GETFL: table = NameTable::open_flags; break;
    case F_GETFD: table = NameTable::fd_flags; break;
    case F_GET_SEALS: table = NameTable::seal_flags; break;
    case F_GETSIG:
        c.out.decimal(r);
        if (r) {
            c.out.put(" (");
            put_signal(c.out, r);
            c.out.put(')');
        }
        return;
    default: c.out.decimal(r); return;
    }
    c.out.hex(static_cast<uint64_t>(r));
    if (!r && table != NameTable::open_flags) return;
    c.out.put(table == NameTable::seal_flags ? " (seals " : " (flags ");
    put_flags(c.out, table, static_cast<uint64_t>(r));
    c.out.put(')');
}

/// The number, as the call's type has it.
void put_value(Call& c, int64_t r) {
    TraceText& out = c.out;
    switch (c.info.number) {
    case number::fcntl: return put_fcntl_result(c, r);
    case number::prctl: return put_prctl_result(c);
    case number::rt_sigreturn: return out.decimal(r);
    case number::sched_getscheduler:
        if (value_name(NameTable::sched_policy, static_cast<uint64_t>(r))) return put_named(c, r, NameTable::sched_policy);
        break;
    case number::time:
        out.decimal(r);
        out.put(" (");
        put_date(out, r, 0, 0);
        out.put(')');
        return;
    case number::rt_sigtimedwait:
        out.decimal(r);
        out.put(" (");
        put_signal(out, r);
        out.put(')');
        return;
    case number::membarrier:
        if (c.reg32(0) == MEMBARRIER_CMD_QUERY && r) {
            out.hex(static_cast<uint64_t>(r));
            out.put(" (");
            put_flags(out, NameTable::membarrier_cmd, static_cast<uint64_t>(r));
            out.put(')');
            return;
        }
        break;
    case number::personality:
        out.hex(static_cast<uint64_t>(r));
        out.put(" (");
        put_flags(out, NameTable::personality, static_cast<uint32_t>(r));
        out.put(')');
        return;
    default: break;
    }
    switch (c.info.result) {
    case ResultKind::decimal: out.decimal(r); break;
    case ResultKind::address: out.hex(static_cast<uint64_t>(r)); break;
    case ResultKind::hexadecimal: out.hex(static_cast<uint64_t>(r)); break;
    case ResultKind::octal: out.octal(static_cast<uint64_t>(r)); break;
    case ResultKind::no_return: out.put('?'); break;
    }
}

/// `, left {tv_sec=0, tv_nsec=5}`: the kernel has changed the time-out.
void put_time_left(Call& c, unsigned argument, StructId id, const char*& separator) {
    if (!c.regs[argument]) return;
    char text[80];
    TraceText left(text, sizeof text);
    put_structure(left, id, c.regs[argument], c.memory);
    if (!left.text().starts_with('{')) return;
    c.out.put(separator);
    c.out.put("left ");
    c.out.put(left.text());
    separator = ", ";
}

/// What happened, in parentheses.
void put_events(Call& c, int64_t r) {
    const bool select = c.is(number::select) || c.is(number::pselect6);
    if (!select && !c.is(number::poll) && !c.is(number::ppoll)) return;
    if (r == 0) {
        c.out.put(" (Timeout)");
        return;
    }
    const char* separator = " (";
    if (select) {
        static constexpr const char* names[] = {"in ", "out ", "except "};
        for (unsigned i = 1; i <= 3; ++i) {
            if (!c.regs[i]) continue;
            char text[1024];
            TraceText set(text, sizeof text);
            Call part{set, c.info, c.regs, c.memory, c.state, c.exiting, c.result};
            if (!put_bit_set(part, c.regs[i], static_cast<uint64_t>(c.reg32(0)))) continue;
            c.out.put(separator);
            separator = ", ";
            c.out.put(names[i - 1]);
            c.out.put(set.text());
        }
        put_time_left(c, 4, c.is(number::select) ? StructId::timeval : StructId::timespec, separator);
    } else {
        c.out.put(separator);
        separator = ", ";
        put_pollfds(c, c.regs[0], c.ureg32(1), true);
        if (c.is(number::ppoll)) put_time_left(c, 2, StructId::timespec, separator);
    }
    c.out.put(')');
}

} // namespace

void put_error(TraceText& out, Errno e) {
    out.put("-1 ");
    const char* name = errno_name(e);
    if (!name) {
        out.decimal(static_cast<int64_t>(e));
        return;
    }
    out.put(name);
    out.put(" (");
    out.put(errno_text(e));
    out.put(')');
}

void put_result(Call& c) {
    TraceText& out = c.out;
    if (c.result.is_no_return()) {
        // execve ends well; exit never returns; a call that a seccomp filter trapped leaves its number in RAX.
        if (c.is(number::execve) || c.is(number::execveat) || c.is(number::rt_sigreturn)) out.put('0');
        else if (c.is(number::exit) || c.is(number::exit_group) || c.info.number < 0) out.put('?');
        else out.decimal(c.info.number);
        return;
    }
    if (c.result.is_restart()) {
        out.put("? ");
        out.put(restart_text(c.result.restart()));
        return;
    }
    if (c.result.is_error()) return put_error(out, c.result.error());
    const int64_t r = c.result.raw();
    put_value(c, r);
    put_events(c, r);
    if (c.is(number::recvmmsg) && c.regs[4]) {
        if (r == 0) {
            out.put(" (Timeout)");
        } else {
            const char* separator = " (";
            put_time_left(c, 4, StructId::timespec, separator);
            if (*separator == ',') out.put(')');
        }
    }
}

} // namespace linnet::abi
