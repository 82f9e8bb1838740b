#include "cli/apt/files.h"

#include <cerrno>
#include <fstream>
#include <iterator>
#include <system_error>
#include <unistd.h>

namespace linnet::cli {

namespace fs = std::filesystem;

std::string read_file_or_empty(const fs::path& path)
{
    std::ifstream in(path, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(in), {});
}

void write_file(const fs::path& path, std::string_view text)
{
    fs::path temporary = path;
    temporary += "." + std::to_string(getpid()) + ".new";
    std::ofstream out(temporary, std::ios::binary | std::ios::trunc);
    out.write(text.data(), static_cast<std::streamsize>(text.size()));
    out.close();
    if (!out) {
        int error = errno;
        std::error_code ignored;
        fs::remove(temporary, ignored);
        throw fs::filesystem_error("can't write", path, std::error_code(error ? error : EIO,
                                                                       std::generic_category()));
    }
    fs::rename(temporary, path);
}

bool write_file_if_changed(const fs::path& path, std::string_view text)
{
    if (fs::exists(path) && read_file_or_empty(path) == text)
        return false;
    write_file(path, text);
    return true;
}

} // namespace linnet::cli
