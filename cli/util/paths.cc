#include "cli/util/paths.h"

#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>

#include "cli/util/error.h"
#include "cli/util/text.h"

namespace linnet::cli {

namespace fs = std::filesystem;

fs::path cache_folder() {
    return cache_folder("");
}

fs::path cache_folder(const std::string& below) {
    fs::path base;
    const char* xdg = std::getenv("XDG_CACHE_HOME");
    const char* home = std::getenv("HOME");
    if (xdg && xdg[0] == '/') {
        base = xdg;
    } else {
        if (!home || home[0] != '/') {
            const passwd* user = ::getpwuid(::getuid());
            home = user ? user->pw_dir : "/";
        }
        base = fs::path(home) / ".cache";
    }
    fs::path folder = base / "linnet";
    if (!below.empty())
        folder /= below;
    std::error_code error;
    fs::create_directories(folder, error);
    if (error)
        throw CommandError(concat("cannot make ", folder.string(), ": ", error.message()));
    return folder;
}

fs::path build_folder() {
    if (const char* named = std::getenv("LINNET_BUILD"); named && *named)
        return named;
    return LINNET_BUILD_FOLDER;
}

fs::path source_folder() {
    if (const char* named = std::getenv("LINNET_ROOT"); named && *named)
        return named;
    return LINNET_SOURCE_FOLDER;
}

fs::path kernel_file(const std::string& override, bool must_exist) {
    if (!override.empty()) {
        if (must_exist && ::access(override.c_str(), R_OK) != 0)
            throw CommandError("cannot read the kernel " + override);
        return override;
    }
    const fs::path folder = build_folder() / "kernel/image";
    for (const char* name : {"linnet.stripped.elf", "linnet.elf"}) {
        if (::access((folder / name).c_str(), R_OK) == 0)
            return folder / name;
    }
    if (!must_exist)
        return folder / "linnet.stripped.elf";
    throw CommandError("no kernel in " + folder.string());
}

fs::path kernel_with_symbols(const fs::path& kernel) {
    std::string name = kernel.filename().string();
    if (const auto at = name.find(".stripped"); at != std::string::npos) {
        const fs::path twin = kernel.parent_path() / name.erase(at, 9);
        if (::access(twin.c_str(), R_OK) == 0)
            return twin;
    }
    return kernel;
}

fs::path find_on_path(const std::string& name) {
    const char* path = std::getenv("PATH");
    for (const std::string& folder :
         split(path ? path : "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", ':')) {
        const fs::path candidate = fs::path(folder.empty() ? "." : folder) / name;
        struct stat st;
        if (::stat(candidate.c_str(), &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & 0111))
            return candidate;
    }
    return {};
}

std::string host_boot_id() {
    const auto text = read_file("/proc/sys/kernel/random/boot_id");
    return text ? text->substr(0, text->find('\n')) : "unknown";
}

} // namespace linnet::cli
