// Descriptors: close(2), close_range(2), dup(2), fcntl(2), ioctl(2), flock(2).
#include "syscall/gaps.h"
#include "syscall/file_support.h"

#include "vfs/file_locks.h"

namespace linnet {

using namespace abi;

Outcome sys_close(Fd fd) { return current_files().close(fd); }

Outcome sys_close_range(UInt first, UInt last, CloseRangeFlags flags) {
    if (flags.unsupported() || first > last) return EINVAL;
    Task& t = current();
    if (flags.has(CLOSE_RANGE_UNSHARE) && t.files->ref_count() > 1) {
        auto copy = t.files->copy();
        if (!copy) return copy.error();
        t.files = std::move(*copy);
    }
    current_files().close_range(first, last, flags.has(CLOSE_RANGE_CLOEXEC));
    return 0;
}

Outcome sys_dup(Fd oldfd) {
    FdRef f = FdRef::any(oldfd);
    if (!f) return EBADF;
    return current_files().install(f.share(), false, 0, open_file_limit());
}

namespace {
Outcome replace(int oldfd, int newfd, bool close_on_exec) {
    FdRef f = FdRef::any(oldfd);
    if (!f) return EBADF;
    TRY(current_files().replace(newfd, f.share(), close_on_exec, open_file_limit()));
    return newfd;
}
} // namespace

Outcome sys_dup2(Fd oldfd, Fd newfd) {
    if (oldfd == newfd) return FdRef::any(oldfd) ? Outcome(newfd) : Outcome(EBADF);
    return replace(oldfd, newfd, false);
}

Outcome sys_dup3(Fd oldfd, Fd newfd, DupFlags flags) {
    if (flags.unsupported() || oldfd == newfd) return EINVAL;
    return replace(oldfd, newfd, flags.has(O_CLOEXEC));
}

namespace {

/// O_ASYNC is kept and reported; no SIGIO is sent.
void count_async(u32 flags) {
    if (flags & O_ASYNC) [[unlikely]] count_gap(GapKind::Flag, number::fcntl, 2, O_ASYNC, Errno(0));
}

Outcome set_status_flags(File& f, u64 arg) {
    u32 wanted = static_cast<u32>(arg);
    if ((wanted & O_NOATIME) && !(f.flags() & O_NOATIME) && !owner_or_capable(f.inode(), *current().credentials)) return EPERM;
    // Direct I/O past a cache in memory means nothing: EINVAL as on tmpfs; pipes take it for packets.
    if ((wanted & O_DIRECT) && f.inode().is_regular()) return EINVAL;
    count_async(wanted);
    return f.set_flags(wanted);
}

Outcome record_lock(int fd, File& f, int cmd, u64 address) {
    auto request = TRY(user_read<Flock>(address));
    switch (cmd) {
    case F_GETLK:
    case F_OFD_GETLK:
        TRY(get_record_lock(f, cmd == F_GETLK ? LockKind::Posix : LockKind::Ofd, request));
        return user_write(address, request);
    case F_SETLK:
    case F_SETLKW:
        TRY(set_record_lock(f, LockKind::Posix, request, cmd == F_SETLKW));
        // Another thread may have closed the descriptor meanwhile, and with it all locks of the process on the file: this one
        // must not outlive that. As Linux, which asks the same question.
        if (request.type != F_UNLCK && current_files().peek(fd) != &f) [[unlikely]] {
            release_posix_locks(f.inode(), current_files().lock_owner());
            return EBADF;
        }
        return 0;
    default: return set_record_lock(f, LockKind::Ofd, request, cmd == F_OFD_SETLKW);
    }
}

Outcome owner_command(File& f, int cmd, u64 arg) {
    // The owner is kept and reported; no SIGIO is sent.
    switch (cmd) {
    case F_SETOWN:
        if (static_cast<i32>(arg) == INT32_MIN) return EINVAL;
        f.async_owner = static_cast<i32>(arg);
        return 0;
    case F_GETOWN: return f.async_owner.load();
    case F_SETSIG:
        if (arg > 64) return EINVAL;
        f.async_signal = static_cast<i32>(arg);
        return 0;
    case F_GETSIG: return f.async_signal.load();
    case F_SETOWN_EX: {
        auto o = TRY(user_read<FOwnerEx>(arg));
        if (o.type < 0 || o.type > 2) return EINVAL;
        f.async_owner = o.type == 2 ? -o.pid : o.pid;
        return 0;
    }
    default: {
        i32 owner = f.async_owner;
        return user_write(arg, FOwnerEx{owner < 0 ? 2 : 1, owner < 0 ? -owner : owner});
    }
    }
}

} // namespace

Outcome sys_fcntl(Fd fd, FcntlCmd cmd, FcntlArg arg) {
    FdRef f = FdRef::any(fd);
    if (!f) return EBADF;
    switch (cmd.value) {
    case F_DUPFD:
    case F_DUPFD_CLOEXEC: {
        u64 limit = open_file_limit();
        if (static_cast<u32>(arg.value) >= limit || static_cast<i32>(arg.value) < 0) return EINVAL;
        return current_files().install(f.share(), cmd == F_DUPFD_CLOEXEC, static_cast<int>(arg.value), limit);
    }
    case F_GETFD: {
        bool on = TRY(current_files().get_close_on_exec(fd));
        return on ? FD_CLOEXEC : 0;
    }
    case F_SETFD: return current_files().set_close_on_exec(fd, arg & FD_CLOEXEC);
    case F_GETFL: return f->flags();
    }
    if (f->is_path_only()) return EBADF;
    switch (cmd.value) {
    case F_SETFL: return set_status_flags(*f, arg);
    case F_GETLK: case F_SETLK: case F_SETLKW:
    case F_OFD_GETLK: case F_OFD_SETLK: case F_OFD_SETLKW: return record_lock(fd, *f, cmd, arg);
    case F_SETOWN: case F_GETOWN: case F_SETSIG: case F_GETSIG: case F_SETOWN_EX: case F_GETOWN_EX:
        return owner_command(*f, cmd, arg);
    case F_GETLEASE: return F_UNLCK; // leases are never given
    default: break;
    }
    auto r = f->fcntl(static_cast<u32>(cmd.value), arg);
    // Seals are for memfds alone, sizes for pipes: elsewhere they fail on Linux too.
    const bool of_other_files = cmd == F_ADD_SEALS || cmd == F_GET_SEALS || cmd == F_SETPIPE_SZ || cmd == F_GETPIPE_SZ;
    if (!r && r.error() == EINVAL && !of_other_files) count_gap(GapKind::Fcntl, u32(cmd.value), 0, 0, EINVAL);
    return r;
}

namespace {
/// Sets or clears one of the status flags by the int at `address`.
Outcome flag_by_int(File& f, u64 address, u32 flag) {
    i32 on = TRY(user_read<i32>(address));
    if (on && flag == O_ASYNC) count_gap(GapKind::Ioctl, FIOASYNC, 0, 0, Errno(0)); // as for count_async()
    u32 flags = f.flags();
    return f.set_flags(on ? flags | flag : flags & ~flag);
}
/// Whether a request failed because it is not there, rather than because the file is of another kind or in another state.
bool is_lacking_ioctl(File& f, u32 request, Errno e) {
    constexpr u32 kTerminal = 'T' << 8, kSocket = 0x89 << 8;
    const u32 group = request & 0xff00;
    if (group == kSocket) // the host's to set: EPERM
        return e == ENOTTY || e == EOPNOTSUPP || (e == EPERM && current().credentials->has_capability(CAP_NET_ADMIN));
    if (e != ENOTTY) return false;
    if (group != kTerminal) return true;
    // On what is no terminal it is no gap: isatty(3) asks so. Nor are questions of job control and those to the other end of a pty.
    const u32 major = dev_major(f.inode().rdev);
    if ((f.inode().mode & S_IFMT) != S_IFCHR || (major != 4 && major != 5 && (major < 136 || major > 143))) return false;
    switch (request) {
    case TIOCGPGRP: case TIOCSPGRP: case TIOCGSID: case TIOCNOTTY: case TIOCSCTTY:
    case TIOCGPTN: case TIOCSPTLCK: case TIOCGPTPEER: case TIOCGPTLCK: case TIOCGPKT: case TIOCPKT: case TIOCSIG: return false;
    default: return true;
    }
}

} // namespace

Outcome sys_ioctl(Fd fd, IoctlCmd request, IoctlArg arg) {
    FdRef f(fd);
    if (!f) return EBADF;
    switch (request.value) {
    case FIOCLEX: return current_files().set_close_on_exec(fd, true);
    case FIONCLEX: return current_files().set_close_on_exec(fd, false);
    case FIONBIO: return flag_by_int(*f, arg, O_NONBLOCK);
    case FIOASYNC: return flag_by_int(*f, arg, O_ASYNC);
    case FIOQSIZE:
        if (!f->inode().is_regular() && !f->inode().is_directory()) return ENOTTY;
        return user_write(arg, static_cast<i64>(f->inode().size()));
    case FIONREAD:
        if (auto n = f->bytes_available(); n.ok()) return user_write(arg, static_cast<i32>(*n));
        break;
    }
    auto r = f->ioctl(request, arg);
    if (!r && is_lacking_ioctl(*f, request, r.error())) count_gap(GapKind::Ioctl, u32(request.value), 0, 0, r.error());
    return r;
}

Outcome sys_flock(Fd fd, FlockOp operation) {
    constexpr int kMandatory = 32; // LOCK_MAND: ignored since Linux 5.18
    if (operation & kMandatory) return 0;
    int op = operation & ~LOCK_NB;
    if (op != LOCK_SH && op != LOCK_EX && op != LOCK_UN) return EINVAL;
    FdRef f(fd);
    if (!f) return EBADF;
    return set_flock(*f, op, !operation.has(LOCK_NB));
}

} // namespace linnet
