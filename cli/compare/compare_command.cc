#include "cli/compare/compare_command.h"

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <optional>

#include <nlohmann/json.hpp>

#include "cli/compare/call_text.h"
#include "cli/compare/difference.h"
#include "cli/compare/expectations.h"
#include "cli/compare/normalise.h"
#include "cli/compare/trace_file.h"
#include "cli/compare/traced_run.h"
#include "cli/run/kernel_line.h"
#include "cli/run/options.h"
#include "cli/run/root.h"
#include "cli/util/error.h"
#include "cli/util/text.h"

namespace linnet::cli {
namespace {

constexpr const char* usage =
    "Runs a program on this Linux under strace and in the guest, and shows where their system calls first differ.\n"
    "Usage: linnet compare [flags] [flags of linnet run] PROGRAM [ARGS...]\n"
    "\n"
    "  --all               every difference, not the first of each thread\n"
    "  --context N         N lines before and after a difference (5)\n"
    "  --expect FILE       differences that are known, with their reasons (cli/README.md)\n"
    "  --until TEXT        SIGTERM for the program when its first thread has written TEXT to stdout; what comes after is not\n"
    "                      compared\n"
    "  --timeout SECONDS   for each of the two runs (600)\n"
    "  --keep DIR          leave both traces there: linux.trace, guest.trace, and the normalised linux.txt, guest.txt\n"
    "  --linux-trace FILE  do not run it on Linux: this is strace's output (-f -o FILE)\n"
    "  --guest-trace FILE  do not run it in the guest: this is its trace\n"
    "  --rules             print the rules by which traces are normalised\n"
    "  --json              the result as JSON\n"
    "\n"
    "Status: 0 they are equal, 1 they differ, 125 one of them could not run.\n";

struct CompareOptions {
    bool all = false, json = false;
    unsigned context = 5, timeout_s = 600;
    std::string expect, until, keep, linux_trace, guest_trace;
    std::vector<std::string> rest; // flags of run, PROGRAM, ARGS
};

// False: help or the rules were asked for and printed.
bool parse(const std::vector<std::string>& words, CompareOptions& options) {
    // A flag of `run` takes its value with it; PROGRAM is the first word that is none of both.
    static constexpr const char* with_value[] = {"-p", "--publish", "-e", "--env", "-w", "--workdir", "-m", "--memory", "--cpus", "--name",
                                                 "--hostname", "--machine", "--accel", "--linker", "--isolation", "--network", "--qemu", "--core",
                                                 "--rootfs", "--add", "--package", "--save-image", "--kernel", "--kernel-option", "--user"};
    std::size_t i = 0;
    const auto value = [&](const std::string& flag) {
        if (i + 1 >= words.size())
            throw CommandError(flag + ": wants a value (see linnet compare --help)");
        return words[++i];
    };
    const auto number = [&](const std::string& flag) {
        const std::string text = value(flag);
        const auto n = parse_number(text, 1'000'000);
        if (!n)
            throw CommandError(concat(flag, " ", text, ": wanted a number"));
        return static_cast<unsigned>(*n);
    };
    for (; i < words.size(); ++i) {
        const std::string& word = words[i];
        if (word == "-h" || word == "--help") {
            std::cout << usage;
            return false;
        } else if (word == "--rules") {
            for (const std::string& rule : normalise_rules())
                std::cout << rule << "\n";
            return false;
        } else if (word == "--all") {
            options.all = true;
        } else if (word == "--json") {
            options.json = true;
        } else if (word == "--context") {
            options.context = number(word);
        } else if (word == "--timeout") {
            options.timeout_s = std::max(1U, number(word));
        } else if (word == "--expect") {
            options.expect = value(word);
        } else if (word == "--until") {
            options.until = value(word);
        } else if (word == "--keep") {
            options.keep = value(word);
        } else if (word == "--linux-trace") {
            options.linux_trace = value(word);
        } else if (word == "--guest-trace") {
            options.guest_trace = value(word);
        } else if (std::ranges::find(with_value, word) != std::end(with_value)) {
            options.rest.push_back(word);
            options.rest.push_back(value(word));
        } else if (word.starts_with('-') && word != "--") {
            options.rest.push_back(word);
        } else {
            options.rest.insert(options.rest.end(), words.begin() + static_cast<std::ptrdiff_t>(i), words.end());
            break;
        }
    }
    return true;
}

TracedProgram program_of(const CompareOptions& options) {
    RunOptions run;
    if (!parse_run_options(options.rest, run))
        throw CommandError("see linnet run --help and linnet compare --help");
    if (run.program.starts_with("apt:"))
        throw CommandError("compare takes a program of this machine or of --rootfs DIR: " + run.program + " is on neither side");
    if (!run.rootfs.empty() && !std::filesystem::is_directory(run.rootfs))
        throw CommandError("compare: --rootfs " + run.rootfs + ": not a folder");
    if (run.detach || run.terminal)
        throw CommandError("compare: -d and -t make no sense here");
    const Root root = make_root(run);
    TracedProgram program;
    program.path = root.program.path;
    program.arguments = run.arguments;
    program.environment = root.program.environment;
    program.cwd = root.program.cwd;
    if (!run.rootfs.empty())
        program.rootfs = std::filesystem::absolute(run.rootfs).string();
    std::size_t flags = options.rest.size() - run.arguments.size() - 1;
    program.run_flags.assign(options.rest.begin(), options.rest.begin() + static_cast<std::ptrdiff_t>(flags));
    std::erase(program.run_flags, "--");
    program.until = options.until;
    program.timeout_s = options.timeout_s;
    return program;
}

std::string file_text(const std::string& path) {
    auto text = read_file(path);
    if (!text)
        throw CommandError(concat("cannot read ", path));
    return std::move(*text);
}

void keep(const std::string& folder, const std::string& side, const std::string& raw, const Trace& trace) {
    std::error_code error;
    std::filesystem::create_directories(folder, error);
    write_file_atomically(folder + "/" + side + ".trace", raw);
    std::string text;
    for (const ThreadTrace& thread : trace.threads) {
        for (const std::string& line : thread.lines)
            text += thread.label + "\t" + line + "\n";
    }
    write_file_atomically(folder + "/" + side + ".txt", text);
}

// Where the first thread is left when the program gets SIGTERM: behind the write that ended the text. How far it came after that is a matter of time,
// and so is which thread takes the signal. `bytes` of its output end with the text; 0: not known, then all is compared.
std::size_t end_of_text(const std::vector<std::string>& lines, std::size_t bytes) {
    std::size_t written = 0;
    for (std::size_t i = 0; i < lines.size() && bytes; ++i) {
        const CallText call = parse_call(lines[i]);
        if ((call.name == "write" || call.name == "writev") && !call.arguments.empty() && call.arguments[0] == "1")
            written += static_cast<std::size_t>(std::max(0L, call.number_result()));
        if (written >= bytes)
            return i + 1;
    }
    return lines.size();
}

// The other threads are compared as far as both have come.
void stop_at_text(const std::string& text, Trace& on_linux, const std::string& linux_output, Trace& in_guest, const std::string& guest_output) {
    const auto stop = [&text](Trace& trace, const std::string& output) {
        const std::size_t at = output.find(text);
        for (ThreadTrace& thread : trace.threads) {
            if (thread.label == "1")
                thread.lines.resize(end_of_text(thread.lines, at == std::string::npos ? 0 : at + text.size()));
        }
    };
    stop(on_linux, linux_output);
    stop(in_guest, guest_output);
    for (ThreadTrace& left : on_linux.threads) {
        for (ThreadTrace& right : in_guest.threads) {
            if (left.label != right.label || left.label == "1")
                continue;
            const auto until_end = [](std::vector<std::string>& lines) {
                if (!lines.empty() && lines.back().starts_with("+++ "))
                    lines.pop_back();
            };
            until_end(left.lines);
            until_end(right.lines);
            const std::size_t common = std::min(left.lines.size(), right.lines.size());
            left.lines.resize(common);
            right.lines.resize(common);
        }
    }
}

void print_difference(const Difference& d, const std::vector<std::string>& left, const std::vector<std::string>& right, unsigned context) {
    std::cout << "thread " << d.thread << ", line " << d.linux_from + 1 << " on Linux (-), line " << d.guest_from + 1 << " in the guest (+):\n";
    for (std::size_t i = d.linux_from - std::min<std::size_t>(context, d.linux_from); i < d.linux_from; ++i)
        std::cout << "  " << left[i] << "\n";
    for (std::size_t i = d.linux_from; i < d.linux_to; ++i)
        std::cout << "- " << left[i] << "\n";
    for (std::size_t i = d.guest_from; i < d.guest_to; ++i)
        std::cout << "+ " << right[i] << "\n";
    for (std::size_t i = d.linux_to; i < left.size() && i < d.linux_to + context; ++i)
        std::cout << "  " << left[i] << "\n";
}

nlohmann::json json_lines(const std::vector<std::string>& lines, std::size_t from, std::size_t to) {
    auto list = nlohmann::json::array();
    for (std::size_t i = from; i < to; ++i)
        list.push_back(lines[i]);
    return list;
}

} // namespace

int compare_command(const std::vector<std::string>& words) {
    if (!words.empty() && words[0] == "--enter")
        enter_program({words.begin() + 1, words.end()});
    CompareOptions options;
    if (!parse(words, options))
        return 0;
    std::optional<TracedProgram> program;
    if (options.linux_trace.empty() || options.guest_trace.empty())
        program = program_of(options);
    Expectations expected;
    if (!options.expect.empty())
        expected = Expectations::parse(file_text(options.expect), options.expect);

    TracedRun on_linux, in_guest;
    if (options.linux_trace.empty())
        on_linux = run_on_linux(*program);
    else
        on_linux = {file_text(options.linux_trace), "", 0, 1};
    if (options.guest_trace.empty())
        in_guest = run_in_guest(*program);
    else
        in_guest = {file_text(options.guest_trace), "", 0, 0};

    Trace left = by_thread(read_trace(on_linux.trace), on_linux.executions);
    Trace right = by_thread(read_trace(in_guest.trace), in_guest.executions);
    if (left.threads.empty() || right.threads.empty())
        throw CommandError(concat("no system calls in the trace ", left.threads.empty() ? "of Linux" : "of the guest"));
    normalise(left);
    normalise(right);
    if (!options.keep.empty()) {
        keep(options.keep, "linux", on_linux.trace, left);
        keep(options.keep, "guest", in_guest.trace, right);
    }
    if (!options.until.empty())
        stop_at_text(options.until, left, on_linux.output, right, in_guest.output);

    std::size_t lines = 0;
    for (const ThreadTrace& thread : left.threads)
        lines += thread.lines.size();
    std::vector<Difference> open;
    for (Difference& difference : differences(left, right)) {
        if (!expected.covers(difference, left, right))
            open.push_back(std::move(difference));
    }
    // A rule without a use is a finding of the whole comparison alone.
    const std::vector<const Expectation*> unused = expected.unused();
    const bool equal = open.empty() && unused.empty();

    if (options.json) {
        nlohmann::json result = {{"equal", equal}, {"lines", lines}, {"expected_lines", expected.lines_covered()},
                                 {"linux_status", on_linux.status}, {"guest_status", in_guest.status}};
        auto list = nlohmann::json::array();
        for (const Difference& d : open)
            list.push_back({{"thread", d.thread}, {"linux_line", d.linux_from + 1}, {"guest_line", d.guest_from + 1},
                            {"linux", json_lines(lines_of(left, d.thread), d.linux_from, d.linux_to)},
                            {"guest", json_lines(lines_of(right, d.thread), d.guest_from, d.guest_to)}});
        result["differences"] = std::move(list);
        auto rules = nlohmann::json::array();
        for (const Expectation* rule : unused)
            rules.push_back(rule->pattern);
        result["unused_expectations"] = std::move(rules);
        std::cout << result.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) << "\n";
        return equal ? 0 : 1;
    }
    std::string shown;
    for (const Difference& d : open) {
        if (!options.all && d.thread == shown)
            continue;
        shown = d.thread;
        print_difference(d, lines_of(left, d.thread), lines_of(right, d.thread), options.context);
    }
    for (const Expectation* rule : unused)
        std::cout << "expected, and not found: " << (rule->of_guest ? "guest " : "linux ") << rule->pattern << "\n";
    std::cout << lines << " lines of " << left.threads.size() << (left.threads.size() == 1 ? " thread" : " threads") << " on Linux: ";
    if (open.empty())
        std::cout << "equal";
    else
        std::cout << open.size() << (open.size() == 1 ? " difference" : " differences");
    std::cout << ", " << expected.lines_covered() << " lines of expected differences\n";
    return equal ? 0 : 1;
}

} // namespace linnet::cli
