#include "cli/trace/trace_options.h"

#include <CLI/CLI.hpp>

#include "cli/trace/call_names.h"
#include "cli/util/error.h"
#include "cli/util/text.h"

namespace linnet::cli {
namespace {

int signal_number(const std::string& text) {
    if (const auto number = parse_number(text, 64))
        return static_cast<int>(*number);
    for (int n = 1; n <= 64; ++n) {
        const std::string name = signal_name(n);
        if (text == name || "SIG" + text == name)
            return n;
    }
    throw CommandError("invalid signal '" + text + "'");
}

// A comma list, `!` before it for the others, `all` and `none`.
template <class Add, class Flip, class All>
void parse_list(const std::string& value, Add add, Flip flip, All all) {
    const bool others = value.starts_with('!');
    for (const std::string& word : split(std::string_view(value).substr(others ? 1 : 0), ',')) {
        if (word == "all")
            all();
        else if (word != "none")
            add(word);
    }
    if (others)
        flip();
}

void apply_signals(const std::string& value, TraceOptions& trace) {
    trace.signals.reset();
    parse_list(
        value, [&](const std::string& word) { trace.signals.set(static_cast<std::size_t>(signal_number(word))); },
        [&] { trace.signals.flip(); }, [&] { trace.signals.set(); });
}

void apply_statuses(const std::string& value, TraceOptions& trace) {
    StatusSet& s = trace.statuses;
    s = {false, false, false};
    parse_list(
        value,
        [&](const std::string& word) {
            if (word == "successful")
                s.successful = true;
            else if (word == "failed")
                s.failed = true;
            else if (word == "unfinished")
                s.unfinished = true;
            else if (word != "unavailable" && word != "detached") // nothing here ends so
                throw CommandError("invalid system call status '" + word + "'");
        },
        [&] { s = {!s.successful, !s.failed, !s.unfinished}; }, [&] { s = {}; });
}

void apply_quiet(const std::string& value, TraceOptions& trace) {
    trace.quiet_attach = trace.quiet_exit = trace.quiet_superseded = false;
    parse_list(
        value,
        [&](const std::string& word) {
            if (word == "attach")
                trace.quiet_attach = true;
            else if (word == "exit" || word == "exits")
                trace.quiet_exit = true;
            else if (word == "thread-execve" || word == "superseded")
                trace.quiet_superseded = true;
            else if (word != "path-resolution" && word != "path-resolve" && word != "personality")
                throw CommandError("invalid quiet '" + word + "'");
        },
        [&] {
            trace.quiet_attach = !trace.quiet_attach;
            trace.quiet_exit = !trace.quiet_exit;
            trace.quiet_superseded = !trace.quiet_superseded;
        },
        [&] { trace.quiet_attach = trace.quiet_exit = trace.quiet_superseded = true; });
}

SummarySort parse_sort(const std::string& text) {
    for (const auto& [names, sort] : {std::pair{" time time_percent time_total total_time ", SummarySort::time},
                                      {" calls count ", SummarySort::calls},
                                      {" errors error ", SummarySort::errors},
                                      {" name syscall syscall_name ", SummarySort::name},
                                      {" avg_time time_avg ", SummarySort::average},
                                      {" none nothing ", SummarySort::none}}) {
        std::string word = " " + text + " ";
        for (char& c : word)
            c = c == '-' ? '_' : c;
        if (std::string_view(names).find(word) != std::string_view::npos)
            return sort;
    }
    throw CommandError("invalid sortby: '" + text + "'");
}

unsigned number_of(const char* flag, const std::string& text, unsigned most) {
    const auto number = parse_number(text, UINT32_MAX);
    if (!number)
        throw CommandError(concat(flag, " ", text, ": wanted a number"));
    return static_cast<unsigned>(std::min<std::uint64_t>(*number, most));
}

} // namespace

void apply_trace_expression(const std::string& text, TraceOptions& trace) {
    // "KIND=VALUE"; without a kind it is a set of calls. `!` may stand before either.
    std::string kind = "trace", value = text;
    if (const auto equals = text.find('='); equals != std::string::npos) {
        kind = text.substr(0, equals);
        value = text.substr(equals + 1);
        if (kind.starts_with('!')) {
            kind.erase(0, 1);
            value.insert(0, "!");
        }
    }
    if (kind == "trace" || kind == "t")
        trace.calls = CallSet::parse(value);
    else if (kind == "signal" || kind == "signals" || kind == "s")
        apply_signals(value, trace);
    else if (kind == "status")
        apply_statuses(value, trace);
    else if (kind == "quiet" || kind == "silent" || kind == "silence" || kind == "q")
        apply_quiet(value, trace);
    else if (kind == "abbrev" || kind == "a" || kind == "verbose" || kind == "v" || kind == "raw" || kind == "x" || kind == "read" ||
             kind == "r" || kind == "write" || kind == "w" || kind == "fault" || kind == "inject" || kind == "kvm" || kind == "decode-fds" ||
             kind == "decode-fd" || kind == "decode-pids" || kind == "trace-fds" || kind == "namespace")
        throw CommandError("-e " + text + ": linnet trace knows trace=, signal=, status= and quiet=");
    else
        throw CommandError("invalid -e expression '" + text + "'");
}

bool parse_trace_options(const std::vector<std::string>& words, TraceOptions& trace, RunOptions& run) {
    CLI::App app("Runs a Linux program as `linnet run` does, and shows its system calls as strace(1) does.\n"
                 "Flags are strace's, and linnet run's where strace has no such flag (-e, -t, -q, -v, -w, -i and -d are strace's).",
                 "linnet trace");
    // Before the flags of `linnet run`, so that --help begins with these.
    int follow = 0, timestamps = 0, quiet = 0;
    bool only_summary = false, with_summary = false, successful = false, failed = false;
    const auto value = [&app](const char* names, const char* help, auto apply) {
        app.add_option_function<std::string>(names, [apply](const std::string& text) { apply(text); }, help)
            ->trigger_on_parse()
            ->allow_extra_args(false)
            ->take_last();
    };
    app.add_flag("-f,--follow-forks", follow, "all threads and processes; -ff: each into FILE.TID (with -o)");
    app.add_flag("-c,--summary-only", only_summary, "only a table of calls, errors and times");
    app.add_flag("-C,--summary", with_summary, "the table too");
    app.add_flag("-w,--summary-wall-clock", trace.wall_clock, "the table shows the time that calls took, not their CPU time");
    value("-S,--summary-sort-by", "time (default), calls, errors, name, avg_time or none", [&](const std::string& text) { trace.sort = parse_sort(text); });
    value("-e", "trace=SET, or SET alone; signal=SET, status=SET, quiet=SET",
          [&](const std::string& text) { apply_trace_expression(text, trace); });
    value("--trace", "-e trace=", [&](const std::string& text) { apply_trace_expression("trace=" + text, trace); });
    value("--signal", "-e signal=", [&](const std::string& text) { apply_trace_expression("signal=" + text, trace); });
    value("--status", "-e status=", [&](const std::string& text) { apply_trace_expression("status=" + text, trace); });
    value("-o,--output", "a file for the trace", [&](const std::string& text) {
        if (text.empty() || text[0] == '|' || text[0] == '!')
            throw CommandError("-o " + text + ": wanted the name of a file");
        trace.output = text;
    });
    app.add_flag("-A,--output-append-mode", trace.append, "-o appends to the file");
    value("-s,--string-limit", "bytes of a string that are shown; 32 by default",
          [&](const std::string& text) { trace.string_limit = number_of("-s", text, 16384); });
    value("-a,--columns", "the column of results; 40 by default", [&](const std::string& text) { trace.column = number_of("-a", text, 1024); });
    app.add_flag("-t,--absolute-timestamps", timestamps, "the time of day; -tt: with microseconds; -ttt: since 1970");
    app.add_flag("-r,--relative-timestamps", trace.relative, "the time since the line before");
    app.add_flag("-T,--syscall-times", trace.durations, "how long each call took");
    app.add_flag("-n,--syscall-number", trace.numbers, "numbers of calls");
    app.add_flag("-q", quiet, "no boot line, no lines for new threads; -qq: nor for ends of threads; -qqq: nor for those that execve of another thread ends");
    app.add_flag("-z,--successful-only", successful, "only calls that succeed");
    app.add_flag("-Z,--failed-only,--failing-only", failed, "only calls that fail");
    app.add_flag("--json", trace.json, "one JSON object a line");
    value("-E", "VAR=VALUE: as --env", [&](const std::string& text) {
        if (text.empty() || text[0] == '=' || text.find('=') == std::string::npos)
            throw CommandError("-E " + text + ": wanted VAR=VALUE");
        run.environment.push_back(text);
    });
    for (const char* flag : {"-y", "-x", "-k", "-v", "-i", "-b", "-P", "-X", "-u", "-I", "-D", "-O", "-U", "-d"})
        app.add_flag_function(
            flag, [flag](std::int64_t) { throw CommandError(concat(flag, ": linnet trace has no such flag (see linnet trace --help)")); }, "")
            ->group("");
    add_run_flags(app, run, "ewdvqtiEu");
    if (!parse_run_words(app, words, "trace", run))
        return false;
    trace.follow = follow != 0;
    trace.separate = follow > 1 && !trace.output.empty();
    trace.summary = only_summary || with_summary;
    trace.lines = !only_summary;
    if (only_summary && with_summary)
        throw CommandError("-c/--summary-only and -C/--summary are mutually exclusive");
    if (successful && failed)
        throw CommandError("-z and -Z exclude each other");
    if (successful || failed)
        trace.statuses = {successful, failed, false};
    trace.timestamp = timestamps == 0   ? Timestamp::none
                      : timestamps == 1 ? Timestamp::seconds
                      : timestamps == 2 ? Timestamp::microseconds
                                        : Timestamp::unix_microseconds;
    trace.quiet_attach = trace.quiet_attach || quiet >= 1;
    trace.quiet_exit = trace.quiet_exit || quiet >= 2;
    trace.quiet_superseded = trace.quiet_superseded || quiet >= 3;
    run.quiet = run.quiet || quiet >= 1;
    if (trace.json && (trace.summary || trace.separate))
        throw CommandError("--json goes with neither -c, -C nor -ff");
    if (run.detach)
        throw CommandError("linnet trace stays in the foreground: no --detach");
    return true;
}

void ask_kernel(const TraceOptions& trace, RunOptions& run) {
    run.traced_calls = trace.calls.kernel_text();
    run.trace_follow = trace.follow;
    run.trace_limit = trace.string_limit;
}

} // namespace linnet::cli
