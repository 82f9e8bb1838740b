// An error for the user: one line naming the thing, and the command's exit status (Docker's: 125 the
// command itself failed, 126 the program cannot be run, 127 it was not found).
#pragma once

#include <stdexcept>
#include <string>

namespace linnet::cli {

constexpr int status_command_failed = 125;
constexpr int status_cannot_run = 126;
constexpr int status_not_found = 127;

class CommandError : public std::runtime_error {
public:
    CommandError(int status, const std::string& line) : std::runtime_error(line), status_(status) {}
    explicit CommandError(const std::string& line) : CommandError(status_command_failed, line) {}
    int status() const { return status_; }

private:
    int status_;
};

} // namespace linnet::cli
