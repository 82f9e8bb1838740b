// epoll. Each watched file has an item with entries on the file's wait queues. A wake-up puts the item on its epoll's ready list and
// wakes a sleeper: O(1). Locks: teardown_lock (ends of files and of epolls, and additions of epolls to
// epolls), then an epoll's own mutex (interest list; nested: outer before inner), then the ready list's spin lock,
// which wake functions take under a file's wait queue.
#include "vfs/epoll.h"

#include "kernel/lib/sysctl.h"
#include "kernel/lib/tree.h"
#include "kernel/mm/user.h"
#include "linux-abi/fcntl.h"
#include "vfs/inode.h"

namespace linnet {

namespace {

class EpollFile;
constexpr u32 kPrivateBits = static_cast<u32>(EPOLLET) | EPOLLONESHOT | EPOLLWAKEUP | EPOLLEXCLUSIVE;
constexpr int kMaxNesting = 5; // as Linux's EP_MAX_NESTS

Mutex<Rank::EpollTeardown> teardown_lock;
/// Guards the lists File::watchers.
SpinLock<Rank::MiscSpin> watchers_lock;

struct Key {
    File* file;
    int fd;
    bool operator<(const Key& o) const { return file != o.file ? file < o.file : fd < o.fd; }
};

struct ItemEntry : WaitQueueEntry {
    EpollItem* item = nullptr;
    ItemEntry* next = nullptr; // beyond the first two
};

} // namespace

std::atomic<i64> watches{0}; // entries of all epolls, for fs.epoll.max_user_watches

class EpollItem : NoCopy {
  public:
    ~EpollItem() { watches.fetch_sub(1, std::memory_order_relaxed); }
    Key key;
    TreeNode tree_node;
    EpollFile* epoll;
    EpollItem* next_watcher = nullptr; // of the same file
    // Guarded by the epoll's mutex; events is read by the wake function.
    std::atomic<u32> events{0};
    u64 data = 0;
    ListNode ready_node; // guarded by the epoll's ready lock
    ItemEntry entries[2];
    ItemEntry* more = nullptr;
    u32 entry_count = 0;
};

namespace {

class EpollFile final : public File {
  public:
    explicit EpollFile(Ref<Inode> inode) : File(O_RDWR), inode_(std::move(inode)) {}
    ~EpollFile() override;

    u32 poll(PollTable* table) override;
    void describe(TextBuffer& out) override { out.append("anon_inode:[eventpoll]"); }
    Inode& inode() override { return *inode_; }
    bool is_epoll() const override { return true; }

    Result<void> add(File& target, int fd, const abi::EpollEvent& event);
    Result<void> modify(Key key, const abi::EpollEvent& event);
    Result<void> remove(Key key);
    void forget(EpollItem& item); // teardown_lock held
    Result<size_t> wait(u64 to, size_t max_events, u64 deadline_ns);

    static bool woken(WaitQueueEntry& e, u32 events);
    bool reaches(EpollFile& other, int depth, bool& too_deep);

  private:
    friend class ItemTable;
    bool push_ready(EpollItem& item);
    void drop_entries(EpollItem& item);
    void destroy(EpollItem& item) REQUIRES(lock_);
    bool any_ready();
    Result<size_t> collect(u64 to, size_t max_events);

    Ref<Inode> inode_;
    Mutex<Rank::Epoll> lock_;
    Tree<EpollItem, &EpollItem::tree_node, &EpollItem::key> items_ GUARDED_BY(lock_);
    SpinLock<Rank::WaitQueueNested> ready_lock_;
    List<EpollItem, &EpollItem::ready_node> ready_ GUARDED_BY(ready_lock_);
    std::atomic<u32> ready_count_{0};
    WaitQueue sleepers_;
    WaitQueue pollers_; // poll, select, and epolls that watch this one
};

/// Registers one item's entries on a file's wait queues.
class ItemTable final : public PollTable {
  public:
    explicit ItemTable(EpollItem& item) : item_(item) {}
    void watch(WaitQueue& q) override {
        ItemEntry* e;
        if (item_.entry_count < 2) {
            e = &item_.entries[item_.entry_count];
        } else {
            void* p = kmalloc(sizeof(ItemEntry));
            if (!p) {
                failed = true;
                return;
            }
            e = new (p) ItemEntry;
            e->next = std::exchange(item_.more, e);
        }
        ++item_.entry_count;
        e->item = &item_;
        e->wake = EpollFile::woken;
        e->exclusive = item_.events.load(std::memory_order_relaxed) & EPOLLEXCLUSIVE;
        q.add(*e);
    }
    bool failed = false;

  private:
    EpollItem& item_;
};

/// Whether a file can be watched: regular files and directories can't (EPERM).
bool pollable(File& f) {
    Inode& i = f.inode();
    return !(f.location() && (i.is_regular() || i.is_directory()));
}

/// Under the lock of a wait queue of the file.
bool EpollFile::woken(WaitQueueEntry& e, u32 events) {
    EpollItem& item = *static_cast<ItemEntry&>(e).item;
    u32 wanted = item.events.load(std::memory_order_relaxed);
    if (!(wanted & ~kPrivateBits)) return false; // one-shot, and shot
    if (events && !(events & wanted)) return false;
    EpollFile& ep = *item.epoll;
    ep.push_ready(item);
    bool slept = !ep.sleepers_.empty();
    ep.sleepers_.wake_one(kPollIn);
    ep.pollers_.wake_all(kPollIn | kPollRdNorm);
    // An exclusive wake-up that no sleeper takes must go on to the next epoll.
    return slept || !(wanted & EPOLLEXCLUSIVE);
}

bool EpollFile::push_ready(EpollItem& item) {
    SpinGuard g(ready_lock_);
    if (item.ready_node.linked()) return false;
    ready_.push_back(item);
    ready_count_.store(ready_count_.load(std::memory_order_relaxed) + 1, std::memory_order_release);
    return true;
}

void EpollFile::drop_entries(EpollItem& item) {
    for (u32 i = 0; i < 2 && i < item.entry_count; ++i)
        if (item.entries[i].queue) item.entries[i].queue->remove(item.entries[i]);
    while (ItemEntry* e = item.more) {
        item.more = e->next;
        if (e->queue) e->queue->remove(*e);
        kfree(e);
    }
    item.entry_count = 0;
}

/// Takes an item out of everything and frees it; lock_ held.
void EpollFile::destroy(EpollItem& item) {
    drop_entries(item); // from here on no wake function reaches it
    {
        SpinGuard g(ready_lock_);
        if (item.ready_node.linked()) {
            item.ready_node.unlink();
            ready_count_.store(ready_count_.load() - 1);
        }
    }
    {
        SpinGuard g(watchers_lock);
        EpollItem** p = &item.key.file->watchers;
        while (*p && *p != &item) p = &(*p)->next_watcher;
        if (*p) *p = item.next_watcher;
    }
    items_.remove(item);
    item.~EpollItem();
    kfree(&item);
}

EpollFile::~EpollFile() {
    MutexGuard t(teardown_lock);
    MutexGuard g(lock_);
    while (EpollItem* item = items_.first()) destroy(*item);
}

/// This epoll watches `other`, directly or through further epolls. Under teardown_lock, so that no chain changes meanwhile.
bool EpollFile::reaches(EpollFile& other, int depth, bool& too_deep) {
    if (this == &other) return true;
    if (depth >= kMaxNesting) {
        too_deep = true;
        return false;
    }
    MutexGuard g(lock_);
    for (EpollItem* i = items_.first(); i; i = items_.next(*i))
        if (i->key.file->is_epoll() && static_cast<EpollFile*>(i->key.file)->reaches(other, depth + 1, too_deep)) return true;
    return false;
}

Result<void> EpollFile::add(File& target, int fd, const abi::EpollEvent& event) {
    if (watches.fetch_add(1, std::memory_order_relaxed) >= sysctl::epoll_max_watches) {
        watches.fetch_sub(1, std::memory_order_relaxed);
        return ENOSPC;
    }
    void* p = kzalloc(sizeof(EpollItem));
    if (!p) {
        watches.fetch_sub(1, std::memory_order_relaxed);
        return ENOMEM;
    }
    auto* item = new (p) EpollItem;
    item->key = {&target, fd};
    item->epoll = this;
    item->events = event.events;
    item->data = event.data;
    MutexGuard g(lock_);
    if (!items_.insert(*item)) {
        item->~EpollItem();
        kfree(item);
        return EEXIST;
    }
    {
        SpinGuard w(watchers_lock);
        item->next_watcher = target.watchers;
        target.watchers = item;
    }
    ItemTable table(*item);
    u32 now = target.poll(&table);
    if (table.failed) {
        destroy(*item);
        return ENOMEM;
    }
    if (now & item->events & ~kPrivateBits) {
        push_ready(*item);
        sleepers_.wake_one(kPollIn);
        pollers_.wake_all(kPollIn | kPollRdNorm);
    }
    return {};
}

Result<void> EpollFile::modify(Key key, const abi::EpollEvent& event) {
    MutexGuard g(lock_);
    EpollItem* item = items_.find(key);
    if (!item) return ENOENT;
    if ((item->events.load() | event.events) & EPOLLEXCLUSIVE) return EINVAL;
    item->data = event.data;
    item->events.store(event.events);
    std::atomic_thread_fence(std::memory_order_seq_cst); // then look: a change in between wakes by the new mask
    if (key.file->poll(nullptr) & event.events & ~kPrivateBits) {
        push_ready(*item);
        sleepers_.wake_one(kPollIn);
        pollers_.wake_all(kPollIn | kPollRdNorm);
    }
    return {};
}

Result<void> EpollFile::remove(Key key) {
    MutexGuard g(lock_);
    EpollItem* item = items_.find(key);
    if (!item) return ENOENT;
    destroy(*item);
    return {};
}

void EpollFile::forget(EpollItem& item) {
    MutexGuard g(lock_);
    destroy(item);
}

/// Level-triggered items may have gone stale on the ready list: asks the files, dropping what is not ready.
bool EpollFile::any_ready() {
    if (!ready_count_.load(std::memory_order_acquire)) return false;
    MutexGuard g(lock_);
    for (u32 n = ready_count_.load(); n; --n) {
        EpollItem* item;
        {
            SpinGuard r(ready_lock_);
            item = ready_.pop_front();
            if (!item) return false;
            ready_count_.store(ready_count_.load() - 1);
        }
        if (item->key.file->poll(nullptr) & item->events.load() & ~kPrivateBits) {
            push_ready(*item);
            return true;
        }
    }
    return ready_count_.load() != 0;
}

u32 EpollFile::poll(PollTable* table) {
    if (table) table->watch(pollers_);
    return any_ready() ? kPollIn | kPollRdNorm : 0;
}

/// Hands out what is ready, each item at most once. An item leaves the list before its file is asked, so that an event
/// that comes later puts it back: nothing is lost.
Result<size_t> EpollFile::collect(u64 to, size_t max_events) {
    size_t count = 0;
    bool level_left = false;
    MutexGuard g(lock_);
    for (u32 n = ready_count_.load(std::memory_order_acquire); n && count < max_events; --n) {
        EpollItem* item;
        {
            SpinGuard r(ready_lock_);
            item = ready_.pop_front();
            if (!item) break;
            ready_count_.store(ready_count_.load(std::memory_order_relaxed) - 1, std::memory_order_relaxed);
        }
        u32 wanted = item->events.load(std::memory_order_relaxed);
        u32 now = item->key.file->poll(nullptr) & wanted & ~kPrivateBits;
        if (!now) continue;
        abi::EpollEvent out{now, item->data};
        if (copy_to_user_partial(to + count * sizeof out, &out, sizeof out) != 0) {
            push_ready(*item);
            if (count) break;
            sleepers_.wake_one(kPollIn); // another one may have found the list empty meanwhile
            return EFAULT;
        }
        ++count;
        if (wanted & EPOLLONESHOT) {
            item->events.store(wanted & kPrivateBits);
        } else if (!(wanted & static_cast<u32>(EPOLLET))) {
            push_ready(*item); // still there next time, if it is still true
            level_left = true;
        }
    }
    // Others that sleep may take what is left.
    if ((level_left || ready_count_.load()) && count) sleepers_.wake_one(kPollIn);
    return count;
}

Result<size_t> EpollFile::wait(u64 to, size_t max_events, u64 deadline_ns) {
    for (;;) {
        if (ready_count_.load(std::memory_order_acquire)) {
            size_t n = TRY(collect(to, max_events));
            if (n) return n;
        }
        if (deadline_ns == 0) return size_t{0};
        auto r = wait_until(
            sleepers_, [this] { return ready_count_.load(std::memory_order_acquire) != 0; }, deadline_ns, true, true);
        if (r == WaitResult::Interrupted) return EINTR;
        if (r == WaitResult::TimedOut) {
            return ready_count_.load() ? collect(to, max_events) : Result<size_t>(size_t{0});
        }
    }
}

} // namespace

Result<Ref<File>> make_epoll() {
    Ref<Inode> inode = TRY(make_anonymous_inode(0600));
    return Ref<File>(TRY(make_ref<EpollFile>(std::move(inode))));
}

Result<void> epoll_control(File& epoll, int op, Ref<File> target, int fd, const abi::EpollEvent& given) {
    if (!pollable(*target)) return EPERM;
    if (&epoll == target.get() || !epoll.is_epoll()) return EINVAL;
    auto& ep = static_cast<EpollFile&>(epoll);
    abi::EpollEvent event = given;
    event.events &= ~static_cast<u32>(EPOLLWAKEUP); // there is no suspend to hold off
    bool exclusive = event.events & EPOLLEXCLUSIVE;
    constexpr u32 kWithExclusive = EPOLLIN | EPOLLOUT | EPOLLERR | EPOLLHUP | EPOLLWAKEUP | static_cast<u32>(EPOLLET) | EPOLLEXCLUSIVE;
    if (op != EPOLL_CTL_DEL) event.events |= EPOLLERR | EPOLLHUP;
    Key key{target.get(), fd};
    switch (op) {
    case EPOLL_CTL_ADD: {
        bool nested = target->is_epoll();
        if (exclusive && (nested || (event.events & ~kWithExclusive))) return EINVAL;
        if (!nested) return ep.add(*target, fd, event);
        MutexGuard t(teardown_lock);
        bool too_deep = false;
        if (static_cast<EpollFile&>(*target).reaches(ep, 0, too_deep) || too_deep) return ELOOP;
        return ep.add(*target, fd, event);
    }
    case EPOLL_CTL_MOD:
        if (exclusive) return EINVAL;
        return ep.modify(key, event);
    case EPOLL_CTL_DEL: return ep.remove(key);
    default: return EINVAL;
    }
}

Result<size_t> epoll_wait(File& epoll, u64 to, size_t max_events, u64 deadline_ns) {
    if (!epoll.is_epoll()) return EINVAL;
    return static_cast<EpollFile&>(epoll).wait(to, max_events, deadline_ns);
}

void epoll_forget(File& f) {
    MutexGuard t(teardown_lock);
    for (;;) {
        EpollItem* item;
        {
            SpinGuard g(watchers_lock);
            item = f.watchers;
        }
        if (!item) return;
        item->epoll->forget(*item);
    }
}

} // namespace linnet
