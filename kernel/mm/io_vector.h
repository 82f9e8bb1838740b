// A list of memory pieces, of a program or of the kernel, consumed front to back: what read and write calls move data
// to and from.
#pragma once

#include "kernel/lib/types.h"
#include "kernel/mm/user.h"
#include "linux-abi/errno.h"

namespace linnet {

struct IoSegment { u64 base; u64 length; };

class IoVector {
  public:
    /// One buffer of the program; the range must have been checked (user_range_ok).
    static IoVector user(u64 addr, size_t n) { return IoVector(addr, n, true); }
    /// One buffer of the kernel.
    static IoVector kernel(void* p, size_t n) { return IoVector(reinterpret_cast<u64>(p), n, false); }
    static IoVector kernel(const void* p, size_t n) { return IoVector(reinterpret_cast<u64>(p), n, false); }
    /// Segments of program memory; the array is borrowed and must outlive this.
    static IoVector user_segments(const IoSegment* s, size_t count);

    size_t remaining() const { return remaining_; }
    /// Bytes consumed since construction.
    size_t consumed() const { return consumed_; }
    /// Consume up to n bytes; the count that was moved, fewer than min(n, remaining()) only if program memory faulted.
    size_t copy_out(const void* from, size_t n) { // into the vector's memory (a read call)
        if (n > remaining_) n = remaining_;
        if (n > left_) [[unlikely]] return copy_out_pieces(from, n);
        return advance(user_ ? n - copy_to_user_partial(base_, from, n)
                             : (__builtin_memcpy(reinterpret_cast<void*>(base_), from, n), n));
    }
    size_t copy_in(void* to, size_t n) { // from the vector's memory (a write call)
        if (n > remaining_) n = remaining_;
        if (n > left_) [[unlikely]] return copy_in_pieces(to, n);
        return advance(user_ ? n - copy_from_user_partial(to, base_, n)
                             : (__builtin_memcpy(to, reinterpret_cast<const void*>(base_), n), n));
    }
    size_t clear(size_t n) { // zeroes into the vector's memory
        if (n > remaining_) n = remaining_;
        if (n > left_ || !user_) [[unlikely]] return clear_pieces(n);
        return advance(n - clear_user_partial(base_, n));
    }
    void skip(size_t n) {
        if (n > remaining_) n = remaining_;
        if (n > left_) [[unlikely]] skip_pieces(n);
        else advance(n);
    }
    /// Takes the last n consumed bytes back. n <= consumed().
    void rewind(size_t n);
    /// Limits what remains.
    void truncate(size_t n) {
        if (n < remaining_) remaining_ = n;
    }
    bool is_user() const { return user_; }
    /// The present contiguous piece.
    IoSegment front() const;

  private:
    IoVector(u64 base, size_t n, bool is_user) : base_(base), left_(n), remaining_(n), user_(is_user) {}
    size_t advance(size_t n) {
        base_ += n;
        left_ -= n;
        remaining_ -= n;
        consumed_ += n;
        return n;
    }
    size_t copy_out_pieces(const void* from, size_t n);
    size_t copy_in_pieces(void* to, size_t n);
    size_t clear_pieces(size_t n);
    void skip_pieces(size_t n);
    template <class F>
    size_t each(size_t n, F&& f);

    u64 base_;         // what is left of the current piece
    size_t left_;      // its bytes, not looking at truncate()
    size_t remaining_; // in all
    size_t consumed_ = 0;
    const IoSegment* segments_ = nullptr; // null: the one piece
    size_t index_ = 0;                    // of the current one
    bool user_;
};

} // namespace linnet
