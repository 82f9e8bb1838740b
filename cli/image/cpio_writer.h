// Writes a tree as a `newc` cpio archive, the form that docs/boot-protocol.md describes: entries of less
// than 4096 bytes first, then larger files, each with its data on a page boundary.
#pragma once

#include <cstdint>

#include "cli/image/tree.h"

namespace linnet::cli {

// The same tree gives the same bytes. Returns the archive's size in bytes. Throws CommandError (host file
// unreadable or changed, disk full, file of 4 GiB or more).
std::uint64_t write_cpio(const Tree& tree, int fd);

} // namespace linnet::cli
