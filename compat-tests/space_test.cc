// The space of files: fallocate, limits of size, copies between files, appends, flushing.
#include "support.h"

#include <sys/file.h>
#include <sys/resource.h>
#include <sys/uio.h>

namespace {

constexpr int kKeepSize = 1, kPunchHole = 2;

struct NewFile {
    TempDir dir;
    Fd fd;
    explicit NewFile(int flags = O_RDWR) : fd(open(dir / "f", flags | O_CREAT, 0644)) {}
    off_t size() const {
        struct stat s{};
        fstat(fd, &s);
        return s.st_size;
    }
    long blocks() const {
        struct stat s{};
        fstat(fd, &s);
        return s.st_blocks;
    }
};

int signal_count = 0;
void count_signal(int) { signal_count++; }

} // namespace

TEST(sys_fallocate, KEEP_SIZE_takes_space_beyond_the_end) {
    NewFile f;
    ASSERT_EQ(4, write(f.fd, "data", 4));
    ASSERT_OK(fsync(f.fd));
    long before = f.blocks();
    EXPECT_OK(sys(SYS_fallocate, static_cast<int>(f.fd), kKeepSize, 0L, 1L << 20));
    EXPECT_EQ(4, f.size());
    EXPECT_GE(f.blocks(), before + 1024);
    EXPECT_OK(ftruncate(f.fd, 4)); // the same size: what lies beyond is given back
    EXPECT_LT(f.blocks(), before + 1024);
}
TEST(sys_fallocate, grown_file_reads_as_zeros) {
    NewFile f;
    EXPECT_OK(sys(SYS_fallocate, static_cast<int>(f.fd), 0, 0L, 10000L));
    EXPECT_EQ(10000, f.size());
    char c = 'x';
    EXPECT_EQ(1, pread(f.fd, &c, 1, 9999));
    EXPECT_EQ(0, c);
}
TEST(sys_fallocate, EOPNOTSUPP_on_impossible_modes) {
    NewFile f;
    EXPECT_ERRNO(sys(SYS_fallocate, static_cast<int>(f.fd), kPunchHole, 0L, 4096L), EOPNOTSUPP);
    EXPECT_ERRNO(sys(SYS_fallocate, static_cast<int>(f.fd), 0x10000, 0L, 4096L), EOPNOTSUPP);
}
TEST(sys_fallocate, ENODEV_on_a_character_device) {
    Fd f(open("/dev/null", O_RDWR));
    EXPECT_ERRNO(sys(SYS_fallocate, static_cast<int>(f), 0, 0L, 4096L), ENODEV);
}
TEST(sys_fallocate, EFBIG_when_the_end_overflows) {
    NewFile f;
    EXPECT_ERRNO(sys(SYS_fallocate, static_cast<int>(f.fd), 0, INT64_MAX - 10, 100L), EFBIG);
}

TEST(sys_ftruncate, EFBIG_and_SIGXFSZ_beyond_RLIMIT_FSIZE) {
    NewFile f;
    EXPECT_CHILD_OK([&] {
        SignalAction action(SIGXFSZ, count_signal);
        rlimit r{1000, 1000};
        CHECK(setrlimit(RLIMIT_FSIZE, &r) == 0);
        CHECK_ERRNO(ftruncate(f.fd, 1001), EFBIG);
        CHECK(signal_count == 1);
        CHECK(ftruncate(f.fd, 1000) == 0);
        CHECK(signal_count == 1);
        return 0;
    });
}
TEST(sys_truncate, EFBIG_and_SIGXFSZ_beyond_RLIMIT_FSIZE) {
    NewFile f;
    EXPECT_CHILD_OK([&] {
        SignalAction action(SIGXFSZ, count_signal);
        rlimit r{1000, 1000};
        CHECK(setrlimit(RLIMIT_FSIZE, &r) == 0);
        CHECK_ERRNO(truncate(f.dir / "f", 1001), EFBIG);
        CHECK(signal_count == 1);
        return 0;
    });
}
TEST(sys_write, EFBIG_and_SIGXFSZ_beyond_RLIMIT_FSIZE) {
    NewFile f;
    EXPECT_CHILD_OK([&] {
        SignalAction action(SIGXFSZ, count_signal);
        rlimit r{4, 4};
        CHECK(setrlimit(RLIMIT_FSIZE, &r) == 0);
        CHECK(write(f.fd, "123456", 6) == 4);
        CHECK_ERRNO(write(f.fd, "5", 1), EFBIG);
        CHECK(signal_count == 1);
        return 0;
    });
}

TEST(sys_copy_file_range, offsets_leave_the_positions_alone) {
    NewFile a, b;
    ASSERT_EQ(10, pwrite(a.fd, "0123456789", 10, 0));
    int64_t from = 4, to = 2;
    EXPECT_EQ(6, sys(SYS_copy_file_range, static_cast<int>(a.fd), &from, static_cast<int>(b.fd), &to, 100ul, 0u));
    EXPECT_EQ(10, from);
    EXPECT_EQ(8, to);
    EXPECT_EQ(0, lseek(a.fd, 0, SEEK_CUR));
    EXPECT_EQ(0, lseek(b.fd, 0, SEEK_CUR));
    EXPECT_EQ(0, sys(SYS_copy_file_range, static_cast<int>(a.fd), &from, static_cast<int>(b.fd), &to, 100ul, 0u));
    char text[9] = {};
    EXPECT_EQ(8, pread(b.fd, text, 8, 0));
    EXPECT_EQ(0, memcmp(text, "\0\0" "456789", 8));
}
TEST(sys_copy_file_range, EXDEV_between_file_systems) {
    NewFile a;
    ASSERT_EQ(1, write(a.fd, "x", 1));
    TempDir other("/dev/shm");
    Fd b(open(other / "b", O_RDWR | O_CREAT, 0600));
    int64_t from = 0, to = 0;
    EXPECT_ERRNO(sys(SYS_copy_file_range, static_cast<int>(a.fd), &from, static_cast<int>(b), &to, 1ul, 0u), EXDEV);
}
TEST(sys_copy_file_range, EBADF_on_wrong_access) {
    NewFile a, b;
    Fd append(open(b.dir / "f", O_WRONLY | O_APPEND)), write_only(open(a.dir / "f", O_WRONLY));
    EXPECT_ERRNO(sys(SYS_copy_file_range, static_cast<int>(a.fd), nullptr, static_cast<int>(append), nullptr, 1ul, 0u), EBADF);
    EXPECT_ERRNO(sys(SYS_copy_file_range, static_cast<int>(write_only), nullptr, static_cast<int>(b.fd), nullptr, 1ul, 0u), EBADF);
}
TEST(sys_copy_file_range, EISDIR_on_a_folder) {
    NewFile a;
    Fd dir(open(a.dir.path(), O_RDONLY | O_DIRECTORY));
    EXPECT_ERRNO(sys(SYS_copy_file_range, static_cast<int>(dir), nullptr, static_cast<int>(a.fd), nullptr, 1ul, 0u), EISDIR);
}
TEST(sys_copy_file_range, EINVAL_on_overlap_and_on_pipes) {
    NewFile a;
    ASSERT_EQ(10, write(a.fd, "0123456789", 10));
    int64_t from = 0, to = 2;
    EXPECT_ERRNO(sys(SYS_copy_file_range, static_cast<int>(a.fd), &from, static_cast<int>(a.fd), &to, 5ul, 0u), EINVAL);
    Pipe p;
    EXPECT_ERRNO(sys(SYS_copy_file_range, static_cast<int>(p.r), nullptr, static_cast<int>(a.fd), nullptr, 5ul, 0u), EINVAL);
}
TEST(sys_copy_file_range, EFAULT_on_bad_offset_pointer) {
    NewFile a, b;
    EXPECT_ERRNO(sys(SYS_copy_file_range, static_cast<int>(a.fd), unmapped_address, static_cast<int>(b.fd), nullptr, 1ul, 0u), EFAULT);
}

TEST(sys_pwritev2, RWF_APPEND_takes_no_notice_of_the_offset) {
    NewFile f;
    ASSERT_EQ(4, write(f.fd, "base", 4));
    char more[] = "more";
    iovec v{more, 4};
    EXPECT_EQ(4, sys(SYS_pwritev2, static_cast<int>(f.fd), &v, 1, 0ul, 0ul, 16));
    EXPECT_EQ(8, f.size());
    EXPECT_EQ(4, lseek(f.fd, 0, SEEK_CUR));
    ASSERT_EQ(0, lseek(f.fd, 0, SEEK_SET));
    EXPECT_EQ(4, sys(SYS_pwritev2, static_cast<int>(f.fd), &v, 1, -1ul, -1ul, 16));
    EXPECT_EQ(12, f.size());
    EXPECT_EQ(12, lseek(f.fd, 0, SEEK_CUR));
}
TEST(sys_pwritev2, RWF_DSYNC_and_RWF_SYNC_are_taken) {
    NewFile f;
    char text[] = "x";
    iovec v{text, 1};
    EXPECT_EQ(1, sys(SYS_pwritev2, static_cast<int>(f.fd), &v, 1, 0ul, 0ul, 2));
    EXPECT_EQ(1, sys(SYS_pwritev2, static_cast<int>(f.fd), &v, 1, 0ul, 0ul, 4));
}
TEST(sys_preadv2, EINVAL_on_an_offset_below_minus_one) {
    NewFile f;
    char c;
    iovec v{&c, 1};
    EXPECT_ERRNO(sys(SYS_preadv2, static_cast<int>(f.fd), &v, 1, -2ul, 0ul, 0), EINVAL);
}

TEST(sys_flock, LOCK_MAND_is_ignored) {
    NewFile f;
    Fd second(open(f.dir / "f", O_RDWR));
    EXPECT_OK(flock(f.fd, 32 | LOCK_EX));
    EXPECT_OK(flock(second, LOCK_EX | LOCK_NB));
}

TEST(sys_sync_file_range, ESPIPE_on_a_pipe) {
    Pipe p;
    EXPECT_ERRNO(sys(SYS_sync_file_range, static_cast<int>(p.w), 0L, 0L, 0u), ESPIPE);
}
TEST(sys_sync_file_range, EBADF_on_closed_descriptor) { EXPECT_ERRNO(sys(SYS_sync_file_range, closed_fd(), 0L, 0L, 0u), EBADF); }
TEST(sys_syncfs, takes_any_descriptor) {
    Pipe p;
    EXPECT_OK(sys(SYS_syncfs, static_cast<int>(p.r)));
    Fd null(open("/dev/null", O_RDONLY));
    EXPECT_OK(sys(SYS_syncfs, static_cast<int>(null)));
}
TEST(sys_sync, what_was_written_is_there) {
    NewFile f;
    ASSERT_EQ(4, write(f.fd, "data", 4));
    EXPECT_EQ(0, sys(SYS_sync));
    char text[4];
    EXPECT_EQ(4, pread(f.fd, text, 4, 0));
    EXPECT_EQ(0, memcmp(text, "data", 4));
}
TEST(sys_umask, is_inherited_and_private) {
    mode_t old = umask(027);
    EXPECT_CHILD_OK([] {
        CHECK(umask(0) == 027);
        return 0;
    });
    EXPECT_EQ(027u, umask(old));
}
TEST(sys_close, EBADF_the_second_time) {
    int fd = memfd();
    ASSERT_GE(fd, 0);
    EXPECT_OK(close(fd));
    EXPECT_ERRNO(close(fd), EBADF);
}
