#include "cli/image/cpio_reader.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <optional>

#include "cli/image/tree.h"
#include "cli/util/fd.h"

namespace linnet::cli {
namespace {

std::optional<std::uint32_t> hex_field(std::string_view header, std::size_t index) {
    std::uint32_t value = 0;
    for (const char c : header.substr(6 + 8 * index, 8)) {
        const int digit = c >= '0' && c <= '9'   ? c - '0'
                          : c >= 'a' && c <= 'f' ? c - 'a' + 10
                          : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                                 : -1;
        if (digit < 0)
            return {};
        value = value << 4 | static_cast<std::uint32_t>(digit);
    }
    return value;
}

std::size_t rounded(std::size_t offset) {
    return (offset + 3) & ~std::size_t{3};
}

} // namespace

CpioReader::CpioReader(std::string_view archive) {
    std::map<std::uint32_t, std::string_view> contents; // of files with several names
    std::size_t at = 0;
    damaged_ = true;
    while (archive.size() - at >= 110) {
        const std::string_view header = archive.substr(at, 110);
        if (header.substr(0, 6) != "070701" && header.substr(0, 6) != "070702")
            return;
        const auto inode = hex_field(header, 0), mode = hex_field(header, 1),
                   names = hex_field(header, 4), size = hex_field(header, 6),
                   name_size = hex_field(header, 11);
        if (!inode || !mode || !names || !size || !name_size)
            return;
        if (*name_size == 0 || *name_size > archive.size() - at - 110)
            return;
        std::string_view name = archive.substr(at + 110, *name_size);
        name = name.substr(0, name.find('\0'));
        const std::size_t data = rounded(at + 110 + *name_size);
        if (name == "TRAILER!!!") {
            damaged_ = false;
            break;
        }
        if (data > archive.size() || *size > archive.size() - data)
            return;
        CpioMember member{*mode, *names, *inode, archive.substr(data, *size)};
        if (*names > 1 && S_ISREG(*mode) && !member.data.empty())
            contents[*inode] = member.data;
        members_[normal_path(name)] = member;
        at = rounded(data + *size);
        if (at > archive.size())
            return;
    }
    for (auto& [path, member] : members_) {
        if (member.names > 1 && S_ISREG(member.mode) && member.data.empty()) {
            if (const auto it = contents.find(member.inode); it != contents.end())
                member.data = it->second;
        }
    }
}

std::string_view CpioReader::file(const std::string& path) const {
    std::string at = normal_path(path);
    for (int links = 0; links < 40; ++links) {
        if (const auto it = members_.find(at); it != members_.end() && !S_ISLNK(it->second.mode))
            return S_ISREG(it->second.mode) ? it->second.data : std::string_view();
        // The first link among the path's folders is replaced by its target.
        bool followed = false;
        for (std::size_t end = at.find('/', 1); !followed; end = at.find('/', end + 1)) {
            const std::string part = at.substr(0, end);
            const auto it = members_.find(part);
            if (it != members_.end() && S_ISLNK(it->second.mode)) {
                const std::string target(it->second.data);
                const std::string rest = end == std::string::npos ? "" : at.substr(end);
                at = normal_path(target.starts_with('/')
                                     ? target + rest
                                     : part.substr(0, part.rfind('/')) + "/" + target + rest);
                followed = true;
            }
            if (end == std::string::npos)
                break;
        }
        if (!followed)
            return {};
    }
    return {};
}

MappedFile::MappedFile(const std::string& path) {
    const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    struct stat st;
    if (!fd || ::fstat(fd.get(), &st) != 0 || !S_ISREG(st.st_mode) || st.st_size == 0)
        return;
    void* address = ::mmap(nullptr, static_cast<std::size_t>(st.st_size), PROT_READ, MAP_PRIVATE, fd.get(), 0);
    if (address == MAP_FAILED)
        return;
    data_ = static_cast<const char*>(address);
    size_ = static_cast<std::size_t>(st.st_size);
}

MappedFile::~MappedFile() {
    if (data_)
        ::munmap(const_cast<char*>(data_), size_);
}

} // namespace linnet::cli
