#include "cli/apt/text.h"

#include <array>
#include <utility>

namespace linnet::cli {

std::string_view trim(std::string_view text)
{
    size_t begin = text.find_first_not_of(" \t\r\n");
    if (begin == std::string_view::npos)
        return {};
    return text.substr(begin, text.find_last_not_of(" \t\r\n") + 1 - begin);
}

std::vector<std::string_view> split_views(std::string_view text, char separator)
{
    std::vector<std::string_view> result;
    for (;;) {
        size_t at = text.find(separator);
        result.push_back(text.substr(0, at));
        if (at == std::string_view::npos)
            return result;
        text.remove_prefix(at + 1);
    }
}

std::vector<std::string_view> lines_of(std::string_view text)
{
    std::vector<std::string_view> result = split_views(text, '\n');
    if (result.back().empty())
        result.pop_back();
    return result;
}

std::vector<std::string_view> blank_separated(std::string_view text)
{
    std::vector<std::string_view> result;
    for (;;) {
        size_t begin = text.find_first_not_of(" \t\r\n");
        if (begin == std::string_view::npos)
            return result;
        text.remove_prefix(begin);
        size_t end = text.find_first_of(" \t\r\n");
        result.push_back(text.substr(0, end));
        if (end == std::string_view::npos)
            return result;
        text.remove_prefix(end);
    }
}

std::optional<std::vector<std::string>> shell_words(std::string_view text)
{
    std::vector<std::string> words;
    std::string word;
    bool in_word = false;
    for (size_t i = 0; i < text.size(); ++i) {
        char c = text[i];
        if (c == ' ' || c == '\t' || c == '\n') {
            if (in_word)
                words.push_back(std::exchange(word, {}));
            in_word = false;
            continue;
        }
        in_word = true;
        if (c == '\'') {
            size_t end = text.find('\'', i + 1);
            if (end == std::string_view::npos)
                return std::nullopt;
            word += text.substr(i + 1, end - i - 1);
            i = end;
        } else if (c == '"') {
            for (++i; i < text.size() && text[i] != '"'; ++i) {
                if (text[i] == '\\' && i + 1 < text.size() &&
                    std::string_view("\\\"$`").find(text[i + 1]) != std::string_view::npos)
                    ++i;
                word += text[i];
            }
            if (i == text.size())
                return std::nullopt;
        } else if (c == '\\' && i + 1 < text.size()) {
            word += text[++i];
        } else {
            word += c;
        }
    }
    if (in_word)
        words.push_back(std::move(word));
    return words;
}

bool glob_match(std::string_view pattern, std::string_view text)
{
    size_t p = 0, t = 0;
    size_t star = std::string_view::npos, star_text = 0;
    while (t < text.size()) {
        if (p < pattern.size() && pattern[p] == '*') {
            star = p++;
            star_text = t;
        } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == text[t])) {
            ++p;
            ++t;
        } else if (star != std::string_view::npos) {
            p = star + 1;
            t = ++star_text;
        } else {
            return false;
        }
    }
    while (p < pattern.size() && pattern[p] == '*')
        ++p;
    return p == pattern.size();
}

static std::optional<unsigned> parse_number(std::string_view text, unsigned base)
{
    if (text.empty() || text.size() > 9)
        return std::nullopt;
    unsigned value = 0;
    for (char c : text) {
        unsigned digit = static_cast<unsigned>(c - '0');
        if (digit >= base)
            return std::nullopt;
        value = value * base + digit;
    }
    return value;
}

std::optional<unsigned> parse_octal(std::string_view text) { return parse_number(text, 8); }
std::optional<unsigned> parse_decimal(std::string_view text) { return parse_number(text, 10); }

std::string clean_path(std::string_view path)
{
    std::vector<std::string_view> parts;
    for (std::string_view part : split_views(path, '/')) {
        if (part.empty() || part == ".")
            continue;
        if (part != "..")
            parts.push_back(part);
        else if (!parts.empty())
            parts.pop_back();
    }
    std::string result;
    for (std::string_view part : parts)
        (result += '/') += part;
    return result.empty() ? "/" : result;
}

std::string merged_path(std::string_view path)
{
    static constexpr std::array<std::pair<std::string_view, std::string_view>, 8> moves{{
        {"/bin", "/usr/bin"}, {"/sbin", "/usr/sbin"}, {"/lib", "/usr/lib"}, {"/lib32", "/usr/lib32"},
        {"/lib64", "/usr/lib64"}, {"/libx32", "/usr/libx32"}, {"/var/run", "/run"},
        {"/var/lock", "/run/lock"},
    }};
    std::string clean = clean_path(path);
    for (auto [from, to] : moves) {
        if (clean == from)
            return std::string(to);
        if (clean.starts_with(from) && clean[from.size()] == '/')
            return std::string(to) + clean.substr(from.size());
    }
    return clean;
}

} // namespace linnet::cli
