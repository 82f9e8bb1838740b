// User and group IDs and capabilities of a thread. Immutable once shared: changing means a new object.
#pragma once

#include "kernel/sync/rcu.h"

namespace linnet {

class Credentials : public RcuCounted {
  public:
    u32 uid = 0, euid = 0, suid = 0, fsuid = 0;
    u32 gid = 0, egid = 0, sgid = 0, fsgid = 0;
    static constexpr u32 kMaxGroups = 65536; // NGROUPS_MAX
    u32 group_count = 0;                     // supplementary groups
    u32* groups = nullptr;                   // ascending
    u64 cap_permitted = ~0ull >> 23, cap_effective = ~0ull >> 23, cap_inheritable = 0, cap_bounding = ~0ull >> 23, cap_ambient = 0;
    u32 securebits = 0;

    bool in_group(u32 g) const {
        if (fsgid == g) return true;
        u32 low = 0, high = group_count;
        while (low < high) {
            u32 middle = (low + high) / 2;
            if (groups[middle] == g) return true;
            if (groups[middle] < g) low = middle + 1;
            else high = middle;
        }
        return false;
    }
    /// Takes `ids` (from kmalloc, or null) in place of the old groups, and sorts them. Before the object is shared.
    void set_groups(u32* ids, u32 count);
    Credentials() = default;
    ~Credentials() override;
    /// A capability number of capabilities(7), e.g. 1 for CAP_DAC_OVERRIDE.
    bool has_capability(u32 n) const { return cap_effective >> n & 1; }
    Result<Ref<Credentials>> clone() const;
};

} // namespace linnet
