// Script lines, the kernel's command line, cpio archives.
#include "linux-abi/cmdline.h"
#include "linux-abi/cpio.h"
#include "linux-abi/script.h"

#include <gtest/gtest.h>

namespace linnet::abi {
namespace {

TEST(Script, NameAndOneArgument) {
    auto s = parse_script("#!/bin/sh -e -x \nrest");
    ASSERT_TRUE(s.ok());
    EXPECT_EQ(s->interpreter, "/bin/sh");
    EXPECT_TRUE(s->has_argument);
    EXPECT_EQ(s->argument, "-e -x");
}

TEST(Script, BlanksAroundTheName) {
    auto s = parse_script("#! \t/usr/bin/env\t \n");
    ASSERT_TRUE(s.ok());
    EXPECT_EQ(s->interpreter, "/usr/bin/env");
    EXPECT_FALSE(s->has_argument);
}

TEST(Script, WithoutNewlineInAShortFile) {
    auto s = parse_script("#!/bin/sh");
    ASSERT_TRUE(s.ok());
    EXPECT_EQ(s->interpreter, "/bin/sh");
    EXPECT_FALSE(s->has_argument);
    auto t = parse_script(std::string_view("#!/bin/sh\0junk\n", 15));
    ASSERT_TRUE(t.ok());
    EXPECT_EQ(t->interpreter, "/bin/sh");
    EXPECT_FALSE(t->has_argument);
}

TEST(Script, NothingToRun) {
    for (std::string_view bad : {"", "#", "#/bin/sh\n", "#!\n", "#!  \t \n/bin/sh\n"})
        EXPECT_EQ(parse_script(bad).error(), ENOEXEC) << bad;
}

TEST(Script, PathCutByTheBufferIsRefused) {
    std::string name(253, 'a');
    EXPECT_EQ(parse_script("#!/" + name).error(), ENOEXEC);
    // One blank within the buffer ends the name; the argument is cut.
    std::string s = "#!/bin/sh " + std::string(300, 'b');
    auto r = parse_script(s);
    ASSERT_TRUE(r.ok());
    EXPECT_EQ(r->interpreter, "/bin/sh");
    EXPECT_EQ(r->argument, std::string(245, 'b'));
}

struct Parsed {
    std::vector<std::string> options, arguments;
};
Parsed parse(std::string_view text) {
    std::vector<char> storage(text.size() + 1);
    std::vector<const char*> words(text.size() / 2 + 1);
    auto r = parse_command_line(text, storage, words);
    EXPECT_TRUE(r.ok()) << text;
    Parsed p;
    if (!r.ok()) return p;
    p.options.assign(r->options.begin(), r->options.end());
    p.arguments.assign(r->arguments.begin(), r->arguments.end());
    return p;
}
using Words = std::vector<std::string>;

TEST(CommandLine, OptionsAndArguments) {
    Parsed p = parse("strace  ip=10.0.2.15/24 -- /bin/echo a -- b\n");
    EXPECT_EQ(p.options, (Words{"strace", "ip=10.0.2.15/24"}));
    EXPECT_EQ(p.arguments, (Words{"/bin/echo", "a", "--", "b"}));
}

TEST(CommandLine, QuotesAndEscapes) {
    Parsed p = parse(R"(env="A=b c" env=X="1\"2\\3\n4\t" -- sh -c "echo \"hi\"" "")");
    EXPECT_EQ(p.options, (Words{"env=A=b c", "env=X=1\"2\\3\n4\\t"}));
    EXPECT_EQ(p.arguments, (Words{"sh", "-c", "echo \"hi\"", ""}));
}

TEST(CommandLine, DevicesAreOptionsWhereverTheyStand) {
    Parsed p = parse("-- prog arg virtio_mmio.device=512@0xfeb00e00:12 virtio_mmio.device=512@0xfeb00c00:11");
    EXPECT_EQ(p.options, (Words{"virtio_mmio.device=512@0xfeb00e00:12", "virtio_mmio.device=512@0xfeb00c00:11"}));
    EXPECT_EQ(p.arguments, (Words{"prog", "arg"}));
}

TEST(CommandLine, QuotedSeparatorIsAnOption) {
    Parsed p = parse(R"("--" x -- y)");
    EXPECT_EQ(p.options, (Words{"--", "x"}));
    EXPECT_EQ(p.arguments, (Words{"y"}));
}

TEST(CommandLine, EmptyUnterminatedAndTooSmall) {
    EXPECT_TRUE(parse("").options.empty());
    EXPECT_TRUE(parse("  ").arguments.empty());
    EXPECT_EQ(parse("-- \"a b").arguments, (Words{"a b"}));
    char storage[2];
    const char* words[1];
    EXPECT_EQ(parse_command_line("abc", storage, words).error(), E2BIG);
    char big[32];
    EXPECT_EQ(parse_command_line("a b", big, words).error(), E2BIG);
}

TEST(CommandLine, Values) {
    EXPECT_STREQ(option_value("cwd=/x", "cwd="), "/x");
    EXPECT_EQ(option_value("cwdx", "cwd="), nullptr);
    auto d = parse_mmio_device("4K@0xd0000000:5:0");
    ASSERT_TRUE(d.ok());
    EXPECT_EQ(d->size, 4096u);
    EXPECT_EQ(d->address, 0xd0000000u);
    EXPECT_EQ(d->irq, 5u);
    for (std::string_view bad : {"", "@", "4K", "4K@", "4K@1", "0@1:1", "K@1:1", "1@x:1", "1@1:-1", "1@1:4294967296",
                                 "99999999999G@1:1", "1@0xffffffffffffffff:1"})
        EXPECT_FALSE(parse_mmio_device(bad).ok()) << bad;
    EXPECT_EQ(*parse_number("0x1F"), 31u);
    EXPECT_EQ(*parse_number("017"), 15u);
    EXPECT_EQ(*parse_number("0"), 0u);
    EXPECT_EQ(parse_number("18446744073709551616").error(), ERANGE);
}

std::string cpio_entry(std::string name, std::string data, uint32_t mode = 0100644, size_t name_padding = 0) {
    char h[111];
    snprintf(h, sizeof h, "070701%08X%08X%08X%08X%08X%08X%08zX%08X%08X%08X%08X%08zX%08X", 7, mode, 1, 2, 1, 3, data.size(),
             8, 1, 0, 0, name.size() + 1 + name_padding, 0);
    std::string out = h + name + std::string(1 + name_padding, '\0');
    out.resize((out.size() + 3) & ~3u);
    out += data;
    out.resize((out.size() + 3) & ~3u);
    return out;
}
std::span<const std::byte> as_bytes(const std::string& s) { return std::as_bytes(std::span(s)); }

TEST(Cpio, EntriesPathsAndConcatenation) {
    std::string a = cpio_entry(".", "", 040755) + cpio_entry("./etc/passwd", "root") + cpio_entry("TRAILER!!!", "") +
                    std::string(512, '\0') + cpio_entry("/bin/", "", 040755) + cpio_entry("TRAILER!!!", "");
    CpioReader r(as_bytes(a));
    CpioEntry e;
    ASSERT_TRUE(*r.next(e));
    EXPECT_EQ(e.path, "");
    ASSERT_TRUE(*r.next(e));
    EXPECT_EQ(e.path, "etc/passwd");
    EXPECT_EQ(e.data.size(), 4u);
    EXPECT_EQ(memcmp(e.data.data(), "root", 4), 0);
    EXPECT_EQ(e.mode, 0100644u);
    EXPECT_EQ(e.uid, 1u);
    EXPECT_EQ(e.gid, 2u);
    EXPECT_EQ(e.mtime, 3u);
    EXPECT_EQ(e.dev_major, 8u);
    ASSERT_TRUE(*r.next(e));
    EXPECT_EQ(e.path, "bin");
    EXPECT_FALSE(*r.next(e));
    EXPECT_FALSE(*r.next(e));
}

TEST(Cpio, NamePaddingPutsDataOnAPage) {
    size_t padding = 4096 - 110 - 2;
    std::string a = cpio_entry("f", std::string(4096, 'x'), 0100644, padding);
    CpioReader r(as_bytes(a));
    CpioEntry e;
    ASSERT_TRUE(*r.next(e));
    EXPECT_EQ(e.name, "f");
    EXPECT_EQ(e.data_offset, 4096u);
    EXPECT_EQ(e.data.size(), 4096u);
}

TEST(Cpio, HostileArchives) {
    std::string good = cpio_entry("name", "0123456789");
    CpioEntry e;
    for (size_t cut = 1; cut < 124; ++cut) {
        std::string s = good.substr(0, cut);
        CpioReader r(as_bytes(s));
        EXPECT_EQ(r.next(e).error(), EINVAL) << cut;
    }
    auto broken = [&](size_t at, const char* text) {
        std::string s = good;
        s.replace(at, strlen(text), text);
        CpioReader r(as_bytes(s));
        return r.next(e).error();
    };
    EXPECT_EQ(broken(0, "070707"), EINVAL);
    EXPECT_EQ(broken(54, "FFFFFFFF"), EINVAL);  // file size
    EXPECT_EQ(broken(94, "FFFFFFFF"), EINVAL);  // name size
    EXPECT_EQ(broken(94, "00000000"), EINVAL);
    EXPECT_EQ(broken(94, "00000004"), EINVAL);  // no NUL
    EXPECT_EQ(broken(14, "0000000G"), EINVAL);
}

} // namespace
} // namespace linnet::abi
