// Delivering signals on the way back to the program: which one, its default action, and what an interrupted system call
// comes to. signal(7); Linux's get_signal() and handle_signal().
#include "kernel/arch/x86_64/program.h"
#include "kernel/binder/binder.h"
#include "kernel/irq/deferred.h"
#include "kernel/lib/string.h"
#include "kernel/task/core_dump.h"
#include "kernel/task/lifecycle.h"
#include "kernel/task/rseq.h"
#include "kernel/task/signal_frame.h"
#include "kernel/task/signal_internal.h"
#include "kernel/lib/log.h"

namespace linnet {

namespace {

/// Picks the next deliverable signal: faults of this thread first, then the lowest number. signal_lock held.
int dequeue(Task& t, Process& p, abi::Siginfo& info) {
    SignalSet own = t.pending.bits & ~t.blocked;
    if (own) {
        SignalSet first = own & kSynchronousSignals ? own & kSynchronousSignals : own;
        int sig = __builtin_ctzll(first) + 1;
        t.pending.take(sig, info);
        return sig;
    }
    SignalSet shared = p.pending.bits & ~t.blocked;
    if (!shared) return 0;
    int sig = __builtin_ctzll(shared) + 1;
    p.pending.take(sig, info);
    return sig;
}

bool came_from_system_call(const TrapFrame& f) {
    return f.vector == kSyscallVector && i64(f.orig_rax) >= 0;
}

/// The instruction of the system call is to run again.
void rewind_system_call(TrapFrame& f, u64 number) {
    f.rax = number;
    f.rip -= 2; // both ways in, `syscall` and a bound site, leave RIP right after the two bytes of the instruction
}

/// With a handler about to run: EINTR, or the call again after the handler.
void settle_interrupted_call(TrapFrame& f, u64 sa_flags) {
    if (!came_from_system_call(f)) return;
    switch (-i64(f.rax)) {
    case i64(abi::Restart::restart_block):
    case i64(abi::Restart::no_hand): f.rax = u64(-i64(EINTR)); break;
    case i64(abi::Restart::sys):
        if (!(sa_flags & u64(SA_RESTART))) {
            f.rax = u64(-i64(EINTR));
            break;
        }
        [[fallthrough]];
    case i64(abi::Restart::no_intr): rewind_system_call(f, f.orig_rax); break;
    }
    f.orig_rax = ~u64(0); // settled: a second handler's frame on top must not do it again
}

/// No handler ran: the call goes on.
void restart_interrupted_call(TrapFrame& f) {
    if (!came_from_system_call(f)) return;
    constexpr u64 restart_syscall_number = 219;
    switch (-i64(f.rax)) {
    case i64(abi::Restart::sys):
    case i64(abi::Restart::no_hand):
    case i64(abi::Restart::no_intr): rewind_system_call(f, f.orig_rax); break;
    case i64(abi::Restart::restart_block): rewind_system_call(f, restart_syscall_number); break;
    default: return;
    }
    f.orig_rax = ~u64(0);
    current().raise_work(kWorkFullReturn);
}

bool sent_by_another(const Process& p, const abi::Siginfo& info) {
    const bool by_process = info.code <= 0 && info.code != SI_TIMER;
    return by_process && info.kill.pid && info.kill.pid != p.pid;
}

/// Parks the thread until SIGCONT or death. signal_lock is not held.
void stop_here(Task& t, Process& p) {
    bool last;
    {
        SpinGuard g(p.signal_lock);
        if (!p.group_stop || p.exiting) return;
        t.stopped = true;
        last = ++p.stopped_threads == p.thread_count;
        if (last) p.stop_report = true;
    }
    if (last) {
        auto entry = allocate_signal_entry();
        SpinGuard g(process_lock);
        notify_parent(p, CLD_STOPPED, p.stop_signal, SIGCHLD, std::move(entry));
    }
    wait_until(
        p.stop_wait, [&] { return !__atomic_load_n(&p.group_stop, __ATOMIC_ACQUIRE) || p.exiting || p.exec_task; },
        kForever, false);
    SpinGuard g(p.signal_lock);
    t.stopped = false;
    --p.stopped_threads;
}

/// A handler that is not at an address of the program: the fault of its first instruction, which the way back, by IRET, must not
/// meet itself (and in ring 0 would be none).
void fault_at_handler(Task& t, u64 address) {
    constexpr u64 kProtection = 13, kPageFault = 14, kFetchedByUser = 0x15; // present, user, instruction fetch
    const bool canonical = address >> 47 == 0x1ffff;
    abi::Siginfo segv;
    memset(&segv, 0, sizeof segv);
    segv.signo = SIGSEGV;
    segv.code = canonical ? SEGV_MAPERR : SI_KERNEL;
    segv.fault.addr = canonical ? address : 0;
    t.fault_trap = canonical ? kPageFault : kProtection;
    t.fault_error = canonical ? kFetchedByUser : 0;
    if (canonical) t.fault_address = address;
    force_signal(t, segv);
}

} // namespace

void deliver_signals(TrapFrame& f) {
    Task& t = current();
    Process& p = *t.process;
    for (;;) {
        abi::Siginfo info;
        abi::Sigaction action;
        int sig = 0;
        bool stop = false;
        {
            SpinGuard g(p.signal_lock);
            if (p.exiting) {
                g.unlock();
                if (p.core_dumper) wait_for_core_dumper(p);
                exit_process(p.exit_status);
            }
            if (p.exec_task && p.exec_task != &t) {
                g.unlock();
                exit_task(0);
            }
            if (p.group_stop) {
                stop = true;
            } else {
                sig = dequeue(t, p, info);
                if (sig) {
                    SpinGuard a(p.handlers->lock);
                    abi::Sigaction& entry = p.handlers->actions[sig - 1];
                    action = entry;
                    if ((action.flags & SA_RESETHAND) && action.handler > abi::SIG_IGN) entry.handler = abi::SIG_DFL;
                } else if (!t.restore_blocked) {
                    update_signal_work(t);
                }
            }
        }
        if (stop) {
            stop_here(t, p);
            continue;
        }
        if (!sig) {
            if (t.restore_blocked) {
                restart_interrupted_call(f);
                t.restore_blocked = false;
                set_blocked_signals(t.saved_blocked);
                continue; // what was blocked only during the call may be deliverable now
            }
            break;
        }
        if (trace_signal) [[unlikely]] trace_signal(t, info);
        if (action.handler == abi::SIG_IGN) continue;
        if (action.handler == abi::SIG_DFL) {
            if (p.pid == 1 && sent_by_another(p, info)) continue; // it was blocked when it came
            switch (default_action(sig)) {
            case DefaultAction::Ignore: continue;
            case DefaultAction::Stop: {
                if (sig != SIGSTOP && is_orphaned_group(p.pgid)) continue;
                SpinGuard g(p.signal_lock);
                if (p.exiting || p.pending.bits & signal_bit(SIGCONT)) continue;
                p.group_stop = true;
                p.stop_signal = sig;
                p.continue_report = false;
                for (ThreadLink& l : p.threads)
                    if (l.task != &t) wake_for_signal(*l.task, false);
                continue;
            }
            case DefaultAction::Kill: break;
            }
            if (leaves_core(sig)) {
                die_with_core(f, info);
            } else {
                SpinGuard g(p.signal_lock);
                begin_group_exit(p, status_signaled(sig));
            }
            continue; // ends above
        }
        leave_stub(f);
        settle_interrupted_call(f, action.flags);
        if (t.rseq_area) rseq_before_signal(f);
        if (!push_signal_frame(f, sig, info, action)) {
            // No room on the stack: SIGSEGV, which must not come back to the same handler.
            abi::Siginfo segv;
            memset(&segv, 0, sizeof segv);
            segv.signo = SIGSEGV;
            segv.code = SI_KERNEL;
            if (sig == SIGSEGV) {
                SpinGuard a(p.handlers->lock);
                p.handlers->actions[SIGSEGV - 1].handler = abi::SIG_DFL;
            }
            force_signal(t, segv);
        } else if (f.rip >> 47) {
            fault_at_handler(t, f.rip);
        }
    }
    restart_interrupted_call(f);
}

void deliver_fault(TrapFrame& f, int sig, int code, u64 addr, u64 trap_number, u64 error_code) {
    Task& t = current();
    abi::Siginfo info;
    memset(&info, 0, sizeof info);
    info.signo = sig;
    info.code = code;
    info.fault.addr = addr;
    t.fault_trap = trap_number;
    t.fault_error = error_code;
    if (trap_number == 14) t.fault_address = addr;
    t.frame = &f;
    log_debug("pid %d %s: signal %d code %d at %#lx, address %#lx", t.process->pid, t.name, sig, code, f.rip, addr);
    force_signal(t, info);
}

extern "C" void return_work(TrapFrame* f) {
    Task& t = current();
    t.frame = f;
    constexpr u32 kHere = kWorkResched | kWorkSignal | kWorkDeferred | kWorkRseq;
    for (;;) {
        u32 work = t.work.load(std::memory_order_relaxed) & kHere;
        if (!work) return;
        if (work & kWorkDeferred) {
            t.work.fetch_and(~u32(kWorkDeferred), std::memory_order_relaxed);
            run_deferred();
        }
        if (work & kWorkResched) {
            t.work.fetch_and(~u32(kWorkResched), std::memory_order_relaxed);
            schedule();
            if (t.rseq_area) t.work.fetch_or(kWorkRseq, std::memory_order_relaxed);
        }
        if (work & kWorkSignal) deliver_signals(*f);
        if (t.work.load(std::memory_order_relaxed) & kWorkRseq) {
            t.work.fetch_and(~u32(kWorkRseq), std::memory_order_relaxed);
            if (t.rseq_area) rseq_on_return(*f);
        }
    }
}

} // namespace linnet
