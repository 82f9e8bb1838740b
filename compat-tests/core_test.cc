// Core files: core(5). Where the system's core_pattern is a program, or a place elsewhere, there is nothing to look at here.
#include "support.h"

#include <elf.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/utsname.h>

namespace {

bool core_in_folder() {
    char pattern[256] = "";
    read_text("/proc/sys/kernel/core_pattern", pattern, sizeof(pattern));
    return strncmp(pattern, "core", 4) == 0;
}

bool allow_core(rlim_t size = RLIM_INFINITY) {
    rlimit l{};
    getrlimit(RLIMIT_CORE, &l);
    l.rlim_cur = size < l.rlim_max ? size : l.rlim_max;
    return setrlimit(RLIMIT_CORE, &l) == 0;
}

// The core file in a folder, mapped.
class Core {
  public:
    explicit Core(const TempDir& dir) {
        if (DIR* d = opendir(dir.path())) {
            while (dirent* e = readdir(d)) {
                if (strncmp(e->d_name, "core", 4) == 0) {
                    snprintf(path_, sizeof(path_), "%s/%s", dir.path(), e->d_name);
                }
            }
            closedir(d);
        }
        Fd fd(open(path_, O_RDONLY));
        if (!fd.valid() || fstat(fd, &st_) != 0 || st_.st_size == 0) {
            return;
        }
        data_ = static_cast<const char*>(mmap(nullptr, static_cast<size_t>(st_.st_size), PROT_READ, MAP_PRIVATE, fd, 0));
        if (data_ == MAP_FAILED) {
            data_ = nullptr;
        }
    }
    ~Core() {
        if (data_) {
            munmap(const_cast<char*>(data_), static_cast<size_t>(st_.st_size));
        }
    }
    Core(const Core&) = delete;
    bool there() const { return data_ != nullptr; }
    bool exists() const { return path_[0] != 0; }
    const struct stat& st() const { return st_; }
    const Elf64_Ehdr& header() const { return *reinterpret_cast<const Elf64_Ehdr*>(data_); }
    const Elf64_Phdr& segment(int i) const { return reinterpret_cast<const Elf64_Phdr*>(data_ + header().e_phoff)[i]; }
    const Elf64_Phdr* segment_of(uint64_t address) const {
        for (int i = 0; i < header().e_phnum; i++) {
            const Elf64_Phdr& p = segment(i);
            if (p.p_type == PT_LOAD && address >= p.p_vaddr && address < p.p_vaddr + p.p_memsz) {
                return &p;
            }
        }
        return nullptr;
    }
    // Bytes of the dead program's memory, or null.
    const char* at(const void* address, size_t n = 1) const {
        uint64_t a = reinterpret_cast<uint64_t>(address);
        const Elf64_Phdr* p = segment_of(a);
        if (!p || a + n > p->p_vaddr + p->p_filesz || p->p_offset + (a - p->p_vaddr) + n > static_cast<uint64_t>(st_.st_size)) {
            return nullptr;
        }
        return data_ + p->p_offset + (a - p->p_vaddr);
    }
    // Calls f(type, data, size) for each note.
    template <class F>
    void notes(F f) const {
        for (int i = 0; i < header().e_phnum; i++) {
            const Elf64_Phdr& p = segment(i);
            if (p.p_type != PT_NOTE) {
                continue;
            }
            const char* n = data_ + p.p_offset;
            const char* end = n + p.p_filesz;
            while (n + sizeof(Elf64_Nhdr) <= end) {
                auto* h = reinterpret_cast<const Elf64_Nhdr*>(n);
                const char* body = n + sizeof(*h) + ((h->n_namesz + 3) & ~3u);
                f(h->n_type, body, h->n_descsz);
                n = body + ((h->n_descsz + 3) & ~3u);
            }
        }
    }
    int count(unsigned type) const {
        int n = 0;
        notes([&](unsigned t, const char*, size_t) { n += t == type; });
        return n;
    }
    const char* first(unsigned type, size_t* size = nullptr) const {
        const char* found = nullptr;
        notes([&](unsigned t, const char* d, size_t s) {
            if (t == type && !found) {
                found = d;
                if (size) {
                    *size = s;
                }
            }
        });
        return found;
    }

  private:
    char path_[512] = "";
    struct stat st_{};
    const char* data_ = nullptr;
};

constexpr unsigned prstatus = 1, fpregset = 2, prpsinfo = 3, auxv = 6, siginfo_note = 0x53494749, file_note = 0x46494c45;
constexpr size_t prstatus_pid = 32, prstatus_rip = 112 + 16 * 8, prstatus_rdi = 112 + 14 * 8;

volatile int known_value = 0;

// A child in the folder that may leave a core.
template <class F>
int crash(const TempDir& dir, F body) {
    return run_in_child([&] {
        if (chdir(dir.path()) != 0 || !allow_core()) {
            return 99;
        }
        return body();
    });
}

[[gnu::noinline]] void fault() { *static_cast<volatile int*>(reinterpret_cast<int*>(0x10)) = 1; }

} // namespace

#define NEEDS_CORES()        \
    if (!core_in_folder()) { \
        return;              \
    }

TEST(proc_core, a_fault_leaves_a_core_of_the_owner_alone) {
    NEEDS_CORES();
    TempDir dir;
    int status = crash(dir, [] { fault(); return 0; });
    EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV && WCOREDUMP(status));
    Core core(dir);
    ASSERT_TRUE(core.there());
    EXPECT_EQ(0600u, core.st().st_mode & 0777u);
    EXPECT_EQ(0, memcmp(core.header().e_ident, "\177ELF\2\1\1", 7));
    EXPECT_EQ(ET_CORE, core.header().e_type);
    EXPECT_EQ(EM_X86_64, core.header().e_machine);
    EXPECT_EQ(PT_NOTE, core.segment(0).p_type);
}
TEST(proc_core, abort_and_SIGQUIT_leave_one_and_SIGTERM_none) {
    NEEDS_CORES();
    TempDir a, b, c;
    EXPECT_TRUE(WCOREDUMP(crash(a, [] { abort(); return 0; })));
    EXPECT_TRUE(WCOREDUMP(crash(b, [] { raise(SIGQUIT); return 0; })));
    EXPECT_FALSE(WCOREDUMP(crash(c, [] { raise(SIGTERM); return 0; })));
    EXPECT_TRUE(Core(a).there());
    EXPECT_TRUE(Core(b).there());
    EXPECT_FALSE(Core(c).exists());
}
TEST(proc_core, a_limit_of_zero_leaves_none) {
    TempDir dir;
    int status = crash(dir, [] {
        allow_core(0);
        fault();
        return 0;
    });
    EXPECT_TRUE(WIFSIGNALED(status));
    EXPECT_FALSE(WCOREDUMP(status));
    EXPECT_FALSE(Core(dir).exists());
}
TEST(proc_core, a_small_limit_cuts_the_file) {
    NEEDS_CORES();
    TempDir dir;
    int status = crash(dir, [] {
        allow_core(20000);
        fault();
        return 0;
    });
    EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
    Core core(dir);
    ASSERT_TRUE(core.exists());
    EXPECT_LE(core.st().st_size, 20480); // Linux may end on a page
}
TEST(proc_core, a_process_that_is_not_dumpable_leaves_none) {
    TempDir dir;
    int status = crash(dir, [] {
        prctl(PR_SET_DUMPABLE, 0);
        fault();
        return 0;
    });
    EXPECT_TRUE(WIFSIGNALED(status));
    EXPECT_FALSE(WCOREDUMP(status));
    EXPECT_FALSE(Core(dir).exists());
}
TEST(proc_core, a_symbolic_link_in_its_place_is_not_followed) {
    NEEDS_CORES();
    TempDir dir, other;
    ASSERT_TRUE(write_file(other / "target", "precious", 0600));
    ASSERT_OK(symlink(other / "target", dir / "core"));
    int status = crash(dir, [] { fault(); return 0; });
    char text[32];
    EXPECT_EQ(8, read_text(other / "target", text, sizeof(text)));
    EXPECT_TRUE(WIFSIGNALED(status));
}
TEST(proc_core, the_pattern_names_process_program_signal_and_owner) {
    NEEDS_CORES();
    TempDir dir;
    char wanted[512], text[512], name[300];
    // The system's own pattern comes back, whatever happens here.
    struct Pattern {
        char before[256] = "";
        Pattern() { read_text("/proc/sys/kernel/core_pattern", before, sizeof(before)); }
        static bool set(const char* to) {
            Fd fd(open("/proc/sys/kernel/core_pattern", O_WRONLY));
            return write(fd, to, strlen(to)) == static_cast<ssize_t>(strlen(to));
        }
        ~Pattern() { set(before); }
    } pattern;
    snprintf(text, sizeof(text), "%s/core.%%p.%%i.%%s.%%u.%%g.%%%%.%%z.%%e", dir.path());
    ASSERT_TRUE(Pattern::set(text));
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_NAME, "na/me");
        if (allow_core()) {
            fault();
        }
        _exit(1);
    }
    int status = 0;
    waitpid(pid, &status, 0);
    EXPECT_TRUE(WIFSIGNALED(status) && WCOREDUMP(status)) << status;
    snprintf(name, sizeof(name), "core.%d.%d.%d.%d.%d.%%..na!me", pid, pid, SIGSEGV, static_cast<int>(getuid()), static_cast<int>(getgid()));
    snprintf(wanted, sizeof(wanted), "%s/%s", dir.path(), name);
    struct stat st{};
    EXPECT_EQ(0, stat(wanted, &st)) << name;
    EXPECT_GT(st.st_size, 0);
}
TEST(proc_core, EINVAL_of_a_program_as_pattern) {
    utsname name{};
    uname(&name);
    if (!strstr(name.release, "linnet")) {
        GTEST_SKIP() << "a Linux would start it at every crash on this machine";
    }
    Fd fd(open("/proc/sys/kernel/core_pattern", O_WRONLY));
    EXPECT_ERRNO(write(fd, "|/bin/true %p", 13), EINVAL);
    char text[64];
    read_text("/proc/sys/kernel/core_pattern", text, sizeof(text));
    EXPECT_STREQ("core\n", text);
}
TEST(proc_core, waitid_tells_CLD_DUMPED) {
    NEEDS_CORES();
    TempDir dir;
    pid_t pid = start_child([&] {
        if (chdir(dir.path()) == 0 && allow_core()) {
            fault();
        }
        return 0;
    });
    siginfo_t info{};
    ASSERT_OK(waitid(P_PID, pid, &info, WEXITED));
    EXPECT_EQ(CLD_DUMPED, info.si_code);
    EXPECT_EQ(SIGSEGV, info.si_status);
}
TEST(proc_core, notes_tell_the_process_and_the_signal) {
    NEEDS_CORES();
    TempDir dir;
    pid_t pid = start_child([&] {
        if (chdir(dir.path()) == 0 && allow_core()) {
            prctl(PR_SET_NAME, "crasher");
            fault();
        }
        return 0;
    });
    wait_for(pid);
    Core core(dir);
    ASSERT_TRUE(core.there());
    size_t size = 0;
    const char* p = core.first(prpsinfo, &size);
    ASSERT_TRUE(p != nullptr);
    EXPECT_EQ(136u, size);
    EXPECT_STREQ("crasher", p + 40);
    EXPECT_EQ(pid, *reinterpret_cast<const int*>(p + 24));
    EXPECT_TRUE(p[56] != 0); // its arguments
    const char* s = core.first(siginfo_note, &size);
    ASSERT_TRUE(s != nullptr);
    EXPECT_EQ(sizeof(siginfo_t), size);
    siginfo_t info;
    memcpy(&info, s, sizeof(info));
    EXPECT_EQ(SIGSEGV, info.si_signo);
    EXPECT_EQ(SEGV_MAPERR, info.si_code);
    EXPECT_EQ(reinterpret_cast<void*>(0x10), info.si_addr);
    EXPECT_TRUE(core.first(auxv) != nullptr);
    EXPECT_TRUE(core.first(fpregset, &size) != nullptr);
    EXPECT_EQ(512u, size);
}
TEST(proc_core, the_first_thread_is_the_one_that_crashed_and_all_are_there) {
    NEEDS_CORES();
    TempDir dir;
    static int* shared;
    Mapping m(4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS);
    shared = reinterpret_cast<int*>(m.data());
    crash(dir, [] {
        pthread_t t;
        static Pipe never;
        for (int i = 0; i < 3; i++) {
            pthread_create(&t, nullptr, [](void*) -> void* {
                __atomic_fetch_add(&shared[1], 1, __ATOMIC_SEQ_CST);
                char c;
                read(never.r, &c, 1);
                return nullptr;
            }, nullptr);
        }
        wait_until([] { return __atomic_load_n(&shared[1], __ATOMIC_SEQ_CST) == 3; });
        pthread_create(&t, nullptr, [](void*) -> void* {
            shared[0] = static_cast<int>(sys(SYS_gettid));
            fault();
            return nullptr;
        }, nullptr);
        pthread_join(t, nullptr);
        return 0;
    });
    Core core(dir);
    ASSERT_TRUE(core.there());
    EXPECT_EQ(5, core.count(prstatus));
    EXPECT_EQ(5, core.count(fpregset));
    const char* first = core.first(prstatus);
    EXPECT_EQ(shared[0], *reinterpret_cast<const int*>(first + prstatus_pid));
    EXPECT_EQ(SIGSEGV, *reinterpret_cast<const short*>(first + 12));
}
TEST(proc_core, registers_are_those_of_the_fault) {
    NEEDS_CORES();
    TempDir dir;
    crash(dir, [] {
        asm volatile("mov $0x1122334455667788, %%rdi; movl $1, 0x10" ::: "rdi", "memory");
        return 0;
    });
    Core core(dir);
    ASSERT_TRUE(core.there());
    const char* t = core.first(prstatus);
    EXPECT_EQ(0x1122334455667788ul, *reinterpret_cast<const uint64_t*>(t + prstatus_rdi));
    uint64_t rip = *reinterpret_cast<const uint64_t*>(t + prstatus_rip);
    EXPECT_TRUE(core.segment_of(rip) != nullptr);
    EXPECT_TRUE(core.segment_of(rip)->p_flags & PF_X);
}
TEST(proc_core, memory_is_what_it_was) {
    NEEDS_CORES();
    TempDir dir;
    Mapping map(3 * 4096); // at the same place in the child
    strcpy(map.data() + 100, "anonymous");
    crash(dir, [] {
        known_value = 4711;
        fault();
        return 0;
    });
    Core core(dir);
    ASSERT_TRUE(core.there());
    const char* v = core.at(const_cast<int*>(&known_value), sizeof(int));
    ASSERT_TRUE(v != nullptr);
    EXPECT_EQ(4711, *reinterpret_cast<const int*>(v));
    const char* a = core.at(map.data() + 100, 10);
    ASSERT_TRUE(a != nullptr);
    EXPECT_STREQ("anonymous", a);
    int local = 0;
    EXPECT_TRUE(core.at(&local) != nullptr); // the stack
}
TEST(proc_core, DONTDUMP_leaves_a_mapping_out_and_DODUMP_takes_it_in) {
    NEEDS_CORES();
    TempDir dir;
    Mapping out(2 * 4096), in(2 * 4096);
    out[0] = in[0] = 'x';
    ASSERT_OK(madvise(out.data(), out.size(), MADV_DONTDUMP));
    ASSERT_OK(madvise(in.data(), in.size(), MADV_DONTDUMP));
    ASSERT_OK(madvise(in.data(), in.size(), 17)); // MADV_DODUMP
    crash(dir, [] { fault(); return 0; });
    Core core(dir);
    ASSERT_TRUE(core.there());
    EXPECT_TRUE(core.at(out.data()) == nullptr);
    EXPECT_TRUE(core.segment_of(reinterpret_cast<uint64_t>(out.data())) != nullptr);
    EXPECT_TRUE(core.at(in.data()) != nullptr);
}
TEST(proc_core, coredump_filter_is_told_inherited_and_obeyed) {
    NEEDS_CORES();
    char text[32];
    ASSERT_TRUE(read_text("/proc/self/coredump_filter", text, sizeof(text)) > 0);
    EXPECT_STREQ("00000033\n", text);
    TempDir dir;
    Mapping priv(4096), shared(4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS);
    priv[0] = shared[0] = 'x';
    crash(dir, [] {
        int fd = open("/proc/self/coredump_filter", O_WRONLY);
        if (write(fd, "0x12\n", 5) != 5) { // shared anonymous memory and ELF headers
            return 98;
        }
        close(fd);
        return run_in_child([] { fault(); return 0; });
    });
    Core core(dir);
    ASSERT_TRUE(core.there());
    EXPECT_TRUE(core.at(priv.data()) == nullptr);
    EXPECT_TRUE(core.at(shared.data()) != nullptr);
}
TEST(proc_core, NT_FILE_names_the_program) {
    NEEDS_CORES();
    TempDir dir;
    char exe[512] = "";
    readlink("/proc/self/exe", exe, sizeof(exe) - 1);
    crash(dir, [] { fault(); return 0; });
    Core core(dir);
    ASSERT_TRUE(core.there());
    size_t size = 0;
    const char* f = core.first(file_note, &size);
    ASSERT_TRUE(f != nullptr);
    uint64_t count = *reinterpret_cast<const uint64_t*>(f);
    ASSERT_GT(count, 0u);
    EXPECT_EQ(4096u, reinterpret_cast<const uint64_t*>(f)[1]);
    const char* names = f + 16 + count * 24;
    ASSERT_LT(names, f + size);
    EXPECT_STREQ(exe, names);
}
TEST(proc_core, threads_that_end_meanwhile_do_no_harm) {
    NEEDS_CORES();
    TempDir dir;
    int status = crash(dir, [] {
        for (int i = 0; i < 4; i++) {
            pthread_t t;
            pthread_create(&t, nullptr, [](void*) -> void* {
                for (;;) {
                    pthread_t u;
                    if (pthread_create(&u, nullptr, [](void*) -> void* { return nullptr; }, nullptr) == 0) {
                        pthread_join(u, nullptr);
                    }
                }
            }, nullptr);
        }
        sleep_ms(20);
        fault();
        return 0;
    });
    EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV && WCOREDUMP(status));
}
