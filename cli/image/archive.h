// The members of a tar or cpio archive (compressed or not) as entries of a tree.
#pragma once

#include <string>

#include "cli/image/tree.h"

namespace linnet::cli {

// Throws CommandError naming the file if it is no archive, is damaged, or cannot be read.
void add_archive(Tree& tree, const std::string& path);

} // namespace linnet::cli
