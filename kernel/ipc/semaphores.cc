// A set's operations are tried under the table's lock, by the caller first, then, while the caller sleeps, by whoever changes the
// set: first come, first served. Source: semop(2), semctl(2).
#include "kernel/ipc/semaphores.h"

#include "kernel/ipc/ipc_files.h"

namespace linnet {

namespace {
class SemaphoreSet;
}

/// What a process's SEM_UNDO operations on one set come to: to be added at its end.
struct SemaphoreUndo {
    ListNode set_node, process_node;
    SemaphoreSet* set = nullptr; // borrowed: a set that goes takes these along
    Vec<i16> adjust;
};
class SemaphoreUndoList {
  public:
    List<SemaphoreUndo, &SemaphoreUndo::process_node> entries;
};

namespace {

enum class Attempt : u8 { Done, MustWait, Failed };

struct Semaphore { i32 value = 0, pid = 0; };

/// A sleeping semop, on its thread's stack.
struct SemaphoreWaiter {
    ListNode node;
    const abi::Sembuf* ops;
    u32 count;
    SemaphoreUndo* undo;
    i32 pid;
    const abi::Sembuf* blocking; // the first operation that cannot be done
    std::atomic<bool> done{false};
    Errno error{}; // 0: they were done
    WaitQueue queue;
};

class SemaphoreSet final : public RefCounted {
  public:
    IpcHeader ipc;
    i64 otime = 0, ctime = 0;
    Vec<Semaphore> semaphores;
    List<SemaphoreWaiter, &SemaphoreWaiter::node> waiters;
    List<SemaphoreUndo, &SemaphoreUndo::set_node> undos;
};

IpcTable<SemaphoreSet> sets;
u64 all_semaphores GUARDED_BY(sets.lock) = 0;

/// Tries them all. MustWait: `blocking` is the operation. Failed: `error`.
Attempt attempt(SemaphoreSet& s, const abi::Sembuf* ops, u32 count, SemaphoreUndo* undo, i32 pid, const abi::Sembuf*& blocking, Errno& error) {
    u32 i = 0;
    Attempt outcome = Attempt::Done;
    for (; i < count; ++i) {
        const abi::Sembuf& op = ops[i];
        Semaphore& sem = s.semaphores[op.num];
        const i32 result = sem.value + op.op;
        if ((op.op == 0 && sem.value) || result < 0) {
            blocking = &op;
            outcome = op.flg & IPC_NOWAIT ? Attempt::Failed : Attempt::MustWait;
            error = EAGAIN;
            break;
        }
        const i32 adjust = undo && (op.flg & SEM_UNDO) ? undo->adjust[op.num] - op.op : 0;
        if (result > SEMVMX || adjust < -SEMAEM - 1 || adjust > SEMAEM) {
            outcome = Attempt::Failed;
            error = ERANGE;
            break;
        }
        if (undo && (op.flg & SEM_UNDO)) undo->adjust[op.num] = i16(adjust);
        sem.value = result;
    }
    if (outcome == Attempt::Done) {
        for (i = 0; i < count; ++i) s.semaphores[ops[i].num].pid = pid;
        return outcome;
    }
    while (i-- > 0) {
        s.semaphores[ops[i].num].value -= ops[i].op;
        if (undo && (ops[i].flg & SEM_UNDO)) undo->adjust[ops[i].num] = i16(undo->adjust[ops[i].num] + ops[i].op);
    }
    return outcome;
}

bool changes(const abi::Sembuf* ops, u32 count) {
    for (u32 i = 0; i < count; ++i)
        if (ops[i].op) return true;
    return false;
}

void finish(SemaphoreWaiter& w, Errno error) {
    w.node.unlink();
    w.error = error;
    w.done.store(true, std::memory_order_release);
    w.queue.wake_all();
}

/// The set changed: lets those go on who can.
void serve(SemaphoreSet& s) REQUIRES(sets.lock) {
    for (bool again = true; again;) {
        again = false;
        for (SemaphoreWaiter* w = s.waiters.front(); w;) {
            SemaphoreWaiter* next = s.waiters.next(*w);
            Errno error{};
            const Attempt a = attempt(s, w->ops, w->count, w->undo, w->pid, w->blocking, error);
            if (a != Attempt::MustWait) {
                again = a == Attempt::Done && changes(w->ops, w->count);
                if (a == Attempt::Done) s.otime = ipc_now();
                finish(*w, a == Attempt::Done ? Errno{} : error);
                if (again) break; // from the oldest on
            }
            w = next;
        }
    }
}

void forget_undo(SemaphoreSet& s, u32 number) {
    for (SemaphoreUndo& u : s.undos) u.adjust[number] = 0;
}

/// The current process's, made at the first use. ENOMEM
Result<SemaphoreUndo*> undo_of(SemaphoreSet& s) REQUIRES(sets.lock) {
    Process& p = *current().process;
    if (!p.semaphore_undo) p.semaphore_undo = TRY(make_owned<SemaphoreUndoList>()).release();
    for (SemaphoreUndo& u : p.semaphore_undo->entries)
        if (u.set == &s) return &u;
    auto u = TRY(make_owned<SemaphoreUndo>());
    TRY(u->adjust.resize(s.semaphores.size()));
    u->set = &s;
    s.undos.push_back(*u);
    p.semaphore_undo->entries.push_back(*u);
    return u.release();
}

void free_undo(SemaphoreUndo& u) {
    u.set_node.unlink();
    u.process_node.unlink();
    Owned<SemaphoreUndo>::adopt(&u).reset();
}

} // namespace

Result<i32> get_semaphores(i32 key, i32 count, u32 flags) {
    if (count < 0 || count > sysctl::semmsl) return EINVAL;
    MutexGuard g(sets.lock);
    Ref<SemaphoreSet> found = TRY(sets.look_up(key, flags, [&](SemaphoreSet& s) -> Result<void> {
        if (size_t(count) > s.semaphores.size()) return EINVAL;
        return {};
    }));
    if (found) return found->ipc.id;
    if (!count) return EINVAL;
    if (all_semaphores + u64(count) > u64(i64(sysctl::semmns))) return ENOSPC;
    Ref<SemaphoreSet> made = TRY(make_ref<SemaphoreSet>());
    TRY(made->semaphores.resize(size_t(count)));
    made->ipc.init(key, flags);
    made->ctime = ipc_now();
    const i32 id = TRY(sets.add(std::move(made), sysctl::semmni));
    all_semaphores += u64(count);
    return id;
}

Result<void> semaphore_operations(i32 id, const abi::Sembuf* ops, u32 count, u64 deadline_ns) {
    SemaphoreWaiter w;
    w.ops = ops, w.count = count, w.undo = nullptr, w.pid = ipc_pid();
    bool undoes = false;
    u32 highest = 0;
    for (u32 i = 0; i < count; ++i) {
        if (ops[i].num > highest) highest = ops[i].num;
        undoes |= (ops[i].flg & SEM_UNDO) != 0;
    }
    const bool alters = changes(ops, count);
    {
        MutexGuard g(sets.lock);
        Ref<SemaphoreSet> s = TRY(sets.find(id));
        if (highest >= s->semaphores.size()) return EFBIG;
        TRY(s->ipc.check_access(alters ? 0222 : 0444));
        if (undoes) w.undo = TRY(undo_of(*s));
        Errno error{};
        switch (attempt(*s, ops, count, w.undo, w.pid, w.blocking, error)) {
        case Attempt::Done:
            s->otime = ipc_now();
            if (alters) serve(*s);
            return {};
        case Attempt::Failed: return error;
        case Attempt::MustWait: break;
        }
        s->waiters.push_back(w);
    }
    const WaitResult r = wait_until(w.queue, [&] { return w.done.load(std::memory_order_acquire); }, deadline_ns);
    MutexGuard g(sets.lock); // whoever finished it is through with `w` then
    if (w.done.load(std::memory_order_relaxed)) {
        if (w.error != Errno{}) return w.error;
        return {};
    }
    w.node.unlink();
    return r == WaitResult::TimedOut ? EAGAIN : EINTR;
}

Result<i32> stat_semaphores(i32 id, int command, abi::SemidDs& out) {
    MutexGuard g(sets.lock);
    Ref<SemaphoreSet> s = command == IPC_STAT ? TRY(sets.find(id)) : sets.at(id);
    if (!s) return EINVAL;
    if (command != SEM_STAT_ANY) TRY(s->ipc.check_access(0444));
    out = {};
    out.perm = s->ipc.to_perm();
    out.otime = s->otime, out.ctime = s->ctime;
    out.nsems = s->semaphores.size();
    return command == IPC_STAT ? 0 : s->ipc.id;
}

Result<void> set_semaphores(i32 id, const abi::SemidDs& ds) {
    MutexGuard g(sets.lock);
    Ref<SemaphoreSet> s = TRY(sets.find(id));
    TRY(s->ipc.check_owner());
    TRY(s->ipc.set(ds.perm));
    s->ctime = ipc_now();
    return {};
}

Result<void> remove_semaphores(i32 id) {
    Ref<SemaphoreSet> s;
    MutexGuard g(sets.lock);
    s = TRY(sets.find(id));
    TRY(s->ipc.check_owner());
    while (SemaphoreUndo* u = s->undos.front()) free_undo(*u);
    while (SemaphoreWaiter* w = s->waiters.front()) finish(*w, EIDRM);
    all_semaphores -= s->semaphores.size();
    (void)sets.remove(*s); // `s` holds another
    return {};
}

Result<i32> semaphore_figure(i32 id, i32 number, int command) {
    MutexGuard g(sets.lock);
    Ref<SemaphoreSet> s = TRY(sets.find(id));
    TRY(s->ipc.check_access(0444));
    if (number < 0 || size_t(number) >= s->semaphores.size()) return EINVAL;
    const Semaphore& sem = s->semaphores[size_t(number)];
    switch (command) {
    case GETVAL: return sem.value;
    case GETPID: return sem.pid;
    default: break;
    }
    i32 n = 0;
    for (SemaphoreWaiter& w : s->waiters)
        if (w.blocking->num == number && (w.blocking->op == 0) == (command == GETZCNT)) ++n;
    return n;
}

Result<void> set_semaphore(i32 id, i32 number, i32 value) {
    if (value < 0 || value > SEMVMX) return ERANGE;
    MutexGuard g(sets.lock);
    Ref<SemaphoreSet> s = TRY(sets.find(id));
    if (number < 0 || size_t(number) >= s->semaphores.size()) return EINVAL;
    TRY(s->ipc.check_access(0222));
    forget_undo(*s, u32(number));
    s->semaphores[size_t(number)] = {value, ipc_pid()};
    s->ctime = ipc_now();
    serve(*s);
    return {};
}

Result<Vec<u16>> semaphore_values(i32 id) {
    MutexGuard g(sets.lock);
    Ref<SemaphoreSet> s = TRY(sets.find(id));
    TRY(s->ipc.check_access(0444));
    Vec<u16> values;
    TRY(values.resize(s->semaphores.size()));
    for (size_t i = 0; i < values.size(); ++i) values[i] = u16(s->semaphores[i].value);
    return values;
}

Result<u32> semaphore_count(i32 id) {
    MutexGuard g(sets.lock);
    Ref<SemaphoreSet> s = TRY(sets.find(id));
    TRY(s->ipc.check_access(0222));
    return u32(s->semaphores.size());
}

Result<void> set_semaphore_values(i32 id, const Vec<u16>& values) {
    for (size_t i = 0; i < values.size(); ++i)
        if (values[i] > SEMVMX) return ERANGE;
    MutexGuard g(sets.lock);
    auto found = sets.find(id);
    if (!found || (*found)->semaphores.size() != values.size()) return EIDRM; // it was there a moment ago
    SemaphoreSet& s = **found;
    for (size_t i = 0; i < values.size(); ++i) {
        s.semaphores[i] = {values[i], ipc_pid()};
        forget_undo(s, u32(i));
    }
    s.ctime = ipc_now();
    serve(s);
    return {};
}

i32 semaphore_usage(u32& set_count, u32& semaphores) {
    MutexGuard g(sets.lock);
    set_count = sets.used();
    semaphores = u32(all_semaphores);
    return sets.highest();
}

void undo_semaphores(Process& p) {
    if (!p.semaphore_undo) return;
    MutexGuard g(sets.lock);
    while (SemaphoreUndo* u = p.semaphore_undo->entries.front()) {
        SemaphoreSet& s = *u->set;
        for (size_t i = 0; i < u->adjust.size(); ++i) {
            if (!u->adjust[i]) continue;
            Semaphore& sem = s.semaphores[i];
            sem.value += u->adjust[i];
            if (sem.value < 0) sem.value = 0;
            if (sem.value > SEMVMX) sem.value = SEMVMX;
            sem.pid = p.pid;
        }
        free_undo(*u);
        s.otime = ipc_now();
        serve(s);
    }
    Owned<SemaphoreUndoList>::adopt(std::exchange(p.semaphore_undo, nullptr)).reset();
}

Result<void> show_semaphores(GrowingText& out, u64) {
    out.put("       key      semid perms      nsems   uid   gid  cuid  cgid      otime      ctime\n");
    MutexGuard g(sets.lock);
    for (size_t i = 0; i < sets.size(); ++i) {
        Ref<SemaphoreSet> s = sets.at(i32(i));
        if (!s) continue;
        const IpcHeader& h = s->ipc;
        out.append("%10d %10d  %4o %10lu %5u %5u %5u %5u %10lu %10lu\n", h.key, h.id, h.mode, s->semaphores.size(), h.uid, h.gid, h.cuid, h.cgid,
                   u64(s->otime), u64(s->ctime));
    }
    return {};
}

} // namespace linnet
