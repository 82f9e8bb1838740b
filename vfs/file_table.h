// The descriptors of a process (or of those that share them, CLONE_FILES).
#pragma once

#include <utility>

#include "kernel/sync/spinlock.h"
#include "kernel/task/task.h"
#include "vfs/file.h"

namespace linnet {

class FileTable : public FileTableBase {
  public:
    FileTable() = default;
    /// An empty table. ENOMEM
    static Result<Ref<FileTable>> make();
    ~FileTable() override;

    Result<Ref<FileTableBase>> copy() override;
    void close_on_exec() override;
    void close_all() override;

    /// The open file, borrowed: for a caller that alone uses the table (see FdRef), or an RcuReader; or null. Lock-free.
    File* peek(int fd) const {
        const Slots* s = slots_.load(std::memory_order_acquire);
        return static_cast<u32>(fd) < s->size ? __atomic_load_n(&s->files()[fd], __ATOMIC_ACQUIRE) : nullptr;
    }
    /// The open file with a reference, or null. Lock-free: other threads may close, replace and grow meanwhile.
    Ref<File> get(int fd);
    /// The lowest free descriptor not below `least`. EMFILE at `limit` (RLIMIT_NOFILE), ENOMEM
    Result<int> install(Ref<File> file, bool close_on_exec, int least, u64 limit);
    /// Two at once (pipe, socketpair): both or none.
    Result<void> install_pair(Ref<File> a, Ref<File> b, bool close_on_exec, u64 limit, int fds[2]);
    /// The lowest free number, which is nobody's until fill() or give_back(): calls on it are EBADF, and no other file gets it. EMFILE, ENOMEM
    Result<int> reserve(bool close_on_exec, u64 limit);
    void fill(int fd, Ref<File> file);
    void give_back(int fd);
    /// dup2/dup3: closes what `fd` was. EBADF (fd out of range), EBUSY (another thread has reserved it), ENOMEM
    Result<void> replace(int fd, Ref<File> file, bool close_on_exec, u64 limit);
    /// EBADF
    Result<void> close(int fd);
    /// close_range(2) and its CLOSE_RANGE_CLOEXEC.
    void close_range(u32 first, u32 last, bool only_set_cloexec);
    /// EBADF
    Result<bool> get_close_on_exec(int fd);
    Result<void> set_close_on_exec(int fd, bool on);
    /// The first open descriptor not below `from`; -1. For /proc/PID/fd.
    int next_open(int from);
    u32 capacity() const {
        RcuReader reader;
        return static_cast<u32>(slots_.load(std::memory_order_acquire)->size);
    }
    u32 open_count() const { return __atomic_load_n(&open_count_, __ATOMIC_RELAXED); }
    /// POSIX record locks belong to the table, as Linux's files_struct.
    u64 lock_owner() const { return reinterpret_cast<u64>(this); }

  private:
    /// One allocation: files, then bitmaps of open and of close-on-exec descriptors. Readers look at the files without the lock: an
    /// array that was outgrown stays for a grace period, and a closed file's memory does.
    struct Slots : RcuLink {
        u64 size; // a multiple of 64
        File** files() { return reinterpret_cast<File**>(this + 1); }
        File* const* files() const { return reinterpret_cast<File* const*>(this + 1); }
        u64* open() { return reinterpret_cast<u64*>(files() + size); }
        u64* cloexec() { return open() + size / 64; }
        void set(u32 fd, File* f) { __atomic_store_n(&files()[fd], f, __ATOMIC_RELEASE); }
    };
    static Slots* make_slots(u32 size);
    /// This table is not shared yet; the other one's lock is held.
    void take_counts(const FileTable& from) NO_THREAD_SAFETY {
        next_free_ = from.next_free_;
        open_count_ = from.open_count_;
    }
    /// A copy's, which is not shared yet.
    void drop_reserved(Slots& s, int fd) NO_THREAD_SAFETY { free_locked(s, fd); }
    Result<int> install_or_reserve(Ref<File> file, bool close_on_exec, int least, u64 limit);
    void free_locked(Slots& s, int fd) REQUIRES(lock_);
    Result<int> reserve_locked(int least, u64 limit) REQUIRES(lock_);
    Result<void> grow(u32 needed);
    File* take_locked(int fd) REQUIRES(lock_);
    void release(File* f);

    SpinLock<Rank::FileTable> lock_;
    std::atomic<Slots*> slots_{nullptr};
    u32 next_free_ GUARDED_BY(lock_) = 0; // no free descriptor below
    u32 open_count_ = 0;
};

/// The current task's table.
inline FileTable& current_files() { return static_cast<FileTable&>(*current().files); }

/// A descriptor of the current task, held for the length of a system call: `FdRef f(fd); if (!f) return EBADF;`.
/// With an unshared table no reference is counted, since nobody else can close it meanwhile (Linux's fdget).
class FdRef : NoCopy {
  public:
    /// Null for a bad descriptor and for O_PATH ones.
    explicit FdRef(int fd) : FdRef(fd, Any{}) {
        if (file_ && file_->is_path_only()) [[unlikely]] drop();
    }
    /// With O_PATH descriptors.
    static FdRef any(int fd) { return FdRef(fd, Any{}); }
    ~FdRef() {
        if (counted_) [[unlikely]] drop_counted();
    }
    explicit operator bool() const { return file_ != nullptr; }
    File* operator->() const { return file_; }
    File& operator*() const { return *file_; }
    /// A counted reference of its own.
    Ref<File> share() const { return Ref<File>(file_); }
    bool counted() const { return counted_; }

    /// Gives the reference back, if there is one.
    void drop() {
        if (counted_) [[unlikely]] drop_counted();
        file_ = nullptr;
    }

  private:
    struct Any {};
    FdRef(int fd, Any) {
        FileTable& t = current_files();
        if (t.ref_count() == 1) [[likely]] file_ = t.peek(fd);
        else get_counted(t, fd);
    }
    void get_counted(FileTable& t, int fd);
    void drop_counted();
    File* file_ = nullptr;
    bool counted_ = false;
};

/// A descriptor for `file` in the current task's table; O_CLOEXEC of `flags`. EMFILE, ENOMEM
Result<int> install_file(Ref<File> file, u32 flags);
/// The same for two (pipe, socketpair), written to `fds`.
Result<void> install_files(Ref<File> a, Ref<File> b, u32 flags, int fds[2]);
/// A descriptor's number for a call that must know it before its file may be seen, and may fail in between: given back then.
class ReservedDescriptor : NoCopy {
  public:
    ~ReservedDescriptor() {
        if (fd_ >= 0) current_files().give_back(fd_);
    }
    /// O_CLOEXEC of `flags`. EMFILE, ENOMEM
    Result<void> reserve(u32 flags);
    int publish(Ref<File> file) {
        current_files().fill(fd_, std::move(file));
        return std::exchange(fd_, -1);
    }

  private:
    int fd_ = -1;
};

/// A reference to an open file, for those who keep it (SCM_RIGHTS). O_PATH descriptors too. EBADF
Result<Ref<File>> current_file(int fd);
/// RLIMIT_NOFILE of the current process.
u64 open_file_limit();

} // namespace linnet
