#include "syscall/call_log.h"

#include "kernel/arch/x86_64/cpu.h"
#include "kernel/boot/panic_report.h"
#include "kernel/lib/proc_file.h"
#include "kernel/sched/scheduler.h"
#include "linux-abi/syscalls.h"

namespace linnet {

namespace {

constexpr u32 kShown = 16; // calls of a CPU in a panic

/// "  12 read(0x3, ...) = 42"; `put` takes a format and its arguments.
template <class Put>
void put_call(i32 tid, const CallLog::Entry& e, u64 argument, u32 result, Put&& put) {
    const abi::SyscallInfo* info = abi::syscall_info(e.what);
    put("  %d %s", tid, info ? info->name : "syscall");
    if (!info) put("_0x%x", e.what);
    if (info && !info->argument_count) put("(");
    else put(info && info->argument_count == 1 ? "(0x%lx" : "(0x%lx, ...", argument);
    if (!result) return put(") = ?\n");
    const i32 value = i32(result - CallLog::kFinished);
    if (info && info->result == abi::ResultKind::address && (value >= 0 || value < -4095)) put(") = 0x...%08x\n", u32(value));
    else put(") = %d\n", value);
}

/// The CPU's last calls, oldest first, at most `count`. The CPU may go on meanwhile: a call or two may be shown wrong then.
template <class Put>
void put_calls(u32 cpu, u32 count, Put&& put) {
    const CallLog& log = per_cpu(cpu).call_log;
    const u8 last = __atomic_load_n(&log.last, __ATOMIC_ACQUIRE);
    auto switched_to = [](const CallLog::Entry& e) { return i32(e.what & ~(CallLog::kSwitch | CallLog::kMoved)); };
    auto is_switch = [](const CallLog::Entry& e) { return e.what & CallLog::kSwitch; };
    // Where to begin, and whose call that is: the first switch from there on says who came before it.
    u32 begin = CallLog::kSize - 1, calls = 0;
    for (u32 back = 0; back < CallLog::kSize; ++back) {
        const CallLog::Entry e = log.entries[u8(last - back)];
        if (!e.what && !e.result && !log.arguments[u8(last - back)]) break; // never used
        begin = back;
        if (!is_switch(e) && ++calls == count) break;
    }
    if (!calls) return;
    i32 tid = log.tid;
    for (u32 back = begin + 1; back-- > 0;)
        if (is_switch(log.entries[u8(last - back)])) {
            tid = i32(log.arguments[u8(last - back)]);
            break;
        }
    put("syscalls cpu %u\n", cpu);
    for (u32 back = begin + 1; back-- > 0;) {
        const u8 at = u8(last - back);
        const CallLog::Entry e = log.entries[at];
        if (is_switch(e)) {
            tid = switched_to(e);
            continue;
        }
        // A thread that slept got its result where it came back, if that was on this CPU.
        u32 result = e.result;
        i32 runs = tid;
        for (u32 later = back; !result && later-- > 0;) {
            const CallLog::Entry l = log.entries[u8(last - later)];
            if (is_switch(l)) {
                runs = switched_to(l);
                if (runs != tid) continue;
                if (l.what & CallLog::kMoved) break; // what ended here may be a call that it made elsewhere
                result = l.result;
            } else if (runs == tid) {
                break; // its next call
            }
        }
        put_call(tid, e, log.arguments[at], result, put);
    }
}

void print_calls() {
    for (u32 cpu = 0; cpu < cpu_count(); ++cpu) put_calls(cpu, kShown, [](auto... words) { panic_print(words...); });
}

Result<void> show_calls(GrowingText& out, u64) {
    for (u32 cpu = 0; cpu < cpu_count(); ++cpu) put_calls(cpu, CallLog::kSize, [&](auto... words) { out.append(words...); });
    return {};
}

const ProcFile files[] = {{"proc/linnet/calls", 0400, show_calls}};

} // namespace

void call_log_init() {
    panic_syscalls = print_calls;
    (void)register_proc_files(files); // the list is full: shown in panics alone
}

} // namespace linnet
