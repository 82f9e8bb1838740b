// Interfaces between drivers and what uses them, and the registry of devices found at boot.
#pragma once

#include "kernel/lib/list.h"
#include "kernel/lib/ref.h"

namespace linnet {

/// A byte stream: the serial line, a virtio-console port.
class CharDevice : NoCopy {
  public:
    virtual ~CharDevice() = default;
    /// "ttyS0", or the virtio port's name ("linnet.stdio").
    virtual const char* name() const = 0;
    /// Queues up to n bytes for output; returns how many were taken (0: full, wait for on_writable). Any thread or deferred context.
    virtual size_t write(const void* p, size_t n) = 0;
    /// Takes up to n bytes of input.
    virtual size_t read(void* p, size_t n) = 0;
    virtual bool readable() = 0;
    virtual bool writable() = 0;
    /// Everything written has been taken by the other side (polls the device, may be called with interrupts off).
    virtual bool drained() = 0;
    /// Called in deferred context when input arrived or output room came back. One listener.
    void (*on_event)(void* arg) = nullptr;
    void* event_arg = nullptr;
    ListNode registry_node;
};

/// A network packet: bytes in one page-sized or smaller kernel buffer, with offload data.
struct NetBuffer {
    u8* data;         // first byte of the frame
    u32 length;       // bytes
    u32 capacity;     // bytes from data on
    bool csum_valid;  // receive: checksum checked by the device; no need to verify
    u16 csum_start, csum_offset; // transmit: device fills in the checksum if csum_offset != 0
    u16 gso_size, gso_type;      // 0 unless segmentation offload is used (virtio_net_hdr's values)
    void (*release)(NetBuffer*); // gives the buffer back to its owner
    void* owner;
    NetBuffer* next;  // further pieces of the same frame (mergeable buffers, scatter)
};

struct NetFeatures { bool tx_csum, rx_csum, tso4, tso6; u32 mtu; };

class NetDevice : NoCopy {
  public:
    virtual ~NetDevice() = default;
    virtual const u8* mac() const = 0; // 6 bytes
    virtual NetFeatures features() const = 0;
    virtual bool link_up() const = 0;
    /// Takes the chain over, and releases it when sent. False: the ring is full, the caller keeps it (retry after
    /// on_transmit_room). Thread or deferred context; callers serialise (rank NetCore held). Sent chains are released inside
    /// transmit() and kick() only, so release() runs under the caller's lock as well.
    virtual bool transmit(NetBuffer* chain) = 0;
    /// After a batch of transmits: tells the device. On on_transmit_room too: it releases what was sent.
    virtual void kick() = 0;
    /// Deferred context, when frames arrived: poll() until it returns null.
    void (*on_receive)(NetDevice&) = nullptr;
    void (*on_transmit_room)(NetDevice&) = nullptr;
    void* user = nullptr; // the network stack's
    /// The next received frame (a chain), owned by the caller until released; null if none. Re-enables the interrupt then.
    virtual NetBuffer* poll() = 0;
    struct Stats { u64 rx_packets, rx_bytes, rx_dropped, tx_packets, tx_bytes, tx_dropped; } stats{};
    ListNode registry_node;
};

class EntropySource : NoCopy {
  public:
    virtual ~EntropySource() = default;
    /// Bytes got without sleeping beyond a short device wait; may be 0.
    virtual size_t get_entropy(void* p, size_t n) = 0;
    ListNode registry_node;
};

class BlockDevice : NoCopy {
  public:
    virtual ~BlockDevice() = default;
    virtual u64 sector_count() const = 0; // of 512 bytes
    /// Sleeps until done. EIO.
    virtual Result<void> read_sectors(u64 first, void* to, size_t bytes) = 0;
    virtual Result<void> write_sectors(u64 first, const void* from, size_t bytes) = 0;
    virtual Result<void> flush_cache() = 0;
    ListNode registry_node;
};

using CharDevices = List<CharDevice, &CharDevice::registry_node>;
using NetDevices = List<NetDevice, &NetDevice::registry_node>;
using EntropySources = List<EntropySource, &EntropySource::registry_node>;
using BlockDevices = List<BlockDevice, &BlockDevice::registry_node>;

/// Registries: filled during boot (one thread), only read afterwards.
CharDevices& char_devices();
NetDevices& net_devices();
EntropySources& entropy_sources();
BlockDevices& block_devices();
/// By name; null.
CharDevice* find_char_device(const char* name);

} // namespace linnet
