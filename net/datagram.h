// UDP and raw IP as sockets see them. Datagrams between two sockets of this guest are handed over as they are; the rest goes
// through lwIP (net/lwip/datagram_path.cc). Each endpoint's queue has a lock of its own, and a connected socket remembers
// which socket of this guest its datagrams go to: these two talk without the core lock. Source: udp(7), raw(7), ip(7).
#pragma once

#include "kernel/lib/list.h"
#include "kernel/lib/ref.h"
#include "kernel/mm/io_vector.h"
#include "kernel/sync/mutex.h"
#include "net/core.h"
#include "net/port_table.h"
#include "vfs/poll.h"

namespace linnet {

struct Datagram {
    ListNode node;
    SocketAddress from, to;
    u32 interface; // that it came in by
    u32 size;
    u8 ttl, tos;
    u8 data[];
    /// Null: no memory.
    static Datagram* make(size_t size);
};

/// Which socket a datagram is for may be answered otherwise from now on: a socket was bound, connected or closed. Core lock held.
void udp_matching_changed();

struct DatagramOptions {
    u8 ttl = 64, tos = 0, multicast_ttl = 1;
    bool broadcast = false, multicast_loop = true, header_included = false;
    u32 multicast_interface = 0;
};

/// A UDP or raw socket's protocol side.
class DatagramEndpoint : public RefCounted {
  public:
    /// protocol: IPPROTO_UDP, or the raw socket's (`raw`). ENOMEM
    static Result<Ref<DatagramEndpoint>> make(bool v6, bool raw, u8 protocol);
    DatagramEndpoint(bool v6, bool raw, u8 protocol);
    ~DatagramEndpoint() override;

    /// EINVAL (bound), EADDRINUSE, EADDRNOTAVAIL
    Result<void> bind(const SocketAddress& to);
    Result<void> connect(const SocketAddress& to);
    /// connect(2) to AF_UNSPEC. What bind(2) did not choose, the address and the port, is given up too, as Linux does it.
    void disconnect();
    /// Sends all of `from` as one datagram; to null: the connected peer. EDESTADDRREQ, EMSGSIZE, ENETUNREACH, EACCES, EFAULT, EAGAIN...
    /// source/interface: IP_PKTINFO of the sender; any / 0 for none.
    Result<size_t> send(IoVector& from, const SocketAddress* to, const IpAddress* source, u32 interface);
    /// The next datagram, which stays in the queue and valid until drop_front(): for one reader at a time (receive_mutex). Null:
    /// none. error: the pending one, taken.
    Datagram* front(Errno& error);
    /// Takes the first out and frees it.
    void drop_front();
    Result<void> shutdown(int how);
    void close();
    u32 poll_bits();
    bool can_receive();
    int take_error();
    size_t next_size();
    Result<void> membership(const IpAddress& group, u32 interface, bool join);
    SocketAddress local_address();
    SocketAddress remote_address();
    bool connected();
    template <class F>
    void change_options(F&& f) {
        NetGuard core;
        SpinGuard guard(lock_);
        f(options_);
    }
    template <class F>
    void change_binding(F&& f) {
        NetGuard core;
        f(binding_);
        udp_matching_changed();
    }
    DatagramOptions options() {
        SpinGuard guard(lock_);
        return options_;
    }
    void set_receive_limit(u32 bytes) {
        SpinGuard guard(lock_);
        receive_limit_ = bytes;
    }

    Mutex<Rank::Socket> receive_mutex;
    WaitQueue wait_queue;
    const bool v6, raw;
    const u8 protocol;
    u64 inode_number = 0;

    /// Queues d, or drops (and frees) it when the queue is full. With or without the core lock.
    void deliver(Datagram* d);
    /// Bytes in the queue and datagrams dropped, for /proc.
    void queue_state(u32& bytes, u64& drops);

    // --- core lock held ---
    Result<void> autobind() REQUIRES(net_core_lock);

    PortBinding binding_;
    // Written with the core lock and lock_ held, read with either.
    SocketAddress remote_; // port 0 (raw: any address): not connected
    bool connected_ = false, receive_shut_ = false, send_shut_ = false;
    DatagramOptions options_;
    bool address_chosen_ = false, port_chosen_ = false; // by bind(2): a disconnect leaves them
    void* pcb_ = nullptr; // lwIP's port or raw pcb
    struct Group { IpAddress group; u32 interface; };
    static constexpr u32 kMaxGroups = 20;
    Group groups_[kMaxGroups];
    u32 group_count_ = 0;
    u64 icmp_filter_ = 0; // raw ICMP: types not wanted (ICMP_FILTER)
    ListNode all_node_;

  private:
    /// Where the datagrams of a connected socket go, if that is a socket of this guest: good for one udp_matching value.
    struct LocalRoute {
        Ref<DatagramEndpoint> peer;
        SocketAddress from;
        u64 matching = 0;
    };
    bool send_to_local_peer(Datagram* d);
    void remember_local_peer(LocalRoute& route);

    SpinLock<Rank::DatagramQueue> lock_;
    // Guarded by lock_:
    Errno error_{};
    List<Datagram, &Datagram::node> queue_;
    u32 queued_bytes_ = 0, receive_limit_ = 212992;
    u64 drops_ = 0;
    LocalRoute local_route_;
};

extern PortTable udp_ports;

// Core lock held.
/// Hands a UDP datagram to the socket(s) that it is for; takes it over. False: nobody (it is freed). only: the one socket that
/// all datagrams from and to these addresses are for, if there is one.
bool udp_deliver(Datagram* d, DatagramEndpoint** only = nullptr);
void each_datagram_endpoint(void (*f)(DatagramEndpoint&, void*), void* arg);

// net/lwip/datagram_path.cc, core lock held.
Result<void> lwip_datagram_open(DatagramEndpoint& e);  // bound (UDP), or made (raw)
void lwip_datagram_close(DatagramEndpoint& e);
Result<void> lwip_datagram_send(DatagramEndpoint& e, const Datagram& d);
Result<void> lwip_membership(const IpAddress& group, u32 interface, bool join);

} // namespace linnet
