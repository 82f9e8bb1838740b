// fcntl: flags, duplicates, record locks, open-file-description locks; flock; memfd seals.
#include "support.h"

#include <sys/file.h>

#ifndef F_OFD_GETLK
#define F_OFD_GETLK 36
#define F_OFD_SETLK 37
#define F_OFD_SETLKW 38
#endif
#ifndef F_ADD_SEALS
#define F_ADD_SEALS 1033
#define F_GET_SEALS 1034
#define F_SEAL_SEAL 1
#define F_SEAL_SHRINK 2
#define F_SEAL_GROW 4
#define F_SEAL_WRITE 8
#endif
#ifndef MFD_ALLOW_SEALING
#define MFD_CLOEXEC 1u
#define MFD_ALLOW_SEALING 2u
#endif

namespace {

struct flock lock_of(short type, off_t start, off_t len) {
    struct flock l{};
    l.l_type = type;
    l.l_whence = SEEK_SET;
    l.l_start = start;
    l.l_len = len;
    return l;
}

struct LockFile {
    TempDir dir;
    Fd fd;
    LockFile() {
        write_file(dir / "f", "0123456789");
        fd.reset(open(dir / "f", O_RDWR));
    }
};

} // namespace

TEST(sys_fcntl, F_DUPFD_takes_the_lowest_from_the_minimum) {
    Fd fd(open("/", O_RDONLY));
    Fd a(fcntl(fd, F_DUPFD, 100)), b(fcntl(fd, F_DUPFD, 100));
    EXPECT_EQ(100, a.get());
    EXPECT_EQ(101, b.get());
}
TEST(sys_fcntl, F_DUPFD_CLOEXEC_sets_the_flag) {
    Fd fd(open("/", O_RDONLY));
    Fd a(fcntl(fd, F_DUPFD_CLOEXEC, 0));
    EXPECT_EQ(FD_CLOEXEC, fcntl(a, F_GETFD));
}
TEST(sys_fcntl, F_SETFD_sets_and_clears_close_on_exec) {
    Fd fd(open("/", O_RDONLY));
    EXPECT_OK(fcntl(fd, F_SETFD, FD_CLOEXEC));
    EXPECT_EQ(FD_CLOEXEC, fcntl(fd, F_GETFD));
    EXPECT_OK(fcntl(fd, F_SETFD, 0));
    EXPECT_EQ(0, fcntl(fd, F_GETFD));
}
TEST(sys_fcntl, F_GETFL_gives_access_mode_and_status_flags) {
    TempDir d;
    Fd fd(open(d / "f", O_RDWR | O_CREAT | O_APPEND | O_NONBLOCK, 0600));
    int flags = fcntl(fd, F_GETFL);
    EXPECT_EQ(O_RDWR, flags & O_ACCMODE);
    EXPECT_TRUE(flags & O_APPEND);
    EXPECT_TRUE(flags & O_NONBLOCK);
    EXPECT_FALSE(flags & O_CREAT);
}
TEST(sys_fcntl, F_SETFL_changes_only_what_it_may) {
    TempDir d;
    Fd fd(open(d / "f", O_RDWR | O_CREAT, 0600));
    EXPECT_OK(fcntl(fd, F_SETFL, O_WRONLY | O_APPEND | O_NONBLOCK));
    int flags = fcntl(fd, F_GETFL);
    EXPECT_EQ(O_RDWR, flags & O_ACCMODE);
    EXPECT_TRUE((flags & O_APPEND) && (flags & O_NONBLOCK));
}
TEST(sys_fcntl, status_flags_are_shared_by_duplicates) {
    Pipe p;
    Fd other(dup(p.r));
    fcntl(p.r, F_SETFL, O_NONBLOCK);
    EXPECT_TRUE(fcntl(other, F_GETFL) & O_NONBLOCK);
}
TEST(sys_fcntl, EBADF_on_closed_descriptor) { EXPECT_ERRNO(fcntl(closed_fd(), F_GETFL), EBADF); }
TEST(sys_fcntl, EINVAL_on_unknown_command) {
    Fd fd(open("/", O_RDONLY));
    EXPECT_ERRNO(sys(SYS_fcntl, fd.get(), 99999, 0), EINVAL);
}
TEST(sys_fcntl, EINVAL_on_F_DUPFD_beyond_the_limit) {
    Fd fd(open("/", O_RDONLY));
    EXPECT_ERRNO(fcntl(fd, F_DUPFD, -1), EINVAL);
    EXPECT_ERRNO(fcntl(fd, F_DUPFD, 1 << 30), EINVAL);
}
TEST(sys_fcntl, EBADF_on_F_SETFL_of_O_PATH_descriptor) {
    Fd fd(open("/", O_PATH));
    EXPECT_ERRNO(fcntl(fd, F_SETFL, O_NONBLOCK), EBADF);
}
TEST(sys_fcntl, pipe_size_is_64_KiB_and_can_be_set) {
    Pipe p;
    EXPECT_EQ(65536, fcntl(p.r, 1032));
    EXPECT_EQ(8192, fcntl(p.r, 1031, 5000));
    EXPECT_EQ(8192, fcntl(p.w, 1032));
}
TEST(sys_fcntl, F_SETOWN_and_F_GETOWN) {
    Pipe p;
    EXPECT_OK(fcntl(p.r, F_SETOWN, getpid()));
    EXPECT_EQ(getpid(), fcntl(p.r, F_GETOWN));
}

TEST(sys_fcntl, record_lock_conflicts_with_another_process) {
    LockFile f;
    auto l = lock_of(F_WRLCK, 2, 3);
    ASSERT_OK(fcntl(f.fd, F_SETLK, &l));
    EXPECT_CHILD_OK([&] {
        auto c = lock_of(F_WRLCK, 4, 1);
        CHECK(fcntl(f.fd, F_SETLK, &c) == -1 && (errno == EAGAIN || errno == EACCES));
        c = lock_of(F_WRLCK, 5, 1);
        CHECK(fcntl(f.fd, F_SETLK, &c) == 0);
        return 0;
    });
}
TEST(sys_fcntl, read_locks_are_shared) {
    LockFile f;
    auto l = lock_of(F_RDLCK, 0, 0);
    ASSERT_OK(fcntl(f.fd, F_SETLK, &l));
    EXPECT_CHILD_OK([&] {
        auto c = lock_of(F_RDLCK, 0, 0);
        CHECK(fcntl(f.fd, F_SETLK, &c) == 0);
        c = lock_of(F_WRLCK, 0, 1);
        CHECK(fcntl(f.fd, F_SETLK, &c) == -1);
        return 0;
    });
}
TEST(sys_fcntl, F_GETLK_names_the_holder) {
    LockFile f;
    auto l = lock_of(F_WRLCK, 2, 3);
    ASSERT_OK(fcntl(f.fd, F_SETLK, &l));
    pid_t parent = getpid();
    EXPECT_CHILD_OK([&] {
        auto c = lock_of(F_RDLCK, 0, 0);
        CHECK(fcntl(f.fd, F_GETLK, &c) == 0);
        CHECK(c.l_type == F_WRLCK && c.l_start == 2 && c.l_len == 3 && c.l_pid == parent);
        c = lock_of(F_RDLCK, 7, 1);
        CHECK(fcntl(f.fd, F_GETLK, &c) == 0);
        CHECK(c.l_type == F_UNLCK);
        return 0;
    });
}
TEST(sys_fcntl, unlocking_the_middle_splits_a_record_lock) {
    LockFile f;
    auto l = lock_of(F_WRLCK, 0, 10);
    ASSERT_OK(fcntl(f.fd, F_SETLK, &l));
    l = lock_of(F_UNLCK, 4, 2);
    ASSERT_OK(fcntl(f.fd, F_SETLK, &l));
    EXPECT_CHILD_OK([&] {
        auto c = lock_of(F_WRLCK, 4, 2);
        CHECK(fcntl(f.fd, F_SETLK, &c) == 0);
        c = lock_of(F_WRLCK, 3, 1);
        CHECK(fcntl(f.fd, F_SETLK, &c) == -1);
        c = lock_of(F_WRLCK, 6, 1);
        CHECK(fcntl(f.fd, F_SETLK, &c) == -1);
        return 0;
    });
}
TEST(sys_fcntl, closing_any_descriptor_drops_the_record_locks) {
    LockFile f;
    auto l = lock_of(F_WRLCK, 0, 0);
    ASSERT_OK(fcntl(f.fd, F_SETLK, &l));
    close(open(f.dir / "f", O_RDONLY));
    EXPECT_CHILD_OK([&] {
        auto c = lock_of(F_WRLCK, 0, 0);
        CHECK(fcntl(f.fd, F_SETLK, &c) == 0);
        return 0;
    });
}
TEST(sys_fcntl, F_SETLKW_waits_for_the_holder) {
    LockFile f;
    Pipe ready;
    auto l = lock_of(F_WRLCK, 0, 0);
    ASSERT_OK(fcntl(f.fd, F_SETLK, &l));
    pid_t child = start_child([&] {
        auto c = lock_of(F_WRLCK, 0, 0);
        write(ready.w, "r", 1);
        CHECK(fcntl(f.fd, F_SETLKW, &c) == 0);
        return 7;
    });
    char c;
    read(ready.r, &c, 1);
    int status;
    EXPECT_EQ(0, waitpid(child, &status, WNOHANG));
    l = lock_of(F_UNLCK, 0, 0);
    EXPECT_OK(fcntl(f.fd, F_SETLK, &l));
    EXPECT_EQ(7 << 8, wait_for(child));
}
TEST(sys_fcntl, EINTR_of_F_SETLKW_by_a_signal) {
    LockFile f;
    auto l = lock_of(F_WRLCK, 0, 0);
    ASSERT_OK(fcntl(f.fd, F_SETLK, &l));
    EXPECT_CHILD_OK([&] {
        RepeatedAlarm alarm;
        auto c = lock_of(F_WRLCK, 0, 0);
        CHECK_ERRNO(fcntl(f.fd, F_SETLKW, &c), EINTR);
        return 0;
    });
}
TEST(sys_fcntl, EDEADLK_on_a_circle_of_waiters) {
    LockFile f;
    Pipe ready;
    auto l = lock_of(F_WRLCK, 0, 1);
    ASSERT_OK(fcntl(f.fd, F_SETLK, &l));
    pid_t child = start_child([&] {
        auto c = lock_of(F_WRLCK, 1, 1);
        CHECK(fcntl(f.fd, F_SETLK, &c) == 0);
        write(ready.w, "r", 1);
        c = lock_of(F_WRLCK, 0, 1);
        // The parent gets EDEADLK, or this side does.
        if (fcntl(f.fd, F_SETLKW, &c) == -1) {
            return errno == EDEADLK ? 5 : 1;
        }
        return 0;
    });
    char c;
    read(ready.r, &c, 1);
    l = lock_of(F_WRLCK, 1, 1);
    int r = fcntl(f.fd, F_SETLKW, &l);
    int error = errno;
    l = lock_of(F_UNLCK, 0, 0);
    fcntl(f.fd, F_SETLK, &l);
    int status = wait_for(child);
    EXPECT_TRUE((r == -1 && error == EDEADLK && status == 0) || (r == 0 && status == 5 << 8)) << r << " " << status;
}
TEST(sys_fcntl, EBADF_on_write_lock_of_read_only_descriptor) {
    LockFile f;
    Fd ro(open(f.dir / "f", O_RDONLY));
    auto l = lock_of(F_WRLCK, 0, 0);
    EXPECT_ERRNO(fcntl(ro, F_SETLK, &l), EBADF);
}
TEST(sys_fcntl, EINVAL_on_bad_lock_type_and_negative_start) {
    LockFile f;
    auto l = lock_of(77, 0, 0);
    EXPECT_ERRNO(fcntl(f.fd, F_SETLK, &l), EINVAL);
    l = lock_of(F_WRLCK, -5, 0);
    EXPECT_ERRNO(fcntl(f.fd, F_SETLK, &l), EINVAL);
}
TEST(sys_fcntl, EFAULT_on_bad_lock_pointer) {
    LockFile f;
    EXPECT_ERRNO(sys(SYS_fcntl, f.fd.get(), F_SETLK, unmapped_address), EFAULT);
}
TEST(sys_fcntl, open_file_description_locks_conflict_within_a_process) {
    LockFile f;
    Fd other(open(f.dir / "f", O_RDWR));
    auto l = lock_of(F_WRLCK, 0, 0);
    ASSERT_OK(fcntl(f.fd, F_OFD_SETLK, &l));
    l = lock_of(F_WRLCK, 0, 0);
    EXPECT_ERRNO(fcntl(other, F_OFD_SETLK, &l), EAGAIN);
    f.fd.reset();
    EXPECT_OK(fcntl(other, F_OFD_SETLK, &l));
}
TEST(sys_fcntl, F_OFD_GETLK_reports_pid_minus_one) {
    LockFile f;
    Fd other(open(f.dir / "f", O_RDWR));
    auto l = lock_of(F_WRLCK, 0, 0);
    ASSERT_OK(fcntl(f.fd, F_OFD_SETLK, &l));
    l = lock_of(F_WRLCK, 0, 0);
    ASSERT_OK(fcntl(other, F_OFD_GETLK, &l));
    EXPECT_EQ(F_WRLCK, l.l_type);
    EXPECT_EQ(-1, l.l_pid);
}

TEST(sys_flock, exclusive_lock_conflicts_between_descriptions) {
    LockFile f;
    Fd other(open(f.dir / "f", O_RDONLY));
    EXPECT_OK(flock(f.fd, LOCK_EX));
    EXPECT_ERRNO(flock(other, LOCK_EX | LOCK_NB), EAGAIN);
    EXPECT_OK(flock(f.fd, LOCK_UN));
    EXPECT_OK(flock(other, LOCK_EX | LOCK_NB));
}
TEST(sys_flock, shared_locks_coexist_and_convert) {
    LockFile f;
    Fd other(open(f.dir / "f", O_RDONLY));
    EXPECT_OK(flock(f.fd, LOCK_SH));
    EXPECT_OK(flock(other, LOCK_SH));
    EXPECT_ERRNO(flock(f.fd, LOCK_EX | LOCK_NB), EAGAIN);
    other.reset();
    EXPECT_OK(flock(f.fd, LOCK_EX | LOCK_NB));
}
TEST(sys_flock, duplicates_share_the_lock) {
    LockFile f;
    Fd other(dup(f.fd));
    EXPECT_OK(flock(f.fd, LOCK_EX));
    EXPECT_OK(flock(other, LOCK_EX | LOCK_NB));
    EXPECT_OK(flock(other, LOCK_UN));
    Fd third(open(f.dir / "f", O_RDONLY));
    EXPECT_OK(flock(third, LOCK_EX | LOCK_NB));
}
TEST(sys_flock, waits_for_the_holder) {
    LockFile f;
    Pipe ready;
    ASSERT_OK(flock(f.fd, LOCK_EX));
    pid_t child = start_child([&] {
        Fd mine(open(f.dir / "f", O_RDONLY));
        write(ready.w, "r", 1);
        CHECK(flock(mine, LOCK_EX) == 0);
        return 0;
    });
    char c;
    read(ready.r, &c, 1);
    EXPECT_OK(flock(f.fd, LOCK_UN));
    EXPECT_EQ(0, wait_for(child));
}
TEST(sys_flock, EINVAL_on_bad_operation) {
    LockFile f;
    EXPECT_ERRNO(flock(f.fd, 0), EINVAL);
    EXPECT_ERRNO(flock(f.fd, LOCK_SH | LOCK_EX), EINVAL);
}
TEST(sys_flock, EBADF_on_closed_descriptor) { EXPECT_ERRNO(flock(closed_fd(), LOCK_EX), EBADF); }

TEST(sys_memfd_create, is_an_empty_readable_and_writable_file) {
    Fd fd(memfd());
    EXPECT_EQ(3, write(fd, "abc", 3));
    char buf[4] = {};
    EXPECT_EQ(3, pread(fd, buf, 3, 0));
    EXPECT_STREQ("abc", buf);
    struct stat st;
    fstat(fd, &st);
    EXPECT_TRUE(S_ISREG(st.st_mode));
}
TEST(sys_memfd_create, MFD_CLOEXEC_sets_the_flag) {
    Fd a(memfd("x", MFD_CLOEXEC)), b(memfd("x", 0));
    EXPECT_EQ(FD_CLOEXEC, fcntl(a, F_GETFD));
    EXPECT_EQ(0, fcntl(b, F_GETFD));
}
TEST(sys_memfd_create, name_shows_in_proc_self_fd) {
    Fd fd(memfd("some name"));
    char path[64], text[64] = {};
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd.get());
    EXPECT_GT(readlink(path, text, sizeof(text) - 1), 0);
    EXPECT_STREQ("/memfd:some name (deleted)", text);
}
TEST(sys_memfd_create, EINVAL_on_unknown_flag_and_long_name) {
    EXPECT_ERRNO(memfd("x", 0x40000), EINVAL);
    char name[251];
    memset(name, 'a', 250);
    name[250] = 0;
    EXPECT_ERRNO(memfd(name, 0), EINVAL);
}
TEST(sys_memfd_create, EFAULT_on_bad_name) { EXPECT_ERRNO(sys(SYS_memfd_create, unmapped_address, 0), EFAULT); }
TEST(sys_memfd_create, seals_forbid_size_changes_and_writes) {
    Fd fd(memfd("x", MFD_ALLOW_SEALING));
    ASSERT_OK(ftruncate(fd, 100));
    EXPECT_EQ(0, fcntl(fd, F_GET_SEALS));
    EXPECT_OK(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW));
    EXPECT_ERRNO(ftruncate(fd, 50), EPERM);
    EXPECT_ERRNO(ftruncate(fd, 150), EPERM);
    EXPECT_EQ(1, write(fd, "x", 1));
    EXPECT_OK(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
    EXPECT_ERRNO(write(fd, "x", 1), EPERM);
}
TEST(sys_fcntl, EPERM_on_sealing_a_sealed_memfd) {
    Fd fd(memfd("x", 0));
    EXPECT_EQ(F_SEAL_SEAL, fcntl(fd, F_GET_SEALS));
    EXPECT_ERRNO(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW), EPERM);
}
TEST(sys_fcntl, EBUSY_on_write_seal_with_a_writable_shared_mapping) {
    Fd fd(memfd("x", MFD_ALLOW_SEALING));
    ASSERT_OK(ftruncate(fd, 4096));
    Mapping m(4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd);
    EXPECT_ERRNO(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), EBUSY);
}
