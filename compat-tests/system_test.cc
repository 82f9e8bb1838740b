// Ids, limits, names, random numbers, prctl, capabilities, and what else tells about the system.
#include "support.h"

#include <linux/capability.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>

namespace {

struct Ids {
    uid_t r, e, s;
};
Ids uids() {
    Ids i{};
    sys(SYS_getresuid, &i.r, &i.e, &i.s);
    return i;
}
Ids gids() {
    Ids i{};
    sys(SYS_getresgid, &i.r, &i.e, &i.s);
    return i;
}
bool is(Ids i, uid_t r, uid_t e, uid_t s) { return i.r == r && i.e == e && i.s == s; }

} // namespace

TEST(sys_getuid, root_is_zero) { EXPECT_EQ(0, sys(SYS_getuid)); }
TEST(sys_geteuid, follows_the_effective_id_and_not_the_real_one) {
    EXPECT_CHILD_OK([] {
        CHECK(sys(SYS_setresuid, 1, 2, 0) == 0);
        CHECK(sys(SYS_geteuid) == 2 && sys(SYS_getuid) == 1);
        return 0;
    });
}
TEST(sys_getgid, root_is_zero) { EXPECT_EQ(0, sys(SYS_getgid)); }
TEST(sys_getegid, follows_the_effective_id_and_not_the_real_one) {
    EXPECT_CHILD_OK([] {
        CHECK(sys(SYS_setresgid, 1, 2, 0) == 0);
        CHECK(sys(SYS_getegid) == 2 && sys(SYS_getgid) == 1);
        return 0;
    });
}
TEST(sys_getresuid, gives_all_three) {
    EXPECT_CHILD_OK([] {
        CHECK(sys(SYS_setresuid, 7, 8, 9) == 0);
        CHECK(is(uids(), 7, 8, 9));
        return 0;
    });
}
TEST(sys_getresgid, gives_all_three) {
    EXPECT_CHILD_OK([] {
        CHECK(sys(SYS_setresgid, 7, 8, 9) == 0);
        CHECK(is(gids(), 7, 8, 9));
        return 0;
    });
}
TEST(sys_getgroups, size_zero_only_counts) {
    EXPECT_CHILD_OK([] {
        gid_t in[2] = {5, 6};
        CHECK(sys(SYS_setgroups, 2, in) == 0);
        CHECK(sys(SYS_getgroups, 0, unmapped_address) == 2);
        return 0;
    });
}
TEST(sys_setuid, root_changes_all_three) {
    EXPECT_CHILD_OK([] {
        CHECK(sys(SYS_setuid, 1000) == 0);
        CHECK(is(uids(), 1000, 1000, 1000));
        CHECK_ERRNO(sys(SYS_setuid, 0), EPERM);
        return 0;
    });
}
TEST(sys_setuid, EPERM_for_a_plain_user) {
    EXPECT_CHILD_OK([] {
        CHECK(sys(SYS_setuid, 1000) == 0);
        CHECK_ERRNO(sys(SYS_setuid, 1001), EPERM);
        return 0;
    });
}
TEST(sys_setuid, EINVAL_on_minus_one) { EXPECT_ERRNO(sys(SYS_setuid, -1), EINVAL); }
TEST(sys_setgid, root_changes_all_three) {
    EXPECT_CHILD_OK([] {
        CHECK(sys(SYS_setgid, 1000) == 0);
        CHECK(is(gids(), 1000, 1000, 1000));
        return 0;
    });
}
TEST(sys_setgid, EINVAL_on_minus_one) { EXPECT_ERRNO(sys(SYS_setgid, -1), EINVAL); }
TEST(sys_setgid, EPERM_for_a_plain_user) {
    EXPECT_CHILD_OK([] {
        CHECK(setresuid(1000, 1000, 1000) == 0);
        CHECK_ERRNO(sys(SYS_setgid, 5), EPERM);
        return 0;
    });
}
TEST(sys_setreuid, swaps_and_saves) {
    EXPECT_CHILD_OK([] {
        CHECK(sys(SYS_setreuid, 1000, 2000) == 0);
        CHECK(is(uids(), 1000, 2000, 2000));
        CHECK(sys(SYS_setreuid, 2000, 1000) == 0);
        CHECK(is(uids(), 2000, 1000, 1000));
        return 0;
    });
}
TEST(sys_setreuid, EPERM_for_a_plain_user) {
    EXPECT_CHILD_OK([] {
        CHECK(setresuid(1000, 1000, 1000) == 0);
        CHECK_ERRNO(sys(SYS_setreuid, 0, -1), EPERM);
        return 0;
    });
}
TEST(sys_setregid, sets_both) {
    EXPECT_CHILD_OK([] {
        CHECK(sys(SYS_setregid, 1000, 2000) == 0);
        CHECK(is(gids(), 1000, 2000, 2000));
        return 0;
    });
}
TEST(sys_setregid, EPERM_for_a_plain_user) {
    EXPECT_CHILD_OK([] {
        CHECK(setresuid(1000, 1000, 1000) == 0);
        CHECK_ERRNO(sys(SYS_setregid, 5, -1), EPERM);
        return 0;
    });
}
TEST(sys_setresuid, minus_one_keeps_and_saved_id_lets_back) {
    EXPECT_CHILD_OK([] {
        CHECK(sys(SYS_setresuid, -1, 1000, -1) == 0);
        CHECK(is(uids(), 0, 1000, 0));
        CHECK(sys(SYS_setresuid, -1, 0, -1) == 0);
        CHECK(is(uids(), 0, 0, 0));
        return 0;
    });
}
TEST(sys_setresuid, EPERM_for_a_plain_user) {
    EXPECT_CHILD_OK([] {
        CHECK(sys(SYS_setresuid, 1000, 1000, 1000) == 0);
        CHECK_ERRNO(sys(SYS_setresuid, -1, 0, -1), EPERM);
        return 0;
    });
}
TEST(sys_setresgid, sets_all_three) {
    EXPECT_CHILD_OK([] {
        CHECK(sys(SYS_setresgid, 1, 2, 3) == 0);
        CHECK(is(gids(), 1, 2, 3));
        return 0;
    });
}
TEST(sys_setresgid, EPERM_for_a_plain_user) {
    EXPECT_CHILD_OK([] {
        CHECK(sys(SYS_setresuid, 1000, 1000, 1000) == 0);
        CHECK_ERRNO(sys(SYS_setresgid, 5, 5, 5), EPERM);
        return 0;
    });
}
TEST(sys_getresuid, EFAULT_on_bad_pointer) { EXPECT_ERRNO(sys(SYS_getresuid, unmapped_address, unmapped_address, unmapped_address), EFAULT); }
TEST(sys_getresgid, EFAULT_on_bad_pointer) { EXPECT_ERRNO(sys(SYS_getresgid, unmapped_address, unmapped_address, unmapped_address), EFAULT); }
TEST(sys_setfsuid, gives_the_old_one_and_decides_file_access) {
    TempDir d;
    write_file(d / "f", "x", 0600);
    chmod(d.path(), 0755);
    EXPECT_CHILD_OK([&] {
        CHECK(sys(SYS_setfsuid, 1000) == 0);
        CHECK(sys(SYS_setfsuid, -1) == 1000);
        CHECK_ERRNO(open(d / "f", O_RDONLY), EACCES);
        return 0;
    });
}
TEST(sys_setfsgid, gives_the_old_one) {
    EXPECT_CHILD_OK([] {
        CHECK(sys(SYS_setfsgid, 1000) == 0);
        CHECK(sys(SYS_setfsgid, -1) == 1000);
        return 0;
    });
}
TEST(sys_setgroups, is_given_back_by_getgroups) {
    EXPECT_CHILD_OK([] {
        gid_t in[3] = {30, 10, 20}, out[4] = {};
        CHECK(sys(SYS_setgroups, 3, in) == 0);
        CHECK(sys(SYS_getgroups, 0, nullptr) == 3);
        CHECK(sys(SYS_getgroups, 4, out) == 3);
        int sum = 0;
        for (int i = 0; i < 3; i++) {
            sum += out[i];
        }
        CHECK(sum == 60);
        return 0;
    });
}
TEST(sys_setgroups, EPERM_for_a_plain_user) {
    EXPECT_CHILD_OK([] {
        CHECK(setresuid(1000, 1000, 1000) == 0);
        CHECK_ERRNO(sys(SYS_setgroups, 0, nullptr), EPERM);
        return 0;
    });
}
TEST(sys_setgroups, EINVAL_on_too_many) { EXPECT_ERRNO(sys(SYS_setgroups, 65537, nullptr), EINVAL); }
TEST(sys_getgroups, EINVAL_on_small_buffer) {
    EXPECT_CHILD_OK([] {
        gid_t in[3] = {30, 10, 20};
        CHECK(sys(SYS_setgroups, 3, in) == 0);
        CHECK_ERRNO(sys(SYS_getgroups, 2, in), EINVAL);
        CHECK_ERRNO(sys(SYS_getgroups, -1, in), EINVAL);
        return 0;
    });
}
TEST(sys_capget, root_has_capabilities_and_a_plain_user_has_none) {
    EXPECT_CHILD_OK([] {
        __user_cap_header_struct h{_LINUX_CAPABILITY_VERSION_3, 0};
        __user_cap_data_struct d[2]{};
        CHECK(sys(SYS_capget, &h, d) == 0);
        CHECK(d[0].effective & (1u << CAP_SETUID));
        CHECK(setresuid(1000, 1000, 1000) == 0);
        CHECK(sys(SYS_capget, &h, d) == 0);
        CHECK(d[0].effective == 0 && d[1].effective == 0);
        return 0;
    });
}
TEST(sys_capget, EINVAL_on_bad_version_which_is_put_right) {
    __user_cap_header_struct h{1, 0};
    __user_cap_data_struct d[2]{};
    EXPECT_ERRNO(sys(SYS_capget, &h, d), EINVAL);
    EXPECT_EQ(static_cast<uint32_t>(_LINUX_CAPABILITY_VERSION_3), h.version);
}
TEST(sys_capset, drops_a_capability) {
    EXPECT_CHILD_OK([] {
        __user_cap_header_struct h{_LINUX_CAPABILITY_VERSION_3, 0};
        __user_cap_data_struct d[2]{};
        CHECK(sys(SYS_capget, &h, d) == 0);
        d[0].effective &= ~(1u << CAP_SYS_CHROOT);
        CHECK(sys(SYS_capset, &h, d) == 0);
        CHECK_ERRNO(chroot("/"), EPERM);
        return 0;
    });
}
TEST(sys_capset, EPERM_on_raising_what_is_not_permitted) {
    EXPECT_CHILD_OK([] {
        CHECK(setresuid(1000, 1000, 1000) == 0);
        __user_cap_header_struct h{_LINUX_CAPABILITY_VERSION_3, 0};
        __user_cap_data_struct d[2]{};
        d[0].effective = d[0].permitted = 1u << CAP_SYS_CHROOT;
        CHECK_ERRNO(sys(SYS_capset, &h, d), EPERM);
        return 0;
    });
}

TEST(sys_uname, says_Linux_on_x86_64) {
    utsname u{};
    ASSERT_OK(uname(&u));
    EXPECT_STREQ("Linux", u.sysname);
    EXPECT_STREQ("x86_64", u.machine);
    EXPECT_GE(atoi(u.release), 5);
    EXPECT_GT(strlen(u.nodename), 0u);
}
TEST(sys_uname, EFAULT_on_bad_pointer) { EXPECT_ERRNO(sys(SYS_uname, unmapped_address), EFAULT); }
TEST(sys_sethostname, changes_uname) {
    utsname u{};
    uname(&u);
    EXPECT_CHILD_OK([&] {
        if (sys(SYS_unshare, CLONE_NEWUTS) != 0) {
            // Without namespaces: set the name that is there already.
            CHECK(sethostname(u.nodename, strlen(u.nodename)) == 0);
            return 0;
        }
        CHECK(sethostname("other", 5) == 0);
        utsname now{};
        CHECK(uname(&now) == 0);
        CHECK(strcmp(now.nodename, "other") == 0);
        return 0;
    });
}
TEST(sys_sethostname, EINVAL_on_long_name) {
    char name[100] = {};
    EXPECT_ERRNO(sethostname(name, 65), EINVAL);
}
TEST(sys_sethostname, EPERM_for_a_plain_user) {
    EXPECT_CHILD_OK([] {
        CHECK(setresuid(1000, 1000, 1000) == 0);
        CHECK_ERRNO(sethostname("x", 1), EPERM);
        return 0;
    });
}
TEST(sys_sysinfo, tells_memory_and_uptime) {
    struct sysinfo si{};
    ASSERT_OK(sysinfo(&si));
    EXPECT_GT(si.totalram, 0u);
    EXPECT_LE(si.freeram, si.totalram);
    EXPECT_GE(si.uptime, 0);
    EXPECT_GE(si.procs, 1u);
    EXPECT_EQ(1u, si.mem_unit);
}
TEST(sys_sysinfo, EFAULT_on_bad_pointer) { EXPECT_ERRNO(sys(SYS_sysinfo, unmapped_address), EFAULT); }

TEST(sys_getrlimit, stack_is_eight_MiB_and_soft_is_at_most_hard) {
    for (int what : (int[]){RLIMIT_STACK, RLIMIT_NOFILE, RLIMIT_AS, RLIMIT_CORE, RLIMIT_DATA, RLIMIT_NPROC}) {
        rlimit lim{};
        EXPECT_OK(sys(SYS_getrlimit, what, &lim));
        EXPECT_LE(lim.rlim_cur, lim.rlim_max);
    }
    rlimit lim{};
    sys(SYS_getrlimit, RLIMIT_STACK, &lim);
    EXPECT_EQ(8u << 20, lim.rlim_cur);
}
TEST(sys_getrlimit, EINVAL_on_unknown_resource) {
    rlimit lim;
    EXPECT_ERRNO(sys(SYS_getrlimit, 99, &lim), EINVAL);
}
TEST(sys_getrlimit, EFAULT_on_bad_pointer) { EXPECT_ERRNO(sys(SYS_getrlimit, RLIMIT_STACK, unmapped_address), EFAULT); }
TEST(sys_setrlimit, is_inherited_by_a_child) {
    EXPECT_CHILD_OK([] {
        rlimit lim{33, 44};
        CHECK(sys(SYS_setrlimit, RLIMIT_NOFILE, &lim) == 0);
        return run_in_child([] {
            rlimit now{};
            CHECK(sys(SYS_getrlimit, RLIMIT_NOFILE, &now) == 0);
            CHECK(now.rlim_cur == 33 && now.rlim_max == 44);
            return 0;
        });
    });
}
TEST(sys_setrlimit, EINVAL_on_soft_above_hard) {
    rlimit lim{50, 40};
    EXPECT_ERRNO(sys(SYS_setrlimit, RLIMIT_NOFILE, &lim), EINVAL);
}
TEST(sys_setrlimit, EPERM_for_a_plain_user_who_raises_the_hard_limit) {
    EXPECT_CHILD_OK([] {
        rlimit lim{40, 40};
        CHECK(sys(SYS_setrlimit, RLIMIT_NOFILE, &lim) == 0);
        CHECK(setresuid(1000, 1000, 1000) == 0);
        lim.rlim_max = 50;
        CHECK_ERRNO(sys(SYS_setrlimit, RLIMIT_NOFILE, &lim), EPERM);
        return 0;
    });
}
TEST(sys_prlimit64, sets_and_gives_the_old_one) {
    EXPECT_CHILD_OK([] {
        rlimit in{55, 66}, out{};
        CHECK(sys(SYS_prlimit64, 0, RLIMIT_NOFILE, &in, nullptr) == 0);
        CHECK(sys(SYS_prlimit64, getpid(), RLIMIT_NOFILE, nullptr, &out) == 0);
        CHECK(out.rlim_cur == 55 && out.rlim_max == 66);
        return 0;
    });
}
TEST(sys_prlimit64, ESRCH_on_missing_process) {
    rlimit out;
    EXPECT_ERRNO(sys(SYS_prlimit64, 0x3fffffff, RLIMIT_NOFILE, nullptr, &out), ESRCH);
}
TEST(sys_prlimit64, EINVAL_on_unknown_resource) {
    rlimit out;
    EXPECT_ERRNO(sys(SYS_prlimit64, 0, 99, nullptr, &out), EINVAL);
}
TEST(sys_getrusage, self_children_and_thread) {
    rusage ru{};
    EXPECT_OK(getrusage(RUSAGE_SELF, &ru));
    EXPECT_GT(ru.ru_maxrss, 0);
    EXPECT_OK(getrusage(RUSAGE_CHILDREN, &ru));
    EXPECT_OK(getrusage(1 /* RUSAGE_THREAD */, &ru));
}
TEST(sys_getrusage, page_faults_are_counted) {
    rusage a{}, b{};
    getrusage(RUSAGE_SELF, &a);
    {
        Mapping m(64 * 4096);
        madvise(m.data(), m.size(), 15);
        for (int i = 0; i < 64; i++) {
            m[i * 4096] = 1;
        }
    }
    getrusage(RUSAGE_SELF, &b);
    EXPECT_GT(b.ru_minflt, a.ru_minflt);
}
TEST(sys_getrusage, EINVAL_on_unknown_target) {
    rusage ru;
    EXPECT_ERRNO(sys(SYS_getrusage, 5, &ru), EINVAL);
}
TEST(sys_getrusage, EFAULT_on_bad_pointer) { EXPECT_ERRNO(sys(SYS_getrusage, 0, unmapped_address), EFAULT); }

TEST(sys_getrandom, fills_with_different_bytes) {
    char a[64] = {}, b[64] = {};
    EXPECT_EQ(64, sys(SYS_getrandom, a, 64ul, 0));
    EXPECT_EQ(64, sys(SYS_getrandom, b, 64ul, GRND_NONBLOCK));
    EXPECT_NE(0, memcmp(a, b, 64));
}
TEST(sys_getrandom, of_zero_bytes_is_zero) { EXPECT_EQ(0, sys(SYS_getrandom, nullptr, 0ul, 0)); }
TEST(sys_getrandom, large_request_is_filled) {
    Mapping m(100000);
    EXPECT_EQ(100000, sys(SYS_getrandom, m.data(), 100000ul, 0));
}
TEST(sys_getrandom, EINVAL_on_unknown_flags) {
    char c;
    EXPECT_ERRNO(sys(SYS_getrandom, &c, 1ul, 0x80), EINVAL);
    EXPECT_ERRNO(sys(SYS_getrandom, &c, 1ul, 6), EINVAL); // RANDOM and INSECURE
}
TEST(sys_getrandom, EFAULT_on_bad_buffer) { EXPECT_ERRNO(sys(SYS_getrandom, unmapped_address, 8ul, 0), EFAULT); }

TEST(sys_prctl, name_is_set_and_cut_at_fifteen) {
    EXPECT_CHILD_OK([] {
        CHECK(prctl(PR_SET_NAME, "0123456789abcdefgh") == 0);
        char name[16] = {};
        CHECK(prctl(PR_GET_NAME, name) == 0);
        CHECK(strcmp(name, "0123456789abcde") == 0);
        return 0;
    });
}
TEST(sys_prctl, PDEATHSIG_is_kept_and_cleared_by_fork) {
    EXPECT_CHILD_OK([] {
        CHECK(prctl(PR_SET_PDEATHSIG, SIGTERM) == 0);
        int sig = 0;
        CHECK(prctl(PR_GET_PDEATHSIG, &sig) == 0);
        CHECK(sig == SIGTERM);
        return run_in_child([] {
            int mine = -1;
            CHECK(prctl(PR_GET_PDEATHSIG, &mine) == 0);
            CHECK(mine == 0);
            return 0;
        });
    });
}
TEST(sys_prctl, PDEATHSIG_is_sent_when_the_parent_dies) {
    Pipe done;
    pid_t parent = start_child([&] {
        Pipe ready;
        start_child([&] {
            BlockSignals block(SIGUSR1);
            prctl(PR_SET_PDEATHSIG, SIGUSR1);
            write(ready.w, "r", 1);
            sigset_t set;
            sigemptyset(&set);
            sigaddset(&set, SIGUSR1);
            int sig = 0;
            sigwait(&set, &sig);
            write(done.w, sig == SIGUSR1 ? "y" : "n", 1);
            return 0;
        });
        char c;
        read(ready.r, &c, 1);
        return 0;
    });
    wait_for(parent);
    char c = 0;
    EXPECT_EQ(1, read(done.r, &c, 1));
    EXPECT_EQ('y', c);
}
TEST(sys_prctl, dumpable_and_no_new_privs) {
    EXPECT_CHILD_OK([] {
        CHECK(prctl(PR_GET_DUMPABLE) == 1);
        CHECK(prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0);
        CHECK(prctl(PR_GET_DUMPABLE) == 0);
        CHECK(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 0);
        CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
        CHECK(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1);
        return 0;
    });
}
TEST(sys_prctl, child_subreaper_adopts_orphans) {
    EXPECT_CHILD_OK([] {
        CHECK(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0);
        Pipe p;
        pid_t child = start_child([&] {
            pid_t grandchild = start_child([] { return 9; });
            write(p.w, &grandchild, sizeof(grandchild));
            return 0;
        });
        pid_t grandchild = 0;
        CHECK(read(p.r, &grandchild, sizeof(grandchild)) == sizeof(grandchild));
        CHECK(wait_for(child) == 0);
        CHECK(wait_for(grandchild) == 9 << 8);
        return 0;
    });
}
TEST(sys_prctl, EINVAL_on_unknown_option_and_bad_signal) {
    EXPECT_ERRNO(sys(SYS_prctl, 9999, 0, 0, 0, 0), EINVAL);
    EXPECT_ERRNO(sys(SYS_prctl, PR_SET_PDEATHSIG, 999, 0, 0, 0), EINVAL);
}
TEST(sys_prctl, EFAULT_on_bad_name) { EXPECT_ERRNO(sys(SYS_prctl, PR_SET_NAME, unmapped_address, 0, 0, 0), EFAULT); }
TEST(sys_personality, asks_with_all_ones) {
    long p = sys(SYS_personality, 0xffffffffu);
    EXPECT_EQ(0, p & 0xff);
}
TEST(sys_personality, sets_and_gives_the_old_one) {
    EXPECT_CHILD_OK([] {
        CHECK(sys(SYS_personality, ADDR_NO_RANDOMIZE) >= 0);
        CHECK(sys(SYS_personality, 0xffffffffu) & ADDR_NO_RANDOMIZE);
        return 0;
    });
}
TEST(sys_sync, succeeds) { EXPECT_EQ(0, sys(SYS_sync)); }
TEST(sys_syslog, EINVAL_on_bad_type) { EXPECT_ERRNO(sys(SYS_syslog, 99, nullptr, 0), EINVAL); }
TEST(sys_membarrier, query_and_private_expedited) {
    long mask = sys(SYS_membarrier, 0, 0, 0);
    EXPECT_GT(mask, 0);
    EXPECT_OK(sys(SYS_membarrier, 16, 0, 0)); // register private expedited
    EXPECT_OK(sys(SYS_membarrier, 8, 0, 0));
}
TEST(sys_membarrier, EINVAL_on_unknown_command) { EXPECT_ERRNO(sys(SYS_membarrier, 0x4000, 0, 0), EINVAL); }
TEST(sys_reboot, EINVAL_on_wrong_magic) { EXPECT_ERRNO(sys(SYS_reboot, 0, 0, 0, nullptr), EINVAL); }
TEST(sys_umount2, EINVAL_on_what_is_not_a_mount) {
    TempDir d;
    EXPECT_ERRNO(sys(SYS_umount2, d.path(), 0), EINVAL);
}
TEST(sys_umount2, ENOENT_on_missing_path) { EXPECT_ERRNO(sys(SYS_umount2, "/tmp/no-such-folder", 0), ENOENT); }
TEST(sys_mount, EPERM_for_a_plain_user) {
    EXPECT_CHILD_OK([] {
        CHECK(setresuid(1000, 1000, 1000) == 0);
        CHECK_ERRNO(sys(SYS_mount, "none", "/tmp", "tmpfs", 0ul, nullptr), EPERM);
        return 0;
    });
}
TEST(sys_mount, ENODEV_on_unknown_file_system) {
    TempDir d;
    EXPECT_ERRNO(sys(SYS_mount, "none", d.path(), "no-such-fs", 0ul, nullptr), ENODEV);
}
TEST(sys_mount, tmpfs_covers_and_uncovers) {
    TempDir d;
    write_file(d / "under", "x");
    ASSERT_OK(sys(SYS_mount, "none", d.path(), "tmpfs", 0ul, "size=1m"));
    struct stat st;
    EXPECT_ERRNO(stat(d / "under", &st), ENOENT);
    write_file(d / "over", "x");
    EXPECT_OK(sys(SYS_umount2, d.path(), 0));
    EXPECT_OK(stat(d / "under", &st));
    EXPECT_ERRNO(stat(d / "over", &st), ENOENT);
}
TEST(sys_umount2, EBUSY_with_an_open_file) {
    TempDir d;
    ASSERT_OK(sys(SYS_mount, "none", d.path(), "tmpfs", 0ul, nullptr));
    {
        Fd fd(open(d / "f", O_RDWR | O_CREAT, 0600));
        EXPECT_ERRNO(sys(SYS_umount2, d.path(), 0), EBUSY);
    }
    EXPECT_OK(sys(SYS_umount2, d.path(), 0));
}
