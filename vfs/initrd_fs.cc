#include "vfs/initrd_fs.h"

#include "kernel/lib/log.h"
#include "kernel/lib/string.h"
#include "kernel/lib/vec.h"
#include "linux-abi/cpio.h"
#include "vfs/tmpfs.h"

namespace linnet {

namespace {

/// Contents in the archive. `tail_clear`: nothing of value follows in its last page.
struct ArchiveData {
    std::byte* bytes = nullptr;
    u64 length = 0;
    bool tail_clear = false;
};

class ArchivePages final : public FilePages {
  public:
    ArchivePages(Ref<MemorySuperblock> sb, u64 number, const ArchiveData& data)
        : FilePages(std::move(sb), data.length, number), data_(data), usable_(data.length) {}
    bool has_backing() const override { return true; }
    void cut_backing(u64 size) override {
        if (size < usable_) usable_ = size;
    }

  protected:
    bool counts_as_shmem() const override { return false; }

    Page* page_in_place(u64 index) override {
        u64 offset = index * kPageSize;
        const u64 usable = usable_.load(std::memory_order_relaxed);
        std::byte* from = data_.bytes + offset;
        if (index > data_.length / kPageSize || offset >= usable || reinterpret_cast<u64>(from) % kPageSize) return nullptr;
        bool whole = usable - offset >= kPageSize;
        if (!whole && !(data_.tail_clear && usable == data_.length)) return nullptr;
        Page* p = phys_to_page(virt_to_phys(from));
        if (!p) return nullptr;
        if (!whole) memset(from + (usable - offset), 0, kPageSize - (usable - offset));
        get_page(p);
        return p;
    }

    Result<Page*> load_page(u64 index) override {
        u64 offset = index * kPageSize;
        const u64 usable = usable_.load(std::memory_order_relaxed);
        if (index > data_.length / kPageSize || offset >= usable) return static_cast<Page*>(nullptr);
        if (Page* p = page_in_place(index)) return p;
        std::byte* from = data_.bytes + offset;
        bool whole = usable - offset >= kPageSize;
        Page* copy = TRY(alloc_page(false));
        u64 n = whole ? kPageSize : usable - offset;
        auto* to = static_cast<std::byte*>(page_to_virt(copy));
        memcpy(to, from, n);
        memset(to + n, 0, kPageSize - n);
        return copy;
    }

  private:
    const ArchiveData data_;
    std::atomic<u64> usable_; // what truncations have left of it; changed under the inode's lock
};

class ArchiveInode final : public MemoryInode {
  public:
    ArchiveInode(Ref<MemorySuperblock> sb, u32 mode_bits, u64 number) : MemoryInode(std::move(sb), mode_bits, number) {}
    ArchiveData data;

  protected:
    u64 initial_size() const override { return pages_.load() ? 0 : data.length; }
    Result<Ref<FilePages>> make_pages() override {
        return Ref<FilePages>(TRY(make_ref<ArchivePages>(Ref<MemorySuperblock>(&memory_superblock()), ino, data)));
    }
};

struct PrivateFile { std::string_view path; std::span<const std::byte> data; };
Vec<PrivateFile>* private_files = nullptr; // for ever

struct HardLink { u32 ino, major, minor; Ref<Inode> inode; };

class ArchiveLoader {
  public:
    explicit ArchiveLoader(Dentry& root) : root_(root), sb_(static_cast<MemorySuperblock&>(root.superblock())) {}

    Result<void> add(const abi::CpioEntry& e);
    /// Settles whether the last page of the file added before may be cleared: the next data begins beyond it.
    void next_data_at(const std::byte* at) {
        if (!pending_) return;
        ArchiveData& data = static_cast<ArchiveInode&>(*pending_).data;
        data.tail_clear = reinterpret_cast<u64>(at) >= page_up(reinterpret_cast<u64>(data.bytes) + data.length);
        pending_ = nullptr;
    }

  private:
    Result<Dentry*> directory(std::string_view path);
    Result<Ref<Inode>> make_inode(const abi::CpioEntry& e);
    static void set_attributes(Inode& inode, const abi::CpioEntry& e) {
        inode.mode = (inode.mode & S_IFMT) | (e.mode & 07777);
        inode.uid = e.uid;
        inode.gid = e.gid;
        inode.atime_ns = inode.mtime_ns = inode.ctime_ns = inode.btime_ns = static_cast<i64>(e.mtime) * static_cast<i64>(kNsPerSec);
    }
    Result<Dentry*> insert(Dentry& dir, std::string_view name, Ref<Inode> inode) {
        bool is_directory = inode->is_directory();
        Ref<Dentry> d = TRY(DentryCache::add(dir, name, std::move(inode)));
        static_cast<TmpfsDirectory&>(dir.inode()).count_entry(1);
        if (is_directory) ++dir.inode().nlink;
        return d.get(); // pinned by its directory
    }

    Dentry& root_;
    MemorySuperblock& sb_;
    std::string_view last_path_;
    Dentry* last_dir_ = nullptr;
    Vec<HardLink> links_;
    Ref<Inode> pending_; // an ArchiveInode
};

/// The directory of that path, made (0755) where archives leave it out. ENOTDIR, EINVAL ("..")
Result<Dentry*> ArchiveLoader::directory(std::string_view path) {
    if (last_dir_ && path == last_path_) return last_dir_;
    Dentry* d = &root_;
    std::string_view rest = path;
    while (!rest.empty()) {
        size_t slash = rest.find('/');
        std::string_view name = rest.substr(0, slash);
        rest = slash == rest.npos ? std::string_view() : rest.substr(slash + 1);
        if (name.empty() || name == ".") continue;
        if (name == ".." || name.size() > 255) return EINVAL;
        if (Ref<Dentry> child = DentryCache::find(*d, name)) {
            if (!child->inode().is_directory()) return ENOTDIR;
            d = child.get();
            continue;
        }
        d = TRY(insert(*d, name, TRY(make_memory_inode(sb_, S_IFDIR | 0755, 0))));
    }
    last_path_ = path;
    last_dir_ = d;
    return d;
}

Result<Ref<Inode>> ArchiveLoader::make_inode(const abi::CpioEntry& e) {
    u32 type = e.mode & S_IFMT;
    if (type == S_IFLNK)
        return TmpfsSymlink::make(Ref<MemorySuperblock>(&sb_), {reinterpret_cast<const char*>(e.data.data()), e.data.size()});
    if (type != S_IFREG) return make_memory_inode(sb_, e.mode & (S_IFMT | 07777), abi::make_dev(e.rdev_major, e.rdev_minor));
    TRY(sb_.charge_inode());
    auto inode = make_ref<ArchiveInode>(Ref<MemorySuperblock>(&sb_), e.mode & (S_IFMT | 07777), sb_.next_ino());
    if (!inode) {
        sb_.uncharge_inode();
        return inode.error();
    }
    return Ref<Inode>(std::move(*inode));
}

Result<void> ArchiveLoader::add(const abi::CpioEntry& e) {
    constexpr std::string_view kPrivate = ".linnet";
    std::string_view path = e.path;
    while (!path.empty() && path.back() == '/') path.remove_suffix(1);
    if (path.starts_with(kPrivate) && (path.size() == kPrivate.size() || path[kPrivate.size()] == '/')) {
        if ((e.mode & S_IFMT) == S_IFREG && path.size() > kPrivate.size())
            TRY(private_files->push_back({path.substr(kPrivate.size() + 1), e.data}));
        return {};
    }
    size_t slash = path.rfind('/');
    std::string_view name = slash == path.npos ? path : path.substr(slash + 1);
    Dentry* dir = TRY(directory(slash == path.npos ? std::string_view() : path.substr(0, slash)));
    if (name.empty() || name == ".") {
        if ((e.mode & S_IFMT) == S_IFDIR) set_attributes(dir->inode(), e);
        return {};
    }
    if (name == ".." || name.size() > 255) return EINVAL;
    switch (e.mode & S_IFMT) {
    case S_IFDIR: case S_IFREG: case S_IFLNK: case S_IFCHR: case S_IFBLK: case S_IFIFO: case S_IFSOCK: break;
    default: return EINVAL;
    }
    if (Ref<Dentry> old = DentryCache::find(*dir, name)) {
        bool both_directories = old->inode().is_directory() && (e.mode & S_IFMT) == S_IFDIR;
        if (both_directories) {
            set_attributes(old->inode(), e);
            return {};
        }
        if (old->inode().is_directory()) return EISDIR;
        // The later entry wins.
        --old->inode().nlink;
        DentryCache::remove(*old);
        static_cast<TmpfsDirectory&>(dir->inode()).count_entry(-1);
    }

    Ref<Inode> inode;
    bool linked = e.nlink > 1 && (e.mode & S_IFMT) != S_IFDIR;
    if (linked)
        for (HardLink& l : links_)
            if (l.ino == e.ino && l.major == e.dev_major && l.minor == e.dev_minor && l.inode->type() == (e.mode & S_IFMT)) {
                inode = l.inode;
                ++inode->nlink;
            }
    if (!inode) {
        inode = TRY(make_inode(e));
        if (linked) TRY(links_.push_back({e.ino, e.dev_major, e.dev_minor, inode}));
    }
    set_attributes(*inode, e);
    if (inode->is_regular() && !e.data.empty()) {
        auto& file = static_cast<ArchiveInode&>(*inode);
        file.data = {const_cast<std::byte*>(e.data.data()), e.data.size(), false};
        pending_ = inode;
    }
    TRY(insert(*dir, name, std::move(inode)));
    return {};
}

} // namespace

Result<Ref<Dentry>> make_archive_filesystem(std::span<std::byte> archive) {
    Ref<Dentry> root = TRY(make_memory_filesystem("rootfs", 0755));
    alignas(Vec<PrivateFile>) static u8 memory[sizeof(Vec<PrivateFile>)];
    if (!private_files) private_files = new (memory) Vec<PrivateFile>;
    ArchiveLoader loader(*root);
    abi::CpioReader reader(archive);
    abi::CpioEntry e;
    for (;;) {
        auto more = reader.next(e);
        if (!more) {
            log_warn("boot archive: damaged at byte %llu, the rest is ignored", static_cast<unsigned long long>(reader.offset()));
            break;
        }
        if (!*more) break;
        if (!e.data.empty()) loader.next_data_at(e.data.data());
        auto r = loader.add(e);
        if (!r && r.error() == ENOMEM) return ENOMEM;
        if (!r)
            log_warn("boot archive: %.*s left out (error %d)", static_cast<int>(e.name.size() < 200 ? e.name.size() : 200),
                     e.name.data(), static_cast<int>(r.error()));
    }
    return root;
}

std::span<const std::byte> archive_private_file(std::string_view path) {
    if (!private_files) return {};
    for (PrivateFile& f : *private_files)
        if (f.path == path) return f.data;
    return {};
}

} // namespace linnet
