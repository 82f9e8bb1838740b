#include "cli/bench/bench_command.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <iostream>

#include "cli/image/cpio_writer.h"
#include "cli/image/host_files.h"
#include "cli/image/tree.h"
#include "cli/util/error.h"
#include "cli/util/fd.h"
#include "cli/util/paths.h"
#include "cli/util/text.h"

namespace linnet::cli {

namespace fs = std::filesystem;

namespace {

constexpr const char* usage =
    "Usage: linnet bench [--runs N] [--guests linux,linnet] [--out FILE] [GROUP...]\n"
    "       linnet bench figures            all that the table needs (about an hour)\n"
    "       linnet bench --table [FILE]     what was measured, against the goals\n"
    "       linnet bench compare [--best] FILE\n"
    "Groups: boot-icount boot pong minmem micro-icount micro-tcg redis-in-icount redis-fwd ...\n"
    "(compat-tests/bench/README.md). Without a group: all. Results go to bench/results.tsv in the build\n"
    "folder; new ones replace those of the same guest, group and configuration.\n";

// The tree is what the guest gets, and nothing of the caller's: everything belongs to root.
int write_image(const std::string& folder, const std::string& file) {
    if (!fs::is_directory(folder))
        throw CommandError("bench image: " + folder + " is not a folder");
    Tree tree;
    add_host_tree(tree, fs::absolute(folder).string(), "/");
    for (auto& [path, entry] : tree.entries()) {
        entry.uid = 0;
        entry.gid = 0;
    }
    tree.add_parents();
    const int fd = ::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0)
        throw CommandError("bench image: cannot write " + file + ": " + error_text(errno));
    try {
        write_cpio(tree, fd);
    } catch (...) {
        ::close(fd);
        throw;
    }
    if (::close(fd) != 0)
        throw CommandError("bench image: cannot write " + file + ": " + error_text(errno));
    return 0;
}

[[noreturn]] void measure(std::vector<std::string> words) {
    words.insert(words.begin(), LINNET_BENCH_FOLDER "/measure.py");
    // The guest scripts find this very command and the kernel beside it.
    ::setenv("LINNET", fs::read_symlink("/proc/self/exe").c_str(), 0);
    ::setenv("KERNEL_FOLDER", (build_folder() / "kernel/image").c_str(), 0);
    ::setenv("BENCH_TMP", (build_folder() / "bench").c_str(), 0);
    std::vector<char*> argv;
    for (std::string& word : words)
        argv.push_back(word.data());
    argv.push_back(nullptr);
    std::cout.flush();
    ::execv(argv[0], argv.data());
    throw CommandError(std::string("cannot start ") + argv[0] + ": " + error_text(errno));
}

} // namespace

int bench_command(const std::vector<std::string>& words) {
    const std::string first = words.empty() ? std::string() : words[0];
    if (first == "-h" || first == "--help") {
        std::cout << usage;
        return 0;
    }
    if (first == "image") {
        if (words.size() != 3)
            throw CommandError("bench image: wanted FOLDER FILE");
        return write_image(words[1], words[2]);
    }
    std::vector<std::string> rest = words;
    if (first == "--table")
        rest[0] = "table";
    else if (first != "compare")
        rest.insert(rest.begin(), "run");
    measure(std::move(rest));
}

} // namespace linnet::cli
