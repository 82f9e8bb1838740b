// `linnet compare`: a program on Linux under strace and in the guest, and where they first differ.
#pragma once

#include <string>
#include <vector>

namespace linnet::cli {

// `words` are those after "compare". 0: the traces are equal, 1: they differ. Throws CommandError.
int compare_command(const std::vector<std::string>& words);

} // namespace linnet::cli
