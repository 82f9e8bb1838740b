#include "cli/compare/expectations.h"

#include "cli/util/error.h"
#include "cli/util/text.h"

namespace linnet::cli {

bool matches_pattern(std::string_view pattern, std::string_view text) {
    std::size_t p = 0, t = 0;
    std::size_t star = std::string_view::npos, resume = 0;
    while (t < text.size()) {
        if (p < pattern.size() && pattern[p] == '*') {
            star = p++;
            resume = t;
        } else if (p < pattern.size() && pattern[p] == text[t]) {
            ++p, ++t;
        } else if (star != std::string_view::npos) {
            p = star + 1;
            t = ++resume;
        } else {
            return false;
        }
    }
    while (p < pattern.size() && pattern[p] == '*')
        ++p;
    return p == pattern.size();
}

Expectations Expectations::parse(std::string_view text, const std::string& name) {
    Expectations expectations;
    std::size_t number = 0;
    for (const std::string& line : split(text, '\n')) {
        ++number;
        if (line.empty() || line[0] == '#')
            continue;
        Expectation rule;
        const std::size_t blank = line.find(' ');
        const std::string side = line.substr(0, blank);
        rule.may_be_missing = side.ends_with('?');
        const std::string_view plain = std::string_view(side).substr(0, side.size() - (rule.may_be_missing ? 1 : 0));
        const std::size_t hash = line.rfind(" # ");
        if ((plain != "linux" && plain != "guest") || blank == std::string::npos || hash == std::string::npos || hash <= blank)
            throw CommandError(concat(name, ":", number, ": wanted linux|guest PATTERN # reason"));
        rule.of_guest = plain == "guest";
        std::size_t from = line.find_first_not_of(' ', blank), to = line.find_last_not_of(' ', hash);
        if (from == std::string::npos || to == std::string::npos || from > to)
            throw CommandError(concat(name, ":", number, ": no pattern"));
        rule.pattern = line.substr(from, to - from + 1);
        rule.reason = line.substr(hash + 3);
        expectations.rules_.push_back(std::move(rule));
    }
    return expectations;
}

Expectation* Expectations::find(bool of_guest, std::string_view line) {
    for (Expectation& rule : rules_) {
        if (rule.of_guest == of_guest && matches_pattern(rule.pattern, line))
            return &rule;
    }
    return nullptr;
}

bool Expectations::covers(const Difference& difference, const Trace& on_linux, const Trace& in_guest) {
    std::vector<Expectation*> used;
    const auto& left = lines_of(on_linux, difference.thread);
    const auto& right = lines_of(in_guest, difference.thread);
    for (std::size_t i = difference.linux_from; i < difference.linux_to; ++i)
        used.push_back(find(false, left[i]));
    for (std::size_t i = difference.guest_from; i < difference.guest_to; ++i)
        used.push_back(find(true, right[i]));
    for (const Expectation* rule : used) {
        if (!rule)
            return false;
    }
    for (Expectation* rule : used)
        ++rule->uses;
    lines_covered_ += used.size();
    return true;
}

std::vector<const Expectation*> Expectations::unused() const {
    std::vector<const Expectation*> list;
    for (const Expectation& rule : rules_) {
        if (rule.uses == 0 && !rule.may_be_missing)
            list.push_back(&rule);
    }
    return list;
}

} // namespace linnet::cli
