// rtnetlink messages: requests taken apart, dumps of links, addresses and routes put together. Pure functions on
// snapshots; fuzzed on the host. Source: netlink(7), rtnetlink(7).
#pragma once

#include <span>

#include "kernel/lib/vec.h"
#include "linux-abi/netif.h"
#include "net/interface.h"

namespace linnet {

/// Everything that a dump shows.
struct NetSnapshot {
    InterfaceInfo interfaces[kMaxInterfaces];
    u32 interface_count = 0;
    RouteInfo routes[kMaxRoutes];
    u32 route_count = 0;
};

/// Replies to one datagram of requests, as a sequence of netlink messages behind those in `replies`, which are unread; from `limit` bytes on
/// replies are dropped. `port` is the requester's netlink address. Malformed requests are answered by NLMSG_ERROR, or end the datagram.
/// ENOBUFS: some were dropped. ENOMEM: the last one may not be whole.
Result<void> netlink_route_reply(std::span<const u8> request, const NetSnapshot& net, u32 port, size_t limit, Vec<u8>& replies);

} // namespace linnet
