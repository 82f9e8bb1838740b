#include "cli/compare/call_text.h"

#include <cctype>

#include "cli/util/text.h"

namespace linnet::cli {

std::size_t skip_quoted(std::string_view line, std::size_t at) {
    for (++at; at < line.size(); ++at) {
        if (line[at] == '\\')
            ++at;
        else if (line[at] == '"')
            return at + 1;
    }
    return line.size();
}

namespace {

// Behind the parenthesis that closes the one at `open`; npos if none does.
std::size_t close_of(std::string_view line, std::size_t open, std::vector<std::size_t>* commas) {
    std::size_t depth = 0;
    for (std::size_t i = open; i < line.size();) {
        const char c = line[i];
        if (c == '"') {
            i = skip_quoted(line, i);
            continue;
        }
        if (line.substr(i).starts_with("/*")) {
            const std::size_t end = line.find("*/", i + 2);
            i = end == std::string_view::npos ? line.size() : end + 2;
            continue;
        }
        if (c == '(' || c == '[' || c == '{') {
            ++depth;
        } else if (c == ')' || c == ']' || c == '}') {
            if (--depth == 0)
                return i + 1;
        } else if (c == ',' && depth == 1 && commas) {
            commas->push_back(i);
        }
        ++i;
    }
    return std::string_view::npos;
}

std::size_t name_length(std::string_view line) {
    std::size_t n = 0;
    while (n < line.size() && (std::isalnum(static_cast<unsigned char>(line[n])) || line[n] == '_'))
        ++n;
    return n;
}

} // namespace

std::size_t result_position(std::string_view line) {
    const std::size_t open = name_length(line);
    if (open == 0 || open >= line.size() || line[open] != '(')
        return std::string_view::npos;
    std::size_t at = close_of(line, open, nullptr);
    if (at == std::string_view::npos)
        return at;
    while (at < line.size() && line[at] == ' ')
        ++at;
    return line.substr(at).starts_with("= ") ? at : std::string_view::npos;
}

CallText parse_call(std::string_view line) {
    CallText call;
    const std::size_t open = name_length(line);
    if (open == 0 || open >= line.size() || line[open] != '(')
        return call;
    std::vector<std::size_t> commas;
    const std::size_t close = close_of(line, open, &commas);
    if (close == std::string_view::npos)
        return call;
    std::size_t at = close;
    while (at < line.size() && line[at] == ' ')
        ++at;
    if (!line.substr(at).starts_with("= "))
        return call;
    call.name = line.substr(0, open);
    std::size_t from = open + 1;
    commas.push_back(close - 1);
    for (const std::size_t comma : commas) {
        std::string_view argument = line.substr(from, comma - from);
        while (argument.starts_with(' '))
            argument.remove_prefix(1);
        if (!argument.empty() || commas.size() > 1)
            call.arguments.emplace_back(argument);
        from = comma + 1;
    }
    const std::string_view rest = line.substr(at + 2);
    const std::size_t end = std::min(rest.find(' '), rest.size());
    call.result = rest.substr(0, end);
    call.tail = rest.substr(end);
    return call;
}

long CallText::number_result() const {
    const auto value = parse_number(result, 0x7fffffff);
    return value ? static_cast<long>(*value) : -1;
}

std::string CallText::text() const {
    std::string text = name + "(";
    for (std::size_t i = 0; i < arguments.size(); ++i)
        text += (i ? ", " : "") + arguments[i];
    return text + ") = " + result + tail;
}

} // namespace linnet::cli
