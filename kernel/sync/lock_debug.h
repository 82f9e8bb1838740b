// Debug builds: the locks that the running thread holds, checked for rank order and context.
#pragma once

#include <atomic>

#include "kernel/lib/types.h"
#include "kernel/sync/lock_rank.h"

namespace linnet {

class Thread;

/// A place where, in tests on the host (kernel/host), another CPU may come in between. Nothing in the kernel.
#if LINNET_HOSTED
void host_interleave();
#else
inline void host_interleave() {}
#endif
/// Between two looks at what another CPU is about to change.
inline void spin_pause() {
    __builtin_ia32_pause();
    host_interleave();
}

#if LINNET_DEBUG && (defined(LINNET_KERNEL) || LINNET_HOSTED)
/// Before a lock is waited for: panics on an order violation, or on a mutex where sleeping is not allowed.
void lock_debug_acquire(const void* lock, Rank rank, bool sleeps);
void lock_debug_acquired_by_try(const void* lock, Rank rank, bool sleeps);
void lock_debug_release(const void* lock, Rank rank);
/// Panics if the context may not sleep (a spin lock is held, deferred work, hard interrupt).
void assert_may_sleep(const char* what);

/// Of a mutex: who holds it, and for how long one may wait before it is said who waits for whom.
class MutexOwner : NoCopy {
  public:
    void taken();
    void released() { holder_.store(nullptr, std::memory_order_relaxed); }
    void wait_begins(Rank rank);
    void wait_ends();
    /// Monotonic time of the next report.
    static u64 deadline();
    /// Prints the chain of waits that begins with the current thread; panics if it leads back to it.
    void report() const;

  private:
    std::atomic<Thread*> holder_{nullptr};
};
#else
class MutexOwner : NoCopy {
  public:
    void taken() {}
    void released() {}
    void wait_begins(Rank) {}
    void wait_ends() {}
    static u64 deadline() { return ~0ull; }
    void report() const {}
};
inline void lock_debug_acquire(const void*, Rank, bool) {}
inline void lock_debug_acquired_by_try(const void*, Rank, bool) {}
inline void lock_debug_release(const void*, Rank) {}
inline void assert_may_sleep(const char*) {}
#endif

} // namespace linnet
