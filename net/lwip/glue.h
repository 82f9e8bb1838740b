// What the files that know lwIP share. Included by net/lwip/*.cc only.
#pragma once

#include "net/address.h"
#include "net/core.h"

extern "C" {
#include "lwip/opt.h"
#include "lwip/dhcp.h"
#include "lwip/dns.h"
#include "lwip/etharp.h"
#include "lwip/ethip6.h"
#include "lwip/icmp.h"
#include "lwip/igmp.h"
#include "lwip/inet_chksum.h"
#include "lwip/init.h"
#include "lwip/ip.h"
#include "lwip/ip4_frag.h"
#include "lwip/ip6_frag.h"
#include "lwip/mld6.h"
#include "lwip/nd6.h"
#include "lwip/netif.h"
#include "lwip/pbuf.h"
#include "lwip/priv/nd6_priv.h"
#include "lwip/priv/tcp_priv.h"
#include "lwip/raw.h"
#include "lwip/tcp.h"
#include "lwip/udp.h"
#include "netif/ethernet.h"
}

namespace linnet {

inline IpAddress from_lwip(const ip_addr_t& a) {
    return IP_IS_V4_VAL(a) ? IpAddress::v4_of(ip_2_ip4(&a)->addr) : IpAddress::v6_of(ip_2_ip6(&a)->addr);
}

/// scope: interface index of link-local addresses.
inline ip_addr_t to_lwip(const IpAddress& a, u32 scope = 0) {
    ip_addr_t out;
    memset(&out, 0, sizeof out);
    if (a.is_v4()) {
        IP_SET_TYPE_VAL(out, IPADDR_TYPE_V4);
        ip_2_ip4(&out)->addr = a.v4();
    } else {
        IP_SET_TYPE_VAL(out, IPADDR_TYPE_V6);
        memcpy(ip_2_ip6(&out)->addr, a.bytes, 16);
        ip6_addr_set_zone(ip_2_ip6(&out), scope);
    }
    return out;
}

/// Cyclic timers are needed again (traffic, a new connection). Core lock held.
void net_timers_kick();
/// Notifies the device of what was transmitted.
void net_device_kick();
/// The Errno of lwIP's error.
Errno errno_of(err_t e);

/// The interface's addresses, or the way out, are others now: look-ups see them. Core lock held.
void net_addresses_changed();

/// Boot: the netifs and timers.
void net_timers_start();

extern netif net_eth;
extern bool net_eth_present;
netif& net_loop_netif();

} // namespace linnet
