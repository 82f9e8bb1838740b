// TCP as sockets see it. What stands behind an endpoint is a TcpPath: the local one joins two sockets of this guest by
// their queues, without packets (net/local_tcp.cc); the lwIP one talks to the network (net/lwip/tcp_path.cc). Linux's
// states and errors are kept here (net/tcp.cc), so a path may be replaced without a socket noticing.
// Source: tcp(7), RFC 9293.
#pragma once

#include "kernel/lib/list.h"
#include "kernel/mm/io_vector.h"
#include "kernel/sync/mutex.h"
#include "net/byte_queue.h"
#include "net/core.h"
#include "net/port_table.h"
#include "vfs/poll.h"

namespace linnet {

class TcpEndpoint;

struct TcpOptions {
    bool nodelay = false, cork = false, keepalive = false, quickack = true;
    u32 keep_idle_s = 7200, keep_interval_s = 75, keep_count = 9;
    u32 user_timeout_ms = 0;
    u8 ttl = 64, tos = 0;
    u32 max_segment = 0; // TCP_MAXSEG; 0: the path's
};

struct TcpStatistics {
    u32 mss = 0, rtt_us = 0, rto_us = 0, cwnd = 0, ssthresh = 0, unacked = 0, retransmits = 0, total_retransmits = 0;
    u32 snd_wscale = 0, rcv_wscale = 0, rcv_space = 0, pmtu = 0;
};

/// What stands behind a connection. All functions run with the core lock held; none sleeps.
class TcpPath {
  public:
    virtual const char* name() const = 0;
    /// The queue that send() fills, and who must stay alive meanwhile. Null if the connection takes nothing any more.
    virtual ByteQueue* send_queue(TcpEndpoint& e, Ref<TcpEndpoint>& keep) = 0;
    /// Bytes that may be queued now.
    virtual size_t send_room(TcpEndpoint& e) = 0;
    /// `data` was committed to the queue: how many of its bytes the path took (the rest is taken back). more: do not hurry.
    virtual size_t queued(TcpEndpoint& e, std::span<const u8> data, bool more) = 0;
    /// Sends what was held back by `more` or TCP_CORK.
    virtual void push(TcpEndpoint& e) = 0;
    /// The program took n bytes out of the receive queue.
    virtual void consumed(TcpEndpoint& e, size_t n) = 0;
    /// FIN after what is queued.
    virtual void shutdown_send(TcpEndpoint& e) = 0;
    /// The program let go of the connection. reset: RST instead of FIN. The path may keep a reference until all is sent.
    virtual void close(TcpEndpoint& e, bool reset) = 0;
    virtual void options_changed(TcpEndpoint& e) = 0;
    virtual void statistics(TcpEndpoint& e, TcpStatistics& out) = 0;
    /// Bytes sent or queued that the other side has not acknowledged (SIOCOUTQ).
    virtual size_t unacknowledged(TcpEndpoint& e) = 0;

  protected:
    ~TcpPath() = default;
};

/// One TCP socket's protocol side. Members in the second part are for paths, under the core lock.
class TcpEndpoint : public RefCounted {
  public:
    /// ENOMEM
    static Result<Ref<TcpEndpoint>> make(bool v6);
    struct Locked {}; // made with the core lock held
    TcpEndpoint(bool v6, Locked);
    explicit TcpEndpoint(bool v6);
    ~TcpEndpoint() override;

    // --- for sockets; none sleeps but on program memory; the core lock is taken inside ---
    /// EADDRINUSE, EADDRNOTAVAIL, EINVAL (bound already), EACCES never.
    Result<void> bind(const SocketAddress& to);
    Result<void> listen(u32 backlog);
    /// Starts; the state tells how it went (state() SYN_SENT: going on; CLOSE: take_error()). ENETUNREACH, EADDRNOTAVAIL, ENOMEM
    Result<void> connect(const SocketAddress& to);
    /// EAGAIN if none waits; EINVAL if not listening.
    Result<Ref<TcpEndpoint>> accept();
    /// Queues as much as there is room for. EAGAIN; the pending error; EPIPE (the caller raises SIGPIPE); EFAULT; ENOMEM.
    Result<size_t> send(IoVector& from, bool more);
    /// What is there, up to the vector's length; 0: end of stream. EAGAIN, ENOTCONN, the pending error, EFAULT.
    /// peek: leaves it there, starting at offset. A null vector: discards (MSG_TRUNC).
    Result<size_t> receive(IoVector& to, bool peek, size_t peek_offset, bool discard);
    /// SHUT_*. ENOTCONN
    Result<void> shutdown(int how);
    /// AF_UNSPEC connect: back to an unconnected socket.
    void disconnect();
    /// The socket is gone. abort: SO_LINGER of 0.
    void close(bool abort);
    /// Everything sent is acknowledged, or the connection is over (SO_LINGER waits for it).
    bool drained();

    u32 poll_bits(u32 receive_low_water);
    /// For blocking: receive would not return EAGAIN / send would not.
    bool can_receive(u32 low_water);
    bool can_send();
    int state();
    /// SO_ERROR: returns and clears it; 0 for none.
    int take_error();
    SocketAddress local_address();
    SocketAddress remote_address();
    /// Has a peer's name: connected, or was until a moment ago.
    bool has_peer();
    size_t readable_bytes();
    size_t unsent_bytes();
    /// Changes options under the core lock and tells the path.
    template <class F>
    void change_options(F&& f) {
        NetGuard guard;
        f(options_);
        if (path_) path_->options_changed(*this);
    }
    TcpOptions options();
    TcpStatistics statistics();
    /// Changes reuse_addr, reuse_port, v6only, uid before bind.
    template <class F>
    void change_binding(F&& f) {
        NetGuard guard;
        f(binding_);
    }
    void set_limits(u32 send_limit, u32 receive_limit);

    WaitQueue wait_queue;
    bool v6; // AF_INET6 socket; constant once it is visible
    u64 inode_number = 0; // for /proc/net/tcp

    // --- for paths and /proc, core lock held ---
    void established();
    void fail(Errno e); // the connection is over with this error
    void got_fin();
    void got_data() { wait_queue.wake_all(kReadable); }
    void got_room();
    bool accept_queue_full() const { return accept_count_ > backlog_; }
    /// A new connection for this listener; its reference goes to the accept queue.
    void push_accepted(Ref<TcpEndpoint> child);
    void set_closed();

    static constexpr u32 kReadable = 0x41, kWritable = 0x104, kHangUp = 0x10 | 0x2000, kErrorBit = 8; // poll bits
    TcpPath* path_ = nullptr;
    void* pcb_ = nullptr;              // lwIP's connection
    void* listener_ = nullptr;         // lwIP's listener
    TcpEndpoint* peer_ = nullptr;      // the local path's other side; cut when either closes
    bool peer_gone_ = false;           // local path: the other side closed; the next send meets a reset
    TcpEndpoint* pending_on_ = nullptr; // local path: waits for room in this listener's queue
    ListNode pending_node_;
    List<TcpEndpoint, &TcpEndpoint::pending_node_> pending_;
    PortBinding binding_;
    SocketAddress remote_;
    ByteQueue receive_queue_, send_queue_;
    int state_;
    Errno error_{};
    bool fin_received_ = false, receive_shut_ = false, send_shut_ = false;
    bool need_room_ = false;           // a writer or poller waits for room
    bool closed_by_program_ = false;
    bool ever_connected_ = false;
    bool accepted_ = false;            // made for a listener
    bool port_named_ = false;          // by bind(2)
    TcpOptions options_;
    u32 send_limit_, receive_limit_;
    u32 backlog_ = 0, accept_count_ = 0;
    ListNode accept_node_;
    List<TcpEndpoint, &TcpEndpoint::accept_node_> accept_queue_; // holds references
    TcpEndpoint* parent_ = nullptr;    // listener, while in its accept queue
    ListNode all_node_;

  private:
    friend void each_tcp_endpoint(void (*f)(TcpEndpoint&, void*), void* arg);
    Errno send_error();
    void drop_embryos();
    void close_locked(bool abort);
    void disconnect_locked();
    bool can_send_locked();
    bool autobound_ = false; // the port was chosen by us: it goes with the connection
    Mutex<Rank::Socket> send_mutex_, receive_mutex_;
};

/// What has happened since the start, over both paths. Core lock held.
struct TcpEventCounts {
    u64 active_opens = 0, passive_opens = 0, attempt_fails = 0, established_resets = 0;
};
extern TcpEventCounts tcp_events;

extern PortTable tcp_ports;
extern TcpPath& local_tcp_path;
extern TcpPath& lwip_tcp_path;

/// Drops a reference once the core lock is free (a destructor takes it). Core lock held.
void net_release_later(TcpEndpoint* e);

/// The listening endpoint for a connection to `to`, as Linux scores them; null. Core lock held.
TcpEndpoint* find_tcp_listener(const SocketAddress& to, u32 hash);
/// Core lock held.
void each_tcp_endpoint(void (*f)(TcpEndpoint&, void*), void* arg);

// net/local_tcp.cc. Core lock held. `child`: made by the caller for the accepting side.
void local_tcp_connect(TcpEndpoint& e, const SocketAddress& to, Ref<TcpEndpoint> child);
/// Room in the listener's queue: lets waiting local connects through.
void local_tcp_admit(TcpEndpoint& listener);
// net/lwip/tcp_path.cc. Core lock held.
Result<void> lwip_tcp_listen(TcpEndpoint& e);
void lwip_tcp_unlisten(TcpEndpoint& e);
Result<void> lwip_tcp_connect(TcpEndpoint& e, const SocketAddress& to);
void lwip_tcp_accepted(TcpEndpoint& child);
// net/lwip/port.cc. Core lock held. Connections inside the guest have no segments.
struct TcpSegmentCounts {
    u32 in, out, retransmitted, in_errors, resets_sent;
};
TcpSegmentCounts lwip_tcp_segments();

} // namespace linnet
