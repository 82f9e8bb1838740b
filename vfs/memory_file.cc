#include "vfs/memory_file.h"

#include "kernel/lib/string.h"
#include "kernel/task/signal.h"
#include "kernel/task/task.h"
#include "linux-abi/fcntl.h"
#include "linux-abi/mman.h"
#include "linux-abi/resource.h"
#include "linux-abi/termios.h"
#include "vfs/open.h"

namespace linnet {

namespace {
constexpr u64 kMaxFileSize = INT64_MAX;
}

void MemorySuperblock::statfs(abi::Statfs& out) {
    Superblock::statfs(out);
    MemoryStats m = memory_stats();
    u64 used = pages.load(std::memory_order_relaxed);
    out.blocks = max_pages ? max_pages : m.total_pages;
    u64 left = out.blocks > used ? out.blocks - used : 0;
    out.bfree = out.bavail = left < m.free_pages ? left : m.free_pages;
    out.files = max_inodes ? max_inodes : m.total_pages;
    u64 inodes_used = inodes.load(std::memory_order_relaxed);
    out.ffree = out.files > inodes_used ? out.files - inodes_used : 0;
}

Result<void> MemorySuperblock::charge_inode() {
    u64 before = inodes.fetch_add(1, std::memory_order_relaxed);
    if (max_inodes && before >= max_inodes) {
        uncharge_inode();
        return ENOSPC;
    }
    return {};
}

Result<void> MemorySuperblock::charge_page() {
    u64 before = pages.fetch_add(1, std::memory_order_relaxed);
    if (max_pages && before >= max_pages) {
        pages.fetch_sub(1, std::memory_order_relaxed);
        return ENOSPC;
    }
    return {};
}

Result<void> MemorySuperblock::check_room(u64 more_pages) const {
    if (max_pages && pages.load(std::memory_order_relaxed) + more_pages > max_pages) return ENOSPC;
    return {};
}

FilePages::~FilePages() {
    superblock_->pages.fetch_sub(page_count(), std::memory_order_relaxed);
    kfree(path_);
}

void FilePages::describe(TextBuffer& path, u64* device, u64* inode) {
    *device = superblock_->dev;
    *inode = inode_;
    SpinGuard g(path_lock_);
    if (!path_) return;
    path.append("%s", path_);
    if (deleted_.load(std::memory_order_relaxed)) path.append(" (deleted)");
}

void FilePages::remember_path(const Location& where) {
    constexpr size_t kMax = 4096;
    char* text = static_cast<char*>(kmalloc(kMax));
    if (!text) return;
    TextBuffer buffer(text, kMax);
    // A memfd and the like have no other name than their own.
    bool fits = where.mount ? render_path(where, buffer) : (buffer.put(where.dentry->name().data(), where.dentry->name().size()), true);
    char* exact = nullptr;
    if (fits && !where.dentry->unlinked()) {
        exact = static_cast<char*>(kmalloc(buffer.length() + 1));
        if (exact) memcpy(exact, text, buffer.length() + 1);
    }
    kfree(text);
    if (!exact) return;
    {
        SpinGuard g(path_lock_);
        std::swap(path_, exact);
    }
    kfree(exact);
}

MemoryInode::~MemoryInode() {
    if (FilePages* p = pages_.load()) Ref<FilePages>::adopt(p).reset();
    memory_superblock().uncharge_inode();
}

Result<Ref<FilePages>> MemoryInode::make_pages() { return Ref<FilePages>(TRY(make_ref<FilePages>(Ref<MemorySuperblock>(&memory_superblock()), 0ull, ino))); }

Result<FilePages*> MemoryInode::pages() {
    FilePages* p = pages_.load(std::memory_order_acquire);
    if (p) [[likely]] return p;
    Ref<FilePages> made = TRY(make_pages());
    FilePages* expected = nullptr;
    if (pages_.compare_exchange_strong(expected, made.get())) return made.release();
    return expected;
}

u64 MemoryInode::size() {
    for (;;) {
        if (FilePages* p = pages_.load(std::memory_order_acquire)) return p->object_size();
        u64 n = initial_size();
        if (!pages_.load(std::memory_order_acquire)) return n; // else somebody opens it just now
    }
}

u64 MemoryInode::blocks() {
    FilePages* p = pages_.load(std::memory_order_acquire);
    u64 present = p ? p->page_count() : 0;
    u64 archived = page_up(initial_size()) / kPageSize;
    if (initial_size() && present < archived) present = archived; // contents of the boot archive count, loaded or not
    return present * (kPageSize / 512);
}

Result<Ref<File>> MemoryInode::open(const Location& here, u32 flags) {
    FilePages* p = TRY(pages());
    return Ref<File>(TRY(make_ref<MemoryFile>(here, flags, *p)));
}

Result<void> MemoryInode::truncate(u64 new_size) {
    if (new_size > kMaxFileSize) return EFBIG;
    FilePages* p = TRY(pages());
    MutexGuard g(lock);
    u32 s = seals.load();
    if ((new_size < p->object_size() && (s & F_SEAL_SHRINK)) || (new_size > p->object_size() && (s & F_SEAL_GROW)))
        return EPERM;
    p->cut_backing(new_size);
    return p->resize_object(new_size);
}

void MemoryInode::unlinked() {
    if (FilePages* p = pages_.load()) p->mark_deleted();
}

MemoryFile::MemoryFile(const Location& where, u32 flags, FilePages& pages) : PathFile(where, flags), pages_(&pages) {}

Result<size_t> MemoryFile::read(IoVector& to, u64& pos, bool) {
    size_t n = TRY(pages_->read_pages(to, pos));
    pos += n;
    if (!(flags() & O_NOATIME)) inode_->touch_accessed();
    return n;
}

Result<size_t> MemoryFile::write(IoVector& from, u64& pos, bool) {
    MemoryInode& inode = memory_inode();
    MutexGuard g(inode.lock);
    if ((flags() & O_APPEND) || pos == kAppend) pos = pages_->object_size();
    if (from.remaining() == 0) return size_t{0};
    u64 limit = kMaxFileSize;
    if (Task* t = current_or_null()) {
        u64 soft = t->process->limit(RLIMIT_FSIZE);
        if (soft < limit) limit = soft;
    }
    if (pos >= limit) {
        if (limit != kMaxFileSize) send_signal_to_current(SIGXFSZ);
        return EFBIG;
    }
    if (from.remaining() > limit - pos) from.truncate(limit - pos);
    if (u32 s = inode.seals.load(); s & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE | F_SEAL_GROW)) [[unlikely]] {
        if (s & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)) return EPERM;
        u64 size = pages_->object_size();
        if (pos + from.remaining() > size) {
            if (pos >= size) return EPERM;
            from.truncate(size - pos);
        }
    }
    auto n = pages_->write_pages(from, pos);
    if (!n) return n.error() == ENOMEM ? ENOSPC : n.error();
    pos += *n;
    if (inode.mode & (S_ISUID | S_ISGID)) [[unlikely]] {
        if (current_or_null() && !current().credentials->has_capability(kCapFsetid))
            inode.mode &= ~u32{S_ISUID} & ~((inode.mode & 010) ? u32{S_ISGID} : 0);
    }
    inode.touch_modified();
    return n;
}

Result<Ref<VmObject>> MemoryFile::mmap_object(u64, u64, u32 prot, u32 map_flags) {
    u32 s = memory_inode().seals.load();
    if ((map_flags & MAP_SHARED) && (prot & PROT_WRITE) && (s & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE))) return EPERM;
    pages_->remember_path(where_);
    inode_->touch_accessed();
    return Ref<VmObject>(pages_);
}

Result<u64> MemoryFile::seek(i64 offset, int whence) {
    if (whence != SEEK_DATA && whence != SEEK_HOLE) return PathFile::seek(offset, whence);
    if (offset < 0 || static_cast<u64>(offset) >= pages_->object_size()) return ENXIO;
    if (pages_->has_backing()) { // all data, and the hole at the end
        position = whence == SEEK_DATA ? static_cast<u64>(offset) : pages_->object_size();
        return position;
    }
    u64 at = TRY(whence == SEEK_DATA ? pages_->next_data(static_cast<u64>(offset)) : pages_->next_hole(static_cast<u64>(offset)));
    position = at;
    return at;
}

Result<void> MemoryFile::truncate(u64 size) { return truncate_inode(*inode_, static_cast<i64>(size), false); }

Result<void> MemoryFile::fallocate(u32 mode, u64 offset, u64 length) {
    constexpr u32 kKeep = FALLOC_FL_KEEP_SIZE, kPunch = FALLOC_FL_PUNCH_HOLE, kZero = FALLOC_FL_ZERO_RANGE;
    if (mode & ~(kKeep | kPunch | kZero)) return EOPNOTSUPP;
    if ((mode & kPunch) && (!(mode & kKeep) || (mode & kZero))) return EOPNOTSUPP;
    u64 end = offset + length; // the caller has checked for overflow
    MemoryInode& inode = memory_inode();
    MutexGuard g(inode.lock);
    u32 s = inode.seals.load();
    u64 size = pages_->object_size();
    if ((mode & (kPunch | kZero)) && (s & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE))) return EPERM;
    if (!(mode & kKeep) && end > size && (s & F_SEAL_GROW)) return EPERM;
    if (!(mode & kKeep) && end > size && current_or_null() && end > current().process->limit(RLIMIT_FSIZE)) {
        send_signal_to_current(SIGXFSZ);
        return EFBIG;
    }
    if ((mode & (kPunch | kZero)) && offset < size) {
        u64 to = end < size ? end : size;
        TRY(pages_->punch_hole(offset, to));
    }
    if (!(mode & kPunch)) {
        u64 to = end; // with KEEP_SIZE also beyond the size, until the file is truncated
        if (to > offset) {
            u64 pages = page_up(to - offset) / kPageSize;
            if (pages > memory_stats().free_pages) return ENOSPC;
            TRY(pages_->superblock().check_room(pages));
        }
        if (!(mode & kKeep) && end > size) TRY(pages_->resize_object(end));
        if (to > offset)
            if (auto r = pages_->preallocate(offset, to); !r) {
                if (end > size) (void)pages_->resize_object(size);
                return r.error() == ENOMEM ? ENOSPC : r.error();
            }
    }
    inode.touch_modified();
    return {};
}

Result<i64> MemoryFile::fcntl(u32 command, u64 arg) {
    if (command != F_ADD_SEALS && command != F_GET_SEALS) return EINVAL;
    MemoryInode& inode = memory_inode();
    if (command == F_GET_SEALS) return static_cast<i64>(inode.seals.load());
    constexpr u64 kAll = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_FUTURE_WRITE;
    if (!writable()) return EPERM;
    if (arg & ~kAll) return EINVAL;
    MutexGuard g(inode.lock);
    if (inode.seals.load() & F_SEAL_SEAL) return EPERM;
    if ((arg & F_SEAL_WRITE) && !(inode.seals.load() & F_SEAL_WRITE) && pages_->has_writable_shared_mapping()) return EBUSY;
    inode.seals.fetch_or(static_cast<u32>(arg));
    return i64{0};
}

Result<i64> MemoryFile::bytes_available() {
    return static_cast<i64>(pages_->object_size()) - static_cast<i64>(position);
}

} // namespace linnet
