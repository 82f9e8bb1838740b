// /dev: a memory file system with the registered devices, and the memory devices of mem(4), null(4), random(4), full(4).
#include "kernel/lib/random.h"
#include "kernel/sched/scheduler.h"
#include "kernel/sync/wait_queue.h"
#include "kernel/lib/string.h"
#include "kernel/mm/paged_object.h"
#include "vfs/devfs.h"
#include "vfs/mount.h"
#include "vfs/path_file.h"
#include "vfs/tmpfs.h"
#include "vfs/vfs.h"

namespace linnet {

namespace {

struct CharDeviceEntry { const char* name; u64 rdev; CharOpen open; u32 mode; };
constexpr u32 kMaxDevices = 48;
CharDeviceEntry devices[kMaxDevices];
u32 device_count = 0; // grows only; entries do not change
Dentry* dev_root = nullptr; // holds a reference, for ever

class NullFile final : public DeviceFile {
  public:
    using DeviceFile::DeviceFile;
    Result<size_t> read(IoVector&, u64&, bool) override { return size_t{0}; }
    Result<size_t> write(IoVector& from, u64&, bool) override {
        size_t n = from.remaining();
        from.skip(n);
        return n;
    }
};

/// Long transfers give way between pieces, and end early for a signal.
template <class Piece>
[[gnu::noinline]] Result<size_t> in_pieces(IoVector& v, size_t piece_size, Piece&& piece) {
    size_t done = 0;
    while (size_t left = v.remaining()) {
        size_t want = left < piece_size ? left : piece_size;
        size_t n = piece(want);
        done += n;
        if (n < want) return done ? Result<size_t>(done) : EFAULT;
        if (v.remaining() == 0) break;
        cond_resched();
        if (signal_pending()) break;
    }
    return done;
}

constexpr size_t kZeroPiece = 256 * KiB;

class ZeroFile : public DeviceFile {
  public:
    using DeviceFile::DeviceFile;
    Result<size_t> read(IoVector& to, u64&, bool) override {
        if (size_t n = to.remaining(); n <= kZeroPiece) [[likely]] {
            size_t done = to.clear(n);
            return done || !n ? Result<size_t>(done) : EFAULT;
        }
        return in_pieces(to, kZeroPiece, [&](size_t n) { return to.clear(n); });
    }
    Result<size_t> write(IoVector& from, u64&, bool) override {
        size_t n = from.remaining();
        from.skip(n);
        return n;
    }
    /// Each mapping is fresh memory, as MAP_ANONYMOUS.
    Result<Ref<VmObject>> mmap_object(u64 offset, u64 length, u32, u32) override {
        u64 size;
        if (__builtin_add_overflow(offset, page_up(length), &size)) return EOVERFLOW;
        return Ref<VmObject>(TRY(make_ref<PagedObject>(size)));
    }
};

class FullFile final : public ZeroFile {
  public:
    using ZeroFile::ZeroFile;
    Result<size_t> write(IoVector&, u64&, bool) override { return ENOSPC; }
    Result<Ref<VmObject>> mmap_object(u64, u64, u32, u32) override { return ENODEV; }
};

class RandomFile final : public DeviceFile {
  public:
    using DeviceFile::DeviceFile;
    Result<size_t> read(IoVector& to, u64&, bool) override {
        u8 bytes[256];
        auto r = in_pieces(to, sizeof bytes, [&](size_t n) {
            random_bytes(bytes, n);
            return to.copy_out(bytes, n);
        });
        memset(bytes, 0, sizeof bytes);
        asm volatile("" : : "r"(bytes) : "memory"); // the clearing stays
        return r;
    }
    Result<i64> ioctl(u32, u64) override { return EINVAL; } // random(4)'s own requests are not there; Linux's answer to others
    /// Mixed in without being counted as entropy.
    Result<size_t> write(IoVector& from, u64&, bool) override {
        u8 bytes[256];
        return in_pieces(from, sizeof bytes, [&](size_t n) {
            size_t got = from.copy_in(bytes, n);
            random_add(bytes, got, 0);
            return got;
        });
    }
};

template <class F>
Result<Ref<File>> open_device(const Location& where, u32 flags) {
    return Ref<File>(TRY(make_ref<F>(where, flags)));
}

Result<void> add_node(const CharDeviceEntry& d) {
    if (!d.name || !dev_root) return {};
    MutexGuard g(dev_root->inode().lock);
    if (DentryCache::find(*dev_root, d.name)) return {};
    Ref<Dentry> entry = TRY(DentryCache::prepare(d.name));
    Ref<Inode> inode = TRY(dev_root->inode().create(d.name, S_IFCHR | d.mode, d.rdev, boot_credentials()));
    DentryCache::enter(*dev_root, *entry, std::move(inode));
    return {};
}

Result<void> add_symlink(const char* name, const char* target) {
    MutexGuard g(dev_root->inode().lock);
    Ref<Dentry> entry = TRY(DentryCache::prepare(name));
    Ref<Inode> inode = TRY(dev_root->inode().symlink(name, target, boot_credentials()));
    DentryCache::enter(*dev_root, *entry, std::move(inode));
    return {};
}

} // namespace

Result<void> register_char_inode(const char* name, u32 major, u32 minor, CharOpen open, u32 mode) {
    u64 rdev = abi::make_dev(major, minor);
    for (u32 i = 0; i < device_count; ++i)
        if (devices[i].rdev == rdev) return EEXIST;
    if (device_count == kMaxDevices) return ENOSPC;
    devices[device_count] = {name, rdev, open, mode};
    return add_node(devices[device_count++]);
}

Result<Ref<File>> open_char_device(u64 rdev, const Location& where, u32 flags) {
    for (u32 i = 0; i < device_count; ++i)
        if (devices[i].rdev == rdev) return devices[i].open(where, flags);
    return ENXIO;
}

Result<Ref<Dentry>> mount_devfs(const char*, const char*) {
    if (dev_root) return Ref<Dentry>(dev_root); // one instance, as Linux's devtmpfs
    dev_root = TRY(make_memory_filesystem("devtmpfs", 0755)).release();
    TRY(register_char_inode("null", 1, 3, open_device<NullFile>));
    TRY(register_char_inode("zero", 1, 5, open_device<ZeroFile>));
    TRY(register_char_inode("full", 1, 7, open_device<FullFile>));
    TRY(register_char_inode("random", 1, 8, open_device<RandomFile>));
    TRY(register_char_inode("urandom", 1, 9, open_device<RandomFile>));
    for (u32 i = 0; i < device_count; ++i) TRY(add_node(devices[i]));
    TRY(add_symlink("fd", "/proc/self/fd"));
    TRY(add_symlink("stdin", "/proc/self/fd/0"));
    TRY(add_symlink("stdout", "/proc/self/fd/1"));
    TRY(add_symlink("stderr", "/proc/self/fd/2"));
    return Ref<Dentry>(dev_root);
}

} // namespace linnet
