// Readiness: how poll, select and epoll learn of changes. A file's poll() hands each of its wait queues to the table.
#pragma once

#include "kernel/sync/wait_queue.h"

namespace linnet {

inline constexpr u32 kPollIn = 1, kPollPri = 2, kPollOut = 4, kPollErr = 8, kPollHup = 0x10, kPollNval = 0x20,
                     kPollRdNorm = 0x40, kPollRdBand = 0x80, kPollWrNorm = 0x100, kPollWrBand = 0x200, kPollMsg = 0x400,
                     kPollRdHup = 0x2000;

/// Implemented by poll/select (sleepers) and by epoll (callbacks).
class PollTable {
  public:
    /// Puts an entry on the queue; the table keeps and removes it. Out of memory is remembered and reported by the caller.
    virtual void watch(WaitQueue& q) = 0;

  protected:
    ~PollTable() = default;
};

} // namespace linnet
