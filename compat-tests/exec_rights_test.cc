// Set-id bits: whose rights a program runs with, and when the bits go. execve(2), credentials(7), chmod(2).
#include "support.h"

#include <linux/capability.h>
#include <sys/auxv.h>
#include <sys/prctl.h>

namespace {

constexpr uid_t kUser = 1000, kOwner = 2000;

// A copy of this program, of the owner and mode that are asked for.
struct Program {
    TempDir dir;
    char path[512];
    explicit Program(mode_t mode, uid_t uid = kOwner, gid_t gid = kOwner) {
        snprintf(path, sizeof path, "%s", dir / "program");
        chmod(dir.path(), 0755);
        Fd from(open("/proc/self/exe", O_RDONLY)), to(open(path, O_WRONLY | O_CREAT, 0700));
        static char buffer[65536];
        for (ssize_t n; (n = read(from, buffer, sizeof buffer)) > 0;) write(to, buffer, static_cast<size_t>(n));
        chown(path, uid, gid);
        chmod(path, mode);
    }
    mode_t mode() const {
        struct stat st{};
        stat(path, &st);
        return st.st_mode & 07777;
    }
};

bool become(uid_t id) { return setresgid(id, id, id) == 0 && setresuid(id, id, id) == 0; }

// Runs the copy as a plain user: the helper's exit status says whether all is as its arguments say.
int run_as_user(const Program& p, uid_t euid, gid_t egid, bool secure, bool no_new_privs = false) {
    char wanted[64];
    snprintf(wanted, sizeof wanted, "%u %u %d", euid, egid, secure);
    return run_in_child([&] {
        if (!become(kUser) || (no_new_privs && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)) return 99;
        execl(p.path, "compat-helper", "--helper=show_rights", wanted, static_cast<char*>(nullptr));
        return 98;
    });
}

uint64_t effective_capabilities() {
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct data[2]{};
    sys(SYS_capget, &header, data);
    return data[0].effective | static_cast<uint64_t>(data[1].effective) << 32;
}

} // namespace

// argv[1]: "EUID EGID AT_SECURE". The real ids are the user's, the saved ones the effective ones.
HELPER(show_rights) {
    unsigned euid = 0, egid = 0;
    int secure = 0;
    if (argc < 2 || sscanf(argv[argc - 1], "%u %u %d", &euid, &egid, &secure) != 3) return 90;
    uid_t r, e, s;
    gid_t rg, eg, sg;
    if (getresuid(&r, &e, &s) != 0 || getresgid(&rg, &eg, &sg) != 0) return 91;
    if (r != kUser || e != euid || s != euid) return 1;
    if (rg != kUser || eg != egid || sg != egid) return 2;
    return (getauxval(AT_SECURE) != 0) == (secure != 0) ? 0 : 3;
}
HELPER(has_capabilities) { return effective_capabilities() ? 0 : 1; }

TEST(sys_execve, a_plain_program_runs_with_the_callers_ids) {
    Program p(0755);
    EXPECT_EQ(0, run_as_user(p, kUser, kUser, false));
}
TEST(sys_execve, the_setuid_bit_gives_the_owners_effective_id) {
    Program p(04755);
    EXPECT_EQ(0, run_as_user(p, kOwner, kUser, true));
}
TEST(sys_execve, the_setgid_bit_gives_the_files_group) {
    Program p(02755);
    EXPECT_EQ(0, run_as_user(p, kUser, kOwner, true));
}
TEST(sys_execve, the_setgid_bit_without_x_for_the_group_gives_nothing) {
    Program p(02705);
    EXPECT_EQ(0, run_as_user(p, kUser, kUser, false));
}
TEST(sys_execve, both_set_id_bits) {
    Program p(06755);
    EXPECT_EQ(0, run_as_user(p, kOwner, kOwner, true));
}
TEST(sys_execve, no_new_privs_makes_nothing_of_set_id_bits) {
    Program p(06755);
    EXPECT_EQ(0, run_as_user(p, kUser, kUser, false, true));
}
TEST(sys_execve, a_setuid_program_of_root_has_capabilities_and_another_has_none) {
    Program root(04755, 0, 0), other(04755);
    auto run = [](const Program& p) {
        return run_in_child([&] {
            if (!become(kUser)) return 99;
            execl(p.path, "compat-helper", "--helper=has_capabilities", static_cast<char*>(nullptr));
            return 98;
        });
    };
    EXPECT_EQ(0, run(root));
    EXPECT_EQ(1 << 8, run(other));
}
TEST(sys_execve, EACCES_for_a_user_without_x) {
    Program p(0700);
    EXPECT_CHILD_OK([&] {
        CHECK(become(kUser));
        CHECK_ERRNO(execl(p.path, p.path, static_cast<char*>(nullptr)), EACCES);
        return 0;
    });
}
TEST(sys_write, of_a_plain_user_takes_set_id_bits_away) {
    Program p(06777);
    EXPECT_CHILD_OK([&] {
        CHECK(become(kUser));
        Fd fd(open(p.path, O_WRONLY));
        CHECK(fd.valid() && write(fd, "\x7f", 1) == 1);
        return 0;
    });
    EXPECT_EQ(0777u, p.mode());
}
TEST(sys_write, of_root_leaves_set_id_bits) {
    Program p(06777);
    Fd fd(open(p.path, O_WRONLY));
    ASSERT_EQ(1, write(fd, "\x7f", 1));
    EXPECT_EQ(06777u, p.mode());
}
TEST(sys_chown, takes_set_id_bits_of_a_program_away) {
    Program p(06755);
    ASSERT_OK(chown(p.path, kUser, kUser));
    EXPECT_EQ(0755u, p.mode());
}
TEST(sys_chmod, a_user_may_set_the_setuid_bit_of_his_own_file) {
    Program p(0755, kUser, kUser);
    EXPECT_CHILD_OK([&] {
        CHECK(become(kUser));
        CHECK(chmod(p.path, 06755) == 0);
        return 0;
    });
    EXPECT_EQ(06755u, p.mode());
}
