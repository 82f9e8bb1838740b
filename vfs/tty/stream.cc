#include "vfs/tty/stream.h"

#include "kernel/lib/string.h"
#include "vfs/mount.h"

namespace linnet {
namespace {

constexpr u32 kPipeBuf = 4096; // writes up to this are not torn: PIPE_BUF, pipe(7)
constexpr u32 kPipefsMagic = 0x50495045;

/// One page for output on its way, for each port: filled from program memory under the lock, then given to the device.
struct OutputStage {
    Mutex<Rank::Tty> lock;
    u8 bytes[kPipeBuf] GUARDED_BY(lock);
};
OutputStage output_stage;

class StreamInode final : public Inode {
  public:
    StreamInode(Ref<Superblock> sb, u64 number, StreamPort& p, StdinStage* in, StreamKind k)
        : Inode(std::move(sb), S_IFIFO | 0600, number), port(p), input(in), kind(k) {}
    Result<Ref<File>> open(const Location& here, u32 flags) override;
    StreamPort& port;
    StdinStage* input;
    StreamKind kind;
};

class StreamFile final : public PathFile {
  public:
    StreamFile(const Location& where, u32 flags) : PathFile(where, flags, false) {}
    StreamInode& stream() { return static_cast<StreamInode&>(*inode_); }

    Result<size_t> read(IoVector& to, u64&, bool nonblock) override {
        if (!stream().input) return EBADF;
        return stream().input->read(to, nonblock);
    }

    Result<size_t> write(IoVector& from, u64&, bool nonblock) override {
        if (stream().kind != StreamKind::Output) return EBADF;
        StreamPort& port = stream().port;
        if (!port.device) {
            size_t n = from.remaining();
            from.skip(n);
            return n;
        }
        size_t done = 0;
        while (from.remaining()) {
            if (!port.writable()) {
                if (nonblock) return done ? Result<size_t>(done) : Result<size_t>(EAGAIN);
                WaitResult w = wait_until(port.writers, [&] { return port.writable(); });
                if (w != WaitResult::Ready) return done ? Result<size_t>(done) : Result<size_t>(kRestartSys);
            }
            size_t want = from.remaining() < kPipeBuf ? from.remaining() : kPipeBuf;
            MutexGuard guard(output_stage.lock);
            size_t copied = from.copy_in(output_stage.bytes, want);
            size_t taken = copied ? port.device->write(output_stage.bytes, copied) : 0;
            if (taken < copied) from.rewind(copied - taken);
            done += taken;
            if (copied < want && taken == copied) return done ? Result<size_t>(done) : Result<size_t>(EFAULT);
        }
        return done;
    }

    u32 poll(PollTable* table) override {
        StreamInode& s = stream();
        u32 events = 0;
        if (s.input) {
            if (table) table->watch(s.port.readers);
            bool end = s.input->at_end();
            if (!end && s.input->readable()) events |= kPollIn | kPollRdNorm;
            if (end) events |= kPollHup;
        } else {
            if (table) table->watch(s.port.writers);
            if (!s.port.device || s.port.writable()) events |= kPollOut | kPollWrNorm;
        }
        return events;
    }

    Result<i64> bytes_available() override {
        return i64(stream().input ? stream().input->staged() : 0);
    }
    Result<u64> seek(i64, int) override { return ESPIPE; }
    Result<void> fsync(bool) override { return EINVAL; }
    void describe(TextBuffer& out) override { out.append("pipe:[%lu]", static_cast<unsigned long>(inode_->ino)); }
};

Result<Ref<File>> StreamInode::open(const Location& here, u32 flags) {
    return Ref<File>(TRY(make_ref<StreamFile>(here, flags)));
}

} // namespace

void StreamPort::listen() {
    if (!device) return;
    device->event_arg = this;
    device->on_event = [](void* arg) {
        auto& self = *static_cast<StreamPort*>(arg);
        if (self.device->readable()) self.readers.wake_all(kPollIn | kPollRdNorm);
        if (self.waits_for_room.load() && self.device->writable() && self.waits_for_room.exchange(false)) {
            self.writers.wake_all(kPollOut | kPollWrNorm);
        }
    };
}

void StdinStage::fill() {
    if (first_.load() != last_.load() || !port.device) return;
    u64 taken = taken_.load();
    u64 end = end_.load();
    u64 left = end > taken ? end - taken : 0;
    size_t want = left < kStageBytes ? left : kStageBytes;
    size_t got = want ? port.device->read(stage_, want) : 0;
    first_.store(0);
    last_.store(u32(got));
    taken_.store(taken + got); // last: at_end() may look at any moment
}

/// Without the lock. What was taken is loaded first: whoever sees the last bytes as taken sees them in the stage too, or gone.
bool StdinStage::at_end() {
    bool all_taken = !port.device || taken_.load() >= end_.load();
    return all_taken && first_.load() == last_.load();
}

bool StdinStage::readable() {
    if (first_.load() != last_.load() || at_end()) return true;
    return port.device->readable();
}

size_t StdinStage::staged() {
    MutexGuard guard(lock_);
    fill();
    return last_.load() - first_.load();
}

void StdinStage::set_end(u64 bytes) {
    end_.store(bytes);
    port.readers.wake_all(kPollHup);
}

Result<size_t> StdinStage::read(IoVector& to, bool nonblock) {
    if (to.remaining() == 0) return size_t{0};
    for (;;) {
        {
            MutexGuard guard(lock_);
            size_t done = 0;
            while (to.remaining()) {
                fill();
                u32 first = first_.load(), have = last_.load() - first;
                if (!have) break;
                size_t want = have < to.remaining() ? have : to.remaining();
                size_t copied = to.copy_out(stage_ + first, want);
                first_.store(first + u32(copied));
                done += copied;
                if (copied < want) return done ? Result<size_t>(done) : Result<size_t>(EFAULT);
            }
            if (done) return done;
        }
        if (at_end()) return size_t{0};
        if (nonblock) return EAGAIN;
        if (wait_until(port.readers, [&] { return readable(); }) != WaitResult::Ready) return kRestartSys;
    }
}

Result<Location> make_stream_location(StreamPort& port, StdinStage* input, StreamKind kind) {
    // A file system of their own that is mounted nowhere, as Linux's pipefs.
    static Ref<Mount> mount;
    if (!mount) {
        auto sb = TRY(make_ref<Superblock>("pipefs", kPipefsMagic));
        auto root = TRY(make_ref<Inode>(sb, S_IFDIR | 0500u, sb->next_ino()));
        Ref<Superblock> base = sb;
        mount = TRY(make_ref<Mount>(base, TRY(DentryCache::make_root(root))));
    }
    const Ref<Superblock>& sb = mount->superblock;
    auto inode = TRY(make_ref<StreamInode>(sb, sb->next_ino(), port, input, kind));
    auto dentry = TRY(DentryCache::make_root(Ref<Inode>(inode), "pipe"));
    return Location(mount, dentry);
}

} // namespace linnet
