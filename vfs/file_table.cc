#include "vfs/file_table.h"

#include <bit>

#include "kernel/lib/string.h"
#include "linux-abi/fcntl.h"
#include "linux-abi/resource.h"

namespace linnet {

namespace {
constexpr u32 kInitialSlots = 64;
constexpr u64 kMaxDescriptors = 1 << 20; // Linux's fs.nr_open
} // namespace

FileTable::Slots* FileTable::make_slots(u32 size) {
    size_t bytes = sizeof(Slots) + size * sizeof(File*) + 2 * (size / 8);
    auto* s = static_cast<Slots*>(kzalloc(bytes));
    if (s) s->size = size;
    return s;
}

Result<Ref<FileTable>> FileTable::make() {
    auto table = TRY(make_ref<FileTable>());
    Slots* s = make_slots(kInitialSlots);
    if (!s) return ENOMEM;
    table->slots_ = s;
    return table;
}

FileTable::~FileTable() {
    Slots* s = slots_.load();
    if (!s) return;
    close_all();
    kfree(slots_.load());
}

Result<void> FileTable::grow(u32 needed) {
    u32 size = capacity();
    u32 wanted = size;
    while (wanted < needed) wanted *= 2;
    if (wanted == size) return {};
    Slots* bigger = make_slots(wanted);
    if (!bigger) return ENOMEM;
    SpinGuard g(lock_);
    Slots* old = slots_.load();
    if (old->size >= wanted) {
        g.unlock();
        kfree(bigger);
        return {};
    }
    memcpy(bigger->files(), old->files(), old->size * sizeof(File*));
    memcpy(bigger->open(), old->open(), old->size / 8);
    memcpy(bigger->cloexec(), old->cloexec(), old->size / 8);
    slots_.store(bigger, std::memory_order_release);
    g.unlock();
    rcu_free(old);
    return {};
}

Ref<File> FileTable::get(int fd) {
    RcuReader reader;
    for (;;) {
        File* f = peek(fd);
        if (!f) return nullptr;
        // Its last descriptor was closed meanwhile if that fails: then the slot has changed before.
        if (f->try_add_ref()) [[likely]] return Ref<File>::adopt(f);
    }
}

/// The lowest free descriptor that is >= least, marked open; -1-N: the table must first grow to hold N.
Result<int> FileTable::reserve_locked(int least, u64 limit) {
    Slots* s = slots_.load();
    u32 from = static_cast<u32>(least) > next_free_ ? static_cast<u32>(least) : next_free_;
    u32 fd = s->size > from ? s->size : from;
    for (u32 word = from / 64; word < s->size / 64; ++word) {
        u64 free = ~s->open()[word];
        if (word == from / 64) free &= ~0ull << (from % 64);
        if (free) {
            fd = word * 64 + static_cast<u32>(std::countr_zero(free));
            break;
        }
    }
    if (fd >= limit || fd >= kMaxDescriptors) return EMFILE;
    if (fd >= s->size) return -1 - static_cast<int>(fd);
    s->open()[fd / 64] |= 1ull << (fd % 64);
    s->cloexec()[fd / 64] &= ~(1ull << (fd % 64));
    ++open_count_;
    if (static_cast<u32>(least) <= next_free_) next_free_ = fd + 1;
    return static_cast<int>(fd);
}

Result<int> FileTable::install_or_reserve(Ref<File> file, bool close_on_exec, int least, u64 limit) {
    for (;;) {
        int fd;
        {
            SpinGuard g(lock_);
            fd = TRY(reserve_locked(least, limit));
            if (fd >= 0) {
                Slots* s = slots_.load();
                if (close_on_exec) s->cloexec()[fd / 64] |= 1ull << (fd % 64);
                s->set(static_cast<u32>(fd), file.release());
                return fd;
            }
        }
        TRY(grow(static_cast<u32>(-fd)));
    }
}

Result<int> FileTable::install(Ref<File> file, bool close_on_exec, int least, u64 limit) {
    return install_or_reserve(std::move(file), close_on_exec, least, limit);
}

Result<int> FileTable::reserve(bool close_on_exec, u64 limit) { return install_or_reserve(nullptr, close_on_exec, 0, limit); }

void FileTable::fill(int fd, Ref<File> file) {
    SpinGuard g(lock_);
    slots_.load()->set(static_cast<u32>(fd), file.release());
}

void FileTable::give_back(int fd) {
    SpinGuard g(lock_);
    free_locked(*slots_.load(), fd);
}

Result<void> FileTable::install_pair(Ref<File> a, Ref<File> b, bool close_on_exec, u64 limit, int fds[2]) {
    fds[0] = TRY(install(std::move(a), close_on_exec, 0, limit));
    auto second = install(std::move(b), close_on_exec, 0, limit);
    if (!second) {
        (void)close(fds[0]);
        return second.error();
    }
    fds[1] = *second;
    return {};
}

void FileTable::free_locked(Slots& s, int fd) {
    s.open()[fd / 64] &= ~(1ull << (fd % 64));
    s.cloexec()[fd / 64] &= ~(1ull << (fd % 64));
    --open_count_;
    if (static_cast<u32>(fd) < next_free_) next_free_ = static_cast<u32>(fd);
}

File* FileTable::take_locked(int fd) {
    Slots* s = slots_.load();
    if (static_cast<u32>(fd) >= s->size) return nullptr;
    File* f = s->files()[fd];
    if (!f) return nullptr;
    s->set(static_cast<u32>(fd), nullptr);
    free_locked(*s, fd);
    return f;
}

void FileTable::release(File* f) {
    f->closed_by(lock_owner());
    Ref<File>::adopt(f).reset();
}

Result<void> FileTable::replace(int fd, Ref<File> file, bool close_on_exec, u64 limit) {
    if (fd < 0 || static_cast<u64>(fd) >= limit || static_cast<u64>(fd) >= kMaxDescriptors) return EBADF;
    TRY(grow(static_cast<u32>(fd) + 1));
    File* old;
    {
        SpinGuard g(lock_);
        // In one store: a reader sees the old file or the new one, never a closed descriptor.
        Slots* s = slots_.load();
        old = s->files()[fd];
        u64 bit = 1ull << (fd % 64);
        if (!old && s->open()[fd / 64] & bit) return EBUSY;
        s->set(static_cast<u32>(fd), file.release());
        s->open()[fd / 64] |= bit;
        u64& cloexec = s->cloexec()[fd / 64];
        cloexec = close_on_exec ? cloexec | bit : cloexec & ~bit;
        if (!old) ++open_count_;
        if (static_cast<u32>(fd) == next_free_) ++next_free_;
    }
    if (old) release(old);
    return {};
}

Result<void> FileTable::close(int fd) {
    File* f;
    {
        SpinGuard g(lock_);
        f = take_locked(fd);
    }
    if (!f) return EBADF;
    release(f);
    return {};
}

void FileTable::close_range(u32 first, u32 last, bool only_set_cloexec) {
    for (int fd = next_open(static_cast<int>(first > INT32_MAX ? INT32_MAX : first));
         fd >= 0 && static_cast<u32>(fd) <= last; fd = next_open(fd + 1)) {
        if (only_set_cloexec) (void)set_close_on_exec(fd, true);
        else (void)close(fd);
    }
}

Result<bool> FileTable::get_close_on_exec(int fd) {
    SpinGuard g(lock_);
    if (!peek(fd)) return EBADF;
    return (slots_.load()->cloexec()[fd / 64] >> (fd % 64) & 1) != 0;
}

Result<void> FileTable::set_close_on_exec(int fd, bool on) {
    SpinGuard g(lock_);
    if (!peek(fd)) return EBADF;
    u64& word = slots_.load()->cloexec()[fd / 64];
    u64 bit = 1ull << (fd % 64);
    word = on ? word | bit : word & ~bit;
    return {};
}

int FileTable::next_open(int from) {
    SpinGuard g(lock_);
    Slots* s = slots_.load();
    if (from < 0) return -1;
    for (u32 word = static_cast<u32>(from) / 64; word < s->size / 64; ++word) {
        u64 open = s->open()[word];
        if (word == static_cast<u32>(from) / 64) open &= ~0ull << (from % 64);
        for (; open; open &= open - 1) {
            const u32 fd = word * 64 + static_cast<u32>(std::countr_zero(open));
            if (s->files()[fd]) return static_cast<int>(fd); // else reserved
        }
    }
    return -1;
}

Result<Ref<FileTableBase>> FileTable::copy() {
    auto table = TRY(make_ref<FileTable>());
    for (;;) {
        u32 size = capacity();
        Slots* mine = make_slots(size);
        if (!mine) return ENOMEM;
        SpinGuard g(lock_);
        Slots* s = slots_.load();
        if (s->size != size) {
            g.unlock();
            kfree(mine);
            continue;
        }
        memcpy(mine->files(), s->files(), size * sizeof(File*));
        memcpy(mine->open(), s->open(), size / 8);
        memcpy(mine->cloexec(), s->cloexec(), size / 8);
        table->slots_ = mine;
        table->take_counts(*this);
        for (u32 word = 0; word < size / 64; ++word)
            for (u64 open = s->open()[word]; open; open &= open - 1) {
                const int fd = static_cast<int>(word * 64 + static_cast<u32>(std::countr_zero(open)));
                if (File* f = mine->files()[fd]) f->add_ref();
                else table->drop_reserved(*mine, fd); // another thread's, for this table
            }
        return Ref<FileTableBase>(std::move(table));
    }
}

void FileTable::close_on_exec() {
    for (u32 word = 0; word < capacity() / 64; ++word) {
        u64 bits = slots_.load()->cloexec()[word];
        for (; bits; bits &= bits - 1) (void)close(static_cast<int>(word * 64 + static_cast<u32>(std::countr_zero(bits))));
    }
}

void FileTable::close_all() {
    for (int fd = next_open(0); fd >= 0; fd = next_open(fd + 1)) (void)close(fd);
}

void FdRef::get_counted(FileTable& t, int fd) {
    file_ = t.get(fd).release();
    counted_ = file_ != nullptr;
}

void FdRef::drop_counted() {
    Ref<File>::adopt(file_).reset();
    file_ = nullptr;
    counted_ = false;
}

u64 open_file_limit() { return current().process->limit(RLIMIT_NOFILE); }

Result<int> install_file(Ref<File> file, u32 flags) {
    return current_files().install(std::move(file), flags & O_CLOEXEC, 0, open_file_limit());
}

Result<void> ReservedDescriptor::reserve(u32 flags) {
    fd_ = TRY(current_files().reserve(flags & O_CLOEXEC, open_file_limit()));
    return {};
}

Result<void> install_files(Ref<File> a, Ref<File> b, u32 flags, int fds[2]) {
    return current_files().install_pair(std::move(a), std::move(b), flags & O_CLOEXEC, open_file_limit(), fds);
}

Result<Ref<File>> current_file(int fd) {
    Ref<File> f = current_files().get(fd);
    if (!f) return EBADF;
    return f;
}

} // namespace linnet
