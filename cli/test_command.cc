#include "cli/test_command.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <iostream>
#include <thread>

#include "cli/util/error.h"
#include "cli/util/paths.h"
#include "cli/util/text.h"

namespace linnet::cli {

int test_command(const std::vector<std::string>& words) {
    // Tests of the label `matrix` are further lanes of what else runs once; --all wants them too.
    std::vector<std::string> argv = {"ctest", "--test-dir", build_folder().string(), "--output-on-failure"};
    bool all = false;
    bool jobs = false;
    for (const std::string& word : words) {
        if (word == "-h" || word == "--help") {
            std::cout << "Usage: linnet test [--all] [ctest's arguments]\n"
                         "  --all           the whole matrix: CPUs, linker on and off, isolation, both C libraries\n"
                         "  -L LABEL        tests of one label: unit, fuzz, kernel, compat, apps, cli\n"
                         "  -R REGEX        tests by name\n";
            return 0;
        }
        if (word == "--all") {
            all = true;
            continue;
        }
        jobs = jobs || word.starts_with("-j") || word.starts_with("--parallel");
        argv.push_back(word);
    }
    // A guest takes one CPU. More than a few at once would measure the machine's memory.
    if (!jobs) {
        argv.push_back("-j");
        argv.push_back(std::to_string(std::clamp(std::thread::hardware_concurrency(), 1U, 4U)));
    }
    if (!all) {
        argv.push_back("-LE");
        argv.push_back("matrix");
    }
    std::vector<char*> raw;
    for (std::string& word : argv)
        raw.push_back(word.data());
    raw.push_back(nullptr);
    std::cout.flush();
    ::execvp(raw[0], raw.data());
    throw CommandError("cannot start ctest: " + error_text(errno));
}

} // namespace linnet::cli
