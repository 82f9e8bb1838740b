// The lock of an address space: a mutex for whoever changes mappings and tables, and a spin lock for each of a few groups of 2 MiB
// regions, which is all that a fault takes. While a fault holds its region's lock and no writer is at work, mappings and tables
// stay as they are: a writer announces itself first, and then waits until every region's lock was free once.
#pragma once

#include "kernel/arch/x86_64/page_table.h"
#include "kernel/sched/cross_call.h"
#include "kernel/sync/mutex.h"

namespace linnet {

class CAPABILITY("mutex") SpaceLock : NoCopy {
  public:
    // By MutexGuard: alone. Thread context.
    void lock_by_guard() ACQUIRE() NO_THREAD_SAFETY {
        poll_cross_calls();
        mutex_.lock_by_guard();
        // A full barrier between this and the looks below; the reader's is the exchange that takes its region's lock.
        version_.fetch_add(1, std::memory_order_seq_cst);
        for (Region& r : regions_)
            while (r.lock.is_held()) [[unlikely]] {
                __builtin_ia32_pause();
                host_interleave();
            }
    }
    void unlock_by_guard() RELEASE() NO_THREAD_SAFETY {
        version_.store(version_.load(std::memory_order_relaxed) + 1, std::memory_order_release);
        mutex_.unlock_by_guard();
    }

    SpinLock<Rank::PageTable>& region(u64 addr) { return regions_[addr / kHugePageSize * 0x9e3779b97f4a7c15ull >> 61].lock; }

    /// Even: nobody changes anything, as long as the caller holds a region's lock. Odd: a writer is at work, perhaps the caller.
    u32 version() const { return version_.load(std::memory_order_seq_cst); }
    static bool stable(u32 version) { return !(version & 1); }

  private:
    struct Region {
        SpinLock<Rank::PageTable> lock;
        char pad[60]; // one cache line each
    };
    Mutex<Rank::AddressSpace> mutex_;
    std::atomic<u32> version_{0};
    Region regions_[8]; // as many as region() has results
};

} // namespace linnet
