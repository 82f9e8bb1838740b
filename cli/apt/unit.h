// A systemd service unit, as far as it says how a program is run (systemd.service(5), systemd.exec(5)).
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/apt/setup_action.h"

namespace linnet::cli {

struct Unit {
    std::vector<std::string> argv; // of the last ExecStart; empty if there is none that can be run
    std::vector<std::string> env;  // "K=V"
    std::string cwd;
    std::string user;
    std::string group;
    std::vector<std::string> supplementary_groups;
    bool forks = false;            // Type=forking: the program would go to the background
    SetupActions folders;          // RuntimeDirectory=, StateDirectory=, CacheDirectory=, LogsDirectory=, ...
};

// `read_file` gives the text of an EnvironmentFile (a path in the image), empty if there is none.
// `name` is the unit's, for specifiers ("redis-server.service").
Unit parse_unit(std::string_view text, std::string_view name,
                const std::function<std::string(const std::string&)>& read_file);

} // namespace linnet::cli
