// Where the command keeps and finds its files on the host.
#pragma once

#include <filesystem>
#include <string>

namespace linnet::cli {

// $XDG_CACHE_HOME/linnet or ~/.cache/linnet; made if it is not there. Throws CommandError.
std::filesystem::path cache_folder();

// The same, with a folder below it.
std::filesystem::path cache_folder(const std::string& below);

// The folder that the command was built in, and the source tree.
std::filesystem::path build_folder();
std::filesystem::path source_folder();

// The kernel to boot: `override` if not empty, else the stripped image of the build folder. Throws
// CommandError if there is none.
std::filesystem::path kernel_file(const std::string& override, bool must_exist = true);

// The unstripped twin of a kernel, for symbols; the kernel itself if there is none.
std::filesystem::path kernel_with_symbols(const std::filesystem::path& kernel);

// A name without a slash along PATH of this process: the first executable regular file; else empty.
std::filesystem::path find_on_path(const std::string& name);

// The boot-id of this machine's kernel: what was measured under another one may be void.
std::string host_boot_id();

} // namespace linnet::cli
