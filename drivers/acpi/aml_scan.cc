// Not an AML interpreter: virtual machines list virtio-mmio devices as Device objects with constant contents, which are
// recognised by their bytes: the string "LNRO0005", then in the same object's resource template one Memory32Fixed (or a
// QWord/DWord memory range) and one Extended Interrupt descriptor.
#include "drivers/acpi/acpi.h"
#include "kernel/lib/string.h"

namespace linnet {
namespace {

constexpr size_t kSearchBytes = 256; // a device object of this kind is under 100 bytes long

template <class T>
T get(const u8* p) {
    T v;
    memcpy(&v, p, sizeof v);
    return v;
}

} // namespace

void scan_aml_for_virtio(const u8* base, size_t size, MachineTables& out) {
    static const char kId[] = "LNRO0005"; // with its NUL: AML strings end with one
    auto find_id = [&](size_t from) {
        while (from + sizeof kId <= size) {
            const void* hit = memchr(base + from, 'L', size - from - sizeof kId + 1);
            if (!hit) break;
            from = size_t(static_cast<const u8*>(hit) - base);
            if (memcmp(base + from, kId, sizeof kId) == 0) return from;
            ++from;
        }
        return size;
    };
    for (size_t at = find_id(0); at < size;) {
        size_t next = find_id(at + sizeof kId);
        size_t end = at + kSearchBytes < next ? at + kSearchBytes : next;
        MachineTables::MmioDevice d{};
        bool has_memory = false, has_irq = false;
        for (size_t i = at + sizeof kId; i < end; ++i) {
            const u8* p = base + i;
            size_t left = size - i;
            if (!has_memory && p[0] == 0x86 && left >= 12 && get<u16>(p + 1) == 9 && p[3] <= 1) {
                d.address = get<u32>(p + 4);
                d.size = get<u32>(p + 8);
                has_memory = true;
                i += 11;
            } else if (!has_memory && p[0] == 0x8a && left >= 46 && get<u16>(p + 1) == 0x2b && p[3] == 0) {
                d.address = get<u64>(p + 14); // QWord memory: minimum, and length at the end
                d.size = get<u64>(p + 38);
                has_memory = true;
                i += 45;
            } else if (has_memory && !has_irq && p[0] == 0x89 && left >= 9 && get<u16>(p + 1) == 6 && p[4] == 1) {
                d.level = !(p[3] & 2);
                d.low = p[3] & 4;
                d.gsi = get<u32>(p + 5);
                has_irq = true;
                break;
            }
        }
        bool sane = d.address >= MiB && (d.address & 3) == 0 && d.size >= 0x100 && d.size <= MiB && d.gsi < 1024 &&
                    d.address < 1ull << 52;
        if (has_memory && has_irq && sane && out.mmio_device_count < MachineTables::kMaxMmioDevices)
            out.mmio_devices[out.mmio_device_count++] = d;
        at = next;
    }
}

} // namespace linnet
