// Debug builds: the locks that the running thread holds, checked for rank order and context.
#pragma once

#include "kernel/sync/lock_rank.h"

namespace linnet {

/// A place where, in tests on the host (kernel/host), another CPU may come in between. Nothing in the kernel.
#if LINNET_HOSTED
void host_interleave();
#else
inline void host_interleave() {}
#endif

#if LINNET_DEBUG && (defined(LINNET_KERNEL) || LINNET_HOSTED)
/// Before a lock is waited for: panics on an order violation, or on a mutex where sleeping is not allowed.
void lock_debug_acquire(const void* lock, Rank rank, bool sleeps);
void lock_debug_acquired_by_try(const void* lock, Rank rank, bool sleeps);
void lock_debug_release(const void* lock, Rank rank);
/// Panics if the context may not sleep (a spin lock is held, deferred work, hard interrupt).
void assert_may_sleep(const char* what);
#else
inline void lock_debug_acquire(const void*, Rank, bool) {}
inline void lock_debug_acquired_by_try(const void*, Rank, bool) {}
inline void lock_debug_release(const void*, Rank) {}
inline void assert_may_sleep(const char*) {}
#endif

} // namespace linnet
