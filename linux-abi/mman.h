// mmap, mprotect, mremap, madvise, mlock, msync, memfd_create and mempolicy constants.
// Source: mmap(2), madvise(2), mremap(2), memfd_create(2).
#pragma once

#include "linux-abi/types.h"

namespace linnet::abi {
inline namespace constants {

inline constexpr int PROT_NONE = 0x0;
inline constexpr int PROT_READ = 0x1;
inline constexpr int PROT_WRITE = 0x2;
inline constexpr int PROT_EXEC = 0x4;
inline constexpr int PROT_GROWSDOWN = 0x1000000;
inline constexpr int PROT_GROWSUP = 0x2000000;

inline constexpr int MAP_FAILED = -1;
inline constexpr int MAP_SHARED = 0x1;
inline constexpr int MAP_PRIVATE = 0x2;
inline constexpr int MAP_SHARED_VALIDATE = 0x3;
inline constexpr int MAP_TYPE = 0xf;
inline constexpr int MAP_FIXED = 0x10;
inline constexpr int MAP_HUGE_SHIFT = 0x1a;
inline constexpr int MAP_ANONYMOUS = 0x20;
inline constexpr int MAP_HUGE_MASK = 0x3f;
inline constexpr int MAP_32BIT = 0x40;
inline constexpr int MAP_GROWSDOWN = 0x100;
inline constexpr int MAP_DENYWRITE = 0x800;
inline constexpr int MAP_EXECUTABLE = 0x1000;
inline constexpr int MAP_LOCKED = 0x2000;
inline constexpr int MAP_NORESERVE = 0x4000;
inline constexpr int MAP_POPULATE = 0x8000;
inline constexpr int MAP_NONBLOCK = 0x10000;
inline constexpr int MAP_STACK = 0x20000;
inline constexpr int MAP_HUGETLB = 0x40000;
inline constexpr int MAP_SYNC = 0x80000;
inline constexpr int MAP_FIXED_NOREPLACE = 0x100000;

inline constexpr int MREMAP_MAYMOVE = 1;
inline constexpr int MREMAP_FIXED = 2;
inline constexpr int MREMAP_DONTUNMAP = 4;

inline constexpr int MADV_NORMAL = 0;
inline constexpr int MADV_RANDOM = 1;
inline constexpr int MADV_SEQUENTIAL = 2;
inline constexpr int MADV_WILLNEED = 3;
inline constexpr int MADV_DONTNEED = 4;
inline constexpr int MADV_FREE = 8;
inline constexpr int MADV_REMOVE = 9;
inline constexpr int MADV_DONTFORK = 10;
inline constexpr int MADV_DOFORK = 11;
inline constexpr int MADV_MERGEABLE = 12;
inline constexpr int MADV_UNMERGEABLE = 13;
inline constexpr int MADV_HUGEPAGE = 14;
inline constexpr int MADV_NOHUGEPAGE = 15;
inline constexpr int MADV_DONTDUMP = 16;
inline constexpr int MADV_DODUMP = 17;
inline constexpr int MADV_WIPEONFORK = 18;
inline constexpr int MADV_KEEPONFORK = 19;
inline constexpr int MADV_COLD = 20;
inline constexpr int MADV_PAGEOUT = 21;
inline constexpr int MADV_POPULATE_READ = 22;
inline constexpr int MADV_POPULATE_WRITE = 23;
inline constexpr int MADV_DONTNEED_LOCKED = 24;
inline constexpr int MADV_HWPOISON = 100;

inline constexpr int MS_ASYNC = 1;
inline constexpr int MS_INVALIDATE = 2;
inline constexpr int MS_SYNC = 4;

inline constexpr int MCL_CURRENT = 1;
inline constexpr int MCL_FUTURE = 2;
inline constexpr int MCL_ONFAULT = 4;

inline constexpr int MLOCK_ONFAULT = 1;

inline constexpr int MFD_CLOEXEC = 0x1;
inline constexpr int MFD_ALLOW_SEALING = 0x2;
inline constexpr int MFD_HUGETLB = 0x4;

inline constexpr int MPOL_F_NODE = 1;
inline constexpr int MPOL_F_SHARED = 1;
inline constexpr int MPOL_MF_STRICT = 1;
inline constexpr int MPOL_F_ADDR = 2;
inline constexpr int MPOL_MF_MOVE = 2;
inline constexpr int MPOL_F_MEMS_ALLOWED = 4;
inline constexpr int MPOL_MF_MOVE_ALL = 4;
inline constexpr int MPOL_MF_VALID = 7;
inline constexpr int MPOL_F_MOF = 8;
inline constexpr int MPOL_MF_LAZY = 8;
inline constexpr int MPOL_F_MORON = 16;
inline constexpr int MPOL_MF_INTERNAL = 16;
inline constexpr int MPOL_F_NUMA_BALANCING = 8192;
inline constexpr int MPOL_F_RELATIVE_NODES = 16384;
inline constexpr int MPOL_F_STATIC_NODES = 32768;
inline constexpr int MPOL_MODE_FLAGS = 57344;

inline constexpr int PKEY_DISABLE_ACCESS = 0x1;
inline constexpr int PKEY_DISABLE_WRITE = 0x2;

inline constexpr int MPOL_DEFAULT = 0;
inline constexpr int MPOL_PREFERRED = 1;
inline constexpr int MPOL_BIND = 2;
inline constexpr int MPOL_INTERLEAVE = 3;
inline constexpr int MPOL_LOCAL = 4;

} // namespace constants
} // namespace linnet::abi
