#include "kernel/task/credentials.h"

#include "kernel/lib/string.h"


namespace linnet {

Credentials::~Credentials() { kfree(groups); }

void Credentials::set_groups(u32* ids, u32 count) {
    kfree(groups);
    groups = ids;
    group_count = count;
    // Heap sort: no memory, no bad case.
    auto sift = [&](u32 at, u32 end) {
        for (u32 child; (child = 2 * at + 1) < end; at = child) {
            if (child + 1 < end && ids[child] < ids[child + 1]) ++child;
            if (ids[at] >= ids[child]) return;
            u32 t = ids[at];
            ids[at] = ids[child], ids[child] = t;
        }
    };
    for (u32 i = count / 2; i-- > 0;) sift(i, count);
    for (u32 end = count; end > 1;) {
        --end;
        u32 t = ids[0];
        ids[0] = ids[end], ids[end] = t;
        sift(0, end);
    }
}

Result<Ref<Credentials>> Credentials::clone() const {
    Ref<Credentials> n = TRY(make_ref<Credentials>());
    n->uid = uid, n->euid = euid, n->suid = suid, n->fsuid = fsuid;
    n->gid = gid, n->egid = egid, n->sgid = sgid, n->fsgid = fsgid;
    if (group_count) {
        n->groups = static_cast<u32*>(kmalloc(group_count * sizeof(u32)));
        if (!n->groups) return ENOMEM;
        memcpy(n->groups, groups, group_count * sizeof(u32));
        n->group_count = group_count;
    }
    n->cap_permitted = cap_permitted, n->cap_effective = cap_effective, n->cap_inheritable = cap_inheritable;
    n->cap_bounding = cap_bounding, n->cap_ambient = cap_ambient;
    n->securebits = securebits;
    return n;
}

} // namespace linnet
