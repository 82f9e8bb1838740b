// Futexes: futex(2). One table of waiters for the whole system, hashed by what the word is.
#pragma once

#include "kernel/task/task.h"

namespace linnet {

/// Where a waiter's word is: `space` and the address for private words, the object and the offset in it for shared ones.
struct FutexKey {
    const void* object;
    u64 offset;
    bool operator==(const FutexKey&) const = default;
};
/// EINVAL for a misaligned address, EFAULT.
Result<FutexKey> futex_key(u64 address, bool is_private);

/// Sleeps while *address == expected. deadline_ns: monotonic, or with `realtime` of CLOCK_REALTIME; kForever for none.
/// EAGAIN (another value), ETIMEDOUT, EFAULT, EINVAL, EINTR (the caller makes a restart of it).
Result<void> futex_wait(u64 address, u32 expected, u32 bitset, bool is_private, u64 deadline_ns, bool realtime = false);
/// Wakes up to `count` waiters on the word whose bitset overlaps. The number woken; EFAULT, EINVAL.
Result<u32> futex_wake(u64 address, u32 count, bool is_private, u32 bitset = ~0u);
/// Wakes `wake_count` and moves up to `move_count` others to the second word. The number of both; `expected` null: not compared.
Result<u32> futex_requeue(u64 address, u64 address2, u32 wake_count, u32 move_count, const u32* expected, bool is_private);
/// FUTEX_WAKE_OP.
Result<u32> futex_wake_op(u64 address, u64 address2, u32 count, u32 count2, u32 operation, bool is_private);
/// Marks the locks that a dying thread held as ownerless (set_robust_list(2)).
void release_robust_list(Task& t);

} // namespace linnet
