// Futexes with priority inheritance: FUTEX_LOCK_PI and its kin of futex(2).
//
// The word holds the owner's thread ID, so the kernel knows who keeps the waiters waiting: he runs by the highest real-time priority among
// them until he gives the lock up. A word that nobody waits for is the program's alone.
#pragma once

#include <atomic>

#include "kernel/task/futex.h"

namespace linnet {

/// Takes the lock for the current task; `try_only`: EAGAIN instead of waiting. The deadline as for futex_wait. EDEADLK, ESRCH (the owner is
/// no thread), EINVAL (the word contradicts what is known of it), EFAULT, ETIMEDOUT, ENOMEM, EINTR (a restart without a trace).
Result<void> pi_futex_lock(u64 address, bool is_private, u64 deadline_ns, bool realtime, bool try_only);
/// Gives it to the most urgent waiter. EPERM: it is not the current task's; EFAULT, EINVAL.
Result<void> pi_futex_unlock(u64 address, bool is_private);
/// FUTEX_WAIT_REQUEUE_PI: waits at `address` (which must hold `expected`) until FUTEX_CMP_REQUEUE_PI moves it to the lock at `address2`, and
/// returns with that lock. EAGAIN (another value; or a signal after the move), ETIMEDOUT, EINTR, EINVAL, EFAULT.
Result<void> pi_futex_wait_requeue(u64 address, u32 expected, u64 address2, bool is_private, u64 deadline_ns, bool realtime);
/// FUTEX_CMP_REQUEUE_PI: the most urgent waiter gets the lock at `address2` if it is free; up to `move_count` others wait for it. The number of all. EAGAIN,
/// EINVAL, EFAULT, ENOMEM and what taking the lock gives.
Result<u32> pi_futex_requeue(u64 address, u64 address2, u32 move_count, u32 expected, bool is_private);
/// Threads wait for PI futexes, or to be moved to one.
extern std::atomic<u32> pi_futex_lines;
/// FUTEX_WAKE and its kin on a word where such a thread waits: EINVAL. EFAULT
Result<void> check_no_pi_waiter(u64 address, bool is_private);
/// A thread ends, or executes: what it holds goes to waiters, with FUTEX_OWNER_DIED.
void release_pi_futexes(Task& t);
/// The priority of a thread was changed: it may wait in another place of a line.
void pi_priority_changed(Task& t);

} // namespace linnet
