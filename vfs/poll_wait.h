// Waiting for any of several files: poll(2) and select(2).
#pragma once

#include "kernel/sched/thread.h"
#include "vfs/poll.h"

namespace linnet {

/// Entries of the current thread on wait queues. The first ones lie in this object (on the stack).
class PollSleep final : public PollTable, NoCopy {
  public:
    ~PollSleep() { clear(); }
    void watch(WaitQueue& q) override;
    /// What the file being asked is watched for: other wake-ups are slept through.
    void set_wanted(u32 events) { wanted_ = events; }
    bool failed() const { return failed_; }
    void clear();

  private:
    struct Entry : WaitQueueEntry {
        u32 wanted = 0;
        Entry* next = nullptr;
    };
    static bool woken(WaitQueueEntry& e, u32 events);
    static constexpr u32 kInline = 8;
    Entry inline_[kInline];
    u32 used_ = 0;
    Entry* more_ = nullptr;
    u32 wanted_ = 0;
    bool failed_ = false;
};

/// Sleeps until scan(table) finds something (a non-zero count). scan asks the files, passing the table on to poll() when it
/// is not null, which is so the first time only. The count; 0 at the deadline (0: does not sleep); EINTR, ENOMEM.
template <class Scan>
Result<size_t> poll_until(Scan&& scan, u64 deadline_ns) {
    PollSleep table;
    bool wait = deadline_ns != 0;
    if (size_t n = scan(wait ? &table : nullptr); n || !wait) return n;
    if (table.failed()) return ENOMEM;
    bool in_time = true;
    for (;;) {
        prepare_to_sleep(true);
        if (size_t n = scan(static_cast<PollSleep*>(nullptr))) {
            cancel_sleep();
            return n;
        }
        if (signal_pending()) {
            cancel_sleep();
            return EINTR;
        }
        if (!in_time) {
            cancel_sleep();
            return size_t{0};
        }
        in_time = sleep_until(deadline_ns);
    }
}

} // namespace linnet
