// The gap reports of runs, one file each in the cache folder: a head, and the control lines as they came. Old ones go.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "cli/gaps/gap_record.h"

namespace linnet::cli {

struct GapFile {
    std::string name;    // of the VM
    std::string program; // with its arguments
    std::string image;   // the archive that it booted
    std::int64_t started_ns = 0; // since 1970
    GapReport report;
};

// Takes a run's control lines and writes each complete report. Never throws: a run does not fail for its report.
class GapKeeper {
public:
    static constexpr std::size_t most_bytes = 1 << 20; // of one report's lines

    // Writes a file without a report: the run began.
    GapKeeper(const std::string& name, const std::string& program, const std::string& image);
    // A control line that begins with `gap `.
    void take(std::string_view line);
    const GapReport& report() const { return collector_.report(); }

private:
    void write() const;

    std::filesystem::path path_; // empty: there is nowhere to write
    std::string head_, lines_;
    GapCollector collector_;
};

// Nothing if no run of that name is known (or of any name, if it is empty: the one that began last).
std::optional<GapFile> find_gaps(const std::string& name);
void forget_gaps(const std::string& name);

} // namespace linnet::cli
