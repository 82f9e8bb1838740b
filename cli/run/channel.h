// Bytes on their way between two descriptors, with a bounded buffer: when the reader is slow, the writer
// waits.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace linnet::cli {

class ByteQueue {
public:
    static constexpr std::size_t limit = 1 << 18; // bytes

    bool empty() const { return at_ == bytes_.size(); }
    bool full() const { return bytes_.size() - at_ >= limit; }
    std::size_t size() const { return bytes_.size() - at_; }
    void put(std::string_view bytes) {
        if (at_ > limit) {
            bytes_.erase(0, at_);
            at_ = 0;
        }
        bytes_ += bytes;
    }
    std::string_view front() const { return std::string_view(bytes_).substr(at_); }
    void drop(std::size_t count) {
        at_ += count;
        if (at_ == bytes_.size()) {
            bytes_.clear();
            at_ = 0;
        }
    }
    void clear() {
        bytes_.clear();
        at_ = 0;
    }

private:
    std::string bytes_;
    std::size_t at_ = 0;
};

// Takes bytes, gives whole lines without their ends. A line longer than `limit` is given in pieces.
class LineSplitter {
public:
    static constexpr std::size_t limit = 1 << 16; // bytes

    template <typename Take>
    void put(std::string_view bytes, Take take) {
        rest_ += bytes;
        std::size_t start = 0;
        while (true) {
            const auto end = rest_.find('\n', start);
            if (end == std::string::npos)
                break;
            std::string_view line(rest_.data() + start, end - start);
            if (line.ends_with('\r'))
                line.remove_suffix(1);
            take(line);
            start = end + 1;
        }
        rest_.erase(0, start);
        if (rest_.size() > limit)
            finish(take);
    }

    template <typename Take>
    void finish(Take take) {
        if (!rest_.empty())
            take(std::string_view(rest_));
        rest_.clear();
    }

private:
    std::string rest_;
};

} // namespace linnet::cli
