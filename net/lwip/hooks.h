// Hooks that lwIP's sources include (LWIP_HOOK_FILENAME).
#ifndef LINNET_LWIP_HOOKS_H
#define LINNET_LWIP_HOOKS_H

#include "lwip/ip_addr.h"

#ifdef __cplusplus
extern "C" {
#endif
/// Initial sequence number of RFC 6528: a keyed hash of the addresses plus a clock.
uint32_t linnet_tcp_isn(const ip_addr_t* local, uint16_t local_port, const ip_addr_t* remote, uint16_t remote_port);
struct netif;
/// gw6= of the command line; null if a router's advertisement decides.
const ip6_addr_t* linnet_nd6_gateway(struct netif* nif, const ip6_addr_t* dest);
#ifdef __cplusplus
}
#endif
#define LWIP_HOOK_ND6_GET_GW(nif, dest) linnet_nd6_gateway(nif, dest)
#define LWIP_HOOK_TCP_ISN(local, local_port, remote, remote_port) linnet_tcp_isn(local, local_port, remote, remote_port)

#endif
