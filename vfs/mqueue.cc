#include "vfs/mqueue.h"

#include "kernel/lib/string.h"
#include "kernel/task/lifecycle.h"
#include "kernel/time/clock.h"
#include "linux-abi/fcntl.h"
#include "linux-abi/resource.h"
#include "vfs/fs_context.h"
#include "vfs/inode.h"

namespace linnet {

namespace {

constexpr u32 kMqueueMagic = 0x19800202;
constexpr u64 kStatusSize = 80; // st_size, as Linux's
constexpr i64 kHardMaxMessages = 65536, kHardMaxSize = 16 << 20;
constexpr u64 kMessageOverhead = 48, kTreeOverhead = 48; // what Linux counts towards RLIMIT_MSGQUEUE for each message and priority

/// A receiver asleep, on its thread's stack: senders give it the message directly, so that nobody comes between.
struct Receiver {
    ListNode node;
    OwnedMessage message;
    std::atomic<bool> done{false};
    WaitQueue queue;
};

class MessageQueueInode final : public Inode {
  public:
    MessageQueueInode(Ref<Superblock> sb, u32 mode_bits, u64 number) : Inode(std::move(sb), mode_bits, number) {}
    ~MessageQueueInode() override;
    u64 size() override { return kStatusSize; }
    Result<void> truncate(u64) override { return EINVAL; }

    // Fixed.
    char name[256] = {};
    i64 max_messages = 0, max_size = 0;
    u32 creator = 0; // uid whose RLIMIT_MSGQUEUE it counts to
    u64 charge = 0;  // bytes

    ListNode all_node, name_node; // of all queues; of those that have a name

    Mutex<Rank::MiscMutex> contents_lock;
    List<QueuedMessage, &QueuedMessage::node> messages GUARDED_BY(contents_lock); // the next one first; type is the priority
    i64 count GUARDED_BY(contents_lock) = 0;
    u64 bytes GUARDED_BY(contents_lock) = 0;
    List<Receiver, &Receiver::node> receivers GUARDED_BY(contents_lock);
    MqueueNotification notification GUARDED_BY(contents_lock);
    std::atomic<u32> taken{0}; // changes when there is room
    WaitQueue senders, pollers;

    /// What reading the file gives; its length.
    size_t show_state(char* to, size_t size_of_text) {
        int notify = 0, signo = 0, pid = 0;
        MutexGuard g(contents_lock);
        if (notification.process) {
            notify = notification.notify;
            if (notify == SIGEV_SIGNAL) signo = notification.signo;
            pid = notification.process->pid;
        }
        return format(to, size_of_text, "QSIZE:%-10lu NOTIFY:%-5d SIGNO:%-5d NOTIFY_PID:%-6d\n", bytes, notify, signo, pid);
    }
    /// Takes the registration out. `contents_lock` held.
    MqueueNotification take_notification() REQUIRES(contents_lock) { return std::exchange(notification, MqueueNotification{}); }
};

// The file system's state.
Mutex<Rank::MiscMutex> names_lock;
List<MessageQueueInode, &MessageQueueInode::all_node> all_queues GUARDED_BY(names_lock);
List<MessageQueueInode, &MessageQueueInode::name_node> named_queues GUARDED_BY(names_lock); // each holds a reference
i64 named_count GUARDED_BY(names_lock) = 0;
Superblock* superblock GUARDED_BY(names_lock) = nullptr;

MessageQueueInode::~MessageQueueInode() {
    while (QueuedMessage* m = messages.pop_front()) kfree(m);
    MutexGuard g(names_lock);
    all_node.unlink();
}

/// Sends what a registration asks for. No lock held.
void tell(MqueueNotification& n, u8 why) {
    if (n.notify == SIGEV_SIGNAL) {
        if (why != abi::notify_woken_up || !n.signo) return;
        abi::Siginfo info = siginfo_from_current(n.signo, SI_MESGQ);
        info.kill.value = n.value;
        (void)send_signal(*n.process, n.signo, &info);
    } else if (n.notify == SIGEV_THREAD && n.socket) {
        n.cookie[sizeof n.cookie - 1] = why;
        n.socket->put_kernel_note(n.cookie);
    }
}

} // namespace

class MessageQueueFile final : public File {
  public:
    MessageQueueFile(Ref<MessageQueueInode> inode, u32 flags) : File(flags, true), queue_(std::move(inode)) {}
    MessageQueueInode& queue() { return *queue_; }
    Inode& inode() override { return *queue_; }
    bool is_mqueue() const override { return true; }
    bool seekable() const override { return true; }
    void describe(TextBuffer& out) override {
        out.append("/%s", queue_->name);
        if (!__atomic_load_n(&queue_->nlink, __ATOMIC_RELAXED)) out.append(" (deleted)");
    }
    /// A line about its state.
    Result<size_t> read(IoVector& to, u64& pos, bool) override {
        char text[kStatusSize];
        const size_t n = queue_->show_state(text, sizeof text);
        if (pos >= n) return size_t(0);
        const size_t want = to.remaining() < n - pos ? to.remaining() : n - pos, done = to.copy_out(text + pos, want);
        if (want && !done) return EFAULT;
        pos += done;
        return done;
    }
    u32 poll(PollTable* table) override {
        if (table) table->watch(queue_->pollers);
        MutexGuard g(queue_->contents_lock);
        return (queue_->count ? kPollIn | kPollRdNorm : 0) | (queue_->count < queue_->max_messages ? kPollOut | kPollWrNorm : 0);
    }
    /// A process that closes a descriptor of the queue is no longer told of messages.
    void closed_by(u64) override {
        MqueueNotification gone;
        {
            MutexGuard g(queue_->contents_lock);
            Task* t = current_or_null();
            if (!t || !queue_->notification.process || queue_->notification.process != t->process) return;
            gone = queue_->take_notification();
        }
        tell(gone, abi::notify_removed);
    }

  private:
    const Ref<MessageQueueInode> queue_;
};

namespace {

/// Names are one component of a path. Linux's lookup_one_len(): EACCES, ENAMETOOLONG
Result<void> check_name(std::string_view name) {
    if (name.empty()) return ENOENT;
    if (name == "." || name == ".." || name.find('/') != name.npos) return EACCES;
    if (name.size() > 255) return ENAMETOOLONG;
    return {};
}

Ref<MessageQueueInode> find_queue(std::string_view name) REQUIRES(names_lock) {
    for (MessageQueueInode& q : named_queues)
        if (name == q.name) return Ref<MessageQueueInode>(&q);
    return {};
}

Result<Ref<Superblock>> mqueue_superblock() REQUIRES(names_lock) {
    if (!superblock) superblock = TRY(make_ref<Superblock>("mqueue", kMqueueMagic)).release();
    return Ref<Superblock>(superblock);
}

/// A new queue of the current task's, not yet named. EINVAL, EMFILE, ENOMEM
Result<Ref<MessageQueueInode>> make_queue(u32 mode, const abi::MqAttr* attributes) REQUIRES(names_lock) {
    const Credentials& c = *current().credentials;
    i64 messages = sysctl::mqueue_msg_default < sysctl::mqueue_msg_max ? sysctl::mqueue_msg_default : sysctl::mqueue_msg_max;
    i64 size = sysctl::mqueue_msgsize_default < sysctl::mqueue_msgsize_max ? sysctl::mqueue_msgsize_default : sysctl::mqueue_msgsize_max;
    if (attributes) {
        const bool trusted = c.has_capability(kCapSysResource);
        messages = attributes->maxmsg, size = attributes->msgsize;
        if (messages <= 0 || size <= 0) return EINVAL;
        if (messages > (trusted ? kHardMaxMessages : i64(sysctl::mqueue_msg_max))) return EINVAL;
        if (size > (trusted ? kHardMaxSize : i64(sysctl::mqueue_msgsize_max))) return EINVAL;
    }
    const u64 priorities = u64(messages < MQ_PRIO_MAX ? messages : MQ_PRIO_MAX);
    const u64 charge = u64(messages) * u64(size) + u64(messages) * kMessageOverhead + priorities * kTreeOverhead;
    u64 charged = charge;
    for (MessageQueueInode& q : all_queues)
        if (q.creator == c.uid) charged += q.charge;
    if (charged > current().process->limit(RLIMIT_MSGQUEUE)) return EMFILE;
    Ref<Superblock> sb = TRY(mqueue_superblock());
    const u64 number = sb->next_ino();
    Ref<MessageQueueInode> q = TRY(make_ref<MessageQueueInode>(std::move(sb), S_IFREG | mode, number));
    q->uid = c.fsuid, q->gid = c.fsgid;
    q->atime_ns = q->mtime_ns = q->ctime_ns = q->btime_ns = i64(realtime_ns());
    q->max_messages = messages, q->max_size = size;
    q->creator = c.uid, q->charge = charge;
    return q;
}

} // namespace

Result<Ref<File>> open_mqueue(std::string_view name, u32 flags, u32 mode, const abi::MqAttr* attributes) {
    TRY(check_name(name));
    const Credentials& c = *current().credentials;
    Ref<MessageQueueInode> q; // dropped last, without the lock: its end takes it
    {
        MutexGuard g(names_lock);
        q = find_queue(name);
        if (q) {
            if ((flags & O_CREAT) && (flags & O_EXCL)) return EEXIST;
            if ((flags & O_ACCMODE) == O_ACCMODE) return EINVAL;
            static constexpr u32 needed[] = {kMayRead, kMayWrite, kMayRead | kMayWrite};
            TRY(check_access(*q, needed[flags & O_ACCMODE], c));
        } else {
            if (!(flags & O_CREAT)) return ENOENT;
            if (named_count >= sysctl::mqueue_queues_max && !c.has_capability(kCapSysResource)) return ENOSPC;
            q = TRY(make_queue(mode & 07777 & ~current_fs().umask(), attributes));
            memcpy(q->name, name.data(), name.size());
            all_queues.push_back(*q);
            named_queues.push_back(*q);
            Ref<MessageQueueInode>(q).release(); // the name's
            ++named_count;
        }
    }
    return Ref<File>(TRY(make_ref<MessageQueueFile>(std::move(q), flags & (u32(O_ACCMODE) | u32(O_NONBLOCK)))));
}

Result<void> unlink_mqueue(std::string_view name) {
    TRY(check_name(name));
    Ref<MessageQueueInode> q, of_name;
    MutexGuard g(names_lock);
    q = find_queue(name);
    if (!q) return ENOENT;
    if (!owner_or_capable(*q, *current().credentials)) return EPERM; // the folder is sticky
    q->name_node.unlink();
    --named_count;
    __atomic_store_n(&q->nlink, 0u, __ATOMIC_RELAXED);
    of_name = Ref<MessageQueueInode>::adopt(q.get());
    return {};
}

MessageQueueFile* as_mqueue(File& f) { return f.is_mqueue() ? static_cast<MessageQueueFile*>(&f) : nullptr; }

namespace {

/// Sleeps on `q` until cond() or a time of CLOCK_REALTIME, however that is set meanwhile.
template <class Cond>
WaitResult wait_until_realtime(WaitQueue& q, Cond&& cond, u64 deadline_ns) {
    SleepEntry entry(q), clock_set(clock_set_waiters());
    for (;;) {
        prepare_to_sleep(true);
        u64 deadline = kForever;
        if (deadline_ns != kForever) {
            const i64 offset = realtime_offset_ns();
            deadline = i64(deadline_ns) > offset ? u64(i64(deadline_ns) - offset) : 0;
        }
        const bool ready = cond(), interrupted = signal_pending(), late = deadline != kForever && deadline <= monotonic_ns();
        if (ready || interrupted || late) {
            cancel_sleep();
            return ready ? WaitResult::Ready : interrupted ? WaitResult::Interrupted : WaitResult::TimedOut;
        }
        (void)sleep_until(deadline);
    }
}

Errno wait_error(WaitResult r) { return r == WaitResult::TimedOut ? ETIMEDOUT : kRestartSys; }

} // namespace

Result<void> mqueue_check_send(MessageQueueFile& f, u64 size) {
    if (!f.writable()) return EBADF;
    if (size > u64(f.queue().max_size)) return EMSGSIZE;
    return {};
}

Result<void> mqueue_send(MessageQueueFile& f, OwnedMessage m, u64 deadline_ns) {
    MessageQueueInode& q = f.queue();
    for (;;) {
        u32 seen;
        MqueueNotification told;
        bool stored = false;
        {
            MutexGuard g(q.contents_lock);
            if (Receiver* r = q.receivers.pop_front()) {
                r->message = std::move(m);
                r->done.store(true, std::memory_order_release);
                r->queue.wake_all();
                return {};
            }
            if (q.count < q.max_messages) {
                // Behind the last one of at least its priority.
                QueuedMessage* after = q.messages.front();
                if (QueuedMessage* last = q.messages.back(); last && last->type >= m->type) after = nullptr;
                while (after && after->type >= m->type) after = q.messages.next(*after);
                q.bytes += m->size;
                if (after) q.messages.insert_before(*after, *m.release());
                else q.messages.push_back(*m.release());
                if (++q.count == 1) told = q.take_notification();
                q.touch_modified();
                stored = true;
            }
            seen = q.taken.load(std::memory_order_relaxed);
        }
        if (stored) {
            q.pollers.wake_all(kPollIn | kPollRdNorm);
            if (told.process) tell(told, abi::notify_woken_up);
            return {};
        }
        if (f.nonblocking()) return EAGAIN;
        const WaitResult r = wait_until_realtime(q.senders, [&] { return q.taken.load(std::memory_order_acquire) != seen; }, deadline_ns);
        if (r != WaitResult::Ready) return wait_error(r);
    }
}

Result<OwnedMessage> mqueue_receive(MessageQueueFile& f, u64 size, u64 deadline_ns) {
    if (!f.readable()) return EBADF;
    MessageQueueInode& q = f.queue();
    if (size < u64(q.max_size)) return EMSGSIZE;
    Receiver self;
    {
        MutexGuard g(q.contents_lock);
        if (QueuedMessage* m = q.messages.pop_front()) {
            --q.count;
            q.bytes -= m->size;
            q.touch_accessed();
            q.taken.fetch_add(1, std::memory_order_release);
            q.senders.wake_all();
            g.unlock();
            q.pollers.wake_all(kPollOut | kPollWrNorm);
            return OwnedMessage(m);
        }
        if (f.nonblocking()) return EAGAIN;
        q.receivers.push_back(self);
    }
    const WaitResult r = wait_until_realtime(self.queue, [&] { return self.done.load(std::memory_order_acquire); }, deadline_ns);
    MutexGuard g(q.contents_lock); // whoever gave it a message is through with `self` then
    if (self.done.load(std::memory_order_relaxed)) return std::move(self.message);
    self.node.unlink();
    return wait_error(r);
}

Result<void> mqueue_notify(MessageQueueFile& f, MqueueNotification* n) {
    MessageQueueInode& q = f.queue();
    MqueueNotification gone;
    bool removed = false;
    {
        MutexGuard g(q.contents_lock);
        if (!n) {
            if (q.notification.process == current().process) {
                gone = q.take_notification();
                removed = true;
            }
        } else if (q.notification.process) {
            return EBUSY;
        } else {
            q.notification = std::move(*n);
        }
    }
    if (removed) tell(gone, abi::notify_removed);
    return {};
}

abi::MqAttr mqueue_attributes(MessageQueueFile& f) {
    MessageQueueInode& q = f.queue();
    MutexGuard g(q.contents_lock);
    abi::MqAttr a{};
    a.flags = f.flags() & u32(O_NONBLOCK);
    a.maxmsg = q.max_messages, a.msgsize = q.max_size, a.curmsgs = q.count;
    return a;
}

} // namespace linnet
