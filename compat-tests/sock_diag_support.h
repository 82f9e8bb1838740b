// What the tests of NETLINK_SOCK_DIAG share: sockets to look at, requests and their answers.
#pragma once

#include "support.h"

#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/netlink_diag.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/utsname.h>

namespace {

constexpr uint32_t kAllStates = ~0u;

template <class T>
sockaddr* sa(T* a) {
    return reinterpret_cast<sockaddr*>(a);
}
inline uint32_t inode_of(int fd) {
    struct stat st{};
    fstat(fd, &st);
    return static_cast<uint32_t>(st.st_ino);
}

// A socket bound to a port of the loopback address that the kernel chose.
inline Fd bound(int type, uint16_t* port, int family = AF_INET) {
    Fd fd(socket(family, type | SOCK_CLOEXEC, 0));
    sockaddr_storage a{};
    socklen_t length = sizeof a;
    a.ss_family = static_cast<sa_family_t>(family);
    if (family == AF_INET) reinterpret_cast<sockaddr_in*>(&a)->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    else reinterpret_cast<sockaddr_in6*>(&a)->sin6_addr.s6_addr[15] = 1;
    if (bind(fd, sa(&a), family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6)) || getsockname(fd, sa(&a), &length)) return Fd();
    *port = ntohs(reinterpret_cast<sockaddr_in*>(&a)->sin_port);
    return fd;
}

struct TcpPair {
    uint16_t port = 0, client_port = 0;
    Fd listener, client, server;
    TcpPair() {
        listener = bound(SOCK_STREAM, &port);
        listen(listener, 5);
        client.reset(socket(AF_INET, SOCK_STREAM, 0));
        sockaddr_in a{};
        socklen_t length = sizeof a;
        getsockname(listener, sa(&a), &length);
        connect(client, sa(&a), sizeof a);
        server.reset(accept(listener, nullptr, nullptr));
        length = sizeof a;
        getsockname(client, sa(&a), &length);
        client_port = ntohs(a.sin_port);
    }
};

// The answer to a request: its messages, an error (NLMSG_ERROR, or in a dump's NLMSG_DONE), and whether a dump ended.
struct Answer {
    static constexpr size_t kMost = 1 << 20;
    char* bytes = static_cast<char*>(malloc(kMost));
    size_t size = 0;
    int error = 0, messages = 0;
    bool done = false, acknowledged = false;
    size_t error_length = 0;
    Answer() = default;
    Answer(const Answer&) = delete;
    ~Answer() { free(bytes); }

    template <class F>
    void each(F&& f) {
        int left = static_cast<int>(size);
        for (auto* h = reinterpret_cast<nlmsghdr*>(bytes); NLMSG_OK(h, left); h = NLMSG_NEXT(h, left)) f(h);
    }
    // The message about the socket with this inode.
    template <class M>
    nlmsghdr* find(uint32_t inode, uint32_t M::*member) {
        nlmsghdr* found = nullptr;
        each([&](nlmsghdr* h) {
            if (static_cast<M*>(NLMSG_DATA(h))->*member == inode) found = h;
        });
        return found;
    }
    inet_diag_msg* inet(uint32_t inode) {
        nlmsghdr* h = find(inode, &inet_diag_msg::idiag_inode);
        return h ? static_cast<inet_diag_msg*>(NLMSG_DATA(h)) : nullptr;
    }
    nlmsghdr* unix_message(uint32_t inode) { return find(inode, &unix_diag_msg::udiag_ino); }
};

inline rtattr* attribute(nlmsghdr* h, size_t body, int type) {
    int left = static_cast<int>(h->nlmsg_len - NLMSG_LENGTH(NLMSG_ALIGN(body)));
    for (auto* a = reinterpret_cast<rtattr*>(static_cast<char*>(NLMSG_DATA(h)) + NLMSG_ALIGN(body)); RTA_OK(a, left); a = RTA_NEXT(a, left))
        if (a->rta_type == type) return a;
    return nullptr;
}
inline rtattr* inet_attribute(inet_diag_msg* m, int type) {
    return attribute(reinterpret_cast<nlmsghdr*>(reinterpret_cast<char*>(m) - NLMSG_HDRLEN), sizeof *m, type);
}
inline rtattr* unix_attribute(nlmsghdr* h, int type) { return attribute(h, sizeof(unix_diag_msg), type); }
inline int u8_of(rtattr* a) { return a ? *static_cast<uint8_t*>(RTA_DATA(a)) : -1; }

// Sends one request and reads until a dump is over, an error comes, or the one answer is there.
inline void ask(Answer& out, const void* body, size_t size, uint16_t flags, uint16_t type = SOCK_DIAG_BY_FAMILY) {
    Fd fd(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG));
    ASSERT_TRUE(fd.valid()) << strerror(errno);
    alignas(nlmsghdr) static char request[70000];
    auto* h = reinterpret_cast<nlmsghdr*>(request);
    *h = {};
    h->nlmsg_len = static_cast<uint32_t>(NLMSG_LENGTH(size));
    h->nlmsg_type = type;
    h->nlmsg_flags = static_cast<uint16_t>(NLM_F_REQUEST | flags);
    h->nlmsg_seq = 4711;
    memcpy(NLMSG_DATA(h), body, size);
    ASSERT_EQ(static_cast<ssize_t>(h->nlmsg_len), send(fd, request, h->nlmsg_len, 0)) << strerror(errno);
    alignas(nlmsghdr) static char buffer[65536];
    for (bool end = false; !end;) {
        ssize_t n = recv(fd, buffer, sizeof buffer, 0);
        ASSERT_GT(n, 0) << strerror(errno);
        int left = static_cast<int>(n);
        for (auto* m = reinterpret_cast<nlmsghdr*>(buffer); NLMSG_OK(m, left); m = NLMSG_NEXT(m, left)) {
            EXPECT_EQ(4711u, m->nlmsg_seq);
            if (m->nlmsg_type == NLMSG_ERROR) {
                out.error = -static_cast<nlmsgerr*>(NLMSG_DATA(m))->error;
                out.error_length = m->nlmsg_len;
                out.acknowledged = out.error == 0;
                end = true;
            } else if (m->nlmsg_type == NLMSG_DONE) {
                out.error = -*static_cast<int*>(NLMSG_DATA(m));
                out.done = end = true;
            } else {
                EXPECT_EQ(type, m->nlmsg_type);
                ++out.messages;
                ASSERT_LT(out.size + m->nlmsg_len, Answer::kMost);
                memcpy(out.bytes + out.size, m, m->nlmsg_len);
                out.size += NLMSG_ALIGN(m->nlmsg_len);
                end |= !(m->nlmsg_flags & NLM_F_MULTI) && !(flags & NLM_F_ACK);
            }
        }
    }
}

} // namespace
