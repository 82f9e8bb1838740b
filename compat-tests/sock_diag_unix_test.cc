// NETLINK_SOCK_DIAG: what `ss` asks about UNIX and netlink sockets, and the files of /proc/net that it reads.
#include "sock_diag_support.h"

namespace {

// --- UNIX sockets ---

unix_diag_req unix_request(uint32_t show, uint32_t states = kAllStates) {
    unix_diag_req q{};
    q.sdiag_family = AF_UNIX;
    q.udiag_states = states;
    q.udiag_show = show;
    q.udiag_cookie[0] = q.udiag_cookie[1] = ~0u;
    return q;
}
void dump(Answer& out, const unix_diag_req& q) { ask(out, &q, sizeof q, NLM_F_DUMP); }
unix_diag_msg* body_of(nlmsghdr* h) { return static_cast<unix_diag_msg*>(NLMSG_DATA(h)); }

sockaddr_un unix_name(const char* text, bool abstract, socklen_t* length) {
    sockaddr_un a{};
    a.sun_family = AF_UNIX;
    strcpy(a.sun_path + abstract, text);
    *length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + strlen(text) + 1);
    return a;
}

TEST(net_sock_diag, a_unix_listener_shows_name_backlog_and_who_waits) {
    unlink("/tmp/sock-diag");
    Fd fd(socket(AF_UNIX, SOCK_STREAM, 0)), client(socket(AF_UNIX, SOCK_STREAM, 0));
    socklen_t length;
    sockaddr_un name = unix_name("/tmp/sock-diag", false, &length);
    ASSERT_OK(bind(fd, sa(&name), length));
    ASSERT_OK(listen(fd, 9));
    ASSERT_OK(connect(client, sa(&name), length));
    Answer a;
    dump(a, unix_request(UDIAG_SHOW_NAME | UDIAG_SHOW_VFS | UDIAG_SHOW_ICONS | UDIAG_SHOW_RQLEN | UDIAG_SHOW_PEER));
    nlmsghdr *h = a.unix_message(inode_of(fd)), *c = a.unix_message(inode_of(client));
    struct stat st{};
    stat("/tmp/sock-diag", &st);
    unlink("/tmp/sock-diag");
    ASSERT_TRUE(h && c);
    EXPECT_EQ(AF_UNIX, body_of(h)->udiag_family);
    EXPECT_EQ(SOCK_STREAM, body_of(h)->udiag_type);
    EXPECT_EQ(10, body_of(h)->udiag_state);
    rtattr* path = unix_attribute(h, UNIX_DIAG_NAME);
    ASSERT_NE(nullptr, path);
    EXPECT_EQ(strlen("/tmp/sock-diag") + 1, RTA_PAYLOAD(path));
    EXPECT_STREQ("/tmp/sock-diag", static_cast<char*>(RTA_DATA(path)));
    rtattr* queues = unix_attribute(h, UNIX_DIAG_RQLEN);
    ASSERT_NE(nullptr, queues);
    EXPECT_EQ(1u, static_cast<unix_diag_rqlen*>(RTA_DATA(queues))->udiag_rqueue);
    EXPECT_EQ(9u, static_cast<unix_diag_rqlen*>(RTA_DATA(queues))->udiag_wqueue);
    rtattr* vfs = unix_attribute(h, UNIX_DIAG_VFS);
    ASSERT_NE(nullptr, vfs);
    EXPECT_EQ(static_cast<uint32_t>(st.st_ino), static_cast<unix_diag_vfs*>(RTA_DATA(vfs))->udiag_vfs_ino);
    rtattr* waiting = unix_attribute(h, UNIX_DIAG_ICONS);
    ASSERT_NE(nullptr, waiting);
    ASSERT_EQ(sizeof(uint32_t), RTA_PAYLOAD(waiting));
    EXPECT_EQ(inode_of(client), *static_cast<uint32_t*>(RTA_DATA(waiting)));
    EXPECT_EQ(nullptr, unix_attribute(h, UNIX_DIAG_PEER));
    EXPECT_EQ(TCP_ESTABLISHED, body_of(c)->udiag_state);
    EXPECT_EQ(nullptr, unix_attribute(c, UNIX_DIAG_NAME)) << "the client has no name";
}
TEST(net_sock_diag, a_unix_pair_shows_peers_and_bytes) {
    int fds[2];
    ASSERT_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
    Fd one(fds[0]), other(fds[1]);
    ASSERT_EQ(4, write(one, "1234", 4));
    ASSERT_OK(shutdown(one, SHUT_WR));
    Answer a;
    dump(a, unix_request(UDIAG_SHOW_PEER | UDIAG_SHOW_RQLEN | UDIAG_SHOW_UID));
    nlmsghdr *h = a.unix_message(inode_of(one)), *o = a.unix_message(inode_of(other));
    ASSERT_TRUE(h && o);
    rtattr* peer = unix_attribute(h, UNIX_DIAG_PEER);
    ASSERT_NE(nullptr, peer);
    EXPECT_EQ(inode_of(other), *static_cast<uint32_t*>(RTA_DATA(peer)));
    rtattr* queues = unix_attribute(o, UNIX_DIAG_RQLEN);
    ASSERT_NE(nullptr, queues);
    EXPECT_EQ(4u, static_cast<unix_diag_rqlen*>(RTA_DATA(queues))->udiag_rqueue);
    EXPECT_EQ(2, u8_of(unix_attribute(h, UNIX_DIAG_SHUTDOWN)));
    EXPECT_EQ(1, u8_of(unix_attribute(o, UNIX_DIAG_SHUTDOWN)));
    rtattr* uid = unix_attribute(h, UNIX_DIAG_UID);
    ASSERT_NE(nullptr, uid);
    EXPECT_EQ(getuid(), *static_cast<uint32_t*>(RTA_DATA(uid)));
}
TEST(net_sock_diag, an_abstract_name_begins_with_NUL) {
    Fd fd(socket(AF_UNIX, SOCK_DGRAM, 0));
    socklen_t length;
    sockaddr_un name = unix_name("diag-abstract", true, &length);
    ASSERT_OK(bind(fd, sa(&name), length));
    Answer a;
    dump(a, unix_request(UDIAG_SHOW_NAME, 1 << 7 /* TCP_CLOSE */));
    nlmsghdr* h = a.unix_message(inode_of(fd));
    ASSERT_NE(nullptr, h);
    EXPECT_EQ(SOCK_DGRAM, body_of(h)->udiag_type);
    EXPECT_EQ(7, body_of(h)->udiag_state);
    rtattr* text = unix_attribute(h, UNIX_DIAG_NAME);
    ASSERT_NE(nullptr, text);
    ASSERT_EQ(strlen("diag-abstract") + 1, RTA_PAYLOAD(text));
    EXPECT_EQ(0, memcmp(RTA_DATA(text), "\0diag-abstract", RTA_PAYLOAD(text)));
}
TEST(net_sock_diag, one_unix_socket_by_its_inode) {
    Fd fd(socket(AF_UNIX, SOCK_DGRAM, 0));
    unix_diag_req q = unix_request(UDIAG_SHOW_NAME);
    q.udiag_ino = inode_of(fd);
    Answer a, b;
    ask(a, &q, sizeof q, 0);
    EXPECT_EQ(1, a.messages);
    EXPECT_NE(nullptr, a.unix_message(inode_of(fd)));
    q.udiag_cookie[0] = 0xabcdef01;
    ask(b, &q, sizeof q, 0);
    EXPECT_EQ(ESTALE, b.error);
}
TEST(net_sock_diag, EINVAL_unix_socket_without_an_inode_ENOENT_with_a_wrong_one) {
    unix_diag_req q = unix_request(0);
    Answer a, b;
    ask(a, &q, sizeof q, 0);
    EXPECT_EQ(EINVAL, a.error);
    q.udiag_ino = 0xfffffffe;
    ask(b, &q, sizeof q, 0);
    EXPECT_EQ(ENOENT, b.error);
}

// --- netlink sockets ---

TEST(net_sock_diag, a_netlink_socket_shows_its_port_and_groups) {
    Fd fd(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
    sockaddr_nl name{};
    name.nl_family = AF_NETLINK;
    name.nl_groups = RTMGRP_LINK;
    socklen_t length = sizeof name;
    ASSERT_OK(bind(fd, sa(&name), sizeof name));
    ASSERT_OK(getsockname(fd, sa(&name), &length));
    netlink_diag_req q{};
    q.sdiag_family = AF_NETLINK;
    q.sdiag_protocol = NDIAG_PROTO_ALL;
    q.ndiag_show = NDIAG_SHOW_GROUPS | NDIAG_SHOW_MEMINFO;
    Answer a, b, c;
    ask(a, &q, sizeof q, NLM_F_DUMP);
    EXPECT_TRUE(a.done);
    nlmsghdr* h = a.find(inode_of(fd), &netlink_diag_msg::ndiag_ino);
    ASSERT_NE(nullptr, h);
    auto* m = static_cast<netlink_diag_msg*>(NLMSG_DATA(h));
    EXPECT_EQ(AF_NETLINK, m->ndiag_family);
    EXPECT_EQ(SOCK_RAW, m->ndiag_type);
    EXPECT_EQ(NETLINK_ROUTE, m->ndiag_protocol);
    EXPECT_EQ(name.nl_pid, m->ndiag_portid);
    rtattr* groups = attribute(h, sizeof *m, NETLINK_DIAG_GROUPS);
    ASSERT_NE(nullptr, groups);
    EXPECT_EQ(RTMGRP_LINK, *static_cast<int*>(RTA_DATA(groups)));
    EXPECT_NE(nullptr, attribute(h, sizeof *m, NETLINK_DIAG_MEMINFO));
    // Another protocol's are others, and one socket cannot be asked for.
    q.sdiag_protocol = NETLINK_SOCK_DIAG;
    ask(b, &q, sizeof q, NLM_F_DUMP);
    EXPECT_EQ(nullptr, b.find(inode_of(fd), &netlink_diag_msg::ndiag_ino));
    EXPECT_GE(b.messages, 1);
    ask(c, &q, sizeof q, 0);
    EXPECT_EQ(EOPNOTSUPP, c.error);
}

TEST(sys_bind, the_first_netlink_socket_of_a_process_has_its_pid) {
    EXPECT_CHILD_OK([] {
        auto port_of = [](int fd, uint32_t wanted = 0) {
            sockaddr_nl a{};
            a.nl_family = AF_NETLINK;
            a.nl_pid = wanted;
            socklen_t length = sizeof a;
            if (bind(fd, sa(&a), sizeof a) != 0 || getsockname(fd, sa(&a), &length) != 0) return 0u;
            return a.nl_pid;
        };
        Fd first(socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE)), second(socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE)),
            third(socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE)), other(socket(AF_NETLINK, SOCK_RAW, NETLINK_SOCK_DIAG));
        const auto pid = static_cast<uint32_t>(getpid());
        CHECK(port_of(first) == pid);
        const uint32_t another = port_of(second);
        CHECK(another != 0 && another != pid && static_cast<int>(another) < 0);
        sockaddr_nl none{};
        none.nl_family = AF_NETLINK;
        CHECK_ERRNO(bind(second, sa(&none), sizeof none), EINVAL); // it has a port already
        CHECK(port_of(other) == pid);
        CHECK(port_of(third, 123456) == 123456);
        Fd fourth(socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE));
        sockaddr_nl a{};
        a.nl_family = AF_NETLINK;
        a.nl_pid = pid;
        CHECK_ERRNO(bind(fourth, sa(&a), sizeof a), EADDRINUSE);
        return 0;
    });
}

// --- /proc ---

TEST(proc_net_sockstat, counts_sockets) {
    auto used = [] {
        char text[512] = {};
        Fd fd(open("/proc/net/sockstat", O_RDONLY));
        read(fd, text, sizeof text - 1);
        int n = -1;
        sscanf(text, "sockets: used %d", &n);
        return n;
    };
    int before = used();
    Fd a(socket(AF_UNIX, SOCK_STREAM, 0)), b(socket(AF_INET, SOCK_STREAM, 0)), c(socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE));
    EXPECT_GE(used(), before + 3);
}
TEST(proc_net_sockstat6, has_a_line_for_each_protocol) {
    char text[512] = {};
    Fd fd(open("/proc/net/sockstat6", O_RDONLY));
    ASSERT_TRUE(fd.valid());
    read(fd, text, sizeof text - 1);
    const char* const names[] = {"TCP6: inuse ", "UDP6: inuse ", "RAW6: inuse "};
    for (const char* name : names) EXPECT_NE(nullptr, strstr(text, name)) << name;
}
TEST(proc_net_snmp, counts_connections) {
    struct Tcp {
        long active = 0, passive = 0, established = 0;
        Tcp() {
            static char text[16384];
            Fd fd(open("/proc/net/snmp", O_RDONLY));
            ssize_t n = read(fd, text, sizeof text - 1);
            text[n > 0 ? n : 0] = 0;
            const char* names = strstr(text, "Tcp: RtoAlgorithm");
            const char* values = names ? strstr(names + 1, "\nTcp: ") : nullptr;
            if (values) sscanf(values, "\nTcp: %*s %*s %*s %*s %ld %ld %*s %*s %ld", &active, &passive, &established);
        }
    } before;
    TcpPair p;
    Tcp after;
    EXPECT_GE(after.active, before.active + 1);
    EXPECT_GE(after.passive, before.passive + 1);
    EXPECT_GE(after.established, 2);
}

} // namespace
