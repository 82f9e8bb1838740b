#include "cli/image/cpio_writer.h"

#include <fcntl.h>
#include <sys/sysmacros.h>

#include <cerrno>
#include <cstdio>
#include <map>
#include <vector>

#include "cli/util/error.h"

namespace linnet::cli {
namespace {

constexpr std::uint64_t page_size = 4096;
constexpr std::uint64_t header_size = 110;

class Writer {
public:
    explicit Writer(int fd) : fd_(fd) { buffer_.reserve(buffer_limit + 65536); }

    std::uint64_t offset() const { return offset_; }

    void put(std::string_view bytes) {
        buffer_ += bytes;
        offset_ += bytes.size();
        if (buffer_.size() >= buffer_limit)
            flush();
    }

    void zeros(std::uint64_t count) {
        buffer_.append(count, '\0');
        offset_ += count;
    }

    void flush() {
        std::string_view rest = buffer_;
        while (!rest.empty()) {
            const ssize_t n = ::write(fd_, rest.data(), rest.size());
            if (n < 0 && errno == EINTR)
                continue;
            if (n < 0)
                throw CommandError("cannot write the image: " + error_text(errno));
            rest.remove_prefix(static_cast<std::size_t>(n));
        }
        buffer_.clear();
    }

    // Data straight from a file to the archive, without a copy through this process where the host can.
    void copy(int source, const std::string& name, std::uint64_t from, std::uint64_t size) {
        flush();
        auto position = static_cast<loff_t>(from);
        std::uint64_t left = size;
        bool direct = true;
        while (left != 0) {
            ssize_t n;
            if (direct) {
                n = ::copy_file_range(source, &position, fd_, nullptr, left, 0);
                if (n < 0 && errno != EINTR && errno != EIO && errno != ENOSPC) {
                    direct = false; // another file system, or not supported
                    continue;
                }
            } else {
                char chunk[65536];
                n = ::pread(source, chunk, std::min<std::uint64_t>(left, sizeof chunk), position);
                if (n > 0) {
                    buffer_.assign(chunk, static_cast<std::size_t>(n));
                    flush();
                    position += n;
                }
            }
            if (n < 0 && errno == EINTR)
                continue;
            if (n < 0)
                throw CommandError(concat("cannot copy ", name, ": ", error_text(errno)));
            if (n == 0) {
                // Some file systems report an empty copy_file_range for files they make up.
                if (direct) {
                    direct = false;
                    continue;
                }
                throw CommandError(name + " became shorter while it was copied");
            }
            left -= static_cast<std::uint64_t>(n);
        }
        offset_ += size;
    }

private:
    static constexpr std::size_t buffer_limit = 1 << 20;
    int fd_;
    std::uint64_t offset_ = 0;
    std::string buffer_;
};

struct Item {
    const std::string* path;
    const Entry* entry;
    std::uint32_t inode;
    std::uint32_t names;     // hard links
    std::uint64_t data_size; // 0 for all but the last name of a file
};

// `unit`: the data begins at a multiple of it.
void write_header(Writer& out, std::string_view name, const Item& item, std::uint64_t unit) {
    std::uint64_t name_size = name.size() + 1;
    const std::uint64_t end = out.offset() + header_size + name_size;
    name_size += (unit - end % unit) % unit;
    const Entry& entry = *item.entry;
    char header[header_size + 1];
    std::snprintf(header, sizeof header, "070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X",
                  item.inode, entry.mode, entry.uid, entry.gid, item.names, entry.mtime,
                  static_cast<unsigned>(item.data_size), 0u, 0u, ::gnu_dev_major(entry.device),
                  ::gnu_dev_minor(entry.device), static_cast<unsigned>(name_size), 0u);
    out.put({header, header_size});
    out.put(name);
    out.zeros(name_size - name.size());
    out.zeros((4 - out.offset() % 4) % 4);
}

void write_data(Writer& out, const Item& item) {
    const Entry& entry = *item.entry;
    if (entry.is_link()) {
        out.put(entry.target);
    } else if (const auto* text = std::get_if<std::string>(&entry.data)) {
        out.put(*text);
    } else if (item.data_size < page_size) {
        out.put(read_data(entry.data, 0, item.data_size));
    } else if (const auto* file = std::get_if<HostFile>(&entry.data)) {
        Fd fd(::open(file->path.c_str(), O_RDONLY | O_CLOEXEC));
        if (!fd)
            throw CommandError(concat("cannot read ", file->path, ": ", error_text(errno)));
        out.copy(fd.get(), file->path, 0, file->size);
    } else if (const auto* slice = std::get_if<FileSlice>(&entry.data)) {
        out.copy(slice->file->get(), *item.path, slice->offset, slice->size);
    }
    out.zeros((4 - out.offset() % 4) % 4);
}

} // namespace

std::uint64_t write_cpio(const Tree& tree, int fd) {
    // Names of one file: the data goes with the last of them, as GNU cpio has it.
    std::map<std::uint64_t, std::vector<const std::string*>> files;
    for (const auto& [path, entry] : tree.entries()) {
        if (entry.links != 0 && entry.is_file())
            files[entry.links].push_back(&path);
    }
    std::map<std::uint64_t, std::uint32_t> inodes;
    std::vector<Item> small, large;
    std::uint32_t next_inode = 1;
    for (const auto& [path, entry] : tree.entries()) {
        const std::uint64_t size = entry.size();
        if (size > UINT32_MAX - page_size)
            throw CommandError(path + " is too large for an image (4 GiB and more)");
        Item item{&path, &entry, next_inode, entry.is_folder() ? 2u : 1u, size};
        if (entry.links != 0 && entry.is_file()) {
            const auto& names = files[entry.links];
            item.names = static_cast<std::uint32_t>(names.size());
            if (const auto known = inodes.find(entry.links); known != inodes.end())
                item.inode = known->second;
            inodes[entry.links] = item.inode;
            if (names.back() != &path)
                item.data_size = 0;
        }
        if (item.inode == next_inode)
            ++next_inode;
        (item.data_size < page_size ? small : large).push_back(item);
    }

    Writer out(fd);
    for (const auto* part : {&small, &large}) {
        for (const Item& item : *part) {
            const std::string_view name =
                *item.path == "/" ? std::string_view(".") : std::string_view(*item.path).substr(1);
            // Small data is kept at 8 bytes, so that the kernel can read its own tables in place.
            write_header(out, name, item, item.data_size >= page_size ? page_size : 8);
            if (item.data_size != 0)
                write_data(out, item);
        }
    }
    const Entry none;
    // Some readers know the trailer by its length too: no padding.
    write_header(out, "TRAILER!!!", Item{nullptr, &none, 0, 1, 0}, 1);
    out.zeros((512 - out.offset() % 512) % 512);
    out.flush();
    return out.offset();
}

} // namespace linnet::cli
