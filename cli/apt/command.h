// Runs a host program and collects what it prints.
#pragma once

#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace linnet::cli {

struct CommandResult {
    int status = 0; // exit status; 128+N for a signal; 127 if the program is not there
    std::string out;
    std::string err;
};

struct CommandOptions {
    std::vector<std::pair<std::string, std::string>> env; // set on top of this process's environment
    std::filesystem::path cwd;
    // Called with each piece of stdout instead of collecting it. May throw; the program is then killed.
    std::function<void(std::span<const char>)> on_output;
};

// stdin is /dev/null. Throws std::system_error only if no process or pipe can be had.
CommandResult run_command(const std::vector<std::string>& argv, const CommandOptions& options = {});

// The last non-empty line of a text, for a one-line error message.
std::string last_line(const std::string& text);

} // namespace linnet::cli
