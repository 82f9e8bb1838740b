// The image's /etc/passwd and /etc/group: Debian's base accounts, and those that packages create
// (passwd(5), group(5), sysusers.d(5), adduser(8)).
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace linnet::cli {

struct User {
    std::string name;
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
    std::string gecos;
    std::string home = "/nonexistent";
    std::string shell = "/usr/sbin/nologin";
};

struct Group {
    std::string name;
    std::uint32_t gid = 0;
    std::set<std::string> members;
};

class Accounts {
public:
    // With what Debian's base-passwd has on every machine.
    Accounts();

    // What passwd_text() and group_text() gave; lines that are not of that form are left out.
    static Accounts from_text(std::string_view passwd, std::string_view group);

    const User* user(std::string_view name) const;
    const Group* group(std::string_view name) const;

    // A name or a decimal number.
    std::optional<std::uint32_t> uid_of(std::string_view name) const;
    std::optional<std::uint32_t> gid_of(std::string_view name) const;
    std::vector<std::uint32_t> groups_of(std::string_view user_name) const; // supplementary

    // System accounts, numbered from 100 as adduser does; nothing happens if the name is there.
    void add_group(const std::string& name, std::optional<std::uint32_t> gid = {});
    // Without `group`, a group of the user's own name is made if `own_group`, else it is nogroup.
    void add_user(const std::string& name, const std::string& group, bool own_group,
                  const std::string& home, const std::string& shell, const std::string& gecos,
                  std::optional<std::uint32_t> uid = {});
    void add_member(const std::string& user_name, const std::string& group_name);

    // sysusers.d(5): lines u, g and m; ids given as a path, and r lines, are ignored.
    void apply_sysusers(std::string_view text);

    std::string passwd_text() const;
    std::string group_text() const;

private:
    std::uint32_t free_id(std::uint32_t wish) const;
    bool id_used(std::uint32_t id) const;

    std::vector<User> users_;
    std::vector<Group> groups_;
};

} // namespace linnet::cli
