// `linnet run`.
#pragma once

#include <string>
#include <vector>

namespace linnet::cli {

// `words` follow "run". Returns the exit status; throws CommandError and AptError.
int run_command(const std::vector<std::string>& words);

} // namespace linnet::cli
