#include "syscall/ptrace_access.h"

#include "linux-abi/prctl.h"

namespace linnet {

Result<void> check_may_attach(Process& target) {
    Task& me = current();
    if (me.process.get() == &target) return {};
    Ref<Task> t = main_thread(target);
    if (!t) return ESRCH;
    if (me.credentials->has_capability(abi::CAP_SYS_PTRACE)) return {};
    const Ref<Credentials> held = share_ref(t->credentials);
    const Credentials &theirs = *held, &mine = *me.credentials;
    const bool same = mine.uid == theirs.uid && mine.uid == theirs.euid && mine.uid == theirs.suid && mine.gid == theirs.gid &&
                      mine.gid == theirs.egid && mine.gid == theirs.sgid;
    if (!same || !target.dumpable) return EPERM;
    // Nobody may look into a process that can do more than he can (cap_ptrace_access_check).
    if (theirs.cap_permitted & ~mine.cap_permitted) return EPERM;
    return {};
}

} // namespace linnet
