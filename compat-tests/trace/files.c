// Files, folders, descriptors, status.
#include "trace_calls.h"

#include <linux/falloc.h>
#include <linux/fs.h>
#include <linux/openat2.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#ifndef STATX_ALL
#include <linux/stat.h> // musl 1.2.3 has no statx
#endif
#include <sys/time.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>

static char data[70000];

static void names(void) {
    CALL(mkdir, "trace-dir", 0755);
    CALL(mkdir, "trace-dir", 0755);
    CALL(mkdirat, AT_FDCWD, "trace-dir/sub", 01777);
    CALL(mkdir, BAD, 0);
    CALL(chdir, "trace-dir");
    CALL(getcwd, data, 4096);
    CALL(getcwd, data, 2);
    CALL(chdir, "nowhere");
    int fd = CALL(openat, AT_FDCWD, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    CALL(fchdir, fd);
    int file = CALL(open, "a", O_RDWR | O_CREAT | O_EXCL | O_TRUNC, 0640);
    CALL(write, file, "hello\n", 6);
    CALL(link, "a", "b");
    CALL(linkat, fd, "a", AT_FDCWD, "c", 0);
    CALL(linkat, fd, "nothing", AT_FDCWD, "c", AT_SYMLINK_FOLLOW);
    CALL(symlink, "a", "link");
    CALL(symlinkat, "target of the link", fd, "link2");
    CALL(readlink, "link", data, 100);
    CALL(readlinkat, fd, "link2", data, 6);
    CALL(readlink, "a", data, 100);
    CALL(rename, "b", "d");
    CALL(renameat, fd, "d", fd, "e");
    CALL(renameat2, AT_FDCWD, "e", AT_FDCWD, "c", RENAME_NOREPLACE);
    CALL(renameat2, AT_FDCWD, "e", AT_FDCWD, "c", RENAME_EXCHANGE);
    CALL(mknod, "fifo", S_IFIFO | 0600, 0);
    CALL(mknod, "plain", S_IFREG | 0644, 0);
    CALL(mknodat, AT_FDCWD, "device", S_IFCHR | 0666, makedev(1, 3));
    CALL(mknodat, AT_FDCWD, "nowhere/x", S_IFSOCK | 04755, 0);
    CALL(unlink, "fifo");
    CALL(unlink, "plain");
    CALL(unlink, "device");
    CALL(unlinkat, fd, "sub", AT_REMOVEDIR);
    CALL(unlinkat, fd, "link2", 0);
    CALL(unlinkat, fd, "link2", 0x4000);
    CALL(rmdir, "nowhere");
    CALL(access, "a", F_OK);
    CALL(access, "a", R_OK | W_OK | X_OK);
    CALL(access, "a", 16);
    CALL(faccessat, AT_FDCWD, "nothing", R_OK, 0);
    CALL(faccessat2, AT_FDCWD, "a", W_OK, AT_EACCESS | AT_SYMLINK_NOFOLLOW);
    CALL(creat, "f", 0600);
    CALL(close, 5);
    CALL(close, 55);
    CALL(openat, fd, "t", O_WRONLY | O_CREAT | O_APPEND | O_NONBLOCK | O_NOFOLLOW | O_SYNC | O_NOATIME | O_LARGEFILE, 0644);
    CALL(openat, fd, "t", O_PATH | O_DSYNC | O_DIRECT | O_ASYNC | O_NOCTTY);
    CALL(openat, fd, ".", O_RDWR | O_TMPFILE, 0600);
    CALL(openat, 99, "relative", O_RDONLY);
    CALL(openat, AT_FDCWD, BAD, O_ACCMODE | 0x40000000);
    CALL(openat, AT_FDCWD, NULL, O_RDONLY);
    struct open_how how = {O_RDONLY | O_CLOEXEC, 0, RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH};
    CALL(openat2, fd, "a", &how, sizeof how);
    how.flags = O_WRONLY | O_CREAT;
    how.mode = 0600;
    how.resolve = 0;
    CALL(openat2, fd, "g", &how, sizeof how);
    CALL(openat2, fd, "g", &how, 8L);
    CALL(openat2, fd, "g", BAD, sizeof how);
    CALL(close_range, 5, 40, 0);
    CALL(close_range, 60, 50, 2);
    CALL(close, file);
    CALL(unlink, "a"), CALL(unlink, "c"), CALL(unlink, "e"), CALL(unlink, "f"), CALL(unlink, "g"), CALL(unlink, "t"), CALL(unlink, "link");
    CALL(chdir, "..");
    CALL(close, fd);
    CALL(rmdir, "trace-dir");
    CALL(chroot, "/nowhere");
    memset(data, 'p', 5000);
    CALL(chdir, data);
    data[300] = 0;
    CALL(chdir, data);
}

static void status(void) {
    struct stat st;
    struct statx stx;
    int fd = CALL(open, "trace-file", O_RDWR | O_CREAT | O_TRUNC, 0644);
    CALL(write, fd, "0123456789", 10);
    CALL(stat, "trace-file", &st);
    CALL(lstat, "trace-file", &st);
    CALL(fstat, fd, &st);
    CALL(stat, "/dev/null", &st);
    CALL(stat, "/tmp", &st);
    CALL(stat, "nothing", &st);
    CALL(fstat, 99, &st);
    CALL(fstat, fd, BAD);
    CALL(newfstatat, AT_FDCWD, "trace-file", &st, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT);
    CALL(newfstatat, fd, "", &st, AT_EMPTY_PATH);
    CALL(newfstatat, fd, "", &st, 0x10000000);
    CALL(statx, AT_FDCWD, "trace-file", AT_SYMLINK_NOFOLLOW, STATX_MODE | STATX_SIZE, &stx);
    CALL(statx, AT_FDCWD, "trace-file", AT_STATX_FORCE_SYNC, STATX_BASIC_STATS | STATX_BTIME, &stx);
    CALL(statx, AT_FDCWD, "nothing", AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT, STATX_ALL, &stx);
    CALL(statx, fd, "", AT_EMPTY_PATH, 0, &stx);
    CALL(chmod, "trace-file", 04755);
    CALL(fstat, fd, &st);
    CALL(fchmod, fd, 0);
    CALL(fchmodat, AT_FDCWD, "trace-file", 0644);
    CALL(chown, "trace-file", 0, 0);
    CALL(fchown, fd, -1, -1);
    CALL(lchown, "trace-file", 1, -1);
    CALL(fchownat, AT_FDCWD, "nothing", 1000, 1000, AT_SYMLINK_NOFOLLOW);
    CALL(truncate, "trace-file", 4L);
    CALL(ftruncate, fd, 100L);
    CALL(ftruncate, fd, -1L);
    CALL(lseek, fd, 3L, SEEK_SET);
    CALL(lseek, fd, -1L, SEEK_CUR);
    CALL(lseek, fd, 0L, SEEK_END);
    CALL(lseek, fd, 0L, SEEK_HOLE);
    CALL(lseek, fd, 0L, 17);
    CALL(fallocate, fd, 0, 0L, 8192L);
    CALL(fallocate, fd, FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE, 0L, 4096L);
    CALL(fallocate, fd, 0, 0L, -1L);
    CALL(fadvise64, fd, 0L, 0L, POSIX_FADV_SEQUENTIAL);
    CALL(fadvise64, fd, 0L, 0L, 77);
    CALL(readahead, fd, 0L, 100L);
    CALL(sync_file_range, fd, 0L, 0L, SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER);
    CALL(fsync, fd), CALL(fdatasync, fd), CALL(fsync, 99), CALL(syncfs, fd);
    CALL(flock, fd, LOCK_EX | LOCK_NB), CALL(flock, fd, LOCK_SH), CALL(flock, fd, LOCK_UN), CALL(flock, fd, 64);
    struct timespec ts[2] = {{1000000000, 5}, {1500000000, 0}};
    CALL(utimensat, AT_FDCWD, "trace-file", ts, 0);
    ts[0].tv_nsec = UTIME_NOW, ts[1].tv_nsec = UTIME_OMIT;
    CALL(utimensat, fd, NULL, ts, 0);
    CALL(utimensat, AT_FDCWD, "nothing", NULL, AT_SYMLINK_NOFOLLOW);
    struct timeval tv[2] = {{1000000000, 7}, {0, 0}};
    CALL(utimes, "trace-file", tv);
    CALL(futimesat, AT_FDCWD, "trace-file", tv);
    long ut[2] = {1000000000, 1};
    CALL(utime, "trace-file", ut);
    CALL(utime, "nothing", NULL);
    CALL(umask, 022), CALL(umask, 022);
    CALL(close, fd);
    CALL(unlink, "trace-file");
}

static void reading(void) {
    int fd = CALL(open, "trace-data", O_RDWR | O_CREAT | O_TRUNC, 0600);
    CALL(write, fd, "plain text", 10);
    CALL(write, fd, "\0a\0011\"\\\377\t\n\r\v\f\177\033[0m", 18);
    CALL(write, fd, "0123456789012345678901234567890123456789", 40);
    CALL(write, fd, "01234567890123456789012345678901", 32);
    CALL(write, fd, "", 0);
    CALL(write, fd, BAD, 5);
    CALL(write, fd, NULL, 0);
    CALL(write, 99, "x", 1);
    CALL(pwrite64, fd, "pw", 2, 200L);
    CALL(pread64, fd, data, 5, 200L);
    CALL(pread64, fd, data, 5, 0L);
    CALL(lseek, fd, 0L, SEEK_SET);
    CALL(read, fd, data, 10);
    CALL(read, fd, data, 18);
    CALL(read, fd, data, 4096);
    CALL(read, fd, data, 4096);
    CALL(read, fd, data, 0);
    CALL(read, 99, data, 10);
    CALL(read, fd, BAD, 10);
    struct iovec v[3] = {{"abc", 3}, {"0123456789012345678901234567890123456789", 40}, {NULL, 0}};
    CALL(writev, fd, v, 3);
    CALL(writev, fd, v, 0);
    CALL(writev, fd, BAD, 2);
    CALL(pwritev, fd, v, 1, 10L, 0L);
    CALL(pwritev2, fd, v, 1, 10L, 0L, 2);
    CALL(pwritev2, fd, v, 1, -1L, -1L, 0);
    char one[4], two[50];
    struct iovec r[2] = {{one, 4}, {two, 50}};
    CALL(lseek, fd, 0L, SEEK_SET);
    CALL(readv, fd, r, 2);
    CALL(readv, 99, r, 2);
    CALL(preadv, fd, r, 2, 5L, 0L);
    CALL(preadv2, fd, r, 2, 300L, 0L, 0);
    int other = CALL(open, "trace-copy", O_RDWR | O_CREAT | O_TRUNC, 0600);
    long offset = 2, offset2 = 1;
    CALL(sendfile, other, fd, &offset, 5L);
    CALL(sendfile, other, fd, NULL, 5L);
    CALL(sendfile, other, 99, &offset, 5L);
    CALL(copy_file_range, fd, &offset, other, &offset2, 5L, 0);
    CALL(copy_file_range, fd, NULL, other, NULL, 5L, 0);
    CALL(copy_file_range, fd, NULL, 99, NULL, 5L, 0);
    CALL(close, fd), CALL(close, other);
    CALL(mkdir, "trace-d", 0700);
    CALL(open, "trace-d/x", O_CREAT | O_WRONLY, 0600);
    fd = CALL(open, "trace-d", O_RDONLY | O_DIRECTORY);
    CALL(getdents64, fd, data, 32768);
    CALL(getdents64, fd, data, 32768);
    CALL(getdents64, 99, data, 32768);
    CALL(lseek, fd, 0L, SEEK_SET);
    CALL(getdents, fd, data, 32768);
    CALL(getdents64, fd, data, 1);
    CALL(close, fd), CALL(close, fd - 1);
    CALL(unlink, "trace-d/x"), CALL(rmdir, "trace-d"), CALL(unlink, "trace-data"), CALL(unlink, "trace-copy");
}

static void descriptors(void) {
    int fd = CALL(open, "trace-fd", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    CALL(dup, fd), CALL(dup2, fd, 20), CALL(dup3, fd, 21, O_CLOEXEC), CALL(dup3, fd, fd, 0), CALL(dup, 99);
    CALL(fcntl, fd, F_DUPFD, 30), CALL(fcntl, fd, F_DUPFD_CLOEXEC, 31);
    CALL(fcntl, fd, F_GETFD), CALL(fcntl, fd, F_SETFD, 0), CALL(fcntl, fd, F_GETFD), CALL(fcntl, fd, F_SETFD, FD_CLOEXEC);
    CALL(fcntl, fd, F_GETFL), CALL(fcntl, fd, F_SETFL, O_RDWR | O_APPEND | O_NONBLOCK), CALL(fcntl, fd, F_GETFL);
    CALL(fcntl, fd, F_SETFL, O_RDONLY);
    struct flock l = {F_WRLCK, SEEK_SET, 10, 20, 0};
    CALL(fcntl, fd, F_SETLK, &l), CALL(fcntl, fd, F_GETLK, &l);
    l.l_type = F_UNLCK;
    CALL(fcntl, fd, F_SETLKW, &l);
    l.l_type = F_RDLCK, l.l_pid = 0;
    CALL(fcntl, fd, F_OFD_SETLK, &l), CALL(fcntl, fd, F_OFD_GETLK, &l);
    l.l_type = 9;
    CALL(fcntl, fd, F_SETLK, &l);
    CALL(fcntl, fd, F_SETLK, BAD), CALL(fcntl, fd, F_GETLK, NULL);
    CALL(fcntl, fd, F_GETOWN), CALL(fcntl, fd, F_SETOWN, 0), CALL(fcntl, fd, F_GETSIG), CALL(fcntl, fd, F_SETSIG, SIGUSR1);
    CALL(fcntl, fd, F_GETSIG), CALL(fcntl, fd, F_SETSIG, 0);
    struct f_owner_ex owner = {F_OWNER_PID, 0};
    CALL(fcntl, fd, F_SETOWN_EX, &owner), CALL(fcntl, fd, F_GETOWN_EX, &owner);
    CALL(fcntl, fd, 1234, 5), CALL(fcntl, 99, F_GETFD);
    int p[2];
    CALL(pipe, p), CALL(pipe2, p, O_CLOEXEC | O_NONBLOCK), CALL(pipe2, p, O_DIRECT), CALL(pipe2, p, 0x1000000), CALL(pipe, BAD);
    CALL(fcntl, p[0], F_GETPIPE_SZ), CALL(fcntl, p[0], F_SETPIPE_SZ, 8192);
    int n;
    CALL(ioctl, p[0], FIONREAD, &n), CALL(ioctl, p[0], FIONBIO, &n), CALL(ioctl, p[0], FIOCLEX), CALL(ioctl, p[0], FIONCLEX);
    CALL(ioctl, fd, 0x1234abcd, 5L), CALL(ioctl, 99, FIONREAD, &n), CALL(ioctl, fd, TCGETS, data), CALL(ioctl, fd, FS_IOC_GETFLAGS + 7, data);
    int m = CALL(memfd_create, "trace-memfd", 3);
    CALL(memfd_create, "x", 0x100000);
    CALL(fcntl, m, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW), CALL(fcntl, m, F_GET_SEALS);
    for (int i = 3; i < 40; ++i) close(i);
    CALL(unlink, "trace-fd");
}

void trace_files(void) {
    names();
    status();
    reading();
    descriptors();
}
