// UDP and raw datagrams to and from the network. lwIP has one udp_pcb for each port in use, as a catcher; which socket a
// datagram is for is decided by net/datagram.cc.
#include "linux-abi/socket.h"
#include "net/datagram.h"
#include "net/interface.h"
#include "net/lwip/glue.h"

namespace linnet {

namespace {

struct UdpPort : NoCopy {
    ListNode node;
    u16 port;
    u32 users;
    udp_pcb* pcb;
};
List<UdpPort, &UdpPort::node> ports;

void on_udp(void*, udp_pcb* pcb, pbuf* p, const ip_addr_t* from, u16_t from_port) {
    Datagram* d = Datagram::make(p->tot_len);
    if (d) {
        pbuf_copy_partial(p, d->data, p->tot_len, 0);
        d->from.ip = from_lwip(*from);
        d->from.port = from_port;
        d->to.ip = from_lwip(*ip_current_dest_addr());
        d->to.port = pcb->local_port;
        d->interface = netif_get_index(ip_current_input_netif());
        d->from.scope = d->from.ip.is_link_local6() ? d->interface : 0;
        if (!ip_current_is_v6()) {
            d->ttl = IPH_TTL(ip4_current_header());
            d->tos = IPH_TOS(ip4_current_header());
        }
        udp_deliver(d);
    }
    pbuf_free(p);
}

u8_t on_raw(void* arg, raw_pcb*, pbuf* p, const ip_addr_t* from) {
    auto& e = *static_cast<DatagramEndpoint*>(arg);
    IpAddress source = from_lwip(*from), dest = from_lwip(*ip_current_dest_addr());
    if (e.connected_ && !(e.remote_.ip == source)) return 0;
    if (!e.binding_.local.ip.is_any() && !(e.binding_.local.ip == dest)) return 0;
    // IPv6 raw sockets get the payload alone.
    u16 skip = ip_current_is_v6() ? ip_current_header_tot_len() : 0;
    if (p->tot_len < skip) return 0;
    u16 type_at = ip_current_is_v6() ? skip : ip_current_header_tot_len();
    u8 type = pbuf_get_at(p, type_at);
    if (!e.v6 && e.protocol == IPPROTO_ICMP && type < 32 && e.icmp_filter_ >> type & 1) return 0;
    Datagram* d = Datagram::make(p->tot_len - skip);
    if (!d) return 0;
    pbuf_copy_partial(p, d->data, d->size, skip);
    d->from.ip = source;
    d->to.ip = dest;
    d->interface = netif_get_index(ip_current_input_netif());
    d->from.scope = source.is_link_local6() ? d->interface : 0;
    d->ttl = ip_current_is_v6() ? IP6H_HOPLIM(ip6_current_header()) : IPH_TTL(ip4_current_header());
    e.deliver(d);
    return 0; // lwIP handles it too
}

} // namespace

Result<void> lwip_datagram_open(DatagramEndpoint& e) {
    if (e.raw) {
        raw_pcb* pcb = raw_new_ip_type(e.v6 ? IPADDR_TYPE_V6 : IPADDR_TYPE_V4, e.protocol);
        if (!pcb) return ENOMEM;
        raw_recv(pcb, on_raw, &e);
        if (e.v6 && e.protocol == IPPROTO_ICMPV6) {
            pcb->chksum_reqd = 1;
            pcb->chksum_offset = 2;
        }
        ip_set_option(pcb, SOF_BROADCAST);
        e.pcb_ = pcb;
        return {};
    }
    for (UdpPort& u : ports) {
        if (u.port != e.binding_.local.port) continue;
        ++u.users;
        e.pcb_ = &u;
        return {};
    }
    auto* u = static_cast<UdpPort*>(kmalloc(sizeof(UdpPort)));
    if (!u) return ENOMEM;
    new (u) UdpPort{};
    u->pcb = udp_new_ip_type(IPADDR_TYPE_ANY);
    if (!u->pcb) {
        kfree(u);
        return ENOMEM;
    }
    ip_set_option(u->pcb, SOF_REUSEADDR | SOF_BROADCAST);
    if (err_t err = udp_bind(u->pcb, IP_ANY_TYPE, e.binding_.local.port); err != ERR_OK) {
        udp_remove(u->pcb);
        kfree(u);
        return errno_of(err);
    }
    udp_recv(u->pcb, on_udp, nullptr);
    u->port = e.binding_.local.port;
    u->users = 1;
    ports.push_back(*u);
    e.pcb_ = u;
    return {};
}

void lwip_datagram_close(DatagramEndpoint& e) {
    void* p = std::exchange(e.pcb_, nullptr);
    if (e.raw) {
        raw_remove(static_cast<raw_pcb*>(p));
        return;
    }
    auto* u = static_cast<UdpPort*>(p);
    if (--u->users) return;
    udp_remove(u->pcb);
    u->node.unlink();
    kfree(u);
}

Result<void> lwip_datagram_send(DatagramEndpoint& e, const Datagram& d) {
    ip_addr_t source = to_lwip(d.from.ip, d.from.ip.is_link_local6() ? d.interface : 0);
    ip_addr_t dest = to_lwip(d.to.ip, d.to.ip.is_link_local6() || d.to.ip.is_multicast() ? (d.to.scope ? d.to.scope : d.interface) : 0);
    netif* nif = net_is_local(d.to.ip) ? &net_loop_netif() : net_eth_present ? &net_eth : nullptr;
    if (!nif) return ENETUNREACH;
    pbuf* p = pbuf_alloc(e.raw ? PBUF_IP : PBUF_TRANSPORT, d.size, PBUF_RAM);
    if (!p) return ENOBUFS;
    pbuf_take(p, d.data, d.size);
    err_t err;
    if (e.raw) {
        auto* pcb = static_cast<raw_pcb*>(e.pcb_);
        pcb->ttl = d.ttl;
        pcb->tos = d.tos;
        raw_set_multicast_ttl(pcb, d.ttl);
        if (e.options_.header_included && !e.v6) raw_set_flags(pcb, RAW_FLAGS_HDRINCL);
        else raw_clear_flags(pcb, RAW_FLAGS_HDRINCL);
        if (e.options_.header_included && !e.v6 && d.size < 20) err = ERR_VAL;
        else err = raw_sendto_if_src(pcb, p, &dest, nif, &source);
    } else {
        udp_pcb* pcb = static_cast<UdpPort*>(e.pcb_)->pcb;
        pcb->ttl = d.ttl;
        pcb->tos = d.tos;
        udp_set_multicast_ttl(pcb, d.ttl);
        err = udp_sendto_if_src(pcb, p, &dest, d.to.port, nif, &source);
    }
    pbuf_free(p);
    mark_net_core_dirty();
    net_timers_kick();
    if (err != ERR_OK) return errno_of(err);
    return {};
}

Result<void> lwip_membership(const IpAddress& group, u32 interface, bool join) {
    if (interface == 1) return {}; // lo: datagrams of this guest find their sockets without a report
    if (!net_eth_present) return ENODEV;
    net_timers_kick();
    ip_addr_t g = to_lwip(group, 2);
    err_t err;
    if (group.is_v4()) err = join ? igmp_joingroup_netif(&net_eth, ip_2_ip4(&g)) : igmp_leavegroup_netif(&net_eth, ip_2_ip4(&g));
    else err = join ? mld6_joingroup_netif(&net_eth, ip_2_ip6(&g)) : mld6_leavegroup_netif(&net_eth, ip_2_ip6(&g));
    if (err != ERR_OK) return errno_of(err);
    return {};
}

} // namespace linnet
