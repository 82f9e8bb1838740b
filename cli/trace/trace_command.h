// `linnet trace`.
#pragma once

#include <string>
#include <vector>

namespace linnet::cli {

// `words` follow "trace". Returns the exit status; throws CommandError and AptError.
int trace_command(const std::vector<std::string>& words);

} // namespace linnet::cli
