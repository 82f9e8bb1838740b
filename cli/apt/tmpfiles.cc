#include "cli/apt/setup_action.h"
#include "cli/apt/text.h"

namespace linnet::cli {
namespace {

bool literal(std::string_view path)
{
    return path.starts_with('/') && path.find_first_of("*?[%") == std::string_view::npos;
}

std::optional<std::uint32_t> mode_of(std::string_view word)
{
    while (word.starts_with('~') || word.starts_with(':'))
        word.remove_prefix(1);
    return parse_octal(word);
}

std::string name_of(std::string_view word)
{
    if (word.starts_with(':'))
        word.remove_prefix(1);
    return std::string(word);
}

} // namespace

SetupActions parse_tmpfiles(std::string_view text)
{
    SetupActions actions;
    for (std::string_view line : lines_of(text)) {
        line = trim(line);
        if (line.empty() || line[0] == '#')
            continue;
        auto words = shell_words(line);
        if (!words || words->size() < 2 || !literal((*words)[1]))
            continue;
        auto word = [&](size_t i) {
            return i < words->size() && (*words)[i] != "-" ? (*words)[i] : std::string();
        };
        SetupAction action{};
        action.path = clean_path(word(1));
        action.mode = mode_of(word(2));
        action.user = name_of(word(3));
        action.group = name_of(word(4));
        std::string argument = word(6);
        for (size_t i = 7; i < words->size(); ++i)
            argument += " " + (*words)[i];

        switch ((*words)[0][0]) {
        case 'd': case 'D': case 'v': case 'q': case 'Q': case 'e':
            action.kind = SetupAction::Kind::Folder;
            if (!action.mode)
                action.mode = 0755;
            break;
        case 'f': case 'F':
            if (argument.find('%') != std::string::npos)
                continue;
            action.kind = SetupAction::Kind::File;
            action.text = argument;
            if (!action.mode)
                action.mode = 0644;
            break;
        case 'L':
            if (argument.empty() || argument.find('%') != std::string::npos)
                continue;
            action.kind = SetupAction::Kind::Link;
            action.target = argument;
            break;
        case 'C':
            if (!literal(argument))
                continue;
            action.kind = SetupAction::Kind::Copy;
            action.target = clean_path(argument);
            break;
        case 'z': case 'Z': case 'm':
            action.recursive = (*words)[0][0] == 'Z';
            action.kind = SetupAction::Kind::Owner;
            if (!action.user.empty() || !action.group.empty())
                actions.push_back(action);
            if (!action.mode || action.recursive)
                continue;
            action.kind = SetupAction::Kind::Mode;
            break;
        default:
            continue;
        }
        actions.push_back(std::move(action));
    }
    return actions;
}

} // namespace linnet::cli
