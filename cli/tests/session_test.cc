// The command from its flags to its exit status, with a fake QEMU that plays the guest.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>

#include "cli/util/fd.h"
#include "cli/util/text.h"

namespace linnet::cli {
namespace {

namespace fs = std::filesystem;

class SessionTest : public testing::Test {
protected:
    SessionTest() {
        std::string name = (fs::temp_directory_path() / "linnet-session.XXXXXX").string();
        folder_ = ::mkdtemp(name.data());
        ::setenv("XDG_CACHE_HOME", folder_.c_str(), 1);
        ::setenv("ASAN_OPTIONS", "detect_leaks=0", 1);
        fs::create_symlink(FAKE_QEMU, folder_ / "qemu-system-x86_64");
        ::signal(SIGPIPE, SIG_IGN);
        const std::string old = std::getenv("PATH");
        saved_path_ = old;
        ::setenv("PATH", (folder_.string() + ":" + old).c_str(), 1);
        std::ofstream(folder_ / "kernel") << "x";
    }
    ~SessionTest() override {
        ::setenv("PATH", saved_path_.c_str(), 1);
        fs::remove_all(folder_);
    }

    struct Child {
        pid_t pid;
        Fd in, out, err;
    };

    // linnet run --accel tcg --kernel K FLAGS /bin/true MODE
    Child start(const std::string& mode, std::vector<std::string> flags = {}) {
        std::vector<std::string> words = {LINNET_COMMAND, "run", "--accel", "tcg", "--linker", "off", "--kernel",
                                          (folder_ / "kernel").string()};
        words.insert(words.end(), flags.begin(), flags.end());
        words.push_back("/bin/true");
        for (std::string& word : split_shell_words(mode))
            words.push_back(std::move(word));
        return start_words(words);
    }

    Child start_words(std::vector<std::string> words) {
        int in[2], out[2], err[2];
        if (::pipe2(in, O_CLOEXEC) || ::pipe2(out, O_CLOEXEC) || ::pipe2(err, O_CLOEXEC))
            std::abort();
        std::vector<char*> raw;
        for (std::string& word : words)
            raw.push_back(word.data());
        raw.push_back(nullptr);
        const pid_t pid = ::fork();
        if (pid == 0) {
            ::dup2(in[0], 0);
            ::dup2(out[1], 1);
            ::dup2(err[1], 2);
            ::execv(raw[0], raw.data());
            ::_exit(1);
        }
        ::close(in[0]);
        ::close(out[1]);
        ::close(err[1]);
        return {pid, Fd(in[1]), Fd(out[0]), Fd(err[0])};
    }

    struct Outcome {
        int status;
        std::string out, err;
    };

    static std::string read_all(int fd) {
        std::string text;
        char chunk[65536];
        ssize_t n;
        while ((n = ::read(fd, chunk, sizeof chunk)) > 0)
            text.append(chunk, static_cast<std::size_t>(n));
        return text;
    }

    static Outcome finish(Child child) {
        Outcome outcome;
        std::thread errors([&] { outcome.err = read_all(child.err.get()); });
        outcome.out = read_all(child.out.get());
        errors.join();
        int status;
        ::waitpid(child.pid, &status, 0);
        outcome.status = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
        return outcome;
    }

    Outcome run(const std::string& mode, std::vector<std::string> flags = {}) {
        Child child = start(mode, std::move(flags));
        child.in.reset();
        return finish(std::move(child));
    }

    Outcome command(std::vector<std::string> words) {
        words.insert(words.begin(), LINNET_COMMAND);
        Child child = start_words(words);
        child.in.reset();
        return finish(std::move(child));
    }

    static std::string next_line(int fd) {
        std::string line;
        char c;
        while (::read(fd, &c, 1) == 1 && c != '\n')
            line += c;
        return line;
    }

    fs::path folder_;
    std::string saved_path_;
};

TEST_F(SessionTest, streams_are_kept_apart) {
    const Outcome outcome = run("hello");
    EXPECT_EQ(outcome.status, 0);
    EXPECT_EQ(outcome.out, "out\n");
    EXPECT_NE(outcome.err.find("err\n"), std::string::npos);
    EXPECT_NE(outcome.err.find(": 24 ms to /bin/true, 256 MiB, 1 cpu\n"), std::string::npos) << outcome.err;
    EXPECT_EQ(run("hello", {"-q"}).err, "err\n");
}

TEST_F(SessionTest, every_exit_status_comes_through) {
    for (int status = 0; status < 256; status += 15)
        EXPECT_EQ(run(concat("exit ", status)).status, status);
    EXPECT_EQ(run("killed").status, 139);
}

TEST_F(SessionTest, stdin_arrives_byte_for_byte) {
    std::string data;
    for (int i = 0; i < 1'000'000; ++i)
        data += static_cast<char>(i * 7 + i / 251);
    Child child = start("echo");
    std::thread writer([&] {
        for (std::size_t done = 0; done < data.size();) {
            const ssize_t n = ::write(child.in.get(), data.data() + done, data.size() - done);
            if (n <= 0)
                break;
            done += static_cast<std::size_t>(n);
        }
        child.in.reset();
    });
    std::string echoed = read_all(child.out.get());
    writer.join();
    EXPECT_EQ(finish(std::move(child)).status, 3);
    EXPECT_TRUE(echoed == data) << echoed.size();
}

TEST_F(SessionTest, empty_stdin_is_an_end_too) {
    const Outcome outcome = run("echo");
    EXPECT_EQ(outcome.status, 3);
    EXPECT_EQ(outcome.out, "");
}

TEST_F(SessionTest, much_output_waits_for_a_slow_reader) {
    Child child = start("much", {"-q"});
    child.in.reset();
    ::usleep(300'000); // the guest fills every buffer meanwhile
    const Outcome outcome = finish(std::move(child));
    EXPECT_EQ(outcome.status, 0);
    ASSERT_EQ(outcome.out.size(), 640u * 65536);
    for (std::size_t i = 0; i < 640; ++i)
        ASSERT_EQ(outcome.out[i * 65536 + 65535], static_cast<char>('a' + i % 26));
    EXPECT_EQ(outcome.err.size(), 640u * 1024);
}

TEST_F(SessionTest, a_reader_that_leaves_is_sigpipe) {
    Child child = start("signals");
    EXPECT_EQ(next_line(child.out.get()), "ready");
    child.out.reset();
    ::kill(child.pid, SIGHUP); // the guest echoes it: our stdout is broken
    child.out = Fd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    EXPECT_EQ(finish(std::move(child)).status, 128 + SIGPIPE);
}

TEST_F(SessionTest, signals_go_to_the_program) {
    Child child = start("signals");
    EXPECT_EQ(next_line(child.out.get()), "ready");
    ::kill(child.pid, SIGINT);
    EXPECT_EQ(next_line(child.out.get()), "signal 2");
    ::kill(child.pid, SIGTERM);
    EXPECT_EQ(finish(std::move(child)).status, 143);
}

TEST_F(SessionTest, a_second_interrupt_stops_the_vm) {
    Child child = start("signals");
    EXPECT_EQ(next_line(child.out.get()), "ready");
    ::kill(child.pid, SIGINT);
    EXPECT_EQ(next_line(child.out.get()), "signal 2");
    ::kill(child.pid, SIGINT);
    EXPECT_EQ(finish(std::move(child)).status, 130);
}

TEST_F(SessionTest, failures_are_one_line_with_the_right_status) {
    const auto expect = [](const Outcome& outcome, int status, const std::string& part) {
        EXPECT_EQ(outcome.status, status);
        EXPECT_NE(outcome.err.find(part), std::string::npos) << outcome.err;
    };
    expect(run("fail"), 127, "linnet: /bin/x: not found in the image\n");
    expect(run("reset"), 125, "ended without an exit status");
    expect(run("crash"), 125, "QEMU was killed by signal 9");
    expect(run("broken"), 125, "qemu-system-x86_64: cannot do that\n");
    fs::remove(folder_ / "qemu-system-x86_64");
    ::setenv("PATH", folder_.c_str(), 1);
    expect(run("hello"), 125, "linnet: cannot start qemu-system-x86_64: it is not installed\n");
}

TEST_F(SessionTest, kernel_messages_go_to_stderr) {
    const Outcome outcome = run("log", {"-q"});
    EXPECT_EQ(outcome.out, "");
    EXPECT_EQ(outcome.err, "[0.000123] warn: something odd\n[0.2] error: no newline\n");
}

TEST_F(SessionTest, a_trace_goes_to_stderr_or_to_its_file) {
    EXPECT_EQ(run("trace 2", {"-q", "--strace"}).err, "close(0)                                = 0\nclose(1)                                = 0\n");
    const auto trace = [&](const std::string& output, const std::string& calls) {
        return command({"trace", "--accel", "tcg", "--linker", "off", "--kernel", (folder_ / "kernel").string(), "-q", "-o", output, "/bin/true",
                        "trace", calls});
    };
    const std::string path = (folder_ / "out").string();
    Outcome outcome = trace(path, "100000");
    EXPECT_EQ(outcome.status, 4);
    EXPECT_EQ(outcome.err, "");
    const std::string text = read_file(path).value_or("");
    EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 100000);
    EXPECT_TRUE(text.ends_with("close(99999)                            = 0\n"));
    // A disk that is full ends the trace, not the program.
    outcome = trace("/dev/full", "100000");
    EXPECT_EQ(outcome.status, 4);
    EXPECT_EQ(outcome.err, "linnet: /dev/full: No space left on device (the trace ends here, the program goes on)\n");
}

TEST_F(SessionTest, a_trace_waits_for_its_slow_reader) {
    Child child = start("trace 50000", {"-q", "--strace"});
    child.in.reset();
    ::usleep(300'000); // every buffer is full meanwhile
    const Outcome outcome = finish(std::move(child));
    EXPECT_EQ(outcome.status, 4);
    EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 50000);
}

TEST_F(SessionTest, a_panic_is_explained) {
    const Outcome outcome = run("panic", {"-q"});
    EXPECT_EQ(outcome.status, 125);
    EXPECT_NE(outcome.err.find("=== linnet panic: test\n"), std::string::npos);
    EXPECT_NE(outcome.err.find("ud2"), std::string::npos) << outcome.err;
}

TEST_F(SessionTest, a_vm_that_does_not_end_is_ended) {
    EXPECT_EQ(run("stuck").status, 9); // it would never end
}

TEST_F(SessionTest, a_port_in_use_is_named) {
    const Fd taken(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    ASSERT_EQ(::bind(taken.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
    ASSERT_EQ(::listen(taken.get(), 1), 0);
    ::getsockname(taken.get(), reinterpret_cast<sockaddr*>(&address), &size);
    const Outcome outcome = run("hello", {"-p", concat(ntohs(address.sin_port), ":80")});
    EXPECT_EQ(outcome.status, 125);
    EXPECT_EQ(outcome.err, concat("linnet: port ", ntohs(address.sin_port), " on 127.0.0.1 is in use\n"));
}

TEST_F(SessionTest, background_vm_is_listed_logged_stopped_removed) {
    Outcome outcome = run("signals", {"-d", "--name", "bg", "-p", "0:80"});
    EXPECT_EQ(outcome.status, 0) << outcome.err;
    EXPECT_EQ(outcome.out, "bg\n");
    outcome = command({"ps"});
    EXPECT_NE(outcome.out.find("bg "), std::string::npos) << outcome.out;
    EXPECT_NE(outcome.out.find("up "), std::string::npos);
    EXPECT_NE(outcome.out.find("->80/tcp"), std::string::npos);
    EXPECT_EQ(run("hello", {"--name", "bg"}).status, 125);
    EXPECT_EQ(command({"rm", "bg"}).status, 125);
    EXPECT_EQ(command({"stop", "bg"}).out, "bg\n");
    EXPECT_EQ(command({"ps"}).out.find("bg "), std::string::npos);
    EXPECT_NE(command({"ps", "-a"}).out.find("exited (143)"), std::string::npos);
    EXPECT_NE(command({"logs", "bg"}).out.find("ready\n"), std::string::npos);
    EXPECT_EQ(command({"rm", "bg"}).status, 0);
    EXPECT_EQ(command({"logs", "bg"}).status, 125);
}

TEST_F(SessionTest, background_vm_that_cannot_start_says_so) {
    const Outcome outcome = run("fail", {"-d", "--name", "bad"});
    EXPECT_EQ(outcome.status, 127);
    EXPECT_EQ(outcome.err, "linnet: /bin/x: not found in the image\n");
    EXPECT_EQ(command({"ps", "-a"}).out.find("bad"), std::string::npos);
}

TEST_F(SessionTest, terminal_is_raw_and_its_size_known) {
    const winsize size{30, 100, 0, 0};
    int terminal;
    const pid_t pid = ::forkpty(&terminal, nullptr, nullptr, &size);
    if (pid == 0) {
        const std::string kernel = (folder_ / "kernel").string();
        ::execl(LINNET_COMMAND, "linnet", "run", "-t", "-q", "--accel", "tcg", "--linker", "off", "--kernel",
                kernel.c_str(), "/bin/true", "terminal", nullptr);
        ::_exit(1);
    }
    std::string text;
    const auto read_until = [&](const std::string& part) {
        char chunk[4096];
        ssize_t n;
        while (text.find(part) == std::string::npos && (n = ::read(terminal, chunk, sizeof chunk)) > 0)
            text.append(chunk, static_cast<std::size_t>(n));
        return text.find(part) != std::string::npos;
    };
    EXPECT_TRUE(read_until("winsize 30 100")) << text;
    // Ctrl-C is a byte for the guest's line discipline, and nothing is echoed here.
    text.clear();
    EXPECT_EQ(::write(terminal, "a\x03", 2), 2);
    EXPECT_TRUE(read_until("got 97 3")) << text;
    const winsize larger{40, 120, 0, 0};
    ::ioctl(terminal, TIOCSWINSZ, &larger);
    EXPECT_TRUE(read_until("winsize 40 120")) << text;
    int status;
    ::waitpid(pid, &status, 0);
    EXPECT_EQ(WEXITSTATUS(status), 5);
    ::close(terminal);
}

// Ends when every process that has the other end is gone: the command, and QEMU that inherited it.
class LifeLine {
public:
    LifeLine() {
        int ends[2];
        if (::pipe(ends) != 0) // on purpose without O_CLOEXEC
            std::abort();
        ::fcntl(ends[0], F_SETFD, FD_CLOEXEC);
        read_ = Fd(ends[0]);
        write_ = Fd(ends[1]);
    }
    void release() { write_.reset(); }
    bool all_gone() {
        pollfd item{read_.get(), POLLIN, 0};
        char c;
        return ::poll(&item, 1, 120'000) == 1 && ::read(read_.get(), &c, 1) == 0;
    }

private:
    Fd read_, write_;
};

TEST_F(SessionTest, killing_the_command_takes_qemu_along) {
    LifeLine life;
    Child child = start("deaf");
    life.release();
    EXPECT_TRUE(next_line(child.out.get()).starts_with("ready"));
    ::kill(child.pid, SIGKILL);
    EXPECT_EQ(finish(std::move(child)).status, -SIGKILL);
    EXPECT_TRUE(life.all_gone());
}

TEST_F(SessionTest, killing_the_command_at_any_moment_takes_qemu_along) {
    for (int i = 0; i < 24; ++i) {
        LifeLine life;
        Child child = start("deaf");
        life.release();
        ::usleep(static_cast<useconds_t>(i) * 2500); // in the command's start, in QEMU's, or later: all are right
        ::kill(child.pid, SIGKILL);
        EXPECT_EQ(finish(std::move(child)).status, -SIGKILL);
        EXPECT_TRUE(life.all_gone());
    }
}

TEST_F(SessionTest, a_second_sigterm_stops_the_vm) {
    Child child = start("deaf");
    next_line(child.out.get());
    ::kill(child.pid, SIGTERM);
    EXPECT_EQ(next_line(child.out.get()), "signal 15");
    // Two in short order from one sender are one, as timeout(1) sends them.
    std::atomic<bool> ended = false;
    std::thread killer([&] {
        while (!ended) {
            ::kill(child.pid, SIGTERM); // not reaped before finish() is through
            ::usleep(20'000);
        }
    });
    siginfo_t info;
    ::waitid(P_PID, static_cast<id_t>(child.pid), &info, WEXITED | WNOWAIT);
    ended = true;
    killer.join();
    EXPECT_EQ(finish(std::move(child)).status, 143);
}

TEST_F(SessionTest, a_signal_ends_a_guest_that_does_not_come_up) {
    for (const int signal : {SIGTERM, SIGINT, SIGHUP}) {
        Child child = start("never");
        EXPECT_EQ(next_line(child.err.get()), "stuck in boot");
        ::kill(child.pid, signal);
        EXPECT_EQ(finish(std::move(child)).status, 128 + signal);
    }
}

TEST_F(SessionTest, a_line_right_before_the_end_of_stdin_arrives) {
    for (int i = 0; i < 60; ++i) {
        Child child = start("echo", {"-q"});
        EXPECT_EQ(::write(child.in.get(), "x\n", 2), 2);
        child.in.reset();
        const Outcome outcome = finish(std::move(child));
        ASSERT_EQ(outcome.status, 3);
        ASSERT_EQ(outcome.out, "x\n");
    }
}

TEST_F(SessionTest, gaps_of_the_last_run_are_kept) {
    EXPECT_EQ(command({"gaps"}).status, 125);
    EXPECT_EQ(run("hello", {"-q", "--name", "one"}).status, 0);
    EXPECT_EQ(command({"gaps"}).out, "one: /bin/true hello\nno gap report: the machine ended before it could tell\n");
    EXPECT_EQ(run("gaps", {"-q", "--name", "two"}).err, "");
    const Outcome outcome = command({"gaps"});
    EXPECT_EQ(outcome.status, 0) << outcome.err;
    EXPECT_EQ(outcome.out, "two: /bin/true gaps\ngaps: 1 kind, asked for 3 times\n\nptrace: missing, 3 times, ENOSYS (Function not implemented)\n"
                           "    no debugger interface yet\n    first by true, pid 1, at 0x401000 (no symbol)\n");
    EXPECT_EQ(command({"gaps", "one"}).out.substr(0, 5), "one: ");
    EXPECT_NE(command({"gaps", "--json"}).out.find("\"what\": \"ptrace\""), std::string::npos);
    EXPECT_EQ(command({"gaps", "three"}).err, "linnet: no gaps of a VM of the name three are known\n");
}

TEST_F(SessionTest, gaps_runs_a_program_first) {
    const Outcome outcome = command({"gaps", "--run", "-q", "--accel", "tcg", "--linker", "off", "--kernel", (folder_ / "kernel").string(), "/bin/true", "gaps"});
    EXPECT_EQ(outcome.status, 0);
    EXPECT_EQ(outcome.out, "");
    EXPECT_NE(outcome.err.find("ptrace: missing, 3 times"), std::string::npos) << outcome.err;
    EXPECT_EQ(command({"gaps", "--run", "--accel", "tcg", "--linker", "off", "-q", "--kernel", (folder_ / "kernel").string(), "/bin/true", "exit", "7"}).status, 7);
}

TEST_F(SessionTest, a_running_vm_is_asked_for_its_gaps) {
    Child child = start("answers", {"-q", "--name", "asked"});
    EXPECT_EQ(next_line(child.out.get()), "ready");
    for (int i = 0; i < 3; ++i) {
        const Outcome outcome = command({"gaps", "asked"});
        EXPECT_EQ(outcome.status, 0) << outcome.err;
        EXPECT_NE(outcome.out.find("and 7 times something"), std::string::npos) << outcome.out;
    }
    ::kill(child.pid, SIGTERM);
    EXPECT_EQ(finish(std::move(child)).status, 0);
    EXPECT_NE(command({"gaps", "asked"}).out.find("and 7 times"), std::string::npos);
}

TEST_F(SessionTest, dry_run_needs_no_kernel) {
    const std::string kernel = (folder_ / "none.elf").string();
    const Outcome outcome = command({"run", "--accel", "tcg", "--dry-run", "--kernel", kernel, "/bin/true"});
    EXPECT_EQ(outcome.status, 0) << outcome.err;
    EXPECT_NE(outcome.out.find("-kernel " + kernel), std::string::npos) << outcome.out;
    EXPECT_EQ(command({"run", "--accel", "tcg", "--kernel", kernel, "/bin/true"}).err,
              "linnet: cannot read the kernel " + kernel + "\n");
}

TEST_F(SessionTest, ipv6_addresses_of_the_host_are_refused_in_one_line) {
    const Outcome outcome = run("hello", {"-p", "[::1]:8080:80"});
    EXPECT_EQ(outcome.status, 125);
    EXPECT_EQ(outcome.err, "linnet: -p [::1]:8080:80: QEMU forwards no ports of IPv6 addresses of the host; give an "
                           "IPv4 address\n");
    EXPECT_EQ(run("hello", {"-p", "[::g]:8080:80"}).status, 125);
}

} // namespace
} // namespace linnet::cli
