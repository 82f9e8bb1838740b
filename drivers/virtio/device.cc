#include "drivers/virtio/device.h"
#include "kernel/lib/log.h"
#include "kernel/time/clock.h"

namespace linnet {

Result<void> VirtioDriver::negotiate(u64 wanted) {
    VirtioTransport& t = *transport_;
    t.set_status(0);
    for (int i = 0; i < 1000 && t.status() != 0; ++i) __builtin_ia32_pause();
    t.set_status(virtio::kAcknowledge);
    t.set_status(virtio::kAcknowledge | virtio::kDriver);
    u64 offered = t.device_features();
    if (t.legacy()) {
        features_ = offered & wanted & 0xffffffff;
        t.set_driver_features(features_);
        return {};
    }
    if (!(offered & virtio::kVersion1)) {
        failed();
        return ENODEV;
    }
    features_ = offered & (wanted | virtio::kVersion1);
    t.set_driver_features(features_);
    t.set_status(virtio::kAcknowledge | virtio::kDriver | virtio::kFeaturesOk);
    if (!(t.status() & virtio::kFeaturesOk)) {
        failed();
        return ENODEV;
    }
    return {};
}

void VirtioDriver::started() {
    work_.owner = this;
    work_.run = [](DeferredWork& w) { static_cast<Work&>(w).owner->look_at_rings(false); };
    timer_.owner = this;
    timer_.expired = [](Timer& t) { static_cast<LookTimer&>(t).owner->look_at_rings(true); };
    if (auto r = transport_->connect_interrupt(work_); !r)
        log_warn("%s: no interrupt (%s), polling", transport_->location(), errno_name(r.error()));
    u8 bits = virtio::kAcknowledge | virtio::kDriver | virtio::kDriverOk;
    if (!transport_->legacy()) bits |= virtio::kFeaturesOk;
    transport_->set_status(bits);
}

void VirtioDriver::look_again_in(u64 delay_ns) {
    u64 at = monotonic_ns() + delay_ns;
    if (timer_.armed && timer_.deadline_ns <= at) return; // a race here moves a deadline, and nothing worse
    start_timer(timer_, at);
}

void start_virtio_device(Owned<VirtioTransport> t) {
    switch (t->device_type()) {
    case virtio::kNet: return start_virtio_net(std::move(t));
    case virtio::kConsole: return start_virtio_console(std::move(t));
    case virtio::kEntropy: return start_virtio_rng(std::move(t));
    default: log_info("%s: no driver for virtio device type %u", t->location(), t->device_type());
    }
}

} // namespace linnet
