// TCP sockets: blocking, Linux's order of errors, options. Source: tcp(7), connect(2), accept(2), send(2), recv(2), shutdown(2).
#include "kernel/lib/sysctl.h"
#include "kernel/time/clock.h"
#include "linux-abi/netif.h"
#include "linux-abi/termios.h"
#include "net/inet_options.h"
#include "net/inet_socket.h"
#include "net/interface.h"
#include "net/tcp_info.h"
#include "net/transport.h"
#include "kernel/mm/user.h"

namespace linnet {

namespace {

class TcpSocket final : public Socket {
  public:
    TcpSocket(int fam, Ref<TcpEndpoint> e, Ref<Inode> inode, u32 flags)
        : Socket(fam, SOCK_STREAM, IPPROTO_TCP, std::move(inode), flags), endpoint_(std::move(e)) {
        options.receive_buffer = 131072;
        options.send_buffer = 16384;
        endpoint_->inode_number = this->inode().ino;
    }
    ~TcpSocket() override {
        endpoint_->close(options.linger_on && options.linger_s == 0);
    }

    Result<void> bind(const SockAddrBuffer& name) override {
        SocketAddress to = TRY(bind_address(name, v6()));
        TRY(check_port_permission(to.port));
        endpoint_->change_binding([&](PortBinding& b) { fill_binding(b); });
        return endpoint_->bind(to);
    }

    Result<void> listen(int backlog) override {
        MutexGuard guard(connect_mutex_);
        if (connecting_ != Connecting::No) return EINVAL;
        endpoint_->change_binding([&](PortBinding& b) { fill_binding(b); });
        u32 n = static_cast<u32>(backlog);
        return endpoint_->listen(n > u32(sysctl::somaxconn) ? u32(sysctl::somaxconn) : n);
    }

    Result<Ref<Socket>> accept(bool nonblock, u32 file_flags) override {
        u64 until = deadline(options.receive_timeout_ns);
        for (;;) {
            auto r = endpoint_->accept();
            if (r.ok()) {
                auto node = make_socket_inode();
                auto s = node.ok() ? make_ref<TcpSocket>(family, *r, std::move(*node), file_flags) : Result<Ref<TcpSocket>>(ENOMEM);
                if (!s) {
                    (*r)->close(true);
                    return s.error();
                }
                (*s)->options = options;
                (*s)->inet_ = inet_;
                (*s)->connecting_ = Connecting::Done;
                return Ref<Socket>(std::move(*s));
            }
            if (r.error() != EAGAIN || nonblock) return r.error();
            TRY(wait_for(endpoint_->wait_queue, [&] { return endpoint_->can_receive(1); }, until, true));
        }
    }

    Result<void> connect(const SockAddrBuffer& name, bool nonblock) override {
        if (name.length < 2) return EINVAL;
        bool first = false;
        {
            MutexGuard guard(connect_mutex_);
            if (name.family() == AF_UNSPEC) {
                endpoint_->disconnect();
                connecting_ = Connecting::No;
                return {};
            }
            switch (connecting_) {
            case Connecting::Done: return EISCONN;
            case Connecting::Yes: break;
            case Connecting::No: {
                SocketAddress to = TRY(parse_inet_address(name, v6()));
                if (endpoint_->state() != TCP_CLOSE) return EISCONN;
                endpoint_->change_binding([&](PortBinding& b) { fill_binding(b); });
                TRY(endpoint_->connect(to));
                connecting_ = Connecting::Yes;
                first = true;
            }
            }
        }
        // Even a connection inside the guest, there at once, is in progress to a non-blocking caller, as on Linux.
        if (first && nonblock) return EINPROGRESS;
        if (endpoint_->state() == TCP_SYN_SENT) {
            if (nonblock) return EALREADY;
            auto r = wait_for(endpoint_->wait_queue, [&] { return endpoint_->state() != TCP_SYN_SENT; },
                              deadline(options.send_timeout_ns));
            if (!r) return r.error() == EAGAIN ? (first ? EINPROGRESS : EALREADY) : r.error();
        }
        MutexGuard guard(connect_mutex_);
        if (endpoint_->state() == TCP_CLOSE) {
            connecting_ = Connecting::No;
            int e = endpoint_->take_error();
            return e ? static_cast<Errno>(e) : ECONNABORTED;
        }
        connecting_ = Connecting::Done;
        return {};
    }

    Result<void> get_name(SockAddrBuffer& out, bool peer) override {
        if (peer && !endpoint_->has_peer()) return ENOTCONN;
        write_inet_address(out, peer ? endpoint_->remote_address() : endpoint_->local_address(), v6());
        return {};
    }

    Result<void> get_accepted_name(SockAddrBuffer& out) override {
        write_inet_address(out, endpoint_->remote_address(), v6());
        return {};
    }

    Result<size_t> send_message(SendMessage& m) override {
        if (m.flags & (MSG_OOB | MSG_FASTOPEN)) return EOPNOTSUPP;
        bool nonblock = m.nonblock || (m.flags & MSG_DONTWAIT);
        u64 until = 0;
        size_t total = 0;
        for (;;) {
            auto r = endpoint_->send(m.data, m.flags & MSG_MORE);
            if (r.ok()) {
                total += *r;
                if (!m.data.remaining()) return total;
                if (nonblock) return total;
            } else if (r.error() != EAGAIN) {
                if (total) return total;
                return r.error() == EPIPE ? broken_pipe(m.flags) : r.error();
            } else if (nonblock) {
                return total ? Result<size_t>(total) : Result<size_t>(EAGAIN);
            }
            if (!until) until = deadline(options.send_timeout_ns);
            auto w = wait_for(endpoint_->wait_queue, [&] { return endpoint_->can_send(); }, until);
            if (!w) return total ? Result<size_t>(total) : Result<size_t>(w.error());
        }
    }

    Result<size_t> receive_message(ReceiveMessage& m) override {
        if (m.flags & MSG_OOB) return EINVAL;
        if (m.flags & MSG_ERRQUEUE) return EAGAIN;
        bool nonblock = m.nonblock || (m.flags & MSG_DONTWAIT);
        bool peek = m.flags & MSG_PEEK, discard = m.flags & MSG_TRUNC;
        size_t target = m.data.remaining();
        u32 low = options.receive_low_water;
        if (!(m.flags & MSG_WAITALL) && target > low) target = low;
        u64 until = 0;
        size_t total = 0;
        for (;;) {
            auto r = endpoint_->receive(m.data, peek, total, discard);
            if (r.ok()) {
                total += *r;
                if (*r == 0 || total >= target) return total;
            } else if (r.error() != EAGAIN) {
                return total ? Result<size_t>(total) : Result<size_t>(r.error());
            }
            if (nonblock) return total ? Result<size_t>(total) : Result<size_t>(EAGAIN);
            if (!until) until = deadline(options.receive_timeout_ns);
            size_t need = peek ? total + 1 : 1;
            auto w = wait_for(endpoint_->wait_queue, [&] { return endpoint_->can_receive(need); }, until);
            if (!w) return total ? Result<size_t>(total) : Result<size_t>(w.error());
        }
    }

    Result<void> shutdown(int how) override { return endpoint_->shutdown(how); }

    u32 poll(PollTable* table) override {
        if (table) table->watch(endpoint_->wait_queue);
        return endpoint_->poll_bits(options.receive_low_water);
    }

    void closed_by(u64) override {}

    Result<i64> ioctl(u32 command, u64 arg) override {
        switch (command) {
        case FIONREAD:
            if (listening()) return EINVAL;
            TRY(user_write<i32>(arg, endpoint_->readable_bytes()));
            return i64{0};
        case TIOCOUTQ:
        case SIOCOUTQNSD:
            if (listening()) return EINVAL;
            TRY(user_write<i32>(arg, command == TIOCOUTQ ? endpoint_->unsent_bytes() : 0));
            return i64{0};
        }
        return Socket::ioctl(command, arg);
    }
    Result<i64> bytes_available() override {
        if (listening()) return EINVAL;
        return static_cast<i64>(endpoint_->readable_bytes());
    }

    int take_error() override { return endpoint_->take_error(); }
    bool listening() override { return endpoint_->state() == TCP_LISTEN; }

    Result<void> option_changed(int name) override {
        switch (name) {
        case SO_REUSEADDR:
        case SO_REUSEPORT: endpoint_->change_binding([&](PortBinding& b) {
            b.reuse_addr = options.reuse_addr;
            b.reuse_port = options.reuse_port;
        });
            break;
        case SO_KEEPALIVE: endpoint_->change_options([&](TcpOptions& o) { o.keepalive = options.keepalive; }); break;
        case SO_SNDBUF:
        case SO_SNDBUFFORCE: endpoint_->set_limits(options.send_buffer, 0); break;
        case SO_RCVBUF:
        case SO_RCVBUFFORCE: endpoint_->set_limits(0, options.receive_buffer); break;
        }
        return {};
    }

    Result<void> set_level_option(int level, int name, const OptionIn& v) override {
        if (level == SOL_TCP) return set_tcp(name, v);
        if (level == SOL_IPV6 && name == IPV6_V6ONLY && endpoint_->local_address().port) return EINVAL;
        TRY(set_inet_option(inet_, v6(), level, name, v));
        endpoint_->change_options([&](TcpOptions& o) {
            o.tos = v6() ? inet_.tclass : inet_.tos;
            o.ttl = v6() ? (inet_.hop_limit < 0 ? 64 : inet_.hop_limit) : inet_.ttl;
        });
        return {};
    }

    Result<void> get_level_option(int level, int name, OptionOut& v) override {
        if (level == SOL_TCP) return get_tcp(name, v);
        if ((level == SOL_IP && name == IP_MTU) || (level == SOL_IPV6 && name == IPV6_MTU)) {
            if (!endpoint_->has_peer()) return ENOTCONN;
            v.set_int(endpoint_->statistics().pmtu);
            return {};
        }
        return get_inet_option(inet_, v6(), level, name, v);
    }

    Result<void> get_special_option(int name, OptionOut& v) override {
        if (name == SO_BINDTODEVICE) {
            v.length = 0;
            return {};
        }
        return ENOPROTOOPT;
    }

  private:
    bool v6() const { return family == AF_INET6; }

    void fill_binding(PortBinding& b) {
        b.reuse_addr = options.reuse_addr;
        b.reuse_port = options.reuse_port;
        b.v6only = v6() && inet_.v6only;
        b.uid = inode().uid;
    }

    Result<void> set_tcp(int name, const OptionIn& v) {
        if (name == TCP_CONGESTION) {
            char text[16] = {};
            memcpy(text, v.data, v.length < 15 ? v.length : 15);
            return strcmp(text, "reno") == 0 ? Result<void>() : Result<void>(ENOENT);
        }
        if (name == TCP_ULP || name == TCP_FASTOPEN_KEY || name == TCP_MD5SIG) return ENOPROTOOPT;
        int n = TRY(v.integer());
        bool bad = false;
        auto change = [&](auto&& f) { endpoint_->change_options(f); };
        switch (name) {
        case TCP_NODELAY: change([&](TcpOptions& o) { o.nodelay = n; }); break;
        case TCP_CORK: change([&](TcpOptions& o) { o.cork = n; }); break;
        case TCP_QUICKACK: change([&](TcpOptions& o) { o.quickack = n & 1; }); break;
        case TCP_KEEPIDLE:
            if ((bad = n < 1 || n > 32767)) break;
            change([&](TcpOptions& o) { o.keep_idle_s = n; });
            break;
        case TCP_KEEPINTVL:
            if ((bad = n < 1 || n > 32767)) break;
            change([&](TcpOptions& o) { o.keep_interval_s = n; });
            break;
        case TCP_KEEPCNT:
            if ((bad = n < 1 || n > 127)) break;
            change([&](TcpOptions& o) { o.keep_count = n; });
            break;
        case TCP_USER_TIMEOUT:
            if ((bad = n < 0)) break;
            change([&](TcpOptions& o) { o.user_timeout_ms = n; });
            break;
        case TCP_MAXSEG:
            if ((bad = n && (n < 88 || n > 32767))) break;
            change([&](TcpOptions& o) { o.max_segment = n; });
            break;
        case TCP_SYNCNT:
            if ((bad = n < 1 || n > 127)) break;
            syn_count_ = n;
            break;
        case TCP_LINGER2: linger2_s_ = n < 0 ? -1 : n; break;
        case TCP_DEFER_ACCEPT: defer_accept_s_ = n < 0 ? 0 : n; break;
        case TCP_WINDOW_CLAMP: window_clamp_ = n; break;
        case TCP_NOTSENT_LOWAT: notsent_low_water_ = n; break;
        case TCP_FASTOPEN_CONNECT:
        case TCP_FASTOPEN:
        case TCP_REPAIR:
        case TCP_TIMESTAMP:
        default: return ENOPROTOOPT;
        }
        return bad ? Result<void>(EINVAL) : Result<void>();
    }

    Result<void> get_tcp(int name, OptionOut& v) {
        TcpOptions o = endpoint_->options();
        switch (name) {
        case TCP_NODELAY: v.set_int(o.nodelay); break;
        case TCP_CORK: v.set_int(o.cork); break;
        case TCP_QUICKACK: v.set_int(o.quickack); break;
        case TCP_KEEPIDLE: v.set_int(o.keep_idle_s); break;
        case TCP_KEEPINTVL: v.set_int(o.keep_interval_s); break;
        case TCP_KEEPCNT: v.set_int(o.keep_count); break;
        case TCP_USER_TIMEOUT: v.set_int(o.user_timeout_ms); break;
        case TCP_MAXSEG: {
            u32 mss = endpoint_->has_peer() ? endpoint_->statistics().mss : 0;
            v.set_int(mss ? mss : o.max_segment ? o.max_segment : 536);
            break;
        }
        case TCP_SYNCNT: v.set_int(syn_count_); break;
        case TCP_LINGER2: v.set_int(linger2_s_); break;
        case TCP_DEFER_ACCEPT: v.set_int(defer_accept_s_); break;
        case TCP_WINDOW_CLAMP: v.set_int(window_clamp_); break;
        case TCP_NOTSENT_LOWAT: v.set_int(notsent_low_water_); break;
        case TCP_CONGESTION: v.set_bytes("reno\0\0\0\0\0\0\0\0\0\0\0", 16); break;
        case TCP_INFO: {
            NetGuard guard;
            v.set(tcp_info(*endpoint_));
            break;
        }
        default: return ENOPROTOOPT;
        }
        return {};
    }

    enum class Connecting : u8 { No, Yes, Done };
    Ref<TcpEndpoint> endpoint_;
    Mutex<Rank::Socket> connect_mutex_;
    Connecting connecting_ = Connecting::No;
    InetOptions inet_;
    int syn_count_ = 6, linger2_s_ = 60, defer_accept_s_ = 0, window_clamp_ = 0, notsent_low_water_ = -1;
};

} // namespace

Result<SocketAddress> bind_address(const SockAddrBuffer& name, bool v6) {
    if (name.length < (v6 ? 24 : sizeof(abi::SockAddrIn))) return EINVAL;
    if (v6 && name.family() != AF_INET6) return EAFNOSUPPORT;
    return parse_inet_address(name, v6);
}

Result<Ref<Socket>> create_tcp_socket(int family, u32 file_flags) {
    auto e = TRY(TcpEndpoint::make(family == AF_INET6));
    return Ref<Socket>(TRY(make_ref<TcpSocket>(family, std::move(e), TRY(make_socket_inode()), file_flags)));
}

Result<Ref<Socket>> create_inet_socket(int family, int type, int protocol, u32 file_flags) {
    if (protocol < 0 || protocol >= 256) return protocol == IPPROTO_MPTCP ? EPROTONOSUPPORT : EINVAL;
    switch (type) {
    case SOCK_STREAM:
        if (protocol != 0 && protocol != IPPROTO_TCP) return EPROTONOSUPPORT;
        return create_tcp_socket(family, file_flags);
    case SOCK_DGRAM:
        // "Ping" sockets: nobody is in Linux's default net.ipv4.ping_group_range.
        if (protocol == (family == AF_INET ? IPPROTO_ICMP : IPPROTO_ICMPV6)) return EACCES;
        if (protocol != 0 && protocol != IPPROTO_UDP) return EPROTONOSUPPORT;
        return create_datagram_socket(family, SOCK_DGRAM, IPPROTO_UDP, file_flags);
    case SOCK_RAW:
        if (protocol == 0) return EPROTONOSUPPORT;
        if (!current_has_capability(kCapNetRaw)) return EPERM;
        return create_datagram_socket(family, SOCK_RAW, protocol, file_flags);
    }
    return ESOCKTNOSUPPORT;
}

} // namespace linnet
