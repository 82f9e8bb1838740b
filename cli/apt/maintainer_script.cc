#include "cli/apt/maintainer_script.h"

#include <map>
#include <optional>
#include <set>

#include "cli/apt/maintainer_commands.h"
#include "cli/apt/shell_lexer.h"
#include "cli/apt/text.h"

namespace linnet::cli {
namespace {

constexpr size_t max_depth = 16;     // of function calls and nested blocks
constexpr size_t max_steps = 100000; // a script that loops in ours does not hang the command

bool is_name(std::string_view text)
{
    if (text.empty() || (text[0] >= '0' && text[0] <= '9'))
        return false;
    for (char c : text)
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'))
            return false;
    return true;
}

class Walker {
public:
    Walker(std::string_view script, std::string_view package) : tokens_(lex_shell(script))
    {
        variables_["1"] = "configure";
        variables_["2"] = ""; // no version was configured before
        variables_["DPKG_MAINTSCRIPT_PACKAGE"] = package;
        variables_["DPKG_MAINTSCRIPT_NAME"] = "postinst";
        variables_["DPKG_ROOT"] = "";
    }

    SetupActions run()
    {
        for (size_t at = 0; at < tokens_.size();) {
            at = block(at, tokens_.size(), true, 0);
            ++at; // a stray terminator
        }
        return std::move(actions_);
    }

private:
    using Words = std::vector<std::string>;

    bool is_op(size_t at, std::string_view text) const
    {
        return at < tokens_.size() && tokens_[at].is_operator && tokens_[at].text == text;
    }
    bool is_word(size_t at, std::string_view text) const
    {
        return at < tokens_.size() && !tokens_[at].is_operator && tokens_[at].text == text;
    }
    size_t skip_newlines(size_t at) const
    {
        while (is_op(at, "\n") || is_op(at, ";"))
            ++at;
        return at;
    }

    // Walks commands from `at` until a word or operator that ends a block; returns its index.
    size_t block(size_t at, size_t end, bool active, size_t depth)
    {
        static const std::set<std::string_view> prefixes{"if", "then", "else", "elif", "fi", "while",
                                                         "until", "do", "!", "{", "}", "time"};
        while (at < end) {
            if (++steps_ > max_steps || depth > max_depth)
                return end;
            if (is_op(at, ";;"))
                return at;
            if (tokens_[at].is_operator) {
                ++at;
                continue;
            }
            const std::string& word = tokens_[at].text;
            if (word == "esac" || word == "done")
                return at;
            if (word == "case")
                at = case_command(at, end, active, depth);
            else if (word == "for")
                at = for_command(at, end, active, depth);
            else if (word == "while" || word == "until")
                at = loop(at, end, active, depth);
            else if (prefixes.contains(word))
                ++at;
            else if (is_op(at + 1, "(") && is_op(at + 2, ")"))
                at = define_function(at);
            else
                at = simple_command(at, end, active, depth);
        }
        return end;
    }

    size_t loop(size_t at, size_t end, bool active, size_t depth)
    {
        at = block(at + 1, end, active, depth + 1); // once: condition and body
        return is_word(at, "done") ? at + 1 : at;
    }

    size_t for_command(size_t at, size_t end, bool active, size_t depth)
    {
        if (at + 1 >= end)
            return end;
        std::string name = tokens_[at + 1].text;
        at += 2;
        Words values;
        bool known = is_word(at, "in");
        if (known)
            ++at;
        for (; at < end && !tokens_[at].is_operator; ++at)
            known = known && expand(tokens_[at].text, values);
        size_t body = at;
        size_t body_end = block(body, end, false, depth + 1);
        if (known && active) {
            for (const auto& value : values) {
                variables_[name] = value;
                block(body, body_end, true, depth + 1);
            }
        } else if (active) {
            variables_.erase(name);
            block(body, body_end, true, depth + 1);
        }
        return is_word(body_end, "done") ? body_end + 1 : body_end;
    }

    size_t case_command(size_t at, size_t end, bool active, size_t depth)
    {
        if (at + 2 >= end || !is_word(at + 2, "in"))
            return at + 1;
        Words subject;
        bool known = expand(tokens_[at + 1].text, subject) && subject.size() == 1;
        at = skip_newlines(at + 3);
        bool matched = false;
        while (at < end && !is_word(at, "esac")) {
            bool arm = false;
            for (; at < end && !is_op(at, ")"); ++at) {
                Words pattern;
                if (tokens_[at].is_operator)
                    continue;
                if (!known || !expand(tokens_[at].text, pattern, true) || pattern.size() != 1)
                    arm = true;
                else if (!matched && glob_match(pattern[0], subject[0]))
                    arm = true;
            }
            matched = matched || arm;
            at = block(at + 1, end, active && arm, depth + 1);
            if (is_op(at, ";;"))
                at = skip_newlines(at + 1);
        }
        return at < end ? at + 1 : end;
    }

    size_t define_function(size_t at)
    {
        std::string name = tokens_[at].text;
        at = skip_newlines(at + 3);
        if (!is_word(at, "{"))
            return at;
        size_t depth = 0, begin = at + 1;
        for (; at < tokens_.size(); ++at) {
            depth += is_word(at, "{");
            depth -= is_word(at, "}");
            if (depth == 0)
                break;
        }
        functions_[name] = {begin, at};
        return at + 1;
    }

    size_t simple_command(size_t at, size_t end, bool active, size_t depth)
    {
        size_t begin = at;
        while (at < end && !tokens_[at].is_operator)
            ++at;
        if (active)
            command(begin, at, depth);
        return at;
    }

    void command(size_t begin, size_t end, size_t depth)
    {
        while (begin < end) { // assignments, with or without a command behind them
            const std::string& word = tokens_[begin].text;
            size_t equals = word.find('=');
            if (word == "local" || word == "export" || word == "readonly") {
                ++begin;
                continue;
            }
            if (equals == std::string::npos || !is_name(std::string_view(word).substr(0, equals)))
                break;
            Words value;
            if (expand(word.substr(equals + 1), value, true) && value.size() <= 1)
                variables_[word.substr(0, equals)] = value.empty() ? "" : value[0];
            else
                variables_.erase(word.substr(0, equals));
            ++begin;
        }
        if (begin == end)
            return;
        Words words;
        bool known = true;
        for (size_t i = begin; i < end; ++i)
            known = expand(tokens_[i].text, words) && known;
        if (auto function = functions_.find(tokens_[begin].text); function != functions_.end()) {
            call(function->second, begin, end, depth);
            return;
        }
        if (known && !words.empty())
            append_command_actions(words, actions_);
    }

    void call(std::pair<size_t, size_t> body, size_t begin, size_t end, size_t depth)
    {
        std::map<std::string, std::string> saved;
        for (int i = 1; i <= 9; ++i) {
            std::string key = std::to_string(i);
            if (auto it = variables_.find(key); it != variables_.end())
                saved.insert(*it);
        }
        std::map<std::string, std::string> positional;
        for (size_t i = begin + 1; i < end && i - begin <= 9; ++i) {
            Words value;
            if (expand(tokens_[i].text, value, true) && value.size() == 1)
                positional[std::to_string(i - begin)] = value[0];
        }
        for (int i = 1; i <= 9; ++i)
            variables_.erase(std::to_string(i));
        variables_.insert(positional.begin(), positional.end());
        block(body.first, body.second, true, depth + 1);
        for (int i = 1; i <= 9; ++i)
            variables_.erase(std::to_string(i));
        variables_.insert(saved.begin(), saved.end());
    }

    // Appends what a raw word expands to; false if that can't be known. `whole`: no splitting, and
    // glob characters are themselves (assignments, patterns).
    bool expand(std::string_view raw, Words& words, bool whole = false) const
    {
        std::string text;
        bool quoted = false, split_it = false;
        char quote = '\0';
        for (size_t i = 0; i < raw.size(); ++i) {
            char c = raw[i];
            if (quote == '\0' && (c == '\'' || c == '"')) {
                quote = c;
                quoted = true;
            } else if (quote != '\0' && c == quote) {
                quote = '\0';
            } else if (quote == '\'') {
                text += c;
            } else if (c == '\\' && i + 1 < raw.size()) {
                if (quote == '"' && std::string_view("\\\"$`").find(raw[i + 1]) == std::string_view::npos)
                    text += c;
                text += raw[++i];
            } else if (c == '`') {
                return false;
            } else if (c == '$' && i + 1 < raw.size() && parameter_starts(raw[i + 1])) {
                auto value = parameter(raw, i);
                if (!value)
                    return false;
                split_it |= quote == '\0' && value->find_first_of(" \t\n") != std::string::npos;
                text += *value;
            } else if (quote == '\0' && !whole && (c == '*' || c == '?' || c == '[')) {
                if (raw != "[") // the command of that name
                    return false;
                text += c;
            } else {
                text += c;
            }
        }
        if (split_it && !whole) {
            for (std::string_view part : blank_separated(text))
                words.emplace_back(part);
        } else if (!text.empty() || quoted || whole) {
            words.push_back(std::move(text));
        }
        return true;
    }

    static bool parameter_starts(char c)
    {
        return c == '{' || c == '(' || c == '_' || c == '@' || c == '*' || c == '#' || c == '?' || c == '$' ||
               (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    }

    // The value of the parameter at raw[i] == '$'; leaves i at its last character.
    std::optional<std::string> parameter(std::string_view raw, size_t& i) const
    {
        if (raw[i + 1] == '{') {
            size_t end = raw.find('}', i);
            if (end == std::string_view::npos)
                return std::nullopt;
            std::string_view inner = raw.substr(i + 2, end - i - 2);
            i = end;
            std::string_view name = inner.substr(0, inner.find_first_of(":-+=?%#/"));
            std::string_view rest = inner.substr(name.size());
            auto it = variables_.find(std::string(name));
            bool set = it != variables_.end();
            if (rest.empty())
                return set ? std::optional(it->second) : std::nullopt;
            bool colon = rest.starts_with(':');
            if (colon)
                rest.remove_prefix(1);
            bool use = set && !(colon && it->second.empty());
            std::string_view word = rest.substr(std::min<size_t>(1, rest.size()));
            if (rest.starts_with('-') || rest.starts_with('='))
                return use ? it->second : plain(word);
            if (rest.starts_with('+'))
                return use ? plain(word) : std::string();
            if (rest.starts_with("##*") && set && rest.size() == 4 && !colon) {
                size_t at = it->second.rfind(rest[3]);
                return at == std::string::npos ? it->second : it->second.substr(at + 1);
            }
            return std::nullopt;
        }
        size_t begin = i + 1, end = begin;
        while (end < raw.size() && is_name(raw.substr(begin, end + 1 - begin)))
            ++end;
        if (end == begin && raw[begin] >= '0' && raw[begin] <= '9')
            ++end;
        auto it = variables_.find(std::string(raw.substr(begin, end - begin)));
        if (end == begin || it == variables_.end())
            return std::nullopt;
        i = end - 1;
        return it->second;
    }

    static std::optional<std::string> plain(std::string_view word)
    {
        if (word.find_first_of("$`") != std::string_view::npos)
            return std::nullopt;
        return std::string(word);
    }

    std::vector<ShellToken> tokens_;
    std::map<std::string, std::string> variables_;
    std::map<std::string, std::pair<size_t, size_t>> functions_;
    SetupActions actions_;
    size_t steps_ = 0;
};

} // namespace

SetupActions parse_maintainer_script(std::string_view script, std::string_view package)
{
    std::string_view first = script.substr(0, script.find('\n'));
    if (!first.starts_with("#!") || first.find("sh") == std::string_view::npos)
        return {};
    return Walker(script, package).run();
}

} // namespace linnet::cli
