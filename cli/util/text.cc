#include "cli/util/text.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>

#include "cli/util/error.h"
#include "cli/util/fd.h"

namespace linnet::cli {

std::vector<std::string> split(std::string_view text, char separator) {
    std::vector<std::string> parts;
    while (true) {
        const auto at = text.find(separator);
        parts.emplace_back(text.substr(0, at));
        if (at == std::string_view::npos)
            return parts;
        text.remove_prefix(at + 1);
    }
}

std::vector<std::string> split_shell_words(std::string_view text) {
    std::vector<std::string> words;
    std::string word;
    bool in_word = false;
    char quote = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (quote == '\'') {
            if (c == quote)
                quote = 0;
            else
                word += c;
        } else if (c == '\\' && i + 1 < text.size()) {
            const char next = text[++i];
            if (quote == '"' && next != '"' && next != '\\' && next != '$' && next != '`')
                word += c;
            word += next;
            in_word = true;
        } else if (quote == '"') {
            if (c == quote)
                quote = 0;
            else
                word += c;
        } else if (c == '\'' || c == '"') {
            quote = c;
            in_word = true;
        } else if (c == ' ' || c == '\t' || c == '\n') {
            if (in_word)
                words.push_back(std::move(word));
            word.clear();
            in_word = false;
        } else {
            word += c;
            in_word = true;
        }
    }
    if (quote)
        throw CommandError("unfinished quote in: " + std::string(text));
    if (in_word)
        words.push_back(std::move(word));
    return words;
}

std::string shell_quoted(std::string_view word) {
    constexpr std::string_view plain =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=:,./@%^";
    if (!word.empty() && word.find_first_not_of(plain) == std::string_view::npos)
        return std::string(word);
    std::string quoted = "'";
    for (const char c : word) {
        if (c == '\'')
            quoted += "'\\''";
        else
            quoted += c;
    }
    return quoted + "'";
}

std::string kernel_quoted(std::string_view word) {
    if (word.find('\0') != std::string_view::npos)
        throw CommandError("a NUL byte in an argument");
    // Blanks, quotes, backslashes and control characters are quoted; so is what could be taken for
    // the separator or for a device option.
    bool plain = !word.empty() && word != "--" && !word.starts_with("virtio_mmio.device=");
    for (const char c : word)
        plain = plain && c > ' ' && c != '"' && c != '\\' && c != 0x7f;
    if (plain)
        return std::string(word);
    std::string quoted = "\"";
    for (const char c : word) {
        if (c == '"' || c == '\\')
            quoted += '\\';
        if (c == '\n')
            quoted += "\\n";
        else
            quoted += c;
    }
    return quoted + "\"";
}

std::optional<std::uint64_t> parse_number(std::string_view text, std::uint64_t max) {
    if (text.empty() || text.size() > 20)
        return {};
    std::uint64_t value = 0;
    for (const char c : text) {
        if (c < '0' || c > '9')
            return {};
        const auto digit = static_cast<std::uint64_t>(c - '0');
        if (value > (max - digit) / 10)
            return {};
        value = value * 10 + digit;
    }
    return value <= max ? std::optional(value) : std::nullopt;
}

std::optional<std::uint64_t> parse_size(std::string_view text) {
    if (text.empty())
        return {};
    int shift = 0;
    switch (text.back()) {
    case 'b': case 'B': shift = 0; break;
    case 'k': case 'K': shift = 10; break;
    case 'm': case 'M': shift = 20; break;
    case 'g': case 'G': shift = 30; break;
    case 't': case 'T': shift = 40; break;
    default: return {};
    }
    text.remove_suffix(1);
    const auto number = parse_number(text, UINT64_MAX >> shift);
    return number ? std::optional(*number << shift) : std::nullopt;
}

std::string size_text(std::uint64_t bytes) {
    if (bytes >= 1024 * 1024 && bytes % (1024 * 1024) == 0)
        return concat(bytes >> 20, " MiB");
    if (bytes >= 10 * 1024 * 1024)
        return concat(bytes >> 20, ".", ((bytes >> 10) % 1024) * 10 / 1024, " MiB");
    return concat((bytes + 1023) >> 10, " KiB");
}

std::string error_text(int error) {
    return ::strerror(error);
}

std::optional<std::string> read_file(const std::string& path) {
    Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd)
        return {};
    std::string data;
    char chunk[65536];
    while (true) {
        const ssize_t n = ::read(fd.get(), chunk, sizeof chunk);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return {};
        if (n == 0)
            return data;
        data.append(chunk, static_cast<std::size_t>(n));
    }
}

void write_file_atomically(const std::string& path, std::string_view data, unsigned mode) {
    const std::string temporary = concat(path, ".", ::getpid(), ".new");
    Fd fd(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode));
    if (!fd)
        throw CommandError(concat("cannot write ", path, ": ", error_text(errno)));
    while (!data.empty()) {
        const ssize_t n = ::write(fd.get(), data.data(), data.size());
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            const int error = errno;
            ::unlink(temporary.c_str());
            throw CommandError(concat("cannot write ", path, ": ", error_text(error)));
        }
        data.remove_prefix(static_cast<std::size_t>(n));
    }
    if (::rename(temporary.c_str(), path.c_str()) != 0) {
        const int error = errno;
        ::unlink(temporary.c_str());
        throw CommandError(concat("cannot write ", path, ": ", error_text(error)));
    }
}

void Fingerprint::add(std::string_view bytes) {
    constexpr unsigned __int128 prime = (static_cast<unsigned __int128>(1) << 88) | 0x13b;
    for (const char c : bytes)
        state_ = (state_ ^ static_cast<unsigned char>(c)) * prime;
    add(bytes.size());
}

void Fingerprint::add(std::uint64_t number) {
    constexpr unsigned __int128 prime = (static_cast<unsigned __int128>(1) << 88) | 0x13b;
    for (int i = 0; i < 8; ++i)
        state_ = (state_ ^ ((number >> (8 * i)) & 0xff)) * prime;
}

std::string Fingerprint::hex() const {
    std::string text;
    for (int i = 124; i >= 0; i -= 4)
        text += "0123456789abcdef"[static_cast<int>(state_ >> i) & 15];
    return text;
}

} // namespace linnet::cli
