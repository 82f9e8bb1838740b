// A root of its own for random operations, and what must hold of the tree below it.
#pragma once

#include <map>
#include <set>

#include "vfs/tests/host_vfs.h"
#include "vfs/tmpfs.h"

namespace linnet::host {

/// Looks at every directory below `root`. "" or what is wrong.
inline std::string check_tree(Dentry& root) {
    std::map<Inode*, u32> names;
    std::set<Dentry*> seen;
    std::string wrong;
    auto visit = [&](auto& self, Dentry& dir, u32 depth) -> void {
        Inode& inode = dir.inode();
        if (!seen.insert(&dir).second || depth > 2000) {
            wrong += "a directory is reached twice; ";
            return;
        }
        u32 subdirectories = 0, entries = 0;
        std::set<std::string> in_it;
        u64 at = 0;
        while (Dentry* d = DentryCache::next_child(dir, at)) {
            at = d->dir_offset + 1;
            ++entries;
            std::string n(d->name());
            if (n.empty() || n.size() > kMaxNameLength || n.find('/') != n.npos || n == "." || n == "..") wrong += "bad name; ";
            if (!in_it.insert(n).second) wrong += "the name " + n + " twice; ";
            if (d->parent() != &dir) wrong += "wrong parent of " + n + "; ";
            if (d->unlinked()) wrong += "unlinked entry " + n + "; ";
            Ref<Dentry> found = DentryCache::find(dir, n);
            if (found.get() != d) wrong += n + " is not found; ";
            ++names[&d->inode()];
            if (d->inode().is_directory()) ++subdirectories, self(self, *d, depth + 1);
        }
        if (inode.nlink != 2 + subdirectories) wrong += "directory has " + std::to_string(inode.nlink) + " links, wants " + std::to_string(2 + subdirectories) + "; ";
        if (inode.size() != 40 + 20 * entries) wrong += "directory's size; ";
    };
    visit(visit, root, 0);
    for (auto& [inode, n] : names) {
        if (inode->is_directory() ? n != 1 : inode->nlink != n)
            wrong += "an inode of mode " + std::to_string(inode->mode) + " has " + std::to_string(inode->nlink) + " links and " + std::to_string(n) + " names; ";
    }
    auto& sb = static_cast<MemorySuperblock&>(root.superblock());
    if (sb.inodes < names.size()) wrong += "inodes are not counted; ";
    return wrong;
}

/// A tmpfs of its own as root and working directory of the task.
class FreshRoot {
  public:
    FreshRoot() : before_(heap_objects()) {
        Ref<Dentry> root = make_memory_filesystem("tmpfs", 0755).value();
        Ref<Mount> mount = make_ref<Mount>(Ref<Superblock>(&root->superblock()), root).value();
        where_ = Location(mount, root);
        current_fs().set_root(where_);
        current_fs().set_cwd(where_);
    }
    ~FreshRoot() { leave(); }
    Dentry& dentry() { return *where_.dentry; }

    /// Removes everything. "" or what was left: names that can't be removed, inodes, memory.
    std::string clear() {
        current_fs().set_cwd(where_);
        remove_below(dentry(), 0);
        std::string wrong = check_tree(dentry());
        auto& sb = static_cast<MemorySuperblock&>(dentry().superblock());
        if (sb.inodes > 1) wrong += std::to_string(sb.inodes - 1) + " inodes left; ";
        if (sb.pages) wrong += std::to_string(sb.pages) + " pages left; ";
        leave();
        settle();
        if (long n = heap_objects() - before_) wrong += std::to_string(n) + " heap objects left; ";
        return wrong;
    }

  private:
    void leave() {
        current_fs().set_root(system_root());
        current_fs().set_cwd(system_root());
        where_ = Location();
    }
    void remove_below(Dentry& dir, u32 depth) {
        while (Dentry* d = DentryCache::next_child(dir, 0)) {
            std::string n(d->name());
            Ref<Dentry> hold(d);
            bool folder = d->inode().is_directory();
            if (folder) remove_below(*d, depth + 1);
            // By the vfs's own functions, from the directory that holds it.
            current_fs().set_cwd(Location(where_.mount, Ref<Dentry>(&dir)));
            auto r = folder ? remove_directory(AT_FDCWD, n.c_str()) : remove_file(AT_FDCWD, n.c_str());
            if (!r) panic("%s can't be removed: %d", n.c_str(), int(r.error()));
        }
        current_fs().set_cwd(where_);
    }
    long before_;
    Location where_;
};

} // namespace linnet::host
