// Advisory locks: POSIX records (fcntl), open-file-description records (F_OFD_*), and whole-file flock(2) locks.
// Source: fcntl(2), flock(2), Linux's Documentation/filesystems/locks.rst.
#pragma once

#include "linux-abi/fcntl.h"
#include "vfs/file.h"

namespace linnet {

class Inode;
class FileLockState;

enum class LockKind : u8 { Posix, Ofd, Flock };

/// fcntl(F_SETLK, F_SETLKW, F_OFD_SETLK, F_OFD_SETLKW): `request` as the program gave it. EAGAIN, EDEADLK (Posix, wait), EINVAL,
/// EBADF, EOVERFLOW, ENOMEM as ENOLCK, kRestartSys
Result<void> set_record_lock(File& f, LockKind kind, const abi::Flock& request, bool wait);
/// F_GETLK: turns `request` into the first lock in its way, or F_UNLCK.
Result<void> get_record_lock(File& f, LockKind kind, abi::Flock& request);
/// flock(2): LOCK_SH, LOCK_EX or LOCK_UN. EWOULDBLOCK unless `wait`.
Result<void> set_flock(File& f, int operation, bool wait);
/// close(2): POSIX locks of this owner (a file table) on the file go.
void release_posix_locks(Inode& inode, u64 owner);
/// The last reference to an open file went: its flock and OFD locks go.
void release_file_locks(File& f);
/// The inode goes.
void release_lock_state(Inode& inode);

} // namespace linnet
