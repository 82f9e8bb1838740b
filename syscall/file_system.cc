// Names: open(2), mkdir(2), unlink(2), rename(2), link(2), symlink(2), readlink(2), getcwd(2), chdir(2), getdents(2), mount(2).
#include "kernel/lib/string.h"
#include "syscall/gaps.h"
#include "syscall/file_support.h"
#include "vfs/mount.h"
#include "vfs/open.h"

namespace linnet {

using namespace abi;

namespace {

Outcome open_common(int dirfd, u64 path, OpenRequest request) {
    PathName name;
    TRY(name.copy_in(path));
    if (request.flags & O_PATH) {
        request.flags &= O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    } else {
        constexpr u32 kUnnamed = O_TMPFILE & ~O_DIRECTORY;
        if ((request.flags & kUnnamed) && !(request.flags & O_DIRECTORY)) return EINVAL;
        request.flags |= O_LARGEFILE;
    }
    auto f = open_file(dirfd, name.c_str(), request);
    if (!f) {
        if (f.error() == ENOENT && !(request.flags & u32(O_CREAT))) count_missing_file(name.c_str(), ENOENT);
        return f.error();
    }
    return install_file(std::move(*f), request.flags);
}

OpenRequest request_of(OpenFlags flags, Mode mode) {
    return {.flags = static_cast<u32>(flags.bits()), .mode = mode.value & 07777u};
}

} // namespace

Outcome sys_open(Path path, OpenFlags flags, Mode mode) { return open_common(AT_FDCWD, path.address(), request_of(flags, mode)); }
Outcome sys_openat(DirFd dirfd, Path path, OpenFlags flags, Mode mode) {
    return open_common(dirfd, path.address(), request_of(flags, mode));
}
Outcome sys_creat(Path path, Mode mode) {
    return open_common(AT_FDCWD, path.address(), {.flags = O_CREAT | O_WRONLY | O_TRUNC, .mode = mode.value & 07777u});
}

Outcome sys_openat2(DirFd dirfd, Path path, In<OpenHow> how, Size size) {
    if (size < sizeof(OpenHow)) return EINVAL;
    if (size > kPageSize) return E2BIG;
    auto h = TRY(user_read<OpenHow>(how.address()));
    // A longer structure must be zero in what this kernel does not know.
    for (u64 at = sizeof(OpenHow); at < size; ++at)
        if (TRY(user_read<u8>(how.address() + at))) return E2BIG;
    constexpr u64 kResolve = RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH | RESOLVE_IN_ROOT | RESOLVE_CACHED;
    if ((h.flags & ~u64{OpenFlags::supported}) || (h.resolve & ~kResolve)) return EINVAL;
    if ((h.resolve & (RESOLVE_BENEATH | RESOLVE_IN_ROOT)) == (RESOLVE_BENEATH | RESOLVE_IN_ROOT)) return EINVAL;
    bool creates = (h.flags & O_CREAT) || (h.flags & O_TMPFILE) == O_TMPFILE;
    if (creates ? (h.mode & ~u64{07777}) != 0 : h.mode != 0) return EINVAL;
    if ((h.flags & O_PATH) && (h.flags & ~u64{O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC})) return EINVAL;
    if (h.resolve & RESOLVE_CACHED) {
        if (h.flags & (O_TRUNC | O_CREAT | (O_TMPFILE & ~O_DIRECTORY))) return EAGAIN;
        h.resolve &= ~u64{RESOLVE_CACHED}; // look-ups in memory file systems never wait
    }
    return open_common(dirfd, path.address(), {static_cast<u32>(h.flags), static_cast<u32>(h.mode), h.resolve});
}

namespace {

/// Copies the path in and calls f(path).
template <class F>
Outcome with_path(u64 address, F&& f) {
    PathName name;
    TRY(name.copy_in(address));
    return f(name.c_str());
}
template <class F>
Outcome with_paths(u64 first, u64 second, bool first_may_be_empty, F&& f) {
    PathName a, b;
    TRY(a.copy_in(first, first_may_be_empty));
    TRY(b.copy_in(second));
    return f(a.c_str(), b.c_str());
}

/// mknod's 32-bit device number: as makedev's low half.
u64 node_device(u32 dev) { return make_dev((dev >> 8) & 0xfff, (dev & 0xff) | ((dev >> 12) & 0xfff00)); }

} // namespace

Outcome sys_mkdirat(DirFd dirfd, Path path, Mode mode) {
    return with_path(path.address(), [&](const char* p) { return make_directory(dirfd, p, mode.value); });
}
Outcome sys_mkdir(Path path, Mode mode) {
    return with_path(path.address(), [&](const char* p) { return make_directory(AT_FDCWD, p, mode.value); });
}
Outcome sys_mknodat(DirFd dirfd, Path path, FileMode mode, Dev dev) {
    return with_path(path.address(), [&](const char* p) { return make_node(dirfd, p, mode.value, node_device(dev)); });
}
Outcome sys_mknod(Path path, FileMode mode, Dev dev) {
    return with_path(path.address(), [&](const char* p) { return make_node(AT_FDCWD, p, mode.value, node_device(dev)); });
}
Outcome sys_rmdir(Path path) {
    return with_path(path.address(), [&](const char* p) { return remove_directory(AT_FDCWD, p); });
}
Outcome sys_unlink(Path path) {
    return with_path(path.address(), [&](const char* p) { return remove_file(AT_FDCWD, p); });
}
Outcome sys_unlinkat(DirFd dirfd, Path path, AtFlags flags) {
    if (!flags.only(AT_REMOVEDIR)) return EINVAL;
    return with_path(path.address(), [&](const char* p) {
        return flags.has(AT_REMOVEDIR) ? remove_directory(dirfd, p) : remove_file(dirfd, p);
    });
}
Outcome sys_symlinkat(Path target, DirFd newdirfd, Path linkpath) {
    return with_paths(target.address(), linkpath.address(), false,
                      [&](const char* t, const char* p) { return make_symlink(t, newdirfd, p); });
}
Outcome sys_symlink(Path target, Path linkpath) {
    return with_paths(target.address(), linkpath.address(), false,
                      [&](const char* t, const char* p) { return make_symlink(t, AT_FDCWD, p); });
}
Outcome sys_linkat(DirFd olddirfd, Path oldpath, DirFd newdirfd, Path newpath, AtFlags flags) {
    if (!flags.only(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH)) return EINVAL;
    return with_paths(oldpath.address(), newpath.address(), flags.has(AT_EMPTY_PATH),
                      [&](const char* o, const char* n) { return make_link(olddirfd, o, newdirfd, n, flags); });
}
Outcome sys_link(Path oldpath, Path newpath) {
    return with_paths(oldpath.address(), newpath.address(), false,
                      [&](const char* o, const char* n) { return make_link(AT_FDCWD, o, AT_FDCWD, n, 0); });
}
Outcome sys_renameat2(DirFd olddirfd, Path oldpath, DirFd newdirfd, Path newpath, RenameFlags flags) {
    if (flags.unsupported()) return EINVAL;
    return with_paths(oldpath.address(), newpath.address(), false, [&](const char* o, const char* n) {
        return rename_file(olddirfd, o, newdirfd, n, static_cast<u32>(flags.bits()));
    });
}
Outcome sys_renameat(DirFd olddirfd, Path oldpath, DirFd newdirfd, Path newpath) {
    return with_paths(oldpath.address(), newpath.address(), false,
                      [&](const char* o, const char* n) { return rename_file(olddirfd, o, newdirfd, n, 0); });
}
Outcome sys_rename(Path oldpath, Path newpath) {
    return with_paths(oldpath.address(), newpath.address(), false,
                      [&](const char* o, const char* n) { return rename_file(AT_FDCWD, o, AT_FDCWD, n, 0); });
}

namespace {
Outcome read_link(int dirfd, u64 path, u64 to, i64 size) {
    if (size <= 0) return EINVAL;
    PathName name;
    TRY(name.copy_in(path, true));
    Location where = TRY(walk_path(dirfd, name.c_str(), name.empty() && dirfd != AT_FDCWD ? u32{kWalkEmpty} : 0));
    Inode& inode = where.inode();
    if (!inode.is_symlink()) return name.empty() ? ENOENT : EINVAL;
    auto* text = static_cast<char*>(kmalloc(kMaxPathLength));
    if (!text) return ENOMEM;
    auto n = inode.readlink(text, kMaxPathLength);
    Outcome result = n;
    if (n) {
        size_t length = *n < static_cast<u64>(size) ? *n : static_cast<size_t>(size);
        auto r = copy_to_user(to, text, length);
        result = r ? Outcome(length) : Outcome(r);
        inode.touch_accessed();
    }
    kfree(text);
    return result;
}
} // namespace

Outcome sys_readlink(Path path, OutBytes<2> buf, Size bufsiz) {
    return read_link(AT_FDCWD, path.address(), buf.address(), static_cast<i32>(bufsiz.value));
}
Outcome sys_readlinkat(DirFd dirfd, Path path, OutBytes<3> buf, Size bufsiz) {
    return read_link(dirfd, path.address(), buf.address(), static_cast<i32>(bufsiz.value));
}

Outcome sys_getcwd(OutBytes<1> buf, Size size) {
    Location cwd = current_fs().cwd();
    if (cwd.dentry->unlinked()) return ENOENT;
    auto* text = static_cast<char*>(kmalloc(kMaxPathLength));
    if (!text) return ENOMEM;
    TextBuffer path(text, kMaxPathLength);
    Outcome result = ENAMETOOLONG;
    if (render_path(cwd, current_fs().root(), path)) {
        u64 length = path.length() + 1;
        if (length > size) {
            result = ERANGE;
        } else {
            auto r = copy_to_user(buf.address(), text, length);
            result = r ? Outcome(length) : Outcome(r);
        }
    }
    kfree(text);
    return result;
}

Outcome sys_chdir(Path path) {
    return with_path(path.address(), [](const char* p) -> Outcome { return change_directory(TRY(walk_path(AT_FDCWD, p, kWalkFollow | kWalkDirectory))); });
}

Outcome sys_fchdir(Fd fd) {
    FdRef f = FdRef::any(fd);
    if (!f) return EBADF;
    const Location* l = f->location();
    if (!l) return ENOTDIR;
    return change_directory(*l);
}

Outcome sys_chroot(Path path) {
    PathName name;
    TRY(name.copy_in(path.address()));
    Location where = TRY(walk_path(AT_FDCWD, name.c_str(), kWalkFollow | kWalkDirectory));
    const Credentials& c = *current().credentials;
    TRY(check_access(where.inode(), kMayExec, c));
    if (!c.has_capability(kCapSysChroot)) return EPERM;
    current_fs().set_root(std::move(where));
    return 0;
}

Outcome sys_umask(Mode mask) { return current_fs().set_umask(mask.value); }

Outcome sys_mount(Path source, Path target, UserString filesystemtype, MountFlags mountflags, AnyPtr data) {
    PathName from, to, type, options;
    if (source) TRY(from.copy_in(source.address(), true));
    TRY(to.copy_in(target.address()));
    if (!current().credentials->has_capability(kCapSysAdmin)) return EPERM;
    u64 flags = mountflags.bits();
    // Only new file systems of the kinds in /proc/filesystems: no bind, move or remount.
    constexpr u64 kPropagation = 0xfull << 17; // MS_UNBINDABLE, MS_PRIVATE, MS_SLAVE, MS_SHARED
    if (u64 lacking = flags & (kMsRemount | kMsBind | kMsMove | kPropagation); (lacking & ~kPropagation) || (lacking && !filesystemtype)) {
        count_gap(GapKind::Flag, number::mount, 3, lacking, EINVAL);
        return EINVAL;
    }
    if (!filesystemtype) return EINVAL;
    TRY(type.copy_in(filesystemtype.address(), true));
    if (data) TRY(options.copy_in(data.address(), true));
    Location where = TRY(walk_path(AT_FDCWD, to.c_str(), kWalkFollow));
    auto r = mount_filesystem(type.c_str(), source ? from.c_str() : "none", where, static_cast<u32>(flags), data ? options.c_str() : "");
    if (!r && r.error() == ENODEV) count_missing_filesystem(type.c_str(), ENODEV);
    return r;
}

Outcome sys_umount2(Path target, UmountFlags flags) {
    if (flags.unsupported()) return EINVAL;
    if (flags.has(MNT_EXPIRE)) {
        if (flags.has(MNT_FORCE | MNT_DETACH)) return EINVAL;
        count_gap(GapKind::Flag, number::umount2, 1, MNT_EXPIRE, EAGAIN);
        return EAGAIN;
    }
    PathName name;
    TRY(name.copy_in(target.address()));
    Location where = TRY(walk_path(AT_FDCWD, name.c_str(), flags.has(UMOUNT_NOFOLLOW) ? 0 : u32{kWalkFollow}));
    if (!current().credentials->has_capability(kCapSysAdmin)) return EPERM;
    return unmount(where, flags.has(MNT_DETACH));
}

namespace {

/// Directory records in a program's buffer; one kind for each of the two calls.
class UserDirSink final : public DirSink {
  public:
    UserDirSink(u64 to, u64 size, bool old_format) : to_(to), size_(size), old_(old_format) {}
    bool add(std::string_view name, u64 ino, u8 dtype, u64 next) override {
        // getdents64: the header is 19 bytes; getdents: 18, and the type is the record's last byte.
        size_t header = old_ ? 18 : 19;
        size_t length = align_up(header + name.size() + 1 + (old_ ? 1 : 0), 8);
        if (length > size_ - used_) {
            if (!used_) error_ = EINVAL; // not even one fits
            return false;
        }
        char record[18 + 256 + 16] = {};
        u64 off = next;
        u16 reclen = static_cast<u16>(length);
        memcpy(record, &ino, 8);
        memcpy(record + 8, &off, 8);
        memcpy(record + 16, &reclen, 2);
        if (old_) record[length - 1] = static_cast<char>(dtype);
        else record[18] = static_cast<char>(dtype);
        memcpy(record + header, name.data(), name.size());
        if (copy_to_user_partial(to_ + used_, record, length) != 0) {
            error_ = EFAULT;
            return false;
        }
        used_ += length;
        return true;
    }
    Outcome result(const Result<void>& r) const {
        if (used_) return used_;
        if (!r) return r.error();
        return error_ == Errno{} ? Outcome(0) : Outcome(error_);
    }

  private:
    u64 to_, size_, used_ = 0;
    bool old_;
    Errno error_{};
};

Outcome read_entries(int fd, u64 to, u64 size, bool old_format) {
    FdRef f(fd);
    if (!f) return EBADF;
    if (!f->inode().is_directory()) return ENOTDIR;
    UserDirSink sink(to, size, old_format);
    MutexGuard g(f->position_lock);
    const Location* l = f->location();
    if (l && l->dentry->unlinked()) return ENOENT;
    return sink.result(f->read_directory(sink));
}

} // namespace

Outcome sys_getdents64(Fd fd, OutDirents dirp, UInt count) { return read_entries(fd, dirp.address(), count, false); }
Outcome sys_getdents(Fd fd, OutDirents dirp, UInt count) { return read_entries(fd, dirp.address(), count, true); }

} // namespace linnet
