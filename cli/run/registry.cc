#include "cli/run/registry.h"

#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>

#include <algorithm>
#include <cerrno>
#include <nlohmann/json.hpp>

#include "cli/util/error.h"
#include "cli/util/paths.h"
#include "cli/util/text.h"

namespace linnet::cli {

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

fs::path machine_folder(const std::string& name) {
    if (name.empty() || name.find('/') != std::string::npos || name[0] == '.')
        throw CommandError("no VM of the name " + name);
    return cache_folder("run") / name;
}

struct flock whole_file() {
    struct flock range{};
    range.l_type = F_WRLCK;
    range.l_whence = SEEK_SET;
    return range;
}

bool is_locked(const fs::path& folder) {
    const Fd lock(::open((folder / "lock").c_str(), O_RDWR | O_CLOEXEC));
    if (!lock)
        return false;
    // Asks and takes nothing: a lock that is held for a moment by one that only looks would be in the way of another.
    struct flock state = whole_file();
    return ::fcntl(lock.get(), F_OFD_GETLK, &state) == 0 && state.l_type != F_UNLCK;
}

} // namespace

Registration::Registration(const std::string& name, VmRecord record)
    : folder_(machine_folder(name)), record_(std::move(record)) {
    record_.name = name;
    record_.pid = ::getpid();
    record_.started = ::time(nullptr);
    if (::mkdir(folder_.c_str(), 0700) != 0) {
        const int error = errno;
        if (error != EEXIST)
            throw CommandError(concat("cannot make ", folder_.string(), ": ", error_text(error)));
        if (is_locked(folder_))
            throw CommandError("a VM of the name " + name + " is running");
        if (fs::exists(folder_ / "log"))
            throw CommandError(concat("a VM of the name ", name, " has ended and was not removed (linnet rm ",
                                      name, ")"));
    }
    lock_ = Fd(::open((folder_ / "lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    struct flock wanted = whole_file(); // of the open file, so that a process forked later holds it too
    if (!lock_ || ::fcntl(lock_.get(), F_OFD_SETLK, &wanted) != 0)
        throw CommandError("a VM of the name " + name + " is running");
    const fs::path pipe = folder_ / "requests";
    ::unlink(pipe.c_str()); // of a command that was killed
    if (::mkfifo(pipe.c_str(), 0600) == 0)
        requests_ = Fd(::open(pipe.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC)); // for writing too: it never ends
    write();
}

void Registration::set_pid(pid_t pid) {
    record_.pid = pid;
    write();
}

void Registration::finish(int status, bool remove) {
    record_.status = status;
    if (remove) {
        std::error_code error;
        fs::remove_all(folder_, error);
    } else {
        write();
    }
    lock_.reset();
}

void Registration::write() const {
    json state = {{"pid", record_.pid},
                  {"started", record_.started},
                  {"program", record_.program},
                  {"ports", record_.ports}};
    if (record_.status)
        state["status"] = *record_.status;
    write_file_atomically(folder_ / "state.json",
                          state.dump(2, ' ', false, json::error_handler_t::replace) + "\n", 0600);
}

std::vector<VmRecord> list_machines() {
    std::vector<VmRecord> machines;
    std::error_code error;
    for (const auto& item : fs::directory_iterator(cache_folder("run"), error)) {
        if (auto record = find_machine(item.path().filename().string()))
            machines.push_back(std::move(*record));
    }
    std::sort(machines.begin(), machines.end(),
              [](const VmRecord& a, const VmRecord& b) { return a.started > b.started; });
    return machines;
}

std::optional<VmRecord> find_machine(const std::string& name) {
    const fs::path folder = machine_folder(name);
    const auto text = read_file(folder / "state.json");
    if (!text)
        return {};
    VmRecord record;
    record.name = name;
    try {
        const json state = json::parse(*text);
        record.pid = state.value("pid", 0);
        record.started = state.value("started", std::int64_t{0});
        record.program = state.value("program", "");
        record.ports = state.value("ports", std::vector<std::string>());
        if (state.contains("status"))
            record.status = state["status"].get<int>();
    } catch (const json::exception&) {
        return {};
    }
    record.running = is_locked(folder);
    return record;
}

fs::path machine_log(const std::string& name) {
    return machine_folder(name) / "log";
}

fs::path machine_requests(const std::string& name) {
    return machine_folder(name) / "requests";
}

void forget_machine(const std::string& name) {
    std::error_code error;
    fs::remove_all(machine_folder(name), error);
}

std::string invent_name(const std::string& program) {
    std::string base = program.substr(program.rfind('/') + 1);
    for (char& c : base) {
        if (!std::isalnum(static_cast<unsigned char>(c)) && c != '-' && c != '_')
            c = '-';
    }
    base = base.substr(0, 40);
    if (base.empty() || base[0] == '-')
        base = "vm";
    while (true) {
        unsigned char random[2] = {};
        if (::getrandom(random, sizeof random, 0) != sizeof random)
            random[0] = static_cast<unsigned char>(::getpid());
        char suffix[8];
        std::snprintf(suffix, sizeof suffix, "-%02x%02x", random[0], random[1]);
        if (!fs::exists(machine_folder(base + suffix)))
            return base + suffix;
    }
}

} // namespace linnet::cli
