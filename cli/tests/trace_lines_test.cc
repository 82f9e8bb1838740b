// linnet trace: strace's lines.
#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>

#include "cli/tests/trace_records.h"

namespace linnet::cli {
namespace {

TEST(TraceLines, results_stand_in_column_40) {
    Stream s;
    s.call(1, "close", "close(3", ") = 0");
    s.call(1, "openat", "openat(AT_FDCWD, \"/etc/a/long/path/of/a/file\", O_RDONLY", ") = -1 ENOENT (No such file or directory)", -2);
    s.end(1, 0x300, "+++ exited with 3 +++");
    EXPECT_EQ(present(s.bytes), "close(3)                                = 0\n"
                                "openat(AT_FDCWD, \"/etc/a/long/path/of/a/file\", O_RDONLY) = -1 ENOENT (No such file or directory)\n"
                                "+++ exited with 3 +++\n");
}

TEST(TraceLines, a_string_with_a_parenthesis_and_an_equals_sign_is_no_result) {
    Stream s;
    s.entry(1, "read", "read(0", true);
    s.exit(1, "read", ", \"f() = 1\", 100) = 7", 7);
    EXPECT_EQ(present(s.bytes), "read(0, \"f() = 1\", 100)                 = 7\n");
}

TEST(TraceLines, overlapping_calls_are_unfinished_and_resumed) {
    Stream s;
    s.entry(1, "clone", "clone(child_stack=NULL, flags=SIGCHLD");
    s.attach(2);
    s.exit(1, "clone", ") = 2", 2);
    s.entry(1, "read", "read(3", true);
    s.entry(2, "pipe2", "pipe2(", true);
    s.exit(2, "pipe2", "[4, 5], 0) = 0");
    s.entry(2, "futex", "futex(0x1000, FUTEX_WAIT, 0, NULL");
    s.exit(1, "read", ", \"a\", 1) = 1", 1);
    s.exit(2, "futex", ") = 0");
    s.end(2, 0, "+++ exited with 0 +++");
    s.call(1, "close", "close(3", ") = 0");
    EXPECT_EQ(present(s.bytes, following()),
              "clone(child_stack=NULL, flags=SIGCHLDlinnet: Process 2 attached\n"
              ")  = 2\n"
              "[pid     1] read(3,  <unfinished ...>\n"
              "[pid     2] pipe2([4, 5], 0)            = 0\n"
              "[pid     2] futex(0x1000, FUTEX_WAIT, 0, NULL <unfinished ...>\n"
              "[pid     1] <... read resumed>\"a\", 1)   = 1\n"
              "[pid     2] <... futex resumed>)        = 0\n"
              "[pid     2] +++ exited with 0 +++\n"
              "close(3)                                = 0\n");
}

TEST(TraceLines, a_call_that_death_ends_is_unfinished) {
    Stream s;
    s.attach(2);
    s.entry(2, "read", "read(0", true);
    s.entry(1, "exit_group", "exit_group(3");
    s.end(2, 0x300, "+++ exited with 3 +++");
    s.end(1, 0x300, "+++ exited with 3 +++");
    TraceOptions options = following();
    options.quiet_attach = true;
    EXPECT_EQ(present(s.bytes, options), "[pid     2] read(0,  <unfinished ...>\n"
                                         "[pid     1] exit_group(3 <unfinished ...>\n"
                                         "[pid     2] <... read resumed> <unfinished ...>) = ?\n"
                                         "[pid     2] +++ exited with 3 +++\n"
                                         "<... exit_group resumed>)               = ?\n"
                                         "+++ exited with 3 +++\n");
}

TEST(TraceLines, the_first_threads_end_is_the_last) {
    Stream s;
    s.attach(2);
    s.attach(3, 3);
    s.entry(1, "exit", "exit(0");
    s.end(1, 0, "+++ exited with 0 +++");
    s.call(2, "getpid", "getpid(", ") = 1", 1);
    s.end(2, 0, "+++ exited with 0 +++");
    s.call(3, "getuid", "getuid(", ") = 0", 0);
    TraceOptions options = following();
    options.quiet_attach = true;
    EXPECT_EQ(present(s.bytes, options), "[pid     1] exit(0)                     = ?\n"
                                         "[pid     2] getpid()                    = 1\n"
                                         "[pid     2] +++ exited with 0 +++\n"
                                         "[pid     1] +++ exited with 0 +++\n"
                                         "getuid()                                = 0\n");
}

TEST(TraceLines, end_of_the_machine_in_a_call) {
    Stream s;
    s.entry(1, "pause", "pause(");
    EXPECT_EQ(present(s.bytes), "pause( <unfinished ...>\n");
}

TEST(TraceLines, execve_of_a_thread_takes_the_first_ones_number) {
    Stream s;
    s.attach(2);
    s.entry(1, "futex", "futex(0x10, FUTEX_WAIT, 0, NULL");
    s.entry(2, "execve", "execve(\"/bin/true\", [\"true\"], 0x20 /* 0 vars */");
    s.end(1, 0, "+++ exited with 0 +++");
    s.exit(1, "execve", ") = 0");
    s.call(1, "getpid", "getpid(", ") = 1", 1);
    TraceOptions options = following();
    options.quiet_attach = true;
    EXPECT_EQ(present(s.bytes, options), "[pid     1] futex(0x10, FUTEX_WAIT, 0, NULL <unfinished ...>\n"
                                         "[pid     2] execve(\"/bin/true\", [\"true\"], 0x20 /* 0 vars */ <unfinished ...>\n"
                                         "[pid     1] <... futex resumed>)        = ?\n"
                                         "+++ superseded by execve in pid 2 +++\n"
                                         "<... execve resumed>)                   = 0\n"
                                         "getpid()                                = 1\n");
}

// strace 6.1 prints these of such programs, but for the numbers.
TEST(TraceLines, execve_of_a_thread_ends_the_first_one_after_all_others) {
    TraceOptions options = following();
    options.quiet_attach = true;
    EXPECT_EQ(present(execve_of_a_thread(true).bytes, options), "[pid     2] execve(\"./prog\", [\"prog\"], 0x20 /* 0 vars */ <unfinished ...>\n"
                                                                "[pid     3] +++ exited with 0 +++\n"
                                                                "+++ superseded by execve in pid 2 +++\n"
                                                                "<... execve resumed>)                   = 0\n"
                                                                "getuid()                                = 0\n"
                                                                "getgid()                                = 0\n"
                                                                "+++ exited with 0 +++\n");
    options.timestamp = Timestamp::unix_microseconds;
    options.durations = true;
    EXPECT_NE(present(execve_of_a_thread(true).bytes, options).find("\n1000000005.006000 +++ superseded by execve in pid 2 +++\n"
                                                                    "1000000005.006000 <... execve resumed>) = 0 <0.003000>\n"),
              std::string::npos);
}

TEST(TraceLines, a_thread_in_execve_changes_its_number_in_the_middle_of_its_line) {
    Stream s;
    s.attach(2);
    s.end(1, 0, "+++ exited with 0 +++");
    s.entry(2, "execve", "execve(\"./prog\", [\"prog\"], 0x20 /* 0 vars */");
    s.exit(1, "execve", ") = 0");
    s.end(1, 0, "+++ exited with 0 +++");
    TraceOptions options = following();
    options.quiet_attach = true;
    EXPECT_EQ(present(s.bytes, options), "[pid     2] execve(\"./prog\", [\"prog\"], 0x20 /* 0 vars */ <pid changed to 1 ...>\n"
                                         "+++ superseded by execve in pid 2 +++\n"
                                         "<... execve resumed>)                   = 0\n"
                                         "+++ exited with 0 +++\n");
}

TEST(TraceLines, execve_of_a_thread_that_is_not_traced_is_told_with_what_comes_next) {
    TraceOptions options = following();
    options.quiet_attach = true;
    const std::string wanted = "[pid     3] +++ exited with 0 +++\n"
                               "+++ superseded by execve in pid 2 +++\n"
                               "getuid( <unfinished ...>\n"
                               "<... getuid resumed>)                   = 0\n"
                               "getgid()                                = 0\n"
                               "+++ exited with 0 +++\n";
    EXPECT_EQ(present(execve_of_a_thread(false).bytes, options), wanted);
    // The number is free for another thread.
    Stream s;
    s.attach(2);
    s.end(1, 0, "+++ exited with 0 +++");
    s.signal(1, 17, "--- SIGCHLD {} ---");
    s.attach(2, 2);
    s.end(2, 0, "+++ exited with 0 +++");
    s.end(1, 0, "+++ exited with 0 +++");
    EXPECT_EQ(present(s.bytes, options), "+++ superseded by execve in pid 2 +++\n"
                                         "--- SIGCHLD {} ---\n"
                                         "[pid     2] +++ exited with 0 +++\n"
                                         "+++ exited with 0 +++\n");
    Stream end;
    end.attach(2);
    end.end(1, 0, "+++ exited with 0 +++");
    end.end(1, 0, "+++ exited with 0 +++");
    EXPECT_EQ(present(end.bytes, options), "+++ superseded by execve in pid 2 +++\n+++ exited with 0 +++\n");
    apply_trace_expression("quiet=thread-execve", options);
    EXPECT_EQ(present(end.bytes, options), "linnet: Process 2 attached\n+++ exited with 0 +++\n");
}

TEST(TraceLines, execve_of_a_thread_among_those_that_succeed) {
    TraceOptions options = following();
    options.quiet_attach = true;
    apply_trace_expression("status=successful", options);
    EXPECT_EQ(present(execve_of_a_thread(true).bytes, options), "[pid     3] +++ exited with 0 +++\n"
                                                                "+++ superseded by execve in pid 2 +++\n"
                                                                "<... execve resumed>)                   = 0\n"
                                                                "getuid()                                = 0\n"
                                                                "getgid()                                = 0\n"
                                                                "+++ exited with 0 +++\n");
    EXPECT_EQ(present(execve_of_a_thread(false).bytes, options), "[pid     3] +++ exited with 0 +++\n"
                                                                 "+++ superseded by execve in pid 2 +++\n"
                                                                 "getuid()                                = 0\n"
                                                                 "getgid()                                = 0\n"
                                                                 "+++ exited with 0 +++\n");
}

TEST(TraceLines, what_death_ends_is_resumed_when_it_is_told) {
    Stream s;
    s.attach(2);
    s.entry(2, "read", "read(0", true);
    s.entry(1, "exit_group", "exit_group(3");
    s.end(2, 0x300, "+++ exited with 3 +++");
    TraceOptions options = following();
    options.quiet_attach = true;
    options.timestamp = Timestamp::unix_microseconds;
    EXPECT_NE(present(s.bytes, options).find("[pid     2] 1000000005.004000 <... read resumed> <unfinished ...>) = ?\n"), std::string::npos)
        << present(s.bytes, options);
}

TEST(TraceLines, times) {
    Stream s;
    s.call(1, "getpid", "getpid(", ") = 1", 1);
    s.call(1, "getuid", "getuid(", ") = 0", 0);
    TraceOptions options;
    options.timestamp = Timestamp::unix_microseconds;
    options.durations = true;
    EXPECT_EQ(present(s.bytes, options), "1000000005.001000 getpid()              = 1 <0.001000>\n"
                                         "1000000005.003000 getuid()              = 0 <0.001000>\n");
    options = {};
    options.relative = true;
    EXPECT_EQ(present(s.bytes, options), "     0.000000 getpid()                  = 1\n"
                                         "     0.002000 getuid()                  = 0\n");
    options.timestamp = Timestamp::microseconds;
    ::setenv("TZ", "UTC", 1);
    ::tzset();
    EXPECT_TRUE(present(s.bytes, options).starts_with("01:46:45.001000 (+     0.000000) getpid()")) << present(s.bytes, options);
}

TEST(TraceLines, statuses_choose_whole_lines) {
    Stream s;
    s.attach(2);
    s.entry(1, "read", "read(3", true);
    s.call(2, "open", "open(\"x\", O_RDONLY", ") = -1 ENOENT (No such file or directory)", -2);
    s.exit(1, "read", ", \"a\", 1) = 1", 1);
    s.entry(2, "pause", "pause(");
    s.end(2, 9, "+++ killed by SIGKILL +++");
    TraceOptions options = following();
    options.quiet_attach = true;
    apply_trace_expression("status=successful", options);
    EXPECT_EQ(present(s.bytes, options), "[pid     1] read(3, \"a\", 1)             = 1\n[pid     2] +++ killed by SIGKILL +++\n");
    apply_trace_expression("status=failed,unfinished", options);
    EXPECT_EQ(present(s.bytes, options), "[pid     2] open(\"x\", O_RDONLY)         = -1 ENOENT (No such file or directory)\n"
                                         "[pid     2] pause()                     = ?\n"
                                         "[pid     2] +++ killed by SIGKILL +++\n");
}

TEST(TraceLines, signals_and_ends_are_chosen) {
    Stream s;
    s.signal(1, 17, "--- SIGCHLD {si_signo=SIGCHLD} ---");
    s.signal(1, 15, "--- SIGTERM {si_signo=SIGTERM} ---");
    s.end(1, 0, "+++ exited with 0 +++");
    TraceOptions options;
    apply_trace_expression("signal=!SIGCHLD", options);
    EXPECT_EQ(present(s.bytes, options), "--- SIGTERM {si_signo=SIGTERM} ---\n+++ exited with 0 +++\n");
    apply_trace_expression("signal=none", options);
    options.quiet_exit = true;
    EXPECT_EQ(present(s.bytes, options), "");
}

TEST(TraceLines, text_that_was_cut_says_so) {
    Stream s;
    s.add(TraceKind::entry, 1, number_of("execve"), "execve(\"/bin/x\", [\"a", 0, abi::trace_flag_cut);
    s.add(TraceKind::exit, 1, number_of("execve"), "", -2, abi::trace_flag_cut);
    EXPECT_EQ(present(s.bytes), "execve(\"/bin/x\", [\"a...)                = -1 2\n");
}

TEST(TraceLines, what_looks_like_a_result_in_a_string_without_an_end_is_none) {
    Stream s;
    s.entry(1, "read", "read(0", true);
    s.add(TraceKind::exit, 1, number_of("read"), ", \"\\\"f() = 1, ", 7, abi::trace_flag_cut);
    s.entry(1, "read", "read(0", true);
    s.add(TraceKind::exit, 1, number_of("read"), ", \"f() = 1\\\\\", 100) = -1 EIO (Inp", -5, abi::trace_flag_cut);
    EXPECT_EQ(present(s.bytes), "read(0, \"\\\"f() = 1, ...)                = 7\n"
                                "read(0, \"f() = 1\\\\\", 100)               = -1 EIO (Inp...\n");
}

} // namespace
} // namespace linnet::cli
