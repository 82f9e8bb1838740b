#include "cli/apt/run_choice.h"

#include <algorithm>
#include <sys/stat.h>

#include "cli/apt/accounts.h"
#include "cli/apt/files.h"
#include "cli/apt/text.h"
#include "cli/apt/unit.h"

namespace linnet::cli {

namespace fs = std::filesystem;

namespace {

constexpr const char* path_folders[] = {"/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin",
                                        "/usr/games"};

class Choice {
public:
    explicit Choice(const RunSource& source)
        : source_(source), accounts_(Accounts::from_text(read("/etc/passwd"), read("/etc/group")))
    {
        image_.root = source.root;
    }

    AptImage run()
    {
        if (!source_.program.empty())
            asked_for();
        else if (source_.recipe && !source_.recipe->program.empty())
            by_recipe();
        else if (source_.bare)
            bare();
        else if (const PackageUnit* unit = find_unit())
            by_unit(*unit);
        else
            only_command();
        check_program();
        return std::move(image_);
    }

private:
    std::string read(const std::string& path) const
    {
        return read_file_or_empty(path_in_root(source_.root, path, true));
    }

    bool is_file(const std::string& path) const
    {
        return fs::is_regular_file(path_in_root(source_.root, path, true));
    }

    std::string find_in_path(const std::string& name) const
    {
        for (const char* folder : path_folders)
            if (std::string path = std::string(folder) + "/" + name; is_file(path))
                return path;
        return {};
    }

    void asked_for()
    {
        std::string path = source_.program.find('/') == std::string::npos ? find_in_path(source_.program)
                                                                          : clean_path(source_.program);
        if (path.empty() || !is_file(path))
            throw AptError("apt:" + source_.package + " has no program `" + source_.program + "`", 127);
        image_.argv = {path};
        image_.origin = "program";
    }

    void by_recipe()
    {
        const Recipe& recipe = *source_.recipe;
        image_.argv = {recipe.program};
        image_.argv.insert(image_.argv.end(), recipe.args.begin(), recipe.args.end());
        image_.env = recipe.env;
        image_.ports = recipe.ports;
        image_.origin = "recipe " + source_.package;
        if (!recipe.user.empty())
            become(recipe.user, recipe.group, {});
        if (!recipe.cwd.empty())
            image_.cwd = recipe.cwd;
    }

    // A unit named as the package; else the only one of the package; else one of a package that the
    // name continues (nginx-light: nginx).
    const PackageUnit* find_unit() const
    {
        std::vector<const PackageUnit*> own, related;
        for (const auto& unit : source_.units) {
            if (unit.name.find('@') != std::string::npos)
                continue;
            std::string stem = unit.name.substr(0, unit.name.rfind('.'));
            if (stem == source_.package)
                return &unit;
            if (unit.package == source_.package)
                own.push_back(&unit);
            else if (source_.package.starts_with(stem + "-"))
                related.push_back(&unit);
        }
        if (own.size() == 1)
            return own[0];
        if (own.empty() && related.size() == 1)
            return related[0];
        return nullptr;
    }

    Unit parse(const PackageUnit& unit) const
    {
        return parse_unit(unit.text, unit.name, [this](const std::string& path) { return read(path); });
    }

    void by_unit(const PackageUnit& found)
    {
        Unit unit = parse(found);
        if (unit.argv.empty() || !unit.argv[0].starts_with('/'))
            return only_command();
        if (unit.forks)
            throw AptError("apt:" + source_.package + ": its unit " + found.name +
                           " goes to the background; name a program (apt:" + source_.package + unit.argv[0] +
                           ") with arguments that keep it in the foreground");
        image_.argv = unit.argv;
        image_.env = unit.env;
        image_.origin = "unit " + found.name;
        if (!unit.user.empty())
            become(unit.user, unit.group, unit.supplementary_groups);
        if (unit.cwd == "~")
            unit.cwd = home_;
        if (!unit.cwd.empty())
            image_.cwd = clean_path(unit.cwd);
    }

    void bare()
    {
        if (std::string path = find_in_path(source_.package); !path.empty()) {
            image_.argv = {path};
        } else if (const PackageUnit* found = find_unit(); found && !parse(*found).argv.empty()) {
            image_.argv = {parse(*found).argv[0]};
        } else {
            return only_command();
        }
        image_.origin = "program";
    }

    void only_command()
    {
        std::vector<std::string> own;
        for (const auto& [path, package] : source_.commands)
            if (package == source_.package)
                own.push_back(path);
        std::string named = find_in_path(source_.package);
        if (named.empty() && own.size() == 1)
            named = own[0];
        if (!named.empty()) {
            image_.argv = {named};
            image_.origin = "program";
            return;
        }
        if (own.empty())
            throw AptError("apt:" + source_.package + " has neither a service nor a program", 127);
        std::string list;
        for (size_t i = 0; i < own.size() && i < 8; ++i)
            list += (i ? ", " : "") + own[i].substr(own[i].rfind('/') + 1);
        if (own.size() > 8)
            list += ", ...";
        throw AptError("apt:" + source_.package + " has no service; name a program of it (apt:" +
                       source_.package + "/PROGRAM): " + list, 127);
    }

    void become(const std::string& user_name, const std::string& group_name,
                const std::vector<std::string>& more_groups)
    {
        auto uid = accounts_.uid_of(user_name);
        if (!uid)
            throw AptError("apt:" + source_.package + ": no user `" + user_name + "` in the image");
        image_.uid = *uid;
        const User* user = accounts_.user(user_name);
        auto gid = group_name.empty() ? std::optional(user ? user->gid : 0) : accounts_.gid_of(group_name);
        if (!gid)
            throw AptError("apt:" + source_.package + ": no group `" + group_name + "` in the image");
        image_.gid = *gid;
        image_.groups = accounts_.groups_of(user_name);
        for (const auto& name : more_groups)
            if (auto more = accounts_.gid_of(name))
                image_.groups.push_back(*more);
        if (user && *uid != 0) {
            home_ = user->home;
            for (const auto& [key, value] : {std::pair("HOME", user->home), std::pair("LOGNAME", user->name),
                                             std::pair("USER", user->name)})
                if (std::ranges::none_of(image_.env, [&](const auto& e) {
                        return e.starts_with(std::string(key) + "=");
                    }))
                    image_.env.push_back(std::string(key) + "=" + value);
        }
    }

    void check_program() const
    {
        std::string host = path_in_root(source_.root, image_.argv[0], true);
        struct stat st {};
        if (stat(host.c_str(), &st) != 0)
            throw AptError("apt:" + source_.package + ": no file " + image_.argv[0] + " in the image", 127);
        if (!S_ISREG(st.st_mode) || !(st.st_mode & 0111))
            throw AptError("apt:" + source_.package + ": " + image_.argv[0] + " is not a program", 126);
    }

    const RunSource& source_;
    Accounts accounts_;
    AptImage image_;
    std::string home_ = "/root";
};

} // namespace

AptImage choose_run(const RunSource& source) { return Choice(source).run(); }

} // namespace linnet::cli
