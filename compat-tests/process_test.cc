// fork, vfork, execve, wait, exit; process groups and sessions; programs by format; auxv.
#include "support.h"

#include <elf.h>
#include <sys/auxv.h>
#include <sys/resource.h>

extern char** environ;

namespace {

constexpr uint64_t base = 0x10000000;

// A minimal x86-64 program: one PT_LOAD with the code, entry at its start; more headers on demand.
struct TinyElf {
    Elf64_Ehdr eh{};
    Elf64_Phdr ph[3]{};
    char code[64]{};
    TinyElf(uint16_t type = ET_EXEC, int exit_status = 33) {
        memcpy(eh.e_ident, "\177ELF\2\1\1", 7);
        eh.e_type = type;
        eh.e_machine = EM_X86_64;
        eh.e_version = 1;
        eh.e_ehsize = sizeof(eh);
        eh.e_phentsize = sizeof(Elf64_Phdr);
        eh.e_phoff = offsetof(TinyElf, ph);
        eh.e_phnum = 2;
        uint64_t at = type == ET_EXEC ? base : 0;
        eh.e_entry = at + offsetof(TinyElf, code);
        ph[0].p_type = PT_LOAD;
        ph[0].p_flags = PF_R | PF_X;
        ph[0].p_vaddr = ph[0].p_paddr = at;
        ph[0].p_filesz = ph[0].p_memsz = sizeof(*this);
        ph[0].p_align = 4096;
        ph[1].p_type = PT_GNU_STACK;
        ph[1].p_flags = PF_R | PF_W;
        // mov $231,%eax; mov $N,%edi; syscall
        char program[] = {'\xb8', '\xe7', 0, 0, 0, '\xbf', static_cast<char>(exit_status), 0, 0, 0, '\x0f', '\x05'};
        memcpy(code, program, sizeof(program));
    }
};

bool save(const char* path, const void* data, size_t size, mode_t mode = 0755) {
    Fd fd(open(path, O_WRONLY | O_CREAT | O_TRUNC, mode));
    return fd.valid() && write(fd, data, size) == static_cast<ssize_t>(size);
}

// Runs a program file in a child; a failed execve gives exit status 100 + errno % 100 (ENOEXEC is 108).
int run_program(const char* path) {
    return run_in_child([&] {
        char* argv[] = {const_cast<char*>(path), nullptr};
        char* env[] = {nullptr};
        execve(path, argv, env);
        return 100 + errno % 100;
    });
}

int exec_status(int error) { return (100 + error) << 8; }

} // namespace

HELPER(status) { return atoi(argv[1]); }
HELPER(args) {
    return argc == 4 && strcmp(argv[1], "") == 0 && strcmp(argv[2], "two words") == 0 && strcmp(argv[3], "\xff") == 0
               ? 0
               : 1;
}
HELPER(env) { return getenv("ONLY") && strcmp(getenv("ONLY"), "this=that") == 0 && environ[1] == nullptr ? 0 : 1; }
HELPER(fd_open) { return fcntl(atoi(argv[1]), F_GETFD) == -1 ? 1 : 0; }
HELPER(signals) {
    struct sigaction a, b;
    sigaction(SIGUSR1, nullptr, &a);
    sigaction(SIGUSR2, nullptr, &b);
    sigset_t now;
    pthread_sigmask(SIG_SETMASK, nullptr, &now);
    return a.sa_handler == SIG_DFL && b.sa_handler == SIG_IGN && sigismember(&now, SIGHUP) == 1 ? 0 : 1;
}
HELPER(pid) { return getpid() == atoi(argv[1]) ? 0 : 1; }
HELPER(comm) {
    char name[32];
    read_text("/proc/self/comm", name, sizeof(name));
    return strcmp(name, argv[1]) == 0 ? 0 : 1;
}

TEST(sys_fork, child_gets_zero_and_a_new_pid) {
    pid_t parent = getpid();
    EXPECT_CHILD_OK([&] {
        CHECK(getpid() != parent);
        CHECK(getppid() == parent);
        return 0;
    });
}
TEST(sys_fork, raw_call_works) {
    long pid = sys(SYS_fork);
    if (pid == 0) {
        sys(SYS_exit_group, 6);
    }
    EXPECT_EQ(6 << 8, wait_for(static_cast<pid_t>(pid)));
}
TEST(sys_fork, memory_is_copied_on_write_both_ways) {
    Mapping m(64 * 4096);
    for (int i = 0; i < 64; i++) {
        m[i * 4096] = 1;
    }
    Pipe go;
    pid_t child = start_child([&] {
        char c;
        read(go.r, &c, 1);
        for (int i = 0; i < 64; i++) {
            CHECK(m[i * 4096] == 1);
            m[i * 4096] = 3;
        }
        return 0;
    });
    for (int i = 0; i < 64; i++) {
        m[i * 4096] = 2;
    }
    write(go.w, "x", 1);
    EXPECT_EQ(0, wait_for(child));
    for (int i = 0; i < 64; i++) {
        ASSERT_EQ(2, m[i * 4096]);
    }
}
TEST(sys_fork, open_files_share_their_offset) {
    TempDir d;
    write_file(d / "f", "abcdef");
    Fd fd(open(d / "f", O_RDONLY));
    EXPECT_CHILD_OK([&] {
        char buf[3];
        CHECK(read(fd, buf, 3) == 3);
        return 0;
    });
    EXPECT_EQ(3, lseek(fd, 0, SEEK_CUR));
}
TEST(sys_fork, grandchildren_and_many_children) {
    EXPECT_CHILD_OK([] {
        pid_t pids[20];
        for (int i = 0; i < 20; i++) {
            pids[i] = start_child([&] { return run_in_child([&] { return i; }) >> 8; });
        }
        for (int i = 0; i < 20; i++) {
            CHECK(wait_for(pids[i]) == i << 8);
        }
        return 0;
    });
}
TEST(sys_fork, EAGAIN_at_RLIMIT_NPROC_of_a_plain_user) {
    EXPECT_CHILD_OK([] {
        rlimit lim{0, 0};
        CHECK(setrlimit(RLIMIT_NPROC, &lim) == 0);
        CHECK(setresuid(12345, 12345, 12345) == 0);
        CHECK_ERRNO(sys(SYS_fork), EAGAIN);
        return 0;
    });
}
TEST(sys_vfork, parent_waits_until_the_child_is_gone) {
    volatile int value = 0;
    pid_t pid = vfork();
    if (pid == 0) {
        value = 5; // shares the memory
        _exit(4);
    }
    EXPECT_EQ(5, value);
    EXPECT_EQ(4 << 8, wait_for(pid));
}
TEST(sys_vfork, SIGTERM_ends_a_parent_that_waits) {
    Pipe p;
    pid_t parent = fork();
    if (parent == 0) {
        pid_t self = getpid();
        if (vfork() == 0) {
            kill(self, SIGTERM);
            while (getppid() == self) sched_yield();
            write(p.w, "x", 1);
            _exit(0);
        }
        _exit(1); // the child is still there
    }
    EXPECT_EQ(SIGTERM, wait_for(parent));
    char c = 0;
    EXPECT_EQ(1, read(p.r, &c, 1));
}
TEST(sys_vfork, parent_goes_on_after_execve) {
    pid_t pid = vfork();
    if (pid == 0) {
        execl("/proc/self/exe", "x", "--helper=status", "21", static_cast<char*>(nullptr));
        _exit(1);
    }
    EXPECT_EQ(21 << 8, wait_for(pid));
}

TEST(sys_execve, runs_a_program_with_its_arguments) {
    EXPECT_CHILD_OK([] { return exec_helper("args", "", "two words", "\xff"); });
}
TEST(sys_execve, another_program_after_fork_leaves_the_parent_whole) {
    // The child's new program lies where the parent's memory may be; the parent goes on with what it had, over and over.
    TempDir d;
    TinyElf other(ET_EXEC, 46), movable(ET_DYN, 47);
    save(d / "other", &other, sizeof(other));
    save(d / "movable", &movable, sizeof(movable));
    static char data[64 * 1024];
    for (int round = 0; round < 20; ++round) {
        memset(data, 'a' + round, sizeof(data));
        EXPECT_EQ(46 << 8, run_program(d / "other"));
        EXPECT_EQ(47 << 8, run_program(d / "movable"));
        for (char c : data) {
            if (c != 'a' + round) {
                FAIL() << "the parent's memory changed";
            }
        }
    }
}
TEST(sys_execve, passes_the_environment_as_given) {
    EXPECT_CHILD_OK([] {
        char* argv[] = {const_cast<char*>("x"), const_cast<char*>("--helper=env"), nullptr};
        char* env[] = {const_cast<char*>("ONLY=this=that"), nullptr};
        execve("/proc/self/exe", argv, env);
        return 1;
    });
}
TEST(sys_execve, exit_statuses_are_eight_bits) {
    for (const char* text : (const char*[]){"0", "1", "127", "128", "255", "256", "-1"}) {
        int status = run_in_child([&] { return exec_helper("status", text); });
        EXPECT_EQ((atoi(text) & 255) << 8, status);
    }
}
TEST(sys_execve, keeps_the_pid) {
    EXPECT_CHILD_OK([] {
        char text[16];
        snprintf(text, sizeof(text), "%d", getpid());
        return exec_helper("pid", text);
    });
}
TEST(sys_execve, closes_only_close_on_exec_descriptors) {
    EXPECT_CHILD_OK([] {
        CHECK(dup2(2, 100) == 100);
        return exec_helper("fd_open", "100");
    });
    int status = run_in_child([] {
        CHECK(dup3(2, 100, O_CLOEXEC) == 100);
        return exec_helper("fd_open", "100");
    });
    EXPECT_EQ(1 << 8, status);
}
TEST(sys_execve, handlers_go_ignored_signals_and_mask_stay) {
    EXPECT_CHILD_OK([] {
        signal(SIGUSR1, ignore_signal);
        signal(SIGUSR2, SIG_IGN);
        sigset_t set;
        sigemptyset(&set);
        sigaddset(&set, SIGHUP);
        pthread_sigmask(SIG_BLOCK, &set, nullptr);
        return exec_helper("signals");
    });
}
TEST(sys_execve, comm_is_the_file_name) {
    EXPECT_CHILD_OK([] {
        TempDir d;
        symlink("/proc/self/exe", d / "a-name-longer-than-15");
        pid_t pid = start_child([&] {
            execl(d / "a-name-longer-than-15", "x", "--helper=comm", "a-name-longer-t\n", static_cast<char*>(nullptr));
            return 1;
        });
        int status = wait_for(pid);
        remove_tree(d.path());
        return status;
    });
}
TEST(sys_execve, from_a_thread_takes_over_the_process) {
    EXPECT_CHILD_OK([] {
        Thread t([] {
            char text[16];
            snprintf(text, sizeof(text), "%d", getpid());
            _exit(exec_helper("pid", text));
        });
        for (;;) {
            pause();
        }
        return 1;
    });
}
TEST(sys_execve, script_names_its_interpreter_and_one_argument) {
    TempDir d;
    chmod(d.path(), 0755);
    char self[256] = {};
    ASSERT_GT(readlink("/proc/self/exe", self, sizeof(self) - 1), 0);
    char text[512];
    snprintf(text, sizeof(text), "#! %s   --helper=status  \nignored\n", self);
    write_file(d / "script", text, 0755);
    // The interpreter gets: option, script path, arguments; atoi of the path is 0.
    EXPECT_EQ(0, run_program(d / "script"));
}
TEST(sys_execve, script_of_a_script_works) {
    TempDir d;
    char self[256] = {}, text[512];
    ASSERT_GT(readlink("/proc/self/exe", self, sizeof(self) - 1), 0);
    snprintf(text, sizeof(text), "#!%s --helper=status\n", self);
    write_file(d / "inner", text, 0755);
    snprintf(text, sizeof(text), "#!%s\n", d / "inner");
    write_file(d / "outer", text, 0755);
    EXPECT_EQ(0, run_program(d / "outer"));
}
TEST(sys_execve, ENOENT_on_missing_file_and_missing_script_interpreter) {
    TempDir d;
    write_file(d / "script", "#!/no/such/interpreter\n", 0755);
    EXPECT_EQ(exec_status(ENOENT), run_program("/no/such/program"));
    EXPECT_EQ(exec_status(ENOENT), run_program(d / "script"));
}
TEST(sys_execve, EACCES_without_x_bit_and_on_a_folder) {
    TempDir d;
    TinyElf elf;
    save(d / "p", &elf, sizeof(elf), 0644);
    EXPECT_EQ(exec_status(EACCES), run_program(d / "p"));
    EXPECT_EQ(exec_status(EACCES), run_program(d.path()));
}
TEST(sys_execve, ENOEXEC_on_text_empty_file_and_other_machine) {
    TempDir d;
    write_file(d / "text", "hello\n", 0755);
    EXPECT_EQ(exec_status(ENOEXEC), run_program(d / "text"));
    write_file(d / "empty", "", 0755);
    EXPECT_EQ(exec_status(ENOEXEC), run_program(d / "empty"));
    TinyElf elf;
    elf.eh.e_machine = EM_AARCH64;
    save(d / "arm", &elf, sizeof(elf));
    EXPECT_EQ(exec_status(ENOEXEC), run_program(d / "arm"));
}
TEST(sys_execve, ENOEXEC_on_truncated_and_relocatable_ELF) {
    TempDir d;
    TinyElf elf;
    save(d / "short", &elf, 40);
    EXPECT_EQ(exec_status(ENOEXEC), run_program(d / "short"));
    elf.eh.e_type = ET_REL;
    save(d / "rel", &elf, sizeof(elf));
    EXPECT_EQ(exec_status(ENOEXEC), run_program(d / "rel"));
}
TEST(sys_execve, E2BIG_on_huge_arguments) {
    EXPECT_CHILD_OK([] {
        Mapping big(256 * 1024);
        memset(big.data(), 'a', big.size() - 1);
        char* argv[] = {const_cast<char*>("x"), big.data(), nullptr};
        char* env[] = {nullptr};
        CHECK_ERRNO(execve("/proc/self/exe", argv, env), E2BIG);
        return 0;
    });
}
TEST(sys_execve, EFAULT_on_bad_pointers) {
    EXPECT_CHILD_OK([] {
        CHECK_ERRNO(sys(SYS_execve, unmapped_address, nullptr, nullptr), EFAULT);
        CHECK_ERRNO(sys(SYS_execve, "/proc/self/exe", unmapped_address, nullptr), EFAULT);
        return 0;
    });
}
TEST(sys_execve, ETXTBSY_on_a_file_open_for_writing) {
    TempDir d;
    TinyElf elf;
    save(d / "p", &elf, sizeof(elf));
    Fd fd(open(d / "p", O_RDWR));
    EXPECT_EQ(exec_status(ETXTBSY), run_program(d / "p"));
}
TEST(sys_execveat, runs_a_descriptor) {
    Fd fd(memfd());
    TinyElf elf;
    write(fd, &elf, sizeof(elf));
    int status = run_in_child([&] {
        char* argv[] = {const_cast<char*>("x"), nullptr};
        char* env[] = {nullptr};
        sys(SYS_execveat, fd.get(), "", argv, env, AT_EMPTY_PATH);
        return 100 + errno % 100;
    });
    EXPECT_EQ(33 << 8, status);
}
TEST(sys_execveat, EINVAL_on_unknown_flag) {
    EXPECT_CHILD_OK([] {
        char* argv[] = {nullptr};
        CHECK_ERRNO(sys(SYS_execveat, AT_FDCWD, "/proc/self/exe", argv, argv, 0x8000000), EINVAL);
        return 0;
    });
}
TEST(sys_execveat, ELOOP_with_AT_SYMLINK_NOFOLLOW_on_symlink) {
    TempDir d;
    symlink("/proc/self/exe", d / "l");
    EXPECT_CHILD_OK([&] {
        char* argv[] = {nullptr};
        CHECK_ERRNO(sys(SYS_execveat, AT_FDCWD, d / "l", argv, argv, AT_SYMLINK_NOFOLLOW), ELOOP);
        return 0;
    });
}

TEST(elf_load, fixed_address_program) {
    TempDir d;
    TinyElf elf(ET_EXEC, 44);
    save(d / "p", &elf, sizeof(elf));
    EXPECT_EQ(44 << 8, run_program(d / "p"));
}
TEST(elf_load, position_independent_program_without_interpreter) {
    TempDir d;
    TinyElf elf(ET_DYN, 45);
    save(d / "p", &elf, sizeof(elf));
    EXPECT_EQ(45 << 8, run_program(d / "p"));
}
TEST(elf_load, any_interpreter_is_started_instead) {
    TempDir d;
    TinyElf interp(ET_DYN, 46), elf(ET_EXEC, 1);
    save(d / "interp", &interp, sizeof(interp));
    elf.eh.e_phnum = 3;
    elf.ph[2] = elf.ph[0];
    elf.ph[0] = {};
    elf.ph[0].p_type = PT_INTERP;
    const char* path = d / "interp";
    // The path stands at the end of the code area.
    struct {
        TinyElf elf;
        char path[128];
    } file{elf, {}};
    snprintf(file.path, sizeof(file.path), "%s", path);
    file.elf.ph[0].p_offset = sizeof(TinyElf);
    file.elf.ph[0].p_filesz = file.elf.ph[0].p_memsz = strlen(path) + 1;
    file.elf.ph[0].p_flags = PF_R;
    save(d / "p", &file, sizeof(file));
    EXPECT_EQ(46 << 8, run_program(d / "p"));
    unlink(d / "interp");
    EXPECT_EQ(exec_status(ENOENT), run_program(d / "p"));
}
TEST(elf_load, bss_is_zero_and_writable) {
    TempDir d;
    TinyElf elf;
    elf.ph[0].p_flags = PF_R | PF_W | PF_X;
    elf.ph[0].p_memsz = 0x5000;
    // mov base+0x4ff8,%edi ; incl base+0x4ff8 ; mov base+0x4ff8,%edi ; mov $231,%eax ; syscall -> status 1
    unsigned char code[] = {0xff, 0x04, 0x25, 0xf8, 0x4f, 0x00, 0x10, 0x8b, 0x3c, 0x25, 0xf8, 0x4f,
                            0x00, 0x10, 0xb8, 0xe7, 0x00, 0x00, 0x00, 0x0f, 0x05};
    memcpy(elf.code, code, sizeof(code));
    save(d / "p", &elf, sizeof(elf));
    EXPECT_EQ(1 << 8, run_program(d / "p"));
}
TEST(elf_load, registers_are_clear_and_stack_is_aligned_at_entry) {
    TempDir d;
    TinyElf elf;
    // status = (rsp & 15) | rbx | rcx... : mov %rsp,%rdi; and $15,%edi; or %ebx,%edi; or %ebp,%edi; mov $231,%eax; syscall
    unsigned char code[] = {0x48, 0x89, 0xe7, 0x83, 0xe7, 0x0f, 0x09, 0xdf, 0x09, 0xef,
                            0xb8, 0xe7, 0x00, 0x00, 0x00, 0x0f, 0x05};
    memcpy(elf.code, code, sizeof(code));
    save(d / "p", &elf, sizeof(elf));
    EXPECT_EQ(0, run_program(d / "p"));
}
TEST(elf_load, read_only_segment_faults_on_write) {
    TempDir d;
    TinyElf elf;
    unsigned char code[] = {0xff, 0x04, 0x25, 0x00, 0x00, 0x00, 0x10}; // incl base
    memcpy(elf.code, code, sizeof(code));
    save(d / "p", &elf, sizeof(elf));
    int status = run_program(d / "p");
    EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV) << status;
}
TEST(elf_load, execute_only_segment_runs) {
    TempDir d;
    TinyElf elf;
    elf.ph[0].p_flags = PF_X;
    save(d / "p", &elf, sizeof(elf));
    EXPECT_EQ(33 << 8, run_program(d / "p"));
}
TEST(elf_load, int3_as_the_first_instruction_dies_by_SIGTRAP) {
    for (unsigned flags : (unsigned[]){PF_R | PF_X, PF_X, PF_R | PF_W | PF_X}) {
        TempDir d;
        TinyElf elf;
        elf.ph[0].p_flags = flags;
        memset(elf.code, 0xcc, sizeof(elf.code));
        save(d / "p", &elf, sizeof(elf));
        int status = run_program(d / "p");
        EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGTRAP) << status << " with flags " << flags;
    }
}
TEST(elf_load, program_without_PT_GNU_STACK_runs) {
    TempDir d;
    TinyElf elf;
    elf.eh.e_phnum = 1;
    save(d / "p", &elf, sizeof(elf));
    EXPECT_EQ(33 << 8, run_program(d / "p"));
}
TEST(elf_load, bss_behind_an_executable_segment_of_several_pages_runs) {
    TempDir d;
    struct {
        TinyElf elf;
        char more[9000];
    } file{};
    file.elf.ph[0].p_filesz = sizeof(file);
    file.elf.ph[0].p_memsz = sizeof(file) + 50000;
    save(d / "p", &file, sizeof(file));
    EXPECT_EQ(33 << 8, run_program(d / "p"));
}
TEST(elf_load, interval_timer_goes_on_behind_execve_and_does_not_hinder_a_trap) {
    TempDir d;
    TinyElf elf;
    memset(elf.code, 0xcc, sizeof(elf.code));
    save(d / "p", &elf, sizeof(elf));
    int status = run_in_child([&] {
        itimerval tv{{0, 0}, {1000, 0}};
        setitimer(ITIMER_REAL, &tv, nullptr);
        char* argv[] = {const_cast<char*>("p"), nullptr};
        execve(d / "p", argv, argv + 1);
        return 1;
    });
    EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGTRAP) << status;
}
TEST(elf_load, data_segment_does_not_execute) {
    TempDir d;
    TinyElf elf;
    elf.ph[0].p_flags = PF_R | PF_W;
    save(d / "p", &elf, sizeof(elf));
    int status = run_program(d / "p");
    EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV) << status;
}
TEST(elf_auxv, entries_that_libc_needs) {
    EXPECT_EQ(4096u, getauxval(AT_PAGESZ));
    EXPECT_EQ(sizeof(Elf64_Phdr), getauxval(AT_PHENT));
    EXPECT_GT(getauxval(AT_PHNUM), 0u);
    EXPECT_NE(0u, getauxval(AT_PHDR));
    EXPECT_NE(0u, getauxval(AT_ENTRY));
    EXPECT_EQ(0u, getauxval(AT_UID));
    EXPECT_EQ(0u, getauxval(AT_EUID));
    EXPECT_EQ(0u, getauxval(AT_SECURE));
    EXPECT_EQ(100u, getauxval(AT_CLKTCK));
    EXPECT_STREQ("x86_64", reinterpret_cast<const char*>(getauxval(AT_PLATFORM)));
}
TEST(elf_auxv, sixteen_random_bytes_are_given) {
    const char* random = reinterpret_cast<const char*>(getauxval(AT_RANDOM));
    ASSERT_TRUE(random != nullptr);
    char zero[16] = {};
    EXPECT_NE(0, memcmp(random, zero, 16));
}
TEST(elf_auxv, AT_SYSINFO_EHDR_is_an_ELF_image) {
    const char* vdso = reinterpret_cast<const char*>(getauxval(AT_SYSINFO_EHDR));
    ASSERT_TRUE(vdso != nullptr);
    EXPECT_EQ(0, memcmp(vdso, "\177ELF", 4));
}
TEST(elf_auxv, AT_HWCAP_is_cpuid_1_edx) {
    unsigned eax = 1, ebx, ecx = 0, edx;
    asm volatile("cpuid" : "+a"(eax), "=b"(ebx), "+c"(ecx), "=d"(edx));
    // glibc's getauxval gives a value of its own; the vector as the kernel made it lies behind the environment.
    char** end = environ;
    while (*end) {
        end++;
    }
    uint64_t hwcap = 0;
    for (auto* a = reinterpret_cast<Elf64_auxv_t*>(end + 1); a->a_type != AT_NULL; a++) {
        hwcap = a->a_type == AT_HWCAP ? a->a_un.a_val : hwcap;
    }
    EXPECT_EQ(edx, hwcap);
}
TEST(elf_auxv, proc_self_auxv_has_the_same_vector) {
    alignas(8) char buf[1024];
    ssize_t n = read_text("/proc/self/auxv", buf, sizeof(buf));
    ASSERT_GE(n, 32);
    bool found = false;
    for (ssize_t i = 0; i + 16 <= n; i += 16) {
        uint64_t pair[2];
        memcpy(pair, buf + i, 16);
        found = found || (pair[0] == AT_RANDOM && pair[1] == getauxval(AT_RANDOM));
    }
    EXPECT_TRUE(found);
}

TEST(sys_wait4, gives_status_and_usage) {
    pid_t child = start_child([] { return 17; });
    int status = 0;
    rusage ru{};
    EXPECT_EQ(child, wait4(child, &status, 0, &ru));
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 17);
    EXPECT_GE(ru.ru_maxrss, 0);
}
TEST(sys_wait4, WNOHANG_is_zero_while_the_child_lives) {
    Pipe p;
    pid_t child = start_child([&] {
        char c;
        return static_cast<int>(read(p.r, &c, 1)) - 1;
    });
    EXPECT_EQ(0, waitpid(child, nullptr, WNOHANG));
    write(p.w, "x", 1);
    EXPECT_EQ(0, wait_for(child));
}
TEST(sys_wait4, stop_and_continue_are_reported) {
    pid_t child = start_child([] {
        raise(SIGSTOP);
        return 5;
    });
    int status = 0;
    EXPECT_EQ(child, waitpid(child, &status, WUNTRACED));
    EXPECT_TRUE(WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
    kill(child, SIGCONT);
    EXPECT_EQ(child, waitpid(child, &status, WCONTINUED));
    EXPECT_TRUE(WIFCONTINUED(status) || WIFEXITED(status));
    if (WIFCONTINUED(status)) {
        EXPECT_EQ(5 << 8, wait_for(child));
    }
}
TEST(sys_wait4, waits_for_a_process_group) {
    pid_t child = start_child([] {
        setpgid(0, 0);
        return 3;
    });
    setpgid(child, child);
    int status = 0;
    EXPECT_EQ(child, waitpid(-child, &status, 0));
    EXPECT_EQ(3 << 8, status);
}
TEST(sys_wait4, ECHILD_without_children) {
    EXPECT_CHILD_OK([] {
        CHECK_ERRNO(waitpid(-1, nullptr, 0), ECHILD);
        CHECK_ERRNO(waitpid(1, nullptr, 0), ECHILD);
        return 0;
    });
}
TEST(sys_wait4, ECHILD_when_SIGCHLD_is_ignored) {
    EXPECT_CHILD_OK([] {
        signal(SIGCHLD, SIG_IGN);
        pid_t pid = start_child([] { return 0; });
        CHECK_ERRNO(waitpid(pid, nullptr, 0), ECHILD);
        return 0;
    });
}
TEST(sys_wait4, EINVAL_on_unknown_option) { EXPECT_ERRNO(sys(SYS_wait4, -1, nullptr, 0x100, nullptr), EINVAL); }
TEST(sys_wait4, EINTR_by_a_signal) {
    Pipe p;
    pid_t child = start_child([&] {
        char c;
        return static_cast<int>(read(p.r, &c, 1)) - 1;
    });
    {
        RepeatedAlarm alarm;
        EXPECT_ERRNO(waitpid(child, nullptr, 0), EINTR);
    }
    write(p.w, "x", 1);
    wait_for(child);
}
TEST(sys_waitid, fills_siginfo) {
    pid_t child = start_child([] { return 8; });
    siginfo_t si{};
    EXPECT_OK(waitid(P_PID, child, &si, WEXITED));
    EXPECT_EQ(child, si.si_pid);
    EXPECT_EQ(CLD_EXITED, si.si_code);
    EXPECT_EQ(8, si.si_status);
}
TEST(sys_waitid, WNOWAIT_leaves_the_child) {
    pid_t child = start_child([] { return 8; });
    siginfo_t si{};
    EXPECT_OK(waitid(P_PID, child, &si, WEXITED | WNOWAIT));
    EXPECT_EQ(8 << 8, wait_for(child));
}
TEST(sys_waitid, killed_child_is_CLD_KILLED) {
    pid_t child = start_child([] {
        raise(SIGKILL);
        return 0;
    });
    siginfo_t si{};
    EXPECT_OK(waitid(P_PID, child, &si, WEXITED));
    EXPECT_EQ(CLD_KILLED, si.si_code);
    EXPECT_EQ(SIGKILL, si.si_status);
}
TEST(sys_waitid, EINVAL_without_what_to_wait_for) { EXPECT_ERRNO(waitid(P_ALL, 0, nullptr, WNOHANG), EINVAL); }
TEST(sys_waitid, ECHILD_on_a_stranger) {
    siginfo_t si;
    EXPECT_ERRNO(waitid(P_PID, 1, &si, WEXITED), ECHILD);
}
TEST(sys_getppid, orphan_gets_another_parent) {
    Pipe p, done;
    pid_t child = start_child([&] {
        pid_t me = getpid();
        start_child([&, me] {
            wait_until([&] { return getppid() != me; });
            write(done.w, "o", 1);
            return 0;
        });
        return 0;
    });
    wait_for(child);
    char c = 0;
    EXPECT_EQ(1, read(done.r, &c, 1));
}
TEST(sys_getpid, is_positive_and_stable) {
    EXPECT_GT(sys(SYS_getpid), 0);
    EXPECT_EQ(sys(SYS_getpid), sys(SYS_getpid));
}
TEST(sys_setpgid, makes_a_group) {
    EXPECT_CHILD_OK([] {
        CHECK(setpgid(0, 0) == 0);
        CHECK(getpgrp() == getpid());
        CHECK(getpgid(0) == getpid());
        return 0;
    });
}
TEST(sys_setpgid, EINVAL_on_negative_group) { EXPECT_ERRNO(setpgid(0, -1), EINVAL); }
TEST(sys_setpgid, ESRCH_on_a_stranger) { EXPECT_ERRNO(setpgid(0x3fffffff, 0), ESRCH); }
TEST(sys_setpgid, EPERM_for_a_session_leader) {
    EXPECT_CHILD_OK([] {
        CHECK(setsid() == getpid());
        CHECK_ERRNO(setpgid(0, 0), EPERM);
        return 0;
    });
}
TEST(sys_getpgid, ESRCH_on_missing_process) { EXPECT_ERRNO(getpgid(0x3fffffff), ESRCH); }
TEST(sys_getpgid, of_another_process) { EXPECT_EQ(getpgrp(), getpgid(getpid())); }
TEST(sys_getpgrp, is_getpgid_of_zero) { EXPECT_EQ(getpgid(0), sys(SYS_getpgrp)); }
TEST(sys_setsid, makes_a_session_and_group) {
    EXPECT_CHILD_OK([] {
        CHECK(setsid() == getpid());
        CHECK(getsid(0) == getpid());
        CHECK(getpgrp() == getpid());
        return 0;
    });
}
TEST(sys_setsid, EPERM_for_a_group_leader) {
    EXPECT_CHILD_OK([] {
        CHECK(setpgid(0, 0) == 0);
        CHECK_ERRNO(setsid(), EPERM);
        return 0;
    });
}
TEST(sys_getsid, of_itself) { EXPECT_OK(getsid(0)); }
TEST(sys_getsid, ESRCH_on_missing_process) { EXPECT_ERRNO(getsid(0x3fffffff), ESRCH); }
TEST(sys_exit_group, status_keeps_eight_bits) {
    EXPECT_EQ(0xab << 8, run_in_child([]() -> int {
        sys(SYS_exit_group, 0x12ab);
        return 0;
    }));
}
