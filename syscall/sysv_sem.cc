// System V semaphores. semget(2), semop(2), semctl(2).
#include "kernel/ipc/semaphores.h"
#include "kernel/mm/user.h"
#include "kernel/time/clock.h"
#include "linux-abi/syscalls.h"
#include "syscall/time_util.h"

namespace linnet {

using namespace abi;

namespace {

/// `timeout`: null, or relative.
Outcome operate(i32 id, u64 sops, u64 count, const Timespec* timeout) {
    if (count < 1 || id < 0) return EINVAL;
    if (count > u64(i64(sysctl::semopm))) return E2BIG;
    constexpr u64 kFew = 16;
    Sembuf few[kFew];
    Vec<Sembuf> many;
    Sembuf* ops = few;
    if (count > kFew) {
        TRY(many.resize(count));
        ops = many.data();
    }
    TRY(copy_from_user(ops, sops, count * sizeof(Sembuf)));
    u64 deadline = kForever;
    if (timeout) {
        const u64 ns = TRY(from_timespec(*timeout)), now = monotonic_ns();
        deadline = ns > kForever - 1 - now ? kForever - 1 : now + ns;
    }
    TRY(semaphore_operations(id, ops, u32(count), deadline));
    return 0;
}

} // namespace

Outcome sys_semget(IpcKey key, Int nsems, SemGetFlags semflg) { return TRY(get_semaphores(key.value, nsems.value, u32(semflg.bits()))); }

Outcome sys_semop(Int semid, SembufArray<2> sops, Size nsops) { return operate(semid.value, sops.address(), nsops.value, nullptr); }

Outcome sys_semtimedop(Int semid, SembufArray<2> sops, Size nsops, In<Timespec> timeout) {
    if (!timeout) return operate(semid.value, sops.address(), nsops.value, nullptr);
    const Timespec t = TRY(user_read<Timespec>(timeout.address()));
    return operate(semid.value, sops.address(), nsops.value, &t);
}

Outcome sys_semctl(Int semid, Int semnum, SemCmd cmd, SemArgument arg) {
    const i32 id = semid.value;
    if (id < 0) return EINVAL;
    switch (cmd.value) {
    case IPC_INFO:
    case SEM_INFO: {
        u32 sets, semaphores;
        const i32 highest = semaphore_usage(sets, semaphores);
        Seminfo i{};
        i.semmni = i32(i64(sysctl::semmni)), i.semmsl = i32(i64(sysctl::semmsl));
        i.semmap = i.semmns = i.semmnu = i32(i64(sysctl::semmns));
        i.semopm = i.semume = i32(i64(sysctl::semopm));
        i.semvmx = SEMVMX;
        i.semusz = cmd.value == SEM_INFO ? i32(sets) : 20;
        i.semaem = cmd.value == SEM_INFO ? i32(semaphores) : SEMAEM;
        TRY(user_write(arg.address(), i));
        return highest;
    }
    case IPC_STAT:
    case SEM_STAT:
    case SEM_STAT_ANY: {
        SemidDs ds;
        const i32 result = TRY(stat_semaphores(id, cmd.value, ds));
        TRY(user_write(arg.address(), ds));
        return result;
    }
    case GETALL: {
        const Vec<u16> values = TRY(semaphore_values(id));
        TRY(copy_to_user(arg.address(), values.data(), values.size() * sizeof(u16)));
        return 0;
    }
    case SETALL: {
        Vec<u16> values;
        TRY(values.resize(TRY(semaphore_count(id))));
        TRY(copy_from_user(values.data(), arg.address(), values.size() * sizeof(u16)));
        TRY(set_semaphore_values(id, values));
        return 0;
    }
    case GETVAL:
    case GETPID:
    case GETNCNT:
    case GETZCNT: return TRY(semaphore_figure(id, semnum.value, cmd.value));
    case SETVAL: TRY(set_semaphore(id, semnum.value, i32(arg.address()))); return 0;
    case IPC_SET: TRY(set_semaphores(id, TRY(user_read<SemidDs>(arg.address())))); return 0;
    case IPC_RMID: TRY(remove_semaphores(id)); return 0;
    }
    return EINVAL;
}

} // namespace linnet
