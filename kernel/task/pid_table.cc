// Numbers of processes, threads, groups and sessions. A number is handed out again as late as possible: the search goes on
// from the last one, and wraps at kPidMax. Look-up is two array accesses, without a lock (RCU: the memory of processes and
// threads stays for a grace period). Chunks without a used number are given back when the search comes to another chunk.
#include "kernel/mm/address_space.h"
#include "kernel/sync/rcu.h"
#include "kernel/task/lifecycle.h"
#include "kernel/time/clock.h"

namespace linnet {

SpinLock<Rank::PidTable> process_lock;
void (*on_session_leader_exit)(Process& leader) = nullptr;

namespace {

struct PidEntry {
    RcuPointer<Process> process; // with this PID, until it was waited for
    RcuPointer<Task> task;       // with this thread ID
    u32 groups = 0;             // processes in the group, and in the session, of this number
    u32 sessions = 0;
    bool used() const { return process.load() || task.load() || groups || sessions; }
};

constexpr u32 kEntriesPerChunk = 120; // with the bits, within kmalloc's largest size class
constexpr u32 kChunks = (kPidMax + kEntriesPerChunk - 1) / kEntriesPerChunk;
constexpr i32 kFirstReusedPid = 300; // as Linux: low numbers are given once only

struct Chunk {
    PidEntry entries[kEntriesPerChunk];
    u64 live[2] = {}; // entries with a process
};

RcuPointer<Chunk> chunks[kChunks];
u64 live_chunks[(kChunks + 63) / 64] GUARDED_BY(process_lock); // those with a process
i32 last_allocated GUARDED_BY(process_lock) = 0;
u32 processes GUARDED_BY(process_lock) = 0;

/// The first set bit from `from` on; `count` if there is none.
u32 next_bit(const u64* bits, u32 count, u32 from) {
    for (u32 word = from / 64; word * 64 < count; ++word) {
        u64 left = bits[word];
        if (word == from / 64) left &= ~u64(0) << (from % 64);
        if (left) return word * 64 + u32(__builtin_ctzll(left));
    }
    return count;
}

void mark(u64* bits, u32 bit, bool set) {
    if (set) bits[bit / 64] |= u64(1) << (bit % 64);
    else bits[bit / 64] &= ~(u64(1) << (bit % 64));
}

/// Chunks that are out of sight, till no reader can be in them any more.
struct DyingChunks : RcuHead {
    static constexpr u32 kMost = 16;
    std::atomic<u32> count{0}; // 0: free to be filled
    Chunk* chunks[kMost];
};
DyingChunks dying;

bool unused(const Chunk& c) {
    for (const PidEntry& e : c.entries)
        if (e.used()) return false;
    return true;
}

/// All chunks without a used number but the one that numbers are taken from; at most kMost at a time.
void give_chunks_back(u32 current) REQUIRES(process_lock) {
    if (dying.count.load(std::memory_order_acquire)) return;
    u32 n = 0;
    for (u32 i = 0; i < kChunks && n < DyingChunks::kMost; ++i) {
        Chunk* c = chunks[i].load();
        if (i == current || !c || !unused(*c)) continue;
        chunks[i].store(nullptr);
        dying.chunks[n++] = c;
    }
    if (!n) return;
    dying.count.store(n, std::memory_order_relaxed);
    rcu_defer(dying, [](RcuHead&) {
        for (u32 i = 0; i < dying.count.load(std::memory_order_relaxed); ++i) kfree(dying.chunks[i]);
        dying.count.store(0, std::memory_order_release);
    });
}

PidEntry* entry(i32 pid) {
    if (pid <= 0 || pid >= kPidMax) return nullptr;
    Chunk* c = chunks[pid / i32(kEntriesPerChunk)].load();
    return c ? &c->entries[u32(pid) % kEntriesPerChunk] : nullptr;
}

} // namespace

Result<i32> allocate_pid() {
    i32 pid = last_allocated;
    for (i32 tries = 0; tries < kPidMax; ++tries) {
        if (++pid >= kPidMax) pid = kFirstReusedPid;
        RcuPointer<Chunk>& place = chunks[pid / i32(kEntriesPerChunk)];
        Chunk* c = place.load();
        if (!c) {
            // Rank Heap is above PidTable; chunks are small enough never to need the OOM killer's sleep.
            void* memory = kmalloc(sizeof(Chunk));
            if (!memory) return ENOMEM;
            c = new (memory) Chunk();
            place.store(c);
            give_chunks_back(u32(pid) / kEntriesPerChunk);
        }
        if (!c->entries[u32(pid) % kEntriesPerChunk].used()) {
            last_allocated = pid;
            return pid;
        }
    }
    return EAGAIN;
}

void set_pid_task(i32 pid, Task* t) {
    PidEntry* e = entry(pid);
    CHECK(e);
    e->task.store(t);
}

void set_pid_process(i32 pid, Process* p) {
    PidEntry* e = entry(pid);
    CHECK(e);
    if (p && !e->process.load()) ++processes;
    if (!p && e->process.load()) --processes;
    e->process.store(p);
    const u32 place = u32(pid) / kEntriesPerChunk;
    Chunk& c = *chunks[place].load();
    mark(c.live, u32(pid) % kEntriesPerChunk, p);
    mark(live_chunks, place, c.live[0] | c.live[1]);
}

void enter_group(Process& p, i32 pgid) {
    if (p.pgid) --entry(p.pgid)->groups;
    p.pgid = pgid;
    ++entry(pgid)->groups;
}

void enter_session(Process& p, i32 sid) {
    if (p.sid) --entry(p.sid)->sessions;
    p.sid = sid;
    ++entry(sid)->sessions;
}

void leave_group_and_session(Process& p) {
    if (p.pgid) --entry(p.pgid)->groups;
    if (p.sid) --entry(p.sid)->sessions;
    p.pgid = p.sid = 0;
}

Process* process_by_pid(i32 pid) {
    PidEntry* e = entry(pid);
    return e ? e->process.load() : nullptr;
}

Task* task_by_tid(i32 tid) {
    PidEntry* e = entry(tid);
    return e ? e->task.load() : nullptr;
}

Process* process_at_or_after(i32 pid) {
    if (pid < 1) pid = 1;
    u32 within = u32(pid) % kEntriesPerChunk;
    for (u32 place = u32(pid) / kEntriesPerChunk; (place = next_bit(live_chunks, kChunks, place)) < kChunks; ++place) {
        if (place != u32(pid) / kEntriesPerChunk) within = 0;
        Chunk& c = *chunks[place].load();
        if (u32 i = next_bit(c.live, kEntriesPerChunk, within); i < kEntriesPerChunk) return c.entries[i].process.load();
    }
    return nullptr;
}

Process* init_process() { return process_by_pid(1); }

Ref<Process> find_process(i32 pid) {
    RcuReader reader;
    PidEntry* e = entry(pid);
    Process* p = e ? e->process.load() : nullptr;
    return p && p->try_add_ref() ? Ref<Process>::adopt(p) : nullptr;
}

Ref<Task> find_task(i32 tid) {
    RcuReader reader;
    PidEntry* e = entry(tid);
    Task* t = e ? e->task.load() : nullptr;
    return t && t->try_add_ref() ? Ref<Task>::adopt(t) : nullptr;
}

Ref<Process> next_process(i32 pid) {
    SpinGuard g(process_lock);
    return Ref<Process>(process_at_or_after(pid + 1));
}

Ref<Task> next_thread(Process& p, i32 tid) {
    SpinGuard g(process_lock);
    Task* best = nullptr;
    for (ThreadLink& l : p.threads)
        if (l.task->tid > tid && (!best || l.task->tid < best->tid)) best = l.task;
    return Ref<Task>(best);
}

Ref<Task> main_thread(Process& p) {
    SpinGuard g(process_lock);
    ThreadLink* l = p.threads.front();
    return Ref<Task>(l ? l->task : nullptr);
}

Ref<AddressSpace> process_space(Process& p) {
    SpinGuard g(process_lock);
    return p.space;
}

u32 process_count() {
    SpinGuard g(process_lock);
    return processes;
}

i32 last_pid() NO_THREAD_SAFETY { return __atomic_load_n(&last_allocated, __ATOMIC_RELAXED); }

bool is_orphaned_group(i32 pgid, const Process* without) {
    SpinGuard g(process_lock);
    bool orphaned = true;
    for_each_process_locked([&](Process& p) {
        // Init counts as a parent, as in a container: it may be a shell that controls jobs.
        if (p.pgid != pgid || p.zombie || !p.parent || p.parent == without) return;
        if (p.parent->pgid != pgid && p.parent->sid == p.sid) orphaned = false;
    });
    return orphaned;
}

Result<i32> session_of_group(i32 pgid) {
    SpinGuard g(process_lock);
    i32 sid = 0;
    for_each_process_locked([&](Process& p) {
        if (p.pgid == pgid) sid = p.sid;
    });
    if (!sid) return ESRCH;
    return sid;
}

} // namespace linnet
