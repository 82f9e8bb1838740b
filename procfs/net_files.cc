// /proc/net and /sys/class/net, from what net tells.
#include "kernel/dev/device.h"
#include "kernel/lib/string.h"
#include "linux-abi/netif.h"
#include "net/interface.h"
#include "net/proc_net.h"
#include "procfs/system.h"

namespace linnet {
namespace {

Result<void> net_text(GrowingText& out, u64 index) {
    struct Sink final : TextSink {
        explicit Sink(GrowingText& t) : text(t) {}
        Result<void> append(const char* s, size_t n) override {
            text.put(s, n);
            return text.failed() ? Result<void>(ENOMEM) : Result<void>();
        }
        GrowingText& text;
    } sink(out);
    return proc_net_files[index].generate(sink);
}

// --- /sys/class/net/NAME ---

enum Attribute : u32 { kAddress, kMtu, kFlags, kIfIndex, kOperState, kCarrier, kType, kAddrLen, kTxQueue, kSpeed, kRxBytes,
                       kRxPackets, kRxDropped, kTxBytes, kTxPackets, kTxDropped, kUevent };
constexpr struct { const char* name; Attribute attribute; } attributes[] = {
    {"address", kAddress}, {"mtu", kMtu}, {"flags", kFlags}, {"ifindex", kIfIndex}, {"iflink", kIfIndex},
    {"operstate", kOperState}, {"carrier", kCarrier}, {"type", kType}, {"addr_len", kAddrLen}, {"tx_queue_len", kTxQueue},
    {"speed", kSpeed}, {"statistics/rx_bytes", kRxBytes}, {"statistics/rx_packets", kRxPackets},
    {"statistics/rx_dropped", kRxDropped}, {"statistics/tx_bytes", kTxBytes}, {"statistics/tx_packets", kTxPackets},
    {"statistics/tx_dropped", kTxDropped}, {"uevent", kUevent}};
constexpr size_t kAttributes = sizeof attributes / sizeof attributes[0];

/// arg: interface index << 8 | attribute.
Result<void> interface_text(GrowingText& out, u64 arg) {
    auto* list = static_cast<InterfaceInfo*>(kzalloc(sizeof(InterfaceInfo) * kMaxInterfaces));
    if (!list) return ENOMEM;
    u32 count = net_interfaces(list, kMaxInterfaces);
    const InterfaceInfo* i = nullptr;
    for (u32 k = 0; k < count; ++k)
        if (list[k].index == arg >> 8) i = &list[k];
    Result<void> result;
    if (!i) {
        result = ENODEV;
    } else {
        switch (Attribute(arg & 0xff)) {
        case kAddress:
            out.append("%02x:%02x:%02x:%02x:%02x:%02x\n", i->mac[0], i->mac[1], i->mac[2], i->mac[3], i->mac[4], i->mac[5]);
            break;
        case kMtu: out.append("%u\n", i->mtu); break;
        case kFlags: out.append("0x%x\n", i->flags & 0xffff & ~u32(IFF_RUNNING)); break;
        case kIfIndex: out.append("%u\n", i->index); break;
        case kOperState: out.put(i->loopback ? "unknown\n" : i->up && i->carrier ? "up\n" : "down\n"); break;
        case kCarrier:
            if (i->up) out.append("%d\n", i->carrier ? 1 : 0);
            else result = EINVAL;
            break;
        case kType: out.put(i->loopback ? "772\n" : "1\n"); break;
        case kAddrLen: out.put("6\n"); break;
        case kTxQueue: out.put("1000\n"); break;
        case kSpeed:
            if (i->loopback) result = EINVAL;
            else out.put("-1\n");
            break;
        case kRxBytes: out.append("%lu\n", i->rx_bytes); break;
        case kRxPackets: out.append("%lu\n", i->rx_packets); break;
        case kRxDropped: out.append("%lu\n", i->rx_dropped); break;
        case kTxBytes: out.append("%lu\n", i->tx_bytes); break;
        case kTxPackets: out.append("%lu\n", i->tx_packets); break;
        case kTxDropped: out.append("%lu\n", i->tx_dropped); break;
        case kUevent: out.append("INTERFACE=%s\nIFINDEX=%u\n", i->name, i->index); break;
        }
    }
    kfree(list);
    return result;
}

} // namespace

void register_net_files() {
    for (size_t i = 0; i < proc_net_file_count; ++i) (void)register_proc_net(proc_net_files[i].name, net_text, i);
    // lo is number 1, the first device eth0 number 2.
    const char* names[] = {"lo", "eth0"};
    size_t interfaces = net_devices().empty() ? 1 : 2;
    constexpr size_t kPathBytes = 64;
    auto* files = static_cast<ProcFile*>(kmalloc(sizeof(ProcFile) * kAttributes * interfaces));
    auto* paths = static_cast<char*>(kmalloc(kPathBytes * kAttributes * interfaces));
    if (!files || !paths) {
        kfree(files);
        kfree(paths);
        return;
    }
    for (size_t n = 0; n < kAttributes * interfaces; ++n) {
        size_t which = n / kAttributes;
        const auto& a = attributes[n % kAttributes];
        char* path = paths + n * kPathBytes;
        format(path, kPathBytes, "sys/class/net/%s/%s", names[which], a.name);
        files[n] = {path, 0444, interface_text, nullptr, (which + 1) << 8 | a.attribute};
    }
    (void)register_proc_files(files, kAttributes * interfaces);
}

} // namespace linnet
