#include "cli/image/host_files.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <filesystem>
#include <map>
#include <vector>

#include "cli/util/error.h"

namespace linnet::cli {

namespace fs = std::filesystem;

namespace {

std::string read_target(const std::string& path) {
    char target[4096];
    const ssize_t n = ::readlink(path.c_str(), target, sizeof target);
    if (n < 0)
        throw CommandError(concat("cannot read the link ", path, ": ", error_text(errno)));
    return {target, static_cast<std::size_t>(n)};
}

Entry make_entry(const std::string& path, const struct stat& st, bool keep_owners) {
    Entry entry;
    entry.mode = st.st_mode;
    entry.mtime = static_cast<std::uint32_t>(st.st_mtim.tv_sec);
    if (keep_owners) {
        const bool mine = ::geteuid() != 0 && st.st_uid == ::geteuid();
        entry.uid = mine ? 0 : st.st_uid;
        entry.gid = mine ? 0 : st.st_gid;
    }
    if (S_ISLNK(st.st_mode)) {
        entry.target = read_target(path);
    } else if (S_ISREG(st.st_mode)) {
        entry.data = HostFile{path, static_cast<std::uint64_t>(st.st_size),
                              st.st_mtim.tv_sec * 1'000'000'000 + st.st_mtim.tv_nsec, st.st_ino};
    } else if (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode)) {
        entry.device = st.st_rdev;
    }
    return entry;
}

class FolderCopy {
public:
    explicit FolderCopy(Tree& tree) : tree_(tree) {}

    void copy(const std::string& host, const std::string& guest) {
        struct stat st;
        if (::lstat(host.c_str(), &st) != 0)
            throw CommandError(concat("cannot read ", host, ": ", error_text(errno)));
        if (S_ISSOCK(st.st_mode))
            return;
        Entry entry = make_entry(host, st, true);
        if (S_ISREG(st.st_mode) && st.st_nlink > 1) {
            auto& number = links_[{st.st_dev, st.st_ino}];
            if (number == 0)
                number = tree_.new_link_number();
            entry.links = number;
        }
        tree_.add(guest, std::move(entry));
        if (S_ISDIR(st.st_mode))
            copy_contents(host, guest);
    }

private:
    void copy_contents(const std::string& host, const std::string& guest) {
        DIR* folder = ::opendir(host.c_str());
        if (!folder)
            throw CommandError(concat("cannot read the folder ", host, ": ", error_text(errno)));
        std::vector<std::string> names;
        while (const dirent* item = ::readdir(folder)) {
            const std::string name = item->d_name;
            if (name != "." && name != "..")
                names.push_back(name);
        }
        ::closedir(folder);
        for (const std::string& name : names)
            copy(host + "/" + name, guest == "/" ? "/" + name : guest + "/" + name);
    }

    Tree& tree_;
    std::map<std::pair<dev_t, ino_t>, std::uint64_t> links_;
};

// "#!/usr/bin/env python3" -> interpreter and its argument; empty if it is no script.
std::pair<std::string, std::string> script_interpreter(std::string_view head) {
    if (!head.starts_with("#!"))
        return {};
    std::string_view line = head.substr(2, head.find('\n') - 2);
    const auto trim = [](std::string_view text) {
        while (!text.empty() && (text.front() == ' ' || text.front() == '\t'))
            text.remove_prefix(1);
        while (!text.empty() && (text.back() == ' ' || text.back() == '\t'))
            text.remove_suffix(1);
        return text;
    };
    line = trim(line);
    const auto blank = line.find_first_of(" \t");
    const std::string_view argument =
        blank == std::string_view::npos ? std::string_view() : trim(line.substr(blank));
    return {std::string(line.substr(0, blank)), std::string(argument)};
}

} // namespace

Entry entry_of_host(const std::string& path) {
    struct stat st;
    if (::lstat(path.c_str(), &st) != 0)
        throw CommandError(concat("cannot read ", path, ": ", error_text(errno)));
    return make_entry(path, st, false);
}

std::string add_host_file(Tree& tree, const std::string& path) {
    std::vector<std::string> pending;
    const auto push = [&pending](const std::string& names) {
        std::vector<std::string> parts = split(names, '/');
        pending.insert(pending.end(), parts.rbegin(), parts.rend());
    };
    push(path);
    std::string at;
    for (int links = 0; !pending.empty();) {
        const std::string name = std::move(pending.back());
        pending.pop_back();
        if (name.empty() || name == ".")
            continue;
        if (name == "..") {
            at.erase(std::min(at.size(), at.rfind('/')));
            continue;
        }
        const std::string next = at + "/" + name;
        struct stat st;
        if (::lstat(next.c_str(), &st) != 0 || links > 40)
            return {};
        if (!tree.find(next))
            tree.add(next, make_entry(next, st, false));
        if (S_ISLNK(st.st_mode)) {
            ++links;
            const std::string target = read_target(next);
            if (target.starts_with('/'))
                at.clear();
            push(target);
            continue;
        }
        at = next;
    }
    return at.empty() ? "/" : at;
}

void add_host_tree(Tree& tree, const std::string& host, const std::string& guest) {
    // The named thing itself is followed if it is a link: that is what the user means.
    std::error_code error;
    const fs::path real = fs::canonical(host, error);
    if (error)
        throw CommandError(concat("cannot read ", host, ": ", error.message()));
    FolderCopy(tree).copy(real.string(), tree.place(guest));
}

void add_usual_files(Tree& tree, bool dynamic, const std::string& time_zone,
                     const std::string& locale) {
    const auto text = [&](const char* path, const char* contents) {
        if (!tree.find(tree.place(path)))
            tree.add_text(tree.place(path), contents);
    };
    for (const char* folder : {"/dev", "/proc", "/sys", "/etc", "/var", "/run", "/usr"})
        tree.add_folder(folder);
    tree.add_folder(tree.place("/tmp"), 01777);
    tree.add_folder(tree.place("/var/tmp"), 01777);
    tree.add_folder(tree.place("/root"), 0700);
    text("/etc/passwd", "root:x:0:0:root:/root:/bin/sh\n"
                        "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n");
    text("/etc/group", "root:x:0:\ntty:x:5:\nnogroup:x:65534:\n");
    text("/etc/hosts", "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n"
                       "127.0.1.1\tlinnet\n");
    text("/etc/nsswitch.conf", "passwd: files\ngroup: files\nshadow: files\nhosts: files dns\n"
                               "networks: files\nprotocols: files\nservices: files\n");
    if (!tree.find("/etc/localtime"))
        add_host_file(tree, "/etc/localtime");
    if (!dynamic)
        return;
    for (const char* path :
         {"/etc/services", "/etc/protocols", "/etc/rpc", "/etc/gai.conf", "/etc/ld.so.cache",
          "/etc/ld.so.conf", "/etc/timezone", "/etc/mime.types", "/etc/ssl/openssl.cnf",
          "/etc/ssl/certs/ca-certificates.crt", "/usr/lib/ssl", "/usr/lib/ssl/certs",
          "/usr/lib/ssl/openssl.cnf"})
        add_host_file(tree, path);
    const auto folder = [&](const std::string& path) {
        std::error_code error;
        if (fs::is_directory(path, error) && !tree.find(tree.place(path)))
            add_host_tree(tree, path, path);
    };
    folder("/usr/lib/locale/C.utf8");
    if (!locale.empty() && !locale.starts_with("C") && !locale.starts_with("POSIX"))
        add_host_file(tree, "/usr/lib/locale/locale-archive");
    const std::string zones = "/usr/share/zoneinfo";
    std::error_code error;
    for (const auto& item : fs::directory_iterator(zones, error)) {
        const std::string name = item.path().filename().string();
        if (name != "posix" && name != "right" && name != "localtime")
            add_host_tree(tree, item.path().string(), item.path().string());
    }
    if (!time_zone.empty() && time_zone.find("..") == std::string::npos)
        add_host_file(tree, zones + "/" + time_zone);
}

std::string add_host_program(Tree& tree, const std::string& path, const std::string& library_path) {
    const std::string absolute = fs::absolute(path).lexically_normal().string();
    struct stat st;
    if (::stat(absolute.c_str(), &st) != 0) {
        const int error = errno;
        throw CommandError(error == EACCES ? status_cannot_run : status_not_found,
                           concat(path, ": ", error_text(error)));
    }
    const std::string real = add_host_file(tree, absolute);
    if (S_ISREG(st.st_mode) && ::access(real.c_str(), R_OK) != 0)
        throw CommandError(status_cannot_run, concat(path, ": ", error_text(errno)));
    DependencyFinder finder;
    std::string program = real;
    for (int depth = 0; depth < 5; ++depth) {
        const Entry* entry = tree.find(program);
        if (!entry || !entry->is_file())
            break;
        const auto [interpreter, argument] = script_interpreter(read_data(entry->data, 0, 256));
        if (interpreter.empty())
            break;
        const std::string next = add_host_file(tree, interpreter);
        if (next.empty())
            break; // check_program has the words for it
        if (next.ends_with("/env") && !argument.empty()) {
            // env looks its argument up along PATH; take along what it would find here.
            for (const std::string& word : split_shell_words(argument)) {
                if (word.starts_with("-") || word.find('=') != std::string::npos)
                    continue;
                for (const char* folder : {"/usr/local/bin", "/usr/bin", "/bin", "/usr/sbin"}) {
                    const std::string candidate = concat(folder, "/", word);
                    if (::access(candidate.c_str(), X_OK) != 0)
                        continue;
                    add_host_program(tree, candidate, library_path);
                    break;
                }
                break;
            }
        }
        program = next;
    }
    check_program(tree, real);
    const Dependencies needs = finder.find(program, library_path);
    if (!needs.missing.empty())
        throw CommandError(status_cannot_run,
                           concat(program, ": needs ", needs.missing.front(), ", which is not there"));
    for (const std::string& file : needs.files) {
        if (add_host_file(tree, file).empty())
            throw CommandError(status_cannot_run, concat(program, ": needs ", file,
                                                         ", which is not there"));
    }
    return absolute;
}

void add_needs_of(Tree& tree, const std::string& guest_folder) {
    const std::string root = normal_path(guest_folder);
    std::vector<std::string> files;
    for (const auto& [path, entry] : tree.entries()) {
        const auto* file = std::get_if<HostFile>(&entry.data);
        if (file && (path == root || path.starts_with(root + "/")))
            files.push_back(file->path);
    }
    DependencyFinder finder;
    for (const std::string& file : files) {
        for (const std::string& needed : finder.find(file).files)
            add_host_file(tree, needed);
    }
}

void check_program(const Tree& tree, const std::string& program) {
    std::string path = program;
    std::string asked_by; // "" or "SCRIPT: interpreter "
    for (int depth = 0; depth < 6; ++depth) {
        const auto real = tree.resolve(path);
        if (!real) {
            if (depth == 0)
                throw CommandError(status_not_found, concat(path, ": not found"));
            throw CommandError(status_cannot_run, concat(asked_by, path, " is not there"));
        }
        const Entry* entry = tree.find(*real);
        if (!entry || entry->is_folder())
            throw CommandError(status_cannot_run, concat(asked_by, path, ": is a directory"));
        if (!entry->is_file())
            throw CommandError(status_cannot_run, concat(asked_by, path, ": not a regular file"));
        if (!(entry->mode & 0111))
            throw CommandError(status_cannot_run,
                               concat(asked_by, path, ": permission denied (no execute bit)"));
        const std::string head = read_data(entry->data, 0, 256);
        if (const auto [interpreter, argument] = script_interpreter(head); head.starts_with("#!")) {
            if (interpreter.empty())
                throw CommandError(status_cannot_run, concat(path, ": empty #! line"));
            asked_by = concat(path, ": interpreter ");
            path = interpreter;
            continue;
        }
        const bool large = entry->size() > (std::uint64_t{1} << 30);
        const auto* host = std::get_if<HostFile>(&entry->data);
        const auto info = host    ? read_elf(host->path)
                          : large ? std::nullopt
                                  : read_elf_bytes(read_data(entry->data, 0, entry->size()));
        if (!info)
            throw CommandError(status_cannot_run,
                               concat(asked_by, path, ": exec format error (neither ELF nor #!)"));
        if (!info->fault.empty())
            throw CommandError(status_cannot_run, concat(asked_by, path, ": ", info->fault));
        if (!info->interpreter.empty() && !tree.resolve(info->interpreter)) {
            // The program's own libraries are added after this check: look on the host as well.
            struct stat st;
            if (!host || ::stat(info->interpreter.c_str(), &st) != 0)
                throw CommandError(status_cannot_run, concat(path, ": interpreter ",
                                                             info->interpreter, " is not there"));
        }
        return;
    }
    throw CommandError(status_cannot_run, concat(program, ": too many levels of #! interpreters"));
}

} // namespace linnet::cli
