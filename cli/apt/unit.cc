#include "cli/apt/unit.h"

#include <map>

#include "cli/apt/text.h"

namespace linnet::cli {
namespace {

// Key to values in order; an empty assignment clears what stood before (systemd.syntax(7)).
using Section = std::map<std::string, std::vector<std::string>>;

Section service_section(std::string_view text)
{
    Section section;
    bool inside = false;
    std::string joined;
    for (std::string_view raw : lines_of(text)) {
        std::string_view line = trim(raw);
        bool continued = !joined.empty();
        if (line.starts_with('#') || line.starts_with(';'))
            continue; // comments may stand between continued lines too
        if (line.ends_with('\\')) {
            (joined += line.substr(0, line.size() - 1)) += ' ';
            continue;
        }
        if (line.empty() && !continued)
            continue;
        joined += line;
        std::string logical = std::move(joined);
        joined.clear();
        if (logical.starts_with('[')) {
            inside = trim(logical) == "[Service]";
            continue;
        }
        size_t equals = logical.find('=');
        if (!inside || equals == std::string::npos)
            continue;
        std::string key(trim(std::string_view(logical).substr(0, equals)));
        std::string value(trim(std::string_view(logical).substr(equals + 1)));
        if (value.empty())
            section[key].clear();
        else
            section[key].push_back(std::move(value));
    }
    return section;
}

// %i, %p, %n and the folders (systemd.unit(5)); other specifiers stay.
std::string expand_specifiers(std::string_view text, std::string_view unit_name)
{
    std::string_view stem = unit_name.substr(0, unit_name.rfind('.'));
    size_t at = stem.find('@');
    std::string_view instance = at == std::string_view::npos ? "" : stem.substr(at + 1);
    std::string result;
    for (size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%' || i + 1 == text.size()) {
            result += text[i];
            continue;
        }
        switch (text[++i]) {
        case '%': result += '%'; break;
        case 'i': case 'I': result += instance; break;
        case 'p': case 'P': result += stem.substr(0, at); break;
        case 'n': result += unit_name; break;
        case 'N': result += stem; break;
        case 't': result += "/run"; break;
        case 'S': result += "/var/lib"; break;
        case 'C': result += "/var/cache"; break;
        case 'L': result += "/var/log"; break;
        case 'E': result += "/etc"; break;
        case 'T': result += "/tmp"; break;
        case 'V': result += "/var/tmp"; break;
        default: (result += '%') += text[i];
        }
    }
    return result;
}

// The value of KEY in "K=V" strings; later ones win.
const std::string* lookup(const std::vector<std::string>& env, std::string_view key, std::string& holder)
{
    for (auto it = env.rbegin(); it != env.rend(); ++it)
        if (it->starts_with(key) && it->size() > key.size() && (*it)[key.size()] == '=') {
            holder = it->substr(key.size() + 1);
            return &holder;
        }
    return nullptr;
}

bool name_character(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

// `$WORD` as a whole word is split at blanks; `${WORD}` is put in place; unset is empty.
std::vector<std::string> expand_words(const std::vector<std::string>& words,
                                      const std::vector<std::string>& env)
{
    std::vector<std::string> result;
    std::string holder;
    for (const std::string& word : words) {
        size_t end = 1;
        while (end < word.size() && name_character(word[end]))
            ++end;
        if (word.size() > 1 && word[0] == '$' && end == word.size()) {
            if (const std::string* value = lookup(env, std::string_view(word).substr(1), holder)) {
                auto parts = shell_words(*value);
                if (parts)
                    result.insert(result.end(), parts->begin(), parts->end());
            }
            continue;
        }
        std::string text;
        for (size_t i = 0; i < word.size(); ++i) {
            size_t close = word.find('}', i);
            if (word.compare(i, 2, "$$") == 0) {
                text += '$';
                ++i;
            } else if (word.compare(i, 2, "${") == 0 && close != std::string::npos) {
                if (const std::string* value =
                        lookup(env, std::string_view(word).substr(i + 2, close - i - 2), holder))
                    text += *value;
                i = close;
            } else {
                text += word[i];
            }
        }
        result.push_back(std::move(text));
    }
    return result;
}

void read_environment_file(std::string_view text, std::vector<std::string>& env)
{
    for (std::string_view line : lines_of(text)) {
        line = trim(line);
        size_t equals = line.find('=');
        if (line.empty() || line[0] == '#' || line[0] == ';' || equals == std::string_view::npos)
            continue;
        std::string_view value = trim(line.substr(equals + 1));
        std::string joined;
        if (auto words = shell_words(value)) {
            for (const auto& word : *words)
                (joined += joined.empty() ? "" : " ") += word;
            env.push_back(std::string(trim(line.substr(0, equals))) + "=" + joined);
        }
    }
}

} // namespace

Unit parse_unit(std::string_view text, std::string_view name,
                const std::function<std::string(const std::string&)>& read_file)
{
    Section section = service_section(text);
    auto last = [&](const char* key) {
        auto it = section.find(key);
        return it == section.end() || it->second.empty() ? std::string()
                                                         : expand_specifiers(it->second.back(), name);
    };

    Unit unit;
    unit.user = last("User");
    unit.group = last("Group");
    unit.forks = last("Type") == "forking";
    unit.cwd = last("WorkingDirectory");
    if (unit.cwd.starts_with('-'))
        unit.cwd.erase(0, 1);
    for (const auto& line : section["SupplementaryGroups"])
        for (std::string_view group : blank_separated(line))
            unit.supplementary_groups.emplace_back(group);

    for (const auto& line : section["Environment"])
        if (auto words = shell_words(expand_specifiers(line, name)))
            unit.env.insert(unit.env.end(), words->begin(), words->end());
    for (const auto& line : section["EnvironmentFile"]) {
        std::string path = expand_specifiers(line, name);
        if (path.starts_with('-'))
            path.erase(0, 1);
        read_environment_file(read_file(path), unit.env);
    }

    std::string command = last("ExecStart");
    bool argv0 = false;
    while (!command.empty() && std::string_view("@-:+!|").find(command[0]) != std::string_view::npos) {
        argv0 |= command[0] == '@';
        command.erase(0, 1);
    }
    if (auto words = shell_words(command)) {
        unit.argv = expand_words(*words, unit.env);
        if (argv0 && unit.argv.size() > 1)
            unit.argv.erase(unit.argv.begin() + 1);
    }

    static constexpr struct {
        const char* key;
        const char* mode_key;
        const char* base;
    } kinds[] = {
        {"RuntimeDirectory", "RuntimeDirectoryMode", "/run/"},
        {"StateDirectory", "StateDirectoryMode", "/var/lib/"},
        {"CacheDirectory", "CacheDirectoryMode", "/var/cache/"},
        {"LogsDirectory", "LogsDirectoryMode", "/var/log/"},
        {"ConfigurationDirectory", "ConfigurationDirectoryMode", "/etc/"},
    };
    for (const auto& kind : kinds) {
        for (const auto& line : section[kind.key]) {
            for (std::string_view relative : blank_separated(line)) {
                SetupAction action{};
                action.kind = SetupAction::Kind::Folder;
                action.path = clean_path(kind.base + expand_specifiers(relative.substr(0, relative.find(':')),
                                                                       name));
                action.mode = parse_octal(last(kind.mode_key)).value_or(0755);
                action.user = unit.user;
                action.group = unit.group;
                unit.folders.push_back(std::move(action));
            }
        }
    }
    return unit;
}

} // namespace linnet::cli
