// The roots of procfs and sysfs.
#include "kernel/lib/log.h"
#include "procfs/process.h"
#include "procfs/procfs.h"
#include "procfs/system.h"
#include "vfs/mount.h"

namespace linnet {
namespace {

constexpr u32 kProcMagic = 0x9fa0, kSysfsMagic = 0x62656572;
/// Positions of the registered files in the root folder; processes come after.
constexpr u64 kProcessBase = 1 << 20;

class SelfLink final : public LinkInode {
  public:
    SelfLink(Ref<Superblock> sb, u64 number, bool thread) : LinkInode(std::move(sb), S_IFLNK | 0777, number), thread_(thread) {}
    Result<void> make_target(GrowingText& out) override {
        Task& t = current();
        if (thread_) out.append("%d/task/%d", t.process->pid, t.tid);
        else out.append("%d", t.process->pid);
        return {};
    }

  private:
    bool thread_;
};

class ProcRoot final : public Inode {
  public:
    explicit ProcRoot(Ref<Superblock> sb) : Inode(std::move(sb), S_IFDIR | 0555, 1) {}
    void refresh() override { nlink = 8 + process_count(); }

    Result<Ref<Inode>> lookup(std::string_view name) override {
        if (name == "self") return Ref<Inode>(TRY(make_ref<SelfLink>(superblock, 2, false)));
        if (name == "thread-self") return Ref<Inode>(TRY(make_ref<SelfLink>(superblock, 3, true)));
        i32 pid = parse_id(name);
        if (pid > 0) {
            if (auto p = find_process(pid)) return make_process_folder(superblock, std::move(p), 0);
            // A thread's ID names its process's folder too, though it is not listed.
            if (auto t = find_task(pid)) return make_process_folder(superblock, t->process, pid);
            return ENOENT;
        }
        return look_up_registered(superblock, "proc", name);
    }

    Result<void> read_directory(const Location& here, u64& pos, DirSink& sink) override {
        if (!add_dots(*this, here, pos, sink)) return {};
        if (pos == 2) {
            if (!sink.add("self", 2, 10, 3)) return {};
            pos = 3;
        }
        if (pos == 3) {
            if (!sink.add("thread-self", 3, 10, 4)) return {};
            pos = 4;
        }
        if (pos < kProcessBase) {
            if (!list_registered("proc", 4, pos, sink)) return {};
            pos = kProcessBase;
        }
        i32 pid = i32(pos - kProcessBase);
        while (auto p = next_process(pid)) {
            pid = p->pid;
            char name[16];
            size_t n = format(name, sizeof name, "%d", pid);
            if (!sink.add({name, n}, process_ino(pid, 0, 0), 4, kProcessBase + u64(pid))) break;
            pos = kProcessBase + u64(pid);
        }
        return {};
    }
};

Result<Ref<Dentry>> mount_proc(const char*, const char*) {
    auto sb = TRY(make_ref<ProcSuperblock>("proc", kProcMagic));
    return DentryCache::make_root(Ref<Inode>(TRY(make_ref<ProcRoot>(Ref<Superblock>(sb)))));
}

Result<Ref<Dentry>> mount_sysfs(const char*, const char*) {
    auto sb = TRY(make_ref<ProcSuperblock>("sysfs", kSysfsMagic));
    return DentryCache::make_root(TRY(make_registered_folder(Ref<Superblock>(sb), "sys")));
}

} // namespace

void procfs_init() {
    register_system_files();
    register_sysctl_files();
    register_sysfs_files();
    register_net_files();
    register_filesystem("proc", mount_proc);
    register_filesystem("sysfs", mount_sysfs);
}

} // namespace linnet
