// linnet trace: the stream of records, whatever comes in it; a file for each thread.
#include <gtest/gtest.h>

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <random>

#include "cli/tests/trace_records.h"

namespace linnet::cli {
namespace {

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

} // namespace
} // namespace linnet::cli
