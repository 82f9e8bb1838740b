// inet_diag: TCP, UDP and raw sockets. Source: sock_diag(7), linux/inet_diag.h.
#include <utility>

#include "linux-abi/sock_diag.h"
#include "net/inet_diag_filter.h"
#include "net/sock_diag_parts.h"

namespace linnet {

namespace {

bool wants(u8 ext, u16 attribute) { return ext >> (attribute - 1) & 1; }

void put_address(u8 (&to)[16], const SocketAddress& a, bool v6) {
    memset(to, 0, sizeof to);
    if (v6) {
        if (!a.ip.is_any()) memcpy(to, a.ip.bytes, 16);
    } else if (a.ip.is_v4()) {
        memcpy(to, a.ip.bytes + 12, 4);
    }
}

Result<void> put_socket(NetlinkBuilder& b, const InetSocketInfo& s, InetKind kind, u8 ext, u16 type, u16 flags) {
    abi::InetDiagMsg m{};
    m.family = s.v6 ? AF_INET6 : AF_INET;
    m.state = s.state;
    m.id.sport = __builtin_bswap16(s.local.port);
    m.id.dport = __builtin_bswap16(s.remote.port);
    put_address(m.id.src, s.local, s.v6);
    put_address(m.id.dst, s.remote, s.v6);
    m.id.interface = s.interface;
    m.id.cookie[0] = static_cast<u32>(s.inode);
    m.id.cookie[1] = s.inode >> 32;
    m.receive_queue = s.receive_queue;
    m.send_queue = s.send_queue;
    m.uid = s.uid;
    m.inode = static_cast<u32>(s.inode);
    TRY(b.begin(type, flags, &m, sizeof m));
    TRY(b.attribute_u8(abi::kInetDiagShutdown, s.shutdown));
    if (wants(ext, abi::kInetDiagTos)) TRY(b.attribute_u8(abi::kInetDiagTos, s.v6 ? 0 : s.tos));
    if (s.v6) {
        if (wants(ext, abi::kInetDiagTclass)) TRY(b.attribute_u8(abi::kInetDiagTclass, s.tos));
        if (s.state == TCP_LISTEN || s.state == TCP_CLOSE) TRY(b.attribute_u8(abi::kInetDiagSkV6only, s.v6only));
    }
    if (kind == InetKind::Raw) TRY(b.attribute_u8(abi::kInetDiagProtocol, s.raw_protocol));
    if (wants(ext, abi::kInetDiagSkMeminfo)) {
        // Received bytes and their limit, sent ones and theirs, ahead of use, queued, options, backlog, drops.
        bool listens = s.state == TCP_LISTEN;
        u32 v[9] = {listens ? 0 : s.receive_queue, s.receive_limit, 0, s.send_limit, 0, listens ? 0 : s.send_queue, 0, 0,
                    static_cast<u32>(s.drops)};
        TRY(b.attribute(abi::kInetDiagSkMeminfo, v, sizeof v));
    }
    if (kind == InetKind::Tcp) {
        if (wants(ext, abi::kInetDiagInfo)) TRY(b.attribute(abi::kInetDiagInfo, &s.tcp, sizeof s.tcp));
        if (wants(ext, abi::kInetDiagCong)) TRY(b.attribute(abi::kInetDiagCong, "reno", 5));
    }
    b.end();
    return {};
}

/// What a dump shows: the request's fields and the filter among its attributes.
struct Selection {
    u8 family; // AF_UNSPEC: both
    u32 states;
    abi::InetDiagSockId id;
    std::span<const u8> filter;

    bool takes(const InetSocketInfo& s, InetKind kind) const {
        if (family != AF_UNSPEC && family != (s.v6 ? AF_INET6 : AF_INET)) return false;
        // Raw sockets have no states that a request could choose by.
        if (kind != InetKind::Raw && !(states >> s.state & 1)) return false;
        if (id.sport && __builtin_bswap16(id.sport) != s.local.port) return false;
        if (id.dport && __builtin_bswap16(id.dport) != s.remote.port) return false;
        return filter.empty() || inet_diag_filter_accepts(filter, s);
    }
};

/// The socket that a packet from the peer in `q` would reach. UDP's requests name the two ends the other way round, as such a packet does.
const InetSocketInfo* find(const Vec<InetSocketInfo>& all, abi::InetDiagReqV2 q, InetKind kind) {
    if (kind == InetKind::Udp) {
        std::swap(q.id.sport, q.id.dport);
        std::swap(q.id.src, q.id.dst);
    }
    const bool v6 = q.family == AF_INET6;
    auto address = [&](const u8 (&bytes)[16]) {
        u32 v;
        memcpy(&v, bytes, 4);
        return v6 ? IpAddress::v6_of(bytes) : IpAddress::v4_of(v);
    };
    const IpAddress source = address(q.id.src), destination = address(q.id.dst);
    const u16 sport = kind == InetKind::Raw ? q.raw_protocol : __builtin_bswap16(q.id.sport), dport = __builtin_bswap16(q.id.dport);
    const InetSocketInfo* best = nullptr;
    int best_score = 0;
    for (const InetSocketInfo& s : all) {
        if (s.local.port != sport) continue;
        const bool family_fits = s.v6 ? v6 || (!s.v6only && s.state != TCP_ESTABLISHED) : !v6;
        if (!family_fits) continue;
        int score = 1;
        if (!s.local.ip.is_any()) {
            if (!(s.local.ip == source)) continue;
            score += 2;
        }
        const bool has_peer = kind == InetKind::Raw ? !s.remote.ip.is_any() : s.remote.port != 0;
        if (has_peer) {
            if (!(s.remote.ip == destination) || (kind != InetKind::Raw && s.remote.port != dport)) continue;
            score += 4;
        }
        if (score > best_score) {
            best_score = score;
            best = &s;
        }
    }
    return best;
}

} // namespace

Result<void> inet_diag_answer(NetlinkBuilder& b, const DiagRequest& r, SocketLists& sockets, Errno& refused) {
    abi::InetDiagReqV2 q{};
    size_t header = sizeof q;
    if (r.header.type == abi::kTcpDiagGetSock) {
        abi::InetDiagReq old;
        header = sizeof old;
        if (r.body.size() < header) return refused = EINVAL, Result<void>();
        memcpy(&old, r.body.data(), sizeof old);
        q = {old.family, IPPROTO_TCP, old.ext, 0, old.states, old.id};
    } else {
        if (r.body.size() < header) return refused = EINVAL, Result<void>();
        memcpy(&q, r.body.data(), sizeof q);
    }
    Selection chosen{q.family, q.states, q.id, {}};
    u32 protocol = q.protocol;
    bool has_filter = false;
    each_netlink_attribute(r.body.subspan(header), [&](u16 type, std::span<const u8> value) {
        if (type == abi::kInetDiagReqBytecode) {
            chosen.filter = value;
            has_filter = true;
        } else if (type == abi::kInetDiagReqProtocol && value.size() == 4) {
            memcpy(&protocol, value.data(), 4);
        }
    });
    if (has_filter && r.dump)
        if (auto checked = check_inet_diag_filter(chosen.filter, r.asker.net_admin); !checked) {
            if (checked.error() == ENOMEM) return ENOMEM;
            return refused = checked.error(), Result<void>();
        }
    InetKind kind;
    switch (protocol) {
    case IPPROTO_TCP: kind = InetKind::Tcp; break;
    case IPPROTO_UDP: kind = InetKind::Udp; break;
    case IPPROTO_RAW: kind = InetKind::Raw; break;
    default:
        if (r.dump) return b.done(ENOENT);
        return refused = ENOENT, Result<void>();
    }
    Vec<InetSocketInfo> all;
    TRY(sockets.inet(kind, wants(q.ext, abi::kInetDiagInfo), all));
    if (!r.dump) {
        const InetSocketInfo* s = find(all, q, kind);
        if (!s) return refused = ENOENT, Result<void>();
        if (!diag_cookie_matches(q.id.cookie, s->inode)) return refused = kind == InetKind::Tcp ? ENOENT : ESTALE, Result<void>();
        return put_socket(b, *s, kind, q.ext, r.header.type, 0);
    }
    // As Linux: those that listen first.
    for (bool listening : {true, false})
        for (const InetSocketInfo& s : all) {
            if ((s.state == TCP_LISTEN) != listening) continue;
            TRY(sockets.breathe());
            if (chosen.takes(s, kind)) TRY(put_socket(b, s, kind, q.ext, r.header.type, NLM_F_MULTI));
        }
    return b.done();
}

} // namespace linnet
