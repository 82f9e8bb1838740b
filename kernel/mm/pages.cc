// Buddy allocator. Free blocks of 2^order pages, order-aligned, in lists; a block's state stands in the Page of its head.
// The Page array is not initialised at boot: a head is written when its block is made, a buddy is looked at only after
// the block of both was split, which wrote it.
#include "kernel/mm/page.h"

#include "kernel/arch/x86_64/cpu.h"
#include "kernel/arch/x86_64/layout.h"
#include "kernel/arch/x86_64/page_table.h"
#include "kernel/boot/boot_info.h"
#include "kernel/lib/log.h"
#include "kernel/lib/panic.h"
#include "kernel/lib/string.h"
#include "kernel/mm/accounting.h"
#include "kernel/mm/init.h"
#include "kernel/sync/spinlock.h"

extern "C" linnet::u64 boot_pml4[512];

namespace linnet {

MemoryCounters memory_counters;
Page* page_array;
u64 page_array_count;

namespace {

u32 this_cpu_index() { return per_cpu().index; }

SpinLock<Rank::PageAllocator> lock;
u64 total_pages;
u64 free_pages GUARDED_BY(lock);

/// Single pages that a CPU keeps for itself. Used by that CPU only, which is not preempted: no lock.
struct alignas(64) LocalPages {
    Page* head = nullptr; // linked by free.next
    std::atomic<u32> count{0};
};
LocalPages local_pages[kMaxCpus];
u32 local_limit;                     // a CPU keeps no more than this
constexpr u32 kLocalLimit = 64, kLocalBatch = 16;

struct FreeList { Page* head = nullptr; };
FreeList free_lists[kMaxOrder + 1] GUARDED_BY(lock);
u64 first_free_seed; // bump allocation before the buddy lists exist

/// free_page_count() reads it without the lock.
void count_free(i64 more) REQUIRES(lock) { __atomic_store_n(&free_pages, free_pages + u64(more), __ATOMIC_RELAXED); }

u64 frame_of(const Page* p) { return u64(p - page_array); }

void list_push(u32 order, Page* p) REQUIRES(lock) {
    p->flags = kPageFree;
    p->order = u8(order);
    p->refs.store(0, std::memory_order_relaxed);
    Page*& head = free_lists[order].head;
    p->free.prev = nullptr;
    p->free.next = head;
    if (head) head->free.prev = p;
    head = p;
}

void list_remove(u32 order, Page* p) REQUIRES(lock) {
    if (p->free.prev) p->free.prev->free.next = p->free.next;
    else free_lists[order].head = p->free.next;
    if (p->free.next) p->free.next->free.prev = p->free.prev;
    p->flags = 0;
}

/// Ranges handed to the buddy system, so that a merge never looks beyond one.
struct Zone { u64 first, end; };
Zone zones[72];
u32 zone_count;

bool in_same_zone(u64 frame, u64 buddy, u64 count) {
    for (u32 i = 0; i < zone_count; ++i)
        if (frame >= zones[i].first && frame < zones[i].end) return buddy >= zones[i].first && buddy + count <= zones[i].end;
    return false;
}

/// Adds [first, end) in the largest aligned blocks. Boot.
void add_range(u64 first, u64 end) {
    SpinGuard g(lock);
    if (first >= end || zone_count >= 72) return;
    zones[zone_count++] = {first, end};
    total_pages += end - first;
    count_free(i64(end - first));
    while (first < end) {
        u32 order = kMaxOrder;
        while (order && ((first & ((1ull << order) - 1)) || first + (1ull << order) > end)) --order;
        list_push(order, &page_array[first]);
        first += 1ull << order;
    }
}

void free_block_locked(Page* p, u32 order) REQUIRES(lock) {
    count_free(i64(1) << order);
    u64 frame = frame_of(p);
    while (order < kMaxOrder) {
        u64 buddy = frame ^ (1ull << order);
        if (!in_same_zone(frame, buddy, 1ull << order)) break;
        Page* b = &page_array[buddy];
        if (!(b->flags & kPageFree) || b->order != order) break;
        list_remove(order, b);
        frame &= ~(1ull << order);
        ++order;
    }
    list_push(order, &page_array[frame]);
}

void free_block(Page* p, u32 order) {
    if (order) {
        SpinGuard g(lock);
        free_block_locked(p, order);
        return;
    }
    LocalPages& l = local_pages[this_cpu_index()];
    p->flags = 0;
    p->free.next = l.head;
    l.head = p;
    u32 n = l.count.load(std::memory_order_relaxed) + 1;
    if (n > local_limit) {
        SpinGuard g(lock);
        for (u32 i = 0; i < kLocalBatch && l.head; ++i, --n) {
            Page* gone = l.head;
            l.head = gone->free.next;
            free_block_locked(gone, 0);
        }
    }
    l.count.store(n, std::memory_order_relaxed);
}

struct Hole { u64 start, end; };

/// Calls f(start, end) for the parts of [start, end) outside the sorted, disjoint holes.
template <class F>
void without_holes(u64 start, u64 end, const Hole* holes, u32 count, F&& f) {
    for (u32 i = 0; i < count && start < end; ++i) {
        if (holes[i].end <= start || holes[i].start >= end) continue;
        if (holes[i].start > start) f(start, holes[i].start);
        start = holes[i].end;
    }
    if (start < end) f(start, end);
}

} // namespace

u64 early_take_pages(u64 count) {
    u64 a = first_free_seed;
    first_free_seed += count * kPageSize;
    return a;
}

void init_memory() {
    BootInfo& b = boot_info;
    u64 top = 0;
    for (u32 i = 0; i < b.memory_count; ++i)
        if (b.memory[i].usable && b.memory[i].end > top) top = b.memory[i].end;
    top = page_down(top);
    if (top > kDirectMapSize) top = kDirectMapSize;
    if (top <= MiB) panic("no memory map");

    Hole holes[4];
    u32 n = 0;
    u64 image_lo = reinterpret_cast<u64>(image_start) - kLinkBase - load_bias;
    u64 image_hi = page_up(reinterpret_cast<u64>(image_end) - kLinkBase - load_bias);
    holes[n++] = {0, MiB}; // firmware, and the start page of other CPUs
    holes[n++] = {page_down(image_lo), image_hi};
    u64 rd_start = page_down(b.initrd_start), rd_end = page_up(b.initrd_end);
    if (b.initrd_end > b.initrd_start && rd_end > image_hi) holes[n++] = {rd_start, rd_end};
    for (u32 i = 1; i < n; ++i) // by address
        for (u32 j = i; j && holes[j].start < holes[j - 1].start; --j) {
            Hole t = holes[j];
            holes[j] = holes[j - 1];
            holes[j - 1] = t;
        }

    // The page array, and page tables of the direct map beyond the first GiB, from the largest free part.
    page_array_count = top >> kPageShift;
    u64 array_bytes = page_up(page_array_count * sizeof(Page));
    u64 gib = (top + GiB - 1) / GiB;
    u64 need = array_bytes + gib * kPageSize;
    u64 best = 0, best_len = 0;
    for (u32 i = 0; i < b.memory_count; ++i) {
        if (!b.memory[i].usable) continue;
        without_holes(page_up(b.memory[i].start), page_down(b.memory[i].end), holes, n, [&](u64 s, u64 e) {
            if (e > s && e - s > best_len) best = s, best_len = e - s;
        });
    }
    if (best_len < need + MiB) panic("too little memory: %lu KiB", best_len / 1024);
    // The early direct map covers the first GiB; the identity map the first four.
    first_free_seed = best;
    u64 taken_from = best;
    auto table_at = [](u64 phys) { return reinterpret_cast<u64*>(phys); }; // identity map
    u64* pdpt = table_at(boot_pml4[kDirectMap >> 39 & 511] & kPteAddress);
    Pte rw = kPtePresent | kPteWrite | kPteNoExec | kPteGlobal | kPteAccessed | kPteDirty | kPteHuge;
    for (u64 g = 1; g < gib; ++g) {
        if (cpu_features.pdpe1gb && (g + 1) * GiB <= top) {
            pdpt[g] = g * GiB | rw;
            continue;
        }
        u64 table = early_take_pages(1);
        u64* pd = table_at(table);
        for (u64 i = 0; i < 512; ++i) pd[i] = g * GiB + i * 2 * MiB < top ? (g * GiB + i * 2 * MiB) | rw : 0;
        pdpt[g] = table | kPtePresent | kPteWrite;
    }
    page_array = static_cast<Page*>(phys_to_virt(early_take_pages(array_bytes >> kPageShift)));
    // Frames that never go through the buddy lists (the boot archive used in place) need a valid Page.
    u64 taken_to = first_free_seed;
    if (rd_end > rd_start)
        for (u64 f = rd_start >> kPageShift; f < rd_end >> kPageShift && f < page_array_count; ++f) {
            page_array[f].refs.store(1, std::memory_order_relaxed);
            page_array[f].flags = kPageReserved;
            page_array[f].order = 0;
        }
    Hole used = {taken_from, taken_to};
    for (u32 i = 0; i < b.memory_count; ++i) {
        if (!b.memory[i].usable) continue;
        without_holes(page_up(b.memory[i].start), page_down(b.memory[i].end), holes, n, [&](u64 s, u64 e) {
            without_holes(s, e, &used, 1, [&](u64 s2, u64 e2) {
                if (s2 < top) add_range(s2 >> kPageShift, (e2 < top ? e2 : top) >> kPageShift);
            });
        });
    }
    // All CPUs together keep less than what a small machine would miss: 4 KiB of each MiB.
    u64 share = total_pages / 256;
    local_limit = share < kLocalLimit ? u32(share) : kLocalLimit;
}

namespace {

/// A block off the buddy lists; null if there is none.
Page* take_block(u32 order) REQUIRES(lock) {
    u32 o = order;
    while (o <= kMaxOrder && !free_lists[o].head) ++o;
    if (o > kMaxOrder) return nullptr;
    Page* p = free_lists[o].head;
    list_remove(o, p);
    while (o > order) {
        --o;
        list_push(o, p + (1ull << o));
    }
    count_free(-(i64(1) << order));
    return p;
}

/// A single page of this CPU's; a batch is fetched if there is none. Null: no memory.
Page* take_local() {
    LocalPages& l = local_pages[this_cpu_index()];
    u32 n = l.count.load(std::memory_order_relaxed);
    if (!n) {
        SpinGuard g(lock);
        for (; n < (local_limit < kLocalBatch ? 1 : kLocalBatch); ++n) {
            Page* p = take_block(0);
            if (!p) break;
            p->free.next = l.head;
            l.head = p;
        }
        if (!n) return nullptr;
    }
    Page* p = l.head;
    l.head = p->free.next;
    l.count.store(n - 1, std::memory_order_relaxed);
    return p;
}

/// What this CPU keeps goes back, to be merged.
void drain_local() {
    LocalPages& l = local_pages[this_cpu_index()];
    SpinGuard g(lock);
    while (Page* p = l.head) {
        l.head = p->free.next;
        free_block_locked(p, 0);
    }
    l.count.store(0, std::memory_order_relaxed);
}

Page* take_large(u32 order) {
    {
        SpinGuard g(lock);
        if (Page* p = take_block(order)) return p;
    }
    drain_local();
    SpinGuard g(lock);
    return take_block(order);
}

} // namespace

Result<Page*> try_alloc(u32 order) {
    Page* p = order ? take_large(order) : take_local();
    if (!p) return ENOMEM;
    p->order = u8(order);
    p->flags = 0;
    p->slab_class = 0;
    p->object = {nullptr, 0};
    p->refs.store(1, std::memory_order_relaxed);
    return p;
}

Result<Page*> alloc_pages(u32 order, bool zero, bool) {
    if (order > kMaxOrder) return ENOMEM;
    Page* p = TRY(try_alloc(order));
    if (zero) {
        u64* w = static_cast<u64*>(page_to_virt(p));
        u64 n = kPageSize / 8 << order;
        asm volatile("rep stosq" : "+D"(w), "+c"(n) : "a"(0) : "memory");
    }
    return p;
}

void put_page(Page* p) {
    ASSERT(!(p->flags & kPageFree)); // before: once the reference is gone, another holder may free it
    u32 old = p->refs.fetch_sub(1, std::memory_order_acq_rel);
    ASSERT(old != 0);
    if (old != 1) return;
    if (p->flags & kPageAnon) memory_counters.anon_pages.fetch_sub(1ull << p->order, std::memory_order_relaxed);
    free_block(p, p->order);
}

PhysAddr virt_to_phys(const void* p) {
    u64 a = reinterpret_cast<u64>(p);
    if (a >= kLinkBase) return a - kLinkBase - load_bias;
    ASSERT(a >= kDirectMap && a < kDirectMap + kDirectMapSize);
    return a - kDirectMap;
}

u64 free_page_count() {
    u64 n = __atomic_load_n(&free_pages, __ATOMIC_RELAXED);
    for (const LocalPages& l : local_pages) n += l.count.load(std::memory_order_relaxed);
    return n;
}
u64 total_page_count() { return total_pages; }

MemoryStats memory_stats() {
    MemoryStats s{};
    s.total_pages = total_pages;
    s.free_pages = free_page_count();
    s.slab_pages = memory_counters.slab_pages.load(std::memory_order_relaxed);
    s.page_table_pages = memory_counters.page_table_pages.load(std::memory_order_relaxed);
    s.anon_pages = memory_counters.anon_pages.load(std::memory_order_relaxed);
    s.cached_pages = memory_counters.cached_pages.load(std::memory_order_relaxed);
    s.shmem_pages = memory_counters.shmem_pages.load(std::memory_order_relaxed);
    return s;
}

void drop_identity_map() {
    boot_pml4[0] = 0;
    cpu::write_cr3(cpu::read_cr3());
}

} // namespace linnet
