// Address spaces: random operations against a model of each page, fork, the limits of mmap's family.
#include <gtest/gtest.h>

#include <random>

#include "kernel/host/machine.h"
#include "kernel/mm/accounting.h"
#include "kernel/mm/address_space.h"
#include "kernel/mm/paged_object.h"

namespace linnet {
namespace {

constexpr u64 kBase = 0x100000000, kWindow = 96; // pages

struct Model {
    struct Page { bool mapped = false; u32 prot = 0; u8 value = 0; };
    Page pages[kWindow];
};

class Space : public testing::Test {
  protected:
    void SetUp() override {
        host::boot(4);
        before_ = used();
    }
    void TearDown() override {
        // The zero page of all reads stays; all else has gone back.
        EXPECT_LE(used(), before_ + 1);
        EXPECT_EQ(memory_counters.anon_pages, 0u);
        EXPECT_EQ(memory_counters.page_table_pages, 0u);
    }
    static u64 used() { return total_page_count() - free_page_count(); }
    u64 before_;
};

MapRequest fixed(u64 page, u64 pages, u32 prot) {
    MapRequest r;
    r.addr = kBase + page * kPageSize;
    r.length = pages * kPageSize;
    r.prot = prot;
    r.fixed = true;
    return r;
}

void compare(AddressSpace& s, const Model& m, u64 seed, int step) {
    u64 mapped = 0, page = 0;
    for (auto& p : m.pages) mapped += p.mapped;
    ASSERT_EQ(s.virtual_pages(), mapped) << "seed " << seed << " step " << step;
    ASSERT_LE(s.resident_pages() + s.resident_file_pages(), mapped);
    u64 last = 0;
    s.for_each_vma([&](const Vma& v) {
        EXPECT_GE(v.start, last);
        EXPECT_LT(v.start, v.end);
        last = v.end;
        for (u64 a = v.start; a < v.end; a += kPageSize) {
            page = (a - kBase) >> kPageShift;
            EXPECT_TRUE(page < kWindow && m.pages[page].mapped && m.pages[page].prot == v.prot)
                << "seed " << seed << " step " << step << " page " << page;
        }
        return true;
    });
    for (u64 i = 0; i < kWindow; ++i) {
        u8 byte = 0xee;
        size_t n = s.peek(kBase + i * kPageSize + 5, &byte, 1);
        ASSERT_EQ(n, m.pages[i].mapped && m.pages[i].prot ? 1u : 0u) << "seed " << seed << " step " << step << " page " << i;
        if (n) ASSERT_EQ(byte, m.pages[i].value) << "seed " << seed << " step " << step << " page " << i;
    }
}

void random_step(AddressSpace& s, Model& m, std::mt19937_64& r) {
    static const u32 prots[] = {0, kProtRead, kProtRead | kProtWrite, kProtRead | kProtWrite, kProtRead | kProtExec, 7};
    u64 at = r() % kWindow, n = 1 + r() % 12;
    if (at + n > kWindow) n = kWindow - at;
    u32 prot = prots[r() % 6];
    u64 addr = kBase + at * kPageSize;
    switch (r() % 10) {
    case 0:
    case 1:
        ASSERT_TRUE(s.map(fixed(at, n, prot)));
        for (u64 i = at; i < at + n; ++i) m.pages[i] = {true, prot, 0};
        break;
    case 2:
        ASSERT_TRUE(s.unmap(addr, n * kPageSize));
        for (u64 i = at; i < at + n; ++i) m.pages[i] = {};
        break;
    case 3: {
        auto done = s.protect(addr, n * kPageSize, prot);
        u64 i = at;
        for (; i < at + n && m.pages[i].mapped; ++i) m.pages[i].prot = prot; // up to the first hole
        ASSERT_EQ(done.ok(), i == at + n);
        if (!done) ASSERT_EQ(done.error(), ENOMEM);
        break;
    }
    case 4:
        (void)s.advise(addr, n * kPageSize, 4); // MADV_DONTNEED
        for (u64 i = at; i < at + n; ++i) m.pages[i].value = 0;
        break;
    case 5: { // a move
        u64 to = r() % kWindow;
        if (to + n > kWindow || (to < at + n && at < to + n)) break;
        bool whole = true;
        for (u64 i = at; i < at + n; ++i) whole &= m.pages[i].mapped && m.pages[i].prot == m.pages[at].prot;
        auto moved = s.remap(addr, n * kPageSize, n * kPageSize, 3, kBase + to * kPageSize, ~0ull); // MAYMOVE | FIXED
        if (!moved) break;
        ASSERT_TRUE(whole);
        for (u64 i = 0; i < n; ++i) {
            m.pages[to + i] = m.pages[at + i];
            m.pages[at + i] = {};
        }
        break;
    }
    default: {
        u8 v = u8(1 + r() % 255);
        bool may = m.pages[at].mapped && (m.pages[at].prot & kProtWrite);
        ASSERT_EQ(s.poke(addr + 5, &v, 1), may ? 1u : 0u);
        if (may) m.pages[at].value = v;
    }
    }
}

TEST_F(Space, RandomOperationsAsTheModel) {
    for (u64 seed = 1; seed <= 30; ++seed) {
        std::mt19937_64 r(seed);
        auto s = AddressSpace::create().value();
        Model m;
        for (int step = 0; step < 400; ++step) {
            random_step(*s, m, r);
            if (HasFatalFailure()) return;
            if (step % 16 == 0) compare(*s, m, seed, step);
            if (HasFailure()) return;
        }
    }
}

TEST_F(Space, ForksAreIndependent) {
    for (u64 seed = 1; seed <= 20; ++seed) {
        std::mt19937_64 r(seed);
        struct One { Ref<AddressSpace> space; Model model; };
        std::vector<One> all(1);
        all[0].space = AddressSpace::create().value();
        for (int step = 0; step < 500; ++step) {
            if (r() % 50 == 0 && all.size() < 5) {
                One child;
                One& parent = all[r() % all.size()];
                child.space = parent.space->fork_copy().value();
                child.model = parent.model;
                all.push_back(std::move(child));
            } else if (r() % 60 == 0 && all.size() > 1) {
                all.erase(all.begin() + r() % all.size());
            }
            One& one = all[r() % all.size()];
            random_step(*one.space, one.model, r);
            if (step % 40 == 0)
                for (One& o : all) compare(*o.space, o.model, seed, step);
            if (HasFailure()) return;
        }
    }
}

TEST_F(Space, Limits) {
    auto s = AddressSpace::create().value();
    MapRequest r;
    EXPECT_EQ(s->map(r).error(), EINVAL);
    r.length = ~0ull;
    EXPECT_EQ(s->map(r).error(), ENOMEM);
    r.length = kUserEnd + kPageSize;
    EXPECT_EQ(s->map(r).error(), ENOMEM);
    r = fixed(0, 1, 3);
    r.addr = kUserEnd;
    EXPECT_EQ(s->map(r).error(), ENOMEM);
    r.addr = 0;
    EXPECT_EQ(s->map(r).error(), EPERM);
    r.addr = kBase + 1;
    EXPECT_EQ(s->map(r).error(), EINVAL);
    r = fixed(0, 2, 3);
    ASSERT_TRUE(s->map(r));
    r.fixed = false, r.no_replace = true;
    EXPECT_EQ(s->map(r).error(), EEXIST);
    EXPECT_EQ(s->unmap(kBase + 1, kPageSize).error(), EINVAL);
    EXPECT_EQ(s->unmap(kBase, 0).error(), EINVAL);
    EXPECT_EQ(s->unmap(kBase, ~0ull).error(), EINVAL);
    EXPECT_EQ(s->protect(kBase, ~0ull - kBase, 1).error(), ENOMEM);
    EXPECT_EQ(s->remap(kBase, kPageSize, 0, 0, 0, ~0ull).error(), EINVAL);
    EXPECT_EQ(s->remap(kBase, 3 * kPageSize, kPageSize, 0, 0, ~0ull).error(), EFAULT);
    EXPECT_EQ(s->handle_fault(0, FaultAccess::Read), FaultOutcome::NoMapping);
    EXPECT_EQ(s->handle_fault(~0ull, FaultAccess::Write), FaultOutcome::NoMapping);
    EXPECT_EQ(s->handle_fault(kBase, FaultAccess::Exec), FaultOutcome::BadAccess);
    s->address_limit = 4 * kPageSize;
    r = fixed(8, 3, 3);
    EXPECT_EQ(s->map(r).error(), ENOMEM);
    EXPECT_EQ(s->virtual_pages(), 2u);
}

TEST_F(Space, StackGrowsToItsLimitAndKeepsItsDistance) {
    auto s = AddressSpace::create().value();
    s->stack_limit = MiB;
    MapRequest r = fixed(0, 4, 3);
    r.addr = kBase + 16 * MiB;
    r.vma_flags = kVmaGrowsDown;
    ASSERT_TRUE(s->map(r));
    u64 top = kBase + 16 * MiB + 4 * kPageSize;
    u8 v = 1;
    EXPECT_EQ(s->poke(top - MiB, &v, 1), 1u);
    EXPECT_EQ(s->virtual_pages(), MiB / kPageSize);
    EXPECT_EQ(s->poke(top - MiB - 1, &v, 1), 0u);
}

/// A growing mapping of an object is no stack: a fault below it leaves it as it is.
TEST_F(Space, GrowsDownMappingOfAnObjectDoesNotGrow) {
    auto s = AddressSpace::create().value();
    MapRequest r = fixed(0, 4, 3);
    r.addr = kBase + 16 * MiB;
    r.vma_flags = kVmaGrowsDown;
    r.object = make_ref<PagedObject>(4 * kPageSize).value();
    ASSERT_TRUE(s->map(r));
    EXPECT_EQ(s->handle_fault(kBase + 16 * MiB - kPageSize, FaultAccess::Write), FaultOutcome::NoMapping);
    s->for_each_vma([](const Vma& v) {
        EXPECT_EQ(v.start, kBase + 16 * MiB);
        return true;
    });
    EXPECT_EQ(s->virtual_pages(), 4u);
    ASSERT_TRUE(s->unmap(kBase + 16 * MiB, 4 * kPageSize));
    EXPECT_EQ(s->virtual_pages(), 0u);
}

TEST_F(Space, ObjectsSharedAndPrivate) {
    auto object = make_ref<PagedObject>(8 * kPageSize).value();
    auto a = AddressSpace::create().value(), b = AddressSpace::create().value();
    MapRequest r = fixed(0, 8, 3);
    r.object = object;
    r.vma_flags = kVmaShared | kVmaMayWrite;
    ASSERT_TRUE(a->map(r));
    r.vma_flags = 0;
    ASSERT_TRUE(b->map(r));
    u8 v = 7, seen = 0;
    EXPECT_EQ(a->poke(kBase + 9, &v, 1), 1u);
    EXPECT_EQ(b->peek(kBase + 9, &seen, 1), 1u);
    EXPECT_EQ(seen, 7);
    v = 9;
    EXPECT_EQ(b->poke(kBase + 9, &v, 1), 1u); // its own copy
    EXPECT_EQ(a->peek(kBase + 9, &seen, 1), 1u);
    EXPECT_EQ(seen, 7);
    ASSERT_TRUE(object->resize_object(kPageSize));
    EXPECT_EQ(a->handle_fault(kBase + kPageSize, FaultAccess::Read), FaultOutcome::BeyondEnd);
    ASSERT_TRUE(object->resize_object(0)); // truncate takes private copies too
    EXPECT_EQ(b->peek(kBase + 9, &seen, 1), 0u);
}

/// Faults, unmapping and forks in one space from several CPUs.
TEST_F(Space, SeveralCpus) {
    int schedules = getenv("LINNET_SCHEDULES") ? atoi(getenv("LINNET_SCHEDULES")) : 200;
    for (int n = 0; n < schedules; ++n) {
        host::seed(n, 2);
        auto s = AddressSpace::create().value();
        for (u32 c = 0; c < 4; ++c)
            host::spawn(c, [&, c] {
                for (int i = 0; i < 8; ++i) {
                    u64 page = host::random(16), pages = 1 + host::random(4);
                    u8 v = u8(c);
                    switch (host::random(5)) {
                    case 0: ASSERT_TRUE(s->map(fixed(page, pages, 3))); break;
                    case 1: ASSERT_TRUE(s->unmap(kBase + page * kPageSize, pages * kPageSize)); break;
                    case 2: (void)s->protect(kBase + page * kPageSize, pages * kPageSize, 1); break;
                    case 3: {
                        auto child = s->fork_copy();
                        ASSERT_TRUE(child);
                        (void)(*child)->poke(kBase + page * kPageSize, &v, 1);
                        break;
                    }
                    default: (void)s->poke(kBase + page * kPageSize, &v, 1);
                    }
                }
            });
        ASSERT_TRUE(host::run()) << "schedule " << n;
    }
}

} // namespace
} // namespace linnet
