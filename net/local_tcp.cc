// TCP between two sockets of this guest: the sender writes into the receiver's queue, a connection is two endpoints that
// point at each other. No packets, no timers. Linux's visible behaviour is kept; TIME_WAIT is not.
#include "net/transport.h"

namespace linnet {

namespace {

class LocalTcpPath final : public TcpPath {
  public:
    const char* name() const override { return "local"; }

    ByteQueue* send_queue(TcpEndpoint& e, Ref<TcpEndpoint>& keep) override {
        if (!e.peer_) return nullptr;
        keep = Ref<TcpEndpoint>(e.peer_);
        return &e.peer_->receive_queue_;
    }
    size_t send_room(TcpEndpoint& e) override {
        if (!e.peer_) return e.send_limit_;
        size_t limit = size_t{e.send_limit_} + e.peer_->receive_limit_;
        size_t used = e.peer_->receive_queue_.size();
        return used < limit ? limit - used : 0;
    }
    size_t queued(TcpEndpoint& e, std::span<const u8> data, bool) override {
        if (e.peer_) e.peer_->got_data();
        return data.size();
    }
    void push(TcpEndpoint&) override {}
    void consumed(TcpEndpoint& e, size_t) override {
        TcpEndpoint* p = e.peer_;
        if (p && p->need_room_ && send_room(*p) >= p->send_limit_ / 3) p->got_room();
    }
    void shutdown_send(TcpEndpoint& e) override {
        if (e.peer_) e.peer_->got_fin();
    }
    void close(TcpEndpoint& e, bool reset) override {
        TcpEndpoint* p = std::exchange(e.peer_, nullptr);
        if (!p) return;
        p->peer_ = nullptr;
        p->peer_gone_ = true;
        if (reset) p->fail(p->state_ == TCP_CLOSE_WAIT ? EPIPE : ECONNRESET);
        else if (!p->fin_received_) p->got_fin();
    }
    void options_changed(TcpEndpoint&) override {}
    void statistics(TcpEndpoint& e, TcpStatistics& out) override {
        out.mss = e.v6 ? 65464 : 65483; // of Linux's loopback interface
        out.pmtu = 65535;
        out.rtt_us = 20;
        out.rto_us = 200000;
        out.cwnd = 10;
        out.ssthresh = 0x7fffffff;
        out.rcv_space = e.receive_limit_;
    }
    size_t unacknowledged(TcpEndpoint&) override { return 0; } // the other kernel side has it the moment it is sent
};

LocalTcpPath the_path;

void join(TcpEndpoint& listener, TcpEndpoint& e, Ref<TcpEndpoint> child) {
    TcpEndpoint& c = *child;
    c.path_ = e.path_ = &the_path;
    c.peer_ = &e;
    e.peer_ = &c;
    c.options_ = listener.options_;
    c.send_limit_ = listener.send_limit_;
    c.receive_limit_ = listener.receive_limit_;
    c.binding_.reuse_addr = listener.binding_.reuse_addr;
    c.binding_.reuse_port = listener.binding_.reuse_port;
    c.binding_.v6only = listener.binding_.v6only;
    c.binding_.uid = listener.binding_.uid;
    tcp_ports.adopt(c.binding_, e.remote_);
    c.remote_ = e.binding_.local;
    c.established();
    e.established();
    listener.push_accepted(std::move(child));
}

} // namespace

TcpPath& local_tcp_path = the_path;

void local_tcp_connect(TcpEndpoint& e, const SocketAddress& to, Ref<TcpEndpoint> child) {
    TcpEndpoint* listener = find_tcp_listener(to, e.binding_.local.port);
    if (!listener) {
        e.fail(ECONNREFUSED);
    } else if (listener->accept_queue_full()) {
        // Linux drops the SYN, and the client tries again until there is room.
        e.pending_on_ = listener;
        listener->pending_.push_back(e);
    } else {
        // The child was made with the connecting socket's family; the listener's counts.
        child->v6 = listener->v6;
        join(*listener, e, std::move(child));
        return;
    }
    if (child) net_release_later(child.release());
}

void local_tcp_admit(TcpEndpoint& listener) {
    while (!listener.accept_queue_full()) {
        TcpEndpoint* e = listener.pending_.front();
        if (!e) return;
        // Allocating with the core lock held: small, and may fail, in which case the client goes on waiting.
        void* mem = kmalloc(sizeof(TcpEndpoint));
        if (!mem) return;
        auto child = Ref<TcpEndpoint>::adopt(new (mem) TcpEndpoint(listener.v6, TcpEndpoint::Locked{}));
        listener.pending_.pop_front();
        e->pending_on_ = nullptr;
        join(listener, *e, std::move(child));
    }
}

} // namespace linnet
