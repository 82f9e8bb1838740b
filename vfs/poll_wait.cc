#include "vfs/poll_wait.h"

#include "kernel/lib/ref.h"
#include "kernel/sched/scheduler.h"

namespace linnet {

bool PollSleep::woken(WaitQueueEntry& e, u32 events) {
    if (events && !(events & static_cast<Entry&>(e).wanted)) return false;
    return wake_thread(*e.thread);
}

void PollSleep::watch(WaitQueue& q) {
    Entry* e;
    if (used_ < kInline) {
        e = &inline_[used_++];
    } else {
        void* p = kmalloc(sizeof(Entry));
        if (!p) {
            failed_ = true;
            return;
        }
        e = new (p) Entry;
        e->next = std::exchange(more_, e);
    }
    e->wake = woken;
    e->thread = current_thread();
    e->wanted = wanted_;
    q.add(*e);
}

void PollSleep::clear() {
    for (u32 i = 0; i < used_; ++i)
        if (inline_[i].queue) inline_[i].queue->remove(inline_[i]);
    while (Entry* e = more_) {
        more_ = e->next;
        if (e->queue) e->queue->remove(*e);
        kfree(e);
    }
    used_ = 0;
}

} // namespace linnet
