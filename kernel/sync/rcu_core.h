// Grace periods, as pure bookkeeping: which CPU has passed a quiescent state since when, and whose callbacks may run. Knows
// nothing of threads, timers or interrupts (rcu.cc does), so that the host's tests can drive it through any schedule.
//
// A grace period has a number. It begins when `started_` becomes that number, and is over when every CPU that is not at
// rest has said, since then, that it holds no reader (`seen`). Callbacks that a CPU queued before the beginning of a grace period
// may run once it is over. Nothing happens while nobody has callbacks.
//
// Memory order. Whoever finds `started_` == n has everything that was taken out of sight before n began (the request
// and the start are release, the look acquire), and its report comes after all that its readers did (release). A CPU that comes back from
// rest does so by a full barrier: either the one that ends the grace period sees it awake, or it sees the grace period.
#pragma once

#include <atomic>

#include "kernel/lib/types.h"

namespace linnet {

/// The link of something that waits for a grace period: the first word of dead memory, or the base of a callback.
struct RcuLink {
    RcuLink* next = nullptr;
};
/// What is embedded in an object that is to be disposed of later by a function.
struct RcuHead : RcuLink {
    void (*run)(RcuHead&) = nullptr;
};

/// Links in the order they came.
struct RcuChain {
    RcuLink* first = nullptr;
    RcuLink** end = &first;

    RcuChain() = default;
    RcuChain(const RcuChain&) = delete;
    RcuChain& operator=(const RcuChain&) = delete;
    bool empty() const { return !first; }
    void add(RcuLink& h) {
        h.next = nullptr;
        *end = &h;
        end = &h.next;
    }
    void take_all(RcuChain& from) {
        if (from.empty()) return;
        *end = from.first;
        end = from.end;
        from.first = nullptr;
        from.end = &from.first;
    }
    /// The first one, taken out; null.
    RcuLink* pop() {
        RcuLink* h = first;
        if (!h) return nullptr;
        first = h->next;
        if (!first) end = &first;
        return h;
    }
};

/// Callbacks, and memory that only has to be freed, that wait for the same grace period.
struct RcuBatch {
    RcuChain calls, memory;
    bool empty() const { return calls.empty() && memory.empty(); }
    void take_all(RcuBatch& from) {
        calls.take_all(from.calls);
        memory.take_all(from.memory);
    }
};

template <u32 MaxCpus>
class RcuCore {
  public:
    /// A CPU that is awake from now on: before its first reader.
    void enter(u32 cpu) {
        Cpu& c = cpus_[cpu];
        c.awake.exchange(true, std::memory_order_seq_cst);
        c.seen.store(started_.load(std::memory_order_seq_cst), std::memory_order_release);
    }
    /// The CPU rests: no reader until enter(). Callbacks may stay queued on it.
    void leave(u32 cpu) { cpus_[cpu].awake.store(false, std::memory_order_release); }

    /// The CPU holds no reader at this moment. True if a grace period was waiting to hear that.
    bool quiescent(u32 cpu) {
        Cpu& c = cpus_[cpu];
        u64 now = started_.load(std::memory_order_acquire);
        if (c.seen.load(std::memory_order_relaxed) == now) [[likely]] return false;
        c.seen.store(now, std::memory_order_release);
        return true;
    }
    /// A grace period waits for this CPU.
    bool awaited(u32 cpu) const {
        const Cpu& c = cpus_[cpu];
        u64 now = started_.load(std::memory_order_seq_cst);
        return done_.load(std::memory_order_acquire) != now && c.seen.load(std::memory_order_acquire) != now &&
               c.awake.load(std::memory_order_seq_cst);
    }

    /// By the CPU itself: what it will ask the next grace period for; add to it freely.
    RcuBatch& queue(u32 cpu) { return cpus_[cpu].next; }
    /// By the CPU itself: callbacks are queued.
    bool pending(u32 cpu) const { return !cpus_[cpu].next.empty() || !cpus_[cpu].waiting.empty(); }

    /// By the CPU itself in a quiescent state: carries grace periods on as far as they go, and moves callbacks whose time
    /// has come to `ready`.
    void process(u32 cpu, u32 cpu_count, RcuBatch& ready) {
        Cpu& c = cpus_[cpu];
        do {
            (void)quiescent(cpu);
            if (!c.waiting.empty() && done_.load(std::memory_order_acquire) >= c.target) ready.take_all(c.waiting);
            if (c.waiting.empty() && !c.next.empty()) {
                c.waiting.take_all(c.next);
                // A grace period that is under way began before these were queued, perhaps: the next one counts.
                c.target = started_.load(std::memory_order_seq_cst) + 1;
                u64 wanted = wanted_.load(std::memory_order_relaxed);
                while (wanted < c.target && !wanted_.compare_exchange_weak(wanted, c.target, std::memory_order_seq_cst)) {}
            }
        } while (advance(cpu_count));
    }

    u64 grace_periods() const { return done_.load(std::memory_order_relaxed); }

  private:
    struct alignas(64) Cpu {
        std::atomic<u64> seen{0};
        std::atomic<bool> awake{false};
        // The CPU's own:
        u64 target = 0; // the grace period that `waiting` waits for
        RcuBatch next, waiting;
    };

    /// Ends the grace period if it can be ended, and begins the next one if it is wanted. True if either was done.
    bool advance(u32 cpu_count) {
        if (advancing_.exchange(true, std::memory_order_acquire)) return false; // another CPU is at it
        bool moved = false;
        u64 now = started_.load(std::memory_order_relaxed);
        if (done_.load(std::memory_order_relaxed) != now && all_passed(now, cpu_count)) {
            done_.store(now, std::memory_order_release);
            moved = true;
        }
        if (done_.load(std::memory_order_relaxed) == now && wanted_.load(std::memory_order_seq_cst) > now) {
            started_.store(now + 1, std::memory_order_seq_cst);
            moved = true;
        }
        advancing_.store(false, std::memory_order_release);
        return moved;
    }
    bool all_passed(u64 now, u32 cpu_count) const {
        for (u32 i = 0; i < cpu_count; ++i) {
            const Cpu& c = cpus_[i];
            if (c.awake.load(std::memory_order_seq_cst) && c.seen.load(std::memory_order_acquire) != now) return false;
        }
        return true;
    }

    alignas(64) std::atomic<u64> started_{0};
    alignas(64) std::atomic<u64> done_{0};
    std::atomic<u64> wanted_{0};
    std::atomic<bool> advancing_{false};
    Cpu cpus_[MaxCpus];
};

} // namespace linnet
