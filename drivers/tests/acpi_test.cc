// Firmware tables: what QEMU's look like, and damaged ones.
#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <random>
#include <vector>

#include "drivers/acpi/acpi.h"

namespace linnet {
namespace {

/// Sparse physical memory.
class FakeMemory final : public PhysicalMemory {
  public:
    std::map<u64, std::vector<u8>> parts;
    const u8* map(u64 address, size_t n) override {
        for (auto& [start, bytes] : parts)
            if (address >= start && address - start <= bytes.size() && n <= bytes.size() - (address - start))
                return bytes.data() + (address - start);
        return nullptr;
    }
};

struct Bytes : std::vector<u8> {
    Bytes& raw(const char* s, size_t n) {
        insert(end(), s, s + n);
        return *this;
    }
    template <class T>
    Bytes& num(T v) {
        auto* p = reinterpret_cast<const u8*>(&v);
        insert(end(), p, p + sizeof v);
        return *this;
    }
    Bytes& zero(size_t n) {
        insert(end(), n, 0);
        return *this;
    }
    template <class T>
    void put(size_t at, T v) { std::memcpy(data() + at, &v, sizeof v); }
};

Bytes table(const char* signature, u8 revision = 1) {
    Bytes b;
    b.raw(signature, 4).num<u32>(0).num<u8>(revision).zero(27);
    return b;
}
void finish(Bytes& b) { b.put<u32>(4, u32(b.size())); }
void fix_sum(Bytes& b, size_t at, size_t n) {
    b[at] = 0;
    u8 sum = 0;
    for (size_t i = 0; i < n; ++i) sum = u8(sum + b[i]);
    b[at] = u8(-sum);
}

Bytes virtio_device(u32 address, u32 gsi) {
    Bytes b;
    b.raw("\x5b\x82\x40\x05VR23\x08_HID\x0dLNRO0005\0", 23);
    b.raw("\x08_UID\x0a\x17\x08_CCA\x01\x08_CRS\x11\x1a\x0a\x17", 21);
    b.raw("\x86\x09\x00\x01", 4).num(address).num<u32>(0x200);
    b.raw("\x89\x06\x00\x01\x01", 5).num(gsi).raw("\x79\x00", 2);
    return b;
}

FakeMemory machine(Bytes* madt_out = nullptr) {
    FakeMemory m;
    Bytes madt = table("APIC");
    madt.num<u32>(0xfee00000).num<u32>(1);
    for (u8 i = 0; i < 3; ++i) madt.raw("\x00\x08", 2).num<u8>(i).num<u8>(i).num<u32>(i == 2 ? 0 : 1);
    madt.raw("\x01\x0c\x00\x00", 4).num<u32>(0xfec00000).num<u32>(0);
    madt.raw("\x01\x0c\x01\x00", 4).num<u32>(0xfec10000).num<u32>(24);
    madt.raw("\x02\x0a\x00\x00", 4).num<u32>(2).num<u16>(0);
    madt.raw("\x02\x0a\x00\x09", 4).num<u32>(9).num<u16>(0xd);
    finish(madt);
    if (madt_out) *madt_out = madt;
    Bytes dsdt = table("DSDT");
    for (auto& d : {virtio_device(0xfeb02e00, 47), virtio_device(0xfeb02c00, 46)}) dsdt.insert(dsdt.end(), d.begin(), d.end());
    finish(dsdt);
    Bytes fadt = table("FACP", 6);
    fadt.zero(276 - 36);
    fadt.put<u32>(40, 0x3000);
    fadt.put<u16>(109, 2);
    fadt.put<u32>(112, 1 << 10);
    fadt[116] = 1;
    fadt[117] = 8;
    fadt.put<u64>(120, 0xcf9);
    fadt[128] = 0x0f;
    finish(fadt);
    Bytes xsdt = table("XSDT");
    xsdt.num<u64>(0x2000).num<u64>(0x4000);
    finish(xsdt);
    Bytes rsdp;
    rsdp.raw("RSD PTR ", 8).num<u8>(0).raw("BOCHS ", 6).num<u8>(2).num<u32>(0).num<u32>(36).num<u64>(0x5000).num<u32>(0);
    fix_sum(rsdp, 8, 20);
    m.parts[0x1000] = rsdp;
    m.parts[0x2000] = madt;
    m.parts[0x3000] = dsdt;
    m.parts[0x4000] = fadt;
    m.parts[0x5000] = xsdt;
    return m;
}

TEST(Acpi, MicrovmTables) {
    FakeMemory m = machine();
    MachineTables t;
    ASSERT_TRUE(parse_acpi(m, 0x1000, t));
    EXPECT_EQ(2u, t.cpu_count) << "the disabled CPU is left out";
    ASSERT_EQ(2u, t.io_apic_count);
    EXPECT_EQ(0xfec10000u, t.io_apics[1].address);
    EXPECT_EQ(24u, t.io_apics[1].gsi_base);
    ASSERT_EQ(2u, t.override_count);
    EXPECT_EQ(2u, t.isa_line(0).gsi);
    EXPECT_TRUE(t.isa_line(9).level);
    EXPECT_FALSE(t.isa_line(9).low);
    EXPECT_EQ(4u, t.isa_line(4).gsi);
    ASSERT_EQ(2u, t.mmio_device_count);
    EXPECT_EQ(0xfeb02e00u, t.mmio_devices[0].address);
    EXPECT_EQ(47u, t.mmio_devices[0].gsi);
    EXPECT_TRUE(t.mmio_devices[0].level);
    EXPECT_EQ(0xcf9u, t.reset_address);
    EXPECT_EQ(0x0fu, t.reset_value);
}

TEST(Acpi, NoTablesLeaveTheDefaults) {
    FakeMemory m;
    MachineTables t;
    EXPECT_FALSE(parse_acpi(m, 0, t));
    EXPECT_FALSE(parse_acpi(m, 0x1000, t));
    EXPECT_FALSE(parse_mp_tables(m, t));
    EXPECT_EQ(0u, find_rsdp(m));
    EXPECT_EQ(0xfee00000u, t.local_apic_address);
}

TEST(Acpi, EntryOfLengthZeroEndsTheMadt) {
    Bytes madt;
    FakeMemory m = machine(&madt);
    madt[44 + 1] = 0;
    m.parts[0x2000] = madt;
    MachineTables t;
    EXPECT_TRUE(parse_acpi(m, 0x1000, t));
    EXPECT_EQ(0u, t.cpu_count);
}

TEST(Acpi, MoreCpusThanFitAreCounted) {
    FakeMemory m = machine();
    Bytes madt = table("APIC");
    madt.num<u32>(0xfee00000).num<u32>(0);
    for (u32 i = 0; i < 100; ++i) madt.raw("\x09\x10\x00\x00", 4).num<u32>(i).num<u32>(1).num<u32>(i);
    finish(madt);
    m.parts[0x2000] = madt;
    MachineTables t;
    EXPECT_TRUE(parse_acpi(m, 0x1000, t));
    EXPECT_EQ(64u, t.cpu_count);
    EXPECT_EQ(36u, t.cpus_ignored);
    EXPECT_FALSE(t.has_8259);
}

TEST(Acpi, RandomDamageIsSurvived) {
    std::mt19937 random(7);
    for (int i = 0; i < 20000; ++i) {
        FakeMemory m = machine();
        for (u32 n = 1 + random() % 6; n; --n) {
            auto part = std::next(m.parts.begin(), random() % m.parts.size());
            auto& bytes = part->second;
            size_t at = random() % bytes.size();
            if (random() % 4) bytes[at] = u8(random());
            else bytes.resize(at + 1);
        }
        MachineTables t;
        parse_acpi(m, 0x1000, t);
        EXPECT_LE(t.cpu_count, MachineTables::kMaxCpus);
        EXPECT_LE(t.mmio_device_count, MachineTables::kMaxMmioDevices);
    }
}

TEST(Acpi, NonsenseResourcesAreNoDevices) {
    Bytes d = virtio_device(0x800, 5); // in the first MiB
    MachineTables t;
    scan_aml_for_virtio(d.data(), d.size(), t);
    EXPECT_EQ(0u, t.mmio_device_count);
    d = virtio_device(0xfeb00000, 5000);
    scan_aml_for_virtio(d.data(), d.size(), t);
    EXPECT_EQ(0u, t.mmio_device_count);
    d = virtio_device(0xfeb00000, 5);
    for (size_t n = 0; n < d.size(); ++n) {
        std::vector<u8> cut(d.begin(), d.begin() + long(n)); // exact size, for ASan
        scan_aml_for_virtio(cut.data(), cut.size(), t);
    }
}

TEST(MpTables, CountOfZeroAsMicrovmFirmwareWritesIt) {
    FakeMemory m;
    Bytes low;
    low.zero(1024);
    std::memcpy(low.data(), "_MP_", 4);
    low.put<u32>(4, 0x9fc10);
    low[8] = 1;
    low[9] = 4;
    u8 sum = 0;
    for (int i = 0; i < 16; ++i) sum = u8(sum + low[i]);
    low[10] = u8(-sum);
    Bytes t;
    t.raw("PCMP", 4).num<u16>(0).num<u8>(4).num<u8>(0).zero(28).num<u32>(0xfee00000).num<u32>(0);
    t.raw("\x00\x00\x14\x03", 4).zero(16);
    t.raw("\x01\x00ISA   ", 8);
    t.raw("\x02\x02\x14\x01", 4).num<u32>(0xfec00000);
    t.raw("\x03\x00\x00\x00\x00\x00\x02\x02", 8);
    t.put<u16>(4, u16(t.size()));
    fix_sum(t, 7, t.size());
    std::memcpy(low.data() + 16, t.data(), t.size());
    m.parts[0x9fc00] = low;
    MachineTables out;
    ASSERT_TRUE(parse_mp_tables(m, out));
    EXPECT_EQ(1u, out.cpu_count);
    EXPECT_EQ(1u, out.io_apic_count);
    EXPECT_EQ(2u, out.isa_line(0).gsi);
}

} // namespace
} // namespace linnet
