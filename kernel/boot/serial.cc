#include "kernel/boot/serial.h"

#include "kernel/arch/x86_64/cpu.h"

namespace linnet {

namespace {
constexpr u16 kPort = 0x3f8;
constexpr u16 kIer = 1, kFcr = 2, kLcr = 3, kMcr = 4, kLsr = 5, kScratch = 7;
bool present;
} // namespace

void init_serial() {
    cpu::outb(kPort + kScratch, 0x5a);
    present = cpu::inb(kPort + kScratch) == 0x5a;
    if (!present) return;
    cpu::outb(kPort + kIer, 0);
    cpu::outb(kPort + kLcr, 0x80);
    cpu::outb(kPort, 1); // 115200 baud
    cpu::outb(kPort + kIer, 0);
    cpu::outb(kPort + kLcr, 3); // 8n1
    cpu::outb(kPort + kFcr, 0x07);
    cpu::outb(kPort + kMcr, 0x0b);
}

bool serial_present() { return present; }

void serial_write(const char* s, size_t n) {
    if (!present) return;
    for (size_t i = 0; i < n; ++i) {
        // Bounded: a line that nobody reads must not hang the kernel.
        for (int spin = 0; !(cpu::inb(kPort + kLsr) & 0x20) && spin < 100000; ++spin) cpu::pause();
        cpu::outb(kPort, u8(s[i]));
    }
}

} // namespace linnet
