// Instructions around a place, as text.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace linnet::cli {

struct ListingLine {
    std::uint64_t address = 0;
    std::string text;     // AT&T syntax
    bool before = false;  // it is the one that ends at the place
};

// `code` begins at the virtual address `start`, where an instruction begins. The instruction that ends at `place`, with one before
// and one behind it; empty if none ends there.
std::vector<ListingLine> list_around(std::string_view code, std::uint64_t start, std::uint64_t place);

} // namespace linnet::cli
