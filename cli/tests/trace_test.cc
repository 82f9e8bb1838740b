// linnet trace: from records to strace's lines, and its options.
#include <gtest/gtest.h>

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <random>

#include <nlohmann/json.hpp>

#include "cli/trace/call_names.h"
#include "cli/trace/json_presenter.h"
#include "cli/trace/presenter.h"
#include "cli/trace/record_stream.h"
#include "cli/trace/trace_options.h"
#include "cli/trace/trace_session.h"
#include "cli/util/error.h"
#include "cli/util/text.h"

namespace linnet::cli {
namespace {

using abi::TraceKind;
using abi::TraceRecord;

std::uint32_t number_of(const char* name) { return static_cast<std::uint32_t>(call_number(name)); }

// What a kernel would send; the clock goes 1 ms a record.
class Stream {
public:
    std::string bytes;

    Stream() { add(TraceKind::start, 1, 0, "", 0, 0); }
    void entry(int tid, const char* name, const std::string& text, bool more = false) {
        add(TraceKind::entry, tid, number_of(name), text, 0, more ? abi::trace_flag_more : 0);
    }
    void exit(int tid, const char* name, const std::string& text, std::int64_t result = 0) {
        add(TraceKind::exit, tid, number_of(name), text, result, 0);
    }
    void call(int tid, const char* name, const std::string& begun, const std::string& rest, std::int64_t result = 0) {
        entry(tid, name, begun);
        exit(tid, name, rest, result);
    }
    void attach(int tid, int pid = 0) { add(TraceKind::attach, tid, 0, "", 0, 0, pid); }
    void signal(int tid, int number, const std::string& text) { add(TraceKind::signal, tid, static_cast<std::uint32_t>(number), text, 0, 0); }
    void end(int tid, std::uint32_t status, const std::string& text) { add(TraceKind::end, tid, status, text, 0, 0); }
    void add(TraceKind kind, int tid, std::uint32_t number, const std::string& text, std::int64_t result, std::uint16_t flags, int pid = 0) {
        TraceRecord r{};
        r.magic = abi::trace_magic;
        r.length = static_cast<std::uint32_t>(sizeof r + text.size());
        r.kind = kind;
        r.flags = flags;
        r.number = number;
        r.sequence = sequence_++;
        r.time_ns = 5'000'000'000 + r.sequence * 1'000'000;
        r.pid = pid ? pid : 1;
        r.tid = tid;
        r.result = kind == TraceKind::start ? 1'000'000'000'000'000'000 : result;
        r.cpu_ns = 2'000;
        records.push_back(std::string(reinterpret_cast<const char*>(&r), sizeof r) + text);
        bytes += records.back();
    }
    std::vector<std::string> records;

private:
    std::uint64_t sequence_ = 0;
};

std::string present(const std::string& bytes, TraceOptions options = {}) {
    TraceSession session(std::move(options));
    session.take(bytes);
    session.finish();
    return session.text + session.messages;
}

TraceOptions following() {
    TraceOptions options;
    options.follow = true;
    return options;
}

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
Stream execve_of_a_thread(bool traced) {
    Stream s;
    s.attach(2);
    s.attach(3);
    if (traced)
        s.entry(2, "execve", "execve(\"./prog\", [\"prog\"], 0x20 /* 0 vars */");
    s.end(1, 0x300, "+++ exited with 3 +++");
    s.end(3, 0, "+++ exited with 0 +++");
    if (traced)
        s.exit(1, "execve", ") = 0");
    s.call(1, "getuid", "getuid(", ") = 0");
    s.call(1, "getgid", "getgid(", ") = 0");
    s.end(1, 0, "+++ exited with 0 +++");
    return s;
}

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

// -ff into a folder that is removed.
class Folder {
public:
    Folder() : path_(std::filesystem::temp_directory_path() / concat("linnet-trace-test-", ::getpid())) {
        std::filesystem::remove_all(path_);
        std::filesystem::create_directory(path_);
    }
    ~Folder() { std::filesystem::remove_all(path_); }
    TraceOptions options() const {
        TraceOptions options = following();
        options.separate = true;
        options.quiet_attach = true;
        options.output = path_ / "out";
        return options;
    }
    std::string file(int tid) const {
        std::ifstream in(path_ / concat("out.", tid));
        return {std::istreambuf_iterator<char>(in), {}};
    }

private:
    std::filesystem::path path_;
};

// The most files that this process may open, for a while.
class FileLimit {
public:
    explicit FileLimit(rlim_t most) {
        ::getrlimit(RLIMIT_NOFILE, &before_);
        const rlimit less{most, before_.rlim_max};
        ::setrlimit(RLIMIT_NOFILE, &less);
    }
    ~FileLimit() { ::setrlimit(RLIMIT_NOFILE, &before_); }

private:
    rlimit before_{};
};

TEST(TraceFiles, are_closed_when_their_threads_end) {
    Stream s;
    for (int tid = 2; tid < 200; ++tid) {
        s.attach(tid);
        s.call(tid, "getpid", "getpid(", ") = 1", 1);
        s.end(tid, 0, "+++ exited with 0 +++");
    }
    Folder folder;
    TraceSession session(folder.options());
    const auto open_files = [] {
        const std::filesystem::directory_iterator all("/proc/self/fd");
        return std::distance(begin(all), end(all));
    };
    const auto before = open_files();
    session.take(s.bytes);
    EXPECT_EQ(open_files(), before);
    session.finish();
    EXPECT_EQ(session.messages, "");
    for (int tid = 2; tid < 200; ++tid)
        EXPECT_EQ(folder.file(tid), "getpid()                                = 1\n+++ exited with 0 +++\n") << tid;
}

TEST(TraceFiles, of_more_threads_than_may_be_open) {
    Stream s;
    for (const char* name : {"getpid", "getuid"})
        for (int tid = 1; tid <= 1100; ++tid)
            s.call(tid, name, concat(name, "("), ") = 1", 1);
    for (const unsigned most : {64, 1024}) {
        Folder folder;
        std::string messages;
        {
            const FileLimit limit(most);
            TraceSession session(folder.options());
            session.take(s.bytes);
            session.finish();
            messages = session.messages;
        }
        EXPECT_EQ(messages, "");
        for (const int tid : {1, 2, 300, 1099, 1100})
            EXPECT_EQ(folder.file(tid), "getpid()                                = 1\ngetuid()                                = 1\n") << tid;
    }
}

TEST(TraceFiles, end_with_whole_lines) {
    Stream s;
    s.attach(2);
    s.entry(1, "pause", "pause(");
    s.entry(2, "read", "read(0", true);
    Folder folder;
    {
        TraceSession session(folder.options());
        session.take(s.bytes);
        session.finish();
    }
    EXPECT_EQ(folder.file(1), "pause( <unfinished ...>\n");
    EXPECT_EQ(folder.file(2), "read(0,  <unfinished ...>\n");
}

TEST(TraceFiles, execve_of_a_thread_ends_its_file) {
    Folder folder;
    {
        TraceSession session(folder.options());
        session.take(execve_of_a_thread(true).bytes);
        session.finish();
    }
    EXPECT_EQ(folder.file(1), "+++ superseded by execve in pid 2 +++\n"
                              "<... execve resumed>)                   = 0\n"
                              "getuid()                                = 0\n"
                              "getgid()                                = 0\n"
                              "+++ exited with 0 +++\n");
    EXPECT_EQ(folder.file(2), "execve(\"./prog\", [\"prog\"], 0x20 /* 0 vars */ <pid changed to 1 ...>\n");
    EXPECT_EQ(folder.file(3), "+++ exited with 0 +++\n");
}

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

TEST(TraceStream, records_come_in_their_order_whatever_the_pieces) {
    Stream s;
    for (int i = 0; i < 20; ++i)
        s.call(1, "close", concat("close(", i), ") = 0");
    const std::string wanted = present(s.bytes);
    std::mt19937 random(1);
    for (int round = 0; round < 20; ++round) {
        auto records = s.records;
        std::shuffle(records.begin(), records.end(), random);
        TraceSession session{TraceOptions{}};
        std::string bytes;
        for (const std::string& r : records)
            bytes += r;
        for (std::size_t at = 0; at < bytes.size();) {
            const std::size_t n = std::min<std::size_t>(bytes.size() - at, random() % 100);
            session.take(std::string_view(bytes).substr(at, n));
            at += n;
        }
        session.finish();
        EXPECT_EQ(session.text, wanted);
        EXPECT_EQ(session.messages, "");
    }
}

TEST(TraceStream, a_missing_record_holds_nothing_back_at_the_end) {
    Stream s;
    s.call(1, "getpid", "getpid(", ") = 1", 1);
    s.call(1, "close", "close(3", ") = 0");
    std::string bytes;
    for (std::size_t i = 0; i < s.records.size(); ++i)
        if (i != 2)
            bytes += s.records[i];
    EXPECT_NE(present(bytes).find("close(3)"), std::string::npos);
}

TEST(TraceStream, what_is_no_record_ends_it_in_one_line) {
    Stream s;
    s.call(1, "getpid", "getpid(", ") = 1", 1);
    for (const std::string& rubbish : {std::string(100, 'x'), std::string(100, '\0')}) {
        const std::string text = present(s.bytes + rubbish);
        EXPECT_EQ(text, "getpid()                                = 1\nlinnet: the trace is damaged; the rest of it is left out\n");
    }
    EXPECT_EQ(present(s.bytes + s.records[1].substr(0, 30)), "getpid()                                = 1\n");
}

TEST(TraceStream, a_record_that_comes_too_late_ends_nothing) {
    Stream s;
    s.call(1, "getpid", "getpid(", ") = 1", 1);
    s.call(1, "close", "close(3", ") = 0");
    std::string text;
    const auto take = [&text](const TraceEvent& event) { text += concat(event.record.sequence, event.text, ";"); };
    RecordStream stream(2 * s.records[3].size()); // what may wait
    for (const std::size_t i : {0, 2, 3, 4, 1, 4})
        stream.put(s.records[i], take);
    s.call(1, "getuid", "getuid(", ") = 0");
    stream.put(s.records[5] + s.records[6], take);
    stream.finish(take);
    EXPECT_EQ(text, "0;2) = 1;3close(3;4) = 0;5getuid(;6) = 0;");
    EXPECT_EQ(stream.late(), 2u);
    EXPECT_FALSE(stream.damaged());
    EXPECT_EQ(present(s.records[0] + s.records[1] + s.records[1] + s.records[2]),
              "getpid()                                = 1\nlinnet: records of the trace that came too late, or twice, are left out: 1\n");
    // Those that wait, too.
    EXPECT_EQ(present(s.records[0] + s.records[2] + s.records[2] + s.records[1]),
              "getpid()                                = 1\nlinnet: records of the trace that came too late, or twice, are left out: 1\n");
}

TEST(TraceHostile, threads_have_numbers_that_linux_has) {
    for (const int tid : {0, -1, (1 << 22) + 1, INT32_MIN}) {
        Stream s;
        s.attach(tid);
        EXPECT_EQ(present(s.bytes, following()), "linnet: the trace is damaged; the rest of it is left out\n") << tid;
    }
    Stream s;
    s.attach(2, -5);
    EXPECT_EQ(present(s.bytes, following()), "linnet: the trace is damaged; the rest of it is left out\n");
    s = {};
    s.attach(1 << 22);
    EXPECT_EQ(present(s.bytes, following()), "linnet: Process 4194304 attached\n");
}

TEST(TraceHostile, threads_and_the_text_of_their_calls_are_limited) {
    Stream s;
    for (int tid = 2; tid < 70000; ++tid)
        s.entry(tid, "pause", "pause(");
    s.end(1, 0, "+++ exited with 0 +++");
    const std::string too_many = "linnet: more than 65536 threads at a time: the trace leaves some of them out\n";
    const auto times = [](const std::string& text, const std::string& part) {
        std::size_t n = 0;
        for (std::size_t at = 0; (at = text.find(part, at)) != std::string::npos; at += part.size())
            ++n;
        return n;
    };
    TraceOptions options = following();
    std::string text = present(s.bytes, options);
    EXPECT_EQ(times(text, too_many), 1u);
    EXPECT_EQ(times(text, " pause("), 65535u);
    EXPECT_TRUE(text.ends_with("[pid     1] +++ exited with 0 +++\n"));
    options.json = true;
    text = present(s.bytes, options);
    EXPECT_EQ(times(text, too_many), 1u);
    EXPECT_EQ(times(text, "\"unfinished\":true"), 65536u);

    const std::string too_long = "linnet: more than 64 MiB of calls at a time: the trace leaves some of them out\n";
    Stream calls;
    for (int tid = 2; tid < 1200; ++tid)
        calls.entry(tid, "open", "open(" + std::string(60000, 'x'));
    for (int tid = 2; tid < 1200; ++tid) // all of what was kept is given back
        calls.exit(tid, "open", ") = 3", 3);
    for (int tid = 2; tid < 1200; ++tid)
        calls.call(tid, "open", "open(" + std::string(60000, 'x'), ") = 3", 3);
    text = present(calls.bytes, options);
    EXPECT_EQ(times(text, too_long), 1u);
    EXPECT_EQ(times(text, "\"...\""), 1198u - 67108864u / 60005u);
    EXPECT_EQ(times(text, "\"result\":3"), 2 * 1198u);
    options.json = false;
    apply_trace_expression("status=successful", options);
    text = present(calls.bytes, options);
    EXPECT_EQ(times(text, too_long), 1u);
    EXPECT_LT(text.size(), (64u << 20) + 1200 * 60100);
    EXPECT_GT(text.size(), (63u << 20) + 1198 * 60000);
}

TEST(TraceHostile, numbers_of_signals_and_calls) {
    Stream s;
    s.attach(2);
    s.end(2, 100, "+++ killed by SIG_100 +++");
    s.signal(1, 100, "--- SIG_100 {} ---");
    s.add(TraceKind::entry, 1, 0xdeadbeef, "syscall_0xdeadbeef(0", 0, 0);
    s.add(TraceKind::exit, 1, 0xdeadbeef, ") = -1 ENOSYS (Function not implemented)", -38, 0);
    TraceOptions options = following();
    options.quiet_attach = true;
    const std::string lines = "[pid     2] +++ killed by SIG_100 +++\n"
                              "syscall_0xdeadbeef(0)                   = -1 ENOSYS (Function not implemented)\n";
    EXPECT_EQ(present(s.bytes, options), lines);
    options.summary = true; // as strace, which counts calls alone that it knows
    EXPECT_EQ(present(s.bytes, options), lines);
}

TEST(TraceStream, hostile_streams_never_crash) {
    std::mt19937 random(7);
    Stream valid;
    for (int i = 0; i < 6; ++i) {
        valid.attach(i + 2);
        valid.entry(i + 1, "read", "read(3", true);
        valid.exit(i + 1, "read", ", \"a\", 1) = 1", 1);
        valid.entry(i + 1, "execve", "execve(");
        valid.end(i + 1, 9, "+++ killed by SIGKILL +++");
    }
    for (int round = 0; round < 3000; ++round) {
        auto records = valid.records;
        std::shuffle(records.begin(), records.end(), random);
        std::string bytes;
        std::uint64_t sequence = 0;
        for (std::string& r : records) {
            if (random() % 2) // in order, and so taken
                std::memcpy(r.data() + offsetof(TraceRecord, sequence), &sequence, 8), ++sequence;
            for (unsigned flips = random() % 3; flips; --flips) // any field but magic and length
                r[8 + random() % (r.size() - 8)] = static_cast<char>(random());
            if (random() % 8 == 0)
                r[random() % r.size()] = static_cast<char>(random());
            bytes += r;
        }
        TraceOptions options = following();
        options.json = round % 3 == 0;
        options.summary = !options.json && round % 3 == 1;
        if (round % 2)
            options.statuses = {false, true, true};
        (void)present(bytes, options);
    }
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
