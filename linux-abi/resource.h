// Resource limits, rusage, mount and umount flags, reboot, getrandom, IPC.
// Source: getrlimit(2), getrusage(2), mount(2), getrandom(2), sysvipc(7).
#pragma once

#include "linux-abi/types.h"

namespace linnet::abi {
inline namespace constants {

inline constexpr int RLIMIT_CPU = 0;
inline constexpr int RLIMIT_FSIZE = 1;
inline constexpr int RLIMIT_DATA = 2;
inline constexpr int RLIMIT_STACK = 3;
inline constexpr int RLIMIT_CORE = 4;
inline constexpr int RLIMIT_RSS = 5;
inline constexpr int RLIMIT_NPROC = 6;
inline constexpr int RLIMIT_NOFILE = 7;
inline constexpr int RLIMIT_OFILE = 7;
inline constexpr int RLIMIT_MEMLOCK = 8;
inline constexpr int RLIMIT_AS = 9;
inline constexpr int RLIMIT_LOCKS = 10;
inline constexpr int RLIMIT_SIGPENDING = 11;
inline constexpr int RLIMIT_MSGQUEUE = 12;
inline constexpr int RLIMIT_NICE = 13;
inline constexpr int RLIMIT_RTPRIO = 14;
inline constexpr int RLIMIT_RTTIME = 15;

inline constexpr int RLIM_NLIMITS = 16;

inline constexpr int RUSAGE_CHILDREN = -1;
inline constexpr int RUSAGE_SELF = 0;
inline constexpr int RUSAGE_LWP = 1;
inline constexpr int RUSAGE_THREAD = 1;

inline constexpr int MS_RDONLY = 0x1;
inline constexpr int MS_NOSUID = 0x2;
inline constexpr int MS_NODEV = 0x4;
inline constexpr int MS_NOEXEC = 0x8;
inline constexpr int MS_SYNCHRONOUS = 0x10;
inline constexpr int MS_REMOUNT = 0x20;
inline constexpr int MS_MANDLOCK = 0x40;
inline constexpr int MS_DIRSYNC = 0x80;
inline constexpr int MS_NOSYMFOLLOW = 0x100;
inline constexpr int MS_NOATIME = 0x400;
inline constexpr int MS_NODIRATIME = 0x800;
inline constexpr int MS_BIND = 0x1000;
inline constexpr int MS_MOVE = 0x2000;
inline constexpr int MS_REC = 0x4000;
inline constexpr int MS_SILENT = 0x8000;
inline constexpr int MS_POSIXACL = 0x10000;
inline constexpr int MS_UNBINDABLE = 0x20000;
inline constexpr int MS_PRIVATE = 0x40000;
inline constexpr int MS_SLAVE = 0x80000;
inline constexpr int MS_SHARED = 0x100000;
inline constexpr int MS_RELATIME = 0x200000;
inline constexpr int MS_KERNMOUNT = 0x400000;
inline constexpr int MS_I_VERSION = 0x800000;
inline constexpr int MS_STRICTATIME = 0x1000000;
inline constexpr int MS_LAZYTIME = 0x2000000;

inline constexpr int MNT_FORCE = 0x1;
inline constexpr int MNT_DETACH = 0x2;
inline constexpr int MNT_EXPIRE = 0x4;
inline constexpr int UMOUNT_NOFOLLOW = 0x8;

inline constexpr int LINUX_REBOOT_CMD_CAD_OFF = 0x0;
inline constexpr int LINUX_REBOOT_CMD_RESTART = 0x1234567;
inline constexpr int LINUX_REBOOT_MAGIC2B = 0x16041998;
inline constexpr int LINUX_REBOOT_MAGIC2C = 0x20112000;
inline constexpr int LINUX_REBOOT_MAGIC2 = 0x28121969;
inline constexpr int LINUX_REBOOT_CMD_POWER_OFF = 0x4321fedc;
inline constexpr int LINUX_REBOOT_CMD_KEXEC = 0x45584543;
inline constexpr uint32_t LINUX_REBOOT_CMD_CAD_ON = 0x89abcdef;
inline constexpr uint32_t LINUX_REBOOT_CMD_RESTART2 = 0xa1b2c3d4;
inline constexpr uint32_t LINUX_REBOOT_CMD_HALT = 0xcdef0123;
inline constexpr uint32_t LINUX_REBOOT_CMD_SW_SUSPEND = 0xd000fce2;
inline constexpr uint32_t LINUX_REBOOT_MAGIC1 = 0xfee1dead;

inline constexpr int GRND_NONBLOCK = 0x1;
inline constexpr int GRND_RANDOM = 0x2;
inline constexpr int GRND_INSECURE = 0x4;




} // namespace constants

inline constexpr uint64_t RLIM_INFINITY = ~uint64_t(0);
struct Rlimit {
    uint64_t cur, max;
};
static_assert(sizeof(Rlimit) == 16);
struct Rusage {
    int64_t utime_sec, utime_usec, stime_sec, stime_usec;
    int64_t maxrss; // KiB
    int64_t ixrss, idrss, isrss, minflt, majflt, nswap, inblock, oublock, msgsnd, msgrcv, nsignals,
        nvcsw, nivcsw;
};
static_assert(sizeof(Rusage) == 144 && offsetof(Rusage, maxrss) == 32);
struct Sysinfo {
    int64_t uptime;   // seconds
    uint64_t loads[3]; // 1.0 is 65536
    uint64_t totalram, freeram, sharedram, bufferram, totalswap, freeswap; // in mem_unit bytes
    uint16_t procs, pad;
    uint32_t pad1;
    uint64_t totalhigh, freehigh;
    uint32_t mem_unit, pad2;
};
static_assert(sizeof(Sysinfo) == 112 && offsetof(Sysinfo, procs) == 80 &&
              offsetof(Sysinfo, mem_unit) == 104);
struct Utsname {
    char sysname[65], nodename[65], release[65], version[65], machine[65], domainname[65];
};
static_assert(sizeof(Utsname) == 390);
} // namespace linnet::abi
