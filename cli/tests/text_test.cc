#include "cli/util/text.h"

#include <gtest/gtest.h>

#include "cli/run/channel.h"
#include "cli/run/kernel_line.h"
#include "cli/run/options.h"
#include "cli/util/error.h"

namespace linnet::cli {
namespace {

std::string port_error(const std::string& text) {
    try {
        parse_port_forward(text);
    } catch (const CommandError& error) {
        return error.what();
    }
    return {};
}

TEST(PortForward, full_form) {
    const PortForward forward = parse_port_forward("0.0.0.0:8080:80/udp");
    EXPECT_EQ(forward.address, "0.0.0.0");
    EXPECT_EQ(forward.host, 8080);
    EXPECT_EQ(forward.guest, 80);
    EXPECT_TRUE(forward.udp);
}

TEST(PortForward, loopback_is_the_default) {
    const PortForward forward = parse_port_forward("6379:6379");
    EXPECT_EQ(forward.address, "127.0.0.1");
    EXPECT_FALSE(forward.udp);
    EXPECT_FALSE(parse_port_forward("1:2/tcp").udp);
    EXPECT_EQ(parse_port_forward("0:80").host, 0);
    EXPECT_EQ(parse_port_forward("127.0.0.2:1:2").address, "127.0.0.2");
}

TEST(PortForward, bad_forms_name_the_text) {
    for (const char* text : {"", "80", ":80", "80:", "a:b", "1:2:3", "70000:1", "1:70000", "1:0",
                             "127.0.0.1.5:1:2", "1:2/sctp", "1:2/", "-1:2", " 1:2", "1:2 "}) {
        const std::string error = port_error(text);
        EXPECT_NE(error.find(text), std::string::npos) << text;
        EXPECT_EQ(error.find('\n'), std::string::npos);
    }
}

TEST(Sizes, units) {
    EXPECT_EQ(parse_size("256M"), 256u << 20);
    EXPECT_EQ(parse_size("1g"), 1u << 30);
    EXPECT_EQ(parse_size("4k"), 4096u);
    EXPECT_EQ(parse_size("123B"), 123u);
    for (const char* text : {"", "M", "256", "1.5G", "-1M", "1MM", "99999999999999999999M", "0x1M"})
        EXPECT_FALSE(parse_size(text)) << text;
    EXPECT_EQ(size_text(256u << 20), "256 MiB");
    EXPECT_EQ(size_text(5000), "5 KiB");
}

TEST(KernelQuoting, words) {
    EXPECT_EQ(kernel_quoted("plain-word=1,2"), "plain-word=1,2");
    EXPECT_EQ(kernel_quoted(""), "\"\"");
    EXPECT_EQ(kernel_quoted("a b"), "\"a b\"");
    EXPECT_EQ(kernel_quoted("say \"hi\"\\\n"), "\"say \\\"hi\\\"\\\\\\n\"");
    EXPECT_EQ(kernel_quoted("--"), "\"--\"");
    EXPECT_EQ(kernel_quoted("virtio_mmio.device=1"), "\"virtio_mmio.device=1\"");
    EXPECT_THROW(kernel_quoted(std::string_view("a\0b", 3)), CommandError);
}

TEST(KernelLine, program_and_options) {
    RunOptions options;
    options.network = false;
    options.linker = false;
    options.traced_calls = "0-3,unknown";
    options.trace_follow = false;
    options.trace_limit = 100;
    Program program;
    program.path = "/bin/echo";
    program.argv0 = "echo";
    program.arguments = {"a b", "--", "-x"};
    program.environment = {"A=1 2"};
    program.cwd = "/my dir";
    program.user = "5:6,7";
    EXPECT_EQ(kernel_command_line(options, program, 2'000'000),
              "trace=0-3,unknown trace_follow=off trace_limit=100 linker=off tsc_khz=2000000 user=5:6,7 \"cwd=/my dir\" argv0=echo \"env=A=1 2\" -- "
              "/bin/echo \"a b\" \"--\" -x");
}

TEST(KernelLine, isolation) {
    RunOptions options;
    options.network = false;
    ASSERT_TRUE(parse_run_options({"--isolation", "user", "--network", "none", "/bin/true"}, options));
    Program program;
    program.path = "/bin/true";
    EXPECT_EQ(kernel_command_line(options, program, 0), "isolation=user -- /bin/true");
    RunOptions other;
    ASSERT_TRUE(parse_run_options({"--isolation", "none", "--network", "none", "/bin/true"}, other));
    EXPECT_EQ(kernel_command_line(other, program, 0), "-- /bin/true");
    EXPECT_THROW(parse_run_options({"--isolation", "maybe", "/bin/true"}, other), CommandError);
}

TEST(Environment, later_settings_win) {
    const auto environment = make_environment({"A=1", "HOME=/x"}, {"A=2", "PATH=/p"}, nullptr);
    EXPECT_EQ(environment, (std::vector<std::string>{"HOME=/x", "A=2", "PATH=/p"}));
}

TEST(RunOptions, flags_end_at_the_program) {
    RunOptions options;
    ASSERT_TRUE(parse_run_options({"-p", "1:2", "-e", "A=b", "-e", "C=[d]", "-m", "64M", "--cpus=2", "-it",
                                   "--qemu", "-a 'b c'", "/bin/ls", "-p", "x", "--", "--rm"},
                                  options));
    EXPECT_EQ(options.ports.size(), 1u);
    EXPECT_EQ(options.environment, (std::vector<std::string>{"A=b", "C=[d]"}));
    EXPECT_EQ(options.memory_bytes, 64u << 20);
    EXPECT_EQ(options.cpus, 2u);
    EXPECT_TRUE(options.terminal && options.interactive);
    EXPECT_EQ(options.qemu_arguments, (std::vector<std::string>{"-a", "b c"}));
    EXPECT_EQ(options.program, "/bin/ls");
    EXPECT_EQ(options.arguments, (std::vector<std::string>{"-p", "x", "--", "--rm"}));
}

TEST(RunOptions, repeated_flags_are_all_taken) {
    RunOptions options;
    ASSERT_TRUE(parse_run_options({"-p", "1:2", "-p", "3:4/udp", "--add", "/a:/b", "--add", "/c", "x"}, options));
    EXPECT_EQ(options.ports.size(), 2u);
    ASSERT_EQ(options.added.size(), 2u);
    EXPECT_EQ(options.added[1].guest, "/c");
}

TEST(RunOptions, errors_are_one_line) {
    for (const std::vector<std::string>& words :
         {std::vector<std::string>{}, {"--bogus", "ls"}, {"-m", "12", "ls"}, {"-m"}, {"--cpus", "0", "ls"},
          {"--cpus", "65", "ls"}, {"--machine", "pc", "ls"}, {"-w", "x", "ls"}, {"--qemu", "'", "ls"},
          {"--user", "root", "ls"}, {"-e", "=x", "ls"}, {"--name", "../x", "ls"}, {""}}) {
        RunOptions options;
        try {
            parse_run_options(words, options);
            ADD_FAILURE() << (words.empty() ? "no words" : words.front());
        } catch (const CommandError& error) {
            EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos);
            EXPECT_EQ(error.status(), 125);
        }
    }
}

TEST(ShellWords, quotes) {
    EXPECT_EQ(split_shell_words(" a 'b  c' \"d\\\"e\" f\\ g ''"),
              (std::vector<std::string>{"a", "b  c", "d\"e", "f g", ""}));
    EXPECT_THROW(split_shell_words("'open"), CommandError);
    for (const char* word : {"a b", "", "it's", "$x", "a\\b", "plain"})
        EXPECT_EQ(split_shell_words(shell_quoted(word)), std::vector<std::string>{word});
}

TEST(LineSplitter, pieces_and_ends) {
    LineSplitter splitter;
    std::vector<std::string> lines;
    const auto take = [&lines](std::string_view line) { lines.emplace_back(line); };
    splitter.put("on", take);
    splitter.put("e\r\ntwo\nth", take);
    EXPECT_EQ(lines, (std::vector<std::string>{"one", "two"}));
    splitter.finish(take);
    EXPECT_EQ(lines.back(), "th");
}

TEST(ByteQueue, keeps_order_over_many_bytes) {
    ByteQueue queue;
    std::string in, out;
    for (int i = 0; i < 20000; ++i) {
        const std::string piece(static_cast<std::size_t>(i % 97), static_cast<char>('a' + i % 26));
        in += piece;
        queue.put(piece);
        while (queue.size() > 500) {
            out += queue.front().substr(0, 333);
            queue.drop(333);
        }
    }
    out += queue.front();
    EXPECT_TRUE(in == out);
}

} // namespace
} // namespace linnet::cli
