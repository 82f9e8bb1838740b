// Interfaces: lo, and eth0 on the first network device. Frames go to the device in one buffer each; received ones are
// given to lwIP in place.
#include "kernel/boot/boot_info.h"
#include "kernel/dev/device.h"
#include "kernel/irq/deferred.h"
#include "kernel/lib/log.h"
#include "kernel/time/clock.h"
#include "linux-abi/netif.h"
#include "net/config_files.h"
#include "net/interface.h"
#include "net/lwip/glue.h"

namespace linnet {

netif net_eth;
bool net_eth_present = false;

namespace {

NetDevice* device;
bool kick_needed;
IpAddress static_gateway6;
bool has_static_gateway6;
constexpr u32 kLoopIndex = 1, kEthIndex = 2;

// --- sending ---

struct TxBuffer {
    NetBuffer net;
    u8 data[];
};

/// Frames that the ring had no room for; linked by NetBuffer::owner, since `next` is for the pieces of one frame.
NetBuffer* waiting_first;
NetBuffer* waiting_last;
u32 waiting_count;
constexpr u32 kMaxWaiting = 512;

void release_tx(NetBuffer* n) { kfree(reinterpret_cast<TxBuffer*>(n)); }

u32 sum_bytes(const u8* p, u32 n, u32 sum) {
    for (u32 i = 0; i + 1 < n; i += 2) sum += p[i] << 8 | p[i + 1];
    return sum;
}

/// Leaves TCP's checksum to the device: stores the pseudo-header's sum where the checksum belongs. The frame is our own.
void offload_tcp_checksum(NetBuffer& n) {
    u8* frame = n.data;
    u32 ip = 14, tcp, length, sum = 6;
    u16 type = frame[12] << 8 | frame[13];
    if (type == ETHTYPE_IP && n.length >= ip + 40) {
        if (frame[ip + 9] != 6) return;
        u32 header = (frame[ip] & 15) * 4u;
        tcp = ip + header;
        length = (frame[ip + 2] << 8 | frame[ip + 3]) - header;
        sum = sum_bytes(frame + ip + 12, 8, sum);
    } else if (type == ETHTYPE_IPV6 && n.length >= ip + 60) {
        if (frame[ip + 6] != 6) return;
        tcp = ip + 40;
        length = frame[ip + 4] << 8 | frame[ip + 5];
        sum = sum_bytes(frame + ip + 8, 32, sum);
    } else {
        return;
    }
    if (tcp + 20 > n.length) return;
    sum += length;
    while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
    frame[tcp + 16] = sum >> 8;
    frame[tcp + 17] = sum;
    n.csum_start = tcp;
    n.csum_offset = 16;
}

err_t link_output(netif* nif, pbuf* p) {
    if (!device || p->tot_len < 14) return ERR_IF;
    net_timers_kick();
    if (waiting_count >= kMaxWaiting) {
        ++device->stats.tx_dropped;
        return ERR_MEM;
    }
    auto* b = static_cast<TxBuffer*>(kmalloc(sizeof(TxBuffer) + p->tot_len));
    if (!b) return ERR_MEM;
    b->net = {};
    b->net.data = b->data;
    b->net.length = p->tot_len;
    b->net.capacity = p->tot_len;
    b->net.release = release_tx;
    pbuf_copy_partial(p, b->data, p->tot_len, 0);
    if (!(nif->chksum_flags & NETIF_CHECKSUM_GEN_TCP)) offload_tcp_checksum(b->net);
    kick_needed = true;
    if (!waiting_first && device->transmit(&b->net)) return ERR_OK;
    b->net.owner = nullptr;
    if (waiting_last) waiting_last->owner = &b->net;
    else waiting_first = &b->net;
    waiting_last = &b->net;
    ++waiting_count;
    return ERR_OK;
}

/// Sends what waited for room, in order. True if anything went.
bool send_waiting() {
    bool sent = false;
    while (waiting_first) {
        NetBuffer* n = waiting_first;
        auto* next = static_cast<NetBuffer*>(n->owner);
        n->owner = nullptr;
        if (!device->transmit(n)) {
            n->owner = next;
            break;
        }
        sent = true;
        waiting_first = next;
        if (!next) waiting_last = nullptr;
        --waiting_count;
    }
    return sent;
}

void on_transmit_room(NetDevice&) {
    NetGuard guard;
    if (send_waiting()) kick_needed = true;
    mark_net_core_dirty();
}

// --- receiving ---

struct RxPbuf {
    pbuf_custom custom;
    NetBuffer* net;
};

void free_rx(pbuf* p) {
    auto* r = reinterpret_cast<RxPbuf*>(p);
    r->net->release(r->net);
    kfree(r);
}

/// The frame as a pbuf chain on the device's buffers; takes the frame over. Null: no memory, the frame is released.
pbuf* wrap(NetBuffer* frame) {
    pbuf* head = nullptr;
    bool failed = false;
    while (frame) {
        NetBuffer* next = frame->next;
        frame->next = nullptr;
        auto* r = failed ? nullptr : static_cast<RxPbuf*>(kmalloc(sizeof(RxPbuf)));
        if (!r || frame->length > 0xffff || (head && u32{head->tot_len} + frame->length > 0xffff)) {
            failed = true;
            if (r) kfree(r);
            frame->release(frame);
        } else {
            r->net = frame;
            r->custom.custom_free_function = free_rx;
            pbuf* p = pbuf_alloced_custom(PBUF_RAW, frame->length, PBUF_REF, &r->custom, frame->data, frame->length);
            if (head) pbuf_cat(head, p);
            else head = p;
        }
        frame = next;
    }
    if (failed && head) {
        pbuf_free(head);
        head = nullptr;
    }
    return head;
}

void on_receive(NetDevice& d) {
    for (;;) {
        NetGuard guard;
        for (int i = 0; i < 64; ++i) {
            NetBuffer* frame = d.poll();
            if (!frame) {
                if (i) net_timers_kick();
                return;
            }
            bool valid = frame->csum_valid;
            pbuf* p = wrap(frame);
            if (!p) {
                ++d.stats.rx_dropped;
                continue;
            }
            // Checked by the device: TCP and UDP only; the IP header's is always ours.
            u16 flags = net_eth.chksum_flags | NETIF_CHECKSUM_CHECK_TCP | NETIF_CHECKSUM_CHECK_UDP;
            if (valid) flags &= ~(NETIF_CHECKSUM_CHECK_TCP | NETIF_CHECKSUM_CHECK_UDP);
            net_eth.chksum_flags = flags;
            if (net_eth.input(p, &net_eth) != ERR_OK) pbuf_free(p);
        }
        net_timers_kick();
    }
}

err_t eth_init(netif* nif) {
    nif->name[0] = 'e';
    nif->name[1] = 't';
    nif->hostname = boot_options.hostname;
    memcpy(nif->hwaddr, device->mac(), 6);
    nif->hwaddr_len = 6;
    NetFeatures f = device->features();
    nif->mtu = f.mtu;
    nif->mtu6 = f.mtu;
    nif->output = etharp_output;
    nif->output_ip6 = ethip6_output;
    nif->linkoutput = link_output;
    nif->flags = NETIF_FLAG_BROADCAST | NETIF_FLAG_ETHARP | NETIF_FLAG_ETHERNET | NETIF_FLAG_IGMP | NETIF_FLAG_MLD6;
    // UDP is summed here: a fragmented datagram cannot be left to the device.
    u16 flags = NETIF_CHECKSUM_ENABLE_ALL;
    if (f.tx_csum) flags &= ~NETIF_CHECKSUM_GEN_TCP;
    NETIF_SET_CHECKSUM_CTRL(nif, flags);
    return ERR_OK;
}

void status_changed(netif*) {
    net_addresses_changed();
    if (!ip4_addr_isany_val(*netif_ip4_addr(&net_eth))) net_config_changed();
}

u32 prefix_of(u32 mask_network_order) { return __builtin_popcount(mask_network_order); }

void set_static_addresses() {
    IpAddress ip, gw;
    int prefix, unused;
    if (boot_options.ip) {
        if (!parse_ip_text(boot_options.ip, ip, prefix) || !ip.is_v4()) {
            log_warn("net: ip=%s is not an address", boot_options.ip);
        } else {
            if (prefix < 0) prefix = 24;
            ip4_addr_t a{ip.v4()}, mask{lwip_htonl(prefix ? ~0u << (32 - prefix) : 0)}, g{0};
            if (boot_options.gw) {
                if (parse_ip_text(boot_options.gw, gw, unused) && gw.is_v4()) g.addr = gw.v4();
                else log_warn("net: gw=%s is not an address", boot_options.gw);
            }
            netif_set_addr(&net_eth, &a, &mask, &g);
        }
    }
    if (boot_options.dns && parse_ip_text(boot_options.dns, ip, unused)) {
        ip_addr_t d = to_lwip(ip);
        dns_setserver(0, &d);
    }
    if (boot_options.ip6) {
        if (!parse_ip_text(boot_options.ip6, ip, prefix) || ip.is_v4()) {
            log_warn("net: ip6=%s is not an address", boot_options.ip6);
        } else {
            ip_addr_t a = to_lwip(ip);
            s8_t slot = -1;
            if (netif_add_ip6_address(&net_eth, ip_2_ip6(&a), &slot) == ERR_OK && slot >= 0)
                netif_ip6_addr_set_state(&net_eth, slot, IP6_ADDR_PREFERRED);
        }
        if (boot_options.gw6 && parse_ip_text(boot_options.gw6, gw, unused) && !gw.is_v4()) {
            static_gateway6 = gw;
            has_static_gateway6 = true;
        }
    }
}

} // namespace

netif& net_loop_netif() { return *netif_get_by_index(kLoopIndex); }

void net_device_kick() {
    if (!kick_needed) return;
    kick_needed = false;
    device->kick();
    // The kick reclaimed what the device had done with: room for what waited.
    if (waiting_first && send_waiting()) device->kick();
}

void net_start() {
    {
        NetGuard guard;
        lwip_init(); // brings up lo (index 1)
        device = net_devices().front();
        if (device) {
            ip4_addr_t none{0};
            netif_add(&net_eth, &none, &none, &none, device, eth_init, ethernet_input);
            net_eth_present = true;
            netif_set_default(&net_eth);
            netif_set_status_callback(&net_eth, status_changed);
            netif_create_ip6_linklocal_address(&net_eth, 1);
            netif_set_ip6_autoconfig_enabled(&net_eth, boot_options.ip6 ? 0 : 1);
            netif_set_link_up(&net_eth);
            netif_set_up(&net_eth);
            set_static_addresses();
            if (!boot_options.ip && dhcp_start(&net_eth) != ERR_OK) log_warn("net: DHCP could not be started");
            device->user = &net_eth;
            device->on_transmit_room = on_transmit_room;
            device->on_receive = on_receive;
        }
        net_addresses_changed();
        net_timers_start();
    }
    if (device) on_receive(*device);
    net_config_changed();
}

// --- snapshots ---

namespace {

void describe_lo(InterfaceInfo& i) {
    i = {};
    i.index = kLoopIndex;
    memcpy(i.name, "lo", 3);
    i.flags = IFF_UP | IFF_LOOPBACK | IFF_RUNNING;
    i.mtu = 65536;
    i.loopback = i.up = i.carrier = true;
    i.addresses[i.address_count++] = {IpAddress::loopback4(), 8, true};
    i.addresses[i.address_count++] = {IpAddress::loopback6(), 128, true};
}

void describe_eth(InterfaceInfo& i) {
    i = {};
    i.index = kEthIndex;
    memcpy(i.name, "eth0", 5);
    i.carrier = device->link_up();
    i.up = true;
    i.flags = IFF_UP | IFF_BROADCAST | IFF_MULTICAST | (i.carrier ? IFF_RUNNING : 0);
    i.mtu = net_eth.mtu;
    memcpy(i.mac, net_eth.hwaddr, 6);
    if (netif_ip4_addr(&net_eth)->addr)
        i.addresses[i.address_count++] = {IpAddress::v4_of(netif_ip4_addr(&net_eth)->addr),
                                          u8(prefix_of(netif_ip4_netmask(&net_eth)->addr)), boot_options.ip != nullptr};
    for (int a = 0; a < LWIP_IPV6_NUM_ADDRESSES && i.address_count < 8; ++a) {
        if (!ip6_addr_isvalid(netif_ip6_addr_state(&net_eth, a))) continue;
        IpAddress ip = IpAddress::v6_of(netif_ip6_addr(&net_eth, a)->addr);
        i.addresses[i.address_count++] = {ip, 64, ip.is_link_local6() || netif_ip6_addr_isstatic(&net_eth, a)};
    }
    const auto& s = device->stats;
    i.rx_packets = s.rx_packets;
    i.rx_bytes = s.rx_bytes;
    i.rx_dropped = s.rx_dropped;
    i.tx_packets = s.tx_packets;
    i.tx_bytes = s.tx_bytes;
    i.tx_dropped = s.tx_dropped;
}

} // namespace

u32 net_interfaces(InterfaceInfo* out, u32 most) {
    NetGuard guard;
    u32 n = 0;
    if (n < most) describe_lo(out[n++]);
    if (net_eth_present && n < most) describe_eth(out[n++]);
    return n;
}

u32 net_interface_index(const char* name) {
    if (strcmp(name, "lo") == 0) return kLoopIndex;
    if (net_eth_present && strcmp(name, "eth0") == 0) return kEthIndex;
    return 0;
}

u32 net_routes(RouteInfo* out, u32 most) {
    NetGuard guard;
    u32 n = 0;
    auto add = [&](RouteInfo r) {
        if (n < most) out[n++] = r;
    };
    if (net_eth_present) {
        u32 own = netif_ip4_addr(&net_eth)->addr, mask = netif_ip4_netmask(&net_eth)->addr, gw = netif_ip4_gw(&net_eth)->addr;
        u8 protocol = boot_options.ip ? RTPROT_BOOT : RTPROT_DHCP;
        if (own && gw)
            add({IpAddress::any4(), 0, true, IpAddress::v4_of(gw), !boot_options.ip, IpAddress::v4_of(own), kEthIndex, false, protocol, 0});
        if (own)
            add({IpAddress::v4_of(own & mask), u8(prefix_of(mask)), false, {}, true, IpAddress::v4_of(own), kEthIndex, false,
                 RTPROT_KERNEL, 0});
        for (int i = 0; i < LWIP_ND6_NUM_ROUTERS; ++i)
            if (const auto& r = default_router_list[i]; r.neighbor_entry)
                add({IpAddress::any6(), 0, true, IpAddress::v6_of(r.neighbor_entry->next_hop_address.addr), false, {}, kEthIndex,
                     false, 9 /* RTPROT_RA */, 1024});
        if (has_static_gateway6) add({IpAddress::any6(), 0, true, static_gateway6, false, {}, kEthIndex, false, RTPROT_BOOT, 1024});
        for (int i = 0; i < LWIP_ND6_NUM_PREFIXES; ++i)
            if (const auto& p = prefix_list[i]; p.netif) add({IpAddress::v6_of(p.prefix.addr), 64, false, {}, false, {}, kEthIndex, false, RTPROT_KERNEL, 256});
        IpAddress link_local;
        link_local.bytes[0] = 0xfe;
        link_local.bytes[1] = 0x80;
        add({link_local, 64, false, {}, false, {}, kEthIndex, false, RTPROT_KERNEL, 256});
        if (own) add({IpAddress::v4_of(own), 32, false, {}, true, IpAddress::v4_of(own), kEthIndex, true, RTPROT_KERNEL, 0});
    }
    add({IpAddress::v4_of(lwip_htonl(0x7f000000)), 8, false, {}, true, IpAddress::loopback4(), kLoopIndex, true, RTPROT_KERNEL, 0});
    add({IpAddress::loopback6(), 128, false, {}, false, {}, kLoopIndex, false, RTPROT_KERNEL, 256});
    return n;
}

u32 net_name_servers(IpAddress* out, u32 most) {
    NetGuard guard;
    u32 n = 0;
    for (int i = 0; i < DNS_MAX_SERVERS && n < most; ++i) {
        const ip_addr_t* a = dns_getserver(i);
        if (a && !ip_addr_isany(a)) out[n++] = from_lwip(*a);
    }
    return n;
}

extern "C" const ip6_addr_t* linnet_nd6_gateway(netif* nif, const ip6_addr_t*) {
    if (!has_static_gateway6 || nif != &net_eth) return nullptr;
    static ip6_addr_t gateway;
    ip_addr_t a = to_lwip(static_gateway6, static_gateway6.is_link_local6() ? kEthIndex : 0);
    gateway = *ip_2_ip6(&a);
    return &gateway;
}

} // namespace linnet
