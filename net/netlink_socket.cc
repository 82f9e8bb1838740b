// Netlink sockets: NETLINK_ROUTE answers dumps; other protocols are EPROTONOSUPPORT, as in a kernel without them.
// Multicast groups may be joined; no events are sent yet. Source: netlink(7), rtnetlink(7).
#include "kernel/mm/user.h"
#include "kernel/sync/mutex.h"
#include "kernel/task/task.h"
#include "linux-abi/termios.h"
#include "net/netlink_route.h"
#include "net/socket.h"
#include "vfs/poll.h"

namespace linnet {

namespace {

constexpr u32 kMaxRequest = 64 * KiB;
constexpr u32 kDumpPiece = 8192; // of a dump in one datagram, as large as recvmsg buffers usually are

std::atomic<u32> next_port{0};

class NetlinkSocket final : public Socket {
  public:
    NetlinkSocket(int ty, int proto, Ref<Inode> node, u32 flags) : Socket(AF_NETLINK, ty, proto, std::move(node), flags) {}

    Result<void> bind(const SockAddrBuffer& name) override {
        auto a = TRY(address_of(name));
        if (port_ && a.pid && a.pid != port_) return EINVAL;
        if (a.pid) port_ = a.pid;
        else autobind();
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
        abi::SockAddrNl a{AF_NETLINK, 0, peer ? peer_ : port_, peer ? 0 : groups_};
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
        auto net = TRY(make_owned<NetSnapshot>());
        net->interface_count = net_interfaces(net->interfaces, kMaxInterfaces);
        net->route_count = net_routes(net->routes, kMaxRoutes);
        MutexGuard guard(mutex_);
        if (replies_.size() - read_ > options.receive_buffer) return ENOBUFS;
        const size_t before = replies_.size();
        TRY(netlink_route_reply({request.data(), n}, *net, port_, replies_));
        const Refusal refusal = refusal_in(before);
        ready_ = read_ < replies_.size() || !notes_.empty();
        guard.unlock();
        wait_queue_.wake_all(kPollIn | kPollRdNorm);
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
            ready_ = true;
        }
        wait_queue_.wake_all(kPollIn | kPollRdNorm);
    }

    Result<size_t> receive_message(ReceiveMessage& m) override {
        if (m.flags & MSG_OOB) return EOPNOTSUPP;
        bool nonblock = m.nonblock || (m.flags & MSG_DONTWAIT);
        u64 until = 0;
        for (;;) {
            {
                MutexGuard guard(mutex_);
                if (!notes_.empty()) return take_note(m);
                if (size_t n = next_datagram()) return take(m, n);
            }
            if (nonblock) return EAGAIN;
            if (!until) until = deadline(options.receive_timeout_ns);
            TRY(wait_for(wait_queue_, [&] { return ready_.load(); }, until));
        }
    }

    u32 poll(PollTable* table) override {
        if (table) table->watch(wait_queue_);
        return kPollOut | kPollWrNorm | (ready_ ? kPollIn | kPollRdNorm : 0);
    }

    Result<i64> ioctl(u32 command, u64 arg) override {
        if (command == FIONREAD) {
            TRY(user_write<i32>(arg, TRY(bytes_available())));
            return i64{0};
        }
        return Socket::ioctl(command, arg);
    }
    Result<i64> bytes_available() override {
        MutexGuard guard(mutex_);
        return notes_.empty() ? static_cast<i64>(next_datagram()) : static_cast<i64>(sizeof(Note));
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
                groups_ = name == NETLINK_ADD_MEMBERSHIP ? groups_ | bit : groups_ & ~bit;
            }
            return {};
        case NETLINK_PKTINFO:
        case NETLINK_BROADCAST_ERROR:
        case NETLINK_NO_ENOBUFS:
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

    void autobind() {
        if (port_) return;
        // The first socket of a process has its pid, others a number of their own.
        u32 n = next_port.fetch_add(1);
        port_ = n ? 0xffffffffu - n : static_cast<u32>(current().process->pid);
    }

    /// Bytes of the next datagram: as many whole messages as fit a piece, always at least one.
    /// A request that is refused because it is of a kind that is not there (type 0: none), among the replies from byte `at` on.
    struct Refusal {
        u32 type = 0;
        Errno error{};
    };
    Refusal refusal_in(size_t at) REQUIRES(mutex_) {
        while (replies_.size() - at >= sizeof(abi::Nlmsghdr)) {
            abi::Nlmsghdr h;
            memcpy(&h, replies_.data() + at, sizeof h);
            abi::Nlmsgerr e;
            if (h.type == NLMSG_ERROR && replies_.size() - at >= sizeof h + sizeof e) {
                memcpy(&e, replies_.data() + at + sizeof h, sizeof e);
                if (e.error == -static_cast<int>(EOPNOTSUPP) || e.error == -static_cast<int>(EPERM)) return {e.msg.type, static_cast<Errno>(-e.error)};
            }
            at += (h.len + 3) & ~3u;
            if (h.len < sizeof h || at > replies_.size()) break;
        }
        return {};
    }

    size_t next_datagram() REQUIRES(mutex_) {
        size_t n = 0, left = replies_.size() - read_;
        while (n < left) {
            u32 len;
            memcpy(&len, replies_.data() + read_ + n, 4);
            u32 step = (len + 3) & ~3u;
            if (n && n + step > kDumpPiece) break;
            n += step;
            u16 type;
            memcpy(&type, replies_.data() + read_ + n - step + 4, 2);
            if (type == NLMSG_DONE || type == NLMSG_ERROR) break;
        }
        return n;
    }

    Result<size_t> take(ReceiveMessage& m, size_t n) REQUIRES(mutex_) {
        size_t room = m.data.remaining(), copy = n < room ? n : room;
        if (m.data.copy_out(replies_.data() + read_, copy) != copy) return EFAULT;
        from_kernel(m, n, copy);
        if (!(m.flags & MSG_PEEK)) {
            read_ += n;
            if (read_ == replies_.size()) {
                replies_.clear();
                read_ = 0;
                ready_ = !notes_.empty();
            }
        }
        return m.flags & MSG_TRUNC ? n : copy;
    }

    Result<size_t> take_note(ReceiveMessage& m) REQUIRES(mutex_) {
        const size_t n = sizeof(Note), room = m.data.remaining(), copy = n < room ? n : room;
        if (m.data.copy_out(notes_[0].bytes, copy) != copy) return EFAULT;
        from_kernel(m, n, copy);
        if (!(m.flags & MSG_PEEK)) {
            notes_.erase(0);
            ready_ = !notes_.empty() || read_ < replies_.size();
        }
        return m.flags & MSG_TRUNC ? n : copy;
    }

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
    Vec<u8> replies_ GUARDED_BY(mutex_);
    size_t read_ GUARDED_BY(mutex_) = 0;
    Vec<Note> notes_ GUARDED_BY(mutex_); // put_kernel_note()
    std::atomic<bool> ready_{false};
    u32 port_ = 0, peer_ = 0, groups_ = 0;
};

} // namespace

Result<Ref<Socket>> create_netlink_socket(int, int type, int protocol, u32 file_flags) {
    if (type != SOCK_RAW && type != SOCK_DGRAM) return ESOCKTNOSUPPORT;
    if (protocol != NETLINK_ROUTE) return EPROTONOSUPPORT;
    return Ref<Socket>(TRY(make_ref<NetlinkSocket>(type, protocol, TRY(make_socket_inode()), file_flags)));
}

} // namespace linnet
