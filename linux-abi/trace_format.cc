#include "linux-abi/trace_format.h"

#include "linux-abi/trace_call.h"
#include "linux-abi/trace_ipc.h"

namespace linnet::abi {
namespace {

/// The time-out of these is printed as it was before the call, what is left of it with the result.
bool timeout_is_input(const SyscallInfo& info, unsigned i) {
    switch (info.number) {
    case number::select:
    case number::pselect6: return i == 4;
    case number::ppoll: return i == 2;
    case number::recvmmsg: return i == 4;
    default: return false;
    }
}

/// The kernel fills it in: printed after the call. pollfd and fd_set arrays are printed before it, with their
/// results at the end of the line.
bool filled_by_kernel(const SyscallInfo& info, unsigned i, const uint64_t (&regs)[6]) {
    const ArgSpec& a = info.arguments[i];
    switch (info.number) {
    case number::ioctl: return i == 2;
    case number::fcntl: return i == 2;
    case number::prctl: return i == 1 && prctl_is_output(regs[0]);
    case number::arch_prctl: return i == 1;
    case number::getdents:
    case number::getdents64:
    case number::getgroups: return i == 1;
    case number::mincore: return i == 2;
    case number::set_tid_address: return false;
    case number::clone3: return i == 1; // what the kernel has told stands before it
    case number::capget: return i == 1;
    case number::capset: return false;
    case number::sendmmsg: return i == 1;
    case number::process_vm_readv: return i == 1;
    case number::copy_file_range: return false;
    default: break;
    }
    if (a.direction == Direction::in || timeout_is_input(info, i)) return false;
    switch (a.kind) {
    case ArgKind::pollfds:
    case ArgKind::fd_set:
    case ArgKind::address: return false;
    default: return true;
    }
}

constexpr unsigned all_of(unsigned count) { return (1u << count) - 1; }

/// Which arguments are shown, bit i for argument i: some depend on others.
unsigned shown_arguments(const SyscallInfo& info, const uint64_t (&regs)[6]) {
    const unsigned all = all_of(info.argument_count);
    uint64_t flags;
    switch (info.number) {
    case number::open: flags = regs[1]; break;
    case number::openat: flags = regs[2]; break;
    case number::mq_open: return regs[1] & O_CREAT ? all : all_of(2);
    case number::futex: return futex_arguments(static_cast<uint32_t>(regs[1]));
    case number::prctl: return all_of(prctl_argument_count(regs));
    case number::ioctl: return ioctl_has_argument(static_cast<uint32_t>(regs[1])) ? all : all_of(2);
    case number::mknod: return (regs[1] & S_IFMT) == S_IFCHR || (regs[1] & S_IFMT) == S_IFBLK ? all : all_of(2);
    case number::mknodat: return (regs[2] & S_IFMT) == S_IFCHR || (regs[2] & S_IFMT) == S_IFBLK ? all : all_of(3);
    case number::mremap: return regs[3] & (MREMAP_FIXED | MREMAP_DONTUNMAP) ? all : all_of(4);
    case number::preadv:
    case number::pwritev: return all_of(4);
    case number::preadv2:
    case number::pwritev2: return 0b101111;
    case number::membarrier: return all_of(2);
    case number::kcmp: return static_cast<uint32_t>(regs[2]) - 1 < 6 ? all_of(3) : all;
    case number::arch_prctl: return static_cast<int32_t>(regs[0]) == ARCH_GET_CPUID ? all_of(1) : all;
    case number::reboot: return static_cast<uint32_t>(regs[2]) == LINUX_REBOOT_CMD_RESTART2 ? all : all_of(3);
    case number::clone: return 0;
    case number::rt_sigreturn: return 0;
    case number::fcntl:
        switch (static_cast<int32_t>(regs[1])) {
        case F_GETFD:
        case F_GETFL:
        case F_GETOWN:
        case F_GETSIG:
        case F_GETLEASE:
        case F_GETPIPE_SZ:
        case F_GET_SEALS: return all_of(2);
        default: return all;
        }
    default: return all;
    }
    bool with_mode = (flags & O_CREAT) || (flags & O_TMPFILE) == static_cast<uint64_t>(O_TMPFILE);
    return with_mode ? all : all_of(info.argument_count - 1u);
}

/// A pointer to a length that the kernel updates: [16] or [128 => 16].
void put_length_pointer(Call& c, unsigned i, uint64_t address) {
    int32_t now;
    if (!fetch(c.out, address, now, c.memory)) return;
    const int64_t before = c.state && c.state->readable >> i & 1 ? static_cast<int32_t>(c.state->before[i]) : now;
    c.out.put('[');
    if (before != now && c.filled()) {
        c.out.decimal(before);
        c.out.put(" => ");
    }
    c.out.decimal(c.filled() ? now : before);
    c.out.put(']');
}

/// An offset that the kernel moves: [0] or [0] => [5].
void put_offset_pointer(Call& c, unsigned i, uint64_t address) {
    int64_t now;
    if (!fetch(c.out, address, now, c.memory)) return;
    const bool known = c.state && c.state->readable >> i & 1;
    const int64_t before = known ? c.state->before[i] : now;
    c.out.put('[');
    c.out.decimal(before);
    c.out.put(']');
    if (!known || before == now) return;
    c.out.put(" => [");
    c.out.decimal(now);
    c.out.put(']');
}

void put_bytes(Call& c, unsigned i, const ArgSpec& a, bool hide) {
    const uint64_t v = c.regs[i];
    if (hide) return c.out.address(v);
    uint64_t length = c.reg(a.aux);
    if (a.direction != Direction::in && c.result.raw() >= 0 && static_cast<uint64_t>(c.result.raw()) < length)
        length = static_cast<uint64_t>(c.result.raw());
    if (c.is(number::getcwd) && length) --length; // the result counts the NUL
    put_data(c, v, length);
}

void put_enumerated(Call& c, NameTable table, uint64_t v) {
    TraceText& out = c.out;
    if (table == NameTable::sock_type) {
        put_enum(out, table, static_cast<uint32_t>(v) & ~static_cast<uint32_t>(SOCK_CLOEXEC | SOCK_NONBLOCK));
        if (v & static_cast<uint64_t>(SOCK_CLOEXEC)) out.put("|SOCK_CLOEXEC");
        if (v & static_cast<uint64_t>(SOCK_NONBLOCK)) out.put("|SOCK_NONBLOCK");
    } else {
        put_enum(out, table, static_cast<uint32_t>(v));
    }
}

void put_structure_argument(Call& c, unsigned i, const ArgSpec& a, bool hide) {
    const uint64_t v = c.regs[i];
    const StructId id = static_cast<StructId>(a.aux);
    if (timeout_is_input(c.info, i)) {
        if (!c.exiting || !c.state || !(c.state->readable >> i & 1)) return put_structure(c.out, id, v, c.memory);
        return put_timespec_text(c.out, c.state->timeout);
    }
    if ((c.is(number::nanosleep) || c.is(number::clock_nanosleep)) && a.direction == Direction::out) {
        // What is left is there only when a signal came.
        const bool interrupted = c.exiting && (c.result.raw() == -static_cast<int64_t>(EINTR) || c.result.is_restart());
        const bool absolute = c.is(number::clock_nanosleep) && (c.regs[1] & TIMER_ABSTIME);
        if (interrupted && !absolute) return put_structure(c.out, id, v, c.memory);
        return c.out.address(v);
    }
    if (a.direction == Direction::in_out && id == StructId::int32) return put_length_pointer(c, i, v);
    if (a.direction == Direction::in_out && id == StructId::int64) return put_offset_pointer(c, i, v);
    if (hide) return c.out.address(v);
    put_structure(c.out, id, v, c.memory);
}

void put_argument(Call& c, unsigned i) {
    if (put_special_argument(c, i)) return;
    const ArgSpec a = c.info.arguments[i];
    const uint64_t v = c.regs[i];
    TraceText& out = c.out;
    const bool hide = filled_by_kernel(c.info, i, c.regs) && !c.filled();
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
    case ArgKind::int_array:
    case ArgKind::address: out.address(v); break;
    case ArgKind::mode: out.octal(static_cast<uint16_t>(v)); break;
    case ArgKind::file_mode: put_file_mode(out, static_cast<uint16_t>(v)); break;
    case ArgKind::device: put_device(out, static_cast<uint32_t>(v)); break;
    case ArgKind::id:
        if (static_cast<uint32_t>(v) == ~uint32_t(0)) out.put("-1");
        else out.unsigned_decimal(static_cast<uint32_t>(v));
        break;
    case ArgKind::signal: put_signal(out, static_cast<int32_t>(v)); break;
    case ArgKind::path: put_user_string(out, v, 4095, c.memory); break;
    case ArgKind::string: put_user_string(out, v, c.memory.string_limit, c.memory); break;
    case ArgKind::strings: put_strings(c, v, i == (c.is(number::execveat) ? 3 : 2)); break;
    case ArgKind::bytes: put_bytes(c, i, a, hide); break;
    case ArgKind::flags: put_flags(out, static_cast<NameTable>(a.aux), static_cast<uint32_t>(v)); break;
    case ArgKind::enumerated: put_enumerated(c, static_cast<NameTable>(a.aux), v); break;
    case ArgKind::structure: put_structure_argument(c, i, a, hide); break;
    case ArgKind::iovecs:
        if (a.direction == Direction::in) put_iovecs(out, v, c.reg(a.aux), true, ~uint64_t(0), c.memory);
        else put_iovecs(out, v, c.reg(a.aux), !hide, c.result.raw() > 0 ? static_cast<uint64_t>(c.result.raw()) : 0, c.memory);
        break;
    case ArgKind::pollfds: put_pollfds(c, v, c.ureg32(a.aux), false); break;
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
            const int64_t room = c.state && c.state->readable >> a.aux & 1 ? static_cast<int32_t>(c.state->before[a.aux]) : length;
            put_socket_address(out, v, room < length ? room : length, c.memory);
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
    case ArgKind::prctl_arg: put_prctl_argument(c, i); break;
    case ArgKind::optname: put_option_name(c, v); break;
    case ArgKind::optval:
        if (a.direction == Direction::in) {
            put_option_value(c, v, c.ureg32(a.aux));
        } else if (hide) {
            out.address(v);
        } else {
            int32_t length = 0;
            if (c.reg(a.aux)) c.memory.read(c.reg(a.aux), &length, sizeof length);
            put_option_value(c, v, static_cast<uint32_t>(length));
        }
        break;
    case ArgKind::clone_flags: break; // put_clone
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
    case ArgKind::timespec_or_value: put_futex_argument(c, i); break;
    case ArgKind::ipc_key:
    case ArgKind::ipc_flags:
    case ArgKind::sembufs:
    case ArgKind::message:
    case ArgKind::shm_buffer:
    case ArgKind::msg_buffer:
    case ArgKind::sem_argument: {
        const bool control = a.kind == ArgKind::shm_buffer || a.kind == ArgKind::msg_buffer || a.kind == ArgKind::sem_argument;
        const uint64_t other = c.reg(control ? i - 1 : a.aux);
        put_ipc_argument(out, {a.kind, a.direction, static_cast<NameTable>(a.aux), v, other, c.filled(), c.result.raw()}, c.memory);
        break;
    }
    }
}

void put_arguments(Call& c, unsigned from, unsigned to, unsigned shown) {
    for (unsigned i = from; i < to; ++i) {
        if (!(shown >> i & 1)) continue;
        if (i) c.out.put(", ");
        put_argument(c, i);
    }
}

/// What the exit part needs to know of memory that the call changes.
void remember(TraceState& state, const SyscallInfo& info, const uint64_t (&regs)[6], MemoryReader& memory) {
    for (unsigned i = 0; i < info.argument_count; ++i) {
        const ArgSpec& a = info.arguments[i];
        if (!regs[i] || a.direction != Direction::in_out || a.kind != ArgKind::structure) continue;
        bool known = false;
        switch (static_cast<StructId>(a.aux)) {
        case StructId::int32: {
            int32_t v;
            known = memory.read(regs[i], &v, sizeof v);
            if (known) state.before[i] = v;
            break;
        }
        case StructId::int64: known = memory.read(regs[i], &state.before[i], sizeof state.before[i]); break;
        case StructId::msghdr: {
            MsgHdr m;
            known = memory.read(regs[i], &m, sizeof m);
            if (known) state.before[i] = m.namelen;
            break;
        }
        case StructId::timespec: known = info.number == number::recvmmsg && memory.read(regs[i], &state.timeout, sizeof state.timeout); break;
        default: break;
        }
        if (known) state.readable |= static_cast<uint8_t>(1u << i);
    }
}

} // namespace

TraceState format_call_entry(TraceText& out, uint64_t number, const uint64_t (&regs)[6], MemoryReader& memory) {
    TraceState state;
    const SyscallInfo* info = syscall_info(number);
    if (!info) {
        out.put("syscall_");
        out.hex(number);
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
    if (info->number == number::rt_sigreturn) {
        uint64_t set;
        const uint64_t at = memory.signal_frame_mask();
        if (at && memory.read(at, &set, sizeof set)) {
            out.put("{mask=");
            put_signal_set(out, set);
            out.put('}');
        }
        return state;
    }
    const unsigned shown = shown_arguments(*info, regs);
    unsigned stop = 0;
    while (stop < info->argument_count && !filled_by_kernel(*info, stop, regs)) ++stop;
    remember(state, *info, regs, memory);
    put_arguments(c, 0, stop, shown);
    // Nothing left: the line is whole but for the result.
    state.next_argument = shown >> stop ? stop : info->argument_count;
    return state;
}

void format_call_exit(TraceText& out, uint64_t number, const uint64_t (&regs)[6], Outcome result,
                      const TraceState& state, MemoryReader& memory) {
    static constexpr SyscallInfo unknown{};
    const SyscallInfo* info = syscall_info(number);
    Call c{out, info ? *info : unknown, regs, memory, &state, true, result};
    if (info && info->number == number::clone) put_clone_result(c);
    else if (info) {
        if (info->number == number::clone3) put_clone_args_result(c);
        put_arguments(c, state.next_argument, info->argument_count, shown_arguments(*info, regs));
    }
    out.put(") = ");
    put_result(c);
}

} // namespace linnet::abi
