// System V IPC and POSIX message queues: commands, flags, structures.
// Source: svipc(7), shmget(2), shmctl(2), semctl(2), msgctl(2), mq_getsetattr(2), include/uapi/linux/{ipc,shm,sem,msg,mqueue}.h.
#pragma once

#include "linux-abi/types.h"

namespace linnet::abi {
inline namespace constants {

inline constexpr int IPC_PRIVATE = 0;
inline constexpr int IPC_CREAT = 01000;
inline constexpr int IPC_EXCL = 02000;
inline constexpr int IPC_NOWAIT = 04000;
inline constexpr int IPC_RMID = 0;
inline constexpr int IPC_SET = 1;
inline constexpr int IPC_STAT = 2;
inline constexpr int IPC_INFO = 3;

inline constexpr int SHM_LOCK = 11;
inline constexpr int SHM_UNLOCK = 12;
inline constexpr int SHM_STAT = 13;
inline constexpr int SHM_INFO = 14;
inline constexpr int SHM_STAT_ANY = 15;
inline constexpr int SHM_DEST = 01000;
inline constexpr int SHM_LOCKED = 02000;
inline constexpr int SHM_HUGETLB = 04000;
inline constexpr int SHM_NORESERVE = 010000;
inline constexpr int SHM_RDONLY = 010000;
inline constexpr int SHM_RND = 020000;
inline constexpr int SHM_REMAP = 040000;
inline constexpr int SHM_EXEC = 0100000;

inline constexpr int SEM_UNDO = 0x1000;
inline constexpr int GETPID = 11;
inline constexpr int GETVAL = 12;
inline constexpr int GETALL = 13;
inline constexpr int GETNCNT = 14;
inline constexpr int GETZCNT = 15;
inline constexpr int SETVAL = 16;
inline constexpr int SETALL = 17;
inline constexpr int SEM_STAT = 18;
inline constexpr int SEM_INFO = 19;
inline constexpr int SEM_STAT_ANY = 20;
inline constexpr int SEMVMX = 32767;
inline constexpr int SEMAEM = 32767;

inline constexpr int MSG_STAT = 11;
inline constexpr int MSG_INFO = 12;
inline constexpr int MSG_STAT_ANY = 13;
inline constexpr int MSG_NOERROR = 010000;
inline constexpr int MSG_EXCEPT = 020000;
inline constexpr int MSG_COPY = 040000;

inline constexpr int MQ_PRIO_MAX = 32768;

} // namespace constants

struct IpcPerm {
    int32_t key;
    uint32_t uid, gid, cuid, cgid, mode;
    uint16_t seq, pad;
    uint64_t unused1, unused2;
};
static_assert(sizeof(IpcPerm) == 48 && offsetof(IpcPerm, seq) == 24);

struct ShmidDs {
    IpcPerm perm;
    uint64_t segsz;
    int64_t atime, dtime, ctime;
    int32_t cpid, lpid;
    uint64_t nattch, unused4, unused5;
};
static_assert(sizeof(ShmidDs) == 112 && offsetof(ShmidDs, nattch) == 88);
struct ShmLimits { // struct shminfo64
    uint64_t shmmax, shmmin, shmmni, shmseg, shmall, unused[4];
};
static_assert(sizeof(ShmLimits) == 72);
struct ShmUsage { // struct shm_info
    int32_t used_ids, pad;
    uint64_t shm_tot, shm_rss, shm_swp, swap_attempts, swap_successes;
};
static_assert(sizeof(ShmUsage) == 48);

struct Sembuf {
    uint16_t num;
    int16_t op, flg;
};
static_assert(sizeof(Sembuf) == 6);
struct SemidDs {
    IpcPerm perm;
    int64_t otime;
    uint64_t unused1;
    int64_t ctime;
    uint64_t unused2, nsems, unused3, unused4;
};
static_assert(sizeof(SemidDs) == 104 && offsetof(SemidDs, nsems) == 80);
struct Seminfo {
    int32_t semmap, semmni, semmns, semmnu, semmsl, semopm, semume, semusz, semvmx, semaem;
};
static_assert(sizeof(Seminfo) == 40);

struct MsqidDs {
    IpcPerm perm;
    int64_t stime, rtime, ctime;
    uint64_t cbytes, qnum, qbytes;
    int32_t lspid, lrpid;
    uint64_t unused4, unused5;
};
static_assert(sizeof(MsqidDs) == 120 && offsetof(MsqidDs, lspid) == 96);
struct Msginfo {
    int32_t msgpool, msgmap, msgmax, msgmnb, msgmni, msgssz, msgtql;
    uint16_t msgseg, pad;
};
static_assert(sizeof(Msginfo) == 32);

struct MqAttr {
    int64_t flags, maxmsg, msgsize, curmsgs, reserved[4];
};
static_assert(sizeof(MqAttr) == 64);
/// What mq_notify(SIGEV_THREAD) sends over the socket: the cookie's 32 bytes, of which the last says why.
inline constexpr uint32_t notify_cookie_length = 32;
inline constexpr uint8_t notify_woken_up = 1, notify_removed = 2;
} // namespace linnet::abi
