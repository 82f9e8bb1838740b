// What the VMM handed over, collected by the boot code (kernel/boot), read by everyone.
#pragma once

#include "kernel/lib/types.h"

namespace linnet {

struct MemoryRange { u64 start, end; bool usable; };

struct MmioDeviceHint { u64 address, size; u32 gsi; }; // a virtio_mmio.device= option

struct BootInfo {
    MemoryRange memory[64];
    u32 memory_count;
    u64 initrd_start, initrd_end;  // physical; equal: none
    const char* command_line;      // whole, NUL-terminated
    u64 rsdp;                      // physical address of the ACPI root pointer, 0: none given
    u64 start_tsc;                 // at the first instruction
    MmioDeviceHint mmio_hints[32];
    u32 mmio_hint_count;
};
extern BootInfo boot_info;

/// Values of the options before `--` (docs/boot-protocol.md), parsed by kernel/boot/options.cc.
struct BootOptions {
    const char* cwd = "/";
    const char* hostname = "linnet";
    const char* ip = nullptr; // "10.0.2.15/24"
    const char* gw = nullptr;
    const char* dns = nullptr;
    const char* ip6 = nullptr;
    const char* gw6 = nullptr;
    u32 uid = 0, gid = 0;
    u32 groups[32] = {};
    u32 group_count = 0;
    const char* trace = nullptr; // the calls that are traced; null: no tracing
    u32 trace_limit = 32;        // bytes of a string that are shown
    bool trace_follow = true;    // all threads, else only init's first
    bool linker = true, aslr = true, kaslr = true, tty = false, serial_console = true, lock_stat = false;
    bool isolate_programs = false; // isolation=user
    u16 tty_rows = 0, tty_columns = 0; // 0: not known
    u64 tsc_khz = 0;
    const char* const* env = nullptr; // env_count strings K=V
    u32 env_count = 0;
    const char* const* args = nullptr; // PROGRAM and its arguments
    u32 arg_count = 0;
    const char* argv0 = nullptr;
};
extern BootOptions boot_options;

} // namespace linnet
