// Futexes over many schedules, pending signals, the PID table's groups, execve's strings.
#include <gtest/gtest.h>

#include <vector>

#include "kernel/host/machine.h"
#include "kernel/host/user_memory.h"
#include "kernel/task/exec_args.h"
#include "kernel/task/futex.h"
#include "kernel/task/signal_internal.h"
#include "kernel/time/clock.h"
#include "linux-abi/resource.h"

namespace linnet {
namespace {

int schedules(int n) {
    const char* s = getenv("LINNET_SCHEDULES");
    return s ? atoi(s) : n;
}

/// A process without files or address space: its memory is the fake program's.
Ref<Process> make_process() {
    auto p = make_ref<Process>().value();
    p->handlers = make_ref<SignalHandlers>().value();
    for (auto& l : p->limits) l = {kLimitInfinity, kLimitInfinity};
    return p;
}

Ref<Task> make_task(Ref<Process> p, i32 tid) {
    auto t = make_ref<Task>().value();
    t->tid = tid;
    t->credentials = make_ref<Credentials>().value();
    t->fpu_state = kzalloc(576);
    SpinGuard g(process_lock);
    SpinGuard s(p->signal_lock);
    p->threads.push_back(t->link);
    p->thread_count.fetch_add(1);
    t->process = std::move(p);
    return t;
}

void leave(Task& t) {
    SpinGuard g(process_lock);
    SpinGuard s(t.process->signal_lock);
    t.link.node.unlink();
    t.process->thread_count.fetch_sub(1);
}

class TaskTest : public testing::Test {
  protected:
    void SetUp() override { host::boot(4); }
    /// A task of `p` on a CPU.
    void run_task(Ref<Process> p, u32 cpu, std::function<void()> body) {
        auto t = make_task(std::move(p), ++last_tid_);
        t->affinity = CpuMask(1) << cpu; // tests of one CPU go by its order
        host::start(t, cpu, [body = std::move(body)] {
            body();
            leave(current());
        });
    }
    i32 last_tid_ = 100;
    static constexpr u64 kWord = host::kUserBase + 64, kWord2 = host::kUserBase + 512;
    static std::atomic<u32>& word(u64 a) { return *static_cast<std::atomic<u32>*>(host::user_at(a)); }
};
using TaskDeath = TaskTest;

TEST_F(TaskTest, FutexMutexExcludes) {
    for (int s = 0; s < schedules(800); ++s) {
        host::seed(s, 1 + s % 3);
        word(kWord) = 0;
        auto p = make_process();
        int inside = 0, total = 0;
        for (u32 c = 0; c < 3; ++c)
            run_task(p, c, [&] {
                for (int i = 0; i < 3; ++i) {
                    // A lock of three states, as libcs have it.
                    u32 v = 0;
                    if (!word(kWord).compare_exchange_strong(v, 1)) {
                        while (word(kWord).exchange(2)) {
                            host_interleave();
                            auto r = futex_wait(kWord, 2, ~0u, true, kForever);
                            ASSERT_TRUE(r || r.error() == EAGAIN);
                        }
                    }
                    ASSERT_EQ(++inside, 1);
                    host_interleave();
                    ++total;
                    --inside;
                    if (word(kWord).exchange(0) == 2) {
                        host_interleave();
                        ASSERT_TRUE(futex_wake(kWord, 1, true));
                    }
                }
            });
        ASSERT_TRUE(host::run()) << "schedule " << s;
        ASSERT_EQ(total, 9);
    }
}

TEST_F(TaskTest, FutexErrorsBitsetsAndTimeouts) {
    host::seed(1);
    word(kWord) = 5;
    auto p = make_process();
    run_task(p, 0, [&] {
        EXPECT_EQ(futex_wait(kWord, 4, ~0u, true, kForever).error(), EAGAIN);
        EXPECT_EQ(futex_wait(kWord + 1, 5, ~0u, true, kForever).error(), EINVAL);
        EXPECT_EQ(futex_wait(kWord, 5, 0, true, kForever).error(), EINVAL);
        EXPECT_EQ(futex_wait(0, 5, ~0u, true, kForever).error(), EFAULT);
        EXPECT_EQ(futex_wait(~0ull - 3, 5, ~0u, true, kForever).error(), EFAULT);
        u64 before = monotonic_ns();
        EXPECT_EQ(futex_wait(kWord, 5, ~0u, true, before + kNsPerMs).error(), ETIMEDOUT);
        EXPECT_GE(monotonic_ns(), before + kNsPerMs);
        EXPECT_EQ(futex_wake(kWord, 10, true).value(), 0u);
        current().raise_work(kWorkSignal);
        EXPECT_EQ(futex_wait(kWord, 5, ~0u, true, kForever).error(), EINTR);
        current().work.store(0);
    });
    ASSERT_TRUE(host::run());
    std::vector<int> woken;
    for (int i = 0; i < 3; ++i)
        run_task(p, 0, [&, i] {
            EXPECT_TRUE(futex_wait(kWord, 5, 1u << i, true, kForever));
            woken.push_back(i);
        });
    run_task(p, 0, [&] {
        for (int i = 0; i < 6; ++i) yield();
        EXPECT_EQ(futex_wake(kWord, 10, true, 2).value(), 1u);
        for (int i = 0; i < 6; ++i) yield();
        EXPECT_EQ(woken, (std::vector<int>{1}));
        EXPECT_EQ(futex_wake(kWord, 10, true, 8).value(), 0u);
        EXPECT_EQ(futex_wake(kWord, 10, true).value(), 2u);
    });
    ASSERT_TRUE(host::run());
}

/// Waiters that are moved to another word while they time out or are woken: each ends once.
TEST_F(TaskTest, FutexRequeueAgainstTimeouts) {
    for (int s = 0; s < schedules(800); ++s) {
        host::seed(s, 1 + s % 3);
        word(kWord) = 1, word(kWord2) = 1;
        auto p = make_process();
        std::atomic<int> ended{0};
        for (u32 c = 0; c < 3; ++c)
            run_task(p, c, [&] {
                auto r = futex_wait(kWord, 1, ~0u, true, monotonic_ns() + 500 + host::random(2000));
                ASSERT_TRUE(r || r.error() == ETIMEDOUT);
                ++ended;
            });
        run_task(p, 3, [&] {
            u32 expected = 1;
            for (int i = 0; i < 3; ++i) {
                ASSERT_TRUE(futex_requeue(kWord, kWord2, 1, 2, &expected, true));
                host_interleave();
                ASSERT_TRUE(futex_wake(kWord2, 1, true));
            }
        });
        ASSERT_TRUE(host::run()) << "schedule " << s;
        ASSERT_EQ(ended.load(), 3);
    }
}

TEST_F(TaskTest, StandardSignalsCountOnceRealTimeOnesQueue) {
    auto p = make_process();
    run_task(p, 0, [&] {
        Task& t = current();
        set_blocked_signals(~SignalSet(0));
        abi::Siginfo info{};
        info.code = SI_QUEUE;
        for (int i = 0; i < 3; ++i) {
            info.signo = SIGUSR1;
            EXPECT_TRUE(send_signal(*p, SIGUSR1, &info));
            info.signo = abi::SIGRTMIN + 1;
            EXPECT_TRUE(send_signal_to_task(t, abi::SIGRTMIN + 1, &info));
        }
        EXPECT_EQ(pending_signals(), signal_bit(SIGUSR1) | signal_bit(abi::SIGRTMIN + 1));
        abi::Siginfo got;
        EXPECT_EQ(take_signal(signal_bit(SIGUSR2), got), 0);
        EXPECT_EQ(take_signal(signal_bit(SIGUSR1), got), SIGUSR1);
        EXPECT_EQ(take_signal(signal_bit(SIGUSR1), got), 0);
        for (int i = 0; i < 3; ++i) EXPECT_EQ(take_signal(~SignalSet(0), got), abi::SIGRTMIN + 1);
        EXPECT_EQ(pending_signals(), 0u);
    });
    ASSERT_TRUE(host::run());
}

TEST_F(TaskTest, LowestNumberFirstAndStopAgainstContinue) {
    auto p = make_process();
    run_task(p, 0, [&] {
        set_blocked_signals(~SignalSet(0));
        for (int sig : {SIGTERM, SIGUSR2, SIGHUP, abi::SIGRTMIN}) send_kernel_signal(*p, sig);
        abi::Siginfo got;
        for (int sig : {SIGHUP, SIGUSR2, SIGTERM, abi::SIGRTMIN}) EXPECT_EQ(take_signal(~SignalSet(0), got), sig);
        send_kernel_signal(*p, SIGTSTP);
        EXPECT_EQ(pending_signals(), signal_bit(SIGTSTP));
        send_kernel_signal(*p, SIGCONT); // takes a stop with it
        EXPECT_EQ(pending_signals() & kStopSignals, 0u);
        send_kernel_signal(*p, SIGTSTP); // and the other way round
        EXPECT_EQ(pending_signals() & signal_bit(SIGCONT), 0u);
        (void)take_signal(~SignalSet(0), got);
    });
    ASSERT_TRUE(host::run());
}

TEST_F(TaskTest, ResetForExec) {
    auto h = make_ref<SignalHandlers>().value();
    {
        SpinGuard g(h->lock);
        h->actions[SIGUSR1 - 1].handler = 0x1000;
        h->actions[SIGUSR2 - 1].handler = 1; // SIG_IGN
    }
    auto copy = h->copy().value();
    h->reset(false);
    EXPECT_EQ(h->get(SIGUSR1).handler, 0u);
    EXPECT_EQ(h->get(SIGUSR2).handler, 1u);
    EXPECT_EQ(copy->get(SIGUSR1).handler, 0x1000u);
    copy->reset(true);
    EXPECT_EQ(copy->get(SIGUSR2).handler, 0u);
}

// ---- execve's strings --------------------------------------------------------------------------------------------

TEST_F(TaskTest, ExecStringsOfTheKernelAndScripts) {
    const char* args[] = {"script", "x", ""};
    const char* env[] = {"A=1"};
    auto s = ExecStrings::collect({0, args, 3}, {0, env, 1}, 8 * MiB).value();
    EXPECT_EQ(s.argc, 3u);
    EXPECT_EQ(s.envc, 1u);
    EXPECT_EQ(std::string(s.bytes.data(), s.bytes.size()), std::string("script\0x\0\0A=1\0", 14));
    ASSERT_TRUE(s.put_script("/bin/sh", "-e", "/tmp/script"));
    EXPECT_EQ(s.argc, 5u);
    EXPECT_EQ(std::string(s.bytes.data(), s.bytes.size()), std::string("/bin/sh\0-e\0/tmp/script\0x\0\0A=1\0", 30));
    auto none = ExecStrings::collect({0, args, 0}, {}, 8 * MiB).value();
    EXPECT_EQ(none.argc, 1u); // an empty argv becomes one empty string
    host::heap_allocations_left = 0;
    EXPECT_EQ(ExecStrings::collect({0, args, 3}, {0, env, 1}, 8 * MiB).error(), ENOMEM);
    host::heap_allocations_left = -1;
}

TEST_F(TaskTest, ExecStringsOfAProgram) {
    auto p = make_process();
    run_task(p, 0, [&] {
        u64 array = host::kUserBase + 8, text = host::kUserBase + 3 * kPageSize - 4; // the string ends with its page
        auto* pointers = static_cast<u64*>(host::user_at(array));
        memcpy(host::user_at(text), "abc", 4);
        host::set_user_page(3, false);
        pointers[0] = text, pointers[1] = 0;
        auto s = ExecStrings::collect({array, nullptr, 0}, {}, 8 * MiB);
        ASSERT_TRUE(s);
        EXPECT_STREQ(s->bytes.data(), "abc");
        memcpy(host::user_at(text), "abcd", 4); // runs into the page that is not there
        EXPECT_EQ(ExecStrings::collect({array, nullptr, 0}, {}, 8 * MiB).error(), EFAULT);
        pointers[0] = ~0ull;
        EXPECT_EQ(ExecStrings::collect({array, nullptr, 0}, {}, 8 * MiB).error(), EFAULT);
        EXPECT_EQ(ExecStrings::collect({1, nullptr, 0}, {}, 8 * MiB).error(), EFAULT);
        host::set_user_page(3, true);
        // Longer than MAX_ARG_STRLEN (32 pages), whatever the stack's limit.
        memset(host::user_at(host::kUserBase + 8 * kPageSize), 'x', 50 * kPageSize);
        *static_cast<char*>(host::user_at(host::kUserBase + 58 * kPageSize)) = 0;
        pointers[0] = host::kUserBase + 8 * kPageSize;
        EXPECT_EQ(ExecStrings::collect({array, nullptr, 0}, {}, 4 * 40 * kPageSize).error(), E2BIG);
        EXPECT_EQ(ExecStrings::collect({array, nullptr, 0}, {}, 8 * MiB).error(), E2BIG);
    });
    ASSERT_TRUE(host::run());
}

} // namespace
} // namespace linnet
