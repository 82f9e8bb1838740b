// The protocol side of UNIX sockets: queues, connections, names. One lock for all (rank UnixSocket): operations are
// short, and pairs need no order. Source: unix(7).
#pragma once

#include "kernel/lib/list.h"
#include "kernel/lib/vec.h"
#include "kernel/sync/mutex.h"
#include "net/socket.h"
#include "vfs/poll.h"

namespace linnet {

extern SpinLock<Rank::UnixSocket> unix_lock;

/// A name: sun_path's bytes. Abstract ones begin with NUL; path names are without their final NUL.
class UnixAddress : public RefCounted {
  public:
    u32 length = 0;
    char bytes[108];
    bool abstract() const { return length && bytes[0] == 0; }
    bool same(const UnixAddress& o) const { return length == o.length && memcmp(bytes, o.bytes, length) == 0; }
};

/// Descriptors in flight (SCM_RIGHTS).
struct UnixRights {
    static constexpr u32 kMost = 253;
    u32 count = 0;
    Ref<File> files[kMost];
};

class UnixCore;

struct UnixPacket {
    ListNode node;
    Ref<UnixAddress> from;  // null: unnamed
    Ref<UnixCore> charged;  // the sender, whose buffer it fills
    Owned<UnixRights> rights;
    abi::Ucred credentials;
    u32 size, read, charge;
    u8 data[];
    /// Null: no memory.
    static UnixPacket* make(size_t size);
    static void destroy(UnixPacket* p);
};
using UnixPackets = List<UnixPacket, &UnixPacket::node>;

class UnixCore : public RefCounted {
  public:
    explicit UnixCore(int socket_type);
    ~UnixCore() override;
    bool stream() const { return type == SOCK_STREAM; }
    bool connection_based() const { return type != SOCK_DGRAM; }

    enum class State : u8 { Unconnected, Listening, Connected };
    static constexpr u32 kMaxDatagrams = 10; // net.unix.max_dgram_qlen

    const int type;
    WaitQueue wait_queue;
    Mutex<Rank::Socket> receive_mutex, send_mutex;

    // Guarded by unix_lock.
    State state = State::Unconnected;
    bool dead = false, receive_shut = false, send_shut = false, bound = false;
    Errno error{};
    Ref<UnixAddress> address;
    Ref<Inode> node;           // of a path name
    ListNode name_node;        // in the table of bound names
    Ref<UnixCore> peer;
    UnixPackets queue GUARDED_BY(unix_lock);
    u32 queue_count GUARDED_BY(unix_lock) = 0;
    u64 queued_bytes GUARDED_BY(unix_lock) = 0;
    u32 outstanding = 0;       // charges of packets that others have not taken yet
    u32 send_limit = 212992;
    u32 backlog = 0, pending_count = 0;
    ListNode pending_node;
    List<UnixCore, &UnixCore::pending_node> pending GUARDED_BY(unix_lock); // to be accepted; holds references
    abi::Ucred own_credentials{0, ~0u, ~0u}, peer_credentials{0, ~0u, ~0u};
    Socket* file = nullptr;    // the open socket; null before accept and after close
    ListNode all_node;
    u32 in_flight = 0;         // references to `file` in packets (unix_gc.cc)
    bool gc_candidate = false, gc_reached = false;

    bool writable() const { return outstanding * 4 <= send_limit; }
    u32 poll_bits() const REQUIRES(unix_lock);
};

/// Frees packets, and closes what they carried, however deeply nested. Thread context, no spin lock.
void unix_free_packets(UnixPackets& packets);
/// Takes a packet out of c's queue. unix_lock held.
void unix_unqueue(UnixCore& c, UnixPacket& p) REQUIRES(unix_lock);
/// The socket is closed: the peer hears of it, what is queued goes.
void unix_close(UnixCore& c);
void each_unix_core(void (*f)(UnixCore&, void*), void* arg);

// --- names (net/unix_names.cc) ---
/// A sockaddr_un: the name's bytes; empty for an autobind request (family alone). EINVAL
Result<Ref<UnixAddress>> parse_unix_address(const SockAddrBuffer& in);
void write_unix_address(SockAddrBuffer& out, const UnixAddress* a);
/// bind(2): makes the socket's node for a path name. EADDRINUSE, EINVAL, errors of mknod.
Result<void> unix_bind(UnixCore& c, const UnixAddress& a);
/// Unbinds; unix_lock held. The node's reference goes to `node`, for the caller to drop unlocked.
void unix_unbind(UnixCore& c, Ref<Inode>& node) REQUIRES(unix_lock);
/// The socket bound to a name. ECONNREFUSED, ENOENT, EACCES, EPROTOTYPE...
Result<Ref<UnixCore>> unix_find(const UnixAddress& a, int type);

// --- descriptors in flight (net/unix_gc.cc) ---
/// Counts the sockets among `r` as in flight (or no more). unix_lock not held.
void unix_rights_queued(UnixRights& r);
void unix_rights_taken(UnixRights& r);
/// Finds sockets that only in-flight messages refer to, in cycles, and empties their queues.
void unix_collect_garbage();

} // namespace linnet
