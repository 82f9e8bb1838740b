#include "kernel/task/pi_futex.h"

#include "kernel/mm/user.h"
#include "kernel/sync/mutex.h"
#include "kernel/time/clock.h"
#include "linux-abi/sched.h"

namespace linnet {

std::atomic<u32> pi_futex_lines{0};

/// A thread in line for a lock; on its stack. It takes pi_lock before it leaves, so that nobody meets a dead one.
struct PiWaiter : NoCopy {
    Task* task = nullptr;
    PiFutex* futex = nullptr;
    PiWaiter* next = nullptr;
    u8 priority = 0;
    std::atomic<bool> granted{false};
    bool owner_died = false; // with granted: the word is the waiter's to write
};

/// A lock with waiters.
struct PiFutex : NoCopy {
    FutexKey key;
    Task* owner = nullptr;       // lives: a thread that ends gives its locks away first
    PiWaiter* waiters = nullptr; // most urgent first, then who came first
    PiFutex* next_held = nullptr;
    PiFutex* next_in_row = nullptr;
};

namespace {

/// Guards everything here and Task's pi_held and pi_blocked. A mutex: words are read and written under it, and pages may have to come.
Mutex<Rank::PiFutexes> pi_lock;

constexpr u32 kRows = 64;
PiFutex* rows[kRows] GUARDED_BY(pi_lock);

constexpr u32 kTid = u32(FUTEX_TID_MASK), kWaiters = u32(FUTEX_WAITERS), kOwnerDied = u32(FUTEX_OWNER_DIED);
constexpr Errno kRetry = static_cast<Errno>(513); // the owner is about to end: internal

/// Waits at a first word until it is moved to the lock's line. Linked in `requeue_waiters`.
struct RequeueWaiter : NoCopy {
    FutexKey from, to;
    Task* task = nullptr;
    RequeueWaiter* next = nullptr;
    PiWaiter lock;
    bool moved = false;
};
RequeueWaiter* requeue_waiters GUARDED_BY(pi_lock) = nullptr;

PiFutex*& row_of(const FutexKey& k) REQUIRES(pi_lock) {
    const u64 h = (reinterpret_cast<u64>(k.object) ^ (k.offset >> 2)) * 0x9e3779b97f4a7c15;
    return rows[h >> 58];
}

PiFutex* find(const FutexKey& key) REQUIRES(pi_lock) {
    for (PiFutex* f = row_of(key); f; f = f->next_in_row)
        if (f->key == key) return f;
    return nullptr;
}

template <class T>
void unlink(T*& head, T* item, T* T::*next) {
    for (T** p = &head; *p; p = &((*p)->*next))
        if (*p == item) {
            *p = item->*next;
            item->*next = nullptr;
            return;
        }
}

u8 priority_of(const Task& t) {
    const bool realtime = t.policy == SchedPolicy::Fifo || t.policy == SchedPolicy::RoundRobin;
    return realtime ? t.rt_priority.load(std::memory_order_relaxed) : u8(0);
}

void line_up(PiFutex& f, PiWaiter& w) REQUIRES(pi_lock) {
    w.priority = priority_of(*w.task);
    w.futex = &f;
    PiWaiter** at = &f.waiters;
    while (*at && (*at)->priority >= w.priority) at = &(*at)->next;
    w.next = *at;
    *at = &w;
}

void drop_requeue_waiter(RequeueWaiter& w) REQUIRES(pi_lock) {
    unlink(requeue_waiters, &w, &RequeueWaiter::next);
    pi_futex_lines.fetch_sub(1);
}

/// What `t` is lent follows from the heads of the lines that wait for it; and so on, if it waits itself. The chain has no loop.
void pass_priority_on(Task* t) REQUIRES(pi_lock) {
    while (t) {
        u8 most = 0;
        for (PiFutex* f = t->pi_held; f; f = f->next_held)
            if (f->waiters && f->waiters->priority > most) most = f->waiters->priority;
        if (most != t->lent_priority) lend_priority(*t, most);
        PiWaiter* w = t->pi_blocked;
        if (!w || w->priority == priority_of(*t)) return;
        unlink(w->futex->waiters, w, &PiWaiter::next);
        line_up(*w->futex, *w);
        t = w->futex->owner;
    }
}

void set_owner(PiFutex& f, Task* owner) REQUIRES(pi_lock) {
    if (f.owner) unlink(f.owner->pi_held, &f, &PiFutex::next_held);
    f.owner = owner;
    if (!owner) return;
    f.next_held = owner->pi_held;
    __atomic_store_n(&owner->pi_held, &f, __ATOMIC_SEQ_CST);
}

/// Without waiters the word is the program's alone again.
void drop_if_unused(PiFutex* f) REQUIRES(pi_lock) {
    if (!f || f->waiters) return;
    set_owner(*f, nullptr);
    unlink(row_of(f->key), f, &PiFutex::next_in_row);
    kfree(f);
    pi_futex_lines.fetch_sub(1);
}

/// The head of the line is the owner from now on. The word says so already, unless `owner_died`.
void grant(PiFutex& f, bool owner_died) REQUIRES(pi_lock) {
    PiWaiter& w = *f.waiters;
    Task* before = f.owner;
    unlink(f.waiters, &w, &PiWaiter::next);
    w.task->pi_blocked = nullptr;
    w.futex = nullptr;
    set_owner(f, w.task);
    drop_if_unused(&f);
    pass_priority_on(before);
    pass_priority_on(w.task);
    w.owner_died = owner_died;
    w.granted.store(true, std::memory_order_release);
    wake_thread(*w.task);
}

/// Takes the lock for `t`, if it is free: true. Else `f` is the lock with its owner (null with try_only), and the word has FUTEX_WAITERS.
Result<bool> take(u64 address, const FutexKey& key, Task& t, bool more_wait, bool try_only, PiFutex*& f) REQUIRES(pi_lock) {
    f = nullptr;
    for (;;) {
        const u32 value = TRY(user_load_u32(address)), tid = value & kTid;
        if (tid == u32(t.tid)) return EDEADLK;
        if (PiFutex* known = find(key)) {
            if (tid && tid != u32(known->owner->tid)) return EINVAL;
            f = known;
            return false;
        }
        if (!tid) {
            const u32 mine = u32(t.tid) | (value & kOwnerDied) | (more_wait ? kWaiters : 0);
            if (TRY(user_cmpxchg_u32(address, value, mine)) == value) return true;
            continue;
        }
        Ref<Task> owner = find_task(i32(tid));
        if (!owner) {
            if (TRY(user_load_u32(address)) != value) continue;
            return ESRCH;
        }
        if (__atomic_load_n(&owner->exiting, __ATOMIC_SEQ_CST)) return kRetry;
        if (try_only) return false;
        if (!(value & kWaiters) && TRY(user_cmpxchg_u32(address, value, value | kWaiters)) != value) continue;
        Owned<PiFutex> made = TRY(make_owned<PiFutex>());
        f = made.release();
        f->key = key;
        f->next_in_row = row_of(key);
        row_of(key) = f;
        pi_futex_lines.fetch_add(1);
        set_owner(*f, owner.get());
        if (__atomic_load_n(&owner->exiting, __ATOMIC_SEQ_CST)) { // it may have looked at pi_held before
            drop_if_unused(f);
            f = nullptr;
            return kRetry;
        }
        return false;
    }
}

/// `t` waits for `f` already, in the end.
bool would_deadlock(const PiFutex& f, const Task& t) REQUIRES(pi_lock) {
    for (const Task* o = f.owner; o; o = o->pi_blocked ? o->pi_blocked->futex->owner : nullptr)
        if (o == &t) return true;
    return false;
}

/// Puts `w` (of t) in line. EDEADLK
Result<void> wait_in_line(PiFutex& f, PiWaiter& w, Task& t) REQUIRES(pi_lock) {
    if (would_deadlock(f, t)) {
        drop_if_unused(&f);
        return EDEADLK;
    }
    w.task = &t;
    line_up(f, w);
    t.pi_blocked = &w;
    pass_priority_on(f.owner);
    return {};
}

void leave_line(PiWaiter& w) REQUIRES(pi_lock) {
    PiFutex* f = w.futex;
    Task* owner = f->owner;
    unlink(f->waiters, &w, &PiWaiter::next);
    w.task->pi_blocked = nullptr;
    drop_if_unused(f);
    pass_priority_on(owner);
}

/// The owner has ended: the word is written by the one who has the lock now.
void write_word_of_dead(u64 address, const Task& t) {
    auto value = user_load_u32(address);
    while (value) {
        auto seen = user_cmpxchg_u32(address, *value, u32(t.tid) | kWaiters | kOwnerDied);
        if (!seen || *seen == *value) return;
        value = seen;
    }
}

/// Sleeps until done() or the deadline or a signal: what ended it.
template <class Done>
WaitResult sleep_for(Done&& done, u64 deadline_ns, bool realtime) {
    bool in_time = true;
    WaitResult result = WaitResult::Ready;
    for (;;) {
        prepare_to_sleep(true);
        if (done()) break;
        if (!in_time) {
            result = WaitResult::TimedOut;
            break;
        }
        if (signal_pending()) {
            result = WaitResult::Interrupted;
            break;
        }
        if (!realtime || deadline_ns == kForever) {
            in_time = sleep_until(deadline_ns);
            continue;
        }
        const i64 offset = realtime_offset_ns();
        (void)sleep_until(i64(deadline_ns) > offset ? deadline_ns - u64(offset) : 0);
        in_time = realtime_ns() < deadline_ns;
    }
    cancel_sleep();
    return result;
}

/// The owner is between its last instruction and the end of its robust list.
Result<void> let_owner_end() {
    prepare_to_sleep(true);
    const bool signal = signal_pending();
    if (!signal) (void)sleep_until(monotonic_ns() + kNsPerMs);
    cancel_sleep();
    if (signal) return EINTR;
    return {};
}

} // namespace

Result<void> pi_futex_lock(u64 address, bool is_private, u64 deadline_ns, bool realtime, bool try_only) {
    Task& t = current();
    PiWaiter w;
    for (;;) {
        const FutexKey key = TRY(futex_key(address, is_private));
        MutexGuard g(pi_lock);
        PiFutex* f;
        auto taken = take(address, key, t, false, try_only, f);
        if (!taken && taken.error() == kRetry) {
            g.unlock();
            TRY(let_owner_end());
            continue;
        }
        if (!taken) return taken.error();
        if (*taken) return {};
        if (try_only) return EAGAIN;
        TRY(wait_in_line(*f, w, t));
        break;
    }
    const WaitResult r = sleep_for([&] { return w.granted.load(std::memory_order_acquire); }, deadline_ns, realtime);
    {
        MutexGuard g(pi_lock);
        if (!w.granted.load(std::memory_order_relaxed)) {
            leave_line(w);
            return r == WaitResult::TimedOut ? ETIMEDOUT : EINTR;
        }
    }
    if (w.owner_died) write_word_of_dead(address, t);
    return {};
}

Result<void> pi_futex_unlock(u64 address, bool is_private) {
    Task& t = current();
    const FutexKey key = TRY(futex_key(address, is_private));
    MutexGuard g(pi_lock);
    for (;;) {
        const u32 value = TRY(user_load_u32(address));
        if ((value & kTid) != u32(t.tid)) return EPERM;
        PiFutex* f = find(key);
        if (f && f->owner != &t) return EINVAL;
        const u32 next = f ? u32(f->waiters->task->tid) | kWaiters : 0;
        if (TRY(user_cmpxchg_u32(address, value, next)) != value) continue;
        if (f) grant(*f, false);
        return {};
    }
}

Result<void> pi_futex_wait_requeue(u64 address, u32 expected, u64 address2, bool is_private, u64 deadline_ns, bool realtime) {
    if (address == address2) return EINVAL;
    Task& t = current();
    RequeueWaiter w;
    w.from = TRY(futex_key(address, is_private));
    w.to = TRY(futex_key(address2, is_private));
    w.task = &t;
    {
        MutexGuard g(pi_lock);
        if (TRY(user_load_u32(address)) != expected) return EAGAIN;
        RequeueWaiter** at = &requeue_waiters;
        while (*at && priority_of(*(*at)->task) >= priority_of(t)) at = &(*at)->next;
        w.next = *at;
        *at = &w;
        pi_futex_lines.fetch_add(1);
    }
    const WaitResult r = sleep_for([&] { return w.lock.granted.load(std::memory_order_acquire); }, deadline_ns, realtime);
    {
        MutexGuard g(pi_lock);
        if (!w.lock.granted.load(std::memory_order_relaxed)) {
            if (w.moved) leave_line(w.lock);
            else drop_requeue_waiter(w);
            if (r == WaitResult::TimedOut) return ETIMEDOUT;
            return w.moved ? EAGAIN : EINTR; // moved: the program looks at its condition again
        }
    }
    if (w.lock.owner_died) write_word_of_dead(address2, t);
    return {};
}

Result<u32> pi_futex_requeue(u64 address, u64 address2, u32 move_count, u32 expected, bool is_private) {
    if (address == address2 || i32(move_count) < 0) return EINVAL;
    const FutexKey from = TRY(futex_key(address, is_private)), to = TRY(futex_key(address2, is_private));
    for (;;) {
        MutexGuard g(pi_lock);
        if (TRY(user_load_u32(address)) != expected) return EAGAIN;
        u32 done = 0;
        bool again = false;
        RequeueWaiter* next;
        for (RequeueWaiter* w = requeue_waiters; w && done < move_count + 1; w = next) {
            next = w->next;
            if (w->from != from) continue;
            if (w->to != to) return EINVAL; // it waits for another lock
            PiFutex* f;
            auto taken = take(address2, to, *w->task, true, false, f);
            if (!taken && taken.error() == kRetry && !done) {
                again = true;
                break;
            }
            if (!taken) return done ? Result<u32>(done) : Result<u32>(taken.error());
            if (!*taken) {
                auto r = wait_in_line(*f, w->lock, *w->task);
                if (!r) return done ? Result<u32>(done) : Result<u32>(r.error());
            }
            drop_requeue_waiter(*w);
            w->moved = true;
            ++done;
            if (*taken) {
                w->lock.granted.store(true, std::memory_order_release);
                wake_thread(*w->task);
            }
        }
        if (!again) return done;
        g.unlock();
        TRY(let_owner_end());
    }
}

Result<void> check_no_pi_waiter(u64 address, bool is_private) {
    const FutexKey key = TRY(futex_key(address, is_private));
    MutexGuard g(pi_lock);
    if (find(key)) return EINVAL;
    for (const RequeueWaiter* w = requeue_waiters; w; w = w->next)
        if (w->from == key) return EINVAL;
    return {};
}

void release_pi_futexes(Task& t) {
    if (!__atomic_load_n(&t.pi_held, __ATOMIC_SEQ_CST)) return;
    MutexGuard g(pi_lock);
    while (t.pi_held) grant(*t.pi_held, true);
}

void pi_priority_changed(Task& t) {
    MutexGuard g(pi_lock);
    pass_priority_on(&t);
}

} // namespace linnet
