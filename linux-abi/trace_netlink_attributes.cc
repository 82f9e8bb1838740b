// The attributes of netlink's address and link messages in strace's format. Source: linux/if_addr.h, linux/if_link.h, rtnetlink(7).
#include "linux-abi/socket.h"
#include "linux-abi/trace_call.h"
#include "linux-abi/trace_fields.h"

namespace linnet::abi {
namespace {

constexpr ValueName address_flags[] = {
    {"IFA_F_SECONDARY", 1}, {"IFA_F_NODAD", 2}, {"IFA_F_OPTIMISTIC", 4}, {"IFA_F_DADFAILED", 8}, {"IFA_F_HOMEADDRESS", 16}, {"IFA_F_DEPRECATED", 32}, {"IFA_F_TENTATIVE", 64}, {"IFA_F_PERMANENT", 128},
    {"IFA_F_MANAGETEMPADDR", 256}, {"IFA_F_NOPREFIXROUTE", 512}, {"IFA_F_MCAUTOJOIN", 1024}, {"IFA_F_STABLE_PRIVACY", 2048},
};
constexpr ValueName extension_masks[] = {{"RTEXT_FILTER_VF", 1}, {"RTEXT_FILTER_BRVLAN", 2}, {"RTEXT_FILTER_BRVLAN_COMPRESSED", 4}, {"RTEXT_FILTER_SKIP_STATS", 8}};

enum class Form : uint8_t { bytes, text, number, byte_number, hardware, inet, flags, cache, index, extension, stats, stats64 };
struct Attribute {
    uint16_t type;
    Form form;
    const char* name;
};
constexpr Attribute address_attributes[] = {
    {1, Form::inet, "IFA_ADDRESS"}, {2, Form::inet, "IFA_LOCAL"}, {3, Form::text, "IFA_LABEL"}, {4, Form::inet, "IFA_BROADCAST"}, {5, Form::inet, "IFA_ANYCAST"}, {6, Form::cache, "IFA_CACHEINFO"},
    {7, Form::inet, "IFA_MULTICAST"}, {8, Form::flags, "IFA_FLAGS"},
};
constexpr Attribute link_attributes[] = {
    {1, Form::hardware, "IFLA_ADDRESS"}, {2, Form::hardware, "IFLA_BROADCAST"}, {3, Form::text, "IFLA_IFNAME"}, {4, Form::number, "IFLA_MTU"}, {5, Form::index, "IFLA_LINK"}, {6, Form::text, "IFLA_QDISC"},
    {7, Form::stats, "IFLA_STATS"}, {10, Form::index, "IFLA_MASTER"}, {13, Form::number, "IFLA_TXQLEN"}, {16, Form::byte_number, "IFLA_OPERSTATE"}, {17, Form::byte_number, "IFLA_LINKMODE"},
    {20, Form::text, "IFLA_IFALIAS"}, {23, Form::stats64, "IFLA_STATS64"}, {27, Form::number, "IFLA_GROUP"}, {29, Form::extension, "IFLA_EXT_MASK"}, {30, Form::number, "IFLA_PROMISCUITY"},
    {31, Form::number, "IFLA_NUM_TX_QUEUES"}, {32, Form::number, "IFLA_NUM_RX_QUEUES"}, {33, Form::byte_number, "IFLA_CARRIER"}, {35, Form::number, "IFLA_CARRIER_CHANGES"},
    {39, Form::byte_number, "IFLA_PROTO_DOWN"}, {40, Form::number, "IFLA_GSO_MAX_SEGS"}, {41, Form::number, "IFLA_GSO_MAX_SIZE"}, {47, Form::number, "IFLA_CARRIER_UP_COUNT"},
    {48, Form::number, "IFLA_CARRIER_DOWN_COUNT"}, {50, Form::number, "IFLA_MIN_MTU"}, {51, Form::number, "IFLA_MAX_MTU"}, {54, Form::hardware, "IFLA_PERM_ADDRESS"},
    {58, Form::number, "IFLA_GRO_MAX_SIZE"}, {59, Form::number, "IFLA_TSO_MAX_SIZE"}, {60, Form::number, "IFLA_TSO_MAX_SEGS"}, {61, Form::number, "IFLA_ALLMULTI"},
};
constexpr const char* counters[] = {
    "rx_packets", "tx_packets", "rx_bytes", "tx_bytes", "rx_errors", "tx_errors", "rx_dropped", "tx_dropped", "multicast", "collisions", "rx_length_errors", "rx_over_errors", "rx_crc_errors",
    "rx_frame_errors", "rx_fifo_errors", "rx_missed_errors", "tx_aborted_errors", "tx_carrier_errors", "tx_fifo_errors", "tx_heartbeat_errors", "tx_window_errors", "rx_compressed", "tx_compressed",
    "rx_nohandler", "rx_otherhost_dropped",
};

/// IFLA_STATS' words of 4 bytes and IFLA_STATS64's of 8; older kernels have fewer.
void put_counters(TraceText& out, uint64_t at, uint64_t size, uint64_t width, MemoryReader& memory) {
    Fields f(out);
    for (const char* name : counters) {
        uint64_t v = 0;
        if (size < width || !memory.read(at, &v, static_cast<size_t>(width))) break;
        f.udec(name, v);
        at += width;
        size -= width;
    }
}

void put_hardware(TraceText& out, uint64_t at, uint64_t size, MemoryReader& memory) {
    uint8_t bytes[32];
    if (size > sizeof bytes || !memory.read(at, bytes, static_cast<size_t>(size))) return put_hex_bytes(out, at, size, memory);
    for (uint64_t i = 0; i < size; ++i) {
        if (i) out.put(':');
        out.hex_digits(bytes[i], 2);
    }
}

void put_value(TraceText& out, Form form, uint8_t family, uint64_t at, uint64_t size, MemoryReader& memory) {
    uint8_t bytes[16];
    uint32_t words[4];
    switch (form) {
    case Form::text: return put_user_string(out, at, static_cast<size_t>(size < 256 ? size : 256), memory);
    case Form::number:
        if (size < 4 || !memory.read(at, words, 4)) break;
        return out.unsigned_decimal(words[0]);
    case Form::byte_number:
        if (size < 1 || !memory.read(at, bytes, 1)) break;
        return out.unsigned_decimal(bytes[0]);
    case Form::index:
        if (size < 4 || !memory.read(at, words, 4)) break;
        return put_interface_index(out, words[0]);
    case Form::flags:
        if (size < 4 || !memory.read(at, words, 4)) break;
        return put_address_flags(out, words[0]);
    case Form::extension:
        if (size < 4 || !memory.read(at, words, 4)) break;
        return put_flags(out, {extension_masks, "RTEXT_FILTER_?\??", nullptr}, words[0]);
    case Form::hardware: return put_hardware(out, at, size, memory);
    case Form::inet:
        if (family == AF_INET && size == 4 && memory.read(at, bytes, 4)) return put_inet(out, bytes);
        if (family != AF_INET6 || size != 16 || !memory.read(at, bytes, 16)) break;
        out.put("inet_pton(AF_INET6, \"");
        put_inet6(out, bytes);
        return out.put("\")");
    case Form::cache: {
        if (size != 16 || !memory.read(at, words, 16)) break;
        Fields f(out);
        f.udec("ifa_prefered", words[0]);
        f.udec("ifa_valid", words[1]);
        f.udec("cstamp", words[2]);
        f.udec("tstamp", words[3]);
        return;
    }
    case Form::stats: return put_counters(out, at, size, 4, memory);
    case Form::stats64: return put_counters(out, at, size, 8, memory);
    case Form::bytes: break;
    }
    put_hex_bytes(out, at, size, memory);
}

/// `[{nla_len=8, nla_type=IFA_LOCAL}, inet_addr("127.0.0.1")]`; several in brackets of their own.
void put_attributes(TraceText& out, std::span<const Attribute> known, const char* unknown, uint8_t family, uint64_t at, uint64_t size, MemoryReader& memory) {
    struct {
        uint16_t len, type;
    } a;
    if (size < sizeof a || !memory.read(at, &a, sizeof a)) return put_hex_bytes(out, at, size, memory);
    const auto step = [](uint16_t length) { return (uint64_t(length) + 3) & ~uint64_t(3); };
    const bool several = a.len >= sizeof a && step(a.len) + sizeof a <= size;
    if (several) out.put('[');
    for (unsigned i = 0; size >= sizeof a; ++i) {
        if (i) out.put(", ");
        if (i == trace_string_limit || !memory.read(at, &a, sizeof a) || a.len < sizeof a || a.len > size) {
            out.put("...");
            break;
        }
        const Attribute* found = nullptr;
        for (const Attribute& k : known)
            if (k.type == a.type) found = &k;
        out.put("[{nla_len=");
        out.unsigned_decimal(a.len);
        out.put(", nla_type=");
        if (found) {
            out.put(found->name);
        } else {
            out.hex(a.type);
            out.put(" /* ");
            out.put(unknown);
            out.put(" */");
        }
        out.put('}');
        if (a.len > sizeof a) {
            out.put(", ");
            put_value(out, found ? found->form : Form::bytes, family, at + sizeof a, a.len - sizeof a, memory);
        }
        out.put(']');
        if (step(a.len) >= size) break;
        at += step(a.len);
        size -= step(a.len);
    }
    if (several) out.put(']');
}

} // namespace

void put_address_flags(TraceText& out, uint32_t flags) { put_flags(out, {address_flags, "IFA_F_?\??", nullptr}, flags); }

void put_interface_index(TraceText& out, uint32_t index) {
    // The loopback interface is the first everywhere; names of others are the machine's.
    if (index == 1) out.put("if_nametoindex(\"lo\")");
    else out.unsigned_decimal(index);
}

void put_hex_bytes(TraceText& out, uint64_t at, uint64_t size, MemoryReader& memory) {
    DataHead head(memory);
    const size_t n = size < head.limit ? static_cast<size_t>(size) : head.limit;
    if (!memory.read(at, head.bytes, n)) return out.address(at);
    out.put('"');
    for (size_t i = 0; i < n; ++i) {
        out.put("\\x");
        out.hex_digits(head.bytes[i], 2);
    }
    out.put(size > n ? "\"..." : "\"");
}

void put_address_attributes(TraceText& out, uint8_t family, uint64_t at, uint64_t size, MemoryReader& memory) {
    put_attributes(out, address_attributes, "IFA_?\??", family, at, size, memory);
}

void put_link_attributes(TraceText& out, uint64_t at, uint64_t size, MemoryReader& memory) {
    put_attributes(out, link_attributes, "IFLA_?\??", AF_UNSPEC, at, size, memory);
}

} // namespace linnet::abi
