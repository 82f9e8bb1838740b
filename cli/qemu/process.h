// A child process of the command, with the descriptors that it is meant to have.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "cli/util/fd.h"

namespace linnet::cli {

struct ChildOptions {
    std::vector<int> inherited;  // descriptors that stay open, at the same numbers
    int error_output = -1;       // its stdout and stderr; -1: /dev/null
    bool own_group = true;       // out of reach of the terminal's Ctrl-C
};

// Starts argv[0] along PATH with /dev/null as stdin; the child is killed when this process dies. Throws
// CommandError (125: not found, not executable).
pid_t start_child(const std::vector<std::string>& argv, const ChildOptions& options);

// Waits; returns the status of waitpid.
int wait_child(pid_t pid);

// Waits at most `deadline_ms`; then kills the child and returns -1.
int wait_child_until(pid_t pid, int deadline_ms);

} // namespace linnet::cli
