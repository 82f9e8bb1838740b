// Nanoseconds to the ABI's time structures and back.
#pragma once

#include "kernel/lib/types.h"
#include "linux-abi/errno.h"
#include "linux-abi/time.h"

namespace linnet {

inline abi::Timespec to_timespec(u64 ns) { return {i64(ns / kNsPerSec), i64(ns % kNsPerSec)}; }
inline abi::Timeval to_timeval(u64 ns) { return {i64(ns / kNsPerSec), i64(ns % kNsPerSec / kNsPerUs)}; }

/// CLOCK_REALTIME was set: timerfds that wait for a time of it follow, or are cancelled. Thread context.
void clock_was_set();

/// EINVAL for a negative or denormalised time; times beyond 146 years are cut.
inline Result<u64> from_timespec(const abi::Timespec& t) {
    if (t.sec < 0 || u64(t.nsec) >= kNsPerSec) return EINVAL;
    constexpr u64 kMost = (u64(1) << 62) / kNsPerSec;
    return u64(t.sec) > kMost ? kMost * kNsPerSec : u64(t.sec) * kNsPerSec + u64(t.nsec);
}

} // namespace linnet
