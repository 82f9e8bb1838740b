#include "cli/apt/maintainer_commands.h"

#include <map>
#include <set>

#include "cli/apt/text.h"

namespace linnet::cli {
namespace {

using Kind = SetupAction::Kind;
using Words = std::vector<std::string>;

// Options and operands, for commands in getopt's manner. `valued` are the options that take a value.
struct Options {
    std::map<std::string, std::string> values;
    std::set<std::string> flags;
    Words operands;

    Options(const Words& words, const std::set<std::string>& valued)
    {
        bool options = true;
        for (size_t i = 1; i < words.size(); ++i) {
            const std::string& word = words[i];
            if (!options || word.size() < 2 || word[0] != '-') {
                operands.push_back(word);
            } else if (word == "--") {
                options = false;
            } else if (word[1] == '-') {
                size_t equals = word.find('=');
                std::string name = word.substr(0, equals);
                if (equals != std::string::npos)
                    values[name] = word.substr(equals + 1);
                else if (valued.contains(name) && i + 1 < words.size())
                    values[name] = words[++i];
                else
                    flags.insert(name);
            } else {
                short_options(words, i, valued);
            }
        }
    }

    std::string value(std::initializer_list<const char*> names) const
    {
        for (const char* name : names)
            if (auto it = values.find(name); it != values.end())
                return it->second;
        return {};
    }
    bool flag(std::initializer_list<const char*> names) const
    {
        for (const char* name : names)
            if (flags.contains(name))
                return true;
        return false;
    }

private:
    void short_options(const Words& words, size_t& i, const std::set<std::string>& valued)
    {
        const std::string& word = words[i];
        for (size_t k = 1; k < word.size(); ++k) {
            std::string name = std::string("-") + word[k];
            if (!valued.contains(name)) {
                flags.insert(name);
            } else if (k + 1 < word.size()) {
                values[name] = word.substr(k + 1);
                return;
            } else if (i + 1 < words.size()) {
                values[name] = words[++i];
            }
        }
    }
};

bool usable(const std::string& path) { return path.starts_with('/') && path.size() > 1; }

SetupAction action_of(Kind kind)
{
    SetupAction action{};
    action.kind = kind;
    return action;
}

void add_user_action(const std::string& user, const std::string& group, bool own_group, std::string home,
                     const std::string& shell, const std::string& gecos, const std::string& id,
                     bool make_home, SetupActions& actions)
{
    SetupAction action = action_of(Kind::AddUser);
    action.user = user;
    action.group = group;
    action.own_group = own_group;
    action.path = home;
    action.shell = shell;
    action.text = gecos;
    action.id = parse_decimal(id);
    actions.push_back(action);
    if (make_home && usable(home) && home != "/nonexistent") {
        SetupAction folder = action_of(Kind::Folder);
        folder.path = home;
        folder.mode = 0755;
        folder.user = user;
        folder.group = group.empty() ? (own_group ? user : "nogroup") : group;
        actions.push_back(folder);
    }
}

void add_member_action(const std::string& user, const std::string& group, SetupActions& actions)
{
    SetupAction action = action_of(Kind::AddMember);
    action.user = user;
    action.group = group;
    actions.push_back(action);
}

void add_group_action(const std::string& group, const std::string& id, SetupActions& actions)
{
    SetupAction action = action_of(Kind::AddGroup);
    action.group = group;
    action.id = parse_decimal(id);
    actions.push_back(action);
}

// adduser(8)
void adduser(const Words& words, SetupActions& actions)
{
    Options o(words, {"--home", "--shell", "--uid", "--gid", "--ingroup", "--gecos", "--comment",
                      "--firstuid", "--lastuid", "--firstgid", "--lastgid", "--conf"});
    if (o.operands.size() == 2) {
        add_member_action(o.operands[0], o.operands[1], actions);
    } else if (o.operands.size() == 1) {
        if (o.flag({"--group"}) && !o.flag({"--system"}))
            return add_group_action(o.operands[0], o.value({"--gid"}), actions);
        if (o.flag({"--system"}))
            add_user_action(o.operands[0], o.value({"--ingroup"}), o.flag({"--group"}), o.value({"--home"}),
                            o.value({"--shell"}), o.value({"--gecos", "--comment"}), o.value({"--uid"}),
                            !o.flag({"--no-create-home"}), actions);
    }
}

void addgroup(const Words& words, SetupActions& actions)
{
    Options o(words, {"--gid", "--firstgid", "--lastgid", "--conf"});
    if (o.operands.size() == 2)
        add_member_action(o.operands[0], o.operands[1], actions);
    else if (o.operands.size() == 1)
        add_group_action(o.operands[0], o.value({"--gid"}), actions);
}

// useradd(8), groupadd(8), usermod(8)
void useradd(const Words& words, SetupActions& actions)
{
    Options o(words, {"-b", "-c", "-d", "-e", "-f", "-g", "-G", "-k", "-K", "-p", "-s", "-u", "--comment",
                      "--home", "--home-dir", "--gid", "--groups", "--shell", "--uid", "--password"});
    if (o.operands.size() != 1)
        return;
    std::string group = o.value({"-g", "--gid"});
    bool own = group.empty() && !o.flag({"-N", "--no-user-group"});
    add_user_action(o.operands[0], group, own, o.value({"-d", "--home", "--home-dir"}),
                    o.value({"-s", "--shell"}), o.value({"-c", "--comment"}), o.value({"-u", "--uid"}),
                    o.flag({"-m", "--create-home"}), actions);
    const std::string groups = o.value({"-G", "--groups"});
    for (std::string_view g : split_views(groups, ','))
        if (!g.empty())
            add_member_action(o.operands[0], std::string(g), actions);
}

void groupadd(const Words& words, SetupActions& actions)
{
    Options o(words, {"-g", "--gid", "-K", "--key", "-p", "--password"});
    if (o.operands.size() == 1)
        add_group_action(o.operands[0], o.value({"-g", "--gid"}), actions);
}

void usermod(const Words& words, SetupActions& actions)
{
    Options o(words, {"-c", "-d", "-e", "-f", "-g", "-G", "-l", "-p", "-s", "-u", "--groups", "--home", "--shell",
                      "--comment"});
    if (o.operands.size() != 1)
        return;
    const std::string groups = o.value({"-G", "--groups"});
    for (std::string_view g : split_views(groups, ','))
        if (!g.empty())
            add_member_action(o.operands[0], std::string(g), actions);
}

void folders(const Words& paths, const std::string& mode, const std::string& user, const std::string& group,
             SetupActions& actions)
{
    for (const auto& path : paths) {
        if (!usable(path))
            continue;
        SetupAction action = action_of(Kind::Folder);
        action.path = path;
        action.mode = parse_octal(mode);
        action.user = user;
        action.group = group;
        actions.push_back(action);
    }
}

void mkdir(const Words& words, SetupActions& actions)
{
    Options o(words, {"-m", "--mode"});
    folders(o.operands, o.value({"-m", "--mode"}), "", "", actions);
}

void install(const Words& words, SetupActions& actions)
{
    Options o(words, {"-m", "--mode", "-o", "--owner", "-g", "--group", "-t", "--target-directory"});
    if (o.flag({"-d", "--directory"}))
        folders(o.operands, o.value({"-m", "--mode"}), o.value({"-o", "--owner"}), o.value({"-g", "--group"}),
                actions);
}

void chown(const Words& words, bool group_only, SetupActions& actions)
{
    Options o(words, {"--reference", "--from"});
    if (o.operands.size() < 2)
        return;
    const std::string& who = o.operands[0];
    size_t colon = who.find_first_of(":.");
    for (size_t i = 1; i < o.operands.size(); ++i) {
        if (!usable(o.operands[i]))
            continue;
        SetupAction action = action_of(Kind::Owner);
        action.path = o.operands[i];
        action.recursive = o.flag({"-R", "--recursive"});
        if (group_only) {
            action.group = who;
        } else {
            action.user = who.substr(0, colon);
            if (colon != std::string::npos)
                action.group = who.substr(colon + 1);
        }
        actions.push_back(action);
    }
}

void chmod(const Words& words, SetupActions& actions)
{
    Options o(words, {"--reference"});
    if (o.operands.size() < 2 || o.flag({"-R", "--recursive"}))
        return;
    auto mode = parse_octal(o.operands[0]);
    for (size_t i = 1; mode && i < o.operands.size(); ++i) {
        if (!usable(o.operands[i]))
            continue;
        SetupAction action = action_of(Kind::Mode);
        action.path = o.operands[i];
        action.mode = mode;
        actions.push_back(action);
    }
}

void link_or_copy(const Words& words, Kind kind, SetupActions& actions)
{
    Options o(words, {"-S", "--suffix", "-t", "--target-directory"});
    if (o.operands.size() != 2 || !usable(o.operands[1]))
        return;
    if (kind == Kind::Link && !o.flag({"-s", "--symbolic"}))
        kind = Kind::Copy;
    if (kind == Kind::Copy && !usable(o.operands[0]))
        return;
    SetupAction action = action_of(kind);
    action.target = o.operands[0];
    action.path = o.operands[1];
    actions.push_back(action);
}

void touch(const Words& words, SetupActions& actions)
{
    Options o(words, {"-d", "--date", "-r", "--reference", "-t"});
    for (const auto& path : o.operands) {
        if (!usable(path))
            continue;
        SetupAction action = action_of(Kind::File);
        action.path = path;
        actions.push_back(action);
    }
}

// update-alternatives(1): --install LINK NAME PATH PRIORITY [--slave LINK NAME PATH]...
void alternatives(const Words& words, SetupActions& actions)
{
    std::uint32_t priority = 0;
    for (size_t i = 1; i < words.size(); ++i) {
        bool install = words[i] == "--install" && i + 4 < words.size();
        bool slave = words[i] == "--slave" && i + 3 < words.size();
        if (!install && !slave)
            continue;
        if (install)
            priority = parse_decimal(words[i + 4]).value_or(0);
        SetupAction action = action_of(Kind::Alternative);
        action.path = words[i + 1];
        action.name = words[i + 2];
        action.target = words[i + 3];
        action.id = priority;
        if (usable(action.path) && usable(action.target) && action.name.find('/') == std::string::npos)
            actions.push_back(action);
        i += install ? 4 : 3;
    }
}

// dpkg-statoverride(1): --add USER GROUP MODE PATH
void statoverride(const Words& words, SetupActions& actions)
{
    Options o(words, {});
    if (!o.flag({"--add"}) || o.operands.size() != 4 || !usable(o.operands[3]))
        return;
    SetupAction owner = action_of(Kind::Owner);
    owner.user = o.operands[0];
    owner.group = o.operands[1];
    owner.path = o.operands[3];
    actions.push_back(owner);
    SetupAction mode = action_of(Kind::Mode);
    mode.path = o.operands[3];
    mode.mode = parse_octal(o.operands[2]);
    if (mode.mode)
        actions.push_back(mode);
}

} // namespace

void append_command_actions(const std::vector<std::string>& words, SetupActions& actions)
{
    std::string name = words[0].substr(words[0].rfind('/') + 1);
    if (name == "adduser")
        adduser(words, actions);
    else if (name == "addgroup")
        addgroup(words, actions);
    else if (name == "useradd")
        useradd(words, actions);
    else if (name == "groupadd")
        groupadd(words, actions);
    else if (name == "usermod")
        usermod(words, actions);
    else if (name == "mkdir")
        mkdir(words, actions);
    else if (name == "install")
        install(words, actions);
    else if (name == "chown" || name == "chgrp")
        chown(words, name == "chgrp", actions);
    else if (name == "chmod")
        chmod(words, actions);
    else if (name == "ln")
        link_or_copy(words, Kind::Link, actions);
    else if (name == "cp")
        link_or_copy(words, Kind::Copy, actions);
    else if (name == "touch")
        touch(words, actions);
    else if (name == "update-alternatives")
        alternatives(words, actions);
    else if (name == "dpkg-statoverride")
        statoverride(words, actions);
}

} // namespace linnet::cli
