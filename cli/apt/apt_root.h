// `apt:PACKAGE[/PROGRAM]`: a root file system made of a distribution's packages, and what to run in it.
//
// Packages are resolved by apt's own solver in a private root (lists, state and cache below
// `cache_folder`), downloaded, unpacked without root rights, and completed with what their maintainer
// scripts would have made. The host's apt configuration is read, never written; nothing is installed.
// The result is cached by package versions; a second call with the same versions costs no download.
#pragma once

#include <cstdint>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "cli/apt/progress.h"

namespace linnet::cli {

struct AptRequest {
    std::string package;              // "redis-server", or "redis-server=5:7.0.15-1"
    std::string program;              // after the slash: a name, or a path in the package's root; may be empty
    std::vector<std::string> packages; // more packages for the image, with what they depend on; their recipes do not count
    std::vector<std::string> args;    // the user's arguments; they follow those of the recipe or unit
    bool no_recipe = false;           // the bare program: no recipe, no unit
    bool refresh = false;             // fetch the package lists anew, whatever their age
    std::filesystem::path cache_folder;  // empty: $XDG_CACHE_HOME/linnet/apt or ~/.cache/linnet/apt
    std::filesystem::path recipe_folder; // empty: the recipes of this source tree
};

// Owner and mode of one path of the image. Everything that is not listed belongs to 0:0 with the mode
// that the file has on the host. Listed modes win over those on the host: setuid bits and folders
// that their owner may not write are kept here only.
struct AptOwner {
    std::string path; // absolute in the image
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
    std::uint32_t mode = 0; // permission bits, 07777
};

// A port that the program listens on by default, for the boot line's URL ("redis://127.0.0.1:6379").
struct AptPort {
    std::uint16_t port = 0;
    bool udp = false;
    std::string scheme; // "redis", "http"; "tcp" if nothing better is known
};

struct AptImage {
    std::filesystem::path root;       // on the host; read-only to the caller (it is shared by later runs)
    std::vector<std::string> argv;    // argv[0] is an absolute path in the root; the user's arguments included
    std::vector<std::string> env;     // "K=V", what the recipe or unit adds to the usual environment
    std::string cwd = "/";
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
    std::vector<std::uint32_t> groups; // supplementary
    std::vector<AptOwner> owners;
    std::vector<AptPort> ports;
    std::vector<std::string> packages; // "name version", sorted
    std::string origin;                // what decided: "recipe redis-server", "unit nginx.service", "program"
};

// An error of the user's, the network's or a package's: one line, without a trailing newline, naming
// the thing. `status` is the exit status as Docker's: 125 for the machinery, 127 for a program
// that the package does not have.
class AptError : public std::runtime_error {
public:
    explicit AptError(const std::string& line, int status = 125)
        : std::runtime_error(line), status_(status) {}
    int status() const { return status_; }

private:
    int status_;
};

// Splits "apt:PACKAGE[/PROGRAM]" (with or without "apt:") into the request's two fields. Throws AptError.
void parse_apt_name(std::string_view text, AptRequest& request);

// May take minutes and use the network. Several calls at once (also of several processes) are safe:
// they wait for each other by a lock file. Throws AptError.
AptImage resolve_apt(const AptRequest& request, Progress& progress);

} // namespace linnet::cli
