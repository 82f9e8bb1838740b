#include "cli/apt/root_builder.h"

#include <algorithm>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <set>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/apt/command.h"
#include "cli/apt/control.h"
#include "cli/apt/exclusions.h"
#include "cli/apt/files.h"
#include "cli/apt/maintainer_script.h"
#include "cli/apt/text.h"
#include "cli/apt/unit.h"

namespace linnet::cli {

namespace fs = std::filesystem;

namespace {

[[noreturn]] void fail_errno(const std::string& what)
{
    throw AptError("apt: " + what + ": " + std::strerror(errno));
}

bool in_path_folder(std::string_view path)
{
    for (std::string_view folder : {"/usr/bin/", "/usr/sbin/", "/usr/games/", "/usr/local/bin/"})
        if (path.starts_with(folder) && path.find('/', folder.size()) == std::string_view::npos)
            return true;
    return false;
}

std::string_view base_name(std::string_view path) { return path.substr(path.rfind('/') + 1); }

constexpr std::pair<const char*, std::uint32_t> base_folders[] = {
    {"/dev", 0755}, {"/etc", 0755}, {"/home", 0755}, {"/mnt", 0755}, {"/opt", 0755}, {"/proc", 0555},
    {"/root", 0700}, {"/run", 0755}, {"/run/lock", 01777}, {"/srv", 0755}, {"/sys", 0555}, {"/tmp", 01777},
    {"/usr/bin", 0755}, {"/usr/lib", 0755}, {"/usr/lib64", 0755}, {"/usr/sbin", 0755}, {"/var/cache", 0755},
    {"/var/lib", 0755}, {"/var/log", 0755}, {"/var/tmp", 01777},
};

constexpr std::pair<const char*, const char*> base_links[] = {
    {"/bin", "usr/bin"}, {"/lib", "usr/lib"}, {"/lib64", "usr/lib64"}, {"/sbin", "usr/sbin"},
    {"/var/run", "/run"}, {"/var/lock", "/run/lock"},
};

} // namespace

std::string path_in_root(const fs::path& root, std::string_view path, bool follow_last)
{
    std::vector<std::string> todo;
    auto push = [&](std::string_view text) {
        auto parts = split_views(text, '/');
        for (auto it = parts.rbegin(); it != parts.rend(); ++it)
            if (!it->empty() && *it != ".")
                todo.emplace_back(*it);
    };
    push(path);
    std::string done;
    int links = 0;
    while (!todo.empty()) {
        std::string part = std::move(todo.back());
        todo.pop_back();
        if (part == "..") {
            done.resize(done.find_last_of('/') == std::string::npos ? 0 : done.find_last_of('/'));
            continue;
        }
        std::string next = done + "/" + part;
        std::error_code error;
        if (!(todo.empty() && !follow_last)) {
            fs::path target = fs::read_symlink(root.string() + next, error);
            if (!error) {
                if (++links > 40)
                    throw AptError("apt: too many symbolic links at " + std::string(path));
                if (target.string().starts_with('/'))
                    done.clear();
                push(target.string());
                continue;
            }
        }
        done = next;
    }
    return root.string() + done;
}

RootBuilder::RootBuilder(fs::path root, std::vector<std::string> excludes, std::vector<std::string> includes)
    : root_(std::move(root)), excludes_(std::move(excludes)), includes_(std::move(includes))
{
    fs::create_directories(root_);
    for (auto [path, mode] : base_folders)
        make_folder(path, mode);
    for (auto [path, target] : base_links)
        fs::create_symlink(target, root_.string() + path);
}

void RootBuilder::set_attributes(const std::string& path, Attributes attributes)
{
    struct stat st {};
    if (lstat((root_.string() + path).c_str(), &st) != 0)
        return;
    if (S_ISLNK(st.st_mode)) // a link's mode says nothing
        attributes.mode = 0777;
    bool plain = attributes.uid == 0 && attributes.gid == 0 && attributes.mode == (st.st_mode & 07777);
    if (plain)
        attributes_.erase(path);
    else
        attributes_[path] = attributes;
}

RootBuilder::Attributes RootBuilder::attributes_of(const std::string& path) const
{
    if (auto it = attributes_.find(path); it != attributes_.end())
        return it->second;
    struct stat st {};
    if (lstat((root_.string() + path).c_str(), &st) != 0)
        return {};
    return {0, 0, st.st_mode & 07777};
}

// Parents are 0755; the folder on disk stays usable for us whatever its mode in the image.
void RootBuilder::make_folder(const std::string& path, std::uint32_t mode)
{
    std::string host = path_in_root(root_, path, true);
    std::string inside = host.substr(root_.string().size());
    std::string prefix;
    for (std::string_view part : split_views(inside, '/')) {
        if (part.empty())
            continue;
        (prefix += '/') += part;
        std::string folder = root_.string() + prefix;
        if (::mkdir(folder.c_str(), 0755) != 0 && errno != EEXIST)
            fail_errno("can't make " + folder);
        if (::chmod(folder.c_str(), 0755) != 0)
            fail_errno("can't make " + folder);
    }
    if (!inside.empty())
        set_attributes(inside, {attributes_of(inside).uid, attributes_of(inside).gid, mode});
}

// ---- unpacking --------------------------------------------------------------------------------------

class RootBuilder::Unpacker final : public TarReader {
public:
    Unpacker(RootBuilder& builder, const std::string& package) : builder_(builder), package_(package) {}

    ~Unpacker() override
    {
        if (fd_ >= 0)
            close(fd_);
    }

private:
    std::string& root() { return root_text_; }

    void begin_entry(const TarEntry& entry) override
    {
        entry_ = entry;
        path_ = merged_path(entry.path);
        captured_ = capture_target(path_);
        if (captured_ || path_ == "/" || path_left_out(path_, builder_.excludes_, builder_.includes_))
            return;
        // Links of other packages may stand on the way; nothing may lead out of the root.
        std::string host = path_in_root(root(), path_, false);
        path_ = host.substr(root().size());
        if (in_path_folder(path_) && (entry.type == '2' || (entry.mode & 0111)))
            builder_.commands_.emplace(path_, package_);
        std::string parent = path_.substr(0, path_.rfind('/'));
        if (!parent.empty() && !fs::is_directory(root() + parent))
            builder_.make_folder(parent, 0755);
        switch (entry.type) {
        case '0': open_file(host); break;
        case '1': hard_link(host); break;
        case '2': symbolic_link(host); break;
        case '5': folder(); break;
        default: break; // packages carry no devices
        }
    }

    void data(std::span<const char> bytes) override
    {
        if (captured_) {
            text_.append(bytes.data(), bytes.size());
            return;
        }
        while (fd_ >= 0 && !bytes.empty()) {
            ssize_t n = write(fd_, bytes.data(), bytes.size());
            if (n < 0 && errno != EINTR)
                fail_errno("can't write " + path_);
            if (n > 0)
                bytes = bytes.subspan(static_cast<size_t>(n));
        }
    }

    void end_entry() override
    {
        if (captured_)
            store_captured();
        if (fd_ < 0)
            return;
        timespec times[2] = {{entry_.mtime, 0}, {entry_.mtime, 0}};
        futimens(fd_, times);
        close(fd_);
        fd_ = -1;
        set_owner(path_);
    }

    // Units, tmpfiles.d and sysusers.d are read, not unpacked.
    bool capture_target(const std::string& path) const
    {
        if (entry_.type != '0')
            return false;
        for (std::string_view folder : {"/usr/lib/systemd/system/", "/usr/lib/tmpfiles.d/", "/usr/lib/sysusers.d/"})
            if (path.starts_with(folder) && path.find('/', folder.size()) == std::string::npos)
                return true;
        return false;
    }

    void store_captured()
    {
        if (path_.starts_with("/usr/lib/tmpfiles.d/"))
            builder_.tmpfiles_.push_back(text_);
        else if (path_.starts_with("/usr/lib/sysusers.d/"))
            builder_.sysusers_.push_back(text_);
        else if (path_.ends_with(".service"))
            builder_.units_.push_back({std::string(base_name(path_)), package_, text_});
        text_.clear();
    }

    void open_file(const std::string& host)
    {
        unlink(host.c_str());
        fd_ = open(host.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (fd_ < 0)
            fail_errno("can't write " + host);
        fchmod(fd_, (entry_.mode & 0777) | 0600);
    }

    void hard_link(const std::string& host)
    {
        std::string target = path_in_root(root(), merged_path(entry_.link), false);
        unlink(host.c_str());
        if (link(target.c_str(), host.c_str()) != 0 && errno != ENOENT)
            fail_errno("can't link " + host);
        set_owner(path_);
    }

    void symbolic_link(const std::string& host)
    {
        std::error_code error;
        if (fs::is_directory(fs::symlink_status(host, error)))
            return;
        unlink(host.c_str());
        if (symlink(entry_.link.c_str(), host.c_str()) != 0)
            fail_errno("can't link " + host);
        set_owner(path_);
    }

    void folder()
    {
        builder_.make_folder(path_, entry_.mode);
        std::string host = path_in_root(root(), path_, true);
        set_owner(host.substr(root().size()));
    }

    void set_owner(const std::string& path)
    {
        const Accounts& accounts = builder_.accounts_;
        const User* user = accounts.user(entry_.user);
        const Group* group = accounts.group(entry_.group);
        builder_.set_attributes(path, {user ? user->uid : entry_.uid, group ? group->gid : entry_.gid,
                                       entry_.mode});
    }

    RootBuilder& builder_;
    std::string package_;
    std::string root_text_ = builder_.root_.string();
    TarEntry entry_;
    std::string path_;
    std::string text_;
    bool captured_ = false;
    int fd_ = -1;
};

void RootBuilder::add_package(const std::string& name, const fs::path& archive)
{
    Unpacker unpacker(*this, name);
    CommandOptions options;
    options.on_output = [&](std::span<const char> bytes) { unpacker.feed(bytes); };
    CommandResult result;
    try {
        result = run_command({"dpkg-deb", "--fsys-tarfile", archive.string()}, options);
        if (result.status == 0)
            unpacker.finish();
    } catch (const AptError&) {
        throw;
    } catch (const std::exception& error) {
        throw AptError("apt: " + archive.filename().string() + ": " + error.what());
    }
    if (result.status == 127)
        throw AptError("apt: `dpkg-deb` is not installed on this machine");
    if (result.status != 0)
        throw AptError("apt: can't unpack " + archive.filename().string() + ": " + last_line(result.err));
    CommandResult script = run_command({"dpkg-deb", "--info", archive.string(), "postinst"});
    if (script.status == 0)
        scripts_.emplace_back(name, script.out);
}

// ---- what scripts would have made -------------------------------------------------------------------

void RootBuilder::configure()
{
    for (const auto& text : sysusers_)
        accounts_.apply_sysusers(text);
    for (const auto& [package, script] : scripts_)
        for (const auto& action : parse_maintainer_script(script, package))
            apply(action, false);
    for (const auto& text : tmpfiles_)
        for (const auto& action : parse_tmpfiles(text))
            apply(action, false);
    for (const auto& unit : units_)
        if (unit.name.find('@') == std::string::npos)
            for (const auto& action : parse_unit(unit.text, unit.name, [](const std::string&) {
                     return std::string();
                 }).folders)
                apply(action, false);
}

void RootBuilder::apply_recipe(const SetupActions& actions)
{
    for (const auto& action : actions)
        apply(action, true);
}

void RootBuilder::apply_owner(const SetupAction& action, const std::string& path, bool strict)
{
    Attributes attributes = attributes_of(path);
    auto uid = action.user.empty() ? attributes.uid : accounts_.uid_of(action.user);
    std::optional<std::uint32_t> gid = attributes.gid;
    if (!action.group.empty())
        gid = accounts_.gid_of(action.group);
    else if (const User* user = accounts_.user(action.user); user && strict)
        gid = user->gid;
    if (strict && (!uid || !gid))
        throw AptError("apt: no user or group `" + (uid ? action.group : action.user) + "` for " + path);
    attributes.uid = uid.value_or(attributes.uid);
    attributes.gid = gid.value_or(attributes.gid);
    set_attributes(path, attributes);
}

void RootBuilder::apply(const SetupAction& action, bool strict)
{
    using Kind = SetupAction::Kind;
    const std::string root = root_.string();
    auto inside = [&](bool follow) {
        return path_in_root(root_, merged_path(action.path), follow).substr(root.size());
    };
    auto exists = [&](const std::string& path) {
        struct stat st {};
        return lstat((root + path).c_str(), &st) == 0;
    };
    switch (action.kind) {
    case Kind::AddGroup:
        accounts_.add_group(action.group, action.id);
        break;
    case Kind::AddUser:
        accounts_.add_user(action.user, action.group, action.own_group, action.path, action.shell, action.text,
                           action.id);
        break;
    case Kind::AddMember:
        accounts_.add_member(action.user, action.group);
        break;
    case Kind::Folder: {
        std::string path = inside(true);
        if (path.empty())
            break;
        if (exists(path) && !fs::is_directory(root + path)) {
            if (strict)
                throw AptError("apt: " + path + " is not a folder");
            break;
        }
        if (!exists(path))
            make_folder(path, action.mode.value_or(0755));
        else if (action.mode)
            make_folder(path, *action.mode);
        apply_owner(action, path, strict);
        break;
    }
    case Kind::File: {
        std::string path = inside(true);
        if (exists(path) && !action.overwrite)
            break;
        std::string parent = path.substr(0, path.rfind('/'));
        if (!parent.empty() && !fs::is_directory(root + parent))
            make_folder(parent, 0755);
        write_file(root + path, action.text);
        std::uint32_t mode = action.mode.value_or(0644);
        ::chmod((root + path).c_str(), (mode & 0777) | 0600);
        set_attributes(path, {0, 0, mode});
        apply_owner(action, path, strict);
        break;
    }
    case Kind::Link: {
        std::string path = inside(false);
        if (exists(path)) {
            if (!action.overwrite || fs::is_directory(fs::symlink_status(root + path)))
                break;
            fs::remove(root + path);
        }
        std::string parent = path.substr(0, path.rfind('/'));
        if (!parent.empty() && !fs::is_directory(root + parent))
            make_folder(parent, 0755);
        fs::create_symlink(action.target, root + path);
        break;
    }
    case Kind::Copy: {
        std::string path = inside(true);
        std::string from = path_in_root(root_, merged_path(action.target), true);
        if (exists(path) || !fs::is_regular_file(from))
            break;
        std::string parent = path.substr(0, path.rfind('/'));
        if (!fs::is_directory(root + parent))
            make_folder(parent, 0755);
        fs::copy_file(from, root + path);
        break;
    }
    case Kind::Owner:
    case Kind::Mode: {
        std::string path = inside(true);
        if (path.empty() || !exists(path))
            break;
        if (action.kind == Kind::Mode) {
            Attributes attributes = attributes_of(path);
            attributes.mode = action.mode.value_or(attributes.mode);
            set_attributes(path, attributes);
            break;
        }
        apply_owner(action, path, strict);
        if (action.recursive && fs::is_directory(root + path))
            for (const auto& entry : fs::recursive_directory_iterator(root + path))
                apply_owner(action, entry.path().string().substr(root.size()), strict);
        break;
    }
    case Kind::Alternative:
        alternatives_.push_back(action);
        break;
    }
}

bool RootBuilder::replace_in_file(const std::string& path, const std::string& from, const std::string& to)
{
    std::string host = path_in_root(root_, merged_path(path), true);
    std::string text = read_file_or_empty(host);
    bool found = false;
    for (size_t at = 0; !from.empty() && (at = text.find(from, at)) != std::string::npos; at += to.size()) {
        text.replace(at, from.size(), to);
        found = true;
    }
    if (found) {
        Attributes attributes = attributes_of(host.substr(root_.string().size()));
        write_file(host, text);
        ::chmod(host.c_str(), (attributes.mode & 0777) | 0600);
        set_attributes(host.substr(root_.string().size()), attributes);
    }
    return found;
}

// The one of highest priority, as update-alternatives(1) in automatic mode.
void RootBuilder::make_alternatives()
{
    std::map<std::string, SetupAction> best;
    for (const auto& action : alternatives_) {
        if (!fs::exists(path_in_root(root_, merged_path(action.target), true)))
            continue;
        auto [it, fresh] = best.emplace(action.name, action);
        if (!fresh && action.id.value_or(0) > it->second.id.value_or(0))
            it->second = action;
    }
    for (const auto& [name, action] : best) {
        SetupAction link{};
        link.kind = SetupAction::Kind::Link;
        link.path = "/etc/alternatives/" + name;
        link.target = action.target;
        apply(link, false);
        link.path = action.path;
        link.target = "/etc/alternatives/" + name;
        apply(link, false);
        if (in_path_folder(merged_path(action.path)))
            commands_.emplace(merged_path(action.path), "");
    }
}

// What update-ca-certificates(8) makes: one file of all, and links by subject hash where openssl is at hand.
void RootBuilder::make_certificates()
{
    std::string root = root_.string();
    fs::path source = root + "/usr/share/ca-certificates";
    if (!fs::is_directory(source))
        return;
    std::vector<std::string> paths;
    for (const auto& entry : fs::recursive_directory_iterator(source))
        if (entry.path().extension() == ".crt")
            paths.push_back(entry.path().string().substr(root.size()));
    std::ranges::sort(paths);
    make_folder("/etc/ssl/certs", 0755);
    std::string bundle;
    for (const auto& path : paths) {
        bundle += read_file_or_empty(root + path);
        if (!bundle.ends_with('\n'))
            bundle += '\n';
        fs::path name = fs::path(path).filename();
        name.replace_extension(".pem");
        SetupAction link{};
        link.kind = SetupAction::Kind::Link;
        link.path = "/etc/ssl/certs/" + name.string();
        link.target = path;
        apply(link, false);
    }
    write_file(root + "/etc/ssl/certs/ca-certificates.crt", bundle);
    // The links are absolute, so that openssl on the host would not find their targets: give it files.
    fs::path scratch = root + ".certificates";
    fs::create_directories(scratch);
    for (const auto& path : paths) {
        fs::path name = fs::path(path).filename();
        name.replace_extension(".pem");
        fs::copy_file(root + path, scratch / name, fs::copy_options::overwrite_existing);
    }
    if (run_command({"openssl", "rehash", scratch.string()}).status == 0)
        for (const auto& entry : fs::directory_iterator(scratch))
            if (fs::is_symlink(entry.symlink_status())) {
                SetupAction link{};
                link.kind = SetupAction::Kind::Link;
                link.path = "/etc/ssl/certs/" + entry.path().filename().string();
                link.target = fs::read_symlink(entry.path()).string();
                apply(link, false);
            }
    fs::remove_all(scratch);
}

void RootBuilder::make_linker_cache()
{
    std::string root = root_.string();
    std::string configuration = "/usr/local/lib\n/usr/local/lib/x86_64-linux-gnu\n"
                                "/lib/x86_64-linux-gnu\n/usr/lib/x86_64-linux-gnu\n";
    if (fs::is_directory(root + "/etc/ld.so.conf.d"))
        configuration = "include /etc/ld.so.conf.d/*.conf\n" + configuration;
    if (!fs::exists(root + "/etc/ld.so.conf"))
        write_file(root + "/etc/ld.so.conf", configuration);
    // Works without root: with -r, ldconfig prefixes paths when it can't chroot. If it fails, ld.so
    // looks into its default folders.
    for (const char* program : {"ldconfig", "/sbin/ldconfig"})
        if (run_command({program, "-X", "-r", root}).status == 0)
            break;
    std::error_code ignored;
    fs::remove_all(root + "/var/cache/ldconfig", ignored);
}

// libc6 carries parts that are opened by name only, more than half of its size. They stay out when no
// other ELF file (or linker script: libm.so of libc6-dev) of the image mentions the name: character set converters (iconv_open, which libc and
// libstdc++ themselves mention), vector functions, and libraries for debuggers and old programs.
void RootBuilder::drop_unused_libc_parts()
{
    struct Part {
        const char* path;
        std::string_view mark;
    };
    static constexpr Part parts[] = {
        {"/usr/lib/x86_64-linux-gnu/gconv", std::string_view("\0iconv_open\0", 12)},
        {"/usr/lib/x86_64-linux-gnu/libBrokenLocale.so.1", "libBrokenLocale.so"},
        {"/usr/lib/x86_64-linux-gnu/libc_malloc_debug.so.0", "libc_malloc_debug.so"},
        {"/usr/lib/x86_64-linux-gnu/libmemusage.so", "libmemusage.so"},
        {"/usr/lib/x86_64-linux-gnu/libmvec.so.1", "libmvec.so"},
        {"/usr/lib/x86_64-linux-gnu/libnsl.so.1", "libnsl.so"},
        {"/usr/lib/x86_64-linux-gnu/libpcprofile.so", "libpcprofile.so"},
        {"/usr/lib/x86_64-linux-gnu/libthread_db.so.1", "libthread_db.so"},
    };
    std::string root = root_.string();
    std::set<std::string_view> used;
    for (const Part& part : parts)
        for (const auto& pattern : includes_)
            if (glob_match(pattern, part.path))
                used.insert(part.path);
    for (auto it = fs::recursive_directory_iterator(root); it != fs::recursive_directory_iterator(); ++it) {
        std::string path = it->path().string().substr(root.size());
        if (path == parts[0].path) {
            it.disable_recursion_pending();
            continue;
        }
        std::string_view name = base_name(path);
        bool libc = name.starts_with("libc.so.") || name.starts_with("libstdc++.so.") ||
                    std::ranges::any_of(parts, [&](const Part& part) { return path == part.path; });
        if (libc || it->is_symlink() || !it->is_regular_file())
            continue;
        char magic[16] = {};
        std::ifstream(it->path(), std::ios::binary).read(magic, sizeof magic);
        if (std::memcmp(magic, "\177ELF", 4) != 0 && std::string_view(magic, sizeof magic) != "/* GNU ld script")
            continue;
        std::string content = read_file_or_empty(it->path());
        for (const Part& part : parts)
            if (!used.contains(part.path) && content.find(part.mark) != std::string::npos)
                used.insert(part.path);
    }
    for (const Part& part : parts) {
        if (used.contains(part.path))
            continue;
        fs::remove_all(root + part.path);
        std::erase_if(attributes_, [&](const auto& entry) { return entry.first.starts_with(part.path); });
    }
}

// Files with the same content, owner and mode become hard links: Redis alone ships its server twice.
void RootBuilder::merge_equal_files()
{
    constexpr std::uintmax_t least_bytes = 16384;
    std::string root = root_.string();
    std::multimap<std::uintmax_t, std::string> by_size;
    for (const auto& entry : fs::recursive_directory_iterator(root)) {
        if (entry.is_symlink() || !entry.is_regular_file() || entry.file_size() < least_bytes)
            continue;
        std::string path = entry.path().string().substr(root.size());
        auto [begin, end] = by_size.equal_range(entry.file_size());
        bool merged = false;
        for (auto it = begin; it != end && !merged; ++it) {
            Attributes a = attributes_of(it->second), b = attributes_of(path);
            if (a.uid != b.uid || a.gid != b.gid || a.mode != b.mode ||
                read_file_or_empty(root + it->second) != read_file_or_empty(root + path))
                continue;
            unlink((root + path).c_str());
            fs::create_hard_link(root + it->second, root + path);
            merged = true;
        }
        if (!merged)
            by_size.emplace(entry.file_size(), path);
    }
}

void RootBuilder::finish()
{
    std::string root = root_.string();
    make_alternatives();
    make_certificates();
    make_folder("/etc", 0755);
    auto put = [&](const char* path, const std::string& text) {
        if (!fs::exists(root + path))
            write_file(root + path, text);
    };
    write_file(root + "/etc/passwd", accounts_.passwd_text());
    write_file(root + "/etc/group", accounts_.group_text());
    put("/etc/hosts", "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n");
    put("/etc/nsswitch.conf", "passwd: files\ngroup: files\nshadow: files\nhosts: files dns\nnetworks: files\n"
                              "services: files\nprotocols: files\n");
    drop_unused_libc_parts();
    merge_equal_files();
    make_linker_cache();
}

std::vector<AptOwner> RootBuilder::owners() const
{
    std::vector<AptOwner> result;
    for (const auto& [path, attributes] : attributes_) {
        struct stat st {};
        if (lstat((root_.string() + path).c_str(), &st) != 0)
            continue; // removed since
        result.push_back({path, attributes.uid, attributes.gid, attributes.mode});
    }
    return result;
}

} // namespace linnet::cli
