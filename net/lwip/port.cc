// What lwIP's sources call.
#include "kernel/lib/random.h"
#include "kernel/lib/ref.h"
#include "kernel/time/clock.h"
#include "net/lwip/glue.h"
#include "net/lwip/hooks.h"
#include "net/transport.h"

using namespace linnet;

extern "C" {

void linnet_lwip_assert(const char* text, const char* file, int line) { panic("lwIP: %s at %s:%d", text, file, line); }

uint32_t linnet_lwip_random(void) { return random_u64(); }

void* linnet_lwip_malloc(size_t n) { return kmalloc(n); }

void* linnet_lwip_calloc(size_t n, size_t size) {
    size_t total;
    if (__builtin_mul_overflow(n, size, &total)) return nullptr;
    return kzalloc(total);
}

void linnet_lwip_free(void* p) { kfree(p); }

void linnet_lwip_core_locked(void) { ASSERT(net_core_lock.is_held()); }

u32_t sys_now(void) { return monotonic_ns() / kNsPerMs; }

uint32_t linnet_tcp_isn(const ip_addr_t* local, uint16_t local_port, const ip_addr_t* remote, uint16_t remote_port) {
    static u64 key[2];
    if (!key[0]) random_bytes(key, sizeof key);
    // A keyed mix of the connection's addresses, plus a clock of 4 us (RFC 6528).
    u64 h = key[0];
    auto mix = [&](u64 v) {
        h ^= v;
        h *= 0x9e3779b97f4a7c15ull;
        h ^= h >> 29;
        h += key[1];
        h *= 0xbf58476d1ce4e5b9ull;
        h ^= h >> 32;
    };
    IpAddress a = from_lwip(*local), b = from_lwip(*remote);
    mix(a.high());
    mix(a.low());
    mix(b.high());
    mix(b.low());
    mix(u64{local_port} << 16 | remote_port);
    return static_cast<u32>(h) + static_cast<u32>(monotonic_ns() / 4096);
}
}

namespace linnet {

TcpSegmentCounts lwip_tcp_segments() {
    const auto& m = lwip_stats.mib2;
    return {m.tcpinsegs, m.tcpoutsegs, m.tcpretranssegs, m.tcpinerrs, m.tcpoutrsts};
}

Errno errno_of(err_t e) {
    switch (e) {
    case ERR_OK: return Errno{};
    case ERR_MEM: return ENOMEM;
    case ERR_BUF: return ENOBUFS;
    case ERR_TIMEOUT: return ETIMEDOUT;
    case ERR_RTE: return ENETUNREACH;
    case ERR_INPROGRESS: return EINPROGRESS;
    case ERR_VAL: return EINVAL;
    case ERR_WOULDBLOCK: return EAGAIN;
    case ERR_USE: return EADDRINUSE;
    case ERR_ALREADY: return EALREADY;
    case ERR_ISCONN: return EISCONN;
    case ERR_CONN: return ENOTCONN;
    case ERR_IF: return ENETDOWN;
    case ERR_ABRT: return ECONNABORTED;
    case ERR_RST: return ECONNRESET;
    case ERR_CLSD: return ENOTCONN;
    default: return EINVAL;
    }
}

} // namespace linnet
