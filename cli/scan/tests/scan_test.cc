#include "cli/scan/scan.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>

#include "cli/scan/call_status.h"
#include "cli/scan/scan_report.h"
#include "cli/util/error.h"
#include "cli/util/text.h"

namespace linnet::cli {
namespace {

namespace fs = std::filesystem;

std::string function(const std::string& name, const std::string& body) {
    return ".globl " + name + "\n.type " + name + ",@function\n" + name + ":\n.cfi_startproc\n" + body +
           "\n.cfi_endproc\n.size " + name + ",.-" + name + "\n";
}

const std::string exit_call = "\nxor %edi,%edi\nmov $60,%eax\nsyscall\nhlt\n";

class ScanTest : public testing::Test {
protected:
    ScanTest() {
        std::string name = (fs::temp_directory_path() / "linnet-scan.XXXXXX").string();
        folder_ = ::mkdtemp(name.data());
    }
    ~ScanTest() override { fs::remove_all(folder_); }

    std::string at(const std::string& name) const { return (folder_ / name).string(); }

    void shell(const std::string& command) { ASSERT_EQ(std::system(("cd " + folder_.string() + " && " + command).c_str()), 0) << command; }

    // Assembles a static program at a fixed address.
    std::string build(const std::string& source, const std::string& flags = "-static -no-pie") {
        std::ofstream(folder_ / "p.S") << source;
        shell("cc -nostdlib -Wl,--build-id " + flags + " -o p p.S");
        return at("p");
    }

    static Scan scan(const std::string& program, bool all = false, std::vector<std::string> run_time = {}) {
        return Scan({.program = program, .run_time = std::move(run_time), .every_function = all}, host_view());
    }

    static std::set<std::uint32_t> numbers(const Scan& scan) {
        std::set<std::uint32_t> result;
        for (const auto& [number, users] : scan.calls().numbers())
            result.insert(number);
        return result;
    }

    // The numbers of a program whose _start is `body`, followed by `rest`; every one has to be resolved.
    std::set<std::uint32_t> resolved(const std::string& body, const std::string& rest = "") {
        const Scan found = scan(build(function("_start", body + exit_call) + rest));
        for (const Unresolved& place : found.calls().unresolved())
            ADD_FAILURE() << place.why << " in " << found.function_name(found.graph().nodes()[place.node].place);
        return numbers(found);
    }

    fs::path folder_;
};

using Numbers = std::set<std::uint32_t>;

TEST_F(ScanTest, constants_are_followed_into_rax) {
    EXPECT_EQ(resolved("mov $39,%eax\nsyscall"), (Numbers{39, 60}));
    EXPECT_EQ(resolved("xor %eax,%eax\nsyscall"), (Numbers{0, 60}));
    EXPECT_EQ(resolved("mov $39,%edx\nnop\nmov %edx,%eax\nsyscall"), (Numbers{39, 60}));
    EXPECT_EQ(resolved("mov $100,%ecx\nlea -61(%rcx),%rax\nsyscall"), (Numbers{39, 60}));
    EXPECT_EQ(resolved("push $39\npop %rax\nsyscall"), (Numbers{39, 60}));
    EXPECT_EQ(resolved("sub $24,%rsp\nmovq $39,8(%rsp)\nmov 8(%rsp),%rax\nsyscall"), (Numbers{39, 60}));
    EXPECT_EQ(resolved("mov n(%rip),%eax\nsyscall", ".section .rodata\nn: .long 39\n"), (Numbers{39, 60}));
}

TEST_F(ScanTest, several_constants_are_a_set) {
    EXPECT_EQ(resolved("mov $1,%eax\ntest %edi,%edi\nje 1f\nmov $2,%eax\n1: syscall"), (Numbers{1, 2, 60}));
    EXPECT_EQ(resolved("mov $1,%eax\nmov $2,%ecx\ntest %edi,%edi\ncmove %ecx,%eax\nsyscall"), (Numbers{1, 2, 60}));
    EXPECT_EQ(resolved("cmp $1,%edi\nsbb %eax,%eax\nand $3,%eax\nadd $5,%eax\nsyscall"), (Numbers{5, 8, 60}));
    EXPECT_EQ(resolved("xor %eax,%eax\ntest %edi,%edi\nsete %al\nadd $20,%eax\nsyscall"), (Numbers{20, 21, 60}));
}

TEST_F(ScanTest, a_number_survives_a_call_in_a_kept_register_and_on_the_stack) {
    const std::string other = function("other", "mov $1,%ebx\nret");
    EXPECT_EQ(resolved("mov $39,%ebx\ncall other\nmov %ebx,%eax\nsyscall", other), (Numbers{39, 60}));
    EXPECT_EQ(resolved("sub $24,%rsp\nmovq $39,8(%rsp)\ncall other\nmov 8(%rsp),%rax\nsyscall", other), (Numbers{39, 60}));
}

TEST_F(ScanTest, what_does_not_return_leads_nowhere) {
    const std::string body = "mov $39,%ecx\ntest %edi,%edi\njne 1f\ncall outer\n1: mov %ecx,%eax\nsyscall";
    const std::string outer = function("outer", "jmp die");
    EXPECT_EQ(resolved(body, outer + function("die", "1: jmp 1b")), (Numbers{39, 60}));
    const Scan found = scan(build(function("_start", body + exit_call) + outer + function("die", "ret")));
    EXPECT_EQ(found.calls().unresolved().size(), 1u);
    // Padding behind a jump is no way to what lies behind it.
    EXPECT_EQ(resolved("mov $39,%eax\njmp 1f\n.balign 32\n1: syscall"), (Numbers{39, 60}));
}

TEST_F(ScanTest, what_a_call_may_change_is_not_resolved) {
    const std::string other = function("other", "movq $40,(%rdi)\nret");
    for (const char* body : {"mov $39,%ecx\ncall other\nmov %ecx,%eax\nsyscall",
                             "sub $24,%rsp\nmovq $39,8(%rsp)\nlea 8(%rsp),%rdi\ncall other\nmov 8(%rsp),%rax\nsyscall",
                             "sub $24,%rsp\nlea 8(%rsp),%rdi\nmovq $39,8(%rsp)\ncall other\nmov 8(%rsp),%rax\nsyscall",
                             "mov n(%rip),%eax\nsyscall\n.data\nn: .long 39\n.text", "rdtsc\nsyscall"}) {
        const Scan found = scan(build(function("_start", body + exit_call) + other));
        EXPECT_EQ(found.calls().unresolved().size(), 1u) << body;
        EXPECT_TRUE(numbers(found).contains(60)) << body;
    }
}

TEST_F(ScanTest, callers_of_a_wrapper_are_asked) {
    const std::string by_register = function("wrapper", "mov %rdi,%rax\nmov %rsi,%rdi\nsyscall\nret");
    EXPECT_EQ(resolved("mov $39,%edi\ncall wrapper\nmov $102,%edi\ncall wrapper", by_register), (Numbers{39, 60, 102}));
    const std::string by_stack = function("wrapper", "mov 8(%rsp),%rax\nsyscall\nret");
    EXPECT_EQ(resolved("push $39\ncall wrapper\npop %rax", by_stack), (Numbers{39, 60}));
    // A wrapper of a wrapper, by a tail call, that shifts its arguments.
    const std::string outer = function("outer", "mov %rsi,%rdi\njmp wrapper");
    EXPECT_EQ(resolved("mov $39,%esi\ncall outer\nmov $1,%edi\ncall wrapper", by_register + outer), (Numbers{1, 39, 60}));
    // The number is kept over another call in the wrapper.
    const std::string careful = function("wrapper", "push %rbx\nmov %edi,%ebx\ncall other\nmov %ebx,%eax\nsyscall\npop %rbx\nret") +
                                function("other", "ret");
    EXPECT_EQ(resolved("mov $39,%edi\ncall wrapper", careful), (Numbers{39, 60}));
    // By a register that holds its address.
    EXPECT_EQ(resolved("lea wrapper(%rip),%rbx\nmov $39,%edi\ncall *%rbx", by_register), (Numbers{39, 60}));
}

TEST_F(ScanTest, a_wrapper_behind_an_opaque_pointer_is_reported) {
    const Scan found = scan(build(function("_start", "mov number(%rip),%edi\nmov pointer(%rip),%rcx\ncall *%rcx" + exit_call) +
                                  function("wrapper", "mov %rdi,%rax\nsyscall\nret") +
                                  ".data\nnumber: .long 101\npointer: .quad wrapper\n"));
    EXPECT_EQ(numbers(found), (Numbers{60}));
    ASSERT_EQ(found.calls().unresolved().size(), 1u);
    const Unresolved& place = found.calls().unresolved()[0];
    EXPECT_EQ(found.function_name(found.graph().nodes()[place.node].place), "wrapper");
    std::ostringstream text;
    write_scan_text(text, found, false);
    EXPECT_NE(text.str().find("1 place not resolved"), std::string::npos) << text.str();
}

TEST_F(ScanTest, a_function_that_nothing_leads_to_does_not_count) {
    const std::string program = build(function("_start", "mov $39,%eax\nsyscall" + exit_call) +
                                      function("never", "mov $101,%eax\nsyscall\nret"));
    EXPECT_EQ(numbers(scan(program)), (Numbers{39, 60}));
    EXPECT_EQ(numbers(scan(program, true)), (Numbers{39, 60, 101}));
}

TEST_F(ScanTest, a_function_whose_address_is_taken_counts) {
    const std::string callee = function("callee", "mov $101,%eax\nsyscall\nret");
    EXPECT_EQ(resolved("lea callee(%rip),%rbx", callee), (Numbers{60, 101}));
    EXPECT_EQ(resolved("mov $callee,%ebx", callee), (Numbers{60, 101}));
    EXPECT_EQ(resolved("nop", callee + ".data\n.quad callee\n"), (Numbers{60, 101}));
    EXPECT_EQ(resolved("nop", callee + ".section .init_array,\"aw\"\n.quad callee\n"), (Numbers{60, 101}));
    // In a file that is relocated.
    const Scan pie = scan(build(function("_start", "nop" + exit_call) + callee + ".data\n.quad callee\n", "-static-pie"));
    EXPECT_EQ(numbers(pie), (Numbers{60, 101}));
}

TEST_F(ScanTest, jump_tables_are_entered) {
    // By distances, as compilers make them for position-independent code, and by addresses.
    EXPECT_EQ(resolved("lea table(%rip),%rdx\nmovslq (%rdx,%rdi,4),%rax\nadd %rdx,%rax\njmp *%rax\n1: mov $1,%eax\nsyscall\n"
                       "2: mov $2,%eax\nsyscall\nret\n.section .rodata\ntable: .long 1b-table, 2b-table\n.text"),
              (Numbers{1, 2, 60}));
    const std::string jump = ".globl _start\n_start: jmp *table(,%rdi,8)\n1: mov $1,%eax\nsyscall\nret\n2: mov $2,%eax\nsyscall\nret\n"
                             ".section .rodata\ntable: .quad 1b, 2b\n";
    build(jump);
    shell("strip -s -o q p");
    EXPECT_EQ(numbers(scan(at("q"))), (Numbers{1, 2}));
}

TEST_F(ScanTest, a_part_that_lies_elsewhere_knows_the_registers) {
    EXPECT_EQ(resolved("mov $39,%eax\ntest %edi,%edi\nje cold\n.globl back\nback: nop", function("cold", "syscall\njmp back")),
              (Numbers{39, 60}));
}

TEST_F(ScanTest, files_without_symbols_and_tables_are_followed_by_their_calls) {
    build(".globl _start\n_start: mov $39,%edi\ncall w\nmov $60,%eax\nsyscall\nhlt\nw: mov %edi,%eax\nsyscall\nret\n"
          "never: mov $101,%eax\nsyscall\n");
    shell("strip -s -o q p");
    const Scan found = scan(at("q"));
    EXPECT_EQ(numbers(found), (Numbers{39, 60}));
    EXPECT_TRUE(found.calls().unresolved().empty());
    ASSERT_FALSE(found.notes().empty());
    EXPECT_NE(found.notes()[0].find("neither symbols nor unwind tables"), std::string::npos);
}

TEST_F(ScanTest, old_system_calls_are_reported) {
    const Scan found = scan(build(function("_start", "mov $1,%eax\nint $0x80\nsysenter" + exit_call)));
    EXPECT_EQ(found.calls().old_sites().size(), 2u);
    EXPECT_EQ(numbers(found), (Numbers{60}));
}

TEST_F(ScanTest, calls_through_the_plt_go_to_the_library_that_the_linker_would_take) {
    std::ofstream(folder_ / "one.S") << function("f", "mov $1,%eax\nsyscall\nret") + function("g", "call h@PLT\nret") +
                                            function("unused", "mov $101,%eax\nsyscall\nret");
    std::ofstream(folder_ / "two.S") << function("f", "mov $2,%eax\nsyscall\nret") + function("h", "mov $3,%eax\nsyscall\nret");
    std::ofstream(folder_ / "m.S") << function("_start", "call f@PLT\ncall *g@GOTPCREL(%rip)" + exit_call);
    shell("cc -shared -nostdlib -o libtwo.so two.S && cc -shared -nostdlib -o libone.so one.S -L. -ltwo -Wl,-rpath,'$ORIGIN'");
    shell("cc -nostdlib -pie -o m m.S -L. -lone -ltwo -Wl,-rpath,'$ORIGIN' -Wl,--dynamic-linker=/nosuch/ld.so");
    EXPECT_EQ(numbers(scan(at("m"))), (Numbers{1, 3, 60}));
    EXPECT_EQ(scan(at("m")).calls().numbers().at(1).size(), 1u);
    // A definition in the program comes before those of libraries.
    std::ofstream(folder_ / "m.S") << function("_start", "call *g@GOTPCREL(%rip)" + exit_call) +
                                          function("h", "mov $4,%eax\nsyscall\nret");
    shell("cc -nostdlib -pie -Wl,-E -o m m.S -L. -lone -Wl,-rpath,'$ORIGIN' -Wl,--dynamic-linker=/nosuch/ld.so");
    EXPECT_EQ(numbers(scan(at("m"))), (Numbers{4, 60}));
    // A library that is missing is named.
    fs::remove(folder_ / "libone.so");
    const Scan found = scan(at("m"));
    EXPECT_TRUE(std::any_of(found.notes().begin(), found.notes().end(),
                            [](const std::string& line) { return line.find("libone.so") != std::string::npos; }));
}

TEST_F(ScanTest, a_versioned_symbol_is_bound_to_its_version) {
    std::ofstream(folder_ / "v.map") << "V1 { f; };\nV2 { f; } V1;\n";
    std::ofstream(folder_ / "v.S") << function("f_old", "mov $1,%eax\nsyscall\nret") + function("f_new", "mov $2,%eax\nsyscall\nret") +
                                          ".symver f_old,f@V1\n.symver f_new,f@@V2\n";
    std::ofstream(folder_ / "m.S") << function("_start", "call f@PLT" + exit_call);
    std::ofstream(folder_ / "o.S") << function("_start", "call f@PLT" + exit_call) + ".symver f,f@V1\n";
    shell("cc -shared -nostdlib -Wl,--version-script=v.map -o libv.so v.S");
    for (const char* name : {"m", "o"})
        shell(concat("cc -nostdlib -pie -o ", name, " ", name, ".S -L. -lv -Wl,-rpath,'$ORIGIN' -Wl,--dynamic-linker=/nosuch/ld.so"));
    EXPECT_EQ(numbers(scan(at("m"))), (Numbers{2, 60}));
    EXPECT_EQ(numbers(scan(at("o"))), (Numbers{1, 60}));
}

TEST_F(ScanTest, a_library_given_for_run_time_counts_with_all_it_exports) {
    std::ofstream(folder_ / "l.S") << function("plugin", "mov $101,%eax\nsyscall\nret");
    shell("cc -shared -nostdlib -o plugin.so l.S");
    const std::string program = build(function("_start", "nop" + exit_call));
    EXPECT_EQ(numbers(scan(program)), (Numbers{60}));
    EXPECT_EQ(numbers(scan(program, false, {at("plugin.so")})), (Numbers{60, 101}));
}

TEST_F(ScanTest, hello_of_musl_and_of_glibc) {
    std::ofstream(folder_ / "h.c") << "#include <stdio.h>\n#include <unistd.h>\n#include <sys/syscall.h>\n"
                                      "int main(void) { puts(\"hello\"); return (int)syscall(SYS_gettid) == 0; }\n";
    const auto number = [](const char* name) {
        for (std::uint32_t i = 0; i < 450; ++i) {
            if (describe_call(i).name == name)
                return i;
        }
        return UINT32_MAX;
    };
    std::vector<std::string> builds = {"cc -o p h.c", "cc -static -o p h.c && strip -s p", "cc -static-pie -o p h.c"};
    if (std::system("command -v musl-gcc >/dev/null") == 0)
        builds.insert(builds.end(), {"musl-gcc -static -o p h.c", "musl-gcc -static -o p h.c && strip -s p"});
    for (const std::string& build : builds) {
        shell(build);
        const auto found = numbers(scan(at("p")));
        for (const char* name : {"gettid", "exit_group", "ioctl", build.starts_with("musl") ? "writev" : "write"})
            EXPECT_TRUE(found.contains(number(name))) << build << " " << name;
        for (const char* name : {"ptrace", "mount", "init_module"})
            EXPECT_FALSE(found.contains(number(name))) << build << " " << name;
    }
}

TEST(GoFunctions, are_read_from_the_runtime_s_table) {
    std::string table(0x78, '\0');
    const auto put = [&](std::size_t at, std::uint64_t value, std::size_t size) {
        std::memcpy(table.data() + at, &value, size);
    };
    put(0, 0x08010000'fffffff1, 8);
    put(8, 2, 8);         // functions
    put(24, 0x401000, 8); // start of the text
    put(32, 0x48, 8);     // names
    put(64, 0x58, 8);     // functions' table
    std::memcpy(table.data() + 0x48, "main.a\0main.b", 14);
    put(0x58, 0x00, 4), put(0x5c, 0x14, 4); // start, description
    put(0x60, 0x20, 4), put(0x64, 0x14, 4);
    put(0x68, 0x30, 4);                     // the end
    put(0x70, 7, 4);                        // the description's name
    const auto as_it_is = [](std::uint64_t, std::uint64_t word) { return word; };
    EXPECT_EQ(find_go_tables("xx" + table), (std::vector<std::size_t>{2}));
    const auto functions = read_go_functions(table, 0, as_it_is);
    ASSERT_EQ(functions.size(), 2u);
    EXPECT_EQ(functions[0].start, 0x401000u);
    EXPECT_EQ(functions[0].end, 0x401020u);
    EXPECT_EQ(functions[1].end, 0x401030u);
    EXPECT_EQ(functions[1].name, "main.b");
    for (std::size_t size = 0; size < table.size(); ++size)
        read_go_functions(std::string_view(table).substr(0, size), 0, as_it_is);
}

TEST_F(ScanTest, json_says_what_the_text_says) {
    const Scan found = scan(build(function("_start", "mov $39,%eax\nsyscall\nmov $101,%eax\nsyscall\nmov $499,%eax\nsyscall" + exit_call)));
    std::ostringstream out;
    write_scan_json(out, found);
    const auto json = nlohmann::json::parse(out.str());
    ASSERT_EQ(json["calls"].size(), 4u);
    EXPECT_EQ(json["calls"][0]["name"], "exit");
    EXPECT_EQ(json["calls"][0]["status"], describe_call(60).status == CallStatus::full ? "full" : "partial");
    EXPECT_EQ(json["calls"][0]["users"][0]["function"], "_start+0x1c");
    EXPECT_EQ(json["calls"][3]["name"], "syscall_499");
    EXPECT_EQ(json["calls"][3]["status"], "unknown");
    std::ostringstream text;
    write_scan_text(text, found, true);
    for (const char* word : {"4 system calls", "getpid", "ptrace", "syscall_499", "ENOSYS", "all numbers resolved"})
        EXPECT_NE(text.str().find(word), std::string::npos) << word << "\n" << text.str();
}

TEST_F(ScanTest, programs_that_cannot_be_read_have_the_usual_status) {
    std::ofstream(folder_ / "text") << "hello\n";
    std::ofstream(folder_ / "cut") << read_file("/bin/true")->substr(0, 300);
    for (const char* name : {"text", "cut", "nosuch"}) {
        try {
            scan(at(name));
            ADD_FAILURE() << name;
        } catch (const CommandError& error) {
            EXPECT_EQ(error.status(), 126) << name;
        }
    }
}

TEST_F(ScanTest, a_library_that_cannot_be_read_is_named_and_the_scan_goes_on) {
    std::ofstream(folder_ / "bad.so") << std::string("\177ELF\2\1\1").append(57, '\1');
    const Scan found = scan(build(function("_start", "mov $39,%eax\nsyscall" + exit_call)), false, {at("bad.so")});
    EXPECT_EQ(numbers(found), (Numbers{39, 60}));
    ASSERT_FALSE(found.notes().empty());
    EXPECT_NE(found.notes()[0].find("bad.so"), std::string::npos);
}

TEST_F(ScanTest, cut_and_flipped_files_are_survived) {
    build(function("_start", "mov $39,%edi\ncall *f@GOTPCREL(%rip)\nlea table(%rip),%rdx\nmovslq (%rdx,%rdi,4),%rax\nadd %rdx,%rax\n"
                             "jmp *%rax\n1: nop\n2: nop" + exit_call + ".section .rodata\ntable: .long 1b-table, 2b-table\n.text") +
              function("f", "mov %edi,%eax\nsyscall\nret") + ".data\n.quad f\n", "-pie -Wl,-E -Wl,--dynamic-linker=/nosuch");
    const std::string whole = *read_file(at("p"));
    std::string bytes;
    const FileView view{[&](const std::string&) { return read_elf_bytes(bytes); },
                        [&](const std::string&) { return std::optional(bytes); }, [](const std::string& path) { return path; }};
    const auto survive = [&] {
        try {
            const Scan found({.program = "p"}, view);
            std::ostringstream out;
            write_scan_json(out, found);
            write_scan_text(out, found, true);
        } catch (const CommandError&) {
        }
    };
    for (std::size_t size = 0; size < whole.size(); size += 61) {
        bytes = whole.substr(0, size);
        survive();
    }
    unsigned state = 7;
    for (int i = 0; i < 1500; ++i) {
        bytes = whole;
        for (int k = 0; k < 6; ++k) {
            state = state * 1103515245 + 12345;
            bytes[(state >> 8) % bytes.size()] = static_cast<char>(state >> 24);
        }
        survive();
    }
}

} // namespace
} // namespace linnet::cli
