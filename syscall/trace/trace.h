// The trace (`linnet trace`, `--strace`): what the dispatcher, signals and the ends of threads tell of themselves, as records of
// linux-abi/trace_record.h with text by linux-abi/trace_format.h.
#pragma once

#include "kernel/task/task.h"
#include "linux-abi/syscalls.h"

namespace linnet {

/// What is traced, by the boot options trace, trace_follow. Read only after boot.
struct TraceChoice {
    u64 calls[(abi::max_syscall + 64) / 64] = {}; // a bit for each number
    bool unknown_calls = false;                  // numbers that have no name
    bool follow = true;                          // all threads; else only the first
};
extern TraceChoice trace_choice;

inline bool trace_wants_thread(const Task& t) { return trace_choice.follow || t.tid == 1; }
inline bool trace_wants(const Task& t, u64 number) {
    const bool call = number <= u64(abi::max_syscall) ? trace_choice.calls[number / 64] >> (number % 64) & 1 : trace_choice.unknown_calls;
    return call && trace_wants_thread(t);
}

/// True while system calls are traced.
extern bool trace_calls;

/// By the boot options: the choice, the rings, the hooks for signals, new threads and their ends. Boot, when all CPUs have come and there is no program yet; thread
/// context. Ends the machine if there is no memory for it.
void trace_init();
/// Process 1 is about to run its first instruction: what the trace begins with. In its context.
void trace_program_started();

/// Before the handler, and after it. Thread context.
void trace_entry(Task& t, const TrapFrame& f);
void trace_exit(Task& t, const TrapFrame& f, u64 number, abi::Outcome o);

} // namespace linnet
