// stat and its kin, statfs, access, permissions, owners, times, umask.
#include "support.h"

#include <linux/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <utime.h>

namespace {

constexpr long tmpfs_magic = 0x01021994, proc_magic = 0x9fa0;

// A world-readable folder with a file `f`, so that other users reach it.
struct Place {
    TempDir dir;
    explicit Place(mode_t mode = 0644) {
        chmod(dir.path(), 0755);
        write_file(dir / "f", "hello");
        chmod(dir / "f", mode);
    }
};

// struct statx of the UAPI; musl 1.2.3 has none and glibc's clashes with linux/stat.h, so by offsets.
struct Statx {
    char bytes[256];
    uint32_t u32(size_t at) const {
        uint32_t v;
        memcpy(&v, bytes + at, 4);
        return v;
    }
    uint64_t u64(size_t at) const {
        uint64_t v;
        memcpy(&v, bytes + at, 8);
        return v;
    }
    uint16_t mode() const {
        uint16_t v;
        memcpy(&v, bytes + 28, 2);
        return v;
    }
};
constexpr unsigned basic_stats = 0x7ff;

long raw_statx(int dir, const char* path, int flags, unsigned mask, Statx* out) {
    return sys(SYS_statx, dir, path, flags, mask, out);
}

template <class F>
int as_user(uid_t uid, gid_t gid, F body) {
    return run_in_child([&]() -> int {
        CHECK(sys(SYS_setgroups, 0, nullptr) == 0);
        CHECK(setresgid(gid, gid, gid) == 0);
        CHECK(setresuid(uid, uid, uid) == 0);
        return body();
    });
}

} // namespace

TEST(sys_stat, regular_file) {
    Place p(0640);
    struct stat st;
    ASSERT_OK(stat(p.dir / "f", &st));
    EXPECT_EQ(S_IFREG | 0640u, st.st_mode);
    EXPECT_EQ(5, st.st_size);
    EXPECT_EQ(1u, st.st_nlink);
    EXPECT_EQ(0u, st.st_uid);
    EXPECT_GT(st.st_blksize, 0);
    EXPECT_NE(0u, st.st_ino);
}
TEST(sys_stat, folder_counts_its_subfolders_as_links) {
    Place p;
    mkdir(p.dir / "a", 0755);
    mkdir(p.dir / "b", 0755);
    struct stat st;
    ASSERT_OK(stat(p.dir.path(), &st));
    EXPECT_TRUE(S_ISDIR(st.st_mode));
    EXPECT_EQ(4u, st.st_nlink);
}
TEST(sys_stat, follows_symlinks) {
    Place p;
    symlink("f", p.dir / "l");
    struct stat a, b;
    ASSERT_OK(stat(p.dir / "l", &a));
    ASSERT_OK(stat(p.dir / "f", &b));
    EXPECT_EQ(a.st_ino, b.st_ino);
}
TEST(sys_stat, blocks_grow_with_the_data) {
    Place p;
    Fd fd(open(p.dir / "f", O_RDWR));
    Mapping data(65536);
    memset(data.data(), 1, data.size());
    EXPECT_EQ(65536, write(fd, data.data(), 65536));
    fsync(fd);
    struct stat st;
    ASSERT_OK(fstat(fd, &st));
    EXPECT_GE(st.st_blocks, 128);
}
TEST(sys_stat, ENOENT_on_missing_and_empty_path) {
    struct stat st;
    EXPECT_ERRNO(stat("/tmp/no-such-file", &st), ENOENT);
    EXPECT_ERRNO(stat("", &st), ENOENT);
}
TEST(sys_stat, ENOTDIR_through_a_file) {
    Place p;
    struct stat st;
    EXPECT_ERRNO(stat(p.dir / "f/x", &st), ENOTDIR);
}
TEST(sys_stat, EFAULT_on_bad_pointers) {
    char st[256];
    EXPECT_ERRNO(sys(SYS_stat, unmapped_address, st), EFAULT);
    EXPECT_ERRNO(sys(SYS_stat, "/tmp", unmapped_address), EFAULT);
    EXPECT_ERRNO(sys(SYS_stat, "/tmp", kernel_address), EFAULT);
}
TEST(sys_lstat, shows_the_symlink) {
    Place p;
    symlink("some/target", p.dir / "l");
    struct stat st;
    ASSERT_OK(lstat(p.dir / "l", &st));
    EXPECT_TRUE(S_ISLNK(st.st_mode));
    EXPECT_EQ(0777u, st.st_mode & 0777);
    EXPECT_EQ(11, st.st_size);
}
TEST(sys_lstat, follows_with_trailing_slash) {
    Place p;
    mkdir(p.dir / "d", 0755);
    symlink("d", p.dir / "l");
    struct stat st;
    ASSERT_OK(lstat(p.dir / "l/", &st));
    EXPECT_TRUE(S_ISDIR(st.st_mode));
}
TEST(sys_lstat, ENOENT_on_missing_file) {
    struct stat st;
    EXPECT_ERRNO(lstat("/tmp/no-such-file", &st), ENOENT);
}
TEST(sys_fstat, agrees_with_stat) {
    Place p;
    Fd fd(open(p.dir / "f", O_RDONLY));
    struct stat a, b;
    ASSERT_OK(fstat(fd, &a));
    ASSERT_OK(stat(p.dir / "f", &b));
    EXPECT_EQ(a.st_ino, b.st_ino);
    EXPECT_EQ(a.st_dev, b.st_dev);
    EXPECT_EQ(a.st_size, b.st_size);
}
TEST(sys_fstat, knows_a_pipe) {
    Pipe p;
    struct stat st;
    ASSERT_OK(fstat(p.r, &st));
    EXPECT_TRUE(S_ISFIFO(st.st_mode));
}
TEST(sys_fstat, unlinked_file_has_no_links) {
    Place p;
    Fd fd(open(p.dir / "f", O_RDONLY));
    unlink(p.dir / "f");
    struct stat st;
    ASSERT_OK(fstat(fd, &st));
    EXPECT_EQ(0u, st.st_nlink);
    EXPECT_EQ(5, st.st_size);
}
TEST(sys_fstat, EBADF_on_closed_descriptor) {
    struct stat st;
    EXPECT_ERRNO(fstat(closed_fd(), &st), EBADF);
}
TEST(sys_newfstatat, is_relative_to_the_folder) {
    Place p;
    Fd dir(open(p.dir.path(), O_RDONLY));
    struct stat st;
    ASSERT_OK(fstatat(dir, "f", &st, 0));
    EXPECT_EQ(5, st.st_size);
}
TEST(sys_newfstatat, AT_SYMLINK_NOFOLLOW) {
    Place p;
    symlink("f", p.dir / "l");
    struct stat st;
    ASSERT_OK(fstatat(AT_FDCWD, p.dir / "l", &st, AT_SYMLINK_NOFOLLOW));
    EXPECT_TRUE(S_ISLNK(st.st_mode));
}
TEST(sys_newfstatat, AT_EMPTY_PATH_is_the_descriptor_itself) {
    Place p;
    Fd fd(open(p.dir / "f", O_RDONLY));
    struct stat st;
    ASSERT_OK(sys(SYS_newfstatat, fd.get(), "", &st, AT_EMPTY_PATH));
    EXPECT_EQ(5, st.st_size);
}
TEST(sys_newfstatat, EINVAL_on_unknown_flag) {
    struct stat st;
    EXPECT_ERRNO(sys(SYS_newfstatat, AT_FDCWD, "/tmp", &st, 0x8000000), EINVAL);
}
TEST(sys_newfstatat, ENOTDIR_when_the_descriptor_is_a_file) {
    Place p;
    Fd fd(open(p.dir / "f", O_RDONLY));
    struct stat st;
    EXPECT_ERRNO(fstatat(fd, "x", &st, 0), ENOTDIR);
}
TEST(sys_newfstatat, EBADF_on_bad_folder_descriptor) {
    struct stat st;
    EXPECT_ERRNO(fstatat(closed_fd(), "x", &st, 0), EBADF);
}
TEST(sys_statx, basic_fields) {
    Place p(0604);
    Statx x{};
    ASSERT_OK(raw_statx(AT_FDCWD, p.dir / "f", 0, basic_stats, &x));
    EXPECT_EQ(basic_stats, x.u32(0) & basic_stats);
    EXPECT_EQ(S_IFREG | 0604, x.mode());
    EXPECT_EQ(5u, x.u64(40)); // stx_size
    EXPECT_EQ(1u, x.u32(16)); // stx_nlink
}
TEST(sys_statx, AT_EMPTY_PATH_of_descriptor) {
    Place p;
    Fd fd(open(p.dir / "f", O_PATH));
    Statx x{};
    ASSERT_OK(raw_statx(fd, "", AT_EMPTY_PATH, basic_stats, &x));
    EXPECT_EQ(5u, x.u64(40));
}
TEST(sys_statx, device_numbers_of_a_node) {
    Statx x{};
    ASSERT_OK(raw_statx(AT_FDCWD, "/dev/null", 0, basic_stats, &x));
    EXPECT_EQ(1u, x.u32(128)); // stx_rdev_major
    EXPECT_EQ(3u, x.u32(132));
}
TEST(sys_statx, EINVAL_on_reserved_mask_bit) {
    Statx x{};
    EXPECT_ERRNO(raw_statx(AT_FDCWD, "/tmp", 0, 0x80000000u, &x), EINVAL);
}
TEST(sys_statx, EINVAL_on_conflicting_sync_flags) {
    Statx x{};
    EXPECT_ERRNO(raw_statx(AT_FDCWD, "/tmp", 0x6000, basic_stats, &x), EINVAL);
}
TEST(sys_statx, ENOENT_on_missing_file) {
    Statx x{};
    EXPECT_ERRNO(raw_statx(AT_FDCWD, "/tmp/no-such-file", 0, basic_stats, &x), ENOENT);
}
TEST(sys_statx, EFAULT_on_bad_buffer) {
    EXPECT_ERRNO(sys(SYS_statx, AT_FDCWD, "/tmp", 0, basic_stats, unmapped_address), EFAULT);
}

TEST(sys_statfs, proc_and_shm_types) {
    struct statfs s;
    ASSERT_OK(statfs("/proc", &s));
    EXPECT_EQ(proc_magic, s.f_type);
    ASSERT_OK(statfs("/dev/shm", &s));
    EXPECT_EQ(tmpfs_magic, s.f_type);
    EXPECT_EQ(255, s.f_namelen);
    EXPECT_EQ(4096, s.f_bsize);
}
TEST(sys_statfs, ENOENT_on_missing_file) {
    struct statfs s;
    EXPECT_ERRNO(statfs("/tmp/no-such-file", &s), ENOENT);
}
TEST(sys_statfs, EFAULT_on_bad_buffer) { EXPECT_ERRNO(sys(SYS_statfs, "/tmp", unmapped_address), EFAULT); }
TEST(sys_fstatfs, agrees_with_statfs) {
    struct statfs a, b;
    Fd fd(open("/tmp", O_RDONLY));
    ASSERT_OK(statfs("/tmp", &a));
    ASSERT_OK(fstatfs(fd, &b));
    EXPECT_EQ(a.f_type, b.f_type);
    EXPECT_EQ(a.f_bsize, b.f_bsize);
}
TEST(sys_fstatfs, pipe_has_its_own_type) {
    Pipe p;
    struct statfs s;
    ASSERT_OK(fstatfs(p.r, &s));
    EXPECT_EQ(0x50495045, s.f_type);
}
TEST(sys_fstatfs, EBADF_on_closed_descriptor) {
    struct statfs s;
    EXPECT_ERRNO(fstatfs(closed_fd(), &s), EBADF);
}

TEST(sys_access, root_may_read_and_write_anything) {
    Place p(0000);
    EXPECT_OK(access(p.dir / "f", R_OK | W_OK));
}
TEST(sys_access, EACCES_when_root_asks_for_X_without_any_x_bit) {
    Place p(0666);
    EXPECT_ERRNO(access(p.dir / "f", X_OK), EACCES);
    chmod(p.dir / "f", 0001);
    EXPECT_OK(access(p.dir / "f", X_OK));
}
TEST(sys_access, uses_the_real_user_not_the_effective) {
    Place p(0600);
    EXPECT_CHILD_OK([&] {
        CHECK(setresuid(1000, 0, 0) == 0);
        CHECK_ERRNO(access(p.dir / "f", R_OK), EACCES);
        return 0;
    });
}
TEST(sys_access, ENOENT_on_missing_file) { EXPECT_ERRNO(access("/tmp/no-such-file", F_OK), ENOENT); }
TEST(sys_access, EINVAL_on_bad_mode) { EXPECT_ERRNO(access("/tmp", 99), EINVAL); }
TEST(sys_faccessat, is_relative_to_the_folder) {
    Place p;
    Fd dir(open(p.dir.path(), O_RDONLY));
    EXPECT_OK(sys(SYS_faccessat, dir.get(), "f", R_OK));
}
TEST(sys_faccessat, EBADF_on_bad_folder_descriptor) {
    EXPECT_ERRNO(sys(SYS_faccessat, closed_fd(), "f", R_OK), EBADF);
}
TEST(sys_faccessat2, AT_EACCESS_uses_the_effective_user) {
    Place p(0600);
    EXPECT_CHILD_OK([&] {
        CHECK(setresuid(1000, 0, 0) == 0);
        CHECK(sys(SYS_faccessat2, AT_FDCWD, p.dir / "f", R_OK, AT_EACCESS) == 0);
        CHECK_ERRNO(sys(SYS_faccessat2, AT_FDCWD, p.dir / "f", R_OK, 0), EACCES);
        return 0;
    });
}
TEST(sys_faccessat2, EINVAL_on_unknown_flag) {
    EXPECT_ERRNO(sys(SYS_faccessat2, AT_FDCWD, "/tmp", R_OK, 0x8000000), EINVAL);
}

TEST(sys_chmod, changes_the_mode_bits) {
    Place p;
    EXPECT_OK(chmod(p.dir / "f", 04751));
    struct stat st;
    stat(p.dir / "f", &st);
    EXPECT_EQ(04751u, st.st_mode & 07777);
}
TEST(sys_chmod, ENOENT_on_missing_file) { EXPECT_ERRNO(chmod("/tmp/no-such-file", 0600), ENOENT); }
TEST(sys_chmod, EPERM_for_a_user_who_does_not_own_it) {
    Place p;
    EXPECT_EQ(0, as_user(1000, 1000, [&] {
        CHECK_ERRNO(chmod(p.dir / "f", 0666), EPERM);
        return 0;
    }));
}
TEST(sys_chmod, owner_outside_the_group_loses_setgid) {
    Place p;
    chown(p.dir / "f", 1000, 2000);
    EXPECT_EQ(0, as_user(1000, 1000, [&] {
        CHECK(chmod(p.dir / "f", 02755) == 0);
        struct stat st;
        CHECK(stat(p.dir / "f", &st) == 0);
        CHECK((st.st_mode & 07777) == 0755);
        return 0;
    }));
}
TEST(sys_fchmod, changes_the_mode_bits) {
    Place p;
    Fd fd(open(p.dir / "f", O_RDONLY));
    EXPECT_OK(fchmod(fd, 0123));
    struct stat st;
    fstat(fd, &st);
    EXPECT_EQ(0123u, st.st_mode & 07777);
}
TEST(sys_fchmod, EBADF_on_closed_descriptor) { EXPECT_ERRNO(fchmod(closed_fd(), 0600), EBADF); }
TEST(sys_fchmodat, is_relative_to_the_folder) {
    Place p;
    Fd dir(open(p.dir.path(), O_RDONLY));
    EXPECT_OK(sys(SYS_fchmodat, dir.get(), "f", 0700));
    struct stat st;
    stat(p.dir / "f", &st);
    EXPECT_EQ(0700u, st.st_mode & 07777);
}
TEST(sys_fchmodat, ENOTDIR_on_descriptor_of_a_file) {
    Place p;
    Fd fd(open(p.dir / "f", O_RDONLY));
    EXPECT_ERRNO(sys(SYS_fchmodat, fd.get(), "x", 0700), ENOTDIR);
}

TEST(sys_chown, changes_owner_and_group_and_keeps_minus_one) {
    Place p;
    EXPECT_OK(chown(p.dir / "f", 1000, 2000));
    EXPECT_OK(chown(p.dir / "f", -1, 3000));
    struct stat st;
    stat(p.dir / "f", &st);
    EXPECT_EQ(1000u, st.st_uid);
    EXPECT_EQ(3000u, st.st_gid);
}
TEST(sys_chown, clears_setuid_of_a_program) {
    Place p(06755);
    EXPECT_OK(chown(p.dir / "f", 1000, 1000));
    struct stat st;
    stat(p.dir / "f", &st);
    EXPECT_EQ(0755u, st.st_mode & 07777);
}
TEST(sys_chown, EPERM_for_a_plain_user) {
    Place p;
    EXPECT_EQ(0, as_user(1000, 1000, [&] {
        CHECK_ERRNO(chown(p.dir / "f", 1000, 1000), EPERM);
        return 0;
    }));
}
TEST(sys_chown, ENOENT_on_missing_file) { EXPECT_ERRNO(chown("/tmp/no-such-file", 0, 0), ENOENT); }
TEST(sys_fchown, changes_the_owner) {
    Place p;
    Fd fd(open(p.dir / "f", O_RDONLY));
    EXPECT_OK(fchown(fd, 7, 8));
    struct stat st;
    fstat(fd, &st);
    EXPECT_EQ(7u, st.st_uid);
}
TEST(sys_fchown, EBADF_on_closed_descriptor) { EXPECT_ERRNO(fchown(closed_fd(), 0, 0), EBADF); }
TEST(sys_lchown, changes_the_symlink_only) {
    Place p;
    symlink("f", p.dir / "l");
    EXPECT_OK(lchown(p.dir / "l", 5, 6));
    struct stat l, f;
    lstat(p.dir / "l", &l);
    stat(p.dir / "f", &f);
    EXPECT_EQ(5u, l.st_uid);
    EXPECT_EQ(0u, f.st_uid);
}
TEST(sys_lchown, ENOENT_on_missing_file) { EXPECT_ERRNO(lchown("/tmp/no-such-file", 0, 0), ENOENT); }
TEST(sys_fchownat, AT_EMPTY_PATH) {
    Place p;
    Fd fd(open(p.dir / "f", O_RDONLY));
    EXPECT_OK(fchownat(fd, "", 9, 9, AT_EMPTY_PATH));
    struct stat st;
    fstat(fd, &st);
    EXPECT_EQ(9u, st.st_uid);
}
TEST(sys_fchownat, EINVAL_on_unknown_flag) { EXPECT_ERRNO(fchownat(AT_FDCWD, "/tmp", -1, -1, 0x8000000), EINVAL); }

TEST(sys_utimensat, sets_nanoseconds) {
    Place p;
    timespec ts[2] = {{1000000, 123456789}, {2000000, 987654321}};
    EXPECT_OK(utimensat(AT_FDCWD, p.dir / "f", ts, 0));
    struct stat st;
    stat(p.dir / "f", &st);
    EXPECT_EQ(1000000, st.st_atim.tv_sec);
    EXPECT_EQ(123456789, st.st_atim.tv_nsec);
    EXPECT_EQ(2000000, st.st_mtim.tv_sec);
    EXPECT_EQ(987654321, st.st_mtim.tv_nsec);
}
TEST(sys_utimensat, UTIME_OMIT_keeps_and_null_is_now) {
    Place p;
    timespec ts[2] = {{1000, 0}, {2000, 0}};
    utimensat(AT_FDCWD, p.dir / "f", ts, 0);
    timespec omit[2] = {{0, UTIME_OMIT}, {3000, 0}};
    EXPECT_OK(utimensat(AT_FDCWD, p.dir / "f", omit, 0));
    struct stat st;
    stat(p.dir / "f", &st);
    EXPECT_EQ(1000, st.st_atim.tv_sec);
    EXPECT_EQ(3000, st.st_mtim.tv_sec);
    EXPECT_OK(utimensat(AT_FDCWD, p.dir / "f", nullptr, 0));
    stat(p.dir / "f", &st);
    EXPECT_GT(st.st_mtim.tv_sec, 1000000000);
}
TEST(sys_utimensat, EINVAL_on_bad_nanoseconds) {
    Place p;
    timespec ts[2] = {{0, 1000000000}, {0, 0}};
    EXPECT_ERRNO(utimensat(AT_FDCWD, p.dir / "f", ts, 0), EINVAL);
}
TEST(sys_utimensat, EACCES_for_null_times_without_write_access) {
    Place p;
    EXPECT_EQ(0, as_user(1000, 1000, [&] {
        CHECK_ERRNO(utimensat(AT_FDCWD, p.dir / "f", nullptr, 0), EACCES);
        timespec ts[2] = {{1, 0}, {1, 0}};
        CHECK_ERRNO(utimensat(AT_FDCWD, p.dir / "f", ts, 0), EPERM);
        return 0;
    }));
}
TEST(sys_utime, sets_seconds) {
    Place p;
    long times[2] = {100, 200};
    EXPECT_OK(sys(SYS_utime, p.dir / "f", times));
    struct stat st;
    stat(p.dir / "f", &st);
    EXPECT_EQ(200, st.st_mtim.tv_sec);
}
TEST(sys_utime, ENOENT_on_missing_file) { EXPECT_ERRNO(sys(SYS_utime, "/tmp/no-such-file", nullptr), ENOENT); }
TEST(sys_utimes, sets_microseconds) {
    Place p;
    timeval tv[2] = {{100, 5}, {200, 6}};
    EXPECT_OK(sys(SYS_utimes, p.dir / "f", tv));
    struct stat st;
    stat(p.dir / "f", &st);
    EXPECT_EQ(6000, st.st_mtim.tv_nsec);
}
TEST(sys_utimes, EINVAL_on_bad_microseconds) {
    Place p;
    timeval tv[2] = {{100, 1000000}, {200, 0}};
    EXPECT_ERRNO(sys(SYS_utimes, p.dir / "f", tv), EINVAL);
}
TEST(sys_futimesat, is_relative_to_the_folder) {
    Place p;
    Fd dir(open(p.dir.path(), O_RDONLY));
    timeval tv[2] = {{300, 0}, {400, 0}};
    EXPECT_OK(sys(SYS_futimesat, dir.get(), "f", tv));
    struct stat st;
    stat(p.dir / "f", &st);
    EXPECT_EQ(400, st.st_mtim.tv_sec);
}
TEST(sys_futimesat, EBADF_on_bad_folder_descriptor) {
    EXPECT_ERRNO(sys(SYS_futimesat, closed_fd(), "f", nullptr), EBADF);
}
TEST(sys_write, moves_mtime_and_ctime) {
    Place p;
    timespec ts[2] = {{1000, 0}, {1000, 0}};
    utimensat(AT_FDCWD, p.dir / "f", ts, 0);
    Fd fd(open(p.dir / "f", O_WRONLY));
    write(fd, "x", 1);
    struct stat st;
    fstat(fd, &st);
    EXPECT_GT(st.st_mtim.tv_sec, 1000000);
    EXPECT_GT(st.st_ctim.tv_sec, 1000000);
}
TEST(sys_umask, gives_the_old_mask_and_keeps_nine_bits) {
    mode_t old = umask(0177777);
    EXPECT_EQ(0777u, umask(022));
    EXPECT_EQ(022u, umask(old));
}

// Permission checks by the mode bits.
TEST(sys_open, group_bits_decide_for_members_of_the_group) {
    Place p(0640);
    chown(p.dir / "f", 1, 2000);
    EXPECT_EQ(0, as_user(1000, 2000, [&] {
        CHECK(Fd(open(p.dir / "f", O_RDONLY)).valid());
        CHECK_ERRNO(open(p.dir / "f", O_WRONLY), EACCES);
        return 0;
    }));
}
TEST(sys_open, EACCES_for_the_owner_when_only_others_may_read) {
    Place p(0044);
    chown(p.dir / "f", 1000, 1000);
    EXPECT_EQ(0, as_user(1000, 1000, [&] {
        CHECK_ERRNO(open(p.dir / "f", O_RDONLY), EACCES);
        return 0;
    }));
    EXPECT_EQ(0, as_user(1001, 1001, [&] {
        CHECK(Fd(open(p.dir / "f", O_RDONLY)).valid());
        return 0;
    }));
}
TEST(sys_open, EACCES_through_a_folder_without_x) {
    Place p;
    mkdir(p.dir / "d", 0755);
    write_file(p.dir / "d/f", "x");
    chmod(p.dir / "d", 0644);
    EXPECT_EQ(0, as_user(1000, 1000, [&] {
        CHECK_ERRNO(open(p.dir / "d/f", O_RDONLY), EACCES);
        return 0;
    }));
}
TEST(sys_unlink, EACCES_in_a_folder_without_w) {
    Place p;
    EXPECT_EQ(0, as_user(1000, 1000, [&] {
        CHECK_ERRNO(unlink(p.dir / "f"), EACCES);
        return 0;
    }));
}
TEST(sys_unlink, EPERM_in_a_sticky_folder_on_another_users_file) {
    Place p;
    chmod(p.dir.path(), 01777);
    EXPECT_EQ(0, as_user(1000, 1000, [&] {
        CHECK_ERRNO(unlink(p.dir / "f"), EPERM);
        return 0;
    }));
}
TEST(sys_mkdir, inherits_group_and_setgid_of_a_setgid_folder) {
    Place p;
    chown(p.dir.path(), 0, 2000);
    chmod(p.dir.path(), 02755);
    EXPECT_OK(mkdir(p.dir / "d", 0755));
    struct stat st;
    stat(p.dir / "d", &st);
    EXPECT_EQ(2000u, st.st_gid);
    EXPECT_EQ(02755u, st.st_mode & 07777);
}
