// Small text helpers of the host command.
#pragma once

#include <cstdint>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace linnet::cli {

// Its arguments, written after one another.
template <typename... Args>
std::string concat(const Args&... args) {
    std::ostringstream out;
    (out << ... << args);
    return std::move(out).str();
}

std::vector<std::string> split(std::string_view text, char separator);

// Splits as a shell does: blanks, single and double quotes, backslashes; no expansion. Throws
// CommandError for an unfinished quote.
std::vector<std::string> split_shell_words(std::string_view text);

// One word as a shell would have to read it.
std::string shell_quoted(std::string_view word);

// One word of the kernel's command line (docs/boot-protocol.md). Throws CommandError for a NUL byte.
std::string kernel_quoted(std::string_view word);

// A decimal number in [0, max], nothing before or after it.
std::optional<std::uint64_t> parse_number(std::string_view text, std::uint64_t max);

// "256M", "1g", "1048576B": bytes; a unit is required. Units are powers of 1024.
std::optional<std::uint64_t> parse_size(std::string_view text);

// "16 MiB", "720 KiB"
std::string size_text(std::uint64_t bytes);

// The text of errno value `error`.
std::string error_text(int error);

// A whole file; nothing if it cannot be read.
std::optional<std::string> read_file(const std::string& path);

// Writes `data` to a file beside `path` and renames it over `path`. Throws CommandError.
void write_file_atomically(const std::string& path, std::string_view data, unsigned mode = 0644);

// 128-bit FNV-1a, for cache keys of trusted inputs (not a cryptographic hash).
class Fingerprint {
public:
    void add(std::string_view bytes);
    void add(std::uint64_t number);
    std::string hex() const;

private:
    unsigned __int128 state_ =
        (static_cast<unsigned __int128>(0x6c62272e07bb0142) << 64) | 0x62b821756295c58d;
};

} // namespace linnet::cli
