// Fills a folder with the files of packages and what their maintainer scripts would have made, without
// root: owners and special modes go to a list instead of the disk.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "cli/apt/accounts.h"
#include "cli/apt/apt_root.h"
#include "cli/apt/setup_action.h"
#include "cli/apt/tar_reader.h"

namespace linnet::cli {

struct PackageUnit {
    std::string name;    // "redis-server.service"
    std::string package;
    std::string text;
};

class RootBuilder {
public:
    // `root` must not exist. `excludes` and `includes` are globs over paths of packages.
    RootBuilder(std::filesystem::path root, std::vector<std::string> excludes,
                std::vector<std::string> includes);

    // In order of dependencies. Throws AptError for an archive that can't be read.
    void add_package(const std::string& name, const std::filesystem::path& archive);

    // What the packages' scripts, sysusers.d, tmpfiles.d and units ask for.
    void configure();

    // Actions of a recipe: a user that does not exist is an AptError.
    void apply_recipe(const SetupActions& actions);
    // False if FROM is not in the file.
    bool replace_in_file(const std::string& path, const std::string& from, const std::string& to);

    // Account files, hosts, nsswitch.conf, linker cache, certificates; then nothing may be added.
    void finish();

    std::vector<AptOwner> owners() const;
    const std::vector<PackageUnit>& units() const { return units_; }
    // Programs that a package ships in folders of PATH: path in the image to package.
    const std::map<std::string, std::string>& commands() const { return commands_; }

private:
    class Unpacker;
    struct Attributes {
        std::uint32_t uid = 0, gid = 0, mode = 0;
    };

    void apply(const SetupAction& action, bool strict);
    void apply_owner(const SetupAction& action, const std::string& path, bool strict);
    void make_folder(const std::string& path, std::uint32_t mode);
    void make_alternatives();
    void make_certificates();
    void make_linker_cache();
    void drop_unused_libc_parts();
    void merge_equal_files();
    void set_attributes(const std::string& path, Attributes attributes);
    Attributes attributes_of(const std::string& path) const;

    std::filesystem::path root_;
    std::vector<std::string> excludes_, includes_;
    Accounts accounts_;
    std::map<std::string, Attributes> attributes_; // all that is not 0:0 or not the mode on disk
    std::vector<std::pair<std::string, std::string>> scripts_;   // package, postinst
    std::vector<std::string> sysusers_, tmpfiles_;                // texts
    std::vector<PackageUnit> units_;
    std::map<std::string, std::string> commands_;
    std::vector<SetupAction> alternatives_;
};

// The path on the host of `path` in `root`, symbolic links resolved as the guest would (absolute ones start
// at `root`, ".." stops there). The last component is resolved only if `follow_last`. It need not exist. Throws
// AptError for a loop.
std::string path_in_root(const std::filesystem::path& root, std::string_view path, bool follow_last);

} // namespace linnet::cli
