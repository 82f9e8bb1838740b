// File types and modes, statx masks and attributes, directory entry types, statfs.
// Source: stat(2), statx(2), inode(7), statfs(2).
#pragma once

#include "linux-abi/types.h"

namespace linnet::abi {
inline namespace constants {

inline constexpr int S_IXOTH = 01;
inline constexpr int S_IWOTH = 02;
inline constexpr int S_IROTH = 04;
inline constexpr int S_IRWXO = 07;
inline constexpr int S_IXGRP = 010;
inline constexpr int S_IWGRP = 020;
inline constexpr int S_IRGRP = 040;
inline constexpr int S_IRWXG = 070;
inline constexpr int S_IXUSR = 0100;
inline constexpr int S_IWRITE = 0200;
inline constexpr int S_IWUSR = 0200;
inline constexpr int S_IREAD = 0400;
inline constexpr int S_IRUSR = 0400;
inline constexpr int S_IRWXU = 0700;
inline constexpr int S_ISVTX = 01000;
inline constexpr int S_ISGID = 02000;
inline constexpr int S_ISUID = 04000;
inline constexpr int S_IFIFO = 010000;
inline constexpr int S_IFCHR = 020000;
inline constexpr int S_IFDIR = 040000;
inline constexpr int S_IFBLK = 060000;
inline constexpr int S_IFREG = 0100000;
inline constexpr int S_IFLNK = 0120000;
inline constexpr int S_IFSOCK = 0140000;
inline constexpr int S_IFMT = 0170000;

inline constexpr int STATX_TYPE = 0x1;
inline constexpr int STATX_MODE = 0x2;
inline constexpr int STATX_ATTR_COMPRESSED = 0x4;
inline constexpr int STATX_NLINK = 0x4;
inline constexpr int STATX_UID = 0x8;
inline constexpr int STATX_ATTR_IMMUTABLE = 0x10;
inline constexpr int STATX_GID = 0x10;
inline constexpr int STATX_ATIME = 0x20;
inline constexpr int STATX_ATTR_APPEND = 0x20;
inline constexpr int STATX_ATTR_NODUMP = 0x40;
inline constexpr int STATX_MTIME = 0x40;
inline constexpr int STATX_CTIME = 0x80;
inline constexpr int STATX_INO = 0x100;
inline constexpr int STATX_SIZE = 0x200;
inline constexpr int STATX_BLOCKS = 0x400;
inline constexpr int STATX_BASIC_STATS = 0x7ff;
inline constexpr int STATX_ATTR_ENCRYPTED = 0x800;
inline constexpr int STATX_BTIME = 0x800;
inline constexpr int STATX_ALL = 0xfff;
inline constexpr int STATX_ATTR_AUTOMOUNT = 0x1000;
inline constexpr int STATX_MNT_ID = 0x1000;
inline constexpr int STATX_ATTR_MOUNT_ROOT = 0x2000;
inline constexpr int STATX_DIOALIGN = 0x2000;
inline constexpr int STATX_ATTR_VERITY = 0x100000;
inline constexpr int STATX_ATTR_DAX = 0x200000;

inline constexpr int DT_NULL = 0;
inline constexpr int DT_UNKNOWN = 0;
inline constexpr int DT_ALPHA_NUM = 1;
inline constexpr int DT_FIFO = 1;
inline constexpr int DT_IA_64_NUM = 1;
inline constexpr int DT_NEEDED = 1;
inline constexpr int DT_CHR = 2;
inline constexpr int DT_PLTRELSZ = 2;
inline constexpr int DT_PPC_NUM = 2;
inline constexpr int DT_SPARC_NUM = 2;
inline constexpr int DT_EXTRANUM = 3;
inline constexpr int DT_PLTGOT = 3;
inline constexpr int DT_DIR = 4;
inline constexpr int DT_HASH = 4;
inline constexpr int DT_PPC64_NUM = 4;
inline constexpr int DT_STRTAB = 5;
inline constexpr int DT_AARCH64_NUM = 6;
inline constexpr int DT_BLK = 6;
inline constexpr int DT_SYMTAB = 6;
inline constexpr int DT_RELA = 7;
inline constexpr int DT_REG = 8;
inline constexpr int DT_RELASZ = 8;
inline constexpr int DT_RELAENT = 9;
inline constexpr int DT_LNK = 10;
inline constexpr int DT_STRSZ = 10;
inline constexpr int DT_ADDRNUM = 11;
inline constexpr int DT_SYMENT = 11;
inline constexpr int DT_INIT = 12;
inline constexpr int DT_SOCK = 12;
inline constexpr int DT_VALNUM = 12;
inline constexpr int DT_FINI = 13;
inline constexpr int DT_SONAME = 14;
inline constexpr int DT_WHT = 14;
inline constexpr int DT_RPATH = 15;
inline constexpr int DT_SYMBOLIC = 16;
inline constexpr int DT_VERSIONTAGNUM = 16;
inline constexpr int DT_REL = 17;
inline constexpr int DT_RELSZ = 18;
inline constexpr int DT_RELENT = 19;
inline constexpr int DT_PLTREL = 20;
inline constexpr int DT_DEBUG = 21;
inline constexpr int DT_TEXTREL = 22;
inline constexpr int DT_JMPREL = 23;
inline constexpr int DT_BIND_NOW = 24;
inline constexpr int DT_INIT_ARRAY = 25;
inline constexpr int DT_FINI_ARRAY = 26;
inline constexpr int DT_INIT_ARRAYSZ = 27;
inline constexpr int DT_FINI_ARRAYSZ = 28;
inline constexpr int DT_RUNPATH = 29;
inline constexpr int DT_FLAGS = 30;
inline constexpr int DT_ENCODING = 32;
inline constexpr int DT_PREINIT_ARRAY = 32;
inline constexpr int DT_PREINIT_ARRAYSZ = 33;
inline constexpr int DT_SYMTAB_SHNDX = 34;
inline constexpr int DT_RELRSZ = 35;
inline constexpr int DT_RELR = 36;
inline constexpr int DT_RELRENT = 37;
inline constexpr int DT_NUM = 38;
inline constexpr int DT_MIPS_NUM = 55;
inline constexpr int DT_PROCNUM = 55;
inline constexpr int DT_LOOS = 1610612749;
inline constexpr int DT_HIOS = 1879044096;
inline constexpr int DT_VALRNGLO = 1879047424;
inline constexpr int DT_GNU_PRELINKED = 1879047669;
inline constexpr int DT_GNU_CONFLICTSZ = 1879047670;
inline constexpr int DT_GNU_LIBLISTSZ = 1879047671;
inline constexpr int DT_CHECKSUM = 1879047672;
inline constexpr int DT_PLTPADSZ = 1879047673;
inline constexpr int DT_MOVEENT = 1879047674;
inline constexpr int DT_MOVESZ = 1879047675;
inline constexpr int DT_FEATURE_1 = 1879047676;
inline constexpr int DT_POSFLAG_1 = 1879047677;
inline constexpr int DT_SYMINSZ = 1879047678;
inline constexpr int DT_SYMINENT = 1879047679;
inline constexpr int DT_VALRNGHI = 1879047679;
inline constexpr int DT_ADDRRNGLO = 1879047680;
inline constexpr int DT_GNU_HASH = 1879047925;
inline constexpr int DT_TLSDESC_PLT = 1879047926;
inline constexpr int DT_TLSDESC_GOT = 1879047927;
inline constexpr int DT_GNU_CONFLICT = 1879047928;
inline constexpr int DT_GNU_LIBLIST = 1879047929;
inline constexpr int DT_CONFIG = 1879047930;
inline constexpr int DT_DEPAUDIT = 1879047931;
inline constexpr int DT_AUDIT = 1879047932;
inline constexpr int DT_PLTPAD = 1879047933;
inline constexpr int DT_MOVETAB = 1879047934;
inline constexpr int DT_ADDRRNGHI = 1879047935;
inline constexpr int DT_SYMINFO = 1879047935;
inline constexpr int DT_VERSYM = 1879048176;
inline constexpr int DT_RELACOUNT = 1879048185;
inline constexpr int DT_RELCOUNT = 1879048186;
inline constexpr int DT_FLAGS_1 = 1879048187;
inline constexpr int DT_VERDEF = 1879048188;
inline constexpr int DT_VERDEFNUM = 1879048189;
inline constexpr int DT_VERNEED = 1879048190;
inline constexpr int DT_VERNEEDNUM = 1879048191;
inline constexpr int DT_ALPHA_PLTRO = 1879048192;
inline constexpr int DT_IA_64_PLT_RESERVE = 1879048192;
inline constexpr int DT_LOPROC = 1879048192;
inline constexpr int DT_PPC64_GLINK = 1879048192;
inline constexpr int DT_PPC_GOT = 1879048192;
inline constexpr int DT_AARCH64_BTI_PLT = 1879048193;
inline constexpr int DT_MIPS_RLD_VERSION = 1879048193;
inline constexpr int DT_PPC64_OPD = 1879048193;
inline constexpr int DT_PPC_OPT = 1879048193;
inline constexpr int DT_RISCV_VARIANT_CC = 1879048193;
inline constexpr int DT_SPARC_REGISTER = 1879048193;
inline constexpr int DT_MIPS_TIME_STAMP = 1879048194;
inline constexpr int DT_NIOS2_GP = 1879048194;
inline constexpr int DT_PPC64_OPDSZ = 1879048194;
inline constexpr int DT_AARCH64_PAC_PLT = 1879048195;
inline constexpr int DT_MIPS_ICHECKSUM = 1879048195;
inline constexpr int DT_PPC64_OPT = 1879048195;
inline constexpr int DT_MIPS_IVERSION = 1879048196;
inline constexpr int DT_AARCH64_VARIANT_PCS = 1879048197;
inline constexpr int DT_MIPS_FLAGS = 1879048197;
inline constexpr int DT_MIPS_BASE_ADDRESS = 1879048198;
inline constexpr int DT_MIPS_MSYM = 1879048199;
inline constexpr int DT_MIPS_CONFLICT = 1879048200;
inline constexpr int DT_MIPS_LIBLIST = 1879048201;
inline constexpr int DT_MIPS_LOCAL_GOTNO = 1879048202;
inline constexpr int DT_MIPS_CONFLICTNO = 1879048203;
inline constexpr int DT_MIPS_LIBLISTNO = 1879048208;
inline constexpr int DT_MIPS_SYMTABNO = 1879048209;
inline constexpr int DT_MIPS_UNREFEXTNO = 1879048210;
inline constexpr int DT_MIPS_GOTSYM = 1879048211;
inline constexpr int DT_MIPS_HIPAGENO = 1879048212;
inline constexpr int DT_MIPS_RLD_MAP = 1879048214;
inline constexpr int DT_MIPS_DELTA_CLASS = 1879048215;
inline constexpr int DT_MIPS_DELTA_CLASS_NO = 1879048216;
inline constexpr int DT_MIPS_DELTA_INSTANCE = 1879048217;
inline constexpr int DT_MIPS_DELTA_INSTANCE_NO = 1879048218;
inline constexpr int DT_MIPS_DELTA_RELOC = 1879048219;
inline constexpr int DT_MIPS_DELTA_RELOC_NO = 1879048220;
inline constexpr int DT_MIPS_DELTA_SYM = 1879048221;
inline constexpr int DT_MIPS_DELTA_SYM_NO = 1879048222;
inline constexpr int DT_MIPS_DELTA_CLASSSYM = 1879048224;
inline constexpr int DT_MIPS_DELTA_CLASSSYM_NO = 1879048225;
inline constexpr int DT_MIPS_CXX_FLAGS = 1879048226;
inline constexpr int DT_MIPS_PIXIE_INIT = 1879048227;
inline constexpr int DT_MIPS_SYMBOL_LIB = 1879048228;
inline constexpr int DT_MIPS_LOCALPAGE_GOTIDX = 1879048229;
inline constexpr int DT_MIPS_LOCAL_GOTIDX = 1879048230;
inline constexpr int DT_MIPS_HIDDEN_GOTIDX = 1879048231;
inline constexpr int DT_MIPS_PROTECTED_GOTIDX = 1879048232;
inline constexpr int DT_MIPS_OPTIONS = 1879048233;
inline constexpr int DT_MIPS_INTERFACE = 1879048234;
inline constexpr int DT_MIPS_DYNSTR_ALIGN = 1879048235;
inline constexpr int DT_MIPS_INTERFACE_SIZE = 1879048236;
inline constexpr int DT_MIPS_RLD_TEXT_RESOLVE_ADDR = 1879048237;
inline constexpr int DT_MIPS_PERF_SUFFIX = 1879048238;
inline constexpr int DT_MIPS_COMPACT_SIZE = 1879048239;
inline constexpr int DT_MIPS_GP_VALUE = 1879048240;
inline constexpr int DT_MIPS_AUX_DYNAMIC = 1879048241;
inline constexpr int DT_MIPS_PLTGOT = 1879048242;
inline constexpr int DT_MIPS_RWPLT = 1879048244;
inline constexpr int DT_MIPS_RLD_MAP_REL = 1879048245;
inline constexpr int DT_MIPS_XHASH = 1879048246;
inline constexpr int DT_AUXILIARY = 2147483645;
inline constexpr int DT_FILTER = 2147483647;
inline constexpr int DT_HIPROC = 2147483647;

inline constexpr int DEVPTS_SUPER_MAGIC = 0x1cd1;
inline constexpr int PROC_SUPER_MAGIC = 0x9fa0;
inline constexpr int EXT2_SUPER_MAGIC = 0xef53;
inline constexpr int EXT4_SUPER_MAGIC = 0xef53;
inline constexpr int CGROUP_SUPER_MAGIC = 0x27e0eb;
inline constexpr int TMPFS_MAGIC = 0x1021994;
inline constexpr int V9FS_MAGIC = 0x1021997;
inline constexpr int ANON_INODE_FS_MAGIC = 0x9041934;
inline constexpr int PIPEFS_MAGIC = 0x50495045;
inline constexpr int SOCKFS_MAGIC = 0x534f434b;
inline constexpr int SYSFS_MAGIC = 0x62656572;
inline constexpr int CGROUP2_SUPER_MAGIC = 0x63677270;
inline constexpr int FUSE_SUPER_MAGIC = 0x65735546;
inline constexpr int NSFS_MAGIC = 0x6e736673;
inline constexpr int OVERLAYFS_SUPER_MAGIC = 0x794c7630;
inline constexpr uint32_t RAMFS_MAGIC = 0x858458f6;
inline constexpr uint32_t HUGETLBFS_MAGIC = 0x958458f6;
inline constexpr uint32_t EROFS_SUPER_MAGIC_V1 = 0xe0f5e1e2;

} // namespace constants

inline constexpr int UTIME_NOW = 0x3fffffff, UTIME_OMIT = 0x3ffffffe; // utimensat(2), tv_nsec

struct Stat {
    uint64_t dev, ino, nlink;
    uint32_t mode, uid, gid, pad0;
    uint64_t rdev;
    int64_t size, blksize, blocks; // blocks of 512 bytes
    int64_t atime_sec;
    uint64_t atime_nsec;
    int64_t mtime_sec;
    uint64_t mtime_nsec;
    int64_t ctime_sec;
    uint64_t ctime_nsec;
    int64_t unused[3];
};
static_assert(sizeof(Stat) == 144 && offsetof(Stat, rdev) == 40 && offsetof(Stat, atime_sec) == 72);

struct StatxTimestamp {
    int64_t sec;
    uint32_t nsec;
    int32_t reserved;
};
static_assert(sizeof(StatxTimestamp) == 16);

struct Statx {
    uint32_t mask, blksize;
    uint64_t attributes;
    uint32_t nlink, uid, gid;
    uint16_t mode, spare0;
    uint64_t ino, size, blocks, attributes_mask;
    StatxTimestamp atime, btime, ctime, mtime;
    uint32_t rdev_major, rdev_minor, dev_major, dev_minor;
    uint64_t mnt_id;
    uint32_t dio_mem_align, dio_offset_align;
    uint64_t spare3[12];
};
static_assert(sizeof(Statx) == 256 && offsetof(Statx, ino) == 32 && offsetof(Statx, atime) == 64 &&
              offsetof(Statx, rdev_major) == 128 && offsetof(Statx, mnt_id) == 144);

struct Statfs {
    int64_t type, bsize;
    uint64_t blocks, bfree, bavail, files, ffree;
    int32_t fsid[2];
    int64_t namelen, frsize, flags, spare[4];
};
static_assert(sizeof(Statfs) == 120 && offsetof(Statfs, namelen) == 64);

/// Header of a getdents64 record; the name follows at offset 19, reclen is a multiple of 8.
struct Dirent64 {
    uint64_t ino;
    int64_t off;
    uint16_t reclen;
    uint8_t type;
    char name[5]; // first bytes; the record is as long as reclen says
};
static_assert(sizeof(Dirent64) == 24 && offsetof(Dirent64, name) == 19);

/// dev_t as stat shows it (glibc's makedev): 12 bits of major and 20 of minor, interleaved.
constexpr uint64_t make_dev(uint32_t major, uint32_t minor) {
    return (minor & 0xffu) | ((major & 0xfffu) << 8) | (uint64_t(minor & ~0xffu) << 12) |
           (uint64_t(major & ~0xfffu) << 32);
}
constexpr uint32_t dev_major(uint64_t d) { return ((d >> 8) & 0xfff) | ((d >> 32) & ~0xfffu); }
constexpr uint32_t dev_minor(uint64_t d) { return (d & 0xff) | ((d >> 12) & ~0xffu); }
} // namespace linnet::abi
