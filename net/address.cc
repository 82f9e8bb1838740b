#include "net/address.h"

namespace linnet {

Result<SocketAddress> parse_inet_address(const SockAddrBuffer& in, bool v6) {
    SocketAddress out;
    if (in.length < sizeof(u16)) return EINVAL;
    if (!v6) {
        if (in.length < sizeof(abi::SockAddrIn)) return EINVAL;
        abi::SockAddrIn a;
        memcpy(&a, in.bytes, sizeof a);
        // bind(2) takes AF_UNSPEC with 0.0.0.0 as AF_INET, for old programs.
        if (a.family != AF_INET && !(a.family == AF_UNSPEC && a.addr.addr == 0)) return EAFNOSUPPORT;
        out.ip = IpAddress::v4_of(a.addr.addr);
        out.port = __builtin_bswap16(a.port);
        return out;
    }
    constexpr u32 kRfc2133Length = 24; // without sin6_scope_id
    if (in.family() == AF_INET) {
        // An IPv6 socket may talk to an AF_INET address (connect, sendto); bind refuses it before.
        if (in.length < sizeof(abi::SockAddrIn)) return EINVAL;
        return parse_inet_address(in, false);
    }
    if (in.length < kRfc2133Length) return EINVAL;
    if (in.family() != AF_INET6) return EAFNOSUPPORT;
    abi::SockAddrIn6 a{};
    memcpy(&a, in.bytes, in.length < sizeof a ? kRfc2133Length : sizeof a);
    out.ip = IpAddress::v6_of(a.addr.bytes);
    out.port = __builtin_bswap16(a.port);
    out.scope = a.scope_id;
    return out;
}

void write_inet_address(SockAddrBuffer& out, const SocketAddress& a, bool v6) {
    if (v6) {
        abi::SockAddrIn6 s{};
        s.family = AF_INET6;
        s.port = __builtin_bswap16(a.port);
        // 0.0.0.0 is only ever the wildcard of an IPv6 socket.
        if (!(a.ip.is_v4() && a.ip.is_any())) memcpy(s.addr.bytes, a.ip.bytes, 16);
        s.scope_id = a.ip.is_link_local6() ? a.scope : 0;
        memcpy(out.bytes, &s, sizeof s);
        out.length = sizeof s;
    } else {
        abi::SockAddrIn s{};
        s.family = AF_INET;
        s.port = __builtin_bswap16(a.port);
        s.addr.addr = a.ip.is_v4() ? a.ip.v4() : 0;
        memcpy(out.bytes, &s, sizeof s);
        out.length = sizeof s;
    }
}

namespace {

bool parse_v4(const char*& p, u32& network_order) {
    u8 parts[4];
    for (int i = 0; i < 4; ++i) {
        if (i && *p++ != '.') return false;
        if (*p < '0' || *p > '9') return false;
        u32 v = 0;
        while (*p >= '0' && *p <= '9') {
            v = v * 10 + (*p++ - '0');
            if (v > 255) return false;
        }
        parts[i] = v;
    }
    memcpy(&network_order, parts, 4);
    return true;
}

int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

bool parse_v6(const char*& p, IpAddress& out) {
    u16 words[8];
    int count = 0, gap = -1;
    if (p[0] == ':' && p[1] == ':') {
        gap = 0;
        p += 2;
    }
    while (count < 8 && hex_digit(*p) >= 0) {
        u32 v = 0;
        int digits = 0;
        for (; hex_digit(*p) >= 0; ++p) {
            if (++digits > 4) return false;
            v = v * 16 + hex_digit(*p);
        }
        words[count++] = v;
        if (*p != ':') break;
        if (p[1] == ':') {
            if (gap >= 0) return false;
            gap = count;
            p += 2;
        } else {
            if (hex_digit(p[1]) < 0) return false;
            ++p;
        }
    }
    if (gap < 0 ? count != 8 : count > 7) return false;
    out = {};
    for (int i = 0; i < count; ++i) {
        int at = gap >= 0 && i >= gap ? 8 - count + i : i;
        out.bytes[at * 2] = words[i] >> 8;
        out.bytes[at * 2 + 1] = words[i];
    }
    return true;
}

} // namespace

bool parse_ip_text(const char* text, IpAddress& out, int& prefix) {
    const char* p = text;
    u32 v4;
    int most;
    if (parse_v4(p, v4)) {
        out = IpAddress::v4_of(v4);
        most = 32;
    } else {
        p = text;
        if (!parse_v6(p, out)) return false;
        most = 128;
    }
    prefix = -1;
    if (*p == '/') {
        ++p;
        if (*p < '0' || *p > '9') return false;
        prefix = 0;
        while (*p >= '0' && *p <= '9') {
            prefix = prefix * 10 + (*p++ - '0');
            if (prefix > most) return false;
        }
    }
    return *p == 0;
}

void format_ip(TextBuffer& out, const IpAddress& a) {
    if (a.is_v4()) {
        out.append("%u.%u.%u.%u", a.bytes[12], a.bytes[13], a.bytes[14], a.bytes[15]);
        return;
    }
    u16 words[8];
    for (int i = 0; i < 8; ++i) words[i] = a.bytes[i * 2] << 8 | a.bytes[i * 2 + 1];
    // The longest run of at least two zero words becomes "::" (RFC 5952, 4.2).
    int best = -1, best_length = 1;
    for (int i = 0; i < 8;) {
        int n = 0;
        while (i + n < 8 && words[i + n] == 0) ++n;
        if (n > best_length) best = i, best_length = n;
        i += n ? n : 1;
    }
    for (int i = 0; i < 8; ++i) {
        if (i == best) {
            out.append("::");
            i += best_length - 1;
            continue;
        }
        if (i && !(best >= 0 && i == best + best_length)) out.append(":");
        out.append("%x", words[i]);
    }
}

} // namespace linnet
