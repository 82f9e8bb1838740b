#include "vfs/seccomp_listener.h"

#include "kernel/lib/random.h"
#include "kernel/mm/user.h"
#include "kernel/task/lifecycle.h"
#include "linux-abi/fcntl.h"
#include "linux-abi/seccomp_notify.h"
#include "vfs/file_table.h"
#include "vfs/inode.h"

namespace linnet {

using namespace abi;

namespace {

/// A descriptor that the listener gives to a waiting thread, on the stack of the listener's thread. The waiting one installs it.
struct DescriptorGift {
    ListNode node;
    Ref<File> file;
    SeccompNotifAddfd request{};
    i64 result = 0; // the descriptor, or an errno, negative
    bool done = false;
    WaitQueue wait;
};

/// A call that waits for its answer, on its thread's stack.
struct Notification {
    enum class State : u8 { Fresh, Received, Replied };
    ListNode node;
    u64 id = 0;
    i32 tid = 0;
    SeccompData data{};
    State state = State::Fresh;
    SeccompReply reply{};
    List<DescriptorGift, &DescriptorGift::node> gifts;
    WaitQueue wait;
};

class Listener final : public SeccompListener {
  public:
    explicit Listener(bool killable) : killable_(killable), last_id_(random_u64()) {}

    // --- the filtered threads' side ---
    Result<SeccompReply> ask(const SeccompData& data) override;
    void unused() override {
        SpinGuard g(lock_);
        unused_ = true;
        changed_.wake_all();
    }

    // --- the listener's side: the file's operations ---
    void close();
    u32 poll_bits();
    Result<void> receive(u64 address);
    Result<void> send(u64 address);
    Result<void> id_valid(u64 address);
    Result<i64> add_descriptor(u64 address, size_t size);

    WaitQueue changed_; // pollers and receivers

  private:
    using State = Notification::State;
    Notification* find(u64 id) REQUIRES(lock_) {
        for (Notification& n : waiting_)
            if (n.id == id) return &n;
        return nullptr;
    }
    Notification* first_fresh() REQUIRES(lock_) {
        for (Notification& n : waiting_)
            if (n.state == State::Fresh) return &n;
        return nullptr;
    }
    bool sleep(Notification& n);
    void leave(Notification& n) REQUIRES(lock_);
    void accept_gift(Notification& n, DescriptorGift& gift, Ref<File> file);

    const bool killable_;
    SpinLock<Rank::MiscSpin> lock_;
    List<Notification, &Notification::node> waiting_ GUARDED_BY(lock_);
    u64 last_id_ GUARDED_BY(lock_);
    bool closed_ GUARDED_BY(lock_) = false, unused_ GUARDED_BY(lock_) = false;
};

/// Until there is a reply or a gift; false: a signal came first.
bool Listener::sleep(Notification& n) {
    bool received = false;
    auto ready = [&] {
        SpinGuard g(lock_);
        received = n.state != State::Fresh;
        return n.state == State::Replied || !n.gifts.empty();
    };
    SleepEntry entry(n.wait);
    for (;;) {
        prepare_to_sleep(true);
        const bool answered = ready();
        if (answered || (killable_ && received ? fatal_signal_pending() : signal_pending())) {
            cancel_sleep();
            return answered;
        }
        sleep_until(kForever);
    }
}

/// The call is over: nobody finds it any more, and gifts that came too late are given back.
void Listener::leave(Notification& n) {
    n.node.unlink();
    while (DescriptorGift* gift = n.gifts.pop_front()) {
        gift->result = -i64(ESRCH);
        gift->done = true;
        gift->wait.wake_all();
    }
}

void Listener::accept_gift(Notification& n, DescriptorGift& gift, Ref<File> file) {
    const SeccompNotifAddfd& r = gift.request;
    const int wanted = static_cast<int>(r.newfd);
    Result<int> fd = wanted;
    if (r.flags & seccomp_addfd_setfd) {
        auto replaced = current_files().replace(wanted, std::move(file), r.newfd_flags & O_CLOEXEC, open_file_limit());
        if (!replaced) fd = replaced.error();
    } else {
        fd = install_file(std::move(file), r.newfd_flags);
    }
    SpinGuard g(lock_);
    gift.result = fd.ok() ? i64{*fd} : -i64(fd.error());
    if (r.flags & seccomp_addfd_send) {
        if (!fd) n.state = State::Received; // the request holds the listener's file: it is not closed
        else n.reply = {false, *fd};
    }
    gift.done = true;
    gift.wait.wake_all();
}

Result<SeccompReply> Listener::ask(const SeccompData& data) {
    Notification n;
    n.data = data;
    n.tid = current().tid;
    {
        SpinGuard g(lock_);
        if (closed_) return ENOSYS;
        n.id = ++last_id_;
        waiting_.push_back(n);
        changed_.wake_all(kPollIn | kPollRdNorm);
    }
    for (;;) {
        const bool interrupted = !sleep(n), dying = fatal_signal_pending(); // takes a lock of a lower rank
        DescriptorGift* gift;
        Ref<File> file;
        {
            // What woke the thread may be undone by now: a gift taken back, a call received that was fresh.
            SpinGuard g(lock_);
            gift = n.gifts.pop_front();
            if (gift) {
                file = std::move(gift->file);
            } else if (n.state == State::Replied) {
                leave(n);
                return n.reply;
            } else if (interrupted && (dying || !killable_ || n.state == State::Fresh)) {
                leave(n);
                return kRestartSys;
            }
        }
        if (gift) accept_gift(n, *gift, std::move(file));
    }
}

void Listener::close() {
    SpinGuard g(lock_);
    closed_ = true;
    for (Notification& n : waiting_) {
        if (n.state == State::Replied) continue;
        n.state = State::Replied;
        n.reply = {false, -i64(ENOSYS)};
        n.wait.wake_all();
    }
}

u32 Listener::poll_bits() {
    SpinGuard g(lock_);
    u32 bits = unused_ ? kPollHup : 0;
    for (Notification& n : waiting_) {
        if (n.state == State::Fresh) bits |= kPollIn | kPollRdNorm;
        if (n.state == State::Received) bits |= kPollOut | kPollWrNorm;
    }
    return bits;
}

Result<void> Listener::receive(u64 address) {
    // The structure may grow: what is to be filled in must be empty.
    const auto room = TRY(user_read<SeccompNotif>(address));
    for (const u8* p = reinterpret_cast<const u8*>(&room); p < reinterpret_cast<const u8*>(&room + 1); ++p)
        if (*p) return EINVAL;
    SeccompNotif out{};
    for (;;) {
        auto something = [&] {
            SpinGuard g(lock_);
            return unused_ || first_fresh();
        };
        if (wait_until(changed_, something) == WaitResult::Interrupted) return kRestartSys;
        SpinGuard g(lock_);
        Notification* n = first_fresh();
        if (n) {
            n->state = State::Received;
            out.id = n->id;
            out.pid = static_cast<u32>(n->tid);
            out.data = n->data;
            changed_.wake_all(kPollOut | kPollWrNorm);
            break;
        }
        if (unused_) return ENOENT;
    }
    auto written = user_write(address, out);
    if (!written) {
        SpinGuard g(lock_);
        if (Notification* n = find(out.id); n && n->state == State::Received) {
            n->state = State::Fresh;
            n->wait.wake_all(); // signals end its wait again
            changed_.wake_all(kPollIn | kPollRdNorm);
        }
    }
    return written;
}

Result<void> Listener::send(u64 address) {
    const auto r = TRY(user_read<SeccompNotifResp>(address));
    const bool go_on = r.flags & seccomp_notif_flag_continue;
    if (r.flags & ~seccomp_notif_flag_continue || (go_on && (r.error || r.val))) return EINVAL;
    SpinGuard g(lock_);
    Notification* n = find(r.id);
    if (!n) return ENOENT;
    if (n->state != State::Received) return EINPROGRESS;
    n->state = State::Replied;
    n->reply = {go_on, r.error ? i64{r.error} : r.val};
    n->wait.wake_all();
    return {};
}

Result<void> Listener::id_valid(u64 address) {
    const u64 id = TRY(user_read<u64>(address));
    SpinGuard g(lock_);
    Notification* n = find(id);
    return n && n->state == State::Received ? Result<void>() : Result<void>(ENOENT);
}

Result<i64> Listener::add_descriptor(u64 address, size_t size) {
    DescriptorGift gift;
    SeccompNotifAddfd& r = gift.request;
    if (size < sizeof r || size >= kPageSize) return EINVAL;
    r = TRY(user_read<SeccompNotifAddfd>(address));
    for (size_t at = sizeof r; at < size; ++at)
        if (TRY(user_read<u8>(address + at))) return E2BIG;
    if (r.newfd_flags & ~u32(O_CLOEXEC) || r.flags & ~(seccomp_addfd_setfd | seccomp_addfd_send)) return EINVAL;
    if (r.newfd && !(r.flags & seccomp_addfd_setfd)) return EINVAL;
    {
        FdRef file(static_cast<int>(r.srcfd));
        if (!file) return EBADF;
        gift.file = file.share();
    }
    {
        SpinGuard g(lock_);
        Notification* n = find(r.id);
        if (!n) return ENOENT;
        if (n->state != State::Received) return EINPROGRESS;
        if (r.flags & seccomp_addfd_send) {
            if (!n->gifts.empty()) return EBUSY;
            n->state = State::Replied;
        }
        n->gifts.push_back(gift);
        n->wait.wake_all();
    }
    auto done = [&] {
        SpinGuard g(lock_);
        return gift.done;
    };
    if (wait_until(gift.wait, done) == WaitResult::Interrupted) {
        bool taken;
        {
            SpinGuard g(lock_);
            taken = !gift.node.linked();
            if (!taken) {
                gift.node.unlink();
                if (r.flags & seccomp_addfd_send)
                    if (Notification* n = find(r.id)) n->state = State::Received;
            }
        }
        if (!taken) return kRestartSys;
        (void)wait_until(gift.wait, done, kForever, false); // it is being installed
    }
    SpinGuard g(lock_);
    if (gift.result < 0) return static_cast<Errno>(-gift.result);
    return gift.result;
}

class ListenerFile final : public File {
  public:
    ListenerFile(Ref<Inode> inode, Ref<Listener> listener) : File(O_RDWR), inode_(std::move(inode)), listener_(std::move(listener)) {}
    ~ListenerFile() override { listener_->close(); }

    u32 poll(PollTable* table) override {
        if (table) table->watch(listener_->changed_);
        return listener_->poll_bits();
    }
    Result<i64> ioctl(u32 command, u64 arg) override {
        auto zero = [](Result<void> r) { return r.ok() ? Result<i64>(0) : Result<i64>(r.error()); };
        switch (command) {
        case seccomp_ioctl_recv: return zero(listener_->receive(arg));
        case seccomp_ioctl_send: return zero(listener_->send(arg));
        case seccomp_ioctl_id_valid:
        case seccomp_ioctl_id_valid_wrong_dir: return zero(listener_->id_valid(arg));
        }
        constexpr u32 kind = ~(ioctl_size_mask | ioctl_direction_mask);
        if ((command & kind) == (seccomp_ioctl_addfd & kind)) return listener_->add_descriptor(arg, (command & ioctl_size_mask) >> 16);
        return EINVAL;
    }
    void describe(TextBuffer& out) override { out.append("anon_inode:seccomp notify"); }
    Inode& inode() override { return *inode_; }

  private:
    Ref<Inode> inode_;
    Ref<Listener> listener_;
};

} // namespace

Result<Ref<File>> make_seccomp_listener(bool killable, Ref<SeccompListener>& listener) {
    Ref<Listener> l = TRY(make_ref<Listener>(killable));
    listener = l;
    return Ref<File>(TRY(make_ref<ListenerFile>(TRY(make_anonymous_inode(0600)), std::move(l))));
}

} // namespace linnet
