#include "cli/sites/halt_finder.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <optional>
#include <set>

namespace linnet::cli {
namespace {

constexpr char halt_opcode = '\xf4';
constexpr std::uint64_t most_decodings = 4; // of the whole code: functions of a hostile file may overlap without end

// Addresses of bytes that may be a hlt, ascending. What is before ff ff is not: no instruction begins so, and a function
// with it does not decode. (Nearly all that this spares are displacements of short calls backwards.)
std::vector<std::uint64_t> candidates_of(const CodeMap& map) {
    std::vector<std::uint64_t> result;
    for (const CodeSegment& segment : map.segments()) {
        const std::string_view bytes = segment.bytes;
        for (auto at = bytes.find(halt_opcode); at != std::string_view::npos; at = bytes.find(halt_opcode, at + 1)) {
            if (bytes.substr(at + 1, 2) != "\xff\xff")
                result.push_back(segment.address + at);
        }
    }
    std::sort(result.begin(), result.end());
    return result;
}

struct Function {
    FunctionRange range;
    std::set<std::uint64_t> entries; // addresses within
};

// Targets of near jumps at any byte of the code: parts of a function that lie elsewhere ("cold") are come to so.
void add_entries(const CodeMap& map, std::vector<Function>& functions) {
    std::sort(functions.begin(), functions.end(),
              [](const Function& a, const Function& b) { return a.range.start < b.range.start; });
    const auto add = [&functions](std::uint64_t target) {
        auto it = std::upper_bound(functions.begin(), functions.end(), target,
                                   [](std::uint64_t value, const Function& f) { return value < f.range.start; });
        // Overlapping functions are rare: the nearest few are enough, since less is found without an entry.
        for (int i = 0; i < 4 && it != functions.begin(); ++i) {
            --it;
            if (target < it->range.end)
                it->entries.insert(target);
        }
    };
    for (const CodeSegment& segment : map.segments()) {
        const auto* bytes = reinterpret_cast<const unsigned char*>(segment.bytes.data());
        const std::size_t size = segment.bytes.size();
        for (std::size_t at = 0; at + 5 <= size; ++at) {
            const bool conditional = bytes[at] == 0x0f && (bytes[at + 1] & 0xf0) == 0x80 && at + 6 <= size;
            if (bytes[at] != 0xe9 && !conditional)
                continue;
            const std::size_t length = conditional ? 6 : 5;
            std::int32_t relative;
            std::memcpy(&relative, bytes + at + length - 4, sizeof relative);
            add(segment.address + at + length + static_cast<std::uint64_t>(std::int64_t{relative}));
        }
    }
}

// The halts of one function that control comes to; nothing if its decoding contradicts itself.
std::optional<std::set<std::uint64_t>> halts_reached(const std::vector<Instruction>& code, const Function& function) {
    const auto index_of = [&code](std::uint64_t address) -> std::optional<std::size_t> {
        const auto it = std::lower_bound(code.begin(), code.end(), address,
                                         [](const Instruction& i, std::uint64_t value) { return i.address < value; });
        if (it == code.end() || it->address != address)
            return {};
        return static_cast<std::size_t>(it - code.begin());
    };
    std::vector<bool> seen(code.size());
    std::vector<std::size_t> open;
    const auto visit = [&](std::size_t i) {
        if (i < code.size() && !seen[i]) {
            seen[i] = true;
            open.push_back(i);
        }
    };
    visit(0);
    for (const std::uint64_t entry : function.entries) {
        if (const auto i = index_of(entry)) // else it is no jump, but bytes that look like one
            visit(*i);
    }
    std::set<std::uint64_t> result;
    while (!open.empty()) {
        const std::size_t i = open.back();
        open.pop_back();
        const Instruction& instruction = code[i];
        if (instruction.halt && instruction.size == 1)
            result.insert(instruction.address);
        if (instruction.goes_on)
            visit(i + 1);
        if (instruction.has_target && instruction.target >= function.range.start &&
            instruction.target < function.range.end) {
            const auto target = index_of(instruction.target);
            if (!target)
                return {};
            visit(*target);
        }
    }
    return result;
}

} // namespace

std::vector<std::uint64_t> find_halts(const CodeMap& map, Disassembler& disassembler) {
    const std::vector<std::uint64_t> candidates = candidates_of(map);
    std::uint64_t budget = 0; // bytes
    for (const CodeSegment& segment : map.segments())
        budget += segment.bytes.size() * most_decodings;

    std::vector<Function> with_halts;
    std::set<std::uint64_t> refused;
    const auto refuse = [&](const FunctionRange& range) {
        for (auto it = std::lower_bound(candidates.begin(), candidates.end(), range.start);
             it != candidates.end() && *it < range.end; ++it)
            refused.insert(*it);
    };
    std::vector<FunctionRange> without; // to be looked at if they share bytes with one that has some
    for (const FunctionRange& range : map.functions()) {
        const auto first = std::lower_bound(candidates.begin(), candidates.end(), range.start);
        if (first == candidates.end() || *first >= range.end)
            continue;
        if (range.end - range.start > budget)
            return {};
        budget -= range.end - range.start;
        if (disassembler.has_halt(map.code(range.start, range.end), range.start))
            with_halts.push_back({range, {}});
        else
            without.push_back(range);
    }
    if (with_halts.empty())
        return {};
    add_entries(map, with_halts);

    std::set<std::uint64_t> found;
    for (const Function& function : with_halts) {
        const auto code = disassembler.decode(map.code(function.range.start, function.range.end),
                                              function.range.start);
        const auto halts = code ? halts_reached(*code, function) : std::nullopt;
        if (!halts) {
            refuse(function.range);
            continue;
        }
        found.insert(halts->begin(), halts->end());
        // A byte that is within another instruction here is a hlt nowhere.
        std::set<std::uint64_t> starts;
        for (const Instruction& instruction : *code) {
            if (instruction.halt && instruction.size == 1)
                starts.insert(instruction.address);
        }
        for (auto it = std::lower_bound(candidates.begin(), candidates.end(), function.range.start);
             it != candidates.end() && *it < function.range.end; ++it) {
            if (!starts.contains(*it))
                refused.insert(*it);
        }
    }
    for (const FunctionRange& range : without) {
        const auto near = found.lower_bound(range.start);
        if (near != found.end() && *near < range.end)
            refuse(range);
    }
    std::vector<std::uint64_t> result;
    std::set_difference(found.begin(), found.end(), refused.begin(), refused.end(), std::back_inserter(result));
    return result;
}

} // namespace linnet::cli
