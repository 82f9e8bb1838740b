// Spin locks. Never held while sleeping; never taken by hard interrupt handlers, which only record what
// happened for deferred work (kernel/irq/deferred.h), so interrupts stay enabled under a spin lock. Kernel code is not preempted
// (switches happen in schedule() and on the way back to the program), so a holder runs on to its release.
// Only SpinGuard acquires.
#pragma once

#include <atomic>

#include "kernel/sync/annotations.h"
#include "kernel/sync/lock_debug.h"
#include "kernel/sync/lock_stat.h"

namespace linnet {

template <Rank R>
class CAPABILITY("spinlock") SpinLock : NoCopy {
  public:
    void lock_by_guard() ACQUIRE() {
        lock_debug_acquire(this, R, false);
        host_interleave();
        if (held_.exchange(true, std::memory_order_acquire)) [[unlikely]] lock_contended();
        else lock_stat_acquired(R);
    }
    bool try_lock_by_guard() TRY_ACQUIRE(true) {
        if (held_.exchange(true, std::memory_order_acquire)) return false;
        lock_debug_acquired_by_try(this, R, false);
        lock_stat_acquired(R);
        return true;
    }
    void unlock_by_guard() RELEASE() {
        lock_debug_release(this, R);
        held_.store(false, std::memory_order_release);
        host_interleave();
    }
    /// Acquire: who finds it free comes after whoever held it last (SpaceLock).
    bool is_held() const { return held_.load(std::memory_order_acquire); }

  private:
    [[gnu::noinline]] void lock_contended() {
        LockSpin spin(this, R);
        do {
            while (held_.load(std::memory_order_relaxed)) spin.again();
        } while (held_.exchange(true, std::memory_order_acquire));
    }
    std::atomic<bool> held_{false};
};

template <class Lock>
class SCOPED_CAPABILITY SpinGuard : NoCopy {
  public:
    explicit SpinGuard(Lock& l) ACQUIRE(l) : lock_(&l) { l.lock_by_guard(); }
    ~SpinGuard() RELEASE() {
        if (lock_) lock_->unlock_by_guard();
    }
    void unlock() RELEASE() {
        lock_->unlock_by_guard();
        lock_ = nullptr;
    }

  private:
    Lock* lock_;
};

} // namespace linnet
