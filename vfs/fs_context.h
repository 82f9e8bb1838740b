// Working directory, root and umask of a process (or of those that share them, CLONE_FS).
#pragma once

#include "kernel/sync/rcu.h"
#include "kernel/sync/spinlock.h"
#include "kernel/task/task.h"
#include "vfs/mount.h"

namespace linnet {

/// A place that threads read while others set it: no lock for readers, whose references are taken by try_add_ref (mounts and
/// dentries stay in memory for a grace period).
class PublicLocation : NoCopy {
  public:
    explicit PublicLocation(Location l) : mount_(l.mount.release()), dentry_(l.dentry.release()) {}
    ~PublicLocation();
    Location get() const;
    void set(Location l);
    /// Of an RCU reader, without references. False if it is being set.
    bool peek(Mount*& m, Dentry*& d) const {
        const u32 since = changes_.begin();
        m = mount_.load(std::memory_order_relaxed);
        d = dentry_.load(std::memory_order_relaxed);
        return !changes_.changed(since);
    }

  private:
    SpinLock<Rank::FsContext> lock_;
    SequenceCount changes_;
    std::atomic<Mount*> mount_;   // each holds a reference
    std::atomic<Dentry*> dentry_;
};

class FsContext : public FsContextBase {
  public:
    FsContext(Location r, Location c, u32 mask) : umask_(mask), root_(std::move(r)), cwd_(std::move(c)) {}
    Result<Ref<FsContextBase>> copy() override;
    Location root() const { return root_.get(); }
    Location cwd() const { return cwd_.get(); }
    const PublicLocation& public_root() const { return root_; }
    const PublicLocation& public_cwd() const { return cwd_; }
    void set_root(Location l) { root_.set(std::move(l)); }
    void set_cwd(Location l) { cwd_.set(std::move(l)); }
    u32 umask() const { return umask_.load(std::memory_order_relaxed); }
    u32 set_umask(u32 mask) { return umask_.exchange(mask & 0777, std::memory_order_relaxed); }

  private:
    std::atomic<u32> umask_;
    PublicLocation root_, cwd_;
};

inline FsContext& current_fs() { return static_cast<FsContext&>(*current().fs); }
/// For the first process: root and cwd at the system root, umask 022. ENOMEM
Result<Ref<FsContextBase>> make_init_fs_context();

} // namespace linnet
