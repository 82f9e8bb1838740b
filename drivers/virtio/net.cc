// virtio-net (virtio 1.2, section 5.1): one receive and one transmit queue, mergeable receive buffers, checksum and segmentation
// offload for what is sent. Receive buffers are halves of pages that the network stack keeps as long as it likes; more are
// made while it holds many, and given back afterwards.
#include "drivers/virtio/device.h"
#include "kernel/dev/device.h"
#include "kernel/lib/log.h"
#include "kernel/lib/random.h"
#include "kernel/lib/string.h"

namespace linnet {
namespace {

constexpr u64 kCsum = 1ull << 0, kGuestCsum = 1ull << 1, kMtu = 1ull << 3, kMac = 1ull << 5, kHostTso4 = 1ull << 11,
              kHostTso6 = 1ull << 12, kMergeable = 1ull << 15, kStatus = 1ull << 16;
constexpr u8 kNeedsCsum = 1, kDataValid = 2;
constexpr u64 kRelookNs = 100 * kNsPerMs, kRelookFullNs = 5 * kNsPerMs;

struct Header {
    u8 flags, gso_type;
    u16 header_length, gso_size, csum_start, csum_offset, buffer_count;
};
static_assert(sizeof(Header) == 12);

class VirtioNet;

constexpr u32 kBufferBytes = 2048;
struct ReceiveBuffer {
    NetBuffer net;
    ReceiveBuffer* next_free;
    // With the 12-byte header and 14 of Ethernet before it, the IP header is aligned.
    static constexpr u32 kOffset = 66;
    u8* area() { return reinterpret_cast<u8*>(this) + kOffset; }
    static constexpr u32 kAreaBytes = kBufferBytes - kOffset;
};
static_assert(sizeof(ReceiveBuffer) <= ReceiveBuffer::kOffset);

class VirtioNet final : public VirtioDriver, public NetDevice {
  public:
    explicit VirtioNet(Owned<VirtioTransport> t) : VirtioDriver(std::move(t)) {}

    Result<void> start() {
        TRY(negotiate(kCsum | kGuestCsum | kMtu | kMac | kHostTso4 | kHostTso6 | kMergeable | kStatus));
        header_bytes_ = !legacy() || has(kMergeable) ? 12 : 10;
        if (has(kMac)) {
            transport_->read_config(0, mac_, 6);
        } else {
            random_bytes(mac_, 6);
            mac_[0] = u8((mac_[0] & 0xfc) | 2); // locally administered, unicast
        }
        mtu_ = 1500;
        if (has(kMtu)) {
            u16 mtu = 0;
            transport_->read_config(10, &mtu, 2);
            if (mtu >= 1280 && mtu <= 1500) mtu_ = mtu;
        }
        TRY(receive_.set_up(*transport_, 0, kReceiveEntries));
        TRY(transmit_.set_up(*transport_, 1, 256));
        headers_ = static_cast<Header*>(kzalloc(sizeof(Header) * transmit_.size()));
        if (!headers_) return ENOMEM;
        {
            SpinGuard guard(receive_lock_);
            refill();
            if (receive_.in_flight() == 0) return ENOMEM;
        }
        transmit_.disable_interrupts();
        started();
        receive_.kick();
        look_again_in(kRelookNs);
        return {};
    }

    const u8* mac() const override { return mac_; }
    NetFeatures features() const override {
        // Without a checksum offload the device may not segment either.
        bool csum = has(kCsum);
        return {csum, has(kGuestCsum), csum && has(kHostTso4), csum && has(kHostTso6), mtu_};
    }
    bool link_up() const override {
        if (!has(kStatus)) return true;
        u16 status = 0;
        transport_->read_config(6, &status, 2);
        return status & 1;
    }

    bool transmit(NetBuffer* chain) override {
        if (transmit_.free_count() <= kMaxPieces) reclaim();
        if (offer(chain)) return true;
        full_.store(true);
        transmit_.enable_interrupts();
        look_again_in(kRelookFullNs);
        return false;
    }

    void kick() override {
        transmit_.kick();
        reclaim();
    }

    NetBuffer* poll() override {
        SpinGuard guard(receive_lock_);
        for (;;) {
            if (NetBuffer* frame = next_frame()) return frame;
            if (receive_.has_used()) continue; // that one was dropped
            refill();
            receive_.kick();
            if (receive_.enable_interrupts() || receive_.broken()) return nullptr;
            receive_.disable_interrupts();
        }
    }

  protected:
    void look_at_rings(bool by_timer) override {
        if (receive_.has_used()) {
            receive_.disable_interrupts();
            if (on_receive) on_receive(*this);
        }
        // The stack's next transmit() or kick() reclaims; here is only looked.
        // Room may have come back by a kick() that reclaimed everything, with nothing left in flight to tell of it.
        bool room = transmit_.has_used() || (full_.load() && transmit_.free_count() > kMaxPieces);
        if (room && full_.exchange(false)) transmit_.disable_interrupts();
        // A notification that was lost would leave frames with the device until the next one.
        if (by_timer && !room && transmit_.in_flight()) transport_->notify(1);
        if (room && on_transmit_room) on_transmit_room(*this);
        if (by_timer) {
            SpinGuard guard(receive_lock_);
            refill();
            receive_.kick();
        }
        look_again_in(full_.load() ? kRelookFullNs : kRelookNs);
    }

  private:
    static constexpr u16 kReceiveEntries = 128;
    static constexpr u32 kMaxPieces = 24;        // of one frame to send
    static constexpr u32 kBaseBuffers = 64, kMaxBuffers = 1024;

    // --- receiving; receive_lock_ held ---

    /// Makes the ring as full as it should be.
    void refill() {
        while (receive_.free_count() && receive_.in_flight() < kBaseBuffers) {
            if (!free_ && !more_buffers()) return;
            ReceiveBuffer* b = free_;
            Virtqueue::Buffer v{virt_to_phys(b->area()), ReceiveBuffer::kAreaBytes};
            if (receive_.add(&v, 0, 1, b) < 0) return;
            free_ = b->next_free;
        }
    }
    bool more_buffers() {
        if (buffers_ + 2 > kMaxBuffers) return false;
        auto page = alloc_pages(0, false, true);
        if (!page) return false;
        get_page(*page); // each half holds a reference
        u8* base = static_cast<u8*>(page_to_virt(*page));
        for (u32 i = 0; i < 2; ++i) {
            auto* b = new (base + i * kBufferBytes) ReceiveBuffer;
            b->next_free = free_;
            free_ = b;
        }
        buffers_ += 2;
        return true;
    }
    void give_back(ReceiveBuffer* b) {
        if (buffers_ > kBaseBuffers && receive_.in_flight() >= kBaseBuffers / 2) {
            --buffers_;
            put_page(phys_to_page(virt_to_phys(b)));
            return;
        }
        b->next_free = free_;
        free_ = b;
    }
    static void release_received(NetBuffer* n) {
        auto& self = *static_cast<VirtioNet*>(n->owner);
        SpinGuard guard(self.receive_lock_);
        self.give_back(reinterpret_cast<ReceiveBuffer*>(n));
    }
    NetBuffer* fill_in(ReceiveBuffer* b, u8* data, u32 length) {
        NetBuffer& n = b->net;
        n.data = data;
        n.length = length;
        n.capacity = u32(b->area() + ReceiveBuffer::kAreaBytes - data);
        n.csum_valid = false;
        n.csum_start = n.csum_offset = n.gso_size = n.gso_type = 0;
        n.release = release_received;
        n.owner = static_cast<VirtioNet*>(this);
        n.next = nullptr;
        return &n;
    }
    /// The next frame; null if there is none, or if it was bad and dropped.
    NetBuffer* next_frame() {
        Virtqueue::Used used;
        if (!receive_.pop(&used)) return nullptr;
        auto* first = static_cast<ReceiveBuffer*>(used.cookie);
        if (receive_.in_flight() < kBaseBuffers / 2) {
            refill();
            receive_.kick();
        }
        Header h{};
        if (used.length >= header_bytes_) memcpy(&h, first->area(), header_bytes_);
        u32 pieces = header_bytes_ == 12 && has(kMergeable) ? h.buffer_count : 1;
        u32 bytes = used.length;
        bool good = used.length >= header_bytes_ + 14 && pieces >= 1;
        NetBuffer* head = fill_in(first, first->area() + header_bytes_, good ? used.length - header_bytes_ : 0);
        NetBuffer* tail = head;
        for (u32 i = 1; i < pieces; ++i) {
            if (!receive_.pop(&used)) {
                good = false; // all pieces are published at once, or the device is wrong
                break;
            }
            auto* b = static_cast<ReceiveBuffer*>(used.cookie);
            tail = tail->next = fill_in(b, b->area(), used.length);
            bytes += used.length;
        }
        if (!good || bytes > 65535) {
            ++stats.rx_dropped;
            while (head) {
                NetBuffer* next = head->next;
                give_back(reinterpret_cast<ReceiveBuffer*>(head));
                head = next;
            }
            return nullptr;
        }
        head->csum_valid = has(kGuestCsum) && (h.flags & (kNeedsCsum | kDataValid));
        ++stats.rx_packets;
        stats.rx_bytes += bytes - header_bytes_;
        return head;
    }

    // --- sending; the caller of transmit() and kick() serialises ---

    bool offer(NetBuffer* chain) {
        Virtqueue::Buffer pieces[kMaxPieces + 1];
        u32 count = 1;
        u64 bytes = 0;
        for (NetBuffer* n = chain; n; n = n->next) {
            if (n->length == 0) continue;
            if (count > kMaxPieces) {
                // More pieces than a frame of this stack has: dropped, rather than left to stop the queue.
                ++stats.tx_dropped;
                chain->release(chain);
                return true;
            }
            pieces[count++] = {virt_to_phys(n->data), n->length};
            bytes += n->length;
        }
        if (transmit_.broken() || count == 1) {
            ++stats.tx_dropped;
            chain->release(chain);
            return true;
        }
        if (transmit_.free_count() < count) return false;
        Header& h = headers_[transmit_.next_head()];
        h = {};
        if (chain->csum_offset) {
            h.flags = kNeedsCsum;
            h.csum_start = chain->csum_start;
            h.csum_offset = chain->csum_offset;
        }
        if (chain->gso_size) {
            h.gso_type = u8(chain->gso_type);
            h.gso_size = chain->gso_size;
            u32 tcp = chain->csum_start;
            h.header_length = u16(tcp + 13 <= chain->length ? tcp + (chain->data[tcp + 12] >> 4) * 4u : tcp + 20);
        }
        pieces[0] = {virt_to_phys(&h), header_bytes_};
        if (transmit_.add(pieces, count, 0, chain) < 0) return false;
        ++stats.tx_packets;
        stats.tx_bytes += bytes;
        return true;
    }
    void reclaim() {
        Virtqueue::Used used;
        while (transmit_.pop(&used)) {
            auto* chain = static_cast<NetBuffer*>(used.cookie);
            chain->release(chain);
        }
    }

    SpinLock<Rank::NetDevice> receive_lock_;
    Virtqueue receive_;  // receive_lock_
    Virtqueue transmit_; // whoever calls transmit() and kick()
    u32 header_bytes_ = 12;
    u8 mac_[6] = {};
    u32 mtu_ = 1500;
    ReceiveBuffer* free_ = nullptr;
    u32 buffers_ = 0; // in all: with the device, free, with the stack
    Header* headers_ = nullptr; // one for each descriptor that can be a head
    std::atomic<bool> full_{false};
};

} // namespace

void start_virtio_net(Owned<VirtioTransport> t) {
    auto net = make_owned<VirtioNet>(std::move(t));
    if (!net) return;
    VirtioNet* n = net->release();
    if (auto r = n->start(); !r) log_warn("virtio-net: %s", errno_name(r.error()));
    else net_devices().push_back(*n);
}

} // namespace linnet
