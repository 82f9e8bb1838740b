// Where the parsers of linux-abi read from: a file, an image, a buffer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "linux-abi/errno.h"

namespace linnet::abi {

class ByteSource {
  public:
    /// Reads up to `size` bytes at `offset`: the count, short at the end of the data, 0 beyond it. EIO.
    virtual Result<size_t> read_at(uint64_t offset, void* to, size_t size) = 0;

  protected:
    ~ByteSource() = default;
};

/// Bytes in memory.
class MemorySource final : public ByteSource {
  public:
    explicit MemorySource(std::span<const std::byte> bytes) : bytes_(bytes) {}
    Result<size_t> read_at(uint64_t offset, void* to, size_t size) override {
        if (offset >= bytes_.size()) return size_t(0);
        size_t n = bytes_.size() - offset < size ? bytes_.size() - static_cast<size_t>(offset) : size;
        if (n) __builtin_memcpy(to, bytes_.data() + offset, n);
        return n;
    }

  private:
    std::span<const std::byte> bytes_;
};

} // namespace linnet::abi
