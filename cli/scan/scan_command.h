// `linnet scan PROGRAM`: which system calls a program can make, and what Linnet does of them.
#pragma once

#include <string>
#include <vector>

namespace linnet::cli {

// The words are those after "scan". Returns 0 when PROGRAM was scanned. Throws CommandError (125, 126, 127) and AptError.
int scan_command(const std::vector<std::string>& words);

} // namespace linnet::cli
