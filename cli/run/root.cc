#include "cli/run/root.h"

#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <iostream>

#include "cli/image/archive.h"
#include "cli/image/host_files.h"
#include "cli/util/error.h"
#include "cli/util/paths.h"
#include "cli/util/text.h"
#if LINNET_HAVE_APT
#include "cli/apt/apt_root.h"
#endif

namespace linnet::cli {

namespace fs = std::filesystem;

namespace {

// The value that the last -e gives to a variable; else empty.
std::string given_variable(const RunOptions& options, const std::string& name) {
    std::string value;
    for (const std::string& setting : options.environment) {
        if (setting.starts_with(name + "="))
            value = setting.substr(name.size() + 1);
    }
    return value;
}

void add_extras(Tree& tree, const RunOptions& options) {
    for (const AddedPath& added : options.added) {
        add_host_tree(tree, added.host, added.guest);
        add_needs_of(tree, tree.place(added.guest));
    }
}

// A program named within a finished tree: absolute, relative to the working directory, or along PATH.
std::string locate_in_tree(const Tree& tree, const std::string& program, const std::string& cwd,
                           const std::vector<std::string>& environment) {
    if (program.starts_with('/'))
        return program;
    if (program.find('/') != std::string::npos)
        return normal_path(cwd + "/" + program);
    for (const std::string& setting : environment) {
        if (!setting.starts_with("PATH="))
            continue;
        for (const std::string& folder : split(setting.substr(5), ':')) {
            const std::string path = folder + "/" + program;
            const auto real = tree.resolve(path);
            const Entry* entry = real ? tree.find(*real) : nullptr;
            if (entry && entry->is_file() && (entry->mode & 0111))
                return path;
        }
    }
    throw CommandError(status_not_found, concat(program, ": not found on PATH of ", "the root file system"));
}

const char* terminal_name(const RunOptions& options) {
    if (!options.terminal)
        return nullptr;
    const char* here = std::getenv("TERM");
    return here && *here ? here : "linux";
}

void fill_program(Program& program, const RunOptions& options, const std::vector<std::string>& from_image) {
    program.environment = make_environment(from_image, options.environment, terminal_name(options));
    if (!options.cwd.empty())
        program.cwd = options.cwd;
    if (!options.user.empty())
        program.user = options.user;
}

Root root_of_host_program(const RunOptions& options) {
    Root root;
    std::string path = options.program;
    if (path.find('/') == std::string::npos) {
        const fs::path found = find_on_path(path);
        if (found.empty())
            throw CommandError(status_not_found, options.program + ": not found on PATH");
        path = found.string();
    }
    root.program.path = add_host_program(root.tree, path, given_variable(options, "LD_LIBRARY_PATH"));
    root.program.argv0 = options.program;
    bool dynamic = false;
    for (const auto& [name, entry] : root.tree.entries())
        dynamic = dynamic || name.find("/ld-linux") != std::string::npos;
    std::string locale = given_variable(options, "LC_ALL");
    if (locale.empty())
        locale = given_variable(options, "LANG");
    add_usual_files(root.tree, dynamic, given_variable(options, "TZ"), locale);
    add_extras(root.tree, options);
    fill_program(root.program, options, {});
    root.program.arguments = options.arguments;
    root.origin = "the host's " + path;
    return root;
}

Root root_of_rootfs(const RunOptions& options) {
    Root root;
    struct stat st;
    if (::stat(options.rootfs.c_str(), &st) != 0)
        throw CommandError(concat("--rootfs ", options.rootfs, ": ", error_text(errno)));
    if (S_ISDIR(st.st_mode))
        add_host_tree(root.tree, options.rootfs, "/");
    else
        add_archive(root.tree, fs::absolute(options.rootfs).string());
    add_extras(root.tree, options);
    fill_program(root.program, options, {});
    root.program.path =
        locate_in_tree(root.tree, options.program, root.program.cwd, root.program.environment);
    root.program.argv0 = options.program;
    check_program(root.tree, root.program.path);
    root.program.arguments = options.arguments;
    root.origin = "--rootfs " + options.rootfs;
    return root;
}

#if LINNET_HAVE_APT
class StderrProgress final : public Progress {
public:
    explicit StderrProgress(bool quiet) : quiet_(quiet) {}
    void step(std::string_view text) override {
        if (!quiet_)
            std::cerr << "linnet: " << text << std::endl;
    }
    void note(std::string_view text) override { std::cerr << "linnet: " << text << std::endl; }

private:
    bool quiet_;
};

Root root_of_package(const RunOptions& options) {
    AptRequest request;
    parse_apt_name(options.program, request);
    request.args = options.arguments;
    request.no_recipe = options.no_recipe;
    request.packages = options.packages;
    StderrProgress progress(options.quiet);
    const AptImage image = resolve_apt(request, progress);
    Root root;
    add_host_tree(root.tree, image.root.string(), "/");
    for (auto& [path, entry] : root.tree.entries()) {
        entry.uid = 0;
        entry.gid = 0;
    }
    for (const AptOwner& owner : image.owners) {
        Entry* entry = root.tree.find(normal_path(owner.path));
        if (!entry)
            continue;
        entry->uid = owner.uid;
        entry->gid = owner.gid;
        entry->mode = (entry->mode & ~07777u) | (owner.mode & 07777u);
    }
    add_extras(root.tree, options);
    if (image.uid != 0 || image.gid != 0) {
        root.program.user = concat(image.uid, ":", image.gid);
        for (const std::uint32_t group : image.groups)
            root.program.user += concat(",", group);
    }
    root.program.cwd = image.cwd;
    fill_program(root.program, options, image.env);
    root.program.path = image.argv.at(0);
    root.program.arguments.assign(image.argv.begin() + 1, image.argv.end());
    check_program(root.tree, root.program.path);
    for (const AptPort& port : image.ports)
        root.ports.push_back({port.port, port.udp, port.scheme});
    root.origin = image.origin;
    return root;
}
#else
Root root_of_package(const RunOptions& options) {
    throw CommandError(options.program + ": this build cannot use packages");
}
#endif

} // namespace

Root make_root(const RunOptions& options) {
    Root root = options.program.starts_with("apt:") ? root_of_package(options)
                : !options.rootfs.empty()           ? root_of_rootfs(options)
                                                    : root_of_host_program(options);
    return root;
}

std::string usual_scheme(std::uint16_t port, bool udp) {
    struct Usual {
        std::uint16_t port;
        const char* scheme;
    };
    static constexpr Usual table[] = {
        {21, "ftp"},        {22, "ssh"},        {25, "smtp"},         {53, "dns"},      {80, "http"},
        {443, "https"},     {1883, "mqtt"},     {3000, "http"},       {3306, "mysql"},  {5000, "http"},
        {5432, "postgresql"}, {5672, "amqp"},   {6379, "redis"},      {8000, "http"},   {8080, "http"},
        {8443, "https"},    {9000, "http"},     {9090, "http"},       {11211, "memcached"},
        {27017, "mongodb"},
    };
    for (const Usual& usual : table) {
        if (usual.port == port && (!udp || port == 53))
            return usual.scheme;
    }
    return udp ? "udp" : "tcp";
}

} // namespace linnet::cli
