// Standard streams that are no terminal: what Docker gives without -t, three pipes whose other ends the host holds.
#pragma once

#include "kernel/dev/device.h"
#include "kernel/sync/mutex.h"
#include "vfs/path_file.h"

namespace linnet {

/// A device with the queues of those who wait for it. Lives for ever.
struct StreamPort : NoCopy {
    CharDevice* device = nullptr; // null: reads are at the end of file, writes vanish
    WaitQueue readers, writers;
    /// Somebody waits, or polls: set before the last look at the device's room, taken back by the event that wakes them.
    std::atomic<bool> waits_for_room{false};
    /// Room now; if not, an event will come.
    bool writable() {
        if (device->writable()) return true;
        waits_for_room.store(true, std::memory_order_seq_cst);
        return device->writable();
    }
    void listen();
};

/// What was read from the device and not yet by the program, and where the stream ends.
class StdinStage : NoCopy {
  public:
    explicit StdinStage(StreamPort& p) : port(p) {}
    StreamPort& port;
    /// As File::read.
    Result<size_t> read(IoVector& to, bool nonblock);
    bool readable(); // data or the end
    bool at_end();
    size_t staged();
    /// The stream ends after `bytes` in all ("eof N"). Deferred context.
    void set_end(u64 bytes);

  private:
    void fill() REQUIRES(lock_);
    static constexpr u32 kStageBytes = 2048;
    Mutex<Rank::Tty> lock_;
    std::atomic<u64> end_{~0ull};
    std::atomic<u64> taken_{0};           // bytes ever taken from the device
    std::atomic<u32> first_{0}, last_{0}; // valid part of stage_; changed under lock_
    u8 stage_[kStageBytes] GUARDED_BY(lock_);
};

enum class StreamKind { Input, Output };

/// Makes the inode of a stream; opening it again (/dev/stdout, /proc/self/fd/1) gives another description of the same stream. ENOMEM
Result<Location> make_stream_location(StreamPort& port, StdinStage* input, StreamKind kind);

} // namespace linnet
