#include "syscall/trace/ring.h"

#include <atomic>

#include "kernel/arch/x86_64/cpu.h"
#include "kernel/lib/string.h"
#include "kernel/mm/page.h"
#include "kernel/sched/scheduler.h"
#include "kernel/sync/rcu.h"
#include "kernel/sync/wait_queue.h"
#include "kernel/task/signal.h"
#include "kernel/time/clock.h"
#include "vfs/tty/stream.h"

namespace linnet {

namespace {

using abi::TraceRecord;

constexpr u32 kRingOrder = 6; // pages
constexpr u64 kRingBytes = kPageSize << kRingOrder;
constexpr u64 kMark = kRingBytes / 4;                // from here on the drain does not wait
constexpr u64 kLongestWaitNs = 20 * kNsPerMs;        // of a record in a ring
static_assert(sizeof(TraceRecord) + abi::trace_text_limit <= kRingBytes / 2);

/// One writer, the CPU that it belongs to (kernel code is not preempted, and no interrupt traces), and one reader, the drain: no lock.
struct Ring {
    u8* bytes = nullptr;
    alignas(64) std::atomic<u64> head{0}; // bytes ever written
    alignas(64) std::atomic<u64> tail{0}; // bytes ever taken
};

Ring rings[kMaxCpus];
std::atomic<u64> next_sequence{0};
StreamPort port;
WaitQueue drain_queue, room_queue, finished_queue;
std::atomic<bool> pending{false};  // there is something in a ring, and the drain knows it
std::atomic<bool> pressing{false}; // a ring is beyond its mark
std::atomic<bool> refusing{false}; // no more records
std::atomic<bool> closing{false};  // and none is on its way into a ring: the drain ends when it has seen all
std::atomic<bool> finished{false};

u64 used(const Ring& r) { return r.head.load(std::memory_order_acquire) - r.tail.load(std::memory_order_acquire); }

void copy_in(Ring& r, u64 at, const void* from, size_t n) {
    at %= kRingBytes;
    const size_t first = n < kRingBytes - at ? n : kRingBytes - at;
    memcpy(r.bytes + at, from, first);
    if (first < n) memcpy(r.bytes, static_cast<const u8*>(from) + first, n - first);
}

/// On this CPU, without a chance to sleep in between.
bool try_put(TraceRecord& record, const char* text, size_t n) {
    Ring& r = rings[this_cpu()];
    const u64 head = r.head.load(std::memory_order_relaxed);
    const u64 size = sizeof record + n;
    const u64 taken = head - r.tail.load(std::memory_order_acquire);
    if (kRingBytes - taken < size) return false;
    record.sequence = next_sequence.fetch_add(1, std::memory_order_relaxed);
    if (!record.time_ns) record.time_ns = monotonic_ns();
    copy_in(r, head, &record, sizeof record);
    copy_in(r, head + sizeof record, text, n);
    // Before the flags are looked at: the drain takes them back before it looks at the head.
    r.head.store(head + size, std::memory_order_seq_cst);
    if (taken + size >= kMark && !pressing.load(std::memory_order_seq_cst)) {
        pressing.store(true, std::memory_order_seq_cst);
        drain_queue.wake_all();
    }
    if (!pending.load(std::memory_order_seq_cst)) {
        pending.store(true, std::memory_order_seq_cst);
        drain_queue.wake_all();
    }
    return true;
}

bool has_room(size_t size) {
    Ring& r = rings[this_cpu()];
    return kRingBytes - used(r) >= size;
}

/// The whole of [tail, head) into the port, as it takes it.
void drain(Ring& r) {
    if (!r.bytes) return;
    const u64 head = r.head.load(std::memory_order_acquire);
    u64 tail = r.tail.load(std::memory_order_relaxed);
    while (tail != head) {
        const u64 at = tail % kRingBytes;
        u64 n = head - tail;
        if (n > kRingBytes - at) n = kRingBytes - at;
        const size_t taken = port.device->write(r.bytes + at, n);
        if (!taken) {
            (void)wait_until(port.writers, [] { return port.writable(); }, kForever, false);
            continue;
        }
        tail += taken;
        r.tail.store(tail, std::memory_order_release);
        room_queue.wake_all();
    }
}

void drain_thread(void*) {
    for (;;) {
        auto closed = [] { return closing.load(std::memory_order_seq_cst); };
        (void)wait_until(drain_queue, [&] { return pending.load(std::memory_order_seq_cst) || closed(); }, kForever, false);
        (void)wait_until(drain_queue, [&] { return pressing.load(std::memory_order_seq_cst) || closed(); }, monotonic_ns() + kLongestWaitNs, false);
        const bool last = closed();
        // Before the rings are looked at: what comes later raises them again.
        pending.store(false, std::memory_order_seq_cst);
        pressing.store(false, std::memory_order_seq_cst);
        for (Ring& r : rings) drain(r);
        if (last) break;
    }
    finished.store(true, std::memory_order_seq_cst);
    finished_queue.wake_all();
}

} // namespace

bool trace_ring_active() { return port.device != nullptr; }

Result<void> trace_ring_init() {
    CharDevice* device = find_char_device("linnet.trace");
    if (!device) return ENODEV;
    for (u32 cpu = 0; cpu < cpu_count(); ++cpu) rings[cpu].bytes = static_cast<u8*>(page_to_virt(TRY(alloc_pages(kRingOrder, false))));
    TRY(start_kernel_thread("trace", drain_thread, nullptr)); // sleeps until there is a record
    port.device = device;
    port.listen();
    return {};
}

bool trace_put(TraceRecord& record, const char* text, size_t n) {
    if (n > abi::trace_text_limit) n = abi::trace_text_limit;
    record.magic = abi::trace_magic;
    record.length = u32(sizeof record + n);
    for (;;) {
        if (refusing.load(std::memory_order_relaxed)) return false; // from here to the record's end nothing sleeps: trace_finish()
        if (try_put(record, text, n)) return true;
        // A thread that dies tells of its end in any case.
        const bool killable = record.kind != abi::TraceKind::end;
        SleepEntry entry(room_queue);
        for (;;) {
            prepare_to_sleep(killable);
            if (has_room(record.length) || refusing.load(std::memory_order_seq_cst)) break;
            if (killable && fatal_signal_pending()) {
                cancel_sleep();
                return false;
            }
            sleep_until(kForever);
        }
        cancel_sleep();
    }
}

void trace_finish() {
    if (!port.device) return;
    refusing.store(true, std::memory_order_seq_cst);
    room_queue.wake_all();
    rcu_synchronize(); // writers that have not seen it are done
    closing.store(true, std::memory_order_seq_cst);
    drain_queue.wake_all();
    (void)wait_until(finished_queue, [] { return finished.load(std::memory_order_seq_cst); }, kForever, false);
}

} // namespace linnet
