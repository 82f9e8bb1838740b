// NETLINK_SOCK_DIAG: what `ss` asks about TCP, UDP and raw sockets, and what hostile requests get.
#include "sock_diag_support.h"

#include <poll.h>

namespace {

inet_diag_req_v2 inet_request(int protocol, int family = AF_INET, uint32_t states = kAllStates) {
    inet_diag_req_v2 q{};
    q.sdiag_family = static_cast<uint8_t>(family);
    q.sdiag_protocol = static_cast<uint8_t>(protocol);
    q.idiag_states = states;
    q.id.idiag_cookie[0] = q.id.idiag_cookie[1] = INET_DIAG_NOCOOKIE;
    return q;
}
void dump(Answer& out, const inet_diag_req_v2& q) { ask(out, &q, sizeof q, NLM_F_DUMP); }

// A dump with an attribute behind the request.
void dump_with(Answer& out, const inet_diag_req_v2& q, uint16_t type, const void* value, size_t size, uint16_t flags = NLM_F_DUMP) {
    static char body[sizeof q + 66000];
    memset(body, 0, sizeof q + RTA_SPACE(size));
    memcpy(body, &q, sizeof q);
    auto* a = reinterpret_cast<rtattr*>(body + sizeof q);
    a->rta_type = type;
    a->rta_len = static_cast<uint16_t>(RTA_LENGTH(size));
    memcpy(RTA_DATA(a), value, size);
    ask(out, body, sizeof q + RTA_SPACE(size), flags);
}
void dump_filtered(Answer& out, const inet_diag_req_v2& q, const void* filter, size_t size) {
    dump_with(out, q, INET_DIAG_REQ_BYTECODE, filter, size);
}

// --- TCP ---

TEST(net_sock_diag, a_listener_shows_its_port_inode_and_backlog) {
    uint16_t port;
    Fd fd = bound(SOCK_STREAM, &port);
    ASSERT_OK(listen(fd, 7));
    Answer a;
    dump(a, inet_request(IPPROTO_TCP));
    EXPECT_TRUE(a.done);
    inet_diag_msg* m = a.inet(inode_of(fd));
    ASSERT_NE(nullptr, m);
    EXPECT_EQ(AF_INET, m->idiag_family);
    EXPECT_EQ(10 /* TCP_LISTEN */, m->idiag_state);
    EXPECT_EQ(htons(port), m->id.idiag_sport);
    EXPECT_EQ(0, m->id.idiag_dport);
    EXPECT_EQ(htonl(INADDR_LOOPBACK), m->id.idiag_src[0]);
    EXPECT_EQ(0u, m->id.idiag_dst[0]);
    EXPECT_EQ(0u, m->idiag_rqueue);
    EXPECT_EQ(7u, m->idiag_wqueue);
    EXPECT_EQ(getuid(), m->idiag_uid);
    EXPECT_EQ(0, u8_of(inet_attribute(m, INET_DIAG_SHUTDOWN)));
}
TEST(net_sock_diag, a_listener_counts_who_waits) {
    uint16_t port;
    Fd fd = bound(SOCK_STREAM, &port), client(socket(AF_INET, SOCK_STREAM, 0));
    ASSERT_OK(listen(fd, 7));
    sockaddr_in to{};
    socklen_t length = sizeof to;
    getsockname(fd, sa(&to), &length);
    ASSERT_OK(connect(client, sa(&to), sizeof to));
    Answer a;
    dump(a, inet_request(IPPROTO_TCP));
    inet_diag_msg* m = a.inet(inode_of(fd));
    ASSERT_NE(nullptr, m);
    EXPECT_EQ(1u, m->idiag_rqueue);
}
TEST(net_sock_diag, both_ends_of_a_connection_are_shown) {
    TcpPair p;
    ASSERT_EQ(5, write(p.client, "hello", 5));
    Answer a;
    dump(a, inet_request(IPPROTO_TCP, AF_INET, 1 << TCP_ESTABLISHED));
    inet_diag_msg *client = a.inet(inode_of(p.client)), *server = a.inet(inode_of(p.server));
    ASSERT_TRUE(client && server);
    EXPECT_EQ(TCP_ESTABLISHED, client->idiag_state);
    EXPECT_EQ(htons(p.client_port), client->id.idiag_sport);
    EXPECT_EQ(htons(p.port), client->id.idiag_dport);
    EXPECT_EQ(htons(p.port), server->id.idiag_sport);
    EXPECT_EQ(htons(p.client_port), server->id.idiag_dport);
    EXPECT_EQ(htonl(INADDR_LOOPBACK), server->id.idiag_dst[0]);
    EXPECT_EQ(5u, server->idiag_rqueue);
    EXPECT_EQ(0u, client->idiag_rqueue);
    EXPECT_EQ(nullptr, a.inet(inode_of(p.listener))) << "a listener is not established";
}
TEST(net_sock_diag, states_choose) {
    TcpPair p;
    Answer a;
    dump(a, inet_request(IPPROTO_TCP, AF_INET, 1 << 10));
    EXPECT_NE(nullptr, a.inet(inode_of(p.listener)));
    EXPECT_EQ(nullptr, a.inet(inode_of(p.client)));
    Answer none;
    dump(none, inet_request(IPPROTO_TCP, AF_INET, 0));
    EXPECT_EQ(0, none.messages);
    EXPECT_TRUE(none.done);
}
TEST(net_sock_diag, a_socket_that_is_not_bound_is_not_shown) {
    Fd tcp(socket(AF_INET, SOCK_STREAM, 0)), udp(socket(AF_INET, SOCK_DGRAM, 0));
    Answer a, b;
    dump(a, inet_request(IPPROTO_TCP));
    EXPECT_EQ(nullptr, a.inet(inode_of(tcp)));
    dump(b, inet_request(IPPROTO_UDP));
    EXPECT_EQ(nullptr, b.inet(inode_of(udp)));
}
TEST(net_sock_diag, shutdown_shows_which_side) {
    TcpPair p;
    shutdown(p.client, SHUT_WR);
    Answer a;
    dump(a, inet_request(IPPROTO_TCP));
    inet_diag_msg* m = a.inet(inode_of(p.client));
    ASSERT_NE(nullptr, m);
    EXPECT_EQ(2, u8_of(inet_attribute(m, INET_DIAG_SHUTDOWN)));
    EXPECT_TRUE(m->idiag_state == TCP_FIN_WAIT1 || m->idiag_state == TCP_FIN_WAIT2) << int(m->idiag_state);
    m = a.inet(inode_of(p.server));
    ASSERT_NE(nullptr, m);
    EXPECT_EQ(1, u8_of(inet_attribute(m, INET_DIAG_SHUTDOWN)));
    EXPECT_EQ(TCP_CLOSE_WAIT, m->idiag_state);
}
TEST(net_sock_diag, families_are_apart) {
    uint16_t port;
    Fd four = bound(SOCK_STREAM, &port), six = bound(SOCK_STREAM, &port, AF_INET6);
    ASSERT_OK(listen(four, 1));
    ASSERT_OK(listen(six, 1));
    Answer a, b;
    dump(a, inet_request(IPPROTO_TCP, AF_INET));
    EXPECT_NE(nullptr, a.inet(inode_of(four)));
    EXPECT_EQ(nullptr, a.inet(inode_of(six)));
    dump(b, inet_request(IPPROTO_TCP, AF_INET6));
    EXPECT_EQ(nullptr, b.inet(inode_of(four)));
    inet_diag_msg* m = b.inet(inode_of(six));
    ASSERT_NE(nullptr, m);
    EXPECT_EQ(AF_INET6, m->idiag_family);
    EXPECT_EQ(htonl(1), m->id.idiag_src[3]);
    EXPECT_EQ(1, u8_of(inet_attribute(m, INET_DIAG_SKV6ONLY))) << "an address of its own takes no IPv4";
}
TEST(net_sock_diag, v6only_of_listeners) {
    for (int only = 0; only < 2; ++only) {
        Fd fd(socket(AF_INET6, SOCK_STREAM, 0));
        ASSERT_OK(setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof only));
        ASSERT_OK(listen(fd, 1));
        Answer a;
        dump(a, inet_request(IPPROTO_TCP, AF_INET6));
        inet_diag_msg* m = a.inet(inode_of(fd));
        ASSERT_NE(nullptr, m);
        EXPECT_EQ(only, u8_of(inet_attribute(m, INET_DIAG_SKV6ONLY)));
    }
}
TEST(net_sock_diag, extensions_come_when_asked_for) {
    TcpPair p;
    inet_diag_req_v2 q = inet_request(IPPROTO_TCP);
    Answer plain, rich;
    dump(plain, q);
    inet_diag_msg* m = plain.inet(inode_of(p.client));
    ASSERT_NE(nullptr, m);
    const int types[] = {INET_DIAG_INFO, INET_DIAG_CONG, INET_DIAG_TOS, INET_DIAG_SKMEMINFO};
    for (int type : types) EXPECT_EQ(nullptr, inet_attribute(m, type)) << type;
    q.idiag_ext = 1 << (INET_DIAG_INFO - 1) | 1 << (INET_DIAG_CONG - 1) | 1 << (INET_DIAG_TOS - 1) | 1 << (INET_DIAG_SKMEMINFO - 1);
    dump(rich, q);
    m = rich.inet(inode_of(p.client));
    ASSERT_NE(nullptr, m);
    rtattr* info = inet_attribute(m, INET_DIAG_INFO);
    ASSERT_NE(nullptr, info);
    EXPECT_EQ(TCP_ESTABLISHED, *static_cast<uint8_t*>(RTA_DATA(info)));
    EXPECT_NE(nullptr, inet_attribute(m, INET_DIAG_CONG));
    EXPECT_EQ(0, u8_of(inet_attribute(m, INET_DIAG_TOS)));
    rtattr* memory = inet_attribute(m, INET_DIAG_SKMEMINFO);
    ASSERT_NE(nullptr, memory);
    EXPECT_GE(RTA_PAYLOAD(memory), 8 * sizeof(uint32_t));
}
TEST(net_sock_diag, ports_in_the_request_choose) {
    TcpPair p;
    inet_diag_req_v2 q = inet_request(IPPROTO_TCP);
    q.id.idiag_sport = htons(p.client_port);
    Answer a, b;
    dump(a, q);
    EXPECT_NE(nullptr, a.inet(inode_of(p.client)));
    EXPECT_EQ(nullptr, a.inet(inode_of(p.server)));
    q = inet_request(IPPROTO_TCP);
    q.id.idiag_dport = htons(p.client_port);
    dump(b, q);
    EXPECT_NE(nullptr, b.inet(inode_of(p.server)));
    EXPECT_EQ(nullptr, b.inet(inode_of(p.client)));
}
TEST(net_sock_diag, TCPDIAG_GETSOCK_is_the_old_request) {
    TcpPair p;
    inet_diag_req q{};
    q.idiag_family = AF_INET;
    q.idiag_states = kAllStates;
    Answer a;
    ask(a, &q, sizeof q, NLM_F_DUMP, TCPDIAG_GETSOCK);
    EXPECT_NE(nullptr, a.inet(inode_of(p.listener)));
    EXPECT_NE(nullptr, a.inet(inode_of(p.client)));
}

// --- one socket, without a dump ---

TEST(net_sock_diag, one_connection_by_its_addresses) {
    TcpPair p;
    inet_diag_req_v2 q = inet_request(IPPROTO_TCP);
    q.id.idiag_sport = htons(p.client_port);
    q.id.idiag_dport = htons(p.port);
    q.id.idiag_src[0] = q.id.idiag_dst[0] = htonl(INADDR_LOOPBACK);
    Answer a, b;
    ask(a, &q, sizeof q, 0);
    EXPECT_EQ(0, a.error);
    EXPECT_NE(nullptr, a.inet(inode_of(p.client)));
    // Nobody else is connected to the listener: it answers itself.
    q.id.idiag_sport = htons(p.port);
    q.id.idiag_dport = htons(1);
    ask(b, &q, sizeof q, 0);
    EXPECT_NE(nullptr, b.inet(inode_of(p.listener)));
}
TEST(net_sock_diag, ENOENT_when_no_socket_has_the_addresses) {
    uint16_t port;
    {
        Fd fd = bound(SOCK_STREAM, &port);
    }
    inet_diag_req_v2 q = inet_request(IPPROTO_TCP);
    q.id.idiag_sport = htons(port);
    q.id.idiag_src[0] = htonl(INADDR_LOOPBACK);
    Answer a;
    ask(a, &q, sizeof q, 0);
    EXPECT_EQ(ENOENT, a.error);
    EXPECT_EQ(NLMSG_LENGTH(sizeof(nlmsgerr)) + sizeof q, a.error_length) << "an error comes with the request";
}
TEST(net_sock_diag, the_cookie_is_SO_COOKIE) {
    uint16_t port;
    Fd fd = bound(SOCK_STREAM, &port);
    ASSERT_OK(listen(fd, 1));
    uint64_t cookie = 0;
    socklen_t length = sizeof cookie;
    ASSERT_OK(getsockopt(fd, SOL_SOCKET, 57 /* SO_COOKIE */, &cookie, &length));
    inet_diag_req_v2 q = inet_request(IPPROTO_TCP);
    q.id.idiag_sport = htons(port);
    q.id.idiag_src[0] = htonl(INADDR_LOOPBACK);
    q.id.idiag_cookie[0] = static_cast<uint32_t>(cookie);
    q.id.idiag_cookie[1] = static_cast<uint32_t>(cookie >> 32);
    Answer a, b;
    ask(a, &q, sizeof q, 0);
    inet_diag_msg* m = a.inet(inode_of(fd));
    ASSERT_NE(nullptr, m);
    EXPECT_EQ(q.id.idiag_cookie[0], m->id.idiag_cookie[0]);
    q.id.idiag_cookie[0] += 1;
    ask(b, &q, sizeof q, 0);
    EXPECT_EQ(ENOENT, b.error);
}
TEST(net_sock_diag, ESTALE_udp_socket_with_another_cookie) {
    uint16_t port;
    Fd fd = bound(SOCK_DGRAM, &port);
    inet_diag_req_v2 q = inet_request(IPPROTO_UDP);
    // As a packet that comes has them: the socket is the destination.
    q.id.idiag_dport = htons(port);
    q.id.idiag_dst[0] = htonl(INADDR_LOOPBACK);
    Answer a, b;
    ask(a, &q, sizeof q, 0);
    EXPECT_NE(nullptr, a.inet(inode_of(fd)));
    q.id.idiag_cookie[0] = 0xabcdef01;
    ask(b, &q, sizeof q, 0);
    EXPECT_EQ(ESTALE, b.error);
}
TEST(net_sock_diag, an_acknowledgement_follows_one_socket) {
    TcpPair p;
    inet_diag_req_v2 q = inet_request(IPPROTO_TCP);
    q.id.idiag_sport = htons(p.port);
    q.id.idiag_src[0] = htonl(INADDR_LOOPBACK);
    Answer a;
    ask(a, &q, sizeof q, NLM_F_ACK);
    EXPECT_EQ(1, a.messages);
    EXPECT_TRUE(a.acknowledged);
}

// --- UDP, raw ---

TEST(net_sock_diag, udp_is_unconnected_or_connected) {
    uint16_t port, other_port;
    Fd fd = bound(SOCK_DGRAM, &port), other = bound(SOCK_DGRAM, &other_port);
    sockaddr_in to{};
    socklen_t length = sizeof to;
    getsockname(fd, sa(&to), &length);
    ASSERT_OK(connect(other, sa(&to), sizeof to));
    ASSERT_EQ(3, write(other, "abc", 3));
    Answer a, b;
    dump(a, inet_request(IPPROTO_UDP));
    inet_diag_msg *m = a.inet(inode_of(fd)), *o = a.inet(inode_of(other));
    ASSERT_TRUE(m && o);
    EXPECT_EQ(7 /* TCP_CLOSE */, m->idiag_state);
    EXPECT_EQ(htons(port), m->id.idiag_sport);
    EXPECT_GE(m->idiag_rqueue, 3u);
    EXPECT_EQ(TCP_ESTABLISHED, o->idiag_state);
    EXPECT_EQ(htons(port), o->id.idiag_dport);
    dump(b, inet_request(IPPROTO_UDP, AF_INET, 1 << TCP_ESTABLISHED));
    EXPECT_EQ(nullptr, b.inet(inode_of(fd)));
    EXPECT_NE(nullptr, b.inet(inode_of(other)));
}
TEST(net_sock_diag, a_raw_socket_shows_its_protocol) {
    Fd fd(socket(AF_INET, SOCK_RAW, IPPROTO_ICMP));
    ASSERT_TRUE(fd.valid());
    Answer a;
    dump(a, inet_request(IPPROTO_RAW));
    utsname name{};
    uname(&name);
    if (a.error == ENOENT && !strstr(name.release, "linnet")) GTEST_SKIP() << "a kernel without raw_diag";
    inet_diag_msg* m = a.inet(inode_of(fd));
    ASSERT_NE(nullptr, m);
    EXPECT_EQ(htons(IPPROTO_ICMP), m->id.idiag_sport);
    EXPECT_EQ(IPPROTO_ICMP, u8_of(inet_attribute(m, INET_DIAG_PROTOCOL)));
}

// --- filters ---

// INET_DIAG_BC_S_COND or D_COND with an IPv4 address: inet_diag_hostcond ends in an array of no length.
struct HostFilter {
    inet_diag_bc_op op;
    uint8_t family, prefix_length, pad[2];
    int32_t port;
    uint32_t address;
};
static_assert(sizeof(HostFilter) == 16);

TEST(net_sock_diag, a_filter_by_port) {
    TcpPair p;
    // sport == port: else to 4 bytes behind the end
    inet_diag_bc_op filter[] = {{INET_DIAG_BC_S_EQ, 8, 12}, {0, 0, p.port}};
    Answer a;
    dump_filtered(a, inet_request(IPPROTO_TCP), filter, sizeof filter);
    EXPECT_TRUE(a.done);
    EXPECT_NE(nullptr, a.inet(inode_of(p.listener)));
    EXPECT_NE(nullptr, a.inet(inode_of(p.server)));
    EXPECT_EQ(nullptr, a.inet(inode_of(p.client)));
}
TEST(net_sock_diag, a_filter_with_a_range_and_a_jump) {
    TcpPair p;
    // dport >= port and dport <= port
    inet_diag_bc_op filter[] = {{INET_DIAG_BC_D_GE, 8, 24}, {0, 0, p.port}, {INET_DIAG_BC_D_LE, 8, 16}, {0, 0, p.port}, {INET_DIAG_BC_NOP, 4, 0}};
    Answer a;
    dump_filtered(a, inet_request(IPPROTO_TCP), filter, sizeof filter);
    EXPECT_EQ(1, a.messages);
    EXPECT_NE(nullptr, a.inet(inode_of(p.client)));
}
TEST(net_sock_diag, a_filter_by_address) {
    TcpPair p;
    HostFilter filter{{INET_DIAG_BC_D_COND, 16, 20}, AF_INET, 8, {}, p.port, htonl(0x7f090909)};
    Answer a, b;
    dump_filtered(a, inet_request(IPPROTO_TCP), &filter, 16);
    EXPECT_EQ(1, a.messages) << "127/8 and the port";
    EXPECT_NE(nullptr, a.inet(inode_of(p.client)));
    filter.prefix_length = 32;
    dump_filtered(b, inet_request(IPPROTO_TCP), &filter, 16);
    EXPECT_EQ(0, b.messages);
}
TEST(net_sock_diag, a_filter_for_ports_that_the_kernel_chose) {
    TcpPair p;
    inet_diag_bc_op filter[] = {{INET_DIAG_BC_AUTO, 4, 8}};
    // The port that was just the kernel's choice, now by its number.
    uint16_t port;
    {
        Fd fd = bound(SOCK_STREAM, &port);
    }
    Fd named(socket(AF_INET, SOCK_STREAM, 0));
    sockaddr_in name{};
    name.sin_family = AF_INET;
    name.sin_port = htons(port);
    ASSERT_OK(bind(named, sa(&name), sizeof name));
    ASSERT_OK(listen(named, 1));
    Answer a;
    dump_filtered(a, inet_request(IPPROTO_TCP), filter, sizeof filter);
    EXPECT_NE(nullptr, a.inet(inode_of(p.client)));
    EXPECT_NE(nullptr, a.inet(inode_of(p.listener))) << "bound to port 0";
    EXPECT_NE(nullptr, a.inet(inode_of(p.server)));
    EXPECT_EQ(nullptr, a.inet(inode_of(named)));
}
TEST(net_sock_diag, EINVAL_filter_that_does_not_end) {
    inet_diag_bc_op back[] = {{INET_DIAG_BC_NOP, 0, 0}};
    Answer a;
    dump_filtered(a, inet_request(IPPROTO_TCP), back, sizeof back);
    EXPECT_EQ(EINVAL, a.error);
    EXPECT_FALSE(a.done);
}
TEST(net_sock_diag, EINVAL_filter_that_jumps_out_of_bounds) {
    inet_diag_bc_op out[] = {{INET_DIAG_BC_AUTO, 4, 12}};
    inet_diag_bc_op into[] = {{INET_DIAG_BC_AUTO, 4, 8}, {INET_DIAG_BC_S_GE, 8, 12}, {0, 0, 1}};
    inet_diag_bc_op cut[] = {{INET_DIAG_BC_S_GE, 8, 8}};
    Answer a, b, c, d;
    dump_filtered(a, inet_request(IPPROTO_TCP), out, sizeof out);
    EXPECT_EQ(EINVAL, a.error);
    dump_filtered(b, inet_request(IPPROTO_TCP), into, sizeof into);
    EXPECT_EQ(EINVAL, b.error);
    dump_filtered(c, inet_request(IPPROTO_TCP), cut, sizeof cut);
    EXPECT_EQ(EINVAL, c.error);
    dump_filtered(d, inet_request(IPPROTO_TCP), cut, 0);
    EXPECT_EQ(EINVAL, d.error) << "an empty filter";
}
TEST(net_sock_diag, EINVAL_filter_with_an_unknown_step_or_prefix) {
    inet_diag_bc_op unknown[] = {{200, 4, 8}};
    HostFilter filter{{INET_DIAG_BC_S_COND, 16, 20}, AF_INET, 33, {}, -1, 0};
    Answer a, b, c;
    dump_filtered(a, inet_request(IPPROTO_TCP), unknown, sizeof unknown);
    EXPECT_EQ(EINVAL, a.error);
    dump_filtered(b, inet_request(IPPROTO_TCP), &filter, 16);
    EXPECT_EQ(EINVAL, b.error);
    filter.family = AF_UNIX;
    dump_filtered(c, inet_request(IPPROTO_TCP), &filter, 16);
    EXPECT_EQ(EINVAL, c.error);
}
TEST(net_sock_diag, a_filter_as_long_as_an_attribute_ends) {
    TcpPair p;
    static inet_diag_bc_op filter[16000];
    for (size_t i = 0; i < 16000; ++i) filter[i] = {INET_DIAG_BC_AUTO, 4, static_cast<unsigned short>(i + 1 < 16000 ? 4 : 8)};
    Answer a;
    dump_filtered(a, inet_request(IPPROTO_TCP), filter, sizeof filter);
    EXPECT_TRUE(a.done);
    EXPECT_NE(nullptr, a.inet(inode_of(p.client)));
}

// --- requests that are none ---

TEST(net_sock_diag, EINVAL_request_cut_short) {
    uint8_t byte = AF_INET;
    inet_diag_req_v2 q = inet_request(IPPROTO_TCP);
    unix_diag_req u{};
    u.sdiag_family = AF_UNIX;
    Answer a, b, c, d;
    ask(a, &byte, 1, NLM_F_DUMP);
    EXPECT_EQ(EINVAL, a.error);
    ask(b, &q, sizeof q - 1, NLM_F_DUMP);
    EXPECT_EQ(EINVAL, b.error);
    ask(c, &u, sizeof u - 1, NLM_F_DUMP);
    EXPECT_EQ(EINVAL, c.error);
    ask(d, &byte, 0, NLM_F_DUMP);
    EXPECT_EQ(EINVAL, d.error);
}
TEST(net_sock_diag, EINVAL_unknown_message_type) {
    inet_diag_req_v2 q = inet_request(IPPROTO_TCP);
    Answer a;
    ask(a, &q, sizeof q, NLM_F_DUMP, 99);
    EXPECT_EQ(EINVAL, a.error);
}
TEST(net_sock_diag, EINVAL_family_beyond_the_last_ENOENT_family_without_diag) {
    uint8_t beyond[60] = {200}, without[60] = {AF_APPLETALK};
    Answer a, b;
    ask(a, beyond, sizeof beyond, NLM_F_DUMP);
    EXPECT_EQ(EINVAL, a.error);
    ask(b, without, sizeof without, NLM_F_DUMP);
    EXPECT_EQ(ENOENT, b.error);
}
TEST(net_sock_diag, ENOENT_protocol_without_diag_ends_the_dump) {
    Answer a, b, c;
    dump(a, inet_request(IPPROTO_IGMP));
    EXPECT_TRUE(a.done);
    EXPECT_EQ(ENOENT, a.error);
    inet_diag_req_v2 q = inet_request(IPPROTO_IGMP);
    ask(b, &q, sizeof q, 0);
    EXPECT_EQ(ENOENT, b.error);
    // The attribute counts more than the byte.
    uint32_t protocol = 9999;
    dump_with(c, inet_request(IPPROTO_TCP), INET_DIAG_REQ_PROTOCOL, &protocol, sizeof protocol);
    EXPECT_EQ(ENOENT, c.error);
}
TEST(net_sock_diag, a_message_that_is_no_request_is_acknowledged_only_when_asked) {
    Fd fd(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG));
    struct {
        nlmsghdr h;
        inet_diag_req_v2 q;
    } m{{sizeof m, SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, 1, 0}, inet_request(IPPROTO_TCP)};
    ASSERT_EQ(sizeof m, send(fd, &m, sizeof m, 0));
    char byte[64];
    EXPECT_ERRNO(recv(fd, byte, sizeof byte, MSG_DONTWAIT), EAGAIN);
    m.h.nlmsg_flags |= NLM_F_ACK;
    ASSERT_EQ(sizeof m, send(fd, &m, sizeof m, 0));
    EXPECT_EQ(static_cast<ssize_t>(NLMSG_LENGTH(sizeof(nlmsgerr))), recv(fd, byte, sizeof byte, MSG_DONTWAIT));
}
TEST(net_sock_diag, a_length_beyond_the_datagram_ends_it) {
    Fd fd(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG));
    struct {
        nlmsghdr h;
        inet_diag_req_v2 q;
    } m{{sizeof m + 1, SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST | NLM_F_DUMP, 1, 0}, inet_request(IPPROTO_TCP)};
    ASSERT_EQ(sizeof m, send(fd, &m, sizeof m, 0));
    char byte[64];
    EXPECT_ERRNO(recv(fd, byte, sizeof byte, MSG_DONTWAIT), EAGAIN);
    m.h.nlmsg_len = 3;
    ASSERT_EQ(sizeof m, send(fd, &m, sizeof m, 0));
    EXPECT_ERRNO(recv(fd, byte, sizeof byte, MSG_DONTWAIT), EAGAIN);
}

// --- a reader who does not read ---

// A socket, and a request that is refused: the answer repeats all of it.
struct Refused {
    static constexpr ssize_t kRequest = 60000, kReply = kRequest + 20;
    alignas(nlmsghdr) char request[kRequest] = {}, reply[kReply + 1000];
    Fd fd{socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG)};
    Refused() { *reinterpret_cast<nlmsghdr*>(request) = {kRequest, 99, NLM_F_REQUEST, 1, 0}; }
    ssize_t ask() { return send(fd, request, kRequest, 0); }
    ssize_t answer() { return recv(fd, reply, sizeof reply, MSG_DONTWAIT); }
    // Answers until there is none.
    int answers() {
        int n = 0;
        while (answer() == kReply) ++n;
        return n;
    }
    short events() {
        pollfd p{fd, POLLIN, 0};
        poll(&p, 1, 0);
        return p.revents;
    }
};

TEST(net_sock_diag, ENOBUFS_reader_who_missed_answers) {
    static Refused r;
    for (int i = 0; i < 16; ++i) ASSERT_EQ(Refused::kRequest, r.ask()) << i;
    EXPECT_EQ(POLLIN | POLLERR, r.events());
    EXPECT_ERRNO(r.answer(), ENOBUFS);
    EXPECT_EQ(POLLIN, r.events());
    EXPECT_EQ(Refused::kReply, r.answer());
    // Until all that came has been read, what comes is dropped in silence.
    ASSERT_EQ(Refused::kRequest, r.ask());
    const int more = r.answers();
    EXPECT_ERRNO(r.answer(), EAGAIN);
    EXPECT_GE(more, 1);
    EXPECT_LE(more, 3) << "212992 bytes hold no more";
    ASSERT_EQ(Refused::kRequest, r.ask());
    EXPECT_EQ(Refused::kReply, r.answer());
}
TEST(net_sock_diag, SO_ERROR_tells_of_missed_answers_once) {
    static Refused r;
    for (int i = 0; i < 16; ++i) ASSERT_EQ(Refused::kRequest, r.ask()) << i;
    int error = 0;
    socklen_t length = sizeof error;
    ASSERT_OK(getsockopt(r.fd, SOL_SOCKET, SO_ERROR, &error, &length));
    EXPECT_EQ(ENOBUFS, error);
    EXPECT_EQ(Refused::kReply, r.answer());
}
TEST(net_sock_diag, NETLINK_NO_ENOBUFS_drops_in_silence) {
    static Refused r;
    const int on = 1;
    ASSERT_OK(setsockopt(r.fd, SOL_NETLINK, NETLINK_NO_ENOBUFS, &on, sizeof on));
    for (int i = 0; i < 16; ++i) ASSERT_EQ(Refused::kRequest, r.ask()) << i;
    EXPECT_EQ(POLLIN, r.events());
    EXPECT_GE(r.answers(), 1);
    EXPECT_ERRNO(r.answer(), EAGAIN);
}
TEST(net_sock_diag, a_reader_who_leaves_one_answer_can_go_on) {
    static Refused r;
    ASSERT_EQ(Refused::kRequest, r.ask());
    for (int i = 0; i < 200; ++i) {
        ASSERT_EQ(Refused::kRequest, r.ask()) << i << ": " << strerror(errno);
        ASSERT_EQ(Refused::kReply, r.answer()) << i << ": " << strerror(errno);
    }
    EXPECT_EQ(1, r.answers());
}

} // namespace
