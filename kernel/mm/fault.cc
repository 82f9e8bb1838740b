// Page faults: demand paging, copy on write, stack growth, huge pages; and taking pages out of mappings.
#include "kernel/lib/string.h"
#include "kernel/mm/accounting.h"
#include "kernel/mm/address_space.h"
#include "kernel/sched/scheduler.h"

namespace linnet {

bool (*oom_kill)();

namespace {

constexpr u64 kHugeMinimumPages = GiB >> kPageShift; // smaller machines keep to 4 KiB pages
constexpr u64 kAroundPages = 16;                     // neighbours mapped with a file page, as Linux's fault_around_bytes
constexpr u64 kAheadPages = 8;                       // a page written after the one before it brings the rest of such a window

/// One page of zeroes for every read of untouched memory.
Page* zero_page() {
    static std::atomic<Page*> page;
    if (Page* p = page.load(std::memory_order_acquire)) [[likely]] return p;
    auto r = alloc_page(true);
    if (!r) panic("no memory for the zero page");
    (*r)->flags |= kPageReserved;
    Page* expected = nullptr;
    if (page.compare_exchange_strong(expected, *r)) return *r;
    put_page(*r); // another CPU was faster
    return expected;
}

Pte protection(const Vma& v, bool writable) {
    Pte p = kPtePresent | kPteUser | kPteAccessed;
    if (writable) p |= kPteWrite | kPteDirty;
    if (!(v.prot & kProtExec)) p |= kPteNoExec;
    return p;
}

FaultOutcome failure(Errno e) {
    return e == ENOMEM ? FaultOutcome::OutOfMemory : FaultOutcome::BeyondEnd;
}

} // namespace

FaultOutcome AddressSpace::handle_fault(u64 addr, FaultAccess access) {
    if (addr >= kUserEnd) return FaultOutcome::NoMapping;
    FaultOutcome outcome;
    bool done;
    {
        SharedGuard g(lock_);
        done = fault_shared(addr, access, outcome);
    }
    if (!done) {
        MutexGuard g(lock_);
        outcome = fault_locked(addr, access);
    }
    if (outcome == FaultOutcome::OutOfMemory && oom_kill && oom_kill()) yield();
    return outcome;
}

/// Most faults: a page that is not there yet, in a table that is. Others of the same space may do the same beside it; mappings
/// and tables stay as they are. False: the lock must be held alone (stacks that grow, new tables, huge pages, copies on write, bound text).
bool AddressSpace::fault_shared(u64 addr, FaultAccess access, FaultOutcome& outcome) NO_THREAD_SAFETY {
    Vma* v = find(addr);
    if (!v) return false;
    const bool write = access == FaultAccess::Write;
    if (write ? !(v->prot & kProtWrite) : access == FaultAccess::Exec ? !(v->prot & kProtExec) : !v->prot) {
        outcome = FaultOutcome::BadAccess;
        return true;
    }
    bool huge;
    Pte* e = table_.find(addr, &huge);
    if (!e || huge) return false;
    const Pte now = __atomic_load_n(e, __ATOMIC_ACQUIRE);
    if (now & kPteOccupied) {
        if (!(now & kPtePresent) || (write && !(now & kPteWrite))) return false;
        flush_tlb_here(table_, addr); // resolved meanwhile
        outcome = FaultOutcome::Handled;
        return true;
    }
    if (v->anonymous()) {
        outcome = fault_anonymous_shared(*v, addr, write, e);
        return true;
    }
    if (v->binding || v->object->is_device()) return false;
    outcome = fault_object_shared(*v, addr, write, e);
    return true;
}

/// Sets an entry that is empty still; else gives the page back: another thread was faster, and what it mapped will do, or is
/// a fault again.
bool AddressSpace::map_shared(u64 addr, Pte* e, Page* p, Pte value) {
    {
        SpinGuard g(region_lock(addr));
        if (!(*e & kPteOccupied)) [[likely]] {
            table_.set(e, value);
            count(p, 1);
            return true;
        }
    }
    put_page(p);
    return false;
}

FaultOutcome AddressSpace::fault_anonymous_shared(Vma& v, u64 addr, bool write, Pte* e) {
    if (!write) {
        Page* z = zero_page();
        get_page(z);
        map_shared(addr, e, z, page_to_phys(z) | protection(v, false));
        return FaultOutcome::Handled;
    }
    auto p = alloc_page(true);
    if (!p) return FaultOutcome::OutOfMemory;
    (*p)->flags |= kPageAnon;
    memory_counters.anon_pages.fetch_add(1, std::memory_order_relaxed);
    if (map_shared(addr, e, *p, page_to_phys(*p) | protection(v, true))) write_ahead(v, addr, e, false);
    return FaultOutcome::Handled;
}

FaultOutcome AddressSpace::fault_object_shared(Vma& v, u64 addr, bool write, Pte* e) {
    const u64 index = (v.offset + (page_down(addr) - v.start)) >> kPageShift;
    const bool shared = v.flags & kVmaShared;
    auto got = v.object->get_object_page(index, write && shared);
    if (!got) return failure(got.error());
    Page* p = *got;
    if (write && !shared) {
        auto copy = alloc_page(false);
        if (!copy) {
            put_page(p);
            return FaultOutcome::OutOfMemory;
        }
        memcpy(page_to_virt(*copy), page_to_virt(p), kPageSize);
        put_page(p);
        p = *copy;
        p->flags |= kPageAnon;
        memory_counters.anon_pages.fetch_add(1, std::memory_order_relaxed);
    } else if (write) {
        __atomic_fetch_or(&p->flags, u8(kPageDirty), __ATOMIC_RELAXED);
    }
    const bool mapped = map_shared(addr, e, p, page_to_phys(p) | protection(v, write));
    if (!write) map_around(v, addr, e);
    else if (mapped && !shared) write_ahead(v, addr, e, false);
    return FaultOutcome::Handled;
}

FaultOutcome AddressSpace::fault_locked(u64 addr, FaultAccess access) {
    Vma* v = find(addr);
    if (!v) v = grow_stack(addr);
    if (!v) return FaultOutcome::NoMapping;
    bool write = access == FaultAccess::Write;
    if (write ? !(v->prot & kProtWrite) : access == FaultAccess::Exec ? !(v->prot & kProtExec) : !v->prot)
        return FaultOutcome::BadAccess;
    bool huge;
    Pte* e = table_.find(addr, &huge);
    if (e && (*e & kPtePresent)) {
        if (write && !(*e & kPteWrite)) {
            if (!huge) return copy_on_write(*v, addr, e);
            __atomic_fetch_or(e, kPteWrite | kPteDirty, __ATOMIC_RELAXED); // huge pages are never shared
        }
        flush_tlb_here(table_, addr); // resolved meanwhile
        return FaultOutcome::Handled;
    }
    return v->anonymous() ? fault_anonymous(*v, addr, write) : fault_object(*v, addr, write);
}

Vma* AddressSpace::grow_stack(u64 addr) {
    Vma* v = vmas_.lower_bound(addr);
    if (!v || !(v->flags & kVmaGrowsDown) || v->object) return nullptr;
    u64 start = page_down(addr);
    if (v->end - start > stack_limit) return nullptr;
    Vma* below = vmas_.prev(*v);
    if (below && start < below->end + (below->flags & kVmaGrowsDown || !below->prot ? 0 : 256 * kPageSize)) return nullptr;
    u64 pages = (v->start - start) >> kPageShift;
    if ((virtual_pages_ + pages) * kPageSize > address_limit) return nullptr;
    // The tree is keyed by the start, which keeps its order when it moves down into a gap.
    v->start = start;
    virtual_pages_ += pages;
    return v;
}

bool AddressSpace::try_huge(Vma& v, u64 addr) {
    static const bool enabled = total_page_count() >= kHugeMinimumPages;
    u64 base = addr & ~(kHugePageSize - 1);
    if (!enabled || huge_pages_disabled || base < v.start || base + kHugePageSize > v.end || (v.flags & (kVmaNoHuge | kVmaGrowsDown))) return false;
    auto slot = table_.huge_slot(addr);
    if (!slot || **slot) return false;
    auto p = alloc_pages(9, true);
    if (!p) return false;
    (*p)->flags |= kPageAnon | kPageHuge;
    table_.set(*slot, page_to_phys(*p) | protection(v, v.prot & kProtWrite) | kPteHuge);
    count(*p, 512);
    memory_counters.anon_pages.fetch_add(512, std::memory_order_relaxed);
    return true;
}

FaultOutcome AddressSpace::fault_anonymous(Vma& v, u64 addr, bool write) {
    if (try_huge(v, addr)) return FaultOutcome::Handled;
    auto slot = table_.slot(addr);
    if (!slot) return FaultOutcome::OutOfMemory;
    if (!write) {
        Page* z = zero_page();
        get_page(z);
        table_.set(*slot, page_to_phys(z) | protection(v, false));
        count(z, 1);
        return FaultOutcome::Handled;
    }
    auto p = alloc_page(true);
    if (!p) return FaultOutcome::OutOfMemory;
    (*p)->flags |= kPageAnon;
    table_.set(*slot, page_to_phys(*p) | protection(v, true));
    count(*p, 1);
    memory_counters.anon_pages.fetch_add(1, std::memory_order_relaxed);
    write_ahead(v, addr, *slot, true);
    return FaultOutcome::Handled;
}

FaultOutcome AddressSpace::fault_object(Vma& v, u64 addr, bool write) {
    u64 index = (v.offset + (page_down(addr) - v.start)) >> kPageShift;
    bool shared = v.flags & kVmaShared;
    auto got = v.object->get_object_page(index, write && shared);
    if (!got) return failure(got.error());
    Page* p = *got;
    auto slot = table_.slot(addr);
    if (!slot) {
        put_page(p);
        return FaultOutcome::OutOfMemory;
    }
    if (write && !shared) {
        auto copy = alloc_page(false);
        if (!copy) {
            put_page(p);
            return FaultOutcome::OutOfMemory;
        }
        memcpy(page_to_virt(*copy), page_to_virt(p), kPageSize);
        put_page(p);
        p = *copy;
        p->flags |= kPageAnon;
        memory_counters.anon_pages.fetch_add(1, std::memory_order_relaxed);
    } else if (write) {
        __atomic_fetch_or(&p->flags, u8(kPageDirty), __ATOMIC_RELAXED);
    } else if (Page* bound = bind_page(v, page_down(addr), p)) {
        put_page(p);
        p = bound;
    }
    Pte flags = protection(v, write);
    if (v.object->is_device()) flags |= kPteNoCache | kPteWriteThrough;
    table_.set(*slot, page_to_phys(p) | flags);
    count(p, 1);
    if (!write) map_around(v, addr, *slot);
    else if (!shared) write_ahead(v, addr, *slot, true);
    return FaultOutcome::Handled;
}

/// Maps the neighbours of a file page that are in memory already, in the aligned window of kAroundPages. The lock may be shared.
void AddressSpace::map_around(Vma& v, u64 addr, Pte* slot) NO_THREAD_SAFETY {
    constexpr u64 window = kAroundPages * kPageSize; // within one page table
    u64 from = addr & ~(window - 1), to = from + window;
    if (from < v.start) from = v.start;
    if (to > v.end) to = v.end;
    Pte* entries = slot - ((page_down(addr) - from) >> kPageShift);
    Page* pages[kAroundPages];
    u32 n = u32((to - from) >> kPageShift);
    v.object->get_pages_around((v.offset + (from - v.start)) >> kPageShift, n, pages);
    Pte flags = protection(v, false);
    SpinGuard g(region_lock(addr));
    for (u32 i = 0; i < n; ++i) {
        Page* p = pages[i];
        if (!p) continue;
        if ((entries[i] & kPteOccupied) || has_bound_sites(v, from + i * kPageSize)) {
            put_page(p);
            continue;
        }
        table_.set(&entries[i], page_to_phys(p) | flags);
        count(p, 1);
    }
}

/// Private memory that is written page by page (relocations, a heap that grows) gets the rest of the window of kAheadPages at
/// once: the page at `addr` was just made writable, and the one before it was before. Only while there is plenty of memory.
/// alone: the lock is not shared, and pages of the file that are mapped may be replaced by their copies.
void AddressSpace::write_ahead(Vma& v, u64 addr, Pte* slot, bool alone) NO_THREAD_SAFETY {
    u64 page = page_down(addr);
    if (page == v.start || !(page >> kPageShift & (kAheadPages - 1))) return;
    constexpr Pte kWritable = kPtePresent | kPteWrite;
    if ((__atomic_load_n(slot - 1, __ATOMIC_RELAXED) & kWritable) != kWritable || free_page_count() < total_page_count() / 8) return;
    u64 end = (page & ~(kAheadPages * kPageSize - 1)) + kAheadPages * kPageSize;
    if (end > v.end) end = v.end;
    u64 first = page + kPageSize;
    Page* replaced[kAheadPages];
    u32 replaced_count = 0;
    for (u64 a = first; a < end; a += kPageSize) {
        const Pte old = __atomic_load_n(++slot, __ATOMIC_ACQUIRE);
        const bool replace = alone && v.object && (old & kPtePresent);
        if ((old & kPteOccupied) && !replace) break;
        Page* from = nullptr; // with a reference, if there is something to copy
        if (replace) {
            from = phys_to_page(old & kPteAddress);
            get_page(from);
        } else if (v.object) {
            v.object->get_pages_around((v.offset + (a - v.start)) >> kPageShift, 1, &from);
        }
        // Pages of the file only: one that was forked is copied when it is written.
        if (v.object && (!from || (from->flags & kPageAnon))) {
            if (from) put_page(from);
            break;
        }
        auto fresh = alloc_page(!from);
        if (fresh) {
            if (from) memcpy(page_to_virt(*fresh), page_to_virt(from), kPageSize);
            (*fresh)->flags |= kPageAnon;
            memory_counters.anon_pages.fetch_add(1, std::memory_order_relaxed);
            const Pte value = page_to_phys(*fresh) | protection(v, true);
            if (replace) {
                table_.set(slot, value);
                count(from, -1);
                count(*fresh, 1);
                replaced[replaced_count++] = from; // the entry's reference
            } else {
                map_shared(a, slot, *fresh, value);
            }
        }
        if (from) put_page(from);
        if (!fresh) break;
    }
    if (!replaced_count) return;
    flush_tlb_range(table_, first, end);
    for (u32 i = 0; i < replaced_count; ++i) put_page(replaced[i]);
}

FaultOutcome AddressSpace::copy_on_write(Vma& v, u64 addr, Pte* e) {
    Page* p = phys_to_page(*e & kPteAddress);
    if (v.flags & kVmaShared) {
        if (v.object) {
            // The object learns of the first store to a page.
            auto r = v.object->get_object_page((v.offset + (page_down(addr) - v.start)) >> kPageShift, true);
            if (!r) return failure(r.error());
            __atomic_fetch_or(&(*r)->flags, u8(kPageDirty), __ATOMIC_RELAXED);
            put_page(*r);
        }
        __atomic_fetch_or(e, kPteWrite | kPteDirty, __ATOMIC_RELAXED);
    } else if ((p->flags & kPageAnon) && p->refs.load(std::memory_order_acquire) == 1) {
        __atomic_fetch_or(e, kPteWrite | kPteDirty, __ATOMIC_RELAXED);
    } else {
        auto copy = alloc_page(false);
        if (!copy) return FaultOutcome::OutOfMemory;
        memcpy(page_to_virt(*copy), page_to_virt(p), kPageSize);
        (*copy)->flags |= kPageAnon;
        count(p, -1);
        memory_counters.anon_pages.fetch_add(1, std::memory_order_relaxed);
        __atomic_store_n(e, page_to_phys(*copy) | protection(v, true), __ATOMIC_RELEASE);
        count(*copy, 1);
        // Other threads must not read the old page once this one has written to the new.
        flush_tlb_range(table_, page_down(addr), page_down(addr) + kPageSize);
        bool of_file = !(p->flags & kPageAnon);
        put_page(p);
        if (of_file && v.object) write_ahead(v, addr, e, true);
        return FaultOutcome::Handled;
    }
    flush_tlb_here(table_, addr);
    return FaultOutcome::Handled;
}

/// Takes every page out of [start, end). Pages are freed after the TLBs were flushed.
void AddressSpace::zap(u64 start, u64 end) {
    TlbGather gather(table_);
    zap(start, end, gather);
}

void AddressSpace::zap(u64 start, u64 end, TlbGather& gather) {
    PageTable::Cursor cursor;
    bool huge;
    for (u64 a = start; Pte* e = table_.next_entry(cursor, a, end, &huge);) {
        if (huge && (a & (kHugePageSize - 1) || a + kHugePageSize > end)) {
            // Only a part of a huge page goes.
            if (!table_.split_huge(a)) return; // no memory for the table: the pages stay until the space goes
            continue;
        }
        Page* p = phys_to_page(*e & kPteAddress);
        table_.clear(e);
        u64 span = huge ? kHugePageSize : kPageSize;
        count(p, -i64(span >> kPageShift));
        gather.add(p, a, span);
        a += span;
    }
}

/// Takes object pages out of one mapping (addresses); private copies stay if so asked.
void AddressSpace::zap_object_range(Vma& v, u64 start, u64 end, bool keep_private) {
    if (!keep_private || (v.flags & kVmaShared)) return zap(start, end);
    for (u64 a = table_.next_present(start, end); a < end; a = table_.next_present(a, end)) {
        bool huge;
        Pte* e = table_.find(a, &huge);
        Page* p = phys_to_page(*e & kPteAddress);
        u64 next = a + kPageSize;
        if (!(p->flags & kPageAnon)) zap(a, next);
        a = next;
    }
}

Result<void> AddressSpace::populate(u64 addr, u64 length, Populate how) {
    u64 end = page_up(addr + length);
    for (u64 a = page_down(addr); a < end; a += kPageSize) {
        {
            MutexGuard g(lock_);
            Vma* v = find(a);
            if (!v) return ENOMEM;
            bool write = how == Populate::Write ||
                         (how == Populate::Lock && (v->prot & kProtWrite) && !(v->flags & kVmaShared));
            bool huge;
            Pte* e = table_.find(a, &huge);
            if (e && (*e & kPtePresent) && (!write || (*e & kPteWrite))) {
                if (huge) a |= kHugePageSize - kPageSize;
                continue;
            }
            switch (fault_locked(a, write ? FaultAccess::Write : FaultAccess::Read)) {
            case FaultOutcome::Handled: break;
            case FaultOutcome::OutOfMemory: return EAGAIN;
            case FaultOutcome::BadAccess: return EACCES;
            default: return EFAULT;
            }
        }
        cond_resched();
    }
    return {};
}

size_t AddressSpace::transfer(u64 addr, void* buf, size_t n, bool write) {
    size_t done = 0;
    while (done < n && addr < kUserEnd) {
        size_t in_page = addr & (kPageSize - 1), piece = kPageSize - in_page;
        if (piece > n - done) piece = n - done;
        MutexGuard g(lock_);
        bool huge;
        Pte* e = table_.find(addr, &huge);
        if (!e || !(*e & kPtePresent) || (write && !(*e & kPteWrite))) {
            if (fault_locked(addr, write ? FaultAccess::Write : FaultAccess::Read) != FaultOutcome::Handled) break;
            e = table_.find(addr, &huge);
            if (!e || !(*e & kPtePresent)) break;
        }
        u64 phys = huge ? (*e & kPteAddress & ~(kHugePageSize - 1)) + (addr & (kHugePageSize - 1)) : (*e & kPteAddress) + in_page;
        char* at = static_cast<char*>(phys_to_virt(phys));
        if (write) memcpy(at, static_cast<char*>(buf) + done, piece);
        else memcpy(static_cast<char*>(buf) + done, at, piece);
        done += piece;
        addr += piece;
    }
    return done;
}

size_t AddressSpace::peek(u64 addr, void* to, size_t n) { return transfer(addr, to, n, false); }
size_t AddressSpace::poke(u64 addr, const void* from, size_t n) { return transfer(addr, const_cast<void*>(from), n, true); }

} // namespace linnet
