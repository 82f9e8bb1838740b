// tmpfs: directories, symbolic links and special files in memory. Also what the boot archive's tree and /dev are made of.
#pragma once

#include "vfs/memory_file.h"

namespace linnet {

class TmpfsDirectory final : public Inode {
  public:
    TmpfsDirectory(Ref<MemorySuperblock> sb, u32 mode_bits, u64 number) : Inode(std::move(sb), mode_bits, number) { nlink = 2; }
    ~TmpfsDirectory() override { memory_superblock().uncharge_inode(); }
    Result<Ref<Inode>> lookup(std::string_view) override { return ENOENT; } // names are pinned
    Result<Ref<Inode>> create(std::string_view name, u32 mode_bits, u64 rdev_number, const Credentials& c) override;
    Result<Ref<Inode>> mkdir(std::string_view name, u32 mode_bits, const Credentials& c) override;
    Result<Ref<Inode>> symlink(std::string_view name, std::string_view target, const Credentials& c) override;
    Result<Ref<Inode>> create_unnamed(u32 mode_bits, const Credentials& c) override;
    Result<void> link(std::string_view name, Inode& target) override;
    Result<void> unlink(std::string_view name, Inode& victim) override;
    Result<void> rmdir(std::string_view name, Inode& victim) override;
    Result<void> rename(std::string_view name, Inode& moved, Inode& to_dir, std::string_view to_name, Inode* replaced,
                        u32 flags) override;
    Result<void> read_directory(const Location& here, u64& pos, DirSink& sink) override;
    u64 size() override { return 40 + 20 * entries_; } // as Linux's tmpfs counts
    void count_entry(i32 n) { entries_ += static_cast<u32>(n); }
    MemorySuperblock& memory_superblock() { return static_cast<MemorySuperblock&>(*superblock); }

  private:
    void adopt(Inode& child, const Credentials& c);
    u32 entries_ = 0;
};

class TmpfsSymlink final : public Inode {
  public:
    /// ENOMEM, ENOSPC
    static Result<Ref<Inode>> make(Ref<MemorySuperblock> sb, std::string_view target);
    TmpfsSymlink(Ref<MemorySuperblock> sb, u64 number) : Inode(std::move(sb), S_IFLNK | 0777, number) {}
    ~TmpfsSymlink() override;
    Result<size_t> readlink(char* to, size_t n) override;
    u64 size() override { return length_; }

  private:
    char* target_ = nullptr;
    u32 length_ = 0;
};

/// Devices, FIFOs, sockets' names.
class TmpfsSpecial final : public Inode {
  public:
    TmpfsSpecial(Ref<MemorySuperblock> sb, u32 mode_bits, u64 number) : Inode(std::move(sb), mode_bits, number) {}
    ~TmpfsSpecial() override { static_cast<MemorySuperblock&>(*superblock).uncharge_inode(); }
};

/// An inode of any kind but symlinks; charged to the superblock. ENOMEM, ENOSPC
Result<Ref<Inode>> make_memory_inode(MemorySuperblock& sb, u32 mode_bits, u64 rdev_number);
/// A new file system of this kind: its root directory. ENOMEM
Result<Ref<Dentry>> make_memory_filesystem(const char* type, u32 root_mode);
/// mount(2)'s "tmpfs": size=, nr_inodes=, nr_blocks=, mode=, uid=, gid=. EINVAL, ENOMEM
Result<Ref<Dentry>> mount_tmpfs(const char* source, const char* options);
/// An unlinked file "/memfd:NAME" on a file system of its own. ENOMEM
Result<Ref<File>> make_memfd(std::string_view name, bool sealable);

} // namespace linnet
