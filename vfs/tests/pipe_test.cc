// Pipes between threads of the simulated machine: bytes arrive once and in order, ends are noticed, writes up to PIPE_BUF are whole.
#include <gtest/gtest.h>

#include <vector>

#include "kernel/host/machine.h"
#include "kernel/mm/accounting.h"
#include "kernel/mm/io_vector.h"
#include "kernel/mm/page.h"
#include "linux-abi/fcntl.h"
#include "vfs/pipe.h"

namespace linnet {
namespace {

int schedules(int n) {
    const char* s = getenv("LINNET_SCHEDULES");
    return s ? atoi(s) : n;
}

class Pipe : public testing::Test {
  protected:
    void SetUp() override { host::boot(4); }
};

size_t put(PipeBuffer& p, const void* from, size_t n, bool nonblock = false) {
    IoVector v = IoVector::kernel(from, n);
    auto r = p.write(v, nonblock, false);
    return r ? *r : size_t(-int(r.error()));
}
size_t get(PipeBuffer& p, void* to, size_t n, bool nonblock = false) {
    IoVector v = IoVector::kernel(to, n);
    auto r = p.read(v, nonblock);
    return r ? *r : size_t(-int(r.error()));
}

TEST_F(Pipe, BytesArriveInOrder) {
    for (int s = 0; s < schedules(60); ++s) {
        host::seed(s);
        constexpr size_t kTotal = 200'000; // more than the pipe holds
        u64 pages = free_page_count();
        size_t got = 0;
        {
            auto pipe = PipeBuffer::make().value();
            pipe->add_end(true, false);
            pipe->add_end(false, true);
            host::spawn(0, [&] {
                std::vector<u8> bytes(20'000);
                for (size_t at = 0; at < kTotal;) {
                    size_t n = 1 + host::random(bytes.size());
                    if (n > kTotal - at) n = kTotal - at;
                    for (size_t i = 0; i < n; ++i) bytes[i] = u8((at + i) * 7);
                    ASSERT_EQ(put(*pipe, bytes.data(), n), n);
                    at += n;
                }
                pipe->drop_end(false, true);
            });
            host::spawn(1 + s % 3, [&] {
                std::vector<u8> bytes(30'000);
                for (;;) {
                    size_t n = get(*pipe, bytes.data(), 1 + host::random(bytes.size()));
                    ASSERT_LE(n, bytes.size());
                    if (!n) break;
                    for (size_t i = 0; i < n; ++i) ASSERT_EQ(bytes[i], u8((got + i) * 7));
                    got += n;
                }
                pipe->drop_end(true, false);
            });
            ASSERT_TRUE(host::run()) << "schedule " << s;
        }
        ASSERT_EQ(got, kTotal);
        ASSERT_EQ(free_page_count(), pages);
    }
}

/// Several writers of records up to PIPE_BUF: no record is torn.
TEST_F(Pipe, SmallWritesAreAtomic) {
    for (int s = 0; s < schedules(200); ++s) {
        host::seed(s, 2);
        auto pipe = PipeBuffer::make().value();
        pipe->add_end(true, false);
        pipe->add_end(false, true);
        std::atomic<int> writers{3};
        for (u32 w = 0; w < 3; ++w)
            host::spawn(w, [&, w] {
                std::vector<u8> record(4096);
                for (int i = 0; i < 12; ++i) {
                    size_t n = 2 + host::random(4095);
                    std::fill(record.begin(), record.end(), u8(w));
                    record[0] = u8(n), record[1] = u8(n >> 8);
                    ASSERT_EQ(put(*pipe, record.data(), n), n);
                }
                if (--writers == 0) pipe->drop_end(false, true);
            });
        host::spawn(3, [&] {
            std::vector<u8> record(4096);
            auto exactly = [&](u8* to, size_t n) {
                for (size_t done = 0; done < n;) {
                    size_t m = get(*pipe, to + done, n - done);
                    if (!m) return false;
                    done += m;
                }
                return true;
            };
            while (exactly(record.data(), 2)) {
                size_t n = record[0] | size_t(record[1]) << 8;
                ASSERT_TRUE(n >= 2 && n <= 4096) << n;
                ASSERT_TRUE(exactly(record.data() + 2, n - 2));
                for (size_t i = 3; i < n; ++i) ASSERT_EQ(record[i], record[2]);
            }
        });
        ASSERT_TRUE(host::run()) << "schedule " << s;
    }
}

TEST_F(Pipe, FullEmptyAndEnds) {
    ASSERT_TRUE(host::run_thread([] {
        auto pipe = PipeBuffer::make().value();
        pipe->add_end(true, false);
        pipe->add_end(false, true);
        std::vector<u8> bytes(100'000, 1);
        EXPECT_EQ(get(*pipe, bytes.data(), 1, true), size_t(-int(EAGAIN)));
        EXPECT_EQ(put(*pipe, bytes.data(), bytes.size(), true), 65536u);
        EXPECT_EQ(put(*pipe, bytes.data(), 1, true), size_t(-int(EAGAIN)));
        EXPECT_EQ(pipe->bytes(), 65536u);
        EXPECT_EQ(pipe->set_capacity(4096).error(), EBUSY);
        EXPECT_EQ(get(*pipe, bytes.data(), 4096, true), 4096u);
        EXPECT_EQ(put(*pipe, bytes.data(), 4097, true), 4096u);
        pipe->drop_end(false, true);
        EXPECT_EQ(get(*pipe, bytes.data(), bytes.size(), true), 65536u);
        EXPECT_EQ(get(*pipe, bytes.data(), 1, false), 0u); // end of file
    }));
}

} // namespace
} // namespace linnet
