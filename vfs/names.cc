// The calls that change directories. Order of locks: the system-wide rename lock; directories, the upper one first, else
// by address; then the file in question.
#include "vfs/file_table.h"
#include "vfs/fs_context.h"
#include "vfs/open.h"

namespace linnet {

namespace {

Mutex<Rank::Rename> rename_lock;

/// Both, `first` first; or the one that both are.
class TwoInodes : NoCopy {
  public:
    TwoInodes(Inode& first, Inode& second) : second_(&first == &second ? nullptr : &second), guard_(first.lock) {
        if (second_) second_->lock.lock_by_guard();
    }
    ~TwoInodes() {
        if (second_) second_->lock.unlock_by_guard();
    }

  private:
    Inode* second_;
    MutexGuard<decltype(Inode::lock)> guard_;
};

/// An inode's lock, if there is one.
class LockedIf : NoCopy {
  public:
    explicit LockedIf(Inode* i) NO_THREAD_SAFETY : inode_(i) {
        if (inode_) inode_->lock.lock_by_guard();
    }
    ~LockedIf() NO_THREAD_SAFETY {
        if (inode_) inode_->lock.unlock_by_guard();
    }

  private:
    Inode* inode_;
};

/// Which of two directories is locked first: the upper one; by address if neither lies below the other. Under the rename lock.
bool locked_first(Dentry& a, Dentry& b) {
    if (DentryCache::is_below(b, a)) return true;
    if (DentryCache::is_below(a, b)) return false;
    return &a.inode() < &b.inode();
}

/// A walk to the parent of a name, for the current task.
struct ParentWalk {
    PathWalk walk{*current().credentials, current_fs().root()};
    Result<void> go(int dirfd, const char* path) {
        TRY(walk.start(dirfd, path));
        return walk.to_parent();
    }
    Result<void> go_to_any(int dirfd, const char* path) { // the last name's length is not looked at yet
        TRY(walk.start(dirfd, path));
        return walk.to_parent_of_any();
    }
    Dentry& dir() { return *walk.here().dentry; }
};

/// Creation in a directory that is locked: the name must be free and the directory writable and alive.
Result<void> may_create(Dentry& dir, std::string_view name, const Credentials& c) {
    auto found = DentryCache::look_up(dir, name, true);
    if (found.ok()) return EEXIST;
    if (found.error() != ENOENT) return found.error();
    if (dir.unlinked()) return ENOENT;
    return check_access(dir.inode(), kMayWrite | kMayExec, c);
}

/// Removal from a directory that is locked: permissions, the sticky bit, and the type.
Result<void> may_delete(Dentry& dir, Dentry& victim, bool as_directory, const Credentials& c) {
    TRY(check_access(dir.inode(), kMayWrite | kMayExec, c));
    if ((dir.inode().mode & S_ISVTX) && c.fsuid != victim.inode().uid && c.fsuid != dir.inode().uid &&
        !c.has_capability(kCapFowner))
        return EPERM;
    if (as_directory != victim.inode().is_directory()) return as_directory ? ENOTDIR : EISDIR;
    if (victim.mount_point) return EBUSY;
    return {};
}

template <class Make>
Result<void> create_name(int dirfd, const char* path, bool directory, Make&& make) {
    ParentWalk p;
    TRY(p.go(dirfd, path));
    if (p.walk.last() != PathWalk::Last::Normal) return EEXIST;
    Dentry& dir = p.dir();
    MutexGuard g(dir.inode().lock);
    if (p.walk.trailing_slash() && !directory) {
        auto found = DentryCache::look_up(dir, p.walk.last_name(), true);
        return found.ok() ? EEXIST : found.error();
    }
    TRY(may_create(dir, p.walk.last_name(), *current().credentials));
    Ref<Dentry> entry = TRY(DentryCache::prepare(p.walk.last_name()));
    Ref<Inode> inode = TRY(make(dir.inode(), p.walk.last_name(), *current().credentials));
    DentryCache::enter(dir, *entry, std::move(inode));
    dir.inode().touch_modified();
    return {};
}

} // namespace

Result<void> make_directory(int dirfd, const char* path, u32 mode) {
    u32 bits = S_IFDIR | (mode & 01777 & ~current_fs().umask());
    return create_name(dirfd, path, true, [&](Inode& dir, std::string_view name, const Credentials& c) {
        return dir.mkdir(name, bits, c);
    });
}

Result<void> make_node(int dirfd, const char* path, u32 mode, u64 rdev) {
    switch (mode & S_IFMT) {
    case 0: mode |= S_IFREG; break;
    case S_IFREG: case S_IFIFO: case S_IFSOCK: break;
    case S_IFCHR: case S_IFBLK:
        // Character device 0:0 stands for a name that is not there (overlay mounts): anyone may make one.
        if (!((mode & S_IFMT) == S_IFCHR && rdev == 0) && !current().credentials->has_capability(kCapMknod)) return EPERM;
        break;
    case S_IFDIR: return EPERM;
    default: return EINVAL;
    }
    bool device = (mode & S_IFMT) == S_IFCHR || (mode & S_IFMT) == S_IFBLK;
    u32 bits = (mode & S_IFMT) | (mode & 07777 & ~current_fs().umask());
    return create_name(dirfd, path, false, [&](Inode& dir, std::string_view name, const Credentials& c) {
        return dir.create(name, bits, device ? rdev : 0, c);
    });
}

Result<void> make_symlink(const char* target, int dirfd, const char* path) {
    if (!target[0]) return ENOENT; // before anything is said of `path`
    return create_name(dirfd, path, false, [&](Inode& dir, std::string_view name, const Credentials& c) {
        return dir.symlink(name, target, c);
    });
}

Result<void> make_link(int old_dirfd, const char* old_path, int new_dirfd, const char* new_path, int at_flags) {
    const Credentials& c = *current().credentials;
    if (at_flags & ~(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH)) return EINVAL;
    if ((at_flags & AT_EMPTY_PATH) && !old_path[0] && !c.has_capability(kCapDacReadSearch)) return ENOENT;
    Location old = TRY(walk_path(old_dirfd, old_path,
                                 (at_flags & AT_SYMLINK_FOLLOW ? u32{kWalkFollow} : 0) |
                                     (at_flags & AT_EMPTY_PATH ? u32{kWalkEmpty} : 0)));
    ParentWalk p;
    TRY(p.go(new_dirfd, new_path));
    if (p.walk.last() != PathWalk::Last::Normal) return EEXIST;
    Dentry& dir = p.dir();
    Inode& inode = old.inode();
    TwoInodes g(dir.inode(), inode);
    auto found = DentryCache::look_up(dir, p.walk.last_name(), true);
    if (found.ok()) return EEXIST;
    if (found.error() != ENOENT) return found.error();
    if (p.walk.trailing_slash()) return ENOENT;
    if (p.walk.here().mount != old.mount) return EXDEV;
    if (dir.unlinked()) return ENOENT;
    TRY(check_access(dir.inode(), kMayWrite | kMayExec, c));
    if (inode.is_directory()) return EPERM;
    if (inode.nlink == 0 && !inode.linkable) return ENOENT;
    if (inode.nlink >= 0xffffffff) return EMLINK;
    Ref<Dentry> entry = TRY(DentryCache::prepare(p.walk.last_name()));
    TRY(dir.inode().link(p.walk.last_name(), inode));
    DentryCache::enter(dir, *entry, Ref<Inode>(&inode));
    inode.linkable = false;
    dir.inode().touch_modified();
    inode.touch_changed();
    return {};
}

Result<void> remove_file(int dirfd, const char* path) {
    const Credentials& c = *current().credentials;
    ParentWalk p;
    TRY(p.go(dirfd, path));
    if (p.walk.last() != PathWalk::Last::Normal) return EISDIR;
    Dentry& dir = p.dir();
    Ref<Dentry> victim;
    {
        MutexGuard g(dir.inode().lock);
        victim = TRY(DentryCache::look_up(dir, p.walk.last_name(), true));
        if (p.walk.trailing_slash()) return victim->inode().is_directory() ? EISDIR : ENOTDIR;
        TRY(may_delete(dir, *victim, false, c));
        MutexGuard v(victim->inode().lock); // other names of it may lie in other directories
        TRY(dir.inode().unlink(p.walk.last_name(), victim->inode()));
        DentryCache::remove(*victim);
        dir.inode().touch_modified();
        victim->inode().touch_changed();
    }
    if (victim->inode().nlink == 0) victim->inode().unlinked();
    return {};
}

Result<void> remove_directory(int dirfd, const char* path) {
    const Credentials& c = *current().credentials;
    ParentWalk p;
    TRY(p.go(dirfd, path));
    switch (p.walk.last()) {
    case PathWalk::Last::Normal: break;
    case PathWalk::Last::Dot: return EINVAL;
    case PathWalk::Last::DotDot: return ENOTEMPTY;
    case PathWalk::Last::None: return EBUSY;
    }
    Dentry& dir = p.dir();
    MutexGuard g(dir.inode().lock);
    Ref<Dentry> victim = TRY(DentryCache::look_up(dir, p.walk.last_name(), true));
    TRY(may_delete(dir, *victim, true, c));
    // The parent is above: the order of two inode locks here is by place, not address.
    MutexGuard v(victim->inode().lock);
    if (victim->has_children()) return ENOTEMPTY;
    TRY(dir.inode().rmdir(p.walk.last_name(), victim->inode()));
    DentryCache::remove(*victim);
    dir.inode().touch_modified();
    victim->inode().touch_changed();
    return {};
}

Result<void> rename_file(int old_dirfd, const char* old_path, int new_dirfd, const char* new_path, u32 flags) {
    constexpr u32 kNoReplace = RENAME_NOREPLACE, kExchange = RENAME_EXCHANGE, kWhiteout = RENAME_WHITEOUT;
    const Credentials& c = *current().credentials;
    if (flags & ~(kNoReplace | kExchange | kWhiteout)) return EINVAL;
    if ((flags & kExchange) && (flags & (kNoReplace | kWhiteout))) return EINVAL;
    ParentWalk from, to;
    TRY(from.go_to_any(old_dirfd, old_path));
    TRY(to.go_to_any(new_dirfd, new_path));
    if (from.walk.here().mount != to.walk.here().mount) return EXDEV;
    if (from.walk.last() != PathWalk::Last::Normal) return EBUSY;
    if (to.walk.last() != PathWalk::Last::Normal) return flags & kNoReplace ? EEXIST : EBUSY;
    TRY(from.walk.last_fits());
    TRY(to.walk.last_fits());
    auto to_name = TRY(PreparedName::make(to.walk.last_name()));
    Dentry &from_dir = from.dir(), &to_dir = to.dir();

    MutexGuard tree(rename_lock);
    bool from_first = locked_first(from_dir, to_dir);
    TwoInodes g((from_first ? from_dir : to_dir).inode(), (from_first ? to_dir : from_dir).inode());
    Ref<Dentry> moved = TRY(DentryCache::look_up(from_dir, from.walk.last_name(), true));
    Ref<Dentry> target;
    if (auto found = DentryCache::look_up(to_dir, to.walk.last_name(), true); found.ok()) target = std::move(*found);
    else if (found.error() != ENOENT) return found.error();

    if (target && (flags & kNoReplace)) return EEXIST;
    if (!target && (flags & kExchange)) return ENOENT;
    if (!moved->inode().is_directory()) {
        if (from.walk.trailing_slash()) return ENOTDIR;
        if (!(flags & kExchange) && to.walk.trailing_slash()) return ENOTDIR;
    }
    if ((flags & kExchange) && !target->inode().is_directory() && to.walk.trailing_slash()) return ENOTDIR;
    // A directory may not go below itself, nor replace one of its own ancestors.
    if (DentryCache::is_below(to_dir, *moved)) return EINVAL;
    if (target && DentryCache::is_below(from_dir, *target)) return flags & kExchange ? EINVAL : ENOTEMPTY;
    if (target && &target->inode() == &moved->inode()) return {}; // two names of one file: nothing happens

    TRY(may_delete(from_dir, *moved, moved->inode().is_directory(), c));
    if (!target) {
        if (to_dir.unlinked()) return ENOENT;
        TRY(check_access(to_dir.inode(), kMayWrite | kMayExec, c));
    } else {
        TRY(may_delete(to_dir, *target, (flags & kExchange ? target : moved)->inode().is_directory(), c));
    }
    // ".." of a directory that moves changes.
    if (&from_dir != &to_dir) {
        if (moved->inode().is_directory()) TRY(check_access(moved->inode(), kMayWrite, c));
        if ((flags & kExchange) && target->inode().is_directory()) TRY(check_access(target->inode(), kMayWrite, c));
    }
    // What is replaced loses a link, and must stay empty: nobody creates in it, or links it, meanwhile.
    Inode* replaced = target && !(flags & kExchange) ? &target->inode() : nullptr;
    LockedIf g2(replaced);
    if (replaced && target->has_children()) return ENOTEMPTY;

    Ref<Inode> whiteout;
    Ref<Dentry> whiteout_entry;
    if (flags & kWhiteout) {
        whiteout_entry = TRY(DentryCache::prepare(from.walk.last_name()));
        whiteout = TRY(from_dir.inode().create(from.walk.last_name(), S_IFCHR, 0, c));
    }
    auto renamed = from_dir.inode().rename(from.walk.last_name(), moved->inode(), to_dir.inode(), to.walk.last_name(),
                                           target ? &target->inode() : nullptr, flags & kExchange);
    if (!renamed) {
        if (whiteout) (void)from_dir.inode().unlink(from.walk.last_name(), *whiteout);
        return renamed;
    }
    if (flags & kExchange) {
        DentryCache::exchange(*moved, *target);
        target->inode().touch_changed();
    } else {
        if (target) DentryCache::remove(*target);
        DentryCache::move(*moved, to_dir, std::move(to_name));
        if (whiteout) DentryCache::enter(from_dir, *whiteout_entry, std::move(whiteout));
        if (target) {
            target->inode().touch_changed();
            if (target->inode().nlink == 0) target->inode().unlinked();
        }
    }
    from_dir.inode().touch_modified();
    to_dir.inode().touch_modified();
    moved->inode().touch_changed();
    return {};
}

} // namespace linnet
