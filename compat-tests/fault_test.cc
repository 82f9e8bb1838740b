// What the processor raises: page faults, arithmetic, undefined and privileged instructions, breakpoints,
// stack growth and overflow; siginfo and saved registers of each.
#include "support.h"

#include <setjmp.h>
#include <sys/resource.h>
#include <ucontext.h>

namespace {

sigjmp_buf jump;
siginfo_t info;
greg_t regs[23];

void on_fault(int, siginfo_t* si, void* uc) {
    info = *si;
    memcpy(regs, static_cast<ucontext_t*>(uc)->uc_mcontext.gregs, sizeof(regs));
    siglongjmp(jump, 1);
}

template <class F>
int fault_of(F access) {
    SignalAction a(SIGSEGV, on_fault), b(SIGBUS, on_fault), c(SIGFPE, on_fault), d(SIGILL, on_fault),
        e(SIGTRAP, on_fault);
    info = {};
    if (sigsetjmp(jump, 1) == 0) {
        access();
        return 0;
    }
    return info.si_signo;
}

[[gnu::noinline]] int recurse(volatile char* up) {
    volatile char big[4096];
    big[0] = up ? up[0] : 1;
    return recurse(big) + big[100];
}

} // namespace

TEST(fault_page, null_read_is_SEGV_MAPERR_with_the_address) {
    EXPECT_EQ(SIGSEGV, fault_of([] { (void)*reinterpret_cast<volatile char*>(0x18); }));
    EXPECT_EQ(SEGV_MAPERR, info.si_code);
    EXPECT_EQ(reinterpret_cast<void*>(0x18), info.si_addr);
    EXPECT_EQ(14, regs[REG_TRAPNO]);
    EXPECT_EQ(0x18, regs[REG_CR2]);
    EXPECT_EQ(0, regs[REG_ERR] & 2);
}
TEST(fault_page, null_write_has_the_write_bit) {
    EXPECT_EQ(SIGSEGV, fault_of([] { *reinterpret_cast<volatile char*>(0x20) = 1; }));
    EXPECT_EQ(2, regs[REG_ERR] & 2);
}
TEST(fault_page, error_code_has_the_user_bit) {
    EXPECT_EQ(SIGSEGV, fault_of([] { *reinterpret_cast<volatile char*>(0x20) = 1; }));
    EXPECT_EQ(6, regs[REG_ERR]);
}
TEST(fault_page, kernel_address_is_SIGSEGV) {
    EXPECT_EQ(SIGSEGV, fault_of([] { (void)*static_cast<volatile char*>(kernel_address); }));
}
TEST(fault_page, kernel_address_is_SEGV_MAPERR_and_shows_as_present) {
    EXPECT_EQ(SIGSEGV, fault_of([] { (void)*static_cast<volatile char*>(kernel_address); }));
    EXPECT_EQ(SEGV_MAPERR, info.si_code);
    EXPECT_EQ(kernel_address, info.si_addr);
    EXPECT_EQ(5, regs[REG_ERR]);
}
TEST(fault_page, system_call_at_the_end_of_the_address_space_returns_to_a_fault) {
    auto* last = reinterpret_cast<char*>(0x7fffffffe000);
    ASSERT_EQ(last, mmap(last, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0));
    memcpy(last + 4094, "\x0f\x05", 2);
    EXPECT_EQ(SIGSEGV, fault_of([=] {
        long r = SYS_getpid;
        asm volatile("call *%1" : "+a"(r) : "r"(last + 4094) : "rcx", "r11", "memory");
    }));
    EXPECT_EQ(SEGV_MAPERR, info.si_code);
    EXPECT_EQ(reinterpret_cast<void*>(last + 4096), info.si_addr);
    EXPECT_EQ(reinterpret_cast<greg_t>(last + 4096), regs[REG_RIP]);
    EXPECT_EQ(getpid(), static_cast<pid_t>(regs[REG_RAX]));
    munmap(last, 4096);
}
TEST(fault_page, noncanonical_address_is_SI_KERNEL_without_address) {
    EXPECT_EQ(SIGSEGV, fault_of([] { (void)*static_cast<volatile char*>(noncanonical_address); }));
    EXPECT_EQ(SI_KERNEL, info.si_code);
    EXPECT_EQ(nullptr, info.si_addr);
}
TEST(fault_page, jump_to_null_is_SIGSEGV_at_zero) {
    EXPECT_EQ(SIGSEGV, fault_of([] {
        void (*volatile f)() = nullptr;
        f();
    }));
    EXPECT_EQ(nullptr, info.si_addr);
    EXPECT_EQ(0, regs[REG_RIP]);
}
TEST(fault_page, write_to_program_text_is_SEGV_ACCERR) {
    EXPECT_EQ(SIGSEGV, fault_of([] { *reinterpret_cast<volatile char*>(&recurse) = 0; }));
    EXPECT_EQ(SEGV_ACCERR, info.si_code);
}
TEST(fault_page, write_to_read_only_data_is_SEGV_ACCERR) {
    static const char text[] = "constant";
    EXPECT_EQ(SIGSEGV, fault_of([] { *const_cast<volatile char*>(text) = 0; }));
    EXPECT_EQ(SEGV_ACCERR, info.si_code);
}
TEST(fault_page, RIP_points_to_the_faulting_instruction) {
    uintptr_t at = 0;
    EXPECT_EQ(SIGSEGV, fault_of([&] {
        asm volatile("lea 1f(%%rip), %0; mov %0, %1\n1: movb $0, 16" : "=&r"(at), "=m"(at));
    }));
    EXPECT_EQ(static_cast<greg_t>(at), regs[REG_RIP]);
}
TEST(fault_page, default_action_kills_with_SIGSEGV) {
    EXPECT_CHILD_SIGNAL(SIGSEGV, [] { return *reinterpret_cast<volatile char*>(0x10); });
}
TEST(fault_page, blocked_or_ignored_SIGSEGV_kills_all_the_same) {
    EXPECT_CHILD_SIGNAL(SIGSEGV, [] {
        BlockSignals block(SIGSEGV);
        SignalAction a(SIGSEGV, on_fault);
        return *reinterpret_cast<volatile char*>(0x10);
    });
    EXPECT_CHILD_SIGNAL(SIGSEGV, [] {
        signal(SIGSEGV, SIG_IGN);
        return *reinterpret_cast<volatile char*>(0x10);
    });
}
TEST(fault_page, handler_can_map_the_page_and_go_on) {
    static Mapping* m;
    Mapping place(4096, PROT_NONE);
    m = &place;
    SignalAction a(SIGSEGV, +[](int, siginfo_t*, void*) {
        mprotect(m->data(), 4096, PROT_READ | PROT_WRITE);
    });
    place[100] = 5;
    EXPECT_EQ(5, place[100]);
}
TEST(fault_page, fault_in_a_thread_is_taken_by_that_thread) {
    static pid_t tid_in_handler;
    pid_t tid = 0;
    Mapping place(4096, PROT_NONE);
    static Mapping* m;
    m = &place;
    SignalAction a(SIGSEGV, +[](int, siginfo_t*, void*) {
        tid_in_handler = static_cast<pid_t>(sys(SYS_gettid));
        mprotect(m->data(), 4096, PROT_READ | PROT_WRITE);
    });
    Thread t([&] {
        tid = static_cast<pid_t>(sys(SYS_gettid));
        place[0] = 1;
    });
    t.join();
    EXPECT_EQ(tid, tid_in_handler);
}
TEST(fault_instruction, ud2_is_ILL_ILLOPN_at_its_address) {
    EXPECT_EQ(SIGILL, fault_of([] { asm volatile("ud2"); }));
    EXPECT_EQ(ILL_ILLOPN, info.si_code);
    EXPECT_EQ(reinterpret_cast<void*>(regs[REG_RIP]), info.si_addr);
    EXPECT_EQ(6, regs[REG_TRAPNO]);
}
TEST(fault_instruction, division_by_zero_is_FPE_INTDIV) {
    EXPECT_EQ(SIGFPE, fault_of([] { asm volatile("xor %%ecx, %%ecx; xor %%edx, %%edx; div %%ecx" ::: "rax", "rcx", "rdx"); }));
    EXPECT_EQ(FPE_INTDIV, info.si_code);
    EXPECT_EQ(0, regs[REG_TRAPNO]);
}
TEST(fault_instruction, hlt_is_SIGSEGV) {
    EXPECT_CHILD_SIGNAL(SIGSEGV, [] {
        asm volatile("hlt");
        return 0;
    });
}
TEST(fault_instruction, hlt_is_SI_KERNEL_at_its_own_address) {
    uintptr_t at = 0;
    EXPECT_EQ(SIGSEGV, fault_of([&] { asm volatile("lea 1f(%%rip), %0; mov %0, %1\n1: hlt" : "=&r"(at), "=m"(at)); }));
    EXPECT_EQ(SI_KERNEL, info.si_code);
    EXPECT_EQ(nullptr, info.si_addr);
    EXPECT_EQ(static_cast<greg_t>(at), regs[REG_RIP]);
    EXPECT_EQ(13, regs[REG_TRAPNO]);
    EXPECT_EQ(0, regs[REG_ERR]);
}
TEST(fault_instruction, handler_can_step_over_hlt) {
    SignalAction a(SIGSEGV, +[](int, siginfo_t*, void* context) {
        static_cast<ucontext_t*>(context)->uc_mcontext.gregs[REG_RIP] += 1;
    });
    int steps = 0;
    for (int i = 0; i < 3; ++i) {
        asm volatile("hlt" ::: "memory");
        ++steps;
    }
    EXPECT_EQ(3, steps);
}
TEST(fault_instruction, hlt_in_a_fork_is_SIGSEGV_after_it_ran_here) {
    EXPECT_EQ(SIGSEGV, fault_of([] { asm volatile("hlt"); }));
    EXPECT_CHILD_SIGNAL(SIGSEGV, [] {
        signal(SIGSEGV, SIG_DFL);
        asm volatile("hlt");
        return 0;
    });
}
TEST(fault_instruction, other_undefined_opcodes_stay_SIGILL) {
    EXPECT_EQ(SIGILL, fault_of([] { asm volatile(".byte 0x06"); }));
    EXPECT_EQ(ILL_ILLOPN, info.si_code);
    EXPECT_EQ(6, regs[REG_TRAPNO]);
}
TEST(fault_instruction, int3_is_SIGTRAP_after_the_instruction) {
    EXPECT_EQ(SIGTRAP, fault_of([] { asm volatile("int3"); }));
    EXPECT_EQ(SI_KERNEL, info.si_code);
    EXPECT_EQ(3, regs[REG_TRAPNO]);
}
TEST(fault_instruction, single_step_flag_is_TRAP_TRACE) {
    EXPECT_EQ(SIGTRAP, fault_of([] { asm volatile("pushfq; orq $0x100, (%%rsp); popfq; nop; nop" ::: "cc", "memory"); }));
    EXPECT_EQ(TRAP_TRACE, info.si_code);
}
TEST(fault_instruction, unmasked_SSE_division_by_zero_is_FPE_FLTDIV) {
    EXPECT_EQ(SIGFPE, fault_of([] {
        unsigned mxcsr = 0x1d80; // ZM clear
        asm volatile("ldmxcsr %0" ::"m"(mxcsr));
        asm volatile("mov $1, %%eax; cvtsi2sd %%eax, %%xmm0; pxor %%xmm1, %%xmm1; divsd %%xmm1, %%xmm0" ::: "rax", "xmm0",
                     "xmm1");
    }));
    unsigned normal = 0x1f80;
    asm volatile("ldmxcsr %0" ::"m"(normal));
    EXPECT_EQ(FPE_FLTDIV, info.si_code);
    EXPECT_EQ(19, regs[REG_TRAPNO]);
}
TEST(fault_instruction, misaligned_movaps_is_SIGSEGV_SI_KERNEL) {
    alignas(16) static char buf[32];
    EXPECT_EQ(SIGSEGV, fault_of([] { asm volatile("movaps (%0), %%xmm0" ::"r"(buf + 1) : "xmm0"); }));
    EXPECT_EQ(SI_KERNEL, info.si_code);
}
TEST(fault_instruction, abort_dies_by_SIGABRT) {
    EXPECT_CHILD_SIGNAL(SIGABRT, []() -> int { abort(); });
}
TEST(fault_handler, at_a_kernel_address_is_SIGSEGV_there) {
    auto* handler = reinterpret_cast<void (*)(int)>(kernel_address);
    EXPECT_EQ(SIGSEGV, fault_of([=] {
        SignalAction a(SIGUSR1, handler);
        raise(SIGUSR1);
    }));
    EXPECT_EQ(SEGV_MAPERR, info.si_code);
    EXPECT_EQ(kernel_address, info.si_addr);
    EXPECT_EQ(reinterpret_cast<greg_t>(kernel_address), regs[REG_RIP]);
    EXPECT_EQ(14, regs[REG_TRAPNO]);
    EXPECT_EQ(0x15, regs[REG_ERR]);
    signal(SIGUSR1, SIG_DFL);
}
TEST(fault_handler, at_a_noncanonical_address_is_SIGSEGV_there) {
    auto* handler = reinterpret_cast<void (*)(int)>(noncanonical_address);
    EXPECT_EQ(SIGSEGV, fault_of([=] {
        SignalAction a(SIGUSR1, handler);
        raise(SIGUSR1);
    }));
    EXPECT_EQ(SI_KERNEL, info.si_code);
    EXPECT_EQ(nullptr, info.si_addr);
    EXPECT_EQ(reinterpret_cast<greg_t>(noncanonical_address), regs[REG_RIP]);
    EXPECT_EQ(13, regs[REG_TRAPNO]);
    signal(SIGUSR1, SIG_DFL);
}
TEST(fault_handler, of_SIGSEGV_at_a_bad_address_kills) {
    EXPECT_CHILD_SIGNAL(SIGSEGV, [] {
        signal(SIGSEGV, reinterpret_cast<void (*)(int)>(kernel_address));
        return *reinterpret_cast<volatile char*>(0x10);
    });
    EXPECT_CHILD_SIGNAL(SIGSEGV, [] {
        signal(SIGSEGV, reinterpret_cast<void (*)(int)>(noncanonical_address));
        return *reinterpret_cast<volatile char*>(0x10);
    });
}

// What a handler leaves in the saved CS and SS of its frame; IRET or the kernel refuses what is not ring 3's.
static int return_with_selectors(uint64_t cs, uint64_t ss) {
    static uint64_t want_cs, want_ss;
    want_cs = cs, want_ss = ss;
    SignalAction a(SIGUSR1, +[](int, siginfo_t*, void* uc) {
        auto& g = static_cast<ucontext_t*>(uc)->uc_mcontext.gregs[REG_CSGSFS];
        g = static_cast<greg_t>((static_cast<uint64_t>(g) & 0x0000ffffffff0000) | want_cs | want_ss << 48);
    });
    raise(SIGUSR1);
    return 0;
}
TEST(sys_rt_sigreturn, frame_shows_the_selectors_of_ring_3) {
    SignalAction a(SIGUSR1, +[](int, siginfo_t*, void* uc) {
        memcpy(regs, static_cast<ucontext_t*>(uc)->uc_mcontext.gregs, sizeof(regs));
    });
    raise(SIGUSR1);
    EXPECT_EQ(0x33, regs[REG_CSGSFS] & 0xffff);
    EXPECT_EQ(0x2b, regs[REG_CSGSFS] >> 48 & 0xffff);
}
TEST(sys_rt_sigreturn, SIGSEGV_for_a_forged_code_selector) {
    EXPECT_CHILD_SIGNAL(SIGSEGV, [] { return return_with_selectors(0x10, 0x2b); });
    EXPECT_CHILD_SIGNAL(SIGSEGV, [] { return return_with_selectors(0x13, 0x2b); });
    EXPECT_CHILD_SIGNAL(SIGSEGV, [] { return return_with_selectors(0, 0x2b); });
    EXPECT_CHILD_SIGNAL(SIGSEGV, [] { return return_with_selectors(0x2b, 0x2b); });
    EXPECT_CHILD_SIGNAL(SIGSEGV, [] { return return_with_selectors(0xffff, 0x2b); });
}
TEST(sys_rt_sigreturn, SIGSEGV_for_a_forged_stack_selector) {
    EXPECT_CHILD_SIGNAL(SIGSEGV, [] { return return_with_selectors(0x33, 0x18); });
    EXPECT_CHILD_SIGNAL(SIGSEGV, [] { return return_with_selectors(0x33, 0); });
    EXPECT_CHILD_SIGNAL(SIGSEGV, [] { return return_with_selectors(0x33, 0x33); });
}
TEST(sys_rt_sigreturn, selectors_get_the_ring_of_the_program) {
    EXPECT_CHILD_OK([] { return return_with_selectors(0x30, 0x28); });
    EXPECT_CHILD_OK([] { return return_with_selectors(0x33, 0x2b); });
}
TEST(sys_rt_sigreturn, SIGSEGV_for_an_address_of_the_kernel) {
    static uint64_t want_rip;
    SignalAction a(SIGUSR1, +[](int, siginfo_t*, void* uc) {
        static_cast<ucontext_t*>(uc)->uc_mcontext.gregs[REG_RIP] = static_cast<greg_t>(want_rip);
    });
    const uint64_t places[] = {0xffff888000001000, 0xffffffff80100000, 0x0000800000000000, 0x8000000000000000, ~0ul};
    for (uint64_t rip : places) {
        want_rip = rip;
        EXPECT_CHILD_SIGNAL(SIGSEGV, [] { return raise(SIGUSR1); });
    }
}
TEST(sys_rt_sigreturn, flags_of_the_machine_stay) {
    SignalAction a(SIGUSR1, +[](int, siginfo_t*, void* uc) {
        auto& flags = static_cast<ucontext_t*>(uc)->uc_mcontext.gregs[REG_EFL];
        flags = (flags | 0x3000 | 0x4000 | 0x20000 | 0x180000) & ~0x200; // IOPL 3, NT, VM, VIF and VIP; no IF
    });
    long r = SYS_tgkill, pid = getpid(), tid = sys(SYS_gettid);
    uint64_t flags = 0;
    asm volatile("syscall; pushfq; pop %1" : "+a"(r), "=&r"(flags) : "D"(pid), "S"(tid), "d"(SIGUSR1) : "rcx", "r11", "cc", "memory");
    EXPECT_EQ(0, r);
    EXPECT_EQ(0x200u, flags & 0x1a7200u);
}
TEST(fault_stack, grows_on_touch_below) {
    EXPECT_CHILD_OK([] {
        volatile char big[2 << 20];
        big[0] = 1;
        big[1 << 20] = 2;
        CHECK(big[0] + big[1 << 20] == 3);
        return 0;
    });
}
TEST(fault_stack, overflow_is_SIGSEGV) {
    EXPECT_CHILD_SIGNAL(SIGSEGV, [] { return recurse(nullptr); });
}
TEST(fault_stack, overflow_is_caught_on_an_alternate_stack) {
    EXPECT_CHILD_OK([] {
        Mapping m(65536);
        stack_t ss{};
        ss.ss_sp = m.data();
        ss.ss_size = m.size();
        CHECK(sigaltstack(&ss, nullptr) == 0);
        SignalAction a(SIGSEGV, +[](int, siginfo_t*, void*) { _exit(0); }, SA_ONSTACK);
        recurse(nullptr);
        return 1;
    });
}
TEST(fault_stack, growth_stops_at_RLIMIT_STACK) {
    EXPECT_CHILD_SIGNAL(SIGSEGV, [] {
        rlimit lim{1 << 20, 1 << 20};
        setrlimit(RLIMIT_STACK, &lim);
        volatile char here = 0;
        *(&here - (1 << 20) - 65536) = 1;
        return 0;
    });
}
TEST(fault_syscall, bad_number_is_ENOSYS) {
    EXPECT_ERRNO(sys(999), ENOSYS);
    EXPECT_ERRNO(sys(-1), ENOSYS);
    EXPECT_ERRNO(sys(0x7fffffff), ENOSYS);
}
TEST(fault_syscall, preserves_all_registers_but_rax_rcx_r11) {
    uint64_t out[8] = {};
    uint64_t want[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    long r = SYS_getpid;
    asm volatile("mov $1, %%rdi; mov $2, %%rsi; mov $3, %%rdx; mov $4, %%r10; mov $5, %%r8; mov $6, %%r9\n"
                 "mov $7, %%r12; mov $8, %%r13\n"
                 "syscall\n"
                 "mov %%rdi, 0(%[o]); mov %%rsi, 8(%[o]); mov %%rdx, 16(%[o]); mov %%r10, 24(%[o])\n"
                 "mov %%r8, 32(%[o]); mov %%r9, 40(%[o]); mov %%r12, 48(%[o]); mov %%r13, 56(%[o])"
                 : "+a"(r)
                 : [o] "b"(out)
                 : "rdi", "rsi", "rdx", "r10", "r8", "r9", "r12", "r13", "rcx", "r11", "memory");
    EXPECT_EQ(getpid(), r);
    EXPECT_EQ(0, memcmp(out, want, sizeof(out)));
}
TEST(fault_syscall, preserves_the_flags_and_clears_nothing) {
    uint64_t flags = 0;
    long r = SYS_getpid;
    asm volatile("std; stc; syscall; pushfq; pop %1; cld" : "+a"(r), "=r"(flags) : : "rcx", "r11", "cc", "memory");
    EXPECT_EQ(0x401u, flags & 0x401u);
}
TEST(fault_syscall, preserves_vector_registers) {
    uint64_t in = 0x0123456789abcdef, out = 0;
    char buf[64];
    long r = SYS_read;
    Fd fd(open("/dev/zero", O_RDONLY));
    asm volatile("movq %[i], %%xmm3; syscall; movq %%xmm3, %[o]"
                 : "+a"(r), [o] "=&r"(out)
                 : [i] "r"(in), "D"(static_cast<long>(fd.get())), "S"(buf), "d"(64L)
                 : "rcx", "r11", "memory", "xmm3");
    EXPECT_EQ(64, r);
    EXPECT_EQ(in, out);
}
TEST(fault_syscall, rcx_is_the_return_address_and_r11_the_flags) {
    uint64_t rcx = 0, here = 0, r11 = 0;
    long r = SYS_getpid;
    asm volatile("lea 1f(%%rip), %[h]; syscall\n1: mov %%rcx, %[c]; mov %%r11, %[f]"
                 : "+a"(r), [h] "=&r"(here), [c] "=&r"(rcx), [f] "=&r"(r11)
                 :
                 : "rcx", "r11", "memory");
    EXPECT_EQ(here, rcx);
    EXPECT_TRUE(r11 & 2);
}
