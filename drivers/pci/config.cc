// Configuration space: ports 0xcf8/0xcfc, or the memory window (ECAM) where the ports do not answer.
#include "drivers/pci/config.h"
#include "drivers/pci/pci.h"
#include "kernel/arch/x86_64/port_io.h"
#include "kernel/boot/machine_tables.h"
#include "kernel/sync/spinlock.h"

namespace linnet {
namespace {

constexpr u16 kAddressPort = 0xcf8, kDataPort = 0xcfc;

SpinLock<Rank::PciConfig> config_lock;
bool use_ecam;
volatile u8* ecam_bus[256]; // mapped when first used, during enumeration

volatile u8* ecam(u8 bus, u8 slot, u8 function, u32 offset) {
    const MachineTables& m = machine_tables;
    if (bus < m.ecam_first_bus || bus > m.ecam_last_bus) return nullptr;
    if (!ecam_bus[bus]) {
        // The base is that of bus 0, whatever the first bus is.
        auto mapped = map_device(m.ecam_base + (u64(bus) << 20), MiB);
        if (!mapped) return nullptr;
        ecam_bus[bus] = static_cast<volatile u8*>(*mapped);
    }
    return ecam_bus[bus] + (u32(slot) << 15 | u32(function) << 12 | offset);
}

template <class T>
T config_read(u8 bus, u8 slot, u8 function, u32 offset) {
    if (offset > 256 - sizeof(T)) return T(~T{});
    if (use_ecam) {
        volatile u8* p = ecam(bus, slot, function, offset);
        return p ? *reinterpret_cast<volatile T*>(p) : T(~T{});
    }
    SpinGuard guard(config_lock);
    port_out32(kAddressPort, 1u << 31 | u32(bus) << 16 | u32(slot) << 11 | u32(function) << 8 | (offset & ~3u));
    u16 port = u16(kDataPort + (offset & 3));
    if constexpr (sizeof(T) == 1) return port_in8(port);
    else if constexpr (sizeof(T) == 2) return port_in16(port);
    else return port_in32(port);
}

template <class T>
void config_write(u8 bus, u8 slot, u8 function, u32 offset, T v) {
    if (offset > 256 - sizeof(T)) return;
    if (use_ecam) {
        if (volatile u8* p = ecam(bus, slot, function, offset)) *reinterpret_cast<volatile T*>(p) = v;
        return;
    }
    SpinGuard guard(config_lock);
    port_out32(kAddressPort, 1u << 31 | u32(bus) << 16 | u32(slot) << 11 | u32(function) << 8 | (offset & ~3u));
    u16 port = u16(kDataPort + (offset & 3));
    if constexpr (sizeof(T) == 1) port_out8(port, v);
    else if constexpr (sizeof(T) == 2) port_out16(port, v);
    else port_out32(port, v);
}

} // namespace

bool find_pci_access() {
    // The address port reads back only where there is such a bridge.
    port_out32(kAddressPort, 1u << 31);
    if (port_in32(kAddressPort) == 1u << 31) {
        use_ecam = false;
        if (PciFunction(0, 0, 0).present()) return true;
    }
    if (!machine_tables.ecam_base) return false;
    use_ecam = true;
    return true;
}

u8 PciFunction::read8(u32 o) const { return config_read<u8>(bus_, slot_, function_, o); }
u16 PciFunction::read16(u32 o) const { return config_read<u16>(bus_, slot_, function_, o & ~1u); }
u32 PciFunction::read32(u32 o) const { return config_read<u32>(bus_, slot_, function_, o & ~3u); }
void PciFunction::write8(u32 o, u8 v) const { config_write<u8>(bus_, slot_, function_, o, v); }
void PciFunction::write16(u32 o, u16 v) const { config_write<u16>(bus_, slot_, function_, o & ~1u, v); }
void PciFunction::write32(u32 o, u32 v) const { config_write<u32>(bus_, slot_, function_, o & ~3u, v); }

} // namespace linnet
