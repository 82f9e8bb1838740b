// What a file does that lacks an operation, and the end of a file's life.
#include "vfs/file.h"

#include "vfs/epoll.h"
#include "vfs/inode.h"

namespace linnet {

Result<size_t> File::read(IoVector&, u64&, bool) { return EINVAL; }
Result<size_t> File::write(IoVector&, u64&, bool) { return EINVAL; }
u64 File::append_position() { return inode().size(); }
u32 File::poll(PollTable*) { return kPollIn | kPollOut | kPollRdNorm | kPollWrNorm; }
Result<i64> File::ioctl(u32, u64) { return ENOTTY; }
Result<Ref<VmObject>> File::mmap_object(u64, u64, u32, u32) { return ENODEV; }
Result<u64> File::seek(i64, int) { return ESPIPE; }
Result<void> File::fsync(bool) { return EINVAL; }
Result<void> File::truncate(u64) { return EINVAL; }
Result<void> File::fallocate(u32, u64, u64) { return ENODEV; }
Result<void> File::read_directory(DirSink&) { return ENOTDIR; }
Result<i64> File::fcntl(u32, u64) { return EINVAL; }
Result<i64> File::bytes_available() { return ENOTTY; }

Result<void> File::set_flags(u32 flags) {
    constexpr u32 kSettable = 02000 | 04000 | 020000 | 040000 | 01000000; // O_APPEND, O_NONBLOCK, O_ASYNC, O_DIRECT, O_NOATIME
    u32 old = flags_.load(std::memory_order_relaxed);
    while (!flags_.compare_exchange_weak(old, (old & ~kSettable) | (flags & kSettable))) {}
    return {};
}

void File::last_ref() {
    if (watchers) [[unlikely]] epoll_forget(*this);
    RcuCounted::last_ref();
}

} // namespace linnet
