// New threads and processes: clone(2), fork(2), vfork(2), unshare(2).
#include "kernel/arch/x86_64/fpu.h"
#include "kernel/arch/x86_64/program.h"
#include "kernel/ipc/semaphores.h"
#include "kernel/lib/string.h"
#include "kernel/mm/address_space.h"
#include "kernel/task/lifecycle.h"
#include "kernel/task/signal_internal.h"
#include "kernel/time/clock.h"
#include "linux-abi/prctl.h"

namespace linnet {

namespace {

std::atomic<u32> threads_alive{0};

constexpr u64 kClearSighand = 0x100000000; // CLONE_CLEAR_SIGHAND (clone3 only)
constexpr u64 kIntoCgroup = 0x200000000;   // CLONE_INTO_CGROUP
constexpr u64 kNamespaces = u64(CLONE_NEWTIME) | u64(CLONE_NEWNS) | u64(CLONE_NEWCGROUP) | u64(CLONE_NEWUTS) |
                            u64(CLONE_NEWIPC) | u64(CLONE_NEWUSER) | u64(CLONE_NEWPID) | u64(CLONE_NEWNET);

/// As a kernel without CONFIG_NAMESPACES, which asks for the right to make one first, but for user namespaces. EINVAL, EPERM
Result<void> check_namespaces(u64 flags) {
    if (!(flags & kNamespaces)) return {};
    if (flags & u64(CLONE_NEWUSER)) return EINVAL;
    return current().credentials->has_capability(CAP_SYS_ADMIN) ? EINVAL : EPERM;
}

/// Flag rules of clone(2).
Result<void> check_flags(const CloneRequest& r, const Process& p) {
    const u64 f = r.flags;
    auto has = [f](u64 bit) { return (f & bit) != 0; };
    if (has(u64(CLONE_FS)) && has(u64(CLONE_NEWNS))) return EINVAL;
    if (has(kIntoCgroup)) return EINVAL;
    if (has(u64(CLONE_PIDFD)) && has(u64(CLONE_THREAD))) return EINVAL;
    if (has(u64(CLONE_THREAD)) && !has(u64(CLONE_SIGHAND))) return EINVAL;
    if (has(u64(CLONE_SIGHAND)) && !has(u64(CLONE_VM))) return EINVAL;
    if (has(kClearSighand) && has(u64(CLONE_SIGHAND))) return EINVAL;
    if (has(u64(CLONE_PARENT)) && p.pid == 1 && !has(u64(CLONE_THREAD))) return EINVAL;
    if (r.exit_signal && !signal_valid(r.exit_signal)) return EINVAL;
    return check_namespaces(f);
}

/// What a new process inherits beyond its memory and files.
Result<Ref<Process>> copy_process(Process& parent, const CloneRequest& r) {
    Ref<Process> child = TRY(make_ref<Process>());
    if (r.flags & u64(CLONE_SIGHAND)) child->handlers = parent.handlers;
    else child->handlers = TRY(parent.handlers->copy());
    if (r.flags & kClearSighand) child->handlers->reset(true);
    if (r.flags & u64(CLONE_VM)) child->space = parent.space;
    else child->space = TRY(parent.space->fork_copy());
    for (u32 i = 0; i < kResourceLimitCount; ++i) child->limits[i] = parent.limits[i];
    child->exit_signal = r.exit_signal;
    child->exe = parent.exe;
    child->oom_score_adj.store(parent.oom_score_adj.load(std::memory_order_relaxed), std::memory_order_relaxed);
    child->dumpable = parent.dumpable;
    child->coredump_filter.store(parent.coredump_filter.load(std::memory_order_relaxed), std::memory_order_relaxed);
    child->thp_disabled = parent.thp_disabled;
    child->space->huge_pages_disabled = parent.thp_disabled;
    child->membarrier_registered = r.flags & u64(CLONE_VM) ? parent.membarrier_registered : 0;
    return child;
}

/// sched(7): with the reset-on-fork flag a child has neither a real-time policy nor a negative nice value. The flag is not inherited.
void inherit_scheduling(Task& t, const Task& parent) {
    // What others lend the parent is not the child's.
    t.policy = t.base_policy = parent.base_policy, t.nice = parent.nice, t.weight = parent.weight;
    t.rt_priority = t.base_rt_priority = parent.base_rt_priority;
    if (!parent.reset_on_fork) return;
    const bool realtime = t.policy == SchedPolicy::Fifo || t.policy == SchedPolicy::RoundRobin;
    if (realtime) t.policy = t.base_policy = SchedPolicy::Normal, t.rt_priority = t.base_rt_priority = 0;
    if (realtime || t.nice < 0) (void)set_scheduling(t, t.policy, 0, 0);
}

/// Threads of a user, as RLIMIT_NPROC counts them: zombies too.
u64 threads_of_user(u32 uid) REQUIRES(process_lock) {
    u64 n = 0;
    for_each_process_locked([&](Process& p) {
        if (p.zombie && p.last_uid == uid) ++n;
        for (ThreadLink& l : p.threads) n += l.task->credentials->uid == uid;
    });
    return n;
}

/// The descriptor of CLONE_PIDFD, which goes again if the process is not made after all.
struct ClonePidfd : NoCopy {
    i32 fd = -1;
    ~ClonePidfd() {
        if (fd >= 0) remove_pidfd(fd);
    }
};

/// First kernel code of a new thread whose ID has to be written to its own memory.
void child_start(void* arg) {
    Task& t = *static_cast<Task*>(arg);
    if (u64 at = std::exchange(t.set_child_tid, 0)) (void)user_write<i32>(at, t.tid);
    alignas(16) TrapFrame frame = *t.start_frame;
    t.start_frame.reset();
    enter_program(&frame);
}

} // namespace

u32 live_threads() { return threads_alive.load(std::memory_order_relaxed); }

void count_thread(int change) { threads_alive.fetch_add(u32(change), std::memory_order_relaxed); }

u32 max_threads() {
    // Linux: an eighth of memory for kernel stacks, at least 20 and at most the number of PIDs.
    u64 n = memory_stats().total_pages * kPageSize / (8 * kKernelStackSize);
    if (n < 20) n = 20;
    return n > u64(kPidMax) ? u32(kPidMax) : u32(n);
}

bool beyond_process_limit(u64 more) {
    SpinGuard g(process_lock);
    return beyond_process_limit_locked(more);
}

bool beyond_process_limit_locked(u64 more) {
    const Credentials& c = *current().credentials;
    const u64 limit = current().process->limit(RLIMIT_NPROC);
    if (c.uid == 0 || limit == kLimitInfinity || c.has_capability(CAP_SYS_RESOURCE) || c.has_capability(CAP_SYS_ADMIN)) return false;
    return threads_of_user(c.uid) + more > limit;
}

Result<i32> clone_task(const CloneRequest& r) {
    Task& self = current();
    Process& p = *self.process;
    TRY(check_flags(r, p));
    const bool thread = r.flags & u64(CLONE_THREAD), vfork = r.flags & u64(CLONE_VFORK);
    if (live_threads() >= max_threads()) return EAGAIN;
    if (beyond_process_limit(1)) return EAGAIN;
    // A signal first: fork would otherwise copy a large address space in vain over and over (Linux: ERESTARTNOINTR).
    if (!thread && signal_pending()) return static_cast<Errno>(513);

    Ref<Task> t = TRY(make_ref<Task>());
    if (thread) t->process = self.process;
    else t->process = TRY(copy_process(p, r));
    Process& q = *t->process;
    if (r.flags & u64(CLONE_FILES)) t->files = self.files;
    else t->files = TRY(self.files->copy());
    if (r.flags & u64(CLONE_FS)) t->fs = self.fs;
    else t->fs = TRY(self.fs->copy());
    t->credentials = self.credentials;
    memcpy(t->name, self.name, sizeof t->name);
    t->blocked = self.blocked;
    // A new stack makes the alternate one the parent's alone, but for vfork.
    if (!(r.flags & u64(CLONE_VM)) || vfork) t->alternate_stack = self.alternate_stack;
    t->timer_slack_ns = self.timer_slack_ns;
    t->personality = self.personality;
    t->start_time_ns = monotonic_ns();
    inherit_scheduling(*t, self);
    t->affinity = self.affinity;
    t->vruntime = self.vruntime;
    t->space = q.space.get();
    if (r.flags & u64(CLONE_CHILD_CLEARTID)) t->clear_child_tid = r.child_tid;
    if (!(r.flags & u64(CLONE_VM))) {
        t->rseq_area = self.rseq_area, t->rseq_length = self.rseq_length, t->rseq_signature = self.rseq_signature;
    }

    if (r.flags & u64(CLONE_SETTLS) && r.tls >= kUserEnd) return EPERM;
    if (r.flags & u64(CLONE_CHILD_SETTID)) t->set_child_tid = r.child_tid;
    const bool writes_own_tid = t->set_child_tid && !(r.flags & u64(CLONE_VM));

    // Registers: the parent's, with 0 as the result.
    TRY(prepare_kernel_stack(*t, child_start, t.get()));
    t->fpu_state = TRY(fpu_alloc());
    TrapFrame frame = *self.frame;
    frame.rax = 0;
    frame.orig_rax = ~u64(0);
    if (r.stack) frame.rsp = r.stack;
    t->fs_base = r.flags & u64(CLONE_SETTLS) ? r.tls : get_fs_base();
    t->gs_base = get_gs_base();
    if (writes_own_tid) t->start_frame = TRY(make_owned<TrapFrame>(frame));
    else set_program_entry(*t, frame);
    fpu_save_current();
    memcpy(t->fpu_state, self.fpu_state, fpu_state_size());
    t->fpu_valid = 1;

    ClonePidfd pidfd; // in the parent's table alone: the child has its copy already
    if (r.flags & u64(CLONE_PIDFD)) {
        pidfd.fd = TRY(install_pidfd(q));
        TRY(user_write<i32>(r.pidfd, pidfd.fd));
    }

    Ref<VforkWait> wait;
    if (vfork) {
        wait = TRY(make_ref<VforkWait>());
        t->vfork_wait = wait;
    }

    i32 tid;
    {
        SpinGuard g(process_lock);
        if (beyond_process_limit_locked(1)) return EAGAIN; // other CPUs may have made threads of this user meanwhile
        tid = TRY(allocate_pid());
        SpinGuard s(p.signal_lock);
        if (p.exiting || (p.exec_task && p.exec_task != &self)) return static_cast<Errno>(513);
        t->tid = tid;
        inherit_seccomp(*t, self);
        set_pid_task(tid, t.get());
        if (thread) {
            p.threads.push_back(t->link);
            p.thread_count.fetch_add(1, std::memory_order_relaxed);
            update_signal_work(*t);
        } else {
            q.pid = tid;
            Ref<Process>(&q).release(); // the table's reference, until it was waited for
            set_pid_process(tid, &q);
            q.threads.push_back(t->link);
            q.thread_count.store(1, std::memory_order_relaxed);
            q.parent = r.flags & u64(CLONE_PARENT) ? p.parent : &p;
            if (r.flags & u64(CLONE_PARENT)) q.exit_signal = p.exit_signal;
            q.creator_tid = r.flags & u64(CLONE_PARENT) ? p.creator_tid : self.tid;
            q.parent->children.push_back(q);
            enter_group(q, p.pgid);
            enter_session(q, p.sid);
            q.controlling_terminal = p.controlling_terminal;
        }
    }
    pidfd.fd = -1;
    count_thread(1);
    q.space->users.fetch_add(1, std::memory_order_relaxed);
    if (r.flags & u64(CLONE_PARENT_SETTID)) (void)user_write<i32>(r.parent_tid, tid);
    if (!writes_own_tid)
        if (u64 at = std::exchange(t->set_child_tid, 0)) (void)user_write<i32>(at, tid);
    if (trace_clone) [[unlikely]] trace_clone(*t);
    start_thread(*t); // takes a reference of its own, dropped when the thread has left its CPU

    if (wait) {
        // Only death ends this wait early: the child runs in our memory and on our stack.
        SleepEntry entry(wait->queue);
        for (;;) {
            prepare_to_sleep(true);
            if (wait->done.load(std::memory_order_acquire) || fatal_signal_pending()) break;
            sleep_until(kForever);
        }
        cancel_sleep();
    }
    return tid;
}

Result<void> unshare_task(u64 flags) {
    constexpr u64 known = u64(CLONE_THREAD) | u64(CLONE_FS) | kNamespaces | u64(CLONE_SIGHAND) | u64(CLONE_VM) |
                          u64(CLONE_FILES) | u64(CLONE_SYSVSEM);
    Task& t = current();
    if (flags & ~known) return EINVAL;
    if (flags & (u64(CLONE_THREAD) | u64(CLONE_SIGHAND) | u64(CLONE_VM)) && t.process->thread_count > 1) return EINVAL;
    TRY(check_namespaces(flags));
    Ref<FileTableBase> files;
    Ref<FsContextBase> fs;
    if (flags & u64(CLONE_FILES) && t.files->ref_count() > 1) files = TRY(t.files->copy());
    if (flags & u64(CLONE_FS) && t.fs->ref_count() > 1) fs = TRY(t.fs->copy());
    {
        SpinGuard g(process_lock);
        if (files) files = publish_ref(t.files, std::move(files));
        if (fs) fs = publish_ref(t.fs, std::move(fs));
    }
    // The list of undos is the process's: among threads, who share it, nobody is its last user.
    if (flags & u64(CLONE_SYSVSEM) && t.process->thread_count == 1) undo_semaphores(*t.process);
    return {};
}

} // namespace linnet
