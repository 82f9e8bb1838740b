// printf-like formatting into fixed buffers: %s %c %d %i %u %x %X %p %o %%, with l, ll, z, h, hh, width, '0',
// '-', '+', '#', '.', '*'. No floating point.
#pragma once

#include <cstdarg>
#include <cstddef>

namespace linnet {

/// As vsnprintf(3): writes at most `size` bytes with a NUL; returns the length that the whole text has.
size_t format_va(char* buf, size_t size, const char* format, va_list ap);
size_t format(char* buf, size_t size, const char* format, ...) __attribute__((format(printf, 3, 4)));

/// Appends text to a fixed buffer; what does not fit is cut and `truncated()` says so.
class TextBuffer {
  public:
    TextBuffer(char* buf, size_t size) : buf_(buf), size_(size) {
        if (size_) buf_[0] = 0;
    }
    void append(const char* format, ...) __attribute__((format(printf, 2, 3)));
    void put(char c);
    void put(const char* s, size_t n);
    size_t length() const { return length_; }
    bool truncated() const { return truncated_; }
    const char* c_str() const { return buf_; }
    void clear() {
        length_ = 0;
        truncated_ = false;
        if (size_) buf_[0] = 0;
    }

  private:
    char* buf_;
    size_t size_;
    size_t length_ = 0;
    bool truncated_ = false;
};

} // namespace linnet
