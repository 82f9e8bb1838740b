#include "vfs/file_locks.h"

#include "kernel/task/task.h"
#include "vfs/file_table.h"
#include "vfs/inode.h"

namespace linnet {

namespace {

/// [start, end], both included; end is INT64_MAX for "to the end of the file".
struct Record {
    ListNode node;
    u64 owner;      // file table (Posix) or open file (Ofd, Flock)
    i64 start, end;
    i32 pid;        // for F_GETLK; -1 for OFD locks
    LockKind kind;
    bool exclusive;
    Record* next_free = nullptr;
};

/// All locks of all files: operations are short and rare.
SpinLock<Rank::FileLocks> lock_of_all;

/// Owners of POSIX locks that wait, and for whom: to find deadlocks.
struct Waiting {
    ListNode node;
    u64 owner;
    u64 blocked_by;
};
List<Waiting, &Waiting::node> waiting GUARDED_BY(lock_of_all);
constexpr int kMaxDeadlockSteps = 10; // as Linux: longer chains are not searched

bool conflicts(const Record& a, u64 owner, LockKind kind, bool exclusive, i64 start, i64 end) {
    // flock locks and record locks do not see each other; POSIX and OFD locks do.
    if ((a.kind == LockKind::Flock) != (kind == LockKind::Flock)) return false;
    if (a.owner == owner && a.kind == kind) return false;
    return (a.exclusive || exclusive) && a.start <= end && start <= a.end;
}

} // namespace

class FileLockState {
  public:
    List<Record, &Record::node> records GUARDED_BY(lock_of_all);
    WaitQueue released;

    Record* first_conflict(u64 owner, LockKind kind, bool exclusive, i64 start, i64 end) REQUIRES(lock_of_all) {
        for (Record& r : records)
            if (conflicts(r, owner, kind, exclusive, start, end)) return &r;
        return nullptr;
    }
    /// Takes [start, end] away from the owner's locks; a record that is cut in two takes one from `spare`. Emptied
    /// records go to `free`. True if anything was there.
    bool cut(u64 owner, LockKind kind, i64 start, i64 end, Record*& spare, Record*& free) REQUIRES(lock_of_all) {
        bool any = false;
        for (Record* r = records.front(); r;) {
            Record* next = records.next(*r);
            if (r->owner == owner && r->kind == kind && r->start <= end && start <= r->end) {
                any = true;
                bool head = r->start < start, tail = r->end > end;
                if (head && tail) {
                    Record* second = std::exchange(spare, nullptr);
                    ASSERT(second);
                    second->owner = owner;
                    second->kind = kind;
                    second->exclusive = r->exclusive;
                    second->pid = r->pid;
                    second->start = end + 1;
                    second->end = r->end;
                    r->end = start - 1;
                    records.push_back(*second);
                } else if (head) {
                    r->end = start - 1;
                } else if (tail) {
                    r->start = end + 1;
                } else {
                    records.remove(*r);
                    r->next_free = free;
                    free = r;
                }
            }
            r = next;
        }
        return any;
    }
};

namespace {

void free_records(Record* r) {
    while (r) {
        Record* next = r->next_free;
        r->~Record();
        kfree(r);
        r = next;
    }
}

Record* new_record() {
    void* p = kmalloc(sizeof(Record));
    return p ? new (p) Record{} : nullptr;
}

Result<FileLockState*> state_of(Inode& inode) {
    FileLockState* s = inode.locks.load(std::memory_order_acquire);
    if (s) return s;
    void* p = kmalloc(sizeof(FileLockState));
    if (!p) return ENOLCK;
    auto* made = new (p) FileLockState;
    FileLockState* expected = nullptr;
    if (inode.locks.compare_exchange_strong(expected, made)) return made;
    kfree(p);
    return expected;
}

u64 owner_of(File& f, LockKind kind) {
    return kind == LockKind::Posix ? current_files().lock_owner() : reinterpret_cast<u64>(&f);
}

/// `waiter` waiting for `holder` would close a circle.
bool would_deadlock(u64 waiter, u64 holder) REQUIRES(lock_of_all) {
    for (int step = 0; step < kMaxDeadlockSteps; ++step) {
        if (holder == waiter) return true;
        bool found = false;
        for (Waiting& w : waiting)
            if (w.owner == holder) {
                holder = w.blocked_by;
                found = true;
                break;
            }
        if (!found) return false;
    }
    return false;
}

struct Range { i64 start, end; };

Result<Range> range_of(File& f, const abi::Flock& l) {
    i64 base;
    switch (l.whence) {
    case SEEK_SET: base = 0; break;
    case SEEK_CUR: base = static_cast<i64>(f.position); break;
    case SEEK_END: base = static_cast<i64>(f.inode().size()); break;
    default: return EINVAL;
    }
    i64 start;
    if (__builtin_add_overflow(base, l.start, &start)) return EOVERFLOW;
    if (start < 0) return EINVAL;
    if (l.len == 0) return Range{start, INT64_MAX};
    if (l.len > 0) {
        i64 end;
        if (__builtin_add_overflow(start, l.len - 1, &end)) return EOVERFLOW;
        return Range{start, end};
    }
    if (l.len == INT64_MIN || start + l.len < 0) return EINVAL;
    return Range{start + l.len, start - 1};
}

/// The common part: applies the lock, or says who is in the way.
Result<void> apply(File& f, LockKind kind, int type, Range range, bool wait) {
    FileLockState* state = TRY(state_of(f.inode()));
    u64 owner = owner_of(f, kind);
    Record* fresh = type == F_UNLCK ? nullptr : new_record();
    Record* spare = new_record();
    if (!spare || (!fresh && type != F_UNLCK)) {
        if (fresh) kfree(fresh);
        if (spare) kfree(spare);
        return ENOLCK;
    }
    bool exclusive = type == F_WRLCK;
    Record* free = nullptr;
    Result<void> result;
    bool changed = false;
    for (;;) {
        Waiting self;
        {
            SpinGuard g(lock_of_all);
            Record* obstacle = type == F_UNLCK ? nullptr : state->first_conflict(owner, kind, exclusive, range.start, range.end);
            if (!obstacle) {
                if (kind != LockKind::Posix && type != F_UNLCK) f.has_locks.store(true, std::memory_order_relaxed);
                changed = state->cut(owner, kind, range.start, range.end, spare, free);
                if (fresh) {
                    // Neighbours of the same kind become one.
                    Range merged = range;
                    for (bool again = true; again;) {
                        again = false;
                        for (Record& r : state->records)
                            if (r.owner == owner && r.kind == kind && r.exclusive == exclusive &&
                                ((r.end != INT64_MAX && r.end + 1 == merged.start) ||
                                 (merged.end != INT64_MAX && merged.end + 1 == r.start))) {
                                if (r.start < merged.start) merged.start = r.start;
                                if (r.end > merged.end) merged.end = r.end;
                                state->records.remove(r);
                                r.next_free = free;
                                free = &r;
                                again = true;
                                break;
                            }
                    }
                    fresh->owner = owner;
                    fresh->kind = kind;
                    fresh->exclusive = exclusive;
                    fresh->start = merged.start;
                    fresh->end = merged.end;
                    fresh->pid = kind == LockKind::Posix ? current().process->pid : -1;
                    state->records.push_back(*std::exchange(fresh, nullptr));
                }
                break;
            }
            if (!wait) {
                result = EAGAIN;
                break;
            }
            if (kind == LockKind::Posix) {
                if (obstacle->kind == LockKind::Posix && would_deadlock(owner, obstacle->owner)) {
                    result = EDEADLK;
                    break;
                }
                self.owner = owner;
                self.blocked_by = obstacle->kind == LockKind::Posix ? obstacle->owner : 0;
                waiting.push_back(self);
            }
        }
        auto r = wait_until(state->released, [&] {
            SpinGuard g(lock_of_all);
            return state->first_conflict(owner, kind, exclusive, range.start, range.end) == nullptr;
        });
        if (kind == LockKind::Posix) {
            SpinGuard g(lock_of_all);
            self.node.unlink();
        }
        if (r == WaitResult::Interrupted) {
            result = kRestartSys;
            break;
        }
    }
    if (changed) state->released.wake_all();
    if (fresh) fresh->next_free = free, free = fresh;
    if (spare) spare->next_free = free, free = spare;
    free_records(free);
    return result;
}

/// Releases all locks of an owner on the inode.
void release_all(Inode& inode, u64 owner, LockKind kind) {
    FileLockState* state = inode.locks.load(std::memory_order_acquire);
    if (!state) return;
    Record* free = nullptr;
    Record* none = nullptr;
    bool changed;
    {
        SpinGuard g(lock_of_all);
        changed = state->cut(owner, kind, 0, INT64_MAX, none, free);
    }
    if (changed) state->released.wake_all();
    free_records(free);
}

} // namespace

Result<void> set_record_lock(File& f, LockKind kind, const abi::Flock& request, bool wait) {
    if (kind == LockKind::Ofd && request.pid != 0) return EINVAL;
    Range range = TRY(range_of(f, request));
    switch (request.type) {
    case F_RDLCK:
        if (!f.readable()) return EBADF;
        break;
    case F_WRLCK:
        if (!f.writable()) return EBADF;
        break;
    case F_UNLCK: break;
    default: return EINVAL;
    }
    return apply(f, kind, request.type, range, wait);
}

Result<void> get_record_lock(File& f, LockKind kind, abi::Flock& request) {
    if (kind == LockKind::Ofd && request.pid != 0) return EINVAL;
    if (request.type != F_RDLCK && request.type != F_WRLCK && !(kind == LockKind::Ofd && request.type == F_UNLCK)) return EINVAL;
    Range range = TRY(range_of(f, request));
    FileLockState* state = f.inode().locks.load(std::memory_order_acquire);
    u64 owner = owner_of(f, kind);
    SpinGuard g(lock_of_all);
    Record* r = state ? state->first_conflict(owner, kind, request.type == F_WRLCK, range.start, range.end) : nullptr;
    if (!r) {
        request.type = F_UNLCK;
        return {};
    }
    request.type = static_cast<i16>(r->exclusive ? F_WRLCK : F_RDLCK);
    request.whence = SEEK_SET;
    request.start = r->start;
    request.len = r->end == INT64_MAX ? 0 : r->end - r->start + 1;
    request.pid = r->pid;
    return {};
}

Result<void> set_flock(File& f, int operation, bool wait) {
    int type = operation == LOCK_SH ? F_RDLCK : operation == LOCK_EX ? F_WRLCK : F_UNLCK;
    if (type != F_UNLCK) {
        // A conversion first gives the old lock up (flock(2)).
        FileLockState* state = TRY(state_of(f.inode()));
        bool convert = false;
        {
            SpinGuard g(lock_of_all);
            for (Record& r : state->records)
                if (r.kind == LockKind::Flock && r.owner == reinterpret_cast<u64>(&f)) {
                    if (r.exclusive == (type == F_WRLCK)) return {};
                    convert = true;
                }
        }
        if (convert) release_all(f.inode(), reinterpret_cast<u64>(&f), LockKind::Flock);
    }
    return apply(f, LockKind::Flock, type, {0, INT64_MAX}, wait);
}

void release_posix_locks(Inode& inode, u64 owner) { release_all(inode, owner, LockKind::Posix); }

void release_file_locks(File& f) {
    release_all(f.inode(), reinterpret_cast<u64>(&f), LockKind::Flock);
    release_all(f.inode(), reinterpret_cast<u64>(&f), LockKind::Ofd);
}

void release_lock_state(Inode& inode) {
    FileLockState* s = inode.locks.exchange(nullptr);
    if (!s) return;
    {
        SpinGuard g(lock_of_all); // nobody else has it any more
        while (Record* r = s->records.pop_front()) kfree(r);
    }
    s->~FileLockState();
    kfree(s);
}

} // namespace linnet
