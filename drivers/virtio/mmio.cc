#include "drivers/virtio/mmio.h"
#include "kernel/irq/irq.h"
#include "kernel/lib/format.h"
#include "kernel/lib/log.h"
#include "kernel/lib/string.h"

namespace linnet {
namespace {

enum Register : u32 {
    kMagic = 0x00, kVersion = 0x04, kDeviceId = 0x08,
    kDeviceFeatures = 0x10, kDeviceFeaturesSelect = 0x14, kDriverFeatures = 0x20, kDriverFeaturesSelect = 0x24,
    kGuestPageSize = 0x28, kQueueSelect = 0x30, kQueueNumMax = 0x34, kQueueNum = 0x38, kQueueAlign = 0x3c,
    kQueuePfn = 0x40, kQueueReady = 0x44, kQueueNotify = 0x50, kInterruptStatus = 0x60, kInterruptAck = 0x64,
    kStatus = 0x70, kQueueDesc = 0x80, kQueueDriver = 0x90, kQueueDevice = 0xa0, kConfigGeneration = 0xfc,
    kConfig = 0x100,
};
constexpr u32 kMagicValue = 0x74726976; // "virt"

class MmioTransport final : public VirtioTransport {
  public:
    MmioTransport(volatile u8* registers, u64 address, u64 size, u32 gsi, bool level, bool low)
        : registers_(registers), size_(size), gsi_(gsi), level_(level), low_(low) {
        version_ = read(kVersion);
        type_ = read(kDeviceId);
        format(location_, sizeof location_, "virtio-mmio@%lx", static_cast<unsigned long>(address));
    }
    u32 version() const { return version_; }

    u32 device_type() const override { return type_; }
    const char* location() const override { return location_; }
    bool legacy() const override { return version_ == 1; }

    u8 status() override { return u8(read(kStatus)); }
    void set_status(u8 bits) override {
        write(kStatus, bits);
        if (bits == 0 && legacy()) write(kGuestPageSize, kPageSize);
    }
    u64 device_features() override {
        write(kDeviceFeaturesSelect, 1);
        u64 high = legacy() ? 0 : read(kDeviceFeatures);
        write(kDeviceFeaturesSelect, 0);
        return high << 32 | read(kDeviceFeatures);
    }
    void set_driver_features(u64 features) override {
        if (!legacy()) {
            write(kDriverFeaturesSelect, 1);
            write(kDriverFeatures, u32(features >> 32));
        }
        write(kDriverFeaturesSelect, 0);
        write(kDriverFeatures, u32(features));
    }

    u16 queue_max_size(u16 queue) override {
        write(kQueueSelect, queue);
        u32 n = read(kQueueNumMax);
        return n > 32768 ? 32768 : u16(n);
    }
    Result<void> set_up_queue(u16 queue, u16 size, const QueueAddresses& a) override {
        write(kQueueSelect, queue);
        write(kQueueNum, size);
        if (legacy()) {
            if (a.descriptors >> 44) return EIO;
            write(kQueueAlign, kPageSize);
            write(kQueuePfn, u32(a.descriptors >> kPageShift));
            return {};
        }
        write64(kQueueDesc, a.descriptors);
        write64(kQueueDriver, a.available);
        write64(kQueueDevice, a.used);
        write(kQueueReady, 1);
        return {};
    }
    void notify(u16 queue) override { write(kQueueNotify, queue); }

    void read_config(u32 offset, void* to, u32 n) override {
        u8* out = static_cast<u8*>(to);
        for (int tries = 0; tries < 8; ++tries) {
            u32 before = legacy() ? 0 : read(kConfigGeneration);
            for (u32 i = 0; i < n; ++i) out[i] = kConfig + offset + i < size_ ? registers_[kConfig + offset + i] : 0;
            if (legacy() || read(kConfigGeneration) == before) return;
        }
    }
    void write_config(u32 offset, const void* from, u32 n) override {
        const u8* in = static_cast<const u8*>(from);
        for (u32 i = 0; i < n && kConfig + offset + i < size_; ++i) registers_[kConfig + offset + i] = in[i];
    }

    Result<void> connect_interrupt(DeferredWork& work) override {
        work_ = &work;
        return request_gsi(gsi_, level_, low_, on_interrupt, this);
    }

  private:
    static void on_interrupt(void* arg) {
        auto& self = *static_cast<MmioTransport*>(arg);
        u32 why = self.read(kInterruptStatus);
        if (!why) return; // the line is shared
        self.write(kInterruptAck, why);
        raise_deferred(*self.work_);
    }
    u32 read(u32 reg) const { return *reinterpret_cast<const volatile u32*>(registers_ + reg); }
    void write(u32 reg, u32 v) { *reinterpret_cast<volatile u32*>(registers_ + reg) = v; }
    void write64(u32 reg, u64 v) {
        write(reg, u32(v));
        write(reg + 4, u32(v >> 32));
    }

    volatile u8* registers_;
    u64 size_;
    DeferredWork* work_ = nullptr;
    u32 version_, type_, gsi_;
    bool level_, low_;
    char location_[32];
};

} // namespace

Result<Owned<VirtioTransport>> probe_virtio_mmio(PhysAddr address, u64 size, u32 gsi, bool level, bool low) {
    if ((address & 3) || size < kConfig || size > MiB) return ENODEV;
    // Slots of microvm share pages: one mapping for all that lie in one page after the other.
    static PhysAddr mapped_page = 0;
    static volatile u8* mapped = nullptr;
    volatile u8* registers;
    PhysAddr page = page_down(address);
    if (mapped && page == mapped_page && page_down(address + size - 1) == page) {
        registers = mapped + (address - page);
    } else {
        u64 length = page_up(address + size) - page;
        mapped = static_cast<volatile u8*>(TRY(map_device(page, length)));
        mapped_page = page;
        registers = mapped + (address - page);
    }
    if (*reinterpret_cast<volatile u32*>(registers + kMagic) != kMagicValue) return ENODEV;
    u32 version = *reinterpret_cast<volatile u32*>(registers + kVersion);
    if (version != 1 && version != 2) {
        log_warn("virtio-mmio@%lx: version %u is unknown", static_cast<unsigned long>(address), version);
        return ENODEV;
    }
    if (*reinterpret_cast<volatile u32*>(registers + kDeviceId) == 0) return ENODEV;
    auto t = TRY(make_owned<MmioTransport>(registers, address, size, gsi, level, low));
    return Owned<VirtioTransport>(std::move(t));
}

} // namespace linnet
