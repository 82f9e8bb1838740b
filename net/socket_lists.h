// The sockets of this guest as lists: for /proc/net and NETLINK_SOCK_DIAG.
#pragma once

#include "net/sock_diag.h"

namespace linnet {

/// TCP's that are not closed, bound UDP ones, raw ones. tcp_info: fills in `tcp`. Takes the core lock. ENOMEM
Result<void> list_inet_sockets(InetKind kind, bool tcp_info, Vec<InetSocketInfo>& out);
/// All of them, also those that wait to be accepted. Takes unix_lock. ENOMEM
Result<void> list_unix_sockets(UnixSocketList& out);
/// net/netlink_socket.cc. ENOMEM
Result<void> list_netlink_sockets(Vec<NetlinkSocketInfo>& out);

/// The real lists, for sock_diag_reply().
class KernelSocketLists final : public SocketLists {
  public:
    Result<void> inet(InetKind kind, bool tcp_info, Vec<InetSocketInfo>& out) override { return list_inet_sockets(kind, tcp_info, out); }
    Result<void> unix_sockets(UnixSocketList& out) override { return list_unix_sockets(out); }
    Result<void> netlink_sockets(Vec<NetlinkSocketInfo>& out) override { return list_netlink_sockets(out); }
    Result<void> breathe() override;
};

} // namespace linnet
