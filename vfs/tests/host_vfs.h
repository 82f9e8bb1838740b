// A task on the host that calls the vfs, and the tree operations by it.
#pragma once

#include "kernel/arch/x86_64/cpu.h"
#include "kernel/host/machine.h"
#include "kernel/task/task.h"
#include "linux-abi/fcntl.h"
#include "linux-abi/resource.h"
#include "vfs/file_table.h"
#include "vfs/fs_context.h"
#include "vfs/memory_file.h"
#include "vfs/open.h"
#include "vfs/tests/tree_ops.h"
#include "vfs/vfs.h"

namespace linnet::host {

/// A task with root's credentials, its working directory and root at the system root. The first call sets the file systems up.
inline Task& test_task() {
    static Task* task = [] {
        boot();
        Task* t = make_ref<Task>().value().release();
        t->process = make_ref<Process>().value();
        t->process->handlers = make_ref<SignalHandlers>().value();
        for (auto& l : t->process->limits) l = {kLimitInfinity, kLimitInfinity};
        t->process->limits[RLIMIT_NOFILE] = {1024, 4096};
        t->process->pid = t->tid = 1;
        t->credentials = make_ref<Credentials>().value();
        auto* before = per_cpu().current;
        per_cpu().current = t;
        if (!vfs_init()) panic("no file systems");
        t->fs = make_init_fs_context().value();
        t->files = FileTable::make().value();
        per_cpu().current = before;
        return t;
    }();
    return *task;
}

/// The test itself acts as the task for a while; nothing may block, and no spawned thread may run meanwhile.
class AsTask {
  public:
    explicit AsTask(Task& t = test_task()) : before_(per_cpu().current) { per_cpu().current = &t; }
    ~AsTask() { per_cpu().current = before_; }

  private:
    Thread* before_;
};

/// One operation on Linnet.
inline tree::Answer apply(const tree::Op& op) {
    using tree::Kind;
    tree::Answer a;
    const char* p = op.path.c_str();
    const char* p2 = op.path2.c_str();
    auto from = [&](const auto& r) { a.error = r ? 0 : int(r.error()); };
    // Paths come through PathName from programs: that is where Linux's length limit is.
    if (op.path.size() >= kMaxPathLength || op.path2.size() >= kMaxPathLength) {
        a.error = int(ENAMETOOLONG);
        return a;
    }
    switch (op.kind) {
    case Kind::Mkdir: from(make_directory(AT_FDCWD, p, 0755)); break;
    case Kind::Create:
    case Kind::Open: {
        OpenRequest r;
        r.flags = u32(tree::open_flags(op));
        r.mode = 0644;
        from(open_file(AT_FDCWD, p, r));
        break;
    }
    case Kind::Symlink: from(make_symlink(p, AT_FDCWD, p2)); break;
    case Kind::Link: from(make_link(AT_FDCWD, p, AT_FDCWD, p2, op.flags & 1 ? AT_SYMLINK_FOLLOW : 0)); break;
    case Kind::Unlink: from(remove_file(AT_FDCWD, p)); break;
    case Kind::Rmdir: from(remove_directory(AT_FDCWD, p)); break;
    case Kind::Rename: from(rename_file(AT_FDCWD, p, AT_FDCWD, p2, op.flags % 8 < 4 ? op.flags % 4 : 0)); break;
    case Kind::Chdir: {
        auto where = walk_path(AT_FDCWD, p, kWalkFollow | kWalkDirectory);
        if (where) from(change_directory(*where));
        else from(where);
        break;
    }
    case Kind::Fifo: from(make_node(AT_FDCWD, p, S_IFIFO | 0644, 0)); break;
    case Kind::Stat: {
        auto where = walk_path(AT_FDCWD, p, op.flags & 1 ? u32(kWalkFollow) : 0);
        from(where);
        if (!where) break;
        Inode& i = where->inode();
        a.value = u64(i.mode) << 32 | (i.is_directory() ? 0 : i.nlink << 16 | (i.is_regular() || i.is_symlink() ? i.size() : 0));
        break;
    }
    case Kind::Readlink: {
        auto where = walk_path(AT_FDCWD, p, 0);
        from(where);
        if (!where) break;
        char text[4200];
        auto n = where->inode().is_symlink() ? where->inode().readlink(text, sizeof text) : Result<size_t>(EINVAL);
        from(n);
        if (n) a.text.assign(text, *n);
        break;
    }
    case Kind::Truncate: {
        auto where = walk_path(AT_FDCWD, p, kWalkFollow);
        if (where) from(truncate_inode(where->inode(), op.flags, true));
        else from(where);
        break;
    }
    case Kind::Write: {
        OpenRequest r;
        r.flags = O_WRONLY | O_NONBLOCK | (op.flags & 1 ? O_APPEND : 0);
        auto f = open_file(AT_FDCWD, p, r);
        from(f);
        if (!f) break;
        char bytes[256] = {};
        IoVector v = IoVector::kernel(bytes, op.flags);
        u64 pos = 0;
        auto n = (*f)->write(v, pos, true);
        from(n);
        if (n) a.value = *n;
        break;
    }
    case Kind::kCount: break;
    }
    return a;
}

} // namespace linnet::host
