// The table of -c: strace's own.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "cli/trace/trace_options.h"

namespace linnet::cli {

class CallSummary {
public:
    void add(std::uint32_t number, std::uint64_t ns, bool failed);
    // Empty if there was no call.
    std::string table(SummarySort sort) const;

private:
    struct Count {
        std::uint64_t ns = 0, calls = 0, errors = 0;
    };
    std::map<std::uint32_t, Count> counts_;
};

} // namespace linnet::cli
