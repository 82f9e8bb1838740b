// Path resolution. Source: path_resolution(7), openat2(2), symlink(7).
#pragma once

#include "kernel/task/credentials.h"
#include "vfs/mount.h"

namespace linnet {

inline constexpr u32 kMaxNameLength = 255, kMaxPathLength = 4096; // the latter with the NUL
inline constexpr u32 kMaxLinks = 40;

enum WalkFlags : u32 {
    kWalkFollow = 1,    // a symbolic link as the last component is followed
    kWalkDirectory = 2, // the result must be a directory
    kWalkEmpty = 4,     // AT_EMPTY_PATH: "" is dirfd itself
};

/// Walks along one path. `resolve`: RESOLVE_* of openat2.
class PathWalk : NoCopy {
  public:
    PathWalk(const Credentials& c, Location root, u64 resolve = 0);
    ~PathWalk();

    /// Sets out from dirfd (or AT_FDCWD) of the current task, or from the root for an absolute path. EBADF, ENOTDIR, EXDEV
    Result<void> start(int dirfd, const char* path);
    /// Sets out from a place.
    void start_at(Location from, const char* path);

    /// To the end of the path. ENOENT, ENOTDIR, EACCES, ELOOP, ENAMETOOLONG, EXDEV, ENOMEM
    Result<Location> finish(u32 flags);

    /// How a path ends.
    enum class Last { Normal, Dot, DotDot, None }; // None: only slashes
    /// To the directory of the last component, which is left in last_name(). Errors as finish().
    Result<void> to_parent();
    /// The same, but a last name that is too long is left to last_fits(): rename walks both its paths first.
    Result<void> to_parent_of_any();
    Result<void> last_fits() const; // ENAMETOOLONG
    Last last() const { return last_; }
    std::string_view last_name() const { return last_name_; }
    bool trailing_slash() const { return trailing_slash_; }
    const Location& here() const { return at_; }
    /// After to_parent(): the last component is this symbolic link; goes on to the parent of what it names. If a magic
    /// link leads to a place of its own, that is the result, else null.
    Result<Location> follow_last(Dentry& link);

  private:
    Result<void> walk(bool stop_at_last, u32 flags);
    Result<void> follow(Dentry& link, const char* rest);
    Result<Ref<Dentry>> step(std::string_view name);
    Result<void> check_beneath(const Location& before);

    const Credentials& credentials_;
    Location root_, at_, origin_;
    u64 resolve_;
    const char* rest_ = "";
    char* expanded_ = nullptr; // target and rest of a followed link
    u32 links_ = 0;
    Last last_ = Last::None;
    std::string_view last_name_;
    bool trailing_slash_ = false;
    bool jumped_ = false; // by a magic link
};

/// Tries the short way for a path of the current task (relative to its working directory). Refused: PathWalk must do it (`out` may
/// hold something, to be dropped). Missing: ENOENT.
enum class QuickWalk { Found, Missing, Refused };
QuickWalk quick_walk(const char* path, u32 flags, Location& out);

/// What the current task means by (dirfd, path). Errors as PathWalk.
Result<Location> walk_path(int dirfd, const char* path, u32 flags);

/// A program's path, copied in. EFAULT, ENAMETOOLONG, ENOMEM; ENOENT for "" unless `may_be_empty`.
class PathName : NoCopy {
  public:
    PathName() = default;
    ~PathName() { if (heap_) kfree(heap_); }
    Result<void> copy_in(u64 address, bool may_be_empty = false);
    const char* c_str() const { return heap_ ? heap_ : small_; }
    bool empty() const { return c_str()[0] == 0; }

  private:
    char* heap_ = nullptr;
    char small_[256];
};

} // namespace linnet
