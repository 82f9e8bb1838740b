// Small text helpers that the parsers of this folder share.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace linnet::cli {

std::string_view trim(std::string_view text);
std::vector<std::string_view> lines_of(std::string_view text); // without '\n'; no empty line at the end
std::vector<std::string_view> split_views(std::string_view text, char separator);
std::vector<std::string_view> blank_separated(std::string_view text);

// Words as a POSIX shell quotes them: '...', "...", backslash; blanks separate. Nothing is expanded.
// nullopt if a quote is left open.
std::optional<std::vector<std::string>> shell_words(std::string_view text);

// `*` any characters (slashes too), `?` one, everything else itself.
bool glob_match(std::string_view pattern, std::string_view text);

std::optional<unsigned> parse_octal(std::string_view text);
std::optional<unsigned> parse_decimal(std::string_view text);

// Absolute, without ".", "..", "//" or a trailing slash; ".." stops at the root. "" becomes "/".
std::string clean_path(std::string_view path);

// clean_path, and the folders that Debian has merged or moved: /bin, /sbin, /lib* into /usr, /var/run
// to /run, /var/lock to /run/lock.
std::string merged_path(std::string_view path);

} // namespace linnet::cli
