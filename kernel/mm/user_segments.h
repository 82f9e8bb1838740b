// A program's iovec array.
#pragma once

#include "kernel/lib/ref.h"
#include "kernel/mm/io_vector.h"

namespace linnet {

/// The most that one call moves (Linux's MAX_RW_COUNT).
inline constexpr u64 kMaxTransfer = 0x7ffff000;
/// The most pieces of one call (UIO_MAXIOV).
inline constexpr u64 kMaxSegments = 1024;

/// The segments of an iovec array, copied in and checked.
class UserSegments : NoCopy {
  public:
    ~UserSegments() {
        if (segments_ != small_) kfree(segments_);
    }
    /// `too_many`, EINVAL (a length), EFAULT, ENOMEM. Once.
    Result<void> copy_in(u64 address, u64 count, Errno too_many = EINVAL);
    IoVector vector() const { return IoVector::user_segments(segments_, count_); }

  private:
    static constexpr size_t kSmall = 8;
    IoSegment small_[kSmall];
    IoSegment* segments_ = small_;
    size_t count_ = 0;
};

} // namespace linnet
