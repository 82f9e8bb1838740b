// Sockets as open files. A family derives from Socket and plugs in by the table in net/socket.cc. The system calls are in
// syscall/socket.cc. Source: socket(2), socket(7), and the man page of each call.
#pragma once

#include "net/address.h"
#include "net/control_message.h"
#include "vfs/file.h"
#include "vfs/inode.h"

namespace linnet {

class Task;

/// A message on its way out. The name is null where none was given.
struct SendMessage {
    IoVector& data;
    const SockAddrBuffer* name = nullptr;
    std::span<const u8> control = {};
    u32 flags = 0; // MSG_*
    bool nonblock = false;
};

/// A message wanted. `name.length` 0: the socket gives none.
struct ReceiveMessage {
    IoVector& data;
    u32 flags = 0;
    bool nonblock = false;
    SockAddrBuffer name{};
    ControlWriter* control = nullptr; // null: not asked for
    u32 out_flags = 0;                // MSG_TRUNC, MSG_EOR...
};

/// A setsockopt value: a kernel copy.
struct OptionIn {
    const u8* data;
    u32 length;
    /// EINVAL if it is too short for an int.
    Result<int> integer() const {
        if (length < 4) return EINVAL;
        int v;
        memcpy(&v, data, 4);
        return v;
    }
    /// IP options may be a single byte too.
    Result<int> small_integer() const {
        if (length >= 4) return integer();
        if (length >= 1) return int{data[0]};
        return EINVAL;
    }
    template <class T>
    Result<T> as() const {
        if (length < sizeof(T)) return EINVAL;
        T v;
        memcpy(&v, data, sizeof v);
        return v;
    }
};

/// A getsockopt value; the call cuts it to what the program has room for.
struct OptionOut {
    u32 wanted;       // the program's room
    u8 data[256];
    u32 length = 0;
    template <class T>
    void set(const T& v) {
        static_assert(sizeof(T) <= sizeof data);
        memcpy(data, &v, sizeof v);
        length = sizeof v;
    }
    void set_int(int v) { set(v); }
    void set_bytes(const void* p, u32 n) {
        length = n < sizeof data ? n : sizeof data;
        memcpy(data, p, length);
    }
};

/// Options of SOL_SOCKET that the generic layer keeps.
struct SocketOptions {
    u64 receive_timeout_ns = 0, send_timeout_ns = 0; // 0: forever
    u32 receive_buffer = 212992, send_buffer = 212992; // as getsockopt shows them
    bool reuse_addr = false, reuse_port = false, keepalive = false, broadcast = false, dont_route = false, oob_inline = false,
         passcred = false, no_check = false, timestamp = false, timestamp_ns = false, zerocopy = false, rx_overflow = false,
         passsec = false, select_err_queue = false;
    bool linger_on = false;
    i32 linger_s = 0;
    i32 priority = 0;
    u32 mark = 0;
    i32 receive_low_water = 1;
    i32 peek_offset = -1;
    i32 incoming_cpu = -1;
    u32 busy_poll_us = 0;
    u64 max_pacing_rate = ~0ull;
};

class Socket : public File {
  public:
    Socket(int family, int type, int protocol, Ref<Inode> inode, u32 file_flags);
    ~Socket() override;

    const int family, type, protocol;
    SocketOptions options; // plain words; a racing reader sees the old or the new

    // --- what families implement; the defaults are EOPNOTSUPP ---
    virtual Result<void> bind(const SockAddrBuffer& name);
    virtual Result<void> listen(int backlog);
    /// EAGAIN if nonblock and none is there.
    virtual Result<Ref<Socket>> accept(bool nonblock, u32 file_flags);
    virtual Result<void> connect(const SockAddrBuffer& name, bool nonblock);
    virtual Result<void> get_name(SockAddrBuffer& out, bool peer);
    /// accept(2)'s address: the peer's name even if it has gone meanwhile.
    virtual Result<void> get_accepted_name(SockAddrBuffer& out) { return get_name(out, true); }
    virtual Result<size_t> send_message(SendMessage& m);
    virtual Result<size_t> receive_message(ReceiveMessage& m);
    virtual Result<void> shutdown(int how);
    /// Options that are not SOL_SOCKET's. ENOPROTOOPT
    virtual Result<void> set_level_option(int level, int name, const OptionIn& v);
    virtual Result<void> get_level_option(int level, int name, OptionOut& v);
    /// An option of SOL_SOCKET has changed in `options`.
    virtual Result<void> option_changed(int name) { return (void)name, Result<void>(); }
    /// SOL_SOCKET options that depend on the family: SO_ERROR, SO_PEERCRED, SO_ACCEPTCONN.
    virtual int take_error() { return 0; }
    virtual bool listening() { return false; }
    virtual Result<void> peer_credentials(abi::Ucred& out);
    virtual Result<void> set_special_option(int name, const OptionIn& v) { return (void)name, (void)v, ENOPROTOOPT; }
    virtual Result<void> get_special_option(int name, OptionOut& v) { return (void)name, (void)v, ENOPROTOOPT; }

    Result<void> set_option(int level, int name, const OptionIn& v);
    Result<void> get_option(int level, int name, OptionOut& v);

    // --- File ---
    Result<size_t> read(IoVector& to, u64& pos, bool nonblock) final;
    Result<size_t> write(IoVector& from, u64& pos, bool nonblock) final;
    Result<i64> ioctl(u32 command, u64 arg) override;
    void describe(TextBuffer& out) override;
    Inode& inode() override { return *inode_; }
    bool is_socket() const override { return true; }

  protected:
    /// Until `cond`: EAGAIN when the time is over, a restart or EINTR when a signal came. deadline_ns: kForever for none.
    template <class C>
    Result<void> wait_for(WaitQueue& q, C&& cond, u64 deadline_ns, bool exclusive = false) {
        switch (wait_until(q, cond, deadline_ns, true, exclusive)) {
        case WaitResult::Ready: return {};
        case WaitResult::TimedOut: return EAGAIN;
        case WaitResult::Interrupted: return deadline_ns == kForever ? kRestartSys : EINTR;
        }
        return EINTR;
    }
    /// Absolute deadline for a timeout option.
    static u64 deadline(u64 timeout_ns);
    /// EPIPE with SIGPIPE, unless MSG_NOSIGNAL.
    static Errno broken_pipe(u32 flags);

  private:
    Result<void> set_socket_option(int name, const OptionIn& v);
    Result<void> get_socket_option(int name, OptionOut& v);
    Ref<Inode> inode_;
};

/// socket(2): the descriptor's file. EAFNOSUPPORT, EPROTONOSUPPORT, ESOCKTNOSUPPORT, EPERM, EACCES, EINVAL
Result<Ref<Socket>> create_socket(int family, int type, int protocol, u32 file_flags);
/// Set by syscall: a netlink request was refused since its kind is not there. Thread context, no lock held.
extern void (*netlink_refused)(int protocol, u32 type, Errno error);
/// socketpair(2).
Result<void> create_socket_pair(int family, int type, int protocol, u32 file_flags, Ref<Socket> out[2]);

// Families.
Result<Ref<Socket>> create_inet_socket(int family, int type, int protocol, u32 file_flags);
Result<Ref<Socket>> create_unix_socket(int family, int type, int protocol, u32 file_flags);
Result<void> create_unix_pair(int type, int protocol, u32 file_flags, Ref<Socket> out[2]);
Result<Ref<Socket>> create_netlink_socket(int family, int type, int protocol, u32 file_flags);

/// Sockets of all families that are open.
u32 open_sockets();
/// An inode for a new socket.
Result<Ref<Inode>> make_socket_inode();
/// SIOCGIF* and the like (net/interface_ioctl.cc). ENOTTY for what is none of them.
Result<i64> interface_ioctl(u32 command, u64 arg);

inline constexpr u32 kCapNetBindService = 10, kCapNetAdmin = 12, kCapNetRaw = 13;
bool current_has_capability(u32 n);

} // namespace linnet
