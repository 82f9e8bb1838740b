#include "vfs/path_walk.h"

#include "kernel/lib/string.h"
#include "kernel/mm/user.h"
#include "linux-abi/fcntl.h"
#include "vfs/file_table.h"
#include "vfs/fs_context.h"

namespace linnet {

PathWalk::PathWalk(const Credentials& c, Location root, u64 resolve)
    : credentials_(c), root_(std::move(root)), resolve_(resolve) {}

PathWalk::~PathWalk() { kfree(expanded_); }

void PathWalk::start_at(Location from, const char* path) {
    if (resolve_ & RESOLVE_IN_ROOT) root_ = from;
    if (resolve_ & (RESOLVE_BENEATH | RESOLVE_NO_XDEV)) origin_ = from;
    at_ = path[0] == '/' ? root_ : std::move(from);
    rest_ = path;
}

Result<void> PathWalk::start(int dirfd, const char* path) {
    if (path[0] == '/' && !(resolve_ & (RESOLVE_BENEATH | RESOLVE_IN_ROOT | RESOLVE_NO_XDEV))) {
        at_ = root_;
        rest_ = path;
        return {};
    }
    if (path[0] == '/' && (resolve_ & RESOLVE_BENEATH)) return EXDEV;
    if (dirfd == AT_FDCWD) {
        start_at(current_fs().cwd(), path);
        return {};
    }
    FdRef f = FdRef::any(dirfd);
    if (!f) return EBADF;
    const Location* l = f->location();
    if (!l) return ENOTDIR;
    start_at(*l, path);
    return {};
}

Result<Ref<Dentry>> PathWalk::step(std::string_view name) {
    Inode& dir = at_.inode();
    if (!dir.is_directory()) return ENOTDIR;
    if ((dir.mode & 0111) != 0111) TRY(dir.permission(kMayExec, credentials_));
    return DentryCache::look_up(*at_.dentry, name);
}

/// RESOLVE_BENEATH and RESOLVE_NO_XDEV: a step may not leave the starting directory, or the mount.
Result<void> PathWalk::check_beneath(const Location& before) {
    if ((resolve_ & RESOLVE_NO_XDEV) && at_.mount != origin_.mount) return EXDEV;
    if ((resolve_ & RESOLVE_BENEATH) && before == origin_) return EXDEV;
    return {};
}

Result<void> PathWalk::follow(Dentry& link, const char* rest) {
    if (++links_ > kMaxLinks) return ELOOP;
    if (resolve_ & RESOLVE_NO_SYMLINKS) return ELOOP;
    Inode& inode = link.inode();
    if (auto magic = inode.follow_magic(); magic.ok()) {
        if (resolve_ & RESOLVE_NO_MAGICLINKS) return ELOOP;
        if (resolve_ & (RESOLVE_BENEATH | RESOLVE_IN_ROOT)) return EXDEV;
        at_ = std::move(*magic);
        rest_ = rest;
        jumped_ = true;
        return {};
    } else if (magic.error() != EOPNOTSUPP) {
        return magic.error();
    }
    size_t rest_length = strlen(rest);
    char* text = static_cast<char*>(kmalloc(kMaxPathLength + rest_length + 2));
    if (!text) return ENOMEM;
    auto n = inode.readlink(text, kMaxPathLength);
    if (!n || *n == 0 || *n >= kMaxPathLength) {
        kfree(text);
        if (!n) return n.error();
        return *n == 0 ? ENOENT : ENAMETOOLONG;
    }
    inode.touch_accessed();
    text[*n] = 0;
    bool absolute = text[0] == '/';
    if (rest_length) {
        text[*n] = '/';
        memcpy(text + *n + 1, rest, rest_length + 1);
    }
    kfree(expanded_); // `rest` may have lain in it
    expanded_ = text;
    rest_ = text;
    if (absolute) {
        if (resolve_ & RESOLVE_BENEATH) return EXDEV;
        at_ = root_;
        if (resolve_ & RESOLVE_NO_XDEV) return check_beneath(at_);
    }
    return {};
}

/// Walks what is left of the path. stop_at_last: the last component is not looked up but left in last_name_.
Result<void> PathWalk::walk(bool stop_at_last, u32 flags) {
    last_ = Last::None;
    for (;;) {
        const char* p = rest_;
        while (*p == '/') ++p;
        if (!*p) return {};
        const char* begin = p;
        while (*p && *p != '/') ++p;
        size_t length = static_cast<size_t>(p - begin);
        std::string_view name(begin, length);
        bool slash = *p == '/';
        while (*p == '/') ++p;
        bool is_last = !*p;
        rest_ = p;
        if (length > kMaxNameLength && !(is_last && stop_at_last)) return ENAMETOOLONG;

        if (begin[0] == '.' && (length == 1 || (length == 2 && begin[1] == '.'))) {
            Inode& dir = at_.inode();
            if (!dir.is_directory()) return ENOTDIR;
            if ((dir.mode & 0111) != 0111) TRY(dir.permission(kMayExec, credentials_));
            if (is_last && stop_at_last) {
                last_ = length == 1 ? Last::Dot : Last::DotDot;
                return {};
            }
            if (length == 2) {
                Location before = at_;
                step_up(at_, root_);
                if (resolve_ & (RESOLVE_BENEATH | RESOLVE_NO_XDEV)) [[unlikely]] TRY(check_beneath(before));
            }
            continue;
        }
        if (is_last && stop_at_last) {
            if (!at_.inode().is_directory()) return ENOTDIR;
            if ((at_.inode().mode & 0111) != 0111) TRY(at_.inode().permission(kMayExec, credentials_));
            last_ = Last::Normal;
            last_name_ = name;
            trailing_slash_ = slash;
            return {};
        }
        Ref<Dentry> child = TRY(step(name));
        if (child->inode().is_symlink() && (!is_last || slash || (flags & kWalkFollow))) {
            TRY(follow(*child, is_last ? (slash ? "/" : "") : p));
            // What a trailing slash or more components follow must be a directory.
            if (slash && !*rest_ && !at_.inode().is_directory()) return ENOTDIR;
            continue;
        }
        at_.dentry = std::move(child);
        if (at_.dentry->mount_point.load(std::memory_order_relaxed)) {
            cross_mounts(at_);
            if (resolve_ & RESOLVE_NO_XDEV) TRY(check_beneath(origin_));
        }
        if (slash && !at_.inode().is_directory()) return ENOTDIR;
        if (is_last) return {};
    }
}

Result<Location> PathWalk::finish(u32 flags) {
    if (!*rest_ && !(flags & kWalkEmpty) && links_ == 0) return ENOENT;
    TRY(walk(false, flags));
    if ((flags & kWalkDirectory) && !at_.inode().is_directory()) return ENOTDIR;
    return std::move(at_);
}

Result<void> PathWalk::to_parent() {
    TRY(to_parent_of_any());
    return last_fits();
}

Result<void> PathWalk::to_parent_of_any() {
    if (!*rest_ && links_ == 0) return ENOENT;
    return walk(true, 0);
}

Result<void> PathWalk::last_fits() const {
    if (last_ == Last::Normal && last_name_.size() > kMaxNameLength) return ENAMETOOLONG;
    return {};
}

Result<Location> PathWalk::follow_last(Dentry& link) {
    jumped_ = false;
    TRY(follow(link, trailing_slash_ ? "/" : ""));
    if (jumped_) return at_;
    TRY(walk(true, 0));
    TRY(last_fits());
    return Location();
}

Result<Location> walk_path(int dirfd, const char* path, u32 flags) {
    if (path[0] == '/' || dirfd == AT_FDCWD) [[likely]] {
        Location found;
        switch (quick_walk(path, flags, found)) {
        case QuickWalk::Found: return found;
        case QuickWalk::Missing: return ENOENT;
        case QuickWalk::Refused: break;
        }
    }
    PathWalk w(*current().credentials, current_fs().root());
    TRY(w.start(dirfd, path));
    return w.finish(flags);
}

Result<void> PathName::copy_in(u64 address, bool may_be_empty) {
    auto n = copy_string_from_user(small_, address, sizeof small_);
    if (!n && n.error() == ENAMETOOLONG) {
        heap_ = static_cast<char*>(kmalloc(kMaxPathLength));
        if (!heap_) return ENOMEM;
        n = copy_string_from_user(heap_, address, kMaxPathLength);
    }
    if (!n) return n.error();
    if (*n == 0 && !may_be_empty) return ENOENT;
    return {};
}

} // namespace linnet
