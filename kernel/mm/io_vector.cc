// The ways of an IoVector that are not inline: transfers over more than one piece, and back.
#include "kernel/mm/io_vector.h"

#include "kernel/lib/panic.h"
#include "kernel/lib/string.h"

namespace linnet {

IoVector IoVector::user_segments(const IoSegment* s, size_t count) {
    IoVector v(count ? s[0].base : 0, count ? s[0].length : 0, true);
    v.segments_ = s;
    for (size_t i = 1; i < count; ++i) v.remaining_ += s[i].length;
    return v;
}

/// Calls f(address, bytes, done) -> bytes moved, piece by piece, until n are done or one falls short. n <= remaining_.
template <class F>
size_t IoVector::each(size_t n, F&& f) {
    size_t done = 0;
    while (done < n) {
        if (!left_) {
            const IoSegment& next = segments_[++index_];
            base_ = next.base;
            left_ = next.length;
            continue;
        }
        size_t piece = left_ < n - done ? left_ : n - done;
        size_t moved = advance(f(base_, piece, done));
        done += moved;
        if (moved < piece) break;
    }
    return done;
}

size_t IoVector::copy_out_pieces(const void* from, size_t n) {
    auto* p = static_cast<const char*>(from);
    return each(n, [&](u64 addr, size_t bytes, size_t done) -> size_t {
        if (user_) return bytes - copy_to_user_partial(addr, p + done, bytes);
        memcpy(reinterpret_cast<void*>(addr), p + done, bytes);
        return bytes;
    });
}

size_t IoVector::copy_in_pieces(void* to, size_t n) {
    auto* p = static_cast<char*>(to);
    return each(n, [&](u64 addr, size_t bytes, size_t done) -> size_t {
        if (user_) return bytes - copy_from_user_partial(p + done, addr, bytes);
        memcpy(p + done, reinterpret_cast<void*>(addr), bytes);
        return bytes;
    });
}

size_t IoVector::clear_pieces(size_t n) {
    return each(n, [&](u64 addr, size_t bytes, size_t) -> size_t {
        if (user_) return bytes - clear_user_partial(addr, bytes);
        memset(reinterpret_cast<void*>(addr), 0, bytes);
        return bytes;
    });
}

void IoVector::skip_pieces(size_t n) {
    each(n, [](u64, size_t bytes, size_t) -> size_t { return bytes; });
}

void IoVector::rewind(size_t n) {
    ASSERT(n <= consumed_);
    consumed_ -= n;
    remaining_ += n;
    while (segments_ && n > base_ - segments_[index_].base) {
        n -= base_ - segments_[index_].base;
        --index_;
        base_ = segments_[index_].base + segments_[index_].length;
        left_ = 0;
    }
    base_ -= n;
    left_ += n;
}

IoSegment IoVector::front() const {
    if (!remaining_) return {0, 0};
    u64 base = base_;
    size_t left = left_;
    for (size_t i = index_; !left;) {
        base = segments_[++i].base;
        left = segments_[i].length;
    }
    return {base, left < remaining_ ? left : remaining_};
}

} // namespace linnet
