// POSIX message queues. mq_open(2), mq_timedsend(2), mq_timedreceive(2), mq_notify(2), mq_getsetattr(2), mq_unlink(2).
#include "vfs/mqueue.h"

#include "kernel/time/clock.h"
#include "linux-abi/fcntl.h"
#include "syscall/file_support.h"
#include "syscall/time_util.h"

namespace linnet {

using namespace abi;

namespace {

constexpr size_t kPathMax = 4096;

/// The name that libc passes: without its slash. EFAULT, ENAMETOOLONG, ENOMEM
struct UserName : NoCopy {
    char* text = static_cast<char*>(kmalloc(kPathMax));
    size_t length = 0;
    ~UserName() { kfree(text); }
    Result<void> copy_in(u64 address) {
        if (!text) return ENOMEM;
        length = TRY(copy_string_from_user(text, address, kPathMax));
        return {};
    }
    std::string_view view() const { return {text, length}; }
};

/// Null: for ever. EFAULT, EINVAL
Result<u64> deadline_of(In<Timespec> abs_timeout) {
    if (!abs_timeout) return kForever;
    return from_timespec(TRY(user_read<Timespec>(abs_timeout.address())));
}

/// EBADF: no queue.
Result<Ref<File>> queue_file(Fd fd, MessageQueueFile*& queue) {
    Ref<File> file = TRY(current_file(fd));
    queue = as_mqueue(*file);
    if (!queue) return EBADF;
    return file;
}

} // namespace

Outcome sys_mq_open(Path name, OpenFlags oflag, Mode mode, In<MqAttr> attr) {
    MqAttr a{};
    if (attr) a = TRY(user_read<MqAttr>(attr.address()));
    UserName n;
    TRY(n.copy_in(name.address()));
    Ref<File> file = TRY(open_mqueue(n.view(), u32(oflag.bits()), mode.value, attr ? &a : nullptr));
    return install_file(std::move(file), u32(O_CLOEXEC)); // always, as Linux
}

Outcome sys_mq_unlink(Path name) {
    UserName n;
    TRY(n.copy_in(name.address()));
    TRY(unlink_mqueue(n.view()));
    return 0;
}

Outcome sys_mq_timedsend(Fd mqdes, InBytes<2> msg_ptr, Size msg_len, UInt msg_prio, In<Timespec> abs_timeout) {
    const u64 deadline = TRY(deadline_of(abs_timeout));
    if (msg_prio.value >= u32(MQ_PRIO_MAX)) return EINVAL;
    MessageQueueFile* q;
    Ref<File> file = TRY(queue_file(mqdes, q));
    TRY(mqueue_check_send(*q, msg_len.value));
    OwnedMessage m = TRY(allocate_message(msg_prio.value, msg_len.value));
    TRY(copy_from_user(m->text(), msg_ptr.address(), msg_len.value));
    TRY(mqueue_send(*q, std::move(m), deadline));
    return 0;
}

Outcome sys_mq_timedreceive(Fd mqdes, OutBytes<2> msg_ptr, Size msg_len, Out<uint32_t> msg_prio, In<Timespec> abs_timeout) {
    const u64 deadline = TRY(deadline_of(abs_timeout));
    MessageQueueFile* q;
    Ref<File> file = TRY(queue_file(mqdes, q));
    OwnedMessage m = TRY(mqueue_receive(*q, msg_len.value, deadline));
    // A message that cannot be stored is lost, as on Linux.
    if (msg_prio) TRY(user_write<u32>(msg_prio.address(), u32(m->type)));
    TRY(copy_to_user(msg_ptr.address(), m->text(), m->size));
    return i64(m->size);
}

Outcome sys_mq_notify(Fd mqdes, In<Sigevent> sevp) {
    MqueueNotification n;
    if (sevp) {
        const Sigevent e = TRY(user_read<Sigevent>(sevp.address()));
        if (e.notify != SIGEV_NONE && e.notify != SIGEV_SIGNAL && e.notify != SIGEV_THREAD) return EINVAL;
        if (e.notify == SIGEV_SIGNAL && (e.signo < 0 || e.signo > nsig)) return EINVAL;
        n.process = current().process;
        n.notify = e.notify, n.signo = e.signo, n.value = e.value;
        if (e.notify == SIGEV_THREAD) {
            // libc's helper thread reads the cookie from a netlink socket, whose descriptor stands for the signal.
            TRY(copy_from_user(n.cookie, e.value, sizeof n.cookie));
            n.socket = TRY(current_file(e.signo));
            if (!n.socket->is_socket()) return ENOTSOCK;
            if (!n.socket->takes_kernel_notes()) return EINVAL;
        }
    }
    MessageQueueFile* q;
    Ref<File> file = TRY(queue_file(mqdes, q));
    TRY(mqueue_notify(*q, sevp ? &n : nullptr));
    return 0;
}

Outcome sys_mq_getsetattr(Fd mqdes, In<MqAttr> newattr, Out<MqAttr> oldattr) {
    MqAttr wanted{};
    if (newattr) {
        wanted = TRY(user_read<MqAttr>(newattr.address()));
        if (wanted.flags & ~i64(O_NONBLOCK)) return EINVAL;
    }
    MessageQueueFile* q;
    Ref<File> file = TRY(queue_file(mqdes, q));
    const MqAttr old = mqueue_attributes(*q);
    if (newattr) TRY(file->set_flags((file->flags() & ~u32(O_NONBLOCK)) | u32(wanted.flags)));
    if (oldattr) TRY(user_write(oldattr.address(), old));
    return 0;
}

} // namespace linnet
