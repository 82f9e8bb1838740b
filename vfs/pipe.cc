#include "vfs/pipe.h"

#include <bit>

#include "kernel/lib/string.h"
#include "kernel/lib/sysctl.h"
#include "kernel/mm/io_vector.h"
#include "kernel/task/signal.h"
#include "kernel/task/task.h"
#include "linux-abi/fcntl.h"
#include "vfs/dentry.h"
#include "vfs/mount.h"
#include "vfs/path_file.h"

namespace linnet {

namespace {
constexpr size_t kAtomicBytes = 4096; // PIPE_BUF
}

Result<Ref<PipeBuffer>> PipeBuffer::make() {
    auto p = TRY(make_ref<PipeBuffer>());
    MutexGuard g(p->lock_);
    p->slots_ = static_cast<Slot*>(kmalloc(kDefaultSlots * sizeof(Slot)));
    if (!p->slots_) return ENOMEM;
    return p;
}

PipeBuffer::~PipeBuffer() {
    for (u32 i = tail_; i != head_; ++i) put_page(slot(i).page);
    if (spare_) put_page(spare_);
    kfree(slots_);
}

void PipeBuffer::add_end(bool reader, bool writer) {
    if (reader) readers.fetch_add(1), reader_opens.fetch_add(1);
    if (writer) writers.fetch_add(1), writer_opens.fetch_add(1);
    open_wait.wake_all();
}

void PipeBuffer::drop_end(bool reader, bool writer) {
    bool last = false;
    if (reader) last |= readers.fetch_sub(1) == 1;
    if (writer) last |= writers.fetch_sub(1) == 1;
    if (!last) return;
    read_wait_.wake_all(kPollIn | kPollHup | kPollRdNorm);
    write_wait_.wake_all(kPollOut | kPollErr | kPollWrNorm);
}

Result<size_t> PipeBuffer::read(IoVector& to, bool nonblock) {
    if (to.remaining() == 0) return size_t{0};
    size_t done = 0;
    bool more = false;
    for (;;) {
        {
            MutexGuard g(lock_);
            u32 tail = tail_.load(std::memory_order_relaxed);
            while (tail != head_.load(std::memory_order_relaxed) && to.remaining()) {
                Slot& s = slot(tail);
                size_t want = s.length < to.remaining() ? s.length : to.remaining();
                size_t n = to.copy_out(static_cast<u8*>(page_to_virt(s.page)) + s.offset, want);
                done += n;
                s.offset += static_cast<u32>(n);
                s.length -= static_cast<u32>(n);
                if (n < want) {
                    if (!done) return EFAULT;
                    break;
                }
                bool packet = s.packet;
                if (packet) s.length = 0; // what a read leaves of a packet is lost
                if (s.length == 0) {
                    if (spare_) put_page(s.page);
                    else spare_ = s.page;
                    tail_.store(++tail, std::memory_order_relaxed);
                }
                if (packet) break;
            }
            more = tail != head_.load(std::memory_order_relaxed);
            if (done) break;
            if (!writers.load()) return size_t{0};
        }
        if (nonblock) return EAGAIN;
        auto r = wait_until(
            read_wait_, [this] { return head_.load() != tail_.load() || !writers.load(); }, kForever, true, true);
        if (r == WaitResult::Interrupted) return kRestartSys;
    }
    // Writers wait only when all slots are taken; with one free again, one of them can go on.
    write_wait_.wake_one(kPollOut | kPollWrNorm);
    if (more) read_wait_.wake_one(kPollIn | kPollRdNorm);
    return done;
}

/// Bytes that fit now: the room at the end of the last page, and the free slots.
size_t PipeBuffer::room_locked() {
    u32 head = head_.load(std::memory_order_relaxed), used = head - tail_.load(std::memory_order_relaxed);
    size_t room = size_t{slot_count() - used} * kPageSize;
    if (used) {
        Slot& last = slot(head - 1);
        if (!last.packet) room += kPageSize - last.offset - last.length;
    }
    return room;
}

/// Moves what fits. `full`: it stopped for want of room. A write of at most PIPE_BUF bytes goes whole or not at all.
Result<size_t> PipeBuffer::write_locked(IoVector& from, bool packets, size_t atomic_need, bool& full) {
    size_t done = 0;
    full = false;
    if (atomic_need && room_locked() < atomic_need) {
        full = true;
        return size_t{0};
    }
    while (from.remaining()) {
        u32 head = head_.load(std::memory_order_relaxed), used = head - tail_.load(std::memory_order_relaxed);
        if (used && !packets) {
            Slot& last = slot(head - 1);
            size_t room = kPageSize - last.offset - last.length;
            if (room && !last.packet) {
                size_t want = room < from.remaining() ? room : from.remaining();
                size_t n = from.copy_in(static_cast<u8*>(page_to_virt(last.page)) + last.offset + last.length, want);
                last.length += static_cast<u32>(n);
                done += n;
                if (n < want) return done ? Result<size_t>(done) : EFAULT;
                continue;
            }
        }
        if (used == slot_count()) {
            full = true;
            break;
        }
        Page* page = std::exchange(spare_, nullptr);
        if (!page) {
            auto fresh = alloc_page(false);
            if (!fresh) return done ? Result<size_t>(done) : ENOMEM;
            page = *fresh;
        }
        size_t want = from.remaining() < kPageSize ? from.remaining() : kPageSize;
        size_t n = from.copy_in(page_to_virt(page), want);
        if (n == 0) {
            if (spare_) put_page(page);
            else spare_ = page;
            return done ? Result<size_t>(done) : EFAULT;
        }
        slot(head) = {page, 0, static_cast<u32>(n), packets};
        head_.store(head + 1, std::memory_order_release);
        done += n;
        if (n < want) return done;
    }
    return done;
}

Result<size_t> PipeBuffer::write(IoVector& from, bool nonblock, bool packets) {
    if (from.remaining() == 0) return size_t{0};
    size_t atomic = from.remaining() <= kAtomicBytes ? from.remaining() : 0;
    size_t done = 0;
    for (;;) {
        bool full;
        Result<size_t> n = size_t{0};
        {
            MutexGuard g(lock_);
            if (!readers.load()) {
                g.unlock();
                if (done) return done;
                send_signal_to_current(SIGPIPE);
                return EPIPE;
            }
            n = write_locked(from, packets, atomic, full);
        }
        if (!n) return done ? Result<size_t>(done) : n.error();
        if (*n) read_wait_.wake_one(kPollIn | kPollRdNorm);
        done += *n;
        if (!full) return done;
        if (nonblock) return done ? Result<size_t>(done) : EAGAIN;
        auto r = wait_until(
            write_wait_,
            [&] {
                if (!readers.load()) return true;
                if (head_.load() - tail_.load() < slot_count()) return true;
                if (!atomic) return false;
                MutexGuard g(lock_);
                return room_locked() >= atomic;
            },
            kForever, true, true);
        if (r == WaitResult::Interrupted) return done ? Result<size_t>(done) : kRestartSys;
    }
}

u32 PipeBuffer::poll(PollTable* table, bool reader, bool writer) {
    if (table) {
        if (reader) table->watch(read_wait_);
        if (writer) table->watch(write_wait_);
    }
    u32 used = head_.load() - tail_.load();
    u32 mask = 0;
    if (reader) {
        if (used) mask |= kPollIn | kPollRdNorm;
        if (!writers.load() && writer_opens.load()) mask |= kPollHup;
    }
    if (writer) {
        if (used < slot_count()) mask |= kPollOut | kPollWrNorm;
        if (!readers.load()) mask |= kPollErr;
    }
    return mask;
}

u32 PipeBuffer::bytes() {
    MutexGuard g(lock_);
    u32 n = 0;
    for (u32 i = tail_; i != head_; ++i) n += slot(i).length;
    return n;
}

Result<u64> PipeBuffer::set_capacity(u64 wanted) {
    if (wanted > INT32_MAX + u64{1}) return EINVAL;
    u32 slots = static_cast<u32>(std::bit_ceil(page_up(wanted ? wanted : 1) / kPageSize));
    if (slots > slot_count() && u64{slots} * kPageSize > static_cast<u64>(sysctl::pipe_max_size) && !current().credentials->has_capability(kCapSysResource)) return EPERM;
    auto* fresh = static_cast<Slot*>(kmalloc(slots * sizeof(Slot)));
    if (!fresh) return ENOMEM;
    {
        MutexGuard g(lock_);
        u32 used = head_ - tail_;
        if (used > slots) {
            g.unlock();
            kfree(fresh);
            return EBUSY;
        }
        for (u32 i = 0; i < used; ++i) fresh[i] = slot(tail_ + i);
        std::swap(slots_, fresh);
        slot_count_.store(slots, std::memory_order_relaxed);
        tail_ = 0;
        head_ = used;
    }
    kfree(fresh);
    write_wait_.wake_all(kPollOut | kPollWrNorm);
    return capacity();
}

namespace {

/// One end of a pipe or an open FIFO.
class PipeFile final : public PathFile {
  public:
    PipeFile(const Location& where, u32 flags, Ref<PipeBuffer> buffer, bool is_fifo)
        : PathFile(where, flags, false), buffer_(std::move(buffer)), is_fifo_(is_fifo) {
        buffer_->add_end(readable(), writable());
    }
    ~PipeFile() override {
        // The inode keeps a FIFO's buffer while anyone has it open.
        MutexGuard g(inode_->lock);
        buffer_->drop_end(readable(), writable());
        if (!buffer_->readers.load() && !buffer_->writers.load() && inode_->fifo == buffer_.get()) {
            inode_->fifo = nullptr;
            Ref<PipeBuffer>::adopt(buffer_.get()).reset();
        }
    }
    Result<size_t> read(IoVector& to, u64&, bool nonblock) override {
        auto n = buffer_->read(to, nonblock);
        return n;
    }
    Result<size_t> write(IoVector& from, u64&, bool nonblock) override {
        return buffer_->write(from, nonblock, flags() & O_DIRECT);
    }
    u32 poll(PollTable* table) override { return buffer_->poll(table, readable(), writable()); }
    Result<u64> seek(i64, int) override { return ESPIPE; }
    bool seekable() const override { return false; }
    Result<void> fsync(bool) override { return EINVAL; }
    Result<i64> bytes_available() override { return static_cast<i64>(buffer_->bytes()); }
    Result<i64> fcntl(u32 command, u64 arg) override {
        if (command == F_GETPIPE_SZ) return static_cast<i64>(buffer_->capacity());
        if (command == F_SETPIPE_SZ) return static_cast<i64>(TRY(buffer_->set_capacity(arg & 0xffffffff)));
        return EINVAL;
    }
    void describe(TextBuffer& out) override {
        if (is_fifo_) PathFile::describe(out);
        else out.append("pipe:[%llu]", static_cast<unsigned long long>(inode_->ino));
    }

  private:
    Ref<PipeBuffer> buffer_;
    bool is_fifo_;
};

} // namespace

Result<PipeEnds> make_pipe(u32 flags) {
    Ref<Inode> inode = TRY(make_anonymous_inode(S_IFIFO | 0600, AnonymousKind::Pipe));
    char name[32];
    TextBuffer text(name, sizeof name);
    text.append("pipe:[%llu]", static_cast<unsigned long long>(inode->ino));
    Location where(nullptr, TRY(DentryCache::make_root(inode, {name, text.length()})));
    Ref<PipeBuffer> buffer = TRY(PipeBuffer::make());
    u32 kept = flags & (O_NONBLOCK | O_DIRECT);
    PipeEnds ends;
    ends.reader = TRY(make_ref<PipeFile>(where, O_RDONLY | (kept & O_NONBLOCK), buffer, false));
    ends.writer = TRY(make_ref<PipeFile>(where, O_WRONLY | kept, buffer, false));
    inode->fifo = buffer.release(); // for opens through /proc/self/fd
    return ends;
}

Result<Ref<File>> open_fifo(const Location& where, u32 flags) {
    Inode& inode = where.inode();
    Ref<PipeBuffer> buffer;
    Ref<File> file;
    u32 others_before;
    bool reads = (flags & O_ACCMODE) != O_WRONLY, writes = (flags & O_ACCMODE) != O_RDONLY;
    const bool named = bool(where.mount); // else a pipe, by /proc/PID/fd: nobody waits for its other end
    {
        MutexGuard g(inode.lock);
        if (!inode.fifo) inode.fifo = TRY(PipeBuffer::make()).release();
        buffer = Ref<PipeBuffer>(inode.fifo);
        auto fail = [&](Errno e) NO_THREAD_SAFETY { // the lock is held
            if (!buffer->readers.load() && !buffer->writers.load()) {
                inode.fifo = nullptr;
                Ref<PipeBuffer>::adopt(buffer.get()).reset();
            }
            return e;
        };
        if (named && writes && !reads && (flags & O_NONBLOCK) && !buffer->readers.load()) return fail(ENXIO);
        others_before = reads ? buffer->writer_opens.load() : buffer->reader_opens.load();
        auto made = make_ref<PipeFile>(where, flags, buffer, named);
        if (!made) return fail(made.error());
        file = std::move(*made);
    }
    if (!named || (reads && writes)) return file;
    // Waits until the other side is, or was, there (fifo(7)); a reader with O_NONBLOCK does not.
    if ((flags & O_NONBLOCK) && reads) return file;
    auto met = [&] {
        if (reads) return buffer->writers.load() != 0 || buffer->writer_opens.load() != others_before;
        return buffer->readers.load() != 0 || buffer->reader_opens.load() != others_before;
    };
    if (wait_until(buffer->open_wait, met) == WaitResult::Interrupted) return kRestartSys;
    return file;
}

} // namespace linnet
