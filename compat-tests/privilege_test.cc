// What ring 3 may not do: privileged instructions, the kernel's half of the address space, gates, segments, flags. Each ends by a
// signal, and the machine goes on. In the guest with isolation=user alone: in ring 0 these instructions do what they say.
#include "support.h"

#include <setjmp.h>
#include <sys/auxv.h>
#include <ucontext.h>

namespace {

sigjmp_buf jump;
siginfo_t info;
greg_t regs[23];
volatile int steps;

void on_fault(int, siginfo_t* si, void* uc) {
    info = *si;
    memcpy(regs, static_cast<ucontext_t*>(uc)->uc_mcontext.gregs, sizeof(regs));
    // Linux leaves NT and AC set in a handler; siglongjmp does too.
    asm volatile("pushfq; andl $~0x44000, (%%rsp); popfq" ::: "cc", "memory");
    siglongjmp(jump, 1);
}

template <class F>
int fault_of(F access) {
    SignalAction a(SIGSEGV, on_fault), b(SIGBUS, on_fault), c(SIGILL, on_fault), d(SIGTRAP, on_fault);
    info = {};
    memset(regs, 0, sizeof(regs));
    if (sigsetjmp(jump, 1) == 0) {
        access();
        return 0;
    }
    return info.si_signo;
}

constexpr long port = 0x80; // the POST code's: nothing happens where it can be written
alignas(16) char operand[64];

// Runs machine code with RDI = operand, RDX = port, RCX = `rcx`; the signal that it ends with, 0: none.
int run_bytes(const char* bytes, size_t n, long rcx) {
    static Mapping code(4096, PROT_READ | PROT_WRITE | PROT_EXEC);
    memcpy(code.data(), bytes, n);
    code[n] = '\xc3';
    auto f = reinterpret_cast<long (*)(void*, void*, long, long)>(code.data());
    int sig = fault_of([&] { f(operand, operand, port, rcx); });
    if (sig == SIGSEGV || sig == SIGILL) {
        EXPECT_EQ(reinterpret_cast<greg_t>(code.data()), regs[REG_RIP]);
    }
    return sig;
}
template <size_t N>
int run(const char (&bytes)[N], long rcx = 0) {
    return run_bytes(bytes, N - 1, rcx);
}

// A general protection fault as Linux tells it.
#define EXPECT_PROTECTION(error, ...)                  \
    do {                                               \
        EXPECT_EQ(SIGSEGV, (__VA_ARGS__)) << #__VA_ARGS__; \
        EXPECT_EQ(SI_KERNEL, info.si_code);            \
        EXPECT_EQ(nullptr, info.si_addr);              \
        EXPECT_EQ(13, regs[REG_TRAPNO]);               \
        EXPECT_EQ(error, regs[REG_ERR]) << #__VA_ARGS__; \
    } while (0)

// IRETQ to this frame, from the present stack.
int iret_to(uint64_t rip, uint64_t cs, uint64_t flags, uint64_t ss) {
    return fault_of([=] {
        asm volatile("mov %%rsp, %%rax; push %3; push %%rax; push %2; push %1; push %0; iretq"
                     :
                     : "r"(rip), "r"(cs), "r"(flags), "r"(ss)
                     : "rax", "memory");
    });
}

uint64_t flags_now() {
    uint64_t f;
    asm volatile("pushfq; pop %0" : "=r"(f));
    return f;
}

void load_byte(uint64_t a) { (void)*reinterpret_cast<volatile char*>(a); }
void store_byte(uint64_t a) { *reinterpret_cast<volatile char*>(a) = 0x5a; }
void call(uint64_t a) { reinterpret_cast<void (*)()>(a)(); }

// Every access to it faults as a page that is not there, whatever the kernel has there.
void expect_out_of_reach(uint64_t a) {
    EXPECT_EQ(SIGSEGV, fault_of([=] { load_byte(a); })) << a;
    EXPECT_EQ(SEGV_MAPERR, info.si_code);
    EXPECT_EQ(reinterpret_cast<void*>(a), info.si_addr);
    EXPECT_EQ(5, regs[REG_ERR]);
    EXPECT_EQ(SIGSEGV, fault_of([=] { store_byte(a); })) << a;
    EXPECT_EQ(SEGV_MAPERR, info.si_code);
    EXPECT_EQ(7, regs[REG_ERR]);
    EXPECT_EQ(SIGSEGV, fault_of([=] { call(a); })) << a;
    EXPECT_EQ(SEGV_MAPERR, info.si_code);
    EXPECT_EQ(static_cast<greg_t>(a), regs[REG_RIP]);
    EXPECT_EQ(0x15, regs[REG_ERR]);
}

void spin_ms(uint64_t ms) { // interrupted by the timer
    for (uint64_t end = now_ns() + ms * 1000000; now_ns() < end;) {
    }
}

} // namespace

TEST(fault_privilege, interrupt_flag) {
    EXPECT_PROTECTION(0, run("\xfa")); // cli
    EXPECT_PROTECTION(0, run("\xfb")); // sti
    EXPECT_TRUE(flags_now() & 0x200);
}
TEST(fault_privilege, hlt) { EXPECT_PROTECTION(0, run("\xf4")); }
TEST(fault_privilege, input_and_output) {
    EXPECT_PROTECTION(0, run("\xec"));         // in %dx,%al
    EXPECT_PROTECTION(0, run("\xed"));         // in %dx,%eax
    EXPECT_PROTECTION(0, run("\xe4\x80"));     // in $0x80,%al
    EXPECT_PROTECTION(0, run("\xee"));         // out %al,%dx
    EXPECT_PROTECTION(0, run("\x66\xef"));     // out %ax,%dx
    EXPECT_PROTECTION(0, run("\xe6\x80"));     // out %al,$0x80
    EXPECT_PROTECTION(0, run("\x6c"));         // insb
    EXPECT_PROTECTION(0, run("\x6e"));         // outsb
}
TEST(fault_privilege, every_port_is_denied) {
    for (int p = 0; p < 0x10000; p += 251) {
        EXPECT_EQ(SIGSEGV, fault_of([p] { asm volatile("inb %%dx, %%al" ::"d"(p) : "rax"); })) << p;
    }
}
TEST(fault_privilege, model_specific_registers) {
    EXPECT_PROTECTION(0, run("\x0f\x32", 0xc0000080)); // rdmsr EFER
    EXPECT_PROTECTION(0, run("\x0f\x30", 0xc0000082)); // wrmsr LSTAR
    EXPECT_PROTECTION(0, run("\x0f\x30", 0xc0000101)); // wrmsr GS_BASE
}
TEST(fault_privilege, performance_counters) { EXPECT_PROTECTION(0, run("\x0f\x33")); }
TEST(fault_privilege, control_registers) {
    EXPECT_PROTECTION(0, run("\x0f\x20\xc0"));     // mov %cr0,%rax
    EXPECT_PROTECTION(0, run("\x0f\x22\xc0"));     // mov %rax,%cr0
    EXPECT_PROTECTION(0, run("\x0f\x20\xd8"));     // mov %cr3,%rax
    EXPECT_PROTECTION(0, run("\x0f\x22\xd8"));     // mov %rax,%cr3
    EXPECT_PROTECTION(0, run("\x0f\x22\xe0"));     // mov %rax,%cr4
    EXPECT_PROTECTION(0, run("\x44\x0f\x22\xc0")); // mov %rax,%cr8
    EXPECT_PROTECTION(0, run("\x0f\x06"));         // clts
    EXPECT_PROTECTION(0, run("\x0f\x01\xf0"));     // lmsw %ax
    EXPECT_PROTECTION(0, run("\x0f\x01\xd1"));     // xsetbv
}
TEST(fault_privilege, debug_registers) {
    EXPECT_PROTECTION(0, run("\x0f\x21\xf8")); // mov %dr7,%rax
    EXPECT_PROTECTION(0, run("\x0f\x23\xf8")); // mov %rax,%dr7
}
TEST(fault_privilege, descriptor_tables) {
    EXPECT_PROTECTION(0, run("\x0f\x01\x17")); // lgdt (%rdi)
    EXPECT_PROTECTION(0, run("\x0f\x01\x1f")); // lidt (%rdi)
    EXPECT_PROTECTION(0, run("\x0f\x00\xd0")); // lldt %ax
    EXPECT_PROTECTION(0, run("\x0f\x00\xd8")); // ltr %ax
}

// Without UMIP these instructions tell the truth, on Linux too.
#define NEED_UMIP()                                     \
    do {                                                \
        static char text[65536];                        \
        read_text("/proc/cpuinfo", text, sizeof(text)); \
        if (!strstr(text, " umip")) GTEST_SKIP();       \
    } while (0)
TEST(fault_privilege, places_of_the_kernels_tables_are_not_told) {
    NEED_UMIP();
    struct [[gnu::packed]] { uint16_t limit; uint64_t base; uint16_t behind; } t{1, 2, 0x5a5a};
    asm volatile("sgdt %0" : "=m"(t));
    EXPECT_EQ(0, t.limit);
    EXPECT_EQ(0xfffffffffffe0000u, t.base);
    asm volatile("sidt %0" : "=m"(t));
    EXPECT_EQ(0, t.limit);
    EXPECT_EQ(0xffffffffffff0000u, t.base);
    EXPECT_EQ(0x5a5a, t.behind);
}
TEST(fault_privilege, machine_status_and_selectors_are_those_of_every_machine) {
    NEED_UMIP();
    uint64_t status = ~0ul, task = ~0ul, local = ~0ul;
    uint16_t in_memory[2] = {1, 0x5a5a};
    asm volatile("smsw %q0" : "+r"(status));
    EXPECT_EQ(0x80050033u, status);
    asm volatile("smsw %0" : "=m"(in_memory[0]));
    EXPECT_EQ(0x0033, in_memory[0]);
    EXPECT_EQ(0x5a5a, in_memory[1]);
    asm volatile("str %k0" : "+r"(task));
    EXPECT_EQ(0x40u, static_cast<uint32_t>(task));
    asm volatile("sldt %w0" : "+r"(local));
    EXPECT_EQ(0xffffffffffff0000u, local);
}
TEST(fault_privilege, operands_of_the_tables_instructions_are_found) {
    NEED_UMIP();
    static char place[64];
    char* base = place;
    const uint64_t want = 0xffffffffffff0000u;
    auto stored = [](size_t at) {
        uint64_t v;
        memcpy(&v, place + at + 2, 8);
        memset(place, 0, sizeof(place));
        return v;
    };
    asm volatile("sidt 7(%0)" ::"r"(base) : "memory");
    EXPECT_EQ(want, stored(7));
    asm volatile("mov %0, %%r12; mov $2, %%r13d; sidt 3(%%r12,%%r13,4)" ::"r"(base) : "r12", "r13", "memory");
    EXPECT_EQ(want, stored(11));
    asm volatile("mov %0, %%r13; sidt (%%r13)" ::"r"(base) : "r13", "memory");
    EXPECT_EQ(want, stored(0));
    asm volatile("lea -0x1000(%0), %%r8; sidt 0x1010(%%r8)" ::"r"(base) : "r8", "memory");
    EXPECT_EQ(want, stored(16));
    asm volatile("mov $3, %%ecx; sidt (%0,%%rcx,8)" ::"r"(base) : "rcx", "memory");
    EXPECT_EQ(want, stored(24));
}
TEST(fault_privilege, SIGSEGV_for_a_table_store_that_cannot_be_written) {
    EXPECT_EQ(SIGSEGV, fault_of([] { asm volatile("sidt (%0)" ::"r"(0x10L) : "memory"); }));
    EXPECT_EQ(SEGV_MAPERR, info.si_code);
    EXPECT_EQ(reinterpret_cast<void*>(0x10), info.si_addr);
    EXPECT_EQ(SIGSEGV, fault_of([] { asm volatile("sgdt (%0)" ::"r"(kernel_address) : "memory"); }));
    EXPECT_EQ(kernel_address, info.si_addr);
}
TEST(fault_privilege, translations_and_caches) {
    EXPECT_PROTECTION(0, run("\x0f\x01\x3f")); // invlpg (%rdi)
    EXPECT_PROTECTION(0, run("\x0f\x08"));     // invd
    EXPECT_PROTECTION(0, run("\x0f\x09"));     // wbinvd
}
TEST(fault_privilege, the_kernels_own_returns) {
    EXPECT_PROTECTION(0, run("\x0f\x01\xf8")); // swapgs
    EXPECT_PROTECTION(0, run("\x48\x0f\x07")); // sysretq
    int sysexit = run("\x48\x0f\x35"); // AMD's CPUs do not know it in 64-bit mode
    EXPECT_TRUE(sysexit == SIGSEGV || sysexit == SIGILL);
}
TEST(fault_privilege, leave_to_touch_program_memory_is_undefined) {
    EXPECT_EQ(SIGILL, run("\x0f\x01\xcb")); // stac
    EXPECT_EQ(SIGILL, run("\x0f\x01\xca")); // clac
    EXPECT_EQ(SIGILL, run("\x0f\xaa"));     // rsm
}
TEST(fault_privilege, rdtsc_is_allowed) { EXPECT_EQ(0, run("\x0f\x31")); }
TEST(fault_privilege, each_kills_a_child_without_a_handler) {
    EXPECT_CHILD_SIGNAL(SIGSEGV, [] { asm volatile("cli"); return 0; });
    EXPECT_CHILD_SIGNAL(SIGSEGV, [] { asm volatile("hlt"); return 0; });
    EXPECT_CHILD_SIGNAL(SIGSEGV, [] { asm volatile("outb %%al, %%dx" ::"a"(0), "d"(0x501)); return 0; });
    EXPECT_CHILD_SIGNAL(SIGSEGV, [] { asm volatile("wrmsr" ::"a"(0), "d"(0), "c"(0xc0000082)); return 0; });
    EXPECT_CHILD_SIGNAL(SIGSEGV, [] { asm volatile("mov %0, %%cr3" ::"r"(0L)); return 0; });
    EXPECT_CHILD_SIGNAL(SIGSEGV, [] { store_byte(0xffff888000001000); return 0; });
}
TEST(fault_privilege, handler_can_step_over_cli) {
    SignalAction a(SIGSEGV, +[](int, siginfo_t*, void* context) {
        static_cast<ucontext_t*>(context)->uc_mcontext.gregs[REG_RIP] += 1;
    });
    asm volatile("cli; sti; hlt" ::: "memory");
    EXPECT_TRUE(flags_now() & 0x200);
}

TEST(fault_gate, software_interrupts_are_protection_faults_but_3_4_and_0x80) {
    for (int n = 0; n < 256; ++n) {
        if (n == 3 || n == 4 || n == 0x80) continue;
        char bytes[] = {'\xcd', static_cast<char>(n)};
        EXPECT_EQ(SIGSEGV, run_bytes(bytes, 2, 0)) << n;
        EXPECT_EQ(SI_KERNEL, info.si_code);
        EXPECT_EQ(13, regs[REG_TRAPNO]);
    }
}
TEST(fault_gate, error_code_of_a_software_interrupt_names_its_gate) {
    EXPECT_PROTECTION(0x20 * 8 + 2, run("\xcd\x20"));
}
TEST(fault_gate, int_3_and_int_4) {
    EXPECT_EQ(SIGTRAP, run("\xcd\x03"));
    EXPECT_EQ(SI_KERNEL, info.si_code);
    EXPECT_EQ(SIGSEGV, fault_of([] { asm volatile("int $4"); }));
    EXPECT_EQ(4, regs[REG_TRAPNO]);
}
TEST(fault_gate, icebp_is_SIGTRAP) {
    EXPECT_EQ(SIGTRAP, run("\xf1"));
    EXPECT_EQ(TRAP_BRKPT, info.si_code);
    EXPECT_EQ(1, regs[REG_TRAPNO]);
}
TEST(fault_gate, int_0x80_leaves_the_machine_as_it_is) {
    // A Linux with 32-bit emulation makes a system call of it, one without a fault.
    pid_t pid = getpid();
    long r = 20; // getpid of i386
    int sig = fault_of([&] { asm volatile("int $0x80" : "+a"(r) : : "r8", "r9", "r10", "r11", "memory"); });
    if (sig == 0) {
        EXPECT_EQ(pid, r);
    } else {
        EXPECT_EQ(SIGSEGV, sig);
    }
}

TEST(fault_kernel_memory, edges_of_the_upper_half) {
    static const uint64_t places[] = {0xffff800000000000ul, 0xffff888000000000ul, 0xffffc90000000000ul, 0xffffffff80000000ul, 0xfffffffffffff000ul};
    for (uint64_t a : places)
        expect_out_of_reach(a);
}
TEST(fault_kernel_memory, direct_map) {
    for (uint64_t a = 0; a < 256ul << 20; a += 0x51000) expect_out_of_reach(0xffff888000000000 + a + a / 4096 % 4096);
}
TEST(fault_kernel_memory, kernel_image) {
    for (uint64_t a = 0; a < 1ul << 30; a += 0x100000) expect_out_of_reach(0xffffffff80000000 + a);
}
TEST(fault_kernel_memory, kernel_stacks_and_devices) {
    for (uint64_t a = 0; a < 4ul << 20; a += 4096) expect_out_of_reach(0xffffc90000000000 + a);
}
TEST(fault_kernel_memory, EFAULT_from_system_calls) {
    Pipe p;
    ASSERT_EQ(1, write(p.w, "x", 1));
    static const uint64_t places[] = {0xffff888000100000ul, 0xffffffff80100000ul, 0xffffc90000001000ul, 0x8000000000000000ul, ~0ul - 7};
    for (uint64_t a : places) {
        auto* at = reinterpret_cast<void*>(a);
        EXPECT_ERRNO(read(p.r, at, 1), EFAULT);
        EXPECT_ERRNO(write(p.w, at, 1), EFAULT);
        EXPECT_ERRNO(sys(SYS_gettimeofday, at, nullptr), EFAULT);
        EXPECT_ERRNO(sys(SYS_openat, AT_FDCWD, at, 0), EFAULT);
        EXPECT_ERRNO(sys(SYS_futex, at, 1 /* FUTEX_WAKE: private */ | 128, 1), EFAULT);
        EXPECT_ERRNO(sys(SYS_rt_sigaction, SIGUSR1, at, nullptr, 8), EFAULT);
        EXPECT_ERRNO(sys(SYS_clock_gettime, CLOCK_REALTIME, at), EFAULT);
    }
}

TEST(fault_segment, kernel_selectors_cannot_be_loaded) {
    EXPECT_PROTECTION(0x10, fault_of([] { asm volatile("mov %0, %%ds" ::"r"(0x10)); }));
    EXPECT_PROTECTION(0x18, fault_of([] { asm volatile("mov %0, %%es" ::"r"(0x18)); }));
    EXPECT_PROTECTION(0x18, fault_of([] { asm volatile("mov %0, %%ss" ::"r"(0x18)); }));
    EXPECT_PROTECTION(0x40, fault_of([] { asm volatile("mov %0, %%gs" ::"r"(0x40)); })); // the task state
    EXPECT_PROTECTION(0x4, fault_of([] { asm volatile("mov %0, %%gs" ::"r"(0x7)); }));   // a local table: there is none
}
TEST(fault_segment, far_return_to_kernel_code) {
    EXPECT_PROTECTION(0x10, fault_of([] { asm volatile("push $0x10; lea 1f(%%rip), %%rax; push %%rax; lretq\n1:" ::: "rax", "memory"); }));
    EXPECT_PROTECTION(0x10, fault_of([] { asm volatile("push $0x13; lea 1f(%%rip), %%rax; push %%rax; lretq\n1:" ::: "rax", "memory"); }));
}
TEST(fault_segment, iret_to_kernel_code_or_stack) {
    uint64_t here = reinterpret_cast<uint64_t>(&flags_now);
    EXPECT_PROTECTION(0x10, iret_to(here, 0x10, 0x202, 0x18));
    EXPECT_PROTECTION(0x10, iret_to(here, 0x13, 0x202, 0x2b));
    EXPECT_PROTECTION(0x18, iret_to(here, 0x33, 0x202, 0x18));
    EXPECT_PROTECTION(0, iret_to(here, 0, 0x202, 0x2b));
    EXPECT_PROTECTION(0x40, iret_to(here, 0x43, 0x202, 0x2b));
}
TEST(fault_segment, iret_to_kernel_text_is_a_fault_there) {
    EXPECT_EQ(SIGSEGV, iret_to(0xffffffff80100000, 0x33, 0x202, 0x2b));
    EXPECT_EQ(SEGV_MAPERR, info.si_code);
    EXPECT_EQ(reinterpret_cast<void*>(0xffffffff80100000), info.si_addr);
}
TEST(fault_segment, iret_to_a_noncanonical_address) {
    EXPECT_EQ(SIGSEGV, iret_to(0x0000800000000000, 0x33, 0x202, 0x2b));
    EXPECT_EQ(SI_KERNEL, info.si_code);
    EXPECT_EQ(SIGSEGV, iret_to(0x8000000000000000, 0x33, 0x202, 0x2b));
    EXPECT_EQ(SI_KERNEL, info.si_code);
}
TEST(fault_segment, jump_to_a_noncanonical_address) {
    EXPECT_EQ(SIGSEGV, fault_of([] { call(0x0000900000000000); }));
    EXPECT_EQ(SI_KERNEL, info.si_code);
    EXPECT_EQ(nullptr, info.si_addr);
}
TEST(fault_segment, GS_base_of_the_kernel_gives_nothing) {
    if (!(getauxval(AT_HWCAP2) & 2)) GTEST_SKIP() << "no FSGSBASE";
    Pipe p;
    static const uint64_t places[] = {0xffff888000100000ul, 0xffffffff80100000ul, 0xffffc90000001000ul, 0x7ffffffff000ul};
    for (uint64_t base : places) {
        asm volatile("wrgsbase %0" ::"r"(base));
        for (int i = 0; i < 50; ++i) sched_yield(); // in and out with it
        spin_ms(20);                                // and by interrupts
        char c = 'x';
        EXPECT_EQ(1, write(p.w, &c, 1));
        EXPECT_EQ(1, read(p.r, &c, 1));
        uint64_t now;
        asm volatile("rdgsbase %0" : "=r"(now));
        EXPECT_EQ(base, now);
        EXPECT_EQ(SIGSEGV, fault_of([] { asm volatile("mov %%gs:8, %%rax" ::: "rax"); }));
        EXPECT_EQ(SIGSEGV, fault_of([] { asm volatile("movb $1, %%gs:24" ::: "memory"); }));
        asm volatile("wrgsbase %0" ::"r"(0L));
    }
}
TEST(fault_segment, FS_base_of_the_kernel_gives_nothing) {
    if (!(getauxval(AT_HWCAP2) & 2)) GTEST_SKIP() << "no FSGSBASE";
    // Another process on the same CPU, so that the base is put away and back.
    cpu_set_t all, one;
    ASSERT_OK(sched_getaffinity(0, sizeof(all), &all));
    CPU_ZERO(&one);
    for (int i = 0; i < CPU_SETSIZE && !CPU_COUNT(&one); ++i)
        if (CPU_ISSET(i, &all)) CPU_SET(i, &one);
    ASSERT_OK(sched_setaffinity(0, sizeof(one), &one));
    pid_t other = start_child([] {
        for (;;) sched_yield();
        return 0;
    });
    uint64_t own;
    asm volatile("rdfsbase %0" : "=r"(own));
    static const uint64_t places[] = {0xffff888000100000ul, 0xffffffff80100000ul};
    for (uint64_t base : places) {
        uint64_t now = 0;
        asm volatile("wrfsbase %[base]; mov $500, %%r12d\n"
                     "1: mov $24, %%eax; syscall; dec %%r12d; jnz 1b\n" // sched_yield
                     "mov $20000000, %%r12d\n"
                     "2: dec %%r12d; jnz 2b\n"
                     "rdfsbase %[now]; wrfsbase %[own]"
                     : [now] "=&r"(now)
                     : [base] "r"(base), [own] "r"(own)
                     : "rax", "rcx", "r11", "r12", "memory");
        EXPECT_EQ(base, now);
    }
    kill(other, SIGKILL);
    wait_for(other);
    sched_setaffinity(0, sizeof(all), &all);
}

TEST(fault_flags, IOPL_and_IF_stay) {
    uint64_t set = 0x3002; // IOPL 3, IF off
    asm volatile("push %0; popfq" ::"r"(set) : "cc", "memory");
    EXPECT_EQ(0x200u, flags_now() & 0x3200u);
    EXPECT_PROTECTION(0, run("\xfa"));
}
TEST(fault_flags, iret_leaves_IOPL_and_IF) {
    uint64_t rip, flags;
    asm volatile("lea 1f(%%rip), %0; mov %%rsp, %1; push $0x2b; push %1; push $0x3002; push $0x33; push %0; iretq\n1: pushfq; pop %1"
                 : "=&r"(rip), "=&r"(flags)
                 :
                 : "cc", "memory");
    EXPECT_EQ(0x200u, flags & 0x3200u);
}
TEST(fault_flags, NT_goes_through_system_calls_and_stops_iret) {
    uint64_t flags = 0;
    long r = SYS_getpid;
    asm volatile("pushfq; orl $0x4000, (%%rsp); popfq; syscall; pushfq; pop %1; pushfq; andl $~0x4000, (%%rsp); popfq"
                 : "+a"(r), "=&r"(flags)
                 :
                 : "rcx", "r11", "cc", "memory");
    EXPECT_EQ(getpid(), r);
    EXPECT_EQ(0x4000u, flags & 0x4000u);
}
TEST(fault_flags, NT_stops_iret) {
    EXPECT_PROTECTION(0, fault_of([] { asm volatile("pushfq; orl $0x4000, (%%rsp); popfq; iretq" ::: "cc", "memory"); }));
}
TEST(fault_flags, AC_goes_through_system_calls) {
    char buf[16] = {};
    Fd fd(open("/dev/zero", O_RDONLY));
    uint64_t flags = 0;
    long r = SYS_read;
    asm volatile("pushfq; orl $0x40000, (%%rsp); popfq; syscall; pushfq; pop %1; pushfq; andl $~0x40000, (%%rsp); popfq"
                 : "+a"(r), "=&r"(flags)
                 : "D"(static_cast<long>(fd.get())), "S"(buf + 1), "d"(9L)
                 : "rcx", "r11", "cc", "memory");
    EXPECT_EQ(9, r);
    EXPECT_EQ(0x40000u, flags & 0x40000u);
}
TEST(fault_flags, AC_makes_a_misaligned_load_SIGBUS) {
    EXPECT_EQ(SIGBUS, fault_of([] {
        asm volatile("pushfq; orl $0x40000, (%%rsp); popfq; mov 1(%0), %%rax; pushfq; andl $~0x40000, (%%rsp); popfq" ::"r"(operand)
                     : "rax", "cc", "memory");
    }));
    EXPECT_EQ(BUS_ADRALN, info.si_code);
    EXPECT_EQ(17, regs[REG_TRAPNO]);
}
TEST(fault_flags, single_steps_over_a_system_call) {
    SignalAction a(SIGTRAP, +[](int, siginfo_t*, void*) { steps = steps + 1; });
    steps = 0;
    long r = SYS_getpid;
    asm volatile("pushfq; orl $0x100, (%%rsp); popfq; nop; syscall; nop; nop; pushfq; andl $~0x100, (%%rsp); popfq; nop"
                 : "+a"(r)
                 :
                 : "rcx", "r11", "cc", "memory");
    EXPECT_EQ(getpid(), r);
    EXPECT_GE(steps, 5);
    EXPECT_LE(steps, 7);
}

TEST(fault_survivor, processes_threads_and_memory_work_as_before) {
    EXPECT_CHILD_OK([] {
        Mapping m(1 << 20);
        memset(m.data(), 7, m.size());
        int sum = 0;
        Thread t([&] { sum = m[0] + m[(1 << 20) - 1]; });
        t.join();
        CHECK(sum == 14);
        return 0;
    });
}
