// User and group IDs, groups, capabilities: credentials(7), capabilities(7).
#include "kernel/mm/user.h"
#include "kernel/task/lifecycle.h"
#include "linux-abi/syscalls.h"

namespace linnet {

using namespace abi;

namespace {

constexpr u32 kUnchanged = ~u32(0);
constexpr u32 kNoSetuidFixup = 4, kKeepCaps = 16; // SECBIT_NO_SETUID_FIXUP, SECBIT_KEEP_CAPS

/// Puts the new credentials in place; /proc and kill(2) read them under process_lock.
void install(Ref<Credentials> n) {
    Task& t = current();
    SpinGuard g(process_lock);
    n = publish_ref(t.credentials, std::move(n));
    if (n->euid != t.credentials->euid || n->egid != t.credentials->egid || n->fsuid != t.credentials->fsuid || n->fsgid != t.credentials->fsgid) {
        t.process->dumpable = false;
        t.parent_death_signal = 0;
    }
    const bool other_user = n->uid != t.credentials->uid;
    g.unlock();
    // setuid itself does not fail at RLIMIT_NPROC since Linux 3.1: programs did not look.
    if (other_user) t.beyond_process_limit = beyond_process_limit(0);
}

/// What a change of user IDs does to capabilities: capabilities(7), "Effect of user ID changes".
void fix_capabilities(const Credentials& old, Credentials& n) {
    if (n.securebits & kNoSetuidFixup) return;
    const bool had_root = old.uid == 0 || old.euid == 0 || old.suid == 0;
    const bool has_root = n.uid == 0 || n.euid == 0 || n.suid == 0;
    if (had_root && !has_root) {
        if (!(n.securebits & kKeepCaps)) n.cap_permitted = n.cap_effective = 0;
        n.cap_ambient = 0;
    }
    if (old.euid == 0 && n.euid != 0) n.cap_effective = 0;
    if (old.euid != 0 && n.euid == 0) n.cap_effective = n.cap_permitted;
}

constexpr u64 kFileCapabilities = u64(1) << CAP_CHOWN | u64(1) << CAP_DAC_OVERRIDE | u64(1) << CAP_DAC_READ_SEARCH |
                                  u64(1) << CAP_FOWNER | u64(1) << CAP_FSETID | u64(1) << CAP_LINUX_IMMUTABLE |
                                  u64(1) << CAP_MKNOD | u64(1) << CAP_MAC_OVERRIDE;

} // namespace

Outcome sys_getuid() { return current().credentials->uid; }
Outcome sys_geteuid() { return current().credentials->euid; }
Outcome sys_getgid() { return current().credentials->gid; }
Outcome sys_getegid() { return current().credentials->egid; }

Outcome sys_setuid(Uid uid) {
    if (uid == kUnchanged) return EINVAL;
    const Credentials& old = *current().credentials;
    Ref<Credentials> n = TRY(old.clone());
    if (old.has_capability(CAP_SETUID)) n->uid = n->suid = uid;
    else if (uid != old.uid && uid != old.suid) return EPERM;
    n->euid = n->fsuid = uid;
    fix_capabilities(old, *n);
    install(std::move(n));
    return 0;
}

Outcome sys_setgid(Gid gid) {
    if (gid == kUnchanged) return EINVAL;
    const Credentials& old = *current().credentials;
    Ref<Credentials> n = TRY(old.clone());
    if (old.has_capability(CAP_SETGID)) n->gid = n->sgid = gid;
    else if (gid != old.gid && gid != old.sgid) return EPERM;
    n->egid = n->fsgid = gid;
    install(std::move(n));
    return 0;
}

Outcome sys_setreuid(Uid ruid, Uid euid) {
    const Credentials& old = *current().credentials;
    const bool may = old.has_capability(CAP_SETUID);
    if (ruid != kUnchanged && ruid != old.uid && ruid != old.euid && !may) return EPERM;
    if (euid != kUnchanged && euid != old.uid && euid != old.euid && euid != old.suid && !may) return EPERM;
    Ref<Credentials> n = TRY(old.clone());
    if (ruid != kUnchanged) n->uid = ruid;
    if (euid != kUnchanged) n->euid = euid;
    if (ruid != kUnchanged || (euid != kUnchanged && euid != old.uid)) n->suid = n->euid;
    n->fsuid = n->euid;
    fix_capabilities(old, *n);
    install(std::move(n));
    return 0;
}

Outcome sys_setregid(Gid rgid, Gid egid) {
    const Credentials& old = *current().credentials;
    const bool may = old.has_capability(CAP_SETGID);
    if (rgid != kUnchanged && rgid != old.gid && rgid != old.egid && !may) return EPERM;
    if (egid != kUnchanged && egid != old.gid && egid != old.egid && egid != old.sgid && !may) return EPERM;
    Ref<Credentials> n = TRY(old.clone());
    if (rgid != kUnchanged) n->gid = rgid;
    if (egid != kUnchanged) n->egid = egid;
    if (rgid != kUnchanged || (egid != kUnchanged && egid != old.gid)) n->sgid = n->egid;
    n->fsgid = n->egid;
    install(std::move(n));
    return 0;
}

Outcome sys_setresuid(Uid ruid, Uid euid, Uid suid) {
    const Credentials& old = *current().credentials;
    auto allowed = [&](u32 id) { return id == kUnchanged || id == old.uid || id == old.euid || id == old.suid; };
    if (!old.has_capability(CAP_SETUID) && !(allowed(ruid) && allowed(euid) && allowed(suid))) return EPERM;
    Ref<Credentials> n = TRY(old.clone());
    if (ruid != kUnchanged) n->uid = ruid;
    if (euid != kUnchanged) n->euid = euid;
    if (suid != kUnchanged) n->suid = suid;
    n->fsuid = n->euid;
    fix_capabilities(old, *n);
    install(std::move(n));
    return 0;
}

Outcome sys_setresgid(Gid rgid, Gid egid, Gid sgid) {
    const Credentials& old = *current().credentials;
    auto allowed = [&](u32 id) { return id == kUnchanged || id == old.gid || id == old.egid || id == old.sgid; };
    if (!old.has_capability(CAP_SETGID) && !(allowed(rgid) && allowed(egid) && allowed(sgid))) return EPERM;
    Ref<Credentials> n = TRY(old.clone());
    if (rgid != kUnchanged) n->gid = rgid;
    if (egid != kUnchanged) n->egid = egid;
    if (sgid != kUnchanged) n->sgid = sgid;
    n->fsgid = n->egid;
    install(std::move(n));
    return 0;
}

Outcome sys_getresuid(Out<uint32_t> ruid, Out<uint32_t> euid, Out<uint32_t> suid) {
    const Credentials& c = *current().credentials;
    TRY(user_write<u32>(ruid.address(), c.uid));
    TRY(user_write<u32>(euid.address(), c.euid));
    TRY(user_write<u32>(suid.address(), c.suid));
    return 0;
}

Outcome sys_getresgid(Out<uint32_t> rgid, Out<uint32_t> egid, Out<uint32_t> sgid) {
    const Credentials& c = *current().credentials;
    TRY(user_write<u32>(rgid.address(), c.gid));
    TRY(user_write<u32>(egid.address(), c.egid));
    TRY(user_write<u32>(sgid.address(), c.sgid));
    return 0;
}

/// The old ID, whether it was changed or not.
Outcome sys_setfsuid(Uid fsuid) {
    const Credentials& old = *current().credentials;
    const u32 before = old.fsuid;
    if (fsuid == kUnchanged || fsuid == before) return before;
    if (fsuid != old.uid && fsuid != old.euid && fsuid != old.suid && !old.has_capability(CAP_SETUID)) return before;
    auto n = old.clone();
    if (!n) return before;
    (*n)->fsuid = fsuid;
    if (before == 0 && fsuid != 0) (*n)->cap_effective &= ~kFileCapabilities;
    if (before != 0 && fsuid == 0) (*n)->cap_effective |= (*n)->cap_permitted & kFileCapabilities;
    install(std::move(*n));
    return before;
}

Outcome sys_setfsgid(Gid fsgid) {
    const Credentials& old = *current().credentials;
    const u32 before = old.fsgid;
    if (fsgid == kUnchanged || fsgid == before) return before;
    if (fsgid != old.gid && fsgid != old.egid && fsgid != old.sgid && !old.has_capability(CAP_SETGID)) return before;
    auto n = old.clone();
    if (!n) return before;
    (*n)->fsgid = fsgid;
    install(std::move(*n));
    return before;
}

Outcome sys_getgroups(Int size, GidsOut list) {
    const Credentials& c = *current().credentials;
    if (size < 0) return EINVAL;
    if (size == 0) return c.group_count;
    if (u32(size.value) < c.group_count) return EINVAL;
    TRY(copy_to_user(list.address(), c.groups, c.group_count * sizeof(u32)));
    return c.group_count;
}

Outcome sys_setgroups(Int size, GidsIn list) {
    const Credentials& old = *current().credentials;
    if (!old.has_capability(CAP_SETGID)) return EPERM;
    if (size < 0 || u32(size.value) > Credentials::kMaxGroups) return EINVAL;
    Ref<Credentials> n = TRY(old.clone());
    u32* groups = nullptr;
    if (const u32 count = u32(size.value)) {
        groups = static_cast<u32*>(kmalloc(count * sizeof(u32)));
        if (!groups) return ENOMEM;
        if (auto r = copy_from_user(groups, list.address(), count * sizeof(u32)); !r) {
            kfree(groups);
            return r;
        }
    }
    n->set_groups(groups, u32(size.value));
    install(std::move(n));
    return 0;
}

// ---- capabilities ------------------------------------------------------------------------------------------------

namespace {

constexpr u32 kVersion1 = 0x19980330, kVersion2 = 0x20071026, kVersion3 = 0x20080522;

/// Number of CapUserData that the header's version means; an unknown version is answered with the newest.
Result<u32> data_count(u64 header_address, CapUserHeader& h) {
    h = TRY(user_read<CapUserHeader>(header_address));
    if (h.version == kVersion1) return 1u;
    if (h.version == kVersion2 || h.version == kVersion3) return 2u;
    TRY(user_write<u32>(header_address, kVersion3));
    return EINVAL;
}

} // namespace

Outcome sys_capget(InOut<CapUserHeader> hdrp, Out<CapUserData> datap) {
    CapUserHeader h;
    auto count = data_count(hdrp.address(), h);
    if (!count) return count.error() == EINVAL && !datap ? Outcome(0) : Outcome(count.error());
    if (h.pid < 0) return EINVAL;
    Ref<Task> t = h.pid ? find_task(h.pid) : Ref<Task>(&current());
    if (!t) return ESRCH;
    Ref<Credentials> c = share_ref(t->credentials);
    if (!datap) return 0;
    CapUserData d[2] = {};
    for (u32 i = 0; i < 2; ++i)
        d[i] = {u32(c->cap_effective >> 32 * i), u32(c->cap_permitted >> 32 * i), u32(c->cap_inheritable >> 32 * i)};
    TRY(copy_to_user(datap.address(), d, *count * sizeof d[0]));
    return 0;
}

Outcome sys_capset(InOut<CapUserHeader> hdrp, In<CapUserData> datap) {
    CapUserHeader h;
    const u32 count = TRY(data_count(hdrp.address(), h));
    if (h.pid && h.pid != current().tid) return EPERM;
    CapUserData d[2] = {};
    TRY(copy_from_user(d, datap.address(), count * sizeof d[0]));
    constexpr u64 kAll = (u64(2) << CAP_LAST_CAP) - 1;
    const u64 effective = (u64(d[1].effective) << 32 | d[0].effective) & kAll;
    const u64 permitted = (u64(d[1].permitted) << 32 | d[0].permitted) & kAll;
    const u64 inheritable = (u64(d[1].inheritable) << 32 | d[0].inheritable) & kAll;
    const Credentials& old = *current().credentials;
    if (!old.has_capability(CAP_SETPCAP) && (inheritable & ~(old.cap_inheritable | old.cap_permitted))) return EPERM;
    if (inheritable & ~(old.cap_inheritable | old.cap_bounding)) return EPERM;
    if (permitted & ~old.cap_permitted) return EPERM;
    if (effective & ~permitted) return EPERM;
    Ref<Credentials> n = TRY(old.clone());
    n->cap_effective = effective, n->cap_permitted = permitted, n->cap_inheritable = inheritable;
    n->cap_ambient &= permitted & inheritable;
    install(std::move(n));
    return 0;
}

} // namespace linnet
