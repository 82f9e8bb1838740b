// What has to be done to a root file system after unpacking: the common form of maintainer scripts,
// tmpfiles.d, sysusers.d, units and recipes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace linnet::cli {

struct SetupAction {
    enum class Kind {
        AddGroup,    // group, id
        AddUser,     // user, group or own_group, path (home), shell, text (gecos), id
        AddMember,   // user, group
        Folder,      // path, mode, user, group; parents are made, an existing folder is kept
        File,        // path, text, mode, user, group; an existing file is kept unless `overwrite`
        Link,        // path, target; an existing path is kept unless `overwrite`
        Copy,        // target is copied to path if that does not exist
        Owner,       // path, user, group, recursive
        Mode,        // path, mode, recursive
        Alternative, // name, path (the link), target, id (priority)
    };

    Kind kind;
    std::string path;
    std::string target;
    std::string name;
    std::string user;  // empty: unchanged, or root for what is created
    std::string group;
    std::string shell;
    std::string text;
    std::optional<std::uint32_t> mode;
    std::optional<std::uint32_t> id;
    bool own_group = false;
    bool recursive = false;
    bool overwrite = false;
};

using SetupActions = std::vector<SetupAction>;

// tmpfiles.d(5): d D v q Q e f F L C z Z m lines; others, globs and specifiers are left out.
SetupActions parse_tmpfiles(std::string_view text);

} // namespace linnet::cli
