// `linnet gaps`. Takes the words after the command's name and returns the exit status.
#pragma once

#include <string>
#include <vector>

namespace linnet::cli {

int gaps_command(const std::vector<std::string>& words);

} // namespace linnet::cli
