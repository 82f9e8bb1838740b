// Looks into a finished `newc` archive: which member has a path, and its bytes, in place.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace linnet::cli {

struct CpioMember {
    std::uint32_t mode = 0;
    std::uint32_t names = 0; // hard links
    std::uint32_t inode = 0;
    std::string_view data;   // within the archive; a link's target for a symbolic link
};

class CpioReader {
public:
    // `archive` must stay where it is. What is damaged ends the reading; damaged() says so.
    explicit CpioReader(std::string_view archive);

    bool damaged() const { return damaged_; }
    const std::map<std::string, CpioMember>& members() const { return members_; }

    // The data of the file that an absolute path leads to, links followed; empty if there is none.
    std::string_view file(const std::string& path) const;

private:
    std::map<std::string, CpioMember> members_; // by absolute path
    bool damaged_ = false;
};

// A whole file of the host, mapped for reading.
class MappedFile {
public:
    explicit MappedFile(const std::string& path);
    ~MappedFile();
    MappedFile(const MappedFile&) = delete;
    MappedFile& operator=(const MappedFile&) = delete;
    std::string_view bytes() const { return {data_, size_}; } // empty if it could not be read

private:
    const char* data_ = nullptr;
    std::size_t size_ = 0;
};

} // namespace linnet::cli
