// NETLINK_SOCK_DIAG: requests for dumps and single sockets, answered from lists that SocketLists makes. What `ss` asks. Pure; fuzzed on
// the host. Linux's behaviour is that of a kernel with inet_diag (TCP, UDP, raw), unix_diag and netlink_diag: other families are
// ENOENT, SOCK_DESTROY is EOPNOTSUPP. Source: sock_diag(7).
#pragma once

#include <span>

#include "kernel/lib/vec.h"
#include "linux-abi/netif.h"
#include "linux-abi/socket.h"
#include "net/address.h"

namespace linnet {

/// What /proc/net and inet_diag show of a TCP, UDP or raw socket. A raw socket's local port is its protocol.
struct InetSocketInfo {
    SocketAddress local, remote;
    u8 state = 0; // TCP_*
    bool v6 = false, v6only = false;
    bool port_chosen = false; // by bind(2), not by the kernel
    u8 shutdown = 0;          // bits: 1 receiving, 2 sending
    u8 tos = 0;
    u8 raw_protocol = 0;      // 0: not a raw socket
    u32 interface = 0, uid = 0;
    u32 send_queue = 0, receive_queue = 0; // bytes; of a listener: its backlog, and who waits to be accepted
    u32 send_limit = 0, receive_limit = 0; // bytes
    u64 inode = 0; // 0: no descriptor names it
    u64 drops = 0;
    abi::TcpInfo tcp{}; // if it was asked for
};

/// What /proc/net/unix and unix_diag show of a UNIX socket.
struct UnixSocketInfo {
    u8 type = 0, state = 0, shutdown = 0;
    bool bound_to_path = false;
    u32 name_length = 0;
    char name[108]; // as UnixAddress has it
    u64 inode = 0, peer_inode = 0; // 0: none
    u32 path_inode = 0, path_device = 0;
    u32 receive_queue = 0, send_queue = 0; // bytes; of a listener: who waits to be accepted, and its backlog
    u32 uid = 0, references = 0;
    u32 first_pending = 0, pending_count = 0; // in UnixSocketList::pending: the inodes of those who wait
};
struct UnixSocketList {
    Vec<UnixSocketInfo> sockets;
    Vec<u32> pending;
};

/// What netlink_diag shows of a netlink socket.
struct NetlinkSocketInfo {
    u8 type = 0, protocol = 0;
    u32 port = 0, peer_port = 0, groups = 0;
    u32 unread = 0, receive_limit = 0, send_limit = 0; // bytes
    u64 inode = 0;
};

enum class InetKind : u8 { Tcp, Udp, Raw };

class SocketLists {
  public:
    /// All of a kind; UDP's are the bound ones, TCP's those not closed. tcp_info: fill in `tcp`. ENOMEM
    virtual Result<void> inet(InetKind kind, bool tcp_info, Vec<InetSocketInfo>& out) = 0;
    virtual Result<void> unix_sockets(UnixSocketList& out) = 0;
    virtual Result<void> netlink_sockets(Vec<NetlinkSocketInfo>& out) = 0;
    /// Between two requests and two sockets: requests and filters are many or long, and gather lists. EINTR: the asker is to die.
    virtual Result<void> breathe() { return {}; }

  protected:
    ~SocketLists() = default;
};

/// Who asks: his netlink address, and whether he may ask for marks.
struct DiagAsker {
    u32 port;
    bool net_admin;
};

/// As netlink_route_reply(); and EINTR.
Result<void> sock_diag_reply(std::span<const u8> request, SocketLists& sockets, const DiagAsker& asker, size_t limit, Vec<u8>& replies);

} // namespace linnet
