// The inodes of procfs and sysfs: files made when they are read, folders, links.
#pragma once

#include "kernel/lib/proc_file.h"
#include "kernel/task/task.h"
#include "vfs/inode.h"
#include "vfs/path_file.h"

namespace linnet {

/// The superblocks; names are never cached, every look-up asks.
class ProcSuperblock : public Superblock {
  public:
    ProcSuperblock(const char* type_name, u32 magic_number) : Superblock(type_name, magic_number) { cache_names = false; }
    void statfs(abi::Statfs& out) override { Superblock::statfs(out); }
};

/// A file whose text is made at the first read, and again by each read from its beginning (as seq_file does).
class TextInode : public Inode {
  public:
    using Inode::Inode;
    u32 block_size() override { return superblock->magic == 0x9fa0 ? 1024 : kPageSize; } // procfs's; stdio reads in such pieces
    virtual Result<void> make_text(GrowingText& out) = 0;
    virtual Result<void> store_text(const char* text, size_t n) { return (void)text, (void)n, EACCES; }
    /// The text is made by open(): it needs locks that a read may not take.
    virtual bool at_open() const { return false; }
    Result<void> truncate(u64) override { return {}; } // echo > file
    Result<Ref<File>> open(const Location& here, u32 flags) override;
};

/// A symbolic link with generated text.
class LinkInode : public Inode {
  public:
    using Inode::Inode;
    virtual Result<void> make_target(GrowingText& out) = 0;
    Result<size_t> readlink(char* to, size_t size) override;
};

/// Emits "." and ".." for a folder; false: the sink is full. `pos` below 2 is handled here.
bool add_dots(Inode& self, const Location& here, u64& pos, DirSink& sink);

/// The folder with a path prefix ("proc", "proc/sys/kernel") of the registered files.
Result<Ref<Inode>> make_registered_folder(const Ref<Superblock>& sb, const char* prefix);
/// Looks a name up in a registered folder. ENOENT
Result<Ref<Inode>> look_up_registered(const Ref<Superblock>& sb, const char* prefix, std::string_view name);
/// Lists a registered folder: positions from `base` on. False: full.
bool list_registered(const char* prefix, u64 base, u64& pos, DirSink& sink);

/// /proc/PID (tid == 0) or /proc/PID/task/TID.
Result<Ref<Inode>> make_process_folder(const Ref<Superblock>& sb, Ref<Process> p, i32 tid);

/// Inode numbers: below 2^32 registered files, above processes.
inline u64 process_ino(i32 pid, i32 tid, u32 entry) {
    return 1ull << 32 | u64(u32(tid ? tid : pid)) << 12 | u64(tid ? 0x800 : 0) | entry;
}

} // namespace linnet
