// RSDP, root tables, MADT, FADT, MCFG, DSDT. Every length comes from outside and is checked before use.
#include "drivers/acpi/acpi.h"
#include "kernel/lib/string.h"

namespace linnet {
namespace {

constexpr u32 kMaxTableBytes = 16 * MiB;
constexpr u32 kMaxRootEntries = 256;
constexpr u32 kMaxDsdtBytes = 1 * MiB;

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

struct Table {
    const u8* data = nullptr;
    u32 length = 0;
    bool is(const char* signature) const { return memcmp(data, signature, 4) == 0; }
};

/// A table with its whole length mapped; data is null if there is none. Checksums are the caller's matter.
Table map_table(PhysicalMemory& memory, u64 address) {
    const u8* head = address ? memory.map(address, 36) : nullptr;
    if (!head) return {};
    u32 length = get<u32>(head + 4);
    if (length < 36 || length > kMaxTableBytes) return {};
    const u8* all = memory.map(address, length);
    if (!all) return {};
    return {all, length};
}

void override_flags(u16 flags, bool isa, bool* level, bool* low) {
    // Polarity bits 0-1, trigger bits 2-3: 0 as the bus has it, 1 high / edge, 3 low / level.
    u32 polarity = flags & 3, trigger = flags >> 2 & 3;
    *low = polarity == 3 || (polarity == 0 && !isa);
    *level = trigger == 3 || (trigger == 0 && !isa);
}

void parse_madt(const Table& t, MachineTables& out) {
    if (t.length < 44) return;
    out.local_apic_address = get<u32>(t.data + 36);
    out.has_8259 = get<u32>(t.data + 40) & 1;
    auto add_cpu = [&](u32 apic_id, u32 uid, u32 flags) {
        if (!(flags & 1)) return; // bit 1, "online capable", would need hot plug
        for (u32 i = 0; i < out.cpu_count; ++i)
            if (out.cpus[i].apic_id == apic_id) return;
        if (out.cpu_count < MachineTables::kMaxCpus) out.cpus[out.cpu_count++] = {apic_id, uid};
        else ++out.cpus_ignored;
    };
    for (u32 at = 44; at + 2 <= t.length;) {
        const u8* e = t.data + at;
        u32 n = e[1];
        if (n < 2 || n > t.length - at) return;
        switch (e[0]) {
        case 0: // local APIC
            if (n >= 8 && e[3] != 0xff) add_cpu(e[3], e[2], get<u32>(e + 4));
            break;
        case 1: // I/O APIC
            if (n >= 12 && out.io_apic_count < MachineTables::kMaxIoApics)
                out.io_apics[out.io_apic_count++] = {get<u32>(e + 4), get<u32>(e + 8), e[2]};
            break;
        case 2: // interrupt source override
            if (n >= 10 && out.override_count < MachineTables::kMaxOverrides) {
                auto& o = out.overrides[out.override_count++];
                o.isa_irq = e[3];
                o.gsi = get<u32>(e + 4);
                override_flags(get<u16>(e + 8), true, &o.level, &o.low);
            }
            break;
        case 5: // local APIC address override
            if (n >= 12) out.local_apic_address = get<u64>(e + 4);
            break;
        case 9: // local x2APIC
            if (n >= 16 && get<u32>(e + 4) != 0xffffffff) add_cpu(get<u32>(e + 4), get<u32>(e + 12), get<u32>(e + 8));
            break;
        default: break;
        }
        at += n;
    }
}

void parse_fadt(PhysicalMemory& memory, const Table& t, MachineTables& out) {
    if (t.length >= 112 && t.data[8] >= 2) {
        u16 boot_arch = get<u16>(t.data + 109);
        out.has_8042 = boot_arch & 2;
        out.has_cmos_rtc = !(boot_arch & 0x20);
    }
    u32 flags = t.length >= 116 ? get<u32>(t.data + 112) : 0;
    // Generic address: space (0 memory, 1 I/O), bit width, bit offset, access size, address.
    if (t.length >= 129 && (flags & 1u << 10) && t.data[116] <= 1 && t.data[117] == 8) {
        out.reset_in_memory = t.data[116] == 0;
        out.reset_address = get<u64>(t.data + 120);
        out.reset_value = t.data[128];
    }
    // The DSDT is looked at only where PCI does not say what devices there are.
    if (out.ecam_base) return;
    u64 dsdt = t.length >= 44 ? get<u32>(t.data + 40) : 0;
    if (t.length >= 148 && get<u64>(t.data + 140)) dsdt = get<u64>(t.data + 140);
    Table d = map_table(memory, dsdt);
    if (d.data && d.is("DSDT") && d.length <= kMaxDsdtBytes) scan_aml_for_virtio(d.data + 36, d.length - 36, out);
}

void parse_mcfg(const Table& t, MachineTables& out) {
    for (u32 at = 44; at + 16 <= t.length; at += 16) {
        const u8* e = t.data + at;
        u64 base = get<u64>(e);
        if (get<u16>(e + 8) != 0 || !base || (base & 0xfffff) || e[10] > e[11]) continue;
        out.ecam_base = base;
        out.ecam_first_bus = e[10];
        out.ecam_last_bus = e[11];
        return;
    }
}

} // namespace

u64 find_rsdp(PhysicalMemory& memory) {
    auto search = [&](u64 from, u64 bytes) -> u64 {
        const u8* p = memory.map(from, bytes);
        if (!p) return 0;
        for (u64 at = 0; at + 36 <= bytes; at += 16)
            if (p[at] == 'R' && memcmp(p + at, "RSD PTR ", 8) == 0 && sum_is_zero(p + at, 20)) return from + at;
        return 0;
    };
    if (const u8* ebda = memory.map(0x40e, 2)) {
        u64 segment = u64(get<u16>(ebda)) << 4;
        if (segment >= 0x80000 && segment < 0xa0000)
            if (u64 found = search(segment, 1024)) return found;
    }
    return search(0xe0000, 0x20000);
}

bool parse_acpi(PhysicalMemory& memory, u64 rsdp, MachineTables& out) {
    const u8* r = rsdp ? memory.map(rsdp, 20) : nullptr;
    if (!r || memcmp(r, "RSD PTR ", 8) != 0 || !sum_is_zero(r, 20)) return false;
    u64 root = get<u32>(r + 16);
    u32 entry_size = 4;
    if (r[15] >= 2)
        if (const u8* r2 = memory.map(rsdp, 36); r2 && get<u32>(r2 + 20) >= 36 && get<u64>(r2 + 24)) {
            root = get<u64>(r2 + 24);
            entry_size = 8;
        }
    Table t = map_table(memory, root);
    if (!t.data || !t.is(entry_size == 8 ? "XSDT" : "RSDT")) return false;
    u32 entries = (t.length - 36) / entry_size;
    if (entries > kMaxRootEntries) entries = kMaxRootEntries;
    bool has_madt = false;
    Table fadt;
    for (u32 i = 0; i < entries; ++i) {
        const u8* e = t.data + 36 + i * entry_size;
        Table one = map_table(memory, entry_size == 8 ? get<u64>(e) : get<u32>(e));
        if (!one.data) continue;
        if (one.is("APIC") && !has_madt) {
            has_madt = true;
            parse_madt(one, out);
        } else if (one.is("FACP")) {
            fadt = one;
        } else if (one.is("MCFG")) {
            parse_mcfg(one, out);
        }
    }
    if (fadt.data) parse_fadt(memory, fadt, out);
    if (has_madt) out.source = MachineTables::Source::Acpi;
    return has_madt;
}

} // namespace linnet
