#include "procfs/node.h"

#include "kernel/lib/string.h"
#include "vfs/mount.h"

namespace linnet {
namespace {

constexpr size_t kMaxStore = 4096;

class Text : public RefCounted {
  public:
    GrowingText text;
};

class TextFile final : public PathFile {
  public:
    TextFile(const Location& where, u32 flags) : PathFile(where, flags) {}

    Result<void> generate() {
        auto made = TRY(make_ref<Text>());
        TRY(static_cast<TextInode&>(*inode_).make_text(made->text));
        if (made->text.failed()) return ENOMEM;
        SpinGuard guard(lock_);
        std::swap(text_, made);
        guard.unlock(); // the old text goes outside of the lock
        return {};
    }

    Result<size_t> read(IoVector& to, u64& pos, bool) override {
        bool fresh;
        {
            SpinGuard guard(lock_);
            fresh = !text_;
        }
        auto& inode = static_cast<TextInode&>(*inode_);
        if (fresh || (pos == 0 && !inode.at_open())) TRY(generate());
        Ref<Text> t;
        {
            SpinGuard guard(lock_);
            t = text_;
        }
        size_t size = t->text.size();
        if (pos >= size) return size_t{0};
        size_t want = size - pos < to.remaining() ? size - pos : to.remaining();
        size_t n = to.copy_out(t->text.data() + pos, want);
        if (n == 0 && want) return EFAULT;
        pos += n;
        return n;
    }

    Result<size_t> write(IoVector& from, u64& pos, bool) override {
        size_t n = from.remaining();
        if (n > kMaxStore) return EINVAL;
        auto* buf = static_cast<char*>(kmalloc(n + 1));
        if (!buf) return ENOMEM;
        size_t copied = from.copy_in(buf, n);
        buf[copied] = 0;
        Result<void> r = copied == n ? static_cast<TextInode&>(*inode_).store_text(buf, n) : Result<void>(EFAULT);
        kfree(buf);
        if (!r) return r.error();
        pos += n;
        return n;
    }

    Result<u64> seek(i64 offset, int whence) override {
        // SEEK_END is refused by seq_file; the size of these files is 0 anyway.
        i64 base = whence == 0 ? 0 : whence == 1 ? i64(position) : -1;
        if (base < 0 || __builtin_add_overflow(base, offset, &base) || base < 0) return EINVAL;
        position = u64(base);
        return u64(base);
    }

  private:
    SpinLock<Rank::MiscSpin> lock_;
    Ref<Text> text_ GUARDED_BY(lock_);
};

/// The component of `path` after `prefix` and a slash; empty if the path does not lie there. `*whole`: it is the last one.
std::string_view component_after(const char* path, const char* prefix, size_t prefix_bytes, bool* whole) {
    if (strncmp(path, prefix, prefix_bytes) != 0 || path[prefix_bytes] != '/') return {};
    const char* start = path + prefix_bytes + 1;
    const char* end = start;
    while (*end && *end != '/') ++end;
    *whole = *end == 0;
    return {start, size_t(end - start)};
}

class RegisteredFile final : public TextInode {
  public:
    RegisteredFile(Ref<Superblock> sb, u64 number, const ProcFile& f)
        : TextInode(std::move(sb), S_IFREG | (f.mode & 07777), number), file_(f) {}
    Result<void> make_text(GrowingText& out) override { return file_.generate ? file_.generate(out, file_.arg) : EIO; }
    Result<void> store_text(const char* text, size_t n) override {
        if (file_.store) return file_.store(text, n, file_.arg);
        if (proc_write_refused) proc_write_refused(file_.path);
        return EACCES;
    }
    u64 size() override { return superblock->magic == 0x62656572 ? 4096 : 0; } // sysfs says a page

  private:
    const ProcFile& file_;
};

class RegisteredLink final : public LinkInode {
  public:
    RegisteredLink(Ref<Superblock> sb, u64 number, const ProcFile& f)
        : LinkInode(std::move(sb), S_IFLNK | 0777, number), file_(f) {}
    Result<void> make_target(GrowingText& out) override { return file_.generate(out, file_.arg); }

  private:
    const ProcFile& file_;
};

u64 name_hash(const char* s, size_t n) {
    u64 h = 1469598103934665603ull;
    for (size_t i = 0; i < n; ++i) h = (h ^ u8(s[i])) * 1099511628211ull;
    return h;
}

/// Numbers of registered nodes follow from their path.
u64 registered_ino(const char* prefix, std::string_view name) {
    u64 h = name_hash(prefix, strlen(prefix)) * 31 + name_hash(name.data(), name.size());
    return (h & 0x7fffffff) | 0x80000000;
}

class RegisteredFolder final : public Inode {
  public:
    RegisteredFolder(Ref<Superblock> sb, u64 number, const char* prefix)
        : Inode(std::move(sb), S_IFDIR | 0555, number) {
        size_t n = strlen(prefix);
        if (n >= sizeof prefix_) n = sizeof prefix_ - 1;
        memcpy(prefix_, prefix, n);
        prefix_[n] = 0;
        nlink = 2;
    }
    Result<Ref<Inode>> lookup(std::string_view name) override { return look_up_registered(superblock, prefix_, name); }
    Result<void> read_directory(const Location& here, u64& pos, DirSink& sink) override {
        if (add_dots(*this, here, pos, sink)) list_registered(prefix_, 2, pos, sink);
        return {};
    }

  private:
    char prefix_[128];
};

} // namespace

Result<Ref<File>> TextInode::open(const Location& here, u32 flags) {
    auto f = TRY(make_ref<TextFile>(here, flags));
    if (at_open() && f->readable()) TRY(f->generate());
    return Ref<File>(std::move(f));
}

Result<size_t> LinkInode::readlink(char* to, size_t size) {
    GrowingText text;
    TRY(make_target(text));
    if (text.failed()) return ENOMEM;
    size_t n = text.size() < size ? text.size() : size;
    memcpy(to, text.data(), n);
    return n;
}

bool add_dots(Inode& self, const Location& here, u64& pos, DirSink& sink) {
    if (pos == 0) {
        if (!sink.add(".", self.ino, 4, 1)) return false;
        pos = 1;
    }
    if (pos == 1) {
        Location up = here;
        step_up(up, system_root());
        if (!sink.add("..", up.inode().ino, 4, 2)) return false;
        pos = 2;
    }
    return true;
}

Result<Ref<Inode>> make_registered_folder(const Ref<Superblock>& sb, const char* prefix) {
    return Ref<Inode>(TRY(make_ref<RegisteredFolder>(sb, registered_ino(prefix, {}), prefix)));
}

Result<Ref<Inode>> look_up_registered(const Ref<Superblock>& sb, const char* prefix, std::string_view name) {
    size_t prefix_bytes = strlen(prefix);
    const ProcFile* f;
    for (size_t i = 0; (f = proc_file_at(i)); ++i) {
        bool whole = false;
        if (component_after(f->path, prefix, prefix_bytes, &whole) != name || name.empty()) continue;
        u64 number = registered_ino(prefix, name);
        if (whole && (f->mode & S_IFMT) == S_IFLNK) return Ref<Inode>(TRY(make_ref<RegisteredLink>(sb, number, *f)));
        if (whole && (f->mode & S_IFMT) != S_IFDIR) return Ref<Inode>(TRY(make_ref<RegisteredFile>(sb, number, *f)));
        char path[128];
        size_t n = prefix_bytes + 1 + name.size();
        if (n >= sizeof path) return ENAMETOOLONG;
        memcpy(path, f->path, n);
        path[n] = 0;
        return Ref<Inode>(TRY(make_ref<RegisteredFolder>(sb, number, path)));
    }
    return ENOENT;
}

bool list_registered(const char* prefix, u64 base, u64& pos, DirSink& sink) {
    size_t prefix_bytes = strlen(prefix);
    const ProcFile* f;
    for (size_t i = pos - base; (f = proc_file_at(i)); ++i) {
        bool whole = false;
        auto name = component_after(f->path, prefix, prefix_bytes, &whole);
        bool seen = name.empty();
        // A folder shows once, where its first file stands.
        for (size_t k = 0; !seen && k < i; ++k) {
            bool other;
            seen = component_after(proc_file_at(k)->path, prefix, prefix_bytes, &other) == name;
        }
        if (!seen) {
            u32 type = whole ? f->mode & S_IFMT : u32(S_IFDIR);
            if (!type) type = S_IFREG;
            if (!sink.add(name, registered_ino(prefix, name), dtype_of(type), base + i + 1)) return false;
        }
        pos = base + i + 1;
    }
    return true;
}

} // namespace linnet
