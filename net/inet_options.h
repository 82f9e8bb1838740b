// IP_* and IPV6_* options that TCP, UDP and raw sockets have in common.
#pragma once

#include "net/socket.h"

namespace linnet {

/// What a socket keeps of IP level options.
struct InetOptions {
    u8 tos = 0, ttl = 64, multicast_ttl = 1;
    bool multicast_loop = true, packet_info = false, receive_ttl = false, receive_tos = false, receive_error = false,
         receive_original = false, freebind = false, bind_no_port = false, header_included = false, multicast_all = true;
    int path_mtu_discovery = 1; // IP_PMTUDISC_WANT
    u32 multicast_interface = 0;
    bool v6only = false, packet_info6 = false, receive_hop_limit = false, receive_tclass = false, receive_error6 = false,
         multicast_loop6 = true, auto_flow_label = true, dont_fragment = false;
    int hop_limit = -1, multicast_hops = 1, tclass = 0;
    u32 multicast_interface6 = 0;
};

/// ENOPROTOOPT for names that are not common ones.
Result<void> set_inet_option(InetOptions& o, bool v6, int level, int name, const OptionIn& v);
Result<void> get_inet_option(const InetOptions& o, bool v6, int level, int name, OptionOut& v);

/// bind(2)'s permission: ports below 1024. EACCES
Result<void> check_port_permission(u16 port);
/// sendmsg's IP_PKTINFO, IPV6_PKTINFO, IP_TTL, IP_TOS... `source` stays empty if none is given. EINVAL
struct InetControl { IpAddress source{}; u32 interface = 0; bool has_source = false; };
Result<InetControl> parse_inet_control(std::span<const u8> control, bool v6);

} // namespace linnet
