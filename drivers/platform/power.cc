// Ways to end the VM.
#include "drivers/drivers.h"
#include "kernel/arch/x86_64/port_io.h"
#include "kernel/boot/machine_tables.h"
#include "kernel/lib/panic.h"

namespace linnet {
namespace {

void short_wait() {
    // Port 0x80 takes about a microsecond on hardware; a VMM needs a moment to act on a reset as well.
    for (int i = 0; i < 2000; ++i) port_out8(0x80, 0);
}

} // namespace

[[noreturn]] void machine_reset() {
    const MachineTables& m = machine_tables;
    if (m.reset_address && !m.reset_in_memory && m.reset_address < 0x10000) {
        port_out8(u16(m.reset_address), m.reset_value);
        short_wait();
    }
    // The chipset's reset register, PIIX and ICH: first bit 1 (hard), then bit 2 (now).
    u8 v = port_in8(0xcf9);
    if (v != 0xff) {
        port_out8(0xcf9, u8((v & ~6) | 2));
        port_out8(0xcf9, u8((v & ~6) | 6));
        short_wait();
    }
    // The keyboard controller's reset line; microvm and Firecracker have at least this much of one.
    port_out8(0x64, 0xfe);
    short_wait();
    // A triple fault: an empty interrupt table, then an exception.
    struct [[gnu::packed]] { u16 limit; u64 base; } empty{0, 0};
    asm volatile("cli; lidt %0; ud2" : : "m"(empty));
    __builtin_unreachable();
}

void debug_exit(u8 code) { port_out8(0x501, code); }

} // namespace linnet
