#include "cli/apt/accounts.h"

#include <algorithm>

#include "cli/apt/text.h"

namespace linnet::cli {
namespace {

constexpr std::uint32_t nogroup = 65534;
constexpr std::uint32_t first_system_id = 100;

struct BaseUser {
    const char* name;
    std::uint32_t uid, gid;
    const char* home;
    const char* shell;
};

constexpr const char* nologin = "/usr/sbin/nologin";

// The accounts of Debian policy 9.2.2 (ids 0-99 and nobody), as every installation has them.
constexpr BaseUser base_users[] = {
    {"root", 0, 0, "/root", "/bin/bash"},
    {"daemon", 1, 1, "/usr/sbin", nologin},
    {"bin", 2, 2, "/bin", nologin},
    {"sys", 3, 3, "/dev", nologin},
    {"sync", 4, nogroup, "/bin", "/bin/sync"},
    {"games", 5, 60, "/usr/games", nologin},
    {"man", 6, 12, "/var/cache/man", nologin},
    {"lp", 7, 7, "/var/spool/lpd", nologin},
    {"mail", 8, 8, "/var/mail", nologin},
    {"news", 9, 9, "/var/spool/news", nologin},
    {"uucp", 10, 10, "/var/spool/uucp", nologin},
    {"proxy", 13, 13, "/bin", nologin},
    {"www-data", 33, 33, "/var/www", nologin},
    {"backup", 34, 34, "/var/backups", nologin},
    {"list", 38, 38, "/var/list", nologin},
    {"irc", 39, 39, "/run/ircd", nologin},
    {"nobody", 65534, nogroup, "/nonexistent", nologin},
};

struct BaseGroup {
    const char* name;
    std::uint32_t gid;
};

constexpr BaseGroup base_groups[] = {
    {"root", 0}, {"daemon", 1}, {"bin", 2}, {"sys", 3}, {"adm", 4}, {"tty", 5}, {"disk", 6}, {"lp", 7},
    {"mail", 8}, {"news", 9}, {"uucp", 10}, {"man", 12}, {"proxy", 13}, {"kmem", 15}, {"dialout", 20},
    {"fax", 21}, {"voice", 22}, {"cdrom", 24}, {"floppy", 25}, {"tape", 26}, {"sudo", 27}, {"audio", 29},
    {"dip", 30}, {"www-data", 33}, {"backup", 34}, {"operator", 37}, {"list", 38}, {"irc", 39},
    {"src", 40}, {"shadow", 42}, {"utmp", 43}, {"video", 44}, {"sasl", 45}, {"plugdev", 46},
    {"staff", 50}, {"games", 60}, {"users", 100}, {"nogroup", nogroup},
};

// A name that may stand in passwd(5) without breaking its lines.
bool valid_name(std::string_view name)
{
    return !name.empty() && name.size() <= 32 && name[0] != '-' &&
           std::ranges::all_of(name, [](char c) {
               return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      c == '_' || c == '-' || c == '.';
           });
}

std::string field(std::string_view text)
{
    std::string result;
    for (char c : text)
        if (c != ':' && c != '\n')
            result += c;
    return result;
}

} // namespace

Accounts::Accounts()
{
    for (const auto& u : base_users)
        users_.push_back({u.name, u.uid, u.gid, u.name, u.home, u.shell});
    for (const auto& g : base_groups)
        groups_.push_back({g.name, g.gid, {}});
}

Accounts Accounts::from_text(std::string_view passwd, std::string_view group)
{
    Accounts accounts;
    accounts.users_.clear();
    accounts.groups_.clear();
    for (std::string_view line : lines_of(passwd)) {
        auto f = split_views(line, ':');
        auto uid = f.size() == 7 ? parse_decimal(f[2]) : std::nullopt;
        auto gid = f.size() == 7 ? parse_decimal(f[3]) : std::nullopt;
        if (uid && gid)
            accounts.users_.push_back({std::string(f[0]), *uid, *gid, std::string(f[4]), std::string(f[5]),
                                       std::string(f[6])});
    }
    for (std::string_view line : lines_of(group)) {
        auto f = split_views(line, ':');
        auto gid = f.size() == 4 ? parse_decimal(f[2]) : std::nullopt;
        if (!gid)
            continue;
        Group entry{std::string(f[0]), *gid, {}};
        for (std::string_view member : split_views(f[3], ','))
            if (!member.empty())
                entry.members.emplace(member);
        accounts.groups_.push_back(std::move(entry));
    }
    return accounts;
}

const User* Accounts::user(std::string_view name) const
{
    auto it = std::ranges::find(users_, name, &User::name);
    return it == users_.end() ? nullptr : &*it;
}

const Group* Accounts::group(std::string_view name) const
{
    auto it = std::ranges::find(groups_, name, &Group::name);
    return it == groups_.end() ? nullptr : &*it;
}

std::optional<std::uint32_t> Accounts::uid_of(std::string_view name) const
{
    if (const User* u = user(name))
        return u->uid;
    return parse_decimal(name);
}

std::optional<std::uint32_t> Accounts::gid_of(std::string_view name) const
{
    if (const Group* g = group(name))
        return g->gid;
    return parse_decimal(name);
}

std::vector<std::uint32_t> Accounts::groups_of(std::string_view user_name) const
{
    std::vector<std::uint32_t> result;
    for (const auto& g : groups_)
        if (g.members.contains(std::string(user_name)))
            result.push_back(g.gid);
    return result;
}

bool Accounts::id_used(std::uint32_t id) const
{
    return std::ranges::any_of(users_, [&](const User& u) { return u.uid == id; }) ||
           std::ranges::any_of(groups_, [&](const Group& g) { return g.gid == id; });
}

std::uint32_t Accounts::free_id(std::uint32_t wish) const
{
    while (id_used(wish))
        ++wish;
    return wish;
}

void Accounts::add_group(const std::string& name, std::optional<std::uint32_t> gid)
{
    if (!valid_name(name) || group(name))
        return;
    groups_.push_back({name, gid ? *gid : free_id(first_system_id), {}});
}

void Accounts::add_user(const std::string& name, const std::string& group_name, bool own_group,
                        const std::string& home, const std::string& shell, const std::string& gecos,
                        std::optional<std::uint32_t> uid)
{
    if (!valid_name(name) || user(name))
        return;
    // A group that was made for the user beforehand lends its number, so that the two agree.
    const Group* same = group(name);
    auto uid_taken = [&](std::uint32_t id) {
        return std::ranges::any_of(users_, [&](const User& u) { return u.uid == id; });
    };
    if (!uid)
        uid = same && same->gid >= first_system_id && !uid_taken(same->gid) ? same->gid
                                                                          : free_id(first_system_id);
    std::uint32_t gid = nogroup;
    if (!group_name.empty()) {
        add_group(group_name);
        gid = gid_of(group_name).value_or(nogroup);
    } else if (own_group) {
        add_group(name, *uid);
        gid = gid_of(name).value_or(nogroup);
    }
    users_.push_back({name, *uid, gid, field(gecos), home.empty() ? "/nonexistent" : field(home),
                      shell.empty() ? nologin : field(shell)});
}

void Accounts::add_member(const std::string& user_name, const std::string& group_name)
{
    auto it = std::ranges::find(groups_, group_name, &Group::name);
    if (it != groups_.end() && user(user_name))
        it->members.insert(user_name);
}

void Accounts::apply_sysusers(std::string_view text)
{
    for (std::string_view line : lines_of(text)) {
        line = trim(line);
        if (line.empty() || line[0] == '#')
            continue;
        auto words = shell_words(line);
        if (!words || words->size() < 2)
            continue;
        auto word = [&](size_t i) {
            return i < words->size() && (*words)[i] != "-" ? (*words)[i] : std::string();
        };
        char type = word(0).empty() ? '\0' : word(0)[0];
        std::string name = word(1);
        std::string id = word(2);
        if (type == 'g') {
            add_group(name, parse_decimal(id));
        } else if (type == 'm') {
            add_group(id);
            add_member(name, id);
        } else if (type == 'u') {
            std::string group_name;
            if (size_t colon = id.find(':'); colon != std::string::npos) {
                group_name = id.substr(colon + 1);
                id.resize(colon);
            }
            if (auto gid = parse_decimal(group_name)) {
                auto it = std::ranges::find(groups_, *gid, &Group::gid);
                group_name = it == groups_.end() ? std::string() : it->name;
            }
            std::string home = word(4);
            add_user(name, group_name, true, home.empty() ? "/" : home, word(5), word(3),
                     parse_decimal(id));
        }
    }
}

std::string Accounts::passwd_text() const
{
    std::string text;
    for (const auto& u : users_)
        text += u.name + ":x:" + std::to_string(u.uid) + ":" + std::to_string(u.gid) + ":" + u.gecos +
                ":" + u.home + ":" + u.shell + "\n";
    return text;
}

std::string Accounts::group_text() const
{
    std::string text;
    for (const auto& g : groups_) {
        text += g.name + ":x:" + std::to_string(g.gid) + ":";
        const char* separator = "";
        for (const auto& member : g.members) {
            text += separator + member;
            separator = ",";
        }
        text += "\n";
    }
    return text;
}

} // namespace linnet::cli
