#include "kernel/ipc/message_queues.h"

#include "kernel/ipc/ipc_files.h"
#include "kernel/lib/string.h"
#include "linux-abi/prctl.h"

namespace linnet {

namespace {

constexpr Errno kRestartNoHand = static_cast<Errno>(abi::Restart::no_hand);

class MessageQueue final : public RefCounted {
  public:
    ~MessageQueue() override {
        while (QueuedMessage* m = messages.pop_front()) kfree(m);
    }
    IpcHeader ipc;
    i64 stime = 0, rtime = 0, ctime = 0;
    u64 bytes = 0, count = 0, limit = 0;
    i32 last_sender = 0, last_receiver = 0;
    List<QueuedMessage, &QueuedMessage::node> messages;
    // What sleepers look at without the lock: it changed since they looked.
    std::atomic<u32> sent{0}, taken{0};
    WaitQueue receivers, senders;

    void wake_receivers() {
        sent.fetch_add(1, std::memory_order_release);
        receivers.wake_all();
    }
    void wake_senders() {
        taken.fetch_add(1, std::memory_order_release);
        senders.wake_all();
    }
};

IpcTable<MessageQueue> queues;

/// msgrcv(2)'s choice. MSG_COPY: the message at that position.
QueuedMessage* choose(MessageQueue& q, i64 type, u32 flags) {
    QueuedMessage* best = nullptr;
    i64 position = 0;
    const i64 most = type == INT64_MIN ? INT64_MAX : -type;
    for (QueuedMessage& m : q.messages) {
        if (flags & MSG_COPY) {
            if (position++ == type) return &m;
        } else if (type == 0) {
            return &m;
        } else if (type < 0) {
            if (m.type <= most && (!best || m.type < best->type)) best = &m;
        } else if ((m.type == type) == !(flags & MSG_EXCEPT)) {
            return &m;
        }
    }
    return best;
}

/// The queue that a sleeper found before. EIDRM
Result<void> still_there(const MessageQueue& q) {
    if (q.ipc.removed) return EIDRM;
    return {};
}

} // namespace

Result<OwnedMessage> allocate_message(i64 type, u64 size) {
    void* memory = kmalloc(sizeof(QueuedMessage) + size);
    if (!memory) return ENOMEM;
    OwnedMessage m(new (memory) QueuedMessage);
    m->type = type;
    m->size = size;
    return m;
}

Result<i32> get_message_queue(i32 key, u32 flags) {
    MutexGuard g(queues.lock);
    Ref<MessageQueue> found = TRY(queues.look_up(key, flags, [](MessageQueue&) -> Result<void> { return {}; }));
    if (found) return found->ipc.id;
    Ref<MessageQueue> made = TRY(make_ref<MessageQueue>());
    made->ipc.init(key, flags);
    made->ctime = ipc_now();
    made->limit = u64(i64(sysctl::msgmnb));
    return queues.add(std::move(made), sysctl::msgmni);
}

Result<void> send_message(i32 id, OwnedMessage m, u32 flags) {
    Ref<MessageQueue> q;
    for (;;) {
        u32 seen;
        {
            MutexGuard g(queues.lock);
            if (!q) q = TRY(queues.find(id));
            TRY(still_there(*q));
            TRY(q->ipc.check_access(0222));
            if (m->size + q->bytes <= q->limit && q->count + 1 <= q->limit) {
                q->bytes += m->size;
                ++q->count;
                q->last_sender = ipc_pid();
                q->stime = ipc_now();
                q->messages.push_back(*m.release());
                q->wake_receivers();
                return {};
            }
            seen = q->taken.load(std::memory_order_relaxed);
        }
        if (flags & IPC_NOWAIT) return EAGAIN;
        const WaitResult r = wait_until(q->senders, [&] { return q->taken.load(std::memory_order_acquire) != seen; });
        if (r == WaitResult::Interrupted) {
            MutexGuard g(queues.lock);
            TRY(still_there(*q));
            return kRestartNoHand;
        }
    }
}

Result<OwnedMessage> receive_message(i32 id, u64 size, i64 type, u32 flags) {
    Ref<MessageQueue> q;
    OwnedMessage copy;
    if (flags & MSG_COPY) {
        if ((flags & MSG_EXCEPT) || !(flags & IPC_NOWAIT)) return EINVAL;
        const u64 most = u64(i64(sysctl::msgmax));
        copy = TRY(allocate_message(0, size < most ? size : most));
    }
    for (;;) {
        u32 seen;
        {
            MutexGuard g(queues.lock);
            if (!q) q = TRY(queues.find(id));
            TRY(still_there(*q));
            TRY(q->ipc.check_access(0444));
            if (QueuedMessage* m = choose(*q, type, flags)) {
                if (size < m->size && !(flags & MSG_NOERROR)) return E2BIG;
                if (copy) {
                    if (copy->size < m->size) return EINVAL;
                    copy->type = m->type;
                    copy->size = m->size;
                    memcpy(copy->text(), m->text(), copy->size);
                    return copy;
                }
                m->node.unlink();
                q->bytes -= m->size;
                --q->count;
                q->last_receiver = ipc_pid();
                q->rtime = ipc_now();
                q->wake_senders();
                return OwnedMessage(m);
            }
            seen = q->sent.load(std::memory_order_relaxed);
        }
        if (flags & IPC_NOWAIT) return ENOMSG;
        const WaitResult r = wait_until(q->receivers, [&] { return q->sent.load(std::memory_order_acquire) != seen; });
        if (r == WaitResult::Interrupted) {
            MutexGuard g(queues.lock);
            TRY(still_there(*q));
            return kRestartNoHand;
        }
    }
}

Result<i32> stat_message_queue(i32 id, int command, abi::MsqidDs& out) {
    MutexGuard g(queues.lock);
    Ref<MessageQueue> q = command == IPC_STAT ? TRY(queues.find(id)) : queues.at(id);
    if (!q) return EINVAL;
    if (command != MSG_STAT_ANY) TRY(q->ipc.check_access(0444));
    out = {};
    out.perm = q->ipc.to_perm();
    out.stime = q->stime, out.rtime = q->rtime, out.ctime = q->ctime;
    out.cbytes = q->bytes, out.qnum = q->count, out.qbytes = q->limit;
    out.lspid = q->last_sender, out.lrpid = q->last_receiver;
    return command == IPC_STAT ? 0 : q->ipc.id;
}

Result<void> set_message_queue(i32 id, const abi::MsqidDs& ds) {
    MutexGuard g(queues.lock);
    Ref<MessageQueue> q = TRY(queues.find(id));
    TRY(q->ipc.check_owner());
    if (ds.qbytes > u64(i64(sysctl::msgmnb)) && !current().credentials->has_capability(CAP_SYS_RESOURCE)) return EPERM;
    TRY(q->ipc.set(ds.perm));
    q->limit = ds.qbytes;
    q->ctime = ipc_now();
    q->wake_receivers(); // permissions and the limit are other ones
    q->wake_senders();
    return {};
}

Result<void> remove_message_queue(i32 id) {
    Ref<MessageQueue> q;
    MutexGuard g(queues.lock);
    q = TRY(queues.find(id));
    TRY(q->ipc.check_owner());
    (void)queues.remove(*q); // `q` holds another
    q->wake_receivers();
    q->wake_senders();
    return {};
}

i32 message_usage(u32& count, u64& messages, u64& bytes) {
    MutexGuard g(queues.lock);
    count = queues.used();
    messages = bytes = 0;
    for (size_t i = 0; i < queues.size(); ++i)
        if (Ref<MessageQueue> q = queues.at(i32(i))) messages += q->count, bytes += q->bytes;
    return queues.highest();
}

Result<void> show_message_queues(GrowingText& out, u64) {
    out.put("       key      msqid perms      cbytes       qnum lspid lrpid   uid   gid  cuid  cgid      stime      rtime      ctime\n");
    MutexGuard g(queues.lock);
    for (size_t i = 0; i < queues.size(); ++i) {
        Ref<MessageQueue> q = queues.at(i32(i));
        if (!q) continue;
        const IpcHeader& h = q->ipc;
        out.append("%10d %10d  %4o  %10lu %10lu %5u %5u %5u %5u %5u %5u %10lu %10lu %10lu\n", h.key, h.id, h.mode, q->bytes, q->count,
                   u32(q->last_sender), u32(q->last_receiver), h.uid, h.gid, h.cuid, h.cgid, u64(q->stime), u64(q->rtime), u64(q->ctime));
    }
    return {};
}

} // namespace linnet
