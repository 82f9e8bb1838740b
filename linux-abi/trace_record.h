// The records of the port `linnet.trace` (docs/boot-protocol.md): what the kernel saw, one record an event, with the text that
// trace_format.h makes of it. The host puts them in order and presents them.
#pragma once

#include <cstdint>

namespace linnet::abi {

enum class TraceKind : uint16_t {
    start = 1,  ///< first of all; `result`: realtime minus monotonic, ns
    entry = 2,  ///< a call begins; the text is format_call_entry's
    exit = 3,   ///< it has returned; the text is format_call_exit's
    signal = 4, ///< a signal is dealt with, `number`; the text is format_signal's
    end = 5,    ///< the thread ends, with wait4's status in `number`; the text is format_exit's
    attach = 6, ///< a thread has been made, that of `pid` and `tid`, and did not run yet
};

/// Bits of TraceRecord::flags.
inline constexpr uint16_t trace_flag_more = 1; ///< entry: the exit part has further arguments
inline constexpr uint16_t trace_flag_cut = 2;  ///< the text was longer than its buffer

/// Little-endian, without padding; `length - sizeof` bytes of text follow.
struct TraceRecord {
    uint32_t magic;    ///< trace_magic
    uint32_t length;   ///< bytes, this header included
    TraceKind kind;
    uint16_t flags;
    uint32_t number;   ///< of the call, the signal, or a status; see TraceKind
    uint64_t sequence; ///< the order of all records; from 0, without a gap
    uint64_t time_ns;  ///< CLOCK_MONOTONIC: the call begins, has returned
    int32_t pid, tid;
    int64_t result;    ///< exit: Outcome::raw()
    uint64_t cpu_ns;   ///< exit: CPU time that the thread spent in the call
};
static_assert(sizeof(TraceRecord) == 56);

inline constexpr uint32_t trace_magic = 0x52544e4c; ///< "LNTR"
/// Longest text of one record.
inline constexpr uint32_t trace_text_limit = 65536;

} // namespace linnet::abi
