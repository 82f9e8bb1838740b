// Differences that are known: a file of lines, each with its reason.
//
//     linux  PATTERN   # reason      a line that only Linux's trace has
//     guest  PATTERN   # reason      a line that only the guest's has
//     linux? PATTERN   # reason      may be missing: it depends on who runs when
//
// PATTERN is the normalised line, with `*` for any text. Empty lines and those that begin with # are comments.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "cli/compare/difference.h"

namespace linnet::cli {

struct Expectation {
    bool of_guest = false;
    bool may_be_missing = false;
    std::string pattern;
    std::string reason;
    std::size_t uses = 0;
};

class Expectations {
public:
    // Throws CommandError for a line that is none of the above; `name` is the file's, for its text.
    static Expectations parse(std::string_view text, const std::string& name);

    // Every line of the difference is expected. The rules that say so are counted as used.
    bool covers(const Difference& difference, const Trace& on_linux, const Trace& in_guest);

    // Rules that were of no use, but had to be: the difference is gone.
    std::vector<const Expectation*> unused() const;
    std::size_t lines_covered() const { return lines_covered_; }

private:
    Expectation* find(bool of_guest, std::string_view line);

    std::vector<Expectation> rules_;
    std::size_t lines_covered_ = 0;
};

// `*` in the pattern stands for any text, all else for itself.
bool matches_pattern(std::string_view pattern, std::string_view text);

} // namespace linnet::cli
