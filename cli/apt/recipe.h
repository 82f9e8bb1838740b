// A recipe: what a package's image runs, and what its root needs besides the packages' files.
// cli/recipes/README.md describes the format.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/apt/apt_root.h"
#include "cli/apt/setup_action.h"

namespace linnet::cli {

struct Recipe {
    struct Replacement {
        std::string path, from, to;
    };

    std::string program;
    std::vector<std::string> args;
    std::vector<std::string> env;
    std::string cwd;
    std::string user;
    std::string group;
    SetupActions actions; // folders, files, links
    std::vector<Replacement> replacements;
    std::vector<AptPort> ports;
    std::vector<std::string> packages;
    std::vector<std::string> without; // packages to leave out
    std::vector<std::string> excludes;
    std::vector<std::string> includes;
};

// `read_recipe` gives the text of another recipe (for `like`). Throws AptError that names recipe and line.
Recipe parse_recipe(std::string_view text, const std::string& name,
                    const std::function<std::optional<std::string>(const std::string&)>& read_recipe);

} // namespace linnet::cli
