#include "linux-abi/gap.h"

#include "linux-abi/trace_names.h"

namespace linnet::abi {
namespace {

constexpr const char* kind_names[gap_kind_count] = {"syscall", "flag",    "value",  "ioctl",   "fcntl", "prctl",
                                                    "sockopt", "socket", "netlink", "filesystem", "file"};

/// The table of an argument's names; for structures, that of the field that can be a gap.
NameTable names_of(const SyscallInfo& call, uint64_t argument) {
    if (argument >= call.argument_count) return NameTable::none;
    const ArgSpec& a = call.arguments[argument];
    switch (a.kind) {
    case ArgKind::flags:
    case ArgKind::ipc_flags:
    case ArgKind::clone_flags:
    case ArgKind::enumerated:
    case ArgKind::futex_op: return static_cast<NameTable>(a.aux);
    default: break;
    }
    if (call.number == number::clone3) return NameTable::clone_flags;
    if (call.number == number::fcntl && argument == 2) return NameTable::open_flags; // F_SETFL's
    if (call.number == number::sched_setattr) return NameTable::sched_policy;
    return NameTable::none;
}

void put_value(TraceText& out, NameTable table, uint64_t value, bool in_hex) {
    if (const char* name = value_name(table, value)) out.put(name);
    else if (in_hex) out.hex(value);
    else out.decimal(static_cast<int64_t>(value));
}

NameTable option_names(uint64_t level) {
    switch (level) {
    case SOL_SOCKET: return NameTable::so_names;
    case SOL_IP: return NameTable::ip_names;
    case SOL_IPV6: return NameTable::ipv6_names;
    case SOL_TCP: return NameTable::tcp_names;
    case SOL_UDP: return NameTable::udp_names;
    default: return NameTable::none;
    }
}

void put_call(TraceText& out, uint64_t number) {
    if (const SyscallInfo* call = syscall_info(number)) return out.put(call->name);
    out.put("syscall_0x");
    out.hex_digits(number, 1);
}

void put_argument(TraceText& out, uint64_t number, uint64_t argument, const char* name) {
    put_call(out, number);
    out.put('.');
    if (name) out.put(name);
    else out.unsigned_decimal(argument);
    out.put('=');
}

} // namespace

const char* gap_kind_name(GapKind kind) {
    const auto i = static_cast<unsigned>(kind);
    return i < gap_kind_count ? kind_names[i] : "?";
}

bool parse_gap_kind(std::string_view name, GapKind& kind) {
    for (unsigned i = 0; i < gap_kind_count; ++i) {
        if (name != kind_names[i]) continue;
        kind = static_cast<GapKind>(i);
        return true;
    }
    return false;
}

const SyscallInfo* gap_call(GapKind kind, uint64_t a) {
    switch (kind) {
    case GapKind::Call:
    case GapKind::Flag:
    case GapKind::Value: return syscall_info(a);
    case GapKind::Ioctl: return syscall_info(number::ioctl);
    case GapKind::Fcntl: return syscall_info(number::fcntl);
    case GapKind::Prctl: return syscall_info(number::prctl);
    case GapKind::Sockopt: return syscall_info(number::setsockopt);
    case GapKind::Socket: return syscall_info(number::socket);
    case GapKind::Netlink: return syscall_info(number::sendmsg);
    case GapKind::Filesystem: return syscall_info(number::mount);
    case GapKind::File: break;
    }
    return nullptr;
}

void put_gap_name(TraceText& out, GapKind kind, uint64_t a, uint64_t b, uint64_t c, std::string_view text, const char* argument) {
    switch (kind) {
    case GapKind::Call: return put_call(out, a);
    case GapKind::Flag:
    case GapKind::Value: {
        put_argument(out, a, b, argument);
        const SyscallInfo* call = syscall_info(a);
        const NameTable table = call ? names_of(*call, b) : NameTable::none;
        if (kind == GapKind::Value) return put_value(out, table, c, false);
        // Single bits by name, the rest as a number: no text of another zero, no type of a mapping.
        bool any = false;
        for (const ValueName& n : name_list(table).names) {
            if (!n.value || (c & n.value) != n.value) continue;
            if (any) out.put('|');
            out.put(n.name);
            any = true;
            c &= ~n.value;
        }
        if (any && !c) return;
        if (any) out.put('|');
        return out.hex(c);
    }
    case GapKind::Ioctl: return put_value(out, NameTable::ioctl_cmd, a, true);
    case GapKind::Fcntl: return put_value(out, NameTable::fcntl_cmd, a, false);
    case GapKind::Prctl: return put_value(out, NameTable::prctl_op, a, false);
    case GapKind::Sockopt:
        put_value(out, NameTable::sock_level, a, false);
        out.put('.');
        return put_value(out, option_names(a), b, false);
    case GapKind::Socket:
        put_value(out, NameTable::sock_family, a, false);
        out.put('.');
        put_value(out, NameTable::sock_type, b, false);
        out.put('.');
        return out.decimal(static_cast<int64_t>(c));
    case GapKind::Netlink:
        out.decimal(static_cast<int64_t>(a));
        out.put('.');
        return out.decimal(static_cast<int64_t>(b));
    case GapKind::Filesystem:
    case GapKind::File: return out.put(text);
    }
    out.put('?');
}

bool follows_call(const uint8_t (&before)[7]) {
    if (before[2] == 0xe8) return true; // call rel32
    // call r/m64: FF /2 with its ModRM, SIB and displacement. Intel SDM volume 2, 2.1.3.
    for (unsigned length = 2; length <= 7; ++length) {
        const uint8_t* at = before + 7 - length;
        if (at[0] != 0xff || (at[1] >> 3 & 7) != 2) continue;
        const unsigned mod = at[1] >> 6, rm = at[1] & 7;
        unsigned needed = 2;
        if (mod != 3) {
            const bool sib = rm == 4;
            needed += sib;
            if (mod == 1) needed += 1;
            if (mod == 2 || (mod == 0 && (rm == 5 || (sib && length > 2 && (at[2] & 7) == 5)))) needed += 4;
        }
        if (needed == length) return true;
    }
    return false;
}

} // namespace linnet::abi
