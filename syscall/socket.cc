// The socket calls. Names, vectors and control data are copied in and out by net/user_message.h; everything else is the socket's
// (net/socket.h).
// Source: the man page of each call; net/socket.c for the order of checks.
#include "kernel/mm/user.h"
#include "kernel/time/clock.h"
#include "linux-abi/netif.h"
#include "linux-abi/syscalls.h"
#include "net/socket.h"
#include "net/user_message.h"
#include "vfs/file_table.h"
#include "syscall/gaps.h"

namespace linnet {

using namespace abi;

namespace {

constexpr u32 kMaxOption = 256; // no option that is known here is longer

/// The socket behind a descriptor, for the length of a call.
class SocketRef {
  public:
    explicit SocketRef(int fd) : file_(fd) {}
    /// EBADF, ENOTSOCK
    Result<Socket*> get() {
        if (!file_) return EBADF;
        if (!file_->is_socket()) return ENOTSOCK;
        return static_cast<Socket*>(&*file_);
    }
    bool nonblocking() { return file_->nonblocking(); }

  private:
    FdRef file_;
};

Result<size_t> send_one(Socket& s, const MsgHdr& h, u32 flags, bool nonblock) {
    SendRequest request;
    TRY(request.copy_in(h));
    IoVector data = request.segments.vector();
    SendMessage m{data, request.name.length ? &request.name : nullptr, {request.control.data(), request.control.size()}, flags, nonblock};
    return s.send_message(m);
}

/// `header`: where the program's msghdr is.
Result<size_t> receive_one(Socket& s, u64 header, u32 flags, bool nonblock) {
    ReceiveRequest request;
    TRY(request.copy_in(header));
    IoVector data = request.segments.vector();
    ControlWriter control(request.control_room());
    ReceiveMessage m{data};
    m.flags = flags;
    m.nonblock = nonblock;
    m.control = &control;
    m.out_flags = flags & MSG_CMSG_CLOEXEC;
    size_t n = TRY(s.receive_message(m));
    if (control.truncated()) m.out_flags |= MSG_CTRUNC;
    TRY(request.copy_out(header, m.name, control, m.out_flags));
    return n;
}

Outcome do_accept(int fd, u64 address, u64 length_address, int flags) {
    if (flags & ~(SOCK_CLOEXEC | SOCK_NONBLOCK)) return EINVAL;
    auto go = [&]() -> Result<int> {
        SocketRef ref(fd);
        Socket* s = TRY(ref.get());
        // As Linux: without a free descriptor the connection stays in the queue.
        if (current_files().open_count() >= open_file_limit()) return EMFILE;
        Ref<Socket> accepted = TRY(s->accept(ref.nonblocking(), flags & SOCK_NONBLOCK));
        if (address) {
            SockAddrBuffer name;
            if (!accepted->get_accepted_name(name)) return ECONNABORTED;
            TRY(copy_name_out(name, address, length_address));
        }
        return install_file(std::move(accepted), flags & SOCK_CLOEXEC);
    };
    return go();
}

/// What setsockopt made of an option that is not there, or changes nothing here (net/README.md).
void count_option_set(int level, int name, const Result<void>& r) {
    auto is_one_of = [name](std::initializer_list<int> names) {
        for (int n : names)
            if (n == name) return true;
        return false;
    };
    if (r) {
        const bool idle = (level == SOL_TCP && is_one_of({TCP_SYNCNT, TCP_LINGER2, TCP_DEFER_ACCEPT, TCP_WINDOW_CLAMP, TCP_QUICKACK, TCP_NOTSENT_LOWAT})) ||
                          (level == SOL_SOCKET && name == SO_BUSY_POLL) || (level == SOL_NETLINK && name == NETLINK_ADD_MEMBERSHIP);
        if (idle) [[unlikely]] count_gap(GapKind::Sockopt, u32(level), u32(name), 0, Errno(0));
        return;
    }
    // These are for reading.
    if (level == SOL_SOCKET && is_one_of({SO_TYPE, SO_PROTOCOL, SO_DOMAIN, SO_ERROR, SO_ACCEPTCONN, SO_PEERCRED})) return;
    if (r.error() == ENOPROTOOPT) count_gap(GapKind::Sockopt, u32(level), u32(name), 0, ENOPROTOOPT);
}

/// A socket could not be made: for want of the family, type or protocol?
void count_socket(int family, int type, int protocol, Errno e) {
    constexpr int kFamilies = 46; // Linux 6.1's AF_MAX: beyond, Linux fails too
    const bool lacking = e == EAFNOSUPPORT || e == EPROTONOSUPPORT || e == ESOCKTNOSUPPORT;
    if (lacking && family > 0 && family < kFamilies) count_gap(GapKind::Socket, u32(family), u32(type), u32(protocol), e);
}

} // namespace

Outcome sys_socket(SockFamily domain, SockType type, SockProtocol protocol) {
    int flags = type & ~0xf;
    if (flags & ~(SOCK_CLOEXEC | SOCK_NONBLOCK)) return EINVAL;
    auto s = create_socket(domain, type & 0xf, protocol, flags & SOCK_NONBLOCK);
    if (!s) {
        count_socket(domain, type & 0xf, protocol, s.error());
        return s.error();
    }
    return install_file(std::move(*s), flags & SOCK_CLOEXEC);
}

Outcome sys_socketpair(SockFamily domain, SockType type, SockProtocol protocol, Out<int32_t[2]> sv) {
    int flags = type & ~0xf;
    if (flags & ~(SOCK_CLOEXEC | SOCK_NONBLOCK)) return EINVAL;
    auto go = [&]() -> Result<void> {
        Ref<Socket> pair[2];
        if (auto r = create_socket_pair(domain, type & 0xf, protocol, flags & SOCK_NONBLOCK, pair); !r) {
            count_socket(domain, type & 0xf, protocol, r.error());
            return r;
        }
        int fds[2];
        TRY(install_files(pair[0], pair[1], flags & SOCK_CLOEXEC, fds));
        if (auto r = copy_to_user(sv.address(), fds, sizeof fds); !r) {
            (void)current_files().close(fds[0]);
            (void)current_files().close(fds[1]);
            return r;
        }
        return {};
    };
    return go();
}

Outcome sys_bind(Fd sockfd, SockAddrArg<2> addr, Int addrlen) {
    SocketRef ref(sockfd);
    auto go = [&]() -> Result<void> {
        Socket* s = TRY(ref.get());
        SockAddrBuffer name;
        TRY(copy_name_in(name, addr.address(), addrlen));
        return s->bind(name);
    };
    return go();
}

Outcome sys_listen(Fd sockfd, Int backlog) {
    SocketRef ref(sockfd);
    auto s = ref.get();
    if (!s) return s.error();
    return (*s)->listen(backlog);
}

Outcome sys_connect(Fd sockfd, SockAddrArg<2> addr, Int addrlen) {
    SocketRef ref(sockfd);
    auto go = [&]() -> Result<void> {
        Socket* s = TRY(ref.get());
        SockAddrBuffer name;
        TRY(copy_name_in(name, addr.address(), addrlen));
        return s->connect(name, ref.nonblocking());
    };
    return go();
}

Outcome sys_accept(Fd sockfd, SockAddrResult<2> addr, InOut<int32_t> addrlen) {
    return do_accept(sockfd, addr.address(), addrlen.address(), 0);
}

Outcome sys_accept4(Fd sockfd, SockAddrResult<2> addr, InOut<int32_t> addrlen, AcceptFlags flags) {
    return do_accept(sockfd, addr.address(), addrlen.address(), flags);
}

Outcome sys_getsockname(Fd sockfd, SockAddrResult<2> addr, InOut<int32_t> addrlen) {
    SocketRef ref(sockfd);
    auto go = [&]() -> Result<void> {
        Socket* s = TRY(ref.get());
        SockAddrBuffer name;
        TRY(s->get_name(name, false));
        return copy_name_out(name, addr.address(), addrlen.address());
    };
    return go();
}

Outcome sys_getpeername(Fd sockfd, SockAddrResult<2> addr, InOut<int32_t> addrlen) {
    SocketRef ref(sockfd);
    auto go = [&]() -> Result<void> {
        Socket* s = TRY(ref.get());
        SockAddrBuffer name;
        TRY(s->get_name(name, true));
        return copy_name_out(name, addr.address(), addrlen.address());
    };
    return go();
}

Outcome sys_sendto(Fd sockfd, InBytes<2> buf, Size len, MsgFlags flags, SockAddrArg<5> dest_addr, Int addrlen) {
    u64 n = len < kMaxTransfer ? u64{len} : kMaxTransfer;
    if (!user_range_ok(buf.address(), n)) return EFAULT;
    SocketRef ref(sockfd);
    auto go = [&]() -> Result<size_t> {
        Socket* s = TRY(ref.get());
        SockAddrBuffer name;
        if (dest_addr) TRY(copy_name_in(name, dest_addr.address(), addrlen));
        IoVector data = IoVector::user(buf.address(), n);
        SendMessage m{data, dest_addr ? &name : nullptr, {}, flags, ref.nonblocking()};
        return s->send_message(m);
    };
    return go();
}

Outcome sys_recvfrom(Fd sockfd, OutBytes<2> buf, Size len, MsgFlags flags, SockAddrResult<5> src_addr, InOut<int32_t> addrlen) {
    u64 n = len < kMaxTransfer ? u64{len} : kMaxTransfer;
    if (!user_range_ok(buf.address(), n)) return EFAULT;
    SocketRef ref(sockfd);
    auto go = [&]() -> Result<size_t> {
        Socket* s = TRY(ref.get());
        IoVector data = IoVector::user(buf.address(), n);
        ReceiveMessage m{data};
        m.flags = flags;
        m.nonblock = ref.nonblocking();
        size_t got = TRY(s->receive_message(m));
        if (src_addr) TRY(copy_name_out(m.name, src_addr.address(), addrlen.address()));
        return got;
    };
    return go();
}

Outcome sys_sendmsg(Fd sockfd, In<MsgHdr> msg, MsgFlags flags) {
    SocketRef ref(sockfd);
    auto go = [&]() -> Result<size_t> {
        Socket* s = TRY(ref.get());
        return send_one(*s, TRY(user_read<MsgHdr>(msg.address())), flags, ref.nonblocking());
    };
    return go();
}

Outcome sys_recvmsg(Fd sockfd, InOut<MsgHdr> msg, MsgFlags flags) {
    SocketRef ref(sockfd);
    auto go = [&]() -> Result<size_t> {
        Socket* s = TRY(ref.get());
        return receive_one(*s, msg.address(), flags, ref.nonblocking());
    };
    return go();
}

Outcome sys_sendmmsg(Fd sockfd, InOut<MmsgHdr> msgvec, UInt vlen, MsgFlags flags) {
    SocketRef ref(sockfd);
    auto go = [&]() -> Result<u32> {
        Socket* s = TRY(ref.get());
        u32 count = vlen < UIO_MAXIOV ? u32{vlen} : UIO_MAXIOV, done = 0;
        while (done < count) {
            u64 at = msgvec.at(done).address();
            auto one = [&]() -> Result<void> {
                MsgHdr h = TRY(user_read<MsgHdr>(at));
                size_t n = TRY(send_one(*s, h, flags, ref.nonblocking()));
                return user_write<u32>(at + offsetof(MmsgHdr, len), n);
            };
            if (auto r = one(); !r) {
                if (!done) return r.error();
                break; // the next call meets the error
            }
            ++done;
        }
        return done;
    };
    return go();
}

Outcome sys_recvmmsg(Fd sockfd, InOut<MmsgHdr> msgvec, UInt vlen, MsgFlags flags, InOut<Timespec> timeout) {
    SocketRef ref(sockfd);
    auto go = [&]() -> Result<u32> {
        u64 until = kForever;
        if (timeout) {
            Timespec t = TRY(user_read<Timespec>(timeout.address()));
            if (t.sec < 0 || t.nsec < 0 || t.nsec >= static_cast<i64>(kNsPerSec)) return EINVAL;
            if (static_cast<u64>(t.sec) < kForever / kNsPerSec / 2) until = monotonic_ns() + t.sec * kNsPerSec + t.nsec;
        }
        Socket* s = TRY(ref.get());
        u32 count = vlen < UIO_MAXIOV ? u32{vlen} : UIO_MAXIOV, done = 0;
        u32 now_flags = flags & ~MSG_WAITFORONE;
        while (done < count) {
            u64 at = msgvec.at(done).address();
            auto one = [&]() -> Result<void> {
                size_t n = TRY(receive_one(*s, at, now_flags, ref.nonblocking()));
                return user_write<u32>(at + offsetof(MmsgHdr, len), n);
            };
            if (auto r = one(); !r) {
                if (!done) return r.error();
                break;
            }
            ++done;
            if (flags.has(MSG_WAITFORONE)) now_flags |= MSG_DONTWAIT;
            // As Linux: looked at after each datagram only.
            if (until != kForever) {
                u64 now = monotonic_ns(), left = now < until ? until - now : 0;
                Timespec t{};
                t.sec = left / kNsPerSec;
                t.nsec = left % kNsPerSec;
                TRY(user_write(timeout.address(), t));
                if (!left) break;
            }
        }
        return done;
    };
    return go();
}

Outcome sys_shutdown(Fd sockfd, ShutdownHow how) {
    SocketRef ref(sockfd);
    auto s = ref.get();
    if (!s) return s.error();
    if (how < SHUT_RD || how > SHUT_RDWR) return EINVAL;
    return (*s)->shutdown(how);
}

Outcome sys_setsockopt(Fd sockfd, SockLevel level, SockOptName optname, OptValIn<4> optval, Int optlen) {
    if (optlen < 0) return EINVAL;
    SocketRef ref(sockfd);
    auto go = [&]() -> Result<void> {
        Socket* s = TRY(ref.get());
        u8 value[kMaxOption];
        u32 n = static_cast<u32>(optlen) < sizeof value ? static_cast<u32>(optlen) : sizeof value;
        if (n) TRY(copy_from_user(value, optval.address(), n));
        return s->set_option(level, optname, OptionIn{value, n});
    };
    auto r = go();
    count_option_set(level.value, optname.value, r);
    return r;
}

Outcome sys_getsockopt(Fd sockfd, SockLevel level, SockOptName optname, OptValOut<4> optval, InOut<int32_t> optlen) {
    SocketRef ref(sockfd);
    auto go = [&]() -> Result<void> {
        Socket* s = TRY(ref.get());
        i32 room = TRY(user_read<i32>(optlen.address()));
        if (room < 0) return EINVAL;
        OptionOut out{};
        out.wanted = room;
        TRY(s->get_option(level, optname, out));
        u32 n = out.length < out.wanted ? out.length : out.wanted;
        if (n) TRY(copy_to_user(optval.address(), out.data, n));
        return user_write<i32>(optlen.address(), n);
    };
    auto r = go();
    if (!r && r.error() == ENOPROTOOPT) count_gap(GapKind::Sockopt, u32(level.value), u32(optname.value), 0, ENOPROTOOPT);
    return r;
}

} // namespace linnet
