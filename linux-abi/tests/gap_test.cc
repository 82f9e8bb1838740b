#include "linux-abi/gap.h"

#include <gtest/gtest.h>

#include <string>

namespace linnet::abi {
namespace {

std::string name_of(GapKind kind, uint64_t a, uint64_t b = 0, uint64_t c = 0, std::string_view text = {}, const char* argument = nullptr) {
    char buffer[256];
    TraceText out(buffer, sizeof buffer);
    put_gap_name(out, kind, a, b, c, text, argument);
    return std::string(out.text());
}

TEST(Gap, names_are_one_word) {
    EXPECT_EQ("ptrace", name_of(GapKind::Call, 101));
    EXPECT_EQ("syscall_0x270f", name_of(GapKind::Call, 9999));
    EXPECT_EQ("mmap.3=MAP_HUGETLB", name_of(GapKind::Flag, 9, 3, 0x40000));
    EXPECT_EQ("mmap.flags=MAP_HUGETLB|0x4000000000", name_of(GapKind::Flag, 9, 3, 0x4000040000, {}, "flags"));
    EXPECT_EQ("memfd_create.1=0x80000000", name_of(GapKind::Flag, 319, 1, 0x80000000));
    EXPECT_EQ("clone3.0=CLONE_NEWPID|CLONE_NEWNET", name_of(GapKind::Flag, 435, 0, 0x60000000));
    EXPECT_EQ("madvise.2=MADV_MERGEABLE", name_of(GapKind::Value, 28, 2, 12));
    EXPECT_EQ("madvise.2=999", name_of(GapKind::Value, 28, 2, 999));
    EXPECT_EQ("personality.0=0x400000", name_of(GapKind::Flag, 135, 0, 0x400000));
    EXPECT_EQ("0x1234abcd", name_of(GapKind::Ioctl, 0x1234abcd));
    EXPECT_EQ("TCGETS", name_of(GapKind::Ioctl, 0x5401));
    EXPECT_EQ("F_SETLEASE", name_of(GapKind::Fcntl, 1024));
    EXPECT_EQ("9998", name_of(GapKind::Prctl, 9998));
    EXPECT_EQ("SOL_SOCKET.SO_ZEROCOPY", name_of(GapKind::Sockopt, 1, 60));
    EXPECT_EQ("77.5", name_of(GapKind::Sockopt, 77, 5));
    EXPECT_EQ("0.16", name_of(GapKind::Netlink, 0, 16));
    EXPECT_EQ("/proc/x", name_of(GapKind::File, 0, 0, 0, "/proc/x"));
    EXPECT_EQ("?", name_of(static_cast<GapKind>(200), 0));
}

TEST(Gap, an_argument_that_the_call_does_not_have_is_a_number) {
    EXPECT_EQ("getpid.5=0x1", name_of(GapKind::Flag, 39, 5, 1));
    EXPECT_EQ("syscall_0xffffffffffffffff.18446744073709551615=0x1", name_of(GapKind::Flag, ~0ull, ~0ull, 1));
}

TEST(Gap, kinds_have_names_and_calls) {
    for (unsigned i = 0; i < gap_kind_count; ++i) {
        GapKind kind;
        ASSERT_TRUE(parse_gap_kind(gap_kind_name(static_cast<GapKind>(i)), kind));
        EXPECT_EQ(i, static_cast<unsigned>(kind));
    }
    GapKind kind;
    EXPECT_FALSE(parse_gap_kind("", kind));
    EXPECT_FALSE(parse_gap_kind("?", kind));
    EXPECT_STREQ("?", gap_kind_name(static_cast<GapKind>(gap_kind_count)));
    EXPECT_STREQ("ioctl", gap_call(GapKind::Ioctl, 5)->name);
    EXPECT_EQ(nullptr, gap_call(GapKind::Call, 9999));
    EXPECT_EQ(nullptr, gap_call(GapKind::File, 0));
}

bool follows(std::initializer_list<int> last) {
    uint8_t before[7] = {0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90};
    uint8_t* to = before + 7 - last.size();
    for (int b : last) *to++ = static_cast<uint8_t>(b);
    return follows_call(before);
}

TEST(Gap, call_instructions_are_known_by_their_bytes) {
    EXPECT_TRUE(follows({0xe8, 1, 2, 3, 4}));                      // call rel32
    EXPECT_TRUE(follows({0xff, 0xd0}));                            // call *%rax
    EXPECT_TRUE(follows({0xff, 0x10}));                            // call *(%rax)
    EXPECT_TRUE(follows({0xff, 0x50, 8}));                         // call *8(%rax)
    EXPECT_TRUE(follows({0xff, 0x54, 0x24, 8}));                   // call *8(%rsp)
    EXPECT_TRUE(follows({0xff, 0x14, 0xc1}));                      // call *(%rcx,%rax,8)
    EXPECT_TRUE(follows({0xff, 0x15, 1, 2, 3, 4}));                // call *rel32(%rip)
    EXPECT_TRUE(follows({0xff, 0x90, 1, 2, 3, 4}));                // call *disp32(%rax)
    EXPECT_TRUE(follows({0xff, 0x94, 0xc1, 1, 2, 3, 4}));          // call *disp32(%rcx,%rax,8)
    EXPECT_TRUE(follows({0xff, 0x14, 0xc5, 1, 2, 3, 4}));          // call *disp32(,%rax,8)
    EXPECT_TRUE(follows({0x41, 0xff, 0xd4}));                      // call *%r12
    EXPECT_FALSE(follows({0xe9, 1, 2, 3, 4}));                     // jmp
    EXPECT_FALSE(follows({0xff, 0xe0}));                           // jmp *%rax
    EXPECT_FALSE(follows({0xff, 0x30}));                           // push (%rax)
    EXPECT_FALSE(follows({0xff, 0x15, 1, 2, 3}));                  // cut short
    EXPECT_FALSE(follows({0x0f, 0x05}));
}

} // namespace
} // namespace linnet::abi
