#include "cli/compare/difference.h"

#include <algorithm>
#include <cstdint>
#include <set>

namespace linnet::cli {

std::vector<Difference> differences(const std::string& label, const std::vector<std::string>& on_linux,
                                    const std::vector<std::string>& in_guest) {
    std::size_t head = 0;
    const std::size_t shorter = std::min(on_linux.size(), in_guest.size());
    while (head < shorter && on_linux[head] == in_guest[head])
        ++head;
    std::size_t tail = 0;
    while (tail < shorter - head && on_linux[on_linux.size() - 1 - tail] == in_guest[in_guest.size() - 1 - tail])
        ++tail;
    const std::size_t rows = on_linux.size() - head - tail, columns = in_guest.size() - head - tail;
    std::vector<Difference> found;
    if (rows == 0 && columns == 0)
        return found;
    constexpr std::size_t most_pairs = std::size_t{64} << 20;
    if (rows == 0 || columns == 0 || rows > most_pairs / columns) {
        found.push_back({label, head, head + rows, head, head + columns});
        return found;
    }
    // Length of the longest common subsequence of what begins at [i][j].
    std::vector<std::uint32_t> length((rows + 1) * (columns + 1));
    const auto at = [&](std::size_t i, std::size_t j) -> std::uint32_t& { return length[i * (columns + 1) + j]; };
    for (std::size_t i = rows; i-- > 0;) {
        for (std::size_t j = columns; j-- > 0;)
            at(i, j) = on_linux[head + i] == in_guest[head + j] ? at(i + 1, j + 1) + 1 : std::max(at(i + 1, j), at(i, j + 1));
    }
    std::size_t i = 0, j = 0;
    while (i < rows || j < columns) {
        if (i < rows && j < columns && on_linux[head + i] == in_guest[head + j]) {
            ++i, ++j;
            continue;
        }
        const std::size_t from_i = i, from_j = j;
        while ((i < rows || j < columns) && !(i < rows && j < columns && on_linux[head + i] == in_guest[head + j])) {
            if (j >= columns || (i < rows && at(i + 1, j) >= at(i, j + 1)))
                ++i;
            else
                ++j;
        }
        found.push_back({label, head + from_i, head + i, head + from_j, head + j});
    }
    return found;
}

const std::vector<std::string>& lines_of(const Trace& trace, const std::string& label) {
    static const std::vector<std::string> none;
    for (const ThreadTrace& thread : trace.threads) {
        if (thread.label == label)
            return thread.lines;
    }
    return none;
}

std::vector<Difference> differences(const Trace& on_linux, const Trace& in_guest) {
    std::vector<std::string> labels;
    std::set<std::string> seen;
    for (const Trace* trace : {&on_linux, &in_guest}) {
        for (const ThreadTrace& thread : trace->threads) {
            if (seen.insert(thread.label).second)
                labels.push_back(thread.label);
        }
    }
    std::vector<Difference> all;
    for (const std::string& label : labels) {
        for (Difference& difference : differences(label, lines_of(on_linux, label), lines_of(in_guest, label)))
            all.push_back(std::move(difference));
    }
    return all;
}

} // namespace linnet::cli
