#include "kernel/sync/lock_stat.h"

#include "kernel/arch/x86_64/cpu.h"
#include "kernel/arch/x86_64/smp.h"
#include "kernel/boot/machine_tables.h"
#include "kernel/boot/panic_report.h"
#include "kernel/lib/log.h"
#include "kernel/lib/panic.h"
#include "kernel/lib/proc_file.h"
#include "kernel/lib/ref.h"
#include "kernel/sched/scheduler.h"
#include "kernel/time/clock.h"

namespace linnet {

bool lock_stat_on;

namespace {

constexpr u32 kRanks = u32(Rank::Log) + 1;
constexpr const char* kRankNames[] = {
    "ProcessExec", "MountTable", "Rename", "EpollTeardown", "Epoll", "Socket", "FilePosition", "Inode", "Pipe", "Tty", "PiFutexes",
    "AddressSpace", "VmObject", "MiscMutex", "PidTable", "SignalState", "SignalActions", "FileTable", "FsContext",
    "DentryCache", "FileLocks", "NetCore", "DatagramQueue", "UnixSocket", "FutexBucket", "TimerFiles", "MiscSpin",
    "NetDevice", "Virtqueue", "PciConfig", "PageTable", "VmObjectIndex", "WaitQueue", "WaitQueueNested", "RunQueue",
    "Timers", "KernelMappings", "Heap", "PageAllocator", "Entropy", "ClockData", "Log"};
static_assert(sizeof kRankNames / sizeof kRankNames[0] == kRanks);

struct Counters { u64 acquired, contended, waited_tsc; };
Counters* counters[kMaxCpus]; // kRanks each, written by their CPU

/// Calls line(rank's name, sums) for every rank that was taken.
template <class F>
void for_each_rank(F&& line) {
    for (u32 r = 0; r < kRanks; ++r) {
        Counters sum{};
        for (u32 c = 0; c < cpu_count(); ++c) {
            if (!counters[c]) continue;
            sum.acquired += __atomic_load_n(&counters[c][r].acquired, __ATOMIC_RELAXED);
            sum.contended += __atomic_load_n(&counters[c][r].contended, __ATOMIC_RELAXED);
            sum.waited_tsc += __atomic_load_n(&counters[c][r].waited_tsc, __ATOMIC_RELAXED);
        }
        if (sum.acquired) line(kRankNames[r], sum);
    }
}

constexpr char kHeading[] = "rank                 acquired    contended      waited_ns\n";
constexpr char kLine[] = "%-16s %12lu %12lu %14lu\n";

Result<void> show(GrowingText& out, u64) {
    out.put(kHeading);
    for_each_rank([&](const char* name, const Counters& c) { out.append(kLine, name, c.acquired, c.contended, tsc_to_ns(c.waited_tsc)); });
    return {};
}
constexpr ProcFile lock_stat_files[] = {{"proc/linnet/lockstat", 0444, show}};

#if LINNET_DEBUG
constexpr u64 kTooLongNs = 30 * kNsPerSec; // a CPU of a loaded host may stand still for seconds
#endif

} // namespace

void lock_stat_count(Rank rank, u64 waited_tsc) {
    PerCpu& p = per_cpu();
    if (!counters[p.index]) return;
    Counters& c = counters[p.index][u32(rank)];
    auto add = [](u64& to, u64 n) { __atomic_store_n(&to, to + n, __ATOMIC_RELAXED); }; // others read them
    add(c.acquired, 1);
    if (waited_tsc) add(c.contended, 1), add(c.waited_tsc, waited_tsc);
}

void lock_stat_init() {
    u32 n = machine_tables.cpu_count ? machine_tables.cpu_count : 1;
    for (u32 i = 0; i < n && i < kMaxCpus; ++i) counters[i] = static_cast<Counters*>(kzalloc(sizeof(Counters) * kRanks));
    (void)register_proc_files(lock_stat_files); // the list is full: it is counted, and shown nowhere
    lock_stat_on = true;
}

void lock_stat_report() {
    if (!lock_stat_on) return;
    log_text(kHeading, sizeof kHeading - 1);
    for_each_rank([&](const char* name, const Counters& c) {
        char text[96];
        size_t n = format(text, sizeof text, kLine, name, c.acquired, c.contended, tsc_to_ns(c.waited_tsc));
        log_text(text, n);
    });
}

LockWait::LockWait(Rank rank) : rank_(rank), begun_tsc_(cpu::rdtsc()) {}

LockWait::~LockWait() {
    if (lock_stat_on) [[unlikely]] lock_stat_count(rank_, cpu::rdtsc() - begun_tsc_);
}

LockSpin::LockSpin(const void* lock, Rank rank) : lock_(lock), rank_(rank), begun_tsc_(cpu::rdtsc()) {}

LockSpin::~LockSpin() {
    if (lock_stat_on) [[unlikely]] {
        u64 waited = cpu::rdtsc() - begun_tsc_;
        lock_stat_count(rank_, waited ? waited : 1);
    }
}

void LockSpin::check() {
#if LINNET_DEBUG
    if (tsc_to_ns(cpu::rdtsc() - begun_tsc_) < kTooLongNs || !tsc_to_ns(1ull << 32)) return;
    panic_print("=== lock of rank %s at 0x%lx: cpu %u waits for %lu s\n", kRankNames[u32(rank_)], reinterpret_cast<u64>(lock_),
                per_cpu().index, tsc_to_ns(cpu::rdtsc() - begun_tsc_) / kNsPerSec);
    // Who holds it: the running threads' locks are known; a run queue's holder shows by where its CPU is.
    for (u32 c = 0; c < cpu_count(); ++c) {
        Thread* t = per_cpu(c).current;
        for (u32 i = 0; t && i < t->held_count && i < 16; ++i)
            if (t->held[i].lock == lock_ && c != per_cpu().index) panic_print("held by %s on cpu %u\n", t->name, c);
        if (c != per_cpu().index) show_other_cpu(c);
    }
    panic("deadlock: lock of rank %s", kRankNames[u32(rank_)]);
#endif
}

} // namespace linnet
