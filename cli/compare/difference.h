// Where two traces differ, thread by thread.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "cli/compare/trace_file.h"

namespace linnet::cli {

// Lines [linux_from, linux_to) of a thread's trace on Linux stand where the guest's are [guest_from, guest_to); one range may be empty.
struct Difference {
    std::string thread;
    std::size_t linux_from = 0, linux_to = 0;
    std::size_t guest_from = 0, guest_to = 0;
};

// Of one thread; in order. A longest common subsequence decides what belongs together; of very long and very different traces
// (more than 64 million pairs of lines) the part from the first to the last differing line is one difference.
std::vector<Difference> differences(const std::string& label, const std::vector<std::string>& on_linux,
                                    const std::vector<std::string>& in_guest);

// Of all threads, by label; a thread that is on one side only is one difference.
std::vector<Difference> differences(const Trace& on_linux, const Trace& in_guest);

// The lines of a thread; none if the trace does not have it.
const std::vector<std::string>& lines_of(const Trace& trace, const std::string& label);

} // namespace linnet::cli
