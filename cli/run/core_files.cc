#include "cli/run/core_files.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <fstream>
#include <map>

#include "cli/util/error.h"
#include "cli/util/fd.h"
#include "cli/util/text.h"

namespace linnet::cli {
namespace {

// As the kernel writes it: vfs/tty/core_port.cc.
struct Record {
    std::uint32_t magic, kind, pid, length;
    std::uint64_t offset;
};
static_assert(sizeof(Record) == 24);
constexpr std::uint32_t magic = 0x52434e4c, kind_begin = 1, kind_data = 2, kind_end = 3;
constexpr std::uint32_t most_bytes = 1 << 20;               // of one record; the kernel's are pages and notes
constexpr std::uint64_t most_offset = std::uint64_t{1} << 46; // the guest is not trusted with the host's file sizes

std::string file_name(std::string name, std::uint32_t pid) {
    name = name.substr(0, name.find('\0'));
    for (char& c : name) {
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
        if (!plain)
            c = '_';
    }
    return concat("core.", name, ".", pid);
}

} // namespace

std::vector<std::filesystem::path> unpack_cores(const std::filesystem::path& stream, const std::filesystem::path& folder) {
    std::vector<std::filesystem::path> paths;
    std::map<std::uint32_t, Fd> open_cores;
    std::ifstream in(stream, std::ios::binary);
    Record record;
    while (in.read(reinterpret_cast<char*>(&record), sizeof record)) {
        if (record.magic != magic || record.length > most_bytes || record.offset > most_offset)
            break;
        std::string data(record.length, '\0');
        if (!in.read(data.data(), record.length))
            break;
        if (record.kind == kind_begin) {
            const std::filesystem::path path = folder / file_name(data, record.pid);
            ::unlink(path.c_str()); // of an earlier run; never through a link that lies there
            Fd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
            if (!fd)
                throw CommandError(concat("cannot write ", path.string(), ": ", error_text(errno)));
            open_cores[record.pid] = std::move(fd);
            paths.push_back(path);
            continue;
        }
        const auto core = open_cores.find(record.pid);
        if (core == open_cores.end())
            continue;
        bool written = true;
        if (record.kind == kind_data) {
            written = ::pwrite(core->second.get(), data.data(), data.size(), static_cast<off_t>(record.offset)) ==
                      static_cast<ssize_t>(data.size());
        } else if (record.kind == kind_end) {
            written = ::ftruncate(core->second.get(), static_cast<off_t>(record.offset)) == 0;
            open_cores.erase(core);
        }
        if (!written)
            throw CommandError("cannot write a core file: " + error_text(errno));
    }
    return paths;
}

} // namespace linnet::cli
