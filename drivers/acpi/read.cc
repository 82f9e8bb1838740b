// Reads the tables of this machine through the direct map, or a mapping where the direct map ends.
#include "drivers/acpi/acpi.h"
#include "kernel/boot/boot_info.h"
#include "kernel/irq/irq.h"
#include "kernel/lib/log.h"
#include "kernel/mm/page.h"

namespace linnet {

MachineTables machine_tables;

namespace {

class RealMemory final : public PhysicalMemory {
  public:
    const u8* map(u64 address, size_t n) override {
        if (address >= 1ull << 46 || n > 64 * MiB) return nullptr;
        if (in_direct_map(address, n)) return static_cast<const u8*>(phys_to_virt(address));
        // Tables that lie outside of what the VMM called memory.
        auto mapped = map_device(address, n);
        return mapped ? static_cast<const u8*>(*mapped) : nullptr;
    }

  private:
    /// Whole inside memory that the direct map certainly covers: the first MiB, or a range that the VMM calls memory.
    static bool in_direct_map(u64 address, size_t n) {
        if (address + n <= MiB) return true;
        for (u32 i = 0; i < boot_info.memory_count; ++i) {
            const MemoryRange& r = boot_info.memory[i];
            if (r.usable && address >= r.start && address + n <= r.end) return true;
        }
        return false;
    }
};

} // namespace

void read_machine_tables() {
    RealMemory memory;
    u64 rsdp = boot_info.rsdp;
    // A VMM that gives device addresses on the command line has no ACPI to look for (microvm with acpi=off, Firecracker).
    if (!rsdp && boot_info.mmio_hint_count == 0) rsdp = find_rsdp(memory);
    if (!parse_acpi(memory, rsdp, machine_tables)) parse_mp_tables(memory, machine_tables);
    for (u32 i = 0; i < machine_tables.io_apic_count; ++i)
        register_ioapic(machine_tables.io_apics[i].address, machine_tables.io_apics[i].gsi_base);
    for (u32 i = 0; i < machine_tables.override_count; ++i) {
        const auto& o = machine_tables.overrides[i];
        register_isa_override(o.isa_irq, o.gsi, o.level, o.low);
    }
}

} // namespace linnet
