// read, write and their kin; open's flags; descriptors; file size and space.
#include "support.h"

#include <limits.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/uio.h>

#ifndef FALLOC_FL_KEEP_SIZE
#define FALLOC_FL_KEEP_SIZE 1
#define FALLOC_FL_PUNCH_HOLE 2
#endif

namespace {

// A file with the text, open for reading and writing, at offset 0.
struct OpenFile {
    TempDir dir;
    Fd fd;
    explicit OpenFile(const char* text = "", int flags = O_RDWR) {
        write_file(dir / "f", text);
        fd.reset(open(dir / "f", flags));
    }
};

} // namespace

TEST(sys_read, gives_bytes_and_moves_the_offset) {
    OpenFile f("hello world");
    char buf[6] = {};
    EXPECT_EQ(5, read(f.fd, buf, 5));
    EXPECT_STREQ("hello", buf);
    EXPECT_EQ(5, lseek(f.fd, 0, SEEK_CUR));
}
TEST(sys_read, gives_what_is_left_and_then_zero) {
    OpenFile f("abc");
    char buf[16];
    EXPECT_EQ(3, read(f.fd, buf, sizeof(buf)));
    EXPECT_EQ(0, read(f.fd, buf, sizeof(buf)));
}
TEST(sys_read, of_zero_bytes_is_zero) {
    OpenFile f("abc");
    EXPECT_EQ(0, read(f.fd, nullptr, 0));
}
TEST(sys_read, past_the_end_is_zero) {
    OpenFile f("abc");
    lseek(f.fd, 1000, SEEK_SET);
    char c;
    EXPECT_EQ(0, read(f.fd, &c, 1));
}
TEST(sys_read, partial_when_the_buffer_ends_in_unmapped_memory) {
    // A file is copied by pages; Linux gives what could be stored.
    OpenFile f("0123456789");
    GuardedPage page;
    ssize_t n = read(f.fd, page.end() - 4, 10);
    EXPECT_TRUE(n == 4 || (n == -1 && errno == EFAULT)) << n;
}
TEST(sys_read, EBADF_on_closed_descriptor) {
    char c;
    EXPECT_ERRNO(read(closed_fd(), &c, 1), EBADF);
    EXPECT_ERRNO(read(-1, &c, 1), EBADF);
}
TEST(sys_read, EBADF_on_write_only_descriptor) {
    OpenFile f("abc", O_WRONLY);
    char c;
    EXPECT_ERRNO(read(f.fd, &c, 1), EBADF);
}
TEST(sys_read, EFAULT_on_unmapped_buffer) {
    OpenFile f("abc");
    EXPECT_ERRNO(read(f.fd, unmapped_address, 3), EFAULT);
}
TEST(sys_read, EFAULT_on_kernel_buffer) {
    OpenFile f("abc");
    EXPECT_ERRNO(read(f.fd, kernel_address, 3), EFAULT);
    EXPECT_ERRNO(read(f.fd, noncanonical_address, 3), EFAULT);
}
TEST(sys_read, EISDIR_on_folder) {
    Fd fd(open("/tmp", O_RDONLY));
    char c;
    EXPECT_ERRNO(read(fd, &c, 1), EISDIR);
}
TEST(sys_read, EBADF_on_O_PATH_descriptor) {
    OpenFile f("abc", O_PATH);
    char c;
    EXPECT_ERRNO(read(f.fd, &c, 1), EBADF);
}

TEST(sys_write, extends_the_file) {
    OpenFile f;
    EXPECT_EQ(5, write(f.fd, "hello", 5));
    struct stat st;
    EXPECT_OK(fstat(f.fd, &st));
    EXPECT_EQ(5, st.st_size);
}
TEST(sys_write, overwrites_in_the_middle) {
    OpenFile f("abcdef");
    lseek(f.fd, 2, SEEK_SET);
    EXPECT_EQ(2, write(f.fd, "XY", 2));
    char buf[16];
    read_text(f.dir / "f", buf, sizeof(buf));
    EXPECT_STREQ("abXYef", buf);
}
TEST(sys_write, past_the_end_leaves_zeros) {
    OpenFile f;
    lseek(f.fd, 5000, SEEK_SET);
    EXPECT_EQ(1, write(f.fd, "x", 1));
    char buf[5001];
    EXPECT_EQ(5001, pread(f.fd, buf, sizeof(buf), 0));
    EXPECT_EQ(0, buf[0] | buf[2500] | buf[4999]);
    EXPECT_EQ('x', buf[5000]);
}
TEST(sys_write, with_O_APPEND_goes_to_the_end) {
    OpenFile f("abc", O_RDWR | O_APPEND);
    EXPECT_EQ(2, write(f.fd, "de", 2));
    EXPECT_EQ(5, lseek(f.fd, 0, SEEK_CUR));
    lseek(f.fd, 0, SEEK_SET);
    EXPECT_EQ(1, write(f.fd, "f", 1));
    char buf[16];
    read_text(f.dir / "f", buf, sizeof(buf));
    EXPECT_STREQ("abcdef", buf);
}
TEST(sys_write, of_a_megabyte_comes_back) {
    OpenFile f;
    Mapping out(1 << 20), in(1 << 20);
    for (size_t i = 0; i < out.size(); i++) {
        out[i] = static_cast<char>(i * 31 + (i >> 12));
    }
    EXPECT_EQ(1 << 20, write(f.fd, out.data(), out.size()));
    EXPECT_EQ(1 << 20, pread(f.fd, in.data(), in.size(), 0));
    EXPECT_EQ(0, memcmp(in.data(), out.data(), in.size()));
}
TEST(sys_write, EBADF_on_read_only_descriptor) {
    OpenFile f("abc", O_RDONLY);
    EXPECT_ERRNO(write(f.fd, "x", 1), EBADF);
}
TEST(sys_write, EBADF_on_closed_descriptor) { EXPECT_ERRNO(write(closed_fd(), "x", 1), EBADF); }
TEST(sys_write, EFAULT_on_unmapped_buffer) {
    OpenFile f;
    EXPECT_ERRNO(write(f.fd, unmapped_address, 3), EFAULT);
    EXPECT_ERRNO(write(f.fd, kernel_address, 3), EFAULT);
}
TEST(sys_write, EFBIG_and_SIGXFSZ_beyond_the_file_size_limit) {
    EXPECT_CHILD_OK([] {
        OpenFile f;
        signal(SIGXFSZ, SIG_IGN);
        rlimit lim{10, 10};
        CHECK(setrlimit(RLIMIT_FSIZE, &lim) == 0);
        CHECK(write(f.fd, "0123456789abc", 13) == 10);
        CHECK_ERRNO(write(f.fd, "x", 1), EFBIG);
        signal(SIGXFSZ, SIG_DFL);
        remove_tree(f.dir.path());
        return 0;
    });
}

TEST(sys_open, creates_with_the_mode_less_umask) {
    TempDir d;
    mode_t old = umask(027);
    Fd fd(open(d / "f", O_RDWR | O_CREAT, 0666));
    umask(old);
    struct stat st;
    ASSERT_OK(fstat(fd, &st));
    EXPECT_EQ(S_IFREG | 0640u, st.st_mode);
}
TEST(sys_open, gives_the_lowest_free_descriptor) {
    int a = open("/", O_RDONLY), b = open("/", O_RDONLY), c = open("/", O_RDONLY);
    close(b);
    int again = open("/", O_RDONLY);
    EXPECT_EQ(b, again);
    close(a);
    close(again);
    close(c);
}
TEST(sys_open, O_TRUNC_empties_the_file) {
    OpenFile f("abc", O_RDWR | O_TRUNC);
    EXPECT_EQ(0, lseek(f.fd, 0, SEEK_END));
}
TEST(sys_open, read_only_mode_still_allows_the_creating_descriptor_to_write) {
    TempDir d;
    Fd fd(open(d / "f", O_RDWR | O_CREAT, 0400));
    EXPECT_EQ(1, write(fd, "x", 1));
}
TEST(sys_open, EEXIST_with_O_CREAT_and_O_EXCL) {
    OpenFile f;
    EXPECT_ERRNO(open(f.dir / "f", O_CREAT | O_EXCL | O_RDWR, 0600), EEXIST);
}
TEST(sys_open, EEXIST_with_O_EXCL_on_dangling_symlink) {
    TempDir d;
    symlink("nowhere", d / "l");
    EXPECT_ERRNO(open(d / "l", O_CREAT | O_EXCL | O_RDWR, 0600), EEXIST);
}
TEST(sys_open, O_CREAT_through_dangling_symlink_makes_the_target) {
    TempDir d;
    symlink("target", d / "l");
    Fd fd(open(d / "l", O_CREAT | O_RDWR, 0600));
    EXPECT_TRUE(fd.valid());
    EXPECT_OK(access(d / "target", F_OK));
}
TEST(sys_open, ENOENT_on_missing_file) { EXPECT_ERRNO(open("/tmp/no-such-file", O_RDONLY), ENOENT); }
TEST(sys_open, ENOENT_on_empty_path) { EXPECT_ERRNO(open("", O_RDONLY), ENOENT); }
TEST(sys_open, ENOTDIR_through_a_file) {
    OpenFile f;
    EXPECT_ERRNO(open(f.dir / "f/x", O_RDONLY), ENOTDIR);
}
TEST(sys_open, ENOTDIR_with_trailing_slash_on_a_file) {
    OpenFile f;
    EXPECT_ERRNO(open(f.dir / "f/", O_RDONLY), ENOTDIR);
}
TEST(sys_open, ENOTDIR_with_O_DIRECTORY_on_a_file) {
    OpenFile f;
    EXPECT_ERRNO(open(f.dir / "f", O_RDONLY | O_DIRECTORY), ENOTDIR);
}
TEST(sys_open, EISDIR_when_writing_a_folder) {
    EXPECT_ERRNO(open("/tmp", O_RDWR), EISDIR);
    EXPECT_ERRNO(open("/tmp", O_WRONLY), EISDIR);
    EXPECT_ERRNO(open("/tmp", O_RDONLY | O_CREAT, 0600), EISDIR);
}
TEST(sys_open, ELOOP_with_O_NOFOLLOW_on_symlink) {
    OpenFile f;
    symlink("f", f.dir / "l");
    EXPECT_ERRNO(open(f.dir / "l", O_RDONLY | O_NOFOLLOW), ELOOP);
}
TEST(sys_open, O_NOFOLLOW_with_O_PATH_opens_the_symlink_itself) {
    OpenFile f;
    symlink("f", f.dir / "l");
    Fd fd(open(f.dir / "l", O_PATH | O_NOFOLLOW));
    struct stat st;
    ASSERT_OK(fstat(fd, &st));
    EXPECT_TRUE(S_ISLNK(st.st_mode));
}
TEST(sys_open, EFAULT_on_bad_path_pointer) {
    EXPECT_ERRNO(sys(SYS_open, unmapped_address, O_RDONLY, 0), EFAULT);
    EXPECT_ERRNO(sys(SYS_open, kernel_address, O_RDONLY, 0), EFAULT);
    EXPECT_ERRNO(sys(SYS_open, nullptr, O_RDONLY, 0), EFAULT);
}
TEST(sys_open, EMFILE_at_the_descriptor_limit) {
    EXPECT_CHILD_OK([] {
        rlimit lim{16, 16};
        CHECK(setrlimit(RLIMIT_NOFILE, &lim) == 0);
        int last = -1, fd;
        while ((fd = open("/", O_RDONLY)) >= 0) {
            last = fd;
        }
        int error = errno;
        CHECK(error == EMFILE);
        CHECK(last == 15);
        return 0;
    });
}
TEST(sys_open, EMFILE_when_a_hundred_thousand_descriptors_are_asked_for) {
    EXPECT_CHILD_OK([] {
        rlimit lim{100000, 100000};
        if (setrlimit(RLIMIT_NOFILE, &lim) != 0) { // not allowed to raise it here: as many as there may be
            CHECK(getrlimit(RLIMIT_NOFILE, &lim) == 0);
            lim.rlim_cur = lim.rlim_max < 100000 ? lim.rlim_max : 100000;
            CHECK(setrlimit(RLIMIT_NOFILE, &lim) == 0);
        }
        int first = open("/dev/null", O_RDWR), last = first, fd;
        CHECK(first >= 0);
        while ((fd = dup(first)) >= 0) {
            last = fd;
        }
        int error = errno;
        CHECK(error == EMFILE);
        CHECK(last == static_cast<int>(lim.rlim_cur) - 1);
        CHECK(write(last, "x", 1) == 1);
        for (fd = first + 1; fd <= last; ++fd) {
            close(fd);
        }
        CHECK(dup(first) == first + 1);
        return 0;
    });
}
TEST(sys_open, ENXIO_on_fifo_for_writing_without_reader) {
    TempDir d;
    ASSERT_OK(mkfifo(d / "p", 0600));
    EXPECT_ERRNO(open(d / "p", O_WRONLY | O_NONBLOCK), ENXIO);
}
TEST(sys_open, EACCES_for_another_user) {
    OpenFile f;
    chmod(f.dir / "f", 0600);
    chmod(f.dir.path(), 0755);
    EXPECT_CHILD_OK([&] {
        CHECK(setresuid(1000, 1000, 1000) == 0);
        CHECK_ERRNO(open(f.dir / "f", O_RDONLY), EACCES);
        return 0;
    });
}

TEST(sys_openat, is_relative_to_the_folder) {
    OpenFile f("x");
    Fd dir(open(f.dir.path(), O_RDONLY | O_DIRECTORY));
    Fd fd(openat(dir, "f", O_RDONLY));
    EXPECT_TRUE(fd.valid());
}
TEST(sys_openat, ignores_the_folder_for_absolute_paths) {
    Fd fd(openat(-77, "/tmp", O_RDONLY));
    EXPECT_TRUE(fd.valid());
}
TEST(sys_openat, O_PATH_folder_serves_as_base) {
    OpenFile f("x");
    Fd dir(open(f.dir.path(), O_PATH));
    Fd fd(openat(dir, "f", O_RDONLY));
    EXPECT_TRUE(fd.valid());
}
TEST(sys_openat, EBADF_on_bad_folder_descriptor) { EXPECT_ERRNO(openat(closed_fd(), "x", O_RDONLY), EBADF); }
TEST(sys_openat, ENOTDIR_on_descriptor_of_a_file) {
    OpenFile f;
    EXPECT_ERRNO(openat(f.fd, "x", O_RDONLY), ENOTDIR);
}
TEST(sys_openat, O_CLOEXEC_sets_the_flag) {
    Fd a(openat(AT_FDCWD, "/", O_RDONLY | O_CLOEXEC)), b(openat(AT_FDCWD, "/", O_RDONLY));
    EXPECT_EQ(FD_CLOEXEC, fcntl(a, F_GETFD));
    EXPECT_EQ(0, fcntl(b, F_GETFD));
}
TEST(sys_openat, EINVAL_on_O_TMPFILE_without_write_access) {
    EXPECT_ERRNO(openat(AT_FDCWD, "/tmp", O_TMPFILE | O_RDONLY, 0600), EINVAL);
}
TEST(sys_creat, makes_and_truncates) {
    TempDir d;
    write_file(d / "f", "abc");
    Fd fd(static_cast<int>(sys(SYS_creat, d / "f", 0644)));
    EXPECT_TRUE(fd.valid());
    EXPECT_EQ(0, lseek(fd, 0, SEEK_END));
    EXPECT_EQ(O_WRONLY, fcntl(fd, F_GETFL) & O_ACCMODE);
}
TEST(sys_creat, ENOENT_in_missing_folder) { EXPECT_ERRNO(sys(SYS_creat, "/tmp/no-such/f", 0644), ENOENT); }

TEST(sys_close, frees_the_descriptor) {
    int fd = open("/", O_RDONLY);
    EXPECT_EQ(0, close(fd));
    EXPECT_ERRNO(fcntl(fd, F_GETFD), EBADF);
}
TEST(sys_close, EBADF_twice) {
    int fd = open("/", O_RDONLY);
    close(fd);
    EXPECT_ERRNO(close(fd), EBADF);
    EXPECT_ERRNO(close(-1), EBADF);
}
TEST(sys_close_range, closes_only_the_range) {
    EXPECT_CHILD_OK([] {
        for (int fd = 20; fd < 24; fd++) {
            CHECK(dup2(2, fd) == fd);
        }
        CHECK(sys(SYS_close_range, 21u, 22u, 0) == 0);
        CHECK(fcntl(20, F_GETFD) == 0 && fcntl(23, F_GETFD) == 0);
        CHECK_ERRNO(fcntl(21, F_GETFD), EBADF);
        CHECK_ERRNO(fcntl(22, F_GETFD), EBADF);
        return 0;
    });
}
TEST(sys_close_range, CLOEXEC_marks_instead_of_closing) {
    EXPECT_CHILD_OK([] {
        CHECK(dup2(2, 20) == 20);
        CHECK(sys(SYS_close_range, 20u, ~0u, 4u) == 0);
        CHECK(fcntl(20, F_GETFD) == FD_CLOEXEC);
        return 0;
    });
}
TEST(sys_close_range, EINVAL_on_reversed_range) { EXPECT_ERRNO(sys(SYS_close_range, 30u, 20u, 0), EINVAL); }

TEST(sys_lseek, SET_CUR_END) {
    OpenFile f("0123456789");
    EXPECT_EQ(4, lseek(f.fd, 4, SEEK_SET));
    EXPECT_EQ(2, lseek(f.fd, -2, SEEK_CUR));
    EXPECT_EQ(13, lseek(f.fd, 3, SEEK_END));
}
TEST(sys_lseek, SEEK_DATA_and_HOLE_see_the_end_as_a_hole) {
    OpenFile f("0123456789");
    EXPECT_EQ(3, lseek(f.fd, 3, SEEK_DATA));
    EXPECT_EQ(10, lseek(f.fd, 3, SEEK_HOLE));
}
TEST(sys_lseek, ENXIO_for_data_past_the_end) {
    OpenFile f("abc");
    EXPECT_ERRNO(lseek(f.fd, 3, SEEK_DATA), ENXIO);
}
TEST(sys_lseek, EINVAL_on_negative_result_and_bad_whence) {
    OpenFile f("abc");
    EXPECT_ERRNO(lseek(f.fd, -1, SEEK_SET), EINVAL);
    EXPECT_ERRNO(lseek(f.fd, 0, 99), EINVAL);
}
TEST(sys_lseek, ESPIPE_on_pipe) {
    Pipe p;
    EXPECT_ERRNO(lseek(p.r, 0, SEEK_CUR), ESPIPE);
}
TEST(sys_lseek, EBADF_on_closed_descriptor) { EXPECT_ERRNO(lseek(closed_fd(), 0, SEEK_SET), EBADF); }

TEST(sys_pread64, leaves_the_offset) {
    OpenFile f("0123456789");
    char buf[4] = {};
    EXPECT_EQ(3, pread(f.fd, buf, 3, 5));
    EXPECT_STREQ("567", buf);
    EXPECT_EQ(0, lseek(f.fd, 0, SEEK_CUR));
}
TEST(sys_pread64, EINVAL_on_negative_offset) {
    OpenFile f("abc");
    char c;
    EXPECT_ERRNO(pread(f.fd, &c, 1, -1), EINVAL);
}
TEST(sys_pread64, ESPIPE_on_pipe) {
    Pipe p;
    char c;
    EXPECT_ERRNO(pread(p.r, &c, 1, 0), ESPIPE);
}
TEST(sys_pwrite64, leaves_the_offset) {
    OpenFile f("0123456789");
    EXPECT_EQ(2, pwrite(f.fd, "xy", 2, 8));
    EXPECT_EQ(0, lseek(f.fd, 0, SEEK_CUR));
    char buf[16];
    read_text(f.dir / "f", buf, sizeof(buf));
    EXPECT_STREQ("01234567xy", buf);
}
TEST(sys_pwrite64, appends_in_spite_of_the_offset_with_O_APPEND) {
    OpenFile f("abc", O_RDWR | O_APPEND);
    EXPECT_EQ(1, pwrite(f.fd, "d", 1, 0));
    char buf[16];
    read_text(f.dir / "f", buf, sizeof(buf));
    EXPECT_STREQ("abcd", buf);
}
TEST(sys_pwrite64, EINVAL_on_negative_offset) {
    OpenFile f;
    EXPECT_ERRNO(pwrite(f.fd, "x", 1, -5), EINVAL);
}
TEST(sys_pwrite64, EFAULT_on_bad_buffer) {
    OpenFile f;
    EXPECT_ERRNO(pwrite(f.fd, unmapped_address, 1, 0), EFAULT);
}

TEST(sys_readv, fills_the_buffers_in_order) {
    OpenFile f("abcdefgh");
    char a[3] = {}, b[5] = {};
    iovec v[3] = {{a, 2}, {nullptr, 0}, {b, 4}};
    EXPECT_EQ(6, readv(f.fd, v, 3));
    EXPECT_STREQ("ab", a);
    EXPECT_STREQ("cdef", b);
}
TEST(sys_readv, of_no_buffers_is_zero) {
    OpenFile f("abc");
    EXPECT_EQ(0, readv(f.fd, nullptr, 0));
}
TEST(sys_readv, EINVAL_on_too_many_or_negative_buffers) {
    OpenFile f("abc");
    iovec v[1] = {};
    EXPECT_ERRNO(sys(SYS_readv, f.fd.get(), v, -1), EINVAL);
    EXPECT_ERRNO(sys(SYS_readv, f.fd.get(), v, IOV_MAX + 1), EINVAL);
}
TEST(sys_readv, EINVAL_when_a_length_is_negative) {
    OpenFile f("abc");
    char a[2];
    iovec v[2] = {{a, 2}, {a, static_cast<size_t>(-1)}};
    EXPECT_ERRNO(readv(f.fd, v, 2), EINVAL);
}
TEST(sys_readv, EFAULT_on_bad_vector) {
    OpenFile f("abc");
    EXPECT_ERRNO(sys(SYS_readv, f.fd.get(), unmapped_address, 1), EFAULT);
}
TEST(sys_writev, writes_the_buffers_in_order) {
    OpenFile f;
    char a[] = "ab", b[] = "cde";
    iovec v[2] = {{a, 2}, {b, 3}};
    EXPECT_EQ(5, writev(f.fd, v, 2));
    char buf[16];
    read_text(f.dir / "f", buf, sizeof(buf));
    EXPECT_STREQ("abcde", buf);
}
TEST(sys_writev, EBADF_on_read_only_descriptor) {
    OpenFile f("abc", O_RDONLY);
    char a[] = "x";
    iovec v[1] = {{a, 1}};
    EXPECT_ERRNO(writev(f.fd, v, 1), EBADF);
}
TEST(sys_writev, EFAULT_on_bad_buffer) {
    OpenFile f;
    iovec v[1] = {{unmapped_address, 1}};
    EXPECT_ERRNO(writev(f.fd, v, 1), EFAULT);
}
TEST(sys_preadv, reads_at_the_offset) {
    OpenFile f("0123456789");
    char a[3] = {}, b[3] = {};
    iovec v[2] = {{a, 2}, {b, 2}};
    EXPECT_EQ(4, preadv(f.fd, v, 2, 3));
    EXPECT_STREQ("34", a);
    EXPECT_STREQ("56", b);
    EXPECT_EQ(0, lseek(f.fd, 0, SEEK_CUR));
}
TEST(sys_preadv, ESPIPE_on_pipe) {
    Pipe p;
    char a[2];
    iovec v[1] = {{a, 2}};
    EXPECT_ERRNO(preadv(p.r, v, 1, 0), ESPIPE);
}
TEST(sys_preadv, EINVAL_on_negative_offset) {
    OpenFile f("abc");
    char a[2];
    iovec v[1] = {{a, 2}};
    EXPECT_ERRNO(preadv(f.fd, v, 1, -1), EINVAL);
}
TEST(sys_pwritev, writes_at_the_offset) {
    OpenFile f("0123456789");
    char a[] = "ab", b[] = "cd";
    iovec v[2] = {{a, 2}, {b, 2}};
    EXPECT_EQ(4, pwritev(f.fd, v, 2, 2));
    char buf[16];
    read_text(f.dir / "f", buf, sizeof(buf));
    EXPECT_STREQ("01abcd6789", buf);
}
TEST(sys_pwritev, EBADF_on_read_only_descriptor) {
    OpenFile f("abc", O_RDONLY);
    char a[] = "ab";
    iovec v[1] = {{a, 2}};
    EXPECT_ERRNO(pwritev(f.fd, v, 1, 0), EBADF);
}
TEST(sys_preadv2, offset_of_minus_one_uses_the_file_position) {
    OpenFile f("abcdef");
    char a[3] = {};
    iovec v[1] = {{a, 2}};
    EXPECT_EQ(2, sys(SYS_preadv2, f.fd.get(), v, 1, -1L, -1L, 0));
    EXPECT_EQ(2, lseek(f.fd, 0, SEEK_CUR));
}
TEST(sys_preadv2, EOPNOTSUPP_on_unknown_flag) {
    OpenFile f("abc");
    char a[3];
    iovec v[1] = {{a, 2}};
    EXPECT_ERRNO(sys(SYS_preadv2, f.fd.get(), v, 1, 0L, 0L, 0x40000000), EOPNOTSUPP);
}
TEST(sys_pwritev2, RWF_APPEND_writes_at_the_end) {
    OpenFile f("abc");
    char a[] = "de";
    iovec v[1] = {{a, 2}};
    EXPECT_EQ(2, sys(SYS_pwritev2, f.fd.get(), v, 1, 0L, 0L, 0x10));
    char buf[16];
    read_text(f.dir / "f", buf, sizeof(buf));
    EXPECT_STREQ("abcde", buf);
}
TEST(sys_pwritev2, EOPNOTSUPP_on_unknown_flag) {
    OpenFile f("abc");
    char a[3] = {};
    iovec v[1] = {{a, 2}};
    EXPECT_ERRNO(sys(SYS_pwritev2, f.fd.get(), v, 1, 0L, 0L, 0x40000000), EOPNOTSUPP);
}

TEST(sys_sendfile, copies_from_the_file_position) {
    OpenFile in("hello world"), out;
    EXPECT_EQ(5, sendfile(out.fd, in.fd, nullptr, 5));
    EXPECT_EQ(5, lseek(in.fd, 0, SEEK_CUR));
    char buf[16];
    read_text(out.dir / "f", buf, sizeof(buf));
    EXPECT_STREQ("hello", buf);
}
TEST(sys_sendfile, with_an_offset_leaves_the_file_position) {
    OpenFile in("hello world"), out;
    off_t offset = 6;
    EXPECT_EQ(5, sendfile(out.fd, in.fd, &offset, 100));
    EXPECT_EQ(11, offset);
    EXPECT_EQ(0, lseek(in.fd, 0, SEEK_CUR));
}
TEST(sys_sendfile, to_a_pipe) {
    OpenFile in("hello");
    Pipe p;
    EXPECT_EQ(5, sendfile(p.w, in.fd, nullptr, 5));
    char buf[6] = {};
    EXPECT_EQ(5, read(p.r, buf, 5));
    EXPECT_STREQ("hello", buf);
}
TEST(sys_sendfile, EBADF_when_the_source_is_not_readable) {
    OpenFile in("hello", O_WRONLY), out;
    EXPECT_ERRNO(sendfile(out.fd, in.fd, nullptr, 5), EBADF);
}
TEST(sys_sendfile, EINVAL_with_O_APPEND_target) {
    OpenFile in("hello"), out("", O_RDWR | O_APPEND);
    EXPECT_ERRNO(sendfile(out.fd, in.fd, nullptr, 5), EINVAL);
}
TEST(sys_copy_file_range, copies_within_the_kernel) {
    OpenFile in("hello world"), out;
    loff_t from = 6, to = 0;
    EXPECT_EQ(5, sys(SYS_copy_file_range, in.fd.get(), &from, out.fd.get(), &to, 100ul, 0u));
    char buf[16];
    read_text(out.dir / "f", buf, sizeof(buf));
    EXPECT_STREQ("world", buf);
}
TEST(sys_copy_file_range, EINVAL_on_flags) {
    OpenFile in("hello"), out;
    EXPECT_ERRNO(sys(SYS_copy_file_range, in.fd.get(), nullptr, out.fd.get(), nullptr, 5ul, 1u), EINVAL);
}

TEST(sys_truncate, shrinks_and_grows_with_zeros) {
    OpenFile f("abcdef");
    EXPECT_OK(truncate(f.dir / "f", 2));
    EXPECT_OK(truncate(f.dir / "f", 4));
    char buf[8];
    EXPECT_EQ(4, pread(f.fd, buf, 8, 0));
    EXPECT_EQ(0, memcmp(buf, "ab\0\0", 4));
}
TEST(sys_truncate, ENOENT_on_missing_file) { EXPECT_ERRNO(truncate("/tmp/no-such-file", 0), ENOENT); }
TEST(sys_truncate, EISDIR_on_folder) { EXPECT_ERRNO(truncate("/tmp", 0), EISDIR); }
TEST(sys_truncate, EINVAL_on_negative_length) {
    OpenFile f;
    EXPECT_ERRNO(truncate(f.dir / "f", -1), EINVAL);
}
TEST(sys_ftruncate, leaves_the_offset) {
    OpenFile f("abcdef");
    lseek(f.fd, 5, SEEK_SET);
    EXPECT_OK(ftruncate(f.fd, 3));
    EXPECT_EQ(5, lseek(f.fd, 0, SEEK_CUR));
    EXPECT_EQ(3, lseek(f.fd, 0, SEEK_END));
}
TEST(sys_ftruncate, zeroes_the_cut_part_of_a_page) {
    OpenFile f("abcdef");
    EXPECT_OK(ftruncate(f.fd, 3));
    EXPECT_OK(ftruncate(f.fd, 6));
    char buf[6];
    pread(f.fd, buf, 6, 0);
    EXPECT_EQ(0, memcmp(buf, "abc\0\0\0", 6));
}
TEST(sys_ftruncate, EINVAL_on_read_only_descriptor) {
    OpenFile f("abc", O_RDONLY);
    EXPECT_ERRNO(ftruncate(f.fd, 0), EINVAL);
}
TEST(sys_ftruncate, EINVAL_on_pipe) {
    Pipe p;
    EXPECT_ERRNO(ftruncate(p.w, 0), EINVAL);
}
TEST(sys_fallocate, extends_the_file) {
    OpenFile f("abc");
    EXPECT_OK(fallocate(f.fd, 0, 0, 10000));
    EXPECT_EQ(10000, lseek(f.fd, 0, SEEK_END));
}
TEST(sys_fallocate, KEEP_SIZE_keeps_the_size) {
    OpenFile f("abc");
    EXPECT_OK(fallocate(f.fd, FALLOC_FL_KEEP_SIZE, 0, 10000));
    EXPECT_EQ(3, lseek(f.fd, 0, SEEK_END));
}
TEST(sys_fallocate, PUNCH_HOLE_reads_as_zeros) {
    OpenFile f("abcdef");
    EXPECT_OK(fallocate(f.fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 1, 3));
    char buf[6];
    pread(f.fd, buf, 6, 0);
    EXPECT_EQ(0, memcmp(buf, "a\0\0\0ef", 6));
}
TEST(sys_fallocate, EINVAL_on_zero_length_or_negative_offset) {
    OpenFile f;
    EXPECT_ERRNO(fallocate(f.fd, 0, 0, 0), EINVAL);
    EXPECT_ERRNO(fallocate(f.fd, 0, -1, 10), EINVAL);
}
TEST(sys_fallocate, EBADF_on_read_only_descriptor) {
    OpenFile f("abc", O_RDONLY);
    EXPECT_ERRNO(fallocate(f.fd, 0, 0, 10), EBADF);
}
TEST(sys_fallocate, ESPIPE_on_pipe) {
    Pipe p;
    EXPECT_ERRNO(fallocate(p.w, 0, 0, 10), ESPIPE);
}
TEST(sys_fsync, succeeds_on_file_and_folder) {
    OpenFile f("abc");
    EXPECT_OK(fsync(f.fd));
    Fd dir(open(f.dir.path(), O_RDONLY));
    EXPECT_OK(fsync(dir));
}
TEST(sys_fsync, EINVAL_on_pipe) {
    Pipe p;
    EXPECT_ERRNO(fsync(p.w), EINVAL);
}
TEST(sys_fsync, EBADF_on_closed_descriptor) { EXPECT_ERRNO(fsync(closed_fd()), EBADF); }
TEST(sys_fdatasync, succeeds_on_file) {
    OpenFile f("abc");
    EXPECT_OK(fdatasync(f.fd));
}
TEST(sys_fdatasync, EBADF_on_closed_descriptor) { EXPECT_ERRNO(fdatasync(closed_fd()), EBADF); }
TEST(sys_syncfs, succeeds) {
    OpenFile f;
    EXPECT_OK(sys(SYS_syncfs, f.fd.get()));
}
TEST(sys_syncfs, EBADF_on_closed_descriptor) { EXPECT_ERRNO(sys(SYS_syncfs, closed_fd()), EBADF); }
TEST(sys_sync_file_range, succeeds) {
    OpenFile f("abc");
    EXPECT_OK(sync_file_range(f.fd, 0, 0, SYNC_FILE_RANGE_WRITE));
}
TEST(sys_sync_file_range, EINVAL_on_unknown_flag) {
    OpenFile f("abc");
    EXPECT_ERRNO(sync_file_range(f.fd, 0, 0, 0x100), EINVAL);
}
TEST(sys_fadvise64, accepts_all_advice) {
    OpenFile f("abc");
    for (int advice = POSIX_FADV_NORMAL; advice <= POSIX_FADV_NOREUSE; advice++) {
        EXPECT_EQ(0, posix_fadvise(f.fd, 0, 0, advice));
    }
}
TEST(sys_fadvise64, EINVAL_on_unknown_advice) {
    OpenFile f("abc");
    EXPECT_ERRNO(sys(SYS_fadvise64, f.fd.get(), 0L, 0L, 77), EINVAL);
}
TEST(sys_fadvise64, ESPIPE_on_pipe) {
    Pipe p;
    EXPECT_ERRNO(sys(SYS_fadvise64, p.r.get(), 0L, 0L, 0), ESPIPE);
}
TEST(sys_readahead, succeeds_on_file) {
    OpenFile f("abc");
    EXPECT_OK(sys(SYS_readahead, f.fd.get(), 0L, 4096ul));
}
TEST(sys_readahead, EINVAL_on_pipe) {
    Pipe p;
    EXPECT_ERRNO(sys(SYS_readahead, p.r.get(), 0L, 1ul), EINVAL);
}

TEST(sys_dup, shares_offset_and_takes_the_lowest_number) {
    OpenFile f("abcdef");
    Fd other(dup(f.fd));
    lseek(f.fd, 3, SEEK_SET);
    EXPECT_EQ(3, lseek(other, 0, SEEK_CUR));
}
TEST(sys_dup, clears_FD_CLOEXEC) {
    Fd fd(open("/", O_RDONLY | O_CLOEXEC));
    Fd other(dup(fd));
    EXPECT_EQ(0, fcntl(other, F_GETFD));
}
TEST(sys_dup, EBADF_on_closed_descriptor) { EXPECT_ERRNO(dup(closed_fd()), EBADF); }
TEST(sys_dup2, replaces_an_open_descriptor) {
    OpenFile f("abc");
    Fd other(open("/", O_RDONLY));
    EXPECT_EQ(other.get(), dup2(f.fd, other));
    char c = 0;
    EXPECT_EQ(1, read(other, &c, 1));
    EXPECT_EQ('a', c);
}
TEST(sys_dup2, onto_itself_does_nothing) {
    Fd fd(open("/", O_RDONLY | O_CLOEXEC));
    EXPECT_EQ(fd.get(), sys(SYS_dup2, fd.get(), fd.get()));
    EXPECT_EQ(FD_CLOEXEC, fcntl(fd, F_GETFD));
}
TEST(sys_dup2, EBADF_on_closed_source_or_bad_number) {
    EXPECT_ERRNO(sys(SYS_dup2, closed_fd(), 50), EBADF);
    EXPECT_ERRNO(sys(SYS_dup2, 0, -1), EBADF);
    EXPECT_ERRNO(sys(SYS_dup2, 0, 1 << 30), EBADF);
}
TEST(sys_dup3, sets_O_CLOEXEC) {
    Fd fd(open("/", O_RDONLY)), target(open("/", O_RDONLY));
    EXPECT_EQ(target.get(), dup3(fd, target, O_CLOEXEC));
    EXPECT_EQ(FD_CLOEXEC, fcntl(target, F_GETFD));
}
TEST(sys_dup3, EINVAL_on_equal_descriptors_or_bad_flag) {
    Fd fd(open("/", O_RDONLY));
    EXPECT_ERRNO(sys(SYS_dup3, fd.get(), fd.get(), 0), EINVAL);
    EXPECT_ERRNO(sys(SYS_dup3, fd.get(), fd.get() + 1, 1), EINVAL);
}

TEST(sys_ioctl, FIOCLEX_and_FIONCLEX_set_close_on_exec) {
    Fd fd(open("/", O_RDONLY));
    EXPECT_OK(sys(SYS_ioctl, fd.get(), 0x5451, 0));
    EXPECT_EQ(FD_CLOEXEC, fcntl(fd, F_GETFD));
    EXPECT_OK(sys(SYS_ioctl, fd.get(), 0x5450, 0));
    EXPECT_EQ(0, fcntl(fd, F_GETFD));
}
TEST(sys_ioctl, FIONBIO_sets_O_NONBLOCK) {
    Pipe p;
    int on = 1;
    EXPECT_OK(sys(SYS_ioctl, p.r.get(), 0x5421, &on));
    EXPECT_TRUE(fcntl(p.r, F_GETFL) & O_NONBLOCK);
}
TEST(sys_ioctl, FIONREAD_gives_what_is_left_of_a_file) {
    OpenFile f("abcdef");
    lseek(f.fd, 2, SEEK_SET);
    int n = 0;
    EXPECT_OK(sys(SYS_ioctl, f.fd.get(), 0x541b, &n));
    EXPECT_EQ(4, n);
}
TEST(sys_ioctl, ENOTTY_for_a_terminal_request_on_a_file) {
    OpenFile f;
    char buf[64];
    EXPECT_ERRNO(sys(SYS_ioctl, f.fd.get(), 0x5401, buf), ENOTTY);
    EXPECT_EQ(0, isatty(f.fd));
}
TEST(sys_ioctl, EBADF_on_closed_descriptor) { EXPECT_ERRNO(sys(SYS_ioctl, closed_fd(), 0x541b, nullptr), EBADF); }
