// What firmware tables (ACPI, else MP tables) say of the machine: CPUs, interrupt controllers, and where devices are.
// Filled once by read_machine_tables() (drivers/acpi), before the interrupt controllers are set up.
#pragma once

#include "kernel/lib/types.h"

namespace linnet {

struct MachineTables {
    static constexpr u32 kMaxCpus = 64, kMaxIoApics = 8, kMaxOverrides = 32, kMaxMmioDevices = 32;

    enum class Source : u8 { None, Acpi, Mp } source = Source::None;

    u64 local_apic_address = 0xfee00000; // physical
    bool has_8259 = true;                // the legacy interrupt controllers are there and must be masked

    struct Cpu { u32 apic_id; u32 acpi_uid; };
    u32 cpu_count = 0;   // enabled ones; 0: no table, the boot CPU only
    u32 cpus_ignored = 0; // beyond kMaxCpus
    Cpu cpus[kMaxCpus];

    struct IoApic { u64 address; u32 gsi_base; u32 id; };
    u32 io_apic_count = 0;
    IoApic io_apics[kMaxIoApics];

    /// ISA interrupt -> GSI; lines that are not listed are identity, edge-triggered, active high.
    struct Override { u32 isa_irq, gsi; bool level, low; };
    u32 override_count = 0;
    Override overrides[kMaxOverrides];

    /// virtio-mmio devices named by the DSDT.
    struct MmioDevice { u64 address, size; u32 gsi; bool level, low; };
    u32 mmio_device_count = 0;
    MmioDevice mmio_devices[kMaxMmioDevices];

    /// PCI Express configuration space of segment 0 (MCFG); ecam_base 0: none.
    u64 ecam_base = 0;
    u8 ecam_first_bus = 0, ecam_last_bus = 0;

    /// From the FADT; each false only if a FADT says so.
    bool has_cmos_rtc = true, has_8042 = true;
    /// Reset register (FADT), 0: none. In I/O space unless reset_in_memory.
    u64 reset_address = 0;
    bool reset_in_memory = false;
    u8 reset_value = 0;

    /// Where an ISA interrupt arrives, by the overrides.
    Override isa_line(u32 isa_irq) const {
        for (u32 i = 0; i < override_count; ++i)
            if (overrides[i].isa_irq == isa_irq) return overrides[i];
        return {isa_irq, isa_irq, false, false};
    }
};
extern MachineTables machine_tables;

} // namespace linnet
