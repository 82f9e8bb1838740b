// TCP to the network, through lwIP's raw API. A connection's pcb holds a reference to its endpoint until lwIP frees it;
// data being sent lies in the endpoint's send queue, which lwIP refers to until it is acknowledged.
#include "kernel/irq/deferred.h"
#include "net/lwip/glue.h"
#include "net/transport.h"

namespace linnet {

namespace {

tcp_pcb* pcb_of(TcpEndpoint& e) { return static_cast<tcp_pcb*>(e.pcb_); }
TcpEndpoint* endpoint_of(void* arg) { return static_cast<TcpEndpoint*>(arg); }

/// Endpoints whose reference is to be dropped without the core lock; linked by accept_node_.
List<TcpEndpoint, &TcpEndpoint::accept_node_> dying;
DeferredWork dying_work;

void release_dying(DeferredWork&) {
    for (;;) {
        TcpEndpoint* e;
        {
            NetGuard guard;
            e = dying.pop_front();
        }
        if (!e) return;
        Ref<TcpEndpoint>::adopt(e).reset();
    }
}

// --- callbacks of lwIP, core lock held ---

void on_destroyed(u8_t, void* data) {
    if (!data) return;
    TcpEndpoint& e = *endpoint_of(data);
    e.pcb_ = nullptr;
    e.path_ = nullptr;
    e.send_queue_.clear();
    if (e.closed_by_program_) {
        e.set_closed();
        tcp_ports.unbind(e.binding_);
    } else if (e.state_ != TCP_CLOSE) {
        // lwIP let go of a connection that ended in order (LAST_ACK, TIME_WAIT).
        e.receive_shut_ = e.send_shut_ = true;
        e.set_closed();
        e.wait_queue.wake_all();
    }
    net_release_later(&e);
}

const tcp_ext_arg_callbacks ext_callbacks = {on_destroyed, nullptr};

u8 ext_id() {
    static u8 id = tcp_ext_arg_alloc_id();
    return id;
}

/// TIME_WAIT of a closed socket needs no endpoint: thousands may be in that state.
void detach(TcpEndpoint& e, tcp_pcb* pcb) {
    tcp_ext_arg_set(pcb, ext_id(), nullptr);
    tcp_arg(pcb, nullptr);
    on_destroyed(0, &e);
}

err_t on_receive(void* arg, tcp_pcb* pcb, pbuf* p, err_t) {
    TcpEndpoint* e = endpoint_of(arg);
    if (!e) {
        if (p) {
            tcp_recved(pcb, p->tot_len);
            pbuf_free(p);
        }
        return ERR_OK;
    }
    if (!p) {
        e->got_fin();
        if (e->closed_by_program_ && pcb->state == TIME_WAIT) detach(*e, pcb);
        return ERR_OK;
    }
    size_t total = p->tot_len;
    // All or nothing: lwIP keeps refused data whole and offers it again.
    size_t done = 0;
    for (pbuf* q = p; q; q = q->next) {
        if (!e->receive_queue_.append(q->payload, q->len)) break;
        done += q->len;
    }
    if (done < total) {
        e->receive_queue_.drop_tail(done);
        return ERR_MEM;
    }
    pbuf_free(p);
    e->got_data();
    return ERR_OK;
}

err_t on_sent(void* arg, tcp_pcb*, u16_t n) {
    TcpEndpoint* e = endpoint_of(arg);
    if (!e) return ERR_OK;
    size_t have = e->send_queue_.size();
    e->send_queue_.consume(n < have ? n : have);
    if (e->need_room_ && e->send_limit_ - e->send_queue_.size() >= e->send_limit_ / 3) e->got_room();
    if (e->send_queue_.empty() && e->closed_by_program_) e->wait_queue.wake_all(); // SO_LINGER
    return ERR_OK;
}

void on_error(void* arg, err_t err) {
    TcpEndpoint* e = endpoint_of(arg);
    if (!e || e->closed_by_program_) return;
    if (err == ERR_CLSD) return; // ended in order; on_destroyed() follows
    if (e->state_ == TCP_SYN_SENT) e->fail(err == ERR_RST ? ECONNREFUSED : ETIMEDOUT);
    else if (err == ERR_RST) e->fail(e->state_ == TCP_CLOSE_WAIT ? EPIPE : ECONNRESET);
    else e->fail(ETIMEDOUT);
}

err_t on_connected(void* arg, tcp_pcb*, err_t) {
    if (TcpEndpoint* e = endpoint_of(arg)) e->established();
    return ERR_OK;
}

/// Every second or so: data held back by MSG_MORE or TCP_CORK goes out; TCP_USER_TIMEOUT.
err_t on_poll(void* arg, tcp_pcb* pcb) {
    tcp_output(pcb);
    TcpEndpoint* e = endpoint_of(arg);
    if (e && e->options_.user_timeout_ms && pcb->unacked && pcb->nrtx) {
        // Ticks of 500 ms since the segment was first due.
        u64 waited_ms = 0;
        for (u32 i = 0; i < pcb->nrtx && i < 8; ++i) waited_ms += u64{500} << i;
        if (waited_ms >= e->options_.user_timeout_ms) {
            tcp_abort(pcb);
            return ERR_ABRT;
        }
    }
    return ERR_OK;
}

void apply_options(TcpEndpoint& e, tcp_pcb* pcb) {
    const TcpOptions& o = e.options_;
    if (o.nodelay) tcp_nagle_disable(pcb);
    else tcp_nagle_enable(pcb);
    if (o.keepalive) ip_set_option(pcb, SOF_KEEPALIVE);
    else ip_reset_option(pcb, SOF_KEEPALIVE);
    pcb->keep_idle = o.keep_idle_s * 1000;
    pcb->keep_intvl = o.keep_interval_s * 1000;
    pcb->keep_cnt = o.keep_count;
    pcb->ttl = o.ttl;
    pcb->tos = o.tos;
}

void attach(TcpEndpoint& e, tcp_pcb* pcb) {
    e.pcb_ = pcb;
    e.path_ = &lwip_tcp_path;
    e.add_ref();
    tcp_arg(pcb, &e);
    tcp_ext_arg_set_callbacks(pcb, ext_id(), &ext_callbacks);
    tcp_ext_arg_set(pcb, ext_id(), &e);
    tcp_recv(pcb, on_receive);
    tcp_sent(pcb, on_sent);
    tcp_err(pcb, on_error);
    tcp_poll(pcb, on_poll, 2);
    apply_options(e, pcb);
    net_timers_kick();
}

class LwipTcpPath final : public TcpPath {
  public:
    const char* name() const override { return "lwip"; }

    ByteQueue* send_queue(TcpEndpoint& e, Ref<TcpEndpoint>&) override { return &e.send_queue_; }

    size_t send_room(TcpEndpoint& e) override {
        tcp_pcb* pcb = pcb_of(e);
        if (!pcb || pcb->snd_queuelen >= TCP_SND_QUEUELEN - 64) return 0;
        size_t used = e.send_queue_.size();
        size_t room = used < e.send_limit_ ? e.send_limit_ - used : 0;
        return room < pcb->snd_buf ? room : pcb->snd_buf;
    }

    size_t queued(TcpEndpoint& e, std::span<const u8> data, bool more) override {
        tcp_pcb* pcb = pcb_of(e);
        if (!pcb) return data.size();
        size_t done = 0;
        while (done < data.size()) {
            size_t n = data.size() - done;
            if (n > 0x8000) n = 0x8000;
            bool last = done + n == data.size();
            err_t err = tcp_write(pcb, data.data() + done, n, more || !last ? TCP_WRITE_FLAG_MORE : 0);
            if (err != ERR_OK) break;
            done += n;
        }
        if (!more && !e.options_.cork) tcp_output(pcb);
        else if (pcb->unsent && (pcb->unsent->next || pcb->unsent->len >= pcb->mss)) output_full(pcb);
        mark_net_core_dirty();
        return done;
    }

    void push(TcpEndpoint& e) override {
        tcp_pcb* pcb = pcb_of(e);
        if (!pcb || e.options_.cork || !pcb->unsent) return;
        tcp_output(pcb);
        mark_net_core_dirty();
    }

    void consumed(TcpEndpoint& e, size_t n) override {
        tcp_pcb* pcb = pcb_of(e);
        if (!pcb) return;
        while (n) {
            u16 part = n < 0x8000 ? n : 0x8000;
            tcp_recved(pcb, part);
            n -= part;
        }
        mark_net_core_dirty();
    }

    void shutdown_send(TcpEndpoint& e) override {
        if (tcp_pcb* pcb = pcb_of(e)) tcp_shutdown(pcb, 0, 1);
        mark_net_core_dirty();
    }

    void close(TcpEndpoint& e, bool reset) override {
        tcp_pcb* pcb = pcb_of(e);
        if (!pcb) return;
        mark_net_core_dirty();
        bool accepted_by_nobody = e.parent_ != nullptr;
        tcp_backlog_accepted(pcb);
        if (reset && (pcb->state == ESTABLISHED || pcb->state == CLOSE_WAIT || pcb->state == FIN_WAIT_1 ||
                      pcb->state == FIN_WAIT_2 || pcb->state == SYN_RCVD || pcb->state == SYN_SENT || accepted_by_nobody)) {
            tcp_err(pcb, nullptr);
            tcp_abort(pcb);
            return;
        }
        tcp_close(pcb);
        if (e.pcb_ && pcb->state == TIME_WAIT) detach(e, pcb);
    }

    void options_changed(TcpEndpoint& e) override {
        tcp_pcb* pcb = pcb_of(e);
        if (!pcb) return;
        apply_options(e, pcb);
        if (pcb->unsent && !e.options_.cork) {
            tcp_output(pcb); // TCP_NODELAY and the end of TCP_CORK push what waits
            mark_net_core_dirty();
        }
    }

    void statistics(TcpEndpoint& e, TcpStatistics& out) override {
        tcp_pcb* pcb = pcb_of(e);
        if (!pcb) return;
        out.mss = pcb->mss;
        out.pmtu = net_eth_present ? net_eth.mtu : 1500;
        out.rtt_us = pcb->sa > 0 ? (pcb->sa >> 3) * 500000u : 1000;
        out.rto_us = pcb->rto * 500000u;
        out.cwnd = pcb->mss ? pcb->cwnd / pcb->mss : 0;
        out.ssthresh = pcb->mss ? pcb->ssthresh / pcb->mss : 0;
        out.unacked = pcb->mss ? (pcb->snd_nxt - pcb->lastack + pcb->mss - 1) / pcb->mss : 0;
        out.retransmits = pcb->nrtx;
        out.snd_wscale = pcb->snd_scale;
        out.rcv_wscale = pcb->rcv_scale;
        out.rcv_space = pcb->rcv_wnd;
    }

    size_t unacknowledged(TcpEndpoint& e) override { return e.send_queue_.size(); }

  private:
    // Held-back data: lwIP's output would send the last, partial segment too unless Nagle holds it.
    static void output_full(tcp_pcb* pcb) {
        tcpflags_t flags = pcb->flags;
        tcp_clear_flags(pcb, TF_NODELAY);
        tcp_output(pcb);
        if (flags & TF_NODELAY) tcp_set_flags(pcb, TF_NODELAY);
    }
};

LwipTcpPath the_path;

/// One of lwIP's listeners, shared by the endpoints that listen at the same address (SO_REUSEPORT).
struct LwipListener : NoCopy {
    ListNode node;
    tcp_pcb* pcb;
    IpAddress ip;
    bool v6only;
    u16 port;
    u32 users;
    u32 backlog;
};
List<LwipListener, &LwipListener::node> listeners;

err_t on_accept(void*, tcp_pcb* pcb, err_t err) {
    if (!pcb || err != ERR_OK) return ERR_VAL;
    SocketAddress local;
    local.ip = from_lwip(pcb->local_ip);
    local.port = pcb->local_port;
    TcpEndpoint* parent = find_tcp_listener(local, pcb->remote_port);
    if (!parent || parent->accept_queue_full()) {
        tcp_abort(pcb);
        return ERR_ABRT;
    }
    void* mem = kmalloc(sizeof(TcpEndpoint));
    if (!mem) {
        tcp_abort(pcb);
        return ERR_ABRT;
    }
    auto child = Ref<TcpEndpoint>::adopt(new (mem) TcpEndpoint(parent->v6, TcpEndpoint::Locked{}));
    TcpEndpoint& c = *child;
    c.options_ = parent->options_;
    c.send_limit_ = parent->send_limit_;
    c.receive_limit_ = parent->receive_limit_;
    c.binding_.reuse_addr = parent->binding_.reuse_addr;
    c.binding_.reuse_port = parent->binding_.reuse_port;
    c.binding_.v6only = parent->binding_.v6only;
    c.binding_.uid = parent->binding_.uid;
    local.scope = net_eth_present ? netif_get_index(&net_eth) : 0;
    tcp_ports.adopt(c.binding_, local);
    c.remote_.ip = from_lwip(pcb->remote_ip);
    c.remote_.port = pcb->remote_port;
    c.remote_.scope = local.scope;
    attach(c, pcb);
    tcp_backlog_delayed(pcb); // counts against lwIP's backlog until it is accepted
    c.established();
    parent->push_accepted(std::move(child));
    return ERR_OK;
}

} // namespace

TcpPath& lwip_tcp_path = the_path;

void net_release_later(TcpEndpoint* e) {
    if (e->accept_node_.linked()) e->accept_node_.unlink();
    dying.push_back(*e);
    dying_work.run = release_dying;
    raise_deferred(dying_work);
}

Result<void> lwip_tcp_listen(TcpEndpoint& e) {
    const PortBinding& b = e.binding_;
    for (LwipListener& l : listeners) {
        if (l.port == b.local.port && l.ip == b.local.ip && l.v6only == b.v6only) {
            ++l.users;
            e.listener_ = &l;
            return {};
        }
    }
    auto* l = static_cast<LwipListener*>(kmalloc(sizeof(LwipListener)));
    if (!l) return ENOMEM;
    new (l) LwipListener{};
    bool dual = e.v6 && !b.v6only && b.local.ip.is_any() && !b.local.ip.is_v4();
    tcp_pcb* pcb = tcp_new_ip_type(dual ? IPADDR_TYPE_ANY : b.local.ip.is_v4() ? IPADDR_TYPE_V4 : IPADDR_TYPE_V6);
    if (!pcb) {
        kfree(l);
        return ENOMEM;
    }
    ip_set_option(pcb, SOF_REUSEADDR); // conflicts are decided by the port table
    ip_addr_t at = to_lwip(b.local.ip, b.local.scope);
    if (dual) IP_SET_TYPE_VAL(at, IPADDR_TYPE_ANY);
    err_t err = tcp_bind(pcb, &at, b.local.port);
    tcp_pcb* listening = nullptr;
    u32 backlog = e.backlog_ + 1;
    if (err == ERR_OK) listening = tcp_listen_with_backlog_and_err(pcb, backlog > 255 ? 255 : backlog, &err);
    if (!listening) {
        tcp_close(pcb);
        kfree(l);
        return errno_of(err);
    }
    tcp_accept(listening, on_accept);
    l->pcb = listening;
    l->ip = b.local.ip;
    l->v6only = b.v6only;
    l->port = b.local.port;
    l->users = 1;
    listeners.push_back(*l);
    e.listener_ = l;
    return {};
}

void lwip_tcp_unlisten(TcpEndpoint& e) {
    auto* l = static_cast<LwipListener*>(std::exchange(e.listener_, nullptr));
    if (!l || --l->users) return;
    tcp_close(l->pcb);
    l->node.unlink();
    kfree(l);
}

Result<void> lwip_tcp_connect(TcpEndpoint& e, const SocketAddress& to) {
    tcp_pcb* pcb = tcp_new_ip_type(to.ip.is_v4() ? IPADDR_TYPE_V4 : IPADDR_TYPE_V6);
    if (!pcb) return ENOMEM;
    ip_set_option(pcb, SOF_REUSEADDR);
    ip_addr_t from = to_lwip(e.binding_.local.ip, e.binding_.local.scope), dest = to_lwip(to.ip, to.scope);
    err_t err = tcp_bind(pcb, &from, e.binding_.local.port);
    attach(e, pcb);
    if (err == ERR_OK) {
        err = tcp_connect(pcb, &dest, to.port, on_connected);
        if (err == ERR_OK) {
            mark_net_core_dirty();
            return {};
        }
    }
    e.state_ = TCP_CLOSE;
    tcp_err(pcb, nullptr);
    tcp_close(pcb); // frees it: on_destroyed()
    return err == ERR_USE ? EADDRNOTAVAIL : errno_of(err);
}

void lwip_tcp_accepted(TcpEndpoint& child) {
    if (tcp_pcb* pcb = pcb_of(child)) tcp_backlog_accepted(pcb);
}

/// A SYN flood fills lwIP's backlog with half-open connections: the oldest make room, so that real clients get in.
void net_reap_half_open() {
    for (LwipListener& l : listeners) {
        auto* lpcb = reinterpret_cast<tcp_pcb_listen*>(l.pcb);
        if (lpcb->accepts_pending + 16 < lpcb->backlog) continue;
        // New connections are put at the head of the active list, so the last one found is the oldest.
        tcp_pcb* oldest = nullptr;
        u32 half_open = 0;
        for (tcp_pcb* p = tcp_active_pcbs; p; p = p->next) {
            if (p->state != SYN_RCVD || p->listener != lpcb) continue;
            oldest = p;
            ++half_open;
        }
        if (oldest && half_open > lpcb->backlog / 2u) tcp_abandon(oldest, 0);
    }
}

} // namespace linnet
