// kernel/lib: formatting, list, tree, vector, references, text.
#include <gtest/gtest.h>

#include <map>
#include <random>

#include "kernel/host/machine.h"
#include "kernel/lib/format.h"
#include "kernel/lib/list.h"
#include "kernel/lib/proc_file.h"
#include "kernel/lib/ref.h"
#include "kernel/lib/tree.h"
#include "kernel/lib/vec.h"

namespace linnet {
namespace {

template <class... A>
void same_as_libc(const char* f, A... args) {
    char ours[256], libc[256];
    size_t n = format(ours, sizeof ours, f, args...);
    int m = snprintf(libc, sizeof libc, f, args...);
    EXPECT_EQ(n, size_t(m)) << f;
    EXPECT_STREQ(ours, libc) << f;
    for (size_t size : {0, 1, 2, 5}) { // cut
        char a[8] = "zzzzzzz", b[8] = "zzzzzzz";
        EXPECT_EQ(format(a, size, f, args...), size_t(m));
        snprintf(b, size, f, args...);
        EXPECT_EQ(memcmp(a, b, 8), 0) << f << " in " << size;
    }
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-security"
#pragma GCC diagnostic ignored "-Wformat"
TEST(Format, AsLibc) {
    for (int v : {0, 1, -1, 42, -1234567, INT32_MAX, INT32_MIN})
        for (const char* f : {"%d", "%5d", "%-5d|", "%05d", "%+d", "% d", "%i", "%.3d", "%8.3d", "%hhd", "%hd"}) same_as_libc(f, v);
    for (unsigned v : {0u, 1u, 255u, 0xdeadbeefu, ~0u})
        for (const char* f : {"%u", "%x", "%X", "%o", "%08x", "%#x", "%#X", "%-12x|", "%hhx", "%.6x"}) {
            if (v == 0 && f[1] == '#') continue;
            same_as_libc(f, v);
        }
    for (long v : {0l, INT64_MAX, INT64_MIN, -1l})
        for (const char* f : {"%ld", "%lu", "%lx", "%20ld", "%-25ld|", "%zd", "%jd"}) same_as_libc(f, v);
    for (const char* s : {"", "a", "hello world"})
        for (const char* f : {"%s", "%5s", "%-5s|", "%.3s", "%8.3s", "<%s>"}) same_as_libc(f, s);
    same_as_libc("%*d|%-*d|%.*s", 6, 42, 6, 42, 2, "abc");
    same_as_libc("%c%5c%-3c|%%", 'a', 'b', 'c');
}
#pragma GCC diagnostic pop

TEST(Format, TextBufferCutsAndSaysSo) {
    char room[8];
    TextBuffer t(room, sizeof room);
    t.append("%s", "abc");
    EXPECT_FALSE(t.truncated());
    t.put("defgh", 5);
    EXPECT_TRUE(t.truncated());
    EXPECT_STREQ(t.c_str(), "abcdefg");
    t.append("%d", 5);
    EXPECT_STREQ(t.c_str(), "abcdefg");
    t.clear();
    EXPECT_EQ(t.length(), 0u);
    EXPECT_FALSE(t.truncated());
    TextBuffer none(nullptr, 0);
    none.put('x');
    none.append("%d", 3);
    EXPECT_EQ(none.length(), 0u);
}

struct Item { u64 key = 0; TreeNode node; ListNode link; };
using Items = Tree<Item, &Item::node, &Item::key>;

TEST(Tree, AsStdMap) {
    std::mt19937_64 r(1);
    for (int round = 0; round < 20; ++round) {
        Items tree;
        std::map<u64, Item*> model;
        for (int step = 0; step < 2000; ++step) {
            u64 k = r() % 300;
            auto at = model.find(k);
            if (r() % 2) {
                auto* i = new Item;
                i->key = k;
                bool fresh = tree.insert(*i);
                ASSERT_EQ(fresh, at == model.end());
                if (fresh) model[k] = i;
                else delete i;
            } else if (at != model.end()) {
                tree.remove(*at->second);
                ASSERT_FALSE(at->second->node.in_tree);
                delete at->second;
                model.erase(at);
            }
            ASSERT_EQ(tree.size(), model.size());
            u64 q = r() % 310;
            auto low = model.lower_bound(q), high = model.upper_bound(q);
            ASSERT_EQ(tree.lower_bound(q), low == model.end() ? nullptr : low->second);
            ASSERT_EQ(tree.floor(q), high == model.begin() ? nullptr : std::prev(high)->second);
            ASSERT_EQ(tree.find(q), model.count(q) ? model[q] : nullptr);
        }
        Item* e = tree.first();
        for (auto& [k, i] : model) {
            ASSERT_EQ(e, i);
            Item* next = tree.next(*e);
            if (next) ASSERT_EQ(tree.prev(*next), e);
            e = next;
        }
        ASSERT_EQ(e, nullptr);
        for (auto& [k, i] : model) tree.remove(*i), delete i;
        ASSERT_TRUE(tree.empty());
    }
}

TEST(List, OrderAndUnlink) {
    Item items[5];
    List<Item, &Item::link> list, other;
    for (u64 i = 0; i < 5; ++i) items[i].key = i;
    list.push_back(items[1]);
    list.push_front(items[0]);
    list.push_back(items[3]);
    list.insert_before(items[3], items[2]);
    other.push_back(items[4]);
    list.splice_back(other);
    EXPECT_TRUE(other.empty());
    u64 want = 0;
    for (Item& i : list) EXPECT_EQ(i.key, want++);
    EXPECT_EQ(want, 5u);
    list.remove(items[2]);
    list.remove(items[2]); // harmless
    EXPECT_EQ(list.next(items[1]), &items[3]);
    EXPECT_EQ(list.next(items[4]), nullptr);
    EXPECT_EQ(list.back(), &items[4]);
    while (list.pop_front()) {}
    EXPECT_TRUE(list.empty());
}

struct Counted : RefCounted {
    static inline int alive = 0;
    Counted() { ++alive; }
    ~Counted() override { --alive; }
};
struct Derived : Counted { int v = 7; };

TEST(Ref, CountsAndConverts) {
    {
        Ref<Derived> d = make_ref<Derived>().value();
        Ref<Counted> c = d;
        EXPECT_EQ(d->ref_count(), 2u);
        Ref<Counted> moved = std::move(c);
        EXPECT_FALSE(c);
        EXPECT_EQ(d->ref_count(), 2u);
        EXPECT_TRUE(d->try_add_ref());
        Ref<Derived>::adopt(d.get());
        EXPECT_EQ(d->ref_count(), 2u);
        d = d;
        moved = nullptr;
        EXPECT_EQ(d->ref_count(), 1u);
    }
    EXPECT_EQ(Counted::alive, 0);
    auto o = make_owned<Counted>().value();
    Owned<Counted> p = std::move(o);
    EXPECT_FALSE(o);
    p.reset();
    EXPECT_EQ(Counted::alive, 0);
    host::heap_allocations_left = 0;
    EXPECT_EQ(make_ref<Counted>().error(), ENOMEM);
    host::heap_allocations_left = -1;
}

TEST(Vec, GrowsMovesAndFails) {
    long before = host::heap_objects();
    {
        Vec<Ref<Counted>> v;
        for (int i = 0; i < 100; ++i) ASSERT_TRUE(v.push_back(make_ref<Counted>().value()));
        EXPECT_EQ(Counted::alive, 100);
        v.erase(0);
        v.pop_back();
        EXPECT_EQ(Counted::alive, 98);
        ASSERT_TRUE(v.resize(10));
        EXPECT_EQ(Counted::alive, 10);
        ASSERT_TRUE(v.resize(12));
        EXPECT_FALSE(v[11]);
        host::heap_allocations_left = 0;
        EXPECT_EQ(v.reserve(100000).error(), ENOMEM);
        host::heap_allocations_left = -1;
        EXPECT_EQ(v.size(), 12u);
    }
    EXPECT_EQ(Counted::alive, 0);
    EXPECT_EQ(host::heap_objects(), before);
}

TEST(Vec, SmallStepsDoNotCopyEverythingEachTime) {
    struct Moved {
        int* moves = nullptr;
        Moved() = default;
        Moved(Moved&& o) noexcept : moves(o.moves) { if (moves) ++*moves; }
    };
    int moves = 0;
    Vec<Moved> v;
    for (size_t n = 1; n <= 4096; ++n) {
        ASSERT_TRUE(v.resize(n));
        v[n - 1].moves = &moves;
    }
    EXPECT_LT(moves, 2 * 4096);
    // The first room is exact, and reserve() always: 3 allocations for these.
    Vec<u8> exact;
    host::heap_allocations_left = 3;
    ASSERT_TRUE(exact.resize(100));
    ASSERT_TRUE(exact.reserve(101));
    EXPECT_EQ(host::heap_allocations_left, 1);
    ASSERT_TRUE(exact.resize(102));
    EXPECT_EQ(host::heap_allocations_left, 0);
    ASSERT_TRUE(exact.resize(202));
    EXPECT_FALSE(exact.resize(203)) << "twice 101";
    EXPECT_EQ(exact.size(), 202u);
    host::heap_allocations_left = -1;
}

TEST(ProcText, NumbersAndGrowth) {
    auto number = [](const char* s) { return parse_proc_number(s, strlen(s)); };
    EXPECT_EQ(*number("12"), 12);
    EXPECT_EQ(*number("  -7\n"), -7);
    EXPECT_EQ(*number("9223372036854775807"), INT64_MAX);
    for (const char* bad : {"", " ", "-", "1x", "x", "1 2", "9223372036854775808", "--1"}) EXPECT_EQ(number(bad).error(), EINVAL) << bad;
    GrowingText t;
    for (int i = 0; i < 1000; ++i) t.append("%d,", i);
    EXPECT_FALSE(t.failed());
    EXPECT_EQ(t.size(), 3890u);
    host::heap_allocations_left = 0;
    for (int i = 0; i < 1000; ++i) t.append("%d,", i);
    host::heap_allocations_left = -1;
    EXPECT_TRUE(t.failed());
}

} // namespace
} // namespace linnet
