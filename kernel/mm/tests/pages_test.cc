// The buddy allocator and the heap as they are in the kernel, and both from several CPUs.
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <vector>

#include "kernel/host/machine.h"
#include "kernel/lib/ref.h"
#include "kernel/mm/accounting.h"
#include "kernel/mm/page.h"
#include "kernel/sched/scheduler.h"

namespace linnet {
namespace {

class Pages : public testing::Test {
  protected:
    void SetUp() override { host::boot(4); }
};

TEST_F(Pages, BlocksAreAlignedDisjointAndComeBack) {
    std::mt19937_64 r(7);
    u64 before = free_page_count();
    std::map<PhysAddr, std::pair<Page*, u32>> held; // start -> block, order
    for (int step = 0; step < 20000; ++step) {
        if (held.empty() || r() % 5 < 3) {
            u32 order = r() % 8 ? r() % 4 : r() % (kMaxOrder + 1);
            auto p = alloc_pages(order, r() % 2);
            if (!p) {
                ASSERT_EQ(p.error(), ENOMEM);
                continue;
            }
            PhysAddr a = page_to_phys(*p);
            ASSERT_EQ(a & ((kPageSize << order) - 1), 0u);
            ASSERT_EQ(phys_to_page(a), *p);
            ASSERT_EQ(virt_to_phys(page_to_virt(*p)), a);
            auto next = held.lower_bound(a);
            if (next != held.end()) ASSERT_LE(a + (kPageSize << order), next->first);
            if (next != held.begin()) {
                auto prev = std::prev(next);
                ASSERT_LE(prev->first + (kPageSize << prev->second.second), a);
            }
            held[a] = {*p, order};
            if (held.size() > 1500) step -= 1, put_page(held.begin()->second.first), held.erase(held.begin());
        } else {
            auto at = held.lower_bound(r() % (64 * MiB));
            if (at == held.end()) at = held.begin();
            put_page(at->second.first);
            held.erase(at);
        }
        if (step % 1000 == 0) {
            u64 sum = 0;
            for (auto& [a, b] : held) sum += 1ull << b.second;
            ASSERT_EQ(free_page_count() + sum, before);
        }
    }
    for (auto& [a, b] : held) put_page(b.first);
    EXPECT_EQ(free_page_count(), before);
}

TEST_F(Pages, ZeroedIsZeroAndReferencesCount) {
    for (int i = 0; i < 100; ++i) {
        Page* p = alloc_pages(2, true).value();
        auto* b = static_cast<unsigned char*>(page_to_virt(p));
        for (u64 n = 0; n < 4 * kPageSize; ++n) ASSERT_EQ(b[n], 0);
        memset(b, 0xff, 4 * kPageSize);
        get_page(p);
        u64 before = free_page_count();
        put_page(p);
        ASSERT_EQ(free_page_count(), before);
        put_page(p);
        ASSERT_EQ(free_page_count(), before + 4);
    }
}

TEST_F(Pages, ExhaustionAndMerging) {
    u64 before = free_page_count();
    std::vector<Page*> all;
    for (;;) {
        auto p = alloc_page(false);
        if (!p) {
            EXPECT_EQ(p.error(), ENOMEM);
            break;
        }
        all.push_back(*p);
    }
    // What other CPUs keep for themselves is theirs.
    EXPECT_LE(free_page_count(), 3 * 64u);
    EXPECT_EQ(all.size() + free_page_count(), before);
    EXPECT_EQ(alloc_pages(kMaxOrder + 1, false).error(), ENOMEM);
    std::shuffle(all.begin(), all.end(), std::mt19937(3));
    for (Page* p : all) put_page(p);
    EXPECT_EQ(free_page_count(), before);
    // Single pages have become large blocks again.
    std::vector<Page*> large;
    for (u64 got = 0; got + 2048 < before; got += 1024) {
        auto p = alloc_pages(kMaxOrder, false);
        if (!p) break;
        large.push_back(*p);
    }
    EXPECT_GE(large.size() * 1024, before - 4096);
    for (Page* p : large) put_page(p);
    EXPECT_EQ(free_page_count(), before);
}

TEST_F(Pages, AddressesThatAreNoMemory) {
    EXPECT_EQ(phys_to_page(64 * MiB), nullptr);
    EXPECT_EQ(phys_to_page(~0ull), nullptr);
}

TEST_F(Pages, HeapObjectsAreAlignedAndDisjoint) {
    std::mt19937_64 r(11);
    u64 slabs = memory_counters.slab_pages;
    struct Block { u8* p; size_t n; u8 fill; };
    std::vector<Block> held;
    for (int step = 0; step < 30000; ++step) {
        if (held.empty() || (held.size() < 3000 && r() % 2)) {
            size_t n = r() % 50 ? r() % 600 : r() % 20000;
            auto* p = static_cast<u8*>(kmalloc(n));
            ASSERT_NE(p, nullptr);
            ASSERT_EQ(reinterpret_cast<u64>(p) % 16, 0u);
            if (n >= 4096) ASSERT_EQ(reinterpret_cast<u64>(p) % 4096, 0u);
            u8 fill = u8(r());
            memset(p, fill, n);
            held.push_back({p, n, fill});
        } else {
            size_t i = r() % held.size();
            Block b = held[i];
            for (size_t k = 0; k < b.n; ++k) ASSERT_EQ(b.p[k], b.fill);
            kfree(b.p);
            held[i] = held.back();
            held.pop_back();
        }
    }
    for (Block& b : held) kfree(b.p);
    kfree(nullptr);
    EXPECT_LE(memory_counters.slab_pages, slabs + 15 * 2 * 8); // at most two empty slabs a class stay
    EXPECT_EQ(kmalloc(64 * MiB), nullptr);
    auto* z = static_cast<u8*>(kzalloc(3000));
    for (int i = 0; i < 3000; ++i) ASSERT_EQ(z[i], 0);
    kfree(z);
}

TEST_F(Pages, HeapOutOfMemory) {
    std::vector<Page*> all;
    for (auto p = alloc_page(false); p; p = alloc_page(false)) all.push_back(*p);
    std::vector<void*> objects;
    while (void* p = kmalloc(512)) objects.push_back(p); // what slabs still have
    EXPECT_EQ(kmalloc(8192), nullptr);
    for (void* p : objects) kfree(p);
    for (Page* p : all) put_page(p);
    void* p = kmalloc(512);
    EXPECT_NE(p, nullptr);
    kfree(p);
}

TEST_F(Pages, SeveralCpus) {
    u64 before = 0;
    for (int s = 0; s < host::schedules(1000); ++s) {
        host::seed(s, 2);
        for (u32 c = 0; c < 4; ++c)
            host::spawn(c, [c] {
                std::pair<u8*, size_t> objects[8] = {};
                Page* pages[4] = {};
                for (int i = 0; i < 30; ++i) {
                    auto& [p, n] = objects[host::random(8)];
                    if (p) {
                        EXPECT_EQ(p[0], u8(c));
                        EXPECT_EQ(p[n - 1], u8(c));
                        kfree(p);
                        p = nullptr;
                    } else {
                        n = 1 + host::random(900);
                        p = static_cast<u8*>(kmalloc(n));
                        ASSERT_NE(p, nullptr);
                        p[0] = p[n - 1] = u8(c);
                    }
                    Page*& page = pages[host::random(4)];
                    if (page) put_page(page), page = nullptr;
                    else page = alloc_pages(u32(host::random(3)), false).value();
                }
                for (auto& [p, n] : objects) kfree(p);
                for (Page* p : pages)
                    if (p) put_page(p);
            });
        ASSERT_TRUE(host::run());
        u64 now = free_page_count() + memory_counters.slab_pages;
        if (before) ASSERT_EQ(now, before) << "schedule " << s;
        before = now;
    }
}

/// Objects and pages change hands: taken on one CPU, given back on another, by threads that move. Large blocks make CPUs give
/// back what they keep.
TEST_F(Pages, FreedOnAnotherCpu) {
    struct Object { size_t size; u8 fill; u8 bytes[]; };
    constexpr u64 kSlots = 6;
    u64 before = 0;
    for (int s = 0; s < host::schedules(2000); ++s) {
        host::seed(s, 1 + s % 3);
        std::atomic<Object*> objects[kSlots] = {};
        std::atomic<Page*> pages[kSlots] = {};
        auto drop = [](Object* o) {
            if (!o) return;
            for (size_t i = 0; i < o->size; i += 64) EXPECT_EQ(o->bytes[i], o->fill);
            kfree(o);
        };
        for (u32 n = 0; n < 5; ++n)
            host::spawn_on(0xf, [&] {
                for (int i = 0; i < 20; ++i) {
                    if (host::random(4) == 0) {
                        (void)set_affinity(*current_thread(), 1 + host::random(15));
                        cond_resched();
                    }
                    size_t size = 1 + host::random(host::random(8) ? 400 : 4000);
                    auto* o = static_cast<Object*>(kmalloc(sizeof(Object) + size));
                    ASSERT_NE(o, nullptr);
                    o->size = size, o->fill = u8(host::random(256)); // plain: the slot gives the order
                    memset(o->bytes, o->fill, size);
                    drop(objects[host::random(kSlots)].exchange(o));
                    Page* p = alloc_pages(host::random(6) ? 0 : u32(host::random(4)), false).value();
                    *static_cast<u64*>(page_to_virt(p)) = page_to_phys(p);
                    if (Page* old = pages[host::random(kSlots)].exchange(p)) {
                        EXPECT_EQ(*static_cast<u64*>(page_to_virt(old)), page_to_phys(old));
                        put_page(old);
                    }
                    if (host::random(3) == 0) (void)memory_stats();
                    host_interleave();
                }
            });
        ASSERT_TRUE(host::run()) << "schedule " << s;
        for (auto& o : objects) drop(o.load());
        for (auto& p : pages)
            if (Page* page = p.load()) put_page(page);
        u64 now = free_page_count() + memory_counters.slab_pages;
        if (before) ASSERT_EQ(now, before) << "schedule " << s;
        before = now;
    }
}

} // namespace
} // namespace linnet
