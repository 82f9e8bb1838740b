// Sleeping locks; thread context only. Waits are not interruptible: holders never wait for a program.
#pragma once

#include "kernel/sched/cross_call.h"
#include "kernel/sync/wait_queue.h"

namespace linnet {

/// How often a mutex is tried before its waiter sleeps.
#if LINNET_HOSTED // seldom, so that tests sleep
inline constexpr int kMutexSpins = 3;
#else
inline constexpr int kMutexSpins = 100;
#endif

template <Rank R>
class CAPABILITY("mutex") Mutex : NoCopy {
    static_assert(R <= kLastMutexRank);

  public:
    void lock_by_guard() ACQUIRE() {
        lock_debug_acquire(this, R, true);
        u32 expected = 0;
        if (!state_.compare_exchange_strong(expected, 1, std::memory_order_acquire)) [[unlikely]]
            lock_slow();
        else lock_stat_acquired(R);
        owner_.taken();
    }
    bool try_lock_by_guard() TRY_ACQUIRE(true) {
        u32 expected = 0;
        if (!state_.compare_exchange_strong(expected, 1, std::memory_order_acquire)) return false;
        lock_debug_acquired_by_try(this, R, true);
        owner_.taken();
        return true;
    }
    void unlock_by_guard() RELEASE() {
        lock_debug_release(this, R);
        owner_.released();
        if (state_.exchange(0, std::memory_order_release) == 2) [[unlikely]]
            waiters_.wake_one();
    }
    bool is_held() const { return state_.load(std::memory_order_relaxed) != 0; }

  private:
    void lock_slow() {
        // 0 free, 1 held, 2 held and perhaps waited for. A holder on another CPU is often done in a moment.
        LockWait wait(R);
        for (int i = 0; i < kMutexSpins; ++i) {
            u32 expected = 0;
            if (state_.load(std::memory_order_relaxed) == 0 &&
                state_.compare_exchange_strong(expected, 1, std::memory_order_acquire))
                return;
            spin_pause();
            poll_cross_calls(); // the holder may be waiting for this CPU
        }
        owner_.wait_begins(R);
        auto take = [this] { return state_.exchange(2, std::memory_order_acquire) == 0; };
        while (wait_until(waiters_, take, owner_.deadline(), false, true) != WaitResult::Ready) owner_.report();
        owner_.wait_ends();
    }
    std::atomic<u32> state_{0};
    WaitQueue waiters_;
    [[no_unique_address]] MutexOwner owner_;
};

template <class Lock>
class SCOPED_CAPABILITY MutexGuard : NoCopy {
  public:
    explicit MutexGuard(Lock& l) ACQUIRE(l) : lock_(&l) { l.lock_by_guard(); }
    ~MutexGuard() RELEASE() {
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
