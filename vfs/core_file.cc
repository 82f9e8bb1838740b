#include "vfs/core_file.h"

#include "kernel/task/task.h"
#include "linux-abi/fcntl.h"
#include "vfs/file.h"
#include "vfs/inode.h"
#include "vfs/open.h"

namespace linnet {

namespace {

class OpenCoreFile final : public CoreFile {
  public:
    explicit OpenCoreFile(Ref<File> f) : file_(std::move(f)) {}
    Result<void> write_at(u64 offset, const void* data, size_t n) override {
        IoVector v = IoVector::kernel(const_cast<void*>(data), n);
        while (v.remaining())
            if (TRY(file_->write(v, offset, false)) == 0) return EIO;
        return {};
    }
    Result<void> set_size(u64 size) override { return file_->truncate(size); }

  private:
    Ref<File> file_;
};

} // namespace

Result<Ref<CoreFile>> open_core(const char* path) {
    Ref<File> f = TRY(open_file(AT_FDCWD, path, {.flags = u32(O_CREAT | O_RDWR | O_NOFOLLOW), .mode = 0600}));
    const Inode& inode = f->inode();
    // Nobody else may have prepared the place, or read what comes there.
    constexpr u32 kOwnerOnly = 0600, kMode = 0677;
    if (!inode.is_regular() || inode.nlink != 1 || inode.uid != current().credentials->fsuid || (inode.mode & kMode) != kOwnerOnly) return EPERM;
    TRY(f->truncate(0));
    return Ref<CoreFile>(TRY(make_ref<OpenCoreFile>(std::move(f))));
}

} // namespace linnet
