// The first serial line as a CharDevice. The kernel's early output (kernel/boot) has set speed and format; here input and
// output of programs are added. Source: PC16550D data sheet.
#include "drivers/serial/uart.h"

#include <atomic>

#include "kernel/arch/x86_64/port_io.h"
#include "kernel/dev/device.h"
#include "kernel/irq/deferred.h"
#include "kernel/irq/irq.h"
#include "kernel/lib/log.h"
#include "kernel/sync/spinlock.h"
#include "kernel/time/clock.h"
#include "kernel/time/timer.h"

namespace linnet {
namespace {

constexpr u16 kBase = 0x3f8, kData = kBase, kInterruptEnable = kBase + 1, kFifoControl = kBase + 2,
              kModemControl = kBase + 4, kLineStatus = kBase + 5, kScratch = kBase + 7;
constexpr u8 kDataReady = 1, kTransmitEmpty = 0x20, kAllSent = 0x40;
constexpr u32 kFifoBytes = 16;

class Uart final : public CharDevice {
  public:
    const char* name() const override { return "ttyS0"; }

    bool start() {
        port_out8(kScratch, 0x5a);
        if (port_in8(kScratch) != 0x5a || port_in8(kLineStatus) == 0xff) return false;
        port_out8(kFifoControl, 0x07);  // FIFOs on and cleared, interrupt at the first byte
        port_out8(kModemControl, 0x0b); // DTR, RTS, interrupts to the bus
        work_.uart = this;
        work_.run = [](DeferredWork& w) { static_cast<Work&>(w).uart->tell(); };
        timer_.uart = this;
        timer_.expired = [](Timer& t) { static_cast<RoomTimer&>(t).uart->tell(); };
        auto r = request_isa_irq(4, [](void* arg) { static_cast<Uart*>(arg)->interrupt(); }, this);
        if (!r) log_warn("ttyS0: no interrupt (%s): no input", errno_name(r.error()));
        else port_out8(kInterruptEnable, 1);
        return true;
    }

    size_t write(const void* p, size_t n) override {
        const u8* from = static_cast<const u8*>(p);
        SpinGuard guard(lock_);
        size_t taken = 0;
        while (taken < n) {
            u32 spins = 0;
            while (!(port_in8(kLineStatus) & kTransmitEmpty) && ++spins < 2000) __builtin_ia32_pause();
            if (spins == 2000) {
                start_timer(timer_, monotonic_ns() + 5 * kNsPerMs);
                break;
            }
            for (u32 i = 0; i < kFifoBytes && taken < n; ++i) port_out8(kData, from[taken++]);
        }
        return taken;
    }

    size_t read(void* p, size_t n) override {
        u8* to = static_cast<u8*>(p);
        SpinGuard guard(lock_);
        size_t got = 0;
        u32 tail = tail_.load(std::memory_order_relaxed);
        u32 head = head_.load(std::memory_order_acquire);
        while (got < n && tail != head) to[got++] = ring_[tail++ % kRingBytes];
        tail_.store(tail, std::memory_order_release);
        if (got && stopped_.exchange(false)) port_out8(kInterruptEnable, 1);
        return got;
    }

    bool readable() override {
        return tail_.load(std::memory_order_relaxed) != head_.load(std::memory_order_acquire);
    }
    bool writable() override {
        bool room = port_in8(kLineStatus) & kTransmitEmpty;
        if (!room) start_timer(timer_, monotonic_ns() + 5 * kNsPerMs);
        return room;
    }
    bool drained() override { return port_in8(kLineStatus) & kAllSent; }

  private:
    static constexpr u32 kRingBytes = 2048;

    /// Hard interrupt: the only producer of the ring.
    void interrupt() {
        u32 head = head_.load(std::memory_order_relaxed);
        bool any = false;
        for (u32 i = 0; i < kRingBytes && (port_in8(kLineStatus) & kDataReady); ++i) {
            if (head - tail_.load(std::memory_order_acquire) == kRingBytes) {
                // Full: the rest stays in the device, which holds the sender back.
                stopped_.store(true);
                port_out8(kInterruptEnable, 0);
                break;
            }
            ring_[head++ % kRingBytes] = port_in8(kData);
            any = true;
        }
        head_.store(head, std::memory_order_release);
        if (any) raise_deferred(work_);
    }
    void tell() {
        if (on_event) on_event(event_arg);
    }

    struct Work : DeferredWork { Uart* uart; } work_;
    struct RoomTimer : Timer { Uart* uart; } timer_;
    SpinLock<Rank::MiscSpin> lock_;
    u8 ring_[kRingBytes];
    std::atomic<u32> head_{0}, tail_{0};
    std::atomic<bool> stopped_{false};
};

alignas(Uart) u8 uart_storage[sizeof(Uart)];

} // namespace

void start_serial_line() {
    Uart* uart = new (uart_storage) Uart;
    if (uart->start()) char_devices().push_back(*uart);
}

} // namespace linnet
