// Open files that were opened by a name.
#pragma once

#include "vfs/file.h"
#include "vfs/inode.h"

namespace linnet {

/// Base of every file that has a place in the tree. Holds the location (and through it the inode).
class PathFile : public File {
  public:
    PathFile(const Location& where, u32 flags, bool uses_position = true)
        : File(flags, uses_position), where_(where), inode_(&where.inode()) {}
    ~PathFile() override;
    void describe(TextBuffer& out) override; // the path as /proc/self/fd shows it
    Inode& inode() override { return *inode_; }
    const Location* location() override { return &where_; }
    bool seekable() const override { return uses_position(); }
    /// lseek over inode().size(); EINVAL, EOVERFLOW.
    Result<u64> seek(i64 offset, int whence) override;
    void closed_by(u64 lock_owner) override;
    Result<void> fsync(bool data_only) override { return (void)data_only, Result<void>(); }

    /// The write access that open() got from the inode is given back with the file.
    void take_write_access() { has_write_access_ = true; }

  protected:
    Location where_;
    Ref<Inode> inode_;

  private:
    bool has_write_access_ = false;
};

/// A directory opened for reading.
class DirectoryFile : public PathFile {
  public:
    using PathFile::PathFile;
    Result<size_t> read(IoVector&, u64&, bool) override { return EISDIR; }
    Result<void> read_directory(DirSink& sink) override;
    Result<u64> seek(i64 offset, int whence) override;
};

/// A character device: seeks go nowhere and succeed, as for null, zero and random; terminals override.
class DeviceFile : public PathFile {
  public:
    DeviceFile(const Location& where, u32 flags) : PathFile(where, flags, false) {}
    bool seekable() const override { return true; }
    Result<u64> seek(i64, int) override { return u64{0}; }
    Result<void> fsync(bool) override { return EINVAL; }
};

} // namespace linnet
