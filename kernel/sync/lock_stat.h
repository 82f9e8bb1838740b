// Lock statistics: per rank, acquisitions, contended ones, and the time waited. Off unless the boot option `lockstat` is given.
#pragma once

#include "kernel/sync/lock_debug.h"

namespace linnet {

#if defined(LINNET_KERNEL) || LINNET_HOSTED
extern bool lock_stat_on;
/// One acquisition; `waited_tsc`: clock ticks, 0: not contended. Counts on this CPU.
void lock_stat_count(Rank rank, u64 waited_tsc);
inline void lock_stat_acquired(Rank rank) {
    if (lock_stat_on) [[unlikely]] lock_stat_count(rank, 0);
}
/// Boot, with a heap: memory for the counters, /proc/linnet/lockstat.
void lock_stat_init();
/// The table on the serial line, if it is counted: at the end of the machine.
void lock_stat_report();
#else
inline void lock_stat_acquired(Rank) {}
inline void lock_stat_count(Rank, u64) {}
#endif

/// Waiting for a mutex: counts the wait.
class LockWait : NoCopy {
  public:
#if defined(LINNET_KERNEL) || LINNET_HOSTED
    explicit LockWait(Rank rank);
    ~LockWait();

  private:
    Rank rank_;
    u64 begun_tsc_;
#else
    explicit LockWait(Rank) {}
#endif
};

/// Waiting for a spin lock: pauses; counts the wait; in debug builds reports a lock that is held for too long.
class LockSpin : NoCopy {
  public:
#if defined(LINNET_KERNEL) || LINNET_HOSTED
    LockSpin(const void* lock, Rank rank);
    ~LockSpin();
    void again() {
        spin_pause();
        if (++spins_ % (1 << 20) == 0) [[unlikely]] check();
    }

  private:
    void check();
    const void* lock_;
    Rank rank_;
    u64 begun_tsc_;
    u64 spins_ = 0;
#else
    LockSpin(const void*, Rank) {}
    void again() { spin_pause(); }
#endif
};

} // namespace linnet
