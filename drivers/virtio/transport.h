// How a virtio driver talks to its device, whatever the bus. Source: Virtual I/O Device specification 1.2 (virtio-v1.2).
#pragma once

#include "kernel/irq/deferred.h"
#include "kernel/lib/ref.h"
#include "kernel/mm/page.h"

namespace linnet {

namespace virtio {
// Device types, section 5.
inline constexpr u32 kNet = 1, kBlock = 2, kConsole = 3, kEntropy = 4, kBalloon = 5, k9p = 9, kVsock = 19, kFs = 26;
// Status bits, section 2.1.
inline constexpr u8 kAcknowledge = 1, kDriver = 2, kDriverOk = 4, kFeaturesOk = 8, kNeedsReset = 64, kFailed = 128;
// Feature bits, section 6.
inline constexpr u64 kAnyLayout = 1ull << 27, kEventIdx = 1ull << 29, kVersion1 = 1ull << 32;
} // namespace virtio

struct QueueAddresses { PhysAddr descriptors, available, used; };

class VirtioTransport : NoCopy {
  public:
    virtual ~VirtioTransport() = default;
    /// virtio::kNet...
    virtual u32 device_type() const = 0;
    /// For messages and /proc/interrupts: "virtio-mmio@feb00000", "virtio-pci@00:03.0".
    virtual const char* location() const = 0;
    /// The interface of before version 1.0: guest-endian, no FEATURES_OK, queues as one block.
    virtual bool legacy() const = 0;

    virtual u8 status() = 0;
    virtual void set_status(u8 bits) = 0; // 0 resets
    virtual u64 device_features() = 0;
    virtual void set_driver_features(u64 features) = 0;

    virtual u16 queue_max_size(u16 queue) = 0; // 0: no such queue
    /// EIO: the device refused.
    virtual Result<void> set_up_queue(u16 queue, u16 size, const QueueAddresses& a) = 0;
    virtual void notify(u16 queue) = 0;

    /// Device configuration bytes; beyond its end the bytes are zero.
    virtual void read_config(u32 offset, void* to, u32 n) = 0;
    virtual void write_config(u32 offset, const void* from, u32 n) = 0;

    /// Interrupts raise `work` on this CPU from now on. ENODEV, ENOSPC: the driver must poll.
    virtual Result<void> connect_interrupt(DeferredWork& work) = 0;
};

} // namespace linnet
