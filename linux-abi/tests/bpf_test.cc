// Seccomp filters: what the verifier takes, and what programs compute.
#include "linux-abi/bpf.h"

#include <gtest/gtest.h>

namespace linnet::abi {
namespace {

constexpr uint16_t kRetK = 0x06, kRetA = 0x16, kLdAbs = 0x20, kLdImm = 0x00, kLdxImm = 0x01, kSt = 0x02, kStx = 0x03, kLdMem = 0x60,
                   kLdxMem = 0x61, kLdLen = 0x80, kTax = 0x07, kTxa = 0x87, kJa = 0x05, kJeqK = 0x15, kJgtX = 0x2d, kJgeK = 0x35, kJsetK = 0x45,
                   kAddK = 0x04, kSubX = 0x1c, kMulK = 0x24, kDivK = 0x34, kDivX = 0x3c, kLshK = 0x64, kLshX = 0x6c, kRshK = 0x74, kNeg = 0x84,
                   kXorK = 0xa4, kModK = 0x94, kLdByte = 0x30, kLdInd = 0x40, kLdxMsh = 0xb1;

using Program = std::vector<SockFilter>;

bool takes(const Program& p) {
    std::vector<uint16_t> scratch(p.size());
    return check_seccomp_program(p, scratch).ok();
}

uint32_t run(const Program& p, SeccompData d = {}) {
    EXPECT_TRUE(takes(p));
    return run_seccomp_program(p, d);
}

TEST(Bpf, LengthIsOneTo4096) {
    EXPECT_FALSE(takes({}));
    EXPECT_TRUE(takes(Program(4096, {kRetK, 0, 0, 1})));
    EXPECT_FALSE(takes(Program(4097, {kRetK, 0, 0, 1})));
}
TEST(Bpf, EndsWithAReturn) {
    EXPECT_FALSE(takes({{kLdImm, 0, 0, 1}}));
    EXPECT_FALSE(takes({{kRetK, 0, 0, 0}, {kLdImm, 0, 0, 1}}));
    EXPECT_TRUE(takes({{kLdImm, 0, 0, 1}, {kRetA, 0, 0, 0}}));
}
TEST(Bpf, JumpsStayInside) {
    EXPECT_TRUE(takes({{kJa, 0, 0, 0}, {kRetK, 0, 0, 0}}));
    EXPECT_FALSE(takes({{kJa, 0, 0, 1}, {kRetK, 0, 0, 0}}));
    EXPECT_FALSE(takes({{kJa, 0, 0, 0xffffffff}, {kRetK, 0, 0, 0}}));
    EXPECT_TRUE(takes({{kJeqK, 0, 1, 0}, {kRetK, 0, 0, 0}, {kRetK, 0, 0, 0}}));
    EXPECT_FALSE(takes({{kJeqK, 2, 0, 0}, {kRetK, 0, 0, 0}, {kRetK, 0, 0, 0}}));
    EXPECT_FALSE(takes({{kJeqK, 0, 255, 0}, {kRetK, 0, 0, 0}, {kRetK, 0, 0, 0}}));
}
TEST(Bpf, LoadsAreAlignedWordsOfTheData) {
    EXPECT_TRUE(takes({{kLdAbs, 0, 0, 60}, {kRetA, 0, 0, 0}}));
    EXPECT_FALSE(takes({{kLdAbs, 0, 0, 64}, {kRetA, 0, 0, 0}}));
    EXPECT_FALSE(takes({{kLdAbs, 0, 0, 2}, {kRetA, 0, 0, 0}}));
    EXPECT_FALSE(takes({{kLdAbs, 0, 0, 0xfffff000}, {kRetA, 0, 0, 0}})); // SKF_AD_OFF of sockets
    for (uint16_t code : {kLdByte, kLdInd, kLdxMsh, kModK}) EXPECT_FALSE(takes({{code, 0, 0, 4}, {kRetA, 0, 0, 0}}));
}
TEST(Bpf, ConstantsThatCannotWorkAreRefused) {
    EXPECT_FALSE(takes({{kDivK, 0, 0, 0}, {kRetA, 0, 0, 0}}));
    EXPECT_FALSE(takes({{kLshK, 0, 0, 32}, {kRetA, 0, 0, 0}}));
    EXPECT_FALSE(takes({{kRshK, 0, 0, 99}, {kRetA, 0, 0, 0}}));
    EXPECT_FALSE(takes({{kSt, 0, 0, 16}, {kRetA, 0, 0, 0}}));
}
TEST(Bpf, MemoryIsWrittenBeforeItIsReadOnEveryPath) {
    EXPECT_FALSE(takes({{kLdMem, 0, 0, 0}, {kRetA, 0, 0, 0}}));
    EXPECT_TRUE(takes({{kSt, 0, 0, 3}, {kLdMem, 0, 0, 3}, {kRetA, 0, 0, 0}}));
    EXPECT_FALSE(takes({{kSt, 0, 0, 3}, {kLdxMem, 0, 0, 4}, {kRetA, 0, 0, 0}}));
    // One of two ways leads past the store.
    EXPECT_FALSE(takes({{kJeqK, 0, 1, 5}, {kSt, 0, 0, 0}, {kLdMem, 0, 0, 0}, {kRetA, 0, 0, 0}}));
    EXPECT_TRUE(takes({{kJeqK, 0, 2, 5}, {kSt, 0, 0, 0}, {kJa, 0, 0, 1}, {kStx, 0, 0, 0}, {kLdMem, 0, 0, 0}, {kRetA, 0, 0, 0}}));
}
TEST(Bpf, Arithmetic) {
    EXPECT_EQ(7u, run({{kLdImm, 0, 0, 5}, {kAddK, 0, 0, 2}, {kRetA, 0, 0, 0}}));
    EXPECT_EQ(0xffffffffu, run({{kLdImm, 0, 0, 1}, {kNeg, 0, 0, 0}, {kRetA, 0, 0, 0}}));
    EXPECT_EQ(0xfffffffeu, run({{kLdImm, 0, 0, 1}, {kLdxImm, 0, 0, 3}, {kSubX, 0, 0, 0}, {kRetA, 0, 0, 0}}));
    EXPECT_EQ(6u, run({{kLdImm, 0, 0, 40}, {kMulK, 0, 0, 3}, {kDivK, 0, 0, 20}, {kRetA, 0, 0, 0}}));
    EXPECT_EQ(0xf0u, run({{kLdImm, 0, 0, 0xff}, {kXorK, 0, 0, 0x0f}, {kRetA, 0, 0, 0}}));
    EXPECT_EQ(0x20u, run({{kLdImm, 0, 0, 1}, {kLdxImm, 0, 0, 37}, {kLshX, 0, 0, 0}, {kRetA, 0, 0, 0}}));
}
TEST(Bpf, DivisionByZeroEndsWithZero) {
    EXPECT_EQ(0u, run({{kLdImm, 0, 0, 9}, {kDivX, 0, 0, 0}, {kRetK, 0, 0, 0x7fff0000}}));
}
TEST(Bpf, RegistersAndMemory) {
    EXPECT_EQ(8u, run({{kLdImm, 0, 0, 4}, {kTax, 0, 0, 0}, {kStx, 0, 0, 15}, {kLdImm, 0, 0, 0}, {kLdMem, 0, 0, 15}, {kAddK, 0, 0, 4}, {kRetA, 0, 0, 0}}));
    EXPECT_EQ(0u, run({{kTxa, 0, 0, 0}, {kRetA, 0, 0, 0}})); // X begins as 0
    EXPECT_EQ(64u, run({{kLdLen, 0, 0, 0}, {kRetA, 0, 0, 0}}));
}
TEST(Bpf, ComparisonsAreUnsigned) {
    EXPECT_EQ(1u, run({{kLdImm, 0, 0, 0x80000000}, {kJgeK, 0, 1, 1}, {kRetK, 0, 0, 1}, {kRetK, 0, 0, 2}}));
    EXPECT_EQ(2u, run({{kLdImm, 0, 0, 3}, {kLdxImm, 0, 0, 3}, {kJgtX, 0, 1, 0}, {kRetK, 0, 0, 1}, {kRetK, 0, 0, 2}}));
    EXPECT_EQ(1u, run({{kLdImm, 0, 0, 6}, {kJsetK, 0, 1, 2}, {kRetK, 0, 0, 1}, {kRetK, 0, 0, 2}}));
}
TEST(Bpf, LooksAtNumberArchAndArguments) {
    SeccompData d{};
    d.nr = 39, d.arch = audit_arch_x86_64, d.args[1] = 0x1122334455667788;
    EXPECT_EQ(39u, run({{kLdAbs, 0, 0, 0}, {kRetA, 0, 0, 0}}, d));
    EXPECT_EQ(audit_arch_x86_64, run({{kLdAbs, 0, 0, 4}, {kRetA, 0, 0, 0}}, d));
    EXPECT_EQ(0x55667788u, run({{kLdAbs, 0, 0, 24}, {kRetA, 0, 0, 0}}, d));
    EXPECT_EQ(0x11223344u, run({{kLdAbs, 0, 0, 28}, {kRetA, 0, 0, 0}}, d));
}

} // namespace
} // namespace linnet::abi
