// seccomp(2): strict mode and filters, and what their verdicts do to a call.
#include "syscall/seccomp.h"

#include "kernel/lib/log.h"
#include "kernel/lib/string.h"
#include "kernel/lib/vec.h"
#include "kernel/mm/user.h"
#include "kernel/task/lifecycle.h"
#include "linux-abi/fcntl.h"
#include "linux-abi/prctl.h"
#include "linux-abi/seccomp_notify.h"
#include "linux-abi/syscalls.h"
#include "syscall/gaps.h"
#include "vfs/file_table.h"
#include "vfs/seccomp_listener.h"

namespace linnet {

using namespace abi;

namespace {

constexpr u32 kDataMask = 0xffff;
constexpr u32 kMaxErrno = 4095;
constexpr u64 kKnownFlags = u64(SECCOMP_FILTER_FLAG_TSYNC) | u64(SECCOMP_FILTER_FLAG_LOG) | u64(SECCOMP_FILTER_FLAG_SPEC_ALLOW) |
                            u64(SECCOMP_FILTER_FLAG_NEW_LISTENER) | u64(SECCOMP_FILTER_FLAG_TSYNC_ESRCH) |
                            u64(SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV);

bool strict_allows(u64 number) {
    return number == u64(number::read) || number == u64(number::write) || number == u64(number::exit) ||
           number == u64(number::rt_sigreturn);
}

Siginfo sigsys_info(const TrapFrame& f, u32 data) {
    Siginfo i;
    memset(&i, 0, sizeof i);
    i.signo = SIGSYS;
    i.err = i32(data);
    i.code = sys_seccomp_code;
    i.sys.call_addr = f.rip; // behind the instruction
    i.sys.syscall = i32(f.orig_rax);
    i.sys.arch = audit_arch_x86_64;
    return i;
}

/// The registers are those before the call, but for RIP.
Outcome roll_back(TrapFrame& f) {
    f.rax = f.orig_rax;
    return Outcome::no_return();
}

void log_verdict(const Task& t, const TrapFrame& f, const char* what) {
    log_info("pid %d %s: seccomp: %s of system call %d at %#lx", t.process->pid, t.name, what, i32(f.orig_rax), f.rip);
}

Outcome set_filter(u64 flags, u64 address) {
    if (flags & ~kKnownFlags) {
        count_gap(GapKind::Flag, number::seccomp, 1, flags & ~kKnownFlags, EINVAL);
        return EINVAL;
    }
    const bool listen = flags & u64(SECCOMP_FILTER_FLAG_NEW_LISTENER), sync = flags & u64(SECCOMP_FILTER_FLAG_TSYNC),
               esrch = flags & u64(SECCOMP_FILTER_FLAG_TSYNC_ESRCH), killable = flags & u64(SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV);
    // One result cannot tell a descriptor from a thread.
    if ((listen && sync && !esrch) || (killable && !listen)) return EINVAL;
    Task& t = current();
    const SockFprog program = TRY(user_read<SockFprog>(address));
    if (!program.len || program.len > bpf_max_instructions) return EINVAL;
    if (!t.no_new_privs && !t.credentials->has_capability(CAP_SYS_ADMIN)) return EACCES;
    Ref<SeccompFilter> filter = TRY(make_ref<SeccompFilter>());
    const size_t size = program.len * sizeof(SockFilter);
    filter->program = static_cast<SockFilter*>(kmalloc(size));
    if (!filter->program) return ENOMEM;
    filter->length = program.len;
    TRY(copy_from_user(filter->program, program.filter, size));
    Vec<u16> scratch;
    TRY(scratch.resize(filter->length));
    TRY(check_seccomp_program({filter->program, filter->length}, {scratch.data(), scratch.size()}));
    // Nobody may use the descriptor before the filter is in force, or after it was refused.
    ReservedDescriptor number;
    Ref<File> file;
    if (listen) {
        TRY(number.reserve(u32(O_CLOEXEC)));
        file = TRY(make_seccomp_listener(killable, filter->listener));
    }
    const i32 differing = TRY(seccomp_add_filter(std::move(filter), sync));
    if (differing && esrch) return ESRCH;
    if (!listen || differing) return differing;
    return number.publish(std::move(file));
}

/// RAX is what the listener says, whatever that is.
Outcome answered(TrapFrame& f, i64 value) {
    const Outcome o = Outcome::from_raw(value);
    if (o.is_plain()) return o;
    f.rax = u64(value);
    return Outcome::no_return();
}

} // namespace

bool seccomp_admits(Task& t, TrapFrame& f, Outcome& outcome) {
    if (t.seccomp.mode.load(std::memory_order_acquire) == SeccompMode::Strict) {
        if (strict_allows(f.orig_rax)) return true;
        log_verdict(t, f, "strict mode: end");
        exit_task(status_signaled(SIGKILL));
    }
    const SeccompData data{i32(f.orig_rax), audit_arch_x86_64, f.rip, {f.rdi, f.rsi, f.rdx, f.r10, f.r8, f.r9}};
    const SeccompFilter* from;
    const u32 verdict = seccomp_run_filters(t, data, from), value = verdict & kDataMask;
    switch (verdict & u32(SECCOMP_RET_ACTION_FULL)) {
    case u32(SECCOMP_RET_ALLOW): return true;
    case u32(SECCOMP_RET_LOG): log_verdict(t, f, "log"); return true;
    case u32(SECCOMP_RET_ERRNO): {
        const u32 error = value > kMaxErrno ? kMaxErrno : value;
        outcome = error ? Outcome(static_cast<Errno>(error)) : Outcome(0);
        return false;
    }
    case u32(SECCOMP_RET_USER_NOTIF): {
        Ref<SeccompListener> listener = from->listener;
        if (!listener) {
            outcome = ENOSYS;
            return false;
        }
        auto reply = listener->ask(data);
        if (reply.ok() && reply->go_on) return true;
        outcome = reply.ok() ? answered(f, reply->value) : Outcome(reply.error());
        return false;
    }
    case u32(SECCOMP_RET_TRACE): // no tracer
        outcome = ENOSYS;
        return false;
    case u32(SECCOMP_RET_TRAP):
        force_signal(t, sigsys_info(f, value));
        outcome = roll_back(f);
        return false;
    case u32(SECCOMP_RET_KILL_THREAD):
        log_verdict(t, f, "end of the thread");
        if (t.process->thread_count.load(std::memory_order_relaxed) > 1) exit_task(status_signaled(SIGSYS));
        break;
    default: log_verdict(t, f, "end of the process"); break;
    }
    force_signal(t, sigsys_info(f, value), true);
    outcome = roll_back(f);
    return false;
}

Outcome seccomp_set_mode(u64 mode, u64 filter_address) {
    switch (mode) {
    case SECCOMP_MODE_STRICT: return seccomp_set_strict();
    case SECCOMP_MODE_FILTER: return set_filter(0, filter_address);
    default: return EINVAL;
    }
}

Outcome sys_seccomp(SeccompOp operation, UInt flags, AnyPtr args) {
    switch (operation.value) {
    case u32(SECCOMP_SET_MODE_STRICT):
        if (flags || args) return EINVAL;
        return seccomp_set_strict();
    case u32(SECCOMP_SET_MODE_FILTER): return set_filter(flags, args.address());
    case u32(SECCOMP_GET_ACTION_AVAIL): {
        if (flags) return EINVAL;
        switch (TRY(user_read<u32>(args.address()))) {
        case u32(SECCOMP_RET_KILL_PROCESS):
        case u32(SECCOMP_RET_KILL_THREAD):
        case u32(SECCOMP_RET_TRAP):
        case u32(SECCOMP_RET_ERRNO):
        case u32(SECCOMP_RET_USER_NOTIF):
        case u32(SECCOMP_RET_TRACE):
        case u32(SECCOMP_RET_LOG):
        case u32(SECCOMP_RET_ALLOW): return 0;
        default: return EOPNOTSUPP;
        }
    }
    case u32(SECCOMP_GET_NOTIF_SIZES):
        if (flags) return EINVAL;
        TRY(user_write(args.address(), SeccompNotifSizes{sizeof(SeccompNotif), sizeof(SeccompNotifResp), sizeof(SeccompData)}));
        return 0;
    default: return EINVAL;
    }
}

} // namespace linnet
