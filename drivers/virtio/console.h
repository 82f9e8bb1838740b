// virtio-console (virtio 1.2, section 5.3): each named port is a CharDevice. Output is copied into a ring of the port, given to
// the device at once, and reclaimed when the room is needed, without interrupts. Input waits in the device's buffers
// until it is read, so a slow reader holds the host back.
#pragma once

#include "drivers/virtio/device.h"
#include "kernel/dev/device.h"

namespace linnet {

class VirtioConsole;

class ConsolePort final : public CharDevice {
  public:
    ConsolePort(VirtioConsole& console, u32 id) : console_(console), id_(id) {}

    const char* name() const override { return name_; }
    size_t write(const void* p, size_t n) override;
    size_t read(void* p, size_t n) override;
    bool readable() override;
    bool writable() override;
    bool drained() override;

    void set_name(const char* name, size_t n);
    /// Allocates buffers and offers the input ones to the device. ENOMEM.
    Result<void> open();
    bool is_open() const { return output_ != nullptr; }
    /// Deferred context, no lock held: reclaims, and tells the listener.
    void look();
    u32 id() const { return id_; }

    Virtqueue input_queue, output_queue;

  private:
    static constexpr u16 kOutputChunks = 64;
    static constexpr u32 kInputBuffers = 4;

    void reclaim() REQUIRES(lock_);
    void collect_input() REQUIRES(lock_);
    u32 output_room() const REQUIRES(lock_) { return output_bytes_ - u32(output_head_ - output_tail_); }

    VirtioConsole& console_;
    u32 id_;
    char name_[32] = {};

    SpinLock<Rank::Virtqueue> lock_;
    u8* output_ = nullptr; // ring of output_bytes_; chunks are contiguous in it
    u32 output_bytes_ = 16 * KiB; // a power of two
    PhysAddr output_phys_ = 0;
    u64 output_head_ GUARDED_BY(lock_) = 0, output_tail_ GUARDED_BY(lock_) = 0; // bytes ever taken, bytes ever sent
    struct Chunk { u16 head; bool sent; u32 bytes; };
    Chunk chunks_[kOutputChunks] GUARDED_BY(lock_); // first in, first out
    u32 first_chunk_ GUARDED_BY(lock_) = 0, chunk_count_ GUARDED_BY(lock_) = 0;
    bool wants_room_ GUARDED_BY(lock_) = false;
    u32 drain_polls_ GUARDED_BY(lock_) = 0;

    u8* input_ = nullptr;
    PhysAddr input_phys_ = 0;
    u32 input_buffer_bytes_ = 0;
    struct Received { u8 buffer; u32 offset, length; };
    Received received_[kInputBuffers] GUARDED_BY(lock_);
    u32 received_count_ GUARDED_BY(lock_) = 0;
};

class VirtioConsole final : public VirtioDriver {
  public:
    explicit VirtioConsole(Owned<VirtioTransport> t) : VirtioDriver(std::move(t)) {}
    /// ENODEV, ENOMEM, EIO
    Result<void> start();
    using VirtioDriver::look_again_in;

  protected:
    void look_at_rings(bool by_timer) override;

  private:
    static constexpr u32 kMaxPorts = 8;
    static constexpr u64 kMultiport = 1ull << 1;
    struct Control { u32 id; u16 event, value; };
    static constexpr u32 kControlBufferBytes = 64, kControlBuffers = 32;

    void send_control(u32 port, u16 event, u16 value);
    /// True if a message was handled.
    bool handle_control();
    void wait_for_names();

    SpinLock<Rank::MiscSpin> control_lock_;
    Virtqueue control_in_, control_out_;
    u8* control_memory_ = nullptr;
    PhysAddr control_phys_ = 0;
    u32 next_control_out_ GUARDED_BY(control_lock_) = 0;
    ConsolePort* ports_[kMaxPorts] = {};
    u32 ports_added_ = 0, ports_named_ = 0;
};

} // namespace linnet
