// The dynamic part of the upper half: kernel stacks with guard pages, device registers.
#include "kernel/arch/x86_64/layout.h"
#include "kernel/arch/x86_64/page_table.h"
#include "kernel/mm/kernel_stack.h"
#include "kernel/mm/page.h"
#include "kernel/sched/thread.h"
#include "kernel/sync/spinlock.h"

namespace linnet {

namespace {

SpinLock<Rank::KernelMappings> lock;
u64 next_address GUARDED_BY(lock) = kDynamicMap + kPageSize;

// Free stacks stay mapped, linked through their lowest word.
u64 free_stacks GUARDED_BY(lock) = 0;
u32 free_stack_count GUARDED_BY(lock) = 0;

constexpr u64 kStackPages = kKernelStackSize / kPageSize;

u64 take_addresses(u64 pages) {
    SpinGuard g(lock);
    u64 a = next_address;
    next_address += pages * kPageSize;
    return a;
}

} // namespace

Result<u64> alloc_kernel_stack() {
    {
        SpinGuard g(lock);
        if (free_stacks) {
            u64 s = free_stacks;
            free_stacks = *reinterpret_cast<u64*>(s);
            --free_stack_count;
            return s;
        }
    }
    u64 base = take_addresses(kStackPages + 1) + kPageSize; // the page below stays unmapped
    for (u64 i = 0; i < kStackPages; ++i) {
        auto p = alloc_page(false);
        Result<void> mapped = p ? map_kernel_page(base + i * kPageSize, page_to_phys(*p), kPteWrite | kPteNoExec) : ENOMEM;
        if (!mapped) {
            if (p) put_page(*p);
            while (i-- > 0) {
                PhysAddr a = kernel_page_address(base + i * kPageSize);
                unmap_kernel_page(base + i * kPageSize);
                put_page(phys_to_page(a));
            }
            return ENOMEM;
        }
    }
    return base;
}

void free_kernel_stack(u64 base) {
    // Kept for the next thread: mapping and unmapping cost more than the memory of as many stacks as ever ran at once.
    SpinGuard g(lock);
    *reinterpret_cast<u64*>(base) = free_stacks;
    free_stacks = base;
    ++free_stack_count;
}

Result<void*> map_device(PhysAddr a, size_t size) {
    u64 first = page_down(a), pages = (page_up(a + size) - first) >> kPageShift;
    u64 virt = take_addresses(pages + 1);
    for (u64 i = 0; i < pages; ++i)
        TRY(map_kernel_page(virt + i * kPageSize, first + i * kPageSize, kPteWrite | kPteNoExec | kPteNoCache | kPteWriteThrough));
    return reinterpret_cast<void*>(virt + (a - first));
}

} // namespace linnet
