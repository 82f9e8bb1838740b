// Physical pages. One Page a frame, in an array that is initialised lazily: a Page is valid once its frame was
// handed out or stands at the head of a free block.
#pragma once

#include <atomic>

#include "kernel/arch/x86_64/layout.h"
#include "kernel/lib/list.h"
#include "linux-abi/errno.h"

namespace linnet {

using PhysAddr = u64;

enum PageFlags : u8 {
    kPageFree = 1,      // head of a free block of `order`
    kPageSlab = 2,      // belongs to the heap
    kPageReserved = 4,  // never given back (image pages, firmware)
    kPageDirty = 8,     // a shared file page written through a mapping
    kPageHuge = 16,     // head of a 2 MiB anonymous page
    kPageAnon = 32,     // private memory of programs: may become writable where it has one reference
};

/// A page's flags. Its holder changes them; who frees the neighbouring block looks at them meanwhile, whether kPageFree is set.
class PageFlagBits {
  public:
    operator u8() const { return __atomic_load_n(&bits_, __ATOMIC_RELAXED); }
    void operator=(u8 bits) { __atomic_store_n(&bits_, bits, __ATOMIC_RELAXED); }
    void operator|=(u8 bits) { *this = u8(*this | bits); }
    void operator&=(u8 bits) { *this = u8(*this & bits); }
    /// Where others may change flags at the same time.
    void set_shared(u8 bits) { __atomic_fetch_or(&bits_, bits, __ATOMIC_RELAXED); }

  private:
    u8 bits_;
};

/// Reference-counted by whoever holds it: a page table entry, a VmObject, an in-flight I/O.
struct Page {
    std::atomic<u32> refs;
    u8 order;   // of the block, at its head
    PageFlagBits flags;
    u16 slab_class;
    union {
        struct { Page* prev; Page* next; } free;    // buddy lists
        struct { void* owner; u64 index; } object;  // VmObject and page index in it
        struct { void* free_list; u32 in_use; u32 total; } slab;
    };
    Page* slab_next; // heap's own
};
static_assert(sizeof(Page) == 32 || sizeof(Page) == 40);

inline constexpr u32 kMaxOrder = 10; // 4 MiB

/// 2^order contiguous pages with one reference. `zero`: cleared. May sleep for the OOM killer in thread context unless
/// `atomic`. ENOMEM.
Result<Page*> alloc_pages(u32 order, bool zero, bool atomic = false);
inline Result<Page*> alloc_page(bool zero) { return alloc_pages(0, zero); }
/// Drops a reference; frees the block of the page's order with the last one.
void put_page(Page* p);
inline void get_page(Page* p) { p->refs.fetch_add(1, std::memory_order_relaxed); }

extern Page* page_array; // of frames 0 to page_array_count
extern u64 page_array_count;

inline PhysAddr page_to_phys(const Page* p) { return u64(p - page_array) << kPageShift; }
/// Null for an address that is not memory.
inline Page* phys_to_page(PhysAddr a) { return a >> kPageShift < page_array_count ? &page_array[a >> kPageShift] : nullptr; }
/// Through the direct map.
inline void* phys_to_virt(PhysAddr a) { return reinterpret_cast<void*>(kDirectMap + a); }
inline void* page_to_virt(const Page* p) { return phys_to_virt(page_to_phys(p)); }
/// For direct-map and kernel-image addresses.
PhysAddr virt_to_phys(const void* p);

struct MemoryStats { u64 total_pages, free_pages, slab_pages, page_table_pages, anon_pages, cached_pages, shmem_pages; };
MemoryStats memory_stats();

/// Maps device registers uncached into the upper half. ENOMEM.
Result<void*> map_device(PhysAddr a, size_t size);

} // namespace linnet
