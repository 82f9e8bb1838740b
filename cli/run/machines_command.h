// `linnet ps`, `logs`, `stop` and `rm`. Each takes the words after the command's name and returns the
// exit status.
#pragma once

#include <string>
#include <vector>

namespace linnet::cli {

int ps_command(const std::vector<std::string>& words);
int logs_command(const std::vector<std::string>& words);
int stop_command(const std::vector<std::string>& words);
int rm_command(const std::vector<std::string>& words);

} // namespace linnet::cli
