#include "kernel/ipc/shared_memory.h"

#include "kernel/ipc/ipc_files.h"
#include "kernel/mm/accounting.h"
#include "kernel/mm/address_space.h"
#include "linux-abi/prctl.h"
#include "linux-abi/resource.h"

namespace linnet {

namespace {

IpcTable<ShmSegment> segments;
u64 all_pages GUARDED_BY(segments.lock) = 0; // of the segments in the table

/// Takes it out of the table; the reference is dropped by the caller, without the lock.
Ref<ShmSegment> destroy(ShmSegment& s) REQUIRES(segments.lock) {
    all_pages -= s.pages();
    return segments.remove(s);
}

/// One user fewer. A segment that was removed goes with its last one.
Ref<ShmSegment> drop_user(ShmSegment& s) REQUIRES(segments.lock) {
    --s.attached;
    if (!s.attached && (s.ipc.mode & SHM_DEST) && !s.ipc.removed) return destroy(s);
    return {};
}

} // namespace

void ShmSegment::describe(TextBuffer& path, u64* device, u64* inode) {
    path.append("/SYSV%08x (deleted)", u32(ipc.key));
    *device = 1;
    *inode = u64(u32(ipc.id));
}

void ShmSegment::mapping_added() {
    MutexGuard g(segments.lock);
    ++attached;
    atime = ipc_now();
    lpid = ipc_pid();
}

void ShmSegment::mapping_removed() {
    Ref<ShmSegment> gone;
    MutexGuard g(segments.lock);
    dtime = ipc_now();
    lpid = ipc_pid();
    gone = drop_user(*this); // the mapping still holds a reference
}

Result<i32> get_segment(i32 key, u64 size, u32 flags) {
    Ref<ShmSegment> made;
    MutexGuard g(segments.lock);
    Ref<ShmSegment> found = TRY(segments.look_up(key, flags, [&](ShmSegment& s) -> Result<void> {
        if (s.bytes() < size) return EINVAL;
        return {};
    }));
    if (found) return found->ipc.id;
    if (size < 1 || size > sysctl::shmmax.load(std::memory_order_relaxed)) return EINVAL;
    const u64 pages = (size >> kPageShift) + ((size & (kPageSize - 1)) != 0);
    const u64 limit = sysctl::shmall.load(std::memory_order_relaxed);
    if (pages << kPageShift < size || all_pages + pages < all_pages || all_pages + pages > limit) return ENOSPC;
    if (flags & SHM_HUGETLB) return ENOMEM; // as with no huge pages reserved
    if (!(flags & SHM_NORESERVE) && pages > total_page_count() && sysctl::overcommit_memory != 1) return ENOMEM;
    made = TRY(make_ref<ShmSegment>(size));
    made->ipc.init(key, flags);
    made->cpid = ipc_pid();
    made->ctime = ipc_now();
    const i32 id = TRY(segments.add(made, sysctl::shmmni));
    all_pages += pages;
    return id;
}

Result<u64> attach_segment(i32 id, u64 address, u32 flags) {
    MapRequest r;
    r.prot = kProtRead;
    r.vma_flags = kVmaShared;
    u32 access = 0444;
    if (!(flags & SHM_RDONLY)) {
        r.prot |= kProtWrite;
        r.vma_flags |= kVmaMayWrite;
        access |= 0222;
    }
    if (flags & SHM_EXEC) {
        r.prot |= kProtExec;
        access |= 0111;
    }
    if (address) {
        if (address & (kPageSize - 1)) {
            if (!(flags & SHM_RND)) return EINVAL;
            address = page_down(address);
            if (!address && (flags & SHM_REMAP)) return EINVAL;
        }
    } else if (flags & SHM_REMAP) {
        return EINVAL;
    }
    Ref<ShmSegment> s;
    {
        MutexGuard g(segments.lock);
        s = TRY(segments.find(id));
        TRY(s->ipc.check_access(access));
        ++s->attached; // IPC_RMID meanwhile finds it in use
    }
    r.length = page_up(s->bytes());
    r.object = s;
    Result<u64> at = EINVAL;
    if (!address || r.length <= kUserEnd) {
        r.addr = address;
        r.fixed = address && (flags & SHM_REMAP);
        r.no_replace = address && !r.fixed;
        at = current().space->map(r);
        if (!at && at.error() == EEXIST) at = EINVAL;
    }
    Ref<ShmSegment> gone;
    MutexGuard g(segments.lock);
    gone = drop_user(*s);
    return at;
}

Result<void> detach_segment(u64 address) {
    if (address & (kPageSize - 1)) return EINVAL;
    return current().space->unmap_segment(address);
}

Result<i32> stat_segment(i32 id, int command, abi::ShmidDs& out) {
    MutexGuard g(segments.lock);
    Ref<ShmSegment> s = command == IPC_STAT ? TRY(segments.find(id)) : segments.at(id);
    if (!s) return EINVAL;
    if (command != SHM_STAT_ANY) TRY(s->ipc.check_access(0444));
    out = {};
    out.perm = s->ipc.to_perm();
    out.segsz = s->bytes();
    out.atime = s->atime, out.dtime = s->dtime, out.ctime = s->ctime;
    out.cpid = s->cpid, out.lpid = s->lpid;
    out.nattch = s->attached;
    return command == IPC_STAT ? 0 : s->ipc.id;
}

Result<void> set_segment(i32 id, const abi::ShmidDs& ds) {
    MutexGuard g(segments.lock);
    Ref<ShmSegment> s = TRY(segments.find(id));
    TRY(s->ipc.check_owner());
    TRY(s->ipc.set(ds.perm));
    s->ctime = ipc_now();
    return {};
}

Result<void> remove_segment(i32 id) {
    Ref<ShmSegment> s, gone;
    MutexGuard g(segments.lock);
    s = TRY(segments.find(id));
    TRY(s->ipc.check_owner());
    if (s->attached) {
        s->ipc.mode |= SHM_DEST;
        s->ipc.key = IPC_PRIVATE; // nobody finds it any more; its identifier still serves
    } else {
        gone = destroy(*s);
    }
    return {};
}

Result<void> lock_segment(i32 id, bool locked) {
    MutexGuard g(segments.lock);
    Ref<ShmSegment> s = TRY(segments.find(id));
    Task& t = current();
    if (!t.credentials->has_capability(CAP_IPC_LOCK)) {
        if (t.credentials->euid != s->ipc.uid && t.credentials->euid != s->ipc.cuid) return EPERM;
        if (locked && !t.process->limit(RLIMIT_MEMLOCK)) return EPERM;
    }
    // Memory is never swapped out: there is nothing to do but to show it.
    s->ipc.mode = locked ? s->ipc.mode | SHM_LOCKED : s->ipc.mode & ~u32(SHM_LOCKED);
    return {};
}

i32 segment_usage(abi::ShmUsage& out) {
    MutexGuard g(segments.lock);
    out = {};
    out.used_ids = i32(segments.used());
    out.shm_tot = all_pages;
    for (size_t i = 0; i < segments.size(); ++i)
        if (Ref<ShmSegment> s = segments.at(i32(i))) out.shm_rss += s->page_count();
    return segments.highest();
}

/// /proc/sysvipc/shm
Result<void> show_segments(GrowingText& out, u64) {
    out.put("       key      shmid perms                  size  cpid  lpid nattch   uid   gid  cuid  cgid      atime      dtime      ctime"
            "                   rss                  swap\n");
    MutexGuard g(segments.lock);
    for (size_t i = 0; i < segments.size(); ++i) {
        Ref<ShmSegment> s = segments.at(i32(i));
        if (!s) continue;
        const IpcHeader& h = s->ipc;
        out.append("%10d %10d  %4o %21lu %5u %5u  %5lu %5u %5u %5u %5u %10lu %10lu %10lu %21lu %21lu\n", h.key, h.id, h.mode, s->bytes(),
                   u32(s->cpid), u32(s->lpid), s->attached, h.uid, h.gid, h.cuid, h.cgid, u64(s->atime), u64(s->dtime), u64(s->ctime),
                   s->page_count() * kPageSize, u64(0));
    }
    return {};
}

} // namespace linnet
