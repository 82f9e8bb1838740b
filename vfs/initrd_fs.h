// The boot archive as the root file system: directories as in tmpfs; the contents of regular files stay in the archive until they
// are used, and pages of it that are page-aligned are used in place. Format: docs/boot-protocol.md.
#pragma once

#include <span>

#include "vfs/dentry.h"

namespace linnet {

/// The tree of an archive in memory (which stays, and is written to: tails of last pages are cleared). `archive` lies in
/// the direct map. Bad entries are left out with a warning; a damaged archive ends where the damage begins. ENOMEM
Result<Ref<Dentry>> make_archive_filesystem(std::span<std::byte> archive);

/// A file under /.linnet/ of the archive, which programs do not see. Empty if there is none. `path` without "/.linnet/".
std::span<const std::byte> archive_private_file(std::string_view path);

} // namespace linnet
