// Site tables for every ELF file of a tree, as /.linnet/sites/<build-id>, made once per build-id.
#pragma once

#include "cli/image/tree.h"

namespace linnet::cli {

void add_site_tables(Tree& tree);

} // namespace linnet::cli
