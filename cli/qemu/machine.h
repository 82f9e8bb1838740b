// QEMU's command line for one guest.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "cli/run/options.h"

namespace linnet::cli {

// The host ends' counterparts: descriptors that QEMU inherits.
struct GuestChannels {
    int stdio = -1;
    int error = -1;
    int control = -1;
    int serial = -1;
    int trace = -1; // none: nothing is traced
};

struct Guest {
    std::filesystem::path kernel;
    std::filesystem::path image;       // empty: no initial file system
    std::string command_line;          // the kernel's
    std::string accel;                 // "kvm" or "tcg"
    std::vector<PortForward> ports;    // host ports settled
    std::filesystem::path core_stream; // where the port linnet.core goes; empty: there is none
};

// argv of QEMU; argv[0] is "qemu-system-x86_64".
std::vector<std::string> qemu_arguments(const RunOptions& options, const Guest& guest,
                                        const GuestChannels& channels);

// Is this host port free? Throws CommandError naming it if not; settles port 0.
void settle_port(PortForward& forward);

} // namespace linnet::cli
