// Runs a program under strace on this Linux, or in the guest with its system calls traced, and gives the trace.
#pragma once

#include <string>
#include <vector>

#include "cli/run/options.h"

namespace linnet::cli {

struct TracedProgram {
    std::string path; // absolute, as the program's root has it
    std::vector<std::string> arguments;
    std::vector<std::string> environment; // complete
    std::string cwd = "/";
    std::string rootfs;              // the folder that is its root; empty: this machine's
    std::vector<std::string> run_flags; // for `linnet run`: what makes the guest, without PROGRAM
    std::string until;               // the program gets SIGTERM when it has written this to stdout; empty: it ends by itself
    unsigned timeout_s = 600;
};

struct TracedRun {
    std::string trace;      // in strace's format
    std::string output;     // stdout
    int status = 0;         // exit status, or 128+N
    unsigned executions = 0; // leading successful execve lines that are the tracer's, for by_thread()
};

// Both throw CommandError: no strace here, it cannot trace, no time left.
TracedRun run_on_linux(const TracedProgram& program);
TracedRun run_in_guest(const TracedProgram& program);

// What strace starts on Linux: makes this process like the guest's first one, and becomes the program. Words: root, working directory, program, arguments.
[[noreturn]] void enter_program(const std::vector<std::string>& words);

} // namespace linnet::cli
