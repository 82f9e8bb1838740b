// Numbers of processes, threads, groups and sessions. A number is handed out again as late as possible: the search goes on
// from the last one, and wraps at kPidMax. Look-up is two array accesses, without a lock (RCU: the memory of processes and
// threads stays for a grace period); chunks are never given back.
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

constexpr u32 kEntriesPerChunk = 128;
constexpr i32 kFirstReusedPid = 300; // as Linux: low numbers are given once only

struct Chunk { PidEntry entries[kEntriesPerChunk]; };

RcuPointer<Chunk> chunks[kPidMax / kEntriesPerChunk];
i32 last_allocated GUARDED_BY(process_lock) = 0;
u32 processes GUARDED_BY(process_lock) = 0;

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
    while (pid < kPidMax) {
        Chunk* c = chunks[pid / i32(kEntriesPerChunk)].load();
        if (!c) {
            pid = (pid / i32(kEntriesPerChunk) + 1) * i32(kEntriesPerChunk);
            continue;
        }
        if (Process* p = c->entries[u32(pid) % kEntriesPerChunk].process.load()) return p;
        ++pid;
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
