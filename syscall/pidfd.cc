// Processes by descriptor: pidfd_open(2), pidfd_send_signal(2), pidfd_getfd(2).
#include "vfs/pidfd.h"

#include "kernel/lib/string.h"
#include "kernel/task/lifecycle.h"
#include "syscall/file_support.h"
#include "syscall/ptrace_access.h"

namespace linnet {

using namespace abi;

namespace {

/// EBADF: no descriptor, or of another kind.
Result<Ref<Process>> pidfd_process(int fd) {
    Ref<File> file = TRY(current_file(fd));
    Process* p = process_of_pidfd(*file);
    if (!p) return EBADF;
    return Ref<Process>(p);
}

} // namespace

Outcome sys_pidfd_open(Pid pid, PidfdFlags flags) {
    if (flags.unsupported() || pid <= 0) return EINVAL;
    Ref<Process> p = find_process(pid);
    if (!p) return find_task(pid) ? EINVAL : ESRCH; // a thread that is no leader
    Ref<File> file = TRY(make_pidfd(std::move(p), u32(flags.bits())));
    return install_file(std::move(file), u32(O_CLOEXEC));
}

/// A /proc/PID folder does as well as a pidfd, but not /proc/PID/task/TID.
Outcome sys_pidfd_send_signal(Fd pidfd, Signal sig, In<Siginfo> info, UInt flags) {
    if (flags) return EINVAL;
    Ref<File> file = TRY(current_file(pidfd));
    if (file->is_path_only()) return EBADF;
    Process* named = process_of_pidfd(*file);
    if (!named) named = file->inode().signalled_process();
    if (!named) return EBADF;
    Ref<Process> p(named);
    Siginfo i = siginfo_from_current(sig, SI_USER);
    if (info) {
        i = TRY(user_read<Siginfo>(info.address()));
        if (i.signo != sig) return EINVAL;
        // Only a process itself may pretend to be the kernel or kill(2).
        if ((i.code >= 0 || i.code == SI_TKILL) && p != current().process) return EPERM;
    }
    if (find_process(p->pid) != p) return ESRCH; // it was waited for
    if (sig < 0 || sig > nsig) return EINVAL;
    TRY(check_kill_permission(*p, sig));
    if (!sig) return 0;
    return send_signal(*p, sig, &i);
}

Outcome sys_pidfd_getfd(Fd pidfd, Fd targetfd, UInt flags) {
    if (flags) return EINVAL;
    Ref<Process> p = TRY(pidfd_process(pidfd));
    TRY(check_may_attach(*p));
    Ref<Task> t = main_thread(*p);
    Ref<FileTableBase> table;
    if (t) table = share_ref(t->files);
    if (!table) return ESRCH;
    Ref<File> file = static_cast<FileTable&>(*table).get(targetfd);
    if (!file) return EBADF;
    return install_file(std::move(file), u32(O_CLOEXEC));
}

} // namespace linnet
