// POSIX timers. A timer of a wall clock is a kernel timer that is not armed again until its signal is taken: what it missed meanwhile
// is reckoned then, as the overrun. A CPU-time clock cannot be waited for: it is looked at when it can have got there at the earliest,
// and expirations are counted as they are seen. timer_create(2), timer_getoverrun(2); Linux's kernel/time/posix-timers.c.
#include "kernel/task/posix_timer.h"

#include "kernel/task/lifecycle.h"
#include "kernel/task/signal_internal.h"
#include "kernel/time/clock.h"

namespace linnet {

class PosixTimerTable {
  public:
    Tree<PosixTimer, &PosixTimer::table_node, &PosixTimer::id> timers;
    i32 next_id = 0;
};

namespace {

/// How long an ignored signal's periodic timer rests at least.
constexpr u64 kIgnoredRestNs = kNsPerMs;

u64 clock_now(const PosixTimer& t) { return t.clock == TimerClock::Cpu ? t.cpu_clock.read() : monotonic_ns(); }

PosixTimer* find(Process& p, i32 id) { return p.posix_timers && id >= 0 ? p.posix_timers->timers.find(id) : nullptr; }

/// The time of a timer's clock. No lock is held: a CPU-time clock takes process_lock, so the timer has to be found again after. EINVAL
Result<u64> clock_now(Process& p, i32 id) {
    CpuClock cpu_clock;
    {
        SpinGuard g(p.signal_lock);
        PosixTimer* t = find(p, id);
        if (!t) return EINVAL;
        if (t->clock != TimerClock::Cpu) return monotonic_ns();
        cpu_clock = t->cpu_clock;
    }
    return cpu_clock.read();
}

/// Moves the deadline behind `now`; the number of intervals. There is an interval, and the deadline has come.
u64 forward(PosixTimer& t, u64 now) {
    const u64 n = (now - t.deadline_ns) / t.interval_ns + 1;
    t.deadline_ns += n * t.interval_ns;
    if (t.deadline_ns > kForever / 2) t.deadline_ns = kForever / 2;
    return n;
}

/// Arms the kernel timer for the deadline. signal_lock held; `now` on the timer's clock.
void arm(PosixTimer& t, u64 now) {
    if (!t.deadline_ns || t.silent) return;
    if (t.clock != TimerClock::Cpu) {
        start_timer(t, t.deadline_ns);
        return;
    }
    // A process gains at most as many nanoseconds as there are CPUs in each; never looked at more often than each millisecond.
    u64 wait = t.deadline_ns > now ? (t.deadline_ns - now) / cpu_count() : 0;
    if (wait < kNsPerMs) wait = kNsPerMs;
    if (wait > kForever / 4) wait = kForever / 4;
    start_timer(t, monotonic_ns() + wait);
}

/// Queues the timer's entry. False: nobody takes it, as it is ignored.
bool queue_entry(PosixTimer& t, bool& continued) {
    if (t.target && t.target->exiting) return true; // lost, like the thread
    bool ignored = false;
    auto r = post_signal_locked({.process = *t.owner, .task = t.target.get(), .sig = t.entry.info.signo, .info = &t.entry.info, .timer_entry = &t.entry},
                                &ignored);
    continued = r && *r;
    return !ignored;
}

/// Deferred context.
void expired(Timer& timer) {
    PosixTimer& t = static_cast<PosixTimer&>(timer);
    Process& p = *t.owner;
    const u64 now = clock_now(t);
    bool continued = false;
    {
        SpinGuard g(p.signal_lock);
        if (!t.deadline_ns || !t.table_node.in_tree) return;
        if (now < t.deadline_ns) { // a CPU-time clock that did not get there, or the timer was set anew
            arm(t, now);
            return;
        }
        if (t.clock == TimerClock::Cpu) {
            const u64 n = t.interval_ns ? forward(t, now) : 1;
            if (!t.interval_ns) t.deadline_ns = 0;
            if (t.entry.node.linked()) {
                t.overrun += n;
            } else {
                t.overrun = n - 1;
                (void)queue_entry(t, continued);
            }
            arm(t, now);
        } else if (!t.entry.node.linked()) {
            if (queue_entry(t, continued)) {
                if (t.interval_ns) t.expired_once = t.entry.node.linked();
                else t.deadline_ns = 0;
            } else if (t.interval_ns) {
                (void)forward(t, now + kIgnoredRestNs);
                arm(t, now);
            } else {
                t.deadline_ns = 0;
            }
        }
    }
    if (!continued) return;
    SpinGuard g(process_lock);
    notify_parent(p, CLD_CONTINUED, SIGCONT, SIGCHLD, {});
}

PosixTimerValue value_locked(PosixTimer& t, u64 now) {
    if (!t.deadline_ns) return {0, t.interval_ns};
    if (t.interval_ns && now >= t.deadline_ns && (t.expired_once || t.silent)) {
        const u64 n = forward(t, now);
        // The first of them is the one that the pending signal stands for.
        if (t.expired_once) t.overrun += n;
    }
    if (now < t.deadline_ns) return {t.deadline_ns - now, t.interval_ns};
    return {t.silent ? 0 : u64(1), t.interval_ns}; // due, but not seen yet: must not read as off
}

/// Takes the timer out of everything but its memory. signal_lock held.
void detach(Process& p, PosixTimer& t) {
    p.posix_timers->timers.remove(t);
    --p.posix_timer_count;
    queued_signals.fetch_sub(1, std::memory_order_relaxed);
    PendingSignals& set = t.target ? t.target->pending : p.pending;
    set.withdraw(t.entry);
    t.deadline_ns = 0;
}

void destroy(PosixTimer& t) {
    cancel_timer(t);
    Owned<PosixTimer>::adopt(&t).reset();
}

} // namespace

Result<i32> add_posix_timer(Owned<PosixTimer> timer) {
    Process& p = *current().process;
    timer->owner = &p;
    timer->expired = expired;
    timer->entry.timer = timer.get();
    Owned<PosixTimerTable> table;
    if (!__atomic_load_n(&p.posix_timers, __ATOMIC_RELAXED)) table = TRY(make_owned<PosixTimerTable>());
    SpinGuard g(p.signal_lock);
    if (!p.posix_timers) p.posix_timers = table.release();
    if (p.pending.queued + p.posix_timer_count >= p.limit(RLIMIT_SIGPENDING)) return EAGAIN;
    PosixTimerTable& all = *p.posix_timers;
    // IDs go up and are used again only after all others.
    do {
        timer->id = all.next_id;
        all.next_id = all.next_id == 0x7fffffff ? 0 : all.next_id + 1;
    } while (!all.timers.insert(*timer));
    ++p.posix_timer_count;
    queued_signals.fetch_add(1, std::memory_order_relaxed);
    timer->entry.info.timer.tid = timer->id;
    if (timer->value_is_id) timer->entry.info.timer.value = u64(timer->id);
    return timer.release()->id;
}

Result<PosixTimerValue> set_posix_timer(Process& p, i32 id, PosixTimerValue v, bool absolute) {
    const u64 now = TRY(clock_now(p, id));
    SpinGuard g(p.signal_lock);
    PosixTimer* t = find(p, id);
    if (!t) return EINVAL;
    const PosixTimerValue old = value_locked(*t, now);
    PendingSignals& set = t->target ? t->target->pending : p.pending;
    set.withdraw(t->entry); // what the old setting sent does not arrive after the new one
    (void)stop_timer(*t);
    t->interval_ns = v.interval_ns;
    t->overrun = t->last_overrun = 0;
    t->expired_once = false;
    t->follows_realtime = v.value_ns && absolute && t->clock == TimerClock::Realtime;
    if (!v.value_ns) {
        t->deadline_ns = 0;
    } else if (t->follows_realtime) {
        // A time of long ago counts its expirations from then: the deadline may lie before the monotonic clock's start, as a negative
        // number, which the unsigned difference to `now` takes rightly; it only must not read as "off", or as later than now.
        t->offset_ns = realtime_offset_ns();
        const i64 at = i64(v.value_ns) - t->offset_ns;
        if (at > 0) {
            t->deadline_ns = u64(at);
        } else {
            t->deadline_ns = 1;
            if (v.interval_ns) t->overrun = u64(-at) / v.interval_ns;
        }
    } else if (absolute) {
        t->deadline_ns = v.value_ns;
    } else {
        t->deadline_ns = v.value_ns > kForever / 2 - now ? kForever / 2 : now + v.value_ns;
    }
    if (t->clock == TimerClock::Cpu && t->deadline_ns && t->deadline_ns <= now) start_timer(*t, 0);
    else arm(*t, now);
    return old;
}

Result<PosixTimerValue> get_posix_timer(Process& p, i32 id) {
    const u64 now = TRY(clock_now(p, id));
    SpinGuard g(p.signal_lock);
    PosixTimer* t = find(p, id);
    if (!t) return EINVAL;
    return value_locked(*t, now);
}

Result<u64> posix_timer_overrun(Process& p, i32 id) {
    SpinGuard g(p.signal_lock);
    PosixTimer* t = find(p, id);
    if (!t) return EINVAL;
    return t->last_overrun;
}

Result<void> delete_posix_timer(Process& p, i32 id) {
    PosixTimer* t;
    {
        SpinGuard g(p.signal_lock);
        t = find(p, id);
        if (!t) return EINVAL;
        detach(p, *t);
    }
    destroy(*t);
    return {};
}

void delete_posix_timers(Process& p) {
    for (;;) {
        PosixTimer* t;
        {
            SpinGuard g(p.signal_lock);
            if (!p.posix_timers || !(t = p.posix_timers->timers.first())) return;
            detach(p, *t);
        }
        destroy(*t);
    }
}

void free_posix_timer_table(Process& p) { Owned<PosixTimerTable>::adopt(p.posix_timers).reset(); }

void posix_timers_follow_clock() {
    for (Ref<Process> p = next_process(0); p; p = next_process(p->pid)) {
        SpinGuard g(p->signal_lock);
        if (!p->posix_timers) continue;
        const i64 offset = realtime_offset_ns();
        auto& timers = p->posix_timers->timers;
        for (PosixTimer* t = timers.first(); t; t = timers.next(*t)) {
            if (!t->follows_realtime || !t->deadline_ns) continue;
            const i64 moved = offset - t->offset_ns;
            t->offset_ns = offset;
            t->deadline_ns = i64(t->deadline_ns) > moved ? t->deadline_ns - u64(moved) : 1;
            if (!t->entry.node.linked()) arm(*t, monotonic_ns());
        }
    }
}

void posix_timer_signal_left(PosixTimer& t, abi::Siginfo* info) {
    const u64 now = t.clock == TimerClock::Cpu ? 0 : monotonic_ns();
    if (t.expired_once) { // a wall clock with an interval: reckon what was missed, and run again
        t.expired_once = false;
        if (now >= t.deadline_ns) t.overrun += forward(t, info ? now : now + kIgnoredRestNs);
        // The first interval that the deadline was moved by is not an overrun: it leads to the next expiration.
        if (t.overrun) --t.overrun;
        arm(t, now);
    }
    t.last_overrun = t.overrun > 0x7fffffff ? 0x7fffffff : t.overrun;
    t.overrun = 0;
    if (info) info->timer.overrun = i32(t.last_overrun);
}

} // namespace linnet
