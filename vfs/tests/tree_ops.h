// Operations on a tree of files, drawn from a source of bytes, for two back ends: Linnet's vfs on the host, and the Linux below.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace tree {

enum class Kind : uint8_t { Mkdir, Create, Open, Symlink, Link, Unlink, Rmdir, Rename, Chdir, Fifo, Stat, Readlink, Truncate, Write, kCount };

struct Op {
    Kind kind;
    std::string path, path2;
    uint32_t flags;
};

/// errno (0: success), and what was seen (stat, readlink, write).
struct Answer {
    int error = 0;
    uint64_t value = 0;
    std::string text;
    bool operator==(const Answer&) const = default;
};

inline std::string draw_path(const std::function<uint8_t()>& next) {
    static const char* const names[] = {"a", "b", "c", "d", "e", "..", ".", "", "a", "b", "c"};
    std::string p;
    uint8_t b = next();
    if (b % 16 == 0) p = "/";
    if (b == 255) return "";
    int parts = 1 + b / 16 % 4;
    for (int i = 0; i < parts; ++i) {
        uint8_t n = next();
        if (i) p += '/';
        if (n == 255) p += std::string(255, 'l');
        else if (n == 254) p += std::string(256, 'm');
        else if (n == 253 && next() == 0)
            for (int k = 0; k < 1400; ++k) p += "a/."; // over PATH_MAX
        else p += names[n % 11];
    }
    if (b % 32 == 17) p += '/';
    return p;
}

inline Op draw(const std::function<uint8_t()>& next) {
    Op op;
    op.kind = static_cast<Kind>(next() % static_cast<int>(Kind::kCount));
    op.path = draw_path(next);
    if (op.kind == Kind::Symlink || op.kind == Kind::Link || op.kind == Kind::Rename) op.path2 = draw_path(next);
    op.flags = next();
    return op;
}

/// open(2)'s flags for Create and Open: never blocking.
inline int open_flags(const Op& op) {
    int f = 04000 /* O_NONBLOCK */ | static_cast<int>(op.flags % 3);
    if (op.kind == Kind::Create) {
        f |= 0100;                         // O_CREAT
        if (op.flags & 8) f |= 0200;       // O_EXCL
    }
    if (op.flags & 16) f |= 01000;         // O_TRUNC
    if ((op.flags & 96) == 32 && op.kind != Kind::Create) f |= 0200000;  // O_DIRECTORY
    if ((op.flags & 96) == 64) f |= 0400000;  // O_NOFOLLOW
    return f;
}

inline const char* name(Kind k) {
    static const char* const names[] = {"mkdir", "create", "open", "symlink", "link", "unlink", "rmdir", "rename", "chdir", "fifo", "stat", "readlink", "truncate", "write"};
    return names[static_cast<int>(k)];
}

} // namespace tree
