// AF_INET and AF_INET6 sockets.
#pragma once

#include "net/socket.h"

namespace linnet {

Result<Ref<Socket>> create_tcp_socket(int family, u32 file_flags);
/// UDP, or raw with any protocol.
Result<Ref<Socket>> create_datagram_socket(int family, int type, int protocol, u32 file_flags);
/// bind(2)'s address: of the socket's own family. EINVAL, EAFNOSUPPORT
Result<SocketAddress> bind_address(const SockAddrBuffer& name, bool v6);

} // namespace linnet
