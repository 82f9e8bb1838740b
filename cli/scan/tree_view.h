// The files of a guest's tree, as ld.so in the guest would find them.
#pragma once

#include "cli/image/elf_deps.h"
#include "cli/image/tree.h"

namespace linnet::cli {

// `tree` must outlive the view.
FileView view_of_tree(const Tree& tree);

} // namespace linnet::cli
