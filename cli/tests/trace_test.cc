// linnet trace: tables, JSON, and its options.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "cli/tests/trace_records.h"
#include "cli/trace/json_presenter.h"
#include "cli/util/error.h"

namespace linnet::cli {
namespace {

TEST(TraceSummary, is_straces_table) {
    Stream s;
    s.call(1, "read", "read(3, ", ") = 1", 1);
    s.call(1, "openat", "openat(", ") = -1 ENOENT (x)", -2);
    s.call(1, "openat", "openat(", ") = 3", 3);
    TraceOptions options;
    options.summary = true;
    options.lines = false;
    EXPECT_EQ(present(s.bytes, options), "% time     seconds  usecs/call     calls    errors syscall\n"
                                         "------ ----------- ----------- --------- --------- ----------------\n"
                                         " 66.67    0.000004           2         2         1 openat\n"
                                         " 33.33    0.000002           2         1           read\n"
                                         "------ ----------- ----------- --------- --------- ----------------\n"
                                         "100.00    0.000006           2         3         1 total\n");
    options.sort = SummarySort::name;
    options.wall_clock = true;
    EXPECT_NE(present(s.bytes, options).find("    0.002000        1000         2         1 openat\n"), std::string::npos);
    EXPECT_EQ(present(Stream().bytes, options), "");
}

TEST(TraceJson, one_object_a_line) {
    Stream s;
    s.attach(2);
    s.entry(1, "read", "read(3", true);
    s.call(2, "openat", "openat(AT_FDCWD, \"a, \\\"b\", O_RDONLY|O_CLOEXEC", ") = -1 ENOENT (No such file or directory)", -2);
    s.exit(1, "read", ", \"a\", 1) = 1", 1);
    s.signal(1, 15, "--- SIGTERM {} ---");
    s.entry(2, "futex", "futex(0x1, FUTEX_WAIT, 0, {tv_sec=1, tv_nsec=0}");
    s.end(2, 9, "+++ killed by SIGKILL +++");
    s.end(1, 0x500, "+++ exited with 5 +++");
    TraceOptions options;
    options.json = true;
    std::vector<nlohmann::json> objects;
    for (const std::string& line : split(present(s.bytes, options), '\n'))
        if (!line.empty())
            objects.push_back(nlohmann::json::parse(line));
    ASSERT_EQ(objects.size(), 7u);
    EXPECT_EQ(objects[0]["kind"], "attach");
    EXPECT_EQ(objects[1]["name"], "openat");
    EXPECT_EQ(objects[1]["args"], (std::vector<std::string>{"AT_FDCWD", "\"a, \\\"b\"", "O_RDONLY|O_CLOEXEC"}));
    EXPECT_EQ(objects[1]["result"], -1);
    EXPECT_EQ(objects[1]["errno"], "ENOENT");
    EXPECT_EQ(objects[1]["error"], "No such file or directory");
    EXPECT_EQ(objects[1]["pid"], 1);
    EXPECT_EQ(objects[1]["tid"], 2);
    EXPECT_DOUBLE_EQ(objects[1]["duration"], 0.001);
    EXPECT_EQ(objects[2]["args"], (std::vector<std::string>{"3", "\"a\"", "1"}));
    EXPECT_EQ(objects[2]["result"], 1);
    EXPECT_EQ(objects[3]["kind"], "signal");
    EXPECT_EQ(objects[3]["number"], 15);
    EXPECT_EQ(objects[4]["unfinished"], true);
    EXPECT_TRUE(objects[4]["result"].is_null());
    EXPECT_EQ(objects[4]["args"].size(), 4u);
    EXPECT_EQ(objects[5]["signal"], 9);
    EXPECT_EQ(objects[6]["status"], 5);
}

TEST(TraceJson, text_that_was_cut_does_not_merge_with_what_follows) {
    Stream s;
    s.add(TraceKind::entry, 1, number_of("readlink"), "readlink(\"a, (b", 0, abi::trace_flag_more | abi::trace_flag_cut);
    s.exit(1, "readlink", ", \"c, d\", 100) = 4", 4);
    s.entry(1, "read", "read(0", true);
    s.add(TraceKind::exit, 1, number_of("read"), ", \"f() = 1, ", 7, abi::trace_flag_cut);
    s.add(TraceKind::entry, 1, number_of("open"), "open(\"a", 0, abi::trace_flag_cut);
    TraceOptions options;
    options.json = true;
    std::vector<nlohmann::json> objects;
    for (const std::string& line : split(present(s.bytes, options), '\n'))
        if (!line.empty())
            objects.push_back(nlohmann::json::parse(line));
    ASSERT_EQ(objects.size(), 3u);
    EXPECT_EQ(objects[0]["args"], (std::vector<std::string>{"\"a, (b...", "\"c, d\"", "100"}));
    EXPECT_EQ(objects[0]["text"], "4");
    EXPECT_EQ(objects[1]["args"], (std::vector<std::string>{"0", "\"f() = 1, ..."}));
    EXPECT_EQ(objects[1]["result"], 7);
    EXPECT_EQ(objects[2]["args"], (std::vector<std::string>{"\"a..."}));
}

TEST(TraceJson, bytes_that_are_no_utf8_do_no_harm) {
    Stream s;
    s.call(1, "write", "write(1, \"\xff\xfe", ") = 1", 1);
    TraceOptions options;
    options.json = true;
    EXPECT_TRUE(nlohmann::json::accept(present(s.bytes, options)));
}

std::string error_of(const std::string& expression) {
    TraceOptions options;
    try {
        apply_trace_expression(expression, options);
    } catch (const CommandError& error) {
        EXPECT_EQ(error.status(), 125);
        return error.what();
    }
    return {};
}

std::string calls_of(const std::string& expression) {
    TraceOptions options;
    apply_trace_expression(expression, options);
    return options.calls.kernel_text();
}

TEST(TraceExpressions, sets_of_calls) {
    EXPECT_EQ(calls_of("trace=read"), "0");
    EXPECT_EQ(calls_of("read,write,close"), "0-1,3");
    EXPECT_EQ(calls_of("t=!read"), "1-450,unknown");
    EXPECT_EQ(calls_of("!read,write"), "2-450,unknown");
    EXPECT_EQ(calls_of("trace=all"), "0-450,unknown");
    EXPECT_EQ(calls_of("trace=none"), "none");
    EXPECT_EQ(calls_of("trace=%clock"), "96,159,164,201,227-229,305");
    EXPECT_EQ(calls_of("trace=%ipc"), "29-31,64-71,220");
    EXPECT_EQ(calls_of("trace=ipc"), calls_of("trace=%ipc"));
    EXPECT_EQ(calls_of("trace=%net"), calls_of("trace=network"));
    EXPECT_EQ(calls_of("trace=%%stat"), "4-6,262,332");
    EXPECT_EQ(calls_of("trace=/^get.id$"), "39,102,104,124,186");
    EXPECT_EQ(calls_of("trace=257"), "257");
    EXPECT_EQ(calls_of("trace=?nosuch,read"), "0");
    EXPECT_EQ(calls_of("!trace=read"), calls_of("trace=!read"));
}

TEST(TraceExpressions, names_that_are_none_are_named) {
    EXPECT_EQ(error_of("trace=foo"), "invalid system call 'foo'");
    EXPECT_EQ(error_of("read,foo"), "invalid system call 'foo'");
    EXPECT_EQ(error_of("trace=%foo"), "invalid system call '%foo'");
    EXPECT_EQ(error_of("trace=451"), "invalid system call '451'");
    EXPECT_EQ(error_of("trace="), "invalid system call ''");
    EXPECT_EQ(error_of("trace=/("), "invalid regular expression '('");
    EXPECT_EQ(error_of("signal=SIGFOO"), "invalid signal 'SIGFOO'");
    EXPECT_EQ(error_of("status=foo"), "invalid system call status 'foo'");
    EXPECT_EQ(error_of("foo=bar"), "invalid -e expression 'foo=bar'");
    EXPECT_NE(error_of("inject=read:error=EIO").find("inject=read:error=EIO"), std::string::npos);
}

TEST(TraceExpressions, classes_name_calls_that_are_there) {
    for (const char* name : {"desc", "file", "process", "network", "signal", "ipc", "memory", "creds", "clock", "stat", "lstat", "fstat", "%stat",
                             "statfs", "fstatfs", "%statfs", "pure"})
        EXPECT_NE(calls_of(std::string("%") + name), "none") << name;
}

TEST(TraceFlags, straces_and_those_of_run) {
    TraceOptions trace;
    RunOptions run;
    ASSERT_TRUE(parse_trace_options({"-fttT", "-s", "100", "-qq", "-e", "trace=%file", "-o", "out", "-E", "A=1", "--env", "B=2", "-m", "512M", "-p",
                                     "8080:80", "--cpus", "2", "--workdir", "/tmp", "/bin/ls", "-l", "-o", "x"},
                                    trace, run));
    EXPECT_TRUE(trace.follow && trace.durations && trace.quiet_attach && trace.quiet_exit && !trace.separate);
    EXPECT_EQ(trace.timestamp, Timestamp::microseconds);
    EXPECT_EQ(trace.output, "out");
    EXPECT_EQ(run.environment, (std::vector<std::string>{"A=1", "B=2"}));
    EXPECT_EQ(run.memory_bytes, 512u << 20);
    EXPECT_EQ(run.ports.size(), 1u);
    EXPECT_EQ(run.cwd, "/tmp");
    EXPECT_EQ(run.program, "/bin/ls");
    EXPECT_EQ(run.arguments, (std::vector<std::string>{"-l", "-o", "x"}));
    EXPECT_TRUE(run.quiet && !run.terminal);
    ask_kernel(trace, run);
    EXPECT_EQ(run.trace_limit, 100u);
    EXPECT_TRUE(run.trace_follow);
}

TEST(TraceFlags, what_cannot_be_is_refused_in_one_line) {
    const auto error_with = [](std::vector<std::string> words) {
        TraceOptions trace;
        RunOptions run;
        words.push_back("/bin/true");
        try {
            parse_trace_options(words, trace, run);
        } catch (const CommandError& error) {
            return std::string(error.what());
        }
        return std::string();
    };
    EXPECT_EQ(error_with({"-y"}), "-y: linnet trace has no such flag (see linnet trace --help)");
    EXPECT_EQ(error_with({"-z", "-Z"}), "-z and -Z exclude each other");
    EXPECT_EQ(error_with({"-c", "-C"}), "-c/--summary-only and -C/--summary are mutually exclusive");
    EXPECT_EQ(error_with({"-s", "x"}), "-s x: wanted a number");
    EXPECT_EQ(error_with({"-S", "x"}), "invalid sortby: 'x'");
    EXPECT_EQ(error_with({"--json", "-c"}), "--json goes with neither -c, -C nor -ff");
    EXPECT_EQ(error_with({"--detach"}), "linnet trace stays in the foreground: no --detach");
    EXPECT_EQ(error_with({"-e", "nosuch"}), "invalid system call 'nosuch'");
    EXPECT_EQ(error_with({"-f"}), "");
}

TEST(TraceFlags, an_output_that_cannot_be_opened_is_named) {
    TraceOptions options;
    options.output = "/no/such/folder/out";
    try {
        TraceSession session(options);
        FAIL();
    } catch (const CommandError& error) {
        EXPECT_EQ(std::string(error.what()), "cannot write /no/such/folder/out: No such file or directory");
    }
}

} // namespace
} // namespace linnet::cli
