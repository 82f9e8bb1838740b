// Types of auxiliary vector entries.
// Source: getauxval(3), include/uapi/linux/auxvec.h.
#pragma once

#include "linux-abi/types.h"

namespace linnet::abi {
inline namespace constants {

inline constexpr int AT_NULL = 0;
inline constexpr int AT_PHDR = 3;
inline constexpr int AT_PHENT = 4;
inline constexpr int AT_PHNUM = 5;
inline constexpr int AT_PAGESZ = 6;
inline constexpr int AT_BASE = 7;
inline constexpr int AT_FLAGS = 8;
inline constexpr int AT_ENTRY = 9;
inline constexpr int AT_UID = 11;
inline constexpr int AT_EUID = 12;
inline constexpr int AT_GID = 13;
inline constexpr int AT_EGID = 14;
inline constexpr int AT_PLATFORM = 15;
inline constexpr int AT_HWCAP = 16;
inline constexpr int AT_CLKTCK = 17;
inline constexpr int AT_SECURE = 23;
inline constexpr int AT_RANDOM = 25;
inline constexpr int AT_HWCAP2 = 26;
inline constexpr int AT_EXECFN = 31;
inline constexpr int AT_SYSINFO_EHDR = 33;
inline constexpr int AT_MINSIGSTKSZ = 51;

} // namespace constants
} // namespace linnet::abi
