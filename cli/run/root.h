// What a run boots: the guest's files and the program among them, by PROGRAM's kind (host path or name,
// apt:PACKAGE, inside --rootfs).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cli/image/tree.h"
#include "cli/run/kernel_line.h"
#include "cli/run/options.h"

namespace linnet::cli {

struct KnownPort {
    std::uint16_t port = 0;
    bool udp = false;
    std::string scheme;
};

struct Root {
    Tree tree;
    Program program;
    std::vector<KnownPort> ports; // what the image's maker knows of it
    std::string origin;           // what decided on the program, for --dry-run
};

// Throws CommandError (125, 126, 127) and AptError.
Root make_root(const RunOptions& options);

// "redis" for 6379, "http" for 80 and its likes, else "tcp" or "udp".
std::string usual_scheme(std::uint16_t port, bool udp);

} // namespace linnet::cli
