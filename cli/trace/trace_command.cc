#include "cli/trace/trace_command.h"

#include "cli/run/run_command.h"
#include "cli/trace/trace_options.h"
#include "cli/trace/trace_session.h"

namespace linnet::cli {

int trace_command(const std::vector<std::string>& words) {
    TraceOptions trace;
    RunOptions run;
    if (!parse_trace_options(words, trace, run))
        return 0;
    ask_kernel(trace, run);
    if (run.dry_run)
        return run_program(std::move(run), nullptr);
    TraceSession session(std::move(trace));
    return run_program(std::move(run), &session);
}

} // namespace linnet::cli
