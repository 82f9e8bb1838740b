#include "vfs/inode.h"

#include "kernel/task/task.h"
#include "kernel/time/clock.h"
#include "vfs/file_locks.h"
#include "vfs/path_file.h"
#include "vfs/pipe.h"
#include "vfs/vfs.h"

namespace linnet {

namespace {

std::atomic<u32> last_anonymous_device{0};

u64 next_device() { return abi::make_dev(0, last_anonymous_device.fetch_add(1, std::memory_order_relaxed) + 1); }

} // namespace

const Credentials& boot_credentials() {
    // Never destroyed: no exit handler is wanted in a kernel.
    alignas(Credentials) static u8 memory[sizeof(Credentials)];
    static const Credentials* root = new (memory) Credentials;
    return *root;
}

Superblock::Superblock(const char* type_name, u32 magic_number) : type(type_name), magic(magic_number), dev(next_device()) {}

void Superblock::statfs(abi::Statfs& out) {
    out = {};
    out.type = magic;
    out.bsize = out.frsize = kPageSize;
    out.namelen = 255;
    out.fsid[0] = static_cast<i32>(dev), out.fsid[1] = static_cast<i32>(dev >> 32);
}

Inode::Inode(Ref<Superblock> sb, u32 mode_bits, u64 number) : mode(mode_bits), ino(number), superblock(std::move(sb)) {
    atime_ns = mtime_ns = ctime_ns = btime_ns = static_cast<i64>(realtime_ns());
}

Inode::~Inode() { release_lock_state(*this); }

Result<Ref<Inode>> Inode::lookup(std::string_view) { return ENOTDIR; }
Result<Ref<Inode>> Inode::create(std::string_view, u32, u64, const Credentials&) { return EPERM; }
Result<Ref<Inode>> Inode::mkdir(std::string_view, u32, const Credentials&) { return EPERM; }
Result<Ref<Inode>> Inode::symlink(std::string_view, std::string_view, const Credentials&) { return EPERM; }
Result<void> Inode::link(std::string_view, Inode&) { return EPERM; }
Result<void> Inode::unlink(std::string_view, Inode&) { return EPERM; }
Result<void> Inode::rmdir(std::string_view, Inode&) { return EPERM; }
Result<void> Inode::rename(std::string_view, Inode&, Inode&, std::string_view, Inode*, u32) { return EPERM; }
Result<void> Inode::read_directory(const Location&, u64&, DirSink&) { return ENOTDIR; }
Result<Ref<Inode>> Inode::create_unnamed(u32, const Credentials&) { return EOPNOTSUPP; }
Result<size_t> Inode::readlink(char*, size_t) { return EINVAL; }
Result<void> Inode::truncate(u64) { return EINVAL; }

Result<Ref<File>> Inode::open(const Location& here, u32 flags) {
    switch (type()) {
    case S_IFDIR: return Ref<File>(TRY(make_ref<DirectoryFile>(here, flags)));
    case S_IFCHR: return open_char_device(rdev, here, flags);
    case S_IFIFO: return open_fifo(here, flags);
    default: return ENXIO; // sockets, block devices
    }
}

Result<void> Inode::setattr(const AttributeChange& change) {
    MutexGuard g(lock);
    if (change.valid & AttributeChange::kMode) mode = (mode & S_IFMT) | (change.mode & 07777);
    if (change.valid & AttributeChange::kUid) uid = change.uid;
    if (change.valid & AttributeChange::kGid) gid = change.gid;
    if (change.valid & AttributeChange::kAtime) atime_ns = change.atime_ns;
    if (change.valid & AttributeChange::kMtime) mtime_ns = change.mtime_ns;
    ctime_ns = static_cast<i64>(realtime_ns());
    return {};
}

Result<void> Inode::permission(u32 mask, const Credentials& c) { return check_mode_bits(*this, mask, c); }

namespace {
/// Times are set without the inode's lock by those who read; each is whole.
void set_time(i64& time, i64 now) { __atomic_store_n(&time, now, __ATOMIC_RELAXED); }
i64 get_time(const i64& time) { return __atomic_load_n(&time, __ATOMIC_RELAXED); }
} // namespace

void Inode::touch_modified() {
    i64 now = static_cast<i64>(realtime_ns());
    set_time(mtime_ns, now);
    set_time(ctime_ns, now);
}
void Inode::touch_changed() { set_time(ctime_ns, static_cast<i64>(realtime_ns())); }
void Inode::touch_accessed() {
    constexpr i64 kDay = 24 * 3600 * static_cast<i64>(kNsPerSec);
    if (superblock->read_only) return;
    if (i64 atime = get_time(atime_ns); atime > get_time(mtime_ns) && atime > get_time(ctime_ns)) {
        // relatime: only the daily update is left, and the clock is read only for that.
        i64 now = static_cast<i64>(realtime_ns());
        if (now - atime >= kDay) set_time(atime_ns, now);
        return;
    }
    set_time(atime_ns, static_cast<i64>(realtime_ns()));
}

Result<void> check_mode_bits(const Inode& inode, u32 mask, const Credentials& c) {
    u32 bits = inode.mode;
    if (c.fsuid == inode.uid) bits >>= 6;
    else if (c.in_group(inode.gid)) bits >>= 3;
    if ((mask & ~bits & 7) == 0) return {};
    if (inode.is_directory()) {
        if (!(mask & kMayWrite) && c.has_capability(kCapDacReadSearch)) return {};
        return c.has_capability(kCapDacOverride) ? Result<void>() : EACCES;
    }
    if (mask == kMayRead && c.has_capability(kCapDacReadSearch)) return {};
    // Execution needs an x bit somewhere even for the superuser.
    if ((!(mask & kMayExec) || (inode.mode & 0111)) && c.has_capability(kCapDacOverride)) return {};
    return EACCES;
}

Result<void> check_access(Inode& inode, u32 mask, const Credentials& c) {
    if ((mask & kMayWrite) && inode.superblock->read_only &&
        (inode.is_regular() || inode.is_directory() || inode.is_symlink()))
        return EROFS;
    return inode.permission(mask, c);
}

bool owner_or_capable(const Inode& inode, const Credentials& c) {
    return c.fsuid == inode.uid || c.has_capability(kCapFowner);
}

void fill_stat(Inode& inode, abi::Stat& out) {
    inode.refresh();
    out = {};
    out.dev = inode.superblock->dev;
    out.ino = inode.ino;
    out.nlink = inode.nlink;
    out.mode = inode.mode;
    out.uid = inode.uid;
    out.gid = inode.gid;
    out.rdev = inode.rdev;
    out.size = static_cast<i64>(inode.size());
    out.blksize = inode.block_size();
    out.blocks = static_cast<i64>(inode.blocks());
    auto split = [](i64 ns, i64& sec, u64& nsec) {
        constexpr i64 kSec = kNsPerSec;
        sec = ns / kSec;
        i64 rest = ns % kSec;
        if (rest < 0) rest += kSec, --sec;
        nsec = static_cast<u64>(rest);
    };
    split(inode.atime_ns, out.atime_sec, out.atime_nsec);
    split(inode.mtime_ns, out.mtime_sec, out.mtime_nsec);
    split(inode.ctime_ns, out.ctime_sec, out.ctime_nsec);
}

namespace {

/// One superblock for each kind, made at the first use.
Result<Ref<Superblock>> anonymous_superblock(AnonymousKind kind) {
    static std::atomic<Superblock*> blocks[3];
    static constexpr struct { const char* type; u32 magic; } kinds[3] = {
        {"anon_inodefs", ANON_INODE_FS_MAGIC}, {"pipefs", PIPEFS_MAGIC}, {"sockfs", SOCKFS_MAGIC}};
    size_t i = static_cast<size_t>(kind);
    Superblock* sb = blocks[i].load(std::memory_order_acquire);
    if (!sb) {
        Ref<Superblock> made = TRY(make_ref<Superblock>(kinds[i].type, kinds[i].magic));
        Superblock* expected = nullptr;
        if (blocks[i].compare_exchange_strong(expected, made.get())) sb = made.release();
        else sb = expected;
    }
    return Ref<Superblock>(sb);
}

} // namespace

Result<Ref<Inode>> make_anonymous_inode(u32 mode, AnonymousKind kind) {
    Ref<Superblock> sb = TRY(anonymous_superblock(kind));
    u64 ino = sb->next_ino();
    Ref<Inode> inode = TRY(make_ref<Inode>(std::move(sb), mode, ino));
    if (Task* t = current_or_null()) {
        inode->uid = t->credentials->fsuid;
        inode->gid = t->credentials->fsgid;
    }
    return inode;
}

} // namespace linnet
