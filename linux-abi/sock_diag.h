// Requests and answers of NETLINK_SOCK_DIAG. Source: sock_diag(7), linux/sock_diag.h, linux/inet_diag.h, linux/unix_diag.h,
// linux/netlink_diag.h.
#pragma once

#include <stdint.h>

namespace linnet::abi {

// Message types.
enum : uint16_t { kTcpDiagGetSock = 18, kDccpDiagGetSock = 19, kSockDiagByFamily = 20, kSockDestroy = 21 };

// --- AF_INET, AF_INET6 ---

struct InetDiagSockId {
    uint16_t sport, dport; // network order, as the addresses
    uint8_t src[16], dst[16];
    uint32_t interface;
    uint32_t cookie[2];
};
static_assert(sizeof(InetDiagSockId) == 48);
inline constexpr uint32_t kInetDiagNoCookie = ~0u;

/// TCPDIAG_GETSOCK, the request of before SOCK_DIAG_BY_FAMILY.
struct InetDiagReq {
    uint8_t family, src_len, dst_len, ext;
    InetDiagSockId id;
    uint32_t states, dbs;
};
static_assert(sizeof(InetDiagReq) == 60);
struct InetDiagReqV2 {
    uint8_t family, protocol, ext;
    uint8_t raw_protocol; // of IPPROTO_RAW
    uint32_t states;      // bits by TCP_*
    InetDiagSockId id;
};
static_assert(sizeof(InetDiagReqV2) == 56);
enum : uint16_t { kInetDiagReqBytecode = 1, kInetDiagReqSkBpfStorages = 2, kInetDiagReqProtocol = 3 };

/// A condition of a filter and what follows it: on to `yes` or `no` bytes from here.
struct InetDiagOp {
    uint8_t code, yes;
    uint16_t no;
};
static_assert(sizeof(InetDiagOp) == 4);
enum : uint8_t {
    kDiagNop, kDiagJmp, kDiagSourceGe, kDiagSourceLe, kDiagDestGe, kDiagDestLe, kDiagAuto, kDiagSourceCond, kDiagDestCond,
    kDiagDeviceCond, kDiagMarkCond, kDiagSourceEq, kDiagDestEq, kDiagCgroupCond
};
struct InetDiagHostCond {
    uint8_t family, prefix_len, pad[2];
    int32_t port; // host order; -1: any
                  // then the address: 0, 4 or 16 bytes, by the family
};
static_assert(sizeof(InetDiagHostCond) == 8);

struct InetDiagMsg {
    uint8_t family, state, timer, retransmits;
    InetDiagSockId id;
    uint32_t expires_ms, receive_queue, send_queue, uid, inode;
};
static_assert(sizeof(InetDiagMsg) == 72);
enum : uint16_t {
    kInetDiagInfo = 2, kInetDiagCong = 4, kInetDiagTos = 5, kInetDiagTclass = 6, kInetDiagSkMeminfo = 7, kInetDiagShutdown = 8,
    kInetDiagProtocol = 10, kInetDiagSkV6only = 11
};

// --- AF_UNIX ---

struct UnixDiagReq {
    uint8_t family, protocol;
    uint16_t pad;
    uint32_t states, inode, show;
    uint32_t cookie[2];
};
static_assert(sizeof(UnixDiagReq) == 24);
enum : uint32_t {
    kUnixShowName = 1, kUnixShowVfs = 2, kUnixShowPeer = 4, kUnixShowPending = 8, kUnixShowQueues = 16, kUnixShowUid = 64
};
struct UnixDiagMsg {
    uint8_t family, type, state, pad;
    uint32_t inode, cookie[2];
};
static_assert(sizeof(UnixDiagMsg) == 16);
enum : uint16_t {
    kUnixDiagName = 0, kUnixDiagVfs = 1, kUnixDiagPeer = 2, kUnixDiagPending = 3, kUnixDiagQueues = 4, kUnixDiagShutdown = 6,
    kUnixDiagUid = 7
};
struct UnixDiagVfs {
    uint32_t inode, device;
};
struct UnixDiagQueues {
    uint32_t receive, send;
};

// --- AF_NETLINK ---

struct NetlinkDiagReq {
    uint8_t family, protocol; // 255: all protocols
    uint16_t pad;
    uint32_t inode, show;
    uint32_t cookie[2];
};
static_assert(sizeof(NetlinkDiagReq) == 20);
inline constexpr uint8_t kNetlinkDiagAll = 255;
enum : uint32_t { kNetlinkShowMeminfo = 1, kNetlinkShowGroups = 2 };
struct NetlinkDiagMsg {
    uint8_t family, type, protocol, state; // state: 1 connected
    uint32_t port, peer_port, peer_group, inode, cookie[2];
};
static_assert(sizeof(NetlinkDiagMsg) == 28);
enum : uint16_t { kNetlinkDiagMeminfo = 0, kNetlinkDiagGroups = 1 };

} // namespace linnet::abi
