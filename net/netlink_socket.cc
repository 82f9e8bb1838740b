// Netlink sockets: NETLINK_ROUTE and NETLINK_SOCK_DIAG answer dumps; other protocols are EPROTONOSUPPORT, as in a kernel without them.
// Multicast groups may be joined; no events are sent yet. Source: netlink(7), rtnetlink(7).
#include "kernel/mm/user.h"
#include "kernel/sync/mutex.h"
#include "kernel/task/task.h"
#include "linux-abi/termios.h"
#include "net/netlink_message.h"
#include "net/netlink_route.h"
#include "net/socket.h"
#include "net/socket_lists.h"
#include "vfs/poll.h"

namespace linnet {

namespace {

constexpr u32 kMaxRequest = 64 * KiB;

std::atomic<u32> next_port{4097}; // counts down from Linux's first, -4097

SpinLock<Rank::MiscSpin> all_lock;

class NetlinkSocket final : public Socket {
  public:
    NetlinkSocket(int ty, int proto, Ref<Inode> node, u32 flags);
    ~NetlinkSocket() override;

    NetlinkSocketInfo info() {
        NetlinkSocketInfo i;
        i.type = static_cast<u8>(type);
        i.protocol = static_cast<u8>(protocol);
        i.port = port_;
        i.peer_port = peer_;
        i.groups = groups_;
        i.unread = unread_;
        i.receive_limit = options.receive_buffer;
        i.send_limit = options.send_buffer;
        i.inode = inode().ino;
        return i;
    }

    Result<void> bind(const SockAddrBuffer& name) override {
        auto a = TRY(address_of(name));
        if (port_ && a.pid != port_) return EINVAL;
        if (!a.pid) autobind();
        else if (!port_ && !claim(a.pid)) return EADDRINUSE;
        groups_ = a.groups;
        return {};
    }

    Result<void> connect(const SockAddrBuffer& name, bool) override {
        if (name.length >= 2 && name.family() == AF_UNSPEC) {
            peer_ = 0;
            return {};
        }
        auto a = TRY(address_of(name));
        if (a.groups && !current_has_capability(kCapNetAdmin)) return EPERM;
        autobind();
        peer_ = a.pid;
        return {};
    }

    Result<void> get_name(SockAddrBuffer& out, bool peer) override {
        abi::SockAddrNl a{AF_NETLINK, 0, peer ? peer_.load() : port_.load(), peer ? 0 : groups_.load()};
        memcpy(out.bytes, &a, sizeof a);
        out.length = sizeof a;
        return {};
    }

    Result<size_t> send_message(SendMessage& m) override {
        if (m.flags & MSG_OOB) return EOPNOTSUPP;
        u32 to = peer_;
        if (m.name && m.name->length) to = TRY(address_of(*m.name)).pid;
        if (to != 0) return ECONNREFUSED; // only the kernel listens
        autobind();
        size_t n = m.data.remaining();
        if (n > kMaxRequest) return EMSGSIZE;
        Vec<u8> request;
        TRY(request.resize(n));
        if (m.data.copy_in(request.data(), n) != n) return EFAULT;
        Owned<NetSnapshot> net;
        if (protocol == NETLINK_ROUTE) {
            net = TRY(make_owned<NetSnapshot>());
            net->interface_count = net_interfaces(net->interfaces, kMaxInterfaces);
            net->route_count = net_routes(net->routes, kMaxRoutes);
        }
        MutexGuard guard(mutex_);
        const size_t before = replies_.unread(), limit = congested_ ? 0 : options.receive_buffer;
        auto replied = replies_.append([&](Vec<u8>& replies) -> Result<void> {
            if (net) return netlink_route_reply({request.data(), n}, *net, port_, limit, replies);
            KernelSocketLists sockets;
            return sock_diag_reply({request.data(), n}, sockets, {port_, current_has_capability(kCapNetAdmin)}, limit, replies);
        });
        // As on Linux the request has been sent: who reads is told what he has missed.
        if (!replied && replied.error() == ENOBUFS) overrun();
        else TRY(replied);
        const Refusal refusal = refusal_in(replies_.unread_bytes().subspan(before));
        unread_changed();
        guard.unlock();
        wait_queue_.wake_all(kPollIn | kPollRdNorm | kPollErr);
        if (refusal.type && netlink_refused) netlink_refused(protocol, refusal.type, refusal.error);
        return n;
    }

    bool takes_kernel_notes() const override { return true; }
    /// Lost if there is no memory, or nobody reads: as on a full receive buffer.
    void put_kernel_note(const u8 (&note)[32]) override {
        {
            MutexGuard guard(mutex_);
            Note n;
            memcpy(n.bytes, note, sizeof n.bytes);
            if (notes_.size() >= kMaxNotes || !notes_.push_back(n)) return;
            unread_changed();
        }
        wait_queue_.wake_all(kPollIn | kPollRdNorm);
    }

    Result<size_t> receive_message(ReceiveMessage& m) override {
        if (m.flags & MSG_OOB) return EOPNOTSUPP;
        bool nonblock = m.nonblock || (m.flags & MSG_DONTWAIT);
        u64 until = 0;
        for (;;) {
            if (int error = take_error()) return static_cast<Errno>(error);
            {
                MutexGuard guard(mutex_);
                if (!notes_.empty()) return take_note(m);
                if (size_t n = replies_.next_datagram()) return take(m, n);
            }
            if (nonblock) return EAGAIN;
            if (!until) until = deadline(options.receive_timeout_ns);
            TRY(wait_for(wait_queue_, [&] { return unread_ != 0 || overrun_; }, until));
        }
    }

    u32 poll(PollTable* table) override {
        if (table) table->watch(wait_queue_);
        return kPollOut | kPollWrNorm | (unread_ ? kPollIn | kPollRdNorm : 0) | (overrun_ ? kPollErr : 0);
    }
    int take_error() override { return overrun_.exchange(false) ? static_cast<int>(ENOBUFS) : 0; }

    Result<i64> ioctl(u32 command, u64 arg) override {
        if (command == FIONREAD) {
            TRY(user_write<i32>(arg, TRY(bytes_available())));
            return i64{0};
        }
        return Socket::ioctl(command, arg);
    }
    Result<i64> bytes_available() override {
        MutexGuard guard(mutex_);
        return notes_.empty() ? static_cast<i64>(replies_.next_datagram()) : static_cast<i64>(sizeof(Note));
    }

    Result<void> set_level_option(int level, int name, const OptionIn& v) override {
        if (level != SOL_NETLINK) return ENOPROTOOPT;
        int n = TRY(v.integer());
        switch (name) {
        case NETLINK_ADD_MEMBERSHIP:
        case NETLINK_DROP_MEMBERSHIP:
            if (n < 1 || n > 36) return EINVAL;
            if (n <= 32) {
                u32 bit = 1u << (n - 1);
                if (name == NETLINK_ADD_MEMBERSHIP) groups_.fetch_or(bit);
                else groups_.fetch_and(~bit);
            }
            return {};
        case NETLINK_NO_ENOBUFS: {
            MutexGuard guard(mutex_);
            no_enobufs_ = n != 0;
            if (no_enobufs_) congested_ = false;
            return {};
        }
        case NETLINK_PKTINFO:
        case NETLINK_BROADCAST_ERROR:
        case NETLINK_CAP_ACK:
        case NETLINK_EXT_ACK:
        case NETLINK_GET_STRICT_CHK: return {}; // hints about errors and filters that dumps here do not use
        }
        return ENOPROTOOPT;
    }

  private:
    static Result<abi::SockAddrNl> address_of(const SockAddrBuffer& name) {
        if (name.length < sizeof(abi::SockAddrNl)) return EINVAL;
        abi::SockAddrNl a;
        memcpy(&a, name.bytes, sizeof a);
        if (a.family != AF_NETLINK) return EINVAL;
        return a;
    }

    /// False: another socket of the protocol has this port.
    bool claim(u32 port);
    void autobind() {
        if (port_) return;
        // The first socket of a process has its pid, others a number of their own.
        if (claim(static_cast<u32>(current().process->pid))) return;
        while (!claim(0u - next_port.fetch_add(1))) {
        }
    }

    /// A request that is refused because it is of a kind that is not there (type 0: none), among `replies`.
    struct Refusal {
        u32 type = 0;
        Errno error{};
    };
    static Refusal refusal_in(std::span<const u8> replies) {
        size_t at = 0;
        while (replies.size() - at >= sizeof(abi::Nlmsghdr)) {
            abi::Nlmsghdr h;
            memcpy(&h, replies.data() + at, sizeof h);
            abi::Nlmsgerr e;
            if (h.type == NLMSG_ERROR && replies.size() - at >= sizeof h + sizeof e) {
                memcpy(&e, replies.data() + at + sizeof h, sizeof e);
                if (e.error == -static_cast<int>(EOPNOTSUPP) || e.error == -static_cast<int>(EPERM)) return {e.msg.type, static_cast<Errno>(-e.error)};
            }
            at += (h.len + 3) & ~3u;
            if (h.len < sizeof h || at > replies.size()) break;
        }
        return {};
    }

    Result<size_t> take(ReceiveMessage& m, size_t n) REQUIRES(mutex_) {
        size_t room = m.data.remaining(), copy = n < room ? n : room;
        if (m.data.copy_out(replies_.unread_bytes().data(), copy) != copy) return EFAULT;
        from_kernel(m, n, copy);
        if (!(m.flags & MSG_PEEK)) {
            replies_.consume(n);
            if (!replies_.unread()) congested_ = false;
            unread_changed();
        }
        return m.flags & MSG_TRUNC ? n : copy;
    }

    Result<size_t> take_note(ReceiveMessage& m) REQUIRES(mutex_) {
        const size_t n = sizeof(Note), room = m.data.remaining(), copy = n < room ? n : room;
        if (m.data.copy_out(notes_[0].bytes, copy) != copy) return EFAULT;
        from_kernel(m, n, copy);
        if (!(m.flags & MSG_PEEK)) {
            notes_.erase(0);
            unread_changed();
        }
        return m.flags & MSG_TRUNC ? n : copy;
    }

    /// A reply was dropped.
    void overrun() REQUIRES(mutex_) {
        if (no_enobufs_ || congested_) return;
        congested_ = true;
        overrun_ = true;
    }
    void unread_changed() REQUIRES(mutex_) { unread_ = static_cast<u32>(replies_.unread() + notes_.size() * sizeof(Note)); }

    /// Name, flags and credentials of a datagram of `n` bytes, of which `copy` were taken.
    void from_kernel(ReceiveMessage& m, size_t n, size_t copy) {
        if (copy < n) m.out_flags |= MSG_TRUNC;
        abi::SockAddrNl a{AF_NETLINK, 0, 0, 0};
        memcpy(m.name.bytes, &a, sizeof a);
        m.name.length = sizeof a;
        if (options.passcred && m.control) {
            abi::Ucred kernel{0, 0, 0};
            m.control->put(SOL_SOCKET, SCM_CREDENTIALS, &kernel, sizeof kernel);
        }
    }

    static constexpr size_t kMaxNotes = 256;
    struct Note { u8 bytes[32]; };
    Mutex<Rank::Socket> mutex_;
    WaitQueue wait_queue_;
    NetlinkReplies replies_ GUARDED_BY(mutex_);
    bool congested_ GUARDED_BY(mutex_) = false;  // replies were dropped: more are, until all that are here have been read
    bool no_enobufs_ GUARDED_BY(mutex_) = false; // NETLINK_NO_ENOBUFS: they are dropped in silence
    Vec<Note> notes_ GUARDED_BY(mutex_); // put_kernel_note()
    // Written by the socket's own calls, read by dumps too.
    std::atomic<u32> port_{0}, peer_{0}, groups_{0};
    std::atomic<u32> unread_{0}; // bytes
    std::atomic<bool> overrun_{false}; // ENOBUFS is to be told

  public:
    ListNode all_node_;
};

List<NetlinkSocket, &NetlinkSocket::all_node_> all_sockets GUARDED_BY(all_lock);

NetlinkSocket::NetlinkSocket(int ty, int proto, Ref<Inode> node, u32 flags) : Socket(AF_NETLINK, ty, proto, std::move(node), flags) {
    SpinGuard guard(all_lock);
    all_sockets.push_back(*this);
}
bool NetlinkSocket::claim(u32 port) {
    SpinGuard guard(all_lock);
    for (NetlinkSocket& s : all_sockets)
        if (s.protocol == protocol && s.port_ == port) return false;
    port_ = port;
    return port != 0;
}
NetlinkSocket::~NetlinkSocket() {
    SpinGuard guard(all_lock);
    all_node_.unlink();
}

} // namespace

Result<void> list_netlink_sockets(Vec<NetlinkSocketInfo>& out) {
    SpinGuard guard(all_lock);
    for (NetlinkSocket& s : all_sockets) TRY(out.push_back(s.info()));
    return {};
}

Result<Ref<Socket>> create_netlink_socket(int, int type, int protocol, u32 file_flags) {
    if (type != SOCK_RAW && type != SOCK_DGRAM) return ESOCKTNOSUPPORT;
    if (protocol != NETLINK_ROUTE && protocol != NETLINK_SOCK_DIAG) return EPROTONOSUPPORT;
    return Ref<Socket>(TRY(make_ref<NetlinkSocket>(type, protocol, TRY(make_socket_inode()), file_flags)));
}

} // namespace linnet
