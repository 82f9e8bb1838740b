// What must end in a panic: each case boots on its own; run_ktest.py checks the text and the whole block.
#include "kernel/arch/x86_64/cpu.h"
#include "kernel/arch/x86_64/layout.h"
#include "kernel/irq/deferred.h"
#include "kernel/lib/panic.h"
#include "kernel/lib/ref.h"
#include "kernel/mm/page.h"
#include "kernel/mm/user.h"
#include "kernel/sched/scheduler.h"
#include "kernel/sync/mutex.h"
#include "kernel/tests/ktest.h"
#include "kernel/tests/program.h"

// The wrong uses of locks below are the point of it.
#if defined(__clang__)
#pragma clang diagnostic ignored "-Wthread-safety"
#endif

extern "C" {
void ktest_kernel_fault(linnet::u64 address);
extern const char ktest_kernel_fault_at[], ktest_call_getpid[];
}

namespace linnet::ktest {

namespace {

Mutex<Rank::Inode> inode;
Mutex<Rank::Pipe> pipe_mutex;
SpinLock<Rank::FileTable> files;
SpinLock<Rank::MiscSpin> leaf;

} // namespace

// The block's registers, bytes at RIP, frames and system calls are compared with the lines "expect ..." that the case prints.
KTEST_PANICS(Panic, block_of_a_fault, "page fault in the kernel at 0xdead000") {
    ProgramMemory m(1);
    m.set_word(0, 20);
    { ProgramThread t(ktest_call_getpid, m.address(), u64(current().process->pid)); }
    print("expect rip 0x%lx", as_u64(&ktest_kernel_fault_at[0]));
    print("expect rbx 0x1111222233334444");
    print("expect r15 0x5555666677778888");
    print("expect rcx 0xc0ffee");
    print("expect rdi 0xdead000");
    print("expect cr2 0xdead000");
    print("expect error 0x2");
    print("expect vector 14");
    print("expect pid %d", current().process->pid);
    print("expect comm ktest");
    print("expect code");
    for (int i = -4; i < 8; ++i) print("expect byte %d %02x", i, u8(ktest_kernel_fault_at[i]));
    print("expect frame 0x%lx", as_u64(&ktest_kernel_fault_at[0]));
    print("expect syscall getpid() = %d", current().process->pid);
    ktest_kernel_fault(0xdead000);
}

KTEST_PANICS(Panic, null_pointer, "page fault in the kernel at 0x8") {
    u64 zero = 0;
    asm volatile("" : "+r"(zero));
    *reinterpret_cast<volatile u64*>(zero + 8) = 1;
}
KTEST_PANICS(Panic, program_memory_without_fix_up, "page fault in the kernel at 0x[0-9a-f]+") {
    ProgramMemory m(1);
    (void)space().protect(m.address(), kPageSize, 0);
    *reinterpret_cast<volatile u64*>(m.address()) = 1;
}
KTEST_PANICS(Panic, write_to_kernel_text, "page fault in the kernel at 0xffffffff[0-9a-f]{8}") {
    *reinterpret_cast<volatile char*>(reinterpret_cast<u64>(text_start)) = 1;
}
KTEST_PANICS(Panic, write_to_kernel_constants, "page fault in the kernel at 0xffffffff[0-9a-f]{8}") {
    *reinterpret_cast<volatile char*>(reinterpret_cast<u64>(rodata_start)) = 1;
}
KTEST_PANICS(Panic, execution_of_kernel_data, "page fault in the kernel at 0xffff888[0-9a-f]{9}") {
    auto p = alloc_page(true);
    REQUIRE(p.ok());
    *static_cast<u8*>(page_to_virt(*p)) = 0xc3;
    reinterpret_cast<void (*)()>(page_to_virt(*p))();
}
KTEST_PANICS(Panic, address_that_is_not_canonical, "general protection at 0xffffffff[0-9a-f]{8}") {
    u64 bad = 0x8000000000000000;
    asm volatile("" : "+r"(bad));
    *reinterpret_cast<volatile u64*>(bad) = 1;
}
KTEST_PANICS(Panic, invalid_opcode_in_the_kernel, "invalid opcode at 0xffffffff[0-9a-f]{8}") { asm volatile("ud2"); }
KTEST_PANICS(Panic, division_by_zero_in_the_kernel, "divide error at 0xffffffff[0-9a-f]{8}") {
    u32 zero = 0;
    asm volatile("xor %%edx, %%edx; mov $1, %%eax; div %0" ::"r"(zero) : "rax", "rdx");
}

namespace {

[[gnu::noinline]] u64 recurse(u64 depth) {
    volatile u64 room[64];
    room[0] = depth;
    return depth ? recurse(depth + 1) + room[0] : 0;
}

} // namespace

KTEST_PANICS(Panic, kernel_stack_overflow, "kernel stack overflow at 0x[0-9a-f]+|double fault at 0x[0-9a-f]+") {
    print("%lu", recurse(1));
}
KTEST_PANICS(Panic, failed_check, "CHECK failed: 1 == 2 at .*panic_test.cc:[0-9]+") {
    CHECK(1 == 2);
}
KTEST_PANICS(Panic, panic_in_deferred_work, "from deferred work 42") {
    static DeferredWork w;
    w.run = [](DeferredWork&) { panic("from deferred work %d", 42); };
    raise_deferred(w);
    run_deferred();
}

// ---- what the debug kernel checks of locks ------------------------------------------------------------------------------

KTEST_PANICS(LockOrder, a_mutex_of_lower_rank, "lock order: rank [0-9]+ taken with rank [0-9]+ held") {
    MutexGuard a(pipe_mutex);
    MutexGuard b(inode);
}
KTEST_PANICS(LockOrder, a_spin_lock_of_lower_rank, "lock order: rank [0-9]+ taken with rank [0-9]+ held") {
    SpinGuard a(leaf);
    SpinGuard b(files);
}
KTEST_PANICS(LockOrder, an_equal_rank, "lock order: rank [0-9]+ taken with rank [0-9]+ held") {
    static SpinLock<Rank::FileTable> other;
    SpinGuard a(files);
    SpinGuard b(other);
}
KTEST_PANICS(LockOrder, the_same_lock_twice, "lock of rank [0-9]+ taken twice") {
    SpinGuard a(files);
    SpinGuard b(files);
}
KTEST_PANICS(LockOrder, a_mutex_under_a_spin_lock, "a mutex with spin lock of rank [0-9]+ held") {
    SpinGuard a(files);
    MutexGuard b(inode);
}
KTEST_PANICS(LockOrder, a_sleep_under_a_spin_lock, "schedule with spin lock of rank [0-9]+ held") {
    SpinGuard a(files);
    sleep_ms(1);
}
KTEST_PANICS(LockOrder, a_user_copy_under_a_spin_lock, "a copy from the program with spin lock of rank [0-9]+ held") {
    ProgramMemory m(1);
    SpinGuard a(files);
    (void)user_read<u64>(m.address());
}
KTEST_PANICS(LockOrder, a_mutex_in_deferred_work, "a mutex in deferred work") {
    static DeferredWork w;
    w.run = [](DeferredWork&) { MutexGuard g(inode); };
    raise_deferred(w);
    run_deferred();
}
KTEST_PANICS(LockOrder, a_release_of_what_is_not_held, "lock of rank [0-9]+ released but not held") { files.unlock_by_guard(); }
KTEST_PANICS(LockOrder, held_locks_are_in_the_block, "with two locks") {
    MutexGuard a(inode);
    SpinGuard b(files);
    print("expect holds 0x%lx", as_u64(&inode));
    print("expect holds 0x%lx", as_u64(&files));
    panic("with two locks");
}
KTEST_PANICS(References, a_reference_dropped_twice, "CHECK failed: .*") {
    struct Counted : RefCounted { void last_ref() override {} };
    static Counted c;
    Ref<Counted>::adopt(&c).reset();
    Ref<Counted>::adopt(&c).reset();
}

} // namespace linnet::ktest
