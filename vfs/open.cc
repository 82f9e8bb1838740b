#include "vfs/open.h"

#include "kernel/task/signal.h"
#include "kernel/time/clock.h"
#include "linux-abi/resource.h"
#include "vfs/file_table.h"
#include "vfs/fs_context.h"
#include "vfs/path_file.h"

namespace linnet {

namespace {

/// An O_PATH descriptor: names a place, and does nothing else.
class PlaceFile final : public PathFile {
  public:
    PlaceFile(const Location& where, u32 flags) : PathFile(where, flags, false) {}
    Result<u64> seek(i64, int) override { return EBADF; }
    bool seekable() const override { return false; }
};

u32 access_of(u32 flags) {
    u32 mask = 0;
    switch (flags & O_ACCMODE) {
    case O_RDONLY: mask = kMayRead; break;
    case O_WRONLY: mask = kMayWrite; break;
    case O_RDWR: mask = kMayRead | kMayWrite; break;
    default: mask = kMayRead | kMayWrite; break; // 3: for ioctl only, but both are checked
    }
    if (flags & O_TRUNC) mask |= kMayWrite;
    return mask;
}

} // namespace

Result<void> take_write_access(Inode& inode) {
    i32 n = inode.writers.load(std::memory_order_relaxed);
    do {
        if (n < 0) return ETXTBSY;
    } while (!inode.writers.compare_exchange_weak(n, n + 1));
    return {};
}
void drop_write_access(Inode& inode) { inode.writers.fetch_sub(1); }

Result<void> deny_write_access(Inode& inode) {
    i32 n = inode.writers.load(std::memory_order_relaxed);
    do {
        if (n > 0) return ETXTBSY;
    } while (!inode.writers.compare_exchange_weak(n, n - 1));
    return {};
}
void allow_write_access(Inode& inode) { inode.writers.fetch_add(1); }

/// The open itself: access has been checked, or the file was just created.
static Result<Ref<File>> open_checked(const Location& where, u32 flags) {
    Inode& inode = where.inode();
    bool writes = inode.is_regular() && (flags & O_ACCMODE) != O_RDONLY;
    if (writes) TRY(take_write_access(inode));
    auto f = inode.open(where, flags & ~u32{O_CREAT | O_EXCL});
    if (!f) {
        if (writes) drop_write_access(inode);
        return f;
    }
    if (writes) static_cast<PathFile&>(**f).take_write_access();
    if ((flags & O_TRUNC) && inode.is_regular()) TRY(truncate_inode(inode, 0, false));
    return f;
}

Result<Ref<File>> open_location(const Location& where, u32 flags, const Credentials& c) {
    Inode& inode = where.inode();
    if (flags & O_PATH) return Ref<File>(TRY(make_ref<PlaceFile>(where, flags & (O_PATH | O_DIRECTORY | O_NOFOLLOW))));
    if (inode.is_symlink()) return ELOOP;
    u32 mask = access_of(flags);
    if (inode.is_directory() && (mask & kMayWrite)) return EISDIR;
    if ((inode.type() == S_IFCHR || inode.type() == S_IFBLK) && where.mount && (where.mount->flags & kMsNodev)) return EACCES;
    TRY(check_access(inode, mask, c));
    if ((flags & O_NOATIME) && !owner_or_capable(inode, c)) return EPERM;
    return open_checked(where, flags);
}

/// open(2) with O_CREAT: looks the last name up under its directory's lock, and creates it if it is not there.
static Result<Ref<File>> open_or_create(PathWalk& walk, const OpenRequest& request, const Credentials& c) {
    u32 flags = request.flags;
    for (;;) {
        if (walk.last() != PathWalk::Last::Normal) return (flags & O_EXCL) ? EEXIST : EISDIR;
        if (walk.trailing_slash()) return EISDIR;
        Location parent = walk.here();
        Inode& dir = parent.inode();
        Location where(parent.mount, nullptr);
        bool created = false;
        {
            MutexGuard g(dir.lock);
            auto found = DentryCache::look_up(*parent.dentry, walk.last_name(), true);
            if (found.ok()) {
                where.dentry = std::move(*found);
            } else if (found.error() == ENOENT) {
                if (parent.dentry->unlinked()) return ENOENT;
                TRY(check_access(dir, kMayWrite | kMayExec, c));
                Ref<Dentry> entry = TRY(DentryCache::prepare(walk.last_name()));
                u32 mode = S_IFREG | (request.mode & 07777 & ~current_fs().umask());
                Ref<Inode> inode = TRY(dir.create(walk.last_name(), mode, 0, c));
                DentryCache::enter(*parent.dentry, *entry, std::move(inode));
                where.dentry = std::move(entry);
                dir.touch_modified();
                created = true;
            } else {
                return found.error();
            }
        }
        if (created) return open_checked(where, flags & ~u32{O_TRUNC});
        if (flags & O_EXCL) return EEXIST;
        cross_mounts(where);
        if (where.inode().is_symlink()) {
            if (flags & O_NOFOLLOW) return ELOOP;
            Location jump = TRY(walk.follow_last(*where.dentry));
            if (!jump) continue;
            where = std::move(jump);
        }
        if (where.inode().is_directory()) return EISDIR;
        if (flags & O_DIRECTORY) return ENOTDIR;
        return open_location(where, flags, c);
    }
}

static Result<Ref<File>> open_unnamed(const Location& dir, const OpenRequest& request, const Credentials& c) {
    TRY(check_access(dir.inode(), kMayWrite | kMayExec, c));
    Ref<Inode> inode = TRY(dir.inode().create_unnamed(S_IFREG | (request.mode & 07777 & ~current_fs().umask()), c));
    inode->linkable = !(request.flags & O_EXCL);
    char name[24];
    TextBuffer text(name, sizeof name);
    text.append("#%llu", static_cast<unsigned long long>(inode->ino));
    Location where(dir.mount, TRY(DentryCache::make_root(std::move(inode), {name, text.length()})));
    return open_checked(where, request.flags);
}

Result<Ref<File>> open_file(int dirfd, const char* path, const OpenRequest& request) {
    const Credentials& c = *current().credentials;
    u32 flags = request.flags;
    u32 walk_flags = (flags & O_NOFOLLOW ? 0u : u32{kWalkFollow}) | (flags & O_DIRECTORY ? u32{kWalkDirectory} : 0u);
    const bool creates = (flags & O_TMPFILE) == O_TMPFILE || ((flags & O_CREAT) && !(flags & O_PATH));
    if (!creates && !request.resolve) return open_location(TRY(walk_path(dirfd, path, walk_flags)), flags, c);
    PathWalk walk(c, current_fs().root(), request.resolve);
    TRY(walk.start(dirfd, path));
    if ((flags & O_TMPFILE) == O_TMPFILE) {
        if ((flags & O_ACCMODE) == O_RDONLY) return EINVAL;
        Location dir = TRY(walk.finish(kWalkFollow | kWalkDirectory));
        return open_unnamed(dir, request, c);
    }
    if ((flags & O_CREAT) && !(flags & O_PATH)) {
        if (!path[0]) return ENOENT;
        TRY(walk.to_parent());
        return open_or_create(walk, request, c);
    }
    Location where = TRY(walk.finish(walk_flags));
    return open_location(where, flags, c);
}

Result<void> change_directory(Location where) {
    if (!where.inode().is_directory()) return ENOTDIR;
    TRY(check_access(where.inode(), kMayExec, *current().credentials));
    current_fs().set_cwd(std::move(where));
    return {};
}

Result<void> truncate_inode(Inode& inode, i64 size, bool check) {
    if (size < 0) return EINVAL;
    if (inode.is_directory()) return EISDIR;
    if (!inode.is_regular()) return EINVAL;
    if (check) TRY(check_access(inode, kMayWrite, *current().credentials));
    if (Task* t = current_or_null(); t && static_cast<u64>(size) > t->process->limit(RLIMIT_FSIZE) &&
                                     static_cast<u64>(size) > inode.size()) {
        send_signal_to_current(SIGXFSZ);
        return EFBIG;
    }
    TRY(take_write_access(inode));
    auto r = inode.truncate(static_cast<u64>(size));
    drop_write_access(inode);
    if (r.ok()) {
        // As Linux's file_remove_privs: set-id bits do not survive a change of contents by the unprivileged.
        MutexGuard g(inode.lock);
        if ((inode.mode & (S_ISUID | S_ISGID)) && current_or_null() && !current().credentials->has_capability(kCapFsetid))
            inode.mode &= ~u32{S_ISUID} & ~((inode.mode & 010) ? u32{S_ISGID} : 0);
        inode.touch_modified();
    }
    return r;
}

Result<void> change_mode(Inode& inode, u32 mode) {
    const Credentials& c = *current().credentials;
    if (inode.superblock->read_only) return EROFS;
    if (!owner_or_capable(inode, c)) return EPERM;
    AttributeChange change{.valid = AttributeChange::kMode, .mode = mode & 07777};
    if (!c.in_group(inode.gid) && !c.has_capability(kCapFsetid)) change.mode &= ~u32{S_ISGID};
    return inode.setattr(change);
}

Result<void> change_owner(Inode& inode, u32 uid, u32 gid) {
    const Credentials& c = *current().credentials;
    if (inode.superblock->read_only) return EROFS;
    bool capable = c.has_capability(kCapChown);
    if (uid != ~0u && !capable && (c.fsuid != inode.uid || uid != inode.uid)) return EPERM;
    if (gid != ~0u && !capable && (c.fsuid != inode.uid || (!c.in_group(gid) && gid != inode.gid))) return EPERM;
    AttributeChange change;
    if (uid != ~0u) change.valid |= AttributeChange::kUid, change.uid = uid;
    if (gid != ~0u) change.valid |= AttributeChange::kGid, change.gid = gid;
    if (!inode.is_directory() && (inode.mode & (S_ISUID | S_ISGID))) {
        change.valid |= AttributeChange::kMode;
        change.mode = inode.mode & ~u32{S_ISUID};
        if (inode.mode & 010) change.mode &= ~u32{S_ISGID};
    }
    return inode.setattr(change);
}

Result<void> change_times(Inode& inode, const i64 (*times)[2]) {
    constexpr i64 kNow = (1l << 30) - 1, kOmit = (1l << 30) - 2; // UTIME_NOW, UTIME_OMIT
    const Credentials& c = *current().credentials;
    AttributeChange change{.valid = AttributeChange::kAtime | AttributeChange::kMtime};
    i64 now = static_cast<i64>(realtime_ns());
    change.atime_ns = change.mtime_ns = now;
    bool both_now = true;
    if (times) {
        for (int i = 0; i < 2; ++i) {
            i64 sec = times[i][0], nsec = times[i][1];
            i64& to = i ? change.mtime_ns : change.atime_ns;
            if (nsec == kNow) continue;
            if (nsec == kOmit) {
                change.valid &= i ? ~u32{AttributeChange::kMtime} : ~u32{AttributeChange::kAtime};
                both_now = false;
                continue;
            }
            if (nsec < 0 || nsec >= static_cast<i64>(kNsPerSec)) return EINVAL;
            constexpr i64 kMaxSec = INT64_MAX / static_cast<i64>(kNsPerSec) - 1;
            if (sec > kMaxSec) sec = kMaxSec; // as Linux clamps to what the file system can hold
            if (sec < -kMaxSec) sec = -kMaxSec;
            to = sec * static_cast<i64>(kNsPerSec) + nsec;
            both_now = false;
        }
    }
    if (!(change.valid & (AttributeChange::kAtime | AttributeChange::kMtime))) return {};
    if (inode.superblock->read_only) return EROFS;
    if (!owner_or_capable(inode, c)) {
        if (!both_now) return EPERM;
        TRY(check_access(inode, kMayWrite, c));
    }
    return inode.setattr(change);
}

} // namespace linnet
