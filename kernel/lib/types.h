// Short names for the fixed-width integers, and sizes.
#pragma once

#include <cstddef>
#include <cstdint>

namespace linnet {

using u8 = uint8_t;
using u16 = uint16_t;
using u32 = uint32_t;
using u64 = uint64_t;
using i8 = int8_t;
using i16 = int16_t;
using i32 = int32_t;
using i64 = int64_t;

inline constexpr u64 KiB = 1024, MiB = 1024 * KiB, GiB = 1024 * MiB;
inline constexpr u64 kNsPerSec = 1'000'000'000, kNsPerMs = 1'000'000, kNsPerUs = 1000;
inline constexpr u64 kPageSize = 4096;
inline constexpr u64 kPageShift = 12;

constexpr u64 align_up(u64 v, u64 to) { return (v + to - 1) & ~(to - 1); }
constexpr u64 align_down(u64 v, u64 to) { return v & ~(to - 1); }
constexpr u64 page_up(u64 v) { return align_up(v, kPageSize); }
constexpr u64 page_down(u64 v) { return align_down(v, kPageSize); }

/// Not copyable, not movable: base class of things with an identity.
struct NoCopy {
    NoCopy() = default;
    NoCopy(const NoCopy&) = delete;
    NoCopy& operator=(const NoCopy&) = delete;
};

/// The object that contains the given member.
#define container_of(ptr, type, member) \
    (reinterpret_cast<type*>(reinterpret_cast<char*>(ptr) - __builtin_offsetof(type, member)))

} // namespace linnet
