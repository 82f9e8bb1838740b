#include <dlfcn.h>
#include <gtest/gtest.h>
#include <link.h>

#include <random>
#include <sstream>

#include "cli/gaps/gap_names.h"
#include "cli/gaps/gap_record.h"
#include "cli/gaps/gap_report.h"
#include "cli/image/cpio_reader.h"
#include "cli/symbolize/listing.h"
#include "cli/symbolize/symbol_table.h"
#include "cli/symbolize/unwind.h"

namespace linnet::cli {
namespace {

const std::vector<std::string> lines = {
    "gap begin 0",
    "gap path 1 \"/usr/lib/libc.so.6\"",
    "gap path 2 \"/tmp/a \\\"b\\\\\\x0a\"",
    "gap 1 syscall 0x65 0 0 2 38 1 7 134 -1 \"prog\" \"\" -1:0x7f0000001010:0x1010:1:0 0:0x55550000:0x40:2:0 9:0x1000:0:0:1",
    "gap 2 file 0 0 0 1 2 3 0 0 5 \"x y\" \"/proc/no\\x1bfile\"",
    "gap end 0 2 17",
};

GapReport read(const std::vector<std::string>& all) {
    GapCollector collector;
    for (const std::string& line : all)
        collector.take(line);
    return collector.report();
}

std::string text_of(const GapReport& report) {
    std::ostringstream out;
    print_gap_report(out, report, {});
    return out.str();
}

TEST(Gaps, report_is_parsed) {
    const GapReport report = read(lines);
    ASSERT_TRUE(report.complete);
    EXPECT_EQ(17u, report.others);
    ASSERT_EQ(2u, report.gaps.size());
    const GapRecord& gap = report.gaps[0];
    EXPECT_EQ("syscall", gap.kind);
    EXPECT_EQ(101u, gap.a);
    EXPECT_EQ(2u, gap.count);
    EXPECT_EQ(38, gap.error);
    EXPECT_EQ(1, gap.pid);
    EXPECT_EQ(7, gap.dead_pid);
    EXPECT_EQ(134u, gap.death);
    EXPECT_EQ(-1, gap.frame_slot);
    EXPECT_EQ("prog", gap.comm);
    ASSERT_EQ(3u, gap.places.size());
    EXPECT_EQ(-1, gap.places[0].slot);
    EXPECT_EQ(0x1010u, gap.places[0].offset);
    EXPECT_EQ("/usr/lib/libc.so.6", gap.places[0].path);
    EXPECT_EQ("/tmp/a \"b\\\n", gap.places[1].path);
    EXPECT_EQ("", gap.places[2].path);
    EXPECT_FALSE(gap.places[1].in_chain);
    EXPECT_TRUE(gap.places[2].in_chain);
    EXPECT_EQ("/proc/no\x1b" "file", report.gaps[1].text);
    EXPECT_EQ("x y", report.gaps[1].comm);
}

TEST(Gaps, the_last_complete_report_counts) {
    GapCollector collector;
    for (const std::string& line : lines)
        collector.take(line);
    collector.take("gap begin 5");
    EXPECT_EQ(2u, collector.report().gaps.size());
    EXPECT_TRUE(collector.take("gap end 5 0 0"));
    EXPECT_EQ(0u, collector.report().gaps.size());
    EXPECT_EQ(5u, collector.report().request);
}

TEST(Gaps, a_report_cut_short_is_not_complete) {
    EXPECT_FALSE(read({lines.begin(), lines.end() - 1}).complete);
    EXPECT_EQ(2u, read({lines.begin(), lines.end() - 1}).gaps.size());
    std::vector<std::string> one_lost = lines;
    one_lost.erase(one_lost.begin() + 3);
    EXPECT_FALSE(read(one_lost).complete);
    EXPECT_NE(std::string::npos, text_of(read({lines.begin(), lines.end() - 1})).find("this is not all"));
}

TEST(Gaps, lines_that_are_none_are_left_out) {
    for (const char* bad :
         {"", "gap", "gap ", "gap 1", "gap 1 nonsense 0 0 0 1 2 3 0 0 5 \"\" \"\"", "gap 1 file 0 0 0 1 2 3 0 0 5 \"\"",
          "gap 1 file 0 0 0 1 2 3 0 0 5 \"x \"", "gap 1 file 0 0 0 1 2 3 0 0 5 \"\\q\" \"\"", "gap 1 file 0 0 0 1 2 3 0 0 5 \"\\x0\" \"\"",
          "gap 1 file 0 0 0 1 9999 3 0 0 5 \"\" \"\"", "gap 1 file 0 0 0 -1 2 3 0 0 5 \"\" \"\"", "gap 1 file 0x 0 0 1 2 3 0 0 5 \"\" \"\"",
          "gap 1 file 0x11111111111111111 0 0 1 2 3 0 0 5 \"\" \"\"", "gap 1 file 0 0 0 1 2 3 0 0 5 \"\" \"\" 1:2:3",
          "gap 1 file 0 0 0 1 2 3 0 0 5 \"\" \"\" 1:2:3:4:5", "gap 1 file 0 0 0 1 2 3 0 0 5 \"\" \"\" x:2:3:4:0",
          "gap 1 file 0 0 0 1 2 3 0 99999 5 \"\" \"\"", "gap end 0 7 0", "gap end 9 0 0", "gap path 0 \"x\"", "gap path 99999 \"x\""}) {
        GapCollector collector;
        collector.take("gap begin 0");
        EXPECT_FALSE(collector.take(bad)) << bad;
        EXPECT_EQ(0u, collector.report().gaps.size()) << bad;
    }
    GapCollector collector;
    collector.take(lines[3]); // before any begin
    EXPECT_EQ(0u, collector.report().gaps.size());
}

TEST(Gaps, what_a_guest_can_make_grow_is_bounded) {
    GapCollector collector;
    collector.take("gap begin 0");
    std::string many_places = lines[4];
    for (int i = 0; i < 1000; ++i)
        many_places += " 1:2:3:0:0";
    for (int i = 0; i < 5000; ++i) {
        collector.take("gap path " + std::to_string(i) + " \"x\"");
        collector.take(many_places);
    }
    EXPECT_EQ(GapCollector::most_gaps, collector.report().gaps.size());
    EXPECT_EQ(GapCollector::most_places, collector.report().gaps.back().places.size());
    EXPECT_FALSE(collector.take("gap 1 file 0 0 0 1 2 3 0 0 5 \"\" \"" + std::string(100000, 'x') + "\""));
    // A path is copied into each place: one that is longer than the kernel's is none.
    GapCollector paths;
    paths.take("gap begin 0");
    paths.take("gap path 1 \"" + std::string(GapCollector::most_path_bytes + 1, 'x') + "\"");
    paths.take("gap path 2 \"/bin/x\"");
    paths.take("gap 0 file 0 0 0 1 2 3 0 0 -1 \"c\" \"t\" -1:1:2:1:0 0:3:4:2:0");
    ASSERT_EQ(1u, paths.report().gaps.size());
    ASSERT_EQ(2u, paths.report().gaps[0].places.size());
    EXPECT_EQ("", paths.report().gaps[0].places[0].path);
    EXPECT_EQ("/bin/x", paths.report().gaps[0].places[1].path);
}

TEST(Gaps, mutated_lines_do_no_harm) {
    std::mt19937 random(1);
    for (int round = 0; round < 20000; ++round) {
        GapCollector collector;
        for (std::string line : lines) {
            for (unsigned n = random() % 3; n != 0 && !line.empty(); --n) {
                const std::size_t at = random() % line.size();
                switch (random() % 4) {
                case 0: line[at] = static_cast<char>(random()); break;
                case 1: line.erase(at, random() % 8); break;
                case 2: line.insert(at, line.substr(random() % line.size())); break;
                default: line.resize(at); break;
                }
            }
            collector.take(line);
        }
        if (round % 50 == 0) {
            text_of(collector.report());
            gap_report_json(collector.report(), {}, "n", "p");
        }
    }
}

TEST(Gaps, names_say_which_argument) {
    EXPECT_EQ("mmap: flags=MAP_HUGETLB", gap_names("flag", 9, 3, 0x40000, "").what);
    EXPECT_EQ("madvise: advice=MADV_MERGEABLE", gap_names("value", 28, 2, 12, "").what);
    EXPECT_EQ("sendto: flags=MSG_OOB", gap_names("flag", 44, 3, 1, "").what); // behind an argument with a template's comma
    EXPECT_EQ("ptrace", gap_names("syscall", 101, 0, 0, "").what);
    EXPECT_EQ("missing", gap_names("syscall", 101, 0, 0, "").status);
    EXPECT_EQ("no debugger interface yet", gap_names("syscall", 101, 0, 0, "").note);
    EXPECT_EQ("not a call of Linux 6.1", gap_names("syscall", 9999, 0, 0, "").note);
    EXPECT_EQ("ioctl 0x1234abcd", gap_names("ioctl", 0x1234abcd, 0, 0, "").what);
    EXPECT_EQ("partial", gap_names("ioctl", 0x1234abcd, 0, 0, "").status);
    EXPECT_EQ("ENOSYS", gap_error_name(38));
    EXPECT_EQ("errno 4000", gap_error_name(4000));
    EXPECT_EQ("SIGSEGV", gap_signal_name(11));
}

TEST(Gaps, text_has_no_control_characters_of_the_guest) {
    const std::string text = text_of(read(lines));
    EXPECT_EQ(std::string::npos, text.find('\x1b'));
    EXPECT_NE(std::string::npos, text.find("/proc/no\\x1bfile: missing, 1 time, ENOENT"));
    EXPECT_NE(std::string::npos, text.find("ptrace: missing, 2 times, ENOSYS (Function not implemented)"));
    EXPECT_NE(std::string::npos, text.find("died soon after: pid 7 killed by SIGABRT (core dumped)")) << text;
    EXPECT_NE(std::string::npos, text.find("17 times something that the table had no room for"));
}

TEST(Gaps, no_gaps_are_one_line) {
    EXPECT_EQ("no gaps: the program asked for nothing that Linnet lacks\n", text_of(read({"gap begin 0", "gap end 0 0 0"})));
    EXPECT_EQ("no gap report: the machine ended before it could tell\n", text_of(read({})));
}

// ---- code

struct Loaded {
    std::string path;
    std::uint64_t base = 0;
};
Loaded libc_of_this_process() {
    Loaded result;
    ::dl_iterate_phdr(
        [](dl_phdr_info* object, std::size_t, void* to) {
            if (std::string_view(object->dlpi_name).find("libc.so") != std::string_view::npos)
                *static_cast<Loaded*>(to) = {object->dlpi_name, object->dlpi_addr};
            return 0;
        },
        &result);
    return result;
}

TEST(Unwind, a_leaf_of_libc_returns_to_what_stands_at_its_stack_pointer) {
    const Loaded libc = libc_of_this_process();
    ASSERT_FALSE(libc.path.empty());
    const MappedFile file(libc.path);
    const auto function = reinterpret_cast<std::uint64_t>(::dlsym(RTLD_DEFAULT, "syscall")) - libc.base;
    const auto rule = frame_rule(file.bytes(), function);
    ASSERT_TRUE(rule);
    EXPECT_FALSE(rule->from_rbp);
    EXPECT_EQ(8, rule->offset);
    EXPECT_FALSE(frame_rule(file.bytes(), 0));
    EXPECT_FALSE(frame_rule(file.bytes(), UINT64_MAX));
}

TEST(Unwind, callers_in_this_program_have_frames) {
    const MappedFile file("/proc/self/exe");
    Loaded self;
    ::dl_iterate_phdr(
        [](dl_phdr_info* object, std::size_t, void* to) {
            static_cast<Loaded*>(to)->base = object->dlpi_addr;
            return 1; // the program comes first
        },
        &self);
    const SymbolTable symbols(file.bytes());
    const auto here = reinterpret_cast<std::uint64_t>(__builtin_return_address(0)) - self.base;
    ASSERT_TRUE(symbols.name(here));
    EXPECT_TRUE(frame_rule(file.bytes(), here - 1));
}

TEST(Unwind, damaged_files_do_no_harm) {
    const MappedFile file(libc_of_this_process().path);
    std::string bytes(file.bytes());
    std::mt19937 random(2);
    for (int round = 0; round < 300; ++round) {
        std::vector<std::pair<std::size_t, char>> undo;
        for (int n = 0; n < 20; ++n) {
            // Half of the damage where the headers are.
            const std::size_t at = random() % (n % 2 ? bytes.size() : 0x400);
            undo.emplace_back(at, bytes[at]);
            bytes[at] = static_cast<char>(random());
        }
        for (int n = 0; n < 20; ++n)
            frame_rule(bytes, random() % bytes.size());
        for (auto it = undo.rbegin(); it != undo.rend(); ++it)
            bytes[it->first] = it->second;
        frame_rule(std::string_view(bytes).substr(0, random() % bytes.size()), random() % bytes.size());
    }
}

TEST(Listing, three_lines_around_the_call) {
    const std::string code("\x55\x48\x89\xe5\xb8\x27\x00\x00\x00\x0f\x05\x5d\xc3", 13); // push; mov; mov; syscall; pop; ret
    const auto lines_there = list_around(code, 0x1000, 0x100b);
    ASSERT_EQ(3u, lines_there.size());
    EXPECT_EQ("movl $0x27, %eax", lines_there[0].text);
    EXPECT_EQ("syscall", lines_there[1].text);
    EXPECT_TRUE(lines_there[1].before);
    EXPECT_EQ(0x1009u, lines_there[1].address);
    EXPECT_EQ("popq %rbp", lines_there[2].text);
    EXPECT_TRUE(list_around(code, 0x1000, 0x100a).empty()); // within an instruction
    EXPECT_TRUE(list_around(code, 0x1000, 0x2000).empty());
    EXPECT_EQ(2u, list_around(code.substr(9), 0x1009, 0x100b).size());
    EXPECT_TRUE(list_around("", 0, 0).empty());
}

} // namespace
} // namespace linnet::cli
