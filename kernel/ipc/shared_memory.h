// System V shared memory: shmget(2), shmat(2), shmctl(2).
#pragma once

#include "kernel/ipc/ipc_object.h"
#include "kernel/mm/paged_object.h"

namespace linnet {

/// A segment is its pages. Its table's lock (rank MiscMutex) guards the rest; it is taken under an address space's.
class ShmSegment final : public PagedObject {
  public:
    ShmSegment(u64 bytes) : PagedObject(bytes), bytes_(bytes) {}
    IpcHeader ipc;
    i64 atime = 0, dtime = 0, ctime = 0;
    i32 cpid = 0, lpid = 0;
    u64 attached = 0; // mappings, and calls of shmat under way

    u64 bytes() const { return bytes_; }
    u64 pages() const { return (bytes_ + kPageSize - 1) >> kPageShift; }
    bool is_segment() const override { return true; }
    void describe(TextBuffer& path, u64* device, u64* inode) override;
    void mapping_added() override;
    void mapping_removed() override;

  private:
    const u64 bytes_;
};

/// EINVAL, ENOSPC, ENOMEM, ENOENT, EEXIST, EACCES
Result<i32> get_segment(i32 key, u64 size, u32 flags);
/// shmat; the address. EINVAL, EACCES, ENOMEM
Result<u64> attach_segment(i32 id, u64 address, u32 flags);
/// shmdt. EINVAL
Result<void> detach_segment(u64 address);
/// IPC_STAT, SHM_STAT, SHM_STAT_ANY; the identifier. EINVAL, EACCES
Result<i32> stat_segment(i32 id, int command, abi::ShmidDs& out);
/// EINVAL, EPERM
Result<void> set_segment(i32 id, const abi::ShmidDs& ds);
Result<void> remove_segment(i32 id);
Result<void> lock_segment(i32 id, bool locked);
/// SHM_INFO; the highest index in use.
i32 segment_usage(abi::ShmUsage& out);

} // namespace linnet
