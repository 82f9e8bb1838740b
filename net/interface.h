// Network interfaces, addresses and routes as sockets, netlink and /proc see them.
#pragma once

#include "net/address.h"

namespace linnet {

class NetDevice;

struct InterfaceAddress {
    IpAddress ip;
    u8 prefix;
    bool permanent; // neither DHCP's nor a router's
};

struct InterfaceInfo {
    u32 index; // 1: lo, 2: eth0
    char name[16];
    u32 flags; // IFF_*
    u32 mtu;
    bool loopback, up, carrier;
    u8 mac[6];
    InterfaceAddress addresses[8];
    u32 address_count;
    u64 rx_packets, rx_bytes, rx_dropped, tx_packets, tx_bytes, tx_dropped;
};

struct RouteInfo {
    IpAddress destination;
    u8 prefix;
    bool has_gateway;
    IpAddress gateway;
    bool has_source;
    IpAddress source;
    u32 interface;
    bool local_table; // of an own address
    u8 protocol;      // RTPROT_*
    u32 metric;
};

inline constexpr u32 kMaxInterfaces = 4, kMaxRoutes = 48;

/// Brings up lo and the first network device, with the addresses of the command line or DHCP. Boot, thread context; returns at
/// once. File contents for the root file system follow from a kernel thread.
void net_start();

/// Snapshots; take the core lock.
u32 net_interfaces(InterfaceInfo* out, u32 most);
u32 net_routes(RouteInfo* out, u32 most);
/// 0 if there is none.
u32 net_interface_index(const char* name);

// Look-ups without a lock (net/lwip/own_addresses.cc):
/// An address of this guest (127/8 too).
bool net_is_local(const IpAddress& a);
/// The address to talk to `to` from. ENETUNREACH
Result<IpAddress> net_source_for(const IpAddress& to, u32 scope);
bool net_is_subnet_broadcast(const IpAddress& a);

} // namespace linnet
