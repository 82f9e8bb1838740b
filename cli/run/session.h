// One running guest: its streams, its control channel, its log, its end.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/qemu/machine.h"

namespace linnet::cli {

// Takes the bytes of the port linnet.trace, and gives text: for a descriptor of its own, or for stderr.
class TraceReceiver {
public:
    virtual ~TraceReceiver() = default;
    virtual void take(std::string_view bytes) = 0;
    // No more will come.
    virtual void finish() = 0;
    // Where `text` goes; -1: stderr.
    virtual int descriptor() const = 0;
    // Writing there failed: the line that says so.
    virtual std::string write_error(int error) const = 0;

    // What the session takes away after each call.
    std::string text;
    std::string messages; // lines for stderr, whole
};

struct SessionOptions {
    bool terminal = false;      // raw mode, window size
    bool quiet = false;         // no boot line
    int stdin_fd = 0;           // -1: none
    int stdout_fd = 1;
    int stderr_fd = 2;
    std::string boot_line;      // "to /bin/true, 256 MiB, 1 cpu": what follows "linnet V: N ms "
    std::string kernel_symbols; // for panics
    std::string image;          // for panics
    TraceReceiver* trace = nullptr; // null: no such port
    std::function<void()> on_main;                        // the program begins
    std::function<void(int, const std::string&)> on_fail; // status, text: it could not begin
    std::function<void(std::string_view)> on_gap;         // a control line that begins with `gap `
    int requests_fd = -1;       // whole command lines for the guest's control port are read from it; -1: none
};

// Starts QEMU (`arguments` gets the channels and makes its argv) and serves it to its end. Returns the
// command's exit status. Throws CommandError if QEMU cannot be started.
int run_session(const std::function<std::vector<std::string>(const GuestChannels&)>& arguments,
                const SessionOptions& options);

} // namespace linnet::cli
