// The file systems that a program finds.
#include <span>

#include "kernel/binder/site_binding.h"
#include "kernel/boot/boot_info.h"
#include "kernel/lib/log.h"
#include "kernel/task/init.h"
#include "vfs/core_file.h"
#include "vfs/devfs.h"
#include "vfs/exec_file.h"
#include "vfs/fs_context.h"
#include "vfs/initrd_fs.h"
#include "vfs/open.h"
#include "vfs/pidfd.h"
#include "vfs/tmpfs.h"
#include "vfs/vfs.h"

namespace linnet {

namespace {

/// The directory, made if the root has none.
Result<Location> ensure_directory(const char* path, u32 mode) {
    PathWalk walk(boot_credentials(), system_root());
    walk.start_at(system_root(), path);
    TRY(walk.to_parent());
    Location where(walk.here().mount, nullptr);
    Dentry& dir = *walk.here().dentry;
    MutexGuard g(dir.inode().lock);
    auto found = DentryCache::look_up(dir, walk.last_name(), true);
    if (found) {
        where.dentry = std::move(*found);
        return where;
    }
    if (found.error() != ENOENT) return found.error();
    Ref<Dentry> entry = TRY(DentryCache::prepare(walk.last_name()));
    Ref<Inode> inode = TRY(dir.inode().mkdir(walk.last_name(), S_IFDIR | mode, boot_credentials()));
    inode->mode = S_IFDIR | mode;
    DentryCache::enter(dir, *entry, std::move(inode));
    where.dentry = std::move(entry);
    return where;
}

struct StandardMount {
    const char* type;
    const char* source;
    const char* path;
    u32 flags;
    const char* options;
    bool if_empty = false; // what the root brings there stays to be seen
};
constexpr StandardMount standard_mounts[] = {
    {"devtmpfs", "devtmpfs", "/dev", kMsNosuid, ""},
    {"devpts", "devpts", "/dev/pts", kMsNosuid | kMsNoexec, "gid=5,mode=620,ptmxmode=666"}, // gid 5: Debian's tty
    {"proc", "proc", "/proc", kMsNosuid | kMsNodev | kMsNoexec, ""},
    {"sysfs", "sysfs", "/sys", kMsNosuid | kMsNodev | kMsNoexec, ""},
    {"tmpfs", "tmpfs", "/dev/shm", kMsNosuid | kMsNodev, ""},
    {"tmpfs", "tmpfs", "/run", kMsNosuid | kMsNodev, "mode=755", true},
};

/// For the call-site binder: the table of the file with this build-id.
std::span<const std::byte> site_table_in_archive(std::span<const u8> build_id) {
    char path[6 + 2 * 64] = "sites/";
    if (build_id.size() > 64) return {};
    size_t n = 6;
    for (u8 b : build_id) {
        path[n++] = "0123456789abcdef"[b >> 4];
        path[n++] = "0123456789abcdef"[b & 15];
    }
    return archive_private_file({path, n});
}

bool registered(const char* type) {
    struct Search { const char* type; bool found; } s{type, false};
    for_each_filesystem(
        [](const char* name, bool, void* arg) {
            auto* search = static_cast<Search*>(arg);
            search->found |= std::string_view(name) == search->type;
        },
        &s);
    return s.found;
}

} // namespace

Result<void> vfs_init() {
    register_filesystem("tmpfs", mount_tmpfs);
    register_filesystem("devtmpfs", mount_devfs);
    Ref<Dentry> root;
    if (boot_info.initrd_end > boot_info.initrd_start) {
        auto* bytes = static_cast<std::byte*>(phys_to_virt(boot_info.initrd_start));
        root = TRY(make_archive_filesystem({bytes, boot_info.initrd_end - boot_info.initrd_start}));
    } else {
        root = TRY(make_memory_filesystem("rootfs", 0755));
    }
    TRY(mount_root(std::move(root), "rootfs"));
    for (const StandardMount& m : standard_mounts) {
        if (!registered(m.type)) continue;
        Location where = TRY(ensure_directory(m.path, 0755));
        if (m.if_empty) {
            MutexGuard g(where.inode().lock);
            if (where.dentry->has_children()) continue;
        }
        TRY(mount_filesystem(m.type, m.source, where, m.flags, m.options));
    }
    // /tmp belongs to the root (images bring files in it), but may always be written to.
    Location tmp = TRY(ensure_directory("/tmp", 01777));
    if (tmp.inode().is_directory() && (tmp.inode().mode & 01777) == 0755) tmp.inode().mode = S_IFDIR | 01777;
    open_exec = open_exec_file;
    open_core_file = open_core;
    install_pidfd = install_pidfd_file;
    remove_pidfd = remove_pidfd_file;
    site_table_of = site_table_in_archive;
    machine_hooks.change_directory = [](const char* path) -> Result<void> {
        return change_directory(TRY(walk_path(AT_FDCWD, path, kWalkFollow | kWalkDirectory)));
    };
    return {};
}

/// What is at `path`, or a new regular file (rw-r--r--) there. Folders are not made.
static Result<Location> ensure_file(const char* path) {
    PathWalk walk(boot_credentials(), system_root());
    walk.start_at(system_root(), path);
    auto found = walk.finish(kWalkFollow);
    if (found.ok() || found.error() != ENOENT) return found;
    PathWalk parent(boot_credentials(), system_root());
    parent.start_at(system_root(), path);
    TRY(parent.to_parent());
    Location where(parent.here().mount, nullptr);
    Dentry& dir = *parent.here().dentry;
    MutexGuard g(dir.inode().lock);
    if (DentryCache::look_up(dir, parent.last_name(), true).ok()) return ENOENT; // a dangling link
    Ref<Dentry> entry = TRY(DentryCache::prepare(parent.last_name()));
    Ref<Inode> inode = TRY(dir.inode().create(parent.last_name(), S_IFREG | 0644, 0, boot_credentials()));
    DentryCache::enter(dir, *entry, std::move(inode));
    where.dentry = std::move(entry);
    return where;
}

Result<Ref<File>> open_at_boot(const char* path, u32 flags) {
    if (flags & O_CREAT) return open_location(TRY(ensure_file(path)), flags & ~O_CREAT, boot_credentials());
    PathWalk walk(boot_credentials(), system_root());
    walk.start_at(system_root(), path);
    Location where = TRY(walk.finish(kWalkFollow));
    return open_location(where, flags, boot_credentials());
}

Result<Ref<FsContextBase>> make_init_fs_context() {
    return Ref<FsContextBase>(TRY(make_ref<FsContext>(system_root(), system_root(), 022u)));
}

Result<Ref<FsContextBase>> FsContext::copy() {
    return Ref<FsContextBase>(TRY(make_ref<FsContext>(root_.get(), cwd_.get(), umask())));
}

PublicLocation::~PublicLocation() {
    (void)Location(Ref<Mount>::adopt(mount_.load()), Ref<Dentry>::adopt(dentry_.load()));
}

Location PublicLocation::get() const {
    for (;;) {
        Location l; // outside of the reader: the last reference may be ours by then
        RcuReader reader;
        const u32 since = changes_.begin();
        if (since & 1) {
            __builtin_ia32_pause();
            continue;
        }
        Mount* m = mount_.load(std::memory_order_relaxed);
        Dentry* d = dentry_.load(std::memory_order_relaxed);
        if (m && !m->try_add_ref()) continue;
        l.mount = Ref<Mount>::adopt(m);
        if (!d->try_add_ref()) continue;
        l.dentry = Ref<Dentry>::adopt(d);
        if (!changes_.changed(since)) [[likely]] return l;
    }
}

void PublicLocation::set(Location l) {
    SpinGuard g(lock_);
    changes_.write_begin();
    Mount* m = mount_.exchange(l.mount.release(), std::memory_order_relaxed);
    Dentry* d = dentry_.exchange(l.dentry.release(), std::memory_order_relaxed);
    changes_.write_end();
    g.unlock();
    (void)Location(Ref<Mount>::adopt(m), Ref<Dentry>::adopt(d));
}

} // namespace linnet
