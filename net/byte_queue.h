// A stream of bytes in heap chunks, with one producer and one consumer. Both copy program memory outside the
// core lock: the producer into space that it reserved, the consumer from data that it has not consumed yet. All
// functions are called with the owner's lock held; producers and consumers serialise among themselves by mutexes.
#pragma once

#include <span>

#include "kernel/lib/ref.h"
#include "kernel/lib/types.h"

namespace linnet {

class ByteQueue : NoCopy {
  public:
    ~ByteQueue() { clear(); }
    size_t size() const { return size_; }
    bool empty() const { return size_ == 0; }

    /// Contiguous room for up to `want` bytes at the end (at least 1); empty: no memory. Stays valid, whatever the consumer
    /// does, until commit().
    std::span<u8> reserve(size_t want);
    /// The first n reserved bytes become data; ends the reservation. 0 gives it up.
    void commit(size_t n);
    /// Takes back the last n bytes committed; nobody has looked at them yet.
    void uncommit(size_t n);
    /// Takes back the last n bytes, however many chunks they lie in. No reservation.
    void drop_tail(size_t n);
    /// reserve, copy, commit, in as many pieces as it takes. False if memory ran out (nothing is queued then).
    bool append(const void* data, size_t n);

    /// Contiguous data from byte `offset` on; empty at the end. Stays valid until consumed.
    std::span<const u8> data_at(size_t offset) const;
    void consume(size_t n);
    /// Drops everything. No copy may be under way.
    void clear();

  private:
    struct Chunk {
        Chunk* next;
        u32 capacity, written, read;
        u8 data[];
    };
    static constexpr u32 kKeepCapacity = 2048; // an empty queue keeps a last chunk of at most this
    Chunk* add_chunk(size_t want);

    Chunk* first_ = nullptr;
    Chunk* last_ = nullptr;
    size_t size_ = 0;
    bool reserved_ = false;
};

} // namespace linnet
