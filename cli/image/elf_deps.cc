#include "cli/image/elf_deps.h"

#include <elf.h>

#include <filesystem>
#include <set>

#include "cli/image/ld_cache.h"
#include "cli/util/text.h"

namespace linnet::cli {
namespace {

// Debian's ld.so: its multiarch folders, then the traditional ones.
const std::vector<std::string> glibc_folders = {
    "/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/lib64", "/usr/lib64", "/lib", "/usr/lib"};

std::string folder_of(const std::string& path) {
    const auto slash = path.rfind('/');
    return slash == 0 ? "/" : path.substr(0, slash);
}

void replace_all(std::string& text, std::string_view from, std::string_view to) {
    for (auto at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
        text.replace(at, from.size(), to);
}

std::vector<std::string> absolute_folders(const std::string& list) {
    std::vector<std::string> folders;
    for (std::string& folder : split(list, ':')) {
        if (folder.starts_with('/'))
            folders.push_back(std::move(folder));
    }
    return folders;
}

std::string base_name(const std::string& file) {
    return file.substr(file.rfind('/') + 1);
}

bool is_musl(const ElfInfo& program) {
    return base_name(program.interpreter).starts_with("ld-musl-");
}

} // namespace

// The folders of an RPATH or RUNPATH of the object at `path`: ld.so(8), "Dynamic string tokens".
std::vector<std::string> DependencyFinder::expand(const std::string& list, const std::string& path) const {
    if (list.empty())
        return {};
    const std::string real = view_.real(path);
    const std::string origin = folder_of(real.empty() ? path : real);
    std::vector<std::string> folders;
    for (std::string& folder : split(list, ':')) {
        for (const char* token : {"${ORIGIN}", "$ORIGIN"})
            replace_all(folder, token, origin);
        for (const char* token : {"${LIB}", "$LIB"})
            replace_all(folder, token, "lib/x86_64-linux-gnu");
        for (const char* token : {"${PLATFORM}", "$PLATFORM"})
            replace_all(folder, token, "x86_64");
        if (folder.starts_with('/'))
            folders.push_back(std::filesystem::path(folder).lexically_normal().string());
    }
    return folders;
}

FileView host_view() {
    return {[](const std::string& path) { return read_elf(path); }, [](const std::string& path) { return read_file(path); },
            [](const std::string& path) {
                std::error_code error;
                const auto real = std::filesystem::canonical(path, error);
                return error ? std::string() : real.string();
            }};
}

DependencyFinder::DependencyFinder(FileView view) : view_(std::move(view)) {
    if (const auto file = view_.contents("/etc/ld.so.cache"))
        cache_ = read_ld_cache(*file);
    if (const auto list = view_.contents("/etc/ld-musl-x86_64.path")) {
        for (const std::string& line : split(*list, '\n')) {
            for (std::string& folder : split(line, ':')) {
                if (!folder.empty())
                    musl_folders_.push_back(std::move(folder));
            }
        }
    } else {
        musl_folders_ = {"/lib", "/usr/local/lib", "/usr/lib"};
    }
}

bool DependencyFinder::usable(const std::string& path) const {
    const auto info = view_.elf(path);
    return info && info->fault.empty() && info->type == ET_DYN;
}

std::string DependencyFinder::locate(const std::vector<Object>& objects, int asker,
                                     const std::string& name,
                                     const std::vector<std::string>& library_path, bool musl) const {
    if (name.find('/') != std::string::npos)
        return usable(name) ? name : std::string();
    std::vector<std::string> folders;
    const Object& object = objects[static_cast<std::size_t>(asker)];
    if (!object.info.has_runpath) {
        // RPATH of the asker, then of those that loaded it, up to the program.
        for (int at = asker; at >= 0; at = objects[static_cast<std::size_t>(at)].loader) {
            const Object& loader = objects[static_cast<std::size_t>(at)];
            if (loader.info.has_runpath)
                continue;
            for (std::string& folder : expand(loader.info.rpath, loader.path))
                folders.push_back(std::move(folder));
        }
    }
    folders.insert(folders.end(), library_path.begin(), library_path.end());
    for (std::string& folder : expand(object.info.runpath, object.path))
        folders.push_back(std::move(folder));
    const auto search = [&](const std::vector<std::string>& list) -> std::string {
        for (const std::string& folder : list) {
            std::string path = (folder == "/" ? "" : folder) + "/" + name;
            if (usable(path))
                return path;
        }
        return {};
    };
    if (std::string path = search(folders); !path.empty())
        return path;
    if (musl)
        return search(musl_folders_);
    if (const auto it = cache_.find(name); it != cache_.end() && usable(it->second))
        return it->second;
    return search(glibc_folders);
}

Dependencies DependencyFinder::find(const std::string& path, const std::string& library_path) {
    Dependencies result;
    const auto program = view_.elf(path);
    if (!program || !program->fault.empty())
        return result;
    const std::vector<std::string> user_folders = absolute_folders(library_path);
    const bool musl = is_musl(*program);
    std::set<std::string> known;
    if (!program->interpreter.empty()) {
        result.files.push_back(program->interpreter);
        known.insert(base_name(program->interpreter));
        if (musl)
            known.insert({"libc.so", "libc.musl-x86_64.so.1"}); // the interpreter is the C library
    }
    std::vector<Object> objects{{path, *program, -1}};
    for (std::size_t at = 0; at < objects.size(); ++at) {
        for (const std::string& name : std::vector<std::string>(objects[at].info.needed)) {
            if (!known.insert(name).second)
                continue;
            const std::string found =
                locate(objects, static_cast<int>(at), name, user_folders, musl);
            if (found.empty()) {
                result.missing.push_back(name);
                continue;
            }
            result.files.push_back(found);
            objects.push_back({found, *view_.elf(found), static_cast<int>(at)});
        }
    }
    return result;
}

std::string DependencyFinder::find_library(const std::string& path, const std::string& name,
                                           const std::string& library_path) {
    const auto program = view_.elf(path);
    if (!program || !program->fault.empty())
        return {};
    return locate({{path, *program, -1}}, 0, name, absolute_folders(library_path), is_musl(*program));
}

} // namespace linnet::cli
