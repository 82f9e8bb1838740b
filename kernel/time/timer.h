// One-shot timers on the monotonic clock, per CPU. Callbacks are deferred work: they may take spin locks above rank
// Timers' users and wake threads, and must not sleep. They may start their own timer again.
#pragma once

#include <atomic>

#include "kernel/lib/tree.h"

namespace linnet {

struct Timer : NoCopy {
    void (*expired)(Timer&) = nullptr;
    u64 deadline_ns = 0; // while armed
    u64 key = 0;         // deadline made unique; the queue's
    TreeNode node;
    std::atomic<u32> cpu{0}; // whose queue it is or was in; that queue's lock guards the rest
    bool armed = false;
};

/// Arms (or re-arms) for an absolute monotonic time; a past time expires at the next safe point. Does not wait for a callback that runs
/// on another CPU, so locks that callbacks take may be held; several CPUs may call it at once, and the last one counts.
void start_timer(Timer& t, u64 deadline_ns);
/// Disarms without waiting: a callback may be running. False if it was not armed.
bool stop_timer(Timer& t);
/// Disarms. False if it was not armed. On return the callback is not running (unless it is the caller) and will not run,
/// if nobody starts it anew. No lock that the callback takes may be held.
bool cancel_timer(Timer& t);

} // namespace linnet
