#include "net/socket_lists.h"

#include "kernel/sched/scheduler.h"
#include "kernel/task/signal.h"
#include "net/datagram.h"
#include "net/tcp_info.h"
#include "net/transport.h"
#include "net/unix_core.h"

namespace linnet {

namespace {

constexpr u32 kPendingShown = 4096; // an attribute holds less than 64 KiB

u8 shutdown_bits(bool receive, bool send) { return receive | send << 1; }

u32 interface_of(const SocketAddress& local, const SocketAddress& remote) {
    if (remote.ip.is_link_local6()) return remote.scope;
    return local.ip.is_link_local6() ? local.scope : 0;
}

/// An IPv6 address that bind(2) named.
bool takes_v6_alone(const SocketAddress& local) { return !local.ip.is_any() && !local.ip.is_v4(); }

struct InetGather {
    Vec<InetSocketInfo>& out;
    InetKind kind;
    bool tcp_info, failed = false;
    void add(const InetSocketInfo& s) { failed |= !out.push_back(s); }
};

void add_tcp(TcpEndpoint& e, void* arg) NO_THREAD_SAFETY { // each_tcp_endpoint()'s caller holds the core lock
    auto& g = *static_cast<InetGather*>(arg);
    if (e.state_ == TCP_CLOSE) return;
    InetSocketInfo s;
    s.local = e.binding_.local;
    s.state = u8(e.state_);
    s.v6 = e.v6;
    s.v6only = e.binding_.v6only || takes_v6_alone(s.local);
    s.port_chosen = e.port_named_ && !e.accepted_;
    s.shutdown = shutdown_bits(e.receive_shut_, e.send_shut_);
    s.tos = e.options_.tos;
    s.uid = e.binding_.uid;
    s.inode = e.closed_by_program_ ? 0 : e.inode_number;
    s.send_limit = e.send_limit_;
    s.receive_limit = e.receive_limit_;
    if (e.state_ == TCP_LISTEN) {
        s.receive_queue = e.accept_count_;
        s.send_queue = e.backlog_;
        s.remote.ip = e.v6 ? IpAddress::any6() : IpAddress::any4();
    } else {
        s.remote = e.remote_;
        s.receive_queue = u32(e.receive_queue_.size());
        s.send_queue = u32(e.send_queue_.size());
    }
    s.interface = interface_of(s.local, s.remote);
    if (g.tcp_info) s.tcp = tcp_info(e);
    g.add(s);
}

void add_datagram(DatagramEndpoint& e, void* arg) {
    auto& g = *static_cast<InetGather*>(arg);
    if (e.raw != (g.kind == InetKind::Raw) || (!e.raw && !e.binding_.bound())) return;
    InetSocketInfo s;
    u64 drops;
    e.queue_state(s.receive_queue, drops);
    s.drops = drops;
    s.local = e.binding_.local;
    s.remote = e.remote_;
    s.state = u8(e.connected_ ? TCP_ESTABLISHED : TCP_CLOSE);
    s.v6 = e.v6;
    s.v6only = e.binding_.v6only || takes_v6_alone(s.local);
    s.port_chosen = e.port_chosen_;
    s.shutdown = shutdown_bits(e.receive_shut_, e.send_shut_);
    s.tos = e.options_.tos;
    s.uid = e.binding_.uid;
    s.inode = e.inode_number;
    if (e.raw) {
        s.local.port = e.protocol;
        s.raw_protocol = e.protocol;
    }
    s.interface = interface_of(s.local, s.remote);
    g.add(s);
}

struct UnixGather {
    UnixSocketList& out;
    bool failed = false;
};

u64 inode_of(const UnixCore* c) { return c && c->file ? c->file->inode().ino : 0; }

void add_unix(UnixCore& c, void* arg) NO_THREAD_SAFETY { // each_unix_core() holds unix_lock
    auto& g = *static_cast<UnixGather*>(arg);
    UnixSocketInfo s;
    const bool listening = c.state == UnixCore::State::Listening;
    s.type = u8(c.type);
    s.state = u8(listening ? TCP_LISTEN : c.state == UnixCore::State::Connected ? TCP_ESTABLISHED : TCP_CLOSE);
    s.shutdown = shutdown_bits(c.receive_shut, c.send_shut);
    s.references = c.ref_count();
    s.inode = inode_of(&c);
    s.peer_inode = inode_of(c.peer.get());
    if (c.file) s.uid = c.file->inode().uid;
    if (c.address) {
        s.name_length = c.address->length;
        memcpy(s.name, c.address->bytes, s.name_length);
    }
    if (c.node) {
        s.bound_to_path = true;
        s.path_inode = static_cast<u32>(c.node->ino);
        s.path_device = static_cast<u32>(c.node->superblock->dev);
    }
    if (listening) {
        s.receive_queue = c.pending_count;
        s.send_queue = c.backlog;
        s.first_pending = static_cast<u32>(g.out.pending.size());
        for (UnixCore& child : c.pending) {
            if (s.pending_count == kPendingShown) break;
            if (!g.out.pending.push_back(static_cast<u32>(inode_of(child.peer.get())))) {
                g.failed = true;
                break;
            }
            ++s.pending_count;
        }
    } else {
        const UnixPacket* next = c.queue.front();
        s.receive_queue = c.type == SOCK_DGRAM ? (next ? next->size : 0) : static_cast<u32>(c.queued_bytes);
        s.send_queue = c.outstanding;
    }
    g.failed |= !g.out.sockets.push_back(s);
}

} // namespace

Result<void> list_inet_sockets(InetKind kind, bool tcp_info, Vec<InetSocketInfo>& out) {
    InetGather g{out, kind, tcp_info};
    {
        NetGuard guard;
        if (kind == InetKind::Tcp) each_tcp_endpoint(add_tcp, &g);
        else each_datagram_endpoint(add_datagram, &g);
    }
    return g.failed ? Result<void>(ENOMEM) : Result<void>();
}

Result<void> list_unix_sockets(UnixSocketList& out) {
    UnixGather g{out};
    each_unix_core(add_unix, &g);
    return g.failed ? Result<void>(ENOMEM) : Result<void>();
}

Result<void> KernelSocketLists::breathe() {
    cond_resched();
    return fatal_signal_pending() ? Result<void>(EINTR) : Result<void>();
}

} // namespace linnet
