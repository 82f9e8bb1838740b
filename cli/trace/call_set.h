// Sets of system calls as strace's -e trace= has them.
#pragma once

#include <bitset>
#include <string>
#include <string_view>

#include "cli/trace/call_names.h"

namespace linnet::cli {

struct CallSet {
    std::bitset<call_numbers> numbers;
    bool unknown = false; // numbers without a name

    static CallSet everything();
    // A comma list of names, numbers, %classes and /regular expressions/; `!` before it takes the others; `?` before a name: it may be unknown.
    // Throws CommandError for a name, a class or an expression that is none.
    static CallSet parse(std::string_view text);

    // The value of the kernel's option `trace=`.
    std::string kernel_text() const;
};

} // namespace linnet::cli
