// Fixed-size types for the ABI's structures. Constants have Linux's names and live in the inline
// namespace linnet::abi::constants, which is visible in all of namespace linnet; structures have Linux's
// names in CamelCase, and members without their prefix (st_size is Stat::size), since libc's headers
// define some prefixed ones as macros. No libc header is needed or included by the kernel; host builds
// take libc's macros away first.
#pragma once

#ifndef LINNET_KERNEL
#include "linux-abi/host_undef.h"
#endif

#include <cstddef>
#include <cstdint>

namespace linnet::abi {
using u8 = uint8_t;
using u16 = uint16_t;
using u32 = uint32_t;
using u64 = uint64_t;
using i8 = int8_t;
using i16 = int16_t;
using i32 = int32_t;
using i64 = int64_t;
inline namespace constants {}
} // namespace linnet::abi

namespace linnet {
using namespace abi::constants;
}
