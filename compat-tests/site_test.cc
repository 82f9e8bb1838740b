// System calls from program text: what a kernel that binds call sites must not let a program notice.
#include "support.h"

#include <ucontext.h>

// Calls of the form that compilers and libcs have: `mov $n,%eax; syscall`. A function each, so that a table can be proven.
asm(R"(
    .text
    .p2align 12
    .globl site_getpid, site_getpid_call
    .type site_getpid, @function
site_getpid:
    mov $39, %eax
site_getpid_call:
    syscall
    ret
    .size site_getpid, . - site_getpid
    .globl site_red_zone
    .type site_red_zone, @function
site_red_zone:
    movabs $0x1122334455667788, %rdx
    mov %rdx, -8(%rsp)
    mov %rdx, -64(%rsp)
    mov %rdx, -128(%rsp)
    mov $39, %eax
    syscall
    xor %eax, %eax
    cmp %rdx, -8(%rsp)
    jne 1f
    cmp %rdx, -64(%rsp)
    jne 1f
    cmp %rdx, -128(%rsp)
    jne 1f
    inc %eax
1:  ret
    .size site_red_zone, . - site_red_zone
    .globl site_registers
    .type site_registers, @function
site_registers:
    push %rbx
    push %rbp
    push %r12
    push %r13
    push %r14
    push %r15
    mov $1, %ebx
    mov $2, %ebp
    mov $3, %r12d
    mov $4, %r13d
    mov $5, %r14d
    mov $6, %r15d
    mov $7, %edi
    mov $8, %esi
    mov $9, %edx
    mov $10, %r8d
    mov $11, %r9d
    mov $12, %r10d
    mov $39, %eax
    syscall
2:  lea 2b(%rip), %rax
    sub %rcx, %rax
    add %rbx, %rax
    add %rbp, %rax
    add %r12, %rax
    add %r13, %rax
    add %r14, %rax
    add %r15, %rax
    add %rdi, %rax
    add %rsi, %rax
    add %rdx, %rax
    add %r8, %rax
    add %r9, %rax
    add %r10, %rax
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %rbp
    pop %rbx
    ret
    .size site_registers, . - site_registers
    .globl site_pause
    .type site_pause, @function
site_pause:
    mov $34, %eax
    syscall
    ret
    .size site_pause, . - site_pause
    .globl site_read
    .type site_read, @function
site_read:
    mov $0, %eax
    syscall
    ret
    .size site_read, . - site_read
    .p2align 12
    nop
)");
extern "C" {
long site_getpid(void);
extern char site_getpid_call[];
long site_red_zone(void);
long site_registers(void);
long site_pause(void);
long site_read(long fd, void* to, long n);
}

namespace {

using namespace compat;

volatile sig_atomic_t signals;

void handle(int sig, void (*handler)(int, siginfo_t*, void*), int flags) {
    struct sigaction a = {};
    a.sa_sigaction = handler;
    a.sa_flags = SA_SIGINFO | flags;
    sigaction(sig, &a, nullptr);
}

const unsigned char original[] = {0xb8, 39, 0, 0, 0, 0x0f, 0x05, 0xc3};

TEST(elf_site, CallGivesTheResult) {
    for (int i = 0; i < 1000; ++i) ASSERT_EQ(getpid(), site_getpid());
}

TEST(elf_site, RedZoneStaysWhole) {
    for (int i = 0; i < 1000; ++i) ASSERT_EQ(1, site_red_zone());
}

TEST(elf_site, RegistersStayAndRcxIsTheReturnAddress) { EXPECT_EQ(78, site_registers()); }

TEST(elf_site, JumpToTheSyscallInstructionItself) {
    site_getpid();
    long result;
    asm volatile("call *%1" : "=a"(result) : "r"(site_getpid_call), "0"(39L) : "rcx", "r11", "memory");
    EXPECT_EQ(getpid(), result);
    asm volatile("call *%1" : "=a"(result) : "r"(site_getpid_call), "0"(110L) : "rcx", "r11", "memory");
    EXPECT_EQ(getppid(), result);
}

// RIP of every signal lies in a mapping of a file: checked against /proc/self/maps.
TEST(elf_site, SignalsNeverShowAnotherMapping) {
    static uintptr_t seen[400];
    signals = 0;
    handle(SIGALRM, [](int, siginfo_t*, void* c) {
        if (signals < 400) seen[signals] = static_cast<ucontext_t*>(c)->uc_mcontext.gregs[REG_RIP];
        signals = signals + 1;
    }, SA_RESTART);
    itimerval t = {{0, 700}, {0, 700}}, off = {};
    setitimer(ITIMER_REAL, &t, nullptr);
    long pid = getpid();
    bool same = true;
    while (signals < 400) same &= site_getpid() == pid;
    setitimer(ITIMER_REAL, &off, nullptr);
    signal(SIGALRM, SIG_DFL);
    EXPECT_TRUE(same);
    FILE* maps = fopen("/proc/self/maps", "r");
    ASSERT_NE(nullptr, maps);
    char line[512];
    int in_files = 0;
    while (fgets(line, sizeof line, maps)) {
        uintptr_t from, to;
        if (sscanf(line, "%lx-%lx", &from, &to) != 2 || !strchr(line, '/')) continue;
        for (uintptr_t rip : seen) in_files += rip >= from && rip < to;
    }
    fclose(maps);
    EXPECT_EQ(400, in_files);
}

TEST(elf_site, InterruptedCallIsRestarted) {
    Pipe p;
    EXPECT_CHILD_OK([&] {
        handle(SIGALRM, [](int, siginfo_t*, void*) { signals = signals + 1; }, SA_RESTART);
        signals = 0;
        pid_t parent = getpid(), child = fork();
        if (child == 0) {
            for (int i = 0; i < 5; ++i) {
                usleep(20000);
                kill(parent, SIGALRM);
            }
            usleep(20000);
            write(p.w, "x", 1);
            _exit(0);
        }
        char c = 0;
        CHECK(site_read(p.r, &c, 1) == 1);
        CHECK(c == 'x');
        CHECK(signals >= 1);
        waitpid(child, nullptr, 0);
        return 0;
    });
}

TEST(elf_site, InterruptedCallGivesEintr) {
    EXPECT_CHILD_OK([] {
        handle(SIGALRM, [](int, siginfo_t*, void*) {}, 0);
        itimerval t = {{0, 0}, {0, 30000}};
        setitimer(ITIMER_REAL, &t, nullptr);
        CHECK(site_pause() == -EINTR);
        return 0;
    });
}

TEST(elf_site, TextMadeWritableHasItsOriginalBytes) {
    EXPECT_CHILD_OK([] {
        long pid = getpid();
        CHECK(site_getpid() == pid);
        void* page = (void*)((uintptr_t)site_getpid & ~4095ul);
        CHECK(mprotect(page, 4096, PROT_READ | PROT_WRITE) == 0);
        CHECK(memcmp((void*)site_getpid, original, sizeof original) == 0);
        ((unsigned char*)site_getpid)[1] = 110; // getppid
        CHECK(mprotect(page, 4096, PROT_READ | PROT_EXEC) == 0);
        CHECK(site_getpid() == getppid());
        return 0;
    });
}

TEST(elf_site, TextMadeUnexecutableHasItsOriginalBytes) {
    EXPECT_CHILD_OK([] {
        long pid = getpid();
        CHECK(site_getpid() == pid);
        void* page = (void*)((uintptr_t)site_getpid & ~4095ul);
        CHECK(mprotect(page, 4096, PROT_READ) == 0);
        CHECK(memcmp((void*)site_getpid, original, sizeof original) == 0);
        CHECK(mprotect(page, 4096, PROT_READ | PROT_EXEC) == 0);
        CHECK(site_getpid() == pid);
        return 0;
    });
}

TEST(elf_site, TextReplacedByAnotherMapping) {
    EXPECT_CHILD_OK([] {
        CHECK(site_getpid() == getpid());
        void* page = (void*)((uintptr_t)site_getpid & ~4095ul);
        CHECK(mmap(page, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == page);
        const unsigned char code[] = {0xb8, 42, 0, 0, 0, 0xc3};
        memcpy((void*)site_getpid, code, sizeof code);
        CHECK(mprotect(page, 4096, PROT_READ | PROT_EXEC) == 0);
        CHECK(site_getpid() == 42);
        return 0;
    });
}

TEST(elf_site, TextMovedByMremap) {
    EXPECT_CHILD_OK([] {
        CHECK(site_getpid() == getpid());
        void* page = (void*)((uintptr_t)site_getpid & ~4095ul);
        void* to = mmap(nullptr, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        CHECK(mremap(page, 4096, 4096, MREMAP_MAYMOVE | MREMAP_FIXED, to) == to);
        auto moved = (long (*)())((char*)to + ((uintptr_t)site_getpid & 4095));
        CHECK(memcmp((void*)moved, original, sizeof original) == 0);
        CHECK(moved() == getpid());
        return 0;
    });
}

TEST(elf_site, ForkedChildCallsAndChangesItsTextAlone) {
    EXPECT_CHILD_OK([] {
        long pid = getpid();
        CHECK(site_getpid() == pid);
        pid_t child = fork();
        if (child == 0) {
            if (site_getpid() != getpid() || site_getpid() == pid) _exit(1);
            void* page = (void*)((uintptr_t)site_getpid & ~4095ul);
            if (mprotect(page, 4096, PROT_READ | PROT_WRITE | PROT_EXEC) != 0) _exit(2);
            ((unsigned char*)site_getpid)[1] = 110;
            _exit(site_getpid() == pid ? 0 : 3);
        }
        int status;
        CHECK(waitpid(child, &status, 0) == child);
        CHECK(status == 0);
        CHECK(site_getpid() == pid);
        return 0;
    });
}

// What the kernel put beside the text may be unmapped: calls work on. (Linux has nothing there.)
TEST(elf_site, UnmappedStubs) {
    EXPECT_CHILD_OK([] {
        CHECK(site_getpid() == getpid());
        FILE* maps = fopen("/proc/self/maps", "r");
        CHECK(maps != nullptr);
        char line[512];
        uintptr_t from = 0, to = 0;
        while (fgets(line, sizeof line, maps))
            if (strstr(line, "[stubs]")) {
                uintptr_t a, b;
                if (sscanf(line, "%lx-%lx", &a, &b) == 2 && (!from || a < (uintptr_t)site_getpid)) from = a, to = b;
            }
        fclose(maps);
        long pid = getpid();
        if (from) CHECK(munmap((void*)from, to - from) == 0);
        CHECK(site_getpid() == pid);
        CHECK(getpid() == pid);
        return 0;
    });
}

TEST(elf_site, SingleStepsSeeTheProgramsOwnText) {
    EXPECT_CHILD_OK([] {
        static volatile long steps, strange;
        steps = 0;
        strange = 0;
        handle(SIGTRAP, [](int, siginfo_t*, void* c) {
            auto* u = static_cast<ucontext_t*>(c);
            uintptr_t rip = u->uc_mcontext.gregs[REG_RIP];
            steps = steps + 1;
            if (rip == (uintptr_t)site_getpid_call && u->uc_mcontext.gregs[REG_RAX] != 39) strange = strange + 1;
            if (steps > 20 || rip == (uintptr_t)site_getpid_call) u->uc_mcontext.gregs[REG_EFL] &= ~0x100l;
        }, 0);
        long result;
        asm volatile("sub $128, %%rsp; pushfq; orq $0x100, (%%rsp); popfq; call site_getpid; add $128, %%rsp"
                     : "=a"(result)::"rcx", "r11", "memory", "cc");
        CHECK(result == getpid());
        CHECK(strange == 0);
        CHECK(steps >= 2 && steps <= 20);
        return 0;
    });
}

} // namespace
