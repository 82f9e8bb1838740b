#include "cli/apt/private_root.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/apt/apt_root.h"
#include "cli/apt/files.h"
#include "cli/apt/text.h"

namespace linnet::cli {

namespace fs = std::filesystem;

namespace {

constexpr std::int64_t lists_age_limit_s = 24 * 3600;

// How the host reaches its mirrors: proxies, certificates, retries.
std::string host_acquire_settings()
{
    std::string result;
    CommandResult dump = run_command({"apt-config", "dump"});
    for (std::string_view line : lines_of(dump.out)) {
        bool wanted = false;
        for (std::string_view prefix : {"Acquire::http", "Acquire::https", "Acquire::ftp", "Acquire::Force",
                                        "Acquire::Retries", "Acquire::Check-"})
            wanted |= line.starts_with(prefix);
        if (wanted && !line.ends_with(" \"\";"))
            (result += line) += '\n';
    }
    return result;
}

std::string megabytes(std::uint64_t bytes)
{
    char text[32];
    std::snprintf(text, sizeof text, "%.1f MB", static_cast<double>(bytes) / 1e6);
    return text;
}

std::string archive_name(const Package& package)
{
    std::string version;
    for (char c : package.version)
        version += c == ':' ? "%3a" : std::string(1, c);
    return package.name + "_" + version + "_" + package.architecture + ".deb";
}

} // namespace

std::string apt_failure(const std::string& output, const std::string& fallback)
{
    std::string warning;
    for (std::string_view line : lines_of(output)) {
        if (line.starts_with("E: ") && line.find("held broken packages") == std::string_view::npos &&
            line.find("Some index files failed") == std::string_view::npos)
            return std::string(line.substr(3));
        if (line.starts_with("W: Failed to fetch") && warning.empty())
            warning = line.substr(3);
    }
    return warning.empty() ? fallback : warning;
}

std::string binary_sources_list(std::string_view text)
{
    std::string result;
    for (std::string_view line : lines_of(text)) {
        line = trim(line.substr(0, line.find('#')));
        auto words = blank_separated(line);
        if (words.size() >= 3 && words[0] == "deb" && line.find("cdrom:") == std::string_view::npos)
            (result += line) += '\n';
    }
    return result;
}

std::string binary_sources_deb822(std::string_view text)
{
    std::string result;
    for (const Paragraph& paragraph : parse_paragraphs(text)) {
        auto field = [&](const char* name) {
            auto it = paragraph.find(name);
            return it == paragraph.end() ? std::string() : it->second;
        };
        const std::string type_list = field("types");
        auto types = blank_separated(type_list);
        if (std::ranges::find(types, "deb") == types.end() || field("enabled") == "no" ||
            field("uris").starts_with("cdrom:"))
            continue;
        for (const auto& [name, value] : paragraph) {
            std::string folded;
            for (char c : name == "types" ? "deb" : value)
                folded += c == '\n' ? std::string("\n ") : std::string(1, c);
            result += name + ": " + folded + "\n";
        }
        result += "\n";
    }
    return result;
}

AptPrivateRoot::AptPrivateRoot(fs::path folder, Progress& progress)
    : folder_(std::move(folder)), progress_(progress)
{
    for (const char* name : {"etc/sources.list.d", "etc/empty", "state/lists/partial", "cache/archives/partial",
                             "log"})
        fs::create_directories(folder_ / name);
    write_file_if_changed(folder_ / "state/status", "");
    write_configuration();
    write_sources();
}

void AptPrivateRoot::write_configuration()
{
    std::string dir = folder_.string();
    std::string text;
    auto set = [&](std::string_view key, std::string_view value) {
        (text += key) += " \"";
        (text += value) += "\";\n";
    };
    text += host_acquire_settings();
    set("Dir", dir + "/");
    set("Dir::State", dir + "/state");
    set("Dir::State::status", dir + "/state/status");
    set("Dir::Cache", dir + "/cache");
    set("Dir::Cache::srcpkgcache", "");
    set("Dir::Log", dir + "/log");
    set("Dir::Etc", dir + "/etc");
    set("Dir::Etc::main", "/dev/null");
    set("Dir::Etc::parts", dir + "/etc/empty");
    set("Dir::Etc::trusted", "/etc/apt/trusted.gpg");
    set("Dir::Etc::trustedparts", "/etc/apt/trusted.gpg.d");
    set("Dir::Etc::preferences", "/etc/apt/preferences");
    set("Dir::Etc::preferencesparts", fs::is_directory("/etc/apt/preferences.d") ? "/etc/apt/preferences.d"
                                                                                : dir + "/etc/empty");
    if (access("/etc/apt/auth.conf", R_OK) == 0)
        set("Dir::Etc::netrc", "/etc/apt/auth.conf");
    // The unprivileged user of apt's sandbox could not write here; without root there is no sandbox anyway.
    set("APT::Sandbox::User", "root");
    set("APT::Architecture", "amd64");
    set("APT::Architectures", "amd64");
    set("APT::Install-Recommends", "false");
    set("APT::Install-Suggests", "false");
    set("APT::Update::Error-Mode", "any");
    set("APT::Get::List-Cleanup", "true");
    set("Acquire::Languages", "none");
    set("Acquire::GzipIndexes", "true");
    set("Acquire::Retries", "2");
    write_file_if_changed(folder_ / "apt.conf", text);
}

void AptPrivateRoot::write_sources()
{
    std::string list, deb822;
    std::error_code ignored;
    auto take = [&](const fs::path& path) {
        std::string text = read_file_or_empty(path);
        if (path.extension() == ".list")
            list += binary_sources_list(text);
        else if (path.extension() == ".sources")
            deb822 += binary_sources_deb822(text);
    };
    take("/etc/apt/sources.list");
    std::vector<fs::path> parts;
    for (const auto& entry : fs::directory_iterator("/etc/apt/sources.list.d", ignored))
        parts.push_back(entry.path());
    std::ranges::sort(parts);
    for (const auto& path : parts)
        take(path);
    if (list.empty() && deb822.empty())
        throw AptError("no Debian mirror in /etc/apt/sources.list or /etc/apt/sources.list.d: add one");
    bool changed = write_file_if_changed(folder_ / "etc/sources.list", list);
    changed |= write_file_if_changed(folder_ / "etc/sources.list.d/host.sources", deb822);
    if (changed)
        fs::remove(folder_ / "stamp", ignored);
}

CommandResult AptPrivateRoot::apt(std::vector<std::string> argv, const fs::path& cwd) const
{
    CommandOptions options;
    options.env = {{"APT_CONFIG", (folder_ / "apt.conf").string()},
                   {"LC_ALL", "C"},
                   {"DEBIAN_FRONTEND", "noninteractive"}};
    options.cwd = cwd;
    std::string program = argv[0];
    CommandResult result = run_command(argv, options);
    if (result.status == 127)
        throw AptError("apt: `" + program + "` is not installed on this machine");
    return result;
}

bool AptPrivateRoot::have_lists() const
{
    for (const auto& entry : fs::directory_iterator(folder_ / "state/lists"))
        if (entry.path().filename().string().find("_Packages") != std::string::npos)
            return true;
    return false;
}

std::int64_t AptPrivateRoot::lists_stamp() const
{
    struct stat st {};
    if (stat((folder_ / "stamp").c_str(), &st) != 0)
        return 0;
    return st.st_mtim.tv_sec * 1'000'000'000 + st.st_mtim.tv_nsec;
}

void AptPrivateRoot::refresh_lists(bool force)
{
    std::int64_t now_s = std::chrono::duration_cast<std::chrono::seconds>(
                             std::chrono::system_clock::now().time_since_epoch()).count();
    std::int64_t age_s = now_s - lists_stamp() / 1'000'000'000;
    bool had_lists = have_lists();
    if (!force && had_lists && age_s >= 0 && age_s < lists_age_limit_s)
        return;
    progress_.step("reading package lists");
    CommandResult result = apt({"apt-get", "-q", "update"});
    if (result.status == 0) {
        std::ofstream(folder_ / "stamp") << now_s << "\n";
        return;
    }
    std::string reason = apt_failure(result.err + result.out, "apt-get update failed");
    if (!had_lists && !have_lists())
        throw AptError("apt: no package lists: " + reason);
    progress_.note("package lists are not fresh: " + reason);
}

std::map<std::string, Package> AptPrivateRoot::solve(const std::vector<std::string>& names)
{
    std::vector<std::string> argv{"apt-get", "-q", "-y", "--no-remove", "--simulate", "install", "--"};
    argv.insert(argv.end(), names.begin(), names.end());
    CommandResult result = apt(argv);
    if (result.status != 0)
        throw AptError("apt: " + apt_failure(result.err + result.out, "can't resolve " + names[0]));

    // "Inst NAME (VERSION SOURCE [ARCH])"
    std::vector<std::string> show{"apt-cache", "show", "--"};
    for (std::string_view line : lines_of(result.out)) {
        auto words = blank_separated(line);
        if (words.size() < 3 || words[0] != "Inst" || !words[2].starts_with('('))
            continue;
        show.push_back(std::string(words[1]) + "=" + std::string(words[2].substr(1)));
    }
    if (show.size() == 3)
        throw AptError("apt: nothing to install for " + names[0]);
    result = apt(show);
    std::map<std::string, Package> packages;
    for (const Paragraph& paragraph : parse_paragraphs(result.out)) {
        Package package = package_of(paragraph);
        packages.emplace(package.name, std::move(package));
    }
    return packages;
}

std::vector<fs::path> AptPrivateRoot::download(const std::vector<Package>& packages)
{
    fs::path archives = folder_ / "cache/archives";
    std::vector<fs::path> paths;
    std::vector<std::string> argv{"apt-get", "-q", "download", "--"};
    std::uint64_t bytes = 0;
    std::error_code ignored;
    for (const Package& package : packages) {
        paths.push_back(archives / archive_name(package));
        if (fs::file_size(paths.back(), ignored) == package.archive_bytes && !ignored)
            continue;
        argv.push_back(package.name + "=" + package.version);
        bytes += package.archive_bytes;
    }
    if (argv.size() > 4) {
        progress_.step("downloading " + std::to_string(argv.size() - 4) + " packages, " + megabytes(bytes));
        CommandResult result = apt(argv, archives);
        if (result.status != 0)
            throw AptError("apt: can't download: " + apt_failure(result.err + result.out, "apt-get download failed"));
    }
    for (const auto& path : paths)
        if (!fs::exists(path))
            throw AptError("apt: the archive " + path.filename().string() + " was not downloaded");
    return paths;
}

} // namespace linnet::cli
