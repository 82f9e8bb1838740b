// The life of processes and threads: clone, exec, exit, wait.
#pragma once

#include "kernel/task/task.h"
#include "linux-abi/resource.h"
#include "linux-abi/sched.h"

namespace linnet {

// ---- clone.cc ----------------------------------------------------------------------------------------------------

struct CloneRequest {
    u64 flags = 0;         // CLONE_*, without the signal
    int exit_signal = 0;
    u64 stack = 0;         // new stack pointer; 0: the parent's
    u64 parent_tid = 0, child_tid = 0, tls = 0, pidfd = 0; // addresses
};
/// The new thread's ID. EINVAL, EAGAIN (limits), ENOMEM, EFAULT; EMFILE (CLONE_PIDFD).
Result<i32> clone_task(const CloneRequest& r);
/// unshare(2) of CLONE_FILES and CLONE_FS. EINVAL, ENOMEM.
Result<void> unshare_task(u64 flags);
/// Threads that may exist (RLIMIT_NPROC's default is half of it; /proc/sys/kernel/threads-max).
u32 max_threads();
u32 live_threads();
void count_thread(int change);

// ---- exec.cc -----------------------------------------------------------------------------------------------------

/// Where argument strings come from: a program's array of pointers, or the kernel's.
struct StringArray {
    u64 user = 0;                        // address of a null-terminated array of pointers
    const char* const* kernel = nullptr; // used if set
    size_t kernel_count = 0;
};
/// Replaces the current program. On success the frame of the current task is the new program's. `path` is a kernel string.
/// E2BIG, ENOEXEC, ELIBBAD, ELOOP, ENOMEM, EFAULT, and what open_exec gives.
Result<void> exec_program(int dirfd, const char* path, const StringArray& argv, const StringArray& envp, int at_flags);
/// Maps the vDSO into a new program's space and returns its address; null: there is none. Set by its owner.
extern Result<u64> (*map_vdso)(AddressSpace& space);

// ---- exit.cc -----------------------------------------------------------------------------------------------------

/// wait4's status words.
constexpr u32 status_exited(int code) { return u32(code & 0xff) << 8; }
constexpr u32 status_signaled(int sig) { return u32(sig); }
/// Ends the current thread; with the last one the process. `status` as wait4's.
[[noreturn]] void exit_task(u32 status);
/// Ends the whole process.
[[noreturn]] void exit_process(u32 status);
/// Makes every other thread of the process end (exit_group, fatal signal); signal_lock is held.
void begin_group_exit(Process& p, u32 status);
/// Ends all other threads of the current process, and takes the leader's ID (exec). EAGAIN: this one must end itself.
Result<void> end_other_threads();
/// Tells a vfork parent that the memory is its own again.
void finish_vfork(Task& t);
/// clear_child_tid and the robust list, in the old address space (exit, exec).
void leave_program_memory(Task& t);

// ---- wait.cc -----------------------------------------------------------------------------------------------------

struct WaitRequest {
    enum class Who { Any, Pid, Group } who = Who::Any;
    i32 id = 0;
    const Process* process = nullptr; // with Pid: this one alone, should the number have been given again
    u32 options = 0; // WNOHANG, WEXITED, WUNTRACED, WCONTINUED, WNOWAIT, __WALL, __WCLONE
};
struct WaitReport {
    i32 pid = 0; // 0: none (WNOHANG)
    u32 uid = 0;
    u32 status = 0; // wait4's
    int code = 0;   // CLD_*
    abi::Rusage usage{};
};
/// ECHILD; EINTR as kRestartSys.
Result<WaitReport> wait_for_child(const WaitRequest& r);
/// getrusage's numbers: RUSAGE_SELF, RUSAGE_CHILDREN, RUSAGE_THREAD. process_lock not held.
abi::Rusage resource_usage(Process& p, int who);

// ---- the PID table -----------------------------------------------------------------------------------------------

/// A free number for a thread. EAGAIN. process_lock held.
Result<i32> allocate_pid() REQUIRES(process_lock);
void set_pid_task(i32 pid, Task* t) REQUIRES(process_lock);
void set_pid_process(i32 pid, Process* p) REQUIRES(process_lock);
/// A number stays taken while a process group or session has it.
void enter_group(Process& p, i32 pgid) REQUIRES(process_lock);
void enter_session(Process& p, i32 sid) REQUIRES(process_lock);
void leave_group_and_session(Process& p) REQUIRES(process_lock);
Process* process_by_pid(i32 pid) REQUIRES(process_lock);
Task* task_by_tid(i32 tid) REQUIRES(process_lock);
/// The first process at or after a number, in order of PIDs; null.
Process* process_at_or_after(i32 pid) REQUIRES(process_lock);
Process* init_process() REQUIRES(process_lock);

/// RLIMIT_NPROC: `more` further threads of the current task's user would be too many.
bool beyond_process_limit(u64 more);
bool beyond_process_limit_locked(u64 more) REQUIRES(process_lock);

template <class F>
void for_each_process_locked(F&& f) REQUIRES(process_lock) {
    for (Process* p = process_at_or_after(1); p; p = process_at_or_after(p->pid + 1)) f(*p);
}

// ---- end of the machine ------------------------------------------------------------------------------------------

/// Init ended with this wait status: reports, drains, resets.
[[noreturn]] void machine_end(u32 status);
/// Init could not be started.
[[noreturn]] void machine_fail(int code, const char* text);

} // namespace linnet
