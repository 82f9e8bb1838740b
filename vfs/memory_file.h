// Regular files whose contents are in memory: of tmpfs, the boot archive, memfd.
#pragma once

#include "kernel/mm/paged_object.h"
#include "vfs/path_file.h"

namespace linnet {

/// A file system in memory, and what its files hold.
class MemorySuperblock : public Superblock {
  public:
    explicit MemorySuperblock(const char* type_name) : Superblock(type_name, TMPFS_MAGIC) { names_pinned = true; }
    void statfs(abi::Statfs& out) override;
    void show_options(GrowingText& out) override;
    /// ENOSPC if one more would go beyond the limit.
    Result<void> charge_inode();
    void uncharge_inode() { inodes.fetch_sub(1, std::memory_order_relaxed); }
    Result<void> charge_page();
    /// ENOSPC if so many more pages would go beyond the limit.
    Result<void> check_room(u64 more_pages) const;

    std::atomic<u64> pages{0}, inodes{0};
    u64 max_pages = 0, max_inodes = 0; // 0: what memory holds
    char options[64] = {};             // for /proc/mounts: ",size=...k"
};

/// The pages of one file. Outlives the inode while it is mapped; then its path is the last one it was mapped by.
class FilePages : public PagedObject {
  public:
    FilePages(Ref<MemorySuperblock> sb, u64 size, u64 inode)
        : PagedObject(size), superblock_(std::move(sb)), inode_(inode) {}
    ~FilePages() override;
    void describe(TextBuffer& path, u64* device, u64* inode) override;
    /// The name to show in /proc/PID/maps, when the file is about to be mapped. Out of memory leaves it nameless.
    void remember_path(const Location& where);
    void mark_deleted() { deleted_.store(true, std::memory_order_relaxed); }
    MemorySuperblock& superblock() { return *superblock_; }
    /// Pages that are not there come from elsewhere (the boot archive), so absence is no hole.
    virtual bool has_backing() const { return false; }
    /// The size is about to become `size`: what lies beyond is gone for good.
    virtual void cut_backing(u64 size) { (void)size; }

  protected:
    Result<void> charge_page() override { return superblock_->charge_page(); }
    void uncharge_pages(u64 count) override { superblock_->pages.fetch_sub(count, std::memory_order_relaxed); }

  private:
    const Ref<MemorySuperblock> superblock_;
    const u64 inode_;
    SpinLock<Rank::MiscSpin> path_lock_;
    char* path_ GUARDED_BY(path_lock_) = nullptr;
    std::atomic<bool> deleted_{false};
};

/// A regular file's inode over FilePages.
class MemoryInode : public Inode {
  public:
    MemoryInode(Ref<MemorySuperblock> sb, u32 mode_bits, u64 number) : Inode(std::move(sb), mode_bits, number) {}
    ~MemoryInode() override;
    Result<Ref<File>> open(const Location& here, u32 flags) override;
    u64 size() override;
    u64 blocks() override;
    Result<void> truncate(u64 new_size) override;
    void unlinked() override;
    /// Made at the first use. ENOMEM
    Result<FilePages*> pages();
    /// F_SEAL_* of a memfd; kSealSeal from the start for all others.
    std::atomic<u32> seals{1};

  protected:
    MemorySuperblock& memory_superblock() { return static_cast<MemorySuperblock&>(*superblock); }
    virtual Result<Ref<FilePages>> make_pages();
    virtual u64 initial_size() const { return 0; }
    std::atomic<FilePages*> pages_{nullptr}; // holds a reference
};

/// The open file.
class MemoryFile final : public PathFile {
  public:
    MemoryFile(const Location& where, u32 flags, FilePages& pages);
    Result<size_t> read(IoVector& to, u64& pos, bool nonblock) override;
    Result<size_t> write(IoVector& from, u64& pos, bool nonblock) override;
    u64 append_position() override { return kAppend; }
    Result<Ref<VmObject>> mmap_object(u64 offset, u64 length, u32 prot, u32 flags) override;
    Result<u64> seek(i64 offset, int whence) override;
    Result<void> truncate(u64 size) override;
    Result<void> fallocate(u32 mode, u64 offset, u64 length) override;
    Result<i64> fcntl(u32 command, u64 arg) override;
    Result<i64> bytes_available() override;

  private:
    MemoryInode& memory_inode() { return static_cast<MemoryInode&>(*inode_); }
    Ref<FilePages> pages_;
};

} // namespace linnet
