// Processes and threads: clone(2), fork(2), exit(2), wait(2), and who is who.
#include "kernel/lib/string.h"
#include "kernel/mm/address_space.h"
#include "kernel/task/lifecycle.h"
#include "linux-abi/syscalls.h"
#include "syscall/gaps.h"
#include "vfs/file_table.h"
#include "vfs/pidfd.h"
#include "vfs/tty/terminal.h"

namespace linnet {

using namespace abi;

Outcome sys_getpid() { return current().process->pid; }
Outcome sys_gettid() { return current().tid; }

Outcome sys_getppid() {
    RcuReader reader; // the parent may end, and its memory stays for a while
    Process* parent = __atomic_load_n(&current().process->parent, __ATOMIC_ACQUIRE);
    return parent ? parent->pid : 0;
}

namespace {

Outcome clone_outcome(const CloneRequest& r) { return clone_task(r); }

} // namespace

/// Namespace flags: EINVAL, as without CONFIG_NAMESPACES.
Outcome sys_clone(CloneFlags flags, Addr stack, Out<int32_t> parent_tid, Out<int32_t> child_tid, Addr tls) {
    CloneRequest r;
    r.flags = u32(flags.bits()) & ~u64(CSIGNAL);
    r.exit_signal = int(flags.bits() & u64(CSIGNAL));
    r.stack = stack;
    r.parent_tid = r.pidfd = parent_tid.address(), r.child_tid = child_tid.address(), r.tls = tls;
    if (flags.has(u64(CLONE_PIDFD)) && flags.bits() & (u64(CLONE_PARENT_SETTID) | u64(CLONE_DETACHED))) return EINVAL;
    // In old clone the highest bits are not flags (CLONE_CLEAR_SIGHAND is clone3's).
    return clone_outcome(r);
}

Outcome sys_fork() { return clone_outcome({.exit_signal = SIGCHLD}); }
Outcome sys_vfork() { return clone_outcome({.flags = u64(CLONE_VFORK) | u64(CLONE_VM), .exit_signal = SIGCHLD}); }

Outcome sys_clone3(In<CloneArgs> cl_args, Size size) {
    if (size > kPageSize) return E2BIG;
    if (size < clone_args_size_ver0) return EINVAL;
    CloneArgs a{};
    const u64 known = size < sizeof a ? u64(size) : sizeof a;
    TRY(copy_from_user(&a, cl_args.address(), known));
    for (u64 at = known; at < size; ++at) // what a newer libc knows must be zero
        if (TRY(user_read<u8>(cl_args.address() + at))) return E2BIG;
    constexpr u64 kDetached = u64(CLONE_DETACHED);
    if (a.flags & (u64(CSIGNAL) | kDetached) & ~u64(CLONE_NEWTIME)) return EINVAL;
    if (a.exit_signal & ~u64(CSIGNAL)) return EINVAL;
    if ((a.flags & (u64(CLONE_THREAD) | u64(CLONE_PARENT))) && a.exit_signal) return EINVAL;
    constexpr u64 kClearSighand = u64(1) << 32, kIntoCgroup = u64(1) << 33;
    // Signals' low byte was refused above; what is refused later is refused for these, or for a contradiction.
    const u64 lacking = a.flags & ~(CloneFlags::supported | kClearSighand) & (kIntoCgroup * 2 - 1);
    if (lacking) count_gap(GapKind::Flag, number::clone3, 0, lacking, EINVAL);
    if (a.set_tid_size || a.set_tid || (a.flags >> 34)) return EINVAL;
    if ((a.stack == 0) != (a.stack_size == 0)) return EINVAL;
    if (a.stack && !user_range_ok(a.stack, a.stack_size)) return EINVAL;
    CloneRequest r;
    r.flags = a.flags;
    r.exit_signal = int(a.exit_signal);
    r.stack = a.stack ? a.stack + a.stack_size : 0;
    r.parent_tid = a.parent_tid, r.child_tid = a.child_tid, r.tls = a.tls, r.pidfd = a.pidfd;
    return clone_outcome(r);
}

Outcome sys_unshare(UnshareFlags flags) { return unshare_task(flags.bits()); }

Outcome sys_exit(Int status) { exit_task(status_exited(status)); }
Outcome sys_exit_group(Int status) { exit_process(status_exited(status)); }

Outcome sys_set_tid_address(Out<int32_t> tidptr) {
    Task& t = current();
    t.clear_child_tid = tidptr.address();
    return t.tid;
}

namespace {

constexpr u32 kWaitClone = 0x80000000, kWaitAll = 0x40000000, kWaitNoThread = 0x20000000;

} // namespace

Outcome sys_wait4(Pid pid, WaitStatus wstatus, WaitOptions options, Out<Rusage> rusage) {
    const u32 o = u32(options.bits());
    if (o & ~(u32(WNOHANG | WUNTRACED | WCONTINUED) | kWaitClone | kWaitAll | kWaitNoThread)) return EINVAL;
    if (pid.value == INT32_MIN) return ESRCH;
    WaitRequest r;
    r.options = o | u32(WEXITED);
    if (pid > 0) r.who = WaitRequest::Who::Pid, r.id = pid;
    else if (pid == 0) r.who = WaitRequest::Who::Group, r.id = 0;
    else if (pid < -1) r.who = WaitRequest::Who::Group, r.id = -pid;
    WaitReport w = TRY(wait_for_child(r));
    if (!w.pid) return 0;
    if (wstatus) TRY(user_write<i32>(wstatus.address(), i32(w.status)));
    if (rusage) TRY(user_write(rusage.address(), w.usage));
    return w.pid;
}

Outcome sys_waitid(WaitIdType idtype, Pid id, Out<Siginfo> infop, WaitOptions options, Out<Rusage> rusage) {
    const u32 o = u32(options.bits());
    if (o & ~(u32(WNOHANG | WNOWAIT | WEXITED | WSTOPPED | WCONTINUED) | kWaitClone | kWaitAll | kWaitNoThread))
        return EINVAL;
    if (!(o & u32(WEXITED | WSTOPPED | WCONTINUED))) return EINVAL;
    WaitRequest r;
    Ref<File> file;
    r.options = o;
    switch (idtype.value) {
    case P_ALL: break;
    case P_PID:
        if (id <= 0) return EINVAL;
        r.who = WaitRequest::Who::Pid, r.id = id;
        break;
    case P_PGID:
        if (id < 0) return EINVAL;
        r.who = WaitRequest::Who::Group, r.id = id;
        break;
    case P_PIDFD: {
        if (id < 0) return EINVAL;
        file = TRY(current_file(id));
        Process* p = process_of_pidfd(*file);
        if (!p) return EBADF;
        r.who = WaitRequest::Who::Pid, r.id = p->pid, r.process = p;
        if (file->nonblocking()) r.options |= u32(WNOHANG);
        break;
    }
    default: return EINVAL;
    }
    WaitReport w = TRY(wait_for_child(r));
    if (!w.pid && r.options != o) return EAGAIN; // a non-blocking pidfd
    if (infop) {
        Siginfo info;
        memset(&info, 0, sizeof info);
        if (w.pid) {
            info.signo = SIGCHLD;
            info.code = w.code;
            info.chld.pid = w.pid;
            info.chld.uid = w.uid;
            if (w.code == CLD_EXITED) info.chld.status = i32(w.status >> 8 & 0xff);
            else if (w.code == CLD_STOPPED) info.chld.status = i32(w.status >> 8 & 0xff);
            else if (w.code == CLD_CONTINUED) info.chld.status = SIGCONT;
            else info.chld.status = i32(w.status & 0x7f);
        }
        // Linux writes the fields of SIGCHLD's siginfo only.
        TRY(copy_to_user(infop.address(), &info, 32));
    }
    if (rusage && w.pid) TRY(user_write(rusage.address(), w.usage));
    return 0;
}

// ---- groups and sessions -----------------------------------------------------------------------------------------

Outcome sys_getpgrp() { return current().process->pgid; }

Outcome sys_getpgid(Pid pid) {
    if (pid == 0) return current().process->pgid;
    SpinGuard g(process_lock);
    Task* t = task_by_tid(pid);
    Process* p = t ? t->process.get() : process_by_pid(pid);
    if (!p) return ESRCH;
    return p->pgid;
}

Outcome sys_getsid(Pid pid) {
    if (pid == 0) return current().process->sid;
    SpinGuard g(process_lock);
    Task* t = task_by_tid(pid);
    Process* p = t ? t->process.get() : process_by_pid(pid);
    if (!p) return ESRCH;
    return p->sid;
}

Outcome sys_setpgid(Pid pid, Pid pgid) {
    Process& self = *current().process;
    const i32 target = pid ? pid.value : self.pid;
    const i32 group = pgid ? pgid.value : target;
    if (group < 0) return EINVAL;
    SpinGuard g(process_lock);
    Process* p = process_by_pid(target);
    if (!p || p->zombie) {
        if (!p) return task_by_tid(target) ? EINVAL : ESRCH;
        if (p->parent != &self) return ESRCH;
    }
    if (p->parent == &self && p != &self) {
        if (p->sid != self.sid) return EPERM;
        if (p->has_execed) return EACCES;
    } else if (p != &self) {
        return ESRCH;
    }
    if (p->sid == p->pid) return EPERM; // a session leader
    if (group != p->pid) {
        bool found = false;
        for_each_process_locked([&](Process& q) {
            if (q.pgid == group && q.sid == self.sid) found = true;
        });
        if (!found) return EPERM;
    }
    if (p->pgid != group) enter_group(*p, group);
    return 0;
}

Outcome sys_vhangup() {
    if (!current().credentials->has_capability(kCapSysTtyConfig)) return EPERM;
    hang_up_own_terminal();
    return 0;
}

Outcome sys_setsid() {
    Process& p = *current().process;
    Ref<RefCounted> terminal;
    SpinGuard g(process_lock);
    bool taken = p.pgid == p.pid;
    for_each_process_locked([&](Process& q) {
        if (q.pgid == p.pid) taken = true;
    });
    if (taken) return EPERM;
    enter_session(p, p.pid);
    enter_group(p, p.pid);
    std::swap(terminal, p.controlling_terminal);
    g.unlock();
    return p.pid;
}

} // namespace linnet
