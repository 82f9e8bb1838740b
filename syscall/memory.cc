// The mmap family. mmap(2), mprotect(2), mremap(2), madvise(2), brk(2), mlock(2), msync(2), mincore(2).
#include "kernel/mm/address_space.h"
#include "kernel/mm/paged_object.h"
#include "kernel/task/task.h"
#include "linux-abi/syscalls.h"
#include "syscall/gaps.h"
#include "vfs/file.h"
#include "vfs/file_table.h"
#include "vfs/inode.h"

namespace linnet {

using namespace abi;

namespace {

/// Memory that processes share: MAP_SHARED | MAP_ANONYMOUS. /proc shows it as Linux does.
class SharedMemory : public PagedObject {
  public:
    explicit SharedMemory(u64 size) : PagedObject(size) {}
    void describe(TextBuffer& path, u64* device, u64* inode) override {
        path.append("/dev/zero (deleted)");
        *device = 1;
        *inode = reinterpret_cast<u64>(this) >> 6 & 0xffffff;
    }
};

AddressSpace& space() { return *current().space; }

constexpr u32 kCapIpcLock = 14;

/// Bytes that may be locked: RLIMIT_MEMLOCK, for those without CAP_IPC_LOCK.
u64 lock_limit() {
    Task& t = current();
    return t.credentials->has_capability(kCapIpcLock) ? ~0ull : t.process->limit(RLIMIT_MEMLOCK);
}
/// EPERM where not one byte may be locked.
Result<void> check_can_lock() {
    Task& t = current();
    if (t.process->limit(RLIMIT_MEMLOCK) || t.credentials->has_capability(kCapIpcLock)) return {};
    return EPERM;
}
/// So many more.
bool may_lock(u64 bytes) {
    u64 limit = lock_limit();
    return limit == ~0ull || space().locked_pages() * kPageSize + bytes <= limit;
}

} // namespace

Outcome sys_mmap(Addr addr, Size length, ProtFlags prot, MmapFlags flags, Fd fd, Off offset) {
    u64 f = flags.bits();
    if (offset & (kPageSize - 1)) return EINVAL;
    if (f & MAP_HUGETLB) return ENOMEM; // as Linux with no huge pages reserved
    MapRequest r;
    r.addr = addr;
    r.length = length;
    r.prot = u32(prot.bits()) & (PROT_READ | PROT_WRITE | PROT_EXEC);
    r.fixed = f & MAP_FIXED;
    r.no_replace = f & MAP_FIXED_NOREPLACE;
    if (r.no_replace) r.fixed = false;
    r.below_4g = f & MAP_32BIT;
    r.populate = (f & MAP_POPULATE) && !(f & MAP_NONBLOCK);
    r.offset = u64(offset);
    if (f & MAP_NORESERVE) r.vma_flags |= kVmaNoReserve;
    if (f & MAP_LOCKED) {
        TRY(check_can_lock());
        r.vma_flags |= kVmaLocked;
    }
    if (((f & MAP_LOCKED) || space().lock_later()) && !may_lock(page_up(length))) return EAGAIN;
    u64 type = f & MAP_TYPE;
    bool shared = type == u64(MAP_SHARED) || type == u64(MAP_SHARED_VALIDATE);
    if (!shared && type != u64(MAP_PRIVATE)) return EINVAL;
    if (!length) return EINVAL;
    if (page_up(length) < length || page_up(length) > kUserEnd) return ENOMEM;
    // MAP_SHARED_VALIDATE refuses what it does not know (MAP_SYNC too: nothing here is persistent memory).
    constexpr u64 kKnownFlags = MAP_TYPE | MAP_FIXED | MAP_ANONYMOUS | MAP_32BIT | MAP_GROWSDOWN | MAP_DENYWRITE | MAP_EXECUTABLE |
                                MAP_LOCKED | MAP_NORESERVE | MAP_POPULATE | MAP_NONBLOCK | MAP_STACK | MAP_HUGETLB | MAP_FIXED_NOREPLACE;
    if (type == u64(MAP_SHARED_VALIDATE) && (f & ~kKnownFlags)) return EOPNOTSUPP;

    if (f & MAP_ANONYMOUS) {
        r.offset = 0;
        if (shared) {
            if ((f & MAP_GROWSDOWN)) return EINVAL;
            r.object = TRY(make_ref<SharedMemory>(page_up(length)));
            r.vma_flags |= kVmaShared | kVmaMayWrite;
        } else if (f & MAP_GROWSDOWN) {
            r.vma_flags |= kVmaGrowsDown;
        }
        return space().map(r);
    }
    FdRef file(fd);
    if (!file) return EBADF;
    if (!file->readable()) return EACCES;
    if (shared) {
        r.vma_flags |= kVmaShared;
        if (file->writable()) r.vma_flags |= kVmaMayWrite;
        else if (r.prot & kProtWrite) return EACCES;
    }
    if (u64(offset) + page_up(length) < u64(offset)) return EOVERFLOW;
    // What of the file is in memory is its users' business (mincore).
    Inode& inode = file->inode();
    const Credentials& c = *current().credentials;
    if (!owner_or_capable(inode, c) && !check_access(inode, kMayWrite, c)) r.vma_flags |= kVmaHidesCache;
    r.object = TRY(file->mmap_object(u64(offset), length, r.prot, u32(f)));
    return space().map(r);
}

Outcome sys_munmap(Addr addr, Size length) { return space().unmap(addr, length); }

Outcome sys_mprotect(Addr addr, Size len, ProtFlags prot) {
    u64 p = prot.bits();
    if ((p & PROT_GROWSDOWN) && (p & PROT_GROWSUP)) return EINVAL;
    if (addr & (kPageSize - 1)) return EINVAL;
    if (!len) return 0;
    if (addr + page_up(len) <= addr) return ENOMEM;
    if (p & ~u64(PROT_READ | PROT_WRITE | PROT_EXEC | PROT_GROWSDOWN | PROT_GROWSUP | 8)) return EINVAL; // 8: PROT_SEM
    if (p & PROT_GROWSUP) { // no stack grows up
        TRY(space().check_range(addr, 1));
        return EINVAL;
    }
    return space().protect(addr, len, u32(p & 7), p & PROT_GROWSDOWN);
}

Outcome sys_brk(Addr addr) {
    AddressSpace& s = space();
    u64 now = s.brk_end;
    if (s.lock_later() && addr > now && !may_lock(page_up(addr) - page_up(now))) return i64(now);
    u64 end = s.set_break(addr);
    if (end > now && (s.lock_later() & (kVmaLocked | kVmaLockOnFault)) == kVmaLocked)
        (void)s.populate(page_up(now), page_up(end) - page_up(now), Populate::Lock);
    return i64(end);
}

Outcome sys_mremap(Addr old_address, Size old_size, Size new_size, MremapFlags flags, Addr new_address) {
    if (flags.unsupported()) return EINVAL;
    return space().remap(old_address, old_size, new_size, u32(flags.bits()), new_address, lock_limit());
}

Outcome sys_madvise(Addr addr, Size length, MadviseAdvice advice) {
    auto r = space().advise(addr, length, advice);
    if (!r && r.error() == EINVAL) {
        // What Linux has besides: memory failures, merging of equal pages, huge pages made at once.
        constexpr int kMergeable = 12, kUnmergeable = 13, kCollapse = 25, kHwPoison = 100, kSoftOffline = 101;
        switch (advice.value) {
        case kMergeable: case kUnmergeable: case kCollapse: case kHwPoison: case kSoftOffline:
            count_gap(GapKind::Value, number::madvise, 2, u32(advice.value), EINVAL);
        }
    }
    return r;
}

// There is no write-back of mapped files yet: memory is where they are. The checks are Linux's.
Outcome sys_msync(Addr addr, Size length, MsyncFlags flags) {
    if (flags.unsupported() || (addr & (kPageSize - 1)) || flags.all(MS_ASYNC | MS_SYNC)) return EINVAL;
    if (page_up(length) < length) return ENOMEM;
    if (!length) return 0;
    if (flags.has(MS_INVALIDATE) && space().has_flags_in(addr, length, kVmaLocked)) return EBUSY;
    return space().check_range(addr, length);
}

Outcome sys_mincore(Addr addr, Size length, AnyPtr vec) {
    if (addr & (kPageSize - 1)) return EINVAL;
    if (!user_range_ok(addr, length)) return ENOMEM;
    u64 pages = page_up(length) >> kPageShift;
    if (!user_range_ok(vec.address(), pages)) return EFAULT;
    u8 part[256];
    for (u64 done = 0; done < pages;) {
        u64 n = pages - done < sizeof part ? pages - done : sizeof part;
        TRY(space().mincore(addr + done * kPageSize, n, part));
        TRY(copy_to_user(vec.address() + done, part, n));
        done += n;
    }
    return 0;
}

Outcome sys_mlock(Addr addr, Size len) {
    TRY(check_can_lock());
    return space().lock_range(addr, len, kVmaLocked, lock_limit());
}

Outcome sys_mlock2(Addr addr, Size len, MlockFlags flags) {
    if (flags.unsupported()) return EINVAL;
    TRY(check_can_lock());
    return space().lock_range(addr, len, kVmaLocked | (flags.has(MLOCK_ONFAULT) ? u32(kVmaLockOnFault) : 0), lock_limit());
}

Outcome sys_munlock(Addr addr, Size len) { return space().lock_range(addr, len, 0, 0); }

Outcome sys_mlockall(MlockallFlags flags) {
    if (flags.unsupported() || !flags.bits() || flags.bits() == u64(MCL_ONFAULT)) return EINVAL;
    TRY(check_can_lock());
    u32 lock = kVmaLocked | (flags.has(MCL_ONFAULT) ? u32(kVmaLockOnFault) : 0);
    return space().lock_all(flags.has(MCL_CURRENT), lock, flags.has(MCL_FUTURE) ? lock : 0, lock_limit());
}

Outcome sys_munlockall() { return space().lock_all(true, 0, 0, 0); }

} // namespace linnet
