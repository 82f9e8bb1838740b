// Open flags, fcntl commands, *at flags, access modes, seek, locks, fallocate and fadvise.
// Source: open(2), fcntl(2), flock(2), openat2(2), include/uapi/asm-generic/fcntl.h.
#pragma once

#include "linux-abi/types.h"

namespace linnet::abi {
inline namespace constants {

inline constexpr int O_LARGEFILE = 0100000;
inline constexpr int O_RDONLY = 0;
inline constexpr int O_WRONLY = 01;
inline constexpr int O_RDWR = 02;
inline constexpr int O_ACCMODE = 03;
inline constexpr int O_CREAT = 0100;
inline constexpr int O_EXCL = 0200;
inline constexpr int O_NOCTTY = 0400;
inline constexpr int O_TRUNC = 01000;
inline constexpr int O_APPEND = 02000;
inline constexpr int O_NONBLOCK = 04000;
inline constexpr int O_DSYNC = 010000;
inline constexpr int O_ASYNC = 020000;
inline constexpr int O_DIRECT = 040000;
inline constexpr int O_DIRECTORY = 0200000;
inline constexpr int O_NOFOLLOW = 0400000;
inline constexpr int O_NOATIME = 01000000;
inline constexpr int O_CLOEXEC = 02000000;
inline constexpr int O_SYNC = 04010000;
inline constexpr int O_PATH = 010000000;
inline constexpr int O_TMPFILE = 020200000;

inline constexpr int F_DUPFD = 0;
inline constexpr int F_OK = 0;
inline constexpr int F_RDLCK = 0;
inline constexpr int F_GETFD = 1;
inline constexpr int F_WRLCK = 1;
inline constexpr int F_SETFD = 2;
inline constexpr int F_UNLCK = 2;
inline constexpr int F_GETFL = 3;
inline constexpr int F_SETFL = 4;
inline constexpr int F_GETLK = 5;
inline constexpr int F_SETLK = 6;
inline constexpr int F_SETLKW = 7;
inline constexpr int F_SETOWN = 8;
inline constexpr int F_GETOWN = 9;
inline constexpr int F_SETSIG = 10;
inline constexpr int F_GETSIG = 11;
inline constexpr int F_SETOWN_EX = 15;
inline constexpr int F_GETOWN_EX = 16;
inline constexpr int F_OFD_GETLK = 36;
inline constexpr int F_OFD_SETLK = 37;
inline constexpr int F_OFD_SETLKW = 38;
inline constexpr int F_SETLEASE = 1024;
inline constexpr int F_GETLEASE = 1025;
inline constexpr int F_NOTIFY = 1026;
inline constexpr int F_DUPFD_CLOEXEC = 1030;
inline constexpr int F_SETPIPE_SZ = 1031;
inline constexpr int F_GETPIPE_SZ = 1032;
inline constexpr int F_ADD_SEALS = 1033;
inline constexpr int F_GET_SEALS = 1034;
inline constexpr int F_GET_RW_HINT = 1035;
inline constexpr int F_SET_RW_HINT = 1036;
inline constexpr int F_GET_FILE_RW_HINT = 1037;
inline constexpr int F_SET_FILE_RW_HINT = 1038;

inline constexpr int F_SEAL_SEAL = 0x1;
inline constexpr int F_SEAL_SHRINK = 0x2;
inline constexpr int F_SEAL_GROW = 0x4;
inline constexpr int F_SEAL_WRITE = 0x8;
inline constexpr int F_SEAL_FUTURE_WRITE = 0x10;

inline constexpr int FD_CLOEXEC = 1;

inline constexpr int AT_FDCWD = -100;
inline constexpr int AT_STATX_SYNC_AS_STAT = 0x0;
inline constexpr int AT_SYMLINK_NOFOLLOW = 0x100;
inline constexpr int AT_EACCESS = 0x200;
inline constexpr int AT_REMOVEDIR = 0x200;
inline constexpr int AT_SYMLINK_FOLLOW = 0x400;
inline constexpr int AT_NO_AUTOMOUNT = 0x800;
inline constexpr int AT_EMPTY_PATH = 0x1000;
inline constexpr int AT_STATX_FORCE_SYNC = 0x2000;
inline constexpr int AT_STATX_DONT_SYNC = 0x4000;
inline constexpr int AT_STATX_SYNC_TYPE = 0x6000;
inline constexpr int AT_RECURSIVE = 0x8000;

inline constexpr int X_OK = 1;
inline constexpr int W_OK = 2;
inline constexpr int R_OK = 4;

inline constexpr int SEEK_SET = 0;
inline constexpr int SEEK_CUR = 1;
inline constexpr int SEEK_END = 2;
inline constexpr int SEEK_DATA = 3;
inline constexpr int SEEK_HOLE = 4;
inline constexpr int SEEK_MAX = 4;

inline constexpr int LOCK_SH = 1;
inline constexpr int LOCK_EX = 2;
inline constexpr int LOCK_NB = 4;
inline constexpr int LOCK_UN = 8;

inline constexpr int FALLOC_FL_KEEP_SIZE = 0x1;
inline constexpr int FALLOC_FL_PUNCH_HOLE = 0x2;
inline constexpr int FALLOC_FL_NO_HIDE_STALE = 0x4;
inline constexpr int FALLOC_FL_COLLAPSE_RANGE = 0x8;
inline constexpr int FALLOC_FL_ZERO_RANGE = 0x10;
inline constexpr int FALLOC_FL_INSERT_RANGE = 0x20;
inline constexpr int FALLOC_FL_UNSHARE_RANGE = 0x40;

inline constexpr int POSIX_FADV_NORMAL = 0;
inline constexpr int POSIX_FADV_RANDOM = 1;
inline constexpr int POSIX_FADV_SEQUENTIAL = 2;
inline constexpr int POSIX_FADV_WILLNEED = 3;
inline constexpr int POSIX_FADV_DONTNEED = 4;
inline constexpr int POSIX_FADV_NOREUSE = 5;

inline constexpr int RENAME_NOREPLACE = 0x1;
inline constexpr int RENAME_EXCHANGE = 0x2;
inline constexpr int RENAME_WHITEOUT = 0x4;

inline constexpr int RESOLVE_NO_XDEV = 0x1;
inline constexpr int RESOLVE_NO_MAGICLINKS = 0x2;
inline constexpr int RESOLVE_NO_SYMLINKS = 0x4;
inline constexpr int RESOLVE_BENEATH = 0x8;
inline constexpr int RESOLVE_IN_ROOT = 0x10;
inline constexpr int RESOLVE_CACHED = 0x20;

inline constexpr int CLOSE_RANGE_UNSHARE = 0x2;
inline constexpr int CLOSE_RANGE_CLOEXEC = 0x4;

inline constexpr int RWF_WRITE_LIFE_NOT_SET = 0x0;
inline constexpr int RWF_HIPRI = 0x1;
inline constexpr int RWF_DSYNC = 0x2;
inline constexpr int RWF_SYNC = 0x4;
inline constexpr int RWF_NOWAIT = 0x8;
inline constexpr int RWF_APPEND = 0x10;
inline constexpr int RWF_SUPPORTED = 0x1f;
inline constexpr int RWF_NOAPPEND = 0x20;

inline constexpr int SPLICE_F_MOVE = 0x1;
inline constexpr int SPLICE_F_NONBLOCK = 0x2;
inline constexpr int SPLICE_F_MORE = 0x4;
inline constexpr int SPLICE_F_GIFT = 0x8;

inline constexpr int XATTR_CREATE = 1;
inline constexpr int XATTR_REPLACE = 2;

inline constexpr int SYNC_FILE_RANGE_WAIT_BEFORE = 0x1;
inline constexpr int SYNC_FILE_RANGE_WRITE = 0x2;
inline constexpr int SYNC_FILE_RANGE_WAIT_AFTER = 0x4;
inline constexpr int SYNC_FILE_RANGE_WRITE_AND_WAIT = 0x7;

} // namespace constants

struct Flock {
    int16_t type, whence;
    int64_t start, len;
    int32_t pid;
};
static_assert(sizeof(Flock) == 32 && offsetof(Flock, start) == 8 && offsetof(Flock, pid) == 24);

struct OpenHow {
    uint64_t flags, mode, resolve;
};
static_assert(sizeof(OpenHow) == 24);

struct FOwnerEx {
    int32_t type, pid;
};
static_assert(sizeof(FOwnerEx) == 8);

struct Iovec {
    uint64_t base, len;
};
static_assert(sizeof(Iovec) == 16);
} // namespace linnet::abi
