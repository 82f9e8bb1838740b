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

Pte protection(u32 prot, bool writable) {
    Pte p = kPtePresent | kPteUser | kPteAccessed;
    if (writable) p |= kPteWrite | kPteDirty;
    if (!(prot & kProtExec)) p |= kPteNoExec;
    return p;
}
Pte protection(const Vma& v, bool writable) { return protection(v.prot, writable); }

/// The page at `addr`, whose entry is `e`, goes on where a writable one ends: the next ones will be written too. `start`: the mapping's.
bool is_ahead(u64 start, u64 addr, const Pte* e) {
    constexpr Pte kWritable = kPtePresent | kPteWrite;
    const u64 page = page_down(addr);
    // The one before lies in the same table unless this one begins a window.
    return page != start && (page >> kPageShift & (kAheadPages - 1)) && (__atomic_load_n(e - 1, __ATOMIC_RELAXED) & kWritable) == kWritable;
}

FaultOutcome failure(Errno e) {
    return e == ENOMEM ? FaultOutcome::OutOfMemory : FaultOutcome::BeyondEnd;
}

} // namespace

/// What a fault needs to know of a mapping. It stays true of the space while SpaceLock::version() stays the same.
struct AddressSpace::FaultView {
    u64 start, end, offset;
    u32 prot;
    bool shared;
    Ref<VmObject> object; // null: private anonymous
    u32 version;

    FaultView(const Vma& v, u32 version)
        : start(v.start), end(v.end), offset(v.offset), prot(v.prot), shared(v.flags & kVmaShared), object(v.object), version(version) {}
    u64 page_index(u64 addr) const { return (offset + (page_down(addr) - start)) >> kPageShift; }
};

FaultOutcome AddressSpace::handle_fault(u64 addr, FaultAccess access) {
    if (addr >= kUserEnd) return FaultOutcome::NoMapping;
    poll_cross_calls();
    FaultOutcome outcome;
    if (!fault_beside(addr, access, outcome)) {
        MutexGuard g(lock_);
        outcome = fault_locked(addr, access);
    }
    if (outcome == FaultOutcome::OutOfMemory && oom_kill && oom_kill()) yield();
    return outcome;
}

/// Most faults: a page that is not there yet, in a table that is. Others of the same space may do the same beside it. False: the lock must
/// be held (no mapping, stacks that grow, new tables, huge pages, copies on write, bound text), or mappings changed meanwhile.
bool AddressSpace::fault_beside(u64 addr, FaultAccess access, FaultOutcome& outcome) NO_THREAD_SAFETY {
    const bool write = access == FaultAccess::Write;
    SpinGuard g(lock_.region(addr));
    const u32 version = lock_.version();
    if (!SpaceLock::stable(version)) return false;
    Vma* v = find(addr);
    if (!v) return false;
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
    if (v->object && (v->binding || v->object->is_device())) return false;
    const FaultView view(*v, version);
    g.unlock();
    return view.object ? fault_object(view, addr, write, e, nullptr, outcome) : fault_anonymous(view, addr, write, e, outcome);
}

/// Sets an entry that is still empty, and takes over the page, which is given back if it is not used: another thread was faster, and what
/// it mapped will do or is a fault again. False: mappings have changed since the view was made. *ahead: the page before this one is writable.
bool AddressSpace::install(const FaultView& v, u64 addr, Pte* e, Page* p, Pte value, bool* ahead) {
    {
        SpinGuard g(lock_.region(addr));
        if (lock_.version() != v.version) [[unlikely]] {
            g.unlock();
            put_page(p);
            return false;
        }
        if (!(*e & kPteOccupied)) [[likely]] {
            table_.set(e, value);
            count(p, 1);
            if (ahead) *ahead = is_ahead(v.start, addr, e);
            return true;
        }
    }
    put_page(p);
    return true;
}

/// The entry `e` of the page at `addr` is empty. Held: nothing, or the lock alone. False: as install().
bool AddressSpace::fault_anonymous(const FaultView& v, u64 addr, bool write, Pte* e, FaultOutcome& outcome) {
    outcome = FaultOutcome::Handled;
    if (!write) {
        Page* z = zero_page();
        get_page(z);
        return install(v, addr, e, z, page_to_phys(z) | protection(v.prot, false), nullptr);
    }
    auto p = alloc_page(true);
    if (!p) {
        outcome = FaultOutcome::OutOfMemory;
        return true;
    }
    (*p)->flags |= kPageAnon;
    memory_counters.anon_pages.fetch_add(1, std::memory_order_relaxed);
    bool ahead = false;
    if (!install(v, addr, e, *p, page_to_phys(*p) | protection(v.prot, true), &ahead)) return false;
    if (ahead) write_ahead(v, addr, e, false);
    return true;
}

/// As fault_anonymous(). `bound`: the mapping, if its text may have bound call sites (the lock is held then).
bool AddressSpace::fault_object(const FaultView& v, u64 addr, bool write, Pte* e, Vma* bound, FaultOutcome& outcome) NO_THREAD_SAFETY {
    outcome = FaultOutcome::Handled;
    auto got = v.object->get_object_page(v.page_index(addr), write && v.shared);
    if (!got) {
        outcome = failure(got.error());
        return true;
    }
    Page* p = *got;
    if (write && !v.shared) {
        auto copy = alloc_page(false);
        if (!copy) {
            put_page(p);
            outcome = FaultOutcome::OutOfMemory;
            return true;
        }
        memcpy(page_to_virt(*copy), page_to_virt(p), kPageSize);
        put_page(p);
        p = *copy;
        p->flags |= kPageAnon;
        memory_counters.anon_pages.fetch_add(1, std::memory_order_relaxed);
    } else if (write) {
        p->flags.set_shared(kPageDirty);
    } else if (Page* patched = bound ? bind_page(*bound, page_down(addr), p) : nullptr) {
        put_page(p);
        p = patched;
    }
    Pte flags = protection(v.prot, write);
    if (v.object->is_device()) flags |= kPteNoCache | kPteWriteThrough;
    bool ahead = false;
    if (!install(v, addr, e, p, page_to_phys(p) | flags, write && !v.shared ? &ahead : nullptr)) return false;
    if (!write) map_around(v, addr, e, bound);
    else if (ahead) write_ahead(v, addr, e, !SpaceLock::stable(v.version));
    return true;
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
    if (v->anonymous() && try_huge(*v, addr)) return FaultOutcome::Handled;
    auto slot = table_.slot(addr);
    if (!slot) return FaultOutcome::OutOfMemory;
    const FaultView view(*v, lock_.version());
    FaultOutcome outcome;
    (void)(v->anonymous() ? fault_anonymous(view, addr, write, *slot, outcome)
                          : fault_object(view, addr, write, *slot, v->binding ? v : nullptr, outcome)); // true: nobody else changes mappings
    return outcome;
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

/// Maps the neighbours of a file page that are in memory already, in the aligned window of kAroundPages.
void AddressSpace::map_around(const FaultView& v, u64 addr, Pte* slot, Vma* bound) NO_THREAD_SAFETY {
    constexpr u64 window = kAroundPages * kPageSize; // within one page table
    u64 from = addr & ~(window - 1), to = from + window;
    if (from < v.start) from = v.start;
    if (to > v.end) to = v.end;
    Pte* entries = slot - ((page_down(addr) - from) >> kPageShift);
    Page* pages[kAroundPages];
    u32 n = u32((to - from) >> kPageShift);
    v.object->get_pages_around(v.page_index(from), n, pages);
    Pte flags = protection(v.prot, false);
    SpinGuard g(lock_.region(addr));
    const bool stale = lock_.version() != v.version;
    for (u32 i = 0; i < n; ++i) {
        Page* p = pages[i];
        if (!p) continue;
        if (stale || (entries[i] & kPteOccupied) || (bound && has_bound_sites(*bound, from + i * kPageSize))) {
            put_page(p);
            continue;
        }
        table_.set(&entries[i], page_to_phys(p) | flags);
        count(p, 1);
    }
}

/// Private memory that is written page by page (relocations, a heap that grows) gets the rest of the window of kAheadPages at
/// once: the page at `addr` was just made writable, and the one before it was before. Only while there is plenty of memory.
/// alone: the lock is held, and pages of the file that are mapped may be replaced by their copies.
void AddressSpace::write_ahead(const FaultView& v, u64 addr, Pte* slot, bool alone) NO_THREAD_SAFETY {
    if (free_page_count() < total_page_count() / 8) return;
    u64 page = page_down(addr);
    u64 end = (page & ~(kAheadPages * kPageSize - 1)) + kAheadPages * kPageSize;
    if (end > v.end) end = v.end;
    u64 first = page + kPageSize;
    Page* replaced[kAheadPages];
    u32 replaced_count = 0;
    for (u64 a = first; a < end; a += kPageSize) {
        const Pte old = __atomic_load_n(++slot, __ATOMIC_ACQUIRE); // install() looks again
        const bool replace = alone && v.object && (old & kPtePresent);
        if ((old & kPteOccupied) && !replace) break;
        Page* from = nullptr; // with a reference, if there is something to copy
        if (replace) {
            from = phys_to_page(old & kPteAddress);
            get_page(from);
        } else if (v.object) {
            v.object->get_pages_around(v.page_index(a), 1, &from);
        }
        // Pages of the file only: one that was forked is copied when it is written.
        if (v.object && (!from || (from->flags & kPageAnon))) {
            if (from) put_page(from);
            break;
        }
        bool go_on = false;
        if (auto fresh = alloc_page(!from)) {
            if (from) memcpy(page_to_virt(*fresh), page_to_virt(from), kPageSize);
            (*fresh)->flags |= kPageAnon;
            memory_counters.anon_pages.fetch_add(1, std::memory_order_relaxed);
            const Pte value = page_to_phys(*fresh) | protection(v.prot, true);
            if (replace) {
                table_.set(slot, value);
                count(from, -1);
                count(*fresh, 1);
                replaced[replaced_count++] = from; // the entry's reference
                go_on = true;
            } else {
                go_on = install(v, a, slot, *fresh, value, nullptr);
            }
        }
        if (from) put_page(from);
        if (!go_on) break;
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
            (*r)->flags.set_shared(kPageDirty);
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
        if (of_file && v.object && is_ahead(v.start, addr, e)) write_ahead(FaultView(v, lock_.version()), addr, e, true);
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
