#include "net/proc_net.h"

#include "kernel/lib/format.h"
#include "kernel/lib/vec.h"
#include "linux-abi/stat.h"
#include "net/datagram.h"
#include "net/interface.h"
#include "net/socket.h"
#include "net/socket_lists.h"
#include "net/transport.h"

namespace linnet {

namespace {

/// One line at a time, of any length up to the buffer's.
class Lines {
  public:
    explicit Lines(TextSink& out) : out_(out) {}
    __attribute__((format(printf, 2, 3))) Result<void> line(const char* format, ...) {
        char buffer[256];
        va_list ap;
        va_start(ap, format);
        size_t n = format_va(buffer, sizeof buffer, format, ap);
        va_end(ap);
        return out_.append(buffer, n < sizeof buffer ? n : sizeof buffer - 1);
    }

  private:
    TextSink& out_;
};

Result<void> rows(TextSink& out, const Vec<InetSocketInfo>& all, bool v6, bool tcp) {
    Lines l(out);
    if (v6)
        TRY(l.line("  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when "
                   "retrnsmt   uid  timeout inode%s\n", tcp ? "" : " ref pointer drops"));
    else if (tcp)
        TRY(l.line("  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode%55s\n", ""));
    else
        TRY(l.line("   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n"));
    u32 number = 0;
    for (const InetSocketInfo& r : all) {
        if (r.v6 != v6) continue;
        char local[40], remote[40];
        auto text = [&](char* to, const SocketAddress& a) {
            u32 w[4];
            memcpy(w, a.ip.bytes, 16);
            if (!v6) format(to, 40, "%08X:%04X", a.ip.is_v4() ? a.ip.v4() : 0, a.port);
            else if (a.ip.is_any()) format(to, 40, "%032d:%04X", 0, a.port);
            else format(to, 40, "%08X%08X%08X%08X:%04X", w[0], w[1], w[2], w[3], a.port);
        };
        text(local, r.local);
        text(remote, r.remote);
        if (tcp)
            TRY(l.line("%4u: %s %s %02X %08X:%08X 00:00000000 00000000 %5u        0 %lu 1 0000000000000000 20 4 0 10 -1\n", number++,
                       local, remote, r.state, r.send_queue, r.receive_queue, r.uid, r.inode));
        else
            TRY(l.line("%5u: %s %s %02X %08X:%08X 00:00000000 00000000 %5u        0 %lu 2 0000000000000000 %lu\n", number++, local,
                       remote, r.state, r.send_queue, r.receive_queue, r.uid, r.inode, r.drops));
    }
    return {};
}

Result<void> inet_rows(TextSink& out, InetKind kind, bool v6) {
    Vec<InetSocketInfo> all;
    TRY(list_inet_sockets(kind, false, all));
    return rows(out, all, v6, kind == InetKind::Tcp);
}

Result<void> unix_rows(TextSink& out) {
    UnixSocketList list;
    TRY(list_unix_sockets(list));
    Lines l(out);
    TRY(l.line("Num       RefCount Protocol Flags    Type St Inode Path\n"));
    for (const UnixSocketInfo& s : list.sockets) {
        char name[sizeof s.name + 1];
        memcpy(name, s.name, s.name_length);
        name[s.name_length] = 0;
        if (s.name_length && !name[0]) // abstract
            for (u32 i = 0; i < s.name_length; ++i)
                if (!name[i]) name[i] = '@';
        TRY(l.line("%016x: %08X %08X %08X %04X %02X %5lu%s%s\n", 0, s.references, 0, s.state == TCP_LISTEN ? 0x10000u : 0u, s.type,
                   s.state == TCP_ESTABLISHED ? 3u : 1u, s.inode, name[0] ? " " : "", name));
    }
    return {};
}

Result<void> dev(TextSink& out) {
    InterfaceInfo interfaces[kMaxInterfaces];
    u32 count = net_interfaces(interfaces, kMaxInterfaces);
    Lines l(out);
    TRY(l.line("Inter-|   Receive                                                |  Transmit\n"));
    TRY(l.line(" face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed\n"));
    for (u32 i = 0; i < count; ++i) {
        const InterfaceInfo& f = interfaces[i];
        TRY(l.line("%6s: %7lu %7lu    0 %4lu    0     0          0         0 %8lu %7lu    0 %4lu    0     0       0          0\n", f.name,
                   f.rx_bytes, f.rx_packets, f.rx_dropped, f.tx_bytes, f.tx_packets, f.tx_dropped));
    }
    return {};
}

const char* interface_name(u32 index) { return index == 1 ? "lo" : "eth0"; }

Result<void> route(TextSink& out) {
    RouteInfo routes[kMaxRoutes];
    u32 count = net_routes(routes, kMaxRoutes);
    Lines l(out);
    TRY(l.line("%-127s\n", "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT"));
    for (u32 i = 0; i < count; ++i) {
        const RouteInfo& r = routes[i];
        if (!r.destination.is_v4() || r.local_table) continue;
        char text[128];
        format(text, sizeof text, "%s\t%08X\t%08X\t%04X\t%d\t%u\t%d\t%08X\t%d\t%u\t%u", interface_name(r.interface), r.destination.v4(),
               r.has_gateway ? r.gateway.v4() : 0, r.has_gateway ? 3 : 1, 0, 0, int(r.metric),
               __builtin_bswap32(r.prefix ? ~0u << (32 - r.prefix) : 0), 0, 0, 0);
        TRY(l.line("%-127s\n", text));
    }
    return {};
}

Result<void> if_inet6(TextSink& out) {
    InterfaceInfo interfaces[kMaxInterfaces];
    u32 count = net_interfaces(interfaces, kMaxInterfaces);
    Lines l(out);
    for (u32 i = 0; i < count; ++i)
        for (u32 a = 0; a < interfaces[i].address_count; ++a) {
            const InterfaceAddress& ad = interfaces[i].addresses[a];
            if (ad.ip.is_v4()) continue;
            char hex[33];
            for (int k = 0; k < 16; ++k) format(hex + 2 * k, 3, "%02x", ad.ip.bytes[k]);
            u32 scope = ad.ip.is_loopback() ? 0x10 : ad.ip.is_link_local6() ? 0x20 : 0;
            TRY(l.line("%s %02x %02x %02x %02x %8s\n", hex, interfaces[i].index, ad.prefix, scope, ad.permanent ? 0x80 : 0, interfaces[i].name));
        }
    return {};
}

/// Sockets of each kind and family.
struct SocketCounts {
    u32 tcp[2] = {}, udp[2] = {}, raw[2] = {}; // [1]: IPv6
    u32 tcp_allocated = 0, tcp_established = 0;
};

SocketCounts count_sockets() {
    SocketCounts c;
    NetGuard guard;
    each_tcp_endpoint(
        [](TcpEndpoint& e, void* p) {
            auto& n = *static_cast<SocketCounts*>(p);
            n.tcp[e.v6] += e.state_ != TCP_CLOSE;
            ++n.tcp_allocated;
            n.tcp_established += e.state_ == TCP_ESTABLISHED || e.state_ == TCP_CLOSE_WAIT;
        },
        &c);
    each_datagram_endpoint(
        [](DatagramEndpoint& e, void* p) {
            auto& n = *static_cast<SocketCounts*>(p);
            if (e.raw) ++n.raw[e.v6];
            else n.udp[e.v6] += e.binding_.bound();
        },
        &c);
    return c;
}

Result<void> sockstat(TextSink& out) {
    SocketCounts c = count_sockets();
    Lines l(out);
    return l.line("sockets: used %u\nTCP: inuse %u orphan 0 tw 0 alloc %u mem 0\nUDP: inuse %u mem 0\nUDPLITE: inuse 0\nRAW: inuse %u\n"
                  "FRAG: inuse 0 memory 0\n", open_sockets(), c.tcp[0], c.tcp_allocated, c.udp[0], c.raw[0]);
}

Result<void> sockstat6(TextSink& out) {
    SocketCounts c = count_sockets();
    Lines l(out);
    return l.line("TCP6: inuse %u\nUDP6: inuse %u\nUDPLITE6: inuse 0\nRAW6: inuse %u\nFRAG6: inuse 0 memory 0\n", c.tcp[1], c.udp[1],
                  c.raw[1]);
}

/// TCP's part alone: nothing counts the packets of the other protocols.
Result<void> snmp(TextSink& out) {
    SocketCounts c = count_sockets();
    TcpEventCounts e;
    TcpSegmentCounts s;
    {
        NetGuard guard;
        e = tcp_events;
        s = lwip_tcp_segments();
    }
    Lines l(out);
    TRY(l.line("Tcp: RtoAlgorithm RtoMin RtoMax MaxConn ActiveOpens PassiveOpens AttemptFails EstabResets CurrEstab InSegs OutSegs RetransSegs "
               "InErrs OutRsts InCsumErrors\n"));
    // RtoAlgorithm 1: not known; Van Jacobson's, with lwIP's least and greatest time in milliseconds.
    return l.line("Tcp: 1 500 60000 -1 %lu %lu %lu %lu %u %u %u %u %u %u 0\n", e.active_opens, e.passive_opens, e.attempt_fails,
                  e.established_resets, c.tcp_established, s.in, s.out, s.retransmitted, s.in_errors, s.resets_sent);
}

} // namespace

const ProcNetFile proc_net_files[] = {
    {"dev", dev},
    {"if_inet6", if_inet6},
    {"raw", [](TextSink& out) { return inet_rows(out, InetKind::Raw, false); }},
    {"raw6", [](TextSink& out) { return inet_rows(out, InetKind::Raw, true); }},
    {"route", route},
    {"snmp", snmp},
    {"sockstat", sockstat},
    {"sockstat6", sockstat6},
    {"tcp", [](TextSink& out) { return inet_rows(out, InetKind::Tcp, false); }},
    {"tcp6", [](TextSink& out) { return inet_rows(out, InetKind::Tcp, true); }},
    {"udp", [](TextSink& out) { return inet_rows(out, InetKind::Udp, false); }},
    {"udp6", [](TextSink& out) { return inet_rows(out, InetKind::Udp, true); }},
    {"unix", unix_rows},
};
const size_t proc_net_file_count = sizeof proc_net_files / sizeof proc_net_files[0];

} // namespace linnet
