#include "linux-abi/syscalls.h"

#include <gtest/gtest.h>

#include <fstream>

namespace linnet::abi {
namespace {

TEST(Syscalls, NumbersAreThoseOfLinux) {
    std::ifstream in("/usr/include/x86_64-linux-gnu/asm/unistd_64.h");
    std::string word, name;
    int nr, seen = 0;
    while (in >> word) {
        if (word != "#define" || !(in >> name) || !name.starts_with("__NR_") || !(in >> nr)) continue;
        if (nr > max_syscall) continue;
        ++seen;
        const SyscallInfo* i = syscall_info(static_cast<uint64_t>(nr));
        ASSERT_NE(i, nullptr) << name;
        EXPECT_EQ("__NR_" + std::string(i->name), name);
        EXPECT_EQ(syscall_number(i->name), nr);
    }
    EXPECT_EQ(seen, 362);
}

TEST(Syscalls, NumbersOutOfRange) {
    EXPECT_EQ(syscall_info(335), nullptr);
    EXPECT_EQ(syscall_info(451), nullptr);
    EXPECT_EQ(syscall_info(~0ull), nullptr);
    EXPECT_EQ(syscall_number("nonsense"), -1);
}

TEST(Syscalls, LengthArgumentsExist) {
    for (uint64_t nr = 0; nr <= static_cast<uint64_t>(max_syscall); ++nr) {
        const SyscallInfo* i = syscall_info(nr);
        if (!i) continue;
        for (unsigned a = 0; a < i->argument_count; ++a) {
            ArgKind k = i->arguments[a].kind;
            if (k == ArgKind::bytes || k == ArgKind::iovecs || k == ArgKind::sockaddr || k == ArgKind::optval ||
                k == ArgKind::pollfds) {
                EXPECT_LT(i->arguments[a].aux, i->argument_count) << i->name;
                EXPECT_NE(i->arguments[a].aux, a) << i->name;
            }
        }
    }
}

TEST(Outcome, Encodings) {
    EXPECT_EQ(Outcome(5).raw(), 5);
    EXPECT_EQ(Outcome(~0ull).raw(), -1);
    EXPECT_EQ(Outcome(EBADF).raw(), -9);
    EXPECT_EQ(Outcome(Result<void>()).raw(), 0);
    EXPECT_EQ(Outcome(Result<void>(EPERM)).raw(), -1);
    EXPECT_EQ(Outcome(Result<uint64_t>(uint64_t(7))).raw(), 7);
    EXPECT_EQ(Outcome(Result<uint64_t>(ENOMEM)).raw(), -12);
    EXPECT_EQ(Outcome(Size(3)).raw(), 3);
    EXPECT_TRUE(Outcome(EBADF).is_plain());
    EXPECT_TRUE(Outcome(0).is_plain());
    for (Restart r : {Restart::sys, Restart::no_intr, Restart::no_hand, Restart::restart_block}) {
        EXPECT_TRUE(Outcome(r).is_restart());
        EXPECT_FALSE(Outcome(r).is_plain());
        EXPECT_EQ(Outcome(r).restart(), r);
    }
    EXPECT_TRUE(Outcome::no_return().is_no_return());
    EXPECT_FALSE(Outcome::no_return().is_plain());
    EXPECT_TRUE(Outcome(int64_t(-4096)).is_plain());
    EXPECT_FALSE(Outcome(int64_t(-4096)).is_error());
}

Outcome three(Fd fd, OutBytes<2> buf, Mode mode) {
    return Outcome(int64_t(fd) * 1000 + static_cast<int64_t>(buf.address()) + mode);
}

TEST(Thunk, TruncatesLikeLinux) {
    EXPECT_EQ(thunk<three>(0x100000002, 40, 0xffff0001, 0, 0, 0).raw(), 2041);
    EXPECT_EQ((refuse<ENOSYS>(0, 0, 0, 0, 0, 0).raw()), -38);
    EXPECT_EQ(OpenFlags(0xffffffff00000002).value, 2);
    EXPECT_EQ(OpenFlags(0x40000001).unsupported(), 0x40000000u);
}

} // namespace
} // namespace linnet::abi
