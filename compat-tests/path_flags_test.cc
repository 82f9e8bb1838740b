// Flags of the calls on paths: openat2's resolution, renameat2, linkat of unnamed files, statx, statfs.
#include "support.h"

#include <sys/statfs.h>
#include <sys/sysmacros.h>

namespace {

struct How {
    uint64_t flags = 0, mode = 0, resolve = 0, beyond = 0;
};
long openat2(int dir, const char* path, How how, size_t size = 24) { return sys(SYS_openat2, dir, path, &how, size); }

enum : uint64_t { kNoXdev = 1, kNoMagic = 2, kNoSymlinks = 4, kBeneath = 8, kInRoot = 16, kCached = 32 };

// The fields of struct statx that are looked at here (linux/stat.h).
struct StatxBuffer {
    uint32_t mask, blksize;
    uint64_t attributes;
    uint32_t nlink, uid, gid;
    uint16_t mode, pad;
    uint64_t ino, size, blocks, attributes_mask;
    int64_t atime[2], btime[2], ctime[2], mtime[2];
    uint32_t rdev_major, rdev_minor, dev_major, dev_minor;
    uint64_t mnt_id;
    uint64_t spare[13];
};
static_assert(sizeof(StatxBuffer) == 256);

void link_path(int fd, char (&out)[64]) { snprintf(out, sizeof out, "/proc/self/fd/%d", fd); }

} // namespace

TEST(sys_openat2, RESOLVE_IN_ROOT_takes_the_folder_for_the_root) {
    TempDir d;
    mkdir(d / "sub", 0755);
    write_file(d / "sub/f", "x");
    symlink("/sub/f", d / "abs");
    symlink("../../../../sub/f", d / "up");
    Fd dir(open(d.path(), O_PATH));
    const char* const paths[] = {"/sub/f", "abs", "up", "../../sub/f"};
    for (const char* path : paths) {
        Fd f(static_cast<int>(openat2(dir, path, {.resolve = kInRoot})));
        EXPECT_TRUE(f.valid()) << path;
    }
}
TEST(sys_openat2, RESOLVE_BENEATH_allows_what_stays_below) {
    TempDir d;
    mkdir(d / "sub", 0755);
    write_file(d / "f", "x");
    Fd dir(open(d.path(), O_PATH));
    Fd f(static_cast<int>(openat2(dir, "sub/../f", {.resolve = kBeneath})));
    EXPECT_TRUE(f.valid());
}
TEST(sys_openat2, EXDEV_with_RESOLVE_NO_XDEV_at_a_mount) {
    EXPECT_ERRNO(openat2(AT_FDCWD, "/proc/version", {.resolve = kNoXdev}), EXDEV);
}
TEST(sys_openat2, ELOOP_with_RESOLVE_NO_MAGICLINKS) {
    Fd f(memfd());
    char path[64];
    link_path(f, path);
    EXPECT_ERRNO(openat2(AT_FDCWD, path, {.resolve = kNoMagic}), ELOOP);
    TempDir d;
    write_file(d / "f", "x");
    symlink("f", d / "l");
    Fd plain(static_cast<int>(openat2(AT_FDCWD, d / "l", {.resolve = kNoMagic})));
    EXPECT_TRUE(plain.valid());
}
TEST(sys_openat2, ELOOP_with_RESOLVE_NO_SYMLINKS_at_the_end_too) {
    TempDir d;
    symlink("f", d / "l");
    EXPECT_ERRNO(openat2(AT_FDCWD, d / "l", {.resolve = kNoSymlinks}), ELOOP);
}
TEST(sys_openat2, EAGAIN_when_RESOLVE_CACHED_would_create) {
    TempDir d;
    EXPECT_ERRNO(openat2(AT_FDCWD, d / "f", {.flags = O_CREAT | O_RDWR, .mode = 0600, .resolve = kCached}), EAGAIN);
}
TEST(sys_openat2, creates_with_mode) {
    TempDir d;
    Fd f(static_cast<int>(openat2(AT_FDCWD, d / "f", {.flags = O_CREAT | O_RDWR, .mode = 0600})));
    ASSERT_TRUE(f.valid());
    struct stat s;
    ASSERT_OK(fstat(f, &s));
    EXPECT_EQ(0100600u, s.st_mode);
}
TEST(sys_openat2, EINVAL_on_bad_modes_and_flags) {
    TempDir d;
    EXPECT_ERRNO(openat2(AT_FDCWD, d.path(), {.mode = 0600}), EINVAL);
    EXPECT_ERRNO(openat2(AT_FDCWD, d / "f", {.flags = O_CREAT | O_RDWR, .mode = 0200000}), EINVAL);
    EXPECT_ERRNO(openat2(AT_FDCWD, d.path(), {.flags = O_PATH | O_RDWR}), EINVAL);
    EXPECT_ERRNO(openat2(AT_FDCWD, d.path(), {.resolve = kBeneath | kInRoot}), EINVAL);
    EXPECT_ERRNO(openat2(AT_FDCWD, d.path(), {.resolve = 1ull << 40}), EINVAL);
}
TEST(sys_openat2, E2BIG_when_what_is_unknown_is_set) {
    TempDir d;
    EXPECT_ERRNO(openat2(AT_FDCWD, d.path(), {.beyond = 1}, 32), E2BIG);
    Fd f(static_cast<int>(openat2(AT_FDCWD, d.path(), {}, 32)));
    EXPECT_TRUE(f.valid());
}

TEST(sys_renameat2, WHITEOUT_leaves_a_device_0_0) {
    TempDir d;
    write_file(d / "a", "A");
    write_file(d / "b", "B");
    ASSERT_OK(sys(SYS_renameat2, AT_FDCWD, d / "a", AT_FDCWD, d / "b", 4u));
    struct stat s;
    ASSERT_OK(lstat(d / "a", &s));
    EXPECT_EQ(static_cast<unsigned>(S_IFCHR), s.st_mode);
    EXPECT_EQ(0u, s.st_rdev);
    char text[8] = {};
    read_text(d / "b", text, sizeof text);
    EXPECT_STREQ("A", text);
    EXPECT_OK(unlink(d / "a"));
    EXPECT_OK(unlink(d / "b"));
    EXPECT_OK(rmdir(d.path()));
    mkdir(d.path(), 0700);
}
TEST(sys_renameat2, EINVAL_for_WHITEOUT_with_EXCHANGE) {
    TempDir d;
    EXPECT_ERRNO(sys(SYS_renameat2, AT_FDCWD, d / "a", AT_FDCWD, d / "b", 6u), EINVAL);
}
TEST(sys_renameat2, ENOENT_for_EXCHANGE_with_nothing) {
    TempDir d;
    write_file(d / "a", "A");
    EXPECT_ERRNO(sys(SYS_renameat2, AT_FDCWD, d / "a", AT_FDCWD, d / "b", 2u), ENOENT);
}
TEST(sys_rename, EXDEV_between_file_systems) {
    TempDir d, e("/dev/shm");
    write_file(d / "a", "A");
    EXPECT_ERRNO(rename(d / "a", e / "a"), EXDEV);
}

TEST(sys_linkat, gives_an_O_TMPFILE_file_a_name) {
    TempDir d;
    Fd f(open(d.path(), O_TMPFILE | O_RDWR, 0600));
    ASSERT_TRUE(f.valid());
    ASSERT_EQ(1, write(f, "t", 1));
    char path[64];
    link_path(f, path);
    ASSERT_OK(linkat(AT_FDCWD, path, AT_FDCWD, d / "f", AT_SYMLINK_FOLLOW));
    struct stat s;
    ASSERT_OK(stat(d / "f", &s));
    EXPECT_EQ(1u, s.st_nlink);
    EXPECT_EQ(1, s.st_size);
}
TEST(sys_linkat, ENOENT_for_O_TMPFILE_with_O_EXCL) {
    TempDir d;
    Fd f(open(d.path(), O_TMPFILE | O_EXCL | O_RDWR, 0600));
    ASSERT_TRUE(f.valid());
    char path[64];
    link_path(f, path);
    EXPECT_ERRNO(linkat(AT_FDCWD, path, AT_FDCWD, d / "f", AT_SYMLINK_FOLLOW), ENOENT);
}
TEST(sys_linkat, ENOENT_for_a_file_whose_last_name_went) {
    TempDir d;
    Fd f(open(d / "f", O_CREAT | O_RDWR, 0600));
    ASSERT_OK(unlink(d / "f"));
    char path[64];
    link_path(f, path);
    EXPECT_ERRNO(linkat(AT_FDCWD, path, AT_FDCWD, d / "g", AT_SYMLINK_FOLLOW), ENOENT);
}

TEST(sys_mknod, anyone_may_make_device_0_0) {
    TempDir d;
    ASSERT_OK(chmod(d.path(), 0777));
    EXPECT_CHILD_OK([&] {
        CHECK(setuid(65534) == 0);
        CHECK(mknod(d / "w", S_IFCHR, 0) == 0);
        CHECK_ERRNO(mknod(d / "n", S_IFCHR | 0600, makedev(1, 3)), EPERM);
        return 0;
    });
}

TEST(sys_statx, tells_mount_roots_and_birth) {
    StatxBuffer x{};
    ASSERT_OK(sys(SYS_statx, AT_FDCWD, "/proc", 0, 0x1fffu, &x));
    EXPECT_TRUE(x.attributes_mask & 0x2000);
    EXPECT_TRUE(x.attributes & 0x2000); // STATX_ATTR_MOUNT_ROOT
    EXPECT_TRUE(x.mask & 0x1000);       // STATX_MNT_ID
    TempDir d("/dev/shm");
    ASSERT_OK(sys(SYS_statx, AT_FDCWD, d.path(), 0, 0x1fffu, &x));
    EXPECT_FALSE(x.attributes & 0x2000);
    EXPECT_EQ(0x7ffu, x.mask & 0x7ff);
}
TEST(sys_statfs, f_fsid_differs_between_file_systems) {
    struct statfs a, b;
    ASSERT_OK(statfs("/proc", &a));
    ASSERT_OK(statfs("/dev/shm", &b));
    EXPECT_NE(0, memcmp(&a.f_fsid, &b.f_fsid, sizeof a.f_fsid));
}
TEST(sys_getcwd, outside_of_the_root_is_unreachable) {
    TempDir d;
    mkdir(d / "sub", 0755);
    EXPECT_CHILD_OK([&] {
        CHECK(chdir(d.path()) == 0);
        CHECK(chroot("sub") == 0);
        char text[256] = {};
        CHECK(sys(SYS_getcwd, text, sizeof text) > 0);
        CHECK(strncmp(text, "(unreachable)", 13) == 0);
        return 0;
    });
}
