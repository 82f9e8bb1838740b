// What the handlers of file calls share.
#pragma once

#include "kernel/mm/user.h"
#include "kernel/mm/user_segments.h"
#include "linux-abi/syscalls.h"
#include "vfs/file_table.h"
#include "vfs/fs_context.h"
#include "vfs/inode.h"
#include "vfs/path_walk.h"

namespace linnet {

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

/// What (dirfd, path) means for a call that takes AT_SYMLINK_NOFOLLOW and AT_EMPTY_PATH. With AT_EMPTY_PATH and "" any
/// open file will do, one without a name too (then `where` is empty). A null path counts as "" with AT_EMPTY_PATH.
struct Target {
    Location where;
    Ref<Inode> inode;
};
Result<Target> resolve_target(int dirfd, u64 path_address, u32 at_flags);

} // namespace linnet
