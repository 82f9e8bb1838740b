// Reads a tar archive piece by piece: ustar with GNU's long names and base-256 numbers, and pax
// path and linkpath records, which is what dpkg-deb and Docker write (tar(5)).
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace linnet::cli {

struct TarEntry {
    char type = '0'; // '0' file, '1' hard link, '2' symbolic link, '3' and '4' devices, '5' folder, '6' FIFO
    std::string path;
    std::string link;
    std::string user;
    std::string group;
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
    std::uint32_t mode = 0; // 07777
    std::uint64_t size = 0; // bytes of data that follow
    std::int64_t mtime = 0; // seconds
};

class TarReader {
public:
    virtual ~TarReader() = default;

    // Throws std::runtime_error for an archive that is not one.
    void feed(std::span<const char> bytes);

    // After the last piece: throws if the archive ended inside an entry.
    void finish() const;

protected:
    virtual void begin_entry(const TarEntry& entry) = 0;
    virtual void data(std::span<const char> bytes) = 0; // of the entry begun last
    virtual void end_entry() = 0;

private:
    void header();
    void end_of_data();
    void pax_records();

    std::string block_;           // of the header, up to 512 bytes
    TarEntry entry_;
    std::uint64_t left_ = 0;      // data bytes still to come
    std::uint64_t padding_ = 0;   // bytes to the next block
    bool in_data_ = false;
    bool collecting_ = false;     // a long name or pax header, not a file
    std::string collected_;
    std::string long_path_, long_link_;
    bool ended_ = false;
};

} // namespace linnet::cli
