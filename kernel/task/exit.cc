// The end of threads and processes: exit(2), exit_group(2), fatal signals; what the parent, the children and other
// threads learn of it.
#include "kernel/ipc/semaphores.h"
#include "kernel/mm/address_space.h"
#include "kernel/task/futex.h"
#include "kernel/task/interval_timer.h"
#include "kernel/task/lifecycle.h"
#include "kernel/task/posix_timer.h"
#include "kernel/task/pi_futex.h"
#include "kernel/task/signal_internal.h"
#include "kernel/time/clock.h"

namespace linnet {

void finish_vfork(Task& t) {
    Ref<VforkWait> w = std::move(t.vfork_wait);
    if (!w) return;
    w->done.store(true, std::memory_order_release);
    w->queue.wake_all();
}

void leave_program_memory(Task& t) {
    release_robust_list(t);
    release_pi_futexes(t);
    if (u64 at = std::exchange(t.clear_child_tid, 0)) {
        // Only if somebody else can see the memory (Linux's mm_users).
        if (t.process->space->users.load(std::memory_order_relaxed) > 1 && user_write<i32>(at, 0))
            (void)futex_wake(at, 1, false);
    }
    t.rseq_area = 0;
    finish_vfork(t);
}

namespace {

/// Who adopts the children of a dying process: the nearest living subreaper above it, else init.
Process* choose_reaper(Process& dying) REQUIRES(process_lock) {
    for (Process* p = dying.parent; p; p = p->parent)
        if (p->child_subreaper && !p->zombie && p->thread_count != 0) return p;
    return init_process();
}

/// A process that nobody waits for any more leaves the tables.
void remove_process(Process& p) REQUIRES(process_lock) {
    p.child_node.unlink();
    leave_group_and_session(p);
    set_pid_process(p.pid, nullptr);
}

bool parent_reaps_by_itself(Process& parent) {
    SpinGuard g(parent.signal_lock);
    abi::Sigaction a = parent.handlers->get(SIGCHLD);
    return a.handler == abi::SIG_IGN || (a.flags & u64(SA_NOCLDWAIT));
}

int exit_code_of(u32 status) { return status & 0x7f ? (status & 0x80 ? CLD_DUMPED : CLD_KILLED) : CLD_EXITED; }
int exit_value_of(u32 status) { return status & 0x7f ? int(status & 0x7f) : int(status >> 8 & 0xff); }

/// A stopped process in `pgid` that has become orphaned gets SIGHUP and SIGCONT (POSIX, _exit()). `without`: as for is_orphaned_group().
void wake_orphaned_group(i32 pgid, const Process* without) {
    if (!pgid || !is_orphaned_group(pgid, without)) return;
    bool any_stopped = false;
    for (Ref<Process> p = next_process(0); p; p = next_process(p->pid))
        if (p->pgid == pgid && __atomic_load_n(&p->group_stop, __ATOMIC_RELAXED)) any_stopped = true;
    if (!any_stopped) return;
    (void)signal_process_group(pgid, SIGHUP);
    (void)signal_process_group(pgid, SIGCONT);
}

/// Groups of children that nobody in their session can continue any more once `p` is gone: a shell's jobs.
void wake_groups_of_children(Process& p) {
    {
        SpinGuard g(process_lock);
        if (p.children.empty()) return;
    }
    for (Ref<Process> c = next_process(0); c; c = next_process(c->pid)) {
        i32 pgid = 0;
        {
            SpinGuard g(process_lock);
            if (c->parent == &p && c->pgid != p.pgid && c->sid == p.sid && c->group_stop) pgid = c->pgid;
        }
        wake_orphaned_group(pgid, &p);
    }
}

/// A thread ends and its process goes on: its children belong to another thread now, and are told if they asked for it (PR_SET_PDEATHSIG
/// speaks of the thread that made the child).
void hand_over_children(Process& p, Task& t) {
    SpinGuard g(process_lock);
    if (p.children.empty()) return;
    Task* heir = nullptr;
    for (ThreadLink& l : p.threads)
        if (!heir && l.task != &t && !l.task->exiting) heir = l.task;
    if (!heir) return; // the process ends
    for (Process& child : p.children) {
        if (child.creator_tid != t.tid) continue;
        child.creator_tid = heir->tid;
        for (ThreadLink& l : child.threads)
            if (l.task->parent_death_signal) send_kernel_signal(child, l.task->parent_death_signal);
    }
}

/// The last thread is gone: children get a new parent, the parent is told. Returns true if the process is reaped already,
/// and the table's reference is the caller's to drop.
bool become_zombie(Process& p) {
    auto entry = allocate_signal_entry();
    SpinGuard g(process_lock);
    Process* reaper = p.children.empty() ? nullptr : choose_reaper(p);
    bool reaper_has_work = false;
    while (Process* child = p.children.pop_front()) {
        __atomic_store_n(&child->parent, reaper, __ATOMIC_RELEASE);
        if (!reaper) continue;
        reaper->children.push_back(*child);
        child->exit_signal = SIGCHLD;
        child->creator_tid = 0;
        if (child->zombie) reaper_has_work = true;
        for (ThreadLink& l : child->threads)
            if (l.task->parent_death_signal) send_kernel_signal(*child, l.task->parent_death_signal);
    }
    if (reaper_has_work) {
        // Linux's SIGCHLD for each; one is enough, since the reaper waits in a loop.
        send_kernel_signal(*reaper, SIGCHLD);
        reaper->child_wait.wake_all();
    }
    {
        SpinGuard s(p.signal_lock);
        __atomic_store_n(&p.zombie, true, __ATOMIC_RELEASE);
        p.pending.discard(~SignalSet(0));
    }
    p.exit_wait.wake_all();
    Process* parent = p.parent;
    if (!parent) {
        remove_process(p);
        return true;
    }
    const bool autoreap = p.exit_signal == SIGCHLD && parent_reaps_by_itself(*parent);
    notify_parent(p, exit_code_of(p.exit_status), exit_value_of(p.exit_status), p.exit_signal, std::move(entry));
    if (!autoreap) return false;
    remove_process(p);
    parent->child_wait.wake_all(); // a wait4 that has nothing left to wait for: ECHILD
    return true;
}

} // namespace

void exit_process(u32 status) {
    Process& p = *current().process;
    {
        SpinGuard g(p.signal_lock);
        begin_group_exit(p, status);
        status = p.exit_status; // an earlier one counts
    }
    exit_task(status);
}

void exit_task(u32 status) {
    Task& t = current();
    Ref<Process> process = t.process;
    Process& p = *process;
    if (trace_end) [[unlikely]] trace_end(t, status);
    {
        SpinGuard g(p.signal_lock);
        __atomic_store_n(&t.exiting, true, __ATOMIC_SEQ_CST);
        // What was sent to the process, and this thread was woken for, is for another one.
        t.blocked = ~SignalSet(0);
        t.pending.discard(~SignalSet(0)); // timers' entries must not stay in it; no timer sends to it from here on
        for (ThreadLink& l : p.threads)
            if (l.task != &t && (p.pending.bits & ~l.task->blocked)) wake_for_signal(*l.task, false);
    }
    if (p.thread_count.load(std::memory_order_relaxed) > 1) hand_over_children(p, t);
    leave_program_memory(t);
    // Off the address space, while this thread still is counted: the last one frees it. Its tables stay loaded as those that a kernel
    // thread borrows: threads of one process that come and go load no CR3.
    AddressSpace* space = p.space.get();
    __atomic_store_n(&t.space, nullptr, __ATOMIC_RELEASE);
    space->users.fetch_sub(1, std::memory_order_relaxed);

    // Init's end is the machine's. Files first: what was written to pipes and devices is out by then.
    bool last;
    {
        SpinGuard g(process_lock);
        SpinGuard s(p.signal_lock);
        last = p.thread_count.load(std::memory_order_relaxed) == 1;
        if (t.tid == p.pid && !p.exiting) p.exit_status = status;
        if (last) p.exiting = true; // no new threads or signals from here on
        else {
            keep_thread_figures(p, t);
            p.thread_count.fetch_sub(1, std::memory_order_relaxed);
            t.link.node.unlink();
            set_pid_task(t.tid, nullptr);
        }
        p.last_uid = t.credentials->uid;
        if (p.exec_task && p.exec_task != &t) p.exec_wait.wake_all();
        if (p.core_dumper) p.core_wait.wake_all();
    }
    if (last) {
        if (process_ended) process_ended(p, p.exit_status);
        stop_interval_timers(p);
        delete_posix_timers(p);
        undo_semaphores(p);
    }

    if (last && t.files->ref_count() == 1) t.files->close_all();
    t.files.reset();
    t.fs.reset();
    if (last && p.pid == 1) machine_end(p.exit_status);

    if (last) {
        u64 peak = space->peak_resident_pages();
        if (peak > p.max_rss_pages) p.max_rss_pages = peak;
        Ref<AddressSpace> gone;
        Ref<ExecFile> exe;
        {
            SpinGuard g(process_lock);
            gone = std::move(p.space);
            exe = std::move(p.exe);
        }
        gone.reset();
        exe.reset();
        const i32 pgid = p.pgid;
        const bool session_leader = p.sid == p.pid;
        if (session_leader && on_session_leader_exit) on_session_leader_exit(p);
        {
            SpinGuard g(process_lock);
            SpinGuard s(p.signal_lock);
            keep_thread_figures(p, t);
            p.thread_count.store(0, std::memory_order_relaxed);
            t.link.node.unlink();
            set_pid_task(t.tid, nullptr);
        }
        wake_groups_of_children(p);
        if (become_zombie(p)) Ref<Process>::adopt(&p).reset(); // the table's reference; `process` still holds one
        wake_orphaned_group(pgid, nullptr);
    }
    count_thread(-1);
    process.reset(); // t.process still holds it until the thread is destroyed
    exit_current_thread();
}

Result<void> end_other_threads() {
    Task& t = current();
    Process& p = *t.process;
    {
        SpinGuard g(process_lock);
        SpinGuard s(p.signal_lock);
        if (p.exiting || p.exec_task) return EAGAIN;
        p.exec_task = &t;
        for (ThreadLink& l : p.threads)
            if (l.task != &t) wake_for_signal(*l.task, true);
        p.stop_wait.wake_all();
    }
    bool killed = false;
    {
        SleepEntry entry(p.exec_wait);
        for (;;) {
            prepare_to_sleep(true);
            if (p.thread_count.load(std::memory_order_acquire) == 1) break;
            if (fatal_signal_pending()) {
                killed = true;
                break;
            }
            sleep_until(kForever);
        }
        cancel_sleep();
    }
    SpinGuard g(process_lock);
    SpinGuard s(p.signal_lock);
    p.exec_task = nullptr;
    if (killed) return EAGAIN;
    if (t.tid != p.pid) {
        set_pid_task(t.tid, nullptr);
        t.tid = p.pid;
        set_pid_task(t.tid, &t);
    }
    return {};
}

} // namespace linnet
