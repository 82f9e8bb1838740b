// Firmware tables. Parsing is pure (a PhysicalMemory hands out bytes), so that it is tested and fuzzed on the host.
// Source: ACPI 6.4 sections 5.2.5 (RSDP), 5.2.12 (MADT), 5.2.9 (FADT), 6.4 (resource descriptors), 20 (AML);
// MultiProcessor Specification 1.4 chapter 4; PCI Firmware Specification 3.2 section 4.1.2 (MCFG).
#pragma once

#include "kernel/boot/machine_tables.h"

namespace linnet {

/// Where tables are read from.
class PhysicalMemory {
  public:
    /// `n` readable bytes at a physical address, valid until the end of parsing; null if that is not memory.
    virtual const u8* map(u64 address, size_t n) = 0;

  protected:
    ~PhysicalMemory() = default;
};

/// Reads what boot_info.rsdp (or a search of the BIOS area) leads to into machine_tables. Boot, once, before interrupts
/// are set up; needs the direct map only. Tables that are absent or broken leave the defaults.
void read_machine_tables();

/// The pure parts. False: no usable table there (`out` may hold what was understood before the damage).
bool parse_acpi(PhysicalMemory& memory, u64 rsdp, MachineTables& out);
bool parse_mp_tables(PhysicalMemory& memory, MachineTables& out);
/// Physical address of an RSDP in the BIOS area; 0: none.
u64 find_rsdp(PhysicalMemory& memory);
/// virtio-mmio devices (_HID LNRO0005) of a DSDT, found by the byte patterns of their resource templates.
void scan_aml_for_virtio(const u8* aml, size_t size, MachineTables& out);

} // namespace linnet
