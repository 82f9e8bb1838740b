// PCI: configuration space, enumeration, BARs, capabilities, interrupts. Firmware or the VMM has assigned the BARs; a device whose
// BARs are not assigned is left out. Source: PCI Local Bus 3.0, PCI Express Base 3.0 section 7.
#pragma once

#include "kernel/irq/deferred.h"
#include "kernel/irq/irq.h"
#include "kernel/mm/page.h"

namespace linnet {

class PciFunction {
  public:
    PciFunction() = default;
    PciFunction(u8 bus, u8 slot, u8 function) : bus_(bus), slot_(slot), function_(function) {}
    u8 bus() const { return bus_; }
    u8 slot() const { return slot_; }
    u8 function() const { return function_; }

    /// Aligned configuration registers. offset < 256.
    u8 read8(u32 offset) const;
    u16 read16(u32 offset) const;
    u32 read32(u32 offset) const;
    void write8(u32 offset, u8 v) const;
    void write16(u32 offset, u16 v) const;
    void write32(u32 offset, u32 v) const;

    u16 vendor() const { return read16(0); }
    u16 device() const { return read16(2); }
    bool present() const { return vendor() != 0xffff; }

    /// The next capability with the identifier, after `after` (0: the first); 0: none.
    u32 find_capability(u8 id, u32 after = 0) const;
    struct Bar { PhysAddr address; u64 size; bool is_memory; };
    /// ENODEV: not there, not assigned. Decoding is off for a moment while the size is found out.
    Result<Bar> bar(u32 index) const;
    /// Memory decoding and bus mastering on.
    void enable() const;

    /// Every interrupt of the device goes to `handler`: MSI-X vector 0 where there is MSI-X, else the INTx line (shared: the handler asks its
    /// device). `*is_msix` says which. ENODEV, ENOSPC, ENOMEM.
    Result<void> request_interrupt(IrqHandler handler, void* arg, bool* is_msix) const;

  private:
    Result<void> request_msix(u32 capability, IrqHandler handler, void* arg) const;
    Result<u32> intx_gsi() const;
    u8 bus_ = 0, slot_ = 0, function_ = 0;
};

/// Looks through all buses and starts what is known. False: this machine has no PCI.
bool pci_init();

} // namespace linnet
