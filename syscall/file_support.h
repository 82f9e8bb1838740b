// What the handlers of file calls share.
#pragma once

#include "kernel/mm/io_vector.h"
#include "kernel/mm/user.h"
#include "linux-abi/syscalls.h"
#include "vfs/file_table.h"
#include "vfs/fs_context.h"
#include "vfs/inode.h"
#include "vfs/path_walk.h"

namespace linnet {

/// The most that one call moves (Linux's MAX_RW_COUNT).
inline constexpr u64 kMaxTransfer = 0x7ffff000;

/// At the file's own position, which is advanced.
inline Result<size_t> read_at_position(File& f, IoVector& v) {
    if (!f.uses_position()) {
        u64 unused = 0;
        return f.read(v, unused, f.nonblocking());
    }
    MutexGuard g(f.position_lock);
    return f.read(v, f.position, f.nonblocking());
}
inline Result<size_t> write_at_position(File& f, IoVector& v) {
    if (!f.uses_position()) {
        u64 unused = 0;
        return f.write(v, unused, f.nonblocking());
    }
    MutexGuard g(f.position_lock);
    return f.write(v, f.position, f.nonblocking());
}

/// The segments of an iovec array, copied in and checked.
class UserSegments : NoCopy {
  public:
    ~UserSegments() {
        if (segments_ != small_) kfree(segments_);
    }
    /// EINVAL (count, total), EFAULT, ENOMEM
    Result<void> copy_in(u64 address, i64 count);
    IoVector vector() const {
        IoVector v = IoVector::user_segments(segments_, count_);
        v.truncate(kMaxTransfer);
        return v;
    }

  private:
    static constexpr size_t kSmall = 8;
    IoSegment small_[kSmall];
    IoSegment* segments_ = small_;
    size_t count_ = 0;
};

/// What (dirfd, path) means for a call that takes AT_SYMLINK_NOFOLLOW and AT_EMPTY_PATH. With AT_EMPTY_PATH and "" any
/// open file will do, one without a name too (then `where` is empty). A null path counts as "" with AT_EMPTY_PATH.
struct Target {
    Location where;
    Ref<Inode> inode;
};
Result<Target> resolve_target(int dirfd, u64 path_address, u32 at_flags);

} // namespace linnet
