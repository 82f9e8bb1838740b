// The PVH start-of-day structures. Source: Xen's public/arch-x86/hvm/start_info.h.
#pragma once

#include "kernel/lib/types.h"

namespace linnet {

struct PvhStartInfo {
    u32 magic; // kPvhMagic
    u32 version, flags, module_count;
    u64 modules, command_line, rsdp;
    u64 memory_map; // version 1 and later
    u32 memory_map_entries, reserved;
};
struct PvhModule { u64 address, size, command_line, reserved; };
struct PvhMemoryEntry { u64 address, size; u32 type, reserved; }; // type 1: RAM
inline constexpr u32 kPvhMagic = 0x336ec578;

} // namespace linnet
