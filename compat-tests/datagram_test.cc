// UDP, UNIX sockets (names, descriptors, credentials), netlink and interface requests.
#include "support.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>

namespace {

sockaddr_in loopback(uint16_t port = 0) {
    sockaddr_in a{};
    a.sin_family = AF_INET;
    a.sin_port = htons(port);
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return a;
}

template <class A>
sockaddr* sa(A* a) {
    return reinterpret_cast<sockaddr*>(a);
}

struct Udp {
    Fd fd{socket(AF_INET, SOCK_DGRAM, 0)};
    sockaddr_in name = loopback();
    Udp() {
        bind(fd, sa(&name), sizeof(name));
        socklen_t len = sizeof(name);
        getsockname(fd, sa(&name), &len);
    }
};

sockaddr_un unix_name(const char* path) {
    sockaddr_un a{};
    a.sun_family = AF_UNIX;
    snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
    return a;
}

// An abstract name: a NUL, then the text. Returns the address length.
socklen_t abstract_name(sockaddr_un* a, const char* text) {
    *a = {};
    a->sun_family = AF_UNIX;
    memcpy(a->sun_path + 1, text, strlen(text));
    return static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + strlen(text));
}

struct UnixPair {
    Fd a, b;
    explicit UnixPair(int type = SOCK_STREAM) {
        int fds[2];
        if (socketpair(AF_UNIX, type, 0, fds) == 0) {
            a.reset(fds[0]);
            b.reset(fds[1]);
        }
    }
};

// Sends one byte and these descriptors.
ssize_t send_fds(int socket, const int* fds, int count) {
    char c = 'f';
    iovec v{&c, 1};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * 8)] = {};
    msghdr m{};
    m.msg_iov = &v;
    m.msg_iovlen = 1;
    m.msg_control = control;
    m.msg_controllen = CMSG_SPACE(sizeof(int) * count);
    cmsghdr* h = CMSG_FIRSTHDR(&m);
    h->cmsg_level = SOL_SOCKET;
    h->cmsg_type = SCM_RIGHTS;
    h->cmsg_len = CMSG_LEN(sizeof(int) * count);
    memcpy(CMSG_DATA(h), fds, sizeof(int) * count);
    return sendmsg(socket, &m, 0);
}

// Receives one byte and up to 8 descriptors; returns how many, -1 on error.
int receive_fds(int socket, int* fds, int flags = 0, int* msg_flags = nullptr, size_t room = 8) {
    char c;
    iovec v{&c, 1};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * 8)] = {};
    msghdr m{};
    m.msg_iov = &v;
    m.msg_iovlen = 1;
    m.msg_control = control;
    m.msg_controllen = room ? CMSG_SPACE(sizeof(int) * room) : 0;
    if (recvmsg(socket, &m, flags) < 0) {
        return -1;
    }
    if (msg_flags) {
        *msg_flags = m.msg_flags;
    }
    cmsghdr* h = CMSG_FIRSTHDR(&m);
    if (!h || h->cmsg_type != SCM_RIGHTS) {
        return 0;
    }
    int n = static_cast<int>((h->cmsg_len - CMSG_LEN(0)) / sizeof(int));
    memcpy(fds, CMSG_DATA(h), n * sizeof(int));
    return n;
}

} // namespace

TEST(sys_sendto, udp_datagram_arrives_whole_with_its_sender) {
    Udp a, b;
    EXPECT_EQ(5, sendto(a.fd, "hello", 5, 0, sa(&b.name), sizeof(b.name)));
    char buf[16] = {};
    sockaddr_in from{};
    socklen_t len = sizeof(from);
    EXPECT_EQ(5, recvfrom(b.fd, buf, sizeof(buf), 0, sa(&from), &len));
    EXPECT_STREQ("hello", buf);
    EXPECT_EQ(a.name.sin_port, from.sin_port);
}
TEST(sys_sendto, udp_empty_datagram_is_a_datagram) {
    Udp a, b;
    EXPECT_EQ(0, sendto(a.fd, nullptr, 0, 0, sa(&b.name), sizeof(b.name)));
    char c;
    EXPECT_EQ(0, recv(b.fd, &c, 1, 0));
}
TEST(sys_sendto, EMSGSIZE_on_65508_bytes_of_udp) {
    Udp a, b;
    static char big[65508];
    EXPECT_ERRNO(sendto(a.fd, big, sizeof(big), 0, sa(&b.name), sizeof(b.name)), EMSGSIZE);
}
TEST(sys_sendto, EDESTADDRREQ_without_a_target) {
    Fd fd(socket(AF_INET, SOCK_DGRAM, 0));
    EXPECT_ERRNO(send(fd, "x", 1, 0), EDESTADDRREQ);
}
TEST(sys_sendto, ECONNREFUSED_on_connected_udp_without_receiver) {
    Fd fd(socket(AF_INET, SOCK_DGRAM, 0));
    sockaddr_in to;
    {
        Udp gone;
        to = gone.name;
    }
    ASSERT_OK(connect(fd, sa(&to), sizeof(to)));
    EXPECT_EQ(1, send(fd, "x", 1, 0));
    pollfd p{fd, POLLIN, 0};
    poll(&p, 1, 30000);
    EXPECT_ERRNO(recv(fd, &to, 1, 0), ECONNREFUSED);
}
TEST(sys_recvfrom, udp_rest_is_cut_and_MSG_TRUNC_tells_the_length) {
    Udp a, b;
    sendto(a.fd, "0123456789", 10, 0, sa(&b.name), sizeof(b.name));
    sendto(a.fd, "abc", 3, 0, sa(&b.name), sizeof(b.name));
    char buf[16] = {};
    EXPECT_EQ(10, recv(b.fd, buf, 4, MSG_TRUNC));
    EXPECT_EQ(3, recv(b.fd, buf, 16, 0));
}
TEST(sys_recvfrom, connected_udp_socket_hears_only_its_peer) {
    Udp a, b, c;
    ASSERT_OK(connect(b.fd, sa(&a.name), sizeof(a.name)));
    sendto(c.fd, "no", 2, 0, sa(&b.name), sizeof(b.name));
    sendto(a.fd, "yes", 3, 0, sa(&b.name), sizeof(b.name));
    char buf[8] = {};
    EXPECT_EQ(3, recv(b.fd, buf, 8, 0));
    EXPECT_STREQ("yes", buf);
}
TEST(sys_connect, udp_is_dissolved_by_AF_UNSPEC) {
    Udp a, b;
    ASSERT_OK(connect(a.fd, sa(&b.name), sizeof(b.name)));
    sockaddr none{};
    none.sa_family = AF_UNSPEC;
    EXPECT_OK(connect(a.fd, &none, sizeof(none)));
    sockaddr_in peer;
    socklen_t len = sizeof(peer);
    EXPECT_ERRNO(getpeername(a.fd, sa(&peer), &len), ENOTCONN);
}
namespace {
sockaddr_in6 name6_of(int fd) {
    sockaddr_in6 n{};
    socklen_t len = sizeof(n);
    EXPECT_OK(getsockname(fd, sa(&n), &len));
    EXPECT_EQ(sizeof(n), len);
    return n;
}
} // namespace
TEST(sys_connect, udp_AF_UNSPEC_gives_up_the_address_and_port_that_bind_did_not_choose) {
    Udp b;
    Fd a(socket(AF_INET, SOCK_DGRAM, 0));
    ASSERT_OK(connect(a, sa(&b.name), sizeof(b.name)));
    sockaddr_in n{};
    socklen_t len = sizeof(n);
    ASSERT_OK(getsockname(a, sa(&n), &len));
    EXPECT_EQ(htonl(INADDR_LOOPBACK), n.sin_addr.s_addr);
    EXPECT_NE(0, n.sin_port);
    sockaddr none{};
    ASSERT_OK(connect(a, &none, sizeof(none)));
    ASSERT_OK(getsockname(a, sa(&n), &len));
    EXPECT_EQ(0u, n.sin_addr.s_addr);
    EXPECT_EQ(0, n.sin_port);
    // It can be used again.
    EXPECT_EQ(1, sendto(a, "x", 1, 0, sa(&b.name), sizeof(b.name)));
    char c;
    EXPECT_EQ(1, recv(b.fd, &c, 1, 0));
}
TEST(sys_connect, udp_AF_UNSPEC_keeps_what_bind_chose) {
    Udp a, b; // bound to the loopback address and any port: that was not chosen
    ASSERT_OK(connect(a.fd, sa(&b.name), sizeof(b.name)));
    sockaddr none{};
    ASSERT_OK(connect(a.fd, &none, sizeof(none)));
    sockaddr_in n{};
    socklen_t len = sizeof(n);
    ASSERT_OK(getsockname(a.fd, sa(&n), &len));
    EXPECT_EQ(htonl(INADDR_LOOPBACK), n.sin_addr.s_addr);
    Fd c(socket(AF_INET, SOCK_DGRAM, 0));
    sockaddr_in wanted = a.name; // free again, unless another process was given it meanwhile
    if (bind(c, sa(&wanted), sizeof(wanted)) == 0) {
        ASSERT_OK(connect(c, sa(&b.name), sizeof(b.name)));
        ASSERT_OK(connect(c, &none, sizeof(none)));
        ASSERT_OK(getsockname(c, sa(&n), &len));
        EXPECT_EQ(wanted.sin_port, n.sin_port);
        EXPECT_EQ(wanted.sin_addr.s_addr, n.sin_addr.s_addr);
    }
}
TEST(sys_connect, udp6_to_an_AF_INET_address_has_a_mapped_name) {
    // glibc's getaddrinfo sorts its answers so: one socket, to ::1, to nowhere, to an IPv4 address.
    Fd a(socket(AF_INET6, SOCK_DGRAM, 0));
    sockaddr_in6 six{};
    six.sin6_family = AF_INET6;
    six.sin6_port = htons(5432);
    sockaddr_in6 n;
    if (connect(a, sa(&six), sizeof(six)) == 0) {
        n = name6_of(a);
        EXPECT_TRUE(IN6_IS_ADDR_LOOPBACK(&n.sin6_addr));
    }
    const uint32_t addresses[] = {0, htonl(INADDR_LOOPBACK)};
    for (uint32_t address : addresses) {
        sockaddr none{};
        ASSERT_OK(connect(a, &none, sizeof(none)));
        n = name6_of(a);
        EXPECT_TRUE(IN6_IS_ADDR_UNSPECIFIED(&n.sin6_addr));
        EXPECT_EQ(0, n.sin6_port);
        sockaddr_in four{};
        four.sin_family = AF_INET;
        four.sin_port = htons(5432);
        four.sin_addr.s_addr = address;
        ASSERT_OK(connect(a, sa(&four), sizeof(four)));
        n = name6_of(a);
        EXPECT_TRUE(IN6_IS_ADDR_V4MAPPED(&n.sin6_addr));
        EXPECT_EQ(htonl(INADDR_LOOPBACK), reinterpret_cast<uint32_t*>(&n.sin6_addr)[3]);
    }
}
TEST(sys_recvmsg, udp_sets_MSG_TRUNC) {
    Udp a, b;
    sendto(a.fd, "0123456789", 10, 0, sa(&b.name), sizeof(b.name));
    char buf[4];
    iovec v{buf, 4};
    msghdr m{};
    m.msg_iov = &v;
    m.msg_iovlen = 1;
    EXPECT_EQ(4, recvmsg(b.fd, &m, 0));
    EXPECT_EQ(MSG_TRUNC, m.msg_flags & MSG_TRUNC);
}
TEST(sys_recvmsg, IP_PKTINFO_tells_the_target_address) {
    Udp a, b;
    int on = 1;
    ASSERT_OK(setsockopt(b.fd, IPPROTO_IP, IP_PKTINFO, &on, 4));
    sendto(a.fd, "x", 1, 0, sa(&b.name), sizeof(b.name));
    char c;
    iovec v{&c, 1};
    alignas(cmsghdr) char control[128];
    msghdr m{};
    m.msg_iov = &v;
    m.msg_iovlen = 1;
    m.msg_control = control;
    m.msg_controllen = sizeof(control);
    ASSERT_EQ(1, recvmsg(b.fd, &m, 0));
    cmsghdr* h = CMSG_FIRSTHDR(&m);
    ASSERT_TRUE(h != nullptr);
    EXPECT_EQ(IP_PKTINFO, h->cmsg_type);
    in_pktinfo info;
    memcpy(&info, CMSG_DATA(h), sizeof(info));
    EXPECT_EQ(htonl(INADDR_LOOPBACK), info.ipi_addr.s_addr);
}
TEST(sys_sendmmsg, sends_several_and_recvmmsg_receives_them) {
    Udp a, b;
    char x[2] = {'1', '2'}, in[2] = {};
    iovec ov[2] = {{&x[0], 1}, {&x[1], 1}}, iv[2] = {{&in[0], 1}, {&in[1], 1}};
    mmsghdr out[2] = {}, got[2] = {};
    for (int i = 0; i < 2; i++) {
        out[i].msg_hdr.msg_iov = &ov[i];
        out[i].msg_hdr.msg_iovlen = 1;
        out[i].msg_hdr.msg_name = &b.name;
        out[i].msg_hdr.msg_namelen = sizeof(b.name);
        got[i].msg_hdr.msg_iov = &iv[i];
        got[i].msg_hdr.msg_iovlen = 1;
    }
    EXPECT_EQ(2, sys(SYS_sendmmsg, a.fd.get(), out, 2, 0));
    EXPECT_EQ(2, sys(SYS_recvmmsg, b.fd.get(), got, 2, 0, nullptr));
    EXPECT_EQ('1', in[0]);
    EXPECT_EQ('2', in[1]);
    EXPECT_EQ(1u, got[1].msg_len);
}
TEST(sys_sendmmsg, ENOTSOCK_on_pipe) {
    Pipe p;
    mmsghdr m{};
    EXPECT_ERRNO(sys(SYS_sendmmsg, p.w.get(), &m, 1, 0), ENOTSOCK);
}
TEST(sys_recvmmsg, MSG_WAITFORONE_returns_with_what_is_there) {
    Udp a, b;
    sendto(a.fd, "x", 1, 0, sa(&b.name), sizeof(b.name));
    char in[2];
    iovec v[2] = {{&in[0], 1}, {&in[1], 1}};
    mmsghdr got[2] = {};
    for (int i = 0; i < 2; i++) {
        got[i].msg_hdr.msg_iov = &v[i];
        got[i].msg_hdr.msg_iovlen = 1;
    }
    EXPECT_EQ(1, sys(SYS_recvmmsg, b.fd.get(), got, 2, MSG_WAITFORONE, nullptr));
}
TEST(sys_recvmmsg, EAGAIN_when_empty) {
    Udp a;
    mmsghdr m{};
    EXPECT_ERRNO(sys(SYS_recvmmsg, a.fd.get(), &m, 1, MSG_DONTWAIT, nullptr), EAGAIN);
}
TEST(sys_recvmmsg, EINVAL_on_bad_time) {
    Udp a;
    mmsghdr m{};
    timespec ts{0, -1};
    EXPECT_ERRNO(sys(SYS_recvmmsg, a.fd.get(), &m, 1, 0, &ts), EINVAL);
}
TEST(net_udp, IPv6_loopback) {
    Fd a(socket(AF_INET6, SOCK_DGRAM, 0)), b(socket(AF_INET6, SOCK_DGRAM, 0));
    sockaddr_in6 at{};
    at.sin6_family = AF_INET6;
    at.sin6_addr = in6addr_loopback;
    ASSERT_OK(bind(b, sa(&at), sizeof(at)));
    socklen_t len = sizeof(at);
    getsockname(b, sa(&at), &len);
    EXPECT_EQ(2, sendto(a, "v6", 2, 0, sa(&at), sizeof(at)));
    char buf[4] = {};
    EXPECT_EQ(2, recv(b, buf, 4, 0));
}
TEST(net_udp, EACCES_on_broadcast_without_the_option) {
    Fd fd(socket(AF_INET, SOCK_DGRAM, 0));
    sockaddr_in a = loopback(9);
    a.sin_addr.s_addr = htonl(0x7fffffff); // 127.255.255.255
    EXPECT_ERRNO(sendto(fd, "x", 1, 0, sa(&a), sizeof(a)), EACCES);
}

TEST(sys_socketpair, connects_two_ends) {
    UnixPair p;
    EXPECT_EQ(3, write(p.a, "abc", 3));
    char buf[8] = {};
    EXPECT_EQ(3, read(p.b, buf, 8));
    p.a.reset();
    EXPECT_EQ(0, read(p.b, buf, 8));
}
TEST(sys_socketpair, datagrams_keep_their_bounds) {
    UnixPair p(SOCK_DGRAM);
    write(p.a, "one", 3);
    write(p.a, "three", 5);
    char buf[16];
    EXPECT_EQ(3, read(p.b, buf, 16));
    EXPECT_EQ(5, read(p.b, buf, 16));
}
TEST(sys_socketpair, EOPNOTSUPP_for_inet) {
    int fds[2];
    EXPECT_ERRNO(socketpair(AF_INET, SOCK_STREAM, 0, fds), EOPNOTSUPP);
}
TEST(sys_socketpair, EFAULT_on_bad_pointer) {
    EXPECT_ERRNO(sys(SYS_socketpair, AF_UNIX, SOCK_STREAM, 0, unmapped_address), EFAULT);
}
TEST(sys_bind, unix_name_makes_a_socket_file) {
    TempDir d;
    Fd l(socket(AF_UNIX, SOCK_STREAM, 0)), c(socket(AF_UNIX, SOCK_STREAM, 0));
    sockaddr_un a = unix_name(d / "s");
    ASSERT_OK(bind(l, sa(&a), sizeof(a)));
    struct stat st;
    stat(d / "s", &st);
    EXPECT_TRUE(S_ISSOCK(st.st_mode));
    ASSERT_OK(listen(l, 1));
    ASSERT_OK(connect(c, sa(&a), sizeof(a)));
    Fd s(accept(l, nullptr, nullptr));
    write(c, "x", 1);
    char b;
    EXPECT_EQ(1, read(s, &b, 1));
}
TEST(sys_bind, EADDRINUSE_on_existing_unix_name) {
    TempDir d;
    write_file(d / "s", "");
    Fd l(socket(AF_UNIX, SOCK_STREAM, 0));
    sockaddr_un a = unix_name(d / "s");
    EXPECT_ERRNO(bind(l, sa(&a), sizeof(a)), EADDRINUSE);
}
TEST(sys_bind, abstract_unix_name_leaves_no_file_and_goes_with_the_socket) {
    sockaddr_un a;
    socklen_t len = abstract_name(&a, "linnet-compat-abstract");
    {
        Fd l(socket(AF_UNIX, SOCK_STREAM, 0)), c(socket(AF_UNIX, SOCK_STREAM, 0));
        ASSERT_OK(bind(l, sa(&a), len));
        ASSERT_OK(listen(l, 1));
        EXPECT_OK(connect(c, sa(&a), len));
        sockaddr_un got{};
        socklen_t got_len = sizeof(got);
        EXPECT_OK(getsockname(l, sa(&got), &got_len));
        EXPECT_EQ(len, got_len);
    }
    Fd c(socket(AF_UNIX, SOCK_STREAM, 0));
    EXPECT_ERRNO(connect(c, sa(&a), len), ECONNREFUSED);
}
TEST(sys_bind, unix_autobind_gives_an_abstract_name) {
    Fd fd(socket(AF_UNIX, SOCK_DGRAM, 0));
    sockaddr_un a{};
    a.sun_family = AF_UNIX;
    ASSERT_OK(bind(fd, sa(&a), sizeof(sa_family_t)));
    socklen_t len = sizeof(a);
    getsockname(fd, sa(&a), &len);
    EXPECT_EQ(sizeof(sa_family_t) + 6, len);
    EXPECT_EQ(0, a.sun_path[0]);
}
TEST(sys_connect, ENOENT_on_missing_and_ECONNREFUSED_on_stale_unix_name) {
    TempDir d;
    Fd c(socket(AF_UNIX, SOCK_STREAM, 0));
    sockaddr_un a = unix_name(d / "s");
    EXPECT_ERRNO(connect(c, sa(&a), sizeof(a)), ENOENT);
    {
        Fd l(socket(AF_UNIX, SOCK_STREAM, 0));
        ASSERT_OK(bind(l, sa(&a), sizeof(a)));
    }
    EXPECT_ERRNO(connect(c, sa(&a), sizeof(a)), ECONNREFUSED);
}
TEST(sys_connect, EPROTOTYPE_on_unix_socket_of_another_type) {
    TempDir d;
    Fd l(socket(AF_UNIX, SOCK_DGRAM, 0)), c(socket(AF_UNIX, SOCK_STREAM, 0));
    sockaddr_un a = unix_name(d / "s");
    ASSERT_OK(bind(l, sa(&a), sizeof(a)));
    EXPECT_ERRNO(connect(c, sa(&a), sizeof(a)), EPROTOTYPE);
}
TEST(sys_connect, EAGAIN_when_the_unix_backlog_is_full) {
    sockaddr_un a;
    socklen_t len = abstract_name(&a, "linnet-compat-backlog");
    Fd l(socket(AF_UNIX, SOCK_STREAM, 0));
    ASSERT_OK(bind(l, sa(&a), len));
    ASSERT_OK(listen(l, 0));
    Fd c1(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0)), c2(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0));
    EXPECT_OK(connect(c1, sa(&a), len));
    EXPECT_ERRNO(connect(c2, sa(&a), len), EAGAIN);
}
TEST(sys_open, ENXIO_on_socket_file) {
    TempDir d;
    Fd l(socket(AF_UNIX, SOCK_STREAM, 0));
    sockaddr_un a = unix_name(d / "s");
    ASSERT_OK(bind(l, sa(&a), sizeof(a)));
    EXPECT_ERRNO(open(d / "s", O_RDWR), ENXIO);
}
TEST(sys_sendmsg, SCM_RIGHTS_passes_a_descriptor) {
    UnixPair p;
    Fd f(memfd());
    write(f, "passed", 6);
    int out = f, in[8];
    EXPECT_EQ(1, send_fds(p.a, &out, 1));
    ASSERT_EQ(1, receive_fds(p.b, in));
    Fd got(in[0]);
    EXPECT_NE(f.get(), got.get());
    char buf[8] = {};
    EXPECT_EQ(6, pread(got, buf, 8, 0));
    EXPECT_STREQ("passed", buf);
    EXPECT_EQ(6, lseek(got, 0, SEEK_CUR));
}
TEST(sys_sendmsg, SCM_RIGHTS_survives_the_close_of_the_sender) {
    UnixPair p;
    int in[8];
    {
        Pipe pipe;
        write(pipe.w, "q", 1);
        int out = pipe.r;
        send_fds(p.a, &out, 1);
    }
    p.a.reset();
    ASSERT_EQ(1, receive_fds(p.b, in));
    Fd got(in[0]);
    char c = 0;
    EXPECT_EQ(1, read(got, &c, 1));
    EXPECT_EQ('q', c);
    EXPECT_EQ(0, read(got, &c, 1));
}
TEST(sys_sendmsg, EBADF_on_passing_a_closed_descriptor) {
    UnixPair p;
    int out = closed_fd();
    EXPECT_ERRNO(send_fds(p.a, &out, 1), EBADF);
}
TEST(sys_recvmsg, MSG_CMSG_CLOEXEC_marks_received_descriptors) {
    UnixPair p;
    int out = p.a, in[8];
    send_fds(p.a, &out, 1);
    ASSERT_EQ(1, receive_fds(p.b, in, MSG_CMSG_CLOEXEC));
    Fd got(in[0]);
    EXPECT_EQ(FD_CLOEXEC, fcntl(got, F_GETFD));
}
TEST(sys_recvmsg, MSG_CTRUNC_when_there_is_no_room_for_descriptors) {
    UnixPair p;
    int before = closed_fd();
    int out = p.a, in[8], flags = 0;
    send_fds(p.a, &out, 1);
    EXPECT_EQ(0, receive_fds(p.b, in, 0, &flags, 0));
    EXPECT_EQ(MSG_CTRUNC, flags & MSG_CTRUNC);
    EXPECT_EQ(before, closed_fd());
}
TEST(sys_recvmsg, SCM_CREDENTIALS_tells_the_sender) {
    UnixPair p;
    int on = 1;
    ASSERT_OK(setsockopt(p.b, SOL_SOCKET, SO_PASSCRED, &on, 4));
    write(p.a, "x", 1);
    char c;
    iovec v{&c, 1};
    alignas(cmsghdr) char control[128];
    msghdr m{};
    m.msg_iov = &v;
    m.msg_iovlen = 1;
    m.msg_control = control;
    m.msg_controllen = sizeof(control);
    ASSERT_EQ(1, recvmsg(p.b, &m, 0));
    cmsghdr* h = CMSG_FIRSTHDR(&m);
    ASSERT_TRUE(h != nullptr);
    EXPECT_EQ(SCM_CREDENTIALS, h->cmsg_type);
    ucred u{};
    memcpy(&u, CMSG_DATA(h), sizeof(u));
    EXPECT_EQ(getpid(), u.pid);
}
TEST(sys_getsockopt, SO_PEERCRED_names_the_peer) {
    UnixPair p;
    ucred u{};
    socklen_t len = sizeof(u);
    EXPECT_OK(getsockopt(p.a, SOL_SOCKET, SO_PEERCRED, &u, &len));
    EXPECT_EQ(getpid(), u.pid);
    EXPECT_EQ(0u, u.uid);
}
TEST(sys_sendto, EPIPE_on_unix_stream_without_peer) {
    UnixPair p;
    p.b.reset();
    EXPECT_ERRNO(send(p.a, "x", 1, MSG_NOSIGNAL), EPIPE);
}
TEST(sys_sendto, ECONNREFUSED_on_unix_datagram_without_peer) {
    UnixPair p(SOCK_DGRAM);
    p.b.reset();
    EXPECT_ERRNO(send(p.a, "x", 1, MSG_NOSIGNAL), ECONNREFUSED);
}
TEST(sys_sendto, unix_datagrams_by_name) {
    TempDir d;
    Fd a(socket(AF_UNIX, SOCK_DGRAM, 0)), b(socket(AF_UNIX, SOCK_DGRAM, 0));
    sockaddr_un na = unix_name(d / "a"), nb = unix_name(d / "b"), from{};
    ASSERT_OK(bind(a, sa(&na), sizeof(na)));
    ASSERT_OK(bind(b, sa(&nb), sizeof(nb)));
    EXPECT_EQ(2, sendto(a, "hi", 2, 0, sa(&nb), sizeof(nb)));
    char buf[8];
    socklen_t len = sizeof(from);
    EXPECT_EQ(2, recvfrom(b, buf, 8, 0, sa(&from), &len));
    EXPECT_STREQ(d / "a", from.sun_path);
}
TEST(sys_shutdown, unix_write_side_gives_the_peer_end_of_file) {
    UnixPair p;
    EXPECT_OK(shutdown(p.a, SHUT_WR));
    char c;
    EXPECT_EQ(0, read(p.b, &c, 1));
    EXPECT_EQ(1, write(p.b, "x", 1));
    EXPECT_EQ(1, read(p.a, &c, 1));
}
TEST(sys_recvfrom, ECONNRESET_on_unix_stream_closed_with_unread_data) {
    UnixPair p;
    write(p.a, "unread", 6);
    p.b.reset();
    char c;
    EXPECT_ERRNO(recv(p.a, &c, 1, 0), ECONNRESET);
}
TEST(sys_poll, unix_peer_close_is_POLLIN_POLLHUP) {
    UnixPair p;
    p.b.reset();
    pollfd f{p.a, POLLIN | POLLRDHUP, 0};
    EXPECT_EQ(1, poll(&f, 1, 0));
    EXPECT_EQ(POLLIN | POLLHUP | POLLRDHUP, f.revents);
}

TEST(net_netlink, getifaddrs_lists_the_loopback_interface) {
    ifaddrs* all = nullptr;
    ASSERT_EQ(0, getifaddrs(&all));
    bool v4 = false, up = false;
    for (ifaddrs* i = all; i; i = i->ifa_next) {
        if (strcmp(i->ifa_name, "lo") == 0 && i->ifa_addr && i->ifa_addr->sa_family == AF_INET) {
            v4 = reinterpret_cast<sockaddr_in*>(i->ifa_addr)->sin_addr.s_addr == htonl(INADDR_LOOPBACK);
            up = (i->ifa_flags & IFF_UP) && (i->ifa_flags & IFF_LOOPBACK);
        }
    }
    freeifaddrs(all);
    EXPECT_TRUE(v4);
    EXPECT_TRUE(up);
}
TEST(net_netlink, RTM_GETLINK_dump_ends_with_DONE) {
    Fd fd(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
    ASSERT_TRUE(fd.valid());
    struct {
        nlmsghdr h;
        rtgenmsg g;
    } request{};
    request.h.nlmsg_len = NLMSG_LENGTH(sizeof(rtgenmsg));
    request.h.nlmsg_type = RTM_GETLINK;
    request.h.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    request.h.nlmsg_seq = 77;
    request.g.rtgen_family = AF_UNSPEC;
    ASSERT_EQ(static_cast<ssize_t>(request.h.nlmsg_len), send(fd, &request, request.h.nlmsg_len, 0));
    int links = 0;
    bool done = false;
    alignas(nlmsghdr) static char buf[32768];
    while (!done) {
        ssize_t n = recv(fd, buf, sizeof(buf), 0);
        ASSERT_GT(n, 0);
        for (auto* h = reinterpret_cast<nlmsghdr*>(buf); NLMSG_OK(h, n); h = NLMSG_NEXT(h, n)) {
            EXPECT_EQ(77u, h->nlmsg_seq);
            links += h->nlmsg_type == RTM_NEWLINK;
            done = done || h->nlmsg_type == NLMSG_DONE;
        }
    }
    EXPECT_GE(links, 1);
}
TEST(net_netlink, name_has_the_family_and_a_port_id) {
    Fd fd(socket(AF_NETLINK, SOCK_DGRAM, NETLINK_ROUTE));
    sockaddr_nl a{};
    a.nl_family = AF_NETLINK;
    ASSERT_OK(bind(fd, sa(&a), sizeof(a)));
    socklen_t len = sizeof(a);
    EXPECT_OK(getsockname(fd, sa(&a), &len));
    EXPECT_EQ(sizeof(a), len);
    EXPECT_NE(0u, a.nl_pid);
}
TEST(net_netlink, EPROTONOSUPPORT_on_unknown_protocol) {
    EXPECT_ERRNO(socket(AF_NETLINK, SOCK_RAW, 99), EPROTONOSUPPORT);
}
TEST(net_interface, SIOCGIF_requests_describe_lo) {
    Fd fd(socket(AF_INET, SOCK_DGRAM, 0));
    ifreq r{};
    snprintf(r.ifr_name, sizeof(r.ifr_name), "lo");
    EXPECT_OK(ioctl(fd, SIOCGIFFLAGS, &r));
    EXPECT_TRUE(r.ifr_flags & IFF_LOOPBACK);
    EXPECT_OK(ioctl(fd, SIOCGIFADDR, &r));
    EXPECT_EQ(htonl(INADDR_LOOPBACK), reinterpret_cast<sockaddr_in*>(&r.ifr_addr)->sin_addr.s_addr);
    EXPECT_OK(ioctl(fd, SIOCGIFMTU, &r));
    EXPECT_EQ(65536, r.ifr_mtu);
    EXPECT_EQ(1u, if_nametoindex("lo"));
}
TEST(net_interface, ENODEV_on_unknown_interface) {
    Fd fd(socket(AF_INET, SOCK_DGRAM, 0));
    ifreq r{};
    snprintf(r.ifr_name, sizeof(r.ifr_name), "nope0");
    EXPECT_ERRNO(ioctl(fd, SIOCGIFFLAGS, &r), ENODEV);
}
