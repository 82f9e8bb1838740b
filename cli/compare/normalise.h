// What differs between two runs of the same program on one Linux, taken out of the lines of a trace: addresses, process
// numbers, times, random bytes, and what the machine says of itself. The rules stand in normalise_rules.cc, each with its reason.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cli/compare/trace_file.h"

namespace linnet::cli {

struct NormaliseOptions {
    // Leave out the calls whose number depends on who runs when, where the program has several threads.
    bool drop_scheduling = true;
};

// Replaces the lines of every thread by their normal form.
void normalise(Trace& trace, const NormaliseOptions& options = {});

// The rules as text, a line each, for --rules.
std::vector<std::string> normalise_rules();

// Pieces, for tests.

// Numbers in hexadecimal that are addresses become ADDR; quoted strings and small numbers stay.
std::string without_addresses(std::string_view text);
// The value of every field `name=` becomes `word`, up to the next comma or closing bracket on its level.
std::string with_field(std::string_view text, std::string_view name, std::string_view word);

} // namespace linnet::cli
