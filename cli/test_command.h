// `linnet test`: ctest over the build folder.
#pragma once

#include <string>
#include <vector>

namespace linnet::cli {

// `words` follow "test": `--all` (the whole matrix), the rest goes to ctest as it is. Does not return on
// success. Throws CommandError.
int test_command(const std::vector<std::string>& words);

} // namespace linnet::cli
