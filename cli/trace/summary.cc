#include "cli/trace/summary.h"

#include <algorithm>
#include <cstdio>
#include <vector>

#include "cli/trace/call_names.h"

namespace linnet::cli {
namespace {

std::string number_text(const char* format, auto value) {
    char text[64];
    std::snprintf(text, sizeof text, format, value);
    return text;
}

std::string right(const std::string& text, std::size_t width) {
    return text.size() < width ? std::string(width - text.size(), ' ') + text : text;
}

} // namespace

void CallSummary::add(std::uint32_t number, std::uint64_t ns, bool failed) {
    if (number >= call_numbers) // strace counts none of these either
        return;
    Count& count = counts_[number];
    count.ns += ns;
    ++count.calls;
    count.errors += failed;
}

std::string CallSummary::table(SummarySort sort) const {
    if (counts_.empty())
        return {};
    struct Row {
        std::string name;
        Count count;
        std::uint64_t average() const { return count.ns / count.calls; }
    };
    std::vector<Row> rows;
    Count total;
    std::uint64_t most_average = 0;
    std::size_t longest = 0;
    for (const auto& [number, count] : counts_) {
        rows.push_back({call_name(number), count});
        total.ns += count.ns;
        total.calls += count.calls;
        total.errors += count.errors;
        most_average = std::max(most_average, rows.back().average());
        longest = std::max(longest, rows.back().name.size());
    }
    // Those that are equal stay in the order of their numbers.
    std::stable_sort(rows.begin(), rows.end(), [sort](const Row& a, const Row& b) {
        switch (sort) {
        case SummarySort::time: return a.count.ns > b.count.ns;
        case SummarySort::calls: return a.count.calls > b.count.calls;
        case SummarySort::errors: return a.count.errors > b.count.errors;
        case SummarySort::average: return a.average() > b.average();
        case SummarySort::name: return a.name < b.name;
        case SummarySort::none: break;
        }
        return false;
    });
    const auto width = [](std::size_t least, const std::string& widest) { return std::max(least, widest.size()); };
    const auto seconds = [](std::uint64_t ns) { return number_text("%.6f", static_cast<double>(ns) / 1e9); };
    const auto whole = [](std::uint64_t n) { return number_text("%llu", static_cast<unsigned long long>(n)); };
    const std::size_t widths[] = {6, width(11, seconds(total.ns)), width(11, whole(most_average / 1000)), width(9, whole(total.calls)),
                                  width(9, whole(total.errors)), std::max<std::size_t>(16, longest + 1)};
    std::string text;
    const auto row = [&](const std::string& percent, const std::string& time, const std::string& average, const std::string& calls,
                         const std::string& errors, const std::string& name) {
        const std::string* cells[] = {&percent, &time, &average, &calls, &errors};
        for (std::size_t i = 0; i < 5; ++i)
            text += right(*cells[i], widths[i]) + " ";
        text += name + "\n";
    };
    const auto divider = [&] {
        for (std::size_t i = 0; i < 6; ++i)
            text += (i ? " " : "") + std::string(widths[i], '-');
        text += "\n";
    };
    const auto errors = [&](const Count& c) { return c.errors ? whole(c.errors) : std::string(); };
    row("% time", "seconds", "usecs/call", "calls", "errors", "syscall");
    divider();
    for (const Row& r : rows) {
        const double percent = total.ns ? 100.0 * static_cast<double>(r.count.ns) / static_cast<double>(total.ns) : 0.0;
        row(number_text("%.2f", percent), seconds(r.count.ns), whole(r.average() / 1000), whole(r.count.calls), errors(r.count), r.name);
    }
    divider();
    row("100.00", seconds(total.ns), whole(total.ns / total.calls / 1000), whole(total.calls), errors(total), "total");
    return text;
}

} // namespace linnet::cli
