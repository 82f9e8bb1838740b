// SIOCGIF* on any socket. Addresses are set by the host: the SIOCSIF* ones answer EPERM. Source: netdevice(7).
#include "kernel/mm/user.h"
#include "linux-abi/netif.h"
#include "net/interface.h"
#include "net/socket.h"

namespace linnet {

namespace {

const InterfaceAddress* first_v4(const InterfaceInfo& i) {
    for (u32 a = 0; a < i.address_count; ++a)
        if (i.addresses[a].ip.is_v4()) return &i.addresses[a];
    return nullptr;
}

void put_sockaddr(u8* to, u32 address) {
    abi::SockAddrIn s{};
    s.family = AF_INET;
    s.addr.addr = address;
    memcpy(to, &s, sizeof s);
}

u32 netmask(u8 prefix) { return __builtin_bswap32(prefix ? ~0u << (32 - prefix) : 0); }

Result<i64> list_interfaces(u64 arg, const InterfaceInfo* interfaces, u32 count) {
    auto conf = TRY(user_read<abi::Ifconf>(arg));
    if (conf.len < 0) return EINVAL;
    i32 used = 0;
    for (u32 i = 0; i < count; ++i) {
        const InterfaceAddress* a = first_v4(interfaces[i]);
        if (!a) continue;
        if (conf.buf) {
            if (used + static_cast<i32>(sizeof(abi::Ifreq)) > conf.len) break;
            abi::Ifreq r{};
            memcpy(r.name, interfaces[i].name, sizeof r.name);
            put_sockaddr(r.raw, a->ip.v4());
            TRY(user_write(conf.buf + used, r));
        }
        used += sizeof(abi::Ifreq);
    }
    conf.len = used;
    TRY(user_write(arg, conf));
    return i64{0};
}

} // namespace

Result<i64> interface_ioctl(u32 command, u64 arg) {
    if (command < 0x8900 || command > 0x89ff) return ENOTTY;
    InterfaceInfo interfaces[kMaxInterfaces];
    u32 count = net_interfaces(interfaces, kMaxInterfaces);
    switch (command) {
    case SIOCGIFCONF: return list_interfaces(arg, interfaces, count);
    case SIOCSIFFLAGS:
    case SIOCSIFADDR:
    case SIOCSIFNETMASK:
    case SIOCSIFBRDADDR:
    case SIOCSIFDSTADDR:
    case SIOCSIFMTU:
    case SIOCSIFMETRIC:
    case SIOCSIFHWADDR:
    case SIOCSIFTXQLEN:
    case SIOCSIFNAME:
    case SIOCADDRT:
    case SIOCDELRT: return EPERM;
    case SIOCGIFNAME:
    case SIOCGIFFLAGS:
    case SIOCGIFADDR:
    case SIOCGIFDSTADDR:
    case SIOCGIFBRDADDR:
    case SIOCGIFNETMASK:
    case SIOCGIFMETRIC:
    case SIOCGIFMTU:
    case SIOCGIFHWADDR:
    case SIOCGIFINDEX:
    case SIOCGIFTXQLEN:
    case SIOCGIFMAP: break;
    case SIOCETHTOOL: return EOPNOTSUPP;
    default: return ENOTTY;
    }
    auto r = TRY(user_read<abi::Ifreq>(arg));
    r.name[15] = 0;
    if (char* alias = strchr(r.name, ':')) *alias = 0;
    const InterfaceInfo* i = nullptr;
    for (u32 k = 0; k < count; ++k)
        if (command == SIOCGIFNAME ? interfaces[k].index == static_cast<u32>(r.ivalue) : strcmp(interfaces[k].name, r.name) == 0)
            i = &interfaces[k];
    if (!i) return ENODEV;
    const InterfaceAddress* a = first_v4(*i);
    i32 ivalue = command == SIOCGIFNAME ? r.ivalue : 0;
    memset(r.raw, 0, sizeof r.raw);
    switch (command) {
    case SIOCGIFNAME:
        memcpy(r.name, i->name, sizeof r.name);
        r.ivalue = ivalue;
        break;
    case SIOCGIFFLAGS: r.flags = static_cast<i16>(i->flags); break;
    case SIOCGIFMETRIC: r.ivalue = 0; break;
    case SIOCGIFMTU: r.ivalue = i->mtu; break;
    case SIOCGIFTXQLEN: r.ivalue = 1000; break;
    case SIOCGIFINDEX: r.ivalue = i->index; break;
    case SIOCGIFMAP: break;
    case SIOCGIFHWADDR: {
        u16 kind = i->loopback ? 772 : 1;
        memcpy(r.raw, &kind, 2);
        memcpy(r.raw + 2, i->mac, 6);
        break;
    }
    default:
        if (!a) return EADDRNOTAVAIL;
        u32 v = a->ip.v4();
        if (command == SIOCGIFNETMASK) v = netmask(a->prefix);
        if (command == SIOCGIFBRDADDR) v = i->loopback ? 0 : v | ~netmask(a->prefix);
        put_sockaddr(r.raw, v);
    }
    TRY(user_write(arg, r));
    return i64{0};
}

} // namespace linnet
