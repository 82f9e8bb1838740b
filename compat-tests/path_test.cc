// Names: path walk, symlinks, links, rename, folders, working directory, getdents64, nodes.
#include "support.h"

#include <limits.h>
#include <sys/sysmacros.h>

#ifndef RENAME_NOREPLACE
#define RENAME_NOREPLACE 1
#define RENAME_EXCHANGE 2
#endif

namespace {

bool exists(const char* path) {
    struct stat st;
    return lstat(path, &st) == 0;
}

struct Dirent64 {
    uint64_t ino;
    int64_t off;
    uint16_t reclen;
    uint8_t type;
    char name[1];
};

// Finds a name in a folder by raw getdents64; returns its d_type or -1.
int find_entry(const char* folder, const char* name, uint64_t* ino = nullptr) {
    Fd fd(open(folder, O_RDONLY | O_DIRECTORY));
    alignas(8) char buf[1024];
    long n;
    while ((n = sys(SYS_getdents64, fd.get(), buf, sizeof(buf))) > 0) {
        for (long at = 0; at < n;) {
            Dirent64 e;
            memcpy(&e, buf + at, 19);
            if (strcmp(buf + at + 19, name) == 0) {
                if (ino) {
                    *ino = e.ino;
                }
                return e.type;
            }
            at += e.reclen;
        }
    }
    return -1;
}

} // namespace

TEST(sys_mkdir, makes_a_folder_with_the_mode_less_umask) {
    TempDir d;
    mode_t old = umask(022);
    EXPECT_OK(mkdir(d / "x", 0777));
    umask(old);
    struct stat st;
    ASSERT_OK(stat(d / "x", &st));
    EXPECT_EQ(S_IFDIR | 0755u, st.st_mode);
    EXPECT_EQ(2u, st.st_nlink);
}
TEST(sys_mkdir, accepts_trailing_slash) {
    TempDir d;
    EXPECT_OK(mkdir(d / "x/", 0755));
}
TEST(sys_mkdir, EEXIST_on_file_folder_and_dangling_symlink) {
    TempDir d;
    write_file(d / "f", "");
    symlink("nowhere", d / "l");
    EXPECT_ERRNO(mkdir(d / "f", 0755), EEXIST);
    EXPECT_ERRNO(mkdir(d.path(), 0755), EEXIST);
    EXPECT_ERRNO(mkdir(d / "l", 0755), EEXIST);
    EXPECT_ERRNO(mkdir("/", 0755), EEXIST);
}
TEST(sys_mkdir, ENOENT_in_missing_folder) {
    TempDir d;
    EXPECT_ERRNO(mkdir(d / "a/b", 0755), ENOENT);
}
TEST(sys_mkdir, ENAMETOOLONG_on_256_bytes) {
    TempDir d;
    char name[257];
    memset(name, 'a', 256);
    name[256] = 0;
    EXPECT_ERRNO(mkdir(d / name, 0755), ENAMETOOLONG);
    name[255] = 0;
    EXPECT_OK(mkdir(d / name, 0755));
}
TEST(sys_mkdirat, is_relative_to_the_folder) {
    TempDir d;
    Fd dir(open(d.path(), O_RDONLY));
    EXPECT_OK(mkdirat(dir, "x", 0755));
    EXPECT_TRUE(exists(d / "x"));
}
TEST(sys_mkdirat, EBADF_on_bad_folder_descriptor) { EXPECT_ERRNO(mkdirat(closed_fd(), "x", 0755), EBADF); }
TEST(sys_mkdirat, ENOENT_in_a_removed_folder) {
    TempDir d;
    mkdir(d / "x", 0755);
    Fd dir(open(d / "x", O_RDONLY));
    rmdir(d / "x");
    EXPECT_ERRNO(mkdirat(dir, "y", 0755), ENOENT);
}
TEST(sys_rmdir, removes_an_empty_folder) {
    TempDir d;
    mkdir(d / "x", 0755);
    EXPECT_OK(rmdir(d / "x"));
    EXPECT_FALSE(exists(d / "x"));
}
TEST(sys_rmdir, ENOTEMPTY_with_an_entry) {
    TempDir d;
    mkdir(d / "x", 0755);
    write_file(d / "x/f", "");
    EXPECT_ERRNO(rmdir(d / "x"), ENOTEMPTY);
}
TEST(sys_rmdir, ENOTDIR_on_file_and_symlink) {
    TempDir d;
    write_file(d / "f", "");
    symlink(".", d / "l");
    EXPECT_ERRNO(rmdir(d / "f"), ENOTDIR);
    EXPECT_ERRNO(rmdir(d / "l"), ENOTDIR);
}
TEST(sys_rmdir, EINVAL_on_dot_and_ENOTEMPTY_on_dot_dot) {
    TempDir d;
    mkdir(d / "x", 0755);
    EXPECT_ERRNO(rmdir(d / "x/."), EINVAL);
    EXPECT_ERRNO(rmdir(d / "x/.."), ENOTEMPTY);
}
TEST(sys_rmdir, EBUSY_on_the_root) { EXPECT_ERRNO(rmdir("/"), EBUSY); }
TEST(sys_rmdir, ENOENT_on_missing_folder) { EXPECT_ERRNO(rmdir("/tmp/no-such-folder"), ENOENT); }

TEST(sys_unlink, keeps_an_open_file_alive) {
    TempDir d;
    write_file(d / "f", "alive");
    Fd fd(open(d / "f", O_RDONLY));
    EXPECT_OK(unlink(d / "f"));
    EXPECT_FALSE(exists(d / "f"));
    char buf[6] = {};
    EXPECT_EQ(5, read(fd, buf, 5));
    EXPECT_STREQ("alive", buf);
}
TEST(sys_unlink, removes_the_symlink_not_its_target) {
    TempDir d;
    write_file(d / "f", "");
    symlink("f", d / "l");
    EXPECT_OK(unlink(d / "l"));
    EXPECT_TRUE(exists(d / "f"));
}
TEST(sys_unlink, EISDIR_on_folder) {
    TempDir d;
    mkdir(d / "x", 0755);
    EXPECT_ERRNO(unlink(d / "x"), EISDIR);
}
TEST(sys_unlink, ENOENT_on_missing_file) { EXPECT_ERRNO(unlink("/tmp/no-such-file"), ENOENT); }
TEST(sys_unlink, ENOTDIR_with_trailing_slash) {
    TempDir d;
    write_file(d / "f", "");
    EXPECT_ERRNO(unlink(d / "f/"), ENOTDIR);
}
TEST(sys_unlinkat, AT_REMOVEDIR_removes_a_folder) {
    TempDir d;
    mkdir(d / "x", 0755);
    Fd dir(open(d.path(), O_RDONLY));
    EXPECT_OK(unlinkat(dir, "x", AT_REMOVEDIR));
}
TEST(sys_unlinkat, EINVAL_on_unknown_flag) { EXPECT_ERRNO(unlinkat(AT_FDCWD, "x", 0x4000), EINVAL); }
TEST(sys_unlinkat, EISDIR_without_AT_REMOVEDIR) {
    TempDir d;
    mkdir(d / "x", 0755);
    Fd dir(open(d.path(), O_RDONLY));
    EXPECT_ERRNO(unlinkat(dir, "x", 0), EISDIR);
}

TEST(sys_link, both_names_are_one_file) {
    TempDir d;
    write_file(d / "a", "x");
    EXPECT_OK(link(d / "a", d / "b"));
    struct stat a, b;
    stat(d / "a", &a);
    stat(d / "b", &b);
    EXPECT_EQ(a.st_ino, b.st_ino);
    EXPECT_EQ(2u, a.st_nlink);
}
TEST(sys_link, does_not_follow_a_symlink) {
    TempDir d;
    write_file(d / "f", "x");
    symlink("f", d / "l");
    EXPECT_OK(link(d / "l", d / "m"));
    struct stat st;
    lstat(d / "m", &st);
    EXPECT_TRUE(S_ISLNK(st.st_mode));
}
TEST(sys_link, EEXIST_on_existing_target) {
    TempDir d;
    write_file(d / "a", "x");
    write_file(d / "b", "y");
    EXPECT_ERRNO(link(d / "a", d / "b"), EEXIST);
}
TEST(sys_link, EPERM_on_folder) {
    TempDir d;
    mkdir(d / "x", 0755);
    EXPECT_ERRNO(link(d / "x", d / "y"), EPERM);
}
TEST(sys_link, EXDEV_across_file_systems) {
    TempDir shm("/dev/shm"), d;
    write_file(shm / "f", "x");
    EXPECT_ERRNO(link(shm / "f", d / "f"), EXDEV);
}
TEST(sys_link, ENOENT_on_missing_source) {
    TempDir d;
    EXPECT_ERRNO(link(d / "a", d / "b"), ENOENT);
}
TEST(sys_linkat, AT_SYMLINK_FOLLOW_links_the_target) {
    TempDir d;
    write_file(d / "f", "x");
    symlink("f", d / "l");
    EXPECT_OK(linkat(AT_FDCWD, d / "l", AT_FDCWD, d / "m", AT_SYMLINK_FOLLOW));
    struct stat st;
    lstat(d / "m", &st);
    EXPECT_TRUE(S_ISREG(st.st_mode));
}
TEST(sys_linkat, AT_EMPTY_PATH_links_a_descriptor) {
    TempDir d;
    write_file(d / "f", "x");
    Fd fd(open(d / "f", O_RDONLY));
    EXPECT_OK(linkat(fd, "", AT_FDCWD, d / "g", AT_EMPTY_PATH));
    EXPECT_TRUE(exists(d / "g"));
}
TEST(sys_linkat, EINVAL_on_unknown_flag) {
    EXPECT_ERRNO(linkat(AT_FDCWD, "/tmp/a", AT_FDCWD, "/tmp/b", 0x4000), EINVAL);
}
TEST(sys_linkat, EBADF_on_bad_folder_descriptor) {
    EXPECT_ERRNO(linkat(closed_fd(), "a", AT_FDCWD, "/tmp/compat-b", 0), EBADF);
}

TEST(sys_symlink, readlink_gives_the_text) {
    TempDir d;
    EXPECT_OK(symlink("any thing/at all", d / "l"));
    char buf[64] = {};
    EXPECT_EQ(16, readlink(d / "l", buf, sizeof(buf)));
    EXPECT_STREQ("any thing/at all", buf);
}
TEST(sys_symlink, EEXIST_on_existing_name) {
    TempDir d;
    symlink("x", d / "l");
    EXPECT_ERRNO(symlink("y", d / "l"), EEXIST);
}
TEST(sys_symlink, ENOENT_on_empty_target) {
    TempDir d;
    EXPECT_ERRNO(symlink("", d / "l"), ENOENT);
}
TEST(sys_symlinkat, is_relative_to_the_folder) {
    TempDir d;
    Fd dir(open(d.path(), O_RDONLY));
    EXPECT_OK(symlinkat("x", dir, "l"));
    EXPECT_TRUE(exists(d / "l"));
}
TEST(sys_symlinkat, EBADF_on_bad_folder_descriptor) { EXPECT_ERRNO(symlinkat("x", closed_fd(), "l"), EBADF); }
TEST(sys_readlink, cuts_silently_at_the_buffer_size) {
    TempDir d;
    symlink("abcdef", d / "l");
    char buf[4] = {};
    EXPECT_EQ(3, readlink(d / "l", buf, 3));
    EXPECT_STREQ("abc", buf);
}
TEST(sys_readlink, EINVAL_on_file_and_zero_size) {
    TempDir d;
    write_file(d / "f", "");
    symlink("x", d / "l");
    char buf[4];
    EXPECT_ERRNO(readlink(d / "f", buf, 4), EINVAL);
    EXPECT_ERRNO(sys(SYS_readlink, d / "l", buf, 0), EINVAL);
}
TEST(sys_readlink, ENOENT_on_missing_file) {
    char buf[4];
    EXPECT_ERRNO(readlink("/tmp/no-such-file", buf, 4), ENOENT);
}
TEST(sys_readlinkat, empty_path_reads_an_O_PATH_descriptor) {
    TempDir d;
    symlink("target", d / "l");
    Fd fd(open(d / "l", O_PATH | O_NOFOLLOW));
    char buf[16] = {};
    EXPECT_EQ(6, readlinkat(fd, "", buf, sizeof(buf)));
    EXPECT_STREQ("target", buf);
}
TEST(sys_readlinkat, EFAULT_on_bad_buffer) {
    TempDir d;
    symlink("target", d / "l");
    EXPECT_ERRNO(sys(SYS_readlinkat, AT_FDCWD, d / "l", unmapped_address, 8), EFAULT);
}

TEST(sys_openat, ELOOP_on_a_circle_of_symlinks) {
    TempDir d;
    symlink("b", d / "a");
    symlink("a", d / "b");
    EXPECT_ERRNO(open(d / "a", O_RDONLY), ELOOP);
}
TEST(sys_openat, forty_symlinks_are_followed_and_not_one_more) {
    TempDir d;
    write_file(d / "l0", "x");
    for (int i = 1; i <= 41; i++) {
        char from[16], to[16];
        snprintf(from, sizeof(from), "l%d", i);
        snprintf(to, sizeof(to), "l%d", i - 1);
        symlink(to, d / from);
    }
    EXPECT_OK(access(d / "l40", F_OK));
    EXPECT_ERRNO(access(d / "l41", F_OK), ELOOP);
}
TEST(sys_openat, ENAMETOOLONG_on_a_path_of_4096_bytes) {
    static char path[5000];
    memset(path, '/', sizeof(path));
    path[4095] = 0;
    Fd fd(open(path, O_RDONLY));
    EXPECT_TRUE(fd.valid());
    path[4095] = '/';
    path[4096] = 0;
    EXPECT_ERRNO(open(path, O_RDONLY), ENAMETOOLONG);
}
TEST(sys_openat, dot_dot_stops_at_the_root) {
    struct stat a, b;
    ASSERT_OK(stat("/", &a));
    ASSERT_OK(stat("/../../..", &b));
    EXPECT_EQ(a.st_ino, b.st_ino);
}
TEST(sys_openat, dots_and_double_slashes) {
    TempDir d;
    mkdir(d / "x", 0755);
    write_file(d / "x/f", "y");
    Fd fd(open(d / ".//x/./../x//f", O_RDONLY));
    EXPECT_TRUE(fd.valid());
}
TEST(sys_openat, relative_symlink_starts_in_its_own_folder) {
    TempDir d;
    mkdir(d / "x", 0755);
    write_file(d / "f", "up");
    symlink("../f", d / "x/l");
    char buf[8];
    EXPECT_EQ(2, read_text(d / "x/l", buf, sizeof(buf)));
}
TEST(sys_openat, absolute_symlink_starts_at_the_root) {
    TempDir d;
    symlink("/tmp", d / "l");
    struct stat a, b;
    stat(d / "l", &a);
    stat("/tmp", &b);
    EXPECT_EQ(a.st_ino, b.st_ino);
}

namespace {
long openat2(int dir, const char* path, uint64_t flags, uint64_t resolve, size_t size = 24) {
    uint64_t how[3] = {flags, 0, resolve};
    return sys(SYS_openat2, dir, path, how, size);
}
} // namespace
TEST(sys_openat2, opens_like_openat) {
    TempDir d;
    write_file(d / "f", "x");
    Fd fd(static_cast<int>(openat2(AT_FDCWD, d / "f", O_RDONLY, 0)));
    EXPECT_TRUE(fd.valid());
}
TEST(sys_openat2, EXDEV_when_RESOLVE_BENEATH_is_left) {
    TempDir d;
    Fd dir(open(d.path(), O_RDONLY));
    EXPECT_ERRNO(openat2(dir, "../x", O_RDONLY, 8), EXDEV);
    EXPECT_ERRNO(openat2(dir, "/tmp", O_RDONLY, 8), EXDEV);
}
TEST(sys_openat2, ELOOP_with_RESOLVE_NO_SYMLINKS) {
    TempDir d;
    symlink(".", d / "l");
    Fd dir(open(d.path(), O_RDONLY));
    EXPECT_ERRNO(openat2(dir, "l/x", O_RDONLY, 4), ELOOP);
}
TEST(sys_openat2, EINVAL_on_unknown_flag_and_short_size) {
    EXPECT_ERRNO(openat2(AT_FDCWD, "/tmp", 1ull << 40, 0), EINVAL);
    EXPECT_ERRNO(openat2(AT_FDCWD, "/tmp", 0, 0, 8), EINVAL);
}

TEST(sys_rename, replaces_the_target) {
    TempDir d;
    write_file(d / "a", "A");
    write_file(d / "b", "B");
    EXPECT_OK(rename(d / "a", d / "b"));
    EXPECT_FALSE(exists(d / "a"));
    char buf[4];
    read_text(d / "b", buf, sizeof(buf));
    EXPECT_STREQ("A", buf);
}
TEST(sys_rename, of_two_names_of_one_file_does_nothing) {
    TempDir d;
    write_file(d / "a", "A");
    link(d / "a", d / "b");
    EXPECT_OK(rename(d / "a", d / "b"));
    EXPECT_TRUE(exists(d / "a") && exists(d / "b"));
}
TEST(sys_rename, moves_a_folder_with_its_contents) {
    TempDir d;
    mkdir(d / "x", 0755);
    mkdir(d / "to", 0755);
    write_file(d / "x/f", "A");
    EXPECT_OK(rename(d / "x", d / "to/y"));
    EXPECT_TRUE(exists(d / "to/y/f"));
    struct stat st, up;
    stat(d / "to/y/..", &up);
    stat(d / "to", &st);
    EXPECT_EQ(st.st_ino, up.st_ino);
    EXPECT_EQ(3u, st.st_nlink);
}
TEST(sys_rename, replaces_an_empty_folder) {
    TempDir d;
    mkdir(d / "x", 0755);
    mkdir(d / "y", 0755);
    write_file(d / "x/f", "");
    EXPECT_OK(rename(d / "x", d / "y"));
    EXPECT_TRUE(exists(d / "y/f"));
}
TEST(sys_rename, ENOTEMPTY_onto_a_full_folder) {
    TempDir d;
    mkdir(d / "x", 0755);
    mkdir(d / "y", 0755);
    write_file(d / "y/f", "");
    EXPECT_ERRNO(rename(d / "x", d / "y"), ENOTEMPTY);
}
TEST(sys_rename, EISDIR_file_onto_folder_and_ENOTDIR_folder_onto_file) {
    TempDir d;
    mkdir(d / "x", 0755);
    write_file(d / "f", "");
    EXPECT_ERRNO(rename(d / "f", d / "x"), EISDIR);
    EXPECT_ERRNO(rename(d / "x", d / "f"), ENOTDIR);
}
TEST(sys_rename, EINVAL_into_its_own_subfolder) {
    TempDir d;
    mkdir(d / "x", 0755);
    EXPECT_ERRNO(rename(d / "x", d / "x/y"), EINVAL);
}
TEST(sys_rename, ENOENT_on_missing_source) {
    TempDir d;
    EXPECT_ERRNO(rename(d / "a", d / "b"), ENOENT);
}
TEST(sys_rename, EXDEV_across_file_systems) {
    TempDir shm("/dev/shm");
    write_file(shm / "f", "");
    EXPECT_ERRNO(rename(shm / "f", "/proc/x"), EXDEV);
}
TEST(sys_rename, EBUSY_on_dot) {
    TempDir d;
    mkdir(d / "x", 0755);
    EXPECT_ERRNO(rename(d / "x/.", d / "y"), EBUSY);
}
TEST(sys_renameat, is_relative_to_both_folders) {
    TempDir d;
    mkdir(d / "x", 0755);
    mkdir(d / "y", 0755);
    write_file(d / "x/f", "");
    Fd x(open(d / "x", O_RDONLY)), y(open(d / "y", O_RDONLY));
    EXPECT_OK(renameat(x, "f", y, "g"));
    EXPECT_TRUE(exists(d / "y/g"));
}
TEST(sys_renameat, EBADF_on_bad_folder_descriptor) {
    EXPECT_ERRNO(renameat(closed_fd(), "a", AT_FDCWD, "/tmp/compat-b"), EBADF);
}
TEST(sys_renameat2, EXCHANGE_swaps) {
    TempDir d;
    write_file(d / "a", "A");
    write_file(d / "b", "B");
    EXPECT_OK(sys(SYS_renameat2, AT_FDCWD, d / "a", AT_FDCWD, d / "b", RENAME_EXCHANGE));
    char buf[4];
    read_text(d / "a", buf, sizeof(buf));
    EXPECT_STREQ("B", buf);
}
TEST(sys_renameat2, EEXIST_with_NOREPLACE) {
    TempDir d;
    write_file(d / "a", "A");
    write_file(d / "b", "B");
    EXPECT_ERRNO(sys(SYS_renameat2, AT_FDCWD, d / "a", AT_FDCWD, d / "b", RENAME_NOREPLACE), EEXIST);
}
TEST(sys_renameat2, EINVAL_on_contradicting_and_unknown_flags) {
    TempDir d;
    write_file(d / "a", "A");
    EXPECT_ERRNO(sys(SYS_renameat2, AT_FDCWD, d / "a", AT_FDCWD, d / "b", 3), EINVAL);
    EXPECT_ERRNO(sys(SYS_renameat2, AT_FDCWD, d / "a", AT_FDCWD, d / "b", 0x80), EINVAL);
}

TEST(sys_getcwd, follows_chdir) {
    TempDir d;
    EXPECT_CHILD_OK([&] {
        CHECK(chdir(d.path()) == 0);
        char buf[PATH_MAX];
        CHECK(sys(SYS_getcwd, buf, sizeof(buf)) == static_cast<long>(strlen(d.path()) + 1));
        CHECK(strcmp(buf, d.path()) == 0);
        return 0;
    });
}
TEST(sys_getcwd, ERANGE_on_small_buffer) {
    TempDir d;
    EXPECT_CHILD_OK([&] {
        CHECK(chdir(d.path()) == 0);
        char buf[4];
        CHECK_ERRNO(sys(SYS_getcwd, buf, sizeof(buf)), ERANGE);
        return 0;
    });
}
TEST(sys_getcwd, ENOENT_in_a_removed_folder) {
    TempDir d;
    mkdir(d / "x", 0755);
    EXPECT_CHILD_OK([&] {
        CHECK(chdir(d / "x") == 0);
        CHECK(rmdir(d / "x") == 0);
        char buf[256];
        CHECK_ERRNO(sys(SYS_getcwd, buf, sizeof(buf)), ENOENT);
        return 0;
    });
}
TEST(sys_chdir, makes_relative_paths_start_there) {
    TempDir d;
    write_file(d / "f", "");
    EXPECT_CHILD_OK([&] {
        CHECK(chdir(d.path()) == 0);
        CHECK(access("f", F_OK) == 0);
        return 0;
    });
}
TEST(sys_chdir, ENOTDIR_on_file_and_ENOENT_on_nothing) {
    TempDir d;
    write_file(d / "f", "");
    EXPECT_ERRNO(chdir(d / "f"), ENOTDIR);
    EXPECT_ERRNO(chdir(d / "g"), ENOENT);
}
TEST(sys_fchdir, goes_to_the_descriptor) {
    TempDir d;
    write_file(d / "f", "");
    EXPECT_CHILD_OK([&] {
        Fd fd(open(d.path(), O_RDONLY));
        CHECK(fchdir(fd) == 0);
        CHECK(access("f", F_OK) == 0);
        return 0;
    });
}
TEST(sys_fchdir, ENOTDIR_on_file) {
    TempDir d;
    write_file(d / "f", "");
    Fd fd(open(d / "f", O_RDONLY));
    EXPECT_ERRNO(fchdir(fd), ENOTDIR);
}
TEST(sys_fchdir, EBADF_on_closed_descriptor) { EXPECT_ERRNO(fchdir(closed_fd()), EBADF); }
TEST(sys_chroot, confines_absolute_paths_and_dot_dot) {
    TempDir d;
    write_file(d / "inside", "");
    EXPECT_CHILD_OK([&] {
        CHECK(chroot(d.path()) == 0);
        CHECK(chdir("/") == 0);
        CHECK(access("/inside", F_OK) == 0);
        CHECK(access("/../../inside", F_OK) == 0);
        return 0;
    });
}
TEST(sys_chroot, EPERM_for_a_plain_user) {
    EXPECT_CHILD_OK([] {
        CHECK(setresuid(1000, 1000, 1000) == 0);
        CHECK_ERRNO(chroot("/"), EPERM);
        return 0;
    });
}

TEST(sys_getdents64, lists_all_names_with_types) {
    TempDir d;
    write_file(d / "file", "");
    mkdir(d / "folder", 0755);
    symlink("x", d / "link");
    mkfifo(d / "fifo", 0600);
    EXPECT_EQ(DT_REG, find_entry(d.path(), "file"));
    EXPECT_EQ(DT_DIR, find_entry(d.path(), "folder"));
    EXPECT_EQ(DT_LNK, find_entry(d.path(), "link"));
    EXPECT_EQ(DT_FIFO, find_entry(d.path(), "fifo"));
    EXPECT_EQ(DT_DIR, find_entry(d.path(), "."));
    EXPECT_EQ(DT_DIR, find_entry(d.path(), ".."));
    EXPECT_EQ(-1, find_entry(d.path(), "absent"));
}
TEST(sys_getdents64, inode_agrees_with_stat) {
    TempDir d;
    write_file(d / "file", "");
    uint64_t ino = 0;
    find_entry(d.path(), "file", &ino);
    struct stat st;
    stat(d / "file", &st);
    EXPECT_EQ(st.st_ino, ino);
}
TEST(sys_getdents64, three_hundred_names_each_once) {
    TempDir d;
    for (int i = 0; i < 300; i++) {
        char name[16];
        snprintf(name, sizeof(name), "n%d", i);
        write_file(d / name, "");
    }
    static char seen[300];
    memset(seen, 0, sizeof(seen));
    DIR* dir = opendir(d.path());
    ASSERT_TRUE(dir != nullptr);
    while (dirent* e = readdir(dir)) {
        if (e->d_name[0] == 'n') {
            seen[atoi(e->d_name + 1)]++;
        }
    }
    closedir(dir);
    for (int i = 0; i < 300; i++) {
        EXPECT_EQ(1, seen[i]);
    }
}
TEST(sys_getdents64, rewinds_with_lseek) {
    TempDir d;
    write_file(d / "file", "");
    Fd fd(open(d.path(), O_RDONLY));
    char buf[512];
    long first = sys(SYS_getdents64, fd.get(), buf, sizeof(buf));
    EXPECT_EQ(0, sys(SYS_getdents64, fd.get(), buf, sizeof(buf)));
    EXPECT_EQ(0, lseek(fd, 0, SEEK_SET));
    EXPECT_EQ(first, sys(SYS_getdents64, fd.get(), buf, sizeof(buf)));
}
TEST(sys_getdents64, readdir_goes_on_at_telldir) {
    TempDir d;
    write_file(d / "a", "");
    write_file(d / "b", "");
    DIR* dir = opendir(d.path());
    readdir(dir);
    readdir(dir);
    long at = telldir(dir);
    char name[256];
    snprintf(name, sizeof(name), "%s", readdir(dir)->d_name);
    seekdir(dir, at);
    EXPECT_STREQ(name, readdir(dir)->d_name);
    closedir(dir);
}
TEST(sys_getdents64, EINVAL_on_buffer_too_small) {
    TempDir d;
    Fd fd(open(d.path(), O_RDONLY));
    char buf[8];
    EXPECT_ERRNO(sys(SYS_getdents64, fd.get(), buf, sizeof(buf)), EINVAL);
}
TEST(sys_getdents64, ENOTDIR_on_file) {
    TempDir d;
    write_file(d / "f", "");
    Fd fd(open(d / "f", O_RDONLY));
    char buf[256];
    EXPECT_ERRNO(sys(SYS_getdents64, fd.get(), buf, sizeof(buf)), ENOTDIR);
}
TEST(sys_getdents64, EBADF_on_closed_descriptor) {
    char buf[256];
    EXPECT_ERRNO(sys(SYS_getdents64, closed_fd(), buf, sizeof(buf)), EBADF);
}
TEST(sys_getdents, lists_names) {
    TempDir d;
    Fd fd(open(d.path(), O_RDONLY));
    char buf[256];
    EXPECT_GT(sys(SYS_getdents, fd.get(), buf, sizeof(buf)), 0);
}
TEST(sys_getdents, ENOTDIR_on_file) {
    TempDir d;
    write_file(d / "f", "");
    Fd fd(open(d / "f", O_RDONLY));
    char buf[256];
    EXPECT_ERRNO(sys(SYS_getdents, fd.get(), buf, sizeof(buf)), ENOTDIR);
}
TEST(sys_mknod, makes_fifo_and_regular_file) {
    TempDir d;
    EXPECT_OK(mknod(d / "p", S_IFIFO | 0600, 0));
    EXPECT_OK(mknod(d / "f", S_IFREG | 0600, 0));
    struct stat st;
    stat(d / "p", &st);
    EXPECT_TRUE(S_ISFIFO(st.st_mode));
    stat(d / "f", &st);
    EXPECT_TRUE(S_ISREG(st.st_mode));
}
TEST(sys_mknod, makes_a_working_device_node) {
    TempDir d;
    ASSERT_OK(mknod(d / "zero", S_IFCHR | 0600, makedev(1, 5)));
    Fd fd(open(d / "zero", O_RDONLY));
    char c = 1;
    EXPECT_EQ(1, read(fd, &c, 1));
    EXPECT_EQ(0, c);
}
TEST(sys_mknod, EEXIST_on_existing_name) {
    TempDir d;
    write_file(d / "f", "");
    EXPECT_ERRNO(mknod(d / "f", S_IFIFO | 0600, 0), EEXIST);
}
TEST(sys_mknod, EPERM_for_a_folder) {
    TempDir d;
    EXPECT_ERRNO(sys(SYS_mknod, d / "x", S_IFDIR | 0755, 0), EPERM);
}
TEST(sys_mknodat, is_relative_to_the_folder) {
    TempDir d;
    Fd dir(open(d.path(), O_RDONLY));
    EXPECT_OK(mknodat(dir, "p", S_IFIFO | 0600, 0));
    EXPECT_TRUE(exists(d / "p"));
}
TEST(sys_mknodat, EBADF_on_bad_folder_descriptor) {
    EXPECT_ERRNO(mknodat(closed_fd(), "p", S_IFIFO | 0600, 0), EBADF);
}
