#include "net/inet_options.h"

#include "kernel/lib/sysctl.h"

#include "net/interface.h"

namespace linnet {

Result<void> check_port_permission(u16 port) {
    if (port && port < sysctl::unprivileged_port_start && !current_has_capability(kCapNetBindService)) return EACCES;
    return {};
}

namespace {

Result<void> set_ip(InetOptions& o, int name, const OptionIn& v) {
    switch (name) {
    case IP_OPTIONS: return v.length ? Result<void>(EINVAL) : Result<void>();
    case IP_HDRINCL:
    case IP_MULTICAST_IF:
    case IP_ADD_MEMBERSHIP:
    case IP_DROP_MEMBERSHIP:
    case IP_ADD_SOURCE_MEMBERSHIP:
    case IP_DROP_SOURCE_MEMBERSHIP:
    case IP_BLOCK_SOURCE:
    case IP_UNBLOCK_SOURCE:
    case IP_MSFILTER: return ENOPROTOOPT; // the datagram socket's, if anyone's
    }
    int n = v.length ? TRY(v.small_integer()) : 0;
    switch (name) {
    case IP_TOS: o.tos = n & ~3; break;
    case IP_TTL:
        if (v.length < 1 || (n != -1 && (n < 1 || n > 255))) return EINVAL;
        o.ttl = n == -1 ? 64 : n;
        break;
    case IP_MULTICAST_TTL:
        if (v.length < 1 || n < -1 || n > 255) return EINVAL;
        o.multicast_ttl = n == -1 ? 1 : n;
        break;
    case IP_MULTICAST_LOOP: o.multicast_loop = n; break;
    case IP_MULTICAST_ALL:
        if (v.length < 1 || (n != 0 && n != 1)) return EINVAL;
        o.multicast_all = n;
        break;
    case IP_PKTINFO: o.packet_info = n; break;
    case IP_RECVTTL: o.receive_ttl = n; break;
    case IP_RECVTOS: o.receive_tos = n; break;
    case IP_RECVERR: o.receive_error = n; break;
    case IP_RECVORIGDSTADDR: o.receive_original = n; break;
    case IP_FREEBIND: o.freebind = n; break;
    case IP_BIND_ADDRESS_NO_PORT: o.bind_no_port = n; break;
    case IP_MTU_DISCOVER:
        if (n < IP_PMTUDISC_DONT || n > IP_PMTUDISC_OMIT) return EINVAL;
        o.path_mtu_discovery = n;
        break;
    default: return ENOPROTOOPT;
    }
    return {};
}

Result<void> set_ipv6(InetOptions& o, int name, const OptionIn& v) {
    switch (name) {
    case IPV6_JOIN_GROUP:
    case IPV6_LEAVE_GROUP:
    case IPV6_ADDRFORM:
    case IPV6_CHECKSUM: return ENOPROTOOPT;
    }
    int n = TRY(v.integer());
    switch (name) {
    case IPV6_V6ONLY: o.v6only = n; break;
    case IPV6_RECVPKTINFO: o.packet_info6 = n; break;
    case IPV6_RECVHOPLIMIT: o.receive_hop_limit = n; break;
    case IPV6_RECVTCLASS: o.receive_tclass = n; break;
    case IPV6_RECVERR: o.receive_error6 = n; break;
    case IPV6_DONTFRAG: o.dont_fragment = n; break;
    case IPV6_AUTOFLOWLABEL: o.auto_flow_label = n; break;
    case IPV6_MULTICAST_LOOP:
        if (n != 0 && n != 1) return EINVAL;
        o.multicast_loop6 = n;
        break;
    case IPV6_UNICAST_HOPS:
        if (n < -1 || n > 255) return EINVAL;
        o.hop_limit = n;
        break;
    case IPV6_MULTICAST_HOPS:
        if (n < -1 || n > 255) return EINVAL;
        o.multicast_hops = n == -1 ? 1 : n;
        break;
    case IPV6_TCLASS:
        if (n < -1 || n > 255) return EINVAL;
        o.tclass = n == -1 ? 0 : n;
        break;
    case IPV6_MULTICAST_IF:
        if (n < 0 || n > 2) return n < 0 ? EINVAL : ENODEV;
        o.multicast_interface6 = n;
        break;
    case IPV6_MTU_DISCOVER:
        if (n < IP_PMTUDISC_DONT || n > IP_PMTUDISC_OMIT) return EINVAL;
        break;
    case IPV6_MTU:
        if (n && n < 1280) return EINVAL;
        break;
    default: return ENOPROTOOPT;
    }
    return {};
}

Result<int> get_ip(const InetOptions& o, int name) {
    switch (name) {
    case IP_TOS: return int{o.tos};
    case IP_TTL: return int{o.ttl};
    case IP_MULTICAST_TTL: return int{o.multicast_ttl};
    case IP_MULTICAST_LOOP: return int{o.multicast_loop};
    case IP_MULTICAST_ALL: return int{o.multicast_all};
    case IP_PKTINFO: return int{o.packet_info};
    case IP_RECVTTL: return int{o.receive_ttl};
    case IP_RECVTOS: return int{o.receive_tos};
    case IP_RECVERR: return int{o.receive_error};
    case IP_RECVORIGDSTADDR: return int{o.receive_original};
    case IP_FREEBIND: return int{o.freebind};
    case IP_BIND_ADDRESS_NO_PORT: return int{o.bind_no_port};
    case IP_MTU_DISCOVER: return o.path_mtu_discovery;
    default: return ENOPROTOOPT;
    }
}

Result<int> get_ipv6(const InetOptions& o, int name) {
    switch (name) {
    case IPV6_V6ONLY: return int{o.v6only};
    case IPV6_RECVPKTINFO: return int{o.packet_info6};
    case IPV6_RECVHOPLIMIT: return int{o.receive_hop_limit};
    case IPV6_RECVTCLASS: return int{o.receive_tclass};
    case IPV6_RECVERR: return int{o.receive_error6};
    case IPV6_DONTFRAG: return int{o.dont_fragment};
    case IPV6_AUTOFLOWLABEL: return int{o.auto_flow_label};
    case IPV6_MULTICAST_LOOP: return int{o.multicast_loop6};
    case IPV6_UNICAST_HOPS: return o.hop_limit == -1 ? 64 : o.hop_limit;
    case IPV6_MULTICAST_HOPS: return o.multicast_hops;
    case IPV6_MULTICAST_IF: return int(o.multicast_interface6);
    case IPV6_TCLASS: return o.tclass;
    case IPV6_MTU_DISCOVER: return 1;
    default: return ENOPROTOOPT;
    }
}

} // namespace

Result<void> set_inet_option(InetOptions& o, bool v6, int level, int name, const OptionIn& v) {
    if (level == SOL_IP) return set_ip(o, name, v);
    if (level == SOL_IPV6 && v6) return set_ipv6(o, name, v);
    return ENOPROTOOPT;
}

Result<void> get_inet_option(const InetOptions& o, bool v6, int level, int name, OptionOut& v) {
    if (level == SOL_IP && name == IP_OPTIONS) {
        v.length = 0;
        return {};
    }
    if (level != SOL_IP && !(level == SOL_IPV6 && v6)) return ENOPROTOOPT;
    int n = TRY(level == SOL_IP ? get_ip(o, name) : get_ipv6(o, name));
    // As Linux: a value of a byte fits a buffer of a byte.
    if (level == SOL_IP && v.wanted < 4 && v.wanted >= 1 && n >= 0 && n <= 255) {
        u8 b = n;
        v.set(b);
    } else {
        v.set_int(n);
    }
    return {};
}

Result<InetControl> parse_inet_control(std::span<const u8> control, bool v6) {
    InetControl out;
    ControlReader reader(control);
    ControlMessage m;
    while (TRY(reader.next(m))) {
        if (m.level == SOL_IP && m.type == IP_PKTINFO && m.data.size() >= sizeof(abi::InPktinfo)) {
            abi::InPktinfo i;
            memcpy(&i, m.data.data(), sizeof i);
            if (i.ifindex) out.interface = i.ifindex;
            if (i.spec_dst.addr) {
                out.source = IpAddress::v4_of(i.spec_dst.addr);
                out.has_source = true;
            }
        } else if (m.level == SOL_IPV6 && v6 && m.type == IPV6_PKTINFO && m.data.size() >= sizeof(abi::In6Pktinfo)) {
            abi::In6Pktinfo i;
            memcpy(&i, m.data.data(), sizeof i);
            if (i.ifindex) out.interface = i.ifindex;
            IpAddress a = IpAddress::v6_of(i.addr.bytes);
            if (!a.is_any()) {
                out.source = a;
                out.has_source = true;
            }
        } else if (m.level == SOL_IP && (m.type == IP_TTL || m.type == IP_TOS)) {
            if (m.data.empty()) return EINVAL;
        } else if (m.level == SOL_SOCKET && (m.type == SO_MARK || m.type == SO_TIMESTAMPING)) {
            // no effect on what is sent here
        } else if (m.level == SOL_IP || (m.level == SOL_IPV6 && v6 && (m.type < IPV6_RECVPKTINFO || m.type > IPV6_TCLASS)) ||
                   m.level == SOL_SOCKET) {
            return EINVAL;
        }
    }
    return out;
}

} // namespace linnet
