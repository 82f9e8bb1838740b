#include "vfs/mount.h"

#include "kernel/lib/string.h"

namespace linnet {

namespace {

/// Serialises mount and umount; who lists them needs only the spin lock, who looks for one none.
Mutex<Rank::MountTable> mount_lock;
SpinLock<Rank::FsContext> list_lock;
List<Mount, &Mount::table_node> mounts GUARDED_BY(list_lock);
/// Those that cover something, for path walks: read by RCU readers, written under list_lock.
std::atomic<Mount*> covering{nullptr};
u32 last_mount_id GUARDED_BY(list_lock) = 20;
Location* root_location = nullptr; // for ever

struct FilesystemType { const char* name; MountFunction mount; bool nodev; };
constexpr u32 kMaxTypes = 32;
FilesystemType types[kMaxTypes];
u32 type_count = 0;

void set_source(Mount& m, const char* source) {
    size_t n = strnlen(source, sizeof m.source - 1);
    memcpy(m.source, source, n);
    m.source[n] = 0;
}

} // namespace

void register_filesystem(const char* name, MountFunction mount, bool nodev) {
    CHECK(type_count < kMaxTypes);
    types[type_count++] = {name, mount, nodev};
}

void for_each_filesystem(void (*f)(const char*, bool, void*), void* arg) {
    for (u32 i = 0; i < type_count; ++i) f(types[i].name, types[i].nodev, arg);
}

const Location& system_root() { return *root_location; }

Result<void> mount_root(Ref<Dentry> root, const char* source) {
    Ref<Superblock> sb(&root->superblock());
    auto m = TRY(make_ref<Mount>(std::move(sb), std::move(root)));
    set_source(*m, source);
    m->flags = kMsRelatime;
    alignas(Location) static u8 memory[sizeof(Location)];
    root_location = new (memory) Location(m, m->root);
    SpinGuard g(list_lock);
    m->id = ++last_mount_id;
    mounts.push_back(*m.release());
    return {};
}

Result<void> mount_filesystem(const char* type, const char* source, const Location& where, u32 flags,
                              const char* options) {
    const FilesystemType* t = nullptr;
    for (u32 i = 0; i < type_count; ++i)
        if (!strcmp(types[i].name, type)) t = &types[i];
    if (!t) return ENODEV;
    if (!where.inode().is_directory()) return ENOTDIR;
    MutexGuard lock(mount_lock);
    Location at = where;
    cross_mounts(at);
    if (at.dentry->unlinked()) return ENOENT;
    Ref<Dentry> root = TRY(t->mount(source, options));
    Ref<Superblock> sb(&root->superblock());
    if (flags & kMsRdonly) sb->read_only = true;
    auto m = TRY(make_ref<Mount>(std::move(sb), std::move(root)));
    set_source(*m, source);
    m->flags = (flags & ~kMsSilent) | kMsRelatime;
    m->parent = at.mount;
    m->mount_point = at.dentry;
    m->over = at.mount.get();
    m->over_dentry = at.dentry.get();
    SpinGuard g(list_lock);
    m->id = ++last_mount_id;
    at.dentry->mount_point = true;
    m->next_over.store(covering.load(std::memory_order_relaxed), std::memory_order_relaxed);
    covering.store(m.get(), std::memory_order_release);
    mounts.push_back(*m.release());
    return {};
}

Result<void> unmount(const Location& where, bool detach) {
    MutexGuard lock(mount_lock);
    Mount& m = *where.mount;
    if (where.dentry != m.root) return EINVAL;
    if (!m.parent) return EBUSY; // the root
    {
        SpinGuard g(list_lock);
        if (m.detached) return EINVAL;
        // In use: the list's reference and the caller's location are ours; any more is a file, a directory or a mount below. A walk
        // that comes by between this look and the removal ends in a mount that has no place any more, as after MNT_DETACH.
        if (m.ref_count() > 2 && !detach) return EBUSY;
        m.detached = true;
        List<Mount, &Mount::table_node>::remove(m);
        std::atomic<Mount*>* at = &covering;
        while (at->load(std::memory_order_relaxed) != &m) at = &at->load(std::memory_order_relaxed)->next_over;
        at->store(m.next_over.load(std::memory_order_relaxed), std::memory_order_release);
        bool another = false;
        for (Mount& o : mounts) another |= o.mount_point == m.mount_point;
        if (!another) m.mount_point->mount_point = false;
    }
    Ref<Mount>::adopt(&m).reset();
    return {};
}

Ref<Mount> mounted_at(const Mount& mount, const Dentry& dentry) {
    if (!dentry.mount_point.load(std::memory_order_relaxed)) [[likely]] return nullptr;
    RcuReader reader;
    for (Mount* m = covering.load(std::memory_order_acquire); m; m = m->next_over.load(std::memory_order_acquire))
        if (m->over == &mount && m->over_dentry == &dentry && m->try_add_ref()) return Ref<Mount>::adopt(m);
    return nullptr;
}

Mount* peek_mounted_at(const Mount& mount, const Dentry& dentry) {
    for (Mount* m = covering.load(std::memory_order_acquire); m; m = m->next_over.load(std::memory_order_acquire))
        if (m->over == &mount && m->over_dentry == &dentry) return m;
    return nullptr;
}

void cross_mounts(Location& where) {
    if (!where.mount) return; // a detached object
    while (Ref<Mount> m = mounted_at(*where.mount, *where.dentry)) {
        where.dentry = m->root;
        where.mount = std::move(m);
    }
}

void step_up(Location& where, const Location& root) {
    for (;;) {
        if (where == root || !where.mount) return;
        if (where.dentry != where.mount->root) {
            if (Ref<Dentry> up = DentryCache::parent_of(*where.dentry)) where.dentry = std::move(up);
            break;
        }
        if (!where.mount->parent) return;
        where = Location(where.mount->parent, where.mount->mount_point);
    }
    cross_mounts(where);
}

Result<Vec<Ref<Mount>>> list_mounts() {
    Vec<Ref<Mount>> out;
    for (;;) {
        size_t count = 0;
        {
            SpinGuard g(list_lock);
            for (Mount& m : mounts) (void)m, ++count;
        }
        TRY(out.reserve(count + 4));
        SpinGuard g(list_lock);
        size_t again = 0;
        for (Mount& m : mounts) (void)m, ++again;
        if (again > count + 4) continue;
        for (Mount& m : mounts) TRY(out.push_back(Ref<Mount>(&m)));
        return out;
    }
}

Result<void> sync_all() {
    auto all = TRY(list_mounts());
    Result<void> result;
    for (auto& m : all)
        if (auto r = m->superblock->sync(); !r) result = r;
    return result;
}

Mount::~Mount() {
    // The last mount of a memory file system takes its contents along.
    if (superblock->names_pinned) DentryCache::drop_tree(*root);
}

} // namespace linnet
