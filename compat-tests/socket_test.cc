// Sockets: creation, addresses, options and errors that do not depend on the protocol; TCP over loopback.
#include "support.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>

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

uint16_t port_of(int fd) {
    sockaddr_in a{};
    socklen_t len = sizeof(a);
    getsockname(fd, sa(&a), &len);
    return ntohs(a.sin_port);
}

struct Listener {
    Fd fd{socket(AF_INET, SOCK_STREAM, 0)};
    uint16_t port = 0;
    explicit Listener(int backlog = 16) {
        sockaddr_in a = loopback();
        bind(fd, sa(&a), sizeof(a));
        listen(fd, backlog);
        port = port_of(fd);
    }
};

// A connected pair over the loopback interface.
struct TcpPair {
    Fd a, b;
    TcpPair() {
        Listener l;
        a.reset(socket(AF_INET, SOCK_STREAM, 0));
        sockaddr_in to = loopback(l.port);
        if (connect(a, sa(&to), sizeof(to)) == 0) {
            b.reset(accept(l.fd, nullptr, nullptr));
        }
    }
};

int option(int fd, int level, int name) {
    int v = -12345;
    socklen_t len = sizeof(v);
    return getsockopt(fd, level, name, &v, &len) == 0 ? v : -1;
}

bool wait_for_event(int fd, short events) {
    pollfd p{fd, events, 0};
    return poll(&p, 1, 30000) == 1;
}

} // namespace

TEST(sys_socket, flags_set_CLOEXEC_and_NONBLOCK) {
    Fd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    EXPECT_EQ(FD_CLOEXEC, fcntl(fd, F_GETFD));
    EXPECT_EQ(O_RDWR | O_NONBLOCK, fcntl(fd, F_GETFL));
    struct stat st;
    fstat(fd, &st);
    EXPECT_TRUE(S_ISSOCK(st.st_mode));
}
TEST(sys_socket, EAFNOSUPPORT_on_unknown_family) { EXPECT_ERRNO(socket(77, SOCK_STREAM, 0), EAFNOSUPPORT); }
TEST(sys_socket, EINVAL_on_unknown_type) { EXPECT_ERRNO(socket(AF_INET, 99, 0), EINVAL); }
TEST(sys_socket, EPROTONOSUPPORT_on_protocol_of_another_type) {
    EXPECT_ERRNO(socket(AF_INET, SOCK_STREAM, IPPROTO_UDP), EPROTONOSUPPORT);
    EXPECT_ERRNO(socket(AF_UNIX, SOCK_STREAM, 5), EPROTONOSUPPORT);
}
TEST(sys_bind, gives_an_ephemeral_port) {
    Fd fd(socket(AF_INET, SOCK_STREAM, 0));
    sockaddr_in a = loopback();
    EXPECT_OK(bind(fd, sa(&a), sizeof(a)));
    EXPECT_GE(port_of(fd), 1024);
}
TEST(sys_bind, EADDRINUSE_on_a_taken_port) {
    Listener l;
    Fd fd(socket(AF_INET, SOCK_STREAM, 0));
    sockaddr_in a = loopback(l.port);
    EXPECT_ERRNO(bind(fd, sa(&a), sizeof(a)), EADDRINUSE);
}
TEST(sys_bind, SO_REUSEPORT_shares_a_port) {
    Fd a(socket(AF_INET, SOCK_STREAM, 0)), b(socket(AF_INET, SOCK_STREAM, 0));
    int on = 1;
    setsockopt(a, SOL_SOCKET, SO_REUSEPORT, &on, 4);
    setsockopt(b, SOL_SOCKET, SO_REUSEPORT, &on, 4);
    sockaddr_in at = loopback();
    ASSERT_OK(bind(a, sa(&at), sizeof(at)));
    at = loopback(port_of(a));
    EXPECT_OK(bind(b, sa(&at), sizeof(at)));
}
TEST(sys_bind, EADDRNOTAVAIL_on_a_foreign_address) {
    Fd fd(socket(AF_INET, SOCK_STREAM, 0));
    sockaddr_in a = loopback();
    a.sin_addr.s_addr = htonl(0xc0000201); // 192.0.2.1
    EXPECT_ERRNO(bind(fd, sa(&a), sizeof(a)), EADDRNOTAVAIL);
}
TEST(sys_bind, EINVAL_on_second_bind_and_short_address) {
    Listener l;
    sockaddr_in a = loopback();
    EXPECT_ERRNO(bind(l.fd, sa(&a), sizeof(a)), EINVAL);
    Fd fd(socket(AF_INET, SOCK_STREAM, 0));
    EXPECT_ERRNO(bind(fd, sa(&a), 3), EINVAL);
}
TEST(sys_bind, EACCES_on_low_port_for_a_plain_user) {
    EXPECT_CHILD_OK([] {
        CHECK(setresuid(1000, 1000, 1000) == 0);
        Fd limit(open("/proc/sys/net/ipv4/ip_unprivileged_port_start", O_RDONLY));
        char text[16] = {};
        if (read(limit, text, 15) > 0 && atoi(text) <= 80) {
            return 0;
        }
        Fd fd(socket(AF_INET, SOCK_STREAM, 0));
        sockaddr_in a = loopback(80);
        CHECK_ERRNO(bind(fd, sa(&a), sizeof(a)), EACCES);
        return 0;
    });
}
TEST(sys_bind, EBADF_and_ENOTSOCK) {
    sockaddr_in a = loopback();
    EXPECT_ERRNO(bind(closed_fd(), sa(&a), sizeof(a)), EBADF);
    Pipe p;
    EXPECT_ERRNO(bind(p.r, sa(&a), sizeof(a)), ENOTSOCK);
}
TEST(sys_bind, EFAULT_on_bad_address_pointer) {
    Fd fd(socket(AF_INET, SOCK_STREAM, 0));
    EXPECT_ERRNO(sys(SYS_bind, fd.get(), unmapped_address, 16), EFAULT);
}
TEST(sys_listen, makes_SO_ACCEPTCONN) {
    Listener l;
    EXPECT_EQ(1, option(l.fd, SOL_SOCKET, SO_ACCEPTCONN));
}
TEST(sys_listen, EOPNOTSUPP_on_datagram_socket) {
    Fd fd(socket(AF_INET, SOCK_DGRAM, 0));
    EXPECT_ERRNO(listen(fd, 5), EOPNOTSUPP);
}
TEST(sys_listen, ENOTSOCK_on_pipe) {
    Pipe p;
    EXPECT_ERRNO(listen(p.r, 5), ENOTSOCK);
}
TEST(sys_accept, gives_the_peer) {
    Listener l;
    Fd c(socket(AF_INET, SOCK_STREAM, 0));
    sockaddr_in to = loopback(l.port), peer{};
    ASSERT_OK(connect(c, sa(&to), sizeof(to)));
    socklen_t len = sizeof(peer);
    Fd s(accept(l.fd, sa(&peer), &len));
    ASSERT_TRUE(s.valid());
    EXPECT_EQ(port_of(c), ntohs(peer.sin_port));
    EXPECT_EQ(sizeof(sockaddr_in), len);
    EXPECT_EQ(htonl(INADDR_LOOPBACK), peer.sin_addr.s_addr);
}
TEST(sys_accept, EAGAIN_on_nonblocking_listener) {
    Listener l;
    fcntl(l.fd, F_SETFL, O_NONBLOCK);
    EXPECT_ERRNO(accept(l.fd, nullptr, nullptr), EAGAIN);
}
TEST(sys_accept, EINVAL_without_listen) {
    Fd fd(socket(AF_INET, SOCK_STREAM, 0));
    EXPECT_ERRNO(accept(fd, nullptr, nullptr), EINVAL);
}
TEST(sys_accept, EOPNOTSUPP_on_datagram_socket) {
    Fd fd(socket(AF_INET, SOCK_DGRAM, 0));
    EXPECT_ERRNO(accept(fd, nullptr, nullptr), EOPNOTSUPP);
}
TEST(sys_accept, EINTR_by_a_signal) {
    Listener l;
    RepeatedAlarm alarm;
    EXPECT_ERRNO(accept(l.fd, nullptr, nullptr), EINTR);
}
TEST(sys_accept4, sets_flags) {
    Listener l;
    Fd c(socket(AF_INET, SOCK_STREAM, 0));
    sockaddr_in to = loopback(l.port);
    ASSERT_OK(connect(c, sa(&to), sizeof(to)));
    Fd s(accept4(l.fd, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    EXPECT_EQ(FD_CLOEXEC, fcntl(s, F_GETFD));
    EXPECT_TRUE(fcntl(s, F_GETFL) & O_NONBLOCK);
}
TEST(sys_accept4, EINVAL_on_unknown_flag) {
    Listener l;
    EXPECT_ERRNO(sys(SYS_accept4, l.fd.get(), nullptr, nullptr, 1), EINVAL);
}
TEST(sys_connect, ECONNREFUSED_without_listener) {
    uint16_t port;
    {
        Listener l;
        port = l.port;
    }
    Fd c(socket(AF_INET, SOCK_STREAM, 0));
    sockaddr_in to = loopback(port);
    EXPECT_ERRNO(connect(c, sa(&to), sizeof(to)), ECONNREFUSED);
}
TEST(sys_connect, nonblocking_goes_through_EINPROGRESS_or_at_once) {
    Listener l;
    Fd c(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
    sockaddr_in to = loopback(l.port);
    int r = connect(c, sa(&to), sizeof(to));
    EXPECT_TRUE(r == 0 || errno == EINPROGRESS) << errno;
    ASSERT_TRUE(wait_for_event(c, POLLOUT));
    EXPECT_EQ(0, option(c, SOL_SOCKET, SO_ERROR));
    Fd s(accept(l.fd, nullptr, nullptr));
    EXPECT_TRUE(s.valid());
}
TEST(sys_connect, nonblocking_refusal_is_in_SO_ERROR_once) {
    uint16_t port;
    {
        Listener l;
        port = l.port;
    }
    Fd c(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
    sockaddr_in to = loopback(port);
    int r = connect(c, sa(&to), sizeof(to));
    EXPECT_EQ(-1, r);
    if (errno == EINPROGRESS) {
        ASSERT_TRUE(wait_for_event(c, POLLOUT));
        EXPECT_EQ(ECONNREFUSED, option(c, SOL_SOCKET, SO_ERROR));
        EXPECT_EQ(0, option(c, SOL_SOCKET, SO_ERROR));
    } else {
        EXPECT_EQ(ECONNREFUSED, errno);
    }
}
TEST(sys_connect, EISCONN_twice) {
    TcpPair p;
    sockaddr_in to = loopback(1);
    EXPECT_ERRNO(connect(p.a, sa(&to), sizeof(to)), EISCONN);
}
TEST(sys_connect, EAFNOSUPPORT_on_foreign_family) {
    Fd c(socket(AF_INET, SOCK_STREAM, 0));
    sockaddr_in to = loopback(1);
    to.sin_family = 77;
    EXPECT_ERRNO(connect(c, sa(&to), sizeof(to)), EAFNOSUPPORT);
}
TEST(sys_connect, EINVAL_on_short_address) {
    Fd c(socket(AF_INET, SOCK_STREAM, 0));
    sockaddr_in to = loopback(1);
    EXPECT_ERRNO(connect(c, sa(&to), 5), EINVAL);
}
TEST(sys_getsockname, of_unbound_socket_is_zero) {
    Fd fd(socket(AF_INET, SOCK_STREAM, 0));
    sockaddr_in a{};
    socklen_t len = sizeof(a);
    EXPECT_OK(getsockname(fd, sa(&a), &len));
    EXPECT_EQ(AF_INET, a.sin_family);
    EXPECT_EQ(0, a.sin_port);
}
TEST(sys_getsockname, cuts_but_tells_the_whole_length) {
    Listener l;
    char buf[4] = {};
    socklen_t len = 4;
    EXPECT_OK(getsockname(l.fd, reinterpret_cast<sockaddr*>(buf), &len));
    EXPECT_EQ(16u, len);
}
TEST(sys_getsockname, ENOTSOCK_on_pipe) {
    Pipe p;
    sockaddr_in a;
    socklen_t len = sizeof(a);
    EXPECT_ERRNO(getsockname(p.r, sa(&a), &len), ENOTSOCK);
}
TEST(sys_getpeername, is_the_others_name) {
    TcpPair p;
    sockaddr_in a{};
    socklen_t len = sizeof(a);
    EXPECT_OK(getpeername(p.a, sa(&a), &len));
    EXPECT_EQ(port_of(p.b), ntohs(a.sin_port));
}
TEST(sys_getpeername, ENOTCONN_before_connect) {
    Fd fd(socket(AF_INET, SOCK_STREAM, 0));
    sockaddr_in a;
    socklen_t len = sizeof(a);
    EXPECT_ERRNO(getpeername(fd, sa(&a), &len), ENOTCONN);
}

TEST(sys_sendto, bytes_arrive_in_order) {
    TcpPair p;
    EXPECT_EQ(5, send(p.a, "hello", 5, 0));
    char buf[8] = {};
    EXPECT_EQ(5, recv(p.b, buf, 5, MSG_WAITALL));
    EXPECT_STREQ("hello", buf);
}
TEST(sys_sendto, a_megabyte_both_ways_at_once) {
    TcpPair p;
    static char in[2][1 << 20];
    auto pump = [](int fd, char fill, char* into) {
        Thread sender([&] {
            static char out[2][65536];
            char* mine = out[fill == 'a'];
            memset(mine, fill, 65536);
            for (int i = 0; i < 16; i++) {
                size_t done = 0;
                while (done < 65536) {
                    ssize_t n = send(fd, mine + done, 65536 - done, 0);
                    if (n <= 0) {
                        return;
                    }
                    done += n;
                }
            }
        });
        recv(fd, into, 1 << 20, MSG_WAITALL);
    };
    {
        Thread other([&] { pump(p.b, 'b', in[1]); });
        pump(p.a, 'a', in[0]);
    }
    EXPECT_EQ('b', in[0][0]);
    EXPECT_EQ('b', in[0][(1 << 20) - 1]);
    EXPECT_EQ('a', in[1][(1 << 20) - 1]);
}
TEST(sys_sendto, ENOTCONN_or_EPIPE_before_connect) {
    Fd fd(socket(AF_INET, SOCK_STREAM, 0));
    signal(SIGPIPE, SIG_IGN);
    EXPECT_ERRNO(send(fd, "x", 1, 0), EPIPE);
    signal(SIGPIPE, SIG_DFL);
}
TEST(sys_sendto, EPIPE_after_shutdown_without_signal_by_MSG_NOSIGNAL) {
    TcpPair p;
    shutdown(p.a, SHUT_WR);
    EXPECT_ERRNO(send(p.a, "x", 1, MSG_NOSIGNAL), EPIPE);
    EXPECT_CHILD_SIGNAL(SIGPIPE, [&] { return static_cast<int>(send(p.a, "x", 1, 0)); });
}
TEST(sys_sendto, EAGAIN_when_the_buffers_are_full) {
    TcpPair p;
    static char block[65536];
    ssize_t n = 0, total = 0;
    while ((n = send(p.a, block, sizeof(block), MSG_DONTWAIT)) > 0) {
        total += n;
        ASSERT_LT(total, 1 << 28);
    }
    EXPECT_EQ(-1, n);
    EXPECT_EQ(EAGAIN, errno);
    EXPECT_GT(total, 4096);
}
TEST(sys_sendto, EBADF_and_ENOTSOCK) {
    Pipe p;
    EXPECT_ERRNO(send(closed_fd(), "x", 1, 0), EBADF);
    EXPECT_ERRNO(send(p.w, "x", 1, 0), ENOTSOCK);
}
TEST(sys_recvfrom, MSG_PEEK_leaves_the_data) {
    TcpPair p;
    send(p.a, "abc", 3, 0);
    char buf[4] = {};
    EXPECT_EQ(3, recv(p.b, buf, 3, MSG_PEEK | MSG_WAITALL));
    EXPECT_EQ(3, recv(p.b, buf, 3, 0));
    EXPECT_STREQ("abc", buf);
}
TEST(sys_recvfrom, end_of_file_after_the_peer_shuts_down) {
    TcpPair p;
    send(p.a, "x", 1, 0);
    shutdown(p.a, SHUT_WR);
    char buf[4];
    EXPECT_EQ(1, recv(p.b, buf, 4, 0));
    EXPECT_EQ(0, recv(p.b, buf, 4, 0));
    EXPECT_EQ(1, send(p.b, "y", 1, 0));
    EXPECT_EQ(1, recv(p.a, buf, 4, 0));
}
TEST(sys_recvfrom, EAGAIN_with_MSG_DONTWAIT) {
    TcpPair p;
    char c;
    EXPECT_ERRNO(recv(p.a, &c, 1, MSG_DONTWAIT), EAGAIN);
}
TEST(sys_recvfrom, EAGAIN_after_SO_RCVTIMEO) {
    TcpPair p;
    timeval tv{0, 5000};
    ASSERT_OK(setsockopt(p.a, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)));
    char c;
    EXPECT_ERRNO(recv(p.a, &c, 1, 0), EAGAIN);
}
TEST(sys_recvfrom, ENOTCONN_before_connect) {
    Fd fd(socket(AF_INET, SOCK_STREAM, 0));
    char c;
    EXPECT_ERRNO(recv(fd, &c, 1, 0), ENOTCONN);
}
TEST(sys_recvfrom, ECONNRESET_after_the_peer_closed_with_unread_data) {
    TcpPair p;
    send(p.a, "unread", 6, 0);
    ASSERT_TRUE(wait_for_event(p.b, POLLIN));
    p.b.reset();
    ASSERT_TRUE(wait_for_event(p.a, POLLIN));
    char c;
    EXPECT_ERRNO(recv(p.a, &c, 1, 0), ECONNRESET);
}
TEST(sys_recvfrom, ECONNRESET_after_SO_LINGER_zero) {
    TcpPair p;
    linger l{1, 0};
    ASSERT_OK(setsockopt(p.b, SOL_SOCKET, SO_LINGER, &l, sizeof(l)));
    p.b.reset();
    ASSERT_TRUE(wait_for_event(p.a, POLLIN));
    char c;
    EXPECT_ERRNO(recv(p.a, &c, 1, 0), ECONNRESET);
}
TEST(sys_recvfrom, EINTR_by_a_signal) {
    TcpPair p;
    RepeatedAlarm alarm;
    char c;
    EXPECT_ERRNO(recv(p.a, &c, 1, 0), EINTR);
}
TEST(sys_recvfrom, EFAULT_on_bad_buffer) {
    TcpPair p;
    send(p.a, "x", 1, 0);
    ASSERT_TRUE(wait_for_event(p.b, POLLIN));
    EXPECT_ERRNO(sys(SYS_recvfrom, p.b.get(), unmapped_address, 1ul, 0, nullptr, nullptr), EFAULT);
}
TEST(sys_sendmsg, gathers_and_recvmsg_scatters) {
    TcpPair p;
    char a[] = "abc", b[] = "defg", x[3] = {}, y[8] = {};
    iovec out[2] = {{a, 3}, {b, 4}}, in[2] = {{x, 2}, {y, 5}};
    msghdr m{};
    m.msg_iov = out;
    m.msg_iovlen = 2;
    EXPECT_EQ(7, sendmsg(p.a, &m, 0));
    msghdr r{};
    r.msg_iov = in;
    r.msg_iovlen = 2;
    EXPECT_EQ(7, recvmsg(p.b, &r, MSG_WAITALL));
    EXPECT_STREQ("ab", x);
    EXPECT_STREQ("cdefg", y);
}
TEST(sys_sendmsg, EMSGSIZE_on_too_many_vectors) {
    TcpPair p;
    msghdr m{};
    iovec v{};
    m.msg_iov = &v;
    m.msg_iovlen = 1025;
    EXPECT_ERRNO(sys(SYS_sendmsg, p.a.get(), &m, 0), EMSGSIZE);
}
TEST(sys_sendmsg, EFAULT_on_bad_header) {
    TcpPair p;
    EXPECT_ERRNO(sys(SYS_sendmsg, p.a.get(), unmapped_address, 0), EFAULT);
}
TEST(sys_recvmsg, EFAULT_on_bad_header) {
    TcpPair p;
    EXPECT_ERRNO(sys(SYS_recvmsg, p.a.get(), unmapped_address, 0), EFAULT);
}
TEST(sys_shutdown, ENOTCONN_before_connect) {
    Fd fd(socket(AF_INET, SOCK_STREAM, 0));
    EXPECT_ERRNO(shutdown(fd, SHUT_RDWR), ENOTCONN);
}
TEST(sys_shutdown, EINVAL_on_bad_how) {
    TcpPair p;
    EXPECT_ERRNO(shutdown(p.a, 9), EINVAL);
}
TEST(sys_shutdown, wakes_a_blocked_reader) {
    TcpPair p;
    ssize_t n = -1;
    Thread t([&] {
        char c;
        n = recv(p.a, &c, 1, 0);
    });
    shutdown(p.a, SHUT_RD);
    t.join();
    EXPECT_EQ(0, n);
}
TEST(sys_poll, listening_socket_is_readable_with_a_connection) {
    Listener l;
    pollfd f{l.fd, POLLIN | POLLOUT, 0};
    EXPECT_EQ(0, poll(&f, 1, 0));
    Fd c(socket(AF_INET, SOCK_STREAM, 0));
    sockaddr_in to = loopback(l.port);
    connect(c, sa(&to), sizeof(to));
    EXPECT_EQ(1, poll(&f, 1, 30000));
    EXPECT_EQ(POLLIN, f.revents);
}
TEST(sys_poll, fresh_tcp_socket_is_POLLOUT_POLLHUP) {
    Fd fd(socket(AF_INET, SOCK_STREAM, 0));
    pollfd f{fd, POLLIN | POLLOUT, 0};
    EXPECT_EQ(1, poll(&f, 1, 0));
    EXPECT_EQ(POLLOUT | POLLHUP, f.revents);
}
TEST(sys_ioctl, FIONREAD_and_TIOCOUTQ_on_socket) {
    TcpPair p;
    send(p.a, "abcd", 4, 0);
    ASSERT_TRUE(wait_for_event(p.b, POLLIN));
    int n = -1;
    EXPECT_OK(ioctl(p.b, FIONREAD, &n));
    EXPECT_EQ(4, n);
}
TEST(sys_getsockopt, type_protocol_and_domain) {
    Fd fd(socket(AF_INET, SOCK_STREAM, 0));
    EXPECT_EQ(SOCK_STREAM, option(fd, SOL_SOCKET, SO_TYPE));
    EXPECT_EQ(IPPROTO_TCP, option(fd, SOL_SOCKET, SO_PROTOCOL));
    EXPECT_EQ(AF_INET, option(fd, SOL_SOCKET, SO_DOMAIN));
    EXPECT_EQ(0, option(fd, SOL_SOCKET, SO_ERROR));
}
TEST(sys_getsockopt, ENOPROTOOPT_on_unknown_option) {
    Fd fd(socket(AF_INET, SOCK_STREAM, 0));
    int v;
    socklen_t len = sizeof(v);
    EXPECT_ERRNO(getsockopt(fd, SOL_SOCKET, 9999, &v, &len), ENOPROTOOPT);
    EXPECT_ERRNO(getsockopt(fd, IPPROTO_TCP, 9999, &v, &len), ENOPROTOOPT);
}
TEST(sys_getsockopt, ENOTSOCK_on_pipe) {
    Pipe p;
    int v;
    socklen_t len = sizeof(v);
    EXPECT_ERRNO(getsockopt(p.r, SOL_SOCKET, SO_TYPE, &v, &len), ENOTSOCK);
}
TEST(sys_setsockopt, booleans_are_kept) {
    Fd fd(socket(AF_INET, SOCK_STREAM, 0));
    int on = 1;
    EXPECT_OK(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, 4));
    EXPECT_EQ(1, option(fd, SOL_SOCKET, SO_REUSEADDR));
    EXPECT_OK(setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, 4));
    EXPECT_EQ(1, option(fd, SOL_SOCKET, SO_KEEPALIVE));
    EXPECT_OK(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, 4));
    EXPECT_EQ(1, option(fd, IPPROTO_TCP, TCP_NODELAY));
}
TEST(sys_setsockopt, buffer_sizes_are_doubled) {
    Fd fd(socket(AF_INET, SOCK_STREAM, 0));
    int size = 16384;
    EXPECT_OK(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, 4));
    EXPECT_EQ(32768, option(fd, SOL_SOCKET, SO_RCVBUF));
    EXPECT_OK(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, 4));
    EXPECT_EQ(32768, option(fd, SOL_SOCKET, SO_SNDBUF));
}
TEST(sys_setsockopt, TCP_keepalive_times_are_kept) {
    Fd fd(socket(AF_INET, SOCK_STREAM, 0));
    int v = 77;
    EXPECT_OK(setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &v, 4));
    EXPECT_OK(setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &v, 4));
    EXPECT_EQ(77, option(fd, IPPROTO_TCP, TCP_KEEPIDLE));
    EXPECT_EQ(77, option(fd, IPPROTO_TCP, TCP_KEEPINTVL));
}
TEST(sys_setsockopt, EINVAL_on_short_value) {
    Fd fd(socket(AF_INET, SOCK_STREAM, 0));
    char v = 1;
    EXPECT_ERRNO(setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &v, 1), EINVAL);
}
TEST(sys_setsockopt, ENOPROTOOPT_on_unknown_option) {
    Fd fd(socket(AF_INET, SOCK_STREAM, 0));
    int v = 1;
    EXPECT_ERRNO(setsockopt(fd, SOL_SOCKET, 9999, &v, 4), ENOPROTOOPT);
}
TEST(sys_setsockopt, EFAULT_on_bad_pointer) {
    Fd fd(socket(AF_INET, SOCK_STREAM, 0));
    EXPECT_ERRNO(sys(SYS_setsockopt, fd.get(), SOL_SOCKET, SO_KEEPALIVE, unmapped_address, 4), EFAULT);
}
TEST(sys_getsockopt, TCP_INFO_says_established) {
    TcpPair p;
    unsigned char info[104] = {};
    socklen_t len = sizeof(info);
    EXPECT_OK(getsockopt(p.a, IPPROTO_TCP, TCP_INFO, info, &len));
    EXPECT_EQ(1, info[0]);
}
TEST(sys_sendfile, to_a_socket) {
    TcpPair p;
    Fd f(memfd());
    write(f, "file data", 9);
    off_t at = 0;
    EXPECT_EQ(9, sys(SYS_sendfile, p.a.get(), f.get(), &at, 9ul));
    char buf[16] = {};
    EXPECT_EQ(9, recv(p.b, buf, 9, MSG_WAITALL));
    EXPECT_STREQ("file data", buf);
}
TEST(net_tcp, a_hundred_connections_at_once) {
    Listener l(128);
    static Fd c[100], s[100];
    for (int i = 0; i < 100; i++) {
        c[i].reset(socket(AF_INET, SOCK_STREAM, 0));
        sockaddr_in to = loopback(l.port);
        ASSERT_OK(connect(c[i], sa(&to), sizeof(to)));
    }
    for (auto& fd : s) {
        fd.reset(accept(l.fd, nullptr, nullptr));
        ASSERT_TRUE(fd.valid());
    }
    for (int i = 0; i < 100; i++) {
        c[i].reset();
        s[i].reset();
    }
}
TEST(net_tcp, IPv6_loopback) {
    Fd l(socket(AF_INET6, SOCK_STREAM, 0)), c(socket(AF_INET6, SOCK_STREAM, 0));
    sockaddr_in6 a{};
    a.sin6_family = AF_INET6;
    a.sin6_addr = in6addr_loopback;
    ASSERT_OK(bind(l, sa(&a), sizeof(a)));
    ASSERT_OK(listen(l, 1));
    socklen_t len = sizeof(a);
    getsockname(l, sa(&a), &len);
    ASSERT_OK(connect(c, sa(&a), sizeof(a)));
    Fd s(accept(l, nullptr, nullptr));
    send(c, "6", 1, 0);
    char b = 0;
    EXPECT_EQ(1, recv(s, &b, 1, 0));
    EXPECT_EQ('6', b);
}
TEST(net_tcp, IPv6_listener_takes_IPv4_as_mapped_address) {
    Fd l(socket(AF_INET6, SOCK_STREAM, 0)), c(socket(AF_INET, SOCK_STREAM, 0));
    sockaddr_in6 a{};
    a.sin6_family = AF_INET6;
    ASSERT_OK(bind(l, sa(&a), sizeof(a)));
    ASSERT_OK(listen(l, 1));
    socklen_t len = sizeof(a);
    getsockname(l, sa(&a), &len);
    sockaddr_in to = loopback(ntohs(a.sin6_port));
    ASSERT_OK(connect(c, sa(&to), sizeof(to)));
    len = sizeof(a);
    Fd s(accept(l, sa(&a), &len));
    EXPECT_TRUE(IN6_IS_ADDR_V4MAPPED(&a.sin6_addr));
}
