// A trace in strace's format as data: whole calls, in order, for each thread.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace linnet::cli {

// One line: a call with its result, a signal, or an end. Of a call that other threads interrupted on the page
// ("<unfinished ...>", "<... read resumed>") the parts are joined.
struct TraceLine {
    long pid = 0; // as the trace has it; 0: the trace does not say
    std::string text;
};

struct ThreadTrace {
    // Where it stands in the family: "1" is the first thread, "1.2" what its second fork or clone made. Numbers of processes
    // differ from run to run, these do not, whoever runs first.
    std::string label;
    long pid = 0;
    std::vector<std::string> lines;
};

struct Trace {
    std::vector<ThreadTrace> threads;    // by label, parents first
    std::map<long, std::string> labels;  // of every process number that the trace knows
    bool several_threads = false;        // somebody shares memory with somebody
};

// The lines of strace -f -o FILE, of strace -f on a terminal ("[pid 12] read(..."), or of a kernel log with other text between
// them: what is no line of a trace is left out. Any bytes are taken; a line that is cut stays as it is.
std::vector<TraceLine> read_trace(std::string_view text);

// By thread. The first `executions` successful execve lines of the first thread, and all before them, are left out: they are
// those of the tracer itself, and of the commands that started the program.
Trace by_thread(std::vector<TraceLine> lines, unsigned executions);

} // namespace linnet::cli
