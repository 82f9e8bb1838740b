// Filters on system calls: seccomp(2), prctl(PR_SET_SECCOMP).
#include "support.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

namespace {

long seccomp_(unsigned op, unsigned flags, void* args) { return sys(SYS_seccomp, op, flags, args); }

template <size_t N>
long install(sock_filter (&f)[N], unsigned flags = 0) {
    sock_fprog p{static_cast<unsigned short>(N), f};
    return seccomp_(SECCOMP_SET_MODE_FILTER, flags, &p);
}

template <size_t N>
long install_plain(sock_filter (&f)[N]) {
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ? -1 : install(f);
}

#define NR offsetof(seccomp_data, nr)
#define ON_CALL(number, verdict) \
    {BPF_LD | BPF_W | BPF_ABS, 0, 0, NR}, {BPF_JMP | BPF_JEQ | BPF_K, 0, 1, static_cast<unsigned>(number)}, \
    {BPF_RET | BPF_K, 0, 0, static_cast<unsigned>(verdict)}
#define ALLOW {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW}

// A filter that answers one call, and allows the rest.
long answer(long number, unsigned verdict, unsigned flags = 0) {
    sock_filter f[] = {ON_CALL(number, verdict), ALLOW};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        return -1;
    }
    return install(f, flags);
}

int status_line(const char* name, pid_t tid = 0) {
    char path[64], text[8192], wanted[64];
    snprintf(path, sizeof(path), "/proc/self/task/%d/status", tid ? tid : static_cast<int>(sys(SYS_gettid)));
    if (read_text(path, text, sizeof(text)) <= 0) {
        return -1;
    }
    snprintf(wanted, sizeof(wanted), "\n%s:\t", name);
    const char* at = strstr(text, wanted);
    return at ? atoi(at + strlen(wanted)) : -1;
}

} // namespace

HELPER(seccomp_getppid_fails) { return sys(SYS_getppid) == -1 && errno == EXDEV && prctl(PR_GET_SECCOMP) == 2 ? 0 : 1; }

TEST(sys_seccomp, ERRNO_gives_the_number_and_does_not_make_the_call) {
    EXPECT_CHILD_OK([] {
        CHECK(answer(SYS_getppid, SECCOMP_RET_ERRNO | EXDEV) == 0);
        CHECK_ERRNO(sys(SYS_getppid), EXDEV);
        CHECK(sys(SYS_getpid) > 0);
        return 0;
    });
}
TEST(sys_seccomp, ERRNO_of_zero_is_a_success) {
    EXPECT_CHILD_OK([] {
        CHECK(answer(SYS_getppid, SECCOMP_RET_ERRNO) == 0);
        CHECK(sys(SYS_getppid) == 0);
        return 0;
    });
}
TEST(sys_seccomp, ERRNO_is_at_most_4095) {
    EXPECT_CHILD_OK([] {
        CHECK(answer(SYS_getppid, SECCOMP_RET_ERRNO | 0xffff) == 0);
        CHECK(sys(SYS_getppid) == -1 && errno == 4095);
        return 0;
    });
}
TEST(sys_seccomp, filters_the_calls_that_libc_makes) {
    // Call sites that the kernel may have bound obey too.
    EXPECT_CHILD_OK([] {
        for (int i = 0; i < 300; i++) {
            CHECK_ERRNO(dup(-1), EBADF);
        }
        CHECK(answer(SYS_dup, SECCOMP_RET_ERRNO | EXDEV) == 0);
        for (int i = 0; i < 10; i++) {
            CHECK_ERRNO(dup(-1), EXDEV);
        }
        return 0;
    });
}
TEST(sys_seccomp, looks_at_arguments) {
    EXPECT_CHILD_OK([] {
        sock_filter f[] = {{BPF_LD | BPF_W | BPF_ABS, 0, 0, NR},
                           {BPF_JMP | BPF_JEQ | BPF_K, 0, 3, SYS_dup},
                           {BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(seccomp_data, args[0])},
                           {BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 77},
                           {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ERRNO | ENOTBLK},
                           ALLOW};
        CHECK(install_plain(f) == 0);
        CHECK_ERRNO(dup(77), ENOTBLK);
        CHECK_ERRNO(dup(78), EBADF);
        return 0;
    });
}
TEST(sys_seccomp, arch_is_x86_64) {
    EXPECT_CHILD_OK([] {
        sock_filter f[] = {{BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(seccomp_data, arch)},
                           {BPF_JMP | BPF_JEQ | BPF_K, 1, 0, AUDIT_ARCH_X86_64},
                           {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_KILL_PROCESS},
                           ALLOW};
        CHECK(install_plain(f) == 0);
        CHECK(getpid() > 0);
        return 0;
    });
}
TEST(sys_seccomp, unknown_call_numbers_are_filtered_too) {
    EXPECT_CHILD_OK([] {
        CHECK(answer(9999, SECCOMP_RET_ERRNO | EXDEV) == 0);
        CHECK_ERRNO(sys(9999), EXDEV);
        CHECK_ERRNO(sys(9998), ENOSYS);
        return 0;
    });
}
TEST(sys_seccomp, KILL_PROCESS_ends_all_threads_by_SIGSYS) {
    EXPECT_CHILD_SIGNAL(SIGSYS, [] {
        Pipe p;
        static int fd;
        fd = p.r;
        pthread_t t;
        pthread_create(&t, nullptr, [](void*) -> void* {
            char c;
            read(fd, &c, 1);
            return nullptr;
        }, nullptr);
        answer(SYS_getppid, SECCOMP_RET_KILL_PROCESS);
        sys(SYS_getppid);
        return 0;
    });
}
TEST(sys_seccomp, KILL_PROCESS_passes_a_handler) {
    EXPECT_CHILD_SIGNAL(SIGSYS, [] {
        SignalAction a(SIGSYS, ignore_signal);
        answer(SYS_getppid, SECCOMP_RET_KILL_PROCESS);
        sys(SYS_getppid);
        return 0;
    });
}
TEST(sys_seccomp, KILL_THREAD_of_the_only_thread_ends_the_process) {
    EXPECT_CHILD_SIGNAL(SIGSYS, [] {
        answer(SYS_getppid, SECCOMP_RET_KILL_THREAD);
        sys(SYS_getppid);
        return 0;
    });
}
TEST(sys_seccomp, KILL_THREAD_leaves_the_other_threads) {
    EXPECT_CHILD_OK([] {
        pthread_t t;
        static int after, tid;
        CHECK(pthread_create(&t, nullptr, [](void*) -> void* {
            __atomic_store_n(&tid, static_cast<int>(sys(SYS_gettid)), __ATOMIC_RELEASE);
            answer(SYS_getppid, SECCOMP_RET_KILL_THREAD);
            sys(SYS_getppid);
            after = 1;
            return nullptr;
        }, nullptr) == 0);
        // No libc can join a thread that was killed.
        wait_until([] { return __atomic_load_n(&tid, __ATOMIC_ACQUIRE) && sys(SYS_tgkill, getpid(), tid, 0) != 0; });
        CHECK(after == 0);
        sys(SYS_exit_group, 0);
        return 0;
    });
}
TEST(sys_seccomp, an_unknown_action_kills_the_process) {
    EXPECT_CHILD_SIGNAL(SIGSYS, [] {
        answer(SYS_getppid, 0x00010000);
        sys(SYS_getppid);
        return 0;
    });
}

namespace {
siginfo_t trapped;
long trapped_rax, trapped_rip;
void on_trap(int, siginfo_t* i, void* context) {
    trapped = *i;
    auto* uc = static_cast<ucontext_t*>(context);
    trapped_rax = uc->uc_mcontext.gregs[13]; // REG_RAX
    trapped_rip = uc->uc_mcontext.gregs[16]; // REG_RIP
    uc->uc_mcontext.gregs[13] = 4711;
}
} // namespace

TEST(sys_seccomp, TRAP_is_SIGSYS_whose_handler_gives_the_result) {
    EXPECT_CHILD_OK([] {
        SignalAction a(SIGSYS, on_trap);
        CHECK(answer(SYS_getppid, SECCOMP_RET_TRAP | 123) == 0);
        CHECK(sys(SYS_getppid) == 4711);
        CHECK(trapped.si_signo == SIGSYS);
        CHECK(trapped.si_code == 1);
        CHECK(trapped.si_errno == 123);
        CHECK(trapped.si_syscall == SYS_getppid);
        CHECK(trapped.si_arch == AUDIT_ARCH_X86_64);
        CHECK(trapped.si_call_addr == reinterpret_cast<void*>(trapped_rip));
        CHECK(trapped_rax == SYS_getppid);
        return 0;
    });
}
TEST(sys_seccomp, TRAP_without_a_handler_kills) {
    EXPECT_CHILD_SIGNAL(SIGSYS, [] {
        answer(SYS_getppid, SECCOMP_RET_TRAP);
        sys(SYS_getppid);
        return 0;
    });
}
TEST(sys_seccomp, TRAP_with_SIGSYS_blocked_kills) {
    EXPECT_CHILD_SIGNAL(SIGSYS, [] {
        SignalAction a(SIGSYS, on_trap);
        BlockSignals b(SIGSYS);
        answer(SYS_getppid, SECCOMP_RET_TRAP);
        sys(SYS_getppid);
        return 0;
    });
}
TEST(sys_seccomp, ENOSYS_of_TRACE_without_a_tracer) {
    EXPECT_CHILD_OK([] {
        CHECK(answer(SYS_getppid, SECCOMP_RET_TRACE | 1) == 0);
        CHECK_ERRNO(sys(SYS_getppid), ENOSYS);
        return 0;
    });
}
TEST(sys_seccomp, LOG_allows) {
    EXPECT_CHILD_OK([] {
        CHECK(answer(SYS_getppid, SECCOMP_RET_LOG) == 0);
        CHECK(sys(SYS_getppid) == getppid());
        return 0;
    });
}
TEST(sys_seccomp, the_gravest_of_several_filters_counts) {
    EXPECT_CHILD_OK([] {
        CHECK(answer(SYS_getppid, SECCOMP_RET_ERRNO | EXDEV) == 0);
        CHECK(answer(SYS_getppid, SECCOMP_RET_ALLOW) == 0);
        CHECK(answer(SYS_getuid, SECCOMP_RET_ERRNO | EDOM) == 0);
        CHECK_ERRNO(sys(SYS_getppid), EXDEV);
        CHECK_ERRNO(sys(SYS_getuid), EDOM);
        return 0;
    });
}
TEST(sys_seccomp, the_latest_of_filters_with_one_action_counts) {
    EXPECT_CHILD_OK([] {
        CHECK(answer(SYS_getppid, SECCOMP_RET_ERRNO | EXDEV) == 0);
        CHECK(answer(SYS_getppid, SECCOMP_RET_ERRNO | EDOM) == 0);
        CHECK_ERRNO(sys(SYS_getppid), EDOM);
        return 0;
    });
}
TEST(sys_seccomp, filters_are_inherited_by_children_and_threads) {
    EXPECT_CHILD_OK([] {
        CHECK(answer(SYS_getppid, SECCOMP_RET_ERRNO | EXDEV) == 0);
        int status = run_in_child([] {
            CHECK_ERRNO(sys(SYS_getppid), EXDEV);
            return 0;
        });
        CHECK(status == 0);
        static int seen;
        seen = 0;
        pthread_t t;
        CHECK(pthread_create(&t, nullptr, [](void*) -> void* {
            seen = sys(SYS_getppid) == -1 ? errno : 0;
            return nullptr;
        }, nullptr) == 0);
        pthread_join(t, nullptr);
        CHECK(seen == EXDEV);
        return 0;
    });
}
TEST(sys_seccomp, filters_stay_over_execve) {
    EXPECT_CHILD_OK([] {
        CHECK(answer(SYS_getppid, SECCOMP_RET_ERRNO | EXDEV) == 0);
        return exec_helper("seccomp_getppid_fails");
    });
}
TEST(sys_seccomp, filters_of_one_thread_are_not_the_others) {
    EXPECT_CHILD_OK([] {
        pthread_t t;
        CHECK(pthread_create(&t, nullptr, [](void*) -> void* {
            answer(SYS_getppid, SECCOMP_RET_ERRNO | EXDEV);
            return nullptr;
        }, nullptr) == 0);
        pthread_join(t, nullptr);
        CHECK(sys(SYS_getppid) > 0);
        CHECK(prctl(PR_GET_SECCOMP) == 0);
        return 0;
    });
}

namespace {
struct Other {
    Pipe go, done;
    pthread_t id{};
    int tid = 0;
    int result = 0;
    long (*first)() = nullptr;
    bool start(long (*before)() = nullptr) {
        first = before;
        if (pthread_create(&id, nullptr, [](void* p) -> void* {
                auto* o = static_cast<Other*>(p);
                if (o->first) {
                    o->first();
                }
                o->tid = static_cast<int>(sys(SYS_gettid));
                char c = 1;
                write(o->done.w, &c, 1);
                read(o->go.r, &c, 1);
                o->result = sys(SYS_getppid) == -1 ? errno : 0;
                return nullptr;
            }, this) != 0) {
            return false;
        }
        char c;
        return read(done.r, &c, 1) == 1;
    }
    int finish() {
        char c = 1;
        write(go.w, &c, 1);
        pthread_join(id, nullptr);
        return result;
    }
};
} // namespace

TEST(sys_seccomp, TSYNC_puts_the_filter_into_all_threads) {
    EXPECT_CHILD_OK([] {
        Other o;
        CHECK(o.start());
        CHECK(answer(SYS_getppid, SECCOMP_RET_ERRNO | EXDEV, SECCOMP_FILTER_FLAG_TSYNC) == 0);
        CHECK(status_line("Seccomp", o.tid) == 2);
        CHECK(status_line("NoNewPrivs", o.tid) == 1);
        CHECK(o.finish() == EXDEV);
        return 0;
    });
}
TEST(sys_seccomp, TSYNC_gives_the_thread_that_has_other_filters) {
    EXPECT_CHILD_OK([] {
        Other o;
        CHECK(o.start([]() -> long { return answer(SYS_getuid, SECCOMP_RET_ERRNO | EDOM); }));
        CHECK(answer(SYS_getppid, SECCOMP_RET_ERRNO | EXDEV, SECCOMP_FILTER_FLAG_TSYNC) == o.tid);
        CHECK(sys(SYS_getppid) > 0);
        CHECK(o.finish() == 0);
        return 0;
    });
}
TEST(sys_seccomp, ESRCH_of_TSYNC_ESRCH_with_other_filters) {
    EXPECT_CHILD_OK([] {
        Other o;
        CHECK(o.start([]() -> long { return answer(SYS_getuid, SECCOMP_RET_ERRNO | EDOM); }));
        CHECK_ERRNO(answer(SYS_getppid, SECCOMP_RET_ERRNO | EXDEV, SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_TSYNC_ESRCH), ESRCH);
        o.finish();
        return 0;
    });
}
TEST(sys_seccomp, EACCES_without_no_new_privs_and_privilege) {
    EXPECT_CHILD_OK([] {
        CHECK(setresuid(4711, 4711, 4711) == 0);
        sock_filter f[] = {ALLOW};
        CHECK_ERRNO(install(f), EACCES);
        CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
        CHECK(install(f) == 0);
        return 0;
    });
}
TEST(sys_seccomp, root_needs_no_no_new_privs) {
    EXPECT_CHILD_OK([] {
        sock_filter f[] = {ALLOW};
        CHECK(install(f) == 0);
        CHECK(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 0);
        return 0;
    });
}
TEST(sys_seccomp, EINVAL_on_programs_of_no_and_too_many_instructions) {
    EXPECT_CHILD_OK([] {
        static sock_filter f[4097];
        for (sock_filter& i : f) {
            i = {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW};
        }
        sock_fprog p{0, f};
        CHECK_ERRNO(seccomp_(SECCOMP_SET_MODE_FILTER, 0, &p), EINVAL);
        p.len = 4097;
        CHECK_ERRNO(seccomp_(SECCOMP_SET_MODE_FILTER, 0, &p), EINVAL);
        p.len = 4096;
        CHECK(seccomp_(SECCOMP_SET_MODE_FILTER, 0, &p) == 0);
        return 0;
    });
}
TEST(sys_seccomp, EINVAL_on_jumps_out_of_the_program) {
    EXPECT_CHILD_OK([] {
        sock_filter far_away[] = {{BPF_JMP | BPF_JA, 0, 0, 1}, ALLOW};
        sock_filter backwards[] = {{BPF_JMP | BPF_JA, 0, 0, 0xffffffff}, ALLOW};
        sock_filter true_arm[] = {{BPF_JMP | BPF_JEQ | BPF_K, 1, 0, 0}, ALLOW};
        sock_filter false_arm[] = {{BPF_JMP | BPF_JEQ | BPF_K, 0, 200, 0}, ALLOW};
        CHECK_ERRNO(install(far_away), EINVAL);
        CHECK_ERRNO(install(backwards), EINVAL);
        CHECK_ERRNO(install(true_arm), EINVAL);
        CHECK_ERRNO(install(false_arm), EINVAL);
        return 0;
    });
}
TEST(sys_seccomp, EINVAL_on_bad_loads_instructions_and_ends) {
    EXPECT_CHILD_OK([] {
        sock_filter beyond[] = {{BPF_LD | BPF_W | BPF_ABS, 0, 0, 64}, ALLOW};
        sock_filter odd[] = {{BPF_LD | BPF_W | BPF_ABS, 0, 0, 1}, ALLOW};
        sock_filter byte[] = {{BPF_LD | BPF_B | BPF_ABS, 0, 0, 0}, ALLOW};
        sock_filter zero[] = {{BPF_ALU | BPF_DIV | BPF_K, 0, 0, 0}, ALLOW};
        sock_filter modulo[] = {{BPF_ALU | BPF_MOD | BPF_K, 0, 0, 3}, ALLOW};
        sock_filter unwritten[] = {{BPF_LD | BPF_MEM, 0, 0, 3}, ALLOW};
        sock_filter word[] = {{BPF_ST, 0, 0, 16}, ALLOW};
        sock_filter no_end[] = {{BPF_LD | BPF_IMM, 0, 0, 0}};
        sock_filter unknown[] = {{0xffff, 0, 0, 0}, ALLOW};
        CHECK_ERRNO(install(beyond), EINVAL);
        CHECK_ERRNO(install(odd), EINVAL);
        CHECK_ERRNO(install(byte), EINVAL);
        CHECK_ERRNO(install(zero), EINVAL);
        CHECK_ERRNO(install(modulo), EINVAL);
        CHECK_ERRNO(install(unwritten), EINVAL);
        CHECK_ERRNO(install(word), EINVAL);
        CHECK_ERRNO(install(no_end), EINVAL);
        CHECK_ERRNO(install(unknown), EINVAL);
        return 0;
    });
}
TEST(sys_seccomp, division_by_a_zero_register_kills) {
    EXPECT_CHILD_SIGNAL(SIGSYS, [] {
        sock_filter f[] = {{BPF_LD | BPF_W | BPF_ABS, 0, 0, NR},
                           {BPF_JMP | BPF_JEQ | BPF_K, 0, 2, SYS_getppid},
                           {BPF_LDX | BPF_IMM, 0, 0, 0},
                           {BPF_ALU | BPF_DIV | BPF_X, 0, 0, 0},
                           ALLOW};
        install(f);
        sys(SYS_getppid);
        return 0;
    });
}
TEST(sys_seccomp, arithmetic_and_memory_of_a_filter_work) {
    EXPECT_CHILD_OK([] {
        // nr * 2 + 1 - nr ^ ... comes back to nr + 1, kept in a word of memory.
        sock_filter f[] = {{BPF_LD | BPF_W | BPF_ABS, 0, 0, NR},
                           {BPF_MISC | BPF_TAX, 0, 0, 0},
                           {BPF_ALU | BPF_LSH | BPF_K, 0, 0, 1},
                           {BPF_ALU | BPF_ADD | BPF_K, 0, 0, 1},
                           {BPF_ALU | BPF_SUB | BPF_X, 0, 0, 0},
                           {BPF_ST, 0, 0, 7},
                           {BPF_LD | BPF_IMM, 0, 0, 0},
                           {BPF_LD | BPF_MEM, 0, 0, 7},
                           {BPF_JMP | BPF_JEQ | BPF_K, 0, 1, SYS_getppid + 1},
                           {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ERRNO | EXDEV},
                           ALLOW};
        CHECK(install(f) == 0);
        CHECK_ERRNO(sys(SYS_getppid), EXDEV);
        CHECK(sys(SYS_getuid) == 0);
        return 0;
    });
}
TEST(sys_seccomp, ENOMEM_when_all_filters_are_too_long_together) {
    EXPECT_CHILD_OK([] {
        static sock_filter f[4096];
        for (sock_filter& i : f) {
            i = {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW};
        }
        sock_fprog p{4096, f};
        int n = 0;
        while (seccomp_(SECCOMP_SET_MODE_FILTER, 0, &p) == 0) {
            CHECK(++n < 100);
        }
        const int last = errno;
        CHECK(last == ENOMEM);
        CHECK(n >= 1 && n <= 8); // Linux counts the instructions that it made of them
        return 0;
    });
}
TEST(sys_seccomp, many_filters_end_with_their_process) {
    EXPECT_CHILD_OK([] {
        sock_filter f[] = {ALLOW};
        for (int i = 0; i < 2000; i++) {
            CHECK(install(f) == 0);
        }
        CHECK(status_line("Seccomp_filters") == 2000);
        return 0;
    });
}
TEST(sys_seccomp, EFAULT_on_bad_pointers) {
    EXPECT_CHILD_OK([] {
        CHECK_ERRNO(seccomp_(SECCOMP_SET_MODE_FILTER, 0, unmapped_address), EFAULT);
        sock_fprog p{1, static_cast<sock_filter*>(unmapped_address)};
        CHECK_ERRNO(seccomp_(SECCOMP_SET_MODE_FILTER, 0, &p), EFAULT);
        return 0;
    });
}
TEST(sys_seccomp, EINVAL_on_unknown_operations_and_flags) {
    EXPECT_ERRNO(seccomp_(99, 0, nullptr), EINVAL);
    EXPECT_ERRNO(seccomp_(SECCOMP_SET_MODE_FILTER, 0x80000000, nullptr), EINVAL);
    EXPECT_ERRNO(seccomp_(SECCOMP_SET_MODE_STRICT, 1, nullptr), EINVAL);
    int x = 0;
    EXPECT_ERRNO(seccomp_(SECCOMP_SET_MODE_STRICT, 0, &x), EINVAL);
}
TEST(sys_seccomp, GET_ACTION_AVAIL_tells_what_is_there) {
    const unsigned list_1[] = {0x80000000u, 0u, 0x30000u, 0x50000u, 0x7ff00000u, 0x7ffc0000u, 0x7fff0000u};
    for (unsigned action : list_1) {
        EXPECT_OK(seccomp_(SECCOMP_GET_ACTION_AVAIL, 0, &action));
    }
    unsigned unknown = 0x12340000;
    EXPECT_ERRNO(seccomp_(SECCOMP_GET_ACTION_AVAIL, 0, &unknown), EOPNOTSUPP);
    EXPECT_ERRNO(seccomp_(SECCOMP_GET_ACTION_AVAIL, 1, &unknown), EINVAL);
}
TEST(sys_seccomp, GET_NOTIF_SIZES_are_those_of_the_structures) {
    struct { uint16_t notif, resp, data; } s{};
    EXPECT_OK(seccomp_(SECCOMP_GET_NOTIF_SIZES, 0, &s));
    EXPECT_EQ(80, s.notif);
    EXPECT_EQ(24, s.resp);
    EXPECT_EQ(64, s.data);
}
TEST(sys_seccomp, STRICT_allows_read_write_and_exit) {
    EXPECT_CHILD_OK([] {
        Pipe p;
        CHECK(seccomp_(SECCOMP_SET_MODE_STRICT, 0, nullptr) == 0);
        char c = 'x';
        if (write(p.w, &c, 1) != 1 || read(p.r, &c, 1) != 1) {
            sys(SYS_exit, 2);
        }
        sys(SYS_exit, 0);
        return 3;
    });
}
TEST(sys_seccomp, STRICT_kills_by_SIGKILL_on_any_other_call) {
    EXPECT_CHILD_SIGNAL(SIGKILL, [] {
        seccomp_(SECCOMP_SET_MODE_STRICT, 0, nullptr);
        sys(SYS_getpid);
        sys(SYS_exit, 0);
        return 0;
    });
}
TEST(sys_seccomp, EINVAL_on_STRICT_with_filters) {
    EXPECT_CHILD_OK([] {
        sock_filter f[] = {ALLOW};
        CHECK(install(f) == 0);
        CHECK_ERRNO(seccomp_(SECCOMP_SET_MODE_STRICT, 0, nullptr), EINVAL);
        return 0;
    });
}
TEST(sys_prctl, SECCOMP_modes_are_set_and_told) {
    EXPECT_CHILD_OK([] {
        CHECK(prctl(PR_GET_SECCOMP, 0, 0, 0, 0) == 0);
        CHECK(status_line("Seccomp") == 0);
        sock_filter f[] = {ALLOW};
        sock_fprog p{1, f};
        CHECK(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &p, 0, 0) == 0);
        CHECK(prctl(PR_GET_SECCOMP, 0, 0, 0, 0) == 2);
        CHECK(status_line("Seccomp") == 2);
        CHECK(status_line("Seccomp_filters") == 1);
        CHECK_ERRNO(prctl(PR_SET_SECCOMP, 7, 0, 0, 0), EINVAL);
        return 0;
    });
}
TEST(sys_prctl, NO_NEW_PRIVS_is_of_the_thread_and_inherited) {
    EXPECT_CHILD_OK([] {
        pthread_t t;
        static int in_thread;
        CHECK(pthread_create(&t, nullptr, [](void*) -> void* {
            prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
            in_thread = prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0);
            return nullptr;
        }, nullptr) == 0);
        pthread_join(t, nullptr);
        CHECK(in_thread == 1);
        CHECK(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 0);
        CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
        CHECK(run_in_child([] { return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? 0 : 1; }) == 0);
        return 0;
    });
}
