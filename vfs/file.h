// An open file description: everything that a program holds by a descriptor. Every operation defaults to the errno that Linux gives
// for a file that lacks it.
#pragma once

#include <atomic>

#include "kernel/lib/ref.h"
#include "kernel/mm/io_vector.h"
#include "kernel/mm/vm_object.h"
#include "kernel/sync/rcu.h"
#include "vfs/poll.h"

namespace linnet {

class DirSink;
class EpollItem;
class Inode;
struct Location;

/// O_* bits of an open file (octal values of Linux x86-64 are in linux-abi/fcntl.h).
class File : public RcuCounted {
  public:
    /// Bytes moved; 0 is the end of file. `pos` is where, for seekable files, and is advanced; others ignore it.
    /// `nonblock`: EAGAIN instead of sleeping (O_NONBLOCK, MSG_DONTWAIT, RWF_NOWAIT). Sleeps are interruptible: the
    /// outcome is ERESTARTSYS through kRestartSys below, or the short count if something was moved.
    virtual Result<size_t> read(IoVector& to, u64& pos, bool nonblock);  // EINVAL
    virtual Result<size_t> write(IoVector& from, u64& pos, bool nonblock); // EINVAL
    /// Poll bits (EPOLLIN...) that hold now; with `table`, registers it on the wait queues that tell of changes.
    virtual u32 poll(PollTable* table);                                  // always readable and writable
    virtual Result<i64> ioctl(u32 command, u64 arg);                     // ENOTTY
    /// The object to map; offset and length in bytes, prot and flags as mmap's. ENODEV.
    virtual Result<Ref<VmObject>> mmap_object(u64 offset, u64 length, u32 prot, u32 flags);
    virtual Result<u64> seek(i64 offset, int whence);                    // ESPIPE
    /// The position that makes write() append (RWF_APPEND): the size, or kAppend where the file looks for it under its lock.
    virtual u64 append_position();
    static constexpr u64 kAppend = ~0ull;
    virtual bool seekable() const { return false; }                      // pread and pwrite: ESPIPE
    virtual Result<void> fsync(bool data_only);                          // EINVAL
    virtual Result<void> truncate(u64 size);                             // EINVAL
    virtual Result<void> fallocate(u32 mode, u64 offset, u64 length);    // ENODEV
    /// Directory entries from the present position into the sink until it is full. ENOTDIR.
    virtual Result<void> read_directory(DirSink& sink);
    /// Each close(2) of a descriptor of it (releases POSIX locks), before the reference goes.
    virtual void closed_by(u64 lock_owner) { (void)lock_owner; }
    /// O_* flags were changed by fcntl(F_SETFL): O_APPEND, O_NONBLOCK, O_ASYNC, O_DIRECT.
    virtual Result<void> set_flags(u32 flags);
    /// What /proc/PID/fd/N points to: a path, "pipe:[N]", "anon_inode:[eventpoll]".
    virtual void describe(TextBuffer& out) = 0;
    /// The inode, for fstat, fchmod, flock...; files without one of a file system have an anonymous one. Never null.
    virtual Inode& inode() = 0;
    /// Further lines of /proc/PID/fdinfo/N.
    virtual void show_info(TextBuffer& out) { (void)out; }
    /// The name it was opened by, for openat(dirfd), /proc; null for pipes and the like.
    virtual const Location* location() { return nullptr; }
    virtual bool is_socket() const { return false; }
    virtual bool is_epoll() const { return false; }
    virtual bool is_mqueue() const { return false; }
    /// Netlink sockets: a datagram of 32 bytes from the kernel (mq_notify). Thread context, no lock of rank Socket or above.
    virtual bool takes_kernel_notes() const { return false; }
    virtual void put_kernel_note(const u8 (&note)[32]) { (void)note; }
    /// fcntl commands of a kind of file (F_GETPIPE_SZ, F_ADD_SEALS...). EINVAL
    virtual Result<i64> fcntl(u32 command, u64 arg);
    /// Bytes for FIONREAD; ENOTTY where Linux has none.
    virtual Result<i64> bytes_available();

    u32 flags() const { return flags_.load(std::memory_order_relaxed); }
    bool nonblocking() const { return flags() & 04000; }
    bool is_path_only() const { return flags() & 010000000; } // O_PATH
    bool readable() const { return access_ & 1; } // both false for O_PATH
    bool writable() const { return access_ & 2; }
    /// read and write use and advance `position`; a constant of the object, so that others skip the lock.
    bool uses_position() const { return uses_position_; }

    Mutex<Rank::FilePosition> position_lock;
    u64 position = 0; // guarded by position_lock

    /// F_SETOWN, F_SETSIG: kept, and reported; no SIGIO is sent.
    std::atomic<i32> async_owner{0};
    std::atomic<i32> async_signal{0};
    /// flock(2) or OFD locks were taken through this description: the last close looks for them.
    std::atomic<bool> has_locks{false};

    /// The epolls that watch this file; guarded by a lock of vfs/epoll.cc.
    EpollItem* watchers = nullptr;

  protected:
    /// `flags`: O_* as open(2); creation flags and O_CLOEXEC are not kept.
    explicit File(u32 flags, bool uses_position = false)
        : flags_(flags & ~kNotKept), access_(flags & 010000000 ? 0 : (flags + 1) & 3), uses_position_(uses_position) {}
    void last_ref() override;
    std::atomic<u32> flags_;

  private:
    static constexpr u32 kNotKept = 0100 | 0200 | 0400 | 01000 | 02000000; // O_CREAT, O_EXCL, O_NOCTTY, O_TRUNC, O_CLOEXEC
    const u8 access_; // 1: read, 2: write
    const bool uses_position_;
};

/// What a blocking operation returns when a signal came first: the dispatcher turns it into a restart or EINTR.
inline constexpr Errno kRestartSys = static_cast<Errno>(512);

} // namespace linnet
