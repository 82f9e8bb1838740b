#include "cli/image/archive.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>

#include <cerrno>

#include "cli/util/error.h"
#include "cli/util/paths.h"

namespace linnet::cli {
namespace {

struct ArchiveFree {
    void operator()(archive* handle) const { ::archive_read_free(handle); }
};

// Contents are unpacked into one nameless file, of which each entry is a part.
class Spool {
public:
    Spool() {
        std::string name = (cache_folder() / "unpack.XXXXXX").string();
        file_ = std::make_shared<Fd>(::mkostemp(name.data(), O_CLOEXEC));
        if (!*file_)
            throw CommandError(concat("cannot write ", name, ": ", error_text(errno)));
        ::unlink(name.c_str());
    }

    FileSlice copy(archive* source, const std::string& name) {
        FileSlice slice{file_, size_, 0, {}};
        const void* block;
        std::size_t length;
        la_int64_t offset; // sparse files leave holes
        int result;
        while ((result = ::archive_read_data_block(source, &block, &length, &offset)) == ARCHIVE_OK) {
            const auto end = static_cast<std::uint64_t>(offset) + length;
            const char* from = static_cast<const char*>(block);
            for (std::size_t done = 0; done < length;) {
                const ssize_t n =
                    ::pwrite(file_->get(), from + done, length - done,
                             static_cast<off_t>(size_ + static_cast<std::uint64_t>(offset) + done));
                if (n < 0 && errno == EINTR)
                    continue;
                if (n < 0)
                    throw CommandError(concat("cannot unpack ", name, ": ", error_text(errno)));
                done += static_cast<std::size_t>(n);
            }
            slice.size = std::max(slice.size, end);
        }
        if (result != ARCHIVE_EOF)
            throw CommandError(concat(name, ": ", ::archive_error_string(source)));
        return slice;
    }

    void finish(FileSlice& slice, std::uint64_t size) {
        slice.size = std::max(slice.size, size); // a hole at the end
        size_ += slice.size;
        if (::ftruncate(file_->get(), static_cast<off_t>(size_)) != 0)
            throw CommandError(concat("cannot unpack: ", error_text(errno)));
    }

private:
    std::shared_ptr<Fd> file_;
    std::uint64_t size_ = 0;
};

} // namespace

void add_archive(Tree& tree, const std::string& path) {
    struct stat st;
    if (::stat(path.c_str(), &st) != 0)
        throw CommandError(concat(path, ": ", error_text(errno)));
    const std::string identity =
        concat(path, " ", st.st_ino, " ", st.st_size, " ", st.st_mtim.tv_sec, ".", st.st_mtim.tv_nsec);
    const std::unique_ptr<archive, ArchiveFree> source(::archive_read_new());
    ::archive_read_support_filter_all(source.get());
    ::archive_read_support_format_tar(source.get());
    ::archive_read_support_format_cpio(source.get());
    if (::archive_read_open_filename(source.get(), path.c_str(), 1 << 16) != ARCHIVE_OK)
        throw CommandError(concat(path, ": ", ::archive_error_string(source.get())));
    Spool spool;
    bool any = false;
    while (true) {
        archive_entry* header;
        const int result = ::archive_read_next_header(source.get(), &header);
        if (result == ARCHIVE_EOF)
            break;
        if (result != ARCHIVE_OK && result != ARCHIVE_WARN)
            throw CommandError(concat(path, ": ", ::archive_error_string(source.get())));
        any = true;
        const char* raw_name = ::archive_entry_pathname(header);
        if (!raw_name)
            continue;
        const std::string name = normal_path(raw_name);
        if (const char* same = ::archive_entry_hardlink(header)) {
            Entry* first = tree.find(normal_path(same));
            if (!first || !first->is_file())
                throw CommandError(concat(path, ": ", name, " is a hard link to nothing"));
            if (first->links == 0)
                first->links = tree.new_link_number();
            // cpio keeps the data with the last name, tar with the first.
            if (::archive_entry_size(header) > 0) {
                FileSlice slice = spool.copy(source.get(), path);
                spool.finish(slice, static_cast<std::uint64_t>(::archive_entry_size(header)));
                slice.identity = identity;
                for (auto& [other, entry] : tree.entries()) {
                    if (entry.links == first->links)
                        entry.data = slice;
                }
            }
            tree.add(name, Entry(*first));
            continue;
        }
        Entry entry;
        entry.mode = static_cast<std::uint32_t>(::archive_entry_mode(header));
        entry.uid = static_cast<std::uint32_t>(::archive_entry_uid(header));
        entry.gid = static_cast<std::uint32_t>(::archive_entry_gid(header));
        entry.mtime = static_cast<std::uint32_t>(::archive_entry_mtime(header));
        if (entry.is_link()) {
            const char* target = ::archive_entry_symlink(header);
            entry.target = target ? target : "";
        } else if (entry.is_file()) {
            FileSlice slice = spool.copy(source.get(), path);
            spool.finish(slice, static_cast<std::uint64_t>(::archive_entry_size(header)));
            slice.identity = identity;
            entry.data = std::move(slice);
        } else if (S_ISCHR(entry.mode) || S_ISBLK(entry.mode)) {
            entry.device = ::archive_entry_rdev(header);
        } else if (S_ISSOCK(entry.mode)) {
            continue;
        }
        tree.add(name, std::move(entry));
    }
    if (!any)
        throw CommandError(path + ": an empty archive");
}

} // namespace linnet::cli
