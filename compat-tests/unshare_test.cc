// unshare(2), and the namespaces that clone(2) and it refuse.
#include "support.h"

#include <sys/sem.h>

#ifndef CLONE_NEWCGROUP
#define CLONE_NEWCGROUP 0x02000000
#endif

namespace {

constexpr long kNamespaceFlags[] = {CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWIPC, CLONE_NEWPID, CLONE_NEWNET, CLONE_NEWCGROUP};

} // namespace

TEST(sys_unshare, of_files_separates_descriptors) {
    EXPECT_CHILD_OK([] {
        CHECK(sys(SYS_unshare, CLONE_FILES | CLONE_FS) == 0);
        return 0;
    });
}
TEST(sys_unshare, of_files_and_folders_among_processes_that_share_them) {
    EXPECT_CHILD_OK([] {
        // A child that shares both by clone, until it does not.
        static int fd;
        fd = open("/", O_RDONLY);
        CHECK(chdir("/") == 0);
        pid_t pid = static_cast<pid_t>(sys(SYS_clone, CLONE_FILES | CLONE_FS | SIGCHLD, nullptr, nullptr, nullptr, nullptr));
        if (pid == 0) {
            if (sys(SYS_unshare, CLONE_FILES | CLONE_FS) != 0) _exit(1);
            _exit(close(fd) == 0 && chdir("/tmp") == 0 ? 0 : 2);
        }
        int status = -1;
        CHECK(waitpid(pid, &status, 0) == pid && status == 0);
        CHECK(fcntl(fd, F_GETFD) >= 0);
        char folder[64];
        CHECK(getcwd(folder, sizeof folder) && strcmp(folder, "/") == 0);
        return 0;
    });
}
TEST(sys_unshare, of_semaphore_undos_does_them) {
    EXPECT_CHILD_OK([] {
        int id = semget(IPC_PRIVATE, 1, 0600);
        CHECK(id >= 0);
        sembuf up{0, 3, SEM_UNDO};
        CHECK(semop(id, &up, 1) == 0);
        CHECK(semctl(id, 0, GETVAL) == 3);
        CHECK(sys(SYS_unshare, CLONE_SYSVSEM) == 0);
        CHECK(semctl(id, 0, GETVAL) == 0);
        CHECK(semctl(id, 0, IPC_RMID) == 0);
        return 0;
    });
}
TEST(sys_unshare, EPERM_of_a_namespace_without_CAP_SYS_ADMIN) {
    EXPECT_CHILD_OK([] {
        CHECK(setresuid(1000, 1000, 1000) == 0);
        for (long flag : kNamespaceFlags) CHECK_ERRNO(sys(SYS_unshare, flag), EPERM);
        return 0;
    });
}
TEST(sys_clone, EPERM_of_a_namespace_without_CAP_SYS_ADMIN) {
    EXPECT_CHILD_OK([] {
        CHECK(setresuid(1000, 1000, 1000) == 0);
        for (long flag : kNamespaceFlags) CHECK_ERRNO(sys(SYS_clone, flag | SIGCHLD, nullptr, nullptr, nullptr, nullptr), EPERM);
        return 0;
    });
}
TEST(sys_clone, EINVAL_of_a_mount_namespace_with_a_shared_folder) {
    EXPECT_ERRNO(sys(SYS_clone, CLONE_NEWNS | CLONE_FS | SIGCHLD, nullptr, nullptr, nullptr, nullptr), EINVAL);
}
TEST(sys_unshare, EINVAL_of_threads_among_threads) {
    EXPECT_CHILD_OK([] {
        Pipe p;
        static int fd;
        fd = p.r;
        pthread_t t;
        CHECK(pthread_create(&t, nullptr, [](void*) -> void* {
            char c;
            read(fd, &c, 1);
            return nullptr;
        }, nullptr) == 0);
        CHECK_ERRNO(sys(SYS_unshare, CLONE_VM), EINVAL);
        CHECK_ERRNO(sys(SYS_unshare, CLONE_THREAD), EINVAL);
        CHECK_ERRNO(sys(SYS_unshare, CLONE_SIGHAND), EINVAL);
        CHECK(write(p.w, "x", 1) == 1);
        pthread_join(t, nullptr);
        CHECK(sys(SYS_unshare, CLONE_VM) == 0);
        return 0;
    });
}
TEST(sys_unshare, EINVAL_on_unknown_flag) { EXPECT_ERRNO(sys(SYS_unshare, 0x1), EINVAL); }
