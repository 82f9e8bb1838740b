// Split virtqueues against a device that keeps the rules, and one that lies.
#include <gtest/gtest.h>

#include <random>
#include <set>
#include <vector>

#include "drivers/virtio/virtqueue.h"

namespace linnet {
namespace {

struct RawDescriptor { u64 address; u32 length; u16 flags, next; };

/// The device's side of the rings.
struct FakeDevice {
    u16 size;
    u8* base;
    u16 seen = 0;
    explicit FakeDevice(u8* memory, u16 n) : size(n), base(memory) {}
    RawDescriptor& descriptor(u16 i) { return reinterpret_cast<RawDescriptor*>(base)[i]; }
    u16* available() { return reinterpret_cast<u16*>(base + 16ull * size); }
    u16* used() { return reinterpret_cast<u16*>(base + Virtqueue::used_offset(size)); }
    bool has_work() { return seen != available()[1]; }
    u16 take() { return available()[2 + (seen++ & (size - 1))]; }
    void finish(u32 id, u32 length) {
        auto* ring = reinterpret_cast<u32*>(used() + 2);
        u16 at = used()[1];
        ring[2 * (at & (size - 1))] = id;
        ring[2 * (at & (size - 1)) + 1] = length;
        __atomic_store_n(&used()[1], u16(at + 1), __ATOMIC_RELEASE);
    }
};

struct Rings {
    explicit Rings(u16 n) : memory(Virtqueue::ring_bytes(n) + 16), device(memory.data(), n) { queue.attach(memory.data(), 0, n); }
    std::vector<u8> memory;
    Virtqueue queue;
    FakeDevice device;
};

TEST(Virtqueue, ChainHasReadablePartsBeforeWritableOnes) {
    Rings r(8);
    Virtqueue::Buffer b[] = {{0x1000, 12}, {0x2000, 100}, {0x3000, 50}};
    int head = r.queue.add(b, 2, 1, nullptr);
    ASSERT_GE(head, 0);
    EXPECT_EQ(5, r.queue.free_count());
    EXPECT_FALSE(r.device.has_work()) << "not shown before publish";
    EXPECT_TRUE(r.queue.publish());
    ASSERT_TRUE(r.device.has_work());
    u16 d = r.device.take();
    EXPECT_EQ(head, d);
    EXPECT_EQ(1, r.device.descriptor(d).flags);
    d = r.device.descriptor(d).next;
    EXPECT_EQ(0x2000u, r.device.descriptor(d).address);
    EXPECT_EQ(1, r.device.descriptor(d).flags);
    d = r.device.descriptor(d).next;
    EXPECT_EQ(2, r.device.descriptor(d).flags);
    EXPECT_EQ(50u, r.device.descriptor(d).length);
}

TEST(Virtqueue, NoNotificationWhenTheDeviceAsksForNone) {
    Rings r(4);
    r.device.used()[0] = 1;
    Virtqueue::Buffer b{0x1000, 1};
    r.queue.add(&b, 1, 0, nullptr);
    EXPECT_FALSE(r.queue.publish());
}

TEST(Virtqueue, UsedLengthIsCutToWhatTheDeviceMayWrite) {
    Rings r(4);
    Virtqueue::Buffer b[] = {{0x1000, 16}, {0x2000, 64}};
    int head = r.queue.add(b, 1, 1, &r);
    r.queue.publish();
    r.device.finish(u32(head), 0xffffffff);
    Virtqueue::Used used;
    ASSERT_TRUE(r.queue.pop(&used));
    EXPECT_EQ(64u, used.length);
    EXPECT_EQ(&r, used.cookie);
    EXPECT_EQ(4, r.queue.free_count());
}

TEST(Virtqueue, FullQueueRefusesAndRecovers) {
    Rings r(4);
    Virtqueue::Buffer b{0x1000, 1};
    std::vector<int> heads;
    for (int i = 0; i < 4; ++i) heads.push_back(r.queue.add(&b, 1, 0, nullptr));
    EXPECT_EQ(-1, r.queue.add(&b, 1, 0, nullptr));
    r.queue.publish();
    r.device.finish(u32(heads[2]), 0);
    Virtqueue::Used used;
    ASSERT_TRUE(r.queue.pop(&used));
    EXPECT_EQ(heads[2], r.queue.add(&b, 1, 0, nullptr));
}

TEST(Virtqueue, IdentifierOutOfRangeBreaksTheQueueOnly) {
    Rings r(4);
    Virtqueue::Buffer b{0x1000, 1};
    r.queue.add(&b, 1, 0, nullptr);
    r.queue.publish();
    r.device.finish(77, 0);
    Virtqueue::Used used;
    EXPECT_FALSE(r.queue.pop(&used));
    EXPECT_TRUE(r.queue.broken());
    EXPECT_EQ(-1, r.queue.add(&b, 1, 0, nullptr));
}

TEST(Virtqueue, SameIdentifierTwiceBreaksTheQueue) {
    Rings r(4);
    Virtqueue::Buffer b{0x1000, 1};
    int head = r.queue.add(&b, 1, 0, nullptr);
    r.queue.publish();
    r.device.finish(u32(head), 0);
    r.device.finish(u32(head), 0);
    Virtqueue::Used used;
    EXPECT_TRUE(r.queue.pop(&used));
    EXPECT_FALSE(r.queue.pop(&used));
    EXPECT_TRUE(r.queue.broken());
}

TEST(Virtqueue, IndexThatRunsAheadBreaksTheQueue) {
    Rings r(4);
    r.device.used()[1] = 5;
    Virtqueue::Used used;
    EXPECT_FALSE(r.queue.pop(&used));
    EXPECT_TRUE(r.queue.broken());
}

TEST(Virtqueue, DamagedDescriptorsDoNotHurtTheDriver) {
    Rings r(8);
    Virtqueue::Buffer b[] = {{1, 1}, {2, 1}, {3, 1}};
    int head = r.queue.add(b, 3, 0, nullptr);
    r.queue.publish();
    for (u16 i = 0; i < 8; ++i) r.device.descriptor(i) = {~0ull, ~0u, 0xffff, 0xffff};
    r.device.finish(u32(head), 0);
    Virtqueue::Used used;
    ASSERT_TRUE(r.queue.pop(&used));
    EXPECT_EQ(8, r.queue.free_count());
    std::set<int> heads;
    for (int i = 0; i < 8; ++i) heads.insert(r.queue.add(b, 1, 0, nullptr));
    EXPECT_EQ(8u, heads.size());
    EXPECT_EQ(0u, heads.count(-1));
}

TEST(Virtqueue, RandomOrderManyRounds) {
    Rings r(16);
    std::mt19937 random(1);
    std::vector<std::pair<u16, u16>> outstanding; // head, count
    u64 popped = 0;
    for (int round = 0; round < 200000; ++round) {
        if (random() % 2) {
            u32 n = 1 + random() % 4;
            Virtqueue::Buffer b[4] = {{1, 1}, {2, 2}, {3, 3}, {4, 4}};
            int head = r.queue.add(b, n, 0, nullptr);
            EXPECT_EQ(head >= 0, n <= 16u - [&] { u32 s = 0; for (auto& o : outstanding) s += o.second; return s; }());
            if (head >= 0) outstanding.push_back({u16(head), u16(n)});
            r.queue.publish();
        } else if (!outstanding.empty()) {
            size_t i = random() % outstanding.size();
            r.device.finish(outstanding[i].first, 0);
            Virtqueue::Used used;
            ASSERT_TRUE(r.queue.pop(&used));
            EXPECT_EQ(outstanding[i].first, used.head);
            outstanding.erase(outstanding.begin() + long(i));
            ++popped;
        }
    }
    EXPECT_GT(popped, 50000u);
}

} // namespace
} // namespace linnet
