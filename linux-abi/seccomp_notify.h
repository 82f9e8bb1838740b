// What passes over a seccomp listener's descriptor. Source: seccomp_unotify(2), linux/seccomp.h.
#pragma once

#include "linux-abi/bpf.h"

namespace linnet::abi {

struct SeccompNotif {
    uint64_t id;
    uint32_t pid, flags; // pid: the thread's number
    SeccompData data;
};
static_assert(sizeof(SeccompNotif) == 80);
struct SeccompNotifResp {
    uint64_t id;
    int64_t val;
    int32_t error; // negative
    uint32_t flags;
};
static_assert(sizeof(SeccompNotifResp) == 24);
struct SeccompNotifAddfd {
    uint64_t id;
    uint32_t flags, srcfd, newfd, newfd_flags;
};
static_assert(sizeof(SeccompNotifAddfd) == 24);

inline constexpr uint32_t seccomp_notif_flag_continue = 1;
inline constexpr uint32_t seccomp_addfd_setfd = 1, seccomp_addfd_send = 2;

// ioctl(2). ADDFD's argument may grow: its size, in the request's bits 16 to 29, says how large the caller's is.
inline constexpr uint32_t seccomp_ioctl_recv = 0xc0502100, seccomp_ioctl_send = 0xc0182101, seccomp_ioctl_id_valid = 0x40082102,
                          seccomp_ioctl_id_valid_wrong_dir = 0x80082102, // of before Linux 5.7
                          seccomp_ioctl_addfd = 0x40182103;
inline constexpr uint32_t ioctl_size_mask = 0x3fff0000, ioctl_direction_mask = 0xc0000000;

} // namespace linnet::abi
