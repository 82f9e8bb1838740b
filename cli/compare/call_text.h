// One line of a trace, taken apart: name, arguments, result.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace linnet::cli {

struct CallText {
    std::string name;                   // empty: no call (a signal, an end, a line that was cut)
    std::vector<std::string> arguments; // as they stand, without the commas between them
    std::string result;                 // "3", "-1", "?", "0x7f..."
    std::string tail;                   // what follows it: " ENOENT (No such file or directory)"; with its blank

    long number_result() const; // -1 if it is no decimal number
    std::string text() const;
};

// Quotes, brackets and comments are matched; what is no whole call gives an empty name.
CallText parse_call(std::string_view line);

// Where " = " of the result begins; npos if there is none. Those within the arguments do not count.
std::size_t result_position(std::string_view line);

// The end of the quoted string that begins at `at` (its opening quote): behind the closing quote.
std::size_t skip_quoted(std::string_view line, std::size_t at);

} // namespace linnet::cli
