// /etc/resolv.conf and /etc/hosts from what the network gave, where the image has none of its own.
#pragma once

#include "net/address.h"

namespace linnet {

/// Addresses or name servers changed: the files are written by a thread of their own, and the host is told. Any context but
/// hard interrupt; the core lock may be held.
void net_config_changed();
u32 net_name_servers(IpAddress* out, u32 most);

} // namespace linnet
