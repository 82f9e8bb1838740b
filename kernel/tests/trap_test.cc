// Exceptions and interrupts: from the program (its signal, registers, red zone) and from the kernel (stack, fix-ups).
#include "kernel/arch/x86_64/cpu.h"
#include "kernel/arch/x86_64/interrupts.h"
#include "kernel/arch/x86_64/isolation.h"
#include "kernel/arch/x86_64/program.h"
#include "kernel/irq/deferred.h"
#include "kernel/lib/random.h"
#include "kernel/lib/string.h"
#include "kernel/mm/user.h"
#include "kernel/sched/scheduler.h"
#include "kernel/tests/ktest.h"
#include "kernel/tests/program.h"
#include "kernel/time/clock.h"
#include "kernel/time/timer.h"

extern "C" {
linnet::u64 user_copy(void* to, const void* from, linnet::u64 n);
linnet::u64 user_clear(void* to, linnet::u64 n);
extern const char ktest_divide[], ktest_single_step[], ktest_breakpoint[], ktest_overflow[], ktest_bound[], ktest_invalid_opcode[],
    ktest_no_coprocessor[], ktest_bad_segment[], ktest_stack_fault[], ktest_protection[], ktest_bad_msr[], ktest_read_fault[],
    ktest_write_fault[], ktest_fetch_fault[], ktest_kernel_read[], ktest_x87_error[], ktest_alignment[],
    ktest_watch_red_zone[], ktest_call_getpid[];
}

namespace linnet::ktest {

namespace {

// The record of programs.S.
struct Record {
    u64 before[16], after[16];
    u64 red_zone_wrong, resume, seen, number, code, addr, trapno, error, rip, cr2, trap_at;
};

Record read_record() {
    Record r{};
    if (!copy_from_user(&r, kProgramRecord, sizeof r)) fail(__FILE__, __LINE__, "the record is not readable");
    return r;
}
void clear_record() { (void)clear_user(kProgramRecord, sizeof(Record)); }

constexpr u64 kAtRip = ~0ull; // si_addr is the instruction
constexpr int kSiKernel = 0x80;

/// Runs a trapping program and checks what its handler saw. `after`: bytes behind the instruction's start where RIP was.
Record expect_signal(const char* entry, int signal, int code, u64 addr, u64 trapno, u64 error, u64 after) {
    clear_record();
    { ProgramThread t(entry, 0); }
    Record r = read_record();
    EXPECT_EQ(r.seen, 1);
    EXPECT_EQ(r.number, signal);
    EXPECT_EQ(i64(r.code), code);
    EXPECT_EQ(r.addr, addr == kAtRip ? r.trap_at : addr);
    EXPECT_EQ(r.trapno, trapno);
    EXPECT_EQ(r.error, error);
    EXPECT_EQ(r.rip, r.trap_at + after);
    EXPECT_EQ(r.red_zone_wrong, 0);
    for (int i = 0; i < 16; ++i) EXPECT_EQ(r.after[i], r.before[i]);
    return r;
}

/// `int n` of ring 3 with a gate that is not its own. The error code is not looked at: QEMU's TCG has 16 n + 2.
void expect_closed_gate(const char* entry) {
    clear_record();
    { ProgramThread t(entry, 0); }
    Record r = read_record();
    EXPECT_EQ(r.seen, 1);
    EXPECT_EQ(r.number, SIGSEGV);
    EXPECT_EQ(r.code, kSiKernel);
    EXPECT_EQ(r.trapno, 13);
    EXPECT_EQ(r.rip, r.trap_at);
    EXPECT_EQ(r.red_zone_wrong, 0);
}

} // namespace

KTEST_EACH_CPU(Traps, divide_error_of_a_program) { expect_signal(ktest_divide, SIGFPE, 1, kAtRip, 0, 0, 0); }
KTEST(Traps, breakpoint_of_a_program) { expect_signal(ktest_breakpoint, SIGTRAP, kSiKernel, 0, 3, 0, 1); }
KTEST(Traps, overflow_of_a_program) { expect_signal(ktest_overflow, SIGSEGV, kSiKernel, 0, 4, 0, 2); }
KTEST(Traps, bound_range_of_a_program) {
    if (programs_isolated) return expect_closed_gate(ktest_bound);
    expect_signal(ktest_bound, SIGSEGV, kSiKernel, 0, 5, 0, 2);
}
KTEST_EACH_CPU(Traps, invalid_opcode_of_a_program) { expect_signal(ktest_invalid_opcode, SIGILL, 2, kAtRip, 6, 0, 0); }
KTEST(Traps, device_not_available_of_a_program) {
    if (programs_isolated) return expect_closed_gate(ktest_no_coprocessor);
    expect_signal(ktest_no_coprocessor, SIGSEGV, kSiKernel, 0, 7, 0, 2);
}
KTEST(Traps, bad_segment_of_a_program) { expect_signal(ktest_bad_segment, SIGSEGV, kSiKernel, 0, 13, 0x1f8, 0); }
KTEST(Traps, stack_fault_of_a_program) {
    // QEMU's TCG raises #GP where hardware raises #SS.
    clear_record();
    { ProgramThread t(ktest_stack_fault, 0); }
    Record r = read_record();
    EXPECT_EQ(r.seen, 1);
    EXPECT(r.trapno == 12 || r.trapno == 13);
    EXPECT_EQ(r.number, r.trapno == 12 ? SIGBUS : SIGSEGV);
    EXPECT_EQ(r.code, kSiKernel);
    EXPECT_EQ(r.rip, r.trap_at);
    EXPECT_EQ(r.red_zone_wrong, 0);
}
KTEST(Traps, general_protection_of_a_program) { expect_signal(ktest_protection, SIGSEGV, kSiKernel, 0, 13, 0, 0); }
KTEST(Traps, bad_msr_of_a_program) {
    // QEMU's TCG reads zero where hardware faults.
    clear_record();
    { ProgramThread t(ktest_bad_msr, 0); }
    Record r = read_record();
    EXPECT_EQ(r.red_zone_wrong, 0);
    if (!r.seen && !programs_isolated) return skip("rdmsr of an unknown register does not fault on this machine");
    EXPECT_EQ(r.number, SIGSEGV);
    EXPECT_EQ(r.trapno, 13);
}
KTEST_EACH_CPU(Traps, read_of_an_unmapped_page_by_a_program) { expect_signal(ktest_read_fault, SIGSEGV, 1, 0x12345, 14, 4, 0); }
KTEST(Traps, write_to_text_by_a_program) {
    clear_record();
    { ProgramThread t(ktest_write_fault, 0); }
    Record r = read_record();
    EXPECT_EQ(r.number, SIGSEGV);
    EXPECT_EQ(r.code, 2);
    EXPECT_EQ(r.addr, r.trap_at); // it writes to itself
    EXPECT_EQ(r.error, 7);
    EXPECT_EQ(r.rip, r.trap_at);
    EXPECT_EQ(r.red_zone_wrong, 0);
}
KTEST(Traps, fetch_from_data_by_a_program) {
    clear_record();
    { ProgramThread t(ktest_fetch_fault, 0); }
    Record r = read_record();
    EXPECT_EQ(r.number, SIGSEGV);
    EXPECT_EQ(r.code, 2);
    EXPECT_EQ(r.addr, kProgramRecord);
    EXPECT_EQ(r.rip, kProgramRecord);
    EXPECT_EQ(r.error, 0x15);
    EXPECT_EQ(r.red_zone_wrong, 0);
}
KTEST(Traps, x87_error_of_a_program) { expect_signal(ktest_x87_error, SIGFPE, 3, kAtRip, 16, 0, 0); }
KTEST(Traps, misaligned_access_is_fine) {
    clear_record();
    { ProgramThread t(ktest_alignment, 0); }
    EXPECT_EQ(read_record().seen, 0);
}

KTEST_EACH_CPU(Traps, single_step_of_a_program) {
    clear_record();
    { ProgramThread t(ktest_single_step, 0); }
    Record r = read_record();
    EXPECT_EQ(r.seen, 1);
    EXPECT_EQ(r.number, SIGTRAP);
    EXPECT_EQ(r.code, 2); // TRAP_TRACE
    EXPECT_EQ(r.trapno, 1);
    EXPECT_EQ(r.red_zone_wrong, 0);
    for (int i = 0; i < 16; ++i) EXPECT_EQ(r.after[i], r.before[i]);
}

KTEST_EACH_CPU(Traps, interrupts_leave_red_zone_and_registers_of_a_program) {
    // Each expiry is an interrupt at some instruction of the program, and runs deferred work on the way back.
    static struct Often : Timer { u32 count; } timer;
    timer.count = 0;
    timer.expired = [](Timer& t) {
        if (++static_cast<Often&>(t).count < 300) start_timer(t, monotonic_ns() + 50 * kNsPerUs);
    };
    clear_record();
    ProgramMemory m(1);
    {
        ProgramThread t(ktest_watch_red_zone, m.address());
        start_timer(timer, monotonic_ns());
        while (timer.count < 300) sleep_ms(1);
        m.set_word(0, 1);
    }
    EXPECT_EQ(read_record().red_zone_wrong, 0);
    EXPECT(m.word(1) > 0);
}

KTEST_EACH_CPU(Traps, system_calls_of_a_program) {
    ProgramMemory m(1);
    m.set_word(0, 5000);
    { ProgramThread t(ktest_call_getpid, m.address(), u64(current().process->pid)); }
    EXPECT_EQ(m.word(1), 0);
}

namespace {

struct Seen {
    std::atomic<u64> count;
    u64 stack, thread, flags;
    bool in_interrupt;
} seen;

void note_interrupt(void*) {
    u64 here;
    seen.stack = reinterpret_cast<u64>(&here);
    seen.thread = reinterpret_cast<u64>(current_thread());
    asm volatile("pushfq; popq %0" : "=r"(seen.flags));
    seen.in_interrupt = per_cpu().in_interrupt;
    seen.count.fetch_add(1, std::memory_order_release);
}

u64 test_vector() {
    static u64 vector = [] {
        auto m = request_msi(note_interrupt, nullptr);
        return m ? u64(m->data & 0xff) : 0;
    }();
    return vector;
}

} // namespace

KTEST_EACH_CPU(Traps, an_interrupt_of_the_kernel_runs_below_its_stack_pointer) {
    u64 vector = test_vector();
    REQUIRE(vector >= kFirstInterruptVector);
    for (int i = 0; i < 20; ++i) {
        u64 before = seen.count.load(), rsp;
        asm volatile("mov %%rsp, %0" : "=r"(rsp));
        send_ipi(this_cpu(), vector);
        while (seen.count.load(std::memory_order_acquire) == before) cpu::pause();
        EXPECT(seen.stack < rsp && seen.stack >= current_thread()->stack_base); // entered on IST, moved here
        EXPECT_EQ(seen.thread, current_thread());
        EXPECT(!(seen.flags & 0x200));
        EXPECT(seen.in_interrupt);
        EXPECT(!per_cpu().in_interrupt);
    }
}

KTEST(Traps, an_interrupt_waits_for_the_interrupt_flag) {
    u64 vector = test_vector(), before = seen.count.load();
    {
        InterruptsOff off;
        send_ipi(this_cpu(), vector);
        for (int i = 0; i < 1000; ++i) cpu::pause();
        EXPECT_EQ(seen.count.load(), before);
    }
    while (seen.count.load(std::memory_order_acquire) == before) cpu::pause();
}

KTEST(Traps, NMI_in_kernel_and_program_is_survived) {
    // Sent to this CPU: delivery mode 4 of the interrupt command register, with GS as the kernel has it.
    auto apic = map_device(0xfee00000, kPageSize);
    REQUIRE(apic.ok());
    auto* r = static_cast<volatile u32*>(*apic);
    for (int i = 0; i < 50; ++i) {
        r[0x310 / 4] = per_cpu().apic_id << 24;
        r[0x300 / 4] = 4 << 8 | 1 << 14;
    }
    // And in a program, where GS is its own: from a timer, while it spins.
    static volatile u32* registers;
    registers = r;
    static struct Often : Timer { u32 count; } timer;
    timer.count = 0;
    clear_record();
    ProgramMemory m(1);
    ProgramThread t(ktest_watch_red_zone, m.address());
    timer.expired = [](Timer& t) {
        registers[0x300 / 4] = 4 << 8 | 1 << 14 | 1 << 18; // to self
        if (++static_cast<Often&>(t).count < 50) start_timer(t, monotonic_ns() + 50 * kNsPerUs);
    };
    start_timer(timer, monotonic_ns());
    while (timer.count < 50) sleep_ms(1);
    m.set_word(0, 1);
    t.join();
    EXPECT_EQ(read_record().red_zone_wrong, 0);
}

// ---- fix-ups ---------------------------------------------------------------------------------------------------------

KTEST_EACH_CPU(UserCopy, a_fault_in_mid_copy_gives_what_is_left) {
    ProgramMemory m(2);
    u64 edge = m.address() + kPageSize;
    REQUIRE(space().unmap(edge, kPageSize));
    static char buffer[256], back[256];
    for (u32 i = 0; i < sizeof buffer; ++i) buffer[i] = char(i * 7 + 1);
    for (u64 inside = 0; inside <= 40; ++inside)
        for (u64 length = inside ? inside - 1 : 0; length <= inside + 40; ++length) {
            u64 left = length > inside ? length - inside : 0;
            u64 at = edge - inside;
            // Words go first: what does not fit a whole word any more is not copied, at most seven bytes.
            u64 not_written = copy_to_user_partial(at, buffer, length);
            EXPECT(not_written >= left && not_written < left + 8 && (left || !not_written));
            memset(back, 0, sizeof back);
            u64 not_read = copy_from_user_partial(back, at, length);
            EXPECT_EQ(not_read, not_written);
            EXPECT(!memcmp(back, buffer, length - not_read));
            EXPECT_EQ(back[length - not_read], 0); // nothing beyond
            EXPECT_EQ(copy_to_user(at, buffer, length).ok(), left == 0);
            u64 not_cleared = clear_user_partial(at, length);
            EXPECT(not_cleared >= left && not_cleared < left + 8 && (left || !not_cleared));
        }
    auto e = copy_to_user(edge - 4, buffer, 8);
    EXPECT_EQ(int(e.error()), int(EFAULT));
}

KTEST(UserCopy, pages_are_faulted_in_on_the_way) {
    ProgramMemory m(4);
    REQUIRE(space().advise(m.address(), 4 * kPageSize, 4)); // MADV_DONTNEED
    static char zero[3 * 4096];
    memset(zero, 1, sizeof zero);
    EXPECT_EQ(copy_from_user_partial(zero, m.address() + 100, sizeof zero), 0);
    for (char c : zero)
        if (c) return fail(__FILE__, __LINE__, "not zero");
}

KTEST(UserCopy, kernel_addresses_are_refused_unread) {
    u64 word = 0x1234;
    u64 kernel = reinterpret_cast<u64>(&word), got = 7;
    EXPECT_EQ(int(copy_from_user(&got, kernel, 8).error()), int(EFAULT));
    EXPECT_EQ(int(copy_to_user(kernel, &got, 8).error()), int(EFAULT));
    EXPECT_EQ(copy_from_user_partial(&got, kernel, 8), 8);
    EXPECT_EQ(copy_to_user_partial(kernel, &got, 8), 8);
    EXPECT_EQ(clear_user_partial(kernel, 8), 8);
    EXPECT(!try_copy_from_user(&got, kernel, 8));
    EXPECT(!user_load_u32(kernel).ok());
    EXPECT(!user_cmpxchg_u32(kernel, 0x1234, 1).ok());
    for (u64 a : {kUserEnd, kUserEnd - 4, u64(0x7ffffffffffe), u64(0x800000000000), u64(0x8000000000000000), ~u64(7), ~u64(0)})
        EXPECT(!copy_from_user(&got, a, 8).ok());
    EXPECT(!copy_from_user(&got, 8, ~0ull).ok());
    char text[8];
    EXPECT_EQ(int(copy_string_from_user(text, kernel, 8).error()), int(EFAULT));
    EXPECT_EQ(got, 7);
    EXPECT_EQ(word, 0x1234);
}

KTEST(UserCopy, strings_end_at_their_NUL_at_the_size_or_at_a_fault) {
    ProgramMemory m(2);
    u64 edge = m.address() + kPageSize;
    REQUIRE(space().unmap(edge, kPageSize));
    (void)copy_to_user(edge - 4, "abc", 4);
    char text[16];
    EXPECT_EQ(copy_string_from_user(text, edge - 4, 16).value_or(99), 3);
    EXPECT(!memcmp(text, "abc", 4));
    EXPECT_EQ(int(copy_string_from_user(text, edge - 4, 3).error()), int(ENAMETOOLONG));
    (void)copy_to_user(edge - 1, "d", 1);
    EXPECT_EQ(int(copy_string_from_user(text, edge - 4, 16).error()), int(EFAULT));
}

KTEST(UserCopy, atomic_words_fault_to_EFAULT) {
    ProgramMemory m(1);
    m.set_word(0, 5);
    EXPECT_EQ(user_load_u32(m.address()).value_or(0), 5);
    EXPECT_EQ(user_cmpxchg_u32(m.address(), 5, ~0u).value_or(0), 5);
    EXPECT_EQ(user_cmpxchg_u32(m.address(), 5, 1).value_or(0), ~0u); // -1 is a value, not a fault
    EXPECT_EQ(user_load_u32(m.address()).value_or(0), ~0u);
    EXPECT_EQ(int(user_load_u32(0x1000).error()), int(EFAULT));
    REQUIRE(space().protect(m.address(), kPageSize, kProtRead));
    EXPECT_EQ(int(user_cmpxchg_u32(m.address(), ~0u, 1).error()), int(EFAULT));
}

KTEST(UserCopy, without_faulting_nothing_is_mapped_in) {
    ProgramMemory m(1);
    REQUIRE(space().advise(m.address(), kPageSize, 4));
    u64 got, resident = space().resident_pages();
    EXPECT(!try_copy_from_user(&got, m.address(), 8));
    EXPECT_EQ(space().resident_pages(), resident);
    EXPECT(copy_from_user(&got, m.address(), 8).ok());
    EXPECT(try_copy_from_user(&got, m.address(), 8));
}

} // namespace linnet::ktest
