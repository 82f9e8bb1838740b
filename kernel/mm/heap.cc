// The kernel heap: size classes in slabs of one to eight pages, free objects linked through themselves. Larger requests
// are whole blocks of pages.
#include "kernel/arch/x86_64/cpu.h"
#include "kernel/lib/panic.h"
#include "kernel/lib/ref.h"
#include "kernel/lib/string.h"
#include "kernel/mm/accounting.h"
#include "kernel/mm/page.h"
#include "kernel/sync/spinlock.h"

namespace linnet {

namespace {

struct SizeClass { u16 size; u8 order; };
constexpr SizeClass kClasses[] = {{16, 0},  {32, 0},  {48, 0},  {64, 0},  {96, 0},   {128, 0},  {192, 0},  {256, 0},
                                  {384, 0}, {512, 0}, {768, 1}, {1024, 1}, {1536, 2}, {2048, 2}, {3072, 3}};
constexpr u32 kClassCount = sizeof kClasses / sizeof kClasses[0];
constexpr size_t kLargest = 3072;

struct Cache {
    SpinLock<Rank::Heap> lock;
    Page* partial GUARDED_BY(lock) = nullptr; // slabs with free objects, linked by slab_next
    u32 empty_slabs GUARDED_BY(lock) = 0;
};
Cache caches[kClassCount];

/// Free objects that a CPU keeps for itself: used by that CPU only, which is not preempted, without a lock.
struct Magazine {
    static constexpr u32 kSize = 14, kBatch = 7;
    u32 count = 0;
    void* objects[kSize];
};
struct HeapCpu { Magazine of_class[kClassCount]; };
HeapCpu boot_magazines;
HeapCpu* magazines[kMaxCpus] = {&boot_magazines};
constexpr size_t kLargestCached = 1024; // of larger objects a few would hold whole slabs


// Index by (size + 15) / 16.
struct ClassIndex {
    u8 of[kLargest / 16 + 1];
    constexpr ClassIndex() : of{} {
        u32 c = 0;
        for (u32 i = 0; i <= kLargest / 16; ++i) {
            while (kClasses[c].size < i * 16) ++c;
            of[i] = u8(c);
        }
    }
};
constexpr ClassIndex kClassIndex;

Page* new_slab(u32 c) {
    auto r = alloc_pages(kClasses[c].order, false, true);
    if (!r) return nullptr;
    Page* p = *r;
    u32 size = kClasses[c].size, bytes = u32(kPageSize) << kClasses[c].order;
    char* base = static_cast<char*>(page_to_virt(p));
    u32 total = bytes / size;
    void* next = nullptr;
    for (u32 i = total; i-- > 0;) {
        *reinterpret_cast<void**>(base + i * size) = next;
        next = base + i * size;
    }
    // Every page of the slab points to its head, so that kfree finds it.
    for (u32 i = 0; i < 1u << kClasses[c].order; ++i) {
        p[i].flags = kPageSlab;
        p[i].slab_class = u16(c);
        p[i].order = u8(i); // distance to the head
    }
    p->order = 0;
    p->slab = {next, 0, total};
    memory_counters.slab_pages.fetch_add(1u << kClasses[c].order, std::memory_order_relaxed);
    return p;
}

void release_slab(Page* p, u32 c) {
    for (u32 i = 0; i < 1u << kClasses[c].order; ++i) p[i].flags = 0;
    p->order = kClasses[c].order;
    memory_counters.slab_pages.fetch_sub(1u << kClasses[c].order, std::memory_order_relaxed);
    put_page(p);
}

void* alloc_large(size_t size) {
    u32 order = 0;
    while ((kPageSize << order) < size) ++order;
    if (order > kMaxOrder) return nullptr;
    auto r = alloc_pages(order, false, true);
    if (!r) return nullptr;
    memory_counters.slab_pages.fetch_add(1u << order, std::memory_order_relaxed);
    return page_to_virt(*r);
}

} // namespace

namespace {

/// One object off the slabs; null without memory. The cache's lock is held.
void* take_object(Cache& cache, u32 c) REQUIRES(cache.lock) {
    Page* p = cache.partial;
    if (!p) {
        p = new_slab(c);
        if (!p) return nullptr;
        p->slab_next = nullptr;
        cache.partial = p;
        ++cache.empty_slabs;
    }
    void* o = p->slab.free_list;
    p->slab.free_list = *static_cast<void**>(o);
    if (p->slab.in_use++ == 0) --cache.empty_slabs;
    if (!p->slab.free_list) cache.partial = p->slab_next;
    return o;
}

/// Back to its slab; returns the slab if it is to be given back.
Page* put_object(Cache& cache, void* o) REQUIRES(cache.lock) {
    Page* p = phys_to_page(virt_to_phys(o));
    p -= p->order;
    bool was_full = !p->slab.free_list;
    *static_cast<void**>(o) = p->slab.free_list;
    p->slab.free_list = o;
    if (was_full) {
        p->slab_next = cache.partial;
        cache.partial = p;
    }
    if (--p->slab.in_use == 0 && ++cache.empty_slabs > 2) {
        // More than two empty slabs: this one goes back.
        Page** at = &cache.partial;
        while (*at && *at != p) at = &(*at)->slab_next;
        if (*at) {
            *at = p->slab_next;
            --cache.empty_slabs;
            return p;
        }
    }
    return nullptr;
}

/// This CPU's magazine of a class; null: none is kept.
Magazine* magazine(u32 c) {
    if (kClasses[c].size > kLargestCached) return nullptr;
    HeapCpu* h = magazines[per_cpu().index];
    return h ? &h->of_class[c] : nullptr;
}

} // namespace

Result<void> heap_add_cpu(u32 cpu) {
    void* memory = kzalloc(sizeof(HeapCpu));
    if (!memory) return ENOMEM;
    magazines[cpu] = new (memory) HeapCpu;
    return {};
}

void* kmalloc(size_t size) {
    if (size > kLargest) return alloc_large(size);
    u32 c = kClassIndex.of[(size + 15) / 16];
    Magazine* m = magazine(c);
    if (m && m->count) return m->objects[--m->count];
    Cache& cache = caches[c];
    SpinGuard g(cache.lock);
    void* o = take_object(cache, c);
    if (!m || !o) return o;
    // A few more for the next time, as long as they are there without a new slab.
    while (m->count < Magazine::kBatch && cache.partial) m->objects[m->count++] = take_object(cache, c);
    return o;
}

void* kzalloc(size_t size) {
    void* p = kmalloc(size);
    if (p) memset(p, 0, size);
    return p;
}

void kfree(void* o) {
    if (!o) return;
    Page* p = phys_to_page(virt_to_phys(o));
    if (!(p->flags & kPageSlab)) {
        ASSERT((reinterpret_cast<u64>(o) & (kPageSize - 1)) == 0);
        memory_counters.slab_pages.fetch_sub(1u << p->order, std::memory_order_relaxed);
        put_page(p);
        return;
    }
    u32 c = p->slab_class;
#if LINNET_DEBUG
    memset(o, 0xdb, kClasses[c].size); // a use after free shows
#endif
    Magazine* m = magazine(c);
    if (m && m->count < Magazine::kSize) {
        m->objects[m->count++] = o;
        return;
    }
    Cache& cache = caches[c];
    Page* give_back[Magazine::kBatch + 1];
    u32 n = 0;
    {
        SpinGuard g(cache.lock);
        if (Page* slab = put_object(cache, o)) give_back[n++] = slab;
        for (u32 i = 0; m && i < Magazine::kBatch; ++i)
            if (Page* slab = put_object(cache, m->objects[--m->count])) give_back[n++] = slab;
    }
    while (n) release_slab(give_back[--n], c);
}

} // namespace linnet

#ifdef LINNET_KERNEL
void operator delete(void* p) noexcept { linnet::kfree(p); }
void operator delete(void* p, size_t) noexcept { linnet::kfree(p); }
void operator delete(void* p, std::align_val_t) noexcept { linnet::kfree(p); }
void operator delete(void* p, size_t, std::align_val_t) noexcept { linnet::kfree(p); }
#endif
