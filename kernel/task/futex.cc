#include "kernel/task/futex.h"

#include "kernel/time/clock.h"

#include "kernel/mm/address_space.h"
#include "linux-abi/sched.h"

namespace linnet {

namespace {

struct Waiter : NoCopy {
    ListNode node;
    FutexKey key;
    u32 bitset;
    Thread* thread;
    std::atomic<u32> bucket;        // index; changed by requeue under both buckets' locks
    std::atomic<bool> woken{false}; // set under the bucket's lock, last
};

struct alignas(64) Row {
    SpinLock<Rank::FutexBucket> lock;
    /// Waiters that are queued, or are about to be: raised (with a full barrier) before the word is read. A waker, who has written the word before,
    /// sees it, or the waiter sees the word; so a wake-up of nobody takes no lock.
    std::atomic<u32> count{0};
    List<Waiter, &Waiter::node> waiters GUARDED_BY(lock);
};

constexpr u32 kRows = 256;
Row rows[kRows];

u32 row_of(const FutexKey& k) {
    u64 h = (reinterpret_cast<u64>(k.object) ^ (k.offset >> 2)) * 0x9e3779b97f4a7c15;
    return u32(h >> 56);
}

/// Two rows' locks in address order; one if they are the same.
class TwoRows : NoCopy {
  public:
    TwoRows(u32 a, u32 b) NO_THREAD_SAFETY : low_(&rows[a < b ? a : b]), high_(&rows[a < b ? b : a]) {
        low_->lock.lock_by_guard();
        if (high_ != low_) high_->lock.lock_by_guard();
    }
    ~TwoRows() NO_THREAD_SAFETY {
        if (high_ != low_) high_->lock.unlock_by_guard();
        low_->lock.unlock_by_guard();
    }

  private:
    Row* low_;
    Row* high_;
};

/// Reads the word without sleeping, under a row's lock.
bool peek_word(u64 address, u32* value) { return try_load_user_u32(value, address); }

/// Wakes a waiter; its row's lock is held.
void wake_waiter(Waiter& w) {
    Thread& t = *w.thread;
    w.node.unlink();
    rows[w.bucket.load(std::memory_order_relaxed)].count.fetch_sub(1, std::memory_order_relaxed);
    w.woken.store(true, std::memory_order_release);
    // The waiter takes the lock before it leaves, so its thread is still there.
    wake_thread(t);
}

u32 wake_in_row(Row& row, const FutexKey& key, u32 count, u32 bitset) REQUIRES(row.lock) {
    u32 woken = 0;
    for (Waiter* w = row.waiters.front(); w && woken < count;) {
        Waiter* next = row.waiters.next(*w);
        if (w->key == key && (w->bitset & bitset)) {
            wake_waiter(*w);
            ++woken;
        }
        w = next;
    }
    return woken;
}

/// Takes a waiter off its row, wherever requeue has put it. True if it had been woken already.
bool leave_row(Waiter& w) {
    for (;;) {
        u32 b = w.bucket.load(std::memory_order_acquire);
        SpinGuard g(rows[b].lock);
        if (b != w.bucket.load(std::memory_order_relaxed)) continue;
        if (w.woken.load(std::memory_order_relaxed)) return true;
        w.node.unlink();
        rows[b].count.fetch_sub(1, std::memory_order_relaxed);
        return false;
    }
}

} // namespace

Result<FutexKey> futex_key(u64 address, bool is_private) {
    if (address % 4) return EINVAL;
    if (!user_range_ok(address, 4)) return EFAULT;
    AddressSpace* space = current().process->space.get();
    if (is_private) return FutexKey{space, address};
    SharedKey k = TRY(space->shared_key(address));
    return FutexKey{k.object, k.offset};
}

Result<void> futex_wait(u64 address, u32 expected, u32 bitset, bool is_private, u64 deadline_ns, bool realtime) {
    if (!bitset) return EINVAL;
    Waiter w;
    for (;;) {
        w.key = TRY(futex_key(address, is_private));
        u32 b = row_of(w.key);
        u32 value;
        rows[b].count.fetch_add(1, std::memory_order_seq_cst);
        {
            SpinGuard g(rows[b].lock);
            if (peek_word(address, &value)) {
                if (value != expected) {
                    rows[b].count.fetch_sub(1, std::memory_order_relaxed);
                    return EAGAIN;
                }
                w.bitset = bitset;
                w.thread = current_thread();
                w.bucket.store(b, std::memory_order_relaxed);
                rows[b].waiters.push_back(w);
                break;
            }
        }
        rows[b].count.fetch_sub(1, std::memory_order_relaxed);
        TRY(user_load_u32(address)); // faults the page in
    }
    bool in_time = true;
    // A real time is looked at anew when the clock was set.
    alignas(SleepEntry) char room[sizeof(SleepEntry)];
    SleepEntry* clock_entry = realtime ? new (room) SleepEntry(clock_set_waiters()) : nullptr;
    struct Leave {
        SleepEntry* entry;
        ~Leave() {
            if (entry) entry->~SleepEntry();
        }
    } leave{clock_entry};
    for (;;) {
        prepare_to_sleep(true);
        if (w.woken.load(std::memory_order_acquire)) break;
        if (!in_time) {
            cancel_sleep();
            if (leave_row(w)) return {};
            return ETIMEDOUT;
        }
        if (signal_pending()) {
            cancel_sleep();
            if (leave_row(w)) return {};
            return EINTR;
        }
        if (!realtime) {
            in_time = sleep_until(deadline_ns);
            continue;
        }
        const i64 offset = realtime_offset_ns();
        const u64 deadline = i64(deadline_ns) > offset ? deadline_ns - u64(offset) : 0;
        (void)sleep_until(deadline);
        in_time = realtime_ns() < deadline_ns;
    }
    cancel_sleep();
    (void)leave_row(w); // waits for the waker to be done with `w`
    return {};
}

Result<u32> futex_wake(u64 address, u32 count, bool is_private, u32 bitset) {
    if (!bitset) return EINVAL;
    FutexKey key = TRY(futex_key(address, is_private));
    Row& row = rows[row_of(key)];
    std::atomic_thread_fence(std::memory_order_seq_cst);
    if (!row.count.load(std::memory_order_relaxed)) return 0u;
    SpinGuard g(row.lock);
    return wake_in_row(row, key, count, bitset);
}

Result<u32> futex_requeue(u64 address, u64 address2, u32 wake_count, u32 move_count, const u32* expected,
                          bool is_private) NO_THREAD_SAFETY { // TwoRows
    if (i32(wake_count) < 0 || i32(move_count) < 0) return EINVAL;
    FutexKey key = TRY(futex_key(address, is_private));
    FutexKey key2 = TRY(futex_key(address2, is_private));
    const u32 from = row_of(key), to = row_of(key2);
    for (;;) {
        if (expected) TRY(user_load_u32(address));
        TwoRows locks(from, to);
        if (expected) {
            u32 value;
            if (!peek_word(address, &value)) continue;
            if (value != *expected) return EAGAIN;
        }
        u32 woken = wake_in_row(rows[from], key, wake_count, ~0u);
        u32 moved = 0;
        for (Waiter* w = rows[from].waiters.front(); w && moved < move_count;) {
            Waiter* next = rows[from].waiters.next(*w);
            if (w->key == key) {
                ++moved;
                w->key = key2;
                if (from != to) {
                    rows[to].count.fetch_add(1, std::memory_order_relaxed);
                    rows[from].count.fetch_sub(1, std::memory_order_relaxed);
                    w->node.unlink();
                    w->bucket.store(to, std::memory_order_release);
                    rows[to].waiters.push_back(*w);
                }
            }
            w = next;
        }
        return woken + moved;
    }
}

Result<u32> futex_wake_op(u64 address, u64 address2, u32 count, u32 count2, u32 operation, bool is_private) NO_THREAD_SAFETY { // TwoRows
    FutexKey key = TRY(futex_key(address, is_private));
    FutexKey key2 = TRY(futex_key(address2, is_private));
    const u32 op = operation >> 28 & 7, compare = operation >> 24 & 15;
    i32 op_argument = i32(operation << 8) >> 20, compare_argument = i32(operation << 20) >> 20;
    if (operation >> 28 & FUTEX_OP_OPARG_SHIFT) op_argument = i32(1u << (u32(op_argument) & 31));
    if (op > u32(FUTEX_OP_XOR) || compare > u32(FUTEX_OP_CMP_GE)) return ENOSYS;
    u32 old = TRY(user_load_u32(address2));
    for (;;) {
        u32 argument = u32(op_argument), desired = 0;
        switch (int(op)) {
        case FUTEX_OP_SET: desired = argument; break;
        case FUTEX_OP_ADD: desired = old + argument; break;
        case FUTEX_OP_OR: desired = old | argument; break;
        case FUTEX_OP_ANDN: desired = old & ~argument; break;
        case FUTEX_OP_XOR: desired = old ^ argument; break;
        }
        u32 seen = TRY(user_cmpxchg_u32(address2, old, desired));
        if (seen == old) break;
        old = seen;
    }
    bool holds = false;
    switch (int(compare)) {
    case FUTEX_OP_CMP_EQ: holds = i32(old) == compare_argument; break;
    case FUTEX_OP_CMP_NE: holds = i32(old) != compare_argument; break;
    case FUTEX_OP_CMP_LT: holds = i32(old) < compare_argument; break;
    case FUTEX_OP_CMP_LE: holds = i32(old) <= compare_argument; break;
    case FUTEX_OP_CMP_GT: holds = i32(old) > compare_argument; break;
    case FUTEX_OP_CMP_GE: holds = i32(old) >= compare_argument; break;
    }
    // A waiter that queues itself between the exchange and here compares the new value under its row's lock, so the
    // operation needs not be done under the locks.
    const u32 a = row_of(key), b = row_of(key2);
    TwoRows locks(a, b);
    u32 woken = wake_in_row(rows[a], key, count, ~0u);
    if (holds) woken += wake_in_row(rows[b], key2, count2, ~0u);
    return woken;
}

// ---- robust lists ------------------------------------------------------------------------------------------------

namespace {

/// One lock of a dying thread: FUTEX_OWNER_DIED in place of its ID, and one waiter woken.
Result<void> release_lock(Task& t, u64 address, bool pending_operation, bool is_pi) {
    if (address % 4) return EINVAL;
    u32 value = TRY(user_load_u32(address));
    for (;;) {
        const u32 owner = value & u32(FUTEX_TID_MASK);
        // Between giving the lock up and waking: the wake-up may have been lost with the thread.
        if (pending_operation && !is_pi && owner == 0) {
            (void)futex_wake(address, 1, false);
            return {};
        }
        if (owner != u32(t.tid)) return {};
        u32 desired = (value & FUTEX_WAITERS) | u32(FUTEX_OWNER_DIED);
        u32 seen = TRY(user_cmpxchg_u32(address, value, desired));
        if (seen == value) break;
        value = seen;
    }
    // Waiters of a PI lock are release_pi_futexes()' business.
    if ((value & FUTEX_WAITERS) && !is_pi) (void)futex_wake(address, 1, false);
    return {};
}

} // namespace

void release_robust_list(Task& t) {
    if (!t.robust_list) return;
    const u64 head_address = t.robust_list;
    t.robust_list = 0;
    auto head = user_read<abi::RobustListHead>(head_address);
    if (!head) return;
    constexpr u64 kPiBit = 1; // the low bit marks PI locks
    constexpr int kLimit = 2048;
    const u64 pending = head->list_op_pending & ~kPiBit;
    u64 entry = head->next;
    for (int i = 0; i < kLimit; ++i) {
        const u64 place = entry & ~kPiBit;
        if (place == head_address) break;
        auto next = user_read<u64>(place); // before the lock is released: its memory may go then
        if (place != pending && !release_lock(t, place + u64(head->futex_offset), false, entry & kPiBit)) return;
        if (!next) return;
        entry = *next;
    }
    if (pending) (void)release_lock(t, pending + u64(head->futex_offset), true, head->list_op_pending & kPiBit);
}

} // namespace linnet
