#include "drivers/pci/config.h"
#include "drivers/pci/pci.h"
#include "drivers/virtio/device.h"
#include "drivers/virtio/pci.h"
#include "kernel/lib/log.h"

namespace linnet {
namespace {

constexpr u16 kVirtioVendor = 0x1af4;

void start_function(const PciFunction& f) {
    if (f.vendor() != kVirtioVendor || f.device() < 0x1000 || f.device() > 0x107f) return;
    auto t = probe_virtio_pci(f);
    if (t) start_virtio_device(std::move(*t));
    else log_warn("virtio-pci@%02x:%02x.%x: %s", f.bus(), f.slot(), f.function(), errno_name(t.error()));
}

void scan_bus(u8 bus, u32 depth) {
    for (u8 slot = 0; slot < 32; ++slot) {
        PciFunction first(bus, slot, 0);
        if (!first.present()) continue;
        u32 functions = first.read8(0x0e) & 0x80 ? 8 : 1;
        for (u8 n = 0; n < functions; ++n) {
            PciFunction f(bus, slot, n);
            if (n && !f.present()) continue;
            if ((f.read8(0x0e) & 0x7f) == 1) {
                u8 secondary = f.read8(0x19);
                // Numbers grow downwards in a tree that firmware has numbered: anything else would be a loop.
                if (secondary > bus && depth < 8) scan_bus(secondary, depth + 1);
            } else {
                start_function(f);
            }
        }
    }
}

} // namespace

bool pci_init() {
    if (!find_pci_access()) return false;
    scan_bus(0, 0);
    return true;
}

} // namespace linnet
