// Switching between threads: registers, extended state, segment bases; preemption.
#include "kernel/arch/x86_64/cpu.h"
#include "kernel/arch/x86_64/fpu.h"
#include "kernel/sched/scheduler.h"
#include "kernel/task/futex.h"
#include "kernel/tests/ktest.h"
#include "kernel/tests/program.h"
#include "kernel/time/clock.h"

extern "C" {
linnet::u64 ktest_callee_saved(linnet::u64 seed, linnet::u64 rounds);
extern const char ktest_extended_state[], ktest_spin[], ktest_count_to[];
void ktest_switch_away() { linnet::yield(); }
}

namespace linnet::ktest {

namespace {

/// Kernel threads of a case; the case ends when all have.
struct Team {
    std::atomic<u32> left{0};
    std::atomic<u64> errors{0};
    void wait() {
        while (left.load(std::memory_order_acquire)) yield();
    }
};
Team team;

} // namespace

KTEST_EACH_CPU(Switch, callee_saved_registers_survive) {
    team.errors = 0;
    team.left = 4;
    for (u64 i = 0; i < 4; ++i) {
        auto t = start_kernel_thread(
            "registers",
            [](void* seed) {
                team.errors += ktest_callee_saved(reinterpret_cast<u64>(seed), 2000);
                --team.left;
            },
            reinterpret_cast<void*>(0x1000000000000000 * (i + 1)));
        if (!t) --team.left;
        EXPECT(t.ok());
    }
    EXPECT_EQ(ktest_callee_saved(0x7700000000000000, 2000), 0);
    team.wait();
    EXPECT_EQ(team.errors.load(), 0);
}

namespace {

/// Threads with extended state of their own, that yield (rounds of 0) or are preempted in a loop of that length.
void run_extended_state(u64 loops, u64 spin) {
    constexpr u64 kThreads = 3;
    bool avx = fpu_features() & 4;
    ProgramMemory m(kThreads);
    auto word = [&](u64 thread, u64 index) { return thread * 512 + index; };
    for (u64 i = 0; i < kThreads; ++i) {
        m.set_word(word(i, 0), loops);
        m.set_word(word(i, 2), avx);
        m.set_word(word(i, 3), 0x100000 * (i + 1));
        m.set_word(word(i, 4), cpu_features.fsgsbase);
        m.set_word(word(i, 5), 0x1f80 | i << 13);                       // a rounding mode each
        m.set_word(word(i, 6), 0x3ff0000000000000 + i * 0x0010000000000000); // 1.0, 2.0, 4.0
        for (u64 w = 8; w < 72; ++w) m.set_word(word(i, w), random());
    }
    {
        ProgramThread a(ktest_extended_state, m.address(), spin);
        ProgramThread b(ktest_extended_state, m.address() + kPageSize, spin);
        ProgramThread c(ktest_extended_state, m.address() + 2 * kPageSize, spin);
    }
    for (u64 i = 0; i < kThreads; ++i) EXPECT_EQ(m.word(word(i, 1)), 0);
}

} // namespace

KTEST_EACH_CPU(Switch, extended_state_and_segment_bases_survive_yields) { run_extended_state(500, 0); }
KTEST_EACH_CPU(Switch, extended_state_and_segment_bases_survive_preemption) { run_extended_state(30, 200'000); }

KTEST(Switch, a_kernel_thread_in_between_leaves_extended_state_alone) {
    team.left = 1;
    static std::atomic<bool> stop;
    stop = false;
    auto t = start_kernel_thread(
        "between",
        [](void*) {
            while (!stop) yield();
            --team.left;
        },
        nullptr);
    REQUIRE(t.ok());
    run_extended_state(200, 0);
    stop = true;
    team.wait();
}

KTEST_EACH_CPU(Switch, threads_start_and_end_without_losing_stacks) {
    static std::atomic<u32> ended;
    ended = 0;
    u32 started = 0;
    for (int i = 0; i < 500; ++i) {
        auto t = start_kernel_thread("brief", [](void*) { ++ended; }, nullptr);
        if (t) ++started;
        if (i % 8 == 0) yield();
    }
    EXPECT_EQ(started, 500);
    while (ended != started) yield();
}

KTEST(Switch, counts_of_switches_grow) {
    u64 before = context_switches();
    team.left = 1;
    REQUIRE(start_kernel_thread("count", [](void*) { --team.left; }, nullptr));
    team.wait();
    EXPECT(context_switches() > before);
}

// ---- preemption ------------------------------------------------------------------------------------------------------

KTEST_EACH_CPU(Preemption, spinning_programs_share_the_cpu) {
    ProgramMemory m(1);
    u64 a = m.address(), b = m.address() + 16;
    ProgramThread first(ktest_spin, a), second(ktest_spin, b);
    // Each must get on after the other did, over and over: neither ever gives the CPU up.
    for (int round = 0; round < 5; ++round) {
        u64 was[2] = {m.word(0), m.word(2)};
        while (m.word(0) == was[0] || m.word(2) == was[1]) sleep_ms(1);
    }
    m.set_word(1, 1);
    m.set_word(3, 1);
}

KTEST_EACH_CPU(Preemption, a_woken_thread_preempts_a_spinning_program) {
    ProgramMemory m(1);
    ProgramThread spinner(ktest_spin, m.address());
    for (int i = 0; i < 10; ++i) sleep_ms(1); // returns although nobody yields
    m.set_word(1, 1);
}

// A spinning thread could keep the CPU from one that had run ahead: the slice timer was not armed when the same thread went on. The
// one that has run ahead ends the case, and the test waits for that without a timer, which would have armed another slice.
KTEST_EACH_CPU(Preemption, a_spinning_thread_gives_way_to_one_that_had_run_ahead) {
    ProgramMemory m(1);
    m.set_word(1, ~0ull);
    ProgramThread ahead(ktest_count_to, m.address());
    {
        Ref<Task> t = find_task(ahead.tid());
        REQUIRE(t);
        (void)set_scheduling(*t, SchedPolicy::Normal, 19, 0); // a slice of it is 68 of the other's
    }
    while (m.word(0) == 0) sleep_ms(1);
    sleep_ms(10);
    ProgramThread spinner(ktest_spin, m.address() + 64);
    while (m.word(8) == 0) sleep_ms(1);
    m.set_word(1, m.word(0) + 1000);
    ahead.join();
    m.set_word(9, 1);
}

} // namespace linnet::ktest
