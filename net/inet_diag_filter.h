// The programs by which a dump of inet_diag chooses sockets (INET_DIAG_REQ_BYTECODE; `ss` compiles its expressions to them).
// Pure; fuzzed on the host. Source: linux/inet_diag.h, sock_diag(7).
#pragma once

#include <span>

#include "net/sock_diag.h"

namespace linnet {

/// Every step lies within the program and leads on, to the start of another step or to one of the two ends: behind the program, accepted;
/// 4 bytes further, refused. EINVAL; EPERM: it asks for marks without CAP_NET_ADMIN; ENOMEM
Result<void> check_inet_diag_filter(std::span<const u8> program, bool net_admin);
/// For a program that was checked.
bool inet_diag_filter_accepts(std::span<const u8> program, const InetSocketInfo& s);

} // namespace linnet
