// System V shared memory. shmget(2), shmop(2), shmctl(2).
#include "kernel/ipc/shared_memory.h"
#include "kernel/mm/user.h"
#include "linux-abi/syscalls.h"

namespace linnet {

using namespace abi;

/// SHM_HUGETLB: ENOMEM, as with no huge pages reserved.
Outcome sys_shmget(IpcKey key, Size size, ShmGetFlags shmflg) { return TRY(get_segment(key.value, size.value, u32(shmflg.bits()))); }

Outcome sys_shmat(Int shmid, Addr shmaddr, ShmAtFlags shmflg) {
    if (shmid.value < 0) return EINVAL;
    return TRY(attach_segment(shmid.value, shmaddr.value, u32(shmflg.bits())));
}

Outcome sys_shmdt(Addr shmaddr) {
    TRY(detach_segment(shmaddr.value));
    return 0;
}

Outcome sys_shmctl(Int shmid, ShmCmd cmd, ShmBuffer buf) {
    const i32 id = shmid.value;
    if (id < 0) return EINVAL;
    switch (cmd.value) {
    case IPC_INFO: {
        ShmUsage usage;
        const i32 highest = segment_usage(usage);
        ShmLimits l{};
        l.shmmax = sysctl::shmmax.load(std::memory_order_relaxed), l.shmmin = 1;
        l.shmmni = l.shmseg = u64(i64(sysctl::shmmni));
        l.shmall = sysctl::shmall.load(std::memory_order_relaxed);
        TRY(user_write(buf.address(), l));
        return highest;
    }
    case SHM_INFO: {
        ShmUsage usage;
        const i32 highest = segment_usage(usage);
        TRY(user_write(buf.address(), usage));
        return highest;
    }
    case IPC_STAT:
    case SHM_STAT:
    case SHM_STAT_ANY: {
        ShmidDs ds;
        const i32 result = TRY(stat_segment(id, cmd.value, ds));
        TRY(user_write(buf.address(), ds));
        return result;
    }
    case IPC_SET: TRY(set_segment(id, TRY(user_read<ShmidDs>(buf.address())))); return 0;
    case IPC_RMID: TRY(remove_segment(id)); return 0;
    case SHM_LOCK:
    case SHM_UNLOCK: TRY(lock_segment(id, cmd.value == SHM_LOCK)); return 0;
    }
    return EINVAL;
}

} // namespace linnet
