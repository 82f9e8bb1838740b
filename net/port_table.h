// Which sockets are bound to which port, with Linux's rules for sharing one. Guarded by the core lock.
// Source: bind(2), socket(7) SO_REUSEADDR, SO_REUSEPORT; ip(7); ipv6(7) IPV6_V6ONLY.
#pragma once

#include "kernel/lib/list.h"
#include "net/address.h"

namespace linnet {

struct PortBinding : NoCopy {
    ListNode node;
    SocketAddress local;     // port 0: not bound
    bool v6only = false;     // an IPv6 socket that takes no IPv4
    bool reuse_addr = false;
    bool reuse_port = false;
    bool listening = false;  // TCP
    bool datagram = false;   // SO_REUSEADDR alone shares, listening or not
    u32 uid = 0;
    void* owner = nullptr;
    bool bound() const { return node.linked(); }
    /// The binding takes packets for this address.
    bool accepts(const IpAddress& to) const;
    /// How well: 0 no, 1 by the dual-stack wildcard, 2 by the family's wildcard, 3 exactly.
    int match(const IpAddress& to) const;
};

class PortTable : NoCopy {
  public:
    /// Binds to `to`; port 0 chooses an ephemeral one. EADDRINUSE; EADDRNOTAVAIL never.
    Result<void> bind(PortBinding& b, const SocketAddress& to);
    /// Binds without a conflict check (accepted connections share their listener's port).
    void adopt(PortBinding& b, const SocketAddress& to);
    void unbind(PortBinding& b);
    /// A bound TCP socket starts to listen: EADDRINUSE if another one does where reuse_addr had let both bind.
    Result<void> may_listen(const PortBinding& b);
    template <class F>
    void each_on_port(u16 port, F&& f) {
        for (PortBinding& b : buckets_[port % kBuckets])
            if (b.local.port == port) f(b);
    }

    static constexpr u16 kEphemeralFirst = 32768, kEphemeralLast = 60999;

  private:
    static constexpr u32 kBuckets = 1024;
    bool conflicts(const PortBinding& b, const SocketAddress& to);
    bool port_unused(u16 port);
    List<PortBinding, &PortBinding::node> buckets_[kBuckets];
};

} // namespace linnet
