// Hostile bytes as a control buffer, a sockaddr, an address text and a netlink request.
#include <cstdint>
#include <cstdlib>

#include "net/address.h"
#include "net/control_message.h"
#include "net/netlink_route.h"

using namespace linnet;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    ControlReader reader({data, size});
    ControlMessage m;
    size_t total = 0;
    for (;;) {
        auto r = reader.next(m);
        if (!r.ok() || !*r) break;
        for (u8 b : m.data) total += b;
        if (m.data.size() > size) abort();
    }
    SockAddrBuffer a{};
    a.length = size < sizeof a.bytes ? size : sizeof a.bytes;
    memcpy(a.bytes, data, a.length);
    for (bool v6 : {false, true})
        if (auto r = parse_inet_address(a, v6); r.ok()) {
            SockAddrBuffer out;
            write_inet_address(out, *r, v6 || !r->ip.is_v4());
        }
    char text[64] = {};
    memcpy(text, data, size < 63 ? size : 63);
    IpAddress ip;
    int prefix;
    if (parse_ip_text(text, ip, prefix)) {
        char shown[64];
        TextBuffer t(shown, sizeof shown);
        format_ip(t, ip);
        IpAddress again;
        if (!parse_ip_text(shown, again, prefix) || !(again == ip)) abort();
    }
    static NetSnapshot net = [] {
        NetSnapshot s;
        s.interface_count = 1;
        s.interfaces[0] = {1, "lo", 9, 65536, true, true, true};
        s.interfaces[0].addresses[0] = {IpAddress::loopback4(), 8, true};
        s.interfaces[0].address_count = 1;
        s.routes[0] = {IpAddress::any4(), 0, true, IpAddress::loopback4(), false, {}, 1, false, 2, 0};
        s.route_count = 1;
        return s;
    }();
    Vec<u8> replies;
    if (netlink_route_reply({data, size}, net, 1, replies).ok())
        for (size_t at = 0; at < replies.size();) {
            u32 n;
            memcpy(&n, replies.data() + at, 4);
            if (n < 16 || at + n > replies.size()) abort();
            at += (n + 3) & ~3u;
        }
    return total == ~size_t{0};
}
