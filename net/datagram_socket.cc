// UDP and raw sockets. Source: udp(7), raw(7), ip(7), ipv6(7).
#include "kernel/mm/user.h"
#include "kernel/time/clock.h"
#include "linux-abi/netif.h"
#include "linux-abi/termios.h"
#include "linux-abi/time.h"
#include "net/datagram.h"
#include "net/inet_options.h"
#include "net/inet_socket.h"
#include "net/interface.h"

namespace linnet {

namespace {

class DatagramSocket final : public Socket {
  public:
    DatagramSocket(int fam, int ty, int proto, Ref<DatagramEndpoint> e, Ref<Inode> node, u32 flags)
        : Socket(fam, ty, proto, std::move(node), flags), endpoint_(std::move(e)) {
        endpoint_->inode_number = this->inode().ino;
        if (ty == SOCK_RAW && proto == IPPROTO_RAW) {
            inet_.header_included = true;
            push_options();
        }
    }
    ~DatagramSocket() override { endpoint_->close(); }

    Result<void> bind(const SockAddrBuffer& name) override {
        SocketAddress to = TRY(bind_address(name, v6()));
        if (type != SOCK_RAW) TRY(check_port_permission(to.port));
        endpoint_->change_binding([&](PortBinding& b) { fill_binding(b); });
        return endpoint_->bind(to);
    }

    Result<void> connect(const SockAddrBuffer& name, bool) override {
        if (name.length < 2) return EINVAL;
        if (name.family() == AF_UNSPEC) {
            endpoint_->disconnect();
            return {};
        }
        SocketAddress to = TRY(parse_inet_address(name, v6()));
        endpoint_->change_binding([&](PortBinding& b) { fill_binding(b); });
        return endpoint_->connect(to);
    }

    Result<void> get_name(SockAddrBuffer& out, bool peer) override {
        if (peer && !endpoint_->connected()) return ENOTCONN;
        write_inet_address(out, peer ? endpoint_->remote_address() : endpoint_->local_address(), v6());
        return {};
    }

    Result<size_t> send_message(SendMessage& m) override {
        if (m.flags & MSG_OOB) return EOPNOTSUPP;
        SocketAddress to;
        if (m.name) {
            // A connected socket's peer may be named by AF_UNSPEC.
            if (m.name->length >= 2 && m.name->family() == AF_UNSPEC && v6()) m.name = nullptr;
            else to = TRY(parse_inet_address(*m.name, v6()));
        }
        InetControl c;
        if (!m.control.empty()) c = TRY(parse_inet_control(m.control, v6()));
        auto r = endpoint_->send(m.data, m.name ? &to : nullptr, c.has_source ? &c.source : nullptr, c.interface);
        if (!r && r.error() == EPIPE) return broken_pipe(m.flags);
        return r;
    }

    Result<size_t> receive_message(ReceiveMessage& m) override {
        if (m.flags & MSG_OOB) return EOPNOTSUPP;
        if (m.flags & MSG_ERRQUEUE) return EAGAIN;
        bool nonblock = m.nonblock || (m.flags & MSG_DONTWAIT);
        u64 until = 0;
        for (;;) {
            {
                MutexGuard reader(endpoint_->receive_mutex);
                Errno error;
                if (Datagram* d = endpoint_->front(error)) return take(m, *d);
                if (error != Errno{}) return error;
            }
            if (endpoint_->can_receive()) {
                // Shut down, or another reader was first.
                if (endpoint_->poll_bits() & kPollRdHup) return size_t{0};
            }
            if (nonblock) return EAGAIN;
            if (!until) until = deadline(options.receive_timeout_ns);
            TRY(wait_for(endpoint_->wait_queue, [&] { return endpoint_->can_receive(); }, until));
        }
    }

    Result<void> shutdown(int how) override { return endpoint_->shutdown(how); }

    u32 poll(PollTable* table) override {
        if (table) table->watch(endpoint_->wait_queue);
        return endpoint_->poll_bits();
    }

    Result<i64> ioctl(u32 command, u64 arg) override {
        switch (command) {
        case FIONREAD: TRY(user_write<i32>(arg, endpoint_->next_size())); return i64{0};
        case TIOCOUTQ: TRY(user_write<i32>(arg, 0)); return i64{0};
        }
        return Socket::ioctl(command, arg);
    }
    Result<i64> bytes_available() override { return static_cast<i64>(endpoint_->next_size()); }

    int take_error() override { return endpoint_->take_error(); }

    Result<void> option_changed(int name) override {
        if (name == SO_RCVBUF || name == SO_RCVBUFFORCE) endpoint_->set_receive_limit(options.receive_buffer);
        if (name == SO_REUSEADDR || name == SO_REUSEPORT)
            endpoint_->change_binding([&](PortBinding& b) {
                b.reuse_addr = options.reuse_addr;
                b.reuse_port = options.reuse_port;
            });
        if (name == SO_BROADCAST) push_options();
        return {};
    }

    Result<void> set_level_option(int level, int name, const OptionIn& v) override {
        if (level == SOL_IP) {
            switch (name) {
            case IP_ADD_MEMBERSHIP:
            case IP_DROP_MEMBERSHIP: {
                auto m = TRY(v.as<abi::IpMreq>());
                u32 index = 0;
                if (v.length >= sizeof(abi::IpMreqn)) index = TRY(v.as<abi::IpMreqn>()).ifindex;
                if (!index && IpAddress::v4_of(m.interface.addr).is_loopback()) index = 1;
                return endpoint_->membership(IpAddress::v4_of(m.multiaddr.addr), index, name == IP_ADD_MEMBERSHIP);
            }
            case IP_MULTICAST_IF: {
                u32 index = 0;
                if (v.length >= sizeof(abi::IpMreqn)) index = TRY(v.as<abi::IpMreqn>()).ifindex;
                else if (v.length < 4) return EINVAL;
                if (index > 2) return EADDRNOTAVAIL;
                inet_.multicast_interface = index;
                return {};
            }
            case IP_HDRINCL:
                if (type != SOCK_RAW) return ENOPROTOOPT;
                inet_.header_included = TRY(v.small_integer());
                push_options();
                return {};
            }
        }
        if (level == SOL_IPV6 && v6() && (name == IPV6_JOIN_GROUP || name == IPV6_LEAVE_GROUP)) {
            auto m = TRY(v.as<abi::Ipv6Mreq>());
            return endpoint_->membership(IpAddress::v6_of(m.multiaddr.bytes), m.ifindex, name == IPV6_JOIN_GROUP);
        }
        if (level == SOL_IPV6 && name == IPV6_V6ONLY && endpoint_->local_address().port) return EINVAL;
        if (level == SOL_RAW && type == SOCK_RAW && protocol == IPPROTO_ICMP && name == 1 /* ICMP_FILTER */) {
            u32 mask = TRY(v.as<u32>());
            NetGuard guard;
            endpoint_->icmp_filter_ = mask;
            return {};
        }
        if (level == SOL_RAW || (level == SOL_UDP && type == SOCK_RAW)) return ENOPROTOOPT;
        if (level == SOL_UDP) return set_udp(name, v);
        TRY(set_inet_option(inet_, v6(), level, name, v));
        push_options();
        return {};
    }

    Result<void> get_level_option(int level, int name, OptionOut& v) override {
        if (level == SOL_IP && name == IP_HDRINCL && type == SOCK_RAW) {
            v.set_int(inet_.header_included);
            return {};
        }
        if (level == SOL_IP && name == IP_MULTICAST_IF) {
            v.set_int(0);
            return {};
        }
        if ((level == SOL_IP && name == IP_MTU) || (level == SOL_IPV6 && name == IPV6_MTU)) {
            if (!endpoint_->connected()) return ENOTCONN;
            v.set_int(endpoint_->remote_address().ip.is_loopback() ? 65536 : 1500);
            return {};
        }
        if (level == SOL_UDP && type == SOCK_DGRAM) {
            if (name != UDP_CORK) return ENOPROTOOPT;
            v.set_int(0);
            return {};
        }
        return get_inet_option(inet_, v6(), level, name, v);
    }

    Result<void> get_special_option(int name, OptionOut& v) override {
        if (name != SO_BINDTODEVICE) return ENOPROTOOPT;
        v.length = 0;
        return {};
    }

  private:
    bool v6() const { return family == AF_INET6; }

    static Result<void> set_udp(int name, const OptionIn& v) {
        // Corking would gather several sends into one datagram: only its absence is supported.
        if (name == UDP_CORK) return TRY(v.integer()) ? Result<void>(ENOPROTOOPT) : Result<void>();
        return ENOPROTOOPT;
    }

    void fill_binding(PortBinding& b) {
        b.reuse_addr = options.reuse_addr;
        b.reuse_port = options.reuse_port;
        b.v6only = v6() && inet_.v6only;
        b.uid = inode().uid;
    }

    void push_options() {
        endpoint_->change_options([&](DatagramOptions& o) {
            o.broadcast = options.broadcast;
            o.ttl = v6() && inet_.hop_limit >= 0 ? inet_.hop_limit : inet_.ttl;
            o.tos = v6() ? inet_.tclass : inet_.tos;
            o.multicast_ttl = v6() ? inet_.multicast_hops : inet_.multicast_ttl;
            o.multicast_loop = v6() ? inet_.multicast_loop6 : inet_.multicast_loop;
            o.header_included = inet_.header_included;
        });
    }

    /// Copies a datagram out, with all that comes with it. The reader's mutex is held; the datagram is at the front.
    Result<size_t> take(ReceiveMessage& m, Datagram& d) {
        size_t room = m.data.remaining();
        size_t n = d.size < room ? d.size : room;
        size_t copied = m.data.copy_out(d.data, n);
        size_t size = d.size;
        if (copied == n) {
            write_inet_address(m.name, d.from, v6());
            if (type == SOCK_RAW) set_port_zero(m.name);
            if (m.control) put_control(*m.control, d);
        }
        if (!(m.flags & MSG_PEEK)) endpoint_->drop_front();
        if (copied < n) return EFAULT;
        if (size > n) m.out_flags |= MSG_TRUNC;
        return m.flags & MSG_TRUNC ? size : n;
    }

    static void set_port_zero(SockAddrBuffer& a) { a.bytes[2] = a.bytes[3] = 0; }

    void put_control(ControlWriter& out, const Datagram& d) {
        if (options.timestamp) {
            u64 now = realtime_ns();
            abi::Timeval t{};
            t.sec = now / kNsPerSec;
            t.usec = now % kNsPerSec / 1000;
            out.put(SOL_SOCKET, SCM_TIMESTAMP, &t, sizeof t);
        } else if (options.timestamp_ns) {
            u64 now = realtime_ns();
            abi::Timespec t{};
            t.sec = now / kNsPerSec;
            t.nsec = now % kNsPerSec;
            out.put(SOL_SOCKET, SCM_TIMESTAMPNS, &t, sizeof t);
        }
        if (inet_.packet_info && d.to.ip.is_v4()) {
            abi::InPktinfo i{static_cast<i32>(d.interface), {d.to.ip.v4()}, {d.to.ip.v4()}};
            out.put(SOL_IP, IP_PKTINFO, &i, sizeof i);
        }
        if (inet_.receive_ttl && d.to.ip.is_v4()) {
            int v = d.ttl;
            out.put(SOL_IP, IP_TTL, &v, sizeof v);
        }
        if (inet_.receive_tos && d.to.ip.is_v4()) out.put(SOL_IP, IP_TOS, &d.tos, 1);
        if (inet_.receive_original && d.to.ip.is_v4()) {
            SockAddrBuffer a;
            write_inet_address(a, d.to, false);
            out.put(SOL_IP, IP_ORIGDSTADDR, a.bytes, a.length);
        }
        if (inet_.packet_info6) {
            abi::In6Pktinfo i{};
            memcpy(i.addr.bytes, d.to.ip.bytes, 16);
            i.ifindex = d.interface;
            out.put(SOL_IPV6, IPV6_PKTINFO, &i, sizeof i);
        }
        if (inet_.receive_hop_limit) {
            int v = d.ttl;
            out.put(SOL_IPV6, IPV6_HOPLIMIT, &v, sizeof v);
        }
        if (inet_.receive_tclass) {
            int v = d.tos;
            out.put(SOL_IPV6, IPV6_TCLASS, &v, sizeof v);
        }
    }

    Ref<DatagramEndpoint> endpoint_;
    InetOptions inet_;
};

} // namespace

Result<Ref<Socket>> create_datagram_socket(int family, int type, int protocol, u32 file_flags) {
    auto e = TRY(DatagramEndpoint::make(family == AF_INET6, type == SOCK_RAW, protocol));
    return Ref<Socket>(TRY(make_ref<DatagramSocket>(family, type, protocol, std::move(e), TRY(make_socket_inode()), file_flags)));
}

} // namespace linnet
