#include "drivers/drivers.h"
#include "drivers/pci/pci.h"
#include "drivers/serial/uart.h"
#include "drivers/virtio/device.h"
#include "drivers/virtio/mmio.h"
#include "kernel/arch/x86_64/port_io.h"
#include "kernel/boot/boot_info.h"
#include "kernel/boot/machine_tables.h"
#include "kernel/lib/log.h"

namespace linnet {
namespace {

void start_mmio_device(u64 address, u64 size, u32 gsi, bool level, bool low) {
    auto t = probe_virtio_mmio(address, size, gsi, level, low);
    if (t) start_virtio_device(std::move(*t));
    else if (t.error() != ENODEV) log_warn("virtio-mmio@%lx: %s", static_cast<unsigned long>(address), errno_name(t.error()));
}

/// The slots of QEMU's microvm without ACPI and without hints: lines 5 to 12 of the only I/O APIC (hw/i386/microvm.c).
void probe_microvm_slots() {
    for (u32 n = 0; n < 8; ++n) start_mmio_device(0xfeb00000 + 0x200 * n, 0x200, 5 + n, false, false);
}

} // namespace

void drivers_init() {
    start_serial_line();
    // Devices are looked for where the first of these finds a hint: the command line, the DSDT, PCI, microvm's slots.
    bool named = false;
    for (u32 i = 0; i < boot_info.mmio_hint_count; ++i) {
        const MmioDeviceHint& h = boot_info.mmio_hints[i];
        start_mmio_device(h.address, h.size, h.gsi, false, false);
        named = true;
    }
    for (u32 i = 0; i < machine_tables.mmio_device_count; ++i) {
        const auto& d = machine_tables.mmio_devices[i];
        bool again = false;
        for (u32 k = 0; k < boot_info.mmio_hint_count; ++k) again |= boot_info.mmio_hints[k].address == d.address;
        if (!again) start_mmio_device(d.address, d.size, d.gsi, d.level, d.low);
        named = true;
    }
    if (named && !machine_tables.ecam_base) return;
    if (pci_init()) return;
    if (!named && machine_tables.source != MachineTables::Source::Acpi) probe_microvm_slots();
}

} // namespace linnet
