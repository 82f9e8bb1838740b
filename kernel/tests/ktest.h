// Tests that run inside the kernel, in a kernel image of their own (linnet-ktest.elf). A case runs in a thread of process 1 of
// that image, with an address space (program.h), so it may sleep, take locks and touch program memory like a system call.
//
//     KTEST(Timers, expire_in_order) { ... EXPECT_EQ(a, b); ... }
//     KTEST_EACH_CPU(Switch, keeps_registers) { ... }              runs once on every CPU
//     KTEST_PANICS(Panic, null_pointer, "page fault .* at 0x0") { ... }   a boot of its own that must end in this panic
#pragma once

#include "kernel/lib/types.h"
#include "linux-abi/errno.h"

namespace linnet::ktest {

struct Case {
    const char* suite;
    const char* name;
    void (*body)();
    const char* panic; // regular expression for run_ktest.py; null: the case returns
    bool each_cpu;
    Case* next = nullptr;
    Case(const char* suite, const char* name, void (*body)(), const char* panic, bool each_cpu);
};

/// Notes a failure of the running case, which goes on. Thread context.
void fail(const char* file, int line, const char* format, ...) __attribute__((format(printf, 3, 4)));
/// The case ends as skipped (return after it).
void skip(const char* reason);
/// One line of the serial log.
void print(const char* format, ...) __attribute__((format(printf, 1, 2)));

/// Deterministic: the same in every run with the same seed (option seed=N behind `--`, printed at the start).
u64 random();
inline u64 random_below(u64 n) { return random() % n; }

/// Sleeps for about this long. For making room for other threads, never for synchronisation.
void sleep_ms(u64 ms);

template <class T>
u64 as_u64(const T& v) {
    if constexpr (requires { reinterpret_cast<u64>(v); }) return reinterpret_cast<u64>(v);
    else return u64(v);
}

} // namespace linnet::ktest

#define KTEST_DEFINE(suite, name, panic, each)                                                          \
    static void ktest_##suite##_##name();                                                               \
    static ::linnet::ktest::Case ktest_case_##suite##_##name(#suite, #name, ktest_##suite##_##name, panic, each); \
    static void ktest_##suite##_##name()
#define KTEST(suite, name) KTEST_DEFINE(suite, name, nullptr, false)
#define KTEST_EACH_CPU(suite, name) KTEST_DEFINE(suite, name, nullptr, true)
#define KTEST_PANICS(suite, name, regex) KTEST_DEFINE(suite, name, regex, false)

#define EXPECT(cond)                                                                    \
    do {                                                                                \
        if (!(cond)) ::linnet::ktest::fail(__FILE__, __LINE__, "not true: %s", #cond);  \
    } while (0)
#define EXPECT_EQ(a, b)                                                                                       \
    do {                                                                                                      \
        ::linnet::u64 ktest_a = ::linnet::ktest::as_u64(a), ktest_b = ::linnet::ktest::as_u64(b);             \
        if (ktest_a != ktest_b)                                                                               \
            ::linnet::ktest::fail(__FILE__, __LINE__, "%s is 0x%lx, %s is 0x%lx", #a, ktest_a, #b, ktest_b);  \
    } while (0)
/// As EXPECT, and the case ends.
#define REQUIRE(cond)                                                                   \
    do {                                                                                \
        if (!(cond)) {                                                                  \
            ::linnet::ktest::fail(__FILE__, __LINE__, "not true: %s", #cond);           \
            return;                                                                     \
        }                                                                               \
    } while (0)
