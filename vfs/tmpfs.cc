#include "vfs/tmpfs.h"

#include "kernel/lib/proc_file.h"
#include "kernel/lib/string.h"
#include "kernel/task/task.h"
#include "linux-abi/fcntl.h"
#include "vfs/mount.h"

namespace linnet {

void MemorySuperblock::show_options(GrowingText& out) { out.put(options); }

Result<Ref<Inode>> make_memory_inode(MemorySuperblock& sb, u32 mode_bits, u64 rdev_number) {
    TRY(sb.charge_inode());
    Ref<MemorySuperblock> ref(&sb);
    u64 ino = sb.next_ino();
    auto finish = [&](auto made) -> Result<Ref<Inode>> {
        if (!made) {
            sb.uncharge_inode();
            return made.error();
        }
        (*made)->rdev = rdev_number;
        return Ref<Inode>(std::move(*made));
    };
    switch (mode_bits & S_IFMT) {
    case S_IFDIR: return finish(make_ref<TmpfsDirectory>(std::move(ref), mode_bits, ino));
    case S_IFREG: return finish(make_ref<MemoryInode>(std::move(ref), mode_bits, ino));
    default: return finish(make_ref<TmpfsSpecial>(std::move(ref), mode_bits, ino));
    }
}

/// Owner and group of a new entry; a set-group-ID directory passes its group on (inode(7)).
void TmpfsDirectory::adopt(Inode& child, const Credentials& c) {
    child.uid = c.fsuid;
    child.gid = c.fsgid;
    if (mode & S_ISGID) {
        child.gid = gid;
        if (child.is_directory()) child.mode |= S_ISGID;
        else if ((child.mode & (S_ISGID | 010)) == (S_ISGID | 010) && !c.in_group(gid) && !c.has_capability(kCapFsetid))
            child.mode &= ~u32{S_ISGID};
    }
}

Result<Ref<Inode>> TmpfsDirectory::create(std::string_view, u32 mode_bits, u64 rdev_number, const Credentials& c) {
    Ref<Inode> inode = TRY(make_memory_inode(memory_superblock(), mode_bits, rdev_number));
    adopt(*inode, c);
    ++entries_;
    return inode;
}

Result<Ref<Inode>> TmpfsDirectory::mkdir(std::string_view, u32 mode_bits, const Credentials& c) {
    Ref<Inode> inode = TRY(make_memory_inode(memory_superblock(), mode_bits, 0));
    adopt(*inode, c);
    ++nlink;
    ++entries_;
    return inode;
}

Result<Ref<Inode>> TmpfsDirectory::symlink(std::string_view, std::string_view target, const Credentials& c) {
    Ref<Inode> inode = TRY(TmpfsSymlink::make(Ref<MemorySuperblock>(&memory_superblock()), target));
    adopt(*inode, c);
    ++entries_;
    return inode;
}

Result<Ref<Inode>> TmpfsDirectory::create_unnamed(u32 mode_bits, const Credentials& c) {
    Ref<Inode> inode = TRY(make_memory_inode(memory_superblock(), mode_bits, 0));
    adopt(*inode, c);
    inode->nlink = 0;
    return inode;
}

Result<void> TmpfsDirectory::link(std::string_view, Inode& target) {
    ++target.nlink;
    ++entries_;
    return {};
}

Result<void> TmpfsDirectory::unlink(std::string_view, Inode& victim) {
    --victim.nlink;
    --entries_;
    return {};
}

Result<void> TmpfsDirectory::rmdir(std::string_view, Inode& victim) {
    victim.nlink = 0;
    --nlink;
    --entries_;
    return {};
}

Result<void> TmpfsDirectory::rename(std::string_view, Inode& moved, Inode& to_dir, std::string_view, Inode* replaced,
                                    u32 flags) {
    auto& to = static_cast<TmpfsDirectory&>(to_dir);
    if (flags & RENAME_EXCHANGE) {
        if (moved.is_directory() != replaced->is_directory()) {
            i32 change = moved.is_directory() ? 1 : -1;
            nlink -= static_cast<u32>(change);
            to.nlink += static_cast<u32>(change);
        }
        return {};
    }
    if (replaced) {
        if (replaced->is_directory()) {
            replaced->nlink = 0;
            --to.nlink;
        } else {
            --replaced->nlink;
        }
        --to.entries_;
    }
    --entries_;
    ++to.entries_;
    if (moved.is_directory()) {
        --nlink;
        ++to.nlink;
    }
    return {};
}

Result<void> TmpfsDirectory::read_directory(const Location& here, u64& pos, DirSink& sink) {
    if (pos == 0) {
        if (!sink.add(".", ino, DT_DIR, 1)) return {};
        pos = 1;
    }
    if (pos == 1) {
        Location up = here;
        step_up(up, system_root());
        if (!sink.add("..", up.inode().ino, DT_DIR, 2)) return {};
        pos = 2;
    }
    MutexGuard g(lock);
    while (Dentry* d = DentryCache::next_child(*here.dentry, pos)) {
        if (!sink.add(d->name(), d->inode().ino, dtype_of(d->inode().mode), d->dir_offset + 1)) break;
        pos = d->dir_offset + 1;
    }
    touch_accessed();
    return {};
}

Result<Ref<Inode>> TmpfsSymlink::make(Ref<MemorySuperblock> sb, std::string_view target) {
    TRY(sb->charge_inode());
    MemorySuperblock& charged = *sb;
    u64 ino = sb->next_ino();
    auto link = make_ref<TmpfsSymlink>(std::move(sb), ino);
    if (!link) {
        charged.uncharge_inode();
        return link.error();
    }
    char* copy = static_cast<char*>(kmalloc(target.size() + 1));
    if (!copy) return ENOMEM;
    if (!target.empty()) memcpy(copy, target.data(), target.size()); // of an archive: symlink(2) takes no empty target
    copy[target.size()] = 0;
    (*link)->target_ = copy;
    (*link)->length_ = static_cast<u32>(target.size());
    return Ref<Inode>(std::move(*link));
}

TmpfsSymlink::~TmpfsSymlink() {
    kfree(target_);
    static_cast<MemorySuperblock&>(*superblock).uncharge_inode();
}

Result<size_t> TmpfsSymlink::readlink(char* to, size_t n) {
    size_t length = length_ < n ? length_ : n;
    memcpy(to, target_, length);
    return length;
}

Result<Ref<Dentry>> make_memory_filesystem(const char* type, u32 root_mode) {
    auto sb = TRY(make_ref<MemorySuperblock>(type));
    Ref<Inode> root = TRY(make_memory_inode(*sb, S_IFDIR | root_mode, 0));
    return DentryCache::make_root(std::move(root));
}

namespace {

/// A number with an optional k, m, g or %. False: not one.
bool parse_size(std::string_view text, u64 percent_of, u64& out) {
    u64 v = 0;
    size_t i = 0;
    for (; i < text.size() && text[i] >= '0' && text[i] <= '9'; ++i)
        if (__builtin_mul_overflow(v, 10ull, &v) || __builtin_add_overflow(v, static_cast<u64>(text[i] - '0'), &v)) return false;
    if (i == 0) return false;
    u32 shift = 0;
    if (i < text.size()) {
        switch (text[i++]) {
        case 'k': case 'K': shift = 10; break;
        case 'm': case 'M': shift = 20; break;
        case 'g': case 'G': shift = 30; break;
        case '%': v = percent_of / 100 * v; break;
        default: return false;
        }
    }
    if (shift && v >> (64 - shift)) return false;
    out = v << shift;
    return i == text.size();
}

bool parse_octal(std::string_view text, u32& out) {
    out = 0;
    for (char c : text) {
        if (c < '0' || c > '7' || out > 07777) return false;
        out = out * 8 + static_cast<u32>(c - '0');
    }
    return !text.empty();
}

} // namespace

Result<Ref<Dentry>> mount_tmpfs(const char*, const char* options) {
    Ref<Dentry> root = TRY(make_memory_filesystem("tmpfs", 01777));
    auto& sb = static_cast<MemorySuperblock&>(root->superblock());
    u64 memory = memory_stats().total_pages * kPageSize;
    sb.max_pages = memory / 2 / kPageSize;
    sb.max_inodes = memory / 2 / kPageSize;
    std::string_view rest = options ? options : "";
    while (!rest.empty()) {
        size_t comma = rest.find(',');
        std::string_view option = rest.substr(0, comma);
        rest = comma == rest.npos ? std::string_view() : rest.substr(comma + 1);
        size_t equals = option.find('=');
        std::string_view key = option.substr(0, equals);
        std::string_view value = equals == option.npos ? std::string_view() : option.substr(equals + 1);
        u64 n = 0;
        u32 bits = 0;
        if (key == "size" && parse_size(value, memory, n)) sb.max_pages = page_up(n) / kPageSize;
        else if (key == "nr_blocks" && parse_size(value, 0, n)) sb.max_pages = n;
        else if (key == "nr_inodes" && parse_size(value, 0, n)) sb.max_inodes = n;
        else if (key == "mode" && parse_octal(value, bits)) root->inode().mode = S_IFDIR | (bits & 07777);
        else if (key == "uid" && parse_size(value, 0, n) && n < ~0u) root->inode().uid = static_cast<u32>(n);
        else if (key == "gid" && parse_size(value, 0, n) && n < ~0u) root->inode().gid = static_cast<u32>(n);
        else if (!key.empty()) return EINVAL;
        if (key == "size") {
            TextBuffer text(sb.options, sizeof sb.options);
            text.append(",size=%lluk", static_cast<unsigned long long>(sb.max_pages * 4));
        }
    }
    return root;
}

Result<Ref<File>> make_memfd(std::string_view name, bool sealable) {
    static std::atomic<MemorySuperblock*> shared;
    MemorySuperblock* sb = shared.load(std::memory_order_acquire);
    if (!sb) {
        Ref<MemorySuperblock> made = TRY(make_ref<MemorySuperblock>("tmpfs"));
        MemorySuperblock* expected = nullptr;
        sb = shared.compare_exchange_strong(expected, made.get()) ? made.release() : expected;
    }
    Ref<Inode> inode = TRY(make_memory_inode(*sb, S_IFREG | 0777, 0));
    inode->nlink = 0;
    inode->uid = current().credentials->fsuid;
    inode->gid = current().credentials->fsgid;
    if (sealable) static_cast<MemoryInode&>(*inode).seals = 0;
    char label[300];
    TextBuffer text(label, sizeof label);
    text.put("/memfd:", 7);
    text.put(name.data(), name.size());
    text.put(" (deleted)", 10);
    Location where(nullptr, TRY(DentryCache::make_root(inode, {label, text.length()})));
    // Not counted as a writer, as on Linux: fexecve() of a memfd that is still open for writing works.
    return inode->open(where, O_RDWR | O_LARGEFILE);
}

} // namespace linnet
