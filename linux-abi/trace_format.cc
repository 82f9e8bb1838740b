#include "linux-abi/trace_format.h"

#include "linux-abi/trace_ipc.h"
#include "linux-abi/trace_names.h"

namespace linnet::abi {
namespace {

/// One call while it is being printed.
struct Call {
    TraceText& out;
    const SyscallInfo& info;
    const uint64_t (&regs)[6];
    MemoryReader& memory;
    const TraceState* state = nullptr; // exit part only
    bool exiting = false;
    Outcome result = 0;

    bool failed() const { return exiting && (result.is_error() || result.is_restart()); }
    bool is(int nr) const { return info.number == nr; }
    uint64_t reg(unsigned i) const { return i < 6 ? regs[i] : 0; }
    int32_t reg32(unsigned i) const { return static_cast<int32_t>(reg(i)); }
};

/// The kernel fills it in: printed after the call. pollfd and fd_set arrays are printed before it, with their
/// results at the end of the line.
bool filled_by_kernel(const ArgSpec& a) {
    if (a.direction == Direction::in) return false;
    switch (a.kind) {
    case ArgKind::pollfds:
    case ArgKind::fd_set:
    case ArgKind::address: return false;
    default: return true;
    }
}

void put_data(Call& c, uint64_t address, uint64_t length) {
    DataHead head(c.memory);
    size_t n = length < head.limit ? static_cast<size_t>(length) : head.limit;
    if (!address || (n && !c.memory.read(address, head.bytes, n))) {
        c.out.address(address);
        return;
    }
    put_quoted(c.out, head.bytes, n, length > n);
}

void put_iovecs(Call& c, uint64_t address, uint64_t count, bool with_data, uint64_t data_left) {
    if (!address || count > 1024) {
        c.out.address(address);
        return;
    }
    c.out.put('[');
    for (uint64_t i = 0; i < count; ++i) {
        Iovec v;
        if (i) c.out.put(", ");
        if (i == trace_string_limit) {
            c.out.put("...");
            break;
        }
        if (!c.memory.read(address + i * sizeof v, &v, sizeof v)) {
            if (i == 0) {
                c.out.put("...");
                break;
            }
            c.out.put("...");
            break;
        }
        c.out.put("{iov_base=");
        uint64_t n = v.len < data_left ? v.len : data_left;
        if (with_data) put_data(c, v.base, n);
        else c.out.address(v.base);
        data_left -= n;
        c.out.put(", iov_len=");
        c.out.unsigned_decimal(v.len);
        c.out.put('}');
    }
    c.out.put(']');
}

/// `[{fd=3, events=POLLIN}]`, or after the call those with revents.
void put_pollfds(Call& c, uint64_t address, uint64_t count, bool results) {
    if (!address) {
        c.out.put("NULL");
        return;
    }
    c.out.put('[');
    bool first = true;
    unsigned shown = 0;
    for (uint64_t i = 0; i < count && i < 4096; ++i) {
        Pollfd p;
        if (!c.memory.read(address + i * sizeof p, &p, sizeof p)) {
            c.out.put(first ? "..." : ", ...");
            break;
        }
        if (results && !p.revents) continue;
        if (!first) c.out.put(", ");
        first = false;
        if (shown++ == trace_string_limit) {
            c.out.put("...");
            break;
        }
        c.out.put("{fd=");
        c.out.decimal(p.fd);
        if (results) {
            c.out.put(", revents=");
            put_flags(c.out, NameTable::poll_events, static_cast<uint16_t>(p.revents));
        } else if (p.fd >= 0) {
            c.out.put(", events=");
            put_flags(c.out, NameTable::poll_events, static_cast<uint16_t>(p.events));
        }
        c.out.put('}');
    }
    c.out.put(']');
}

void put_epoll_events(Call& c, uint64_t address, int64_t count) {
    if (!address) {
        c.out.put("NULL");
        return;
    }
    c.out.put('[');
    for (int64_t i = 0; i < count; ++i) {
        if (i) c.out.put(", ");
        if (i == static_cast<int64_t>(trace_string_limit)) {
            c.out.put("...");
            break;
        }
        put_structure(c.out, StructId::epoll_event, address + static_cast<uint64_t>(i) * sizeof(EpollEvent),
                      c.memory);
    }
    c.out.put(']');
}

/// `[3 5]`: an fd_set or a CPU set of `bits` bits.
bool put_bit_set(Call& c, uint64_t address, uint64_t bits) {
    if (!address) {
        c.out.put("NULL");
        return true;
    }
    if (bits > 8192) bits = 8192;
    c.out.put('[');
    bool first = true;
    for (uint64_t word = 0; word * 64 < bits; ++word) {
        uint64_t w = 0;
        size_t n = bits - word * 64 >= 64 ? 8 : static_cast<size_t>((bits - word * 64 + 7) / 8);
        if (!c.memory.read(address + word * 8, &w, n)) {
            c.out.put("...");
            break;
        }
        for (unsigned b = 0; b < 64 && word * 64 + b < bits; ++b) {
            if (!(w >> b & 1)) continue;
            if (!first) c.out.put(' ');
            first = false;
            c.out.unsigned_decimal(word * 64 + b);
        }
    }
    c.out.put(']');
    return !first;
}

void put_strings(Call& c, uint64_t address, bool count_only) {
    if (!address) {
        c.out.put("NULL");
        return;
    }
    constexpr uint64_t most = 4096;
    if (count_only) {
        c.out.address(address);
        uint64_t n = 0, p;
        while (n < most && c.memory.read(address + n * 8, &p, sizeof p) && p) ++n;
        c.out.put(" /* ");
        c.out.unsigned_decimal(n);
        c.out.put(n == 1 ? " var */" : " vars */");
        return;
    }
    c.out.put('[');
    for (uint64_t i = 0; i < most; ++i) {
        uint64_t p;
        if (!c.memory.read(address + i * 8, &p, sizeof p)) {
            c.out.put(i ? ", ..." : "...");
            break;
        }
        if (!p) break;
        if (i) c.out.put(", ");
        if (i == trace_string_limit) {
            c.out.put("...");
            break;
        }
        put_user_string(c.out, p, c.memory.string_limit, c.memory);
    }
    c.out.put(']');
}

void put_ioctl_argument(Call& c, uint64_t value) {
    StructId id = StructId::opaque;
    bool output = true;
    switch (static_cast<uint32_t>(c.reg(1))) {
    case TIOCSWINSZ: output = false; [[fallthrough]];
    case TIOCGWINSZ: id = StructId::winsize; break;
    case FIONBIO:
    case FIOASYNC:
    case TIOCSPGRP: output = false; [[fallthrough]];
    case FIONREAD:
    case TIOCOUTQ:
    case TIOCGPGRP:
    case TIOCGSID: id = StructId::int32; break;
    default: break;
    }
    if (id == StructId::opaque || (output && (!c.exiting || c.failed()))) c.out.hex(value);
    else put_structure(c.out, id, value, c.memory);
}

void put_fcntl_argument(Call& c, uint64_t value) {
    switch (c.reg32(1)) {
    case F_SETFD: put_flags(c.out, NameTable::fd_flags, value); break;
    case F_SETFL: put_flags(c.out, NameTable::open_flags, static_cast<uint32_t>(value)); break;
    case F_GETLK:
    case F_SETLK:
    case F_SETLKW:
    case F_OFD_GETLK:
    case F_OFD_SETLK:
    case F_OFD_SETLKW: put_structure(c.out, StructId::flock, value, c.memory); break;
    case F_SETSIG: put_signal(c.out, static_cast<int32_t>(value)); break;
    default: c.out.decimal(static_cast<int32_t>(value)); break;
    }
}

void put_option_name(Call& c, uint64_t value) {
    NameTable t = NameTable::none;
    switch (c.reg32(1)) {
    case SOL_SOCKET: t = NameTable::so_names; break;
    case SOL_IP: t = NameTable::ip_names; break;
    case SOL_IPV6: t = NameTable::ipv6_names; break;
    case SOL_TCP: t = NameTable::tcp_names; break;
    case SOL_UDP: t = NameTable::udp_names; break;
    default: break;
    }
    if (t == NameTable::none) c.out.hex(static_cast<uint32_t>(value));
    else put_enum(c.out, t, static_cast<uint32_t>(value));
}

void put_option_value(Call& c, uint64_t address, uint64_t length) {
    if (length == 4) {
        put_structure(c.out, StructId::int32, address, c.memory);
    } else if (length == sizeof(Timeval) && c.reg32(1) == SOL_SOCKET &&
               (c.reg32(2) == SO_RCVTIMEO || c.reg32(2) == SO_SNDTIMEO)) {
        put_structure(c.out, StructId::timeval, address, c.memory);
    } else if (length == sizeof(Linger) && c.reg32(1) == SOL_SOCKET && c.reg32(2) == SO_LINGER) {
        Linger l;
        if (!address || !c.memory.read(address, &l, sizeof l)) {
            c.out.address(address);
            return;
        }
        c.out.put("{l_onoff=");
        c.out.decimal(l.onoff);
        c.out.put(", l_linger=");
        c.out.decimal(l.linger);
        c.out.put('}');
    } else {
        put_data(c, address, length);
    }
}

void put_futex_op(TraceText& out, uint32_t op) {
    uint32_t command = op & 0x7f;
    bool is_private = op & 128, realtime = op & 256;
    const char* name = value_name(NameTable::futex_op, command);
    if (!name || (op & ~0x1ffu)) {
        out.hex(op);
        out.put(" /* FUTEX_??\?? */");
        return;
    }
    out.put(name);
    if (is_private) out.put("_PRIVATE");
    if (realtime) out.put("|FUTEX_CLOCK_REALTIME");
}

unsigned futex_argument_count(uint32_t op) {
    switch (op & 0x7f) {
    case FUTEX_WAKE: return 3;
    case FUTEX_WAIT:
    case FUTEX_LOCK_PI: return 4;
    case FUTEX_TRYLOCK_PI:
    case FUTEX_UNLOCK_PI: return 2;
    case FUTEX_REQUEUE: return 5;
    default: return 6;
    }
}

/// How many arguments are shown: some depend on others.
unsigned shown_arguments(const SyscallInfo& info, const uint64_t (&regs)[6]) {
    uint64_t flags;
    switch (info.number) {
    case number::open: flags = regs[1]; break;
    case number::openat: flags = regs[2]; break;
    case number::mq_open: return regs[1] & O_CREAT ? 4 : 2;
    case number::futex: return futex_argument_count(static_cast<uint32_t>(regs[1]));
    case number::fcntl:
        switch (static_cast<int32_t>(regs[1])) {
        case F_GETFD:
        case F_GETFL:
        case F_GETOWN:
        case F_GETSIG:
        case F_GETLEASE:
        case F_GETPIPE_SZ:
        case F_GET_SEALS: return 2;
        default: return 3;
        }
    default: return info.argument_count;
    }
    bool with_mode = (flags & O_CREAT) || (flags & O_TMPFILE) == static_cast<uint64_t>(O_TMPFILE);
    return with_mode ? info.argument_count : info.argument_count - 1u;
}

/// A pointer to a length that the kernel updates: [16] or [128 => 16].
void put_length_pointer(Call& c, unsigned i, uint64_t address) {
    int32_t now;
    if (!address || !c.memory.read(address, &now, sizeof now)) {
        c.out.address(address);
        return;
    }
    c.out.put('[');
    int32_t before = c.state ? c.state->length_before[i] : now;
    if (before != now && before != -1) {
        c.out.decimal(before);
        c.out.put(" => ");
    }
    c.out.decimal(now);
    c.out.put(']');
}

void put_argument(Call& c, unsigned i) {
    const ArgSpec a = c.info.arguments[i];
    const uint64_t v = c.regs[i];
    TraceText& out = c.out;
    const bool hide = a.direction != Direction::in && filled_by_kernel(a) && (!c.exiting || c.failed());
    switch (a.kind) {
    case ArgKind::none: break;
    case ArgKind::fd:
    case ArgKind::int_dec: out.decimal(static_cast<int32_t>(v)); break;
    case ArgKind::dirfd:
        if (static_cast<int32_t>(v) == AT_FDCWD) out.put("AT_FDCWD");
        else out.decimal(static_cast<int32_t>(v));
        break;
    case ArgKind::uint_dec: out.unsigned_decimal(static_cast<uint32_t>(v)); break;
    case ArgKind::long_dec:
        if (c.is(number::mmap)) out.hex(v);
        else out.decimal(static_cast<int64_t>(v));
        break;
    case ArgKind::ulong_dec: out.unsigned_decimal(v); break;
    case ArgKind::ulong_hex: out.hex(v); break;
    case ArgKind::address:
        if (c.is(number::getdents) || c.is(number::getdents64)) out.address(v);
        else out.address(v);
        break;
    case ArgKind::mode: out.octal(static_cast<uint16_t>(v)); break;
    case ArgKind::file_mode:
        if (const char* type = value_name(NameTable::file_type, v & S_IFMT)) {
            out.put(type);
            out.put('|');
        }
        out.octal(v & 07777);
        break;
    case ArgKind::device:
        out.put("makedev(");
        out.hex(dev_major(static_cast<uint32_t>(v)));
        out.put(", ");
        out.hex(dev_minor(static_cast<uint32_t>(v)));
        out.put(')');
        break;
    case ArgKind::id:
        if (static_cast<uint32_t>(v) == ~uint32_t(0)) out.put("-1");
        else out.unsigned_decimal(static_cast<uint32_t>(v));
        break;
    case ArgKind::signal: put_signal(out, static_cast<int32_t>(v)); break;
    case ArgKind::path: put_user_string(out, v, 4095, c.memory); break;
    case ArgKind::string: put_user_string(out, v, c.memory.string_limit, c.memory); break;
    case ArgKind::strings: put_strings(c, v, i == 2 || i == 3); break;
    case ArgKind::bytes: {
        if (hide) {
            out.address(v);
            break;
        }
        uint64_t length = c.reg(a.aux);
        if (a.direction != Direction::in && c.result.raw() >= 0 &&
            static_cast<uint64_t>(c.result.raw()) < length)
            length = static_cast<uint64_t>(c.result.raw());
        if (c.is(number::getcwd) && length) --length; // the result counts the NUL
        put_data(c, v, length);
        break;
    }
    case ArgKind::flags: put_flags(out, static_cast<NameTable>(a.aux), static_cast<uint32_t>(v)); break;
    case ArgKind::enumerated:
        if (static_cast<NameTable>(a.aux) == NameTable::sock_type) {
            put_enum(out, NameTable::sock_type, v & 0xf);
            if (v & static_cast<uint64_t>(SOCK_CLOEXEC)) out.put("|SOCK_CLOEXEC");
            if (v & static_cast<uint64_t>(SOCK_NONBLOCK)) out.put("|SOCK_NONBLOCK");
        } else if (static_cast<NameTable>(a.aux) == NameTable::sched_policy) {
            put_enum(out, NameTable::sched_policy, v & 0xf);
            if (v & static_cast<uint64_t>(SCHED_RESET_ON_FORK)) out.put("|SCHED_RESET_ON_FORK");
        } else {
            put_enum(out, static_cast<NameTable>(a.aux), static_cast<uint32_t>(v));
        }
        break;
    case ArgKind::structure: {
        StructId id = static_cast<StructId>(a.aux);
        bool is_sleep = c.is(number::nanosleep) || c.is(number::clock_nanosleep);
        if (is_sleep && a.direction == Direction::out && !(c.exiting && c.result.raw() == -4)) {
            out.address(v); // the rest is there only after EINTR
        } else if (a.direction == Direction::in_out && id == StructId::int32 && !hide) {
            put_length_pointer(c, i, v);
        } else if (a.direction == Direction::in || !hide || is_sleep) {
            put_structure(out, id, v, c.memory);
        } else {
            out.address(v);
        }
        break;
    }
    case ArgKind::iovecs:
        if (a.direction == Direction::in) {
            put_iovecs(c, v, c.reg(a.aux), true, ~uint64_t(0));
        } else {
            put_iovecs(c, v, c.reg(a.aux), !hide, c.result.raw() > 0 ? static_cast<uint64_t>(c.result.raw()) : 0);
        }
        break;
    case ArgKind::pollfds: put_pollfds(c, v, c.reg(a.aux), false); break;
    case ArgKind::epoll_events:
        if (hide) out.address(v);
        else put_epoll_events(c, v, c.result.raw());
        break;
    case ArgKind::sockaddr:
        if (a.direction == Direction::in) {
            put_socket_address(out, v, c.reg32(a.aux), c.memory);
        } else if (hide) {
            out.address(v);
        } else {
            int32_t length = 0;
            if (v && c.reg(a.aux)) c.memory.read(c.reg(a.aux), &length, sizeof length);
            put_socket_address(out, v, length, c.memory);
        }
        break;
    case ArgKind::fd_set: put_bit_set(c, v, static_cast<uint64_t>(c.reg32(a.aux) < 0 ? 0 : c.reg32(a.aux))); break;
    case ArgKind::cpu_set: {
        if (hide) {
            out.address(v);
            break;
        }
        uint64_t size = c.reg(a.aux);
        if (a.direction != Direction::in && c.result.raw() >= 0 && static_cast<uint64_t>(c.result.raw()) < size)
            size = static_cast<uint64_t>(c.result.raw());
        put_bit_set(c, v, size > 1024 ? 8192 : size * 8);
        break;
    }
    case ArgKind::ioctl_arg: put_ioctl_argument(c, v); break;
    case ArgKind::fcntl_arg: put_fcntl_argument(c, v); break;
    case ArgKind::prctl_arg:
        if (c.reg32(0) == PR_SET_NAME && i == 1) put_user_string(out, v, 15, c.memory);
        else if (c.reg32(0) == PR_SET_PDEATHSIG && i == 1) put_signal(out, static_cast<int32_t>(v));
        else out.hex(v);
        break;
    case ArgKind::optname: put_option_name(c, v); break;
    case ArgKind::optval:
        if (a.direction == Direction::in) {
            put_option_value(c, v, static_cast<uint32_t>(c.reg(a.aux)));
        } else if (hide) {
            out.address(v);
        } else {
            int32_t length = 0;
            if (c.reg(a.aux)) c.memory.read(c.reg(a.aux), &length, sizeof length);
            put_option_value(c, v, static_cast<uint32_t>(length));
        }
        break;
    case ArgKind::clone_flags: {
        uint64_t flags = static_cast<uint32_t>(v) & ~uint32_t(CSIGNAL);
        if (flags) put_flags(out, NameTable::clone_flags, flags);
        if (v & static_cast<uint64_t>(CSIGNAL)) {
            if (flags) out.put('|');
            put_signal(out, static_cast<int64_t>(v & static_cast<uint64_t>(CSIGNAL)));
        } else if (!flags) {
            out.put('0');
        }
        break;
    }
    case ArgKind::wait_status: {
        uint32_t status;
        if (hide || c.result.raw() == 0 || !v || !c.memory.read(v, &status, sizeof status)) {
            out.address(v);
        } else {
            out.put('[');
            put_wait_status(out, status);
            out.put(']');
        }
        break;
    }
    case ArgKind::futex_op: put_futex_op(out, static_cast<uint32_t>(v)); break;
    case ArgKind::timespec_or_value:
        switch (c.reg32(1) & 0x7f) {
        case FUTEX_REQUEUE:
        case FUTEX_CMP_REQUEUE:
        case FUTEX_WAKE_OP:
        case FUTEX_CMP_REQUEUE_PI: out.unsigned_decimal(static_cast<uint32_t>(v)); break;
        case FUTEX_WAKE_BITSET: out.address(v); break;
        default: put_structure(out, StructId::timespec, v, c.memory); break;
        }
        break;
    case ArgKind::int_array: out.address(v); break;
    case ArgKind::ipc_key:
    case ArgKind::ipc_flags:
    case ArgKind::sembufs:
    case ArgKind::message:
    case ArgKind::shm_buffer:
    case ArgKind::msg_buffer:
    case ArgKind::sem_argument: {
        const bool control = a.kind == ArgKind::shm_buffer || a.kind == ArgKind::msg_buffer || a.kind == ArgKind::sem_argument;
        const uint64_t other = c.reg(control ? i - 1 : a.aux);
        put_ipc_argument(out, {a.kind, a.direction, static_cast<NameTable>(a.aux), v, other, c.exiting && !c.failed(), c.result.raw()}, c.memory);
        break;
    }
    }
}

/// `clone` in strace's order: stack first, then flags, then what the flags make of the rest.
void put_clone(Call& c) {
    c.out.put("child_stack=");
    c.out.address(c.regs[1]);
    c.out.put(", flags=");
    put_argument(c, 0);
    uint64_t flags = c.regs[0];
    if (flags & CLONE_PARENT_SETTID) {
        c.out.put(", parent_tid=");
        c.out.address(c.regs[2]);
    }
    if (flags & CLONE_SETTLS) {
        c.out.put(", tls=");
        c.out.hex(c.regs[4]);
    }
    if (flags & (CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID)) {
        c.out.put(", child_tidptr=");
        c.out.address(c.regs[3]);
    }
}

void put_arguments(Call& c, unsigned from, unsigned to) {
    for (unsigned i = from; i < to; ++i) {
        if (i) c.out.put(", ");
        put_argument(c, i);
    }
}

const char* restart_text(Restart r) {
    switch (r) {
    case Restart::sys: return "ERESTARTSYS (To be restarted if SA_RESTART is set)";
    case Restart::no_intr: return "ERESTARTNOINTR (To be restarted)";
    case Restart::no_hand: return "ERESTARTNOHAND (To be restarted if no handler)";
    case Restart::restart_block: return "ERESTART_RESTARTBLOCK (Interrupted by signal)";
    }
    return "ERESTART";
}

void put_result(Call& c) {
    TraceText& out = c.out;
    const int64_t r = c.result.raw();
    if (c.result.is_no_return()) {
        // execve and rt_sigreturn end well; exit never returns.
        if (c.is(number::execve) || c.is(number::execveat)) out.put('0');
        else out.put('?');
        return;
    }
    if (c.result.is_restart()) {
        out.put("? ");
        out.put(restart_text(c.result.restart()));
        return;
    }
    if (c.result.is_error()) {
        out.put("-1 ");
        const char* name = errno_name(c.result.error());
        if (!name) {
            out.decimal(-r);
            return;
        }
        out.put(name);
        out.put(" (");
        out.put(errno_text(c.result.error()));
        out.put(')');
        return;
    }
    switch (c.info.result) {
    case ResultKind::decimal:
        if (c.is(number::fcntl) && (c.reg32(1) == F_GETFL || c.reg32(1) == F_GETFD)) {
            out.hex(static_cast<uint64_t>(r));
            if (r || c.reg32(1) == F_GETFL) {
                out.put(" (flags ");
                put_flags(out, c.reg32(1) == F_GETFL ? NameTable::open_flags : NameTable::fd_flags,
                          static_cast<uint64_t>(r));
                out.put(')');
            }
        } else {
            out.decimal(r);
        }
        break;
    case ResultKind::address:
        out.hex(static_cast<uint64_t>(r));
        break;
    case ResultKind::hexadecimal: out.hex(static_cast<uint64_t>(r)); break;
    case ResultKind::octal: out.octal(static_cast<uint64_t>(r)); break;
    case ResultKind::no_return: out.put('?'); break;
    }
    if (c.is(number::poll) || c.is(number::ppoll)) {
        if (r == 0) out.put(" (Timeout)");
        else {
            out.put(" (");
            put_pollfds(c, c.regs[0], c.reg(1), true);
            out.put(')');
        }
    } else if (c.is(number::select) || c.is(number::pselect6)) {
        if (r == 0) {
            out.put(" (Timeout)");
        } else {
            static constexpr const char* names[] = {"in ", "out ", "except "};
            const char* separator = " (";
            for (unsigned i = 1; i <= 3; ++i) {
                if (!c.regs[i]) continue;
                out.put(separator);
                separator = ", ";
                out.put(names[i - 1]);
                put_bit_set(c, c.regs[i], static_cast<uint64_t>(c.reg32(0)));
            }
            out.put(')');
        }
    }
}

void put_unknown_name(TraceText& out, uint64_t number) {
    out.put("syscall_");
    out.hex(number);
}

} // namespace

TraceState format_call_entry(TraceText& out, uint64_t number, const uint64_t (&regs)[6], MemoryReader& memory) {
    TraceState state;
    const SyscallInfo* info = syscall_info(number);
    if (!info) {
        put_unknown_name(out, number);
        out.put('(');
        for (int i = 0; i < 6; ++i) {
            if (i) out.put(", ");
            out.hex(regs[i]);
        }
        return state;
    }
    out.put(info->name);
    out.put('(');
    Call c{out, *info, regs, memory};
    if (info->number == number::clone) {
        put_clone(c);
        state.next_argument = info->argument_count;
        return state;
    }
    unsigned shown = shown_arguments(*info, regs);
    unsigned stop = 0;
    while (stop < shown && !filled_by_kernel(info->arguments[stop])) ++stop;
    // ioctl and fcntl may fill in their last argument.
    if (stop == shown && shown && info->arguments[shown - 1].kind == ArgKind::ioctl_arg) --stop;
    for (unsigned i = stop; i < shown; ++i) {
        const ArgSpec& a = info->arguments[i];
        state.length_before[i] = -1;
        if (a.direction == Direction::in_out && a.kind == ArgKind::structure &&
            static_cast<StructId>(a.aux) == StructId::int32 && regs[i])
            if (!memory.read(regs[i], &state.length_before[i], sizeof(int32_t))) state.length_before[i] = -1;
    }
    put_arguments(c, 0, stop);
    state.next_argument = stop;
    return state;
}

void format_call_exit(TraceText& out, uint64_t number, const uint64_t (&regs)[6], Outcome result,
                      const TraceState& state, MemoryReader& memory) {
    static constexpr SyscallInfo unknown{};
    const SyscallInfo* info = syscall_info(number);
    Call c{out, info ? *info : unknown, regs, memory, &state, true, result};
    if (info) put_arguments(c, state.next_argument, info->number == number::clone ? 0 : shown_arguments(*info, regs));
    out.put(") = ");
    put_result(c);
}

void format_signal(TraceText& out, const Siginfo& info) {
    out.put("--- ");
    put_signal(out, info.signo);
    out.put(" {si_signo=");
    put_signal(out, info.signo);
    out.put(", si_code=");
    const char* code = nullptr;
    switch (info.code) {
    case SI_USER: code = "SI_USER"; break;
    case SI_KERNEL: code = "SI_KERNEL"; break;
    case SI_QUEUE: code = "SI_QUEUE"; break;
    case SI_TIMER: code = "SI_TIMER"; break;
    case SI_TKILL: code = "SI_TKILL"; break;
    case SI_MESGQ: code = "SI_MESGQ"; break;
    default: break;
    }
    bool fault = info.code > 0 && info.code < 0x80 &&
                 (info.signo == SIGSEGV || info.signo == SIGBUS || info.signo == SIGILL || info.signo == SIGFPE ||
                  info.signo == SIGTRAP);
    bool child = info.signo == SIGCHLD && info.code > 0 && info.code < 0x80;
    if (fault) {
        if (info.signo == SIGSEGV) code = info.code == SEGV_MAPERR ? "SEGV_MAPERR" : info.code == SEGV_ACCERR ? "SEGV_ACCERR" : nullptr;
        if (info.signo == SIGBUS) code = info.code == BUS_ADRALN ? "BUS_ADRALN" : info.code == BUS_ADRERR ? "BUS_ADRERR" : nullptr;
        if (info.signo == SIGILL && info.code == ILL_ILLOPN) code = "ILL_ILLOPN";
        if (info.signo == SIGFPE && info.code == FPE_INTDIV) code = "FPE_INTDIV";
        if (info.signo == SIGTRAP && info.code == TRAP_BRKPT) code = "TRAP_BRKPT";
    }
    if (child) {
        static constexpr const char* child_codes[] = {"", "CLD_EXITED", "CLD_KILLED", "CLD_DUMPED", "CLD_TRAPPED",
                                                      "CLD_STOPPED", "CLD_CONTINUED"};
        if (info.code <= 6) code = child_codes[info.code];
    }
    if (code) out.put(code);
    else out.decimal(info.code);
    if (fault) {
        out.put(", si_addr=");
        out.address(info.fault.addr);
    } else if (child) {
        out.put(", si_pid=");
        out.decimal(info.chld.pid);
        out.put(", si_uid=");
        out.unsigned_decimal(info.chld.uid);
        out.put(", si_status=");
        if (info.code == CLD_EXITED) out.decimal(info.chld.status);
        else put_signal(out, info.chld.status);
        out.put(", si_utime=");
        out.decimal(info.chld.utime);
        out.put(", si_stime=");
        out.decimal(info.chld.stime);
    } else if (info.code == SI_TIMER) {
        out.put(", si_timerid=");
        out.hex(static_cast<uint32_t>(info.timer.tid));
        out.put(", si_overrun=");
        out.decimal(info.timer.overrun);
        if (info.timer.value) {
            out.put(", si_int=");
            out.decimal(static_cast<int32_t>(info.timer.value));
            out.put(", si_ptr=");
            out.address(info.timer.value);
        }
    } else if (info.code <= 0) {
        out.put(", si_pid=");
        out.decimal(info.kill.pid);
        out.put(", si_uid=");
        out.unsigned_decimal(info.kill.uid);
        if ((info.code == SI_QUEUE || info.code == SI_MESGQ) && info.kill.value) {
            out.put(", si_int=");
            out.decimal(static_cast<int32_t>(info.kill.value));
            out.put(", si_ptr=");
            out.address(info.kill.value);
        }
    }
    out.put("} ---");
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

} // namespace linnet::abi
