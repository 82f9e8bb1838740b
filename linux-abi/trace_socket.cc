// Socket addresses and options in strace's format.
#include "linux-abi/netif.h"
#include "linux-abi/trace_call.h"
#include "linux-abi/trace_fields.h"

namespace linnet::abi {
namespace {

constexpr ValueName netlink_protocols[] = {
    {"NETLINK_ROUTE", 0}, {"NETLINK_UNUSED", 1}, {"NETLINK_USERSOCK", 2}, {"NETLINK_FIREWALL", 3}, {"NETLINK_SOCK_DIAG", 4}, {"NETLINK_NFLOG", 5}, {"NETLINK_XFRM", 6},
    {"NETLINK_SELINUX", 7}, {"NETLINK_ISCSI", 8}, {"NETLINK_AUDIT", 9}, {"NETLINK_FIB_LOOKUP", 10}, {"NETLINK_CONNECTOR", 11}, {"NETLINK_NETFILTER", 12}, {"NETLINK_IP6_FW", 13},
    {"NETLINK_DNRTMSG", 14}, {"NETLINK_KOBJECT_UEVENT", 15}, {"NETLINK_GENERIC", 16}, {"NETLINK_SCSITRANSPORT", 18}, {"NETLINK_ECRYPTFS", 19}, {"NETLINK_RDMA", 20}, {"NETLINK_CRYPTO", 21}, {"NETLINK_SMC", 22},
};

constexpr ValueName netlink_options[] = {
    {"NETLINK_ADD_MEMBERSHIP", 1}, {"NETLINK_DROP_MEMBERSHIP", 2}, {"NETLINK_PKTINFO", 3}, {"NETLINK_BROADCAST_ERROR", 4}, {"NETLINK_NO_ENOBUFS", 5}, {"NETLINK_RX_RING", 6}, {"NETLINK_TX_RING", 7},
    {"NETLINK_LISTEN_ALL_NSID", 8}, {"NETLINK_LIST_MEMBERSHIPS", 9}, {"NETLINK_CAP_ACK", 10}, {"NETLINK_EXT_ACK", 11}, {"NETLINK_GET_STRICT_CHK", 12},
};

void put_port(TraceText& out, const uint8_t* bytes) {
    out.put("htons(");
    out.unsigned_decimal(uint32_t(bytes[0]) << 8 | bytes[1]);
    out.put(')');
}

void put_unix_path(TraceText& out, const uint8_t* path, size_t n) {
    if (path[0] == 0 && n > 1) {
        out.put('@');
        put_quoted(out, path + 1, n - 1, false);
        return;
    }
    size_t end = 0;
    while (end < n && path[end]) ++end;
    put_quoted(out, path, end, false);
}

} // namespace

void put_inet(TraceText& out, const uint8_t* bytes) {
    out.put("inet_addr(\"");
    for (int i = 0; i < 4; ++i) {
        if (i) out.put('.');
        out.unsigned_decimal(bytes[i]);
    }
    out.put("\")");
}

/// RFC 5952: the longest run of two or more zero groups becomes "::"; an IPv4 address within is written as one.
void put_inet6(TraceText& out, const uint8_t* bytes) {
    auto group = [&](int i) { return uint32_t(bytes[2 * i]) << 8 | bytes[2 * i + 1]; };
    int best = -1, best_length = 1;
    for (int i = 0; i < 8; ++i) {
        int n = 0;
        while (i + n < 8 && !group(i + n)) ++n;
        if (n > best_length) best = i, best_length = n;
    }
    const bool mapped = best == 0 && ((best_length == 6 && group(6)) || (best_length == 5 && group(5) == 0xffff));
    for (int i = 0; i < 8;) {
        if (i == best) {
            out.put("::");
            i += best_length;
            continue;
        }
        if (i && (best < 0 || i != best + best_length)) out.put(':');
        if (mapped && i == 6) {
            for (int b = 12; b < 16; ++b) {
                if (b > 12) out.put('.');
                out.unsigned_decimal(bytes[b]);
            }
            return;
        }
        out.hex_digits(group(i), 1);
        ++i;
    }
}

void put_socket_address(TraceText& out, uint64_t address, int64_t length, MemoryReader& memory) {
    uint8_t raw[sizeof(SockAddrStorage)] = {};
    if (length > static_cast<int64_t>(sizeof raw)) length = sizeof raw;
    if (length < 2 || !address || !memory.read(address, raw, static_cast<size_t>(length))) {
        out.address(address);
        return;
    }
    uint16_t family;
    __builtin_memcpy(&family, raw, sizeof family);
    Fields f(out);
    f.enumerated("sa_family", NameTable::sock_family, family);
    if (length == 2) return;
    if (family == AF_INET && length >= 16) {
        put_port(f.name("sin_port"), raw + 2);
        put_inet(f.name("sin_addr"), raw + 4);
    } else if (family == AF_INET6 && length >= 24) {
        put_port(f.name("sin6_port"), raw + 2);
        TraceText& p = f.name("sin6_flowinfo");
        p.put("htonl(");
        p.unsigned_decimal(uint32_t(raw[4]) << 24 | uint32_t(raw[5]) << 16 | uint32_t(raw[6]) << 8 | raw[7]);
        p.put("), inet_pton(AF_INET6, \"");
        put_inet6(p, raw + 8);
        p.put("\", &sin6_addr)");
        if (length >= 28) {
            uint32_t scope;
            __builtin_memcpy(&scope, raw + 24, sizeof scope);
            const bool link_local = raw[8] == 0xfe && (raw[9] & 0xc0) == 0x80;
            if (link_local) put_interface_index(f.name("sin6_scope_id"), scope);
            else f.udec("sin6_scope_id", scope);
        }
    } else if (family == AF_UNIX) {
        put_unix_path(f.name("sun_path"), raw + 2, static_cast<size_t>(length) - 2);
    } else if (family == AF_NETLINK && length >= 12) {
        uint32_t pid, groups;
        __builtin_memcpy(&pid, raw + 4, sizeof pid);
        __builtin_memcpy(&groups, raw + 8, sizeof groups);
        f.dec("nl_pid", static_cast<int32_t>(pid));
        f.name("nl_groups").hex_digits(groups, 8);
    } else {
        put_quoted(f.name("sa_data"), raw + 2, static_cast<size_t>(length) - 2, false);
    }
}

void put_protocol(Call& c, uint64_t value) {
    switch (c.reg32(0)) {
    case AF_INET:
    case AF_INET6: put_enum(c.out, NameTable::ip_protocol, static_cast<uint32_t>(value)); break;
    case AF_NETLINK: put_enum(c.out, {netlink_protocols, "NETLINK_?\??", nullptr}, static_cast<uint32_t>(value)); break;
    default: c.out.unsigned_decimal(static_cast<uint32_t>(value)); break;
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
    case SOL_NETLINK: return put_enum(c.out, {netlink_options, "NETLINK_?\??", nullptr}, static_cast<uint32_t>(value));
    default: break;
    }
    if (t == NameTable::none) c.out.unsigned_decimal(static_cast<uint32_t>(value));
    else put_enum(c.out, t, static_cast<uint32_t>(value));
}

void put_option_value(Call& c, uint64_t address, uint64_t length) {
    const int level = c.reg32(1), option = c.reg32(2);
    const bool reads = c.is(number::getsockopt);
    if (!reads && length < 4) return c.out.address(address);
    if (level == SOL_SOCKET && option == SO_LINGER && length >= sizeof(Linger)) {
        Linger l;
        if (!fetch(c.out, address, l, c.memory)) return;
        Fields f(c.out);
        f.dec("l_onoff", l.onoff);
        f.dec("l_linger", l.linger);
        return;
    }
    if (level == SOL_SOCKET && option == SO_PEERCRED && length >= sizeof(Ucred)) {
        Ucred u;
        if (!fetch(c.out, address, u, c.memory)) return;
        Fields f(c.out);
        f.dec("pid", u.pid);
        f.udec("uid", u.uid);
        f.udec("gid", u.gid);
        return;
    }
    if (level == SOL_IP && (option == IP_ADD_MEMBERSHIP || option == IP_DROP_MEMBERSHIP) && length >= sizeof(IpMreq) && !reads) {
        IpMreq m;
        if (!fetch(c.out, address, m, c.memory)) return;
        Fields f(c.out);
        put_inet(f.name("imr_multiaddr"), reinterpret_cast<const uint8_t*>(&m.multiaddr));
        put_inet(f.name("imr_interface"), reinterpret_cast<const uint8_t*>(&m.interface));
        return;
    }
    if (level == SOL_IPV6 && (option == IPV6_ADD_MEMBERSHIP || option == IPV6_DROP_MEMBERSHIP) && length >= sizeof(Ipv6Mreq) && !reads) {
        Ipv6Mreq m;
        if (!fetch(c.out, address, m, c.memory)) return;
        c.out.put("{inet_pton(AF_INET6, \"");
        put_inet6(c.out, m.multiaddr.bytes);
        c.out.put("\", &ipv6mr_multiaddr), ipv6mr_interface=");
        put_interface_index(c.out, static_cast<uint32_t>(m.ifindex));
        c.out.put('}');
        return;
    }
    if (length == 4) {
        int32_t v;
        if (!fetch(c.out, address, v, c.memory)) return;
        c.out.put('[');
        if (level == SOL_SOCKET && option == SO_ERROR && v > 0 && errno_name(static_cast<Errno>(v))) c.out.put(errno_name(static_cast<Errno>(v)));
        else c.out.decimal(v);
        c.out.put(']');
        return;
    }
    put_data(c, address, length);
}

} // namespace linnet::abi
