// mounts and mountinfo.
#include "procfs/process.h"
#include "vfs/fs_context.h"
#include "vfs/mount.h"

namespace linnet {
namespace {

void put_flags(const Mount& m, GrowingText& out) {
    out.put(m.flags & kMsRdonly || m.superblock->read_only ? "ro" : "rw");
    if (m.flags & kMsNosuid) out.put(",nosuid");
    if (m.flags & kMsNodev) out.put(",nodev");
    if (m.flags & kMsNoexec) out.put(",noexec");
    out.put(m.flags & kMsNoatime ? ",noatime" : ",relatime");
}

/// Blanks and backslashes are octal escapes in these files.
void put_path(const char* s, GrowingText& out) {
    for (; *s; ++s) {
        if (*s == ' ' || *s == '\t' || *s == '\n' || *s == '\\') out.append("\\%03o", unsigned(u8(*s)));
        else out.put(*s);
    }
}

/// The place where a mount is seen; empty if it can't be shown.
void put_mount_point(const Mount& m, GrowingText& out) {
    char buf[512];
    TextBuffer text(buf, sizeof buf);
    if (!m.parent) text.append("/");
    else render_path(Location(m.parent, m.mount_point), text);
    put_path(buf, out);
}

const char* source_of(const Mount& m) { return m.source[0] ? m.source : "none"; }

} // namespace

Result<void> process_mounts(const Subject&, GrowingText& out) {
    auto mounts = TRY(list_mounts());
    for (auto& m : mounts) {
        put_path(source_of(*m), out);
        out.put(' ');
        put_mount_point(*m, out);
        out.append(" %s ", m->superblock->type);
        put_flags(*m, out);
        m->superblock->show_options(out);
        out.put(" 0 0\n");
    }
    return {};
}

Result<void> process_mountinfo(const Subject&, GrowingText& out) {
    auto mounts = TRY(list_mounts());
    for (auto& m : mounts) {
        u64 dev = m->superblock->dev;
        out.append("%u %u %u:%u / ", m->id, m->parent ? m->parent->id : m->id, u32(dev >> 8 & 0xfff), u32(dev & 0xff));
        put_mount_point(*m, out);
        out.put(' ');
        put_flags(*m, out);
        out.append(" - %s ", m->superblock->type);
        put_path(source_of(*m), out);
        out.append(" %s", m->superblock->read_only ? "ro" : "rw");
        m->superblock->show_options(out);
        out.put('\n');
    }
    return {};
}

} // namespace linnet
