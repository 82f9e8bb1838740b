// Decides what an unpacked image runs: the recipe's program, the program asked for, the package's
// unit, or its only command.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "cli/apt/apt_root.h"
#include "cli/apt/recipe.h"
#include "cli/apt/root_builder.h"

namespace linnet::cli {

struct RunSource {
    std::filesystem::path root;
    std::string package;
    std::vector<std::string> packages;           // all of the image
    std::string program;                         // as asked for; may be empty
    bool bare = false;                           // a program without arguments of a recipe or unit
    const Recipe* recipe = nullptr;
    std::vector<PackageUnit> units;
    std::map<std::string, std::string> commands; // path to package
};

// root, argv (without the user's arguments), env, cwd, credentials, ports and origin of the image. Throws
// AptError with status 127 or 126 if there is nothing that can be run.
AptImage choose_run(const RunSource& source);

} // namespace linnet::cli
