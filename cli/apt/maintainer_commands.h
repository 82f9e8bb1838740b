// The commands that parse_maintainer_script understands.
#pragma once

#include <string>
#include <vector>

#include "cli/apt/setup_action.h"

namespace linnet::cli {

// `words`: a command and its arguments, expanded. Appends nothing for a command that is not known.
void append_command_actions(const std::vector<std::string>& words, SetupActions& actions);

} // namespace linnet::cli
