// Which files a dynamic program maps when it starts: the interpreter and the DT_NEEDED closure, found as
// ld.so finds them (RPATH, RUNPATH, ld.so.cache, default folders).
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "cli/image/elf_file.h"

namespace linnet::cli {

struct Dependencies {
    std::vector<std::string> files;   // host paths as found (links not followed), the interpreter first
    std::vector<std::string> missing; // names that were not found
};

// Where a finder looks.
struct FileView {
    std::function<std::optional<ElfInfo>(const std::string& path)> elf;
    std::function<std::optional<std::string>(const std::string& path)> contents;
    std::function<std::string(const std::string& path)> real; // links followed; empty if there is none
};

FileView host_view();

class DependencyFinder {
public:
    // Reads ld.so.cache.
    explicit DependencyFinder(FileView view = host_view());

    // The files that `path` needs. `library_path` stands for LD_LIBRARY_PATH, separated by colons.
    Dependencies find(const std::string& path, const std::string& library_path = "");

    // The file that `name`, opened by the program at `path` with dlopen, would be; empty if there is none.
    std::string find_library(const std::string& path, const std::string& name, const std::string& library_path = "");

private:
    struct Object {
        std::string path;
        ElfInfo info;
        int loader; // index of the object that asked for it; -1 for the program
    };
    std::string locate(const std::vector<Object>& objects, int asker, const std::string& name,
                       const std::vector<std::string>& library_path, bool musl) const;
    std::vector<std::string> expand(const std::string& list, const std::string& path) const;
    bool usable(const std::string& path) const;

    FileView view_;
    std::map<std::string, std::string> cache_;
    std::vector<std::string> musl_folders_;
};

} // namespace linnet::cli
