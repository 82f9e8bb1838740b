// What a service's image does not need. README.md gives the reasons.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace linnet::cli {

// Packages that only installing, upgrading or supervising uses: a dependency on one is not followed.
const std::set<std::string>& left_out_packages();

// Essential packages, which a shell script may use without depending on them.
const std::vector<std::string>& script_packages();

// Paths of packages that stay out, as globs over merged paths; `excludes` and `includes` come from a recipe.
bool path_left_out(std::string_view path, const std::vector<std::string>& excludes,
                   const std::vector<std::string>& includes);

} // namespace linnet::cli
