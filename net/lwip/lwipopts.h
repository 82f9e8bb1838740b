// lwIP's configuration: raw API only, under our core lock (net/core.h); memory from the kernel heap;
// timers driven by net/timers.cc, which runs them only while something needs them.
#ifndef LINNET_LWIPOPTS_H
#define LINNET_LWIPOPTS_H

#define NO_SYS 1
#define SYS_LIGHTWEIGHT_PROT 0 // everything runs under the core lock
#define IPV6_FRAG_COPYHEADER 1 // its bookkeeping is larger than the header that it would stand in (64-bit pointers)
#define LWIP_TIMERS 1
#define LWIP_TIMERS_CUSTOM 1
#define LWIP_NETCONN 0
#define LWIP_SOCKET 0
#define LWIP_STATS 1 // /proc/net/snmp's counters and no others
#define MIB2_STATS 1
#define LINK_STATS 0
#define ETHARP_STATS 0
#define IP_STATS 0
#define IPFRAG_STATS 0
#define ICMP_STATS 0
#define IGMP_STATS 0
#define UDP_STATS 0
#define TCP_STATS 0
#define MEM_STATS 0
#define MEMP_STATS 0
#define SYS_STATS 0
#define IP6_STATS 0
#define ICMP6_STATS 0
#define IP6_FRAG_STATS 0
#define MLD6_STATS 0
#define ND6_STATS 0

// Memory: kmalloc for everything, so no pool has a size.
#define MEM_LIBC_MALLOC 1
#define MEMP_MEM_MALLOC 1
#define MEM_ALIGNMENT 16
#define MEM_USE_POOLS 0
#define LWIP_SUPPORT_CUSTOM_PBUF 1
#define PBUF_POOL_SIZE 0
#define LWIP_PBUF_REF_T u16_t
#define PBUF_LINK_HLEN 16 // 14, rounded: headers stay aligned

// Families.
#define LWIP_IPV4 1
#define LWIP_IPV6 1
#define LWIP_ARP 1
#define ARP_TABLE_SIZE 32
#define ARP_QUEUEING 1
#define ARP_QUEUE_LEN 8
#define ETHARP_SUPPORT_STATIC_ENTRIES 0
#define LWIP_ICMP 1
#define LWIP_ICMP6 1
#define LWIP_RAW 1
#define LWIP_UDP 1
#define LWIP_TCP 1
#define LWIP_DHCP 1
#define LWIP_DHCP_MAX_DNS_SERVERS 3
#define DNS_MAX_SERVERS 3
#define DHCP_DOES_ARP_CHECK 0 // 0.5 s later and of no use behind a VMM's own DHCP server
#define LWIP_DNS 1 // only its list of servers, for /etc/resolv.conf; nothing asks it for names
#define LWIP_IGMP 1
#define LWIP_AUTOIP 0
#define IP_FORWARD 0
#define IP_REASSEMBLY 1
#define IP_FRAG 1
#define IP_REASS_MAX_PBUFS 256
#define MEMP_NUM_REASSDATA 32
#define IP_DEFAULT_TTL 64
#define IP_SOF_BROADCAST 1
#define IP_SOF_BROADCAST_RECV 0
#define LWIP_MULTICAST_TX_OPTIONS 1
#define LWIP_IPV6_NUM_ADDRESSES 5
#define LWIP_IPV6_MLD 1
#define LWIP_IPV6_AUTOCONFIG 1
#define LWIP_IPV6_SEND_ROUTER_SOLICIT 1
#define LWIP_ND6_QUEUEING 1
#define MEMP_NUM_ND6_QUEUE 32
#define LWIP_ND6_NUM_NEIGHBORS 32
#define LWIP_ND6_NUM_DESTINATIONS 32
#define LWIP_ND6_RDNSS_MAX_DNS_SERVERS 3
#define LWIP_IPV6_REASS 1
#define LWIP_IPV6_FRAG 1
#define LWIP_IPV6_DHCP6 0

// TCP: 128 KiB windows with scaling; everything unsent lies in the socket's own chunks, passed by reference.
#define LWIP_WND_SCALE 1
#define TCP_RCV_SCALE 2
#define TCP_WND (128 * 1024)
#define TCP_MSS 1460
#define TCP_SND_BUF (256 * 1024)
#define TCP_SND_QUEUELEN 8192
#define TCP_SNDLOWAT (32 * 1024) // of no use here, but checked
#define TCP_QUEUE_OOSEQ 1
#define TCP_OOSEQ_MAX_BYTES TCP_WND
#define TCP_OOSEQ_MAX_PBUFS 256
#define LWIP_TCP_SACK_OUT 1
#define LWIP_TCP_TIMESTAMPS 0
#define TCP_LISTEN_BACKLOG 1
#define TCP_OVERSIZE 0
#define LWIP_TCP_KEEPALIVE 1
#define LWIP_TCP_PCB_NUM_EXT_ARGS 1 // tells when a connection is freed
#define TCP_MSL 30000UL             // TIME_WAIT of 60 s, as Linux
#define TCP_MAXRTX 12
#define TCP_SYNMAXRTX 6
#define SO_REUSE 1
#define SO_REUSE_RXTOALL 0

// Interfaces.
#define LWIP_SINGLE_NETIF 0
#define LWIP_HAVE_LOOPIF 1
#define LWIP_NETIF_LOOPBACK 1
#define LWIP_LOOPBACK_MAX_PBUFS 256
#define LWIP_NETIF_LOOPBACK_MULTITHREADING 0
#define LWIP_NETIF_HOSTNAME 1
#define LWIP_NETIF_STATUS_CALLBACK 1
#define LWIP_NETIF_LINK_CALLBACK 0
#define LWIP_CHECKSUM_CTRL_PER_NETIF 1
#define LWIP_CHECKSUM_ON_COPY 0
#define LWIP_CHKSUM_ALGORITHM 3

#define LWIP_HOOK_FILENAME "net/lwip/hooks.h"

#endif
