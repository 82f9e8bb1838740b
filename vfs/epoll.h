// epoll(7).
#pragma once

#include "linux-abi/poll.h"
#include "vfs/file.h"

namespace linnet {

/// A new epoll's open file. ENOMEM
Result<Ref<File>> make_epoll();
/// epoll_ctl(2). EPERM, EEXIST, ENOENT, EINVAL, ELOOP, ENOMEM
Result<void> epoll_control(File& epoll, int op, Ref<File> target, int fd, const abi::EpollEvent& event);
/// epoll_wait(2): events are written to the program's array at `to`. deadline_ns: monotonic, kForever; 0: does not sleep.
/// EINVAL (not an epoll), EFAULT, EINTR
Result<size_t> epoll_wait(File& epoll, u64 to, size_t max_events, u64 deadline_ns);
/// A file that epolls watch goes away: the last reference is gone, its object still whole.
void epoll_forget(File& f);

} // namespace linnet
