// Finished images in the cache folder, by what they hold. Old ones go when the cache grows over its limit.
#pragma once

#include <cstdint>
#include <filesystem>

#include "cli/image/tree.h"

namespace linnet::cli {

struct ImageFile {
    std::filesystem::path path;
    std::uint64_t size = 0; // bytes
    bool was_cached = false;
};

// Completes the tree (parent folders, mount points) and writes it, or finds it written before. Throws
// CommandError.
ImageFile make_image(Tree& tree);

} // namespace linnet::cli
