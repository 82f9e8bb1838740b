#include "kernel/arch/x86_64/isolation.h"

#include "kernel/arch/x86_64/cpu.h"
#include "kernel/lib/string.h"

extern "C" {
extern char syscall_entry_isolated[];
/// Places in the kernel's text, each relative to itself; `to` is 0 for a STAC or CLAC.
struct IsolationEntry { linnet::i32 at, to; };
extern const IsolationEntry isolation_table_start[], isolation_table_end[];
}

namespace linnet {

bool programs_isolated;

namespace {

constexpr u32 kMsrLstar = 0xc0000082;
constexpr u64 kCr0Wp = 1 << 16, kCr0Am = 1 << 18;
constexpr u64 kCr4Tsd = 1 << 2, kCr4Pce = 1 << 8, kCr4Umip = 1 << 11, kCr4Smep = 1 << 20, kCr4Smap = 1 << 21;

/// Each original becomes a jump to its copy. Nothing runs beside: one CPU, interrupts off.
void patch_text() {
    const u64 cr0 = cpu::read_cr0();
    cpu::write_cr0(cr0 & ~kCr0Wp);
    for (const IsolationEntry* e = isolation_table_start; e < isolation_table_end; ++e) {
        auto* at = reinterpret_cast<u8*>(reinterpret_cast<u64>(&e->at) + u64(i64(e->at)));
        if (e->to) {
            const i32 displacement = i32(reinterpret_cast<u64>(&e->to) + u64(i64(e->to)) - reinterpret_cast<u64>(at) - 5);
            at[0] = 0xe9; // jmp rel32
            memcpy(at + 1, &displacement, sizeof displacement);
        } else if (!cpu_features.smap) {
            static constexpr u8 kNop3[] = {0x0f, 0x1f, 0x00};
            memcpy(at, kNop3, sizeof kNop3);
        }
    }
    cpu::write_cr0(cr0);
    (void)cpu::cpuid(0); // serialises: the text was written
}

} // namespace

void isolate_cpu() {
    // AM: a program that sets AC gets SIGBUS for what is not aligned, as on Linux. Ring 0 is not checked.
    cpu::write_cr0(cpu::read_cr0() | kCr0Am);
    u64 cr4 = cpu::read_cr4() & ~(kCr4Tsd | kCr4Pce); // rdtsc is the program's, rdpmc is not
    if (cpu_features.smep) cr4 |= kCr4Smep;
    if (cpu_features.smap) cr4 |= kCr4Smap;
    if (cpu_features.umip) cr4 |= kCr4Umip;
    cpu::write_cr4(cr4);
    cpu::wrmsr(kMsrLstar, reinterpret_cast<u64>(syscall_entry_isolated));
}

void isolate_programs() {
    patch_text();
    programs_isolated = true;
    isolate_cpu();
}

} // namespace linnet
