// Socket families, types, levels, options, message flags, shutdown, protocols.
// Source: socket(2), socket(7), ip(7), ipv6(7), tcp(7), udp(7), unix(7).
#pragma once

#include "linux-abi/types.h"

namespace linnet::abi {
inline namespace constants {

inline constexpr int AF_UNSPEC = 0;
inline constexpr int AF_FILE = 1;
inline constexpr int AF_LOCAL = 1;
inline constexpr int AF_UNIX = 1;
inline constexpr int AF_INET = 2;
inline constexpr int AF_AX25 = 3;
inline constexpr int AF_IPX = 4;
inline constexpr int AF_APPLETALK = 5;
inline constexpr int AF_NETROM = 6;
inline constexpr int AF_BRIDGE = 7;
inline constexpr int AF_ATMPVC = 8;
inline constexpr int AF_X25 = 9;
inline constexpr int AF_INET6 = 10;
inline constexpr int AF_ROSE = 11;
inline constexpr int AF_DECnet = 12;
inline constexpr int AF_NETBEUI = 13;
inline constexpr int AF_SECURITY = 14;
inline constexpr int AF_KEY = 15;
inline constexpr int AF_NETLINK = 16;
inline constexpr int AF_ROUTE = 16;
inline constexpr int AF_PACKET = 17;
inline constexpr int AF_ASH = 18;
inline constexpr int AF_ECONET = 19;
inline constexpr int AF_ATMSVC = 20;
inline constexpr int AF_RDS = 21;
inline constexpr int AF_SNA = 22;
inline constexpr int AF_IRDA = 23;
inline constexpr int AF_PPPOX = 24;
inline constexpr int AF_WANPIPE = 25;
inline constexpr int AF_LLC = 26;
inline constexpr int AF_IB = 27;
inline constexpr int AF_MPLS = 28;
inline constexpr int AF_CAN = 29;
inline constexpr int AF_TIPC = 30;
inline constexpr int AF_BLUETOOTH = 31;
inline constexpr int AF_IUCV = 32;
inline constexpr int AF_RXRPC = 33;
inline constexpr int AF_ISDN = 34;
inline constexpr int AF_PHONET = 35;
inline constexpr int AF_IEEE802154 = 36;
inline constexpr int AF_CAIF = 37;
inline constexpr int AF_ALG = 38;
inline constexpr int AF_NFC = 39;
inline constexpr int AF_VSOCK = 40;
inline constexpr int AF_KCM = 41;
inline constexpr int AF_QIPCRTR = 42;
inline constexpr int AF_SMC = 43;
inline constexpr int AF_XDP = 44;
inline constexpr int AF_MCTP = 45;

inline constexpr int SOCK_STREAM = 1;
inline constexpr int SOCK_DGRAM = 2;
inline constexpr int SOCK_RAW = 3;
inline constexpr int SOCK_RDM = 4;
inline constexpr int SOCK_SEQPACKET = 5;
inline constexpr int SOCK_DCCP = 6;
inline constexpr int SOCK_PACKET = 10;
inline constexpr int SOCK_IOC_TYPE = 137;

inline constexpr int SOCK_NONBLOCK = 0x800;
inline constexpr int SOCK_CLOEXEC = 0x80000;

inline constexpr int SOL_IP = 0;
inline constexpr int SOL_SOCKET = 1;
inline constexpr int SOL_TCP = 6;
inline constexpr int SOL_UDP = 17;
inline constexpr int SOL_IPV6 = 41;
inline constexpr int SOL_ICMPV6 = 58;
inline constexpr int SOL_RAW = 255;
inline constexpr int SOL_DECNET = 261;
inline constexpr int SOL_X25 = 262;
inline constexpr int SOL_PACKET = 263;
inline constexpr int SOL_ATM = 264;
inline constexpr int SOL_AAL = 265;
inline constexpr int SOL_IRDA = 266;
inline constexpr int SOL_NETBEUI = 267;
inline constexpr int SOL_LLC = 268;
inline constexpr int SOL_DCCP = 269;
inline constexpr int SOL_NETLINK = 270;
inline constexpr int SOL_TIPC = 271;
inline constexpr int SOL_RXRPC = 272;
inline constexpr int SOL_PPPOL2TP = 273;
inline constexpr int SOL_BLUETOOTH = 274;
inline constexpr int SOL_PNPIPE = 275;
inline constexpr int SOL_RDS = 276;
inline constexpr int SOL_IUCV = 277;
inline constexpr int SOL_CAIF = 278;
inline constexpr int SOL_ALG = 279;
inline constexpr int SOL_NFC = 280;
inline constexpr int SOL_KCM = 281;
inline constexpr int SOL_TLS = 282;
inline constexpr int SOL_XDP = 283;
inline constexpr int SOL_MPTCP = 284;
inline constexpr int SOL_MCTP = 285;
inline constexpr int SOL_SMC = 286;

inline constexpr int SO_EE_ORIGIN_NONE = 0;
inline constexpr int SO_DEBUG = 1;
inline constexpr int SO_EE_CODE_TXTIME_INVALID_PARAM = 1;
inline constexpr int SO_EE_CODE_ZEROCOPY_COPIED = 1;
inline constexpr int SO_EE_ORIGIN_LOCAL = 1;
inline constexpr int SO_EE_RFC4884_FLAG_INVALID = 1;
inline constexpr int SO_EE_CODE_TXTIME_MISSED = 2;
inline constexpr int SO_EE_ORIGIN_ICMP = 2;
inline constexpr int SO_REUSEADDR = 2;
inline constexpr int SO_EE_ORIGIN_ICMP6 = 3;
inline constexpr int SO_TYPE = 3;
inline constexpr int SO_EE_ORIGIN_TIMESTAMPING = 4;
inline constexpr int SO_EE_ORIGIN_TXSTATUS = 4;
inline constexpr int SO_ERROR = 4;
inline constexpr int SO_DONTROUTE = 5;
inline constexpr int SO_EE_ORIGIN_ZEROCOPY = 5;
inline constexpr int SO_BROADCAST = 6;
inline constexpr int SO_EE_ORIGIN_TXTIME = 6;
inline constexpr int SO_SNDBUF = 7;
inline constexpr int SO_RCVBUF = 8;
inline constexpr int SO_KEEPALIVE = 9;
inline constexpr int SO_OOBINLINE = 10;
inline constexpr int SO_NO_CHECK = 11;
inline constexpr int SO_PRIORITY = 12;
inline constexpr int SO_LINGER = 13;
inline constexpr int SO_BSDCOMPAT = 14;
inline constexpr int SO_REUSEPORT = 15;
inline constexpr int SO_PASSCRED = 16;
inline constexpr int SO_PEERCRED = 17;
inline constexpr int SO_RCVLOWAT = 18;
inline constexpr int SO_SNDLOWAT = 19;
inline constexpr int SO_RCVTIMEO = 20;
inline constexpr int SO_RCVTIMEO_OLD = 20;
inline constexpr int SO_SNDTIMEO = 21;
inline constexpr int SO_SNDTIMEO_OLD = 21;
inline constexpr int SO_SECURITY_AUTHENTICATION = 22;
inline constexpr int SO_SECURITY_ENCRYPTION_TRANSPORT = 23;
inline constexpr int SO_SECURITY_ENCRYPTION_NETWORK = 24;
inline constexpr int SO_BINDTODEVICE = 25;
inline constexpr int SO_ATTACH_FILTER = 26;
inline constexpr int SO_GET_FILTER = 26;
inline constexpr int SO_DETACH_BPF = 27;
inline constexpr int SO_DETACH_FILTER = 27;
inline constexpr int SO_PEERNAME = 28;
inline constexpr int SO_TIMESTAMP = 29;
inline constexpr int SO_TIMESTAMP_OLD = 29;
inline constexpr int SO_ACCEPTCONN = 30;
inline constexpr int SO_PEERSEC = 31;
inline constexpr int SO_SNDBUFFORCE = 32;
inline constexpr int SO_RCVBUFFORCE = 33;
inline constexpr int SO_PASSSEC = 34;
inline constexpr int SO_TIMESTAMPNS = 35;
inline constexpr int SO_TIMESTAMPNS_OLD = 35;
inline constexpr int SO_MARK = 36;
inline constexpr int SO_TIMESTAMPING = 37;
inline constexpr int SO_TIMESTAMPING_OLD = 37;
inline constexpr int SO_PROTOCOL = 38;
inline constexpr int SO_DOMAIN = 39;
inline constexpr int SO_RXQ_OVFL = 40;
inline constexpr int SO_WIFI_STATUS = 41;
inline constexpr int SO_PEEK_OFF = 42;
inline constexpr int SO_NOFCS = 43;
inline constexpr int SO_LOCK_FILTER = 44;
inline constexpr int SO_SELECT_ERR_QUEUE = 45;
inline constexpr int SO_BUSY_POLL = 46;
inline constexpr int SO_MAX_PACING_RATE = 47;
inline constexpr int SO_BPF_EXTENSIONS = 48;
inline constexpr int SO_INCOMING_CPU = 49;
inline constexpr int SO_ATTACH_BPF = 50;
inline constexpr int SO_ATTACH_REUSEPORT_CBPF = 51;
inline constexpr int SO_ATTACH_REUSEPORT_EBPF = 52;
inline constexpr int SO_CNX_ADVICE = 53;
inline constexpr int SO_MEMINFO = 55;
inline constexpr int SO_INCOMING_NAPI_ID = 56;
inline constexpr int SO_COOKIE = 57;
inline constexpr int SO_PEERGROUPS = 59;
inline constexpr int SO_ZEROCOPY = 60;
inline constexpr int SO_TXTIME = 61;
inline constexpr int SO_BINDTOIFINDEX = 62;
inline constexpr int SO_TIMESTAMP_NEW = 63;
inline constexpr int SO_TIMESTAMPNS_NEW = 64;
inline constexpr int SO_TIMESTAMPING_NEW = 65;
inline constexpr int SO_RCVTIMEO_NEW = 66;
inline constexpr int SO_SNDTIMEO_NEW = 67;
inline constexpr int SO_DETACH_REUSEPORT_BPF = 68;
inline constexpr int SO_PREFER_BUSY_POLL = 69;
inline constexpr int SO_BUSY_POLL_BUDGET = 70;
inline constexpr int SO_NETNS_COOKIE = 71;
inline constexpr int SO_BUF_LOCK = 72;
inline constexpr int SO_RESERVE_MEM = 73;
inline constexpr int SO_TXREHASH = 74;
inline constexpr int SO_RCVMARK = 75;

inline constexpr int MSG_OOB = 0x1;
inline constexpr int MSG_PEEK = 0x2;
inline constexpr int MSG_DONTROUTE = 0x4;
inline constexpr int MSG_TRYHARD = 0x4;
inline constexpr int MSG_CTRUNC = 0x8;
inline constexpr int MSG_PROXY = 0x10;
inline constexpr int MSG_TRUNC = 0x20;
inline constexpr int MSG_DONTWAIT = 0x40;
inline constexpr int MSG_EOR = 0x80;
inline constexpr int MSG_WAITALL = 0x100;
inline constexpr int MSG_FIN = 0x200;
inline constexpr int MSG_SYN = 0x400;
inline constexpr int MSG_CONFIRM = 0x800;
inline constexpr int MSG_RST = 0x1000;
inline constexpr int MSG_ERRQUEUE = 0x2000;
inline constexpr int MSG_NOSIGNAL = 0x4000;
inline constexpr int MSG_MORE = 0x8000;
inline constexpr int MSG_WAITFORONE = 0x10000;
inline constexpr int MSG_BATCH = 0x40000;
inline constexpr int MSG_ZEROCOPY = 0x4000000;
inline constexpr int MSG_FASTOPEN = 0x20000000;
inline constexpr int MSG_CMSG_CLOEXEC = 0x40000000;

inline constexpr int SHUT_RD = 0;
inline constexpr int SHUT_WR = 1;
inline constexpr int SHUT_RDWR = 2;

inline constexpr int SCM_RIGHTS = 1;
inline constexpr int SCM_CREDENTIALS = 2;
inline constexpr int SCM_TIMESTAMP = 29;
inline constexpr int SCM_TIMESTAMPNS = 35;
inline constexpr int SCM_TIMESTAMPING = 37;
inline constexpr int SCM_TIMESTAMPING_OPT_STATS = 54;
inline constexpr int SCM_TIMESTAMPING_PKTINFO = 58;

inline constexpr int SOMAXCONN = 4096;

inline constexpr int UIO_MAXIOV = 1024;

inline constexpr int IPPROTO_HOPOPTS = 0;
inline constexpr int IPPROTO_IP = 0;
inline constexpr int IPPROTO_ICMP = 1;
inline constexpr int IPPROTO_IGMP = 2;
inline constexpr int IPPROTO_IPIP = 4;
inline constexpr int IPPROTO_TCP = 6;
inline constexpr int IPPROTO_EGP = 8;
inline constexpr int IPPROTO_PUP = 12;
inline constexpr int IPPROTO_UDP = 17;
inline constexpr int IPPROTO_IDP = 22;
inline constexpr int IPPROTO_TP = 29;
inline constexpr int IPPROTO_DCCP = 33;
inline constexpr int IPPROTO_IPV6 = 41;
inline constexpr int IPPROTO_ROUTING = 43;
inline constexpr int IPPROTO_FRAGMENT = 44;
inline constexpr int IPPROTO_RSVP = 46;
inline constexpr int IPPROTO_GRE = 47;
inline constexpr int IPPROTO_ESP = 50;
inline constexpr int IPPROTO_AH = 51;
inline constexpr int IPPROTO_ICMPV6 = 58;
inline constexpr int IPPROTO_NONE = 59;
inline constexpr int IPPROTO_DSTOPTS = 60;
inline constexpr int IPPROTO_MTP = 92;
inline constexpr int IPPROTO_BEETPH = 94;
inline constexpr int IPPROTO_ENCAP = 98;
inline constexpr int IPPROTO_PIM = 103;
inline constexpr int IPPROTO_COMP = 108;
inline constexpr int IPPROTO_SCTP = 132;
inline constexpr int IPPROTO_MH = 135;
inline constexpr int IPPROTO_UDPLITE = 136;
inline constexpr int IPPROTO_MPLS = 137;
inline constexpr int IPPROTO_ETHERNET = 143;
inline constexpr int IPPROTO_RAW = 255;
inline constexpr int IPPROTO_MPTCP = 262;

inline constexpr int IP_TOS = 1;
inline constexpr int IP_TTL = 2;
inline constexpr int IP_HDRINCL = 3;
inline constexpr int IP_OPTIONS = 4;
inline constexpr int IP_ROUTER_ALERT = 5;
inline constexpr int IP_RECVOPTS = 6;
inline constexpr int IP_RECVRETOPTS = 7;
inline constexpr int IP_RETOPTS = 7;
inline constexpr int IP_PKTINFO = 8;
inline constexpr int IP_PKTOPTIONS = 9;
inline constexpr int IP_MTU_DISCOVER = 10;
inline constexpr int IP_RECVERR = 11;
inline constexpr int IP_RECVTTL = 12;
inline constexpr int IP_RECVTOS = 13;
inline constexpr int IP_MTU = 14;
inline constexpr int IP_FREEBIND = 15;
inline constexpr int IP_IPSEC_POLICY = 16;
inline constexpr int IP_XFRM_POLICY = 17;
inline constexpr int IP_PASSSEC = 18;
inline constexpr int IP_TRANSPARENT = 19;
inline constexpr int IP_ORIGDSTADDR = 20;
inline constexpr int IP_RECVORIGDSTADDR = 20;
inline constexpr int IP_MINTTL = 21;
inline constexpr int IP_NODEFRAG = 22;
inline constexpr int IP_CHECKSUM = 23;
inline constexpr int IP_BIND_ADDRESS_NO_PORT = 24;
inline constexpr int IP_RECVFRAGSIZE = 25;
inline constexpr int IP_RECVERR_RFC4884 = 26;
inline constexpr int IP_MULTICAST_IF = 32;
inline constexpr int IP_MULTICAST_TTL = 33;
inline constexpr int IP_MULTICAST_LOOP = 34;
inline constexpr int IP_ADD_MEMBERSHIP = 35;
inline constexpr int IP_DROP_MEMBERSHIP = 36;
inline constexpr int IP_MULTICAST_ALL = 49;
inline constexpr int IP_UNICAST_IF = 50;

inline constexpr int IP_PMTUDISC_DONT = 0;
inline constexpr int IP_PMTUDISC_WANT = 1;
inline constexpr int IP_PMTUDISC_DO = 2;
inline constexpr int IP_PMTUDISC_PROBE = 3;
inline constexpr int IP_PMTUDISC_INTERFACE = 4;
inline constexpr int IP_PMTUDISC_OMIT = 5;
inline constexpr int IP_UNBLOCK_SOURCE = 37;
inline constexpr int IP_BLOCK_SOURCE = 38;
inline constexpr int IP_ADD_SOURCE_MEMBERSHIP = 39;
inline constexpr int IP_DROP_SOURCE_MEMBERSHIP = 40;
inline constexpr int IP_MSFILTER = 41;

inline constexpr int IPV6_ADDRFORM = 1;
inline constexpr int IPV6_2292PKTINFO = 2;
inline constexpr int IPV6_2292HOPOPTS = 3;
inline constexpr int IPV6_2292DSTOPTS = 4;
inline constexpr int IPV6_2292RTHDR = 5;
inline constexpr int IPV6_2292PKTOPTIONS = 6;
inline constexpr int IPV6_CHECKSUM = 7;
inline constexpr int IPV6_2292HOPLIMIT = 8;
inline constexpr int IPV6_NEXTHOP = 9;
inline constexpr int IPV6_AUTHHDR = 10;
inline constexpr int IPV6_UNICAST_HOPS = 16;
inline constexpr int IPV6_MULTICAST_IF = 17;
inline constexpr int IPV6_MULTICAST_HOPS = 18;
inline constexpr int IPV6_MULTICAST_LOOP = 19;
inline constexpr int IPV6_ADD_MEMBERSHIP = 20;
inline constexpr int IPV6_JOIN_GROUP = 20;
inline constexpr int IPV6_DROP_MEMBERSHIP = 21;
inline constexpr int IPV6_LEAVE_GROUP = 21;
inline constexpr int IPV6_ROUTER_ALERT = 22;
inline constexpr int IPV6_MTU_DISCOVER = 23;
inline constexpr int IPV6_MTU = 24;
inline constexpr int IPV6_RECVERR = 25;
inline constexpr int IPV6_V6ONLY = 26;
inline constexpr int IPV6_JOIN_ANYCAST = 27;
inline constexpr int IPV6_LEAVE_ANYCAST = 28;
inline constexpr int IPV6_MULTICAST_ALL = 29;
inline constexpr int IPV6_ROUTER_ALERT_ISOLATE = 30;
inline constexpr int IPV6_RECVERR_RFC4884 = 31;
inline constexpr int IPV6_IPSEC_POLICY = 34;
inline constexpr int IPV6_XFRM_POLICY = 35;
inline constexpr int IPV6_HDRINCL = 36;
inline constexpr int IPV6_RECVPKTINFO = 49;
inline constexpr int IPV6_PKTINFO = 50;
inline constexpr int IPV6_RECVHOPLIMIT = 51;
inline constexpr int IPV6_HOPLIMIT = 52;
inline constexpr int IPV6_RECVHOPOPTS = 53;
inline constexpr int IPV6_HOPOPTS = 54;
inline constexpr int IPV6_RTHDRDSTOPTS = 55;
inline constexpr int IPV6_RECVRTHDR = 56;
inline constexpr int IPV6_RTHDR = 57;
inline constexpr int IPV6_RECVDSTOPTS = 58;
inline constexpr int IPV6_DSTOPTS = 59;
inline constexpr int IPV6_RECVPATHMTU = 60;
inline constexpr int IPV6_PATHMTU = 61;
inline constexpr int IPV6_DONTFRAG = 62;
inline constexpr int IPV6_RECVTCLASS = 66;
inline constexpr int IPV6_TCLASS = 67;
inline constexpr int IPV6_AUTOFLOWLABEL = 70;
inline constexpr int IPV6_ADDR_PREFERENCES = 72;
inline constexpr int IPV6_MINHOPCOUNT = 73;
inline constexpr int IPV6_ORIGDSTADDR = 74;
inline constexpr int IPV6_RECVORIGDSTADDR = 74;
inline constexpr int IPV6_TRANSPARENT = 75;
inline constexpr int IPV6_UNICAST_IF = 76;
inline constexpr int IPV6_RECVFRAGSIZE = 77;
inline constexpr int IPV6_FREEBIND = 78;

inline constexpr int TCP_NODELAY = 1;
inline constexpr int TCP_MAXSEG = 2;
inline constexpr int TCP_CORK = 3;
inline constexpr int TCP_KEEPIDLE = 4;
inline constexpr int TCP_KEEPINTVL = 5;
inline constexpr int TCP_KEEPCNT = 6;
inline constexpr int TCP_SYNCNT = 7;
inline constexpr int TCP_LINGER2 = 8;
inline constexpr int TCP_DEFER_ACCEPT = 9;
inline constexpr int TCP_WINDOW_CLAMP = 10;
inline constexpr int TCP_INFO = 11;
inline constexpr int TCP_QUICKACK = 12;
inline constexpr int TCP_CONGESTION = 13;
inline constexpr int TCP_MD5SIG = 14;
inline constexpr int TCP_THIN_LINEAR_TIMEOUTS = 16;
inline constexpr int TCP_THIN_DUPACK = 17;
inline constexpr int TCP_USER_TIMEOUT = 18;
inline constexpr int TCP_REPAIR = 19;
inline constexpr int TCP_FASTOPEN = 23;
inline constexpr int TCP_TIMESTAMP = 24;
inline constexpr int TCP_NOTSENT_LOWAT = 25;
inline constexpr int TCP_CC_INFO = 26;
inline constexpr int TCP_SAVE_SYN = 27;
inline constexpr int TCP_SAVED_SYN = 28;
inline constexpr int TCP_FASTOPEN_CONNECT = 30;
inline constexpr int TCP_ULP = 31;
inline constexpr int TCP_FASTOPEN_KEY = 33;
inline constexpr int TCP_FASTOPEN_NO_COOKIE = 34;
inline constexpr int TCP_ZEROCOPY_RECEIVE = 35;
inline constexpr int TCP_CM_INQ = 36;
inline constexpr int TCP_INQ = 36;
inline constexpr int TCP_TX_DELAY = 37;

inline constexpr int UDP_CORK = 1;
inline constexpr int UDP_ENCAP = 100;
inline constexpr int UDP_NO_CHECK6_TX = 101;
inline constexpr int UDP_NO_CHECK6_RX = 102;
inline constexpr int UDP_SEGMENT = 103;
inline constexpr int UDP_GRO = 104;

inline constexpr int TCP_ESTABLISHED = 1;
inline constexpr int TCP_SYN_SENT = 2;
inline constexpr int TCP_SYN_RECV = 3;
inline constexpr int TCP_FIN_WAIT1 = 4;
inline constexpr int TCP_FIN_WAIT2 = 5;
inline constexpr int TCP_TIME_WAIT = 6;
inline constexpr int TCP_CLOSE = 7;
inline constexpr int TCP_CLOSE_WAIT = 8;
inline constexpr int TCP_LAST_ACK = 9;
inline constexpr int TCP_LISTEN = 10;
inline constexpr int TCP_CLOSING = 11;

} // namespace constants

struct SockAddr {
    uint16_t family;
    char data[14];
};
static_assert(sizeof(SockAddr) == 16);
struct InAddr {
    uint32_t addr; // network order
};
struct SockAddrIn {
    uint16_t family;
    uint16_t port; // network order
    InAddr addr;
    uint8_t zero[8];
};
static_assert(sizeof(SockAddrIn) == 16);
struct In6Addr {
    uint8_t bytes[16];
};
struct SockAddrIn6 {
    uint16_t family, port;
    uint32_t flowinfo;
    In6Addr addr;
    uint32_t scope_id;
};
static_assert(sizeof(SockAddrIn6) == 28);
struct SockAddrUn {
    uint16_t family;
    char path[108];
};
static_assert(sizeof(SockAddrUn) == 110);
struct SockAddrNl {
    uint16_t family, pad;
    uint32_t pid, groups;
};
static_assert(sizeof(SockAddrNl) == 12);
struct SockAddrLl {
    uint16_t family, protocol;
    int32_t ifindex;
    uint16_t hatype;
    uint8_t pkttype, halen, addr[8];
};
static_assert(sizeof(SockAddrLl) == 20);
struct SockAddrStorage {
    uint16_t family;
    char data[126];
};
static_assert(sizeof(SockAddrStorage) == 128);

struct MsgHdr {
    uint64_t name;
    int32_t namelen, pad0;
    uint64_t iov, iovlen, control, controllen;
    uint32_t flags, pad1;
};
static_assert(sizeof(MsgHdr) == 56);
struct MmsgHdr {
    MsgHdr hdr;
    uint32_t len, pad;
};
static_assert(sizeof(MmsgHdr) == 64);
struct CmsgHdr {
    uint64_t len;
    int32_t level, type;
};
static_assert(sizeof(CmsgHdr) == 16);
constexpr uint64_t cmsg_align(uint64_t n) { return (n + 7) & ~uint64_t(7); }

struct Ucred {
    int32_t pid;
    uint32_t uid, gid;
};
static_assert(sizeof(Ucred) == 12);
struct Linger {
    int32_t onoff, linger; // seconds
};
struct IpMreq {
    InAddr multiaddr, interface;
};
struct IpMreqn {
    InAddr multiaddr, address;
    int32_t ifindex;
};
struct Ipv6Mreq {
    In6Addr multiaddr;
    int32_t ifindex;
};
struct InPktinfo {
    int32_t ifindex;
    InAddr spec_dst, addr;
};
struct In6Pktinfo {
    In6Addr addr;
    uint32_t ifindex;
};
static_assert(sizeof(IpMreqn) == 12 && sizeof(Ipv6Mreq) == 20 && sizeof(InPktinfo) == 12 &&
              sizeof(In6Pktinfo) == 20 && sizeof(Linger) == 8);

/// struct tcp_info up to tcpi_total_retrans, the part that every release has.
struct TcpInfo {
    uint8_t state, ca_state, retransmits, probes, backoff, options, wscale, delivery_rate_app_limited;
    uint32_t rto, ato, snd_mss, rcv_mss; // rto and ato in microseconds
    uint32_t unacked, sacked, lost, retrans, fackets;
    uint32_t last_data_sent, last_ack_sent, last_data_recv, last_ack_recv; // milliseconds
    uint32_t pmtu, rcv_ssthresh, rtt, rttvar, snd_ssthresh, snd_cwnd, advmss, reordering;
    uint32_t rcv_rtt, rcv_space, total_retrans;
};
static_assert(sizeof(TcpInfo) == 104);
} // namespace linnet::abi
