// Between sock_diag.cc and the families that it hands a request to.
#pragma once

#include "net/netlink_message.h"
#include "net/sock_diag.h"

namespace linnet {

/// A request that came whole. `dump`: any of NLM_F_DUMP's bits, as Linux looks at it.
struct DiagRequest {
    const abi::Nlmsghdr& header;
    std::span<const u8> message, body;
    bool dump;
    const DiagAsker& asker;
};

// Each appends its messages and, to a dump, its end. An error is answered by NLMSG_ERROR (`refused`), one of no memory is returned.
Result<void> inet_diag_answer(NetlinkBuilder& b, const DiagRequest& r, SocketLists& sockets, Errno& refused);
Result<void> unix_diag_answer(NetlinkBuilder& b, const DiagRequest& r, SocketLists& sockets, Errno& refused);
Result<void> netlink_diag_answer(NetlinkBuilder& b, const DiagRequest& r, SocketLists& sockets, Errno& refused);

/// The cookie of a request names the socket with this inode, or any.
inline bool diag_cookie_matches(const u32 (&cookie)[2], u64 inode) {
    return (cookie[0] == ~0u && cookie[1] == ~0u) || (cookie[0] == static_cast<u32>(inode) && cookie[1] == inode >> 32);
}

} // namespace linnet
