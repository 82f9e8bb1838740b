#include "cli/scan/scan_command.h"

#include <CLI/CLI.hpp>

#include <iostream>

#include "cli/image/elf_deps.h"
#include "cli/run/options.h"
#include "cli/run/root.h"
#include "cli/scan/scan.h"
#include "cli/scan/scan_report.h"
#include "cli/scan/tree_view.h"
#include "cli/util/error.h"
#include "cli/util/text.h"

namespace linnet::cli {
namespace {

constexpr unsigned most_interpreters = 5; // a script's interpreter may be a script

struct ScanOptions {
    RunOptions run; // what decides on the files, as for `linnet run`
    bool json = false, verbose = false, every_function = false;
};

// False if help was asked for and printed.
bool parse(const std::vector<std::string>& words, ScanOptions& options) {
    CLI::App app("Lists the system calls that a program can make, without running it, and what Linnet does of them.\n"
                 "PROGRAM is as for linnet run: a path or a name on PATH, apt:PACKAGE[/PROGRAM], or a program inside "
                 "--rootfs.",
                 "linnet scan");
    std::vector<std::string> added;
    app.add_flag("--json", options.json, "as JSON");
    app.add_flag("-v,--verbose", options.verbose, "also who makes each call, and all files");
    app.add_flag("--all", options.every_function, "take every function as one that runs");
    app.add_option("--add", added, "HOST[:GUEST]: a library that the program loads when it runs, or a folder of them")
        ->allow_extra_args(false);
    app.add_option("-e,--env", options.run.environment, "K=V: LD_LIBRARY_PATH is looked at")->allow_extra_args(false);
    app.add_option("--rootfs", options.run.rootfs, "the guest's root: a folder, a tar or a cpio archive");
    app.add_option("--package", options.run.packages, "apt: one more package, with what it depends on")
        ->allow_extra_args(false);
    app.add_flag("--no-recipe", options.run.no_recipe, "apt: the bare program, as the package has it");
    app.add_flag("-q,--quiet", options.run.quiet, "apt: no lines of progress");
    app.add_option("PROGRAM", options.run.program, "what to scan")->required();
    std::vector<std::string> reversed(words.rbegin(), words.rend());
    try {
        app.parse(reversed);
    } catch (const CLI::CallForHelp&) {
        std::cout << app.help();
        return false;
    } catch (const CLI::ParseError& error) {
        const std::string text = error.what();
        throw CommandError(text.substr(0, text.find('\n')) + " (see linnet scan --help)");
    }
    if (options.run.program.empty())
        throw CommandError("PROGRAM is empty");
    if (!options.run.packages.empty() && !options.run.program.starts_with("apt:"))
        throw CommandError("--package goes with apt:PACKAGE only");
    for (const std::string& text : added)
        options.run.added.push_back(parse_added_path(text));
    return true;
}

// What `env [-S] [K=V...] NAME` executes.
std::optional<std::string> program_of_env(const Tree& tree, const std::vector<std::string>& words) {
    for (std::size_t i = 1; i < words.size(); ++i) {
        if (words[i].starts_with("-") || words[i].find('=') != std::string::npos)
            continue;
        for (const char* folder : {"/usr/local/bin", "/usr/bin", "/bin", "/usr/sbin"}) {
            std::string path = concat(folder, "/", words[i]);
            if (tree.resolve(path))
                return path;
        }
        break;
    }
    return {};
}

// The ELF file that runs when `path` is executed: its own, or that of the interpreter of a script.
std::string program_file(const Tree& tree, std::string path) {
    for (unsigned depth = 0; depth < most_interpreters; ++depth) {
        const auto real = tree.resolve(path);
        const Entry* entry = real ? tree.find(*real) : nullptr;
        const std::string head = entry && entry->is_file() ? read_data(entry->data, 0, 256) : std::string();
        if (!head.starts_with("#!"))
            break;
        const auto start = head.find_first_not_of(" \t", 2);
        if (start == std::string::npos)
            break;
        std::vector<std::string> words;
        for (std::string& word : split(head.substr(start, head.find('\n', start) - start), ' ')) {
            if (!word.empty())
                words.push_back(std::move(word));
        }
        path = words.at(0);
        if (path.ends_with("/env"))
            path = program_of_env(tree, words).value_or(path);
    }
    return path;
}

// Shared objects among what was added. A program among it is one of its own.
std::vector<std::string> added_libraries(const Tree& tree, const RunOptions& options, const FileView& view, bool on_host) {
    std::vector<std::string> files;
    for (const AddedPath& added : options.added) {
        const std::string root = tree.place(added.guest);
        for (const auto& [path, entry] : tree.entries()) {
            if (!entry.is_file() || (path != root && !path.starts_with(root + "/")))
                continue;
            const auto* host = std::get_if<HostFile>(&entry.data);
            const std::string file = on_host && host ? host->path : path;
            const auto info = view.elf(file);
            const bool program = info && !info->interpreter.empty() && file.find(".so") == std::string::npos;
            if (info && info->fault.empty() && !program)
                files.push_back(file);
        }
    }
    return files;
}

} // namespace

int scan_command(const std::vector<std::string>& words) {
    ScanOptions options;
    if (!parse(words, options))
        return 0;
    const Root root = make_root(options.run);
    // The tree of a host's program holds what ld.so maps at start; what it loads later is the host's.
    const bool on_host = options.run.rootfs.empty() && !options.run.program.starts_with("apt:");
    const FileView view = on_host ? host_view() : view_of_tree(root.tree);
    ScanRequest request;
    request.program = program_file(root.tree, root.program.path);
    if (request.program != root.program.path && !options.json)
        std::cerr << "linnet: " << root.program.path << " is a script: its interpreter " << request.program
                  << " is scanned" << std::endl;
    request.run_time = added_libraries(root.tree, options.run, view, on_host);
    for (const std::string& setting : options.run.environment) {
        if (setting.starts_with("LD_LIBRARY_PATH="))
            request.library_path = setting.substr(setting.find('=') + 1);
    }
    request.every_function = options.every_function;
    const Scan scan(std::move(request), view);
    if (options.json)
        write_scan_json(std::cout, scan);
    else
        write_scan_text(std::cout, scan, options.verbose);
    std::cout.flush();
    if (!std::cout)
        throw CommandError("cannot write to stdout");
    return 0;
}

} // namespace linnet::cli
