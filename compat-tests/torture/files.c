#define _GNU_SOURCE
#include "torture.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[64];
static int log_fd;
static atomic_ulong lines;

/* Names: every thread makes, moves, links and removes its own in shared folders, and looks at all. */
static void names_body(unsigned number) {
    struct random r = random_of(number);
    char a[128], b[128];
    for (unsigned long round = 0; go_on(round); round++) {
        snprintf(a, sizeof a, "%s/%u/t%u", folder, below(&r, 2), number);
        snprintf(b, sizeof b, "%s/%u/u%u", folder, below(&r, 2), number);
        int fd = open(a, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
        CHECK(fd >= 0);
        CHECK(write(fd, &number, sizeof number) == sizeof number);
        CHECK(rename(a, b) == 0);
        struct stat status;
        CHECK(stat(a, &status) == -1 && errno == ENOENT);
        CHECK(stat(b, &status) == 0 && status.st_size == sizeof number && status.st_nlink == 1);
        CHECK(link(b, a) == 0);
        CHECK(fstat(fd, &status) == 0 && status.st_nlink == 2);
        CHECK(unlink(b) == 0);
        unsigned value = ~0u;
        CHECK(pread(fd, &value, sizeof value, 0) == sizeof value && value == number);
        close(fd);
        CHECK(unlink(a) == 0);
        snprintf(a, sizeof a, "%s/d%u", folder, number);
        snprintf(b, sizeof b, "%s/%u/d%u", folder, below(&r, 2), number);
        CHECK(mkdir(a, 0700) == 0);
        CHECK(rename(a, b) == 0);
        CHECK(rmdir(b) == 0);
        snprintf(b, sizeof b, "%s/%u/../%u/nobody", folder, below(&r, 2), below(&r, 2));
        CHECK(access(b, F_OK) == -1 && errno == ENOENT);
        DIR *list = opendir(folder);
        CHECK(list);
        unsigned fixed = 0;
        for (struct dirent *item; (item = readdir(list));)
            fixed += strcmp(item->d_name, "0") == 0 || strcmp(item->d_name, "1") == 0 || strcmp(item->d_name, "log") == 0;
        closedir(list);
        if (fixed != 3)
            fail("a folder's list has %u of its 3 lasting names", fixed);
    }
}

/* Appended lines of one write stay whole, and none is lost. */
static void append_body(unsigned number) {
    struct random r = random_of(number);
    for (unsigned long round = 0; round < 2000 && go_on(round); round++) {
        char line[64];
        int n = snprintf(line, sizeof line, "%u %lu %0*d\n", number, round, (int)(1 + below(&r, 20)), 0);
        CHECK(write(log_fd, line, (size_t)n) == n);
        atomic_fetch_add(&lines, 1);
    }
}

static void check_log(void) {
    FILE *file = fdopen(log_fd, "r");
    CHECK(file);
    rewind(file);
    unsigned long count = 0;
    char line[128];
    for (unsigned number, zeros; fgets(line, sizeof line, file); count++) {
        unsigned long round;
        if (sscanf(line, "%u %lu %u\n", &number, &round, &zeros) != 3 || zeros != 0)
            fail("a torn line: %s", line);
    }
    fclose(file);
    if (count != lines)
        fail("%lu lines were written, %lu are there", lines, count);
}

/* Descriptors: opened, duplicated and closed by all threads in one table, while others use them. */
static atomic_int target[8];

static void table_body(unsigned number) {
    struct random r = random_of(number);
    for (unsigned long round = 0; go_on(round); round++) {
        char byte = 1;
        atomic_int *slot = &target[below(&r, 8)];
        const int fd = atomic_load(slot);
        switch (below(&r, 4)) {
        case 0: {
            int fresh = open("/dev/zero", O_RDONLY | O_CLOEXEC);
            CHECK(fresh >= 0);
            CHECK(read(fresh, &byte, 1) == 1 && byte == 0);
            int old = atomic_exchange(slot, fresh);
            if (old > 0)
                CHECK(close(old) == 0);
            break;
        }
        case 1:
            if (fd > 0) { /* whoever closed it: a byte of /dev/zero, or no descriptor */
                ssize_t n = read(fd, &byte, 1);
                CHECK((n == 1 && byte == 0) || (n == -1 && errno == EBADF));
            }
            break;
        case 2:
            if (fd > 0) {
                int copy = fcntl(fd, F_DUPFD_CLOEXEC, 100);
                CHECK(copy >= 100 || errno == EBADF);
                if (copy >= 0)
                    CHECK(close(copy) == 0);
            }
            break;
        default:
            if (fd > 0) {
                struct stat status;
                CHECK(fstat(fd, &status) == 0 ? S_ISCHR(status.st_mode) : errno == EBADF);
            }
        }
    }
}

void torture_files(void) {
    snprintf(folder, sizeof folder, "/tmp/torture-XXXXXX");
    CHECK(mkdtemp(folder));
    char path[128];
    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s/%d", folder, i);
        CHECK(mkdir(path, 0700) == 0);
    }
    snprintf(path, sizeof path, "%s/log", folder);
    log_fd = open(path, O_CREAT | O_EXCL | O_RDWR | O_APPEND | O_CLOEXEC, 0600);
    CHECK(log_fd >= 0);
    in_threads(torture_threads, names_body);
    in_threads(torture_threads, append_body);
    check_log();
    in_threads(torture_threads, table_body);
    for (int i = 0; i < 8; i++)
        if (target[i] > 0)
            close(target[i]);
    CHECK(unlink(path) == 0);
    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s/%d", folder, i);
        CHECK(rmdir(path) == 0);
    }
    CHECK(rmdir(folder) == 0);
}
