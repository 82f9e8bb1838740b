// clone flags, scheduling policies, wait, priorities, rseq, membarrier, futex operations.
// Source: clone(2), sched(7), wait(2), futex(2), membarrier(2), rseq(2).
#pragma once

#include "linux-abi/types.h"

namespace linnet::abi {
inline namespace constants {

inline constexpr int CLONE_NEWTIME = 0x80;
inline constexpr int CLONE_VM = 0x100;
inline constexpr int CLONE_FS = 0x200;
inline constexpr int CLONE_FILES = 0x400;
inline constexpr int CLONE_SIGHAND = 0x800;
inline constexpr int CLONE_PIDFD = 0x1000;
inline constexpr int CLONE_PTRACE = 0x2000;
inline constexpr int CLONE_VFORK = 0x4000;
inline constexpr int CLONE_PARENT = 0x8000;
inline constexpr int CLONE_THREAD = 0x10000;
inline constexpr int CLONE_NEWNS = 0x20000;
inline constexpr int CLONE_SYSVSEM = 0x40000;
inline constexpr int CLONE_SETTLS = 0x80000;
inline constexpr int CLONE_PARENT_SETTID = 0x100000;
inline constexpr int CLONE_CHILD_CLEARTID = 0x200000;
inline constexpr int CLONE_DETACHED = 0x400000;
inline constexpr int CLONE_UNTRACED = 0x800000;
inline constexpr int CLONE_CHILD_SETTID = 0x1000000;
inline constexpr int CLONE_NEWCGROUP = 0x2000000;
inline constexpr int CLONE_NEWUTS = 0x4000000;
inline constexpr int CLONE_NEWIPC = 0x8000000;
inline constexpr int CLONE_NEWUSER = 0x10000000;
inline constexpr int CLONE_NEWPID = 0x20000000;
inline constexpr int CLONE_NEWNET = 0x40000000;
inline constexpr uint32_t CLONE_IO = 0x80000000;

inline constexpr int CSIGNAL = 0xff;

inline constexpr int SCHED_OTHER = 0;
inline constexpr int SCHED_NORMAL = 0;
inline constexpr int SCHED_FIFO = 1;
inline constexpr int SCHED_RR = 2;
inline constexpr int SCHED_BATCH = 3;
inline constexpr int SCHED_IDLE = 5;
inline constexpr int SCHED_DEADLINE = 6;

inline constexpr int SCHED_RESET_ON_FORK = 0x40000000;

inline constexpr int __WNOTHREAD = 0x20000000;
inline constexpr int __WALL = 0x40000000;
inline constexpr uint32_t __WCLONE = 0x80000000;
inline constexpr int WNOHANG = 0x1;
inline constexpr int WSTOPPED = 0x2;
inline constexpr int WUNTRACED = 0x2;
inline constexpr int WEXITED = 0x4;
inline constexpr int WCONTINUED = 0x8;
inline constexpr int WNOWAIT = 0x1000000;

inline constexpr int PRIO_PROCESS = 0;
inline constexpr int PRIO_PGRP = 1;
inline constexpr int PRIO_USER = 2;

inline constexpr int FUTEX_CMD_MASK = -385;
inline constexpr int FUTEX_WAIT = 0;
inline constexpr int FUTEX_WAKE = 1;
inline constexpr int FUTEX_32 = 2;
inline constexpr int FUTEX_FD = 2;
inline constexpr int FUTEX_REQUEUE = 3;
inline constexpr int FUTEX_CMP_REQUEUE = 4;
inline constexpr int FUTEX_WAKE_OP = 5;
inline constexpr int FUTEX_LOCK_PI = 6;
inline constexpr int FUTEX_UNLOCK_PI = 7;
inline constexpr int FUTEX_TRYLOCK_PI = 8;
inline constexpr int FUTEX_WAIT_BITSET = 9;
inline constexpr int FUTEX_WAKE_BITSET = 10;
inline constexpr int FUTEX_WAIT_REQUEUE_PI = 11;
inline constexpr int FUTEX_CMP_REQUEUE_PI = 12;
inline constexpr int FUTEX_LOCK_PI2 = 13;
inline constexpr int FUTEX_PRIVATE_FLAG = 128;
inline constexpr int FUTEX_WAITV_MAX = 128;
inline constexpr int FUTEX_CLOCK_REALTIME = 256;

inline constexpr int FUTEX_OP_CMP_EQ = 0x0;
inline constexpr int FUTEX_OP_SET = 0x0;
inline constexpr int FUTEX_OP_ADD = 0x1;
inline constexpr int FUTEX_OP_CMP_NE = 0x1;
inline constexpr int FUTEX_OP_CMP_LT = 0x2;
inline constexpr int FUTEX_OP_OR = 0x2;
inline constexpr int FUTEX_OP_ANDN = 0x3;
inline constexpr int FUTEX_OP_CMP_LE = 0x3;
inline constexpr int FUTEX_OP_CMP_GT = 0x4;
inline constexpr int FUTEX_OP_XOR = 0x4;
inline constexpr int FUTEX_OP_CMP_GE = 0x5;
inline constexpr int FUTEX_OP_OPARG_SHIFT = 0x8;
inline constexpr int FUTEX_TID_MASK = 0x3fffffff;
inline constexpr int FUTEX_OWNER_DIED = 0x40000000;
inline constexpr uint32_t FUTEX_WAITERS = 0x80000000;
inline constexpr uint32_t FUTEX_BITSET_MATCH_ANY = 0xffffffff;

inline constexpr int MEMBARRIER_CMD_QUERY = 0;
inline constexpr int MEMBARRIER_CMD_GLOBAL = 1;
inline constexpr int RSEQ_FLAG_UNREGISTER = 1;
inline constexpr int MEMBARRIER_CMD_GLOBAL_EXPEDITED = 2;
inline constexpr int MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED = 4;
inline constexpr int MEMBARRIER_CMD_PRIVATE_EXPEDITED = 8;
inline constexpr int MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED = 16;
inline constexpr int MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE = 32;
inline constexpr int MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE = 64;
inline constexpr int MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ = 128;
inline constexpr int MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_RSEQ = 256;

} // namespace constants

struct CloneArgs {
    uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid,
        set_tid_size, cgroup;
};
static_assert(sizeof(CloneArgs) == 88);
inline constexpr unsigned clone_args_size_ver0 = 64, clone_args_size_ver1 = 80, clone_args_size_ver2 = 88;

struct SchedParam {
    int32_t priority;
};
static_assert(sizeof(SchedParam) == 4);

struct SchedAttr {
    uint32_t size, policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime, deadline, period;
    uint32_t util_min, util_max;
};
static_assert(sizeof(SchedAttr) == 56);

struct RobustListHead {
    uint64_t next;
    int64_t futex_offset;
    uint64_t list_op_pending;
};
static_assert(sizeof(RobustListHead) == 24);

struct Rseq {
    uint32_t cpu_id_start, cpu_id;
    uint64_t rseq_cs;
    uint32_t flags, padding[3];
};
static_assert(sizeof(Rseq) == 32);

struct RseqCs {
    uint32_t version, flags;
    uint64_t start_ip, post_commit_offset, abort_ip;
};
static_assert(sizeof(RseqCs) == 32);

struct FutexWaitv {
    uint64_t val, uaddr;
    uint32_t flags, reserved;
};
static_assert(sizeof(FutexWaitv) == 24);
} // namespace linnet::abi
