// Blocking. A waiter is put on a queue before the condition is tested, so a wake-up cannot be lost.
#pragma once

#include "kernel/lib/list.h"
#include "kernel/sync/spinlock.h"

namespace linnet {

class Thread;
struct WaitQueueEntry;

inline constexpr u64 kForever = ~0ull;

enum class WaitResult {
    Ready,       // the condition holds
    TimedOut,    // the deadline passed
    Interrupted, // a signal is pending (interruptible waits only)
};

/// How a wake-up reaches an entry. Runs with the queue's lock held (rank WaitQueue): it may take WaitQueueNested
/// and above, and must not sleep. `events`: poll bits that became true, 0 if unknown (treat as all).
/// Returns true if the entry counts as woken (for wake_one).
using WakeFunction = bool (*)(WaitQueueEntry& e, u32 events);

struct WaitQueueEntry : NoCopy {
    ListNode node;
    WakeFunction wake = nullptr;
    Thread* thread = nullptr; // for the default wake function
    bool exclusive = false;   // wake_one stops after one of these
    class WaitQueue* queue = nullptr;
};

class WaitQueue : NoCopy {
  public:
    void add(WaitQueueEntry& e);
    /// Harmless if the entry is not on the queue.
    void remove(WaitQueueEntry& e);
    /// Wakes every entry / every non-exclusive entry and one exclusive one. Any context but hard interrupt.
    void wake_all(u32 events = 0) {
        if (!empty()) wake(events, ~0u);
    }
    void wake_one(u32 events = 0) {
        if (!empty()) wake(events, 1);
    }
    /// Unlocked peek: valid for deciding to skip a wake-up, after the condition was made true (full barrier inside).
    bool empty() const NO_THREAD_SAFETY {
        std::atomic_thread_fence(std::memory_order_seq_cst);
        return const_cast<WaitQueue*>(this)->entries_.empty();
    }

  private:
    friend class SleepEntry;
    void wake(u32 events, u32 exclusive_count);
    SpinLock<Rank::WaitQueue> lock_;
    List<WaitQueueEntry, &WaitQueueEntry::node> entries_ GUARDED_BY(lock_);
};

/// The current thread as a waiter. Usage is wait_until() below; more than one queue: several SleepEntry.
class SleepEntry : public WaitQueueEntry {
  public:
    explicit SleepEntry(WaitQueue& q, bool exclusive_wait = false);
    ~SleepEntry();
};

/// Marks the current thread as going to sleep; a wake-up from here on undoes it. Then test, then sleep_until().
void prepare_to_sleep(bool interruptible);
/// Undoes prepare_to_sleep().
void cancel_sleep();
/// Sleeps unless woken since prepare_to_sleep(). False if `deadline_ns` (monotonic, kForever: none) passed.
bool sleep_until(u64 deadline_ns);
/// A signal that the current thread must act on is pending (or the process is being killed).
bool signal_pending();

/// Sleeps on `q` until cond() is true. cond runs with no lock held by this function; it may take locks that may be
/// taken in thread context. deadline_ns: monotonic clock, kForever for none.
template <class Cond>
WaitResult wait_until(WaitQueue& q, Cond&& cond, u64 deadline_ns = kForever, bool interruptible = true,
                      bool exclusive = false) {
    if (cond()) return WaitResult::Ready;
    SleepEntry entry(q, exclusive);
    bool in_time = true;
    for (;;) {
        prepare_to_sleep(interruptible);
        if (cond()) {
            cancel_sleep();
            return WaitResult::Ready;
        }
        if (interruptible && signal_pending()) {
            cancel_sleep();
            return WaitResult::Interrupted;
        }
        if (!in_time) {
            cancel_sleep();
            return WaitResult::TimedOut;
        }
        in_time = sleep_until(deadline_ns);
    }
}

} // namespace linnet
