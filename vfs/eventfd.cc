#include "vfs/eventfd.h"

#include "linux-abi/fcntl.h"
#include "linux-abi/poll.h"
#include "vfs/inode.h"

namespace linnet {

namespace {

constexpr u64 kMaxCount = ~0ull - 1;

class EventFile final : public File {
  public:
    EventFile(u64 count, u32 flags, Ref<Inode> inode)
        : File(O_RDWR | (flags & O_NONBLOCK)), inode_(std::move(inode)), count_(count), semaphore_(flags & EFD_SEMAPHORE) {}

    Result<size_t> read(IoVector& to, u64&, bool nonblock) override {
        if (to.remaining() < 8) return EINVAL;
        u64 taken = 0;
        auto take = [&] {
            u64 n = count_.load();
            do {
                if (n == 0) return false;
                taken = semaphore_ ? 1 : n;
            } while (!count_.compare_exchange_weak(n, n - taken));
            return true;
        };
        if (!take()) {
            if (nonblock) return EAGAIN;
            if (wait_until(wait_, take) == WaitResult::Interrupted) return kRestartSys;
        }
        wait_.wake_all(kPollOut | kPollWrNorm);
        return to.copy_out(&taken, 8) == 8 ? Result<size_t>(8u) : EFAULT;
    }
    Result<size_t> write(IoVector& from, u64&, bool nonblock) override {
        u64 add;
        if (from.remaining() < 8) return EINVAL;
        if (from.copy_in(&add, 8) != 8) return EFAULT;
        if (add == ~0ull) return EINVAL;
        auto put = [&] {
            u64 n = count_.load();
            do {
                if (n > kMaxCount - add) return false;
            } while (!count_.compare_exchange_weak(n, n + add));
            return true;
        };
        if (!put()) {
            if (nonblock) return EAGAIN;
            if (wait_until(wait_, put) == WaitResult::Interrupted) return kRestartSys;
        }
        if (add) wait_.wake_all(kPollIn | kPollRdNorm);
        return size_t{8};
    }
    u32 poll(PollTable* table) override {
        if (table) table->watch(wait_);
        u64 n = count_.load();
        return (n ? kPollIn | kPollRdNorm : 0) | (n < kMaxCount ? kPollOut | kPollWrNorm : 0);
    }
    void describe(TextBuffer& out) override { out.append("anon_inode:[eventfd]"); }
    Inode& inode() override { return *inode_; }

  private:
    Ref<Inode> inode_;
    std::atomic<u64> count_;
    const bool semaphore_;
    WaitQueue wait_;
};

} // namespace

Result<Ref<File>> make_eventfd(u64 count, u32 flags) {
    Ref<Inode> inode = TRY(make_anonymous_inode(0600));
    return Ref<File>(TRY(make_ref<EventFile>(count, flags, std::move(inode))));
}

} // namespace linnet
