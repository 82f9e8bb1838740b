#include "kernel/sync/wait_queue.h"

#include "kernel/sched/scheduler.h"
#include "kernel/time/clock.h"
#include "kernel/time/timer.h"

namespace linnet {

void WaitQueue::add(WaitQueueEntry& e) {
    SpinGuard g(lock_);
    if (e.node.linked()) return;
    e.queue = this;
    // Exclusive waiters stand behind the others, so that wake_one passes all of those first.
    if (e.exclusive) entries_.push_back(e);
    else entries_.push_front(e);
}

void WaitQueue::remove(WaitQueueEntry& e) {
    SpinGuard g(lock_);
    e.node.unlink();
}

void WaitQueue::wake(u32 events, u32 exclusive_count) {
    SpinGuard g(lock_);
    for (WaitQueueEntry* e = entries_.front(); e;) {
        WaitQueueEntry* next = entries_.next(*e);
        bool exclusive = e->exclusive;
        if (e->wake(*e, events) && exclusive && --exclusive_count == 0) break;
        e = next;
    }
}

namespace {

bool wake_sleeper(WaitQueueEntry& e, u32) { return wake_thread(*e.thread); }

struct SleepTimer : Timer {
    Thread* thread;
    bool fired = false;
};

} // namespace

SleepEntry::SleepEntry(WaitQueue& q, bool exclusive_wait) {
    wake = wake_sleeper;
    thread = current_thread();
    exclusive = exclusive_wait;
    q.add(*this);
}

SleepEntry::~SleepEntry() { queue->remove(*this); }

void prepare_to_sleep(bool interruptible) {
    Thread& t = *current_thread();
    t.interruptible = interruptible;
    t.state.store(interruptible ? ThreadState::Sleeping : ThreadState::Uninterruptible, std::memory_order_seq_cst);
}

void cancel_sleep() { current_thread()->state.store(ThreadState::Running, std::memory_order_relaxed); }

bool sleep_until(u64 deadline_ns) {
    if (deadline_ns == kForever) {
        schedule();
        return true;
    }
    SleepTimer t;
    t.thread = current_thread();
    t.expired = [](Timer& timer) {
        auto& s = static_cast<SleepTimer&>(timer);
        s.fired = true;
        wake_thread(*s.thread);
    };
    start_timer(t, deadline_ns);
    schedule();
    cancel_timer(t);
    return !t.fired;
}

} // namespace linnet
