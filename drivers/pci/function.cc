// One PCI function: capabilities, BARs, interrupts.
#include "drivers/pci/pci.h"

namespace linnet {
namespace {

constexpr u8 kMsixCapability = 0x11;
constexpr u16 kCommandMemory = 2, kCommandMaster = 4, kCommandIntxOff = 0x400;

} // namespace

u32 PciFunction::find_capability(u8 id, u32 after) const {
    if (!(read16(6) & 0x10)) return 0; // no list
    u32 at = after ? read8(after + 1) : read8(0x34);
    // The list comes from the device and may be a loop: 48 entries fill the space.
    for (int i = 0; i < 48; ++i) {
        at &= ~3u;
        if (at < 0x40) return 0;
        if (read8(at) == id) return at;
        at = read8(at + 1);
    }
    return 0;
}

Result<PciFunction::Bar> PciFunction::bar(u32 index) const {
    if (index > 5) return ENODEV;
    u32 offset = 0x10 + 4 * index;
    u32 low = read32(offset);
    bool is_io = low & 1;
    bool wide = !is_io && (low >> 1 & 3) == 2;
    if (wide && index == 5) return ENODEV;
    u32 high = wide ? read32(offset + 4) : 0;
    u32 mask_bits = is_io ? 3 : 15;
    u64 address = u64(high) << 32 | (low & ~mask_bits);
    if (address == 0) return ENODEV;
    u16 command = read16(4);
    write16(4, u16(command & ~3));
    write32(offset, ~0u);
    u32 size_low = read32(offset);
    u32 size_high = ~0u;
    if (wide) {
        write32(offset + 4, ~0u);
        size_high = read32(offset + 4);
        write32(offset + 4, high);
    }
    write32(offset, low);
    write16(4, command);
    u64 mask = u64(size_high) << 32 | (size_low & ~mask_bits);
    if (size_low == 0 && (!wide || size_high == 0)) return ENODEV;
    u64 size = ~mask + 1;
    if (is_io) size &= 0xffff;
    if (size == 0 || (size & (size - 1)) || address + size < address || address >> 52) return ENODEV;
    return Bar{address, size, !is_io};
}

void PciFunction::enable() const { write16(4, u16(read16(4) | kCommandMemory | kCommandMaster)); }

namespace {
/// An entry of the MSI-X table: address, data, and a mask bit that holds messages back meanwhile. PCI 3.0, 6.8.2.
void write_msix_entry(volatile void* at, const MsiMessage& m) {
    auto* entry = static_cast<volatile u32*>(at);
    entry[3] = 1;
    entry[0] = u32(m.address);
    entry[1] = u32(m.address >> 32);
    entry[2] = m.data;
    entry[3] = 0;
}
} // namespace

Result<void> PciFunction::request_msix(u32 capability, IrqHandler handler, void* arg) const {
    u32 table = read32(capability + 4);
    Bar b = TRY(bar(table & 7));
    u64 offset = table & ~7u;
    if (!b.is_memory || offset > b.size || b.size - offset < 16) return ENODEV;
    u64 page = page_down(b.address + offset);
    auto* base = static_cast<volatile u8*>(TRY(map_device(page, kPageSize)));
    auto* entry = reinterpret_cast<volatile u32*>(base + (b.address + offset - page));
    MsiMessage m = TRY(request_msi(handler, arg, write_msix_entry, entry));
    // Everything masked while the entry is written.
    u16 control = read16(capability + 2);
    write16(capability + 2, u16(control | 0xc000));
    write_msix_entry(entry, m);
    write16(4, u16(read16(4) | kCommandIntxOff));
    write16(capability + 2, u16((control | 0x8000) & ~0x4000));
    return {};
}

/// Without an interpreter for _PRT the wiring of QEMU's q35 is assumed where its host bridge is (8086:29c0): slots below 25 swizzle over
/// lines 20 to 23, the others use 16 to 19. Elsewhere the interrupt line register counts, as VMMs without ACPI fill it.
Result<u32> PciFunction::intx_gsi() const {
    u8 pin = read8(0x3d);
    if (pin < 1 || pin > 4) return ENODEV;
    PciFunction host(0, 0, 0);
    if (bus_ == 0 && host.vendor() == 0x8086 && host.device() == 0x29c0) {
        if (slot_ < 25) return 20u + ((slot_ + pin - 1u) & 3);
        return 16u + (pin - 1u);
    }
    u8 line = read8(0x3c);
    if (line == 0 || line == 0xff) return ENODEV;
    return line;
}

Result<void> PciFunction::request_interrupt(IrqHandler handler, void* arg, bool* is_msix) const {
    *is_msix = false;
    if (u32 capability = find_capability(kMsixCapability))
        if (request_msix(capability, handler, arg)) {
            *is_msix = true;
            return {};
        }
    u32 gsi = TRY(intx_gsi());
    return request_gsi(gsi, true, false, handler, arg); // QEMU's lines are active high
}

} // namespace linnet
