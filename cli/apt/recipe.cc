#include "cli/apt/recipe.h"

#include "cli/apt/text.h"

namespace linnet::cli {
namespace {

using ReadRecipe = std::function<std::optional<std::string>(const std::string&)>;

class Parser {
public:
    Parser(const std::string& name, const ReadRecipe& read_recipe, Recipe& recipe, int depth)
        : name_(name), read_recipe_(read_recipe), recipe_(recipe), depth_(depth)
    {
    }

    void run(std::string_view text)
    {
        SetupAction* open_file = nullptr;
        for (std::string_view line : lines_of(text)) {
            ++line_;
            if (line.starts_with('|')) {
                if (!open_file)
                    fail("text without a `file` before it");
                (open_file->text += line.substr(1)) += '\n';
                continue;
            }
            open_file = nullptr;
            if (trim(line).empty() || line[0] == '#')
                continue;
            auto words = shell_words(line);
            if (!words || words->empty())
                fail("a quote is not closed");
            directive(*words);
            if ((*words)[0] == "file")
                open_file = &recipe_.actions.back();
        }
    }

private:
    using Words = std::vector<std::string>;

    [[noreturn]] void fail(const std::string& what) const
    {
        throw AptError("recipe " + name_ + ", line " + std::to_string(line_) + ": " + what);
    }

    void expect(const Words& words, size_t least, size_t most) const
    {
        if (words.size() - 1 < least || words.size() - 1 > most)
            fail("wrong number of words after `" + words[0] + "`");
    }

    std::string path(const std::string& word) const
    {
        if (!word.starts_with('/'))
            fail("not an absolute path: " + word);
        return clean_path(word);
    }

    static void append(std::vector<std::string>& to, const Words& words)
    {
        to.insert(to.end(), words.begin() + 1, words.end());
    }

    // PATH [MODE [USER[:GROUP]]]
    SetupAction owned(SetupAction::Kind kind, const Words& words, std::uint32_t default_mode) const
    {
        expect(words, 1, 3);
        SetupAction action{};
        action.kind = kind;
        action.overwrite = true;
        action.path = path(words[1]);
        action.mode = default_mode;
        if (words.size() > 2) {
            action.mode = parse_octal(words[2]);
            if (!action.mode || *action.mode > 07777)
                fail("not a mode: " + words[2]);
        }
        if (words.size() > 3)
            split_owner(words[3], action.user, action.group);
        return action;
    }

    static void split_owner(const std::string& word, std::string& user, std::string& group)
    {
        size_t colon = word.find(':');
        user = word.substr(0, colon);
        group = colon == std::string::npos ? std::string() : word.substr(colon + 1);
    }

    void directive(const Words& words)
    {
        const std::string& what = words[0];
        if (what == "program") {
            expect(words, 1, 1);
            recipe_.program = path(words[1]);
        } else if (what == "args") {
            append(recipe_.args, words);
        } else if (what == "env") {
            for (size_t i = 1; i < words.size(); ++i)
                if (words[i].find('=') == std::string::npos || words[i].starts_with('='))
                    fail("not K=V: " + words[i]);
            append(recipe_.env, words);
        } else if (what == "cwd") {
            expect(words, 1, 1);
            recipe_.cwd = path(words[1]);
        } else if (what == "user") {
            expect(words, 1, 1);
            split_owner(words[1], recipe_.user, recipe_.group);
        } else if (what == "folder") {
            recipe_.actions.push_back(owned(SetupAction::Kind::Folder, words, 0755));
        } else if (what == "file") {
            recipe_.actions.push_back(owned(SetupAction::Kind::File, words, 0644));
        } else if (what == "link") {
            expect(words, 2, 2);
            SetupAction action{};
            action.kind = SetupAction::Kind::Link;
            action.overwrite = true;
            action.path = path(words[1]);
            action.target = words[2];
            recipe_.actions.push_back(std::move(action));
        } else if (what == "replace") {
            expect(words, 3, 3);
            recipe_.replacements.push_back({path(words[1]), words[2], words[3]});
        } else if (what == "port") {
            expect(words, 1, 2);
            add_port(words);
        } else if (what == "packages") {
            append(recipe_.packages, words);
        } else if (what == "without") {
            append(recipe_.without, words);
        } else if (what == "exclude") {
            append(recipe_.excludes, words);
        } else if (what == "include") {
            append(recipe_.includes, words);
        } else if (what == "like") {
            expect(words, 1, 1);
            include_recipe(words[1]);
        } else {
            fail("unknown directive `" + what + "`");
        }
    }

    void add_port(const Words& words)
    {
        std::string number = words[1];
        AptPort port;
        port.udp = number.ends_with("/udp");
        if (port.udp)
            number.resize(number.size() - 4);
        auto value = parse_decimal(number);
        if (!value || *value == 0 || *value > 65535)
            fail("not a port: " + words[1]);
        port.port = static_cast<std::uint16_t>(*value);
        port.scheme = words.size() > 2 ? words[2] : port.udp ? "udp" : "tcp";
        recipe_.ports.push_back(std::move(port));
    }

    void include_recipe(const std::string& other)
    {
        if (depth_ >= 4)
            fail("`like` goes in circles");
        auto text = other.find('/') == std::string::npos ? read_recipe_(other) : std::nullopt;
        if (!text)
            fail("no recipe " + other);
        Parser(other, read_recipe_, recipe_, depth_ + 1).run(*text);
    }

    std::string name_;
    const ReadRecipe& read_recipe_;
    Recipe& recipe_;
    int depth_;
    int line_ = 0;
};

} // namespace

Recipe parse_recipe(std::string_view text, const std::string& name, const ReadRecipe& read_recipe)
{
    Recipe recipe;
    Parser(name, read_recipe, recipe, 0).run(text);
    return recipe;
}

} // namespace linnet::cli
