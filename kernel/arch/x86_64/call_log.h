// The last events of each CPU, for panics and /proc/linnet/calls: system calls with their first argument and result, and which thread
// the CPU went to. Six instructions a call (four before, two after it), so that it is always on.
//
// A result is stored in the CPU's last entry. That is the call's own, or, if the thread slept meanwhile, one that log_switch() made
// when it came back.
#pragma once

#include "kernel/lib/types.h"

namespace linnet {

struct CallLog {
    static constexpr u32 kSize = 256; // `last` is a byte, and wraps by itself
    static constexpr u32 kSwitch = 1u << 31; // in `what`: not a call, but a switch to thread `what`, from thread `argument`
    static constexpr u32 kMoved = 1u << 30;  // of a switch: the thread was on another CPU meanwhile, perhaps in another call
    static constexpr u32 kFinished = 0x208;  // added to a result, so that 0 stands for none yet

    u8 last;
    i32 tid; // of the last program's thread
    struct Entry {
        u32 what;   // the call's number
        u32 result; // the low half, plus kFinished
    };
    Entry entries[kSize];
    u64 arguments[kSize]; // of calls: the first
};

#if LINNET_HOSTED
inline void log_switch(CallLog&, i32, bool) {}
#else
/// Where a field lies behind GS: PerCpu::call_log.
inline constexpr u64 kCallLogAt = 64;

/// Before a call. Thread context: the thread stays on its CPU unless it sleeps.
[[gnu::always_inline]] inline void log_call(u64 number, u64 argument) {
    u64 i;
    asm volatile("incb %%gs:%c[last]\n\t"
                 "movzbl %%gs:%c[last], %k[i]\n\t"
                 "mov %[number], %%gs:%c[entries](,%[i],8)\n\t" // no result yet
                 "mov %[argument], %%gs:%c[arguments](,%[i],8)"
                 : [i] "=&r"(i)
                 : [number] "r"(number), [argument] "r"(argument), [last] "i"(kCallLogAt + offsetof(CallLog, last)),
                   [entries] "i"(kCallLogAt + offsetof(CallLog, entries)), [arguments] "i"(kCallLogAt + offsetof(CallLog, arguments)));
}

/// After it.
[[gnu::always_inline]] inline void log_result(i64 result) {
    u64 i;
    asm volatile("movzbl %%gs:%c[last], %k[i]\n\t"
                 "mov %k[result], %%gs:%c[results](,%[i],8)"
                 : [i] "=&r"(i)
                 : [result] "r"(u64(result) + CallLog::kFinished), [last] "i"(kCallLogAt + offsetof(CallLog, last)),
                   [results] "i"(kCallLogAt + offsetof(CallLog, entries) + offsetof(CallLog::Entry, result)));
}

/// The CPU goes to thread `tid` of a program, which was last on another one if `moved`. Interrupts off.
inline void log_switch(CallLog& log, i32 tid, bool moved) {
    if (log.tid == tid && !moved) return;
    const u8 i = u8(log.last + 1);
    log.entries[i] = {CallLog::kSwitch | (moved ? CallLog::kMoved : 0) | u32(tid), 0};
    log.arguments[i] = u64(log.tid);
    log.last = i;
    log.tid = tid;
}
#endif

} // namespace linnet
