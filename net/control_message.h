// Ancillary data (cmsg(3)): taking a program's control buffer apart, and building one. Pure functions on kernel copies;
// fuzzed on the host.
#pragma once

#include <span>

#include "kernel/lib/ref.h"
#include "kernel/lib/string.h"
#include "linux-abi/socket.h"

namespace linnet {

struct ControlMessage {
    int level, type;
    std::span<const u8> data;
};

/// Walks over a control buffer as Linux's for_each_cmsghdr does.
class ControlReader {
  public:
    explicit ControlReader(std::span<const u8> buffer) : buffer_(buffer) {}
    /// False at the end. EINVAL for a header whose length is impossible.
    Result<bool> next(ControlMessage& out);

  private:
    std::span<const u8> buffer_;
    size_t at_ = 0;
};

/// Builds a control buffer of at most `capacity` bytes; what does not fit is cut, and truncated() set (MSG_CTRUNC).
class ControlWriter : NoCopy {
  public:
    explicit ControlWriter(u64 capacity) : capacity_(capacity < kMost ? capacity : kMost) {}
    ~ControlWriter() { kfree(buffer_); }
    void put(int level, int type, const void* data, size_t n);
    /// Bytes of data that a message could carry now without being cut.
    size_t room() const;
    const u8* data() const { return buffer_; }
    size_t length() const { return length_; }
    bool truncated() const { return truncated_; }
    void set_truncated() { truncated_ = true; }
    u64 capacity() const { return capacity_; }

  private:
    static constexpr u64 kMost = 8192;
    u64 capacity_;
    u8* buffer_ = nullptr;
    size_t length_ = 0;
    bool truncated_ = false;
};

} // namespace linnet
