// open(2) and what changes the tree of names: mkdir, unlink, rename and the like. Paths are kernel strings; the calls act for
// the current task. Source: the man pages of the calls.
#pragma once

#include "linux-abi/fcntl.h"
#include "vfs/path_walk.h"

namespace linnet {

class File;

struct OpenRequest {
    u32 flags = 0;   // O_*
    u32 mode = 0;    // for O_CREAT, before the umask
    u64 resolve = 0; // RESOLVE_*
};

/// The whole of openat2(2) but for the descriptor.
Result<Ref<File>> open_file(int dirfd, const char* path, const OpenRequest& request);
/// Opens what is there already, checking access.
Result<Ref<File>> open_location(const Location& where, u32 flags, const Credentials& c);

Result<void> make_directory(int dirfd, const char* path, u32 mode);
Result<void> make_node(int dirfd, const char* path, u32 mode, u64 rdev);
Result<void> make_symlink(const char* target, int dirfd, const char* path);
Result<void> make_link(int old_dirfd, const char* old_path, int new_dirfd, const char* new_path, int at_flags);
Result<void> remove_file(int dirfd, const char* path);
Result<void> remove_directory(int dirfd, const char* path);
Result<void> rename_file(int old_dirfd, const char* old_path, int new_dirfd, const char* new_path, u32 flags);

/// chdir(2): ENOTDIR, EACCES
Result<void> change_directory(Location where);

/// truncate(2) on an inode: checks the type, ETXTBSY and RLIMIT_FSIZE. `check`: write permission too.
Result<void> truncate_inode(Inode& inode, i64 size, bool check);
Result<void> change_mode(Inode& inode, u32 mode);
Result<void> change_owner(Inode& inode, u32 uid, u32 gid); // -1: unchanged
/// utimensat(2): UTIME_NOW and UTIME_OMIT in nsec are honoured; null: both now.
Result<void> change_times(Inode& inode, const i64 (*times)[2]); // {sec, nsec} of atime, mtime

/// Write access of an inode (ETXTBSY while it is executed), and its opposite.
Result<void> take_write_access(Inode& inode);
void drop_write_access(Inode& inode);
Result<void> deny_write_access(Inode& inode);
void allow_write_access(Inode& inode);

} // namespace linnet
