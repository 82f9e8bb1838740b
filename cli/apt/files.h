// Whole-file helpers.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace linnet::cli {

std::string read_file_or_empty(const std::filesystem::path& path);

// By a temporary file and a rename. Throws std::filesystem::filesystem_error.
void write_file(const std::filesystem::path& path, std::string_view text);

// True if the file was not the same before.
bool write_file_if_changed(const std::filesystem::path& path, std::string_view text);

} // namespace linnet::cli
