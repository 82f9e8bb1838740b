// The gap report: what a run's program asked for that Linnet lacks or does in part, and the code that asked.
//
// Who has a run's control lines gives those that begin with `gap ` to a GapCollector, and its report() to one of these.
#pragma once

#include <iosfwd>
#include <string>

#include "cli/gaps/gap_record.h"

namespace linnet::cli {

struct GapFile;

struct GapReportOptions {
    std::string image;    // the guest's archive (a cpio file of the host), for symbols and instructions; empty: none
    bool verbose = false; // every caller, and those that are not sure; else the first ones
};

// As text, one paragraph a gap; one line if there are none. Nothing in the report is trusted.
void print_gap_report(std::ostream& out, const GapReport& report, const GapReportOptions& options);

// What a trace ends with: the report if there are gaps; else, unless `quiet`, a line that says so.
void print_gaps_behind_trace(std::ostream& out, const GapFile& run, bool quiet);

// A report as one JSON object (docs/user-guide.md).
std::string gap_report_json(const GapReport& report, const GapReportOptions& options, const std::string& name, const std::string& program);

} // namespace linnet::cli
