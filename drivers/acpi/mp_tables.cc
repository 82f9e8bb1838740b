// MultiProcessor Specification 1.4: what machines without ACPI (Firecracker, microvm with acpi=off) describe themselves with.
#include "drivers/acpi/acpi.h"
#include "kernel/lib/string.h"

namespace linnet {
namespace {

template <class T>
T get(const u8* p) {
    T v;
    memcpy(&v, p, sizeof v);
    return v;
}

bool sum_is_zero(const u8* p, size_t n) {
    u8 sum = 0;
    for (size_t i = 0; i < n; ++i) sum = u8(sum + p[i]);
    return sum == 0;
}

/// Physical address of the configuration table that a floating pointer in the range names; 0: none.
u64 find_pointer(PhysicalMemory& memory, u64 from, u64 bytes) {
    const u8* p = memory.map(from, bytes);
    if (!p) return 0;
    for (u64 at = 0; at + 16 <= bytes; at += 16)
        if (p[at] == '_' && memcmp(p + at, "_MP_", 4) == 0 && p[at + 8] == 1 && sum_is_zero(p + at, 16))
            return get<u32>(p + at + 4);
    return 0;
}

} // namespace

bool parse_mp_tables(PhysicalMemory& memory, MachineTables& out) {
    u64 table = 0;
    if (const u8* ebda = memory.map(0x40e, 2)) {
        u64 segment = u64(get<u16>(ebda)) << 4;
        if (segment >= 0x80000 && segment < 0xa0000) table = find_pointer(memory, segment, 1024);
    }
    // The last KiB of base memory (639 or 640 KiB), then the BIOS area.
    if (!table) table = find_pointer(memory, 639 * KiB, KiB);
    if (!table) table = find_pointer(memory, 638 * KiB, KiB);
    if (!table) table = find_pointer(memory, 0xe0000, 0x20000);
    const u8* head = table ? memory.map(table, 44) : nullptr;
    if (!head || memcmp(head, "PCMP", 4) != 0) return false;
    u32 length = get<u16>(head + 4);
    const u8* t = length >= 44 ? memory.map(table, length) : nullptr;
    if (!t || !sum_is_zero(t, length)) return false;
    if (u32 lapic = get<u32>(t + 36)) out.local_apic_address = lapic;

    u32 at = 44;
    bool bus_is_isa[256] = {};
    u32 gsi_base = 0;
    // By length: the entry count is 0 in the tables of QEMU's microvm firmware.
    while (at < length) {
        const u8* e = t + at;
        u32 n = e[0] == 0 ? 20 : 8;
        if (e[0] > 4 || n > length - at) break;
        switch (e[0]) {
        case 0: // processor; the flag says that it is usable
            if (!(e[3] & 1)) break;
            if (out.cpu_count < MachineTables::kMaxCpus) out.cpus[out.cpu_count++] = {e[1], e[1]};
            else ++out.cpus_ignored;
            break;
        case 1: // bus
            bus_is_isa[e[1]] = memcmp(e + 2, "ISA", 3) == 0;
            break;
        case 2: // I/O APIC; MP tables number lines per controller, so GSIs follow in table order, 24 each
            if ((e[3] & 1) && out.io_apic_count < MachineTables::kMaxIoApics) {
                out.io_apics[out.io_apic_count++] = {get<u32>(e + 4), gsi_base, e[1]};
                gsi_base += 24;
            }
            break;
        case 3: { // interrupt assignment
            u32 irq = e[5], pin = e[7];
            if (e[1] != 0 || !bus_is_isa[e[4]] || irq >= 16) break;
            u16 flags = get<u16>(e + 2);
            bool level = (flags >> 2 & 3) == 3, low = (flags & 3) == 3;
            if (irq == pin && !level && !low) break; // as the default
            if (out.override_count < MachineTables::kMaxOverrides)
                out.overrides[out.override_count++] = {irq, pin, level, low};
            break;
        }
        default: break;
        }
        at += n;
    }
    out.source = MachineTables::Source::Mp;
    return true;
}

} // namespace linnet
