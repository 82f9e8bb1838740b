// posix_spawn(3), which is clone(CLONE_VM | CLONE_VFORK) and execve; and children that nobody waits for.
#include "support.h"

#include <spawn.h>
#include <sys/prctl.h>
#include <sys/resource.h>

namespace {

constexpr char kSelf[] = "/proc/self/exe";

struct Actions {
    posix_spawn_file_actions_t a;
    Actions() { posix_spawn_file_actions_init(&a); }
    ~Actions() { posix_spawn_file_actions_destroy(&a); }
};
struct Attributes {
    posix_spawnattr_t a;
    explicit Attributes(int flags) {
        posix_spawnattr_init(&a);
        posix_spawnattr_setflags(&a, static_cast<short>(flags));
    }
    ~Attributes() { posix_spawnattr_destroy(&a); }
};

// The wait status of a helper with one argument; -1: it was not started (errno).
int spawn(const char* helper, const char* argument, const Actions* actions = nullptr, const Attributes* attributes = nullptr) {
    char option[64];
    snprintf(option, sizeof option, "--helper=%s", helper);
    char* words[] = {const_cast<char*>("compat-helper"), option, const_cast<char*>(argument), nullptr};
    pid_t pid = 0;
    errno = posix_spawn(&pid, kSelf, actions ? &actions->a : nullptr, attributes ? &attributes->a : nullptr, words, environ);
    if (errno) return -1;
    int status = -1;
    waitpid(pid, &status, 0);
    return status;
}

char state_of(pid_t pid) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    return state_in(path);
}

} // namespace

HELPER(spawn_status) { return atoi(argv[argc - 1]); }
HELPER(spawn_writes) { return write(7, argv[argc - 1], strlen(argv[argc - 1])) > 0 && fcntl(8, F_GETFD) == -1 ? 0 : 1; }
HELPER(spawn_group) { return getpgrp() == getpid() ? 0 : 1; }
HELPER(spawn_session) { return getsid(0) == getpid() ? 0 : 1; }
HELPER(spawn_signals) {
    sigset_t mask;
    sigprocmask(SIG_SETMASK, nullptr, &mask);
    struct sigaction a{};
    sigaction(SIGUSR2, nullptr, &a);
    return sigismember(&mask, SIGUSR1) == 1 && sigismember(&mask, SIGHUP) == 0 && a.sa_handler == SIG_DFL ? 0 : 1;
}

TEST(sys_clone, posix_spawn_gives_the_status_of_a_program) { EXPECT_EQ(7 << 8, spawn("spawn_status", "7")); }
TEST(sys_clone, posix_spawn_of_many_one_after_another) {
    for (int i = 0; i < 50; ++i) {
        char text[8];
        snprintf(text, sizeof text, "%d", i);
        ASSERT_EQ(i << 8, spawn("spawn_status", text));
    }
}
TEST(sys_clone, posix_spawn_does_its_file_actions_in_order) {
    Pipe p;
    Actions a;
    posix_spawn_file_actions_adddup2(&a.a, p.w, 7);
    posix_spawn_file_actions_addopen(&a.a, 8, "/", O_RDONLY, 0);
    posix_spawn_file_actions_addclose(&a.a, 8);
    EXPECT_EQ(0, spawn("spawn_writes", "hello", &a));
    char text[8] = {};
    EXPECT_EQ(5, read(p.r, text, 5));
    EXPECT_STREQ("hello", text);
}
TEST(sys_clone, posix_spawn_makes_a_group_and_a_session) {
    Attributes group(POSIX_SPAWN_SETPGROUP), session(POSIX_SPAWN_SETSID);
    EXPECT_EQ(0, spawn("spawn_group", "", nullptr, &group));
    EXPECT_EQ(0, spawn("spawn_session", "", nullptr, &session));
}
TEST(sys_clone, posix_spawn_sets_mask_and_default_actions) {
    SignalAction ignored(SIGUSR2, SIG_IGN);
    Attributes a(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    sigset_t mask, defaults;
    sigemptyset(&mask);
    sigaddset(&mask, SIGUSR1);
    sigemptyset(&defaults);
    sigaddset(&defaults, SIGUSR2);
    posix_spawnattr_setsigmask(&a.a, &mask);
    posix_spawnattr_setsigdefault(&a.a, &defaults);
    EXPECT_EQ(0, spawn("spawn_signals", "", nullptr, &a));
}
TEST(sys_clone, posix_spawn_tells_ENOENT_of_the_program_and_of_a_file_action) {
    char* words[] = {const_cast<char*>("x"), nullptr};
    pid_t pid = 0;
    EXPECT_EQ(ENOENT, posix_spawn(&pid, "/tmp/no-such-program", nullptr, nullptr, words, environ));
    Actions a;
    posix_spawn_file_actions_addopen(&a.a, 7, "/tmp/no-such-file", O_RDONLY, 0);
    EXPECT_EQ(-1, spawn("spawn_status", "0", &a));
    EXPECT_EQ(ENOENT, errno);
    EXPECT_ERRNO(waitpid(-1, nullptr, WNOHANG), ECHILD);
}
TEST(sys_clone, posix_spawn_from_several_threads) {
    static int failures;
    failures = 0;
    pthread_t threads[4];
    for (pthread_t& t : threads)
        ASSERT_EQ(0, pthread_create(&t, nullptr, [](void*) -> void* {
            for (int i = 0; i < 10; ++i)
                if (spawn("spawn_status", "3") != 3 << 8) __atomic_add_fetch(&failures, 1, __ATOMIC_SEQ_CST);
            return nullptr;
        }, nullptr));
    for (pthread_t t : threads) pthread_join(t, nullptr);
    EXPECT_EQ(0, failures);
}

// --- zombies ---

TEST(sys_fork, EAGAIN_when_zombies_that_nobody_waited_for_fill_RLIMIT_NPROC) {
    EXPECT_CHILD_OK([] {
        const uid_t own = 100000 + static_cast<uid_t>(getpid()); // nobody else's processes count
        CHECK(setresgid(own, own, own) == 0 && setresuid(own, own, own) == 0);
        rlimit r{10, 10};
        CHECK(setrlimit(RLIMIT_NPROC, &r) == 0);
        pid_t children[16];
        int count = 0;
        for (; count < 16; ++count) {
            pid_t pid = fork();
            if (pid == 0) _exit(0);
            if (pid < 0) break;
            children[count] = pid;
        }
        const int error = errno;
        CHECK(error == EAGAIN && count == 9);
        for (int i = 0; i < count; ++i) wait_until([&] { return state_of(children[i]) == 'Z'; });
        CHECK_ERRNO(fork(), EAGAIN);
        // One that is waited for makes room for one.
        CHECK(waitpid(children[0], nullptr, 0) == children[0]);
        pid_t pid = fork();
        if (pid == 0) _exit(0);
        CHECK(pid > 0);
        return 0;
    });
}
TEST(sys_fork, zombies_that_nobody_waited_for_go_to_the_reaper_of_their_parent) {
    EXPECT_CHILD_OK([] {
        CHECK(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0);
        Pipe p;
        int status = run_in_child([&] {
            for (int i = 0; i < 100; ++i) {
                pid_t pid = fork();
                if (pid == 0) _exit(i);
                CHECK(pid > 0);
                wait_until([&] { return state_of(pid) == 'Z'; });
                CHECK(write(p.w, &pid, sizeof pid) == sizeof pid);
            }
            return 0;
        });
        CHECK(status == 0);
        p.w.reset();
        pid_t pid;
        int count = 0;
        for (; read(p.r, &pid, sizeof pid) == sizeof pid; ++count) {
            CHECK(waitpid(pid, &status, 0) == pid && status == count << 8);
            CHECK(state_of(pid) == 0);
        }
        CHECK(count == 100);
        CHECK_ERRNO(waitpid(-1, nullptr, 0), ECHILD);
        return 0;
    });
}
