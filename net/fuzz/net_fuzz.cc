// Hostile bytes as a control buffer, a sockaddr, an address text, and requests of NETLINK_ROUTE and NETLINK_SOCK_DIAG.
#include <cstdint>
#include <cstdlib>

#include "linux-abi/sock_diag.h"
#include "net/address.h"
#include "net/control_message.h"
#include "net/inet_diag_filter.h"
#include "net/netlink_route.h"

namespace linnet {

namespace {

/// A sequence of whole messages.
void check_messages(const Vec<u8>& replies) {
    for (size_t at = 0; at < replies.size();) {
        u32 n;
        memcpy(&n, replies.data() + at, 4);
        if (n < 16 || at + n > replies.size()) abort();
        at += (n + 3) & ~3u;
    }
}

/// A few sockets of each kind.
struct FakeSockets final : SocketLists {
    Result<void> inet(InetKind kind, bool, Vec<InetSocketInfo>& out) override {
        for (u32 i = 0; i < 4; ++i) {
            InetSocketInfo s;
            s.v6 = i & 1;
            s.local = {s.v6 ? IpAddress::loopback6() : IpAddress::loopback4(), static_cast<u16>(kind == InetKind::Raw ? 1 : 80 + i), 0};
            s.state = static_cast<u8>(i < 2 && kind == InetKind::Tcp ? TCP_LISTEN : TCP_ESTABLISHED);
            if (i >= 2) s.remote = {s.local.ip, 4000, 0};
            s.inode = 100 + i;
            TRY(out.push_back(s));
        }
        return {};
    }
    Result<void> unix_sockets(UnixSocketList& out) override {
        TRY(out.pending.push_back(77));
        for (u32 i = 0; i < 3; ++i) {
            UnixSocketInfo s;
            s.type = SOCK_STREAM;
            s.state = static_cast<u8>(i ? TCP_ESTABLISHED : TCP_LISTEN);
            s.name_length = i == 2 ? 108 : i * 5;
            memset(s.name, i == 1 ? 0 : 'x', sizeof s.name);
            s.bound_to_path = i == 2;
            s.inode = 200 + i;
            s.pending_count = i ? 0 : 1;
            TRY(out.sockets.push_back(s));
        }
        return {};
    }
    Result<void> netlink_sockets(Vec<NetlinkSocketInfo>& out) override {
        NetlinkSocketInfo s;
        s.protocol = 4;
        return out.push_back(s);
    }
};

constexpr size_t kLimit = 4096; // unread bytes from which on replies are dropped
/// The replies are whole messages, even if some were dropped.
bool whole(const Result<void>& r) { return r.ok() || r.error() == ENOBUFS; }

/// The bytes as they are; as the body of a request of their choice; as a filter, which must end for every socket if it is accepted.
void check_sock_diag(const u8* data, size_t size) {
    FakeSockets sockets;
    Vec<u8> replies;
    if (whole(sock_diag_reply({data, size}, sockets, {1, false}, kLimit, replies))) check_messages(replies);
    if (size < 1 || size > 4096) return;
    Vec<u8> message;
    abi::Nlmsghdr h{static_cast<u32>(sizeof h + size - 1), data[0] & 1 ? abi::kSockDiagByFamily : abi::kTcpDiagGetSock,
                    static_cast<u16>(NLM_F_REQUEST | (data[0] & 2 ? NLM_F_DUMP : 0) | (data[0] & 4 ? NLM_F_ACK : 0)), 7, 0};
    if (!message.resize(h.len)) return;
    memcpy(message.data(), &h, sizeof h);
    memcpy(message.data() + sizeof h, data + 1, size - 1);
    replies.clear();
    if (sock_diag_reply({message.data(), message.size()}, sockets, {1, (data[0] & 8) != 0}, kLimit, replies).ok()) {
        check_messages(replies);
        if (h.flags & (NLM_F_DUMP | NLM_F_ACK) && replies.empty()) abort();
    }
    Vec<InetSocketInfo> some;
    if (!sockets.inet(InetKind::Tcp, false, some)) return;
    if (check_inet_diag_filter({data, size}, data[0] & 8).ok())
        for (const InetSocketInfo& s : some) (void)inet_diag_filter_accepts({data, size}, s);
}

} // namespace

} // namespace linnet

using namespace linnet;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    ControlReader reader({data, size});
    ControlMessage m;
    size_t total = 0;
    for (;;) {
        auto r = reader.next(m);
        if (!r.ok() || !*r) break;
        for (u8 b : m.data) total += b;
        if (m.data.size() > size) abort();
    }
    SockAddrBuffer a{};
    a.length = size < sizeof a.bytes ? size : sizeof a.bytes;
    memcpy(a.bytes, data, a.length);
    for (bool v6 : {false, true})
        if (auto r = parse_inet_address(a, v6); r.ok()) {
            SockAddrBuffer out;
            write_inet_address(out, *r, v6 || !r->ip.is_v4());
        }
    char text[64] = {};
    memcpy(text, data, size < 63 ? size : 63);
    IpAddress ip;
    int prefix;
    if (parse_ip_text(text, ip, prefix)) {
        char shown[64];
        TextBuffer t(shown, sizeof shown);
        format_ip(t, ip);
        IpAddress again;
        if (!parse_ip_text(shown, again, prefix) || !(again == ip)) abort();
    }
    static NetSnapshot net = [] {
        NetSnapshot s;
        s.interface_count = 1;
        s.interfaces[0] = {1, "lo", 9, 65536, true, true, true};
        s.interfaces[0].addresses[0] = {IpAddress::loopback4(), 8, true};
        s.interfaces[0].address_count = 1;
        s.routes[0] = {IpAddress::any4(), 0, true, IpAddress::loopback4(), false, {}, 1, false, 2, 0};
        s.route_count = 1;
        return s;
    }();
    Vec<u8> replies;
    if (whole(netlink_route_reply({data, size}, net, 1, kLimit, replies))) check_messages(replies);
    check_sock_diag(data, size);
    return total == ~size_t{0};
}
