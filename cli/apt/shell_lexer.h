// Splits a shell script into words and operators, for maintainer_script.cc. Words keep their quotes.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace linnet::cli {

struct ShellToken {
    bool is_operator = false; // "\n" ";" ";;" "&" "&&" "|" "||" "(" ")"
    std::string text;
};

// Comments, redirections (with their targets) and here-documents are dropped. A script that ends inside
// quotes is read to its end.
std::vector<ShellToken> lex_shell(std::string_view script);

} // namespace linnet::cli
