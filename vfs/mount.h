// Mounted file systems, and the kinds that can be mounted.
#pragma once

#include "kernel/lib/list.h"
#include "kernel/lib/vec.h"
#include "vfs/dentry.h"

namespace linnet {

class Mount : public RcuCounted {
  public:
    Mount(Ref<Superblock> s, Ref<Dentry> r) : superblock(std::move(s)), root(std::move(r)) {}
    const Ref<Superblock> superblock;
    const Ref<Dentry> root;
    // Guarded by the mount table's lock; set once before the mount is visible.
    Ref<Mount> parent;          // null: the root mount
    Ref<Dentry> mount_point;    // in parent
    u32 id = 0, flags = 0;      // MS_* of mount(2) as given
    char source[64] = {};
    ListNode table_node;
    bool detached = false;
    // What look-ups without a lock compare: parent and mount_point, which never change; and the next one in their list.
    const Mount* over = nullptr;
    const Dentry* over_dentry = nullptr;
    std::atomic<Mount*> next_over{nullptr};
    ~Mount() override;
};

inline constexpr u32 kMsRdonly = 1, kMsNosuid = 2, kMsNodev = 4, kMsNoexec = 8, kMsRemount = 32, kMsNoatime = 1024,
                     kMsBind = 4096, kMsMove = 8192, kMsSilent = 32768, kMsRelatime = 1 << 21;

/// Makes a superblock and returns the root of it. `options` as mount(2)'s data, may be empty. EINVAL, ENOMEM
using MountFunction = Result<Ref<Dentry>> (*)(const char* source, const char* options);
/// `name` as in /proc/filesystems; a literal. `nodev`: needs no block device.
void register_filesystem(const char* name, MountFunction mount, bool nodev = true);
/// Calls `f(name, nodev)` for each kind.
void for_each_filesystem(void (*f)(const char* name, bool nodev, void* arg), void* arg);

/// mount(2) for a new file system: `where` must be a directory. ENODEV (no such type), ENOTDIR, EBUSY, ENOMEM
Result<void> mount_filesystem(const char* type, const char* source, const Location& where, u32 flags, const char* options);
/// The first mount.
Result<void> mount_root(Ref<Dentry> root, const char* source);
/// umount2(2): EINVAL if `where` is not the root of a mount, EBUSY if something is mounted below or it is in use (unless `detach`).
Result<void> unmount(const Location& where, bool detach);
/// The mount whose mount point is this place, null if none. Cheap if dentry->mount_point is false.
Ref<Mount> mounted_at(const Mount& mount, const Dentry& dentry);
/// The same for an RCU reader, without a reference.
Mount* peek_mounted_at(const Mount& mount, const Dentry& dentry);
/// Steps onto the root of whatever is mounted (repeatedly) at `where`.
void cross_mounts(Location& where);
/// Steps to the parent; from a mount's root to the parent of its mount point; stays at `root`.
void step_up(Location& where, const Location& root);
/// The root of the first mount.
const Location& system_root();
/// Copies references to all mounts, in the order they were made (for /proc/PID/mounts). ENOMEM
Result<Vec<Ref<Mount>>> list_mounts();
/// Flushes every file system (sync(2)).
Result<void> sync_all();

} // namespace linnet
