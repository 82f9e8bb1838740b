#include "net/port_table.h"

#include "kernel/lib/random.h"
#include "kernel/lib/sysctl.h"

namespace linnet {

int PortBinding::match(const IpAddress& to) const {
    if (local.ip == to) return 3;
    if (!local.ip.is_any()) return 0;
    if (local.ip.is_v4()) return to.is_v4() ? 2 : 0;
    if (!to.is_v4()) return 2;
    return v6only ? 0 : 1;
}

bool PortBinding::accepts(const IpAddress& to) const { return match(to) != 0; }

namespace {

bool overlap(const IpAddress& a, bool a_v6only, const IpAddress& b, bool b_v6only) {
    if (a == b) return true;
    auto covers = [](const IpAddress& wild, bool v6only, const IpAddress& other) {
        if (!wild.is_any()) return false;
        if (wild.is_v4()) return other.is_v4();
        return !other.is_v4() || !v6only;
    };
    return covers(a, a_v6only, b) || covers(b, b_v6only, a);
}

} // namespace

bool PortTable::conflicts(const PortBinding& b, const SocketAddress& to) {
    bool found = false;
    each_on_port(to.port, [&](PortBinding& o) {
        if (found || &o == &b) return;
        if (!overlap(to.ip, b.v6only, o.local.ip, o.v6only)) return;
        if (b.reuse_addr && o.reuse_addr && (b.datagram || !o.listening)) return;
        if (b.reuse_port && o.reuse_port && b.uid == o.uid) return;
        found = true;
    });
    return found;
}

bool PortTable::port_unused(u16 port) {
    bool used = false;
    each_on_port(port, [&](PortBinding&) { used = true; });
    return !used;
}

Result<void> PortTable::bind(PortBinding& b, const SocketAddress& to) {
    ASSERT(!b.bound());
    SocketAddress chosen = to;
    if (to.port == 0) {
        const u32 first = static_cast<u32>(sysctl::local_port_first), last = static_cast<u32>(sysctl::local_port_last);
        const u32 range = first <= last ? last - first + 1 : 1; // while both are being written
        u32 start = random_u64() % range;
        u32 i = 0;
        for (; i < range; ++i) {
            chosen.port = static_cast<u16>(first + (start + i) % range);
            if (port_unused(chosen.port)) break;
        }
        if (i == range) return EADDRINUSE;
    } else if (conflicts(b, to)) {
        return EADDRINUSE;
    }
    adopt(b, chosen);
    return {};
}

void PortTable::adopt(PortBinding& b, const SocketAddress& to) {
    b.local = to;
    buckets_[to.port % kBuckets].push_back(b);
}

void PortTable::unbind(PortBinding& b) {
    if (!b.bound()) return;
    b.node.unlink();
    b.listening = false;
}

Result<void> PortTable::may_listen(const PortBinding& b) {
    bool found = false;
    each_on_port(b.local.port, [&](PortBinding& o) {
        if (&o == &b || !o.listening || !overlap(b.local.ip, b.v6only, o.local.ip, o.v6only)) return;
        if (b.reuse_port && o.reuse_port && b.uid == o.uid) return;
        found = true;
    });
    if (found) return EADDRINUSE;
    return {};
}

} // namespace linnet
