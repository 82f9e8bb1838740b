// /proc/PID and /proc/PID/task/TID: the folders. The files' texts are in process_*.cc.
#include "kernel/lib/string.h"
#include "procfs/process.h"
#include "vfs/file_table.h"
#include "vfs/fs_context.h"
#include "vfs/mount.h"

namespace linnet {
namespace {

Ref<Task> subject_task(const Subject& s) { return s.tid ? find_task(s.tid) : main_thread(*s.process); }

/// Who may look into a process: itself, and root (ptrace's rule, cut down to what one tenant needs). EACCES
Result<void> check_may_look(const Subject& s) {
    Task& me = current();
    if (me.process == s.process || me.credentials->has_capability(19)) return {};
    auto t = subject_task(s);
    if (t) {
        Ref<Credentials> theirs = share_ref(t->credentials);
        const Credentials& c = *theirs;
        const Credentials& mine = *me.credentials;
        if (mine.fsuid == c.uid && c.uid == c.euid && c.uid == c.suid && s.process->dumpable) return {};
    }
    return EACCES;
}

void own(Inode& inode, const Subject& s) {
    if (auto t = subject_task(s)) {
        Ref<Credentials> c = share_ref(t->credentials);
        inode.uid = c->euid;
        inode.gid = c->egid;
    }
}

class ProcessFile final : public TextInode {
  public:
    ProcessFile(Ref<Superblock> sb, u64 number, Subject s, const ProcessEntry& e)
        : TextInode(std::move(sb), S_IFREG | e.mode, number), subject_(std::move(s)), entry_(e) {
        own(*this, subject_);
    }
    Result<void> make_text(GrowingText& out) override {
        if (!(entry_.mode & 0044)) TRY(check_may_look(subject_));
        return entry_.generate(subject_, out);
    }
    Result<void> store_text(const char* text, size_t n) override {
        return entry_.store ? entry_.store(subject_, text, n) : EACCES;
    }
    bool at_open() const override { return entry_.at_open; }

  private:
    Subject subject_;
    const ProcessEntry& entry_;
};

// --- exe, cwd, root ---

class PlaceLink final : public LinkInode {
  public:
    PlaceLink(Ref<Superblock> sb, u64 number, Subject s, char which)
        : LinkInode(std::move(sb), S_IFLNK | 0777, number), subject_(std::move(s)), which_(which) {
        own(*this, subject_);
    }
    Result<void> make_target(GrowingText& out) override {
        TRY(check_may_look(subject_));
        if (which_ == 'e') {
            Ref<ExecFile> exe = share_ref(subject_.process->exe);
            if (!exe) return ENOENT;
            out.put(exe->exec_path());
            return {};
        }
        Location where = TRY(place());
        auto* buf = static_cast<char*>(kmalloc(kPageSize));
        if (!buf) return ENOMEM;
        TextBuffer text(buf, kPageSize);
        bool fits = render_path(where, text);
        out.put(text.c_str());
        kfree(buf);
        return fits ? Result<void>() : Result<void>(ENAMETOOLONG);
    }
    Result<Location> follow_magic() override {
        if (which_ == 'e') return EOPNOTSUPP; // by its path
        TRY(check_may_look(subject_));
        return place();
    }

  private:
    Result<Location> place() {
        auto t = subject_task(subject_);
        Ref<FsContextBase> fs;
        if (t) fs = share_ref(t->fs);
        if (!fs) return ENOENT;
        auto& f = static_cast<FsContext&>(*fs);
        return which_ == 'c' ? f.cwd() : f.root();
    }
    Subject subject_;
    char which_;
};

// --- fd, fdinfo ---

Ref<FileTableBase> files_of(const Subject& s) {
    auto t = subject_task(s);
    return t ? share_ref(t->files) : Ref<FileTableBase>();
}

Ref<File> file_of(const Subject& s, int fd) {
    auto table = files_of(s);
    return table ? static_cast<FileTable&>(*table).get(fd) : Ref<File>();
}

class FdLink final : public LinkInode {
  public:
    FdLink(Ref<Superblock> sb, u64 number, Subject s, int fd, u32 mode_bits)
        : LinkInode(std::move(sb), S_IFLNK | mode_bits, number), subject_(std::move(s)), fd_(fd) {
        own(*this, subject_);
    }
    Result<void> make_target(GrowingText& out) override {
        auto f = file_of(subject_, fd_);
        if (!f) return ENOENT;
        auto* buf = static_cast<char*>(kmalloc(kPageSize));
        if (!buf) return ENOMEM;
        TextBuffer text(buf, kPageSize);
        f->describe(text);
        out.put(text.c_str());
        kfree(buf);
        return {};
    }
    Result<Location> follow_magic() override {
        TRY(check_may_look(subject_));
        auto f = file_of(subject_, fd_);
        if (!f) return ENOENT;
        const Location* where = f->location();
        if (!where) return ENXIO; // sockets and the like can't be opened again
        return *where;
    }
    u64 size() override { return 64; }

  private:
    Subject subject_;
    int fd_;
};

class FdInfo final : public TextInode {
  public:
    FdInfo(Ref<Superblock> sb, u64 number, Subject s, int fd)
        : TextInode(std::move(sb), S_IFREG | 0400, number), subject_(std::move(s)), fd_(fd) {
        own(*this, subject_);
    }
    Result<void> make_text(GrowingText& out) override {
        TRY(check_may_look(subject_));
        auto table = files_of(subject_);
        auto f = file_of(subject_, fd_);
        if (!f) return ENOENT;
        auto cloexec = static_cast<FileTable&>(*table).get_close_on_exec(fd_);
        u32 flags = f->flags() | (cloexec && *cloexec ? 02000000 : 0);
        out.append("pos:\t%lu\nflags:\t0%o\nmnt_id:\t%u\nino:\t%lu\n", f->uses_position() ? f->position : 0ul, flags,
                   f->location() ? f->location()->mount->id : 0u, f->inode().ino);
        char more[256];
        TextBuffer text(more, sizeof more);
        f->show_info(text);
        out.put(text.c_str());
        return {};
    }

  private:
    Subject subject_;
    int fd_;
};

class FdFolder final : public Inode {
  public:
    FdFolder(Ref<Superblock> sb, u64 number, Subject s, bool info)
        : Inode(std::move(sb), S_IFDIR | 0500, number), subject_(std::move(s)), info_(info) {
        nlink = 2;
        own(*this, subject_);
    }
    Result<Ref<Inode>> lookup(std::string_view name) override {
        i32 fd = parse_id(name);
        if (fd < 0) return ENOENT;
        auto f = file_of(subject_, fd);
        if (!f) return ENOENT;
        u64 number = ino_of(fd);
        if (info_) return Ref<Inode>(TRY(make_ref<FdInfo>(superblock, number, subject_, fd)));
        u32 bits = (f->readable() ? 0500u : 0u) | (f->writable() ? 0300u : 0u);
        return Ref<Inode>(TRY(make_ref<FdLink>(superblock, number, subject_, fd, bits)));
    }
    Result<void> read_directory(const Location& here, u64& pos, DirSink& sink) override {
        TRY(check_may_look(subject_));
        if (!add_dots(*this, here, pos, sink)) return {};
        auto table = files_of(subject_);
        if (!table) return {};
        for (int fd; (fd = static_cast<FileTable&>(*table).next_open(int(pos - 2))) >= 0;) {
            char name[16];
            size_t n = format(name, sizeof name, "%d", fd);
            if (!sink.add({name, n}, ino_of(fd), info_ ? 8 : 10, u64(fd) + 3)) break;
            pos = u64(fd) + 3;
        }
        return {};
    }
    Result<void> permission(u32 mask, const Credentials& c) override {
        if (check_may_look(subject_)) return {};
        return Inode::permission(mask, c);
    }

  private:
    u64 ino_of(int fd) const { return ino << 20 | u64(info_) << 19 | u64(fd); }
    Subject subject_;
    bool info_;
};

// --- task ---

class TaskFolder final : public Inode {
  public:
    TaskFolder(Ref<Superblock> sb, u64 number, Subject s)
        : Inode(std::move(sb), S_IFDIR | 0555, number), subject_(std::move(s)) {
        own(*this, subject_);
    }
    Result<Ref<Inode>> lookup(std::string_view name) override {
        i32 tid = parse_id(name);
        auto t = tid > 0 ? find_task(tid) : Ref<Task>();
        if (!t || !(t->process == subject_.process)) return ENOENT;
        return make_process_folder(superblock, subject_.process, tid);
    }
    Result<void> read_directory(const Location& here, u64& pos, DirSink& sink) override {
        if (!add_dots(*this, here, pos, sink)) return {};
        i32 tid = i32(pos - 2);
        while (auto t = next_thread(*subject_.process, tid)) {
            tid = t->tid;
            char name[16];
            size_t n = format(name, sizeof name, "%d", tid);
            if (!sink.add({name, n}, process_ino(subject_.process->pid, tid, 0), 4, u64(tid) + 2)) break;
            pos = u64(tid) + 2;
        }
        return {};
    }
    void refresh() override { nlink = 2 + subject_.process->thread_count.load(); }

  private:
    Subject subject_;
};

// --- the folder itself ---

enum SpecialEntry : u32 { kExe, kCwd, kRoot, kFd, kFdInfo, kTask, kNet, kSpecialCount };
constexpr struct { const char* name; u8 dtype; } special_entries[kSpecialCount] = {
    {"exe", 10}, {"cwd", 10}, {"root", 10}, {"fd", 4}, {"fdinfo", 4}, {"task", 4}, {"net", 4}};

class ProcessFolder final : public Inode {
  public:
    ProcessFolder(Ref<Superblock> sb, Subject s)
        : Inode(std::move(sb), S_IFDIR | 0555, process_ino(s.process->pid, s.tid, 0)), subject_(std::move(s)) {
        nlink = 9;
        own(*this, subject_);
    }
    Process* signalled_process() override { return subject_.tid ? nullptr : subject_.process.get(); }
    Result<Ref<Inode>> lookup(std::string_view name) override {
        for (u32 i = 0; i < process_entry_count; ++i)
            if (name == process_entries[i].name)
                return Ref<Inode>(TRY(make_ref<ProcessFile>(superblock, number(i + kSpecialCount), subject_, process_entries[i])));
        for (u32 i = 0; i < kSpecialCount; ++i)
            if (name == special_entries[i].name && !(i == kTask && subject_.tid)) return special(SpecialEntry(i));
        return ENOENT;
    }
    Result<void> read_directory(const Location& here, u64& pos, DirSink& sink) override {
        if (!add_dots(*this, here, pos, sink)) return {};
        for (u64 i = pos - 2; i < kSpecialCount + process_entry_count; ++i) {
            bool is_special = i < kSpecialCount;
            if (!(i == kTask && subject_.tid)) {
                const char* name = is_special ? special_entries[i].name : process_entries[i - kSpecialCount].name;
                if (!sink.add(name, number(u32(i)), is_special ? special_entries[i].dtype : 8, i + 3)) break;
            }
            pos = i + 3;
        }
        return {};
    }

  private:
    u64 number(u32 i) const { return process_ino(subject_.process->pid, subject_.tid, i + 1); }
    Result<Ref<Inode>> special(SpecialEntry e) {
        switch (e) {
        case kExe: return Ref<Inode>(TRY(make_ref<PlaceLink>(superblock, number(e), subject_, 'e')));
        case kCwd: return Ref<Inode>(TRY(make_ref<PlaceLink>(superblock, number(e), subject_, 'c')));
        case kRoot: return Ref<Inode>(TRY(make_ref<PlaceLink>(superblock, number(e), subject_, 'r')));
        case kFd: return Ref<Inode>(TRY(make_ref<FdFolder>(superblock, number(e), subject_, false)));
        case kFdInfo: return Ref<Inode>(TRY(make_ref<FdFolder>(superblock, number(e), subject_, true)));
        case kTask: return Ref<Inode>(TRY(make_ref<TaskFolder>(superblock, number(e), subject_)));
        default: return make_registered_folder(superblock, "proc/net");
        }
    }
    Subject subject_;
};

} // namespace

i32 parse_id(std::string_view name) {
    if (name.empty() || name.size() > 10 || (name[0] == '0' && name.size() > 1)) return -1;
    u64 v = 0;
    for (char c : name) {
        if (c < '0' || c > '9') return -1;
        v = v * 10 + u64(c - '0');
    }
    return v <= 0x7fffffff ? i32(v) : -1;
}

Result<Ref<Inode>> make_process_folder(const Ref<Superblock>& sb, Ref<Process> p, i32 tid) {
    Subject s{std::move(p), tid};
    return Ref<Inode>(TRY(make_ref<ProcessFolder>(sb, s)));
}

} // namespace linnet
