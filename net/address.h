// IP addresses and sockaddr conversion. One 16-byte form for both families: IPv4 is ::ffff:a.b.c.d.
// Pure functions: built and fuzzed on the host too.
#pragma once

#include <span>

#include "kernel/lib/format.h"
#include "kernel/lib/string.h"
#include "kernel/lib/types.h"
#include "linux-abi/errno.h"
#include "linux-abi/socket.h"

namespace linnet {

struct IpAddress {
    u8 bytes[16] = {};

    static IpAddress any6() { return {}; }
    static IpAddress any4() { return v4_of(0); }
    static IpAddress loopback4() { return v4_of(__builtin_bswap32(0x7f000001)); }
    static IpAddress loopback6() {
        IpAddress a;
        a.bytes[15] = 1;
        return a;
    }
    /// From an address in network order.
    static IpAddress v4_of(u32 network_order) {
        IpAddress a;
        a.bytes[10] = a.bytes[11] = 0xff;
        memcpy(a.bytes + 12, &network_order, 4);
        return a;
    }
    static IpAddress v6_of(const void* sixteen) {
        IpAddress a;
        memcpy(a.bytes, sixteen, 16);
        return a;
    }

    bool operator==(const IpAddress& o) const { return high() == o.high() && low() == o.low(); }
    bool is_v4() const { return high() == 0 && (low() & 0xffffffff) == 0xffff0000; }
    bool is_any() const { return high() == 0 && (low() == 0 || low() == 0xffff0000); }
    bool is_loopback() const { return is_v4() ? bytes[12] == 127 : high() == 0 && low() == 1ull << 56; }
    bool is_multicast() const { return is_v4() ? (bytes[12] & 0xf0) == 0xe0 : bytes[0] == 0xff; }
    bool is_broadcast() const { return is_v4() && v4() == 0xffffffff; }
    bool is_link_local6() const { return bytes[0] == 0xfe && (bytes[1] & 0xc0) == 0x80; }
    /// Network order.
    u32 v4() const {
        u32 v;
        memcpy(&v, bytes + 12, 4);
        return v;
    }
    u64 high() const { return word(0); }
    u64 low() const { return word(8); }

  private:
    u64 word(int at) const {
        u64 v;
        memcpy(&v, bytes + at, 8);
        return v;
    }
};

/// Address, port (host order) and IPv6 scope.
struct SocketAddress {
    IpAddress ip;
    u16 port = 0;
    u32 scope = 0; // interface index of link-local addresses
    bool operator==(const SocketAddress& o) const { return ip == o.ip && port == o.port; }
};

/// A sockaddr as a program handed it in or will get it: raw bytes.
struct SockAddrBuffer {
    alignas(8) u8 bytes[sizeof(abi::SockAddrStorage)];
    u32 length = 0;
    u16 family() const {
        u16 f;
        memcpy(&f, bytes, 2);
        return f;
    }
};

/// EINVAL (too short), EAFNOSUPPORT (another family than the socket's). IPv6 sockets take IPv4-mapped addresses. AF_UNSPEC must
/// be looked at before. `v6`: the socket's family.
Result<SocketAddress> parse_inet_address(const SockAddrBuffer& in, bool v6);
/// As getsockname of an AF_INET or AF_INET6 socket shows it.
void write_inet_address(SockAddrBuffer& out, const SocketAddress& a, bool v6);

/// "10.0.2.15/24", "fe80::1/64", "10.0.2.2": false if malformed. prefix: -1 if none is given.
bool parse_ip_text(const char* text, IpAddress& out, int& prefix);
/// Dotted quad or RFC 5952 form.
void format_ip(TextBuffer& out, const IpAddress& a);

} // namespace linnet
