// Netlink: what getaddrinfo, getifaddrs, ip and ss ask.
#include "trace_calls.h"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

static void ask(int fd, int type, int flags, int family) {
    struct {
        struct nlmsghdr h;
        struct rtgenmsg g;
        char pad[3];
    } request = {{sizeof request, type, flags, 1, 0}, {family}, {0}};
    struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
    CALL(sendto, fd, &request, sizeof request, 0, &kernel, sizeof kernel);
}

void trace_netlink(void) {
    static char reply[16384];
    int fd = CALL(socket, AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    CALL(socket, AF_NETLINK, SOCK_RAW, 77);
    struct sockaddr_nl me = {.nl_family = AF_NETLINK};
    socklen_t length = sizeof me;
    CALL(bind, fd, &me, sizeof me), CALL(getsockname, fd, &me, &length);
    ask(fd, 9999, NLM_F_REQUEST, AF_UNSPEC);
    struct iovec v = {reply, sizeof reply};
    struct msghdr m = {.msg_name = &me, .msg_namelen = sizeof me, .msg_iov = &v, .msg_iovlen = 1};
    CALL(recvmsg, fd, &m, 0);
    ask(fd, RTM_GETLINK, NLM_F_REQUEST | NLM_F_ACK, 77);
    CALL(close, fd);
}
