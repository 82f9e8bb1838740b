// POSIX message queues: mq_overview(7). A queue is an inode of the file system "mqueue", which has one flat folder; a descriptor
// is an open file of it.
#pragma once

#include <string_view>

#include "kernel/ipc/message_queues.h"
#include "vfs/file.h"

namespace linnet {

namespace sysctl {
// fs.mqueue
inline constinit SysctlNumber mqueue_queues_max{256, 0, 0x7fffffff}, mqueue_msg_max{10, 1, 65536}, mqueue_msg_default{10, 1, 65536};
inline constinit SysctlNumber mqueue_msgsize_max{8192, 128, 16 << 20}, mqueue_msgsize_default{8192, 128, 16 << 20};
} // namespace sysctl

class MessageQueueFile;

/// mq_open. `name` without the slash; `attributes` (maxmsg, msgsize) null: the defaults. EACCES, EEXIST, ENOENT, EINVAL, ENAMETOOLONG,
/// ENOSPC, EMFILE (RLIMIT_MSGQUEUE), ENOMEM
Result<Ref<File>> open_mqueue(std::string_view name, u32 flags, u32 mode, const abi::MqAttr* attributes);
/// EACCES (a name that can't be), ENOENT, EPERM, ENAMETOOLONG
Result<void> unlink_mqueue(std::string_view name);
/// The file as a queue; null if it is something else.
MessageQueueFile* as_mqueue(File& f);

/// Whom to tell of a message in an empty queue.
struct MqueueNotification {
    Ref<Process> process;
    int notify = 0, signo = 0; // SIGEV_*
    u64 value = 0;
    Ref<File> socket;          // SIGEV_THREAD: a netlink socket, and what it is sent
    u8 cookie[abi::notify_cookie_length] = {};
};

/// deadline_ns: on CLOCK_REALTIME, kForever for none. EBADF (not open for it), EMSGSIZE, EAGAIN, ETIMEDOUT; interrupted: kRestartSys
Result<void> mqueue_send(MessageQueueFile& f, OwnedMessage m, u64 deadline_ns);
Result<OwnedMessage> mqueue_receive(MessageQueueFile& f, u64 size, u64 deadline_ns);
/// EMSGSIZE, EBADF before the text is copied in.
Result<void> mqueue_check_send(MessageQueueFile& f, u64 size);
/// Null: no more. EBUSY
Result<void> mqueue_notify(MessageQueueFile& f, MqueueNotification* n);
abi::MqAttr mqueue_attributes(MessageQueueFile& f);

} // namespace linnet
