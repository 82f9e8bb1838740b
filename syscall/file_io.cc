// Moving data: read(2), write(2), readv(2), pread(2), sendfile(2), copy_file_range(2), lseek(2), fsync(2), fallocate(2).
#include "syscall/file_support.h"

#include "vfs/mount.h"

namespace linnet {

using namespace abi;

Outcome sys_read(Fd fd, OutBytes<2> buf, Size count) {
    FdRef f(fd);
    if (!f || !f->readable()) return EBADF;
    if (static_cast<i64>(count.value) < 0) return EINVAL;
    if (!user_range_ok(buf.address(), count)) return EFAULT;
    IoVector v = IoVector::user(buf.address(), count < kMaxTransfer ? count.value : kMaxTransfer);
    return read_at_position(*f, v);
}

Outcome sys_write(Fd fd, InBytes<2> buf, Size count) {
    FdRef f(fd);
    if (!f || !f->writable()) return EBADF;
    if (static_cast<i64>(count.value) < 0) return EINVAL;
    if (!user_range_ok(buf.address(), count)) return EFAULT;
    IoVector v = IoVector::user(buf.address(), count < kMaxTransfer ? count.value : kMaxTransfer);
    return write_at_position(*f, v);
}

Outcome sys_pread64(Fd fd, OutBytes<2> buf, Size count, Off offset) {
    if (offset < 0) return EINVAL;
    FdRef f(fd);
    if (!f) return EBADF;
    if (!f->seekable()) return ESPIPE;
    if (!f->readable()) return EBADF;
    if (static_cast<i64>(count.value) < 0) return EINVAL;
    if (!user_range_ok(buf.address(), count)) return EFAULT;
    IoVector v = IoVector::user(buf.address(), count < kMaxTransfer ? count.value : kMaxTransfer);
    u64 pos = static_cast<u64>(offset.value);
    return f->read(v, pos, f->nonblocking());
}

Outcome sys_pwrite64(Fd fd, InBytes<2> buf, Size count, Off offset) {
    if (offset < 0) return EINVAL;
    FdRef f(fd);
    if (!f) return EBADF;
    if (!f->seekable()) return ESPIPE;
    if (!f->writable()) return EBADF;
    if (static_cast<i64>(count.value) < 0) return EINVAL;
    if (!user_range_ok(buf.address(), count)) return EFAULT;
    IoVector v = IoVector::user(buf.address(), count < kMaxTransfer ? count.value : kMaxTransfer);
    u64 pos = static_cast<u64>(offset.value);
    return f->write(v, pos, f->nonblocking());
}

namespace {

enum class Transfer { Read, Write };

/// readv and its relatives. pos -1: at the file's position.
Result<size_t> transfer_vector(Transfer direction, int fd, u64 iov, i64 count, i64 pos, u32 rwf) {
    if (pos < -1) return EINVAL;
    FdRef f(fd);
    if (!f) return EBADF;
    if (pos >= 0 && !f->seekable()) return ESPIPE;
    if (direction == Transfer::Read ? !f->readable() : !f->writable()) return EBADF;
    if (rwf & ~static_cast<u32>(RWF_HIPRI | RWF_DSYNC | RWF_SYNC | RWF_NOWAIT | RWF_APPEND)) return EOPNOTSUPP;
    UserSegments segments;
    TRY(segments.copy_in(iov, static_cast<u64>(count)));
    IoVector v = segments.vector();
    bool nonblock = f->nonblocking() || (rwf & RWF_NOWAIT);
    // RWF_APPEND: the file finds its end under its own lock.
    bool append = direction == Transfer::Write && (rwf & RWF_APPEND) && f->seekable();
    auto move = [&](u64& at) { return direction == Transfer::Read ? f->read(v, at, nonblock) : f->write(v, at, nonblock); };
    if (pos >= 0) {
        u64 at = static_cast<u64>(pos);
        if (append) at = f->append_position();
        return move(at);
    }
    if (!f->uses_position()) {
        u64 unused = 0;
        return move(unused);
    }
    MutexGuard g(f->position_lock);
    if (!append) return move(f->position);
    u64 at = f->append_position();
    auto n = move(at);
    if (n) f->position = at;
    return n;
}

/// preadv's position comes in two registers; on 64 bits the low one holds it all.
i64 position_of(u64 low, u64 high) { return static_cast<i64>(low | (high << 32 << 32)); }

} // namespace

Outcome sys_readv(Fd fd, IovecsOut<2> iov, Int iovcnt) {
    return transfer_vector(Transfer::Read, fd, iov.address(), iovcnt, -1, 0);
}
Outcome sys_writev(Fd fd, IovecsIn<2> iov, Int iovcnt) {
    return transfer_vector(Transfer::Write, fd, iov.address(), iovcnt, -1, 0);
}
Outcome sys_preadv(Fd fd, IovecsOut<2> iov, Int iovcnt, ULong pos_l, ULong pos_h) {
    i64 pos = position_of(pos_l, pos_h);
    return pos < 0 ? Outcome(EINVAL) : transfer_vector(Transfer::Read, fd, iov.address(), iovcnt, pos, 0);
}
Outcome sys_pwritev(Fd fd, IovecsIn<2> iov, Int iovcnt, ULong pos_l, ULong pos_h) {
    i64 pos = position_of(pos_l, pos_h);
    return pos < 0 ? Outcome(EINVAL) : transfer_vector(Transfer::Write, fd, iov.address(), iovcnt, pos, 0);
}
Outcome sys_preadv2(Fd fd, IovecsOut<2> iov, Int iovcnt, ULong pos_l, ULong pos_h, RwfFlags flags) {
    return transfer_vector(Transfer::Read, fd, iov.address(), iovcnt, position_of(pos_l, pos_h), static_cast<u32>(flags.bits()));
}
Outcome sys_pwritev2(Fd fd, IovecsIn<2> iov, Int iovcnt, ULong pos_l, ULong pos_h, RwfFlags flags) {
    return transfer_vector(Transfer::Write, fd, iov.address(), iovcnt, position_of(pos_l, pos_h), static_cast<u32>(flags.bits()));
}

Outcome sys_lseek(Fd fd, Off offset, Whence whence) {
    FdRef f(fd);
    if (!f) return EBADF;
    if (whence < 0 || whence > SEEK_MAX) return EINVAL;
    MutexGuard g(f->position_lock);
    auto r = f->seek(offset, whence);
    if (!r) return r.error();
    return static_cast<i64>(*r);
}

namespace {

/// Copies through a kernel buffer. Null positions: the files' own. What was read and not written is given back by leaving
/// the source's position before it.
Result<size_t> copy_between(File& in, u64* in_pos, File& out, u64* out_pos, u64 count) {
    constexpr size_t kChunk = 16 * KiB;
    auto* buffer = static_cast<char*>(kmalloc(kChunk));
    if (!buffer) return ENOMEM;
    Result<size_t> result = size_t{0};
    size_t done = 0;
    while (done < count) {
        size_t want = count - done < kChunk ? count - done : kChunk;
        IoVector to = IoVector::kernel(buffer, want);
        u64 from_pos = in_pos ? *in_pos : in.position;
        u64 at = from_pos;
        auto got = in.read(to, at, in.nonblocking());
        if (!got || *got == 0) {
            result = got;
            break;
        }
        IoVector from = IoVector::kernel(static_cast<const void*>(buffer), *got);
        Result<size_t> put = size_t{0};
        if (out_pos) put = out.write(from, *out_pos, out.nonblocking());
        else put = write_at_position(out, from);
        if (!put) {
            result = put;
            break;
        }
        (in_pos ? *in_pos : in.position) = from_pos + *put;
        done += *put;
        if (*put < *got || *got < want) break;
        if (signal_pending()) break;
    }
    kfree(buffer);
    return done ? Result<size_t>(done) : result;
}

} // namespace

Outcome sys_sendfile(Fd out_fd, Fd in_fd, InOut<int64_t> offset, Size count) {
    FdRef in(in_fd), out(out_fd);
    if (!in || !in->readable() || !out || !out->writable()) return EBADF;
    if (out->flags() & O_APPEND) return EINVAL;
    // As before Linux 5.12: the source must be a file with a position.
    if (!in->uses_position() || !in->inode().is_regular()) return offset && !in->seekable() ? ESPIPE : EINVAL;
    if (static_cast<i64>(count.value) < 0) return EINVAL;
    u64 most = count < kMaxTransfer ? count.value : kMaxTransfer;
    if (offset) {
        i64 pos = TRY(user_read<i64>(offset.address()));
        if (pos < 0) return EINVAL;
        u64 at = static_cast<u64>(pos);
        auto n = copy_between(*in, &at, *out, nullptr, most);
        TRY(user_write(offset.address(), static_cast<i64>(at)));
        return n;
    }
    u64 at;
    {
        MutexGuard g(in->position_lock);
        at = in->position;
    }
    auto n = copy_between(*in, &at, *out, nullptr, most);
    MutexGuard g(in->position_lock);
    in->position = at;
    return n;
}

Outcome sys_copy_file_range(Fd fd_in, InOut<int64_t> off_in, Fd fd_out, InOut<int64_t> off_out, Size len, UInt flags) {
    FdRef in(fd_in), out(fd_out);
    if (!in || !out) return EBADF;
    auto position_of_file = [](File& f) {
        MutexGuard g(f.position_lock);
        return static_cast<i64>(f.position);
    };
    i64 in_given = off_in ? TRY(user_read<i64>(off_in.address())) : position_of_file(*in);
    i64 out_given = off_out ? TRY(user_read<i64>(off_out.address())) : position_of_file(*out);
    if (flags) return EINVAL;
    if (in->inode().is_directory() || out->inode().is_directory()) return EISDIR;
    if (!in->inode().is_regular() || !out->inode().is_regular()) return EINVAL;
    if (!in->readable() || !out->writable() || (out->flags() & O_APPEND)) return EBADF;
    if (in->inode().superblock.get() != out->inode().superblock.get()) return EXDEV;
    if (in_given < 0 || out_given < 0) return EINVAL;
    auto set_position = [](File& f, u64 at) {
        MutexGuard g(f.position_lock);
        f.position = at;
    };
    u64 from = static_cast<u64>(in_given), to = static_cast<u64>(out_given);
    u64 most = len < kMaxTransfer ? len.value : kMaxTransfer;
    if (from > static_cast<u64>(INT64_MAX) - most || to > static_cast<u64>(INT64_MAX) - most) return EOVERFLOW;
    u64 size = in->inode().size();
    if (from >= size) most = 0;
    else if (most > size - from) most = size - from;
    if (&in->inode() == &out->inode() && from < to + most && to < from + most) return EINVAL;
    if (!most) return 0;
    auto n = copy_between(*in, &from, *out, &to, most);
    if (!n) return n.error();
    if (off_in) TRY(user_write(off_in.address(), static_cast<i64>(from)));
    else set_position(*in, from);
    if (off_out) TRY(user_write(off_out.address(), static_cast<i64>(to)));
    else set_position(*out, to);
    return *n;
}

namespace {
Outcome sync_file(int fd, bool data_only) {
    FdRef f(fd);
    if (!f) return EBADF;
    return f->fsync(data_only);
}
} // namespace

Outcome sys_fsync(Fd fd) { return sync_file(fd, false); }
Outcome sys_fdatasync(Fd fd) { return sync_file(fd, true); }

Outcome sys_sync() {
    (void)sync_all(); // sync(2) has no errors
    return 0;
}

Outcome sys_syncfs(Fd fd) {
    FdRef f(fd);
    if (!f) return EBADF;
    return f->inode().superblock->sync();
}

Outcome sys_sync_file_range(Fd fd, Off offset, Off nbytes, SyncRangeFlags flags) {
    if (flags.bits() & ~u64{SYNC_FILE_RANGE_WRITE_AND_WAIT}) return EINVAL;
    if (offset < 0 || nbytes < 0 || offset > INT64_MAX - nbytes) return EINVAL;
    FdRef f(fd);
    if (!f) return EBADF;
    if (!f->inode().is_regular() && !f->inode().is_directory()) return ESPIPE;
    return flags.bits() ? f->fsync(true) : Result<void>();
}

Outcome sys_fadvise64(Fd fd, Off offset, Off len, FadviseAdvice advice) {
    (void)offset;
    FdRef f(fd);
    if (!f) return EBADF;
    if (f->inode().type() == S_IFIFO) return ESPIPE;
    if (len < 0) return EINVAL;
    return advice >= POSIX_FADV_NORMAL && advice <= POSIX_FADV_NOREUSE ? Outcome(0) : Outcome(EINVAL);
}

Outcome sys_readahead(Fd fd, Off offset, Size count) {
    (void)offset, (void)count;
    FdRef f(fd);
    if (!f || !f->readable()) return EBADF;
    return f->inode().is_regular() ? Outcome(0) : Outcome(EINVAL);
}

Outcome sys_fallocate(Fd fd, FallocateMode mode, Off offset, Off len) {
    if (offset < 0 || len <= 0) return EINVAL;
    FdRef f(fd);
    if (!f) return EBADF;
    // vfs_fallocate's order: combinations that make no sense come before what the file can do.
    constexpr u64 kKeep = FALLOC_FL_KEEP_SIZE, kPunch = FALLOC_FL_PUNCH_HOLE, kZero = FALLOC_FL_ZERO_RANGE,
                  kCollapse = FALLOC_FL_COLLAPSE_RANGE, kInsert = FALLOC_FL_INSERT_RANGE, kUnshare = FALLOC_FL_UNSHARE_RANGE;
    u64 m = mode.bits();
    if (m & ~(kKeep | kPunch | kZero | kCollapse | kInsert | kUnshare)) return EOPNOTSUPP;
    if ((m & (kPunch | kZero)) == (kPunch | kZero)) return EOPNOTSUPP;
    if ((m & kPunch) && !(m & kKeep)) return EOPNOTSUPP;
    if ((m & kCollapse) && (m & ~kCollapse)) return EINVAL;
    if ((m & kInsert) && (m & ~kInsert)) return EINVAL;
    if ((m & kUnshare) && (m & ~(kUnshare | kKeep))) return EINVAL;
    if (!f->writable()) return EBADF;
    if (f->inode().type() == S_IFIFO) return ESPIPE;
    if (f->inode().is_directory()) return EISDIR;
    if (!f->inode().is_regular()) return ENODEV;
    if (offset > INT64_MAX - len) return EFBIG;
    return f->fallocate(static_cast<u32>(mode.bits()), static_cast<u64>(offset.value), static_cast<u64>(len.value));
}

Outcome sys_ftruncate(Fd fd, Off length) {
    if (length < 0) return EINVAL;
    FdRef f(fd);
    if (!f) return EBADF;
    if (!f->writable() || !f->inode().is_regular()) return EINVAL;
    return f->truncate(static_cast<u64>(length.value));
}

} // namespace linnet
