#include "cli/sites/site_maker.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <set>

#include "cli/sites/code_map.h"
#include "cli/util/text.h"
#include "linux-abi/site_table.h"

namespace linnet::cli {
namespace {

namespace fs = std::filesystem;

class SitesTest : public testing::Test {
protected:
    SitesTest() {
        std::string name = (fs::temp_directory_path() / "linnet-sites.XXXXXX").string();
        folder_ = ::mkdtemp(name.data());
    }
    ~SitesTest() override { fs::remove_all(folder_); }

    // Assembles a shared object with a build-id.
    std::string build(const std::string& source) {
        std::ofstream(folder_ / "s.S") << source;
        const std::string at = folder_.string();
        EXPECT_EQ(std::system(("cc -shared -nostdlib -Wl,--build-id -o " + at + "/s.so " + at + "/s.S").c_str()), 0);
        return *read_file(at + "/s.so");
    }

    std::vector<abi::SiteEntry> sites(const std::string& file) {
        const auto table = make_site_table(file);
        if (!table)
            return {};
        std::vector<std::uint64_t> aligned(table->size() / 8);
        std::memcpy(aligned.data(), table->data(), table->size());
        const auto opened = abi::open_site_table(std::as_bytes(std::span(aligned)));
        EXPECT_TRUE(opened.ok());
        if (!opened.ok())
            return {};
        const auto entries = (*opened).entries;
        return {entries.begin(), entries.end()};
    }

    fs::path folder_;
};

std::string function(const std::string& name, const std::string& body) {
    return ".globl " + name + "\n.type " + name + ",@function\n" + name + ":\n.cfi_startproc\n" + body +
           "\n.cfi_endproc\n.size " + name + ",.-" + name + "\n";
}

TEST_F(SitesTest, plain_site_is_found) {
    const auto found = sites(build(function("f", "push %rbx\nmov $39,%eax\nsyscall\npop %rbx\nret")));
    ASSERT_EQ(found.size(), 1u);
    EXPECT_EQ(found[0].number, 39u);
    EXPECT_EQ(found[0].displaced, 5);
    EXPECT_EQ(found[0].flags, 0);
}

TEST_F(SitesTest, jump_to_the_syscall_is_marked) {
    const auto found = sites(build(function("f", "test %edi,%edi\nmov %edi,%eax\njne 1f\nmov $39,%eax\n1: syscall\nret")));
    ASSERT_EQ(found.size(), 1u);
    EXPECT_EQ(found[0].flags, abi::site_flag_syscall_is_target);
}

TEST_F(SitesTest, jump_to_the_mov_is_allowed) {
    EXPECT_EQ(sites(build(function("f", "1: mov $39,%eax\nsyscall\ncmp $1,%eax\njne 1b\nret"))).size(), 1u);
}

TEST_F(SitesTest, jumps_into_the_mov_are_not) {
    EXPECT_TRUE(sites(build(function("f", "je 1f+1\n1: mov $39,%eax\nsyscall\nret"))).empty());
    EXPECT_TRUE(sites(build(function("f", "1: mov $39,%eax\nsyscall\nret") +
                            function("g", "jmp f+2"))).empty());
    EXPECT_TRUE(sites(build(function("f", "1: mov $39,%eax\nsyscall\nret\n") + ".zero 5000\n" +
                            function("g", ".byte 0xe9; .long f+3-.-4"))).empty());
    EXPECT_TRUE(sites(build(function("f", "1: mov $39,%eax\nsyscall\nret\n") +
                            ".byte 0xeb, f+4-.-1\n")).empty());
}

TEST_F(SitesTest, bytes_that_are_no_instruction_do_not_count) {
    // The mov's first byte is the end of another instruction.
    EXPECT_TRUE(sites(build(function("f", ".byte 0x48,0xb8,0x27,0,0,0,0x0f,0x05,0,0\nret"))).empty());
    // A function that does not decode proves nothing.
    EXPECT_TRUE(sites(build(function("f", "mov $39,%eax\nsyscall\nret\n.byte 0x06"))).empty());
    // Code that no function covers.
    EXPECT_TRUE(sites(build(".globl f\nf: mov $39,%eax\nsyscall\nret\n")).empty());
}

TEST_F(SitesTest, unwind_table_serves_without_symbols) {
    build(function("f", "push %rbx\nmov $39,%eax\nsyscall\npop %rbx\nret"));
    const std::string at = folder_.string();
    ASSERT_EQ(std::system(("objcopy --strip-section-headers " + at + "/s.so " + at + "/t.so 2>/dev/null || strip -s -o " +
                           at + "/t.so " + at + "/s.so").c_str()), 0);
    EXPECT_EQ(sites(*read_file(at + "/t.so")).size(), 1u);
}

TEST_F(SitesTest, libc_has_its_wrappers) {
    const auto libc = read_file("/lib/x86_64-linux-gnu/libc.so.6");
    if (!libc)
        GTEST_SKIP() << "no glibc here";
    const auto found = sites(*libc);
    std::set<std::uint32_t> numbers;
    for (const abi::SiteEntry& entry : found)
        numbers.insert(entry.number);
    EXPECT_GT(found.size(), 200u);
    for (const std::uint32_t number : {39u /* getpid */, 8u /* lseek */, 10u /* mprotect */, 3u /* close */})
        EXPECT_TRUE(numbers.contains(number)) << number;
}

TEST_F(SitesTest, halt_is_found) {
    const auto found = sites(build(function("f", "test %edi,%edi\nje 1f\nret\n1: hlt") +
                                   function("g", "mov $39,%eax\nsyscall\nhlt\nmov $60,%eax\nsyscall\nret")));
    ASSERT_EQ(found.size(), 4u); // the second call of g is a site all the same
    const abi::SiteEntry& halt = found[0];
    EXPECT_EQ(halt.form, static_cast<std::uint8_t>(abi::SiteForm::halt));
    EXPECT_EQ(halt.displaced, 1);
    EXPECT_EQ(halt.original_size, 1);
    EXPECT_EQ(halt.original[0], 0xf4);
    EXPECT_EQ(found[1].form, static_cast<std::uint8_t>(abi::SiteForm::mov_imm));
    EXPECT_EQ(found[2].form, static_cast<std::uint8_t>(abi::SiteForm::halt));
}

TEST_F(SitesTest, halt_after_a_call_that_may_return_is_found) {
    EXPECT_EQ(sites(build(function("f", "call g\nhlt") + function("g", "ret"))).size(), 1u);
}

TEST_F(SitesTest, halt_in_a_cold_part_is_found) {
    // Nothing goes there from its start, which is another hlt's; a jump of the hot part leads to the second one.
    EXPECT_EQ(sites(build(function("f", "test %edi,%edi\n.byte 0x0f,0x84; .long f.cold+2-.-4\nret") +
                          function("f.cold", "ud2\nhlt"))).size(), 1u);
}

TEST_F(SitesTest, byte_of_another_instruction_is_no_halt) {
    EXPECT_TRUE(sites(build(function("f", "mov $0xf4f4f4f4,%eax\nret"))).empty());
    EXPECT_TRUE(sites(build(function("f", "movabs $0xf4,%rax\nlea 0xf4(%rax),%rax\nret"))).empty());
    // Functions that share bytes and do not agree.
    EXPECT_TRUE(sites(build(function("f", ".byte 0xb8\n.globl g\n.type g,@function\ng: hlt\n.size g,1\n.byte 0,0,0\nret"))).empty());
}

TEST_F(SitesTest, data_among_code_is_no_halt) {
    EXPECT_TRUE(sites(build(function("f", "jmp 1f\n.byte 0xf4,0xf4,0xf4\n1: ret"))).empty());
    EXPECT_TRUE(sites(build(function("f", "ret\n.byte 0xf4"))).empty());
    // What branches into the middle of an instruction is not understood.
    EXPECT_TRUE(sites(build(function("f", "jmp 1f+1\n1: mov $0x90909090,%eax\nhlt"))).empty());
    EXPECT_TRUE(sites(build(function("f", "hlt\n.byte 0x06"))).empty());
    EXPECT_TRUE(sites(build(".globl f\nf: hlt\n")).empty());
}

TEST_F(SitesTest, libc_has_its_abort) {
    const auto libc = read_file("/lib/x86_64-linux-gnu/libc.so.6");
    if (!libc)
        GTEST_SKIP() << "no glibc here";
    const auto found = sites(*libc);
    const auto halts = std::count_if(found.begin(), found.end(), [](const abi::SiteEntry& entry) {
        return entry.form == static_cast<std::uint8_t>(abi::SiteForm::halt);
    });
    EXPECT_GE(halts, 1);
    EXPECT_LE(halts, 50); // bytes f4 there are in the ten thousands
}

TEST_F(SitesTest, damaged_files_are_survived) {
    const std::string whole = build(function("f", "push %rbx\nmov $39,%eax\nsyscall\npop %rbx\ncall g\nhlt") +
                                    function("g", "je f\nhlt\nret"));
    for (std::size_t size = 0; size < whole.size(); size += 61)
        make_site_table(std::string_view(whole).substr(0, size));
    unsigned state = 7;
    for (int i = 0; i < 4000; ++i) {
        std::string broken = whole;
        for (int k = 0; k < 6; ++k) {
            state = state * 1103515245 + 12345;
            broken[(state >> 8) % broken.size()] = static_cast<char>(state >> 24);
        }
        make_site_table(broken);
    }
}

} // namespace
} // namespace linnet::cli
