#include "cli/gaps/gaps_command.h"

#include <fcntl.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <iostream>

#include "cli/gaps/gap_report.h"
#include "cli/gaps/gap_store.h"
#include "cli/run/registry.h"
#include "cli/run/run_command.h"
#include "cli/util/error.h"
#include "cli/util/fd.h"
#include "cli/util/text.h"

namespace linnet::cli {
namespace {

constexpr const char* usage =
    "linnet gaps [--json] [-v] [NAME]: what the program of a VM asked for that Linnet lacks or does in part.\n"
    "NAME may still run; without it the VM that was started last.\n"
    "linnet gaps [--json] [-v] --run [flags of linnet run] PROGRAM [ARGS...]: runs it first; the report goes to stderr.\n"
    "  --json   one JSON object\n"
    "  -v       every caller\n";

// Has the running VM send its gaps, and waits until the command that serves it has written them.
GapFile ask(const std::string& name) {
    std::uint32_t request = 0;
    while (request == 0) {
        if (::getrandom(&request, sizeof request, 0) != sizeof request)
            request = static_cast<std::uint32_t>(::getpid());
    }
    const Fd requests(::open(machine_requests(name).c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC));
    const std::string line = concat("gaps ", request, "\n"); // shorter than PIPE_BUF: it goes in one piece
    if (!requests || ::write(requests.get(), line.data(), line.size()) != static_cast<ssize_t>(line.size()))
        throw CommandError(concat("cannot ask the VM ", name, ": ", error_text(errno)));
    for (int i = 0; i < 200; ++i) {
        auto file = find_gaps(name);
        if (file && file->report.complete && file->report.request == request)
            return std::move(*file);
        const auto machine = find_machine(name);
        if ((!machine || !machine->running) && file)
            return std::move(*file); // it has ended meanwhile, and told all
        const timespec pause{0, 50'000'000};
        ::nanosleep(&pause, nullptr);
    }
    throw CommandError(concat("the VM ", name, " does not answer"));
}

} // namespace

int gaps_command(const std::vector<std::string>& words) {
    bool json = false;
    std::string name;
    GapReportOptions options;
    std::ostream* out = &std::cout;
    int status = 0;
    for (std::size_t i = 0; i < words.size(); ++i) {
        const std::string& word = words[i];
        if (word == "--run") {
            status = run_command({words.begin() + static_cast<std::ptrdiff_t>(i) + 1, words.end()});
            out = &std::cerr; // stdout is the program's
            break;
        }
        if (word == "--json")
            json = true;
        else if (word == "-v" || word == "--verbose")
            options.verbose = true;
        else if (word == "-h" || word == "--help")
            return std::cout << usage, 0;
        else if (word.starts_with('-'))
            throw CommandError("linnet gaps: unknown flag " + word);
        else if (!name.empty())
            throw CommandError("linnet gaps: more than one NAME");
        else
            name = word;
    }
    auto file = find_gaps(name);
    if (!file)
        throw CommandError(name.empty() ? std::string("no run is known (linnet run PROGRAM makes one)")
                                        : concat("no gaps of a VM of the name ", name, " are known"));
    const auto machine = find_machine(file->name);
    if (machine && machine->running)
        file = ask(file->name);
    options.image = file->image;
    if (json) {
        *out << gap_report_json(file->report, options, file->name, file->program) << "\n";
    } else {
        *out << file->name << ": " << file->program << "\n";
        print_gap_report(*out, file->report, options);
    }
    return out->flush() ? status : status_command_failed;
}

} // namespace linnet::cli
