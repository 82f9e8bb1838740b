#include "cli/run/kernel_line.h"

#include <sys/ioctl.h>

#include <algorithm>

#include "cli/util/text.h"

namespace linnet::cli {

std::vector<std::string> make_environment(const std::vector<std::string>& more,
                                          const std::vector<std::string>& last, const char* terminal) {
    std::vector<std::string> all = {
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root"};
    if (terminal)
        all.push_back(concat("TERM=", terminal));
    for (const auto* list : {&more, &last}) {
        for (const std::string& setting : *list) {
            const std::string name = setting.substr(0, setting.find('=') + 1);
            std::erase_if(all, [&name](const std::string& old) { return old.starts_with(name); });
            all.push_back(setting);
        }
    }
    return all;
}

std::string kernel_command_line(const RunOptions& options, const Program& program, std::uint64_t tsc_khz) {
    std::string line;
    const auto word = [&line](const std::string& text) {
        if (!line.empty())
            line += ' ';
        line += text;
    };
    if (options.verbose != 0)
        word(options.verbose > 1 ? "loglevel=debug" : "loglevel=info");
    if (!options.traced_calls.empty()) {
        word("trace=" + options.traced_calls);
        if (!options.trace_follow)
            word("trace_follow=off");
        if (options.trace_limit != 32)
            word(concat("trace_limit=", options.trace_limit));
    }
    if (options.lockstat)
        word("lockstat");
    if (!options.linker)
        word("linker=off");
    if (options.isolated)
        word("isolation=user");
    if (options.gdb)
        word("kaslr=off");
    if (options.terminal) {
        // The program may ask before a control line comes through.
        winsize size{};
        const bool known = ::ioctl(0, TIOCGWINSZ, &size) == 0 && size.ws_row != 0 && size.ws_col != 0;
        word(known ? concat("tty=", size.ws_row, "x", size.ws_col) : "tty");
    }
    if (tsc_khz != 0)
        word(concat("tsc_khz=", tsc_khz));
    if (options.network)
        word("ip=10.0.2.15/24 gw=10.0.2.2 dns=10.0.2.3 ip6=fec0::15/64 gw6=fec0::2");
    if (options.hostname != "linnet")
        word(kernel_quoted("hostname=" + options.hostname));
    if (!program.user.empty())
        word("user=" + program.user);
    if (program.cwd != "/")
        word(kernel_quoted("cwd=" + program.cwd));
    if (!program.argv0.empty() && program.argv0 != program.path)
        word(kernel_quoted("argv0=" + program.argv0));
    for (const std::string& setting : program.environment)
        word(kernel_quoted("env=" + setting));
    for (const std::string& option : options.kernel_options)
        word(option);
    word("--");
    word(kernel_quoted(program.path));
    for (const std::string& argument : program.arguments)
        word(kernel_quoted(argument));
    return line;
}

} // namespace linnet::cli
