// Inodes and superblocks: what a file is, apart from its names. Source: inode(7), path_resolution(7).
#pragma once

#include <string_view>

#include "kernel/lib/ref.h"
#include "kernel/sync/mutex.h"
#include "kernel/sync/rcu.h"
#include "kernel/task/credentials.h"
#include "linux-abi/stat.h"
#include "vfs/location.h"

namespace linnet {

class Process;
class File;
class FileLockState;
class GrowingText;
class Inode;
class PipeBuffer;

/// Directory entries on their way to a program.
class DirSink {
  public:
    /// `next`: the position after this entry (d_off). False: no room, the entry was not taken. dtype: DT_*.
    virtual bool add(std::string_view name, u64 ino, u8 dtype, u64 next) = 0;

  protected:
    ~DirSink() = default;
};

/// A mounted (or mountable) file system.
class Superblock : public RefCounted {
  public:
    explicit Superblock(const char* type_name, u32 magic_number);
    virtual void statfs(abi::Statfs& out); // zeroes but for type, block size and name length
    /// What /proc/mounts shows of the options of mount(2): ",size=64k".
    virtual void show_options(GrowingText& out) { (void)out; }
    /// MS_SYNCHRONOUS etc. have no meaning in memory; sync(2). EIO
    virtual Result<void> sync() { return {}; }
    u64 next_ino() { return last_ino_.fetch_add(1, std::memory_order_relaxed) + 1; }

    const char* const type;      // "tmpfs"
    const u32 magic;             // statfs's f_type
    const u64 dev;               // st_dev: an anonymous device number
    bool read_only = false;
    bool cache_names = true;     // false: every look-up asks the inode (procfs)
    bool names_pinned = false;   // the dentry cache is the directory (tmpfs): a name not in it does not exist

  private:
    std::atomic<u64> last_ino_{0};
};

/// Values for setattr; `valid` says which.
struct AttributeChange {
    enum : u32 { kMode = 1, kUid = 2, kGid = 4, kAtime = 8, kMtime = 16, kCtime = 32 };
    u32 valid = 0;
    u32 mode = 0, uid = 0, gid = 0;
    i64 atime_ns = 0, mtime_ns = 0, ctime_ns = 0; // since 1970
};

/// What access is asked for: the bits of access(2).
enum AccessMask : u32 { kMayExec = 1, kMayWrite = 2, kMayRead = 4 };

/// Every operation defaults to Linux's errno for an inode that lacks it. Operations that change a directory run with its
/// `lock` held (both directories' for rename and the target's for link; the order is the vfs's). The vfs has
/// checked permissions, existence and types, and keeps the dentry cache.
class Inode : public RcuCounted {
  public:
    Inode(Ref<Superblock> sb, u32 mode_bits, u64 number);
    ~Inode() override;

    // Attributes. Written under `lock`; read without it, each by itself whole.
    u32 mode;                 // type and permissions
    u32 uid = 0, gid = 0;
    u32 nlink = 1;
    u64 rdev = 0;             // abi::make_dev
    const u64 ino;
    i64 atime_ns = 0, mtime_ns = 0, ctime_ns = 0, btime_ns = 0; // since 1970
    bool linkable = false;       // without a name, and may get one (O_TMPFILE without O_EXCL); under `lock`
    std::atomic<i32> writers{0}; // open for writing; negative: being executed (ETXTBSY)
    Ref<Superblock> superblock;
    Mutex<Rank::Inode> lock;
    std::atomic<FileLockState*> locks{nullptr}; // vfs/file_locks.h
    PipeBuffer* fifo = nullptr;                 // of an open FIFO; guarded by `lock`, counted by its openers

    u32 type() const { return mode & S_IFMT; }
    bool is_directory() const { return type() == S_IFDIR; }
    bool is_regular() const { return type() == S_IFREG; }
    bool is_symlink() const { return type() == S_IFLNK; }

    // --- directories ---
    /// The inode of a name. ENOENT; ENOTDIR by default.
    virtual Result<Ref<Inode>> lookup(std::string_view name);
    /// A new regular file, device, FIFO or socket; mode with the type. ENOSPC, ENOMEM; EPERM by default (mknod(2)).
    virtual Result<Ref<Inode>> create(std::string_view name, u32 mode_bits, u64 rdev_number, const Credentials& c);
    virtual Result<Ref<Inode>> mkdir(std::string_view name, u32 mode_bits, const Credentials& c);
    virtual Result<Ref<Inode>> symlink(std::string_view name, std::string_view target, const Credentials& c);
    virtual Result<void> link(std::string_view name, Inode& target);
    virtual Result<void> unlink(std::string_view name, Inode& victim);
    virtual Result<void> rmdir(std::string_view name, Inode& victim);
    /// `replaced`: what has the new name now, null if nothing. flags: 0 or RENAME_EXCHANGE.
    virtual Result<void> rename(std::string_view name, Inode& moved, Inode& to_dir, std::string_view to_name,
                                Inode* replaced, u32 flags);
    /// Entries from `pos` on (0 at first, then what add() was given) until the sink is full. `here` is the directory. ENOTDIR
    virtual Result<void> read_directory(const Location& here, u64& pos, DirSink& sink);
    /// An unnamed regular file in this directory's file system (O_TMPFILE). EOPNOTSUPP
    virtual Result<Ref<Inode>> create_unnamed(u32 mode_bits, const Credentials& c);

    // --- symbolic links ---
    /// The target, without NUL, cut at `size`; the length. EINVAL
    virtual Result<size_t> readlink(char* to, size_t size);
    /// For magic links (/proc/PID/fd/N): where following leads, without a path. EOPNOTSUPP: follow readlink().
    virtual Result<Location> follow_magic() { return EOPNOTSUPP; }

    /// /proc/PID: the process, which pidfd_send_signal takes the folder for. Null: another folder.
    virtual Process* signalled_process() { return nullptr; }

    // --- all ---
    /// An open file. `flags` as open(2), permissions checked. By default: devices by the registry (devfs.h), FIFOs by
    /// pipe.h, directories through read_directory(); others ENXIO.
    virtual Result<Ref<File>> open(const Location& here, u32 flags);
    virtual u64 size() { return 0; }
    virtual u64 blocks() { return 0; } // of 512 bytes
    virtual u32 block_size() { return kPageSize; }
    /// Sets the size (truncate, O_TRUNC). EINVAL
    virtual Result<void> truncate(u64 new_size);
    /// Refresh attributes before they are read (procfs). No lock held.
    virtual void refresh() {}
    /// Applies what is valid; the vfs has checked permissions. Sets ctime.
    virtual Result<void> setattr(const AttributeChange& change);
    /// EACCES. By default the mode bits, groups and capabilities decide.
    virtual Result<void> permission(u32 mask, const Credentials& c);
    virtual Result<size_t> getxattr(const char* name, void* to, size_t size) { return (void)name, (void)to, (void)size, EOPNOTSUPP; }
    virtual Result<void> setxattr(const char* name, const void* from, size_t n, int flags) { return (void)name, (void)from, (void)n, (void)flags, EOPNOTSUPP; }
    virtual Result<void> removexattr(const char* name) { return (void)name, EOPNOTSUPP; }
    /// A name was removed for the last time (nlink is 0).
    virtual void unlinked() {}

    /// Sets mtime and ctime (and atime of a new file) to now.
    void touch_modified();
    void touch_changed();
    void touch_accessed(); // relatime: at most once a day unless older than mtime
};

/// Those of the superuser, for what the kernel does at boot.
const Credentials& boot_credentials();

/// The mode-bit rules of path_resolution(7), with CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH. EACCES
Result<void> check_mode_bits(const Inode& inode, u32 mask, const Credentials& c);
/// As check_mode_bits through Inode::permission(), after EROFS for writes to a read-only file system.
Result<void> check_access(Inode& inode, u32 mask, const Credentials& c);
/// The caller owns the inode or has CAP_FOWNER.
bool owner_or_capable(const Inode& inode, const Credentials& c);

/// Fills stat's view of an inode (calls refresh()).
void fill_stat(Inode& inode, abi::Stat& out);

/// DT_* of a mode.
constexpr u8 dtype_of(u32 mode) { return (mode & S_IFMT) >> 12; }

/// An inode of no file system, for sockets, pipes, eventfd and the like: mode with the type (0600 and no type for anonymous
/// files), owner from the current task. `kind` chooses st_dev: sockets, pipes and anonymous inodes differ. ENOMEM
enum class AnonymousKind { Anon, Pipe, Socket };
Result<Ref<Inode>> make_anonymous_inode(u32 mode, AnonymousKind kind = AnonymousKind::Anon);

// Capabilities that the vfs asks for (capabilities(7)).
inline constexpr u32 kCapChown = 0, kCapDacOverride = 1, kCapDacReadSearch = 2, kCapFowner = 3, kCapFsetid = 4,
                     kCapSysChroot = 18, kCapSysAdmin = 21, kCapSysResource = 24, kCapSysTtyConfig = 26, kCapMknod = 27, kCapLease = 28;

} // namespace linnet
