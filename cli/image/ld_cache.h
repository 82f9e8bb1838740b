// The run-time linker's cache of library names (/etc/ld.so.cache).
#pragma once

#include <map>
#include <string>
#include <string_view>

namespace linnet::cli {

// From library name to path, for x86-64 libraries of the plain level (no glibc-hwcaps variants). The file
// is hostile: what does not parse is left out.
std::map<std::string, std::string> read_ld_cache(std::string_view file);

} // namespace linnet::cli
