#include "kernel/arch/x86_64/page_table.h"

#include "kernel/arch/x86_64/cpu.h"
#include "kernel/arch/x86_64/layout.h"
#include "kernel/lib/string.h"
#include "kernel/mm/accounting.h"
#include "kernel/mm/address_space.h"
#include "kernel/sync/spinlock.h"

extern "C" linnet::u64 boot_pml4[512];

namespace linnet {

namespace {

constexpr Pte kTableFlags = kPtePresent | kPteWrite | kPteUser | kPteAccessed;

Pte* table_of(Pte entry) { return static_cast<Pte*>(phys_to_virt(entry & kPteAddress)); }
u32 index(u64 addr, int level) { return addr >> (12 + 9 * level) & 511; } // level 0: the last table

/// The Page of a table counts its present entries (slab.in_use).
Page* page_of_table(const Pte* slot) { return phys_to_page(virt_to_phys(reinterpret_cast<void*>(reinterpret_cast<u64>(slot) & ~(kPageSize - 1)))); }

Result<PhysAddr> new_table() {
    Page* p = TRY(alloc_page(true));
    p->slab.in_use = 0;
    memory_counters.page_table_pages.fetch_add(1, std::memory_order_relaxed);
    return page_to_phys(p);
}

void free_table(PhysAddr a) {
    memory_counters.page_table_pages.fetch_sub(1, std::memory_order_relaxed);
    put_page(phys_to_page(a));
}

/// The next level's table under *entry, made if missing.
Result<Pte*> descend(Pte* entry) {
    if (!(*entry & kPtePresent)) {
        PhysAddr t = TRY(new_table());
        *entry = t | kTableFlags;
        ++page_of_table(entry)->slab.in_use;
    }
    return table_of(*entry);
}

Pte* root_table(PhysAddr root) { return static_cast<Pte*>(phys_to_virt(root)); }

} // namespace

Result<void> PageTable::init() {
    root_ = TRY(new_table());
    Pte* r = root_table(root_);
    for (u64 base : {kDirectMap, kDynamicMap, kLinkBase}) r[index(base, 3)] = boot_pml4[index(base, 3)];
    return {};
}

void PageTable::destroy() {
    if (!root_) return;
    ASSERT(!cpus());
    {
        TlbGather gather(*this);
        free_empty(0, kUserEnd, gather);
    }
    free_table(root_);
    root_ = 0;
}

Result<Pte*> PageTable::huge_slot(u64 addr) {
    Pte* l2 = TRY(descend(&root_table(root_)[index(addr, 3)]));
    Pte* l1 = TRY(descend(&l2[index(addr, 2)]));
    return &l1[index(addr, 1)];
}

Result<Pte*> PageTable::slot(u64 addr) {
    Pte* e = TRY(huge_slot(addr));
    if (*e & kPteHuge) return static_cast<Pte*>(nullptr);
    Pte* l0 = TRY(descend(e));
    return &l0[index(addr, 0)];
}

Pte* PageTable::find(u64 addr, bool* huge) {
    *huge = false;
    Pte* t = root_table(root_);
    for (int level = 3; level > 0; --level) {
        Pte* e = &t[index(addr, level)];
        if (!(*e & kPtePresent)) return nullptr;
        if (*e & kPteHuge) {
            *huge = true;
            return e;
        }
        t = table_of(*e);
    }
    return &t[index(addr, 0)];
}

void PageTable::set(Pte* slot, Pte value) {
    if (!(*slot & kPteOccupied)) ++page_of_table(slot)->slab.in_use;
    __atomic_store_n(slot, value, __ATOMIC_RELEASE);
}

void PageTable::clear(Pte* slot) {
    if (*slot & kPteOccupied) --page_of_table(slot)->slab.in_use;
    __atomic_store_n(slot, 0, __ATOMIC_RELEASE);
}

Result<void> PageTable::split_huge(u64 addr) {
    Pte* e = TRY(huge_slot(addr));
    if (!(*e & kPteHuge)) return {};
    PhysAddr t = TRY(new_table());
    PhysAddr base = *e & kPteAddress & ~(kHugePageSize - 1);
    Pte flags = *e & ~(kPteAddress | kPteHuge);
    Pte* l0 = static_cast<Pte*>(phys_to_virt(t));
    Page* head = phys_to_page(base);
    // The block of 512 pages becomes 512 blocks of one page.
    for (u32 i = 0; i < 512; ++i) {
        l0[i] = (base + i * kPageSize) | flags;
        Page& p = head[i];
        u8 keep = head->flags & ~kPageHuge;
        if (i) {
            p.flags = keep;
            p.refs.store(1, std::memory_order_relaxed);
            p.object = {nullptr, 0};
        }
        p.order = 0;
    }
    head->flags &= u8(~kPageHuge);
    phys_to_page(t)->slab.in_use = 512;
    __atomic_store_n(e, t | kTableFlags, __ATOMIC_RELEASE);
    flush_tlb_range(*this, addr & ~(kHugePageSize - 1), (addr & ~(kHugePageSize - 1)) + kHugePageSize);
    return {};
}

u64 PageTable::next_present(u64 addr, u64 end) {
    while (addr < end) {
        Pte* t = root_table(root_);
        int level = 3;
        for (; level >= 0; --level) {
            Pte e = t[index(addr, level)];
            if (!(e & (level ? kPtePresent : kPteOccupied))) break;
            if (level == 0 || (e & kPteHuge)) return addr;
            t = table_of(e);
        }
        if (level == 0) { // look on in this table
            u32 i = index(addr, 0);
            do {
                ++i;
                addr += kPageSize;
            } while (i < 512 && addr < end && !(t[i] & kPteOccupied));
            continue;
        }
        u64 span = 1ull << (12 + 9 * level);
        addr = (addr & ~(span - 1)) + span;
    }
    return end;
}

namespace {

/// The first entry from i on, before `end`, that is not 0; else end. Most of a table is empty: eight at a time.
u32 next_used(const Pte* table, u32 i, u32 end) {
    while (i < end) {
        const Pte* e = table + i;
        if (!(i & 7) && i + 8 <= end && !(e[0] | e[1] | e[2] | e[3] | e[4] | e[5] | e[6] | e[7])) {
            i += 8;
            continue;
        }
        if (*e) return i;
        ++i;
    }
    return end;
}

} // namespace

/// The tables below `table`, whose first entry maps `base` and whose entries map 512 ^ level pages each.
void PageTable::free_empty_below(Pte* table, int level, u64 base, u64 start, u64 end, TlbGather& gather) {
    const u64 span = kPageSize << (9 * level);
    const u32 first = start > base ? u32((start - base) / span) : 0;
    const u32 last = end - base < 512 * span ? u32((end - base + span - 1) / span) : 512;
    u32 left = level < 3 ? page_of_table(table)->slab.in_use : 512; // the root's entries are not counted
    for (u32 i = next_used(table, first, last); i < last; i = left ? next_used(table, i + 1, last) : last) {
        --left;
        Pte* entry = &table[i];
        if (!(*entry & kPtePresent) || (*entry & kPteHuge)) continue;
        const u64 at = base + i * span;
        if (level > 1) free_empty_below(table_of(*entry), level - 1, at, start, end, gather);
        Page* below = phys_to_page(*entry & kPteAddress);
        if (below->slab.in_use) continue;
        // A table's entry goes first, then what CPUs remember of it, then its page.
        clear(entry);
        memory_counters.page_table_pages.fetch_sub(1, std::memory_order_relaxed);
        gather.add(below, page_down(at > start ? at : start), kPageSize);
    }
}

void PageTable::free_empty(u64 start, u64 end, TlbGather& gather) {
    if (start < end) free_empty_below(root_table(root_), 3, 0, start, end, gather);
}

PhysAddr kernel_root() { return virt_to_phys(boot_pml4); }

namespace {
SpinLock<Rank::KernelMappings> kernel_tables_lock;

Result<Pte*> kernel_slot(u64 virt, bool create) {
    Pte* t = boot_pml4;
    for (int level = 3; level > 0; --level) {
        Pte* e = &t[index(virt, level)];
        if (!(*e & kPtePresent)) {
            if (!create) return ENOENT;
            PhysAddr n = TRY(new_table());
            *e = n | kPtePresent | kPteWrite | kPteAccessed;
        }
        t = table_of(*e);
    }
    return &t[index(virt, 0)];
}
} // namespace

Result<void> map_kernel_page(u64 virt, PhysAddr phys, Pte flags) {
    SpinGuard g(kernel_tables_lock);
    Pte* s = TRY(kernel_slot(virt, true));
    *s = phys | flags | kPtePresent | kPteGlobal | kPteAccessed | (flags & kPteWrite ? kPteDirty : 0);
    return {};
}

void unmap_kernel_page(u64 virt) {
    {
        SpinGuard g(kernel_tables_lock);
        auto s = kernel_slot(virt, false);
        if (s) **s = 0;
    }
    flush_kernel_page(virt);
}

PhysAddr kernel_page_address(u64 virt) {
    SpinGuard g(kernel_tables_lock);
    auto s = kernel_slot(virt, false);
    return s ? **s & kPteAddress : 0;
}

} // namespace linnet
