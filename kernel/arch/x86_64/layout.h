// The upper half of the address space. Few top-level slots, so that a new page table copies little.
#pragma once

#include "kernel/lib/types.h"

namespace linnet {

#if LINNET_HOSTED // within what the sanitizers shadow
inline constexpr u64 kLinkBase = 0x500000000000, kDirectMap = 0x40000000, kDirectMapSize = 512 * MiB;
#else
inline constexpr u64 kLinkBase = 0xffffffff80000000;  // where the image is linked (plus its physical address)
inline constexpr u64 kDirectMap = 0xffff888000000000; // all physical memory, one top-level slot: 512 GiB
inline constexpr u64 kDirectMapSize = 512 * GiB;
#endif
inline constexpr u64 kDynamicMap = 0xffffc90000000000; // kernel stacks and device registers, one slot
inline constexpr u64 kDynamicMapSize = 512 * GiB;

extern "C" {
extern char image_start[], image_end[], text_start[], text_end[], rodata_start[], data_start[], relro_end[];
}

/// How far the image was moved from where it is linked (virtual KASLR); set before kernel_start().
extern u64 load_bias;

} // namespace linnet
