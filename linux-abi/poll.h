// poll, epoll, eventfd, signalfd, inotify constants.
// Source: poll(2), epoll_ctl(2), eventfd(2), signalfd(2), inotify(7).
#pragma once

#include "linux-abi/types.h"

namespace linnet::abi {
inline namespace constants {

inline constexpr int POLLIN = 0x1;
inline constexpr int POLLPRI = 0x2;
inline constexpr int POLLOUT = 0x4;
inline constexpr int POLLERR = 0x8;
inline constexpr int POLLHUP = 0x10;
inline constexpr int POLLNVAL = 0x20;
inline constexpr int POLLRDNORM = 0x40;
inline constexpr int POLLRDBAND = 0x80;
inline constexpr int POLLWRNORM = 0x100;
inline constexpr int POLLWRBAND = 0x200;
inline constexpr int POLLMSG = 0x400;
inline constexpr int POLLREMOVE = 0x1000;
inline constexpr int POLLRDHUP = 0x2000;

inline constexpr int EPOLLIN = 0x1;
inline constexpr int EPOLLPRI = 0x2;
inline constexpr int EPOLLOUT = 0x4;
inline constexpr int EPOLLERR = 0x8;
inline constexpr int EPOLLHUP = 0x10;
inline constexpr int EPOLLRDNORM = 0x40;
inline constexpr int EPOLLRDBAND = 0x80;
inline constexpr int EPOLLWRNORM = 0x100;
inline constexpr int EPOLLWRBAND = 0x200;
inline constexpr int EPOLLMSG = 0x400;
inline constexpr int EPOLLRDHUP = 0x2000;
inline constexpr int EPOLLEXCLUSIVE = 0x10000000;
inline constexpr int EPOLLWAKEUP = 0x20000000;
inline constexpr int EPOLLONESHOT = 0x40000000;
inline constexpr uint32_t EPOLLET = 0x80000000;

inline constexpr int EPOLL_CTL_ADD = 1;
inline constexpr int EPOLL_CTL_DEL = 2;
inline constexpr int EPOLL_CTL_MOD = 3;

inline constexpr int EPOLL_CLOEXEC = 0x80000;

inline constexpr int EFD_SEMAPHORE = 0x1;
inline constexpr int EFD_NONBLOCK = 0x800;
inline constexpr int SFD_NONBLOCK = 0x800;
inline constexpr int EFD_CLOEXEC = 0x80000;
inline constexpr int SFD_CLOEXEC = 0x80000;

inline constexpr int IN_ACCESS = 0x1;
inline constexpr int IN_MODIFY = 0x2;
inline constexpr int IN_ATTRIB = 0x4;
inline constexpr int IN_CLOSE_WRITE = 0x8;
inline constexpr int IN_CLOSE_NOWRITE = 0x10;
inline constexpr int IN_CLOSE = 0x18;
inline constexpr int IN_OPEN = 0x20;
inline constexpr int IN_MOVED_FROM = 0x40;
inline constexpr int IN_MOVED_TO = 0x80;
inline constexpr int IN_MOVE = 0xc0;
inline constexpr int IN_CREATE = 0x100;
inline constexpr int IN_DELETE = 0x200;
inline constexpr int IN_DELETE_SELF = 0x400;
inline constexpr int IN_MOVE_SELF = 0x800;
inline constexpr int IN_NONBLOCK = 0x800;
inline constexpr int IN_ALL_EVENTS = 0xfff;
inline constexpr int IN_UNMOUNT = 0x2000;
inline constexpr int IN_Q_OVERFLOW = 0x4000;
inline constexpr int IN_IGNORED = 0x8000;
inline constexpr int IN_CLOEXEC = 0x80000;
inline constexpr int IN_ONLYDIR = 0x1000000;
inline constexpr int IN_DONT_FOLLOW = 0x2000000;
inline constexpr int IN_EXCL_UNLINK = 0x4000000;
inline constexpr int IN_MASK_CREATE = 0x10000000;
inline constexpr int IN_MASK_ADD = 0x20000000;
inline constexpr int IN_ISDIR = 0x40000000;
inline constexpr uint32_t IN_ONESHOT = 0x80000000;

inline constexpr int FD_SETSIZE = 1024;

} // namespace constants

struct Pollfd {
    int32_t fd;
    int16_t events, revents;
};
static_assert(sizeof(Pollfd) == 8);
struct [[gnu::packed]] EpollEvent {
    uint32_t events;
    uint64_t data;
};
static_assert(sizeof(EpollEvent) == 12);
/// The sixth argument of pselect6.
struct SigSetArg {
    uint64_t set, size;
};
static_assert(sizeof(SigSetArg) == 16);
struct SignalfdSiginfo {
    uint32_t signo;
    int32_t err, code;
    uint32_t pid, uid;
    int32_t fd;
    uint32_t tid, band, overrun, trapno;
    int32_t status, value_int;
    uint64_t ptr, utime, stime, addr;
    uint16_t addr_lsb, pad2;
    int32_t syscall;
    uint64_t call_addr;
    uint32_t arch;
    uint8_t pad[28];
};
static_assert(sizeof(SignalfdSiginfo) == 128 && offsetof(SignalfdSiginfo, ptr) == 48 &&
              offsetof(SignalfdSiginfo, call_addr) == 88);
struct InotifyEvent {
    int32_t wd;
    uint32_t mask, cookie, len; // len bytes of name follow
};
static_assert(sizeof(InotifyEvent) == 16);
} // namespace linnet::abi
