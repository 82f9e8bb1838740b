// The command line of `linnet run`, as parsed.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace CLI {
class App;
}

namespace linnet::cli {

struct PortForward {
    std::string address = "127.0.0.1"; // on the host
    std::uint16_t host = 0;            // 0: any free one
    std::uint16_t guest = 0;
    bool udp = false;
};

struct AddedPath {
    std::string host;
    std::string guest; // absolute
};
// The word of --add: HOST[:GUEST]. CommandError.
AddedPath parse_added_path(const std::string& text);

struct RunOptions {
    std::vector<PortForward> ports;
    std::vector<std::string> environment; // "K=V"
    std::string cwd;                      // empty: the image's, else "/"
    std::uint64_t memory_bytes = std::uint64_t{256} << 20;
    unsigned cpus = 1;
    std::string name;
    std::string hostname = "linnet";
    bool remove = false;
    bool detach = false;
    int verbose = 0; // 1: all of level info, 2: debug
    bool quiet = false;
    std::string machine = "microvm"; // or "q35"
    std::string accel = "auto";      // or "kvm", "tcg"
    bool gdb = false;
    bool strace = false;        // --strace: traced as by `linnet trace -f`
    std::string traced_calls;   // the kernel's option trace=; empty: nothing is traced
    bool trace_follow = true;
    unsigned trace_limit = 32;  // bytes of a string
    bool lockstat = false;
    bool dry_run = false;
    std::vector<std::string> qemu_arguments;
    std::string core_folder; // --core; empty: cores stay in the guest
    std::string rootfs;
    std::vector<AddedPath> added;
    bool no_recipe = false;
    std::vector<std::string> packages; // more packages for the image of apt:PACKAGE
    std::string save_image;            // a file for the image; then nothing is run
    bool terminal = false;
    bool interactive = false;
    bool linker = true;
    bool isolated = false; // --isolation user
    bool network = true;
    std::string kernel;
    std::vector<std::string> kernel_options; // passed on as they are
    std::string user; // "UID[:GID[,GROUP...]]"; empty: the image's, else 0:0
    std::string program;
    std::vector<std::string> arguments;
};

// `words` are those after "run". Throws CommandError. Returns false if help was asked for and printed.
bool parse_run_options(const std::vector<std::string>& words, RunOptions& options);

// The two halves of it, for other commands that run a program: the flags, without the short names of which the letter is in
// `taken`; and the parse, where `command` is the name for errors.
void add_run_flags(CLI::App& app, RunOptions& options, std::string_view taken);
bool parse_run_words(CLI::App& app, const std::vector<std::string>& words, const std::string& command, RunOptions& options);

// "[ADDR:]HOST:GUEST[/udp]", ADDR an IPv4 address; an IPv6 one in brackets is understood and refused. Throws CommandError.
PortForward parse_port_forward(const std::string& text);

} // namespace linnet::cli
