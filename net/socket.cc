#include "net/socket.h"

#include "kernel/lib/sysctl.h"
#include "kernel/mm/user.h"
#include "kernel/task/signal.h"
#include "kernel/task/task.h"
#include "kernel/time/clock.h"
#include "linux-abi/netif.h"
#include "linux-abi/signal.h"
#include "linux-abi/stat.h"
#include "linux-abi/termios.h"
#include "linux-abi/time.h"

namespace linnet {

namespace {

struct SocketFamily {
    int family;
    Result<Ref<Socket>> (*create)(int family, int type, int protocol, u32 file_flags);
};
constexpr SocketFamily families[] = {
    {AF_UNIX, create_unix_socket},
    {AF_INET, create_inet_socket},
    {AF_INET6, create_inet_socket},
    {AF_NETLINK, create_netlink_socket},
};
constexpr int kFamilyCount = 46, kTypeCount = 11; // Linux's NPROTO and SOCK_MAX

std::atomic<u32> socket_count{0};

} // namespace

u32 open_sockets() { return socket_count.load(std::memory_order_relaxed); }

bool current_has_capability(u32 n) {
    Task* t = current_or_null();
    return !t || t->credentials->has_capability(n);
}

void (*netlink_refused)(int protocol, u32 type, Errno error) = nullptr;

Result<Ref<Inode>> make_socket_inode() { return make_anonymous_inode(S_IFSOCK | 0777, AnonymousKind::Socket); }

Result<Ref<Socket>> create_socket(int family, int type, int protocol, u32 file_flags) {
    if (family < 0 || family >= kFamilyCount) return EAFNOSUPPORT;
    if (type < 0 || type >= kTypeCount) return EINVAL;
    if (family == AF_PACKET && !current_has_capability(kCapNetRaw)) return EPERM;
    for (const SocketFamily& f : families)
        if (f.family == family) return f.create(family, type, protocol, file_flags);
    return EAFNOSUPPORT;
}

Result<void> create_socket_pair(int family, int type, int protocol, u32 file_flags, Ref<Socket> out[2]) {
    if (family == AF_UNIX) return create_unix_pair(type, protocol, file_flags, out);
    TRY(create_socket(family, type, protocol, file_flags));
    return EOPNOTSUPP;
}

Socket::Socket(int fam, int ty, int proto, Ref<Inode> inode, u32 file_flags)
    : File(2 /* O_RDWR */ | file_flags), family(fam), type(ty), protocol(proto), inode_(std::move(inode)) {
    socket_count.fetch_add(1, std::memory_order_relaxed);
}
Socket::~Socket() { socket_count.fetch_sub(1, std::memory_order_relaxed); }

Result<void> Socket::bind(const SockAddrBuffer&) { return EOPNOTSUPP; }
Result<void> Socket::listen(int) { return EOPNOTSUPP; }
Result<Ref<Socket>> Socket::accept(bool, u32) { return EOPNOTSUPP; }
Result<void> Socket::connect(const SockAddrBuffer&, bool) { return EOPNOTSUPP; }
Result<void> Socket::get_name(SockAddrBuffer&, bool) { return EOPNOTSUPP; }
Result<size_t> Socket::send_message(SendMessage&) { return EOPNOTSUPP; }
Result<size_t> Socket::receive_message(ReceiveMessage&) { return EOPNOTSUPP; }
Result<void> Socket::shutdown(int) { return EOPNOTSUPP; }
Result<void> Socket::set_level_option(int, int, const OptionIn&) { return ENOPROTOOPT; }
Result<void> Socket::get_level_option(int, int, OptionOut&) { return ENOPROTOOPT; }

Result<void> Socket::peer_credentials(abi::Ucred& out) {
    out = {0, ~0u, ~0u}; // sockets that know no peer
    return {};
}

u64 Socket::deadline(u64 timeout_ns) {
    if (!timeout_ns) return kForever;
    u64 t = monotonic_ns() + timeout_ns;
    return t < timeout_ns ? kForever - 1 : t;
}

Errno Socket::broken_pipe(u32 flags) {
    if (!(flags & MSG_NOSIGNAL)) send_signal_to_current(SIGPIPE);
    return EPIPE;
}

Result<size_t> Socket::read(IoVector& to, u64&, bool nonblock) {
    if (!to.remaining() && type == SOCK_STREAM) return size_t{0};
    ReceiveMessage m{to};
    m.nonblock = nonblock;
    return receive_message(m);
}

Result<size_t> Socket::write(IoVector& from, u64&, bool nonblock) {
    SendMessage m{from};
    m.nonblock = nonblock;
    return send_message(m);
}

void Socket::describe(TextBuffer& out) { out.append("socket:[%lu]", inode_->ino); }

Result<i64> Socket::ioctl(u32 command, u64 arg) {
    switch (command) {
    case FIOSETOWN:
    case SIOCSPGRP: {
        async_owner = TRY(user_read<i32>(arg));
        return i64{0};
    }
    case FIOGETOWN:
    case SIOCGPGRP: TRY(user_write<i32>(arg, async_owner.load())); return i64{0};
    case SIOCATMARK: TRY(user_write<i32>(arg, 0)); return i64{0};
    case SIOCGSTAMP_OLD:
    case SIOCGSTAMPNS_OLD: return ENOENT; // no packet was stamped
    }
    return interface_ioctl(command, arg);
}

Result<void> Socket::set_option(int level, int name, const OptionIn& v) {
    if (level == SOL_SOCKET) return set_socket_option(name, v);
    return set_level_option(level, name, v);
}

Result<void> Socket::get_option(int level, int name, OptionOut& v) {
    if (level == SOL_SOCKET) return get_socket_option(name, v);
    return get_level_option(level, name, v);
}

namespace {

constexpr u32 kMinReceive = 2304, kMinSend = 4608;

Result<u64> timeout_of(const OptionIn& v) {
    auto t = TRY(v.as<abi::Timeval>());
    if (t.usec < 0 || t.usec >= 1000000) return EDOM;
    if (t.sec < 0) return u64{1}; // as Linux: expires at once
    if (t.sec == 0 && t.usec == 0) return u64{0};
    u64 sec = static_cast<u64>(t.sec);
    if (sec > kForever / kNsPerSec / 2) return u64{0};
    return sec * kNsPerSec + t.usec * kNsPerUs;
}

abi::Timeval timeval_of(u64 ns) {
    abi::Timeval t{};
    t.sec = ns / kNsPerSec;
    t.usec = ns % kNsPerSec / kNsPerUs;
    return t;
}

} // namespace

Result<void> Socket::set_socket_option(int name, const OptionIn& v) {
    SocketOptions& o = options;
    // Linux asks for an int's length first, whatever the option.
    if (v.length < 4) return EINVAL;
    int n = TRY(v.integer());
    bool on = n != 0;
    auto buffer = [&](u32& slot, u32 least, bool force, const SysctlNumber& limit) {
        u32 want = n < 0 ? 0 : static_cast<u32>(n);
        u32 most = force ? 0x3fffffff : static_cast<u32>(limit);
        if (want > most) want = most;
        slot = want * 2 < least ? least : want * 2;
    };
    switch (name) {
    case SO_DEBUG:
        if (on && !current_has_capability(kCapNetAdmin)) return EACCES;
        return {};
    case SO_REUSEADDR: o.reuse_addr = on; break;
    case SO_REUSEPORT: o.reuse_port = on; break;
    case SO_KEEPALIVE: o.keepalive = on; break;
    case SO_BROADCAST: o.broadcast = on; break;
    case SO_DONTROUTE: o.dont_route = on; break;
    case SO_OOBINLINE: o.oob_inline = on; break;
    case SO_NO_CHECK: o.no_check = on; break;
    case SO_PASSCRED: o.passcred = on; break;
    case SO_PASSSEC: o.passsec = on; break;
    case SO_TIMESTAMP_OLD:
    case SO_TIMESTAMP_NEW:
        o.timestamp = on;
        if (on) o.timestamp_ns = false;
        break;
    case SO_TIMESTAMPNS_OLD:
    case SO_TIMESTAMPNS_NEW:
        o.timestamp_ns = on;
        if (on) o.timestamp = false;
        break;
    case SO_RXQ_OVFL: o.rx_overflow = on; break;
    case SO_SELECT_ERR_QUEUE: o.select_err_queue = on; break;
    case SO_BUSY_POLL:
        if (n < 0) return EINVAL;
        o.busy_poll_us = n;
        break;
    case SO_INCOMING_CPU: o.incoming_cpu = n; break;
    case SO_MAX_PACING_RATE: o.max_pacing_rate = v.length >= 8 ? TRY(v.as<u64>()) : static_cast<u32>(n); break;
    case SO_MARK:
        if (!current_has_capability(kCapNetAdmin)) return EPERM;
        o.mark = n;
        break;
    case SO_PRIORITY:
        if ((n < 0 || n > 6) && !current_has_capability(kCapNetAdmin)) return EPERM;
        o.priority = n;
        break;
    case SO_RCVLOWAT: o.receive_low_water = n < 0 ? 0x7fffffff : n ? n : 1; break;
    case SO_PEEK_OFF:
        if (family != AF_UNIX) return EOPNOTSUPP;
        o.peek_offset = n < 0 ? -1 : n;
        break;
    case SO_SNDBUF: buffer(o.send_buffer, kMinSend, false, sysctl::wmem_max); break;
    case SO_RCVBUF: buffer(o.receive_buffer, kMinReceive, false, sysctl::rmem_max); break;
    case SO_SNDBUFFORCE:
    case SO_RCVBUFFORCE:
        if (!current_has_capability(kCapNetAdmin)) return EPERM;
        if (name == SO_SNDBUFFORCE) buffer(o.send_buffer, kMinSend, true, sysctl::wmem_max);
        else buffer(o.receive_buffer, kMinReceive, true, sysctl::rmem_max);
        break;
    case SO_RCVTIMEO_OLD:
    case SO_RCVTIMEO_NEW: o.receive_timeout_ns = TRY(timeout_of(v)); break;
    case SO_SNDTIMEO_OLD:
    case SO_SNDTIMEO_NEW: o.send_timeout_ns = TRY(timeout_of(v)); break;
    case SO_LINGER: {
        auto l = TRY(v.as<abi::Linger>());
        o.linger_on = l.onoff != 0;
        if (o.linger_on) o.linger_s = l.linger;
        break;
    }
    case SO_BINDTODEVICE:
    case SO_ATTACH_FILTER:
    case SO_ATTACH_BPF:
    case SO_ATTACH_REUSEPORT_CBPF:
    case SO_ATTACH_REUSEPORT_EBPF:
    case SO_ZEROCOPY: return set_special_option(name, v);
    case SO_DETACH_FILTER: return ENOENT;
    case SO_TYPE:
    case SO_PROTOCOL:
    case SO_DOMAIN:
    case SO_ERROR:
    case SO_ACCEPTCONN:
    case SO_PEERCRED: return ENOPROTOOPT;
    default: return ENOPROTOOPT;
    }
    return option_changed(name);
}

Result<void> Socket::get_socket_option(int name, OptionOut& v) {
    const SocketOptions& o = options;
    switch (name) {
    case SO_DEBUG: v.set_int(0); break;
    case SO_REUSEADDR: v.set_int(o.reuse_addr); break;
    case SO_REUSEPORT: v.set_int(o.reuse_port); break;
    case SO_KEEPALIVE: v.set_int(o.keepalive); break;
    case SO_BROADCAST: v.set_int(o.broadcast); break;
    case SO_DONTROUTE: v.set_int(o.dont_route); break;
    case SO_OOBINLINE: v.set_int(o.oob_inline); break;
    case SO_NO_CHECK: v.set_int(o.no_check); break;
    case SO_PASSCRED: v.set_int(o.passcred); break;
    case SO_PASSSEC: v.set_int(o.passsec); break;
    case SO_TIMESTAMP_OLD: v.set_int(o.timestamp); break;
    case SO_TIMESTAMPNS_OLD: v.set_int(o.timestamp_ns); break;
    case SO_RXQ_OVFL: v.set_int(o.rx_overflow); break;
    case SO_SELECT_ERR_QUEUE: v.set_int(o.select_err_queue); break;
    case SO_BUSY_POLL: v.set_int(o.busy_poll_us); break;
    case SO_INCOMING_CPU: v.set_int(o.incoming_cpu); break;
    case SO_MAX_PACING_RATE:
        if (v.wanted >= 8) v.set(o.max_pacing_rate);
        else v.set_int(o.max_pacing_rate > 0xffffffff ? -1 : static_cast<int>(o.max_pacing_rate));
        break;
    case SO_MARK: v.set_int(o.mark); break;
    case SO_PRIORITY: v.set_int(o.priority); break;
    case SO_RCVLOWAT: v.set_int(o.receive_low_water); break;
    case SO_SNDLOWAT: v.set_int(1); break;
    case SO_PEEK_OFF:
        if (family != AF_UNIX) return EOPNOTSUPP;
        v.set_int(o.peek_offset);
        break;
    case SO_SNDBUF: v.set_int(o.send_buffer); break;
    case SO_RCVBUF: v.set_int(o.receive_buffer); break;
    case SO_RCVTIMEO_OLD:
    case SO_RCVTIMEO_NEW: v.set(timeval_of(o.receive_timeout_ns)); break;
    case SO_SNDTIMEO_OLD:
    case SO_SNDTIMEO_NEW: v.set(timeval_of(o.send_timeout_ns)); break;
    case SO_LINGER: v.set(abi::Linger{o.linger_on, o.linger_s}); break;
    case SO_TYPE: v.set_int(type); break;
    case SO_DOMAIN: v.set_int(family); break;
    case SO_PROTOCOL: v.set_int(protocol); break;
    case SO_ERROR: v.set_int(take_error()); break;
    case SO_ACCEPTCONN: v.set_int(listening()); break;
    case SO_PEERCRED: {
        abi::Ucred c{};
        TRY(peer_credentials(c));
        v.set(c);
        break;
    }
    case SO_PEERNAME: {
        SockAddrBuffer a;
        if (!get_name(a, true)) return ENOTCONN;
        if (a.length > v.wanted) return EINVAL;
        v.set_bytes(a.bytes, a.length);
        break;
    }
    case SO_COOKIE: v.set(inode_->ino); break;
    case SO_BINDTOIFINDEX: v.set_int(0); break;
    case SO_ZEROCOPY: v.set_int(0); break;
    default: return get_special_option(name, v);
    }
    return {};
}

} // namespace linnet
