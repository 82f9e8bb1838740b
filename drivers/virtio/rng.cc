// virtio-rng (virtio 1.2, section 5.4). One request is always with the device, so that its answer is usually there when
// entropy is asked for; nobody sleeps for it.
#include "drivers/virtio/device.h"
#include "kernel/dev/device.h"
#include "kernel/lib/log.h"
#include "kernel/lib/string.h"
#include "kernel/time/clock.h"

namespace linnet {
namespace {

class VirtioRng final : public VirtioDriver, public EntropySource {
  public:
    explicit VirtioRng(Owned<VirtioTransport> t) : VirtioDriver(std::move(t)) {}

    Result<void> start() {
        TRY(negotiate(0));
        SpinGuard guard(lock_);
        TRY(queue_.set_up(*transport_, 0, 8));
        buffer_ = static_cast<u8*>(kzalloc(kBytes));
        if (!buffer_) return ENOMEM;
        queue_.disable_interrupts();
        started();
        ask();
        return {};
    }

    size_t get_entropy(void* p, size_t n) override {
        SpinGuard guard(lock_);
        Virtqueue::Used used;
        if (!queue_.pop(&used)) {
            u64 deadline = monotonic_ns() + 200 * kNsPerUs;
            for (;;) {
                if (queue_.pop(&used)) break;
                if (queue_.broken() || monotonic_ns() > deadline) return 0;
                __builtin_ia32_pause();
            }
        }
        size_t got = used.length < n ? used.length : n;
        memcpy(p, buffer_, got);
        memset(buffer_, 0, kBytes); // what was handed out is not kept
        ask();
        return got;
    }

  protected:
    void look_at_rings(bool) override {}

  private:
    static constexpr u32 kBytes = 64;
    void ask() REQUIRES(lock_) {
        Virtqueue::Buffer b{virt_to_phys(buffer_), kBytes};
        queue_.add(&b, 0, 1, nullptr);
        queue_.kick();
    }
    SpinLock<Rank::Virtqueue> lock_;
    Virtqueue queue_ GUARDED_BY(lock_);
    u8* buffer_ = nullptr;
};

} // namespace

void start_virtio_rng(Owned<VirtioTransport> t) {
    auto rng = make_owned<VirtioRng>(std::move(t));
    if (!rng) return;
    VirtioRng* r = rng->release();
    if (auto done = r->start(); !done) log_warn("virtio-rng: %s", errno_name(done.error()));
    else entropy_sources().push_back(*r);
}

} // namespace linnet
