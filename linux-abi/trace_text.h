// A fixed buffer of text for trace lines: what does not fit is cut.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace linnet::abi {

class TraceText {
  public:
    TraceText(char* buffer, size_t size) : buffer_(buffer), size_(size) {}

    void put(char c) {
        if (length_ < size_) buffer_[length_++] = c;
        else truncated_ = true;
    }
    void put(std::string_view s);
    void put(const char* s) { put(std::string_view(s)); }
    void decimal(int64_t v);
    void unsigned_decimal(uint64_t v) { digits(v, 10, 1); }
    /// As printf's %#lx: 0 stays "0".
    void hex(uint64_t v);
    /// Lower-case digits without a prefix, at least `width`.
    void hex_digits(uint64_t v, int width) { digits(v, 16, width); }
    /// With a leading 0 and at least three digits: 0644, 000.
    void octal(uint64_t v);
    /// "NULL" or 0x...
    void address(uint64_t v);
    std::string_view text() const { return {buffer_, length_}; }
    bool truncated() const { return truncated_; }
    void clear() {
        length_ = 0;
        truncated_ = false;
    }

  private:
    void digits(uint64_t v, unsigned base, int width);

    char* buffer_;
    size_t size_;
    size_t length_ = 0;
    bool truncated_ = false;
};

} // namespace linnet::abi
