// Sockets.
#include "trace_calls.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <net/if.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

static char data[200];

static void addresses(void) {
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(22511), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(22512), .sin6_addr = IN6ADDR_LOOPBACK_INIT, .sin6_flowinfo = htonl(5), .sin6_scope_id = 1};
    struct sockaddr_un un = {.sun_family = AF_UNIX, .sun_path = "/tmp/trace-socket"};
    socklen_t length = sizeof in;
    int fd = CALL(socket, AF_INET, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_TCP);
    CALL(socket, AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0), CALL(socket, AF_INET6, SOCK_STREAM, 0), CALL(socket, AF_UNIX, SOCK_SEQPACKET, 0);
    CALL(socket, AF_UNIX, SOCK_STREAM, 5), CALL(socket, 99, SOCK_STREAM, 0), CALL(socket, AF_INET, 77, 0), CALL(socket, AF_INET, SOCK_STREAM, IPPROTO_UDP);
    CALL(socket, AF_INET, SOCK_STREAM, 200);
    int one = 1;
    CALL(setsockopt, fd, SOL_SOCKET, SO_REUSEADDR, &one, 4);
    CALL(bind, fd, &in, sizeof in), CALL(bind, fd, &in, sizeof in), CALL(bind, fd, &in, 2), CALL(bind, fd, BAD, 16), CALL(bind, 99, &in, sizeof in);
    CALL(listen, fd, 16), CALL(listen, 1, 16);
    int client = CALL(socket, AF_INET, SOCK_STREAM, 0);
    CALL(connect, client, &in, sizeof in);
    struct sockaddr_storage from;
    length = sizeof from;
    int server = CALL(accept4, fd, &from, &length, SOCK_CLOEXEC | SOCK_NONBLOCK);
    length = sizeof from, CALL(getsockname, server, &from, &length), length = 4, CALL(getsockname, server, &from, &length);
    length = sizeof from, CALL(getpeername, client, &from, &length), CALL(getpeername, fd, &from, &length), CALL(getsockname, server, NULL, NULL);
    CALL(accept4, 1, NULL, NULL, 0), CALL(accept, server, &from, &length), CALL(accept4, fd, NULL, NULL, 0x10);
    CALL(sendto, client, "GET / HTTP/1.0\r\n\r\n", 18, MSG_NOSIGNAL, NULL, 0);
    struct pollfd p = {server, POLLIN, 0};
    CALL(poll, &p, 1, -1);
    CALL(recvfrom, server, data, 100, MSG_PEEK, NULL, NULL), CALL(recvfrom, server, data, 100, MSG_DONTWAIT | MSG_TRUNC, NULL, NULL);
    length = sizeof from, CALL(recvfrom, server, data, 100, MSG_DONTWAIT, &from, &length);
    CALL(shutdown, client, SHUT_WR), CALL(poll, &p, 1, -1), CALL(recvfrom, server, data, 100, 0, NULL, NULL), CALL(shutdown, 99, 9), CALL(shutdown, client, SHUT_RDWR);
    for (int i = 3; i < 20; ++i) close(i);
    fd = CALL(socket, AF_INET6, SOCK_DGRAM, IPPROTO_UDP);
    CALL(bind, fd, &in6, sizeof in6), CALL(connect, fd, &in6, sizeof in6), CALL(sendto, fd, "x", 1, MSG_CONFIRM | MSG_MORE, &in6, sizeof in6);
    inet_pton(AF_INET6, "::ffff:127.0.0.1", &in6.sin6_addr), in6.sin6_scope_id = 0, CALL(connect, fd, &in6, sizeof in6);
    inet_pton(AF_INET6, "fe80::1:0:0:1", &in6.sin6_addr), CALL(bind, fd, &in6, 24), CALL(bind, fd, &in6, sizeof in6);
    close(fd);
    fd = CALL(socket, AF_UNIX, SOCK_DGRAM, 0);
    CALL(bind, fd, &un, sizeof un), CALL(bind, fd, &un, 30), length = sizeof from, CALL(getsockname, fd, &from, &length), CALL(unlink, un.sun_path);
    CALL(connect, fd, &un, offsetof(struct sockaddr_un, sun_path) + 18), CALL(connect, fd, &un, 2);
    close(fd), fd = CALL(socket, AF_UNIX, SOCK_DGRAM, 0);
    memcpy(un.sun_path, "\0abs\0tract", 10), CALL(bind, fd, &un, 12), length = sizeof from, CALL(getsockname, fd, &from, &length);
    un.sun_family = AF_UNSPEC, CALL(connect, fd, &un, sizeof un), un.sun_family = 77, CALL(connect, fd, &un, 20);
    close(fd);
}

static void options(void) {
    int fd = CALL(socket, AF_INET, SOCK_STREAM, 0), fd6 = CALL(socket, AF_INET6, SOCK_STREAM, 0);
    int n = 1;
    socklen_t length = sizeof n;
    static const int names[] = {SO_TYPE, SO_ERROR, SO_DOMAIN, SO_PROTOCOL, SO_ACCEPTCONN, SO_KEEPALIVE, SO_BROADCAST, SO_REUSEPORT, SO_OOBINLINE, SO_PRIORITY, SO_RCVLOWAT};
    for (size_t i = 0; i < sizeof names / sizeof *names; ++i) length = 4, CALL(getsockopt, fd, SOL_SOCKET, names[i], &n, &length);
    n = 1;
    CALL(setsockopt, fd, SOL_SOCKET, SO_KEEPALIVE, &n, 4), CALL(setsockopt, fd, SOL_SOCKET, SO_KEEPALIVE, &n, 2), CALL(setsockopt, fd, SOL_SOCKET, SO_KEEPALIVE, BAD, 4);
    CALL(setsockopt, fd, SOL_SOCKET, 9999, &n, 4), CALL(setsockopt, fd, 9999, 1, &n, 4);
    struct linger l = {1, 5};
    CALL(setsockopt, fd, SOL_SOCKET, SO_LINGER, &l, sizeof l), length = sizeof l, CALL(getsockopt, fd, SOL_SOCKET, SO_LINGER, &l, &length);
    struct timeval tv = {2, 500000};
    CALL(setsockopt, fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv), length = sizeof tv, CALL(getsockopt, fd, SOL_SOCKET, SO_RCVTIMEO, &tv, &length);
    CALL(setsockopt, fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof tv);
    CALL(setsockopt, fd, IPPROTO_TCP, TCP_NODELAY, &n, 4), CALL(setsockopt, fd, IPPROTO_TCP, TCP_KEEPIDLE, &n, 4), CALL(setsockopt, fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, &n, 4);
    length = 4, CALL(getsockopt, fd, IPPROTO_TCP, TCP_NODELAY, &n, &length), length = 4, CALL(getsockopt, fd, IPPROTO_TCP, 9999, &n, &length);
    CALL(setsockopt, fd, IPPROTO_IP, IP_TOS, &n, 4), CALL(setsockopt, fd, IPPROTO_IP, IP_TTL, &n, 4), CALL(setsockopt, fd, IPPROTO_IP, IP_PKTINFO, &n, 4);
    CALL(setsockopt, fd, IPPROTO_IP, IP_MTU_DISCOVER, &n, 4), CALL(setsockopt, fd6, IPPROTO_IPV6, IPV6_V6ONLY, &n, 4), CALL(setsockopt, fd6, IPPROTO_IPV6, IPV6_RECVPKTINFO, &n, 4);
    struct ip_mreq mreq = {{htonl(0xe0000001)}, {htonl(INADDR_LOOPBACK)}};
    int udp = CALL(socket, AF_INET, SOCK_DGRAM, 0);
    CALL(setsockopt, udp, IPPROTO_IP, IP_ADD_MEMBERSHIP, &mreq, sizeof mreq), CALL(setsockopt, udp, IPPROTO_IP, IP_MULTICAST_TTL, &n, 4);
    length = 1, CALL(getsockopt, udp, IPPROTO_IP, IP_MULTICAST_LOOP, &n, &length);
    struct ipv6_mreq mreq6 = {IN6ADDR_LOOPBACK_INIT, 1};
    CALL(setsockopt, fd6, IPPROTO_IPV6, IPV6_ADD_MEMBERSHIP, &mreq6, sizeof mreq6);
    char name[16] = "lo";
    CALL(setsockopt, fd, IPPROTO_TCP, TCP_CONGESTION, "reno", 4);
    length = 16, CALL(getsockopt, 99, SOL_SOCKET, SO_ERROR, &n, &length), CALL(getsockopt, fd, SOL_SOCKET, SO_ERROR, BAD, &length), CALL(getsockopt, fd, SOL_SOCKET, SO_ERROR, &n, BAD);
    struct ifreq r;
    memset(&r, 0, sizeof r), strcpy(r.ifr_name, name);
    CALL(ioctl, fd, SIOCGIFFLAGS, &r), CALL(ioctl, fd, SIOCGIFINDEX, &r), CALL(ioctl, fd, SIOCGIFMTU, &r), CALL(ioctl, fd, SIOCGIFADDR, &r), CALL(ioctl, fd, SIOCGIFNETMASK, &r);
    r.ifr_ifindex = 1, CALL(ioctl, fd, SIOCGIFNAME, &r), strcpy(r.ifr_name, "nowhere"), CALL(ioctl, fd, SIOCGIFFLAGS, &r);
    int nonblock = 1;
    CALL(ioctl, fd, FIONBIO, &nonblock), CALL(ioctl, udp, FIONREAD, &n), CALL(ioctl, fd, SIOCATMARK, &n);
    close(fd), close(fd6), close(udp);
}

static void messages(void) {
    int s[2];
    CALL(socketpair, AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, s), CALL(socketpair, AF_INET, SOCK_STREAM, 0, data), CALL(socketpair, AF_UNIX, SOCK_STREAM, 0, BAD);
    struct iovec v[2] = {{"first", 5}, {"0123456789012345678901234567890123456789", 40}};
    struct msghdr m = {.msg_iov = v, .msg_iovlen = 2};
    CALL(sendmsg, s[0], &m, MSG_NOSIGNAL), CALL(sendmsg, s[0], BAD, 0), CALL(sendmsg, 99, &m, 0);
    union {
        struct cmsghdr h;
        char room[200];
    } control;
    memset(&control, 0, sizeof control);
    control.h.cmsg_level = SOL_SOCKET, control.h.cmsg_type = SCM_RIGHTS, control.h.cmsg_len = CMSG_LEN(8);
    memcpy(CMSG_DATA(&control.h), (int[]){0, 1}, 8);
    m.msg_control = &control, m.msg_controllen = CMSG_SPACE(8), m.msg_iovlen = 1;
    CALL(sendmsg, s[0], &m, 0);
    control.h.cmsg_type = SCM_CREDENTIALS, control.h.cmsg_len = CMSG_LEN(12);
    memcpy(CMSG_DATA(&control.h), (int[]){getpid(), 0, 0}, 12);
    m.msg_controllen = CMSG_SPACE(12), CALL(sendmsg, s[0], &m, 0);
    control.h.cmsg_type = 99, CALL(sendmsg, s[0], &m, 0);
    control.h.cmsg_len = 3, CALL(sendmsg, s[0], &m, 0);
    char one[10], two[20];
    struct iovec r[2] = {{one, 10}, {two, 20}};
    struct msghdr in = {.msg_iov = r, .msg_iovlen = 2, .msg_control = &control, .msg_controllen = sizeof control};
    CALL(recvmsg, s[1], &in, 0);
    in.msg_controllen = sizeof control, CALL(recvmsg, s[1], &in, MSG_CMSG_CLOEXEC);
    int on = 1;
    CALL(setsockopt, s[1], SOL_SOCKET, SO_PASSCRED, &on, 4);
    in.msg_controllen = sizeof control, CALL(recvmsg, s[1], &in, 0);
    in.msg_controllen = sizeof control, CALL(recvmsg, s[1], &in, MSG_DONTWAIT), CALL(recvmsg, 99, &in, 0), CALL(recvmsg, s[1], BAD, 0);
    struct ucred cred;
    socklen_t length = sizeof cred;
    CALL(getsockopt, s[0], SOL_SOCKET, SO_PEERCRED, &cred, &length);
    struct mmsghdr mm[2];
    memset(mm, 0, sizeof mm);
    mm[0].msg_hdr.msg_iov = v, mm[0].msg_hdr.msg_iovlen = 1, mm[1].msg_hdr.msg_iov = v + 1, mm[1].msg_hdr.msg_iovlen = 1;
    CALL(setsockopt, s[1], SOL_SOCKET, SO_PASSCRED, (int[]){0}, 4);
    CALL(sendmmsg, s[0], mm, 2, 0), CALL(sendmmsg, 99, mm, 2, MSG_DONTWAIT);
    mm[0].msg_hdr.msg_iov = r, mm[1].msg_hdr.msg_iov = r + 1;
    struct timespec ts = {1, 0};
    CALL(recvmmsg, s[1], mm, 2, MSG_WAITFORONE, &ts), CALL(recvmmsg, s[1], mm, 2, MSG_DONTWAIT, NULL);
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(22513), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int udp = CALL(socket, AF_INET, SOCK_DGRAM, 0);
    CALL(bind, udp, &to, sizeof to), CALL(setsockopt, udp, IPPROTO_IP, IP_PKTINFO, &on, 4), CALL(setsockopt, udp, IPPROTO_IP, IP_RECVTTL, &on, 4);
    struct msghdr named = {.msg_name = &to, .msg_namelen = sizeof to, .msg_iov = v, .msg_iovlen = 1};
    CALL(sendmsg, udp, &named, 0);
    struct sockaddr_storage from;
    in.msg_name = &from, in.msg_namelen = sizeof from, in.msg_controllen = sizeof control, CALL(recvmsg, udp, &in, 0);
    close(udp), close(s[0]), close(s[1]);
    for (int i = 3; i < 12; ++i) close(i);
}

void trace_sockets(void) {
    addresses();
    options();
    messages();
}
