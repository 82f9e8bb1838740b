// Pipes and FIFOs. Source: pipe(7), fifo(7).
#pragma once

#include "kernel/mm/page.h"
#include "vfs/inode.h"
#include "vfs/poll.h"

namespace linnet {

class IoVector;

/// The bytes between the two ends: a ring of pages, as many slots as the capacity has pages. One page is kept
/// when it is emptied, so that a ping-pong allocates nothing.
class PipeBuffer : public RefCounted {
  public:
    static constexpr u32 kDefaultSlots = 16;        // 64 KiB
    static Result<Ref<PipeBuffer>> make();
    ~PipeBuffer() override;

    Result<size_t> read(IoVector& to, bool nonblock);
    Result<size_t> write(IoVector& from, bool nonblock, bool packets);
    u32 poll(PollTable* table, bool reader, bool writer);
    u32 bytes();
    u64 capacity() const { return u64{slot_count()} * kPageSize; }
    /// F_SETPIPE_SZ: the new capacity. EINVAL, EPERM, EBUSY, ENOMEM
    Result<u64> set_capacity(u64 wanted);

    void add_end(bool reader, bool writer);
    void drop_end(bool reader, bool writer);

    // For FIFOs: who opened what, and who waits for the other side.
    std::atomic<u32> readers{0}, writers{0};
    std::atomic<u32> reader_opens{0}, writer_opens{0}; // counts of opens ever, so that a waiter sees a short visit
    WaitQueue open_wait;

  private:
    u32 slot_count() const { return slot_count_.load(std::memory_order_relaxed); }
    struct Slot { Page* page; u32 offset, length; bool packet; };
    Slot& slot(u32 i) REQUIRES(lock_) { return slots_[i & (slot_count() - 1)]; }
    Result<size_t> write_locked(IoVector& from, bool packets, size_t atomic_need, bool& full) REQUIRES(lock_);
    size_t room_locked() REQUIRES(lock_);

    Mutex<Rank::Pipe> lock_;
    WaitQueue read_wait_, write_wait_;
    Slot* slots_ GUARDED_BY(lock_) = nullptr;
    std::atomic<u32> slot_count_{kDefaultSlots}; // a power of two; changed under lock_
    std::atomic<u32> head_{0}, tail_{0}; // slots filled so far; slots emptied so far
    Page* spare_ GUARDED_BY(lock_) = nullptr;
};

/// The two open files of a pipe: read end, write end. ENOMEM, ENFILE
struct PipeEnds { Ref<File> reader, writer; };
Result<PipeEnds> make_pipe(u32 flags);
/// Opening of a FIFO: waits for the other side as fifo(7) says. ENXIO, kRestartSys
Result<Ref<File>> open_fifo(const Location& here, u32 flags);

} // namespace linnet
