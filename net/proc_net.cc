#include "net/proc_net.h"

#include "kernel/lib/format.h"
#include "kernel/lib/vec.h"
#include "linux-abi/stat.h"
#include "net/datagram.h"
#include "net/interface.h"
#include "net/transport.h"
#include "net/unix_core.h"

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

/// What a row of tcp, udp or raw shows; gathered under the core lock, formatted without it.
struct Row {
    SocketAddress local, remote;
    u8 state;
    bool v6;
    u32 send_queue, receive_queue, uid;
    u64 inode, drops;
};

Result<void> rows(TextSink& out, const Vec<Row>& all, bool v6, bool tcp) {
    Lines l(out);
    if (v6)
        TRY(l.line("  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when "
                   "retrnsmt   uid  timeout inode%s\n", tcp ? "" : " ref pointer drops"));
    else if (tcp)
        TRY(l.line("  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode%55s\n", ""));
    else
        TRY(l.line("   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n"));
    u32 number = 0;
    for (const Row& r : all) {
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

struct Gather {
    Vec<Row>* rows;
    bool raw;
    bool failed;
};

Result<void> tcp_rows(TextSink& out, bool v6) {
    Vec<Row> all;
    Gather g{&all, false, false};
    {
        NetGuard guard;
        each_tcp_endpoint(
            [](TcpEndpoint& e, void* arg) {
                auto& gather = *static_cast<Gather*>(arg);
                if (e.state_ == TCP_CLOSE) return;
                Row r{e.binding_.local, e.remote_, u8(e.state_), e.v6, u32(e.send_queue_.size()), u32(e.receive_queue_.size()),
                      e.binding_.uid, e.closed_by_program_ ? 0 : e.inode_number, 0};
                if (e.state_ == TCP_LISTEN) {
                    r.receive_queue = e.accept_count_;
                    r.send_queue = e.backlog_;
                    r.remote = {};
                    r.remote.ip = e.v6 ? IpAddress::any6() : IpAddress::any4();
                }
                if (!gather.rows->push_back(r)) gather.failed = true;
            },
            &g);
    }
    if (g.failed) return ENOMEM;
    return rows(out, all, v6, true);
}

Result<void> datagram_rows(TextSink& out, bool v6, bool raw) {
    Vec<Row> all;
    Gather g{&all, raw, false};
    {
        NetGuard guard;
        each_datagram_endpoint(
            [](DatagramEndpoint& e, void* arg) {
                auto& gather = *static_cast<Gather*>(arg);
                if (e.raw != gather.raw || (!e.raw && !e.binding_.bound())) return;
                u32 queued;
                u64 drops;
                e.queue_state(queued, drops);
                Row r{e.binding_.local, e.remote_, u8(e.connected_ ? TCP_ESTABLISHED : TCP_CLOSE), e.v6, 0, queued,
                      e.binding_.uid, e.inode_number, drops};
                if (e.raw) r.local.port = e.protocol;
                if (!gather.rows->push_back(r)) gather.failed = true;
            },
            &g);
    }
    if (g.failed) return ENOMEM;
    return rows(out, all, v6, false);
}

Result<void> unix_rows(TextSink& out) {
    struct UnixRow {
        u32 type, state, flags, refs;
        u64 inode;
        char name[110];
    };
    Vec<UnixRow> all;
    struct Arg {
        Vec<UnixRow>* rows;
        bool failed;
    } arg{&all, false};
    each_unix_core(
        [](UnixCore& c, void* p) {
            auto& a = *static_cast<Arg*>(p);
            bool listening = c.state == UnixCore::State::Listening, connected = c.state == UnixCore::State::Connected;
            UnixRow r{u32(c.type), connected ? 3u : 1u, listening ? 0x10000u : 0u, c.ref_count(), c.file ? c.file->inode().ino : 0, {}};
            if (c.address && c.address->length) {
                memcpy(r.name, c.address->bytes, c.address->length);
                if (c.address->abstract())
                    for (u32 i = 0; i < c.address->length; ++i)
                        if (!r.name[i]) r.name[i] = '@';
            }
            if (!a.rows->push_back(r)) a.failed = true;
        },
        &arg);
    if (arg.failed) return ENOMEM;
    Lines l(out);
    TRY(l.line("Num       RefCount Protocol Flags    Type St Inode Path\n"));
    for (const UnixRow& r : all)
        TRY(l.line("%016x: %08X %08X %08X %04X %02X %5lu%s%s\n", 0, r.refs, 0, r.flags, r.type, r.state, r.inode, r.name[0] ? " " : "",
                   r.name));
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

Result<void> sockstat(TextSink& out) {
    struct Counts {
        u32 tcp = 0, udp = 0, raw = 0;
    } c;
    {
        NetGuard guard;
        each_tcp_endpoint([](TcpEndpoint& e, void* p) { static_cast<Counts*>(p)->tcp += e.state_ != TCP_CLOSE; }, &c);
        each_datagram_endpoint(
            [](DatagramEndpoint& e, void* p) {
                auto& n = *static_cast<Counts*>(p);
                if (e.raw) ++n.raw;
                else if (e.binding_.bound()) ++n.udp;
            },
            &c);
    }
    Lines l(out);
    TRY(l.line("sockets: used %u\nTCP: inuse %u orphan 0 tw 0 alloc %u mem 0\nUDP: inuse %u mem 0\nUDPLITE: inuse 0\nRAW: inuse %u\n"
               "FRAG: inuse 0 memory 0\n", c.tcp + c.udp + c.raw, c.tcp, c.tcp, c.udp, c.raw));
    return {};
}

} // namespace

const ProcNetFile proc_net_files[] = {
    {"dev", dev},
    {"if_inet6", if_inet6},
    {"raw", [](TextSink& out) { return datagram_rows(out, false, true); }},
    {"raw6", [](TextSink& out) { return datagram_rows(out, true, true); }},
    {"route", route},
    {"sockstat", sockstat},
    {"tcp", [](TextSink& out) { return tcp_rows(out, false); }},
    {"tcp6", [](TextSink& out) { return tcp_rows(out, true); }},
    {"udp", [](TextSink& out) { return datagram_rows(out, false, false); }},
    {"udp6", [](TextSink& out) { return datagram_rows(out, true, false); }},
    {"unix", unix_rows},
};
const size_t proc_net_file_count = sizeof proc_net_files / sizeof proc_net_files[0];

} // namespace linnet
