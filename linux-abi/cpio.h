// Reader of `newc` cpio archives in memory (an initrd). All input is hostile.
// Source: cpio(5); Linux's Documentation/driver-api/early-userspace/buffer-format.rst.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "linux-abi/errno.h"

namespace linnet::abi {

struct CpioEntry {
    std::string_view name; // as stored, up to the first NUL
    /// The name without leading "/" and "./"; empty for the root itself. Components "." and ".." and
    /// doubled slashes may still be in it.
    std::string_view path;
    std::span<const std::byte> data; // in the archive; a symbolic link's target
    uint64_t data_offset;            // of data in the archive
    uint32_t ino, mode, uid, gid, nlink, mtime, dev_major, dev_minor, rdev_major, rdev_minor;
};

/// Walks through the entries. Several archives may follow each other, with zero bytes between them.
/// Hard links: entries with the same ino, dev_major and dev_minor and nlink > 1; one of them has the data.
class CpioReader {
  public:
    explicit CpioReader(std::span<const std::byte> archive) : archive_(archive) {}
    /// True with the next entry, false at the end. EINVAL: not a newc archive here, or a truncated one (the
    /// reader stays at its end then).
    Result<bool> next(CpioEntry& entry);
    /// Where the reader stands, in bytes: of use in an error message.
    uint64_t offset() const { return at_; }

  private:
    std::span<const std::byte> archive_;
    uint64_t at_ = 0;
};

} // namespace linnet::abi
