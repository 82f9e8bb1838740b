// The files of a guest's root, before they become an archive: a map from guest path to entry. Data is
// not read until the archive is written.
#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "cli/util/fd.h"
#include "cli/util/text.h"

namespace linnet::cli {

// A file of the host, read when the archive is written.
struct HostFile {
    std::string path;
    std::uint64_t size = 0;
    std::int64_t mtime_ns = 0;
    std::uint64_t inode = 0;
};

// A part of an open file (a member of an archive).
struct FileSlice {
    std::shared_ptr<Fd> file;
    std::uint64_t offset = 0; // bytes
    std::uint64_t size = 0;   // bytes
    std::string identity;     // stands for the contents in cache keys
};

using Data = std::variant<std::monostate, std::string, HostFile, FileSlice>;

struct Entry {
    std::uint32_t mode = 0; // type and permissions, as st_mode
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
    std::uint32_t mtime = 0; // seconds since 1970
    dev_t device = 0;        // of a device node
    std::string target;      // of a symbolic link
    std::uint64_t links = 0; // a number that all names of one file share; 0: one name only
    Data data;               // of a regular file

    bool is_file() const { return S_ISREG(mode); }
    bool is_folder() const { return S_ISDIR(mode); }
    bool is_link() const { return S_ISLNK(mode); }
    std::uint64_t size() const;
};

class Tree {
public:
    // Paths are absolute; "." and ".." and double slashes are resolved by the text alone.
    // A later entry replaces an earlier one, except that a folder stays a folder with its contents.
    void add(std::string_view path, Entry entry);
    void add_folder(std::string_view path, std::uint32_t mode = 0755);
    void add_text(std::string_view path, std::string text, std::uint32_t mode = 0644);
    void add_link(std::string_view path, std::string target);
    std::uint64_t new_link_number() { return ++last_link_number_; }
    void remove(const std::string& path) { entries_.erase(path); }

    const std::map<std::string, Entry>& entries() const { return entries_; }
    std::map<std::string, Entry>& entries() { return entries_; }

    // The entry at exactly this path (its last name and its parents not followed), or null.
    Entry* find(const std::string& path);
    const Entry* find(const std::string& path) const;

    // The path with all symbolic links followed, as the guest's kernel would; nothing if it does not
    // lead anywhere in the tree. A path without a leading slash starts at the root.
    std::optional<std::string> resolve(std::string_view path) const;

    // `path` with the links in its parent folders followed: where an entry of that name has to be.
    std::string place(std::string_view path) const;

    // Makes every missing parent folder.
    void add_parents();

    // Stands for names, modes and contents (by the host files' size and time) of everything.
    void add_to(Fingerprint& fingerprint) const;

private:
    std::map<std::string, Entry> entries_; // "/" itself included, no trailing slashes
    std::uint64_t last_link_number_ = 0;
};

// "/a/b/../c//d" becomes "/a/c/d".
std::string normal_path(std::string_view path);

// Up to `limit` bytes of a file's data from `offset`; throws CommandError if the host's file has changed
// its size or cannot be read.
std::string read_data(const Data& data, std::uint64_t offset, std::uint64_t limit);

} // namespace linnet::cli
