#include "kernel/ipc/ipc_object.h"

#include "kernel/time/clock.h"
#include "linux-abi/prctl.h"

namespace linnet {

i64 ipc_now() { return i64(realtime_ns() / kNsPerSec); }

i32 ipc_pid() {
    Task* t = current_or_null();
    return t ? t->process->pid : 0;
}

void IpcHeader::init(i32 its_key, u32 flags) {
    const Credentials& c = *current().credentials;
    key = its_key;
    mode = flags & 0777;
    uid = cuid = c.euid;
    gid = cgid = c.egid;
}

Result<void> IpcHeader::check_access(u32 flags) const {
    const Credentials& c = *current().credentials;
    const u32 wanted = (flags >> 6 | flags >> 3 | flags) & 7;
    u32 granted = mode;
    if (c.euid == cuid || c.euid == uid) granted >>= 6;
    else if (c.in_group(cgid) || c.in_group(gid)) granted >>= 3;
    if ((wanted & ~granted) && !c.has_capability(CAP_IPC_OWNER)) return EACCES;
    return {};
}

Result<void> IpcHeader::check_owner() const {
    const Credentials& c = *current().credentials;
    if (c.euid == cuid || c.euid == uid || c.has_capability(CAP_SYS_ADMIN)) return {};
    return EPERM;
}

abi::IpcPerm IpcHeader::to_perm() const {
    return {key, uid, gid, cuid, cgid, mode, u16(u32(id) >> 15), 0, 0, 0};
}

Result<void> IpcHeader::set(const abi::IpcPerm& perm) {
    if (perm.uid == ~0u || perm.gid == ~0u) return EINVAL;
    uid = perm.uid, gid = perm.gid;
    mode = (mode & ~0777u) | (perm.mode & 0777);
    return {};
}

} // namespace linnet
