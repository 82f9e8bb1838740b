// devpts: the names of pseudo terminals. Each mount is an instance of its own. Source: pts(4), and the kernel's documentation of devpts.
#pragma once

#include "kernel/lib/list.h"
#include "vfs/dentry.h"
#include "vfs/tty/pty.h"

namespace linnet {

class DevptsSuperblock final : public Superblock {
  public:
    DevptsSuperblock();
    void show_options(GrowingText& out) override;
    /// A new pair with the lowest free number, owned as the options and the caller say. ENOSPC, ENOMEM
    Result<Ref<Pty>> add();
    /// Of Pty's destructor: the number is free again.
    void remove(Pty& p);
    /// The pair with this number whose master is open; null.
    Ref<Pty> find(u32 index);
    /// The same with the smallest number not below `index`.
    Ref<Pty> find_from(u32 index);

    // Options; set before the first use.
    u32 uid = ~0u, gid = ~0u; // ~0: the opener's
    u32 mode = 0600, ptmx_mode = 0;
    u32 limit = ~0u; // "max="

  private:
    SpinLock<Rank::MiscSpin> lock_;
    List<Pty, &Pty::instance_node> pairs_ GUARDED_BY(lock_); // by number
    u64 last_serial_ GUARDED_BY(lock_) = 0;
};

/// mount(2)'s "devpts": uid=, gid=, mode=, ptmxmode=, max=, newinstance. EINVAL, ENOMEM
Result<Ref<Dentry>> mount_devpts(const char* source, const char* options);
/// Pairs of all instances (/proc/sys/kernel/pty/nr).
u32 pty_count();

} // namespace linnet
