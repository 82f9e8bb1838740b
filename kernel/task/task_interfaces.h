// How processes reach files without knowing the vfs: interfaces that vfs implements.
#pragma once

#include "kernel/lib/ref.h"
#include "kernel/mm/vm_object.h"
#include "kernel/sync/rcu.h"

namespace linnet {

/// A table of open files (vfs/file_table.h).
class FileTableBase : public RcuCounted {
  public:
    /// A copy for fork and for exec of a shared table. ENOMEM.
    virtual Result<Ref<FileTableBase>> copy() = 0;
    virtual void close_on_exec() = 0;
    /// At exit: closes all (releases fcntl locks of the owner).
    virtual void close_all() = 0;
};

/// Working directory, root and umask (vfs/fs_context.h).
class FsContextBase : public RcuCounted {
  public:
    virtual Result<Ref<FsContextBase>> copy() = 0;
};

/// A program file opened for execution: permissions checked, writers refused until the last reference goes.
class ExecFile : public RcuCounted {
  public:
    /// Bytes read; short at the end. EIO.
    virtual Result<size_t> read_exec(void* to, u64 offset, size_t n) = 0;
    /// What its segments are mapped from. The path for /proc/PID/exe and maps is the object's describe().
    virtual Result<Ref<VmObject>> exec_object() = 0;
    virtual u64 exec_size() = 0;
    /// Set-id bits and owner: what exec makes of the credentials.
    struct SetId { bool setuid, setgid; u32 uid, gid; };
    virtual SetId exec_setid() = 0;
    /// Absolute path, as /proc/PID/exe shows it.
    virtual const char* exec_path() = 0;
    /// It was named by a descriptor that exec closes: the interpreter of a script could not open it.
    virtual bool name_is_gone_after_exec() { return false; }
};

/// Registered by vfs at boot. `path` is a kernel string; dirfd as openat's (AT_FDCWD and flags AT_EMPTY_PATH, AT_SYMLINK_NOFOLLOW),
/// resolved with the current task's credentials and working directory. ENOENT, EACCES, ELOOP, ENOTDIR, ETXTBSY...
extern Result<Ref<ExecFile>> (*open_exec)(int dirfd, const char* path, int at_flags);

/// A core file that is being written.
class CoreFile : public RefCounted {
  public:
    virtual Result<void> write_at(u64 offset, const void* data, size_t n) = 0; // ENOSPC, EIO...
    virtual Result<void> set_size(u64 size) = 0;
};
/// With the current task's rights. EPERM and what open(2) gives.
extern Result<Ref<CoreFile>> (*open_core_file)(const char* path);

class Process;
/// CLONE_PIDFD: a descriptor of the current task for a process that is about to be made (EMFILE, ENOMEM), and its way back.
extern Result<i32> (*install_pidfd)(Process& p);
extern void (*remove_pidfd)(i32 fd);

} // namespace linnet
