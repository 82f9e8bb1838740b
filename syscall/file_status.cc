// Attributes: stat(2), statx(2), access(2), chmod(2), chown(2), utimensat(2), truncate(2), statfs(2).
#include "syscall/file_support.h"
#include "syscall/gaps.h"
#include "vfs/mount.h"
#include "vfs/open.h"

namespace linnet {

using namespace abi;

Result<Target> resolve_target(int dirfd, u64 path_address, u32 at_flags) {
    PathName name;
    bool empty = at_flags & AT_EMPTY_PATH;
    if (path_address || !empty) TRY(name.copy_in(path_address, empty));
    else TRY(name.copy_in(0, true)); // a null path with AT_EMPTY_PATH: EFAULT before Linux 6.11
    if (name.empty() && dirfd != AT_FDCWD) {
        FdRef f = FdRef::any(dirfd);
        if (!f) return EBADF;
        return Target{f->location() ? *f->location() : Location(), Ref<Inode>(&f->inode())};
    }
    u32 walk = (at_flags & AT_SYMLINK_NOFOLLOW ? 0u : u32{kWalkFollow}) | (empty ? u32{kWalkEmpty} : 0u);
    auto walked = walk_path(dirfd, name.c_str(), walk);
    if (!walked) {
        if (walked.error() == ENOENT) count_missing_file(name.c_str(), ENOENT);
        return walked.error();
    }
    Location where = std::move(*walked);
    Ref<Inode> inode(&where.inode());
    return Target{std::move(where), std::move(inode)};
}

namespace {
Outcome stat_to(Inode& inode, u64 to) {
    Stat s;
    fill_stat(inode, s);
    return user_write(to, s);
}
Outcome stat_at(int dirfd, u64 path, u32 at_flags, u64 to) {
    Target t = TRY(resolve_target(dirfd, path, at_flags));
    return stat_to(*t.inode, to);
}
} // namespace

Outcome sys_stat(Path path, Out<Stat> statbuf) { return stat_at(AT_FDCWD, path.address(), 0, statbuf.address()); }
Outcome sys_lstat(Path path, Out<Stat> statbuf) {
    return stat_at(AT_FDCWD, path.address(), AT_SYMLINK_NOFOLLOW, statbuf.address());
}
Outcome sys_fstat(Fd fd, Out<Stat> statbuf) {
    FdRef f = FdRef::any(fd);
    if (!f) return EBADF;
    return stat_to(f->inode(), statbuf.address());
}
Outcome sys_newfstatat(DirFd dirfd, Path path, Out<Stat> statbuf, AtFlags flags) {
    if (!flags.only(AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH)) return EINVAL;
    return stat_at(dirfd, path.address(), static_cast<u32>(flags.bits()), statbuf.address());
}

Outcome sys_statx(DirFd dirfd, Path path, StatxFlags flags, StatxMask mask, Out<Statx> statxbuf) {
    if (flags.unsupported() || flags.all(AT_STATX_SYNC_TYPE)) return EINVAL;
    if (mask.bits() & 0x80000000u) return EINVAL; // STATX__RESERVED
    Target t = TRY(resolve_target(dirfd, path.address(), static_cast<u32>(flags.bits())));
    Stat s;
    fill_stat(*t.inode, s);
    constexpr u32 kBasic = 0x7ff, kBirth = 0x800, kMountId = 0x1000; // STATX_BASIC_STATS, STATX_BTIME, STATX_MNT_ID
    constexpr u64 kAutomount = 0x1000, kMountRoot = 0x2000, kDax = 0x200000; // STATX_ATTR_*
    Statx x{};
    x.mask = kBasic | kBirth;
    x.blksize = static_cast<u32>(s.blksize);
    x.nlink = static_cast<u32>(s.nlink);
    x.uid = s.uid;
    x.gid = s.gid;
    x.mode = static_cast<u16>(s.mode);
    x.ino = s.ino;
    x.size = static_cast<u64>(s.size);
    x.blocks = static_cast<u64>(s.blocks);
    x.atime = {s.atime_sec, static_cast<u32>(s.atime_nsec), 0};
    x.mtime = {s.mtime_sec, static_cast<u32>(s.mtime_nsec), 0};
    x.ctime = {s.ctime_sec, static_cast<u32>(s.ctime_nsec), 0};
    constexpr i64 kSec = kNsPerSec;
    i64 born = t.inode->btime_ns;
    i64 born_sec = (born >= 0 ? born : born - kSec + 1) / kSec;
    x.btime = {born_sec, static_cast<u32>(born - born_sec * kSec), 0};
    x.rdev_major = dev_major(s.rdev);
    x.rdev_minor = dev_minor(s.rdev);
    x.dev_major = dev_major(s.dev);
    x.dev_minor = dev_minor(s.dev);
    if (t.where.mount) {
        x.mask |= kMountId;
        x.mnt_id = t.where.mount->id;
        x.attributes_mask = kAutomount | kMountRoot | kDax;
        if (t.where.dentry == t.where.mount->root) x.attributes = kMountRoot;
    }
    return user_write(statxbuf.address(), x);
}

namespace {

/// Permission with the real IDs (access(2)); with the effective ones for AT_EACCESS.
Outcome access_at(int dirfd, u64 path, i32 mode, u32 flags) {
    if (mode & ~(R_OK | W_OK | X_OK)) return EINVAL;
    if (flags & ~static_cast<u32>(AT_EACCESS | AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) return EINVAL;
    Ref<Credentials> real;
    Task& task = current();
    const Credentials* c = task.credentials.get();
    if (!(flags & AT_EACCESS) && (c->fsuid != c->uid || c->fsgid != c->gid)) {
        real = TRY(c->clone());
        real->fsuid = real->uid;
        real->fsgid = real->gid;
        real->cap_effective = real->uid == 0 ? real->cap_permitted : 0;
        c = real.get();
    }
    PathName name;
    TRY(name.copy_in(path, flags & AT_EMPTY_PATH));
    Location where;
    Ref<Inode> inode;
    if (name.empty() && dirfd != AT_FDCWD) {
        FdRef f = FdRef::any(dirfd);
        if (!f) return EBADF;
        inode = Ref<Inode>(&f->inode());
        if (f->location()) where = *f->location();
    } else {
        PathWalk walk(*c, current_fs().root());
        TRY(walk.start(dirfd, name.c_str()));
        auto found = walk.finish((flags & AT_SYMLINK_NOFOLLOW ? 0u : u32{kWalkFollow}) | (flags & AT_EMPTY_PATH ? u32{kWalkEmpty} : 0u));
        if (!found) {
            if (found.error() == ENOENT) count_missing_file(name.c_str(), ENOENT);
            return found.error();
        }
        where = std::move(*found);
        inode = Ref<Inode>(&where.inode());
    }
    if (mode == F_OK) return 0;
    static_assert(R_OK == kMayRead && W_OK == kMayWrite && X_OK == kMayExec);
    if ((mode & X_OK) && inode->is_regular() && where.mount && (where.mount->flags & kMsNoexec)) return EACCES;
    return check_access(*inode, static_cast<u32>(mode), *c);
}

} // namespace

Outcome sys_access(Path path, AccessMode mode) { return access_at(AT_FDCWD, path.address(), mode, 0); }
Outcome sys_faccessat(DirFd dirfd, Path path, AccessMode mode) { return access_at(dirfd, path.address(), mode, 0); }
Outcome sys_faccessat2(DirFd dirfd, Path path, AccessMode mode, AccessAtFlags flags) {
    return access_at(dirfd, path.address(), mode, static_cast<u32>(flags.bits()));
}

Outcome sys_fchmodat(DirFd dirfd, Path path, Mode mode) {
    Target t = TRY(resolve_target(dirfd, path.address(), 0));
    return change_mode(*t.inode, mode.value);
}
Outcome sys_chmod(Path path, Mode mode) {
    Target t = TRY(resolve_target(AT_FDCWD, path.address(), 0));
    return change_mode(*t.inode, mode.value);
}
Outcome sys_fchmod(Fd fd, Mode mode) {
    FdRef f(fd);
    if (!f) return EBADF;
    return change_mode(f->inode(), mode.value);
}

Outcome sys_fchownat(DirFd dirfd, Path path, Uid owner, Gid group, AtFlags flags) {
    if (!flags.only(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) return EINVAL;
    Target t = TRY(resolve_target(dirfd, path.address(), static_cast<u32>(flags.bits())));
    return change_owner(*t.inode, owner, group);
}
Outcome sys_chown(Path path, Uid owner, Gid group) {
    Target t = TRY(resolve_target(AT_FDCWD, path.address(), 0));
    return change_owner(*t.inode, owner, group);
}
Outcome sys_lchown(Path path, Uid owner, Gid group) {
    Target t = TRY(resolve_target(AT_FDCWD, path.address(), AT_SYMLINK_NOFOLLOW));
    return change_owner(*t.inode, owner, group);
}
Outcome sys_fchown(Fd fd, Uid owner, Gid group) {
    FdRef f(fd);
    if (!f) return EBADF;
    return change_owner(f->inode(), owner, group);
}

namespace {

/// `times` null: now.
Outcome set_times_at(int dirfd, u64 path, u32 at_flags, const i64 (*times)[2]) {
    if (!path) { // futimens: the descriptor itself
        if (dirfd == AT_FDCWD) return EFAULT;
        if (at_flags) return EINVAL;
        FdRef f(dirfd);
        if (!f) return EBADF;
        return change_times(f->inode(), times);
    }
    Target t = TRY(resolve_target(dirfd, path, at_flags));
    return change_times(*t.inode, times);
}

/// utimes and its relatives: microseconds.
Outcome set_times_us(int dirfd, u64 path, u64 address) {
    if (!address) return set_times_at(dirfd, path, 0, nullptr);
    Timeval tv[2];
    TRY(copy_from_user(tv, address, sizeof tv));
    i64 times[2][2];
    for (int i = 0; i < 2; ++i) {
        if (tv[i].usec < 0 || tv[i].usec >= 1000000) return EINVAL;
        times[i][0] = tv[i].sec;
        times[i][1] = tv[i].usec * 1000;
    }
    return set_times_at(dirfd, path, 0, times);
}

} // namespace

Outcome sys_utimensat(DirFd dirfd, Path path, In<Timespec[2]> times, AtFlags flags) {
    if (!flags.only(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) return EINVAL;
    u32 at_flags = static_cast<u32>(flags.bits());
    if (!times) return set_times_at(dirfd, path.address(), at_flags, nullptr);
    i64 given[2][2];
    TRY(copy_from_user(given, times.address(), sizeof given));
    constexpr i64 kOmit = (1l << 30) - 2; // UTIME_OMIT twice: nothing is looked at
    if (given[0][1] == kOmit && given[1][1] == kOmit) return 0;
    return set_times_at(dirfd, path.address(), at_flags, given);
}
Outcome sys_futimesat(DirFd dirfd, Path path, In<Timeval[2]> times) { return set_times_us(dirfd, path.address(), times.address()); }
Outcome sys_utimes(Path path, In<Timeval[2]> times) { return path ? set_times_us(AT_FDCWD, path.address(), times.address()) : EFAULT; }
Outcome sys_utime(Path path, In<int64_t[2]> times) {
    if (!path) return EFAULT;
    if (!times) return set_times_at(AT_FDCWD, path.address(), 0, nullptr);
    i64 seconds[2];
    TRY(copy_from_user(seconds, times.address(), sizeof seconds));
    i64 given[2][2] = {{seconds[0], 0}, {seconds[1], 0}};
    return set_times_at(AT_FDCWD, path.address(), 0, given);
}

Outcome sys_truncate(Path path, Off length) {
    if (length < 0) return EINVAL;
    Target t = TRY(resolve_target(AT_FDCWD, path.address(), 0));
    return truncate_inode(*t.inode, length, true);
}

namespace {
Outcome statfs_to(Inode& inode, const Mount* mount, u64 to) {
    Statfs s{};
    inode.superblock->statfs(s);
    constexpr u64 kValid = 0x20, kRdonly = 1, kNosuid = 2, kNodev = 4, kNoexec = 8, kRelatime = 0x1000; // ST_*
    s.flags = kValid;
    if (mount) {
        if (mount->flags & kMsRdonly) s.flags |= kRdonly;
        if (mount->flags & kMsNosuid) s.flags |= kNosuid;
        if (mount->flags & kMsNodev) s.flags |= kNodev;
        if (mount->flags & kMsNoexec) s.flags |= kNoexec;
        if (mount->flags & kMsRelatime) s.flags |= kRelatime;
    }
    return user_write(to, s);
}
} // namespace

Outcome sys_statfs(Path path, Out<Statfs> buf) {
    Target t = TRY(resolve_target(AT_FDCWD, path.address(), 0));
    return statfs_to(*t.inode, t.where.mount.get(), buf.address());
}
Outcome sys_fstatfs(Fd fd, Out<Statfs> buf) {
    FdRef f = FdRef::any(fd);
    if (!f) return EBADF;
    return statfs_to(f->inode(), f->location() ? f->location()->mount.get() : nullptr, buf.address());
}

} // namespace linnet
