// Controlling terminals, sessions and foreground groups of terminals. Source: setsid(2), ioctl_tty(2), credentials(7), and POSIX's General
// Terminal Interface.
#include "kernel/mm/user.h"
#include "kernel/task/lifecycle.h"
#include "kernel/task/signal.h"
#include "vfs/tty/terminal.h"

namespace linnet {
namespace {

/// Every process of the session lets go of `t`. The caller holds a reference to it, so none of these is the last.
void clear_session_terminal(i32 session, Terminal& t) REQUIRES(process_lock) {
    for_each_process_locked([&](Process& q) {
        if (q.sid == session && q.controlling_terminal.get() == &t) q.controlling_terminal.reset();
    });
}

Ref<Terminal> terminal_of_locked(Process& p) REQUIRES(process_lock) {
    return Ref<Terminal>(static_cast<Terminal*>(p.controlling_terminal.get()));
}

} // namespace

Ref<Terminal> controlling_terminal(Process& p) {
    SpinGuard guard(process_lock);
    return terminal_of_locked(p);
}

void Terminal::set_session(i32 session, i32 group) {
    session_ = session;
    foreground_ = group;
}

void Terminal::acquire_at_open() {
    Process& p = *current().process;
    if (p.sid != p.pid) return;
    SpinGuard guard(process_lock);
    if (p.controlling_terminal || session_ != 0) return;
    set_session(p.sid, p.pgid);
    p.controlling_terminal = Ref<RefCounted>(this);
}

Result<i64> Terminal::take_session(u64 steal, bool readable) {
    Process& p = *current().process;
    const bool admin = current().credentials->has_capability(kCapSysAdmin);
    SpinGuard guard(process_lock);
    const bool leader = p.sid == p.pid;
    if (leader && p.sid == session_) return 0;
    if (!leader || p.controlling_terminal) return EPERM;
    if (session_ != 0) {
        if (steal != 1 || !admin) return EPERM;
        clear_session_terminal(session_, *this);
    }
    if (!readable && !admin) return EPERM;
    set_session(p.sid, p.pgid);
    p.controlling_terminal = Ref<RefCounted>(this);
    return 0;
}

/// A process of the terminal's session outside the foreground group: SIGTTIN or SIGTTOU for its group, and the call is restarted. EIO if nobody
/// could continue the group, or if it ignores or blocks SIGTTIN; who does so with SIGTTOU may write.
Result<void> Terminal::check_background(int signal) {
    Task* t = current_or_null();
    if (!t) return {};
    Process& p = *t->process;
    i32 group;
    {
        SpinGuard guard(process_lock);
        const i32 foreground = foreground_group();
        group = p.pgid;
        if (p.controlling_terminal.get() != this || foreground == 0 || group == foreground) return {};
    }
    if (current_ignores_or_blocks(signal)) return signal == SIGTTIN ? Result<void>(EIO) : Result<void>();
    if (is_orphaned_group(group)) return EIO;
    (void)signal_process_group(group, signal);
    return kRestartSys;
}

void Terminal::hang_up() {
    generation_.fetch_add(1, std::memory_order_acq_rel);
    Ref<Process> leader;
    {
        SpinGuard guard(process_lock);
        const i32 session = session_, group = foreground_;
        set_session(0, 0);
        if (session) {
            if (Process* p = process_by_pid(session); p && p->sid == session && p->controlling_terminal.get() == this) {
                leader = Ref<Process>(p);
                p->lost_terminal_group = group;
            }
            clear_session_terminal(session, *this);
        }
    }
    {
        SpinGuard guard(lock_);
        discipline_.flush_input();
    }
    if (leader) {
        (void)send_signal(*leader, SIGHUP);
        (void)send_signal(*leader, SIGCONT);
    }
    readers_.wake_all(kPollIn | kPollHup | kPollErr);
    writers_.wake_all(kPollOut | kPollHup | kPollErr);
}

void leave_terminal(Process& leader, bool at_exit) {
    Ref<Terminal> t;
    i32 group = 0;
    {
        SpinGuard guard(process_lock);
        if (leader.sid != leader.pid) return;
        t = terminal_of_locked(leader);
        if (t) group = t->foreground_group();
        else if (at_exit) group = std::exchange(leader.lost_terminal_group, 0);
    }
    if (group) {
        (void)signal_process_group(group, SIGHUP);
        if (!t || !at_exit) (void)signal_process_group(group, SIGCONT);
    }
    if (!t) return;
    SpinGuard guard(process_lock);
    if (t->session() == leader.sid) t->set_session(0, 0);
    clear_session_terminal(leader.sid, *t);
}

void hang_up_own_terminal() {
    if (Ref<Terminal> t = controlling_terminal(*current().process)) t->hang_up();
}

Result<Ref<File>> open_controlling_terminal(const Location& where, u32 flags) {
    Ref<Terminal> t = controlling_terminal(*current().process);
    if (!t) return ENXIO;
    return open_terminal(std::move(t), where, flags, false);
}

Result<i64> Terminal::session_ioctl(u32 command, u64 arg, bool self) {
    Process& p = *current().process;
    bool own;
    {
        SpinGuard guard(process_lock);
        own = p.controlling_terminal.get() == this;
    }
    switch (command) {
    case TIOCGPGRP:
        if (self && !own) return ENOTTY;
        TRY(user_write<i32>(arg, foreground_group()));
        return 0;
    case TIOCGSID:
        if ((self && !own) || session() == 0) return ENOTTY;
        TRY(user_write<i32>(arg, session()));
        return 0;
    case TIOCNOTTY: {
        if (!own) return ENOTTY;
        leave_terminal(p, false);
        SpinGuard guard(process_lock);
        Ref<RefCounted> mine = std::move(p.controlling_terminal);
        guard.unlock();
        return 0;
    }
    default: break; // TIOCSPGRP
    }
    if (auto r = check_background(SIGTTOU); !r) return r.error() == EIO ? ENOTTY : r.error();
    const i32 group = TRY(user_read<i32>(arg));
    if (group < 0) return EINVAL;
    if (!own || session() != p.sid) return ENOTTY;
    const Result<i32> of_group = session_of_group(group);
    if (!of_group) return of_group.error();
    if (*of_group != p.sid) return EPERM;
    SpinGuard guard(process_lock);
    if (session_ == p.sid) foreground_ = group;
    return 0;
}

} // namespace linnet
