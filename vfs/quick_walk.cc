// Path resolution without a reference or a lock on the way: what most paths are, names of directories that everybody may search, in
// file systems whose names are all in the cache. Everything else (links, "..", permissions, files of /proc) is left to
// PathWalk, which begins anew.
//
// The walk is one RCU reader: mounts, dentries and inodes that it comes by stay in memory, though they may be dying. It
// ends by taking references, which fails for what is dead, and by asking whether a rename came between.
#include "vfs/fs_context.h"
#include "vfs/path_walk.h"

namespace linnet {

QuickWalk quick_walk(const char* path, u32 flags, Location& out) {
    const FsContext& fs = current_fs();
    RcuReader reader;
    const u32 since = DentryCache::moves_begin();
    Mount* mount;
    Dentry* at;
    if (!(path[0] == '/' ? fs.public_root() : fs.public_cwd()).peek(mount, at)) return QuickWalk::Refused;
    if (!mount || !*path) return QuickWalk::Refused;
    for (const char* p = path;;) {
        while (*p == '/') ++p;
        if (!*p) break;
        const char* begin = p;
        while (*p && *p != '/') ++p;
        const size_t length = static_cast<size_t>(p - begin);
        if (length > kMaxNameLength || (begin[0] == '.' && (length == 1 || (length == 2 && begin[1] == '.')))) return QuickWalk::Refused;
        if (!at->complete()) return QuickWalk::Refused;
        const Inode* dir = at->peek_inode();
        if (!dir || (__atomic_load_n(&dir->mode, __ATOMIC_RELAXED) & 0111) != 0111) return QuickWalk::Refused;
        const bool slash = *p == '/';
        while (*p == '/') ++p;
        Dentry* child = DentryCache::peek(*at, {begin, length});
        if (!child) return DentryCache::moved(since) ? QuickWalk::Refused : QuickWalk::Missing;
        if (child->symlink() && (*p || slash || (flags & kWalkFollow))) return QuickWalk::Refused;
        at = child;
        while (at->mount_point.load(std::memory_order_relaxed)) [[unlikely]] {
            Mount* over = peek_mounted_at(*mount, *at);
            if (!over) break;
            mount = over;
            at = peek_ref(over->root);
            if (!at) return QuickWalk::Refused;
        }
        if (slash && !at->directory()) return QuickWalk::Refused;
        if (!*p) break;
    }
    if ((flags & kWalkDirectory) && !at->directory()) return QuickWalk::Refused;
    // What was taken in vain is dropped by the caller's Location, outside of the reader.
    if (!mount->try_add_ref()) return QuickWalk::Refused;
    out.mount = Ref<Mount>::adopt(mount);
    if (!at->try_add_ref()) return QuickWalk::Refused;
    out.dentry = Ref<Dentry>::adopt(at);
    return DentryCache::moved(since) ? QuickWalk::Refused : QuickWalk::Found;
}

} // namespace linnet
