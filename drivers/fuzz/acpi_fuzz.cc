// ACPI, MP tables and the DSDT search over memory that is the fuzzer's input, at 0 and in the BIOS area.
#include <cstdlib>
#include <cstring>
#include <vector>

#include "drivers/acpi/acpi.h"

namespace {

class Memory final : public linnet::PhysicalMemory {
  public:
    Memory(const uint8_t* data, size_t n) : bytes(data, data + n) {}
    const linnet::u8* map(linnet::u64 address, size_t n) override {
        linnet::u64 at = address >= 0xe0000 ? address - 0xe0000 : address;
        return at <= bytes.size() && n <= bytes.size() - at ? bytes.data() + at : nullptr;
    }
    std::vector<linnet::u8> bytes;
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t n) {
    Memory m(data, n);
    linnet::MachineTables t;
    linnet::parse_acpi(m, linnet::find_rsdp(m), t);
    // Checksums stop a fuzzer: the parts behind them are fed on their own too.
    if (n >= 20) {
        std::memcpy(m.bytes.data(), "RSD PTR ", 8);
        m.bytes[8] = 0;
        linnet::u8 sum = 0;
        for (int i = 0; i < 20; ++i) sum = linnet::u8(sum + m.bytes[size_t(i)]);
        m.bytes[8] = linnet::u8(-sum);
        linnet::parse_acpi(m, 0xe0000, t);
    }
    linnet::parse_mp_tables(m, t);
    linnet::scan_aml_for_virtio(data, n, t);
    return 0;
}
