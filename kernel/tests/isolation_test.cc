// isolation=user: what keeps programs in ring 3 out. The cases are skipped where programs run in ring 0.
#include "kernel/arch/x86_64/isolation.h"

#include "kernel/arch/x86_64/cpu.h"
#include "kernel/arch/x86_64/program.h"
#include "kernel/mm/user.h"
#include "kernel/tests/ktest.h"
#include "kernel/tests/program.h"
#include "linux-abi/signal.h"

extern "C" {
linnet::u64 ktest_plain_load(linnet::u64 address);
extern const char ktest_never[], ktest_end[], ktest_clear_interrupts[], ktest_write_port[], ktest_call_getpid[];
}

namespace linnet::ktest {

namespace {

// The words of programs.S.
constexpr u64 kResume = kProgramRecord + 264, kSeen = kProgramRecord + 272, kNumber = kProgramRecord + 280, kCode = kProgramRecord + 288,
              kTrapNumber = kProgramRecord + 304, kError = kProgramRecord + 312, kRip = kProgramRecord + 320;

u64 word(u64 address) {
    auto v = user_read<u64>(address);
    if (!v) fail(__FILE__, __LINE__, "the record is not readable");
    return v ? *v : ~0ull;
}

bool flag(u64 bit) {
    u64 flags;
    asm volatile("pushfq; popq %0" : "=r"(flags));
    return flags & bit;
}
constexpr u64 kAc = 0x40000;

void expect_protection(const char* entry) {
    (void)clear_user(kProgramRecord, kPageSize);
    { ProgramThread t(entry, 0); }
    EXPECT_EQ(word(kSeen), 1);
    EXPECT_EQ(word(kNumber), SIGSEGV);
    EXPECT_EQ(word(kCode), 0x80); // SI_KERNEL
    EXPECT_EQ(word(kTrapNumber), 13);
    EXPECT_EQ(word(kError), 0);
}

/// A program whose first IRET fails: in the kernel, with the program's registers. It is the program's fault.
void expect_failing_return(u64 cs, u64 ss, u64 error) {
    (void)clear_user(kProgramRecord, kPageSize);
    (void)user_write<u64>(kResume, program_address(ktest_end));
    { ProgramThread t(ktest_never, 0, 0, cs, ss); }
    EXPECT_EQ(word(kSeen), 1);
    EXPECT_EQ(word(kNumber), SIGSEGV);
    EXPECT_EQ(word(kCode), 0x80);
    EXPECT_EQ(word(kTrapNumber), 13);
    EXPECT_EQ(word(kError), error);
    EXPECT_EQ(word(kRip), program_address(ktest_never));
}

} // namespace

KTEST_EACH_CPU(Isolation, SMEP_SMAP_and_UMIP_are_on_where_the_CPU_has_them) {
    if (!programs_isolated) return skip("isolation=none");
    const u64 cr4 = cpu::read_cr4();
    EXPECT_EQ(bool(cr4 >> 20 & 1), cpu_features.smep);
    EXPECT_EQ(bool(cr4 >> 21 & 1), cpu_features.smap);
    EXPECT_EQ(bool(cr4 >> 11 & 1), cpu_features.umip);
    EXPECT(!(cr4 & (1 << 2 | 1 << 8))); // rdtsc is allowed, rdpmc is not
    EXPECT(cpu::read_cr0() & 1 << 16);  // WP
}

KTEST_EACH_CPU(Isolation, the_kernel_reads_program_memory_by_its_copies_only) {
    if (!programs_isolated || !cpu_features.smap) return skip("no SMAP here");
    ProgramMemory m(1);
    PerCpu& p = per_cpu();
    p.no_fault = true; // to the fix-up at once: the page is there
    const u64 plain = ktest_plain_load(m.address());
    p.no_fault = false;
    EXPECT_EQ(plain, ~0ull);
    EXPECT_EQ(m.word(0), 0);
    EXPECT_EQ(ktest_plain_load(reinterpret_cast<u64>(&plain)), 0);
}

KTEST_EACH_CPU(Isolation, copies_leave_program_memory_closed) {
    if (!programs_isolated) return skip("isolation=none");
    ProgramMemory m(2);
    u64 buffer[4] = {}, edge = m.address() + kPageSize;
    char text[8];
    REQUIRE(space().unmap(edge, kPageSize));
    EXPECT(copy_to_user(m.address(), buffer, sizeof buffer).ok());
    EXPECT(!flag(kAc));
    EXPECT(!copy_to_user(edge - 8, buffer, sizeof buffer).ok()); // by the fix-up
    EXPECT(!flag(kAc));
    EXPECT(!copy_from_user(buffer, edge - 4, 4 + 1).ok());
    EXPECT(!flag(kAc));
    EXPECT(clear_user_partial(edge - 8, 16) != 0);
    EXPECT(!flag(kAc));
    EXPECT(!user_load_u32(edge).ok());
    EXPECT(!flag(kAc));
    EXPECT(!user_cmpxchg_u32(edge, 0, 1).ok());
    EXPECT(!flag(kAc));
    EXPECT(user_cmpxchg_u32(m.address(), 0, 1).ok());
    EXPECT(!flag(kAc));
    EXPECT(!copy_string_from_user(text, edge, sizeof text).ok());
    EXPECT(!flag(kAc));
    EXPECT(copy_string_from_user(text, m.address() + 8, sizeof text).ok());
    EXPECT(!flag(kAc));
}

KTEST_EACH_CPU(Isolation, privileged_instructions_of_a_program_are_its_fault) {
    if (!programs_isolated) return skip("isolation=none");
    expect_protection(ktest_clear_interrupts);
    expect_protection(ktest_write_port);
}

KTEST_EACH_CPU(Isolation, a_return_that_fails_is_the_programs_fault) {
    if (!programs_isolated) return skip("isolation=none");
    expect_failing_return(0x13, kUserSs, 0x10); // the kernel's code
    expect_failing_return(0x23, kUserSs, 0x20); // none
    expect_failing_return(kUserCs, 0x1b, 0x18); // the kernel's stack
    // Calls and interrupts go on as before.
    ProgramMemory m(1);
    m.set_word(0, 100);
    { ProgramThread t(ktest_call_getpid, m.address(), u64(current().process->pid)); }
    EXPECT_EQ(m.word(1), 0);
}

} // namespace linnet::ktest
