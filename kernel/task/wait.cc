// Waiting for children: wait4(2), waitid(2), and the figures of getrusage(2).
#include "kernel/mm/address_space.h"
#include "kernel/task/lifecycle.h"
#include "kernel/task/signal_internal.h"

namespace linnet {

namespace {

constexpr u32 kWaitClone = 0x80000000, kWaitAll = 0x40000000, kWaitNoThread = 0x20000000; // __WCLONE, __WALL, __WNOTHREAD

/// With __WNOTHREAD a thread waits for children of its own alone. Those of a thread that has ended belong to the first one.
bool is_own_child(Process& self, const Process& child) REQUIRES(process_lock) {
    for (ThreadLink& l : self.threads)
        if (l.task->tid == child.creator_tid) return l.task == &current();
    return self.threads.front() && self.threads.front()->task == &current();
}

bool matches(const WaitRequest& r, const Process& waiter, const Process& child) {
    switch (r.who) {
    case WaitRequest::Who::Any: break;
    case WaitRequest::Who::Pid:
        if (child.pid != r.id || (r.process && r.process != &child)) return false;
        break;
    case WaitRequest::Who::Group:
        if (child.pgid != (r.id ? r.id : waiter.pgid)) return false;
        break;
    }
    // "Clone" children tell their end by another signal than SIGCHLD.
    if (r.options & kWaitAll) return true;
    return (child.exit_signal != SIGCHLD) == ((r.options & kWaitClone) != 0);
}

void add_usage(abi::Rusage& u, u64 user_ns, u64 system_ns) {
    u.utime_sec = i64(user_ns / kNsPerSec), u.utime_usec = i64(user_ns % kNsPerSec / kNsPerUs);
    u.stime_sec = i64(system_ns / kNsPerSec), u.stime_usec = i64(system_ns % kNsPerSec / kNsPerUs);
}

abi::Rusage usage_of_child(Process& p) REQUIRES(process_lock) {
    abi::Rusage u{};
    const CpuTimes own = process_cpu_times_locked(p);
    add_usage(u, own.user_ns + p.children_user_ns, own.system_ns + p.children_system_ns);
    u.maxrss = i64((p.max_rss_pages > p.children_max_rss_pages ? p.max_rss_pages : p.children_max_rss_pages) *
                   kPageSize / KiB);
    u.minflt = i64(p.minor_faults + p.children_minor_faults), u.majflt = i64(p.major_faults + p.children_major_faults);
    u.nvcsw = i64(p.voluntary_switches), u.nivcsw = i64(p.involuntary_switches);
    return u;
}

/// What the parent keeps of a child that it has waited for.
void inherit_usage(Process& parent, Process& p) REQUIRES(process_lock) {
    const CpuTimes own = process_cpu_times_locked(p);
    parent.children_user_ns += own.user_ns + p.children_user_ns;
    parent.children_system_ns += own.system_ns + p.children_system_ns;
    parent.children_minor_faults += p.minor_faults + p.children_minor_faults;
    parent.children_major_faults += p.major_faults + p.children_major_faults;
    for (u64 rss : {p.max_rss_pages, p.children_max_rss_pages})
        if (rss > parent.children_max_rss_pages) parent.children_max_rss_pages = rss;
}

enum class Look { Found, Nothing, NoChild };

/// One look at the children. A reaped process is handed out in `reaped`, to be dropped without locks.
Look look_at_children(Process& self, const WaitRequest& r, WaitReport& report, Ref<Process>& reaped) {
    SpinGuard g(process_lock);
    bool any = false;
    for (Process* c = self.children.front(); c; c = self.children.next(*c)) {
        if (!matches(r, self, *c)) continue;
        if ((r.options & kWaitNoThread) && !is_own_child(self, *c)) continue;
        any = true;
        if (c->zombie && (r.options & u32(WEXITED))) {
            const u32 status = c->exit_status;
            report = {c->pid, c->last_uid, status, status & 0x7f ? (status & 0x80 ? CLD_DUMPED : CLD_KILLED) : CLD_EXITED, usage_of_child(*c)};
            if (r.options & u32(WNOWAIT)) return Look::Found;
            inherit_usage(self, *c);
            c->child_node.unlink();
            leave_group_and_session(*c);
            set_pid_process(c->pid, nullptr);
            reaped = Ref<Process>::adopt(c); // the table's reference
            return Look::Found;
        }
        if (c->zombie) continue;
        SpinGuard s(c->signal_lock);
        ThreadLink* l = c->threads.front();
        const u32 uid = l ? l->task->credentials->uid : 0;
        if (c->stop_report && (r.options & u32(WUNTRACED))) {
            report = {c->pid, uid, u32(c->stop_signal) << 8 | 0x7f, CLD_STOPPED, usage_of_child(*c)};
            if (!(r.options & u32(WNOWAIT))) c->stop_report = false;
            return Look::Found;
        }
        if (c->continue_report && (r.options & u32(WCONTINUED))) {
            report = {c->pid, uid, 0xffff, CLD_CONTINUED, usage_of_child(*c)};
            if (!(r.options & u32(WNOWAIT))) c->continue_report = false;
            return Look::Found;
        }
    }
    return any ? Look::Nothing : Look::NoChild;
}

} // namespace

Result<WaitReport> wait_for_child(const WaitRequest& r) {
    Process& self = *current().process;
    WaitReport report;
    Ref<Process> reaped;
    Look look = Look::Nothing;
    WaitResult w = wait_until(self.child_wait, [&] {
        look = look_at_children(self, r, report, reaped);
        return look != Look::Nothing || (r.options & u32(WNOHANG));
    });
    if (look == Look::NoChild) return ECHILD;
    if (look == Look::Found) return report;
    if (w == WaitResult::Interrupted) return static_cast<Errno>(512); // ERESTARTSYS
    return WaitReport{}; // WNOHANG
}

abi::Rusage resource_usage(Process& p, int who) {
    abi::Rusage u{};
    if (who == RUSAGE_THREAD) {
        Task& t = current();
        CpuTimes times = thread_cpu_times(t);
        add_usage(u, times.user_ns, times.system_ns);
        u.minflt = i64(t.minor_faults), u.majflt = i64(t.major_faults);
        u.nvcsw = i64(t.voluntary_switches), u.nivcsw = i64(t.involuntary_switches);
        if (Ref<AddressSpace> space = process_space(p)) u.maxrss = i64(space->peak_resident_pages() * kPageSize / KiB);
        return u;
    }
    if (who == RUSAGE_CHILDREN) {
        SpinGuard g(process_lock);
        add_usage(u, p.children_user_ns, p.children_system_ns);
        u.minflt = i64(p.children_minor_faults), u.majflt = i64(p.children_major_faults);
        u.maxrss = i64(p.children_max_rss_pages * kPageSize / KiB);
        return u;
    }
    CpuTimes times = process_cpu_times(p);
    add_usage(u, times.user_ns, times.system_ns);
    u64 rss = p.max_rss_pages;
    if (Ref<AddressSpace> space = process_space(p))
        if (space->peak_resident_pages() > rss) rss = space->peak_resident_pages();
    u.maxrss = i64(rss * kPageSize / KiB);
    SpinGuard g(process_lock);
    u.minflt = i64(p.minor_faults), u.majflt = i64(p.major_faults);
    u.nvcsw = i64(p.voluntary_switches), u.nivcsw = i64(p.involuntary_switches);
    for (ThreadLink& l : p.threads) {
        u.minflt += i64(l.task->minor_faults), u.majflt += i64(l.task->major_faults);
        u.nvcsw += i64(l.task->voluntary_switches), u.nivcsw += i64(l.task->involuntary_switches);
    }
    return u;
}

} // namespace linnet
