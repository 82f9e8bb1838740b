// UNIX sockets: stream, datagram and sequenced packets. Source: unix(7), socketpair(2), cmsg(3).
#include "kernel/lib/sysctl.h"
#include "kernel/mm/user.h"
#include "kernel/task/task.h"
#include "linux-abi/fcntl.h"
#include "linux-abi/termios.h"
#include "net/unix_core.h"
#include "vfs/file_table.h"

namespace linnet {

namespace {

constexpr u32 kCapSetgid = 6, kCapSetuid = 7;
constexpr u32 kStreamPiece = 32 * KiB - 256;

abi::Ucred current_ucred() {
    Task& t = current();
    return {t.process->pid, t.credentials->euid, t.credentials->egid};
}

class UnixSocket final : public Socket {
  public:
    UnixSocket(int ty, Ref<UnixCore> core, Ref<Inode> node, u32 flags)
        : Socket(AF_UNIX, ty, 0, std::move(node), flags), core_(std::move(core)) {
        SpinGuard guard(unix_lock);
        core_->file = this;
    }
    ~UnixSocket() override { unix_close(*core_); }
    UnixCore& core() { return *core_; }

    Result<void> bind(const SockAddrBuffer& name) override {
        auto a = TRY(parse_unix_address(name));
        return unix_bind(*core_, *a);
    }

    Result<void> listen(int backlog) override {
        SpinGuard guard(unix_lock);
        if (!core_->connection_based()) return EOPNOTSUPP;
        if (!core_->bound) return EINVAL;
        if (core_->state == UnixCore::State::Connected) return EINVAL;
        core_->state = UnixCore::State::Listening;
        u32 n = static_cast<u32>(backlog);
        core_->backlog = n > u32(sysctl::somaxconn) ? u32(sysctl::somaxconn) : n;
        core_->own_credentials = current_ucred();
        core_->wait_queue.wake_all();
        return {};
    }

    Result<Ref<Socket>> accept(bool nonblock, u32 file_flags) override {
        if (!core_->connection_based()) return EOPNOTSUPP;
        u64 until = 0;
        for (;;) {
            UnixCore* got = nullptr;
            {
                SpinGuard guard(unix_lock);
                if (core_->state != UnixCore::State::Listening) return EINVAL;
                got = core_->pending.pop_front();
                if (got) --core_->pending_count;
                if (got) core_->wait_queue.wake_all(kPollOut); // clients wait here for a place
            }
            if (got) {
                auto c = Ref<UnixCore>::adopt(got);
                auto node = make_socket_inode();
                auto s = node.ok() ? make_ref<UnixSocket>(type, c, std::move(*node), file_flags) : Result<Ref<UnixSocket>>(ENOMEM);
                if (!s) {
                    unix_close(*c);
                    return s.error();
                }
                (*s)->options.passcred = options.passcred;
                return Ref<Socket>(std::move(*s));
            }
            if (nonblock) return EAGAIN;
            if (!until) until = deadline(options.receive_timeout_ns);
            TRY(wait_for(core_->wait_queue, [&] {
                SpinGuard guard(unix_lock);
                return !core_->pending.empty() || core_->state != UnixCore::State::Listening;
            }, until, true));
        }
    }

    Result<void> connect(const SockAddrBuffer& name, bool nonblock) override {
        if (name.length < 2) return EINVAL;
        if (type == SOCK_DGRAM) return connect_datagram(name);
        auto a = TRY(parse_unix_address(name));
        if (a->length == 0) return EINVAL;
        if (options.passcred && !core_->bound) (void)unix_bind(*core_, UnixAddress{});
        u64 until = deadline(options.send_timeout_ns);
        // The accepting side, made before any lock is taken.
        auto child = TRY(make_ref<UnixCore>(type));
        for (;;) {
            auto listener = TRY(unix_find(*a, type));
            Ref<UnixAddress> unused;
            {
                SpinGuard guard(unix_lock);
                if (core_->state == UnixCore::State::Connected) return EISCONN;
                if (core_->state == UnixCore::State::Listening) return EINVAL;
                if (listener->state != UnixCore::State::Listening || listener->dead) return ECONNREFUSED;
                if (listener->receive_shut) return ECONNREFUSED;
                if (listener->pending_count <= listener->backlog) {
                    join(*listener, std::move(child));
                    return {};
                }
            }
            if (nonblock) return EAGAIN;
            TRY(wait_for(listener->wait_queue, [&] {
                SpinGuard guard(unix_lock);
                return listener->state != UnixCore::State::Listening || listener->pending_count <= listener->backlog;
            }, until));
        }
    }

    Result<void> get_name(SockAddrBuffer& out, bool peer) override {
        Ref<UnixAddress> a;
        {
            SpinGuard guard(unix_lock);
            if (peer && !core_->peer) return ENOTCONN;
            a = peer ? core_->peer->address : core_->address;
        }
        write_unix_address(out, a.get());
        return {};
    }

    Result<void> get_accepted_name(SockAddrBuffer& out) override {
        Ref<UnixAddress> a;
        {
            SpinGuard guard(unix_lock);
            if (core_->peer) a = core_->peer->address;
        }
        write_unix_address(out, a.get());
        return {};
    }
    Result<size_t> send_message(SendMessage& m) override;
    Result<size_t> receive_message(ReceiveMessage& m) override;

    Result<void> shutdown(int how) override {
        Ref<UnixCore> peer;
        SpinGuard guard(unix_lock);
        bool receive = how != SHUT_WR, send = how != SHUT_RD;
        if (core_->connection_based() && core_->state == UnixCore::State::Unconnected) return ENOTCONN;
        if (receive) core_->receive_shut = true;
        if (send) core_->send_shut = true;
        if (core_->connection_based() && core_->peer) {
            if (receive) core_->peer->send_shut = true;
            if (send) core_->peer->receive_shut = true;
            core_->peer->wait_queue.wake_all();
        }
        core_->wait_queue.wake_all();
        return {};
    }

    u32 poll(PollTable* table) override {
        if (table) {
            table->watch(core_->wait_queue);
            if (type == SOCK_DGRAM) watch_peer(*table);
        }
        SpinGuard guard(unix_lock);
        return core_->poll_bits();
    }

    Result<i64> ioctl(u32 command, u64 arg) override {
        switch (command) {
        case FIONREAD: TRY(user_write<i32>(arg, TRY(bytes_available()))); return i64{0};
        case TIOCOUTQ: {
            i32 n;
            {
                SpinGuard guard(unix_lock);
                n = core_->outstanding;
            }
            TRY(user_write<i32>(arg, n));
            return i64{0};
        }
        }
        return Socket::ioctl(command, arg);
    }
    Result<i64> bytes_available() override {
        SpinGuard guard(unix_lock);
        if (core_->state == UnixCore::State::Listening) return EINVAL;
        if (type == SOCK_DGRAM) {
            UnixPacket* p = core_->queue.front();
            return i64{p ? p->size : 0};
        }
        return static_cast<i64>(core_->queued_bytes);
    }

    int take_error() override {
        SpinGuard guard(unix_lock);
        return static_cast<int>(std::exchange(core_->error, Errno{}));
    }
    bool listening() override {
        SpinGuard guard(unix_lock);
        return core_->state == UnixCore::State::Listening;
    }
    Result<void> peer_credentials(abi::Ucred& out) override {
        SpinGuard guard(unix_lock);
        out = core_->peer_credentials;
        return {};
    }
    Result<void> option_changed(int name) override {
        if (name == SO_SNDBUF || name == SO_SNDBUFFORCE) {
            SpinGuard guard(unix_lock);
            core_->send_limit = options.send_buffer;
        }
        return {};
    }

    static void join_pair(UnixCore& a, UnixCore& b) {
        abi::Ucred me = current_ucred();
        SpinGuard guard(unix_lock);
        a.peer = Ref<UnixCore>(&b);
        b.peer = Ref<UnixCore>(&a);
        a.state = b.state = UnixCore::State::Connected;
        a.own_credentials = b.own_credentials = a.peer_credentials = b.peer_credentials = me;
    }

  private:
    /// A connected datagram socket becomes writable when its peer reads: its queue is watched too. The table may keep that as long
    /// as this socket is open, so each peer that was ever watched stays allocated until then.
    void watch_peer(PollTable& table) {
        Ref<UnixCore> peer;
        {
            SpinGuard guard(unix_lock);
            peer = core_->peer;
        }
        if (!peer || peer == core_.get()) return;
        {
            MutexGuard guard(core_->send_mutex);
            bool known = false;
            for (auto& p : watched_peers_) known |= p == peer;
            if (!known && !watched_peers_.push_back(peer)) return;
        }
        table.watch(peer->wait_queue);
    }

    void join(UnixCore& listener, Ref<UnixCore> child) REQUIRES(unix_lock) {
        UnixCore& c = *child;
        c.address = listener.address;
        c.state = core_->state = UnixCore::State::Connected;
        c.peer = core_;
        core_->peer = child;
        core_->receive_shut = core_->send_shut = false;
        core_->own_credentials = c.peer_credentials = current_ucred();
        c.own_credentials = core_->peer_credentials = listener.own_credentials;
        ++listener.pending_count;
        listener.pending.push_back(*child.release());
        listener.wait_queue.wake_one(kPollIn | kPollRdNorm);
        core_->wait_queue.wake_all(kPollOut | kPollWrNorm);
    }

    Result<void> connect_datagram(const SockAddrBuffer& name) {
        Ref<UnixCore> old, to;
        if (name.family() != AF_UNSPEC) {
            auto a = TRY(parse_unix_address(name));
            if (options.passcred && !core_->bound) (void)unix_bind(*core_, UnixAddress{});
            to = TRY(unix_find(*a, type));
        }
        SpinGuard guard(unix_lock);
        if (to && to->peer && !(to->peer == core_.get())) return EPERM;
        old = std::move(core_->peer);
        core_->peer = to;
        core_->state = to ? UnixCore::State::Connected : UnixCore::State::Unconnected;
        guard.unlock();
        return {};
    }

    struct Outgoing {
        Owned<UnixRights> rights;
        abi::Ucred credentials;
    };
    Result<void> parse_control(std::span<const u8> control, Outgoing& out);
    Result<size_t> send_stream(SendMessage& m, Outgoing& out, bool nonblock);
    Result<size_t> send_packet(SendMessage& m, Outgoing& out, Ref<UnixCore> to, bool nonblock);
    void attach(UnixPacket& p, Outgoing& out);
    void deliver_rights(UnixRights& r, ReceiveMessage& m);
    void put_credentials(const abi::Ucred& c, ReceiveMessage& m) {
        if (options.passcred && m.control) m.control->put(SOL_SOCKET, SCM_CREDENTIALS, &c, sizeof c);
    }

    Ref<UnixCore> core_;
    Vec<Ref<UnixCore>> watched_peers_; // guarded by core_->send_mutex
};

Result<void> UnixSocket::parse_control(std::span<const u8> control, Outgoing& out) {
    out.credentials = current_ucred();
    ControlReader reader(control);
    ControlMessage c;
    while (TRY(reader.next(c))) {
        if (c.level != SOL_SOCKET) continue;
        if (c.type == SCM_RIGHTS) {
            u32 n = c.data.size() / sizeof(i32);
            if (!n) continue;
            if (!out.rights) out.rights = TRY(make_owned<UnixRights>());
            if (out.rights->count + n > UnixRights::kMost) return EINVAL;
            for (u32 i = 0; i < n; ++i) {
                i32 fd;
                memcpy(&fd, c.data.data() + i * sizeof fd, sizeof fd);
                out.rights->files[out.rights->count] = TRY(current_file(fd));
                ++out.rights->count;
            }
        } else if (c.type == SCM_CREDENTIALS) {
            if (c.data.size() != sizeof(abi::Ucred)) return EINVAL;
            abi::Ucred u;
            memcpy(&u, c.data.data(), sizeof u);
            Credentials& me = *current().credentials;
            bool pid_ok = u.pid == current().process->pid || me.has_capability(21);
            bool uid_ok = u.uid == me.uid || u.uid == me.euid || u.uid == me.suid || me.has_capability(kCapSetuid);
            bool gid_ok = u.gid == me.gid || u.gid == me.egid || u.gid == me.sgid || me.has_capability(kCapSetgid);
            if (!pid_ok || !uid_ok || !gid_ok) return EPERM;
            out.credentials = u;
        } else {
            return EINVAL;
        }
    }
    return {};
}

void UnixSocket::attach(UnixPacket& p, Outgoing& out) {
    p.credentials = out.credentials;
    p.rights = std::move(out.rights);
    if (p.rights) unix_rights_queued(*p.rights);
}

/// Puts a packet on a queue.
void enqueue(UnixCore& from, UnixCore& to, UnixPacket& p) REQUIRES(unix_lock) {
    p.charged = Ref<UnixCore>(&from);
    p.from = from.address;
    from.outstanding += p.charge;
    to.queue.push_back(p);
    ++to.queue_count;
    to.queued_bytes += p.size;
    to.wait_queue.wake_all(kPollIn | kPollRdNorm);
}

void discard(UnixPacket* p) {
    UnixPackets one;
    one.push_back(*p);
    unix_free_packets(one);
}

Result<size_t> UnixSocket::send_stream(SendMessage& m, Outgoing& out, bool nonblock) {
    u64 until = 0;
    size_t total = 0;
    MutexGuard writer(core_->send_mutex);
    while (m.data.remaining()) {
        {
            SpinGuard guard(unix_lock);
            Errno e{};
            if (core_->error != Errno{}) e = std::exchange(core_->error, Errno{});
            else if (core_->state != UnixCore::State::Connected) e = ENOTCONN;
            else if (core_->send_shut || !core_->peer || core_->peer->dead || core_->peer->receive_shut) e = EPIPE;
            if (e != Errno{}) {
                guard.unlock();
                if (total) return total;
                return e == EPIPE ? broken_pipe(m.flags) : e;
            }
        }
        if (core_->outstanding >= core_->send_limit) {
            if (nonblock) return total ? Result<size_t>(total) : Result<size_t>(EAGAIN);
            if (!until) until = deadline(options.send_timeout_ns);
            auto w = wait_for(core_->wait_queue, [&] {
                SpinGuard guard(unix_lock);
                return core_->writable() || core_->send_shut || core_->error != Errno{};
            }, until);
            if (!w) return total ? Result<size_t>(total) : Result<size_t>(w.error());
            continue;
        }
        size_t n = m.data.remaining() < kStreamPiece ? m.data.remaining() : kStreamPiece;
        UnixPacket* p = UnixPacket::make(n);
        if (!p) return total ? Result<size_t>(total) : Result<size_t>(ENOBUFS);
        size_t copied = m.data.copy_in(p->data, n);
        if (copied < n) {
            m.data.rewind(copied);
            UnixPacket::destroy(p);
            return total ? Result<size_t>(total) : Result<size_t>(EFAULT);
        }
        attach(*p, out);
        bool gone;
        {
            SpinGuard guard(unix_lock);
            gone = !core_->peer || core_->peer->dead || core_->peer->receive_shut;
            if (!gone) enqueue(*core_, *core_->peer, *p);
        }
        if (gone) {
            discard(p);
            return total ? Result<size_t>(total) : Result<size_t>(broken_pipe(m.flags));
        }
        total += n;
    }
    return total;
}

Result<size_t> UnixSocket::send_packet(SendMessage& m, Outgoing& out, Ref<UnixCore> to, bool nonblock) {
    size_t n = m.data.remaining();
    {
        SpinGuard guard(unix_lock);
        if (n + 32 > core_->send_limit) return EMSGSIZE;
    }
    UnixPacket* p = UnixPacket::make(n);
    if (!p) return ENOBUFS;
    if (m.data.copy_in(p->data, n) != n) {
        UnixPacket::destroy(p);
        return EFAULT;
    }
    attach(*p, out);
    u64 until = 0;
    bool datagram = type == SOCK_DGRAM;
    auto room = [&]() REQUIRES(unix_lock) {
        if (core_->outstanding >= core_->send_limit) return false;
        return !datagram || to.get() == core_.get() || to->queue_count <= UnixCore::kMaxDatagrams;
    };
    for (;;) {
        Errno e{};
        {
            SpinGuard guard(unix_lock);
            if (core_->error != Errno{}) e = std::exchange(core_->error, Errno{});
            else if (core_->send_shut) e = EPIPE;
            else if (to->dead) e = datagram ? ECONNREFUSED : EPIPE;
            else if (to->receive_shut) e = EPIPE;
            else if (datagram && to->peer && !(to->peer == core_.get())) e = EPERM;
            else if (room()) {
                enqueue(*core_, *to, *p);
                return n;
            }
        }
        if (e == Errno{}) {
            if (nonblock) {
                e = EAGAIN;
            } else {
                if (!until) until = deadline(options.send_timeout_ns);
                // A full receiver wakes its own queue; a full send buffer ours.
                bool own = core_->outstanding >= core_->send_limit;
                auto w = wait_for(own ? core_->wait_queue : to->wait_queue, [&] {
                    SpinGuard guard(unix_lock);
                    return room() || to->dead || to->receive_shut || core_->send_shut;
                }, until);
                if (!w) e = w.error();
            }
        }
        if (e != Errno{}) {
            discard(p);
            return e == EPIPE ? broken_pipe(m.flags) : e;
        }
    }
}

Result<size_t> UnixSocket::send_message(SendMessage& m) {
    if (m.flags & MSG_OOB) return EOPNOTSUPP;
    bool nonblock = m.nonblock || (m.flags & MSG_DONTWAIT);
    Outgoing out;
    TRY(parse_control(m.control, out));
    Ref<UnixCore> to;
    if (m.name && m.name->length) {
        if (type == SOCK_STREAM) {
            SpinGuard guard(unix_lock);
            return core_->state == UnixCore::State::Connected ? EISCONN : EOPNOTSUPP;
        }
        if (type == SOCK_DGRAM) {
            auto a = TRY(parse_unix_address(*m.name));
            if (options.passcred && !core_->bound) (void)unix_bind(*core_, UnixAddress{});
            to = TRY(unix_find(*a, type));
        }
    }
    if (type == SOCK_STREAM) {
        if (!m.data.remaining()) {
            SpinGuard guard(unix_lock);
            if (core_->state != UnixCore::State::Connected) return ENOTCONN;
            return size_t{0};
        }
        return send_stream(m, out, nonblock);
    }
    if (!to) {
        SpinGuard guard(unix_lock);
        if (core_->state != UnixCore::State::Connected || !core_->peer) {
            if (core_->send_shut && core_->connection_based() && core_->state == UnixCore::State::Connected) {
                guard.unlock();
                return broken_pipe(m.flags);
            }
            return ENOTCONN;
        }
        to = core_->peer;
    }
    auto r = send_packet(m, out, to, nonblock);
    if (!r && r.error() == ECONNREFUSED && type == SOCK_DGRAM) {
        // The peer is gone: Linux disconnects.
        Ref<UnixCore> old;
        SpinGuard guard(unix_lock);
        if (core_->peer == to.get()) {
            old = std::move(core_->peer);
            core_->state = UnixCore::State::Unconnected;
        }
        guard.unlock();
    }
    return r;
}

/// The descriptors of a message become the program's; those beyond its room are closed (MSG_CTRUNC).
void UnixSocket::deliver_rights(UnixRights& r, ReceiveMessage& m) {
    if (!m.control) {
        m.out_flags |= MSG_CTRUNC;
        return;
    }
    i32 fds[UnixRights::kMost];
    u32 room = m.control->room() / sizeof(i32), n = 0;
    for (; n < r.count && n < room; ++n) {
        auto fd = install_file(r.files[n], m.flags & MSG_CMSG_CLOEXEC ? O_CLOEXEC : 0);
        if (!fd) break;
        fds[n] = *fd;
    }
    if (n) m.control->put(SOL_SOCKET, SCM_RIGHTS, fds, n * sizeof(i32));
    if (n < r.count) m.control->set_truncated();
}

Result<size_t> UnixSocket::receive_message(ReceiveMessage& m) {
    if (m.flags & MSG_OOB) return EOPNOTSUPP;
    if (m.flags & MSG_ERRQUEUE) return EAGAIN;
    bool nonblock = m.nonblock || (m.flags & MSG_DONTWAIT), peek = m.flags & MSG_PEEK, is_stream = type == SOCK_STREAM;
    {
        SpinGuard guard(unix_lock);
        if (core_->connection_based() && core_->state != UnixCore::State::Connected && !core_->receive_shut)
            return is_stream ? EINVAL : ENOTCONN;
    }
    size_t total = 0, target = is_stream && m.flags & MSG_WAITALL ? m.data.remaining() : 1;
    if (is_stream && !m.data.remaining()) return size_t{0};
    u64 until = 0;
    abi::Ucred last{};
    UnixPacket* after = nullptr; // peeking goes from packet to packet
    for (;;) {
        MutexGuard reader(core_->receive_mutex);
        UnixPacket* p;
        Errno error{};
        bool ended;
        {
            SpinGuard guard(unix_lock);
            p = peek && after ? core_->queue.next(*after) : core_->queue.front();
            if (!p && !total) error = std::exchange(core_->error, Errno{});
            ended = core_->receive_shut;
        }
        if (p) {
            // One call returns data of one sender only, when credentials matter.
            if (is_stream && total && options.passcred && memcmp(&last, &p->credentials, sizeof last) != 0) return total;
            u32 offset = p->read, have = p->size - offset;
            size_t room = m.data.remaining(), n = have < room ? have : room;
            size_t copied = m.data.copy_out(p->data + offset, n);
            if (copied < n) return total ? Result<size_t>(total) : Result<size_t>(EFAULT);
            if (!total) {
                last = p->credentials;
                put_credentials(last, m);
                if (type == SOCK_DGRAM && p->from) write_unix_address(m.name, p->from.get());
            }
            total += n;
            bool had_rights = p->rights.get() != nullptr;
            if (is_stream && !peek) {
                Owned<UnixRights> rights = std::move(p->rights);
                bool done = n == have;
                UnixPackets used;
                {
                    SpinGuard guard(unix_lock);
                    p->read += n;
                    core_->queued_bytes -= n;
                    if (done) {
                        unix_unqueue(*core_, *p);
                        used.push_back(*p);
                    }
                }
                if (rights) {
                    unix_rights_taken(*rights);
                    deliver_rights(*rights, m);
                }
                if (done) unix_free_packets(used);
            } else if (!is_stream) {
                size_t size = p->size;
                if (size > n) m.out_flags |= MSG_TRUNC;
                if (type == SOCK_SEQPACKET) m.out_flags |= MSG_EOR;
                if (peek) {
                    if (p->rights) deliver_rights(*p->rights, m);
                } else {
                    UnixPackets used;
                    {
                        SpinGuard guard(unix_lock);
                        unix_unqueue(*core_, *p);
                    }
                    if (p->rights) {
                        Owned<UnixRights> rights = std::move(p->rights);
                        unix_rights_taken(*rights);
                        deliver_rights(*rights, m);
                    }
                    used.push_back(*p);
                    unix_free_packets(used);
                }
                return m.flags & MSG_TRUNC ? size : n;
            } else {
                if (p->rights) deliver_rights(*p->rights, m);
                after = p;
            }
            if (!m.data.remaining() || had_rights) return total;
            continue;
        }
        reader.unlock();
        if (total >= target) return total;
        if (error != Errno{}) return error;
        if (ended) return total;
        if (nonblock) return total ? Result<size_t>(total) : Result<size_t>(EAGAIN);
        if (!until) until = deadline(options.receive_timeout_ns);
        after = nullptr;
        if (peek && total) return total;
        auto w = wait_for(core_->wait_queue, [&] {
            SpinGuard guard(unix_lock);
            return !core_->queue.empty() || core_->receive_shut || core_->error != Errno{};
        }, until);
        if (!w) return total ? Result<size_t>(total) : Result<size_t>(w.error());
    }
}

Result<Ref<Socket>> make_unix(int type, u32 file_flags) {
    auto core = TRY(make_ref<UnixCore>(type));
    return Ref<Socket>(TRY(make_ref<UnixSocket>(type, std::move(core), TRY(make_socket_inode()), file_flags)));
}

Result<int> unix_type(int type, int protocol) {
    if (protocol && protocol != AF_UNIX) return EPROTONOSUPPORT;
    switch (type) {
    case SOCK_STREAM:
    case SOCK_DGRAM:
    case SOCK_SEQPACKET: return type;
    case SOCK_RAW: return SOCK_DGRAM; // as Linux: "believe it or not BSD has AF_UNIX, SOCK_RAW"
    }
    return ESOCKTNOSUPPORT;
}

} // namespace

UnixCore* unix_core_of_socket(Socket& s) { return &static_cast<UnixSocket&>(s).core(); }

Result<Ref<Socket>> create_unix_socket(int, int type, int protocol, u32 file_flags) {
    return make_unix(TRY(unix_type(type, protocol)), file_flags);
}

Result<void> create_unix_pair(int type, int protocol, u32 file_flags, Ref<Socket> out[2]) {
    int t = TRY(unix_type(type, protocol));
    out[0] = TRY(make_unix(t, file_flags));
    out[1] = TRY(make_unix(t, file_flags));
    UnixSocket::join_pair(*unix_core_of_socket(*out[0]), *unix_core_of_socket(*out[1]));
    return {};
}

} // namespace linnet
