// Masters of pseudo terminals as open files, and the opening of ptmx.
#include "kernel/lib/format.h"
#include "linux-abi/fcntl.h"
#include "vfs/file_table.h"
#include "vfs/mount.h"
#include "vfs/tty/devpts.h"

namespace linnet {
namespace {

class MasterFile final : public DeviceFile {
  public:
    /// `folder`: the root of the devpts mount, where the slave's name is.
    MasterFile(Ref<Pty> p, Location folder, const Location& where, u32 flags)
        : DeviceFile(where, flags), pair_(std::move(p)), folder_(std::move(folder)) {}
    ~MasterFile() override { pair_->master_closed(); }
    Result<size_t> read(IoVector& to, u64&, bool nonblock) override { return pair_->master_read(to, nonblock); }
    Result<size_t> write(IoVector& from, u64&, bool nonblock) override { return pair_->master_write(from, nonblock); }
    u32 poll(PollTable* table) override { return pair_->master_poll(table); }
    Result<i64> bytes_available() override { return pair_->master_bytes_available(); }
    Result<i64> ioctl(u32 command, u64 arg) override {
        if (command != u32(TIOCGPTPEER)) return pair_->master_ioctl(command, arg);
        return i64(TRY(install_file(TRY(open_peer(u32(arg))), u32(arg) & O_CLOEXEC)));
    }
    bool seekable() const override { return false; }
    Result<u64> seek(i64, int) override { return ESPIPE; }

  private:
    /// The slave, whatever is mounted over its folder.
    Result<Ref<File>> open_peer(u32 flags) {
        char name[12];
        TextBuffer text(name, sizeof name);
        text.append("%u", pair_->index);
        Location where(folder_.mount, TRY(DentryCache::add(*folder_.dentry, {name, text.length()}, pair_->inode)));
        return open_terminal(pair_, where, flags, true);
    }

    const Ref<Pty> pair_;
    const Location folder_;
};

/// The root of the devpts that a ptmx belongs to: its own file system, or the one mounted at "pts" beside it. ENODEV
Result<Location> devpts_of(const Location& ptmx) {
    auto is_devpts = [](const Location& l) { return l.dentry->superblock().magic == u32(DEVPTS_SUPER_MAGIC); };
    if (is_devpts(ptmx)) return Location(ptmx.mount, ptmx.mount->root);
    Ref<Dentry> folder = DentryCache::parent_of(*ptmx.dentry);
    if (!folder) return ENODEV;
    Location where(ptmx.mount, nullptr);
    auto found = DentryCache::look_up(*folder, "pts");
    if (!found) return ENODEV;
    where.dentry = std::move(*found);
    cross_mounts(where);
    if (!is_devpts(where) || where.dentry != where.mount->root) return ENODEV;
    return where;
}

} // namespace

Result<Ref<File>> open_ptmx(const Location& where, u32 flags) {
    Location folder = TRY(devpts_of(where));
    Ref<Pty> pair = TRY(static_cast<DevptsSuperblock&>(folder.dentry->superblock()).add());
    return Ref<File>(TRY(make_ref<MasterFile>(std::move(pair), std::move(folder), where, flags)));
}

} // namespace linnet
