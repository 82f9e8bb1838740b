#include "vfs/location.h"

#include "kernel/lib/format.h"
#include "kernel/lib/string.h"
#include "vfs/mount.h"

namespace linnet {

Location::Location(Ref<Mount> m, Ref<Dentry> d) : mount(std::move(m)), dentry(std::move(d)) {}
Location::Location(const Location&) = default;
Location::Location(Location&&) noexcept = default;
Location& Location::operator=(const Location&) = default;
Location& Location::operator=(Location&&) noexcept = default;
Location::~Location() = default;
bool Location::operator==(const Location& o) const { return mount == o.mount && dentry == o.dentry; }
Inode& Location::inode() const { return dentry->inode(); }

bool render_path(const Location& where, const Location& root, TextBuffer& out, bool mark_deleted) {
    constexpr size_t kMax = 4096;
    char* buffer = static_cast<char*>(kmalloc(kMax));
    if (!buffer) return false;
    char* end = buffer + kMax;
    char* at = end;
    Location here = where;
    bool reached = false, fits = true;
    while (fits) {
        const Dentry* stop = here.mount == root.mount ? root.dentry.get() : nullptr;
        Dentry* top = nullptr;
        char* start = DentryCache::render_backwards(*here.dentry, stop, buffer, at, &top);
        fits = start != nullptr;
        if (!fits) break;
        at = start;
        if (top == stop) {
            reached = true;
            break;
        }
        if (!here.mount || !here.mount->parent) break;
        here = Location(here.mount->parent, here.mount->mount_point);
    }
    if (fits) {
        if (!reached && root.dentry && where.mount && root.mount) out.append("(unreachable)");
        if (at == end) {
            // A root: of the tree, or of a detached object, whose name stands for it.
            if (reached || !where.dentry->name().size()) out.put('/');
            else out.put(where.dentry->name().data(), where.dentry->name().size());
        }
        out.put(at, static_cast<size_t>(end - at));
        if (mark_deleted && where.dentry->unlinked()) out.append(" (deleted)");
    }
    kfree(buffer);
    return fits && !out.truncated();
}

bool render_path(const Location& where, TextBuffer& out) { return render_path(where, system_root(), out); }

} // namespace linnet
