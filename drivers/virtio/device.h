// What all virtio drivers share: negotiation, the interrupt's deferred work, and a slow timer that looks at the rings again
// while something is outstanding.
#pragma once

#include "drivers/virtio/transport.h"
#include "drivers/virtio/virtqueue.h"
#include "kernel/sync/spinlock.h"
#include "kernel/time/timer.h"

namespace linnet {

class VirtioDriver : NoCopy {
  public:
    explicit VirtioDriver(Owned<VirtioTransport> transport) : transport_(std::move(transport)) {}
    virtual ~VirtioDriver() = default;

  protected:
    /// Resets, and agrees on `wanted` as far as the device offers it (VERSION_1 is added where it applies). ENODEV: the device
    /// refuses. Queues are set up next, then started().
    Result<void> negotiate(u64 wanted);
    /// Connects the interrupt and lets the device begin. Without an interrupt the timer alone drives it.
    void started();
    void failed() { transport_->set_status(virtio::kFailed); }
    bool has(u64 feature) const { return (features_ & feature) == feature; }
    bool legacy() const { return transport_->legacy(); }

    /// Looks at all rings. Deferred context.
    virtual void look_at_rings(bool by_timer) = 0;
    /// Looks again after `delay_ns` at the latest, whatever interrupts do.
    void look_again_in(u64 delay_ns);

    Owned<VirtioTransport> transport_;
    u64 features_ = 0;

  private:
    struct Work : DeferredWork { VirtioDriver* owner; } work_;
    struct LookTimer : Timer { VirtioDriver* owner; } timer_;
};

/// Take the transport over; the driver lives for ever. Errors are logged; the device is then left out.
void start_virtio_console(Owned<VirtioTransport> t);
void start_virtio_net(Owned<VirtioTransport> t);
void start_virtio_rng(Owned<VirtioTransport> t);
/// Picks the driver for a device.
void start_virtio_device(Owned<VirtioTransport> t);

} // namespace linnet
