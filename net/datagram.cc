#include "net/datagram.h"

#include <atomic>

#include "net/interface.h"

namespace linnet {

PortTable udp_ports;

namespace {
List<DatagramEndpoint, &DatagramEndpoint::all_node_> all_endpoints;
/// Counts the changes of bindings and peers; a remembered peer holds as long as it does not move.
std::atomic<u64> udp_matching{1};
constexpr u32 kReadable = kPollIn | kPollRdNorm;
constexpr size_t kMaxUdpPayload4 = 65507, kMaxUdpPayload6 = 65527;
} // namespace

void udp_matching_changed() { udp_matching.fetch_add(1, std::memory_order_release); }

Datagram* Datagram::make(size_t size) {
    auto* d = static_cast<Datagram*>(kmalloc(sizeof(Datagram) + size));
    if (!d) return nullptr;
    new (d) Datagram{};
    d->size = size;
    d->ttl = 64;
    return d;
}

Result<Ref<DatagramEndpoint>> DatagramEndpoint::make(bool v6, bool raw, u8 protocol) {
    auto e = TRY(make_ref<DatagramEndpoint>(v6, raw, protocol));
    if (raw) {
        NetGuard guard;
        auto r = lwip_datagram_open(*e);
        if (!r) {
            guard.unlock();
            return r.error();
        }
    }
    return e;
}

DatagramEndpoint::DatagramEndpoint(bool is_v6, bool is_raw, u8 proto) : v6(is_v6), raw(is_raw), protocol(proto) {
    binding_.owner = this;
    binding_.datagram = true;
    binding_.local.ip = remote_.ip = v6 ? IpAddress::any6() : IpAddress::any4();
    NetGuard guard;
    all_endpoints.push_back(*this);
}

DatagramEndpoint::~DatagramEndpoint() {
    close();
    NetGuard guard;
    all_node_.unlink();
}

void DatagramEndpoint::close() {
    LocalRoute route; // its reference goes without locks held
    NetGuard core;
    while (group_count_) {
        --group_count_;
        (void)lwip_membership(groups_[group_count_].group, groups_[group_count_].interface, false);
    }
    if (pcb_) lwip_datagram_close(*this);
    udp_ports.unbind(binding_);
    udp_matching_changed();
    SpinGuard guard(lock_);
    std::swap(route, local_route_);
    while (Datagram* d = queue_.pop_front()) kfree(d);
    queued_bytes_ = 0;
}

void each_datagram_endpoint(void (*f)(DatagramEndpoint&, void*), void* arg) {
    for (DatagramEndpoint& e : all_endpoints) f(e, arg);
}

Result<void> DatagramEndpoint::bind(const SocketAddress& to) {
    NetGuard guard;
    if (binding_.bound()) return EINVAL;
    if (!to.ip.is_any() && !net_is_local(to.ip) && !to.ip.is_multicast() && !net_is_subnet_broadcast(to.ip))
        return EADDRNOTAVAIL;
    if (raw) {
        binding_.local = to;
        binding_.local.port = 0;
        address_chosen_ = !to.ip.is_any();
        return {};
    }
    TRY(udp_ports.bind(binding_, to));
    udp_matching_changed();
    auto r = lwip_datagram_open(*this);
    if (!r) udp_ports.unbind(binding_);
    else address_chosen_ = !to.ip.is_any(), port_chosen_ = to.port != 0;
    return r;
}

Result<void> DatagramEndpoint::autobind() {
    if (raw || binding_.bound()) return {};
    SocketAddress any;
    any.ip = v6 ? IpAddress::any6() : IpAddress::any4();
    if (!udp_ports.bind(binding_, any)) return EAGAIN; // as Linux when no port is free
    udp_matching_changed();
    auto r = lwip_datagram_open(*this);
    if (!r) udp_ports.unbind(binding_);
    return r;
}

Result<void> DatagramEndpoint::connect(const SocketAddress& asked) {
    NetGuard guard;
    SocketAddress to = asked;
    if (to.ip.is_any()) to.ip = to.ip.is_v4() ? IpAddress::loopback4() : IpAddress::loopback6();
    if (to.ip.is_v4() && v6 && binding_.v6only) return ENETUNREACH;
    if (net_is_subnet_broadcast(to.ip) && !options_.broadcast) return EACCES;
    IpAddress source = TRY(net_source_for(to.ip, to.scope));
    TRY(autobind());
    if (binding_.local.ip.is_any()) binding_.local.ip = source;
    udp_matching_changed();
    SpinGuard own(lock_);
    remote_ = to;
    connected_ = true;
    error_ = {};
    return {};
}

void DatagramEndpoint::disconnect() {
    NetGuard core;
    if (!raw && !port_chosen_ && binding_.bound()) {
        if (pcb_) lwip_datagram_close(*this);
        udp_ports.unbind(binding_);
        binding_.local.port = 0;
    }
    if (!address_chosen_) binding_.local.ip = v6 ? IpAddress::any6() : IpAddress::any4();
    udp_matching_changed();
    SpinGuard guard(lock_);
    connected_ = false;
    remote_ = {};
    remote_.ip = v6 ? IpAddress::any6() : IpAddress::any4();
}

Result<size_t> DatagramEndpoint::send(IoVector& from, const SocketAddress* to, const IpAddress* source, u32 interface) {
    size_t n = from.remaining();
    if (!raw && n > (v6 ? kMaxUdpPayload6 : kMaxUdpPayload4)) return EMSGSIZE;
    if (raw && n > 65535 - (options_.header_included ? 0 : 20)) return EMSGSIZE;
    {
        SpinGuard guard(lock_);
        if (error_ != Errno{}) return std::exchange(error_, Errno{});
        if (send_shut_) return EPIPE;
        if (!to && !connected_) return EDESTADDRREQ;
    }
    if (to && !raw && to->port == 0) return EINVAL;
    Datagram* d = Datagram::make(n);
    if (!d) return ENOBUFS;
    if (from.copy_in(d->data, n) != n) {
        kfree(d);
        return EFAULT;
    }
    const bool by_route = !to && !source && !interface;
    if (by_route && send_to_local_peer(d)) return n;
    Errno error{};
    bool handed_over = false;
    LocalRoute route; // its old reference goes without locks held
    {
        NetGuard guard;
        auto go = [&]() REQUIRES(net_core_lock) -> Result<void> {
            d->to = to ? *to : remote_;
            if (d->to.ip.is_any()) d->to.ip = d->to.ip.is_v4() ? IpAddress::loopback4() : IpAddress::loopback6();
            if (d->to.ip.is_v4() && v6 && binding_.v6only) return ENETUNREACH;
            if (net_is_subnet_broadcast(d->to.ip) && !options_.broadcast) return EACCES;
            TRY(autobind());
            d->from = binding_.local;
            if (source && !source->is_any()) d->from.ip = *source;
            if (d->from.ip.is_any() || d->from.ip.is_multicast()) d->from.ip = TRY(net_source_for(d->to.ip, d->to.scope ? d->to.scope : interface));
            if (d->from.ip.is_v4() != d->to.ip.is_v4()) return v6 ? ENETUNREACH : EINVAL;
            d->ttl = d->to.ip.is_multicast() ? options_.multicast_ttl : options_.ttl;
            d->tos = options_.tos;
            d->interface = d->to.ip.is_loopback() ? 1 : interface ? interface : 2;
            if (!raw && net_is_local(d->to.ip)) {
                d->interface = 1;
                handed_over = true;
                DatagramEndpoint* only = nullptr;
                route.from = d->from;
                const bool remember = by_route && connected_ && d->to.ip.is_loopback();
                if (!udp_deliver(d, &only)) {
                    SpinGuard own(lock_);
                    if (connected_ && !to) error_ = ECONNREFUSED; // as the ICMP message does it
                } else if (only && remember) {
                    route.peer = Ref<DatagramEndpoint>(only);
                    remember_local_peer(route);
                }
                return {};
            }
            TRY(lwip_datagram_send(*this, *d));
            if (!raw && d->to.ip.is_multicast() && options_.multicast_loop) {
                handed_over = true;
                udp_deliver(d);
            }
            return {};
        };
        if (auto r = go(); !r) error = r.error();
    }
    if (!handed_over) kfree(d);
    if (error != Errno{}) return error;
    return n;
}

/// `route` gets the one that was remembered before. Core lock held: the matching cannot change meanwhile.
void DatagramEndpoint::remember_local_peer(LocalRoute& route) {
    route.matching = udp_matching.load(std::memory_order_relaxed);
    SpinGuard guard(lock_);
    std::swap(route, local_route_);
}

/// Without the core lock. False: no peer is remembered, or things have changed since.
bool DatagramEndpoint::send_to_local_peer(Datagram* d) {
    Ref<DatagramEndpoint> peer;
    {
        SpinGuard guard(lock_);
        if (!local_route_.peer || local_route_.matching != udp_matching.load(std::memory_order_acquire)) return false;
        peer = local_route_.peer;
        d->from = local_route_.from;
        d->to = remote_;
        d->ttl = options_.ttl;
        d->tos = options_.tos;
    }
    d->interface = 1;
    peer->deliver(d);
    return true;
}

namespace {

bool joined(DatagramEndpoint& e, const IpAddress& group) {
    for (u32 i = 0; i < e.group_count_; ++i)
        if (e.groups_[i].group == group) return true;
    return false;
}

/// 0: not for this socket; higher is better.
int score(DatagramEndpoint& e, const Datagram& d) {
    int s = e.binding_.match(d.to.ip);
    if (!s) return 0;
    if (e.connected_) {
        if (e.remote_.port != d.from.port || !(e.remote_.ip == d.from.ip)) return 0;
        s += 4;
    }
    return s;
}

} // namespace

bool udp_deliver(Datagram* d, DatagramEndpoint** only) {
    bool many = d->to.ip.is_multicast() || net_is_subnet_broadcast(d->to.ip);
    DatagramEndpoint* best = nullptr;
    int best_score = 0;
    u32 tied = 0;
    bool any = false;
    udp_ports.each_on_port(d->to.port, [&](PortBinding& b) {
        auto& e = *static_cast<DatagramEndpoint*>(b.owner);
        int s = score(e, *d);
        if (!s) return;
        if (many) {
            if (d->to.ip.is_multicast() && !joined(e, d->to.ip)) return;
            any = true;
            if (Datagram* copy = Datagram::make(d->size)) {
                copy->from = d->from;
                copy->to = d->to;
                copy->interface = d->interface;
                copy->ttl = d->ttl;
                copy->tos = d->tos;
                memcpy(copy->data, d->data, d->size);
                e.deliver(copy);
            }
            return;
        }
        if (s < best_score) return;
        if (s > best_score) tied = 0;
        best_score = s;
        ++tied;
        u32 hash = (d->from.port * 2654435761u ^ static_cast<u32>(d->from.ip.low() >> 32)) >> 7;
        // The last bound wins, as on Linux, unless it is an SO_REUSEPORT group.
        if (tied == 1 || !b.reuse_port || hash % tied == 0) best = &e;
    });
    if (many || !best) {
        kfree(d);
        return any;
    }
    if (only && tied == 1) *only = best;
    best->deliver(d);
    return true;
}

void DatagramEndpoint::deliver(Datagram* d) {
    u32 charge = d->size + sizeof(Datagram);
    SpinGuard guard(lock_);
    if (receive_shut_ || queued_bytes_ + charge > receive_limit_) {
        ++drops_;
        kfree(d);
        return;
    }
    queued_bytes_ += charge;
    queue_.push_back(*d);
    wait_queue.wake_all(kReadable);
}

Datagram* DatagramEndpoint::front(Errno& error) {
    SpinGuard guard(lock_);
    error = std::exchange(error_, Errno{});
    if (error != Errno{}) return nullptr;
    return queue_.front();
}

void DatagramEndpoint::drop_front() {
    Datagram* d;
    {
        SpinGuard guard(lock_);
        d = queue_.pop_front();
        if (d) queued_bytes_ -= d->size + sizeof(Datagram);
    }
    kfree(d);
}

Result<void> DatagramEndpoint::shutdown(int how) {
    NetGuard core;
    SpinGuard guard(lock_);
    if (!connected_) return ENOTCONN;
    if (how != SHUT_WR) receive_shut_ = true;
    if (how != SHUT_RD) send_shut_ = true;
    wait_queue.wake_all();
    return {};
}

u32 DatagramEndpoint::poll_bits() {
    SpinGuard guard(lock_);
    u32 bits = kPollOut | kPollWrNorm;
    if (!queue_.empty()) bits |= kReadable;
    if (receive_shut_) bits |= kReadable | kPollRdHup;
    if (receive_shut_ && send_shut_) bits |= kPollHup;
    if (error_ != Errno{}) bits |= kPollErr;
    return bits;
}

bool DatagramEndpoint::can_receive() {
    SpinGuard guard(lock_);
    return !queue_.empty() || receive_shut_ || error_ != Errno{};
}

int DatagramEndpoint::take_error() {
    SpinGuard guard(lock_);
    return static_cast<int>(std::exchange(error_, Errno{}));
}

size_t DatagramEndpoint::next_size() {
    SpinGuard guard(lock_);
    Datagram* d = queue_.front();
    return d ? d->size : 0;
}

Result<void> DatagramEndpoint::membership(const IpAddress& group, u32 interface, bool join) {
    if (!group.is_multicast()) return EINVAL;
    NetGuard guard;
    u32 at = 0;
    while (at < group_count_ && !(groups_[at].group == group)) ++at;
    if (join) {
        if (at < group_count_) return EADDRINUSE;
        if (at == kMaxGroups) return ENOBUFS;
        TRY(lwip_membership(group, interface, true));
        groups_[group_count_++] = {group, interface};
    } else {
        if (at == group_count_) return EADDRNOTAVAIL;
        (void)lwip_membership(group, groups_[at].interface, false);
        groups_[at] = groups_[--group_count_];
    }
    return {};
}

SocketAddress DatagramEndpoint::local_address() {
    NetGuard guard;
    return binding_.local;
}

SocketAddress DatagramEndpoint::remote_address() {
    SpinGuard guard(lock_);
    return remote_;
}

void DatagramEndpoint::queue_state(u32& bytes, u64& drops) {
    SpinGuard guard(lock_);
    bytes = queued_bytes_;
    drops = drops_;
}

bool DatagramEndpoint::connected() {
    SpinGuard guard(lock_);
    return connected_;
}

} // namespace linnet
