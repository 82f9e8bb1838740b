// `#!` lines. Source: execve(2); Linux 6.1's rules (fs/binfmt_script.c): the first 256 bytes of the file count,
// one optional argument holds everything up to the end of the line.
#pragma once

#include <span>
#include <string_view>

#include "linux-abi/errno.h"

namespace linnet::abi {

inline constexpr size_t script_buffer_size = 256;
inline constexpr int script_max_depth = 5; // deeper chains of interpreters: ELOOP

struct ScriptLine {
    std::string_view interpreter; // may be empty (then opening it is ENOENT)
    std::string_view argument;
    bool has_argument;
};

/// `head`: the first bytes of the file, up to script_buffer_size. The views point into it.
/// ENOEXEC: no script, no interpreter, or a path that the buffer cuts off.
Result<ScriptLine> parse_script(std::string_view head);

} // namespace linnet::abi
