#include "linux-abi/host_headers.h"

#include <gtest/gtest.h>

#include "linux-abi/sock_diag.h"
#include "net/address.h"
#include "net/byte_queue.h"
#include "net/control_message.h"
#include "net/inet_diag_filter.h"
#include "net/netlink_message.h"
#include "net/netlink_route.h"
#include "net/port_table.h"
#include "net/sock_diag.h"
#include "net/tests/host_support.h"

namespace linnet {
namespace {

std::string text_of(const IpAddress& a) {
    char buffer[64];
    TextBuffer t(buffer, sizeof buffer);
    format_ip(t, a);
    return t.c_str();
}

IpAddress ip(const char* text) {
    IpAddress a;
    int prefix;
    EXPECT_TRUE(parse_ip_text(text, a, prefix)) << text;
    return a;
}

TEST(IpText, round_trips) {
    for (const char* t : {"0.0.0.0", "10.0.2.15", "255.255.255.255", "::", "::1", "fe80::1", "2001:db8::1:0:0:1",
                          "1:2:3:4:5:6:7:8", "1:0:3:4:5:6:7:8", "1::8"})
        EXPECT_EQ(text_of(ip(t)), t);
}

TEST(IpText, refuses_what_is_malformed) {
    IpAddress a;
    int prefix;
    for (const char* t : {"", "1.2.3", "1.2.3.4.5", "256.1.1.1", "1.2.3.4/33", "1.2.3.4/", ":::", "1:2", "1::2::3", "12345::",
                          "::/129", "1.2.3.4x", "::g", "1:2:3:4:5:6:7:8:9"})
        EXPECT_FALSE(parse_ip_text(t, a, prefix)) << t;
    EXPECT_TRUE(parse_ip_text("10.0.2.15/24", a, prefix));
    EXPECT_EQ(prefix, 24);
}

TEST(SockAddr, families_and_lengths) {
    SockAddrBuffer b;
    write_inet_address(b, {ip("1.2.3.4"), 80, 0}, false);
    EXPECT_EQ(b.length, 16u);
    auto r = parse_inet_address(b, false);
    ASSERT_TRUE(r.ok());
    EXPECT_EQ(text_of(r->ip), "1.2.3.4");
    EXPECT_EQ(r->port, 80);
    b.length = 15;
    EXPECT_EQ(parse_inet_address(b, false).error(), EINVAL);
    write_inet_address(b, {ip("fe80::1"), 80, 2}, true);
    EXPECT_EQ(b.length, 28u);
    EXPECT_EQ(parse_inet_address(b, false).error(), EAFNOSUPPORT);
    EXPECT_EQ(parse_inet_address(b, true)->scope, 2u);
    b.length = 24; // without sin6_scope_id
    EXPECT_TRUE(parse_inet_address(b, true).ok());
}

TEST(ByteQueue, keeps_order_over_chunks_and_memory_failures) {
    ByteQueue q;
    std::string expected;
    std::mt19937 random(1);
    u8 next = 0;
    for (int round = 0; round < 20000; ++round) {
        size_t n = random() % 3000 + 1;
        allocations_left = random() % 20 == 0 ? 0 : -1;
        std::string data;
        for (size_t i = 0; i < n; ++i) data.push_back(char(next + i));
        if (random() & 1) {
            if (q.append(data.data(), n)) {
                expected += data;
                next += n;
            }
        } else {
            auto span = q.reserve(n);
            size_t used = span.empty() ? 0 : random() % (span.size() + 1);
            if (used) memcpy(span.data(), data.data(), used);
            if (!expected.empty() && random() & 1) { // the consumer works meanwhile
                size_t c = random() % (expected.size() + 1);
                q.consume(c);
                expected.erase(0, c);
            }
            if (!span.empty()) q.commit(used);
            expected.append(data, 0, used);
            next += used;
        }
        ASSERT_EQ(q.size(), expected.size());
        std::string seen;
        for (auto s = q.data_at(0); !s.empty(); s = q.data_at(seen.size())) seen.append(reinterpret_cast<const char*>(s.data()), s.size());
        ASSERT_TRUE(seen == expected);
        size_t c = random() % 4 == 0 ? expected.size() : random() % (std::min<size_t>(expected.size(), 4000) + 1);
        q.consume(c);
        expected.erase(0, c);
    }
    allocations_left = -1;
}

TEST(ByteQueue, gives_back_its_tail) {
    ByteQueue q;
    std::string a(5000, 'a');
    ASSERT_TRUE(q.append(a.data(), a.size()));
    q.drop_tail(4999);
    EXPECT_EQ(q.size(), 1u);
    EXPECT_EQ(q.data_at(0)[0], 'a');
    q.drop_tail(1);
    EXPECT_TRUE(q.empty());
    ASSERT_TRUE(q.append("b", 1));
    EXPECT_EQ(q.data_at(0)[0], 'b');
}

TEST(ControlMessages, written_ones_are_read_back_and_cut) {
    ControlWriter w(64);
    int v = 7;
    w.put(1, 2, &v, 4);
    w.put(3, 4, &v, 4);
    EXPECT_EQ(w.length(), 48u);
    EXPECT_FALSE(w.truncated());
    w.put(5, 6, &v, 4); // 16 bytes of room: a header alone
    EXPECT_TRUE(w.truncated());
    ControlReader r({w.data(), w.length()});
    ControlMessage m;
    ASSERT_TRUE(*r.next(m));
    EXPECT_EQ(m.type, 2);
    EXPECT_EQ(m.data.size(), 4u);
    ASSERT_TRUE(*r.next(m));
    EXPECT_EQ(m.level, 3);
    ASSERT_TRUE(*r.next(m));
    EXPECT_FALSE(*r.next(m));
}

TEST(ControlMessages, EINVAL_on_lengths_that_cannot_be) {
    for (u64 len : {u64{0}, u64{15}, u64{17}, ~u64{0}}) {
        abi::CmsgHdr h{len, 1, 1};
        ControlReader r({reinterpret_cast<u8*>(&h), sizeof h});
        ControlMessage m;
        EXPECT_EQ(r.next(m).error(), EINVAL) << len;
    }
}

struct Bound : PortBinding {};

TEST(PortTable, sharing_follows_the_options) {
    PortTable t;
    PortBinding a, b, c, d;
    SocketAddress any{IpAddress::any4(), 80, 0}, one{ip("10.0.0.1"), 80, 0}, any6{IpAddress::any6(), 80, 0};
    ASSERT_TRUE(t.bind(a, any).ok());
    EXPECT_EQ(t.bind(b, one).error(), EADDRINUSE);
    EXPECT_EQ(t.bind(b, any6).error(), EADDRINUSE); // dual stack
    b.v6only = true;
    EXPECT_TRUE(t.bind(b, any6).ok());
    a.reuse_addr = c.reuse_addr = true;
    EXPECT_TRUE(t.bind(c, one).ok());
    a.listening = true;
    t.unbind(c);
    EXPECT_EQ(t.bind(c, one).error(), EADDRINUSE);
    a.reuse_port = d.reuse_port = true;
    EXPECT_TRUE(t.bind(d, any).ok());
    for (auto* p : {&a, &b, &c, &d}) t.unbind(*p);
}

TEST(PortTable, ephemeral_ports_are_unique) {
    PortTable t;
    std::vector<std::unique_ptr<PortBinding>> all;
    std::set<u16> ports;
    for (int i = 0; i < 2000; ++i) {
        all.push_back(std::make_unique<PortBinding>());
        ASSERT_TRUE(t.bind(*all.back(), {IpAddress::any4(), 0, 0}).ok());
        EXPECT_GE(all.back()->local.port, PortTable::kEphemeralFirst);
        EXPECT_TRUE(ports.insert(all.back()->local.port).second);
    }
    for (auto& p : all) t.unbind(*p);
}

NetSnapshot snapshot() {
    NetSnapshot s;
    s.interface_count = 2;
    s.interfaces[0] = {1, "lo", IFF_UP | IFF_LOOPBACK, 65536, true, true, true};
    s.interfaces[0].addresses[0] = {IpAddress::loopback4(), 8, true};
    s.interfaces[0].address_count = 1;
    s.interfaces[1] = {2, "eth0", IFF_UP, 1500, false, true, true};
    s.interfaces[1].addresses[0] = {ip("10.0.2.15"), 24, false};
    s.interfaces[1].addresses[1] = {ip("fe80::1"), 64, true};
    s.interfaces[1].address_count = 2;
    s.routes[0] = {IpAddress::any4(), 0, true, ip("10.0.2.2"), false, {}, 2, false, 16, 0};
    s.routes[1] = {ip("10.0.2.0"), 24, false, {}, true, ip("10.0.2.15"), 2, false, 2, 0};
    s.route_count = 2;
    return s;
}

std::vector<u16> types_of(const Vec<u8>& replies) {
    std::vector<u16> types;
    for (size_t at = 0; at + 16 <= replies.size();) {
        abi::Nlmsghdr h;
        memcpy(&h, replies.data() + at, sizeof h);
        types.push_back(h.type);
        if (h.len < sizeof h) break;
        at += (h.len + 3) & ~3u;
    }
    return types;
}

constexpr size_t kNoLimit = ~size_t{0};

TEST(Netlink, dumps_end_with_done) {
    NetSnapshot s = snapshot();
    for (auto [request, count] : {std::pair<u16, size_t>{RTM_GETLINK, 2}, {RTM_GETADDR, 3}, {RTM_GETROUTE, 2}}) {
        struct { abi::Nlmsghdr h; abi::Rtgenmsg g; } m{{17, request, u16(NLM_F_REQUEST | NLM_F_DUMP), 5, 0}, {0}};
        Vec<u8> out;
        ASSERT_TRUE(netlink_route_reply({reinterpret_cast<u8*>(&m), 17}, s, 99, kNoLimit, out).ok());
        auto types = types_of(out);
        ASSERT_EQ(types.size(), count + 1);
        EXPECT_EQ(types.back(), NLMSG_DONE);
    }
}

TEST(Netlink, a_change_is_refused) {
    NetSnapshot s = snapshot();
    struct { abi::Nlmsghdr h; abi::Ifinfomsg i; } m{{32, RTM_SETLINK, NLM_F_REQUEST, 5, 0}, {}};
    Vec<u8> out;
    ASSERT_TRUE(netlink_route_reply({reinterpret_cast<u8*>(&m), 32}, s, 99, kNoLimit, out).ok());
    EXPECT_EQ(types_of(out), std::vector<u16>{NLMSG_ERROR});
}

TEST(Netlink, one_datagram_cannot_ask_for_many_dumps) {
    NetSnapshot s = snapshot();
    struct { abi::Nlmsghdr h; abi::Rtgenmsg g; u8 pad[3]; } m[2000];
    for (auto& one : m) one = {{17, RTM_GETLINK, u16(NLM_F_REQUEST | NLM_F_DUMP), 5, 0}, {0}, {}};
    Vec<u8> out;
    ASSERT_TRUE(netlink_route_reply({reinterpret_cast<u8*>(m), sizeof m}, s, 99, kNoLimit, out).ok());
    EXPECT_LT(out.size(), 256 * KiB);
    EXPECT_EQ(types_of(out).back(), NLMSG_ERROR);
}

/// Many requests of one kind in one datagram, each with `extra` bytes that an error repeats.
std::vector<u8> many_requests(u16 type, size_t count, u32 extra) {
    abi::Nlmsghdr h{static_cast<u32>(sizeof h + extra), type, NLM_F_REQUEST, 5, 0};
    std::vector<u8> out;
    for (size_t i = 0; i < count; ++i) {
        const u8* p = reinterpret_cast<const u8*>(&h);
        out.insert(out.end(), p, p + sizeof h);
        out.resize(out.size() + extra);
    }
    return out;
}

/// Lists of one socket each. Counts what it is asked.
struct OneSocket final : SocketLists {
    int breaths = 0, most_breaths = -1;
    Result<void> inet(InetKind, bool, Vec<InetSocketInfo>& out) override { return out.push_back({}); }
    Result<void> unix_sockets(UnixSocketList& out) override {
        UnixSocketInfo s;
        s.inode = 1;
        return out.sockets.push_back(s);
    }
    Result<void> netlink_sockets(Vec<NetlinkSocketInfo>& out) override { return out.push_back({}); }
    Result<void> breathe() override {
        if (breaths == most_breaths) return EINTR;
        ++breaths;
        return {};
    }
};

TEST(Netlink, replies_beyond_the_limit_are_dropped_whole) {
    NetSnapshot s = snapshot();
    OneSocket sockets;
    const auto requests = many_requests(99, 100, 1000); // both: refused
    for (bool diag : {false, true}) {
        Vec<u8> out;
        auto r = diag ? sock_diag_reply(requests, sockets, {1, false}, 10000, out) : netlink_route_reply(requests, s, 99, 10000, out);
        ASSERT_FALSE(r.ok());
        EXPECT_EQ(r.error(), ENOBUFS);
        EXPECT_EQ(types_of(out), std::vector<u16>(out.size() / 1036, NLMSG_ERROR));
        EXPECT_EQ(out.size(), 10 * 1036u) << "the first to cross the limit is there";
    }
}

TEST(Netlink, a_reply_without_memory_leaves_nothing) {
    NetSnapshot s = snapshot();
    const auto request = many_requests(99, 1, 8), requests = many_requests(99, 30, 3000);
    for (long allocations = 0; allocations < 4; ++allocations) {
        NetlinkReplies replies;
        ASSERT_TRUE(replies.append([&](Vec<u8>& out) { return netlink_route_reply(request, s, 99, kNoLimit, out); }).ok());
        const size_t unread = replies.unread();
        ASSERT_EQ(unread, 44u);
        allocations_left = allocations;
        auto r = replies.append([&](Vec<u8>& out) { return netlink_route_reply(requests, s, 99, kNoLimit, out); });
        allocations_left = -1;
        ASSERT_FALSE(r.ok());
        EXPECT_EQ(r.error(), ENOMEM);
        EXPECT_EQ(replies.unread(), unread);
        EXPECT_EQ(replies.next_datagram(), unread);
        replies.consume(unread);
        EXPECT_EQ(replies.next_datagram(), 0u);
    }
}

TEST(Netlink, a_datagram_ends_at_a_message_that_is_none) {
    NetlinkReplies replies;
    ASSERT_TRUE(replies.append([](Vec<u8>& out) { return out.resize(100); }).ok()); // lengths of 0
    EXPECT_EQ(replies.next_datagram(), 0u);
    NetlinkReplies longer;
    ASSERT_TRUE(longer.append([](Vec<u8>& out) -> Result<void> {
        abi::Nlmsghdr h{20, 20, NLM_F_MULTI, 1, 0};
        TRY(out.resize(20 + sizeof h));
        memcpy(out.data(), &h, sizeof h);
        h.len = 1000;
        memcpy(out.data() + 20, &h, sizeof h);
        return {};
    }).ok());
    EXPECT_EQ(longer.next_datagram(), 20u);
}

TEST(Netlink, what_was_read_makes_room) {
    NetlinkReplies replies;
    auto append = [&](u32 n, u8 fill) {
        return replies.append([&](Vec<u8>& out) -> Result<void> {
            const size_t at = out.size();
            abi::Nlmsghdr h{n, NLMSG_ERROR, 0, fill, 0};
            TRY(out.resize(at + n));
            memset(out.data() + at, fill, n);
            memcpy(out.data() + at, &h, sizeof h);
            EXPECT_EQ(out.size(), replies.unread()) << "what was read is gone";
            return {};
        });
    };
    ASSERT_TRUE(append(1000, 0).ok());
    for (u8 i = 1; i < 100; ++i) { // one is always unread
        ASSERT_TRUE(append(1000, i).ok());
        ASSERT_EQ(replies.next_datagram(), 1000u);
        replies.consume(1000);
        EXPECT_EQ(replies.unread(), 1000u);
        EXPECT_EQ(replies.unread_bytes()[999], i);
    }
}

TEST(SockDiag, every_request_and_every_socket_lets_others_run) {
    struct { abi::Nlmsghdr h; abi::InetDiagReqV2 q; } look{{sizeof look, abi::kSockDiagByFamily, NLM_F_REQUEST, 5, 0}, {}};
    look.q.family = AF_INET;
    look.q.protocol = IPPROTO_TCP;
    std::vector<u8> many;
    for (int i = 0; i < 900; ++i) many.insert(many.end(), reinterpret_cast<u8*>(&look), reinterpret_cast<u8*>(&look + 1));
    OneSocket sockets;
    Vec<u8> out;
    ASSERT_TRUE(sock_diag_reply(many, sockets, {1, false}, kNoLimit, out).ok());
    EXPECT_EQ(sockets.breaths, 900);

    struct { abi::Nlmsghdr h; abi::NetlinkDiagReq q; } dump{{sizeof dump, abi::kSockDiagByFamily, u16(NLM_F_REQUEST | NLM_F_DUMP), 5, 0}, {}};
    dump.q.family = AF_NETLINK;
    dump.q.protocol = abi::kNetlinkDiagAll;
    OneSocket others;
    Vec<u8> shown;
    ASSERT_TRUE(sock_diag_reply({reinterpret_cast<u8*>(&dump), sizeof dump}, others, {1, false}, kNoLimit, shown).ok());
    EXPECT_EQ(types_of(shown).size(), 2u);
    EXPECT_EQ(others.breaths, 2);
}

TEST(SockDiag, who_is_to_die_gets_no_answer) {
    struct { abi::Nlmsghdr h; abi::InetDiagReqV2 q; } dump{{sizeof dump, abi::kSockDiagByFamily, u16(NLM_F_REQUEST | NLM_F_DUMP), 5, 0}, {}};
    dump.q.protocol = IPPROTO_TCP;
    for (u8 family : {AF_INET, AF_UNIX, AF_NETLINK})
        for (int breaths : {0, 1}) {
            dump.q.family = family;
            if (family == AF_NETLINK) dump.q.protocol = abi::kNetlinkDiagAll;
            OneSocket sockets;
            sockets.most_breaths = breaths;
            NetlinkReplies replies;
            auto r = replies.append([&](Vec<u8>& out) {
                return sock_diag_reply({reinterpret_cast<u8*>(&dump), sizeof dump}, sockets, {1, false}, kNoLimit, out);
            });
            ASSERT_FALSE(r.ok()) << int(family) << ' ' << breaths;
            EXPECT_EQ(r.error(), EINTR);
            EXPECT_EQ(replies.unread(), 0u);
        }
}

using Ops = std::vector<abi::InetDiagOp>;
std::span<const u8> bytes_of(const Ops& ops) { return {reinterpret_cast<const u8*>(ops.data()), ops.size() * 4}; }

TEST(InetDiagFilter, ports_choose) {
    Ops between{{abi::kDiagSourceGe, 8, 20}, {0, 0, 80}, {abi::kDiagSourceLe, 8, 12}, {0, 0, 90}}; // no: 4 beyond the end
    ASSERT_TRUE(check_inet_diag_filter(bytes_of(between), false).ok());
    InetSocketInfo s;
    for (auto [port, accepted] : {std::pair<u16, bool>{79, false}, {80, true}, {90, true}, {91, false}}) {
        s.local.port = port;
        EXPECT_EQ(inet_diag_filter_accepts(bytes_of(between), s), accepted) << port;
    }
}

TEST(InetDiagFilter, jumps_lie_within_the_program_and_meet_steps) {
    auto result = [](Ops ops, size_t cut = 0) {
        auto r = check_inet_diag_filter(bytes_of(ops).first(ops.size() * 4 - cut), false);
        return r.ok() ? Errno{} : r.error();
    };
    EXPECT_EQ(result({{abi::kDiagNop, 4, 0}}), Errno{});
    EXPECT_EQ(result({{abi::kDiagAuto, 4, 8}}), Errno{});
    EXPECT_EQ(result({}), EINVAL);
    EXPECT_EQ(result({{abi::kDiagNop, 4, 0}}, 1), EINVAL);
    EXPECT_EQ(result({{abi::kDiagNop, 0, 0}}), EINVAL);              // would not end
    EXPECT_EQ(result({{abi::kDiagNop, 8, 0}}), EINVAL);              // beyond
    EXPECT_EQ(result({{abi::kDiagAuto, 4, 12}}), EINVAL);            // beyond
    EXPECT_EQ(result({{abi::kDiagAuto, 4, 0}}), EINVAL);             // back
    EXPECT_EQ(result({{abi::kDiagSourceGe, 8, 12}}), EINVAL);        // the port is missing
    EXPECT_EQ(result({{abi::kDiagAuto, 4, 8}, {abi::kDiagSourceGe, 8, 12}, {0, 0, 1}}), EINVAL); // into a port
    EXPECT_EQ(result({{99, 4, 4}}), EINVAL);
    EXPECT_EQ(result({{abi::kDiagMarkCond, 12, 12}, {0, 0, 0}, {0, 0, 0}}), EPERM);
    EXPECT_EQ(result({{abi::kDiagSourceCond, 12, 16}, {AF_INET, 32, 0}, {0xff, 0xff, 0xffff}}), EINVAL); // the address is missing
    EXPECT_EQ(result({{abi::kDiagSourceCond, 16, 20}, {AF_INET, 33, 0}, {0xff, 0xff, 0xffff}, {0, 0, 0}}), EINVAL);
}

} // namespace
} // namespace linnet
