#include "linux-abi/script.h"

namespace linnet::abi {
namespace {

bool is_blank(char c) { return c == ' ' || c == '\t'; }

} // namespace

Result<ScriptLine> parse_script(std::string_view head) {
    if (head.size() > script_buffer_size) head = {head.data(), script_buffer_size};
    if (head.size() < 2 || head[0] != '#' || head[1] != '!') return ENOEXEC;
    // A file shorter than the buffer is as if NUL bytes followed, which end names.
    bool whole_file = head.size() < script_buffer_size;
    std::string_view line(head.data() + 2, head.size() - 2);
    size_t newline = line.find('\n');
    bool cut = false;
    if (newline != std::string_view::npos) {
        line = {line.data(), newline};
    } else if (!whole_file) {
        line.remove_suffix(1); // the last byte is Linux's terminator
        cut = true;
    }
    size_t start = 0;
    while (start < line.size() && is_blank(line[start])) ++start;
    if (start == line.size() && (cut || newline != std::string_view::npos)) return ENOEXEC;
    size_t end = start;
    while (end < line.size() && !is_blank(line[end]) && line[end] != '\0') ++end;
    if (cut && end == line.size()) return ENOEXEC; // the path may go on
    ScriptLine out{{line.data() + start, end - start}, {}, false};

    size_t nul = line.find('\0', start);
    if (nul != std::string_view::npos) line = {line.data(), nul};
    while (!line.empty() && is_blank(line.back())) line.remove_suffix(1);
    size_t arg = end;
    while (arg < line.size() && is_blank(line[arg])) ++arg;
    if (arg < line.size()) {
        out.argument = {line.data() + arg, line.size() - arg};
        out.has_argument = true;
    }
    return out;
}

} // namespace linnet::abi
