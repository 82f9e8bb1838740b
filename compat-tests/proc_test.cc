// /proc and /sys as programs read them.
#include "support.h"

#include <sys/resource.h>
#include <sys/statfs.h>

namespace {

char text[1 << 18];

const char* slurp(const char* path) {
    text[0] = 0;
    EXPECT_GE(read_text(path, text, sizeof(text)), 0) << path << ": " << strerror(errno);
    return text;
}

// The number behind `key` at the start of a line, or -1.
long field(const char* all, const char* key) {
    size_t n = strlen(key);
    for (const char* line = all; line && *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : nullptr) {
        if (strncmp(line, key, n) == 0) {
            return strtol(line + n, nullptr, 0);
        }
    }
    return -1;
}

bool has_line_start(const char* all, const char* key) {
    size_t n = strlen(key);
    for (const char* line = all; line && *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : nullptr) {
        if (strncmp(line, key, n) == 0) {
            return true;
        }
    }
    return false;
}

struct Region {
    unsigned long start, end;
    char rights[5];
    char path[256];
};

// The line of /proc/self/maps that holds an address.
bool find_region(const void* p, Region* out) {
    const char* all = slurp("/proc/self/maps");
    for (const char* line = all; line && *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : nullptr) {
        Region r{};
        unsigned long offset, inode;
        unsigned major_number, minor_number;
        int n = sscanf(line, "%lx-%lx %4s %lx %x:%x %lu %255s", &r.start, &r.end, r.rights, &offset, &major_number,
                       &minor_number, &inode, r.path);
        // The path may be missing, then %s took the next line's start.
        const char* end = strchr(line, '\n');
        if (n == 8 && end && !memchr(line, '/', end - line) && !memchr(line, '[', end - line)) {
            r.path[0] = 0;
        }
        unsigned long at = reinterpret_cast<unsigned long>(p);
        if (n >= 7 && r.start <= at && at < r.end) {
            *out = r;
            return true;
        }
    }
    return false;
}

} // namespace

TEST(proc_self, is_a_link_to_the_pid) {
    char link[32] = {}, pid[32];
    EXPECT_GT(readlink("/proc/self", link, sizeof(link) - 1), 0);
    snprintf(pid, sizeof(pid), "%d", getpid());
    EXPECT_STREQ(pid, link);
}
TEST(proc_self, exe_is_the_program) {
    char link[512] = {};
    ASSERT_GT(readlink("/proc/self/exe", link, sizeof(link) - 1), 0);
    EXPECT_EQ('/', link[0]);
    struct stat a, b;
    ASSERT_OK(stat("/proc/self/exe", &a));
    ASSERT_OK(stat(link, &b));
    EXPECT_EQ(a.st_ino, b.st_ino);
}
TEST(proc_self, cwd_and_root_follow) {
    TempDir d;
    EXPECT_CHILD_OK([&] {
        CHECK(chdir(d.path()) == 0);
        char link[256] = {};
        CHECK(readlink("/proc/self/cwd", link, sizeof(link) - 1) > 0);
        CHECK(strcmp(link, d.path()) == 0);
        memset(link, 0, sizeof(link));
        CHECK(readlink("/proc/self/root", link, sizeof(link) - 1) == 1 && link[0] == '/');
        return 0;
    });
}
TEST(proc_self, cmdline_has_the_arguments_with_NULs) {
    ssize_t n = read_text("/proc/self/cmdline", text, sizeof(text));
    ASSERT_GT(n, 0);
    EXPECT_EQ(0, text[n - 1]);
    EXPECT_TRUE(strstr(text, "compat") != nullptr);
}
TEST(proc_self, environ_has_the_environment) {
    EXPECT_GE(read_text("/proc/self/environ", text, sizeof(text)), 0);
}
TEST(proc_self, comm_can_be_written) {
    EXPECT_CHILD_OK([] {
        Fd fd(open("/proc/self/comm", O_RDWR));
        CHECK(write(fd, "renamed", 7) == 7);
        CHECK(strcmp(slurp("/proc/self/comm"), "renamed\n") == 0);
        return 0;
    });
}
TEST(proc_self, stat_has_52_fields_with_pid_and_name) {
    const char* s = slurp("/proc/self/stat");
    EXPECT_EQ(getpid(), atoi(s));
    const char* p = strrchr(s, ')');
    ASSERT_TRUE(p != nullptr);
    EXPECT_EQ('R', p[2]);
    int fields = 2;
    for (p++; *p; p++) {
        fields += *p == ' ';
    }
    EXPECT_EQ(52, fields);
    int ppid = 0, pgrp = 0;
    EXPECT_EQ(2, sscanf(strrchr(s, ')') + 4, "%d %d", &ppid, &pgrp));
    EXPECT_EQ(getppid(), ppid);
    EXPECT_EQ(getpgrp(), pgrp);
}
TEST(proc_self, statm_counts_pages) {
    long size = 0, resident = 0;
    EXPECT_EQ(2, sscanf(slurp("/proc/self/statm"), "%ld %ld", &size, &resident));
    EXPECT_GT(size, 0);
    EXPECT_GT(resident, 0);
    EXPECT_GE(size, resident);
}
TEST(proc_self, status_has_the_usual_lines) {
    const char* s = slurp("/proc/self/status");
    EXPECT_EQ(getpid(), field(s, "Pid:"));
    EXPECT_EQ(getpid(), field(s, "Tgid:"));
    EXPECT_EQ(getppid(), field(s, "PPid:"));
    EXPECT_EQ(0, field(s, "Uid:"));
    EXPECT_GE(field(s, "Threads:"), 1);
    EXPECT_GT(field(s, "VmRSS:"), 0);
    EXPECT_GT(field(s, "VmSize:"), 0);
    for (const char* key : (const char*[]){"Name:", "State:", "Gid:", "FDSize:", "SigBlk:", "SigCgt:", "CapEff:",
                             "Cpus_allowed_list:", "voluntary_ctxt_switches:"}) {
        EXPECT_TRUE(has_line_start(s, key)) << key;
    }
}
TEST(proc_self, status_counts_threads) {
    EXPECT_CHILD_OK([] {
        CHECK(field(slurp("/proc/self/status"), "Threads:") == 1);
        Pipe p;
        Thread t([&] {
            char c;
            read(p.r, &c, 1);
        });
        long n = field(slurp("/proc/self/status"), "Threads:");
        write(p.w, "x", 1);
        CHECK(n == 2);
        return 0;
    });
}
TEST(proc_self, maps_shows_stack_heap_and_program) {
    int local = 0;
    Region r;
    ASSERT_TRUE(find_region(&local, &r));
    EXPECT_STREQ("[stack]", r.path);
    EXPECT_STREQ("rw-p", r.rights);
    static const int constant = 5;
    ASSERT_TRUE(find_region(&constant, &r));
    EXPECT_EQ('r', r.rights[0]);
    EXPECT_EQ('/', r.path[0]);
}
TEST(proc_self, maps_shows_the_heap) {
    EXPECT_CHILD_OK([] {
        long end = sys(SYS_brk, 0L);
        CHECK(sys(SYS_brk, end + 65536) == end + 65536);
        CHECK(strstr(slurp("/proc/self/maps"), "[heap]") != nullptr);
        return 0;
    });
}
TEST(proc_self, maps_follows_mprotect) {
    Mapping m(3 * 4096, PROT_READ);
    mprotect(m.data() + 4096, 4096, PROT_READ | PROT_WRITE);
    Region r;
    ASSERT_TRUE(find_region(m.data() + 4096, &r));
    EXPECT_STREQ("rw-p", r.rights);
    EXPECT_EQ(reinterpret_cast<unsigned long>(m.data() + 4096), r.start);
    EXPECT_EQ(4096u, r.end - r.start);
}
TEST(proc_self, maps_shows_file_and_shared_mappings) {
    TempDir d;
    write_file(d / "mapped-file", "x");
    Fd fd(open(d / "mapped-file", O_RDWR));
    Mapping m(4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd);
    Region r;
    ASSERT_TRUE(find_region(m.data(), &r));
    EXPECT_STREQ("rw-s", r.rights);
    EXPECT_STREQ(d / "mapped-file", r.path);
}
TEST(proc_self, smaps_adds_the_numbers) {
    const char* s = slurp("/proc/self/smaps");
    EXPECT_TRUE(has_line_start(s, "Rss:"));
    EXPECT_TRUE(has_line_start(s, "Private_Dirty:"));
}
TEST(proc_self, limits_names_open_files) {
    rlimit lim{};
    getrlimit(RLIMIT_NOFILE, &lim);
    const char* s = slurp("/proc/self/limits");
    EXPECT_EQ(static_cast<long>(lim.rlim_cur), field(s, "Max open files"));
}
TEST(proc_self, mounts_has_root_and_proc) {
    const char* s = slurp("/proc/self/mounts");
    EXPECT_TRUE(strstr(s, " / ") != nullptr);
    EXPECT_TRUE(strstr(s, " /proc proc ") != nullptr);
    EXPECT_TRUE(strstr(slurp("/proc/mounts"), " /proc proc ") != nullptr);
}
TEST(proc_self, mountinfo_has_the_root) {
    // Field 5 is the mount point; field 4, the mount's root, is another folder's path where the root is a bind mount.
    bool found = false;
    for (const char* line = slurp("/proc/self/mountinfo"); line && *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : nullptr) {
        char root[256], point[256];
        if (sscanf(line, "%*d %*d %*s %255s %255s", root, point) == 2 && root[0] == '/' && strcmp(point, "/") == 0) found = true;
    }
    EXPECT_TRUE(found);
}
TEST(proc_self, files_have_blocks_of_one_kib) {
    struct stat st;
    ASSERT_EQ(stat("/proc/self/status", &st), 0);
    EXPECT_EQ(st.st_blksize, 1024);
    ASSERT_EQ(stat("/proc/sys/kernel/ostype", &st), 0);
    EXPECT_EQ(st.st_blksize, 1024);
}
TEST(proc_self, task_lists_the_threads) {
    pid_t tid = 0;
    Pipe ready, stop;
    Thread t([&] {
        tid = static_cast<pid_t>(sys(SYS_gettid));
        write(ready.w, "r", 1);
        char c;
        read(stop.r, &c, 1);
    });
    char c;
    read(ready.r, &c, 1);
    char path[64];
    snprintf(path, sizeof(path), "/proc/self/task/%d/stat", tid);
    EXPECT_EQ(tid, atoi(slurp(path)));
    write(stop.w, "s", 1);
}
TEST(proc_self, oom_score_adj_can_be_set) {
    EXPECT_CHILD_OK([] {
        CHECK(write_file("/proc/self/oom_score_adj", "500"));
        CHECK(atoi(slurp("/proc/self/oom_score_adj")) == 500);
        return 0;
    });
}
TEST(proc_fd, lists_open_descriptors) {
    Fd fd(open("/dev/null", O_RDONLY));
    char path[64], link[64] = {};
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd.get());
    EXPECT_GT(readlink(path, link, sizeof(link) - 1), 0);
    EXPECT_STREQ("/dev/null", link);
    bool found = false;
    DIR* dir = opendir("/proc/self/fd");
    ASSERT_TRUE(dir != nullptr);
    while (dirent* e = readdir(dir)) {
        found = found || atoi(e->d_name) == fd.get();
    }
    closedir(dir);
    EXPECT_TRUE(found);
}
TEST(proc_fd, deleted_file_is_marked_and_opens_again) {
    TempDir d;
    write_file(d / "f", "gone");
    Fd fd(open(d / "f", O_RDONLY));
    unlink(d / "f");
    char path[64], link[512] = {};
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd.get());
    readlink(path, link, sizeof(link) - 1);
    EXPECT_TRUE(strstr(link, "/f (deleted)") != nullptr) << link;
    char again[8];
    EXPECT_EQ(4, read_text(path, again, sizeof(again)));
}
TEST(proc_fd, ENOENT_on_closed_descriptor) {
    char path[64];
    snprintf(path, sizeof(path), "/proc/self/fd/%d", closed_fd());
    struct stat st;
    EXPECT_ERRNO(lstat(path, &st), ENOENT);
}
TEST(proc_fdinfo, tells_position_and_flags) {
    TempDir d;
    write_file(d / "f", "abcdef");
    Fd fd(open(d / "f", O_RDWR));
    lseek(fd, 4, SEEK_SET);
    char path[64];
    snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd.get());
    const char* s = slurp(path);
    EXPECT_EQ(4, field(s, "pos:"));
    EXPECT_TRUE(has_line_start(s, "flags:"));
}
TEST(proc_pid, ENOENT_on_missing_process) {
    struct stat st;
    EXPECT_ERRNO(stat("/proc/1073741823", &st), ENOENT);
}
TEST(proc_pid, of_a_child_goes_with_it) {
    Pipe p;
    pid_t child = start_child([&] {
        char c;
        return static_cast<int>(read(p.r, &c, 1)) - 1;
    });
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/stat", child);
    EXPECT_EQ(child, atoi(slurp(path)));
    write(p.w, "x", 1);
    wait_for(child);
    struct stat st;
    EXPECT_ERRNO(stat(path, &st), ENOENT);
}
TEST(proc_pid, zombie_is_shown_as_Z) {
    pid_t child = start_child([] { return 0; });
    siginfo_t si;
    waitid(P_PID, child, &si, WEXITED | WNOWAIT);
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/stat", child);
    const char* s = slurp(path);
    ASSERT_TRUE(strrchr(s, ')') != nullptr);
    EXPECT_EQ('Z', strrchr(s, ')')[2]);
    wait_for(child);
}
TEST(proc_system, meminfo_has_totals) {
    const char* s = slurp("/proc/meminfo");
    long total = field(s, "MemTotal:"), free = field(s, "MemFree:"), available = field(s, "MemAvailable:");
    EXPECT_GT(total, 0);
    EXPECT_GT(free, 0);
    EXPECT_LE(free, total);
    EXPECT_LE(available, total);
    EXPECT_TRUE(has_line_start(s, "Buffers:") && has_line_start(s, "Cached:") && has_line_start(s, "SwapTotal:"));
}
TEST(proc_system, cpuinfo_names_each_processor) {
    const char* s = slurp("/proc/cpuinfo");
    EXPECT_TRUE(has_line_start(s, "processor\t: 0"));
    EXPECT_TRUE(has_line_start(s, "flags\t\t:"));
    EXPECT_TRUE(has_line_start(s, "model name\t:"));
}
TEST(proc_system, stat_has_cpu_lines_and_boot_time) {
    const char* s = slurp("/proc/stat");
    EXPECT_TRUE(has_line_start(s, "cpu "));
    EXPECT_TRUE(has_line_start(s, "cpu0 "));
    EXPECT_GT(field(s, "btime "), 0);
    EXPECT_GE(field(s, "processes "), 1);
}
TEST(proc_system, loadavg_has_five_fields) {
    double a, b, c;
    int running, all, last;
    EXPECT_EQ(6, sscanf(slurp("/proc/loadavg"), "%lf %lf %lf %d/%d %d", &a, &b, &c, &running, &all, &last));
    EXPECT_GE(running, 1);
}
TEST(proc_system, uptime_grows) {
    double up = 0, idle = -1;
    EXPECT_EQ(2, sscanf(slurp("/proc/uptime"), "%lf %lf", &up, &idle));
    EXPECT_GE(idle, 0);
    timespec ts;
    clock_gettime(CLOCK_BOOTTIME, &ts);
    EXPECT_LE(up, ts.tv_sec + 1.0);
}
TEST(proc_system, version_begins_with_Linux) { EXPECT_EQ(0, strncmp(slurp("/proc/version"), "Linux version ", 14)); }
TEST(proc_system, filesystems_lists_tmpfs_and_proc) {
    const char* s = slurp("/proc/filesystems");
    EXPECT_TRUE(strstr(s, "nodev\ttmpfs\n") != nullptr);
    EXPECT_TRUE(strstr(s, "nodev\tproc\n") != nullptr);
}
TEST(proc_system, cmdline_is_readable) { EXPECT_GE(read_text("/proc/cmdline", text, sizeof(text)), 0); }
TEST(proc_sys, kernel_names_agree_with_uname) {
    EXPECT_STREQ("Linux\n", slurp("/proc/sys/kernel/ostype"));
    char host[128];
    gethostname(host, sizeof(host));
    const char* s = slurp("/proc/sys/kernel/hostname");
    EXPECT_EQ(0, strncmp(host, s, strlen(host)));
    EXPECT_GE(atoi(slurp("/proc/sys/kernel/osrelease")), 5);
}
TEST(proc_sys, numbers_that_programs_read) {
    EXPECT_GE(atoi(slurp("/proc/sys/kernel/pid_max")), 1024);
    EXPECT_GE(atoi(slurp("/proc/sys/vm/overcommit_memory")), 0);
    EXPECT_GT(atoi(slurp("/proc/sys/net/core/somaxconn")), 0);
    EXPECT_GT(atol(slurp("/proc/sys/fs/file-max")), 0);
    EXPECT_GE(atoi(slurp("/proc/sys/fs/pipe-max-size")), 65536);
    EXPECT_GE(atoi(slurp("/proc/sys/kernel/random/entropy_avail")), 0);
}
TEST(proc_sys, boot_id_is_constant_and_uuid_is_not) {
    char a[64], b[64];
    EXPECT_EQ(37, read_text("/proc/sys/kernel/random/boot_id", a, sizeof(a)));
    read_text("/proc/sys/kernel/random/boot_id", b, sizeof(b));
    EXPECT_STREQ(a, b);
    EXPECT_EQ(37, read_text("/proc/sys/kernel/random/uuid", a, sizeof(a)));
    read_text("/proc/sys/kernel/random/uuid", b, sizeof(b));
    EXPECT_NE(0, strcmp(a, b));
}
TEST(proc_net, dev_has_lo) { EXPECT_TRUE(strstr(slurp("/proc/net/dev"), "lo:") != nullptr); }
TEST(proc_net, tables_have_their_headings) {
    EXPECT_TRUE(strstr(slurp("/proc/net/tcp"), "local_address") != nullptr);
    EXPECT_TRUE(strstr(slurp("/proc/net/udp"), "local_address") != nullptr);
    EXPECT_TRUE(strstr(slurp("/proc/net/route"), "Destination") != nullptr);
    EXPECT_TRUE(strstr(slurp("/proc/net/unix"), "Path") != nullptr);
}
TEST(proc_file, offset_reads_agree_with_one_read) {
    Fd fd(open("/proc/version", O_RDONLY));
    char whole[512] = {}, parts[512] = {};
    ssize_t n = read(fd, whole, sizeof(whole));
    ASSERT_GT(n, 10);
    for (ssize_t i = 0; i < n; i++) {
        EXPECT_EQ(1, pread(fd, parts + i, 1, i));
    }
    EXPECT_STREQ(whole, parts);
    EXPECT_EQ(0, pread(fd, parts, 10, n));
}
TEST(proc_file, EACCES_or_EPERM_on_creating) {
    errno = 0;
    EXPECT_EQ(-1, open("/proc/new-file", O_RDWR | O_CREAT, 0600));
    EXPECT_TRUE(errno == ENOENT || errno == EACCES || errno == EPERM) << errno;
}
TEST(sysfs_cpu, online_and_possible_ranges) {
    EXPECT_EQ('0', slurp("/sys/devices/system/cpu/online")[0]);
    EXPECT_EQ('0', slurp("/sys/devices/system/cpu/possible")[0]);
    struct stat st;
    EXPECT_OK(stat("/sys/devices/system/cpu/cpu0", &st));
}
TEST(sysfs_net, lo_is_there) {
    EXPECT_EQ(65536, atoi(slurp("/sys/class/net/lo/mtu")));
    EXPECT_STREQ("00:00:00:00:00:00\n", slurp("/sys/class/net/lo/address"));
}
