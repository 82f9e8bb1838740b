// This guest's addresses and where packets go, as look-ups see them: a copy of what lwIP's interface holds, read without a lock and
// read again if it was changed meanwhile.
#include "kernel/sync/rcu.h"
#include "net/interface.h"
#include "net/lwip/glue.h"

namespace linnet {

namespace {

struct OwnAddresses {
    bool present;                   // eth0 is there
    u32 v4, mask, gateway;          // network order; 0: none
    u32 count6;
    struct { IpAddress ip; bool preferred; } v6[LWIP_IPV6_NUM_ADDRESSES];
};

OwnAddresses own;        // written with the core lock held
SequenceCount own_count;

OwnAddresses look() {
    for (;;) {
        const u32 since = own_count.begin();
        OwnAddresses copy = own;
        if (!own_count.changed(since)) [[likely]] return copy;
    }
}

bool is_own(const OwnAddresses& o, const IpAddress& a) {
    if (a.is_v4()) return a.v4() != 0 && a.v4() == o.v4;
    for (u32 i = 0; i < o.count6; ++i)
        if (o.v6[i].ip == a) return true;
    return false;
}

/// RFC 4007's scopes as far as they occur here: link-local before the rest.
u32 scope_of(const IpAddress& a) { return a.is_link_local6() || (a.is_multicast() && (a.bytes[1] & 15) <= 2) ? 2 : 14; }

u32 common_prefix(const IpAddress& a, const IpAddress& b) {
    for (u32 i = 0; i < 16; ++i)
        if (u8 x = a.bytes[i] ^ b.bytes[i]) return i * 8 + u32(__builtin_clz(x)) - 24;
    return 128;
}

/// RFC 6724, section 5, rules 2 (scope), 3 (not deprecated) and 8 (longest prefix).
const IpAddress* choose_source6(const OwnAddresses& o, const IpAddress& to) {
    const IpAddress* best = nullptr;
    bool best_preferred = false;
    for (u32 i = 0; i < o.count6; ++i) {
        const IpAddress& a = o.v6[i].ip;
        bool better = !best;
        if (best) {
            const u32 s = scope_of(a), b = scope_of(*best), d = scope_of(to);
            if (s != b) better = s < b ? s >= d : b < d;
            else if (o.v6[i].preferred != best_preferred) better = o.v6[i].preferred;
            else better = common_prefix(a, to) > common_prefix(*best, to);
        }
        if (better) best = &a, best_preferred = o.v6[i].preferred;
    }
    return best;
}

} // namespace

void net_addresses_changed() {
    ASSERT(net_core_lock.is_held());
    OwnAddresses now{};
    now.present = net_eth_present;
    if (net_eth_present) {
        now.v4 = netif_ip4_addr(&net_eth)->addr;
        now.mask = netif_ip4_netmask(&net_eth)->addr;
        now.gateway = netif_ip4_gw(&net_eth)->addr;
        for (int i = 0; i < LWIP_IPV6_NUM_ADDRESSES; ++i)
            if (const u8 state = netif_ip6_addr_state(&net_eth, i); ip6_addr_isvalid(state))
                now.v6[now.count6++] = {IpAddress::v6_of(netif_ip6_addr(&net_eth, i)->addr), bool(ip6_addr_ispreferred(state))};
    }
    own_count.write_begin();
    own = now;
    own_count.write_end();
}

bool net_is_local(const IpAddress& a) { return a.is_loopback() || is_own(look(), a); }

bool net_is_subnet_broadcast(const IpAddress& a) {
    if (!a.is_v4()) return false;
    if (a.is_broadcast() || a.v4() == lwip_htonl(0x7fffffff)) return true; // lo's is 127.255.255.255
    const OwnAddresses o = look();
    return o.v4 && a.v4() != o.v4 && (a.v4() & o.mask) == (o.v4 & o.mask) && (a.v4() | o.mask) == 0xffffffff;
}

Result<IpAddress> net_source_for(const IpAddress& to, u32) {
    if (to.is_loopback()) return to.is_v4() ? IpAddress::loopback4() : IpAddress::loopback6();
    const OwnAddresses o = look();
    if (is_own(o, to)) return to;
    if (!o.present) return ENETUNREACH;
    if (to.is_v4()) {
        if (!o.v4) return ENETUNREACH;
        const bool on_link = ((to.v4() ^ o.v4) & o.mask) == 0;
        if (!on_link && !o.gateway && !to.is_broadcast() && !to.is_multicast()) return ENETUNREACH;
        return IpAddress::v4_of(o.v4);
    }
    const IpAddress* source = choose_source6(o, to);
    if (!source || (source->is_link_local6() && !to.is_link_local6() && !to.is_multicast())) return ENETUNREACH;
    return *source;
}

} // namespace linnet
