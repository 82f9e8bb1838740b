// Core files that the guest sent through the port linnet.core (docs/boot-protocol.md).
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace linnet::cli {

// Writes DIR/core.NAME.PID for each core of the stream; the stream is any bytes. The paths, in the order of their beginnings. A core whose end is
// missing (a limit, the VM's end) is kept. Throws CommandError if a file cannot be written.
std::vector<std::filesystem::path> unpack_cores(const std::filesystem::path& stream, const std::filesystem::path& folder);

} // namespace linnet::cli
