#include "cli/run/options.h"

#include <arpa/inet.h>

#include <CLI/CLI.hpp>

#include <iostream>

#include "cli/image/tree.h"
#include "cli/util/error.h"
#include "cli/util/text.h"

namespace linnet::cli {

PortForward parse_port_forward(const std::string& text) {
    const auto bad = [&text](const char* why) {
        return CommandError(concat("-p ", text, ": ", why, " (wanted [ADDR:]HOST:GUEST[/udp])"));
    };
    PortForward forward;
    std::string rest = text;
    if (const auto slash = rest.find('/'); slash != std::string::npos) {
        const std::string protocol = rest.substr(slash + 1);
        if (protocol != "udp" && protocol != "tcp")
            throw bad("neither tcp nor udp");
        forward.udp = protocol == "udp";
        rest.erase(slash);
    }
    const auto last = rest.rfind(':');
    if (last == std::string::npos)
        throw bad("no guest port");
    const auto guest = parse_number(rest.substr(last + 1), 65535);
    if (!guest || *guest == 0)
        throw bad("not a guest port");
    forward.guest = static_cast<std::uint16_t>(*guest);
    rest.erase(last);
    if (const auto colon = rest.rfind(':'); colon != std::string::npos) {
        std::string address = rest.substr(0, colon);
        unsigned char binary[16];
        if (address.starts_with('[') && address.ends_with(']')) {
            if (::inet_pton(AF_INET6, address.substr(1, address.size() - 2).c_str(), binary) != 1)
                throw bad("not an IPv6 address");
            // QEMU's user network takes IPv4 addresses only (7.2: "Bad host address").
            throw CommandError(concat("-p ", text, ": QEMU forwards no ports of IPv6 addresses of the host; give an IPv4 address"));
        } else if (::inet_pton(AF_INET, address.c_str(), binary) != 1) {
            throw bad("not an address");
        }
        forward.address = std::move(address);
        rest.erase(0, colon + 1);
    }
    const auto host = parse_number(rest, 65535);
    if (!host)
        throw bad("not a host port");
    forward.host = static_cast<std::uint16_t>(*host);
    return forward;
}

namespace {

void check_user(const std::string& text) {
    const auto bad = [&] {
        return CommandError(concat("--user ", text, ": wanted UID[:GID[,GROUP...]], in numbers"));
    };
    const auto colon = text.find(':');
    if (!parse_number(text.substr(0, colon), UINT32_MAX - 1))
        throw bad();
    if (colon == std::string::npos)
        return;
    for (const std::string& group : split(text.substr(colon + 1), ',')) {
        if (!parse_number(group, UINT32_MAX - 1))
            throw bad();
    }
}

} // namespace

void add_run_flags(CLI::App& app, RunOptions& options, std::string_view taken) {
    app.prefix_command();
    // "-e,--env", or "--env" where another flag has the letter.
    const auto names = [taken](const std::string& both) {
        return both.size() > 3 && both[2] == ',' && taken.find(both[1]) != std::string_view::npos ? both.substr(3) : both;
    };
    const auto value = [&app, names](const char* name, const char* help, auto apply) {
        return app
            .add_option_function<std::string>(
                names(name), [apply](const std::string& text) { apply(text); }, help)
            ->trigger_on_parse()
            ->allow_extra_args(false)
            ->take_last();
    };
    value("-p,--publish", "[ADDR:]HOST:GUEST[/udp]: a port of the host leads into the guest",
          [&](const std::string& text) { options.ports.push_back(parse_port_forward(text)); });
    value("-e,--env", "K=V: a variable for the program (K alone: the value it has here)",
          [&](const std::string& text) {
              if (text.empty() || text[0] == '=')
                  throw CommandError("-e " + text + ": wanted K=V");
              if (text.find('=') != std::string::npos)
                  options.environment.push_back(text);
              else if (const char* here = std::getenv(text.c_str()))
                  options.environment.push_back(text + "=" + here);
          });
    value("-w,--workdir", "the program's working directory", [&](const std::string& text) {
        if (!text.starts_with('/'))
            throw CommandError("-w " + text + ": not an absolute path");
        options.cwd = text;
    });
    value("-m,--memory", "the guest's memory, with a unit: 256M", [&](const std::string& text) {
        const auto size = parse_size(text);
        if (!size)
            throw CommandError("-m " + text + ": wanted a size with a unit, as 256M");
        if (*size < (std::uint64_t{1} << 20) || *size > (std::uint64_t{1} << 42))
            throw CommandError("-m " + text + ": out of range (1M to 4T)");
        options.memory_bytes = *size;
    });
    value("--cpus", "virtual CPUs, 1 to 64", [&](const std::string& text) {
        const auto count = parse_number(text, 64);
        if (!count || *count == 0)
            throw CommandError("--cpus " + text + ": wanted a number from 1 to 64");
        options.cpus = static_cast<unsigned>(*count);
    });
    value("--name", "a name for ps, logs, stop and rm", [&](const std::string& text) {
        constexpr const char* allowed =
            "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
        if (text.empty() || text.size() > 64 || text[0] == '.' || text[0] == '-' ||
            text.find_first_not_of(allowed) != std::string::npos)
            throw CommandError("--name " + text + ": letters, digits, '_', '.' and '-' only");
        options.name = text;
    });
    value("--hostname", "the guest's host name", [&](const std::string& text) {
        if (text.empty() || text.size() > 64)
            throw CommandError("--hostname " + text + ": 1 to 64 characters");
        options.hostname = text;
    });
    value("--machine", "QEMU's machine: microvm (default) or q35", [&](const std::string& text) {
        if (text != "microvm" && text != "q35")
            throw CommandError("--machine " + text + ": wanted microvm or q35");
        options.machine = text;
    });
    value("--accel", "auto (default), kvm or tcg", [&](const std::string& text) {
        if (text != "auto" && text != "kvm" && text != "tcg")
            throw CommandError("--accel " + text + ": wanted auto, kvm or tcg");
        options.accel = text;
    });
    value("--linker", "on (default) or off: bind system-call sites to the kernel's entry",
          [&](const std::string& text) {
              if (text != "on" && text != "off")
                  throw CommandError("--linker " + text + ": wanted on or off");
              options.linker = text == "on";
          });
    value("--isolation", "none (default): programs run beside the kernel, in ring 0; or user: in ring 3",
          [&](const std::string& text) {
              if (text != "none" && text != "user")
                  throw CommandError("--isolation " + text + ": wanted none or user");
              options.isolated = text == "user";
          });
    value("--network", "user (default) or none", [&](const std::string& text) {
        if (text != "user" && text != "none")
            throw CommandError("--network " + text + ": wanted user or none");
        options.network = text == "user";
    });
    value("--qemu", "more arguments for QEMU, split as a shell does", [&](const std::string& text) {
        for (std::string& word : split_shell_words(text))
            options.qemu_arguments.push_back(std::move(word));
    });
    value("--core", "a folder of this host for the core files of programs that crash",
          [&](const std::string& text) { options.core_folder = text; });
    value("--rootfs", "the guest's root: a folder, a tar or a cpio archive",
          [&](const std::string& text) { options.rootfs = text; });
    value("--add", "HOST[:GUEST]: a file or folder for the image", [&](const std::string& text) { options.added.push_back(parse_added_path(text)); });
    value("--package", "apt: one more package for the image, with what it depends on",
          [&](const std::string& text) { options.packages.push_back(text); });
    value("--save-image", "write the guest's root to this file, a cpio archive for --rootfs, and run nothing",
          [&](const std::string& text) { options.save_image = text; });
    value("--kernel", "another kernel than that of the build folder",
          [&](const std::string& text) { options.kernel = text; });
    value("--kernel-option", "a word for the kernel's own options (docs/boot-protocol.md)",
          [&](const std::string& text) { options.kernel_options.push_back(text); });
    value("--user", "UID[:GID[,GROUP...]] of the program, in numbers", [&](const std::string& text) {
        check_user(text);
        options.user = text;
    });
    app.add_flag("--rm", options.remove, "forget the VM and its log when it ends (with -d)");
    app.add_flag(names("-d,--detach"), options.detach, "run in the background; print the name");
    app.add_flag(names("-v,--verbose"), options.verbose, "all kernel messages; twice: debug messages too");
    app.add_flag(names("-q,--quiet"), options.quiet, "no boot line");
    app.add_flag("--gdb", options.gdb, "wait for gdb on 127.0.0.1:1234");
    app.add_flag("--strace", options.strace, "system calls in strace's format on stderr");
    app.add_flag("--lockstat", options.lockstat, "the kernel's lock statistics on stderr at the end");
    app.add_flag("--dry-run", options.dry_run, "print what would be run, and run nothing");
    app.add_flag("--no-recipe", options.no_recipe, "apt: the bare program, as the package has it");
    app.add_flag(names("-t,--tty"), options.terminal, "the program gets a terminal");
    app.add_flag(names("-i,--interactive"), options.interactive, "pass stdin on (always done without -d)");
}

AddedPath parse_added_path(const std::string& text) {
    const auto colon = text.find(':');
    AddedPath added{text.substr(0, colon), colon == std::string::npos ? std::string() : text.substr(colon + 1)};
    if (added.host.empty())
        throw CommandError("--add " + text + ": wanted HOST[:GUEST]");
    if (added.guest.empty())
        added.guest = std::filesystem::absolute(added.host).lexically_normal().string();
    if (!added.guest.starts_with('/'))
        throw CommandError("--add " + text + ": the guest path is not absolute");
    return added;
}

bool parse_run_words(CLI::App& app, const std::vector<std::string>& words, const std::string& command, RunOptions& options) {
    std::vector<std::string> reversed(words.rbegin(), words.rend());
    try {
        app.parse(reversed);
    } catch (const CLI::CallForHelp&) {
        std::cout << app.help();
        return false;
    } catch (const CLI::ParseError& error) {
        const std::string text = error.what();
        throw CommandError(text.substr(0, text.find('\n')));
    }
    std::vector<std::string> rest = app.remaining();
    if (!rest.empty() && rest.front() == "--")
        rest.erase(rest.begin());
    else if (!rest.empty() && rest.front().starts_with('-'))
        throw CommandError("unknown flag " + rest.front() + " (see linnet " + command + " --help)");
    if (rest.empty())
        throw CommandError("no PROGRAM given (see linnet " + command + " --help)");
    options.program = rest.front();
    if (options.program.empty())
        throw CommandError("PROGRAM is empty");
    options.arguments.assign(rest.begin() + 1, rest.end());
    if (!options.packages.empty() && !options.program.starts_with("apt:"))
        throw CommandError("--package goes with apt:PACKAGE only");
    if (options.detach && options.terminal)
        throw CommandError("-d and -t exclude each other");
    return true;
}

bool parse_run_options(const std::vector<std::string>& words, RunOptions& options) {
    CLI::App app("Runs a Linux program in a virtual machine of its own.\n"
                 "PROGRAM is a path or a name on PATH, apt:PACKAGE[/PROGRAM], or a program inside "
                 "--rootfs.",
                 "linnet run");
    add_run_flags(app, options, "");
    return parse_run_words(app, words, "run", options);
}

} // namespace linnet::cli
