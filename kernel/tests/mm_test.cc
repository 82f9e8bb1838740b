// Page tables and TLB, the protection of the kernel's own memory, pages and heap.
#include "kernel/arch/x86_64/cpu.h"
#include "kernel/arch/x86_64/layout.h"
#include "kernel/arch/x86_64/page_table.h"
#include "kernel/lib/string.h"
#include "kernel/mm/accounting.h"
#include "kernel/mm/kernel_stack.h"
#include "kernel/mm/page.h"
#include "kernel/sched/scheduler.h"
#include "kernel/sync/wait_queue.h"
#include "kernel/tests/ktest.h"
#include "kernel/tests/program.h"

extern "C" {
linnet::u64 user_copy(void* to, const void* from, linnet::u64 n);
extern linnet::u64 boot_pml4[512];
}

namespace linnet::ktest {

namespace {

// Probes of any address, kernel's too: the copy's fix-up takes the fault.
bool readable(u64 addr) {
    char byte;
    return user_copy(&byte, reinterpret_cast<void*>(addr), 1) == 0;
}
bool writable(u64 addr) {
    char byte;
    return user_copy(&byte, reinterpret_cast<void*>(addr), 1) == 0 && user_copy(reinterpret_cast<void*>(addr), &byte, 1) == 0;
}

/// The entry that maps a kernel address, with the rights of all levels; 0: none.
Pte kernel_entry(u64 virt) {
    Pte* t = boot_pml4;
    Pte rights = kPteWrite, no_exec = 0;
    for (int level = 3;; --level) {
        Pte e = t[virt >> (12 + 9 * level) & 511];
        if (!(e & kPtePresent)) return 0;
        rights &= e;
        no_exec |= e & kPteNoExec;
        if (level == 0 || (e & kPteHuge)) return (e & ~(kPteWrite | kPteNoExec)) | rights | no_exec;
        t = static_cast<Pte*>(phys_to_virt(e & kPteAddress));
    }
}

u64 at(const void* p) { return reinterpret_cast<u64>(p); }

} // namespace

// ---- TLB ---------------------------------------------------------------------------------------------------------------

KTEST_EACH_CPU(Tlb, an_unmapped_page_is_gone_at_once) {
    for (u64 pages : {1, 3, 40, 600}) { // single flushes and a whole one
        ProgramMemory m(pages);
        for (u64 i = 0; i < pages; ++i) m.set_word(i * 512, i + 1); // in the TLB
        REQUIRE(space().unmap(m.address(), pages * kPageSize));
        for (u64 i = 0; i < pages; ++i) EXPECT(!user_read<u64>(m.address() + i * kPageSize).ok());
    }
}

KTEST_EACH_CPU(Tlb, a_new_page_at_the_same_place_is_seen) {
    ProgramMemory m(1);
    for (u64 i = 1; i < 50; ++i) {
        m.set_word(0, i);
        MapRequest r;
        r.addr = m.address(), r.length = kPageSize, r.prot = kProtRead | kProtWrite, r.fixed = true;
        REQUIRE(space().map(r));
        EXPECT_EQ(m.word(0), 0);
    }
}

KTEST_EACH_CPU(Tlb, protection_counts_at_once) {
    ProgramMemory m(3);
    u64 middle = m.address() + kPageSize;
    for (int i = 0; i < 20; ++i) {
        EXPECT(user_write(middle, 1).ok());
        REQUIRE(space().protect(middle, kPageSize, kProtRead));
        EXPECT(!user_write(middle, 2).ok());
        EXPECT(user_read<int>(middle).ok());
        EXPECT(user_write(middle - 4, 2).ok());
        EXPECT(user_write(middle + kPageSize, 2).ok());
        REQUIRE(space().protect(middle, kPageSize, 0));
        EXPECT(!user_read<int>(middle).ok());
        REQUIRE(space().protect(middle, kPageSize, kProtRead | kProtWrite));
        EXPECT_EQ(user_read<int>(middle).value_or(0), 1);
    }
}

KTEST_EACH_CPU(Tlb, discarded_memory_reads_as_zero) {
    ProgramMemory m(8);
    for (u64 i = 0; i < 8; ++i) m.set_word(i * 512, 1);
    REQUIRE(space().advise(m.address(), 8 * kPageSize, 4)); // MADV_DONTNEED
    for (u64 i = 0; i < 8; ++i) EXPECT_EQ(m.word(i * 512), 0);
}

KTEST_EACH_CPU(Tlb, a_write_after_fork_does_not_reach_the_copy) {
    ProgramMemory m(4);
    for (u64 i = 0; i < 4; ++i) m.set_word(i * 512, 10 + i); // writable entries in the TLB
    auto copy = space().fork_copy();
    REQUIRE(copy.ok());
    for (u64 i = 0; i < 4; ++i) m.set_word(i * 512, 20 + i);
    for (u64 i = 0; i < 4; ++i) {
        u64 other = 0;
        EXPECT_EQ((*copy)->peek(m.address() + i * kPageSize, &other, 8), 8);
        EXPECT_EQ(other, 10 + i);
        EXPECT_EQ(m.word(i * 512), 20 + i);
    }
}

KTEST_EACH_CPU(Tlb, kernel_mappings_come_and_go) {
    auto page = alloc_page(true);
    REQUIRE(page.ok());
    constexpr u64 kPlace = kDynamicMap + kDynamicMapSize - 16 * kPageSize; // far behind what is handed out
    for (int i = 0; i < 3; ++i) {
        EXPECT(!readable(kPlace));
        REQUIRE(map_kernel_page(kPlace, page_to_phys(*page), kPteWrite | kPteNoExec));
        EXPECT(writable(kPlace));
        unmap_kernel_page(kPlace);
        EXPECT(!readable(kPlace));
    }
    put_page(*page);
}

// ---- the kernel's own memory -------------------------------------------------------------------------------------------

KTEST(KernelMemory, no_page_of_the_image_is_writable_and_executable) {
    u32 executable = 0, writable_pages = 0;
    for (u64 a = page_down(at(image_start)); a < at(image_end); a += kPageSize) {
        Pte e = kernel_entry(a);
        EXPECT(e != 0);
        EXPECT(!((e & kPteWrite) && !(e & kPteNoExec)));
        executable += !(e & kPteNoExec);
        EXPECT((e & kPteNoExec) || a < at(text_end));
        writable_pages += (e & kPteWrite) != 0;
        EXPECT(!(e & kPteWrite) || a >= page_down(at(data_start)));
        // The same page in the direct map: never executable; not writable if it is not here.
        Pte d = kernel_entry(at(phys_to_virt(virt_to_phys(reinterpret_cast<void*>(a)))));
        EXPECT(d & kPteNoExec);
        EXPECT((e & kPteWrite) || !(d & kPteWrite));
    }
    EXPECT(executable > 50);
    EXPECT(writable_pages > 10);
}

KTEST(KernelMemory, nothing_but_the_text_is_executable_in_the_upper_half) {
    // All that is mapped there, by the page tables themselves.
    u64 executable = 0;
    for (u64 i = 256; i < 512; ++i) {
        if (!(boot_pml4[i] & kPtePresent)) continue;
        Pte* l3 = static_cast<Pte*>(phys_to_virt(boot_pml4[i] & kPteAddress));
        for (u64 j = 0; j < 512; ++j) {
            if (!(l3[j] & kPtePresent) || (l3[j] & kPteNoExec)) continue;
            EXPECT(!(l3[j] & kPteHuge));
            if (l3[j] & kPteHuge) continue;
            Pte* l2 = static_cast<Pte*>(phys_to_virt(l3[j] & kPteAddress));
            for (u64 k = 0; k < 512; ++k) {
                if (!(l2[k] & kPtePresent) || (l2[k] & kPteNoExec)) continue;
                EXPECT(!(l2[k] & kPteHuge));
                if (l2[k] & kPteHuge) continue;
                Pte* l1 = static_cast<Pte*>(phys_to_virt(l2[k] & kPteAddress));
                for (u64 l = 0; l < 512; ++l) {
                    if (!(l1[l] & kPtePresent) || (l1[l] & kPteNoExec)) continue;
                    u64 a = 0xffff000000000000 | i << 39 | j << 30 | k << 21 | l << 12;
                    EXPECT(a >= page_down(at(image_start)) && a < at(text_end));
                    EXPECT(!(l1[l] & kPteWrite));
                    ++executable;
                }
            }
        }
    }
    EXPECT(executable > 50);
}

KTEST(KernelMemory, text_and_constants_cannot_be_written) {
    EXPECT(readable(at(text_start)));
    EXPECT(!writable(at(text_start)));
    EXPECT(!writable(at(rodata_start)));
    EXPECT(!writable(at(phys_to_virt(virt_to_phys(text_start)))));
    EXPECT(writable(at(image_end) - 1)); // the end of .bss
}

KTEST(KernelMemory, page_zero_and_holes_are_not_mapped) {
    EXPECT(!readable(0));
    EXPECT(!readable(kPageSize - 1));
    EXPECT(!readable(kDynamicMap));
    EXPECT(!readable(0xffff800000000000));
    EXPECT(!readable(kDirectMap + kDirectMapSize - kPageSize));
}

KTEST_EACH_CPU(KernelMemory, a_stack_has_a_guard_page) {
    u64 stack[3];
    for (u64& s : stack) {
        auto r = alloc_kernel_stack();
        REQUIRE(r.ok());
        s = *r;
        EXPECT(writable(s));
        EXPECT(writable(s + kKernelStackSize - 1));
        EXPECT(!readable(s - 1));
        EXPECT(!readable(s - kPageSize));
    }
    for (u64 s : stack) free_kernel_stack(s);
    EXPECT(!readable(current_thread()->stack_base - 1));
}

// ---- pages -------------------------------------------------------------------------------------------------------------

namespace {

void fill(void* p, u64 bytes, u64 pattern) {
    auto* w = static_cast<u64*>(p);
    for (u64 i = 0; i < bytes / 8; ++i) w[i] = pattern + i;
}
bool holds(const void* p, u64 bytes, u64 pattern) {
    auto* w = static_cast<const u64*>(p);
    for (u64 i = 0; i < bytes / 8; ++i)
        if (w[i] != pattern + i) return false;
    return true;
}

} // namespace

KTEST_EACH_CPU(Pages, blocks_never_overlap_and_all_come_back) {
    struct Block { Page* page; u64 pattern; u8 order; };
    static Block blocks[256];
    memset(blocks, 0, sizeof blocks);
    u64 free_before = free_page_count(), taken = 0;
    for (u32 step = 0; step < 20000; ++step) {
        Block& b = blocks[random_below(256)];
        if (b.page) {
            if (!holds(page_to_virt(b.page), kPageSize << b.order, b.pattern)) return fail(__FILE__, __LINE__, "a block was overwritten");
            taken -= 1ull << b.order;
            put_page(b.page);
            b.page = nullptr;
            continue;
        }
        u32 order = u32(random_below(100) < 80 ? random_below(2) : random_below(6));
        bool zero = random_below(4) == 0;
        auto p = alloc_pages(order, zero);
        if (!p) continue;
        if (page_to_phys(*p) & ((kPageSize << order) - 1)) return fail(__FILE__, __LINE__, "a block is not aligned");
        if (zero)
            for (u64 w = 0; w < (512u << order); ++w)
                if (static_cast<u64*>(page_to_virt(*p))[w]) return fail(__FILE__, __LINE__, "a zeroed block is not zero");
        b = {*p, random(), u8(order)};
        taken += 1ull << order;
        fill(page_to_virt(*p), kPageSize << order, b.pattern);
    }
    for (Block& b : blocks)
        if (b.page) {
            EXPECT(holds(page_to_virt(b.page), kPageSize << b.order, b.pattern));
            put_page(b.page);
        }
    EXPECT(free_page_count() + 64 >= free_before); // others allocate too
}

namespace {

/// Takes every page of the machine, linked through themselves. The number.
u64 take_all(Page*& list) {
    u64 n = 0;
    for (u32 order = kMaxOrder + 1; order-- > 0;)
        for (;;) {
            auto p = alloc_pages(order, false, true);
            if (!p) break;
            (*p)->object.owner = list;
            list = *p;
            n += 1ull << order;
        }
    return n;
}
void give_back(Page*& list) {
    while (Page* p = list) {
        list = static_cast<Page*>(p->object.owner);
        put_page(p);
    }
}

} // namespace

KTEST(Pages, exhausted_memory_is_ENOMEM_and_comes_back) {
    Page* list = nullptr;
    u64 free_before = free_page_count();
    u64 n = take_all(list);
    EXPECT(n + 64 >= free_before);
    for (u32 order = 0; order <= kMaxOrder; ++order) EXPECT_EQ(int(alloc_pages(order, true, true).error()), int(ENOMEM));
    give_back(list);
    EXPECT(free_page_count() + 64 >= free_before);
    // Merged again: the largest blocks are there as before.
    auto big = alloc_pages(kMaxOrder, false);
    EXPECT(big.ok());
    if (big) put_page(*big);
}

KTEST(Pages, beyond_the_largest_order_is_ENOMEM) { EXPECT_EQ(int(alloc_pages(kMaxOrder + 1, false).error()), int(ENOMEM)); }

KTEST(Pages, without_memory_everything_that_needs_it_says_ENOMEM) {
    Page* list = nullptr;
    ProgramMemory m(1);
    MapRequest r;
    r.length = 64 * kPageSize, r.prot = kProtRead | kProtWrite;
    auto hole = space().map(r);
    REQUIRE(hole.ok());
    take_all(list);
    // The heap still has free objects of its slabs: use them up.
    static void* kept[65536];
    u32 count = 0;
    for (size_t size : {3072, 2048, 1536, 1024, 768, 512, 384, 256, 192, 128, 96, 64, 48, 32, 16}) // every class
        while (count < 65536) {
            void* p = kmalloc(size);
            if (!p) break;
            kept[count++] = p;
        }
    EXPECT(count < 65536);
    EXPECT(!kmalloc(8192));
    EXPECT(!kzalloc(100000));
    EXPECT_EQ(int(alloc_page(false).error()), int(ENOMEM));
    bool started = true, forked = true;
    {
        auto t = start_kernel_thread("none", [](void*) {}, nullptr);
        started = t.ok();
        auto copy = space().fork_copy();
        forked = copy.ok();
    }
    EXPECT(!started);
    EXPECT(!forked);
    PageTable table;
    EXPECT_EQ(int(table.init().error()), int(ENOMEM));
    while (count) kfree(kept[--count]);
    give_back(list);
    EXPECT(user_write(*hole, 1).ok());
    EXPECT(space().unmap(*hole, 64 * kPageSize).ok());
    auto t = start_kernel_thread("some", [](void*) {}, nullptr);
    EXPECT(t.ok());
}

// ---- heap --------------------------------------------------------------------------------------------------------------

KTEST_EACH_CPU(Heap, objects_never_overlap_and_all_come_back) {
    struct Object { char* p; u32 size; u8 pattern; };
    static Object objects[1024];
    memset(objects, 0, sizeof objects);
    u64 slabs_before = memory_counters.slab_pages.load();
    auto intact = [](const Object& o) {
        for (u32 i = 0; i < o.size; ++i)
            if (o.p[i] != char(o.pattern + i)) return false;
        return true;
    };
    for (u32 step = 0; step < 60000; ++step) {
        Object& o = objects[random_below(1024)];
        if (o.p) {
            if (!intact(o)) return fail(__FILE__, __LINE__, "an object of %u bytes was overwritten", o.size);
            kfree(o.p);
            o.p = nullptr;
            continue;
        }
        u32 size = u32(random_below(100) < 95 ? 1 + random_below(600) : 1 + random_below(20000));
        bool zero = random_below(8) == 0;
        char* p = static_cast<char*>(zero ? kzalloc(size) : kmalloc(size));
        if (!p) return fail(__FILE__, __LINE__, "no memory");
        if (at(p) & 15) return fail(__FILE__, __LINE__, "an object is not aligned");
        if (size >= 4096 && (at(p) & (kPageSize - 1))) return fail(__FILE__, __LINE__, "a large object is not page-aligned");
        if (zero)
            for (u32 i = 0; i < size; ++i)
                if (p[i]) return fail(__FILE__, __LINE__, "kzalloc is not zero");
        o = {p, size, u8(random())};
        for (u32 i = 0; i < size; ++i) p[i] = char(o.pattern + i);
    }
    for (Object& o : objects)
        if (o.p) {
            EXPECT(intact(o));
            kfree(o.p);
        }
    // A few empty slabs stay.
    EXPECT(memory_counters.slab_pages.load() <= slabs_before + 200);
}

KTEST(Heap, sizes_at_the_edges_of_the_classes) {
    for (size_t size : {0, 1, 15, 16, 17, 511, 512, 513, 1023, 1024, 1025, 3071, 3072, 3073, 4095, 4096, 4097, 65536}) {
        char* p = static_cast<char*>(kmalloc(size));
        EXPECT(p);
        if (!p) continue;
        memset(p, 0x5a, size);
        kfree(p);
    }
    kfree(nullptr);
    EXPECT(!kmalloc(64 * MiB));
}

} // namespace linnet::ktest
