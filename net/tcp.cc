// TCP endpoints: what Linux's sockets show, whatever path stands behind.
#include "net/transport.h"

#include "net/interface.h"

namespace linnet {

SpinLock<Rank::NetCore> net_core_lock;
bool net_core_dirty = false;
PortTable tcp_ports;
TcpEventCounts tcp_events;

namespace {
List<TcpEndpoint, &TcpEndpoint::all_node_> all_endpoints;
constexpr u32 kDefaultLimit = 128 * KiB;
} // namespace

Result<Ref<TcpEndpoint>> TcpEndpoint::make(bool v6) { return make_ref<TcpEndpoint>(v6); }

TcpEndpoint::TcpEndpoint(bool v6_socket, Locked)
    : v6(v6_socket), state_(TCP_CLOSE), send_limit_(kDefaultLimit), receive_limit_(kDefaultLimit) {
    binding_.owner = this;
    binding_.local.ip = remote_.ip = v6 ? IpAddress::any6() : IpAddress::any4();
    all_endpoints.push_back(*this);
}

TcpEndpoint::TcpEndpoint(bool v6_socket) : TcpEndpoint(v6_socket, (net_core_lock.lock_by_guard(), Locked{})) {
    net_core_lock.unlock_by_guard();
}

// Reached without the core lock held, or (lwIP's last reference) through release_later() of the path.
TcpEndpoint::~TcpEndpoint() {
    NetGuard guard;
    ASSERT(!pcb_ && !peer_ && !listener_ && !parent_);
    if (pending_on_) pending_node_.unlink();
    drop_embryos();
    tcp_ports.unbind(binding_);
    all_node_.unlink();
}

void each_tcp_endpoint(void (*f)(TcpEndpoint&, void*), void* arg) {
    for (TcpEndpoint& e : all_endpoints) f(e, arg);
}

Result<void> TcpEndpoint::bind(const SocketAddress& to) {
    NetGuard guard;
    if (state_ != TCP_CLOSE || binding_.bound()) return EINVAL;
    if (!to.ip.is_any() && !net_is_local(to.ip)) return EADDRNOTAVAIL;
    TRY(tcp_ports.bind(binding_, to));
    autobound_ = false;
    port_named_ = to.port != 0;
    return {};
}

Result<void> TcpEndpoint::listen(u32 backlog) {
    NetGuard guard;
    backlog_ = backlog;
    if (state_ == TCP_LISTEN) return {};
    if (state_ != TCP_CLOSE || path_) return EINVAL;
    if (!binding_.bound()) {
        SocketAddress any;
        any.ip = v6 ? IpAddress::any6() : IpAddress::any4();
        TRY(tcp_ports.bind(binding_, any));
        autobound_ = true;
    } else {
        TRY(tcp_ports.may_listen(binding_));
    }
    // Connections to loopback addresses never reach lwIP.
    if (!binding_.local.ip.is_loopback()) TRY(lwip_tcp_listen(*this));
    binding_.listening = true;
    state_ = TCP_LISTEN;
    error_ = {};
    receive_shut_ = send_shut_ = fin_received_ = false;
    return {};
}

TcpEndpoint* find_tcp_listener(const SocketAddress& to, u32 hash) {
    int best = 0;
    u32 count = 0;
    PortBinding* found = nullptr;
    tcp_ports.each_on_port(to.port, [&](PortBinding& b) {
        if (!b.listening) return;
        int score = b.match(to.ip);
        if (score == 0 || score < best) return;
        if (score > best) {
            best = score;
            count = 0;
        }
        // SO_REUSEPORT: each of the group with the same probability, by the connection's hash.
        ++count;
        if (!found || count == 1 || (b.reuse_port && (hash * 2654435761u >> 8) % count == 0)) found = &b;
    });
    return found ? static_cast<TcpEndpoint*>(found->owner) : nullptr;
}

Result<void> TcpEndpoint::connect(const SocketAddress& asked) {
    // The accepting side of a local connection is made here: nothing big is allocated under the lock.
    Ref<TcpEndpoint> child;
    SocketAddress to = asked;
    if (to.ip.is_any()) to.ip = to.ip.is_v4() || (v6 && binding_.local.ip.is_v4() && !binding_.local.ip.is_any())
                                    ? IpAddress::loopback4() : IpAddress::loopback6();
    const bool local = net_is_local(to.ip);
    if (local) child = TRY(make(v6));
    NetGuard guard;
    if (state_ != TCP_CLOSE) return EISCONN;
    if (to.ip.is_v4() && v6 && binding_.v6only) return ENETUNREACH;
    if (to.ip.is_multicast() || to.ip.is_broadcast() || to.port == 0) {
        if (to.port == 0) {
            error_ = ECONNREFUSED;
            return {};
        }
        return ENETUNREACH;
    }
    IpAddress bound_ip = binding_.local.ip;
    if (binding_.bound() && !bound_ip.is_any() && bound_ip.is_v4() != to.ip.is_v4())
        return v6 ? ENETUNREACH : EAFNOSUPPORT;
    IpAddress source = binding_.bound() && !bound_ip.is_any() ? bound_ip : TRY(net_source_for(to.ip, to.scope));
    if (!local && source.is_loopback()) return EINVAL; // as Linux: a loopback source cannot leave
    if (!binding_.bound()) {
        SocketAddress from;
        from.ip = source;
        from.scope = to.scope;
        if (!tcp_ports.bind(binding_, from)) return EADDRNOTAVAIL;
        autobound_ = true;
    }
    binding_.local.ip = source;
    remote_ = to;
    error_ = {};
    receive_shut_ = send_shut_ = fin_received_ = peer_gone_ = false;
    receive_queue_.clear();
    state_ = TCP_SYN_SENT;
    ++tcp_events.active_opens;
    if (local) {
        local_tcp_connect(*this, to, std::move(child));
        return {};
    }
    auto r = lwip_tcp_connect(*this, to);
    if (!r) set_closed();
    return r;
}

void TcpEndpoint::push_accepted(Ref<TcpEndpoint> child) {
    child->parent_ = this;
    child->accepted_ = true;
    ++tcp_events.passive_opens;
    ++accept_count_;
    accept_queue_.push_back(*child.release());
    wait_queue.wake_one(kReadable);
}

Result<Ref<TcpEndpoint>> TcpEndpoint::accept() {
    NetGuard guard;
    if (state_ != TCP_LISTEN) return EINVAL;
    TcpEndpoint* c = accept_queue_.pop_front();
    if (!c) return EAGAIN;
    --accept_count_;
    c->parent_ = nullptr;
    if (c->path_ == &lwip_tcp_path) lwip_tcp_accepted(*c);
    if (!pending_.empty()) local_tcp_admit(*this);
    return Ref<TcpEndpoint>::adopt(c);
}

void TcpEndpoint::drop_embryos() {
    while (TcpEndpoint* c = accept_queue_.pop_front()) {
        --accept_count_;
        c->parent_ = nullptr;
        c->close_locked(true);
        net_release_later(c);
    }
    while (TcpEndpoint* waiting = pending_.pop_front()) {
        waiting->pending_on_ = nullptr;
        waiting->fail(ECONNREFUSED);
    }
}

Errno TcpEndpoint::send_error() {
    if (error_ != Errno{}) return std::exchange(error_, Errno{});
    if (send_shut_) return EPIPE;
    if (state_ == TCP_ESTABLISHED || state_ == TCP_CLOSE_WAIT) return Errno{};
    if (state_ == TCP_SYN_SENT || state_ == TCP_SYN_RECV) return EAGAIN;
    return EPIPE;
}

Result<size_t> TcpEndpoint::send(IoVector& from, bool more) {
    MutexGuard writer(send_mutex_);
    size_t total = 0;
    NetGuard guard;
    for (;;) {
        if (Errno e = send_error(); e != Errno{}) {
            if (total && e != EAGAIN) error_ = e == EPIPE ? error_ : e; // reported by the next call
            if (total) return total;
            if (e == EAGAIN) need_room_ = true;
            return e;
        }
        if (!from.remaining()) {
            if (!more && path_) path_->push(*this);
            return total;
        }
        Ref<TcpEndpoint> keep;
        ByteQueue* queue = path_ ? path_->send_queue(*this, keep) : nullptr;
        if (!queue) {
            // The local peer closed: this data meets a reset, of which the next call hears.
            size_t n = from.remaining();
            from.skip(n);
            fail(state_ == TCP_CLOSE_WAIT ? EPIPE : ECONNRESET);
            return total + n;
        }
        size_t room = path_->send_room(*this);
        if (room > from.remaining()) room = from.remaining();
        std::span<u8> span;
        if (room) span = queue->reserve(room);
        if (span.empty()) {
            need_room_ = true;
            if (total) return total;
            return room ? ENOMEM : EAGAIN;
        }
        guard.unlock();
        size_t n = from.copy_in(span.data(), span.size());
        guard.relock();
        queue->commit(n);
        if (!n) {
            guard.unlock();
            return total ? Result<size_t>(total) : Result<size_t>(EFAULT);
        }
        if (path_ && (keep.get() == nullptr || keep == peer_)) {
            size_t taken = path_->queued(*this, span.first(n), more || from.remaining());
            if (taken < n) {
                queue->uncommit(n - taken);
                from.rewind(n - taken);
                need_room_ = true;
                total += taken;
                if (total) return total;
                return EAGAIN;
            }
        }
        total += n;
        if (keep) {
            // Not under the lock: this may be the last reference.
            guard.unlock();
            keep.reset();
            if (!from.remaining()) return total;
            guard.relock();
        }
    }
}

Result<size_t> TcpEndpoint::receive(IoVector& to, bool peek, size_t peek_offset, bool discard) {
    MutexGuard reader(receive_mutex_);
    size_t total = 0;
    NetGuard guard;
    for (;;) {
        size_t left = to.remaining();
        std::span<const u8> data;
        if (left) data = receive_queue_.data_at(peek ? peek_offset + total : 0);
        if (data.empty()) {
            if (total || !left) return total;
            if (state_ == TCP_LISTEN) return ENOTCONN;
            if (fin_received_ || (peek && peek_offset)) return size_t{0};
            if (error_ != Errno{}) return std::exchange(error_, Errno{});
            if (receive_shut_) return size_t{0};
            if (state_ == TCP_CLOSE) return ENOTCONN;
            return EAGAIN;
        }
        if (data.size() > left) data = data.first(left);
        size_t n = data.size();
        if (discard) {
            to.skip(n);
        } else {
            guard.unlock();
            n = to.copy_out(data.data(), data.size());
            guard.relock();
        }
        if (n && !peek) {
            receive_queue_.consume(n);
            if (path_) path_->consumed(*this, n);
        }
        total += n;
        if (n < data.size()) {
            if (total) return total;
            return EFAULT;
        }
    }
}

Result<void> TcpEndpoint::shutdown(int how) {
    NetGuard guard;
    bool receive = how == SHUT_RD || how == SHUT_RDWR, send = how == SHUT_WR || how == SHUT_RDWR;
    switch (state_) {
    case TCP_CLOSE: return ENOTCONN;
    case TCP_LISTEN:
        if (receive) disconnect_locked();
        break;
    case TCP_SYN_SENT: disconnect_locked(); break;
    default:
        if (receive) receive_shut_ = true;
        if (send && !send_shut_) {
            send_shut_ = true;
            if (path_) path_->shutdown_send(*this);
            if (state_ == TCP_ESTABLISHED) state_ = TCP_FIN_WAIT2;
            else if (state_ == TCP_CLOSE_WAIT) state_ = TCP_LAST_ACK;
        }
    }
    wait_queue.wake_all();
    return {};
}

void TcpEndpoint::disconnect_locked() {
    if (state_ == TCP_LISTEN) {
        if (listener_) lwip_tcp_unlisten(*this);
        drop_embryos();
    }
    if (pending_on_) {
        pending_node_.unlink();
        pending_on_ = nullptr;
    }
    if (path_) path_->close(*this, true);
    path_ = nullptr;
    if (state_ != TCP_CLOSE) error_ = {};
    receive_shut_ = send_shut_ = true;
    set_closed();
    if (!autobound_ && binding_.bound()) binding_.listening = false;
    remote_ = {};
    remote_.ip = v6 ? IpAddress::any6() : IpAddress::any4();
    wait_queue.wake_all();
}

void TcpEndpoint::disconnect() {
    NetGuard guard;
    disconnect_locked();
    receive_queue_.clear();
    fin_received_ = receive_shut_ = send_shut_ = false;
    ever_connected_ = false;
}

void TcpEndpoint::close_locked(bool abort) {
    closed_by_program_ = true;
    if (state_ == TCP_LISTEN) {
        if (listener_) lwip_tcp_unlisten(*this);
        drop_embryos();
        tcp_ports.unbind(binding_);
        state_ = TCP_CLOSE;
        return;
    }
    if (pending_on_) {
        pending_node_.unlink();
        pending_on_ = nullptr;
    }
    if (path_) path_->close(*this, abort || !receive_queue_.empty());
    if (!pcb_) {
        path_ = nullptr;
        set_closed();
        tcp_ports.unbind(binding_);
    }
}

void TcpEndpoint::close(bool abort) {
    NetGuard guard;
    close_locked(abort);
}

bool TcpEndpoint::drained() {
    NetGuard guard;
    return !path_ || path_->unacknowledged(*this) == 0;
}

void TcpEndpoint::established() {
    state_ = TCP_ESTABLISHED;
    ever_connected_ = true;
    wait_queue.wake_all(kWritable);
}

void TcpEndpoint::set_closed() {
    state_ = TCP_CLOSE;
    if (autobound_) {
        tcp_ports.unbind(binding_);
        autobound_ = false;
    }
}

void TcpEndpoint::fail(Errno e) {
    error_ = e;
    receive_shut_ = send_shut_ = true;
    if (state_ == TCP_SYN_SENT) {
        fin_received_ = false;
        ++tcp_events.attempt_fails;
    } else if (state_ == TCP_ESTABLISHED || state_ == TCP_CLOSE_WAIT) {
        ++tcp_events.established_resets;
    }
    set_closed();
    wait_queue.wake_all(kReadable | kWritable | kHangUp | kErrorBit);
}

void TcpEndpoint::got_fin() {
    fin_received_ = receive_shut_ = true;
    if (state_ == TCP_ESTABLISHED || state_ == TCP_SYN_RECV) state_ = TCP_CLOSE_WAIT;
    else if (state_ == TCP_FIN_WAIT1 || state_ == TCP_FIN_WAIT2) state_ = TCP_CLOSE;
    wait_queue.wake_all(kReadable | (send_shut_ ? kHangUp : 0x2000));
}

void TcpEndpoint::got_room() {
    if (!need_room_) return;
    need_room_ = false;
    wait_queue.wake_all(kWritable);
}

bool TcpEndpoint::can_send_locked() {
    if (error_ != Errno{} || send_shut_) return true;
    if (state_ == TCP_SYN_SENT || state_ == TCP_SYN_RECV) return false;
    if (state_ != TCP_ESTABLISHED && state_ != TCP_CLOSE_WAIT) return true;
    if (!path_) return true;
    // As Linux: writable from a third of the buffer on, so that writers are not woken for a few bytes.
    return path_->send_room(*this) >= send_limit_ / 3;
}

bool TcpEndpoint::can_send() {
    NetGuard guard;
    if (can_send_locked()) return true;
    need_room_ = true;
    return false;
}

bool TcpEndpoint::can_receive(u32 low_water) {
    NetGuard guard;
    if (state_ == TCP_LISTEN) return !accept_queue_.empty();
    if (receive_queue_.size() >= low_water) return true;
    return fin_received_ || error_ != Errno{} || receive_shut_ || state_ == TCP_CLOSE;
}

u32 TcpEndpoint::poll_bits(u32 low_water) {
    NetGuard guard;
    if (state_ == TCP_LISTEN) return accept_queue_.empty() ? 0 : kReadable;
    u32 bits = 0;
    if ((receive_shut_ && send_shut_) || state_ == TCP_CLOSE) bits |= kPollHup;
    if (receive_shut_) bits |= kReadable | kPollRdHup;
    if (state_ != TCP_SYN_SENT) {
        if (receive_queue_.size() >= low_water) bits |= kReadable;
        if (send_shut_ || can_send_locked()) bits |= kWritable;
        else need_room_ = true;
    }
    if (error_ != Errno{}) bits |= kPollErr;
    return bits;
}

int TcpEndpoint::state() {
    NetGuard guard;
    return state_;
}

int TcpEndpoint::take_error() {
    NetGuard guard;
    return static_cast<int>(std::exchange(error_, Errno{}));
}

SocketAddress TcpEndpoint::local_address() {
    NetGuard guard;
    return binding_.local;
}

SocketAddress TcpEndpoint::remote_address() {
    NetGuard guard;
    return remote_;
}

bool TcpEndpoint::has_peer() {
    NetGuard guard;
    return remote_.port != 0 && state_ != TCP_CLOSE && state_ != TCP_SYN_SENT && state_ != TCP_LISTEN;
}

size_t TcpEndpoint::readable_bytes() {
    NetGuard guard;
    return receive_queue_.size();
}

size_t TcpEndpoint::unsent_bytes() {
    NetGuard guard;
    return path_ ? path_->unacknowledged(*this) : 0;
}

TcpOptions TcpEndpoint::options() {
    NetGuard guard;
    return options_;
}

TcpStatistics TcpEndpoint::statistics() {
    NetGuard guard;
    TcpStatistics s;
    if (path_) path_->statistics(*this, s);
    return s;
}

void TcpEndpoint::set_limits(u32 send_limit, u32 receive_limit) {
    NetGuard guard;
    if (send_limit) send_limit_ = send_limit;
    if (receive_limit) receive_limit_ = receive_limit;
}

} // namespace linnet
