#include "drivers/virtio/pci.h"
#include "kernel/lib/format.h"

namespace linnet {
namespace {

constexpr u8 kVendorCapability = 9;
enum CapabilityType : u8 { kCommon = 1, kNotify = 2, kIsr = 3, kDevice = 4 };
enum CommonOffset : u32 {
    kDeviceFeatureSelect = 0, kDeviceFeature = 4, kDriverFeatureSelect = 8, kDriverFeature = 12, kConfigVector = 16,
    kNumQueues = 18, kStatus = 20, kGeneration = 21, kQueueSelect = 22, kQueueSize = 24, kQueueVector = 26,
    kQueueEnable = 28, kQueueNotifyOff = 30, kQueueDesc = 32, kQueueDriver = 40, kQueueDevice = 48, kCommonBytes = 56,
};
constexpr u16 kNoVector = 0xffff;
constexpr u32 kMaxQueues = 64;

struct Region { volatile u8* base = nullptr; u32 length = 0; };

class PciTransport final : public VirtioTransport {
  public:
    explicit PciTransport(const PciFunction& f) : function_(f) {
        u16 device = f.device();
        // Transitional devices carry their type in the subsystem ID.
        type_ = device >= 0x1040 ? device - 0x1040u : f.read16(0x2e);
        format(location_, sizeof location_, "virtio-pci@%02x:%02x.%x", f.bus(), f.slot(), f.function());
    }

    Result<void> find_regions() {
        function_.enable();
        u32 at = 0;
        for (int i = 0; i < 48 && (at = function_.find_capability(kVendorCapability, at)); ++i) {
            if (at > 256 - 16) continue;
            u8 type = function_.read8(at + 3), bar = function_.read8(at + 4);
            u32 offset = function_.read32(at + 8), length = function_.read32(at + 12);
            switch (type) {
            case kCommon: TRY(map(common_, bar, offset, length, kCommonBytes)); break;
            case kNotify:
                if (at > 256 - 20) return ENODEV;
                notify_multiplier_ = function_.read32(at + 16);
                TRY(map(notify_, bar, offset, length, 2));
                break;
            case kIsr: TRY(map(isr_, bar, offset, length, 1)); break;
            case kDevice: TRY(map(device_, bar, offset, length, 1)); break;
            default: break;
            }
        }
        return common_.base && notify_.base && isr_.base ? Result<void>() : Result<void>(ENODEV);
    }

    u32 device_type() const override { return type_; }
    const char* location() const override { return location_; }
    bool legacy() const override { return false; }

    u8 status() override { return read<u8>(kStatus); }
    void set_status(u8 bits) override { write<u8>(kStatus, bits); }
    u64 device_features() override {
        write<u32>(kDeviceFeatureSelect, 1);
        u64 high = read<u32>(kDeviceFeature);
        write<u32>(kDeviceFeatureSelect, 0);
        return high << 32 | read<u32>(kDeviceFeature);
    }
    void set_driver_features(u64 features) override {
        write<u32>(kDriverFeatureSelect, 1);
        write<u32>(kDriverFeature, u32(features >> 32));
        write<u32>(kDriverFeatureSelect, 0);
        write<u32>(kDriverFeature, u32(features));
    }

    u16 queue_max_size(u16 queue) override {
        if (queue >= kMaxQueues || queue >= read<u16>(kNumQueues)) return 0;
        write<u16>(kQueueSelect, queue);
        return read<u16>(kQueueSize);
    }
    Result<void> set_up_queue(u16 queue, u16 size, const QueueAddresses& a) override {
        if (queue >= kMaxQueues) return EIO;
        TRY(prepare_interrupt());
        write<u16>(kQueueSelect, queue);
        u32 offset = read<u16>(kQueueNotifyOff) * notify_multiplier_;
        if (notify_.length < 2 || offset > notify_.length - 2) return EIO;
        notify_offsets_[queue] = offset;
        write<u16>(kQueueSize, size);
        write64(kQueueDesc, a.descriptors);
        write64(kQueueDriver, a.available);
        write64(kQueueDevice, a.used);
        if (msix_) {
            write<u16>(kQueueVector, 0);
            if (read<u16>(kQueueVector) != 0) return EIO;
        }
        write<u16>(kQueueEnable, 1);
        return {};
    }
    void notify(u16 queue) override {
        *reinterpret_cast<volatile u16*>(notify_.base + notify_offsets_[queue]) = queue;
    }

    void read_config(u32 offset, void* to, u32 n) override {
        u8* out = static_cast<u8*>(to);
        for (int tries = 0; tries < 8; ++tries) {
            u8 before = read<u8>(kGeneration);
            for (u32 i = 0; i < n; ++i) out[i] = offset + i < device_.length ? device_.base[offset + i] : 0;
            if (read<u8>(kGeneration) == before) return;
        }
    }
    void write_config(u32 offset, const void* from, u32 n) override {
        const u8* in = static_cast<const u8*>(from);
        for (u32 i = 0; i < n && offset + i < device_.length; ++i) device_.base[offset + i] = in[i];
    }

    /// The vector exists since the first queue was set up; from here on it raises work.
    Result<void> connect_interrupt(DeferredWork& work) override {
        __atomic_store_n(&work_, &work, __ATOMIC_RELEASE);
        if (!interrupt_ready_) return ENODEV;
        return {};
    }

  private:
    Result<void> map(Region& region, u8 bar, u32 offset, u32 length, u32 least) {
        if (region.base || length < least) return {}; // the first of a kind counts
        auto b = function_.bar(bar);
        if (!b) return {};                            // another of the same kind may be reachable
        if (!b->is_memory || offset > b->size || length > b->size - offset) return {};
        if (length > 64 * KiB) length = 64 * KiB;
        u64 page = page_down(b->address + offset);
        u64 bytes = page_up(b->address + offset + length) - page;
        auto* base = static_cast<volatile u8*>(TRY(map_device(page, bytes)));
        region = {base + (b->address + offset - page), length};
        return {};
    }
    Result<void> prepare_interrupt() {
        if (interrupt_tried_) return {};
        interrupt_tried_ = true;
        interrupt_ready_ = function_.request_interrupt(on_interrupt, this, &msix_).ok();
        if (msix_) write<u16>(kConfigVector, kNoVector);
        return {};
    }
    static void on_interrupt(void* arg) {
        auto& self = *static_cast<PciTransport*>(arg);
        // Reading the status acknowledges a line interrupt; with MSI-X it says nothing.
        if (!self.msix_ && *self.isr_.base == 0) return;
        if (DeferredWork* work = __atomic_load_n(&self.work_, __ATOMIC_ACQUIRE)) raise_deferred(*work);
    }
    template <class T>
    T read(u32 offset) const {
        return *reinterpret_cast<const volatile T*>(common_.base + offset);
    }
    template <class T>
    void write(u32 offset, T v) {
        *reinterpret_cast<volatile T*>(common_.base + offset) = v;
    }
    void write64(u32 offset, u64 v) {
        write<u32>(offset, u32(v));
        write<u32>(offset + 4, u32(v >> 32));
    }

    PciFunction function_;
    Region common_, notify_, isr_, device_;
    u32 notify_multiplier_ = 0;
    u32 notify_offsets_[kMaxQueues] = {};
    DeferredWork* work_ = nullptr;
    u32 type_;
    bool msix_ = false, interrupt_tried_ = false, interrupt_ready_ = false;
    char location_[32];
};

} // namespace

Result<Owned<VirtioTransport>> probe_virtio_pci(const PciFunction& f) {
    auto t = TRY(make_owned<PciTransport>(f));
    TRY(t->find_regions());
    return Owned<VirtioTransport>(std::move(t));
}

} // namespace linnet
