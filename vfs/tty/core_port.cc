#include "vfs/tty/core_port.h"

#include "kernel/dev/device.h"
#include "kernel/sync/mutex.h"
#include "kernel/task/task.h"
#include "kernel/time/clock.h"

namespace linnet {

namespace {

/// In front of each piece. Processes may be dumped at the same time: each record says whose it is.
struct CoreRecord {
    u32 magic;  // "LNCR"
    u32 kind;   // 1: begins, the data is the program's name; 2: data at `offset`; 3: ends, `offset` bytes long
    u32 pid, length; // bytes that follow
    u64 offset;
};
static_assert(sizeof(CoreRecord) == 24);

constexpr size_t kMostBytes = 1 << 20; // of one record

enum : u32 { kMagic = 0x52434e4c, kBegin = 1, kData = 2, kEnd = 3 };

Mutex<Rank::MiscMutex> port_lock; // one record at a time

/// EIO: the host does not take it any more.
Result<void> send(CharDevice& port, const void* data, size_t n) {
    constexpr u64 kPatience = 60 * kNsPerSec;
    const char* p = static_cast<const char*>(data);
    for (u64 deadline = monotonic_ns() + kPatience; n;) {
        const size_t some = port.write(p, n);
        p += some, n -= some;
        if (!n || some) continue;
        if (monotonic_ns() > deadline) return EIO;
        prepare_to_sleep(false);
        (void)sleep_until(monotonic_ns() + kNsPerMs);
        cancel_sleep();
    }
    return {};
}

class CorePort final : public CoreFile {
  public:
    CorePort(CharDevice& port, u32 pid) : port_(port), pid_(pid) {}
    Result<void> record(u32 kind, u64 offset, const void* data, u32 n) {
        const CoreRecord r{kMagic, kind, pid_, n, offset};
        MutexGuard g(port_lock);
        TRY(send(port_, &r, sizeof r));
        return send(port_, data, n);
    }
    Result<void> write_at(u64 offset, const void* data, size_t n) override {
        for (size_t done = 0; done < n;) {
            const size_t some = n - done < kMostBytes ? n - done : kMostBytes;
            TRY(record(kData, offset + done, static_cast<const char*>(data) + done, u32(some)));
            done += some;
        }
        return {};
    }
    Result<void> set_size(u64 size) override { return record(kEnd, size, nullptr, 0); }

  private:
    CharDevice& port_;
    const u32 pid_;
};

} // namespace

Result<Ref<CoreFile>> open_core_port() {
    CharDevice* port = find_char_device("linnet.core");
    if (!port) return Ref<CoreFile>();
    Task& t = current();
    Ref<CorePort> f = TRY(make_ref<CorePort>(*port, u32(t.process->pid)));
    TRY(f->record(kBegin, 0, t.name, sizeof t.name));
    return Ref<CoreFile>(std::move(f));
}

} // namespace linnet
