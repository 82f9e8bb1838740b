// struct tcp_info, for TCP_INFO and inet_diag.
#pragma once

#include "linux-abi/socket.h"
#include "net/core.h"

namespace linnet {

class TcpEndpoint;
/// Of a listener, as on Linux: who waits and its backlog, in tcpi_unacked and tcpi_sacked, and little else.
abi::TcpInfo tcp_info(TcpEndpoint& e) REQUIRES(net_core_lock);

} // namespace linnet
