#include "vfs/tty/devpts.h"

#include <string_view>

#include "kernel/lib/proc_file.h"
#include "kernel/lib/sysctl.h"
#include "kernel/task/task.h"
#include "kernel/time/clock.h"
#include "vfs/mount.h"

namespace linnet {
namespace {

constexpr u64 kRootIno = 1, kPtmxIno = 2, kFirstPtyIno = 3;
std::atomic<u32> pairs_in_all{0};

DevptsSuperblock& instance_of(Inode& i) { return static_cast<DevptsSuperblock&>(*i.superblock); }

/// /dev/pts/N. Outlives its pair; then it can't be opened.
class SlaveInode final : public Inode {
  public:
    SlaveInode(Ref<Superblock> sb, u32 mode_bits, u32 index, u64 serial)
        : Inode(std::move(sb), S_IFCHR | mode_bits, kFirstPtyIno + index), index_(index), serial_(serial) {
        rdev = abi::make_dev(136, index);
    }
    Result<Ref<File>> open(const Location& here, u32 flags) override {
        Ref<Pty> p = instance_of(*this).find(index_);
        if (!p || p->serial != serial_) return EIO;
        return open_terminal(std::move(p), here, flags, true);
    }
    u32 block_size() override { return 1024; }

  private:
    const u32 index_;
    const u64 serial_;
};

class PtmxInode final : public Inode {
  public:
    PtmxInode(Ref<Superblock> sb, u32 mode_bits) : Inode(std::move(sb), S_IFCHR | mode_bits, kPtmxIno) {
        rdev = abi::make_dev(5, 2);
    }
    u32 block_size() override { return 1024; }
};

class RootInode final : public Inode {
  public:
    RootInode(Ref<Superblock> sb, Ref<Inode> ptmx) : Inode(std::move(sb), S_IFDIR | 0755, kRootIno), ptmx_(std::move(ptmx)) {
        nlink = 2;
    }
    Result<Ref<Inode>> lookup(std::string_view name) override {
        if (name == "ptmx") return ptmx_;
        u32 index = 0;
        if (name.empty() || name.size() > 7 || (name[0] == '0' && name.size() > 1)) return ENOENT;
        for (char c : name) {
            if (c < '0' || c > '9') return ENOENT;
            index = index * 10 + u32(c - '0');
        }
        Ref<Pty> p = instance_of(*this).find(index);
        if (!p) return ENOENT;
        return p->inode;
    }
    Result<void> read_directory(const Location& here, u64& pos, DirSink& sink) override {
        if (pos == 0) {
            if (!sink.add(".", ino, 4, 1)) return {};
            pos = 1;
        }
        if (pos == 1) {
            Location up = here;
            step_up(up, system_root());
            if (!sink.add("..", up.inode().ino, 4, 2)) return {};
            pos = 2;
        }
        if (pos == 2) {
            if (!sink.add("ptmx", kPtmxIno, dtype_of(S_IFCHR), 3)) return {};
            pos = 3;
        }
        while (pos - 3 < ~0u) {
            Ref<Pty> p = instance_of(*this).find_from(u32(pos - 3));
            if (!p) break;
            char name[12];
            TextBuffer text(name, sizeof name);
            text.append("%u", p->index);
            if (!sink.add({name, text.length()}, kFirstPtyIno + p->index, dtype_of(S_IFCHR), p->index + 4ull)) break;
            pos = p->index + 4ull;
        }
        return {};
    }
    u32 block_size() override { return 1024; }

  private:
    const Ref<Inode> ptmx_;
};

/// "key=NUMBER" in decimal or, for modes, octal. False: not that.
bool number_option(std::string_view option, std::string_view key, u32 base, u32& out) {
    if (option.size() <= key.size() + 1 || option.substr(0, key.size()) != key || option[key.size()] != '=') return false;
    u64 v = 0;
    for (char c : option.substr(key.size() + 1)) {
        if (c < '0' || u32(c - '0') >= base) return false;
        v = v * base + u32(c - '0');
        if (v >= ~0u) return false;
    }
    out = u32(v);
    return true;
}

} // namespace

u32 pty_count() { return pairs_in_all.load(std::memory_order_relaxed); }

DevptsSuperblock::DevptsSuperblock() : Superblock("devpts", DEVPTS_SUPER_MAGIC) { cache_names = false; }

void DevptsSuperblock::show_options(GrowingText& out) {
    if (uid != ~0u) out.append(",uid=%u", uid);
    if (gid != ~0u) out.append(",gid=%u", gid);
    out.append(",mode=%03o,ptmxmode=%03o", mode, ptmx_mode);
    if (limit != ~0u) out.append(",max=%u", limit);
}

Result<Ref<Pty>> DevptsSuperblock::add() {
    const Credentials& c = *current().credentials;
    if (pairs_in_all.fetch_add(1, std::memory_order_relaxed) >= u64(sysctl::pty_max)) {
        pairs_in_all.fetch_sub(1, std::memory_order_relaxed);
        return ENOSPC;
    }
    // The number is part of the object: it is chosen first, and looked at again when the object is there.
    for (;;) {
        u32 index = 0;
        u64 serial;
        {
            SpinGuard guard(lock_);
            for (Pty& p : pairs_) {
                if (p.index != index) break;
                ++index;
            }
            serial = ++last_serial_;
        }
        if (index >= limit) {
            pairs_in_all.fetch_sub(1, std::memory_order_relaxed);
            return ENOSPC;
        }
        auto made = make_ref<Pty>(Ref<DevptsSuperblock>(this), index, serial);
        if (!made) {
            pairs_in_all.fetch_sub(1, std::memory_order_relaxed);
            return made.error();
        }
        Ref<Pty> pair = std::move(*made); // from here on its end takes it out of the count
        Ref<Inode> inode = TRY(make_ref<SlaveInode>(Ref<Superblock>(this), mode, index, serial));
        inode->uid = uid != ~0u ? uid : c.fsuid;
        inode->gid = gid != ~0u ? gid : c.fsgid;
        pair->inode = std::move(inode);
        SpinGuard guard(lock_);
        Pty* after = nullptr;
        bool taken = false;
        for (Pty& p : pairs_) {
            taken |= p.index == index;
            if (p.index > index) {
                after = &p;
                break;
            }
        }
        if (taken) {
            pairs_in_all.fetch_add(1, std::memory_order_relaxed); // for the next try: this one's end counts down
            continue;
        }
        if (after) pairs_.insert_before(*after, *pair);
        else pairs_.push_back(*pair);
        return pair;
    }
}

void DevptsSuperblock::remove(Pty& p) {
    SpinGuard guard(lock_);
    p.instance_node.unlink();
    pairs_in_all.fetch_sub(1, std::memory_order_relaxed);
}

Ref<Pty> DevptsSuperblock::find(u32 index) {
    Ref<Pty> p = find_from(index);
    return p && p->index == index ? p : nullptr;
}

Ref<Pty> DevptsSuperblock::find_from(u32 index) {
    SpinGuard guard(lock_);
    for (Pty& p : pairs_)
        if (p.index >= index && p.has_name() && p.try_add_ref()) return Ref<Pty>::adopt(&p);
    return nullptr;
}

Result<Ref<Dentry>> mount_devpts(const char*, const char* options) {
    auto sb = TRY(make_ref<DevptsSuperblock>());
    std::string_view rest = options ? options : "";
    while (!rest.empty()) {
        const size_t comma = rest.find(',');
        const std::string_view option = rest.substr(0, comma);
        rest = comma == rest.npos ? std::string_view() : rest.substr(comma + 1);
        const bool known = number_option(option, "uid", 10, sb->uid) || number_option(option, "gid", 10, sb->gid) ||
                           number_option(option, "mode", 8, sb->mode) || number_option(option, "ptmxmode", 8, sb->ptmx_mode) ||
                           number_option(option, "max", 10, sb->limit) || option == "newinstance" || option.empty();
        if (!known) return EINVAL;
    }
    sb->mode &= 07777;
    sb->ptmx_mode &= 07777;
    Ref<Inode> ptmx = TRY(make_ref<PtmxInode>(Ref<Superblock>(sb), sb->ptmx_mode));
    Ref<Inode> root = TRY(make_ref<RootInode>(Ref<Superblock>(sb), std::move(ptmx)));
    return DentryCache::make_root(std::move(root));
}

} // namespace linnet
