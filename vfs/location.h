// A place in the tree of names: a dentry, and the mount that it is seen through.
#pragma once

#include "kernel/lib/ref.h"

namespace linnet {

class Dentry;
class Mount;
class Inode;
class TextBuffer;

struct Location {
    Ref<Mount> mount;
    Ref<Dentry> dentry;

    Location() = default;
    Location(Ref<Mount> m, Ref<Dentry> d);
    Location(const Location&);
    Location(Location&&) noexcept;
    Location& operator=(const Location&);
    Location& operator=(Location&&) noexcept;
    ~Location();
    bool operator==(const Location& o) const;
    explicit operator bool() const { return dentry.get() != nullptr; }
    /// Of a positive dentry.
    Inode& inode() const;
};

/// The absolute path as seen from `root` ("/" for root itself). An unlinked name ends in " (deleted)"; what lies outside
/// root begins with "(unreachable)". False if the buffer was too small.
bool render_path(const Location& where, const Location& root, TextBuffer& out, bool mark_deleted = true);
/// As seen from the very root (for /proc/PID/maps, which is the same for all readers here).
bool render_path(const Location& where, TextBuffer& out);

} // namespace linnet
