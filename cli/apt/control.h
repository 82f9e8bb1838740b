// Debian's control data: paragraphs of "Field: value", and relations between packages
// (deb-control(5), deb822(5), Debian policy chapter 7).
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace linnet::cli {

// Field names in lower case; continuation lines are joined with '\n'.
using Paragraph = std::map<std::string, std::string>;

std::vector<Paragraph> parse_paragraphs(std::string_view text);

// "a | b (>= 1), c:any [amd64]" -> {{"a", "b"}, {"c"}}: names only. The solver has checked versions.
std::vector<std::vector<std::string>> parse_relation(std::string_view text);

struct Package {
    std::string name;
    std::string version;
    std::string architecture;
    std::vector<std::vector<std::string>> depends; // Depends and Pre-Depends
    std::vector<std::string> provides;
    bool essential = false;
    std::string file_name;           // of the archive, without folders
    std::uint64_t archive_bytes = 0;
};

Package package_of(const Paragraph& paragraph);

// What `roots` need out of `solved`, without what `left_out` names (unless it is a root). The result is
// in an order in which every package comes after its dependencies, but for cycles.
std::vector<std::string> closure_of(const std::map<std::string, Package>& solved,
                                    const std::vector<std::string>& roots,
                                    const std::set<std::string>& left_out);

} // namespace linnet::cli
