#include "kernel/mm/user_segments.h"

namespace linnet {

Result<void> UserSegments::copy_in(u64 address, u64 count, Errno too_many) {
    if (count > kMaxSegments) return too_many;
    if (count > kSmall) {
        auto* memory = static_cast<IoSegment*>(kmalloc(count * sizeof(IoSegment)));
        if (!memory) return ENOMEM;
        segments_ = memory;
    }
    static_assert(sizeof(IoSegment) == 16); // as struct iovec
    if (count) TRY(copy_from_user(segments_, address, count * sizeof(IoSegment)));
    u64 total = 0;
    for (size_t i = 0; i < count; ++i) {
        IoSegment& s = segments_[i];
        if (static_cast<i64>(s.length) < 0) return EINVAL;
        if (!user_range_ok(s.base, s.length)) return EFAULT;
        // As Linux: what goes beyond the most that a call moves is cut off.
        if (s.length > kMaxTransfer - total) s.length = kMaxTransfer - total;
        total += s.length;
    }
    count_ = count;
    return {};
}

} // namespace linnet
