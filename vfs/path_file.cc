#include "vfs/path_file.h"

#include "kernel/lib/format.h"
#include "linux-abi/fcntl.h"
#include "vfs/file_locks.h"
#include "vfs/mount.h"
#include "vfs/open.h"

namespace linnet {

PathFile::~PathFile() {
    if (has_locks.load(std::memory_order_relaxed)) [[unlikely]] release_file_locks(*this);
    if (has_write_access_) drop_write_access(*inode_);
}

void PathFile::describe(TextBuffer& out) {
    if (where_.mount) render_path(where_, out);
    else out.put(where_.dentry->name().data(), where_.dentry->name().size());
}

Result<u64> PathFile::seek(i64 offset, int whence) {
    i64 base;
    switch (whence) {
    case SEEK_SET: base = 0; break;
    case SEEK_CUR: base = static_cast<i64>(position); break;
    case SEEK_END: base = static_cast<i64>(inode_->size()); break;
    case SEEK_DATA:
        if (offset < 0 || static_cast<u64>(offset) >= inode_->size()) return ENXIO;
        position = static_cast<u64>(offset);
        return position;
    case SEEK_HOLE:
        if (offset < 0 || static_cast<u64>(offset) >= inode_->size()) return ENXIO;
        position = inode_->size();
        return position;
    default: return EINVAL;
    }
    i64 to;
    if (__builtin_add_overflow(base, offset, &to)) return EOVERFLOW;
    if (to < 0) return EINVAL;
    position = static_cast<u64>(to);
    return position;
}

void PathFile::closed_by(u64 lock_owner) {
    if (inode_->locks.load(std::memory_order_acquire)) [[unlikely]] release_posix_locks(*inode_, lock_owner);
}

Result<void> DirectoryFile::read_directory(DirSink& sink) { return inode_->read_directory(where_, position, sink); }

Result<u64> DirectoryFile::seek(i64 offset, int whence) {
    if (whence == SEEK_END) return EINVAL;
    return PathFile::seek(offset, whence);
}

} // namespace linnet
