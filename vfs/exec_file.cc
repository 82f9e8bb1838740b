// How exec reaches files: kernel/task's interface over an open inode.
#include "vfs/exec_file.h"

#include "kernel/lib/string.h"
#include "linux-abi/mman.h"
#include "vfs/file_table.h"
#include "vfs/fs_context.h"
#include "vfs/open.h"
#include "vfs/path_file.h"

namespace linnet {

namespace {

class OpenExecFile final : public ExecFile {
  public:
    OpenExecFile(Ref<File> f, Ref<Inode> inode, char* path) : file_(std::move(f)), inode_(std::move(inode)), path_(path) {}
    ~OpenExecFile() override {
        allow_write_access(*inode_);
        kfree(path_);
    }
    Result<size_t> read_exec(void* to, u64 offset, size_t n) override {
        IoVector v = IoVector::kernel(to, n);
        return file_->read(v, offset, false);
    }
    Result<Ref<VmObject>> exec_object() override {
        return file_->mmap_object(0, inode_->size(), PROT_READ | PROT_EXEC, MAP_PRIVATE);
    }
    u64 exec_size() override { return inode_->size(); }
    SetId exec_setid() override {
        u32 mode = inode_->mode;
        const Location* l = file_->location();
        bool honoured = !(l && l->mount && (l->mount->flags & kMsNosuid));
        // S_ISGID without group execution marks mandatory locking, not set-group-ID.
        return {honoured && (mode & S_ISUID), honoured && (mode & (S_ISGID | 010)) == (S_ISGID | 010), inode_->uid, inode_->gid};
    }
    const char* exec_path() override { return path_; }
    bool name_is_gone_after_exec() override { return by_closing_descriptor; }
    bool by_closing_descriptor = false;

  private:
    Ref<File> file_;
    Ref<Inode> inode_;
    char* path_;
};

Result<char*> path_of(const Location& where) {
    char* text = static_cast<char*>(kmalloc(kMaxPathLength));
    if (!text) return ENOMEM;
    TextBuffer buffer(text, kMaxPathLength);
    if (where.mount) render_path(where, buffer);
    else buffer.put(where.dentry->name().data(), where.dentry->name().size());
    char* exact = static_cast<char*>(kmalloc(buffer.length() + 1));
    if (exact) memcpy(exact, text, buffer.length() + 1);
    kfree(text);
    if (!exact) return ENOMEM;
    return exact;
}

} // namespace

Result<Ref<ExecFile>> open_exec_file(int dirfd, const char* path, int at_flags) {
    const Credentials& c = *current().credentials;
    u32 flags = (at_flags & AT_SYMLINK_NOFOLLOW ? 0u : u32{kWalkFollow}) | (at_flags & AT_EMPTY_PATH ? u32{kWalkEmpty} : 0u);
    Location where = TRY(walk_path(dirfd, path, flags));
    Inode& inode = where.inode();
    if (inode.is_symlink()) return ELOOP;
    if (!inode.is_regular()) return EACCES;
    if (where.mount && (where.mount->flags & kMsNoexec)) return EACCES;
    TRY(check_access(inode, kMayExec, c));
    TRY(deny_write_access(inode));
    // Read access is not needed to execute: the open is the kernel's own.
    auto file = inode.open(where, O_RDONLY);
    Result<char*> name = file ? path_of(where) : Result<char*>(file.error());
    if (!name) {
        allow_write_access(inode);
        return name.error();
    }
    auto exec = make_ref<OpenExecFile>(std::move(*file), Ref<Inode>(&inode), *name);
    if (!exec) {
        allow_write_access(inode);
        kfree(*name);
        return ENOMEM;
    }
    if (dirfd != AT_FDCWD && path[0] != '/') {
        auto closes = current_files().get_close_on_exec(dirfd);
        (*exec)->by_closing_descriptor = closes && *closes;
    }
    return Ref<ExecFile>(std::move(*exec));
}

} // namespace linnet
