#include "cli/image/image_cache.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include "cli/image/cpio_writer.h"
#include "cli/util/error.h"
#include "cli/util/paths.h"

namespace linnet::cli {

namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t cache_limit = std::uint64_t{2} << 30; // bytes
constexpr std::uint64_t format_version = 4; // of the archives that are written

void drop_old_images(const fs::path& folder, const fs::path& keep) {
    struct Old {
        fs::path path;
        fs::file_time_type time;
        std::uint64_t size;
    };
    std::vector<Old> files;
    std::uint64_t total = 0;
    std::error_code error;
    for (const auto& item : fs::directory_iterator(folder, error)) {
        const auto size = item.file_size(error);
        if (error)
            continue;
        total += size;
        files.push_back({item.path(), item.last_write_time(error), size});
    }
    std::sort(files.begin(), files.end(), [](const Old& a, const Old& b) { return a.time < b.time; });
    for (const Old& file : files) {
        if (total <= cache_limit)
            return;
        if (file.path == keep)
            continue;
        fs::remove(file.path, error); // a VM that still reads it keeps it open
        total -= file.size;
    }
}

} // namespace

ImageFile make_image(Tree& tree) {
    // Where the kernel mounts its own file systems, and what every program may count on.
    for (const char* folder : {"/dev", "/proc", "/sys", "/run", "/etc"})
        tree.add_folder(folder);
    if (!tree.find(tree.place("/tmp")))
        tree.add_folder(tree.place("/tmp"), 01777);
    tree.add_parents();
    Fingerprint fingerprint;
    fingerprint.add(format_version);
    tree.add_to(fingerprint);
    const fs::path folder = cache_folder("images");
    ImageFile image{folder / (fingerprint.hex() + ".cpio")};
    struct stat st;
    if (::stat(image.path.c_str(), &st) == 0 && st.st_size > 0) {
        image.size = static_cast<std::uint64_t>(st.st_size);
        image.was_cached = true;
        ::utimensat(AT_FDCWD, image.path.c_str(), nullptr, 0); // the oldest go first
        return image;
    }
    const std::string temporary = concat(image.path.string(), ".", ::getpid());
    Fd fd(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    if (!fd)
        throw CommandError(concat("cannot write ", temporary, ": ", error_text(errno)));
    try {
        image.size = write_cpio(tree, fd.get());
    } catch (...) {
        ::unlink(temporary.c_str());
        throw;
    }
    fs::rename(temporary, image.path);
    drop_old_images(folder, image.path);
    return image;
}

} // namespace linnet::cli
