#include "net/netlink_route.h"

#include "net/netlink_message.h"

namespace linnet {

namespace {

Result<void> put_address(NetlinkBuilder& b, u16 type, const IpAddress& a) {
    return a.is_v4() ? b.attribute(type, a.bytes + 12, 4) : b.attribute(type, a.bytes, 16);
}

Result<void> put_link(NetlinkBuilder& b, const InterfaceInfo& i, u16 flags) {
    abi::Ifinfomsg m{};
    m.type = i.loopback ? 772 : 1; // ARPHRD_LOOPBACK, ARPHRD_ETHER
    m.index = i.index;
    m.flags = i.flags | (i.carrier ? IFF_LOWER_UP : 0);
    TRY(b.begin(RTM_NEWLINK, flags, &m, sizeof m));
    TRY(b.attribute(IFLA_IFNAME, i.name, strlen(i.name) + 1));
    TRY(b.attribute_u32(IFLA_TXQLEN, 1000));
    TRY(b.attribute_u8(IFLA_OPERSTATE, i.loopback ? 0 : i.carrier ? 6 : 2)); // unknown, up, down
    TRY(b.attribute_u8(IFLA_LINKMODE, 0));
    TRY(b.attribute_u32(IFLA_MTU, i.mtu));
    TRY(b.attribute_u32(IFLA_GROUP, 0));
    TRY(b.attribute_u8(IFLA_CARRIER, i.carrier));
    TRY(b.attribute(IFLA_QDISC, i.loopback ? "noqueue" : "pfifo_fast", i.loopback ? 8 : 11));
    u8 broadcast[6];
    memset(broadcast, i.loopback ? 0 : 0xff, 6);
    TRY(b.attribute(IFLA_ADDRESS, i.mac, 6));
    TRY(b.attribute(IFLA_BROADCAST, broadcast, 6));
    // struct rtnl_link_stats64 (24 counters) and its 32-bit form.
    u64 s[24] = {i.rx_packets, i.tx_packets, i.rx_bytes, i.tx_bytes, 0, 0, i.rx_dropped, i.tx_dropped};
    u32 s32[24];
    for (int k = 0; k < 24; ++k) s32[k] = s[k];
    TRY(b.attribute(IFLA_STATS64, s, sizeof s));
    TRY(b.attribute(IFLA_STATS, s32, sizeof s32));
    b.end();
    return {};
}

Result<void> put_interface_address(NetlinkBuilder& b, const InterfaceInfo& i, const InterfaceAddress& a, u16 flags) {
    abi::Ifaddrmsg m{};
    bool v4 = a.ip.is_v4();
    m.family = v4 ? AF_INET : AF_INET6;
    m.prefixlen = a.prefix;
    m.flags = a.permanent ? IFA_F_PERMANENT : 0;
    m.scope = a.ip.is_loopback() ? RT_SCOPE_HOST : !v4 && a.ip.is_link_local6() ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
    m.index = i.index;
    TRY(b.begin(RTM_NEWADDR, flags, &m, sizeof m));
    TRY(put_address(b, IFA_ADDRESS, a.ip));
    if (v4) {
        TRY(put_address(b, IFA_LOCAL, a.ip));
        if (!i.loopback && a.prefix < 31) {
            u32 host = a.prefix ? ~0u >> a.prefix : ~0u;
            u32 broadcast = a.ip.v4() | __builtin_bswap32(host);
            TRY(b.attribute(IFA_BROADCAST, &broadcast, 4));
        }
        TRY(b.attribute(IFA_LABEL, i.name, strlen(i.name) + 1));
    }
    TRY(b.attribute_u32(IFA_FLAGS, m.flags));
    struct { u32 preferred, valid, created, updated; } life{~0u, ~0u, 0, 0};
    TRY(b.attribute(IFA_CACHEINFO, &life, sizeof life));
    b.end();
    return {};
}

Result<void> put_route(NetlinkBuilder& b, const RouteInfo& r, u16 flags) {
    abi::Rtmsg m{};
    m.family = r.destination.is_v4() ? AF_INET : AF_INET6;
    m.dst_len = r.prefix;
    m.table = r.local_table ? RT_TABLE_LOCAL : RT_TABLE_MAIN;
    m.protocol = r.protocol;
    m.scope = r.local_table ? RT_SCOPE_HOST : r.has_gateway || m.family == AF_INET6 ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK;
    m.type = r.local_table ? RTN_LOCAL : RTN_UNICAST;
    TRY(b.begin(RTM_NEWROUTE, flags, &m, sizeof m));
    TRY(b.attribute_u32(RTA_TABLE, m.table));
    if (r.prefix) TRY(put_address(b, RTA_DST, r.destination));
    if (r.has_gateway) TRY(put_address(b, RTA_GATEWAY, r.gateway));
    if (r.has_source) TRY(put_address(b, RTA_PREFSRC, r.source));
    if (r.metric) TRY(b.attribute_u32(RTA_PRIORITY, r.metric));
    TRY(b.attribute_u32(RTA_OIF, r.interface));
    b.end();
    return {};
}

std::span<const u8> attributes_after(std::span<const u8> body, u32 header) {
    header = netlink_align(header);
    return body.size() > header ? body.subspan(header) : std::span<const u8>();
}

/// The interface that a GETLINK request names by index or IFLA_IFNAME; null if there is none.
const InterfaceInfo* find_link(std::span<const u8> body, const NetSnapshot& net) {
    abi::Ifinfomsg m{};
    if (body.size() >= sizeof m) memcpy(&m, body.data(), sizeof m);
    char name[16] = {};
    each_netlink_attribute(attributes_after(body, sizeof m), [&](u16 type, std::span<const u8> value) {
        if (type != IFLA_IFNAME) return;
        memset(name, 0, sizeof name);
        memcpy(name, value.data(), value.size() < 15 ? value.size() : 15);
    });
    for (u32 i = 0; i < net.interface_count; ++i)
        if (m.index > 0 ? net.interfaces[i].index == static_cast<u32>(m.index) : strcmp(net.interfaces[i].name, name) == 0)
            return &net.interfaces[i];
    return nullptr;
}

/// The route to the RTA_DST of a GETROUTE request that is no dump.
Result<void> answer_route(NetlinkBuilder& b, std::span<const u8> message, const NetSnapshot& net) {
    std::span<const u8> body = message.subspan(sizeof(abi::Nlmsghdr));
    abi::Rtmsg m{};
    if (body.size() < sizeof m) return b.error(EINVAL, message);
    memcpy(&m, body.data(), sizeof m);
    IpAddress to = m.family == AF_INET6 ? IpAddress::any6() : IpAddress::any4();
    each_netlink_attribute(attributes_after(body, sizeof m), [&](u16 type, std::span<const u8> value) {
        if (type != RTA_DST) return;
        if (m.family == AF_INET && value.size() >= 4) {
            u32 v;
            memcpy(&v, value.data(), 4);
            to = IpAddress::v4_of(v);
        } else if (m.family == AF_INET6 && value.size() >= 16) {
            to = IpAddress::v6_of(value.data());
        }
    });
    const RouteInfo* best = nullptr;
    for (u32 i = 0; i < net.route_count; ++i) {
        const RouteInfo& r = net.routes[i];
        if (r.destination.is_v4() != to.is_v4()) continue;
        u32 skip = to.is_v4() ? 96 : 0;
        bool match = true;
        for (u32 bit = 0; bit < r.prefix && match; ++bit) {
            u32 k = skip + bit;
            match = ((r.destination.bytes[k / 8] ^ to.bytes[k / 8]) >> (7 - k % 8) & 1) == 0;
        }
        if (match && (!best || r.prefix > best->prefix)) best = &r;
    }
    if (!best) return b.error(ENETUNREACH, message);
    RouteInfo r = *best;
    r.destination = to;
    r.prefix = to.is_v4() ? 32 : 128;
    return put_route(b, r, 0);
}

Result<void> answer(std::span<const u8> message, const abi::Nlmsghdr& h, const NetSnapshot& net, u32 port, Vec<u8>& out) {
    NetlinkBuilder b(out, h, port);
    std::span<const u8> body = message.subspan(sizeof h);
    u8 family = body.empty() ? 0 : body[0];
    bool dump = (h.flags & NLM_F_DUMP) == NLM_F_DUMP;
    if (h.type < NLMSG_MIN_TYPE) {
        // Control messages are ignored but for the acknowledgement.
        if (h.flags & NLM_F_ACK) return b.error(Errno{}, message);
        return {};
    }
    if (!(h.flags & NLM_F_REQUEST)) return {};
    if (body.empty()) return b.error(EINVAL, message);
    if (dump && out.size() > kNetlinkDumpPending) return b.error(EBUSY, message);
    switch (h.type) {
    case RTM_GETLINK:
        if (!dump) {
            const InterfaceInfo* i = find_link(body, net);
            if (!i) return b.error(ENODEV, message);
            TRY(put_link(b, *i, 0));
            break;
        }
        for (u32 i = 0; i < net.interface_count; ++i) TRY(put_link(b, net.interfaces[i], NLM_F_MULTI));
        break;
    case RTM_GETADDR:
        if (!dump) return b.error(EOPNOTSUPP, message);
        for (int v6 = 0; v6 < 2; ++v6) {
            if (family && family != (v6 ? AF_INET6 : AF_INET)) continue;
            for (u32 i = 0; i < net.interface_count; ++i)
                for (u32 a = 0; a < net.interfaces[i].address_count; ++a)
                    if (net.interfaces[i].addresses[a].ip.is_v4() != bool(v6))
                        TRY(put_interface_address(b, net.interfaces[i], net.interfaces[i].addresses[a], NLM_F_MULTI));
        }
        break;
    case RTM_GETROUTE:
        if (!dump) return answer_route(b, message, net);
        for (u32 i = 0; i < net.route_count; ++i) {
            const RouteInfo& r = net.routes[i];
            if (family && family != (r.destination.is_v4() ? AF_INET : AF_INET6)) continue;
            TRY(put_route(b, r, NLM_F_MULTI));
        }
        break;
    case RTM_GETNEIGH:
    case RTM_GETRULE:
    case RTM_GETQDISC:
        // Nothing to show: an empty dump.
        if (!dump) return b.error(EOPNOTSUPP, message);
        break;
    default:
        // Changing links, addresses or routes is the host's business.
        return b.error(h.type <= RTM_GETTCLASS && (h.type & 3) != 2 ? EPERM : EOPNOTSUPP, message);
    }
    if (dump) {
        return b.done();
    } else if (h.flags & NLM_F_ACK) {
        return b.error(Errno{}, message);
    }
    return {};
}

} // namespace

Result<void> netlink_route_reply(std::span<const u8> request, const NetSnapshot& net, u32 port, size_t limit, Vec<u8>& replies) {
    return answer_netlink_requests(request, limit, replies, [&](const abi::Nlmsghdr& h, std::span<const u8> message) {
        return answer(message, h, net, port, replies);
    });
}

} // namespace linnet
