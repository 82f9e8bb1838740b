// System V semaphores: semget(2), semop(2), semctl(2).
#pragma once

#include "kernel/ipc/ipc_object.h"

namespace linnet {

/// EINVAL, ENOSPC, ENOMEM, ENOENT, EEXIST, EACCES
Result<i32> get_semaphores(i32 key, i32 count, u32 flags);
/// All operations or none. timeout_ns: monotonic deadline, kForever for none. EINVAL, EFBIG, EACCES, ERANGE, EAGAIN, EINTR, EIDRM, ENOMEM
Result<void> semaphore_operations(i32 id, const abi::Sembuf* ops, u32 count, u64 deadline_ns);
/// IPC_STAT, SEM_STAT, SEM_STAT_ANY; the identifier. EINVAL, EACCES
Result<i32> stat_semaphores(i32 id, int command, abi::SemidDs& out);
/// EINVAL, EPERM
Result<void> set_semaphores(i32 id, const abi::SemidDs& ds);
Result<void> remove_semaphores(i32 id);
/// GETVAL, GETPID, GETNCNT, GETZCNT. EINVAL, EACCES
Result<i32> semaphore_figure(i32 id, i32 number, int command);
/// SETVAL. EINVAL, EACCES, ERANGE
Result<void> set_semaphore(i32 id, i32 number, i32 value);
/// GETALL. EINVAL, EACCES, ENOMEM
Result<Vec<u16>> semaphore_values(i32 id);
/// SETALL's first half, how many values it takes; and the second. EINVAL, EACCES, ERANGE; EIDRM: another set has the identifier's place
Result<u32> semaphore_count(i32 id);
Result<void> set_semaphore_values(i32 id, const Vec<u16>& values);
/// The highest index in use; sets and semaphores that there are.
i32 semaphore_usage(u32& sets, u32& semaphores);
/// At the end of a process: undoes what it did with SEM_UNDO.
void undo_semaphores(Process& p);

} // namespace linnet
