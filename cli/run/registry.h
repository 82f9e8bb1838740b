// Virtual machines by name: one folder each below the cache folder, with a lock that the command serving
// the machine holds while it lives.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "cli/util/fd.h"

namespace linnet::cli {

struct VmRecord {
    std::string name;
    pid_t pid = 0;                  // of the command that serves it
    std::int64_t started = 0;       // seconds since 1970
    std::string program;
    std::vector<std::string> ports; // "127.0.0.1:6379->6379/tcp"
    std::optional<int> status;      // once it has ended
    bool running = false;           // by the lock
};

class Registration {
public:
    // Throws CommandError if the name is taken (also by a machine that has ended and was not removed).
    Registration(const std::string& name, VmRecord record);

    const std::string& name() const { return record_.name; }
    std::filesystem::path log_file() const { return folder_ / "log"; }
    // A pipe that other commands write command lines for the guest to, whole lines of less than PIPE_BUF bytes; -1: it could not be made.
    int requests() const { return requests_.get(); }
    void set_pid(pid_t pid);
    void finish(int status, bool remove);

private:
    void write() const;

    std::filesystem::path folder_;
    Fd lock_, requests_;
    VmRecord record_;
};

std::vector<VmRecord> list_machines();
std::optional<VmRecord> find_machine(const std::string& name);
std::filesystem::path machine_log(const std::string& name);
std::filesystem::path machine_requests(const std::string& name);
void forget_machine(const std::string& name);

// A name that is free, made from the program's.
std::string invent_name(const std::string& program);

} // namespace linnet::cli
