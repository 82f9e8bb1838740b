// linnet compare: traces as data, their normal form, differences, expectations.
#include <random>

#include <gtest/gtest.h>

#include "cli/compare/call_text.h"
#include "cli/compare/difference.h"
#include "cli/compare/expectations.h"
#include "cli/compare/normalise.h"
#include "cli/compare/trace_file.h"
#include "cli/util/error.h"

namespace linnet::cli {
namespace {

std::vector<std::string> normal(std::string_view text, const std::string& label = "1", unsigned executions = 0) {
    Trace trace = by_thread(read_trace(text), executions);
    normalise(trace);
    return lines_of(trace, label);
}

using Lines = std::vector<std::string>;

TEST(CallText, TakesALineApart) {
    const CallText call = parse_call("openat(AT_FDCWD, \"a, \\\"b)\", O_RDONLY|O_CLOEXEC) = -1 ENOENT (No such file or directory)");
    EXPECT_EQ(call.name, "openat");
    EXPECT_EQ(call.arguments, (Lines{"AT_FDCWD", "\"a, \\\"b)\"", "O_RDONLY|O_CLOEXEC"}));
    EXPECT_EQ(call.result, "-1");
    EXPECT_EQ(call.tail, " ENOENT (No such file or directory)");
    EXPECT_EQ(call.text(), "openat(AT_FDCWD, \"a, \\\"b)\", O_RDONLY|O_CLOEXEC) = -1 ENOENT (No such file or directory)");
    EXPECT_EQ(parse_call("getpid()        = 5").arguments.size(), 0U);
    EXPECT_EQ(parse_call("execve(\"x\", [\"a\", \"b\"], 0x1 /* 2 vars, or (so */) = 0").arguments.size(), 3U);
    EXPECT_EQ(parse_call("wait4(-1, [{WIFEXITED(s) && WEXITSTATUS(s) == 0}], 0, NULL) = 7").number_result(), 7);
    EXPECT_TRUE(parse_call("--- SIGCHLD {si_signo=SIGCHLD} ---").name.empty());
    EXPECT_TRUE(parse_call("read(3, \"abc").name.empty());
    EXPECT_TRUE(parse_call("").name.empty());
}

TEST(TraceFile, LinesOfEveryForm) {
    const auto lines = read_trace("12 getpid()                          = 12\n"
                                  "[pid    13] close(3)                    = 0\n"
                                  "linnet: no line of a trace\n"
                                  "13  read(0,  <unfinished ...>\n"
                                  "12  getuid() = 0\n"
                                  "13  <... read resumed>\"x\", 1)      = 1\n"
                                  "13  futex(0x1, FUTEX_WAIT, 1, NULL <unfinished ...>\n"
                                  "13  <... futex resumed> <unfinished ...>) = ?\n"
                                  "13  +++ exited with 0 +++\n");
    ASSERT_EQ(lines.size(), 6U);
    EXPECT_EQ(lines[0].pid, 12);
    EXPECT_EQ(lines[0].text, "getpid() = 12");
    EXPECT_EQ(lines[1].pid, 13);
    EXPECT_EQ(lines[3].text, "read(0, \"x\", 1) = 1");
    EXPECT_EQ(lines[4].text, "futex(0x1, FUTEX_WAIT, 1, NULL) = ?");
    EXPECT_EQ(lines[5].text, "+++ exited with 0 +++");
}

TEST(TraceFile, ThreadsAreNamedByTheFamily) {
    // The child's first line stands before the parent's, which was resumed late.
    const Trace trace = by_thread(read_trace("10 execve(\"/usr/bin/linnet\", [], 0x1) = 0\n"
                                             "10 brk(NULL) = 0x1\n"
                                             "10 execve(\"/bin/x\", [\"x\"], 0x1 /* 0 vars */) = 0\n"
                                             "10 clone(child_stack=NULL, flags=SIGCHLD <unfinished ...>\n"
                                             "12 getpid() = 12\n"
                                             "10 <... clone resumed>) = 12\n"
                                             "12 vfork() = 15\n"
                                             "15 getuid() = 0\n"
                                             "10 fork() = 16\n"
                                             "16 getgid() = 0\n"
                                             "99 getgid() = 0\n"),
                                  2);
    Lines labels;
    for (const ThreadTrace& thread : trace.threads)
        labels.push_back(thread.label);
    EXPECT_EQ(labels.size(), 5U);
    EXPECT_EQ(trace.labels.at(15), "1.1.1");
    EXPECT_EQ(trace.labels.at(16), "1.2");
    EXPECT_EQ(lines_of(trace, "1"), (Lines{"clone(child_stack=NULL, flags=SIGCHLD) = 12", "fork() = 16"}));
    EXPECT_EQ(lines_of(trace, "?99"), (Lines{"getgid() = 0"}));
}

TEST(Normalise, TakesOutWhatDiffersFromRunToRun) {
    EXPECT_EQ(normal("7 mmap(NULL, 8192, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x7f656a0d7000\n"
                     "7 getpid() = 7\n"
                     "7 kill(-7, SIGTERM) = 0\n"
                     "7 kill(1234, 0) = -1 ESRCH (No such process)\n"
                     "7 rseq(0x7f6569ee8060, 0x20, 0, 0x53053053) = 0\n"
                     "7 write(1, \"0x7f656a0d7000\", 14) = 14\n"
                     "7 clock_gettime(CLOCK_REALTIME, {tv_sec=5, tv_nsec=6}) = 0\n"
                     "7 getrandom(\"\\x24\", 1, GRND_NONBLOCK) = 1\n"
                     "7 bind(3, {sa_family=AF_INET, sin_port=htons(44920), sin_addr=inet_addr(\"127.0.0.1\")}, 16) = 0\n"
                     "7 --- SIGUSR1 {si_signo=SIGUSR1, si_code=SI_USER, si_pid=7, si_uid=0} ---\n"
                     "7 ppoll([{fd=3, events=POLLIN}], 1, {tv_sec=1, tv_nsec=0}, NULL, 8) = 1 ([{fd=3, revents=POLLIN}], left {tv_sec=0, tv_nsec=9})\n"),
              (Lines{"mmap(NULL, 8192, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = ADDR", "getpid() = T1", "kill(-T1, SIGTERM) = 0",
                     "kill(PID, 0) = -1 ESRCH (No such process)", "rseq(ADDR, 0x20, 0, 0x53053053) = 0", "write(1, \"0x7f656a0d7000\", 14) = 14",
                     "clock_gettime(CLOCK_REALTIME, TIME) = 0", "getrandom(RANDOM, 1, GRND_NONBLOCK) = 1",
                     "bind(3, {sa_family=AF_INET, sin_port=htons(PORT), sin_addr=inet_addr(\"127.0.0.1\")}, 16) = 0",
                     "--- SIGUSR1 {si_signo=SIGUSR1, si_code=SI_USER, si_pid=T1, si_uid=0} ---",
                     "ppoll([{fd=3, events=POLLIN}], 1, {tv_sec=1, tv_nsec=0}, NULL, 8) = 1 ([{fd=3, revents=POLLIN}], left TIME)"}));
}

TEST(Normalise, ErrorsAndAddressesAreNotHidden) {
    EXPECT_EQ(normal("7 clock_gettime(CLOCK_BOOTTIME, 0x10) = -1 EFAULT (Bad address)\n"
                     "7 getrandom(NULL, 8, 0) = -1 EFAULT (Bad address)\n"
                     "7 getsid(99) = -1 ESRCH (No such process)\n"),
              (Lines{"clock_gettime(CLOCK_BOOTTIME, 0x10) = -1 EFAULT (Bad address)", "getrandom(NULL, 8, 0) = -1 EFAULT (Bad address)",
                     "getsid(PID) = -1 ESRCH (No such process)"}));
}

TEST(Normalise, FilesOfTheMachine) {
    EXPECT_EQ(normal("7 openat(AT_FDCWD, \"/proc/meminfo\", O_RDONLY) = 3\n"
                     "7 read(3, \"MemTotal:\", 1024) = 9\n"
                     "7 close(3) = 0\n"
                     "7 openat(AT_FDCWD, \"/etc/passwd\", O_RDONLY) = 3\n"
                     "7 read(3, \"root\", 4096) = 4\n"
                     "7 stat(\"/tmp\", {st_mode=S_IFDIR|0777, st_size=12288, ...}) = 0\n"),
              (Lines{"openat(AT_FDCWD, \"/proc/meminfo\", O_RDONLY) = 3", "read(3, DATA, 1024) = N", "close(3) = 0",
                     "openat(AT_FDCWD, \"/etc/passwd\", O_RDONLY) = 3", "read(3, \"root\", 4096) = 4",
                     "stat(\"/tmp\", {st_mode=S_IFDIR|0777, st_size=SIZE, ...}) = 0"}));
}

TEST(Normalise, AChildsEndStandsBehindTheWait) {
    const Lines wanted = {"fork() = T1.1", "wait4(T1.1, NULL, 0, NULL) = T1.1",
                          "--- SIGCHLD {si_signo=SIGCHLD, si_code=CLD_EXITED, si_pid=T1.1, si_uid=0, si_status=0, si_utime=TIME, si_stime=TIME} ---", "close(3) = 0"};
    const std::string chld = "7 --- SIGCHLD {si_signo=SIGCHLD, si_code=CLD_EXITED, si_pid=8, si_uid=0, si_status=0, si_utime=0, si_stime=1} ---\n";
    const std::string fork = "7 fork() = 8\n", wait = "7 wait4(8, NULL, 0, NULL) = 8\n", close = "7 close(3) = 0\n";
    EXPECT_EQ(normal(fork + chld + wait + close), wanted);
    EXPECT_EQ(normal(fork + wait + chld + close), wanted);
    EXPECT_EQ(normal(fork + wait + close + chld), wanted);
    EXPECT_EQ(normal(fork + "7 wait4(8, 0x7ffc00000000, 0, NULL) = ? ERESTARTSYS (To be restarted if SA_RESTART is set)\n" + chld + wait + close), wanted);
    // With a handler it stays where it is.
    EXPECT_EQ(normal("7 rt_sigaction(SIGCHLD, {sa_handler=0x5000000, sa_mask=[], sa_flags=0}, NULL, 8) = 0\n" + fork + chld + wait)[2],
              wanted[2]);
}

TEST(Normalise, SchedulingIsLeftOutWithSeveralThreads) {
    const std::string calls = "7 futex(0x7f0000000000, FUTEX_WAKE_PRIVATE, 1) = 0\n7 getuid() = 0\n";
    EXPECT_EQ(normal(calls).size(), 2U);
    EXPECT_EQ(normal("7 clone(child_stack=0x1, flags=CLONE_VM|CLONE_THREAD) = 8\n" + calls),
              (Lines{"clone(child_stack=0x1, flags=CLONE_VM|CLONE_THREAD) = T1.1", "getuid() = 0"}));
}

TEST(Difference, FindsTheLeast) {
    const auto found = differences("1", {"a", "b", "c", "d", "e"}, {"a", "x", "c", "e", "f"});
    ASSERT_EQ(found.size(), 3U);
    EXPECT_EQ(found[0].linux_from, 1U);
    EXPECT_EQ(found[0].linux_to, 2U);
    EXPECT_EQ(found[0].guest_to, 2U);
    EXPECT_EQ(found[1].linux_from, 3U);
    EXPECT_EQ(found[1].linux_to, 4U);
    EXPECT_EQ(found[1].guest_from, found[1].guest_to);
    EXPECT_EQ(found[2].guest_from, 4U);
    EXPECT_TRUE(differences("1", {"a"}, {"a"}).empty());
    EXPECT_EQ(differences("1", {}, {"a", "b"}).size(), 1U);
    // Too long for a table of all pairs: one difference.
    const std::vector<std::string> many(20000, "x"), others(20000, "y");
    EXPECT_EQ(differences("1", many, others).size(), 1U);
}

TEST(Expectations, CoverWhatTheyName) {
    Expectations rules = Expectations::parse("# a comment\n\nlinux getxattr(*) = -1 ENODATA * # no attributes\n"
                                             "guest getxattr(*) = -1 EOPNOTSUPP * # no attributes\nlinux? brk(*) = * # luck\nguest never() = 0 # gone\n",
                                             "file");
    Trace a, b;
    a.threads.push_back({"1", 1, {"getxattr(\"x\") = -1 ENODATA (No data available)", "same() = 0", "other() = 0"}});
    b.threads.push_back({"1", 1, {"getxattr(\"x\") = -1 EOPNOTSUPP (Operation not supported)", "same() = 0", "another() = 0"}});
    const auto found = differences(a, b);
    ASSERT_EQ(found.size(), 2U);
    EXPECT_TRUE(rules.covers(found[0], a, b));
    EXPECT_FALSE(rules.covers(found[1], a, b));
    EXPECT_EQ(rules.lines_covered(), 2U);
    ASSERT_EQ(rules.unused().size(), 1U);
    EXPECT_EQ(rules.unused()[0]->pattern, "never() = 0");
    for (const char* bad : {"linux x() = 0", "windows x # y", "linux # y", "linux", "guest  # reason"})
        EXPECT_THROW(Expectations::parse(bad, "file"), CommandError) << bad;
}

TEST(Expectations, PatternsHaveStarsAlone) {
    EXPECT_TRUE(matches_pattern("a*c", "abbbc"));
    EXPECT_TRUE(matches_pattern("*", ""));
    EXPECT_TRUE(matches_pattern("read(3, \"[*].?\", 5) = *", "read(3, \"[x].?\", 5) = 5"));
    EXPECT_FALSE(matches_pattern("a?c", "abc"));
    EXPECT_FALSE(matches_pattern("a*b", "abc"));
    EXPECT_TRUE(matches_pattern("*a*a*a*", std::string(3, 'a')));
    // No exponential search.
    EXPECT_FALSE(matches_pattern("*a*a*a*a*a*a*a*a*a*a*a*a*b", std::string(5000, 'a')));
}

// What a broken or hostile trace may hold: lines that are cut, doubled, and mixed with other bytes.
TEST(Compare, AnyTextIsTaken) {
    const std::string seed = "7 execve(\"/bin/x\", [\"x\"], 0x7ffe8841b0b8 /* 37 vars */) = 0\n"
                             "7 clone(child_stack=NULL, flags=CLONE_VM|CLONE_THREAD|SIGCHLD <unfinished ...>\n"
                             "8 read(3, \"\\0a\\0011\\\"\\\\\\377\", 832)              = 832\n"
                             "7 <... clone resumed>, child_tidptr=0x7f6569ee7a10) = 8\n"
                             "[pid 8] wait4(-1, [{WIFEXITED(s) && WEXITSTATUS(s) == 0}], 0, {ru_utime={tv_sec=0, tv_usec=26}, ...}) = 9\n"
                             "8 --- SIGCHLD {si_signo=SIGCHLD, si_code=CLD_EXITED, si_pid=9, si_uid=0} ---\n"
                             "8 epoll_wait(5, [{events=EPOLLOUT, data={u32=4, u64=77309411332}}], 4, 199) = 1\n"
                             "8 connect(3, {sa_family=AF_INET6, sin6_port=htons(44512), sin6_flowinfo=htonl(5)}, 28) = -1 EINVAL (x)\n"
                             "8 prlimit64(0, RLIMIT_NOFILE, NULL, {rlim_cur=1, rlim_max=2}) = 0\n8 +++ exited with 0 +++\n";
    std::mt19937 random(1);
    const std::string bytes = "()[]{}\",=\\ \n/*<>.x0-9+" + std::string(3, '\0') + "\xff";
    for (int round = 0; round < 3000; ++round) {
        std::string text = seed;
        for (unsigned changes = random() % 12; changes--;) {
            const std::size_t at = random() % text.size();
            switch (random() % 4) {
            case 0: text[at] = bytes[random() % bytes.size()]; break;
            case 1: text.erase(at, random() % 40); break;
            case 2: text.insert(at, text.substr(random() % text.size(), random() % 60)); break;
            default: text.insert(at, 1 + random() % 3, bytes[random() % bytes.size()]); break;
            }
            if (text.empty())
                text = "x";
        }
        Trace left = by_thread(read_trace(text), random() % 3), right = by_thread(read_trace(seed), 1);
        normalise(left);
        normalise(right);
        (void)differences(left, right);
    }
    (void)by_thread(read_trace(std::string(100000, '(')), 1);
    (void)by_thread(read_trace("1 a" + std::string(50000, '[') + "\n"), 0);
    (void)by_thread(read_trace("99999999999999999999 fork() = 99999999999999999999\n"), 0);
}

} // namespace
} // namespace linnet::cli
