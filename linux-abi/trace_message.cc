// sendmsg's and recvmsg's headers, with control messages, in strace's format.
#include "linux-abi/netif.h"
#include "linux-abi/trace_call.h"
#include "linux-abi/trace_fields.h"

namespace linnet::abi {
namespace {

constexpr ValueName socket_messages[] = {
    {"SCM_RIGHTS", 1}, {"SCM_CREDENTIALS", 2}, {"SCM_SECURITY", 3}, {"SO_TIMESTAMP_OLD", 29}, {"SO_TIMESTAMPNS_OLD", 35}, {"SO_TIMESTAMPING_OLD", 37},
    {"SO_TIMESTAMP_NEW", 63}, {"SO_TIMESTAMPNS_NEW", 64}, {"SO_TIMESTAMPING_NEW", 65},
};

/// The most control data that is looked at; Linux's net.core.optmem_max is greater.
constexpr uint64_t most_control = 4096;

void put_ipv4(TraceText& out, uint32_t address) {
    out.put("inet_addr(\"");
    for (int i = 0; i < 4; ++i) {
        if (i) out.put('.');
        out.unsigned_decimal(address >> (8 * i) & 0xff);
    }
    out.put("\")");
}

void put_control_data(TraceText& out, const CmsgHdr& h, uint64_t at, uint64_t size, MemoryReader& memory) {
    if (h.level == SOL_SOCKET && h.type == SCM_RIGHTS && size >= 4) {
        out.put('[');
        for (uint64_t i = 0; i < size / 4; ++i) {
            int32_t fd;
            if (i) out.put(", ");
            if (i == trace_string_limit || !memory.read(at + 4 * i, &fd, sizeof fd)) {
                out.put("...");
                break;
            }
            out.decimal(fd);
        }
        out.put(']');
        return;
    }
    Ucred cred;
    if (h.level == SOL_SOCKET && h.type == SCM_CREDENTIALS && size >= sizeof cred && memory.read(at, &cred, sizeof cred)) {
        Fields f(out);
        f.dec("pid", cred.pid);
        f.udec("uid", cred.uid);
        f.udec("gid", cred.gid);
        return;
    }
    if (h.level == SOL_SOCKET && h.type == SO_TIMESTAMP && size >= sizeof(Timeval)) return put_structure(out, StructId::timeval, at, memory);
    if (h.level == SOL_SOCKET && h.type == SO_TIMESTAMPNS && size >= sizeof(Timespec)) return put_structure(out, StructId::timespec, at, memory);
    InPktinfo info;
    if (h.level == SOL_IP && h.type == IP_PKTINFO && size >= sizeof info && memory.read(at, &info, sizeof info)) {
        Fields f(out);
        TraceText& index = f.name("ipi_ifindex");
        if (info.ifindex == 1) index.put("if_nametoindex(\"lo\")");
        else index.decimal(info.ifindex);
        put_ipv4(f.name("ipi_spec_dst"), info.spec_dst.addr);
        put_ipv4(f.name("ipi_addr"), info.addr.addr);
        return;
    }
    uint32_t word;
    if (h.level == SOL_IP && h.type == IP_TTL && size >= sizeof word && memory.read(at, &word, sizeof word)) {
        out.put('[');
        out.unsigned_decimal(word);
        out.put(']');
        return;
    }
    uint8_t tos;
    if (h.level == SOL_IP && h.type == IP_TOS && size >= 1 && memory.read(at, &tos, 1)) {
        out.put('[');
        out.hex(tos);
        out.put(']');
        return;
    }
    out.address(at);
}

/// Whether strace shows what stands behind the header.
bool has_text(const CmsgHdr& h) {
    if (h.level == SOL_SOCKET) return h.type == SCM_RIGHTS || h.type == SCM_CREDENTIALS || h.type == SO_TIMESTAMP || h.type == SO_TIMESTAMPNS;
    return h.level == SOL_IP && (h.type == IP_PKTINFO || h.type == IP_TTL || h.type == IP_TOS);
}

void put_control(TraceText& out, uint64_t address, uint64_t length, MemoryReader& memory) {
    CmsgHdr h;
    if (!address || length < sizeof h || !memory.read(address, &h, sizeof h)) {
        out.address(address);
        return;
    }
    const uint64_t whole = length;
    if (length > most_control) length = most_control;
    out.put('[');
    uint64_t at = 0;
    for (unsigned i = 0; at + sizeof h <= length; ++i) {
        if (i) out.put(", ");
        if (i == trace_string_limit || !memory.read(address + at, &h, sizeof h)) {
            out.put("...");
            break;
        }
        uint64_t size = h.len > length - at ? length - at : h.len;
        {
            Fields f(out);
            f.udec("cmsg_len", h.len);
            f.enumerated("cmsg_level", NameTable::sock_level, static_cast<uint32_t>(h.level));
            TraceText& type = f.name("cmsg_type");
            if (h.level == SOL_SOCKET) put_enum(type, {socket_messages, "SCM_?\??", nullptr}, static_cast<uint32_t>(h.type));
            else if (h.level == SOL_IP) put_enum(type, NameTable::ip_names, static_cast<uint32_t>(h.type));
            else if (h.level == SOL_IPV6) put_enum(type, NameTable::ipv6_names, static_cast<uint32_t>(h.type));
            else type.hex(static_cast<uint32_t>(h.type));
            if (size > sizeof h && has_text(h)) put_control_data(f.name("cmsg_data"), h, address + at + sizeof h, size - sizeof h, memory);
        }
        if (h.len < sizeof h) {
            out.put(", ... /* ");
            out.hex(address + at);
            out.put(" */");
            break;
        }
        at += cmsg_align(size);
        if (at + sizeof h > length && at < whole) {
            // Left over: too short for a header.
            if (whole - at >= sizeof h) out.put(", ...");
            break;
        }
    }
    out.put(']');
}

} // namespace

void put_message_header(TraceText& out, const MsgHdr& m, const MessageView& view, MemoryReader& memory) {
    Fields f(out);
    if (view.hidden) {
        f.dec("msg_namelen", m.namelen);
        return;
    }
    int64_t length = m.namelen;
    if (view.received && view.name_length_before >= 0 && length > view.name_length_before) length = view.name_length_before;
    put_socket_address(f.name("msg_name"), m.name, length, memory);
    TraceText& n = f.name("msg_namelen");
    if (view.received && view.name_length_before != -1 && view.name_length_before != m.namelen) {
        n.decimal(view.name_length_before);
        n.put(" => ");
    }
    n.decimal(m.namelen);
    TraceText& v = f.name("msg_iov");
    uint16_t family = 0;
    Iovec first;
    const bool netlink = view.netlink || (m.name && m.namelen >= 12 && memory.read(m.name, &family, sizeof family) && family == AF_NETLINK);
    if (netlink && m.iovlen == 1 && memory.read(m.iov, &first, sizeof first) && first.len) {
        v.put("[{iov_base=");
        put_netlink(v, first.base, first.len < view.data_left ? first.len : view.data_left, memory);
        v.put(", iov_len=");
        v.unsigned_decimal(first.len);
        v.put("}]");
    } else {
        put_iovecs(v, m.iov, m.iovlen, true, view.data_left, memory);
    }
    f.udec("msg_iovlen", m.iovlen);
    if (m.controllen) put_control(f.name("msg_control"), m.control, m.controllen, memory);
    f.udec("msg_controllen", m.controllen);
    f.flags("msg_flags", NameTable::msg_flags, m.flags);
}

void put_message_array(Call& c, uint64_t address, uint64_t count, bool receives) {
    MmsgHdr m;
    if (!address || !c.memory.read(address, &m, sizeof m) || (receives && c.failed())) {
        c.out.address(address);
        return;
    }
    const uint64_t done = c.filled() && c.result.raw() > 0 ? static_cast<uint64_t>(c.result.raw()) : 0;
    const uint64_t shown = receives && done < count ? done : count;
    c.out.put('[');
    for (uint64_t i = 0; i < shown; ++i) {
        if (i) c.out.put(", ");
        if (i == trace_string_limit || !c.memory.read(address + i * sizeof m, &m, sizeof m)) {
            c.out.put("...");
            break;
        }
        Fields f(c.out);
        MessageView view;
        if (receives || i < done) view.data_left = m.len;
        put_message_header(f.name("msg_hdr"), m.hdr, view, c.memory);
        if (i < done) f.udec("msg_len", m.len);
    }
    c.out.put(']');
}

} // namespace linnet::abi
