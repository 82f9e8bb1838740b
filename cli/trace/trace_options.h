// What `linnet trace` was asked to show: strace(1)'s options.
#pragma once

#include <bitset>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "cli/run/options.h"
#include "cli/trace/call_set.h"

namespace linnet::cli {

enum class Timestamp { none, seconds, microseconds, unix_microseconds }; // -t, -tt, -ttt
enum class SummarySort { time, calls, errors, name, average, none };

// Outcomes of calls that are shown: -e status=
struct StatusSet {
    bool successful = true, failed = true, unfinished = true;
    bool all() const { return successful && failed && unfinished; }
};

struct TraceOptions {
    bool follow = false;         // -f
    bool separate = false;       // -ff: a file for each thread
    bool summary = false;        // -c, -C
    bool lines = true;           // not with -c
    bool json = false;
    bool append = false;         // -A
    std::string output;          // -o; empty: stderr
    CallSet calls = CallSet::everything();
    std::bitset<65> signals = std::bitset<65>().set(); // -e signal=, by number
    StatusSet statuses;
    unsigned string_limit = 32;  // -s
    unsigned column = 40;        // -a: where results stand
    Timestamp timestamp = Timestamp::none;
    bool relative = false;       // -r
    bool durations = false;      // -T
    bool numbers = false;        // -n
    bool quiet_attach = false;   // -q
    bool quiet_exit = false;     // -qq
    bool quiet_superseded = false; // -qqq: no word of a thread that execve of another one ends
    bool wall_clock = false;     // -w
    SummarySort sort = SummarySort::time; // -S
};

// `words` are those after "trace". Throws CommandError. Returns false if help was asked for and printed.
bool parse_trace_options(const std::vector<std::string>& words, TraceOptions& trace, RunOptions& run);

// One value of -e. Throws CommandError, which names what is wrong.
void apply_trace_expression(const std::string& text, TraceOptions& trace);

// What the kernel is told (docs/boot-protocol.md).
void ask_kernel(const TraceOptions& trace, RunOptions& run);

} // namespace linnet::cli
