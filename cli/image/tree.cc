#include "cli/image/tree.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include "cli/util/error.h"

namespace linnet::cli {

std::uint64_t Entry::size() const {
    if (is_link())
        return target.size();
    if (const auto* text = std::get_if<std::string>(&data))
        return text->size();
    if (const auto* file = std::get_if<HostFile>(&data))
        return file->size;
    if (const auto* slice = std::get_if<FileSlice>(&data))
        return slice->size;
    return 0;
}

std::string normal_path(std::string_view path) {
    std::vector<std::string> names;
    for (std::string& name : split(path, '/')) {
        if (name.empty() || name == ".")
            continue;
        if (name == "..") {
            if (!names.empty())
                names.pop_back();
            continue;
        }
        names.push_back(std::move(name));
    }
    std::string normal;
    for (const std::string& name : names)
        normal += "/" + name;
    return normal.empty() ? "/" : normal;
}

void Tree::add(std::string_view path, Entry entry) {
    std::string normal = normal_path(path);
    if (const auto it = entries_.find(normal); it != entries_.end()) {
        it->second = std::move(entry);
        return;
    }
    entries_.emplace(std::move(normal), std::move(entry));
}

void Tree::add_folder(std::string_view path, std::uint32_t mode) {
    const std::string normal = normal_path(path);
    if (const Entry* old = find(normal); old && (old->is_folder() || old->is_link()))
        return;
    add(normal, Entry{.mode = S_IFDIR | mode});
}

void Tree::add_text(std::string_view path, std::string text, std::uint32_t mode) {
    add(path, Entry{.mode = S_IFREG | mode, .data = std::move(text)});
}

void Tree::add_link(std::string_view path, std::string target) {
    add(path, Entry{.mode = S_IFLNK | 0777, .target = std::move(target)});
}

Entry* Tree::find(const std::string& path) {
    const auto it = entries_.find(path);
    return it == entries_.end() ? nullptr : &it->second;
}

const Entry* Tree::find(const std::string& path) const {
    const auto it = entries_.find(path);
    return it == entries_.end() ? nullptr : &it->second;
}

std::optional<std::string> Tree::resolve(std::string_view path) const {
    std::vector<std::string> pending = split(path, '/');
    std::reverse(pending.begin(), pending.end());
    std::string at; // "" is the root
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
        const Entry* entry = find(next);
        if (!entry) {
            // A folder that no entry names yet is there if something lies below it.
            const auto below = entries_.lower_bound(next + "/");
            if (below == entries_.end() || !below->first.starts_with(next + "/"))
                return {};
            at = next;
            continue;
        }
        if (entry->is_link()) {
            if (++links > 40)
                return {};
            std::vector<std::string> names = split(entry->target, '/');
            if (entry->target.starts_with('/'))
                at.clear();
            for (auto it = names.rbegin(); it != names.rend(); ++it)
                pending.push_back(*it);
            continue;
        }
        at = next;
    }
    return at.empty() ? "/" : at;
}

std::string Tree::place(std::string_view path) const {
    const std::string normal = normal_path(path);
    const auto slash = normal.rfind('/');
    if (slash == 0)
        return normal;
    // The longest part of the parent that exists decides.
    for (std::size_t end = slash; end != 0 && end != std::string::npos;
         end = normal.rfind('/', end - 1)) {
        if (const auto real = resolve(normal.substr(0, end)))
            return (*real == "/" ? "" : *real) + normal.substr(end);
    }
    return normal;
}

void Tree::add_parents() {
    std::vector<std::string> missing;
    for (const auto& [path, entry] : entries_) {
        for (auto slash = path.rfind('/'); slash != std::string::npos && slash != 0;
             slash = path.rfind('/', slash - 1)) {
            std::string parent = path.substr(0, slash);
            if (entries_.contains(parent))
                break;
            missing.push_back(std::move(parent));
        }
    }
    for (const std::string& path : missing)
        add_folder(path);
    if (!entries_.contains("/"))
        add("/", Entry{.mode = S_IFDIR | 0755});
}

void Tree::add_to(Fingerprint& fingerprint) const {
    for (const auto& [path, entry] : entries_) {
        fingerprint.add(path);
        fingerprint.add(entry.target);
        fingerprint.add((std::uint64_t{entry.mode} << 32) | entry.mtime);
        fingerprint.add((std::uint64_t{entry.uid} << 32) | entry.gid);
        fingerprint.add(entry.device);
        fingerprint.add(entry.links);
        if (const auto* text = std::get_if<std::string>(&entry.data)) {
            fingerprint.add(*text);
        } else if (const auto* file = std::get_if<HostFile>(&entry.data)) {
            fingerprint.add(file->path);
            fingerprint.add(file->size);
            fingerprint.add(static_cast<std::uint64_t>(file->mtime_ns));
            fingerprint.add(file->inode);
        } else if (const auto* slice = std::get_if<FileSlice>(&entry.data)) {
            fingerprint.add(slice->identity);
            fingerprint.add(slice->offset);
            fingerprint.add(slice->size);
        }
    }
}

namespace {

std::string read_range(int fd, const std::string& name, std::uint64_t offset, std::uint64_t size) {
    std::string bytes(size, '\0');
    std::size_t done = 0;
    while (done < bytes.size()) {
        const ssize_t n = ::pread(fd, bytes.data() + done, bytes.size() - done,
                                  static_cast<off_t>(offset + done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            throw CommandError(concat("cannot read ", name, ": ", error_text(errno)));
        if (n == 0)
            throw CommandError(concat(name, " became shorter while it was read"));
        done += static_cast<std::size_t>(n);
    }
    return bytes;
}

} // namespace

std::string read_data(const Data& data, std::uint64_t offset, std::uint64_t limit) {
    const auto part = [&](std::uint64_t size) {
        return offset >= size ? 0 : std::min(limit, size - offset);
    };
    if (const auto* text = std::get_if<std::string>(&data))
        return text->substr(std::min<std::uint64_t>(offset, text->size()), limit);
    if (const auto* file = std::get_if<HostFile>(&data)) {
        Fd fd(::open(file->path.c_str(), O_RDONLY | O_CLOEXEC));
        if (!fd)
            throw CommandError(concat("cannot read ", file->path, ": ", error_text(errno)));
        return read_range(fd.get(), file->path, offset, part(file->size));
    }
    if (const auto* slice = std::get_if<FileSlice>(&data))
        return read_range(slice->file->get(), slice->identity, slice->offset + offset,
                          part(slice->size));
    return {};
}

} // namespace linnet::cli
