// Split virtqueues (virtio 1.2, section 2.7). The device runs beside this CPU: indices are published with release stores, read
// with acquire loads, and what decides on a notification is preceded by a full fence. What the device writes is not trusted:
// identifiers and lengths are checked, and a queue whose device broke the rules is dead from then on.
#pragma once

#include "drivers/virtio/transport.h"

namespace linnet {

class Virtqueue : NoCopy {
  public:
    static constexpr u16 kMaxSize = 256;
    struct Buffer { PhysAddr address; u32 length; };
    struct Used { u16 head; u32 length; void* cookie; };

    ~Virtqueue();
    /// Allocates rings of at most `max_size` entries (a power of two is chosen) and hands them to the device. ENODEV (no such
    /// queue), ENOMEM, EIO.
    Result<void> set_up(VirtioTransport& transport, u16 index, u16 max_size);
    /// The pure part: rings in `memory` (zeroed, ring_bytes(size) long, at `phys`).
    void attach(void* memory, PhysAddr phys, u16 size);
    static size_t ring_bytes(u16 size) { return used_offset(size) + 6 + 8ull * size; }
    /// Legacy devices want the used ring on a page boundary.
    static size_t used_offset(u16 size) { return page_up(16ull * size + 6 + 2ull * size); }

    bool ready() const { return size_ != 0; }
    u16 size() const { return size_; }
    u16 free_count() const { return free_count_; }
    /// The head that the next add() will use.
    u16 next_head() const { return free_head_; }
    u16 in_flight() const { return u16(size_ - free_count_); }
    bool broken() const { return broken_; }

    /// Offers a chain: first `readable` buffers that the device reads, then those that it writes; at least one in all. The head's
    /// number; -1: too few free descriptors (or the queue is broken). The caller serialises.
    int add(const Buffer* buffers, u32 readable, u32 writable, void* cookie);
    /// Shows what was added to the device; true if it wants a notification. `kick` is both.
    bool publish();
    void kick() {
        if (publish()) transport_->notify(index_);
    }
    /// A notification even if the device asked for none: the re-look timers' remedy for lost ones.
    void force_kick() {
        publish();
        if (transport_) transport_->notify(index_);
    }
    /// The next finished chain. False: none. `length` is at most what the chain's writable buffers hold.
    bool pop(Used* out);
    bool has_used() const { return size_ && !broken_ && load_used_index() != last_used_; }

    void disable_interrupts();
    /// False if something is there already: the caller looks again.
    bool enable_interrupts();

  private:
    struct Descriptor { u64 address; u32 length; u16 flags; u16 next; };
    struct UsedElement { u32 id; u32 length; };
    static constexpr u16 kNext = 1, kWrite = 2;
    static constexpr u16 kNoInterrupt = 1, kNoNotify = 1;
    struct State { void* cookie; u32 writable_bytes; u16 count; bool busy; };

    u16 load_used_index() const { return __atomic_load_n(used_ + 1, __ATOMIC_ACQUIRE); }

    Descriptor* descriptors_ = nullptr;
    u16* available_ = nullptr; // flags, index, ring[]
    u16* used_ = nullptr;      // flags, index, then elements
    UsedElement* used_ring_ = nullptr;
    State* states_ = nullptr;
    u16* next_free_ = nullptr; // the driver's own chain: the device cannot damage it
    VirtioTransport* transport_ = nullptr;
    Page* pages_ = nullptr;
    u16 index_ = 0, size_ = 0;
    u16 free_head_ = 0, free_count_ = 0;
    u16 next_available_ = 0, published_ = 0, last_used_ = 0;
    bool broken_ = false;
};

} // namespace linnet
