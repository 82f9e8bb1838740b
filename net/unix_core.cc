#include "net/unix_core.h"

namespace linnet {

SpinLock<Rank::UnixSocket> unix_lock;

namespace {
List<UnixCore, &UnixCore::all_node> all_cores;
UnixPackets doomed;
bool purging = false;
} // namespace

UnixPacket* UnixPacket::make(size_t size) {
    auto* p = static_cast<UnixPacket*>(kmalloc(sizeof(UnixPacket) + size));
    if (!p) return nullptr;
    new (p) UnixPacket{};
    p->size = size;
    p->charge = (size + 512 + 255) & ~255u; // about Linux's skb->truesize: small messages cost too
    return p;
}

void UnixPacket::destroy(UnixPacket* p) {
    p->~UnixPacket();
    kfree(p);
}

UnixCore::UnixCore(int socket_type) : type(socket_type) {
    SpinGuard guard(unix_lock);
    all_cores.push_back(*this);
}

UnixCore::~UnixCore() {
    ASSERT(queue.empty() && pending.empty());
    SpinGuard guard(unix_lock);
    all_node.unlink();
}

void each_unix_core(void (*f)(UnixCore&, void*), void* arg) {
    SpinGuard guard(unix_lock);
    for (UnixCore& c : all_cores) f(c, arg);
}

u32 UnixCore::poll_bits() const {
    u32 bits = 0;
    auto& self = const_cast<UnixCore&>(*this);
    if (error != Errno{}) bits |= kPollErr;
    if (receive_shut && send_shut) bits |= kPollHup;
    if (receive_shut) bits |= kPollRdHup | kPollIn | kPollRdNorm;
    if (!self.queue.empty() || !self.pending.empty()) bits |= kPollIn | kPollRdNorm;
    if (connection_based() && state == State::Unconnected) bits |= kPollHup;
    bool room = writable() && state != State::Listening;
    if (type == SOCK_DGRAM && peer && peer->peer.get() != this && peer->queue_count > kMaxDatagrams) room = false;
    if (room) bits |= kPollOut | kPollWrNorm | kPollWrBand;
    return bits;
}

void unix_unqueue(UnixCore& c, UnixPacket& p) {
    p.node.unlink();
    --c.queue_count;
    c.queued_bytes -= p.size - p.read;
    if (UnixCore* s = p.charged.get()) {
        s->outstanding -= p.charge;
        if (s->writable()) s->wait_queue.wake_all(kPollOut | kPollWrNorm | kPollWrBand);
    }
    // Datagram senders wait for a place in the queue, on the receiver's own queue.
    if (c.type == SOCK_DGRAM && c.queue_count == UnixCore::kMaxDatagrams) c.wait_queue.wake_all(kPollOut | kPollWrNorm);
}

void unix_free_packets(UnixPackets& packets) {
    {
        SpinGuard guard(unix_lock);
        doomed.splice_back(packets);
        if (purging) return; // a close further up the stack, or on another CPU, takes them too
        purging = true;
    }
    for (;;) {
        UnixPacket* p;
        {
            SpinGuard guard(unix_lock);
            p = doomed.pop_front();
            if (!p) {
                purging = false;
                return;
            }
        }
        if (p->rights) unix_rights_taken(*p->rights);
        UnixPacket::destroy(p);
    }
}

void unix_close(UnixCore& c) {
    UnixPackets packets;
    List<UnixCore, &UnixCore::pending_node> embryos;
    Ref<UnixCore> peer;
    Ref<Inode> node;
    bool may_be_cyclic;
    {
        SpinGuard guard(unix_lock);
        if (c.dead) return;
        c.dead = true;
        c.file = nullptr;
        c.receive_shut = c.send_shut = true;
        bool unread = !c.queue.empty() || c.pending_node.linked();
        while (UnixPacket* p = c.queue.front()) {
            unix_unqueue(c, *p);
            packets.push_back(*p);
        }
        embryos.splice_back(c.pending);
        c.pending_count = 0;
        peer = std::move(c.peer);
        if (peer && c.connection_based() && peer->peer == &c) {
            peer->receive_shut = peer->send_shut = true;
            if (unread) peer->error = ECONNRESET;
            peer->wait_queue.wake_all();
        }
        if (c.bound) unix_unbind(c, node);
        c.state = UnixCore::State::Unconnected;
        c.wait_queue.wake_all();
        may_be_cyclic = c.in_flight > 0;
    }
    while (UnixCore* e = embryos.pop_front()) {
        {
            // Its client has data of nobody's: Linux resets it.
            SpinGuard guard(unix_lock);
            if (e->peer) e->peer->error = ECONNRESET;
        }
        unix_close(*e);
        Ref<UnixCore>::adopt(e).reset();
    }
    unix_free_packets(packets);
    if (may_be_cyclic) unix_collect_garbage();
}

} // namespace linnet
