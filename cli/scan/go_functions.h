// The functions of a Go program by its table of line numbers, which stripping leaves in: the runtime needs it.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

namespace linnet::cli {

struct GoFunction {
    std::uint64_t start = 0, end = 0; // virtual addresses
    std::string_view name;            // within the table
};

// `table` begins at the virtual address `address`; `relocated` gives a word there as the run-time linker leaves it. By start;
// nothing if it is no such table (Go 1.16 and later), as far as it can be read if it is damaged.
std::vector<GoFunction> read_go_functions(std::string_view table, std::uint64_t address,
                                          const std::function<std::uint64_t(std::uint64_t place, std::uint64_t word)>& relocated);

// Where tables of that kind may begin in `data`, as offsets.
std::vector<std::size_t> find_go_tables(std::string_view data);

} // namespace linnet::cli
