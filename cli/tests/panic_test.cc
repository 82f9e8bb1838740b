#include "cli/symbolize/panic.h"

#include <gtest/gtest.h>

namespace linnet::cli {
namespace {

const std::vector<std::string> block = {
    "=== linnet panic: page fault in the kernel",
    "kernel 0xffffffff9c200000 0xffffffff1c000000 build 0123abcd",
    "cpu 0 pid 1 tid 1 comm redis-server",
    "rip 0xffffffff9c201234 rsp 0xffffc00000001000 rflags 0x10246 cr2 0x10 cr3 0x1000 error 0x2 vector 14",
    "rax 0x0 rbx 0x1 rcx 0x2 rdx 0x3",
    "r12 0xc r13 0xd r14 0xe r15 0xf",
    "code 48 89 <48> 8b 00 c3",
    "frame 0xffffffff9c201300",
    "frame 0x7f0000001010",
    "syscalls cpu 0",
    "  1 read(3, ...) = 5",
    "maps 0x7f0000000000-0x7f0000002000 r-xp 0x3000 /usr/bin/redis-server",
    "=== end of panic",
};

TEST(Panic, block_is_parsed) {
    const Panic panic = parse_panic(block);
    EXPECT_EQ(panic.text, "page fault in the kernel");
    EXPECT_EQ(panic.kernel_base, 0xffffffff9c200000u);
    EXPECT_EQ(panic.load_bias, 0xffffffff1c000000u);
    EXPECT_EQ(panic.build_id, "0123abcd");
    EXPECT_EQ(panic.registers.at("rip"), 0xffffffff9c201234u);
    EXPECT_EQ(panic.registers.at("cr2"), 0x10u);
    EXPECT_EQ(panic.registers.at("r15"), 0xfu);
    EXPECT_EQ(panic.code.size(), 6u);
    EXPECT_EQ(panic.code_at, 2u);
    EXPECT_EQ(panic.frames.size(), 2u);
    ASSERT_EQ(panic.maps.size(), 1u);
    EXPECT_EQ(panic.maps[0].path, "/usr/bin/redis-server");
    EXPECT_EQ(panic.maps[0].offset, 0x3000u);
    EXPECT_TRUE(panic.complete);
}

TEST(Panic, explanation_keeps_the_block_and_disassembles) {
    const auto lines = explain_panic(block, {"/nonexistent", "/nonexistent"});
    ASSERT_GT(lines.size(), block.size());
    EXPECT_TRUE(std::equal(block.begin(), block.end(), lines.begin()));
    std::string text;
    for (const std::string& line : lines)
        text += line + "\n";
    EXPECT_NE(text.find("movq (%rax), %rax"), std::string::npos) << text;
    EXPECT_NE(text.find("/usr/bin/redis-server+0x400f"), std::string::npos) << text;
}

TEST(Panic, damaged_blocks_are_survived) {
    for (std::size_t cut = 0; cut < block.size(); ++cut) {
        std::vector<std::string> part(block.begin(), block.begin() + static_cast<long>(cut));
        for (std::string& line : part)
            line = line.substr(0, line.size() - line.size() / 3);
        explain_panic(part, {});
    }
    explain_panic({"=== linnet panic: x", "code <zz>", "rip", "maps -", "kernel x y", "frame", "r"}, {});
}

} // namespace
} // namespace linnet::cli
