#include "cli/run/machines_command.h"

#include <fcntl.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <iomanip>
#include <iostream>

#include "cli/gaps/gap_store.h"
#include "cli/run/registry.h"
#include "cli/util/error.h"
#include "cli/util/text.h"

namespace linnet::cli {
namespace {

struct Words {
    std::vector<std::string> names;
    std::vector<std::string> flags;
    bool has(const char* flag) const {
        return std::find(flags.begin(), flags.end(), flag) != flags.end();
    }
};

Words parse(const char* command, const std::vector<std::string>& words, const std::vector<std::string>& known,
            bool wants_names) {
    Words result;
    for (const std::string& word : words) {
        if (!word.starts_with('-')) {
            result.names.push_back(word);
        } else if (std::find(known.begin(), known.end(), word) != known.end()) {
            result.flags.push_back(word);
        } else {
            throw CommandError(concat("linnet ", command, ": unknown flag ", word));
        }
    }
    if (wants_names && result.names.empty())
        throw CommandError(concat("linnet ", command, ": no NAME given"));
    return result;
}

VmRecord machine(const std::string& name) {
    auto record = find_machine(name);
    if (!record)
        throw CommandError("no VM of the name " + name);
    return *record;
}

std::string age_text(std::int64_t seconds) {
    if (seconds < 120)
        return concat(seconds, " s");
    if (seconds < 7200)
        return concat(seconds / 60, " min");
    return seconds < 172800 ? concat(seconds / 3600, " h") : concat(seconds / 86400, " days");
}

bool wait_for_end(const std::string& name, int tenths) {
    for (int i = 0; i < tenths; ++i) {
        const auto record = find_machine(name);
        if (!record || !record->running)
            return true;
        const timespec pause{0, 100'000'000};
        ::nanosleep(&pause, nullptr);
    }
    return false;
}

void stop(const VmRecord& record, bool gently) {
    if (gently) {
        ::kill(record.pid, SIGTERM);
        if (wait_for_end(record.name, 100))
            return;
        ::kill(record.pid, SIGTERM); // a second one ends the VM
        if (wait_for_end(record.name, 50))
            return;
    }
    ::kill(record.pid, SIGKILL); // QEMU dies with its parent
    wait_for_end(record.name, 50);
}

} // namespace

int ps_command(const std::vector<std::string>& words) {
    const Words parsed = parse("ps", words, {"-a", "--all"}, false);
    const bool all = parsed.has("-a") || parsed.has("--all");
    std::vector<std::vector<std::string>> rows = {{"NAME", "STATUS", "PORTS", "PROGRAM"}};
    for (const VmRecord& record : list_machines()) {
        if (!record.running && !all)
            continue;
        std::string ports;
        for (const std::string& port : record.ports)
            ports += (ports.empty() ? "" : ", ") + port;
        const std::string status =
            record.running ? "up " + age_text(std::max<std::int64_t>(0, ::time(nullptr) - record.started))
            : record.status ? concat("exited (", *record.status, ")")
                            : std::string("died");
        rows.push_back({record.name, status, ports, record.program});
    }
    std::size_t widths[3] = {};
    for (const auto& row : rows) {
        for (std::size_t i = 0; i < 3; ++i)
            widths[i] = std::max(widths[i], row[i].size());
    }
    for (const auto& row : rows) {
        for (std::size_t i = 0; i < 3; ++i)
            std::cout << std::left << std::setw(static_cast<int>(widths[i]) + 3) << row[i];
        std::cout << row[3] << "\n";
    }
    return 0;
}

int logs_command(const std::vector<std::string>& words) {
    const Words parsed = parse("logs", words, {"-f", "--follow"}, true);
    const bool follow = parsed.has("-f") || parsed.has("--follow");
    const std::string& name = parsed.names.front();
    machine(name);
    const Fd log(::open(machine_log(name).c_str(), O_RDONLY | O_CLOEXEC));
    if (!log)
        throw CommandError("the VM " + name + " runs in the foreground and has no log");
    char chunk[65536];
    while (true) {
        const auto record = find_machine(name);
        const bool running = record && record->running;
        ssize_t n;
        while ((n = ::read(log.get(), chunk, sizeof chunk)) > 0) {
            std::cout.write(chunk, n);
            if (!std::cout.flush())
                return 0;
        }
        if (!follow || !running)
            return 0;
        const timespec pause{0, 100'000'000};
        ::nanosleep(&pause, nullptr);
    }
}

int stop_command(const std::vector<std::string>& words) {
    for (const std::string& name : parse("stop", words, {}, true).names) {
        const VmRecord record = machine(name);
        if (record.running)
            stop(record, true);
        std::cout << name << "\n";
    }
    return 0;
}

int rm_command(const std::vector<std::string>& words) {
    const Words parsed = parse("rm", words, {"-f", "--force"}, true);
    const bool force = parsed.has("-f") || parsed.has("--force");
    for (const std::string& name : parsed.names) {
        const VmRecord record = machine(name);
        if (record.running) {
            if (!force)
                throw CommandError(concat("the VM ", name, " is running (stop it first, or use rm -f)"));
            stop(record, false);
        }
        forget_machine(name);
        forget_gaps(name);
        std::cout << name << "\n";
    }
    return 0;
}

} // namespace linnet::cli
