#include "cli/image/elf_deps.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <set>

#include "cli/image/host_files.h"
#include "cli/image/ld_cache.h"
#include "cli/util/error.h"
#include "cli/util/text.h"

namespace linnet::cli {
namespace {

namespace fs = std::filesystem;

// The real paths that ld.so itself reports. The kernel's vDSO has no path.
std::set<std::string> by_ldd(const std::string& program, bool& dynamic) {
    std::set<std::string> paths;
    FILE* pipe = ::popen(("ldd " + program + " 2>/dev/null").c_str(), "r");
    char line[4096];
    dynamic = false;
    while (std::fgets(line, sizeof line, pipe)) {
        std::string text = line;
        const auto slash = text.find('/');
        if (slash == std::string::npos)
            continue;
        dynamic = true;
        const auto arrow = text.find("=> ");
        const auto start = arrow == std::string::npos ? slash : arrow + 3;
        std::error_code error;
        const auto real = fs::canonical(text.substr(start, text.find(" (") - start), error);
        if (!error)
            paths.insert(real.string());
    }
    ::pclose(pipe);
    return paths;
}

TEST(ElfDeps, agrees_with_ldd) {
    std::vector<std::string> programs;
    for (const auto& item : fs::directory_iterator("/usr/bin")) {
        if (item.is_regular_file() && !item.is_symlink())
            programs.push_back(item.path().string());
    }
    std::sort(programs.begin(), programs.end());
    DependencyFinder finder;
    int compared = 0;
    const std::size_t step = std::max<std::size_t>(1, programs.size() / 220);
    for (std::size_t i = 0; i < programs.size(); i += step) {
        const auto info = read_elf(programs[i]);
        if (!info || !info->fault.empty() || info->interpreter.empty())
            continue;
        bool dynamic;
        const auto expected = by_ldd(programs[i], dynamic);
        if (!dynamic)
            continue;
        std::set<std::string> found;
        const Dependencies needs = finder.find(programs[i]);
        EXPECT_TRUE(needs.missing.empty()) << programs[i] << " " << needs.missing.front();
        for (const std::string& file : needs.files)
            found.insert(fs::canonical(file).string());
        EXPECT_EQ(found, expected) << programs[i];
        ++compared;
    }
    EXPECT_GT(compared, 20);
    RecordProperty("compared", compared);
}

TEST(ElfDeps, origin_in_runpath_is_followed) {
    // A program that carries its own library beside it.
    std::string name = (fs::temp_directory_path() / "linnet-deps.XXXXXX").string();
    const fs::path folder = ::mkdtemp(name.data());
    std::ofstream(folder / "l.c") << "int f(void) { return 1; }\n";
    std::ofstream(folder / "m.c") << "int f(void); int main(void) { return f(); }\n";
    fs::create_directories(folder / "lib");
    const std::string at = folder.string();
    const std::string build = "cc -shared -fPIC -o " + at + "/lib/libown.so " + at + "/l.c && cc -o " + at +
                              "/m " + at + "/m.c -L" + at + "/lib -lown -Wl,-rpath,'$ORIGIN/lib'";
    ASSERT_EQ(std::system(build.c_str()), 0);
    Tree tree;
    EXPECT_EQ(add_host_program(tree, at + "/m", ""), at + "/m");
    EXPECT_TRUE(tree.resolve(at + "/lib/libown.so"));
    EXPECT_TRUE(tree.resolve("/lib64/ld-linux-x86-64.so.2"));
    // Without it, the line names what is not there.
    fs::remove(folder / "lib/libown.so");
    Tree second;
    try {
        add_host_program(second, at + "/m", "");
        ADD_FAILURE();
    } catch (const CommandError& error) {
        EXPECT_EQ(error.status(), 126);
        EXPECT_NE(std::string(error.what()).find("libown.so"), std::string::npos);
    }
    fs::remove_all(folder);
}

TEST(ElfFile, cut_and_flipped_files_are_survived) {
    const std::string whole = *read_file("/bin/true");
    for (std::size_t size = 0; size < whole.size(); size += size < 1024 ? 7 : 1013) {
        const auto info = read_elf_bytes(std::string_view(whole).substr(0, size));
        if (info) {
            EXPECT_FALSE(info->fault.empty() && size < 10000) << size;
        }
    }
    unsigned state = 1;
    for (int i = 0; i < 3000; ++i) {
        std::string broken = whole.substr(0, 16384);
        for (int k = 0; k < 4; ++k) {
            state = state * 1103515245 + 12345;
            broken[(state >> 8) % 1200] = static_cast<char>(state >> 24);
        }
        read_elf_bytes(broken);
    }
}

TEST(ElfFile, scripts_and_text_are_no_elf_files) {
    EXPECT_FALSE(read_elf_bytes("#!/bin/sh\n"));
    EXPECT_FALSE(read_elf_bytes(""));
    EXPECT_FALSE(read_elf("/nonexistent"));
    EXPECT_FALSE(read_elf("/"));
}

TEST(LdCache, garbage_is_empty) {
    EXPECT_TRUE(read_ld_cache("").empty());
    EXPECT_TRUE(read_ld_cache("glibc-ld.so.cache1.1").empty());
    std::string file = "glibc-ld.so.cache1.1" + std::string(200, '\xff');
    EXPECT_TRUE(read_ld_cache(file).empty());
    if (const auto real = read_file("/etc/ld.so.cache")) {
        EXPECT_TRUE(read_ld_cache(*real).contains("libc.so.6"));
        for (std::size_t size = 0; size < real->size(); size += 501)
            read_ld_cache(std::string_view(*real).substr(0, size));
    }
}

TEST(HostProgram, errors_have_the_right_status) {
    const auto status = [](const std::string& path) {
        Tree tree;
        try {
            add_host_program(tree, path, "");
        } catch (const CommandError& error) {
            EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos);
            return error.status();
        }
        return 0;
    };
    EXPECT_EQ(status("/nonexistent"), 127);
    EXPECT_EQ(status("/etc/hostname"), 126);
    EXPECT_EQ(status("/usr"), 126);
    EXPECT_EQ(status("/dev/null"), 126);
    EXPECT_EQ(status("/bin/true"), 0);
}

} // namespace
} // namespace linnet::cli
