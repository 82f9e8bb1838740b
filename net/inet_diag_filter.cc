#include "net/inet_diag_filter.h"

#include "linux-abi/sock_diag.h"

namespace linnet {

namespace {

template <class T>
T read_at(std::span<const u8> bytes, size_t at) {
    T v;
    memcpy(&v, bytes.data() + at, sizeof v);
    return v;
}

/// Bytes of an address in a condition for this family; -1: no such family.
int address_bytes(u8 family) {
    switch (family) {
    case AF_UNSPEC: return 0;
    case AF_INET: return 4;
    case AF_INET6: return 16;
    }
    return -1;
}

/// A step with what belongs to it. EINVAL, EPERM
Result<size_t> step_size(std::span<const u8> rest, bool net_admin) {
    size_t size = sizeof(abi::InetDiagOp);
    switch (rest[0]) {
    case abi::kDiagNop:
    case abi::kDiagJmp:
    case abi::kDiagAuto: break;
    case abi::kDiagSourceGe:
    case abi::kDiagSourceLe:
    case abi::kDiagSourceEq:
    case abi::kDiagDestGe:
    case abi::kDiagDestLe:
    case abi::kDiagDestEq: size += sizeof(abi::InetDiagOp); break; // the port is the `no` of a step of its own
    case abi::kDiagDeviceCond: size += sizeof(u32); break;
    case abi::kDiagCgroupCond: size += sizeof(u64); break;
    case abi::kDiagMarkCond: return net_admin ? EINVAL : EPERM; // marks are not known here, as before Linux 4.9
    case abi::kDiagSourceCond:
    case abi::kDiagDestCond: {
        size += sizeof(abi::InetDiagHostCond);
        if (rest.size() < size) return EINVAL;
        auto c = read_at<abi::InetDiagHostCond>(rest, sizeof(abi::InetDiagOp));
        int address = address_bytes(c.family);
        if (address < 0 || c.prefix_len > 8 * address) return EINVAL;
        size += static_cast<size_t>(address);
        break;
    }
    default: return EINVAL;
    }
    if (rest.size() < size) return EINVAL;
    return size;
}

bool same_prefix(const u8* a, const u8* b, u32 bits) {
    if (memcmp(a, b, bits / 8) != 0) return false;
    return bits % 8 == 0 || ((a[bits / 8] ^ b[bits / 8]) >> (8 - bits % 8)) == 0;
}

bool host_matches(std::span<const u8> rest, const InetSocketInfo& s, const SocketAddress& side) {
    auto c = read_at<abi::InetDiagHostCond>(rest, sizeof(abi::InetDiagOp));
    if (c.port != -1 && c.port != side.port) return false;
    const u8* wanted = rest.data() + sizeof(abi::InetDiagOp) + sizeof(abi::InetDiagHostCond);
    const u8* address = s.v6 ? side.ip.bytes : side.ip.bytes + 12;
    if (c.family != AF_UNSPEC && c.family != (s.v6 ? AF_INET6 : AF_INET))
        // An IPv4 address of an IPv6 socket
        return s.v6 && c.family == AF_INET && side.ip.is_v4() && same_prefix(side.ip.bytes + 12, wanted, c.prefix_len);
    return c.family == AF_UNSPEC || same_prefix(address, wanted, c.prefix_len);
}

} // namespace

Result<void> check_inet_diag_filter(std::span<const u8> program, bool net_admin) {
    if (program.size() < sizeof(abi::InetDiagOp)) return EINVAL;
    // First the steps in a row, and where each starts: a bit for four bytes.
    Vec<u32> starts;
    TRY(starts.resize(program.size() / 128 + 1));
    for (size_t at = 0; at < program.size();) {
        std::span<const u8> rest = program.subspan(at);
        if (rest.size() < sizeof(abi::InetDiagOp)) return EINVAL;
        size_t least = TRY(step_size(rest, net_admin));
        auto op = read_at<abi::InetDiagOp>(rest, 0);
        if (op.yes < least || op.yes > rest.size() || op.yes % 4) return EINVAL; // only `no` may lead to the end that refuses
        if (op.code != abi::kDiagNop && (op.no < least || op.no > rest.size() + 4 || op.no % 4)) return EINVAL;
        starts[at / 128] |= 1u << at / 4 % 32;
        at += op.yes;
    }
    for (size_t at = 0; at < program.size();) {
        auto op = read_at<abi::InetDiagOp>(program, at);
        size_t to = at + op.no;
        if (op.code != abi::kDiagNop && to < program.size() && !(starts[to / 128] >> to / 4 % 32 & 1)) return EINVAL;
        at += op.yes;
    }
    return {};
}

bool inet_diag_filter_accepts(std::span<const u8> program, const InetSocketInfo& s) {
    size_t at = 0;
    while (at < program.size()) {
        std::span<const u8> rest = program.subspan(at);
        auto op = read_at<abi::InetDiagOp>(rest, 0);
        auto port = [&] { return read_at<abi::InetDiagOp>(rest, sizeof op).no; };
        bool yes = true;
        switch (op.code) {
        case abi::kDiagNop: break;
        case abi::kDiagJmp: yes = false; break;
        case abi::kDiagSourceGe: yes = s.local.port >= port(); break;
        case abi::kDiagSourceLe: yes = s.local.port <= port(); break;
        case abi::kDiagSourceEq: yes = s.local.port == port(); break;
        case abi::kDiagDestGe: yes = s.remote.port >= port(); break;
        case abi::kDiagDestLe: yes = s.remote.port <= port(); break;
        case abi::kDiagDestEq: yes = s.remote.port == port(); break;
        case abi::kDiagAuto: yes = !s.port_chosen; break;
        case abi::kDiagSourceCond: yes = host_matches(rest, s, s.local); break;
        case abi::kDiagDestCond: yes = host_matches(rest, s, s.remote); break;
        case abi::kDiagDeviceCond: yes = read_at<u32>(rest, sizeof op) == s.interface; break;
        case abi::kDiagCgroupCond: yes = false; break; // there are no control groups
        }
        at += yes ? op.yes : op.no;
    }
    return at == program.size();
}

} // namespace linnet
