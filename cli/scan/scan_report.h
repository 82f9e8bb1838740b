// What a scan found, as text or JSON, beside what Linnet does of it (linux-abi/syscalls.def).
#pragma once

#include <iosfwd>

#include "cli/scan/scan.h"

namespace linnet::cli {

// `verbose`: also who makes each call, and all files.
void write_scan_text(std::ostream& out, const Scan& scan, bool verbose);
void write_scan_json(std::ostream& out, const Scan& scan);

} // namespace linnet::cli
