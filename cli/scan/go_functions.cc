#include "cli/scan/go_functions.h"

#include <algorithm>

#include "cli/scan/bytes.h"

namespace linnet::cli {
namespace {

// Go's src/runtime/symtab.go (pcHeader) and internal/abi: the magic numbers of Go 1.16, 1.18 and 1.20, each followed by
// two zeros, the size of the smallest instruction (1) and of a pointer (8).
constexpr std::uint32_t magic_1_16 = 0xfffffffa, magic_1_18 = 0xfffffff0, magic_1_20 = 0xfffffff1;
constexpr std::string_view rest_of_magic("\xff\xff\xff\x00\x00\x01\x08", 7);
constexpr std::uint64_t most_functions = 4'000'000;
constexpr std::size_t most_tables = 16;

std::string_view text_at(std::string_view bytes, std::uint64_t at) {
    if (at >= bytes.size())
        return {};
    const std::string_view rest = bytes.substr(at, 4096);
    const auto end = rest.find('\0');
    return end == std::string_view::npos ? std::string_view() : rest.substr(0, end);
}

} // namespace

std::vector<std::size_t> find_go_tables(std::string_view data) {
    std::vector<std::size_t> found;
    for (auto at = data.find(rest_of_magic); at != std::string_view::npos && found.size() < most_tables;
         at = data.find(rest_of_magic, at + 1)) {
        if (at == 0)
            continue;
        const auto magic = *load<std::uint32_t>(data, at - 1);
        if (magic == magic_1_16 || magic == magic_1_18 || magic == magic_1_20)
            found.push_back(at - 1);
    }
    return found;
}

std::vector<GoFunction> read_go_functions(std::string_view table, std::uint64_t address,
                                          const std::function<std::uint64_t(std::uint64_t, std::uint64_t)>& relocated) {
    const auto magic = load<std::uint32_t>(table, 0);
    const auto count = load<std::uint64_t>(table, 8);
    if (!magic || !count || *count > most_functions)
        return {};
    // Of 1.18 on, functions are given by 4-byte distances from the start of the text, which the header holds.
    const bool by_distance = *magic != magic_1_16;
    const std::uint64_t width = by_distance ? 4 : 8, offsets = by_distance ? 32 : 24;
    const auto word = load<std::uint64_t>(table, 24);
    const auto names = load<std::uint64_t>(table, offsets), functions = load<std::uint64_t>(table, offsets + 32);
    if (!word || !names || !functions || *functions > table.size() || *names > table.size())
        return {};
    const std::uint64_t text = by_distance ? relocated(address + 24, *word) : 0;
    const std::string_view entries = table.substr(*functions);
    const auto field = [&](std::uint64_t index) -> std::optional<std::uint64_t> {
        if (by_distance) {
            const auto value = load<std::uint32_t>(entries, index * width);
            return value ? std::optional<std::uint64_t>(*value) : std::nullopt;
        }
        return load<std::uint64_t>(entries, index * width);
    };
    std::vector<GoFunction> result;
    for (std::uint64_t i = 0; i < *count; ++i) {
        const auto start = field(2 * i), description = field(2 * i + 1), next = field(2 * i + 2);
        if (!start || !description || !next)
            break;
        if (*next <= *start)
            continue;
        GoFunction function{text + *start, text + *next, {}};
        // A description begins with the entry, of the same width (as an address, before 1.18), and the name's offset.
        if (const auto name = load<std::uint32_t>(entries, *description + width))
            function.name = text_at(table.substr(*names), *name);
        result.push_back(function);
    }
    std::sort(result.begin(), result.end(), [](const GoFunction& a, const GoFunction& b) { return a.start < b.start; });
    return result;
}

} // namespace linnet::cli
