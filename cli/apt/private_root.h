// apt with state of its own: lists, caches and an empty dpkg status below one folder. Reads the
// host's sources, pins, keyrings and proxies; writes nothing outside the folder.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "cli/apt/command.h"
#include "cli/apt/control.h"
#include "cli/apt/progress.h"

namespace linnet::cli {

class AptPrivateRoot {
public:
    // Makes the folder and its configuration. Throws AptError.
    AptPrivateRoot(std::filesystem::path folder, Progress& progress);

    // Fetches the lists if there are none, if they are older than a day or if `force`. A failure is a note
    // if older lists are there, else AptError.
    void refresh_lists(bool force);

    // Changes whenever the lists do.
    std::int64_t lists_stamp() const;

    // What apt would install on an empty system for these packages, without Recommends: name to
    // package. Throws AptError for a package that does not exist or can't be installed.
    std::map<std::string, Package> solve(const std::vector<std::string>& names);

    // Fetches and verifies (by apt, against the signed lists) the archives that are not there yet; their
    // paths, in the order given.
    std::vector<std::filesystem::path> download(const std::vector<Package>& packages);

private:
    CommandResult apt(std::vector<std::string> argv, const std::filesystem::path& cwd = {}) const;
    void write_configuration();
    void write_sources();
    bool have_lists() const;

    std::filesystem::path folder_;
    Progress& progress_;
};

// The one line of apt's error output that says most, without "E: "; `fallback` if there is none.
std::string apt_failure(const std::string& output, const std::string& fallback);

// The binary part of a one-line sources.list, or of deb822 text: no deb-src, no cdrom, nothing disabled.
std::string binary_sources_list(std::string_view text);
std::string binary_sources_deb822(std::string_view text);

} // namespace linnet::cli
