// The kernel's command line for one run (docs/boot-protocol.md).
#pragma once

#include <string>
#include <vector>

#include "cli/run/options.h"

namespace linnet::cli {

struct Program {
    std::string path;                     // absolute in the guest, or relative to cwd, or along PATH
    std::string argv0;                    // empty: path
    std::vector<std::string> arguments;
    std::vector<std::string> environment; // "K=V", complete
    std::string cwd = "/";
    std::string user; // "UID[:GID[,GROUP...]]"; empty: root
};

// `tsc_khz` 0: not known.
std::string kernel_command_line(const RunOptions& options, const Program& program, std::uint64_t tsc_khz);

// The usual variables, then `more`, then `last`; of several settings of one name the last counts.
std::vector<std::string> make_environment(const std::vector<std::string>& more,
                                          const std::vector<std::string>& last, const char* terminal);

} // namespace linnet::cli
