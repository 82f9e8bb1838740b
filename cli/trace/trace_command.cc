#include "cli/trace/trace_command.h"

#include <iostream>

#include "cli/gaps/gap_report.h"
#include "cli/gaps/gap_store.h"
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
    const bool to_stderr = trace.output.empty(), silent = trace.quiet_exit || (trace.json && to_stderr), quiet = run.quiet;
    TraceSession session(std::move(trace));
    GapFile gaps;
    const int status = run_program(std::move(run), &session, &gaps);
    if (!silent)
        print_gaps_behind_trace(std::cerr, gaps, quiet);
    return status;
}

} // namespace linnet::cli
