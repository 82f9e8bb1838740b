// Netlink messages in strace's format: the header in full, of NETLINK_ROUTE's families what glibc, ip and ss ask for. The rest is quoted.
#include "linux-abi/netif.h"
#include "linux-abi/trace_call.h"
#include "linux-abi/trace_fields.h"

namespace linnet::abi {
namespace {

#define N(name) {#name, static_cast<uint64_t>(name)}
constexpr ValueName route_types[] = {
    N(NLMSG_NOOP), N(NLMSG_ERROR), N(NLMSG_DONE), N(NLMSG_OVERRUN), N(RTM_NEWLINK), N(RTM_DELLINK), N(RTM_GETLINK), N(RTM_SETLINK), N(RTM_NEWADDR), N(RTM_DELADDR),
    N(RTM_GETADDR), N(RTM_NEWROUTE), N(RTM_DELROUTE), N(RTM_GETROUTE), N(RTM_NEWNEIGH), N(RTM_DELNEIGH), N(RTM_GETNEIGH), N(RTM_NEWRULE), N(RTM_DELRULE), N(RTM_GETRULE),
    N(RTM_NEWQDISC), N(RTM_DELQDISC), N(RTM_GETQDISC), N(RTM_GETNSID), N(RTM_NEWNSID),
};
constexpr ValueName request_flags[] = {N(NLM_F_REQUEST), N(NLM_F_MULTI), N(NLM_F_ACK), N(NLM_F_ECHO), N(NLM_F_DUMP_INTR), N(NLM_F_DUMP_FILTERED)};
constexpr ValueName get_flags[] = {N(NLM_F_DUMP), N(NLM_F_ROOT), N(NLM_F_MATCH), N(NLM_F_ATOMIC)};
constexpr ValueName new_flags[] = {N(NLM_F_REPLACE), N(NLM_F_EXCL), N(NLM_F_CREATE), N(NLM_F_APPEND)};
constexpr ValueName delete_flags[] = {N(NLM_F_NONREC), N(NLM_F_BULK)};
constexpr ValueName ack_flags[] = {N(NLM_F_CAPPED), N(NLM_F_ACK_TLVS)};
#undef N

struct Header {
    uint32_t len;
    uint16_t type, flags;
    uint32_t seq, pid;
};

/// get, new, delete or set, as the type's low bits say.
std::span<const ValueName> flags_of(uint16_t type) {
    if (type == NLMSG_ERROR || type == NLMSG_DONE) return ack_flags;
    if (type < NLMSG_MIN_TYPE) return {};
    switch (type & 3) {
    case 0: return new_flags;
    case 1: return delete_flags;
    case 2: return get_flags;
    default: return {};
    }
}

void put_header(TraceText& out, const Header& h) {
    Fields f(out);
    f.udec("nlmsg_len", h.len);
    put_enum(f.name("nlmsg_type"), {route_types, h.type < NLMSG_MIN_TYPE ? "NLMSG_?\??" : "RTM_?\??", nullptr}, h.type);
    TraceText& flags = f.name("nlmsg_flags");
    uint64_t left = h.flags;
    const char* separator = "";
    for (std::span<const ValueName> names : {std::span<const ValueName>(request_flags), flags_of(h.type)}) {
        for (const ValueName& n : names) {
            if ((left & n.value) != n.value) continue;
            flags.put(separator);
            flags.put(n.name);
            left &= ~n.value;
            separator = "|";
        }
    }
    if (left || !*separator) {
        flags.put(separator);
        flags.hex(left);
    }
    f.udec("nlmsg_seq", h.seq);
    f.udec("nlmsg_pid", h.pid);
}

constexpr ValueName scopes[] = {{"RT_SCOPE_UNIVERSE", 0}, {"RT_SCOPE_SITE", 200}, {"RT_SCOPE_LINK", 253}, {"RT_SCOPE_HOST", 254}, {"RT_SCOPE_NOWHERE", 255}};

constexpr ValueName hardware_types[] = {{"ARPHRD_NETROM", 0}, {"ARPHRD_ETHER", 1}, {"ARPHRD_TUNNEL", 768}, {"ARPHRD_LOOPBACK", 772}, {"ARPHRD_SIT", 776}, {"ARPHRD_VOID", 0xffff}, {"ARPHRD_NONE", 0xfffe}};
constexpr ValueName link_flags[] = {
    {"IFF_UP", 1}, {"IFF_BROADCAST", 2}, {"IFF_DEBUG", 4}, {"IFF_LOOPBACK", 8}, {"IFF_POINTOPOINT", 16}, {"IFF_NOTRAILERS", 32}, {"IFF_RUNNING", 64}, {"IFF_NOARP", 128}, {"IFF_PROMISC", 256},
    {"IFF_ALLMULTI", 512}, {"IFF_MASTER", 1024}, {"IFF_SLAVE", 2048}, {"IFF_MULTICAST", 4096}, {"IFF_PORTSEL", 8192}, {"IFF_AUTOMEDIA", 16384}, {"IFF_DYNAMIC", 32768}, {"IFF_LOWER_UP", 65536},
    {"IFF_DORMANT", 131072}, {"IFF_ECHO", 262144},
};

void put_payload(TraceText& out, const Header& h, uint64_t at, uint64_t size, MemoryReader& memory, bool inner);

void put_message(TraceText& out, const Header& h, uint64_t at, uint64_t size, MemoryReader& memory, bool inner) {
    if (size <= sizeof h) return put_header(out, h);
    out.put('[');
    put_header(out, h);
    out.put(", ");
    put_payload(out, h, at + sizeof h, size - sizeof h, memory, inner);
    out.put(']');
}

void put_error_message(TraceText& out, uint64_t at, uint64_t size, MemoryReader& memory) {
    int32_t error;
    if (!memory.read(at, &error, sizeof error)) return out.address(at);
    Fields f(out);
    TraceText& e = f.name("error");
    const char* name = error < 0 ? errno_name(static_cast<Errno>(-error)) : nullptr;
    if (name) {
        e.put('-');
        e.put(name);
    } else {
        e.decimal(error);
    }
    Header inner;
    if (size >= 4 + sizeof inner && memory.read(at + 4, &inner, sizeof inner))
        put_message(f.name("msg"), inner, at + 4, inner.len < size - 4 ? inner.len : size - 4, memory, true);
}

/// The message of an address: family, prefix, and attributes; a short request shows the family alone.
void put_address_message(TraceText& out, uint64_t at, uint64_t size, MemoryReader& memory) {
    struct {
        uint8_t family, prefix, flags, scope;
        uint32_t index;
    } m;
    if (!memory.read(at, &m, sizeof m)) return out.address(at);
    {
        Fields f(out);
        f.enumerated("ifa_family", NameTable::sock_family, m.family);
        f.udec("ifa_prefixlen", m.prefix);
        put_address_flags(f.name("ifa_flags"), m.flags);
        put_enum(f.name("ifa_scope"), {scopes, "RT_SCOPE_?\??", nullptr}, m.scope);
        put_interface_index(f.name("ifa_index"), m.index);
    }
    if (size <= sizeof m) return;
    out.put(", ");
    put_address_attributes(out, m.family, at + sizeof m, size - sizeof m, memory);
}

/// The message of an interface, the same way.
void put_link_message(TraceText& out, uint64_t at, uint64_t size, MemoryReader& memory) {
    struct {
        uint8_t family, pad;
        uint16_t type;
        uint32_t index, flags, change;
    } m;
    if (!memory.read(at, &m, sizeof m)) return out.address(at);
    {
        Fields f(out);
        f.enumerated("ifi_family", NameTable::sock_family, m.family);
        put_enum(f.name("ifi_type"), {hardware_types, "ARPHRD_?\??", nullptr}, m.type);
        put_interface_index(f.name("ifi_index"), m.index);
        put_flags(f.name("ifi_flags"), {link_flags, "IFF_?\??", nullptr}, m.flags);
        put_flags(f.name("ifi_change"), {link_flags, "IFF_?\??", nullptr}, m.change);
    }
    if (size <= sizeof m) return;
    out.put(", ");
    put_link_attributes(out, at + sizeof m, size - sizeof m, memory);
}

void put_payload(TraceText& out, const Header& h, uint64_t at, uint64_t size, MemoryReader& memory, bool inner) {
    if (h.type == NLMSG_DONE && size >= 4) {
        int32_t status;
        if (memory.read(at, &status, sizeof status)) out.decimal(status);
        else out.address(at);
        return;
    }
    if (h.type == NLMSG_ERROR && size >= 4 && !inner) return put_error_message(out, at, size, memory);
    const bool address = h.type >= RTM_NEWADDR && h.type <= RTM_GETADDR, link = h.type >= RTM_NEWLINK && h.type <= RTM_SETLINK;
    uint8_t family;
    if (h.type < NLMSG_MIN_TYPE || !memory.read(at, &family, 1)) return put_hex_bytes(out, at, size, memory);
    if (address && size >= 8) return put_address_message(out, at, size, memory);
    if (link && size >= 16) return put_link_message(out, at, size, memory);
    if (address || link) {
        out.put(address ? "{ifa_family=" : "{ifi_family=");
        put_enum(out, NameTable::sock_family, family);
        out.put(", ...}");
        return;
    }
    // Of the other messages the family, and the bytes.
    out.put("{family=");
    put_enum(out, NameTable::sock_family, family);
    if (size > 1) {
        out.put(", data=");
        put_hex_bytes(out, at + 1, size - 1, memory);
    }
    out.put('}');
}

} // namespace

void put_netlink(TraceText& out, uint64_t address, uint64_t length, MemoryReader& memory) {
    Header h;
    if (!address || length < sizeof h || !memory.read(address, &h, sizeof h)) {
        DataHead head(memory);
        const size_t n = length < head.limit ? static_cast<size_t>(length) : head.limit;
        if (address && memory.read(address, head.bytes, n)) put_quoted(out, head.bytes, n, length > n);
        else out.address(address);
        return;
    }
    const bool several = h.len >= sizeof h && ((uint64_t(h.len) + 3) & ~uint64_t(3)) + sizeof h <= length;
    if (several) out.put('[');
    uint64_t at = 0;
    for (unsigned i = 0; at + sizeof h <= length; ++i) {
        if (i) out.put(", ");
        if (i == trace_string_limit || !memory.read(address + at, &h, sizeof h)) {
            out.put("...");
            break;
        }
        const uint64_t size = h.len > length - at ? length - at : h.len;
        put_message(out, h, address + at, size, memory, false);
        if (h.len < sizeof h) break;
        at += (size + 3) & ~uint64_t(3);
    }
    if (several) out.put(']');
}

} // namespace linnet::abi
