// `linnet run`.
#pragma once

#include <string>
#include <vector>

#include "cli/run/options.h"

namespace linnet::cli {

class TraceReceiver;
struct GapFile;

// `words` follow "run". Returns the exit status; throws CommandError and AptError.
int run_command(const std::vector<std::string>& words);

// The same, with flags that are parsed; `trace` takes what the kernel tells if options.traced_calls asks it to.
// `gaps`, if given, gets the gap report and the image; not with -d.
int run_program(RunOptions options, TraceReceiver* trace, GapFile* gaps = nullptr);

} // namespace linnet::cli
