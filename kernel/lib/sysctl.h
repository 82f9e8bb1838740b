// Settings of the running kernel: the numbers of /proc/sys that have an effect. Whoever acts on one reads it here;
// procfs shows it and lets root write it within its bounds. Source: proc(5), and the sysctl pages of the kernel's
// administration guide.
#pragma once

#include <atomic>

#include "kernel/lib/types.h"

namespace linnet {

struct SysctlNumber {
    std::atomic<i64> value;
    i64 least, most;
    operator i64() const { return value.load(std::memory_order_relaxed); }
    /// False: out of bounds, nothing changes (EINVAL).
    bool set(i64 n) {
        if (n < least || n > most) return false;
        value.store(n, std::memory_order_relaxed);
        return true;
    }
};

namespace sysctl {

inline constinit SysctlNumber max_map_count{65530, 0, 0x7fffffff};            // vm: mappings of an address space
inline constinit SysctlNumber overcommit_memory{0, 0, 1};                     // vm: 0 refuses an obvious excess, 1 nothing
inline constinit SysctlNumber somaxconn{4096, 0, 0x7fffffff};                 // net.core: most of listen(2)'s backlog
inline constinit SysctlNumber rmem_max{212992, 2304, 0x3fffffff};             // net.core: most of SO_RCVBUF
inline constinit SysctlNumber wmem_max{212992, 4608, 0x3fffffff};             // net.core: most of SO_SNDBUF
inline constinit SysctlNumber unprivileged_port_start{1024, 0, 65535};        // net.ipv4: first port that anyone may bind
inline constinit SysctlNumber local_port_first{32768, 1, 65535};              // net.ipv4.ip_local_port_range
inline constinit SysctlNumber local_port_last{60999, 1, 65535};
inline constinit SysctlNumber pipe_max_size{1048576, 4096, 0x7fffffff};       // fs: F_SETPIPE_SZ of the unprivileged, bytes
inline constinit SysctlNumber epoll_max_watches{1048576, 0, 0x7fffffff};      // fs.epoll: entries of all epolls
inline constinit SysctlNumber pty_max{4096, 0, 1048576};                      // kernel.pty: pseudo terminals at once

} // namespace sysctl
} // namespace linnet
