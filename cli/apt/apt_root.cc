#include "cli/apt/apt_root.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <set>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/apt/exclusions.h"
#include "cli/apt/files.h"
#include "cli/apt/private_root.h"
#include "cli/apt/recipe.h"
#include "cli/apt/root_builder.h"
#include "cli/apt/run_choice.h"
#include "cli/apt/text.h"

namespace linnet::cli {

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

// Counts up when the same packages would give another root, so that old ones are not used.
constexpr int builder_version = 3;

fs::path default_cache_folder()
{
    if (const char* cache = std::getenv("XDG_CACHE_HOME"); cache && *cache)
        return fs::path(cache) / "linnet/apt";
    const char* home = std::getenv("HOME");
    return fs::path(home && *home ? home : "/root") / ".cache/linnet/apt";
}

class FolderLock {
public:
    explicit FolderLock(const fs::path& folder)
    {
        fs::create_directories(folder);
        fd_ = open((folder / "lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
        if (fd_ < 0)
            throw AptError("apt: can't use " + folder.string());
        while (flock(fd_, LOCK_EX) != 0 && errno == EINTR) {}
    }
    ~FolderLock() { close(fd_); }
    FolderLock(const FolderLock&) = delete;
    FolderLock& operator=(const FolderLock&) = delete;

private:
    int fd_;
};

// FNV-1a, 64 bits: names a folder of our own; nothing hostile chooses the input.
std::string hash_text(std::string_view text)
{
    std::uint64_t hash = 0xcbf29ce484222325;
    for (char c : text)
        hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
    char name[17];
    std::snprintf(name, sizeof name, "%016llx", static_cast<unsigned long long>(hash));
    return name;
}

bool valid_package_name(std::string_view name)
{
    if (name.size() < 2 || name.back() == '-')
        return false;
    auto lower = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
    return lower(name[0]) && std::ranges::all_of(name, [&](char c) {
        return lower(c) || c == '+' || c == '-' || c == '.';
    });
}

bool valid_version(std::string_view version)
{
    return !version.empty() && std::ranges::all_of(version, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               std::string_view(".+-:~").find(c) != std::string_view::npos;
    });
}

struct Resolved {
    std::string package; // the requested one, or what provides it
    std::vector<Package> closure;
    std::string key_text() const
    {
        std::string text;
        for (const auto& p : closure)
            text += p.name + " " + p.version + "\n";
        return text;
    }
};

class Resolver {
public:
    Resolver(const AptRequest& request, Progress& progress)
        : request_(request), progress_(progress),
          folder_(request.cache_folder.empty() ? default_cache_folder() : request.cache_folder),
          recipes_(request.recipe_folder.empty() ? fs::path(LINNET_RECIPE_FOLDER) : request.recipe_folder),
          name_(request.package.substr(0, request.package.find('='))), lock_(folder_),
          apt_(folder_, progress)
    {
    }

    AptImage run()
    {
        load_recipe();
        apt_.refresh_lists(request_.refresh);
        AptImage image = build(false);
        // A script may use Essential packages without depending on them.
        std::string program = path_in_root(image.root, image.argv.at(0), true);
        if (read_file_or_empty(program).starts_with("#!"))
            image = build(true);
        image.argv.insert(image.argv.end(), request_.args.begin(), request_.args.end());
        return image;
    }

private:
    std::optional<std::string> recipe_text(const std::string& name)
    {
        fs::path path = recipes_ / name;
        if (!fs::is_regular_file(path))
            return std::nullopt;
        std::string text = read_file_or_empty(path);
        recipe_key_ += name + "\n" + text;
        return text;
    }

    void load_recipe()
    {
        if (request_.no_recipe || name_ == "README.md")
            return;
        if (auto text = recipe_text(name_))
            recipe_ = parse_recipe(*text, name_, [this](const std::string& other) { return recipe_text(other); });
    }

    Resolved resolve(bool with_script_packages)
    {
        std::vector<std::string> wanted{request_.package};
        wanted.insert(wanted.end(), request_.packages.begin(), request_.packages.end());
        if (recipe_)
            wanted.insert(wanted.end(), recipe_->packages.begin(), recipe_->packages.end());
        if (with_script_packages)
            wanted.insert(wanted.end(), script_packages().begin(), script_packages().end());

        std::set<std::string> left_out = left_out_packages();
        std::string memo_name = std::to_string(builder_version) + "-";
        for (const auto& name : wanted)
            memo_name += name + "\n";
        if (recipe_) {
            for (const auto& name : recipe_->without) {
                left_out.insert(name);
                memo_name += "without " + name + "\n";
            }
        }
        fs::path memo = folder_ / "resolved" / hash_text(memo_name);
        if (auto known = read_memo(memo))
            return *known;

        std::map<std::string, Package> solved = apt_.solve(wanted);
        std::vector<std::string> roots;
        for (const auto& name : wanted)
            roots.push_back(root_of(name.substr(0, name.find('=')), solved));
        Resolved resolved;
        resolved.package = roots[0];
        for (const auto& name : closure_of(solved, roots, left_out))
            resolved.closure.push_back(solved.at(name));
        write_memo(memo, resolved);
        return resolved;
    }

    // A package, or the one that apt chose for a virtual name. apt also takes a name as a pattern: not we.
    std::string root_of(const std::string& name, const std::map<std::string, Package>& solved) const
    {
        if (solved.contains(name))
            return name;
        for (const auto& [candidate, package] : solved)
            if (std::ranges::find(package.provides, name) != package.provides.end())
                return candidate;
        throw AptError("apt: no package `" + name + "`");
    }

    std::optional<Resolved> read_memo(const fs::path& path) const
    {
        json memo = json::parse(read_file_or_empty(path), nullptr, false);
        if (!memo.is_object() || memo.value("stamp", std::int64_t{-1}) != apt_.lists_stamp() ||
            apt_.lists_stamp() == 0)
            return std::nullopt;
        Resolved resolved;
        resolved.package = memo.value("package", "");
        for (const auto& entry : memo["closure"]) {
            Package package;
            package.name = entry.value("name", "");
            package.version = entry.value("version", "");
            package.architecture = entry.value("architecture", "");
            package.archive_bytes = entry.value("bytes", std::uint64_t{0});
            resolved.closure.push_back(std::move(package));
        }
        return resolved;
    }

    void write_memo(const fs::path& path, const Resolved& resolved) const
    {
        json memo{{"stamp", apt_.lists_stamp()}, {"package", resolved.package}, {"closure", json::array()}};
        for (const auto& p : resolved.closure)
            memo["closure"].push_back({{"name", p.name}, {"version", p.version},
                                       {"architecture", p.architecture}, {"bytes", p.archive_bytes}});
        fs::create_directories(path.parent_path());
        write_file(path, memo.dump(1));
    }

    AptImage build(bool with_script_packages)
    {
        Resolved resolved = resolve(with_script_packages);
        std::string key = std::to_string(builder_version) + "\n" + resolved.key_text() + recipe_key_;
        fs::path folder = folder_ / "roots" / (name_ + "-" + hash_text(key));
        json meta = json::parse(read_file_or_empty(folder / "image.json"), nullptr, false);
        if (!meta.is_object()) {
            unpack(resolved, folder);
            meta = json::parse(read_file_or_empty(folder / "image.json"));
        }
        return image_of(resolved, folder, meta);
    }

    void unpack(const Resolved& resolved, const fs::path& folder)
    {
        std::vector<fs::path> archives = apt_.download(resolved.closure);
        progress_.step("unpacking " + std::to_string(archives.size()) + " packages");
        fs::path scratch = folder;
        scratch += "." + std::to_string(getpid()) + ".new";
        fs::remove_all(scratch);
        try {
            fs::create_directories(scratch);
            RootBuilder builder(scratch / "root", recipe_ ? recipe_->excludes : std::vector<std::string>{},
                                recipe_ ? recipe_->includes : std::vector<std::string>{});
            for (size_t i = 0; i < archives.size(); ++i)
                builder.add_package(resolved.closure[i].name, archives[i]);
            builder.configure();
            if (recipe_) {
                builder.apply_recipe(recipe_->actions);
                for (const auto& r : recipe_->replacements)
                    if (!builder.replace_in_file(r.path, r.from, r.to))
                        throw AptError("recipe " + name_ + ": `" + r.from + "` is not in " + r.path);
            }
            builder.finish();
            write_file(scratch / "image.json", meta_of(builder).dump(1));
            fs::remove_all(folder);
            fs::rename(scratch, folder);
        } catch (...) {
            std::error_code ignored;
            fs::remove_all(scratch, ignored);
            throw;
        }
    }

    static json meta_of(const RootBuilder& builder)
    {
        json meta{{"owners", json::array()}, {"units", json::array()}, {"commands", json::object()}};
        for (const auto& o : builder.owners())
            meta["owners"].push_back({o.path, o.uid, o.gid, o.mode});
        for (const auto& unit : builder.units())
            meta["units"].push_back({{"name", unit.name}, {"package", unit.package}, {"text", unit.text}});
        for (const auto& [path, package] : builder.commands())
            meta["commands"][path] = package;
        return meta;
    }

    AptImage image_of(const Resolved& resolved, const fs::path& folder, const json& meta) const
    {
        RunSource source;
        source.root = folder / "root";
        source.package = resolved.package;
        source.program = request_.program;
        source.bare = request_.no_recipe;
        source.recipe = recipe_ ? &*recipe_ : nullptr;
        for (const auto& p : resolved.closure)
            source.packages.push_back(p.name);
        for (const auto& unit : meta["units"])
            source.units.push_back({unit["name"], unit["package"], unit["text"]});
        for (const auto& [path, package] : meta["commands"].items())
            source.commands[path] = package;

        AptImage image = choose_run(source);
        for (const auto& o : meta["owners"])
            image.owners.push_back({o[0], o[1], o[2], o[3]});
        for (const auto& p : resolved.closure)
            image.packages.push_back(p.name + " " + p.version);
        std::ranges::sort(image.packages);
        return image;
    }

    const AptRequest& request_;
    Progress& progress_;
    fs::path folder_, recipes_;
    std::string name_;
    FolderLock lock_;
    AptPrivateRoot apt_;
    std::optional<Recipe> recipe_;
    std::string recipe_key_;
};

} // namespace

void parse_apt_name(std::string_view text, AptRequest& request)
{
    std::string_view whole = text;
    if (text.starts_with("apt:"))
        text.remove_prefix(4);
    size_t slash = text.find('/');
    std::string_view package = text.substr(0, slash);
    size_t equals = package.find('=');
    if (!valid_package_name(package.substr(0, equals)) ||
        (equals != std::string_view::npos && !valid_version(package.substr(equals + 1))))
        throw AptError("not a package name: " + std::string(whole));
    request.package = package;
    request.program.clear();
    if (slash != std::string_view::npos) {
        request.program = text.substr(slash + 1);
        if (request.program.empty() || request.program.find('\0') != std::string::npos)
            throw AptError("no program after the slash: " + std::string(whole));
    }
}

AptImage resolve_apt(const AptRequest& request, Progress& progress)
{
    AptRequest checked = request;
    parse_apt_name(request.package + (request.program.empty() ? "" : "/" + request.program), checked);
    for (const std::string& more : request.packages) {
        if (AptRequest other; parse_apt_name(more, other), !other.program.empty())
            throw AptError("not a package name: " + more);
    }
    try {
        return Resolver(checked, progress).run();
    } catch (const AptError&) {
        throw;
    } catch (const std::exception& error) {
        throw AptError(std::string("apt: ") + error.what());
    }
}

} // namespace linnet::cli
