// Resource limits and usage: getrlimit(2), prlimit(2), getrusage(2).
#include "kernel/mm/address_space.h"
#include "kernel/task/lifecycle.h"
#include "linux-abi/syscalls.h"

namespace linnet {

using namespace abi;

namespace {

/// nr_open: what RLIMIT_NOFILE may be raised to.
constexpr u64 kMostFiles = 1048576;

Result<Rlimit> exchange_limit(Process& p, u32 resource, const Rlimit* n) {
    if (resource >= kResourceLimitCount) return EINVAL;
    if (n) {
        if (n->cur > n->max) return EINVAL;
        if (resource == u32(RLIMIT_NOFILE) && n->max > kMostFiles) return EPERM;
    }
    Rlimit old;
    Ref<AddressSpace> space;
    {
        SpinGuard g(process_lock);
        ResourceLimit& l = p.limits[resource];
        old = {l.soft, l.hard};
        if (!n) return old;
        if (n->max > l.hard && !current().credentials->has_capability(CAP_SYS_RESOURCE)) return EPERM;
        __atomic_store_n(&l.soft, n->cur, __ATOMIC_RELAXED);
        __atomic_store_n(&l.hard, n->max, __ATOMIC_RELAXED);
        space = p.space;
    }
    if (space) {
        if (resource == u32(RLIMIT_STACK)) space->stack_limit = n->cur;
        if (resource == u32(RLIMIT_AS)) space->address_limit = n->cur;
        if (resource == u32(RLIMIT_DATA)) space->data_limit = n->cur;
    }
    return old;
}

} // namespace

Outcome sys_getrlimit(RlimitResource resource, Out<Rlimit> rlim) {
    const Rlimit l = TRY(exchange_limit(*current().process, resource, nullptr));
    TRY(user_write(rlim.address(), l));
    return 0;
}

Outcome sys_setrlimit(RlimitResource resource, In<Rlimit> rlim) {
    const Rlimit n = TRY(user_read<Rlimit>(rlim.address()));
    TRY(exchange_limit(*current().process, resource, &n));
    return 0;
}

Outcome sys_prlimit64(Pid pid, RlimitResource resource, In<Rlimit> new_limit, Out<Rlimit> old_limit) {
    Rlimit n{};
    if (new_limit) n = TRY(user_read<Rlimit>(new_limit.address()));
    Ref<Process> p = current().process;
    if (pid) {
        Ref<Task> t = find_task(pid);
        if (!t) return ESRCH;
        p = t->process;
        const Credentials& own = *current().credentials;
        SpinGuard g(process_lock);
        const Credentials& c = *t->credentials;
        const bool same = own.uid == c.uid && own.uid == c.euid && own.uid == c.suid && own.gid == c.gid &&
                          own.gid == c.egid && own.gid == c.sgid;
        if (p != current().process && !same && !own.has_capability(CAP_SYS_RESOURCE)) return EPERM;
    }
    const Rlimit old = TRY(exchange_limit(*p, resource, new_limit ? &n : nullptr));
    if (old_limit) TRY(user_write(old_limit.address(), old));
    return 0;
}

Outcome sys_getrusage(RusageWho who, Out<Rusage> usage) {
    if (who != RUSAGE_SELF && who != RUSAGE_CHILDREN && who != RUSAGE_THREAD) return EINVAL;
    TRY(user_write(usage.address(), resource_usage(*current().process, who)));
    return 0;
}

} // namespace linnet
