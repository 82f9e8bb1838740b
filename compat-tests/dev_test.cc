// Device nodes, tmpfs, and the /dev links.
#include "support.h"

#include <sys/ioctl.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>

namespace {

void expect_node(const char* path, unsigned major_number, unsigned minor_number) {
    struct stat st;
    ASSERT_OK(stat(path, &st));
    EXPECT_TRUE(S_ISCHR(st.st_mode));
    EXPECT_EQ(makedev(major_number, minor_number), st.st_rdev);
}

} // namespace

TEST(dev_null, reads_nothing_and_swallows_everything) {
    Fd fd(open("/dev/null", O_RDWR));
    char c;
    EXPECT_EQ(0, read(fd, &c, 1));
    EXPECT_EQ(100, write(fd, unmapped_address, 100));
    EXPECT_EQ(0, lseek(fd, 50, SEEK_SET));
}
TEST(dev_null, numbers_and_mode) {
    expect_node("/dev/null", 1, 3);
    struct stat st;
    stat("/dev/null", &st);
    EXPECT_EQ(0666u, st.st_mode & 0777);
}
TEST(dev_null, O_TRUNC_is_harmless) {
    Fd fd(open("/dev/null", O_WRONLY | O_TRUNC | O_CREAT, 0600));
    EXPECT_TRUE(fd.valid());
}
TEST(dev_zero, reads_zeros) {
    Fd fd(open("/dev/zero", O_RDWR));
    Mapping m(100000);
    memset(m.data(), 1, m.size());
    EXPECT_EQ(100000, read(fd, m.data(), 100000));
    EXPECT_EQ(0, m[0] | m[50000] | m[99999]);
    EXPECT_EQ(5, write(fd, "hello", 5));
    expect_node("/dev/zero", 1, 5);
}
TEST(dev_zero, EFAULT_on_bad_buffer) {
    Fd fd(open("/dev/zero", O_RDONLY));
    EXPECT_ERRNO(read(fd, unmapped_address, 10), EFAULT);
}
TEST(dev_full, ENOSPC_on_write) {
    Fd fd(open("/dev/full", O_RDWR));
    char c = 1;
    EXPECT_ERRNO(write(fd, "x", 1), ENOSPC);
    EXPECT_EQ(1, read(fd, &c, 1));
    EXPECT_EQ(0, c);
    expect_node("/dev/full", 1, 7);
}
TEST(dev_random, and_urandom_give_bytes) {
    for (const char* path : (const char*[]){"/dev/random", "/dev/urandom"}) {
        Fd fd(open(path, O_RDWR));
        char a[32] = {}, b[32] = {};
        EXPECT_EQ(32, read(fd, a, 32));
        EXPECT_EQ(32, read(fd, b, 32));
        EXPECT_NE(0, memcmp(a, b, 32));
        EXPECT_EQ(4, write(fd, "seed", 4));
    }
    expect_node("/dev/random", 1, 8);
    expect_node("/dev/urandom", 1, 9);
}
TEST(dev_urandom, EINVAL_for_a_terminals_request) {
    int fd = open("/dev/urandom", O_RDONLY);
    ASSERT_GE(fd, 0);
    char modes[64];
    errno = 0;
    EXPECT_EQ(ioctl(fd, 0x5401 /* TCGETS */, modes), -1);
    EXPECT_EQ(errno, EINVAL);
    close(fd);
}
TEST(dev_tty, ENXIO_without_a_controlling_terminal) {
    EXPECT_CHILD_OK([] {
        setsid();
        CHECK_ERRNO(open("/dev/tty", O_RDWR), ENXIO);
        return 0;
    });
    expect_node("/dev/tty", 5, 0);
}
TEST(dev_console, numbers) { expect_node("/dev/console", 5, 1); }
TEST(dev_fd, opens_a_descriptor_again) {
    TempDir d;
    write_file(d / "f", "abc");
    Fd fd(open(d / "f", O_RDONLY));
    char path[32], c = 0;
    snprintf(path, sizeof(path), "/dev/fd/%d", fd.get());
    Fd again(open(path, O_RDONLY));
    ASSERT_TRUE(again.valid());
    read(fd, &c, 1);
    EXPECT_EQ(1, read(again, &c, 1));
    EXPECT_EQ('a', c);
}
TEST(dev_stdin, links_to_descriptors) {
    char text[64] = {};
    EXPECT_GT(readlink("/dev/stdin", text, sizeof(text) - 1), 0);
    EXPECT_STREQ("/proc/self/fd/0", text);
    memset(text, 0, sizeof(text));
    EXPECT_GT(readlink("/dev/fd", text, sizeof(text) - 1), 0);
    EXPECT_STREQ("/proc/self/fd", text);
}
TEST(dev_stdout, and_stderr_link_to_descriptors) {
    struct stat st;
    EXPECT_OK(lstat("/dev/stdout", &st));
    EXPECT_TRUE(S_ISLNK(st.st_mode));
    EXPECT_OK(lstat("/dev/stderr", &st));
    EXPECT_TRUE(S_ISLNK(st.st_mode));
}
TEST(dev_shm, is_a_sticky_tmpfs) {
    struct stat st;
    ASSERT_OK(stat("/dev/shm", &st));
    EXPECT_EQ(S_IFDIR | 01777u, st.st_mode);
    struct statfs s;
    ASSERT_OK(statfs("/dev/shm", &s));
    EXPECT_EQ(0x01021994, s.f_type);
}
TEST(dev_shm, serves_shm_open) {
    int fd = shm_open("/linnet-compat", O_RDWR | O_CREAT | O_EXCL, 0600);
    ASSERT_GE(fd, 0);
    Fd file(fd);
    EXPECT_OK(ftruncate(fd, 4096));
    Mapping m(4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd);
    m[0] = 's';
    char c;
    pread(fd, &c, 1, 0);
    EXPECT_EQ('s', c);
    EXPECT_EQ(0, shm_unlink("/linnet-compat"));
}
TEST(dev_null, EACCES_for_the_folder_as_a_plain_user) {
    EXPECT_CHILD_OK([] {
        CHECK(setresuid(1000, 1000, 1000) == 0);
        CHECK_ERRNO(open("/dev/new-node", O_RDWR | O_CREAT, 0600), EACCES);
        return 0;
    });
}
TEST(dev_null, ENXIO_or_ENODEV_on_a_node_without_driver) {
    TempDir d; // /dev/shm may be mounted nodev
    ASSERT_OK(mknod(d / "n", S_IFCHR | 0600, makedev(239, 77)));
    errno = 0;
    EXPECT_EQ(-1, open(d / "n", O_RDONLY));
    EXPECT_TRUE(errno == ENXIO || errno == ENODEV || errno == EACCES) << errno; // EACCES: the mount is nodev
}

TEST(tmpfs_space, ENOSPC_beyond_its_size) {
    TempDir d;
    ASSERT_OK(sys(SYS_mount, "none", d.path(), "tmpfs", 0ul, "size=64k"));
    {
        Fd fd(open(d / "f", O_RDWR | O_CREAT, 0600));
        Mapping m(100000);
        EXPECT_EQ(65536, write(fd, m.data(), 100000));
        EXPECT_ERRNO(write(fd, "x", 1), ENOSPC);
        struct statvfs s;
        ASSERT_EQ(0, statvfs(d.path(), &s));
        EXPECT_EQ(16u, s.f_blocks);
        EXPECT_EQ(0u, s.f_bfree);
        EXPECT_OK(ftruncate(fd, 0));
        ASSERT_EQ(0, statvfs(d.path(), &s));
        EXPECT_EQ(16u, s.f_bfree);
    }
    EXPECT_OK(sys(SYS_umount2, d.path(), 0));
}
TEST(tmpfs_space, SIGBUS_when_a_mapping_finds_no_room) {
    TempDir d;
    ASSERT_OK(sys(SYS_mount, "none", d.path(), "tmpfs", 0ul, "size=16k"));
    EXPECT_CHILD_SIGNAL(SIGBUS, [&] {
        Fd fd(open(d / "f", O_RDWR | O_CREAT, 0600));
        ftruncate(fd, 1 << 20);
        Mapping m(1 << 20, PROT_READ | PROT_WRITE, MAP_SHARED, fd);
        memset(m.data(), 1, m.size());
        return 0;
    });
    EXPECT_OK(sys(SYS_umount2, d.path(), 0));
}
TEST(tmpfs_space, EROFS_on_a_read_only_mount) {
    TempDir d;
    ASSERT_OK(sys(SYS_mount, "none", d.path(), "tmpfs", 1ul, nullptr));
    EXPECT_ERRNO(open(d / "f", O_RDWR | O_CREAT, 0600), EROFS);
    EXPECT_ERRNO(mkdir(d / "x", 0755), EROFS);
    EXPECT_OK(sys(SYS_umount2, d.path(), 0));
}
TEST(tmpfs_file, sparse_file_takes_no_blocks) {
    TempDir d("/dev/shm");
    Fd fd(open(d / "f", O_RDWR | O_CREAT, 0600));
    ASSERT_OK(ftruncate(fd, 1l << 40));
    struct stat st;
    ASSERT_OK(fstat(fd, &st));
    EXPECT_EQ(1l << 40, st.st_size);
    EXPECT_EQ(0, st.st_blocks);
    EXPECT_EQ(1, pwrite(fd, "x", 1, (1l << 40) - 1));
    char c;
    EXPECT_EQ(1, pread(fd, &c, 1, 1l << 39));
    EXPECT_EQ(0, c);
}
TEST(tmpfs_file, SEEK_HOLE_and_SEEK_DATA_see_holes) {
    TempDir d("/dev/shm");
    Fd fd(open(d / "f", O_RDWR | O_CREAT, 0600));
    pwrite(fd, "x", 1, 0);
    pwrite(fd, "y", 1, 40960);
    EXPECT_EQ(4096, lseek(fd, 0, SEEK_HOLE));
    EXPECT_EQ(40960, lseek(fd, 4096, SEEK_DATA));
}
TEST(tmpfs_file, O_TMPFILE_gets_a_name_by_linkat) {
    TempDir d("/dev/shm");
    Fd fd(open(d.path(), O_TMPFILE | O_RDWR, 0600));
    ASSERT_TRUE(fd.valid());
    EXPECT_EQ(3, write(fd, "abc", 3));
    char path[64];
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd.get());
    EXPECT_OK(linkat(AT_FDCWD, path, AT_FDCWD, d / "named", AT_SYMLINK_FOLLOW));
    char text[8];
    EXPECT_EQ(3, read_text(d / "named", text, sizeof(text)));
}
TEST(tmpfs_file, mapping_and_write_see_each_other) {
    TempDir d("/dev/shm");
    Fd fd(open(d / "f", O_RDWR | O_CREAT, 0600));
    ftruncate(fd, 8192);
    Mapping m(8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd);
    pwrite(fd, "hello", 5, 4096);
    EXPECT_EQ(0, memcmp(m.data() + 4096, "hello", 5));
    m[0] = 'J';
    char c;
    pread(fd, &c, 1, 0);
    EXPECT_EQ('J', c);
}
