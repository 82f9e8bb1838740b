// The `linnet` command: finds the subcommand and turns errors into one line and a status.
#include <cstdlib>
#include <functional>
#include <iostream>
#include <map>

#include "cli/compare/compare_command.h"
#include "cli/gaps/gaps_command.h"
#include "cli/run/machines_command.h"
#include "cli/run/run_command.h"
#include "cli/test_command.h"
#include "cli/trace/trace_command.h"
#include "cli/util/error.h"
#if LINNET_HAVE_APT
#include "cli/apt/apt_root.h"
#endif
#if LINNET_HAVE_BENCH
#include "cli/bench/bench_command.h"
#endif
#if LINNET_HAVE_SCAN
#include "cli/scan/scan_command.h"
#endif

namespace linnet::cli {
namespace {

constexpr const char* usage =
    "linnet " LINNET_VERSION ": runs Linux programs on the Linnet kernel, each in a virtual machine of its own\n"
    "\n"
    "  linnet run [flags] PROGRAM [ARGS...]   run a program of the host, of a package (apt:NAME) or of a\n"
    "                                         root file system (--rootfs); linnet run --help\n"
    "  linnet trace [flags] PROGRAM [ARGS...] the same, and its system calls as strace shows them\n"
    "  linnet compare PROGRAM [ARGS...]       run it on Linux under strace and in the guest, and show where they\n"
    "                                         first differ; linnet compare --help\n"
    "  linnet ps [-a]                         what is running\n"
    "  linnet logs [-f] NAME                  output of a VM started with -d\n"
    "  linnet stop NAME...                    SIGTERM, and after 10 s the end\n"
    "  linnet rm [-f] NAME...                 forget a VM and its log\n"
    "  linnet gaps [NAME]                     what a program asked for that Linnet lacks, and where\n"
#if LINNET_HAVE_SCAN
    "  linnet scan [flags] PROGRAM            the system calls that a program can make, without running it\n"
#endif
    "  linnet test [--all] [ctest args]       build and run the tests\n"
#if LINNET_HAVE_BENCH
    "  linnet bench                           measure against Linux guests\n"
#endif
    ;

int dispatch(const std::string& command, const std::vector<std::string>& words) {
    static const std::map<std::string, std::function<int(const std::vector<std::string>&)>> commands = {
        {"run", run_command}, {"trace", trace_command}, {"compare", compare_command}, {"ps", ps_command}, {"logs", logs_command},
        {"stop", stop_command}, {"rm", rm_command}, {"test", test_command}, {"gaps", gaps_command},
#if LINNET_HAVE_BENCH
        {"bench", bench_command},
#endif
#if LINNET_HAVE_SCAN
        {"scan", scan_command},
#endif
    };
    if (command == "--version") {
        std::cout << "linnet " LINNET_VERSION "\n";
        return 0;
    }
    if (command.empty() || command == "help" || command == "-h" || command == "--help") {
        (command.empty() ? std::cerr : std::cout) << usage;
        return command.empty() ? status_command_failed : 0;
    }
    const auto it = commands.find(command);
    if (it == commands.end())
        throw CommandError("unknown command " + command + " (see linnet help)");
    return it->second(words);
}

} // namespace
} // namespace linnet::cli

int main(int argc, char** argv) {
    using namespace linnet::cli;
    const auto report = [](const std::string& line, int status) {
        std::cerr << "linnet: " << line.substr(0, line.find('\n')) << std::endl;
        return status;
    };
    try {
        const std::vector<std::string> words(argv + std::min(argc, 2), argv + argc);
        return dispatch(argc > 1 ? argv[1] : "", words);
    } catch (const CommandError& error) {
        return report(error.what(), error.status());
#if LINNET_HAVE_APT
    } catch (const AptError& error) {
        return report(error.what(), error.status());
#endif
    } catch (const std::bad_alloc&) {
        return report("out of memory", status_command_failed);
    } catch (const std::exception& error) {
        return report(error.what(), status_command_failed);
    }
}
