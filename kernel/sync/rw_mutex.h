// A sleeping lock that many readers hold at once, or one writer; thread context only. A writer that waits keeps new readers out, so that
// it comes in the end: a reader must not take the lock again. Waits are not interruptible.
#pragma once

#include "kernel/sync/mutex.h"

namespace linnet {

template <Rank R>
class CAPABILITY("mutex") RwMutex : NoCopy {
    static_assert(R <= kLastMutexRank);

  public:
    void lock_by_guard() ACQUIRE() {
        lock_debug_acquire(this, R, true);
        if (try_write()) [[likely]] lock_stat_acquired(R);
        else lock_slow();
    }
    void unlock_by_guard() RELEASE() {
        lock_debug_release(this, R);
        state_.exchange(0, std::memory_order_seq_cst);
        tell();
    }
    void lock_shared_by_guard() {
        lock_debug_acquire(this, R, true);
        if (try_read()) [[likely]] lock_stat_acquired(R);
        else lock_shared_slow();
    }
    void unlock_shared_by_guard() {
        lock_debug_release(this, R);
        if (state_.fetch_sub(1, std::memory_order_seq_cst) == 1) tell();
    }

  private:
    static constexpr u32 kWriter = 1u << 31;
    static constexpr int kSpins = 100;

    bool try_write() {
        u32 expected = 0;
        return state_.compare_exchange_strong(expected, kWriter, std::memory_order_acquire);
    }
    bool try_read() {
        u32 s = state_.load(std::memory_order_relaxed);
        while (!(s & kWriter) && !writers_waiting_.load(std::memory_order_relaxed))
            if (state_.compare_exchange_weak(s, s + 1, std::memory_order_acquire)) return true;
        return false;
    }
    /// The lock came free; who waits is on the queue before it tries again, so nobody is missed.
    void tell() {
        if (waiting_.load(std::memory_order_seq_cst)) [[unlikely]] queue_.wake_all();
    }
    [[gnu::noinline]] void lock_slow() {
        LockWait wait(R);
        for (int i = 0; i < kSpins; ++i) {
            if (state_.load(std::memory_order_relaxed) == 0 && try_write()) return;
            __builtin_ia32_pause();
        }
        waiting_.fetch_add(1, std::memory_order_seq_cst);
        writers_waiting_.fetch_add(1, std::memory_order_seq_cst);
        wait_until(queue_, [this] { return try_write(); }, kForever, false);
        writers_waiting_.fetch_sub(1, std::memory_order_seq_cst);
        waiting_.fetch_sub(1, std::memory_order_relaxed);
    }
    [[gnu::noinline]] void lock_shared_slow() {
        LockWait wait(R);
        for (int i = 0; i < kSpins; ++i) {
            if (try_read()) return;
            __builtin_ia32_pause();
        }
        waiting_.fetch_add(1, std::memory_order_seq_cst);
        wait_until(queue_, [this] { return try_read(); }, kForever, false);
        waiting_.fetch_sub(1, std::memory_order_relaxed);
    }

    std::atomic<u32> state_{0}; // kWriter, or the number of readers
    std::atomic<u32> waiting_{0}, writers_waiting_{0};
    WaitQueue queue_;
};

template <class Lock>
class SharedGuard : NoCopy {
  public:
    explicit SharedGuard(Lock& l) NO_THREAD_SAFETY : lock_(l) { l.lock_shared_by_guard(); }
    ~SharedGuard() NO_THREAD_SAFETY { lock_.unlock_shared_by_guard(); }

  private:
    Lock& lock_;
};

} // namespace linnet
