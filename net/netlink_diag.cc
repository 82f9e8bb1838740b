// netlink_diag: netlink sockets. Source: sock_diag(7), linux/netlink_diag.h.
#include "linux-abi/sock_diag.h"
#include "net/sock_diag_parts.h"

namespace linnet {

namespace {

constexpr u8 kProtocols = 32; // MAX_LINKS

Result<void> put_socket(NetlinkBuilder& b, const NetlinkSocketInfo& s, u32 show) {
    abi::NetlinkDiagMsg m{};
    m.family = AF_NETLINK;
    m.type = s.type;
    m.protocol = s.protocol;
    m.state = s.peer_port != 0;
    m.port = s.port;
    m.peer_port = s.peer_port;
    m.inode = static_cast<u32>(s.inode);
    m.cookie[0] = static_cast<u32>(s.inode);
    m.cookie[1] = s.inode >> 32;
    TRY(b.begin(abi::kSockDiagByFamily, NLM_F_MULTI, &m, sizeof m));
    if (show & abi::kNetlinkShowGroups) TRY(b.attribute_u32(abi::kNetlinkDiagGroups, s.groups));
    if (show & abi::kNetlinkShowMeminfo) {
        u32 v[9] = {s.unread, s.receive_limit, 0, s.send_limit};
        TRY(b.attribute(abi::kNetlinkDiagMeminfo, v, sizeof v));
    }
    b.end();
    return {};
}

} // namespace

Result<void> netlink_diag_answer(NetlinkBuilder& b, const DiagRequest& r, SocketLists& sockets, Errno& refused) {
    abi::NetlinkDiagReq q;
    if (r.body.size() < sizeof q) return refused = EINVAL, Result<void>();
    memcpy(&q, r.body.data(), sizeof q);
    if (!r.dump) return refused = EOPNOTSUPP, Result<void>();
    if (q.protocol != abi::kNetlinkDiagAll && q.protocol >= kProtocols) return b.done(ENOENT);
    Vec<NetlinkSocketInfo> all;
    TRY(sockets.netlink_sockets(all));
    for (const NetlinkSocketInfo& s : all) {
        TRY(sockets.breathe());
        if (q.protocol == abi::kNetlinkDiagAll || q.protocol == s.protocol) TRY(put_socket(b, s, q.show));
    }
    return b.done();
}

} // namespace linnet
