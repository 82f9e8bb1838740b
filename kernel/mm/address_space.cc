// Mappings: the tree of Vmas, and the mmap family on it. Faults are in fault.cc, fork and remap in copy.cc.
#include "kernel/mm/address_space.h"

#include "kernel/boot/panic_report.h"
#include "kernel/lib/sysctl.h"
#include "kernel/mm/accounting.h"
#include "kernel/sched/scheduler.h"

namespace linnet {

namespace {
constexpr u64 kMmapMin = 65536;              // vm.mmap_min_addr
constexpr u64 kStackGap = 256 * kPageSize;   // unmapped below a stack, as Linux's stack_guard_gap

bool aligned(u64 v) { return (v & (kPageSize - 1)) == 0; }
} // namespace

Result<Ref<AddressSpace>> AddressSpace::create() {
    auto s = TRY(make_ref<AddressSpace>());
    TRY(s->table_.init());
    return s;
}

AddressSpace::~AddressSpace() {
    if (!table_.root()) return;
    // CPUs that idle, or run a kernel thread, may still have these tables loaded. From here on there is nothing to flush.
    leave_everywhere(table_);
    {
        MutexGuard g(lock_);
        TlbGather gather(table_);
        while (Vma* v = vmas_.first()) {
            zap(v->start, v->end, gather);
            erase(v);
        }
    }
    table_.destroy();
}

Vma* AddressSpace::find(u64 addr) {
    // Holders of different regions' locks set it beside each other: any of them is right while no mapping changes.
    Vma* last = __atomic_load_n(&last_found_, __ATOMIC_RELAXED);
    if (last && addr >= last->start && addr < last->end) return last;
    Vma* v = vmas_.floor(addr);
    if (!v || addr >= v->end) return nullptr;
    __atomic_store_n(&last_found_, v, __ATOMIC_RELAXED);
    return v;
}

Vma* AddressSpace::first_overlap(u64 start, u64 end) {
    Vma* v = vmas_.floor(start);
    if (v && v->end > start) return v;
    v = v ? vmas_.next(*v) : vmas_.first();
    return v && v->start < end ? v : nullptr;
}

void AddressSpace::insert(Vma* v) {
    v->space = this;
    bool fresh = vmas_.insert(*v);
    CHECK(fresh);
    virtual_pages_ += (v->end - v->start) >> kPageShift;
    if (v->flags & kVmaLocked) locked_pages_ += (v->end - v->start) >> kPageShift;
    if (v->object) v->object->add_mapping(*v);
}

void AddressSpace::erase(Vma* v) {
    if (last_found_ == v) last_found_ = nullptr; // nobody reads it: the lock is held
    vmas_.remove(*v);
    virtual_pages_ -= (v->end - v->start) >> kPageShift;
    if (v->flags & kVmaLocked) locked_pages_ -= (v->end - v->start) >> kPageShift;
    if (v->object) v->object->remove_mapping(*v);
    v->~Vma();
    kfree(v);
}

/// Cuts `v` at `at`; returns the upper part. ENOMEM.
Result<Vma*> AddressSpace::split(Vma& v, u64 at) {
    ASSERT(at > v.start && at < v.end && aligned(at));
    if (vmas_.size() >= u64(sysctl::max_map_count)) return ENOMEM;
    bool huge = false;
    if (Pte* e = table_.find(at, &huge); e && huge && (at & (kHugePageSize - 1))) TRY(table_.split_huge(at));
    auto upper = TRY(make_owned<Vma>());
    upper->start = at;
    upper->end = v.end;
    upper->prot = v.prot;
    upper->flags = v.flags;
    upper->object = v.object;
    upper->offset = v.object ? v.offset + (at - v.start) : 0;
    upper->label = v.label;
    upper->binding = v.binding;
    upper->space = this;
    Vma* u = upper.release();
    v.end = at;
    bool fresh = vmas_.insert(*u);
    CHECK(fresh);
    if (u->object) u->object->add_mapping(*u);
    return u;
}

void AddressSpace::try_merge(Vma& v) {
    auto same = [](const Vma& a, const Vma& b) {
        return a.end == b.start && a.prot == b.prot && a.flags == b.flags && a.object.get() == b.object.get() &&
               a.label == b.label && a.binding.get() == b.binding.get() && !(a.flags & kVmaSpecial) && (!a.object || a.offset + (a.end - a.start) == b.offset);
    };
    auto join = [&](Vma& a, Vma& b) REQUIRES(lock_) { // b goes
        u64 end = b.end;
        u64 pages = (b.end - b.start) >> kPageShift;
        bool locked = b.flags & kVmaLocked;
        erase(&b);
        a.end = end;
        virtual_pages_ += pages;
        if (locked) locked_pages_ += pages;
    };
    if (Vma* next = vmas_.next(v); next && same(v, *next)) join(v, *next);
    if (Vma* prev = vmas_.prev(v); prev && same(*prev, v)) join(*prev, v);
}

/// Makes `start` and `end` boundaries of mappings.
Result<void> AddressSpace::carve(u64 start, u64 end) {
    if (Vma* v = find(start); v && v->start < start) (void)TRY(split(*v, start));
    if (Vma* v = find(end - 1); v && v->end > end) (void)TRY(split(*v, end));
    return {};
}

Result<void> AddressSpace::unmap_locked(u64 start, u64 end) {
    if (!first_overlap(start, end)) return {};
    TRY(carve(start, end));
    unbind_users_of(start, end);
    TlbGather gather(table_);
    zap(start, end, gather);
    while (Vma* v = first_overlap(start, end)) {
        Ref<SiteBinding> binding = std::move(v->binding);
        erase(v);
        if (binding) drop_stubs(*binding);
    }
    table_.free_empty(start, end, gather);
    return {};
}

Result<u64> AddressSpace::choose_address(const MapRequest& r, u64 length) {
    u64 align = r.alignment > kPageSize ? r.alignment : kPageSize;
    u64 hint = r.addr ? page_down(r.addr) : 0;
    if (hint && hint >= kMmapMin && user_range_ok(hint, length) && !first_overlap(hint, hint + length) &&
        (hint & (align - 1)) == 0 && !r.below_4g) {
        // Not into the guard gap below a stack either.
        Vma* above = vmas_.lower_bound(hint + length);
        if (!above || !(above->flags & kVmaGrowsDown) || above->start - (hint + length) >= kStackGap) return hint;
    }
    // Top-down from the base: the highest gap that fits.
    u64 top = r.below_4g ? 0x80000000 : mmap_base;
    for (int pass = 0; pass < 2; ++pass) {
        u64 end = top;
        Vma* v = vmas_.floor(end - 1);
        for (;;) {
            u64 low = v ? v->end : kMmapMin;
            if (end > low && end - low >= length) {
                u64 a = (end - length) & ~(align - 1);
                if (a >= low && a >= kMmapMin) return a;
            }
            if (!v) break;
            end = v->flags & kVmaGrowsDown ? (v->start > kStackGap ? v->start - kStackGap : 0) : v->start;
            if (end <= kMmapMin) break;
            v = vmas_.prev(*v);
        }
        // Nothing below the base: above it, up to the limit.
        if (r.below_4g || top >= kUserEnd) break;
        top = kUserEnd;
    }
    return ENOMEM;
}

/// RLIMIT_DATA: private writable pages but the stack's. Counted when there is a limit.
bool AddressSpace::may_add_data(u64 pages) {
    if (data_limit == ~0ull) return true;
    for (Vma* v = vmas_.first(); v; v = vmas_.next(*v))
        if ((v->prot & kProtWrite) && !(v->flags & (kVmaShared | kVmaGrowsDown))) pages += (v->end - v->start) >> kPageShift;
    return pages * kPageSize <= data_limit;
}

/// Limits and Linux's heuristic overcommit: only an obvious excess is refused.
bool AddressSpace::may_add(u64 pages, const MapRequest& r) {
    if ((virtual_pages_ + pages) * kPageSize > address_limit) return false;
    if (data_limit != ~0ull && (r.prot & kProtWrite) && !(r.vma_flags & (kVmaShared | kVmaGrowsDown)) && !may_add_data(pages))
        return false;
    bool accounted = (r.prot & kProtWrite) && !(r.vma_flags & (kVmaShared | kVmaNoReserve));
    return !accounted || pages <= total_page_count() || sysctl::overcommit_memory == 1;
}

Result<u64> AddressSpace::map_locked(const MapRequest& r, u64 length) {
    u64 start;
    if (r.fixed || r.no_replace) {
        start = r.addr;
        if (!aligned(start) || !user_range_ok(start, length)) return start > kUserEnd - length ? ENOMEM : EINVAL;
        if (start < kMmapMin) return EPERM;
        if (r.no_replace && first_overlap(start, start + length)) return EEXIST;
    } else {
        start = TRY(choose_address(r, length));
    }
    if (!may_add(length >> kPageShift, r)) return ENOMEM;
    if (vmas_.size() >= u64(sysctl::max_map_count)) return ENOMEM;
    auto v = TRY(make_owned<Vma>());
    v->start = start;
    v->end = start + length;
    v->prot = r.prot;
    v->flags = r.vma_flags | (r.vma_flags & kVmaSpecial ? 0 : lock_later());
    v->object = r.object;
    v->offset = r.object ? r.offset : 0;
    v->label = r.label;
    if (r.fixed) TRY(unmap_locked(start, start + length));
    Vma* made = v.release();
    insert(made);
    bind_mapping(*made);
    try_merge(*made);
    return start;
}

Result<u64> AddressSpace::map(const MapRequest& r) {
    u64 length = page_up(r.length);
    if (!r.length || !aligned(r.offset)) return EINVAL;
    if (length < r.length || length > kUserEnd) return ENOMEM; // rounding up may have come to 0
    if (r.object && (r.offset + length < r.offset)) return EOVERFLOW;
    u64 start;
    u32 locks;
    {
        MutexGuard g(lock_);
        locks = r.vma_flags | (r.vma_flags & kVmaSpecial ? 0 : lock_later());
        start = TRY(map_locked(r, length));
    }
    if (r.populate || ((locks & kVmaLocked) && !(locks & kVmaLockOnFault))) (void)populate(start, length, Populate::Lock);
    return start;
}

Result<void> AddressSpace::unmap(u64 addr, u64 length) {
    length = page_up(length);
    if (!aligned(addr) || !length || !user_range_ok(addr, length)) return EINVAL;
    MutexGuard g(lock_);
    return unmap_locked(addr, addr + length);
}

Result<void> AddressSpace::unmap_segment(u64 addr) {
    MutexGuard g(lock_);
    // Parts may have been unmapped, or protected otherwise: what belongs to the attachment lies as far behind `addr` as in the object.
    Ref<VmObject> segment;
    u64 end = 0;
    for (Vma* v = vmas_.lower_bound(addr); v && (!segment || v->start < end);) {
        const u64 next = v->end;
        const bool part = v->object && v->object->is_segment() && v->start - addr == v->offset && (!segment || v->object == segment);
        if (part) {
            segment = v->object;
            end = addr + page_up(segment->object_size());
            TRY(unmap_locked(v->start, next));
        }
        v = vmas_.lower_bound(next);
    }
    if (!segment) return EINVAL;
    return {};
}

Result<void> AddressSpace::protect(u64 addr, u64 length, u32 prot, bool grows_down) {
    if (!aligned(addr)) return EINVAL;
    if (!length) return {};
    u64 end = addr + page_up(length);
    if (end <= addr || end > kUserEnd) return ENOMEM;
    MutexGuard g(lock_);
    Vma* v = find(addr);
    if (grows_down) {
        if (!v) v = first_overlap(addr, end);
        if (!v) return ENOMEM;
        if (!(v->flags & kVmaGrowsDown)) return EINVAL;
        addr = v->start;
    }
    if (!v) return ENOMEM;
    // Linux changes what comes before a hole and then reports it.
    u64 at = addr;
    Result<void> outcome;
    for (; at < end; v = find(at)) {
        if (!v) {
            outcome = ENOMEM;
            break;
        }
        if ((prot & kProtWrite) && (v->flags & kVmaShared) && v->object && !(v->flags & kVmaMayWrite)) {
            outcome = EACCES;
            break;
        }
        u64 piece_end = v->end < end ? v->end : end;
        if (v->prot == prot) {
            at = piece_end;
            continue;
        }
        if ((prot & kProtWrite) && !(v->prot & kProtWrite) && !(v->flags & (kVmaShared | kVmaGrowsDown)) &&
            !may_add_data((piece_end - at) >> kPageShift)) {
            outcome = ENOMEM;
            break;
        }
        if (v->start < at) v = TRY(split(*v, at));
        if (v->end > piece_end) (void)TRY(split(*v, piece_end));
        if (v->flags & kVmaStubs) unbind_users_of(v->start, v->end);
        if ((prot & kProtWrite) || !(prot & kProtExec)) unbind(*v);
        v->prot = prot;
        // Rights that go are taken from the page tables now; rights that come are taken up by faults, except on pages
        // that are the space's own, which become writable at once.
        for (u64 a = table_.next_present(v->start, v->end); a < v->end; a = table_.next_present(a, v->end)) {
            bool huge;
            Pte* e = table_.find(a, &huge);
            u64 span = huge ? kHugePageSize : kPageSize;
            Pte n = *e;
            if (!prot) {
                // PROT_NONE. In ring 0 no entry that is present keeps the program out, so the page goes into an entry
                // that only software knows.
                if (huge) {
                    TRY(table_.split_huge(a));
                    continue;
                }
                n = (n & ~kPtePresent) | kPteHidden;
            } else if (n & kPteHidden) {
                n = (n & ~kPteHidden) | kPtePresent;
            }
            if (prot & kProtWrite) {
                Page* p = phys_to_page(n & kPteAddress);
                if (p && (p->flags & kPageAnon) && p->refs.load(std::memory_order_relaxed) == 1) n |= kPteWrite;
            } else {
                n &= ~kPteWrite;
            }
            n = prot & kProtExec ? n & ~kPteNoExec : n | kPteNoExec;
            __atomic_store_n(e, n, __ATOMIC_RELEASE);
            a = (a & ~(span - 1)) + span;
        }
        flush_tlb_range(table_, v->start, v->end);
        at = piece_end;
        try_merge(*v);
    }
    return outcome;
}

Result<void> AddressSpace::check_range(u64 addr, u64 length) {
    if (!user_range_ok(addr, page_up(length))) return ENOMEM;
    MutexGuard g(lock_);
    for (u64 at = addr; at < addr + page_up(length);) {
        Vma* v = find(at);
        if (!v) return ENOMEM;
        at = v->end;
    }
    return {};
}

void AddressSpace::set_lock_flags(Vma& v, u32 flags) {
    u64 pages = (v.end - v.start) >> kPageShift;
    if (v.flags & kVmaLocked) locked_pages_ -= pages;
    v.flags = (v.flags & ~u32(kVmaLocked | kVmaLockOnFault)) | flags;
    if (v.flags & kVmaLocked) locked_pages_ += pages;
}

namespace {
/// What mlock(2) says of pages that could not be brought in.
Result<void> lock_outcome(Result<void> r) {
    if (r || r.error() == EAGAIN) return r;
    return ENOMEM;
}
} // namespace

Result<void> AddressSpace::lock_range(u64 addr, u64 length, u32 flags, u64 limit) {
    u64 start = page_down(addr), end = page_up(addr + length);
    if (addr + length < addr || end < start) return EINVAL;
    if (end > kUserEnd) return ENOMEM;
    if (start == end) return {};
    {
        MutexGuard g(lock_);
        if (flags) {
            // What is locked already is not counted twice.
            u64 already = 0;
            for (Vma* v = first_overlap(start, end); v && v->start < end; v = vmas_.next(*v))
                if (v->flags & kVmaLocked) already += (v->end < end ? v->end : end) - (v->start > start ? v->start : start);
            if (locked_pages_ * kPageSize - already + (end - start) > limit) return ENOMEM;
        }
        TRY(carve(start, end));
        for (u64 at = start; at < end;) {
            Vma* v = find(at);
            if (!v) return ENOMEM; // what comes before the hole has changed, as on Linux
            at = v->end;
            if (v->flags & kVmaSpecial) continue;
            set_lock_flags(*v, flags);
            try_merge(*v);
        }
    }
    if (!flags || (flags & kVmaLockOnFault)) return {};
    return lock_outcome(populate(start, end - start, Populate::Lock));
}

Result<void> AddressSpace::lock_all(bool now, u32 now_flags, u32 later_flags, u64 limit) {
    {
        MutexGuard g(lock_);
        if (now && now_flags && virtual_pages_ * kPageSize > limit) return ENOMEM;
        lock_later_.store(later_flags, std::memory_order_relaxed);
        if (!now) return {};
        for (Vma* v = vmas_.first(); v; v = vmas_.next(*v)) {
            if (v->flags & kVmaSpecial) continue;
            set_lock_flags(*v, now_flags);
        }
    }
    if (!now_flags || (now_flags & kVmaLockOnFault)) return {};
    // Mapping by mapping, each by itself: what can't be populated (PROT_NONE) is left, as on Linux.
    u64 at = 0;
    for (;;) {
        u64 start, end;
        {
            MutexGuard g(lock_);
            Vma* v = vmas_.lower_bound(at);
            if (!v) return {};
            start = v->start, end = v->end;
        }
        (void)populate(start, end - start, Populate::Lock);
        at = end;
    }
}

bool AddressSpace::has_flags_in(u64 addr, u64 length, u32 flags) {
    u64 end = addr + page_up(length);
    MutexGuard g(lock_);
    for (Vma* v = first_overlap(addr, end); v && v->start < end; v = vmas_.next(*v))
        if ((v->flags & flags) == flags) return true;
    return false;
}

u64 AddressSpace::set_break(u64 addr) {
    MutexGuard g(lock_);
    if (addr < brk_start || addr >= kUserEnd) return brk_end;
    u64 old_top = page_up(brk_end), new_top = page_up(addr);
    // As brk(2): the heap and the program's data segment together.
    if (data_limit != ~0ull && addr - brk_start + (data_end - data_start) > data_limit) return brk_end;
    if (new_top < old_top) {
        if (!unmap_locked(new_top, old_top)) return brk_end;
    } else if (new_top > old_top) {
        // One page is kept free of the next mapping, as Linux's check of the stack gap does.
        if (first_overlap(old_top, new_top + kPageSize)) return brk_end;
        MapRequest r;
        r.addr = old_top;
        r.fixed = true;
        r.prot = kProtRead | kProtWrite;
        r.label = "[heap]";
        if (!map_locked(r, new_top - old_top)) return brk_end;
    }
    brk_end = addr;
    return brk_end;
}

Result<SharedKey> AddressSpace::shared_key(u64 addr) NO_THREAD_SAFETY {
    auto key = [&]() NO_THREAD_SAFETY -> Result<SharedKey> {
        Vma* v = find(addr);
        if (!v) return EFAULT;
        if ((v->flags & kVmaShared) && v->object) return SharedKey{v->object.get(), v->offset + (addr - v->start)};
        return SharedKey{this, addr};
    };
    {
        SpinGuard g(lock_.region(addr));
        if (SpaceLock::stable(lock_.version())) return key();
    }
    MutexGuard g(lock_);
    return key();
}

void AddressSpace::panic_maps(u64 addr) {
    Vma* v = vmas_.floor(addr);
    if (!v || addr >= v->end) return;
    char path[256];
    TextBuffer out(path, sizeof path);
    u64 device, inode;
    if (v->object) v->object->describe(out, &device, &inode);
    panic_print("maps 0x%lx-0x%lx %c%c%c 0x%lx %s\n", v->start, v->end, v->prot & kProtRead ? 'r' : '-', v->prot & kProtWrite ? 'w' : '-',
                v->prot & kProtExec ? 'x' : '-', v->offset, path);
}

void AddressSpace::count(const Page* p, i64 pages) {
    if (p && (p->flags & kPageAnon)) {
        u64 now = resident_pages_.fetch_add(pages, std::memory_order_relaxed) + pages;
        u64 all = now + resident_file_pages();
        if (all > __atomic_load_n(&peak_resident_, __ATOMIC_RELAXED)) __atomic_store_n(&peak_resident_, all, __ATOMIC_RELAXED);
    } else {
        resident_file_pages_.fetch_add(pages, std::memory_order_relaxed);
    }
}

} // namespace linnet
